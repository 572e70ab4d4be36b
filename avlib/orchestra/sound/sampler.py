"""The sampler: plays notes from the bank, in a player's voice."""

import math
import zlib
from collections.abc import Sequence
from functools import cache

import numpy as np
from jaxtyping import Float, Float32
from numpy.random import Generator, default_rng
from scipy import fft

from avlib.orchestra.instruments import instrument as find
from avlib.orchestra.score import Note
from avlib.orchestra.sound.bank import BankNote, bank_notes, oversampling
from avlib.orchestra.sound.voicing import Voice, generator, put_on, responses, voice

NOMINAL_DB = -20.0  # RMS of a player of level 0 dB while sounding, against full scale
PEAK = 0.98  # no clip passes it
_NOISE_SAMPLES = 1 << 17


def play(
    notes: Sequence[Note],
    instrument: str,
    player: int,
    seconds: float,
    rate: int = 11025,
    rng: Generator | None = None,
    transpose: int = 0,
) -> Float32[np.ndarray, " sample"]:
    """Play notes on an instrument in a player's voice.

    A player without notes is silent: exact zeros. One who plays is heard with a little noise
    (60 dB below) in the rests too.

    Args:
        notes: what to play; seconds count from the start of the clip.
        instrument: a name of `INSTRUMENTS`.
        player: number of the player, from 0; decides the voice.
        seconds: length of the clip.
        rate: sampling rate in Hz.
        rng: decides which stretch of noise is heard and how evenly the notes come; without it
            these follow from instrument and player, and every clip has the same.
        transpose: semitones by which all comes out higher than `notes` say: a smaller instrument of
            the same make (below 0: a larger one), whose formants move with its pitches.

    Returns:
        round(seconds * rate) samples; about -20 dBFS RMS while sounding, peak below 1.

    Raises:
        ValueError: unknown instrument, negative player, rate or length not positive, a note that
            starts before the clip or lies more than two semitones outside the instrument's range.

    Example:
        >>> wave = play([Note(0.5, 1.0, 69.0, 0.8)], "violin", 7, seconds=2.0)
        >>> wave.shape, bool(np.abs(wave[:5000]).max() < 0.001 < np.abs(wave[6000:]).max())
        ((22050,), True)
    """
    if not (seconds > 0 and rate > 0):
        raise ValueError(f"a clip needs positive length and rate, not {seconds} s at {rate} Hz")
    own = voice(instrument, player)
    length = round(seconds * rate)
    if not notes:
        return np.zeros(length, np.float32)
    rng = rng or generator("play", instrument, player)
    buses = _dry(notes, instrument, own, length, rate, rng, transpose)
    wave = put_on(buses, responses(instrument, player, rate))
    nominal = 10 ** (NOMINAL_DB / 20)
    at = int(rng.integers(_NOISE_SAMPLES // 4))
    noise = np.resize(_noise()[at : at + length], length)  # a long clip hears it again
    wave *= np.float32(nominal * 10 ** (own.level_db / 20))
    wave += np.float32(nominal * 10 ** (own.noise_db / 20)) * noise
    peak = float(np.abs(wave).max())
    if peak > PEAK:
        wave *= np.float32(PEAK / peak)
    return wave


def _dry(
    notes: Sequence[Note],
    instrument: str,
    own: Voice,
    length: int,
    rate: int,
    rng: Generator,
    transpose: int,
) -> Float32[np.ndarray, "2 sample"]:
    """The clip before voice and room: what is played loud, and what is played soft."""
    stored = bank_notes(instrument, rate, max(0, transpose))
    pitched = instrument not in ("drum", "congas")
    attack = _fade_in(round(own.attack_s * rate))
    release = _fade_out(round(own.release_s * rate))
    buses = np.zeros((2, length), np.float32)
    steadiness = rng.uniform(0.9, 1.1, len(notes))
    longest = max(round(note.duration_s * rate) for note in notes) + len(release)
    time = _bent_time(min(longest, length), own, rate) * oversampling(rate)
    tables: dict[float, _Positions] = {}
    for note, steady in zip(notes, steadiness, strict=True):
        _check(note, instrument)
        start = round(note.onset_s * rate)
        held = round(note.duration_s * rate)
        count = min(held + len(release), length - start)
        if count <= 0:
            continue
        nearest = min(stored, key=lambda s: abs(s.pitch - note.pitch))
        shift = transpose + (note.pitch - nearest.pitch if pitched else 0.0)
        if shift not in tables:
            tables[shift] = _Positions(time * 2 ** ((shift + own.tuning_cents / 100) / 12))
        sound = tables[shift].read(nearest, count)
        count = len(sound)  # less, if the note has died away before
        quick = min(len(attack), count)
        sound[:quick] *= attack[:quick]
        if count > held:
            sound[held:] *= release[: count - held]
        velocity = note.velocity
        gain = velocity**1.2 * float(steady)
        buses[0, start : start + count] += np.float32(gain * velocity) * sound
        buses[1, start : start + count] += np.float32(gain * (1 - velocity)) * sound
    return buses


def _check(note: Note, instrument: str) -> None:
    """Refuse what cannot be played."""
    player = find(instrument)
    if not player.low - 2 <= note.pitch <= player.high + 2:
        range_ = f"{player.low} to {player.high}"
        raise ValueError(f"{instrument} plays MIDI {range_}, not {note.pitch}")
    if note.onset_s < 0:
        raise ValueError(f"a note starts {-note.onset_s} s before the clip")


def _bent_time(count: int, own: Voice, rate: int) -> Float[np.ndarray, " sample"]:
    """Samples since a note's onset, as a player with vibrato runs through them.

    The pitch swings by c cents: d(bent)/dt = 1 + c ln 2 / 1200 sin(2 pi hz t), once the vibrato
    has set in (0.4 s).
    """
    time = np.arange(count, dtype=np.float64)
    if own.vibrato_cents > 0:
        turn = np.float32(2 * np.pi * own.vibrato_hz / rate)
        width = np.float32(own.vibrato_cents * math.log(2) / 1200) / turn
        swing = np.cos(turn * np.arange(count, dtype=np.float32))
        swing *= width * np.minimum(np.arange(count, dtype=np.float32) / np.float32(0.4 * rate), 1)
        time -= swing
    return time


class _Positions:
    """Where in a stored note each output sample is read: one table for all notes of one shift."""

    def __init__(self, place: Float[np.ndarray, " sample"]) -> None:
        self.place = place
        self.whole = place.astype(np.intp)
        self.part = (place - self.whole).astype(np.float32)

    def read(self, note: BankNote, count: int) -> Float32[np.ndarray, " played"]:
        """The first `count` samples of a note, fewer if it dies away before."""
        end = note.loop[1] if note.loop else len(note.wave) - 2
        straight = count
        if self.place[count - 1] >= end:
            straight = int(np.searchsorted(self.place[:count], end))
        out = _lerp(note.wave, self.whole[:straight], self.part[:straight])
        if straight == count or note.loop is None:
            return out
        start, end = note.loop
        place = start + (self.place[straight:count] - start) % (end - start)
        whole = place.astype(np.intp)
        rest = _lerp(note.wave, whole, (place - whole).astype(np.float32))
        return np.concatenate([out, rest])


def _lerp(
    wave: Float32[np.ndarray, " stored"],
    whole: np.ndarray,
    part: Float32[np.ndarray, " sample"],
) -> Float32[np.ndarray, " sample"]:
    """Values on the straight lines that join the samples."""
    left = wave.take(whole)
    right = wave[1:].take(whole)
    right -= left
    right *= part
    right += left
    return right


@cache
def _fade_in(count: int) -> Float32[np.ndarray, " sample"]:
    return (0.5 - 0.5 * np.cos(np.pi * np.arange(count) / max(count, 1))).astype(np.float32)


@cache
def _fade_out(count: int) -> Float32[np.ndarray, " sample"]:
    """From 1 to 0: exponential (40 dB), brought to zero at its end."""
    time = np.arange(count) / max(count, 1)
    return (10 ** (-2 * time) * (0.5 + 0.5 * np.cos(np.pi * time)) ** 0.5).astype(np.float32)


@cache
def _noise() -> Float32[np.ndarray, " sample"]:
    """A store of noise, a little stronger in the bass; RMS 1."""
    white = default_rng(zlib.crc32(b"noise")).standard_normal(_NOISE_SAMPLES)
    spectrum = fft.rfft(white)
    spectrum /= (np.arange(len(spectrum)) + 100.0) ** 0.3
    noise = fft.irfft(spectrum, _NOISE_SAMPLES)
    return (noise / noise.std()).astype(np.float32)
