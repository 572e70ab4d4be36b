"""The note bank: reads it, brings it to a rate, says what it was made from."""

import itertools
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import soundfile
from jaxtyping import Float32
from scipy import fft

from avlib.orchestra.instruments import INSTRUMENTS

_INTERNAL_HZ = 32000  # stored notes are held at least this finely, so that lines join them well


@dataclass(frozen=True)
class BankNote:
    """A stored note, ready to play.

    Attributes:
        pitch: MIDI number.
        wave: samples, level included, with a zero at the end.
        loop: start and end in samples (of `wave`, not whole numbers), or None.
    """

    pitch: int
    wave: Float32[np.ndarray, " sample"]
    loop: tuple[float, float] | None


@cache
def bank_index() -> dict:
    """The bank's index: per instrument its file, program, sources, level and notes."""
    return json.loads((_bank_folder() / "index.json").read_text())


@cache
def bank_notes(instrument: str, rate: int, higher: int = 0) -> tuple[BankNote, ...]:
    """Read an instrument's notes and bring them to a rate; kept in memory from then on.

    Args:
        instrument: a name of `INSTRUMENTS`.
        rate: sampling rate in Hz at which they will be played; they are held at the smallest
            multiple of it that is at least 32 kHz, without what would fold back at `rate`.
        higher: how many semitones above their pitch they may be played, beside the two that
            melodies need.

    Returns:
        The notes, from low to high.
    """
    entry = bank_index()[instrument]
    whole, bank_rate = soundfile.read(_bank_folder() / entry["file"], dtype="float32")
    factor = oversampling(rate)
    common = math.gcd(bank_rate, rate * factor)
    up, down = rate * factor // common, bank_rate // common
    # Two semitones up, the sharpest tuning and what is asked for must stay below half the rate.
    limit = min(1.0, 0.98 * rate / 2 ** ((2.2 + higher) / 12) / bank_rate)
    notes = []
    for note in entry["notes"]:
        piece = whole[note["start"] : note["start"] + note["length"]] * note["gain"]
        wave = _resample(piece * entry["level"], up, down, limit)
        loop = note["loop"] and (note["loop"][0] * up / down, note["loop"][1] * up / down)
        notes.append(BankNote(note["pitch"], wave, loop))
    return tuple(notes)


def oversampling(rate: int) -> int:
    """By which factor stored notes are held finer than `rate`."""
    return max(1, -(-_INTERNAL_HZ // rate))


def _bank_folder() -> Path:
    return Path(str(files("avlib.orchestra") / "bank"))


def shared_samples(
    train: Iterable[str] = INSTRUMENTS, test: Iterable[str] = INSTRUMENTS
) -> list[tuple[str, str, tuple[str, ...]]]:
    """Which samples of the SoundFont instruments of two groups share.

    Where a category split trains on one of such a pair and tests on the other, a model has heard
    in part what it is tested on.

    Args:
        train: instruments of one group; all of them if not given.
        test: instruments of the other.

    Returns:
        (instrument, other instrument, names of the samples) for every pair that shares any, each
        pair once.

    Example:
        >>> [(one, other) for one, other, _ in shared_samples()]
        [('erhu', 'violin')]
        >>> shared_samples(train=["violin", "flute"], test=["cello", "oboe"])
        []
    """
    index = bank_index()
    pairs: dict[frozenset[str], tuple[str, str, tuple[str, ...]]] = {}
    for one, other in itertools.product(train, test):
        both = set(index[one]["source"]) & set(index[other]["source"])
        if one != other and both:
            pairs.setdefault(frozenset((one, other)), (one, other, tuple(sorted(both))))
    return list(pairs.values())


def _resample(
    wave: Float32[np.ndarray, " sample"], up: int, down: int, limit: float
) -> Float32[np.ndarray, " resampled"]:
    """Resample by up/down over the spectrum, keeping what is below `limit` of half the old rate."""
    length = len(wave)
    padded = fft.next_fast_len(-(-length // down) + 64 // down + 1) * down
    spectrum = fft.rfft(wave, padded)
    frequency = np.arange(len(spectrum)) / (len(spectrum) - 1) / limit
    spectrum *= np.interp(frequency, (0.88, 1.0), (1.0, 0.0)).astype(np.float32)
    size = padded // down * up
    out = fft.irfft(spectrum, size) * np.float32(up / down)
    return np.append(out[: length * up // down], np.float32(0)).astype(np.float32)
