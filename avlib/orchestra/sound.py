"""Sound of the Pocket Orchestra: a sampler that plays a score, in a player's own voice.

The bank (`bank/`, made by `tools/build_note_bank.py`) holds notes of each instrument every four
semitones. `play` takes the nearest one, brings it to pitch by resampling within two semitones,
loops it if it is sustained, lets it go at the note's end, and then puts the whole clip into the
voice of one player: tuning, brightness, resonances, vibrato, room, level and noise, all pure
functions of (instrument, player number). So no two players sound alike, and a player sounds alike
in every clip.
"""

import itertools
import json
import math
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import soundfile
from jaxtyping import Complex, Float, Float32
from numpy.random import Generator, default_rng
from scipy import fft
from scipy.signal import sosfilt

from avlib.orchestra.instruments import INSTRUMENTS
from avlib.orchestra.instruments import instrument as find
from avlib.orchestra.score import Note

NOMINAL_DB = -20.0  # RMS of a player of level 0 dB while sounding, against full scale
PEAK = 0.98  # no clip passes it
NOISE_DB = (-66.0, -56.0)  # a player's noise against its nominal RMS
_NOISE_SAMPLES = 1 << 17
_BLOCK_S = 0.7  # FFT block of the voice's filter, rounded up to a power of two
_ROOM_S = (0.06, 0.24)  # how long a room rings
_INTERNAL_HZ = 32000  # stored notes are held at least this finely, so that lines join them well
# Seconds in which a note fades once let go; what is struck rings on by itself.
_RELEASE_S = {
    "bowed": (0.05, 0.11),
    "blown": (0.04, 0.09),
    "keyed": (0.05, 0.12),
    "plucked": (0.05, 0.14),
    "strummed": (0.05, 0.12),
    "struck": (0.8, 1.2),
}


@dataclass(frozen=True)
class Voice:
    """What makes one player's sound their own.

    Attributes:
        tuning_cents: how sharp the instrument is tuned.
        level_db: how loud, against the nominal level.
        shelf_hz: above this, brightness applies.
        shelf_db: brightness.
        peaks: two resonances as (frequency Hz, gain dB).
        soft_db: by how much the treble of the softest notes is weaker.
        attack_s: how long a note takes to speak.
        release_s: how long it takes to fade once let go.
        vibrato_hz: how fast the vibrato is (sustained instruments).
        vibrato_cents: how wide.
        room_s: how long the room rings.
        room_db: energy of the room's answer against the direct sound.
        noise_db: level of the background noise against the nominal level.
    """

    tuning_cents: float
    level_db: float
    shelf_hz: float
    shelf_db: float
    peaks: tuple[tuple[float, float], ...]
    soft_db: float
    attack_s: float
    release_s: float
    vibrato_hz: float
    vibrato_cents: float
    room_s: float
    room_db: float
    noise_db: float


@lru_cache(maxsize=4096)
def voice(instrument: str, player: int) -> Voice:
    """The voice of a player: a pure function of instrument and number.

    Args:
        instrument: a name of `INSTRUMENTS`.
        player: number of the player, from 0.

    Returns:
        The player's `Voice`.

    Raises:
        ValueError: unknown instrument, or a negative number.

    Example:
        >>> voice("violin", 7) == voice("violin", 7), voice("violin", 7) == voice("violin", 8)
        (True, False)
    """
    technique = find(instrument).technique
    draw = _generator("voice", instrument, player).uniform
    vibrato = {"bowed": (8.0, 22.0), "blown": (2.0, 14.0)}.get(technique, (0.0, 0.0))
    return Voice(
        tuning_cents=draw(-15, 15),
        level_db=draw(-3, 3),
        shelf_hz=draw(900, 2400),
        shelf_db=draw(-7, 5),
        peaks=((draw(180, 900), draw(-4, 4)), (draw(1000, 3800), draw(-5, 5))),
        soft_db=draw(-14, -8),
        attack_s=draw(*((0.004, 0.05) if technique in ("bowed", "blown") else (0.0005, 0.003))),
        release_s=draw(*_RELEASE_S[technique]),
        vibrato_hz=draw(4.5, 6.5),
        vibrato_cents=draw(*vibrato),
        room_s=draw(*_ROOM_S),
        room_db=draw(-26, -11),
        noise_db=draw(*NOISE_DB),
    )


def play(
    notes: Sequence[Note],
    instrument: str,
    player: int,
    seconds: float,
    rate: int = 11025,
    rng: Generator | None = None,
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
    rng = rng or _generator("play", instrument, player)
    buses = _dry(notes, instrument, own, length, rate, rng)
    wave = _filter(buses, _responses(instrument, player, rate))
    nominal = 10 ** (NOMINAL_DB / 20)
    at = int(rng.integers(_NOISE_SAMPLES // 4))
    noise = np.resize(_noise()[at : at + length], length)  # a long clip hears it again
    wave *= np.float32(nominal * 10 ** (own.level_db / 20))
    wave += np.float32(nominal * 10 ** (own.noise_db / 20)) * noise
    peak = float(np.abs(wave).max())
    if peak > PEAK:
        wave *= np.float32(PEAK / peak)
    return wave


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
    pairs = {}
    for one, other in itertools.product(train, test):
        both = set(index[one]["source"]) & set(index[other]["source"])
        if one != other and both:
            pairs.setdefault(frozenset((one, other)), (one, other, tuple(sorted(both))))
    return list(pairs.values())


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
def bank_notes(instrument: str, rate: int) -> tuple[BankNote, ...]:
    """Read an instrument's notes and bring them to a rate; kept in memory from then on.

    Args:
        instrument: a name of `INSTRUMENTS`.
        rate: sampling rate in Hz at which they will be played; they are held at the smallest
            multiple of it that is at least 32 kHz, without what would fold back at `rate`.

    Returns:
        The notes, from low to high.
    """
    entry = bank_index()[instrument]
    whole, bank_rate = soundfile.read(_bank_folder() / entry["file"], dtype="float32")
    factor = oversampling(rate)
    common = math.gcd(bank_rate, rate * factor)
    up, down = rate * factor // common, bank_rate // common
    # Two semitones up and the sharpest tuning must stay below half the rate.
    limit = min(1.0, 0.98 * rate / 2 ** (2.2 / 12) / bank_rate)
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


def _generator(purpose: str, instrument: str, player: int) -> Generator:
    if player < 0:
        raise ValueError(f"players count from 0; there is no {instrument} player {player}")
    return default_rng([zlib.crc32(f"{purpose}/{instrument}".encode()), player])


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


def _dry(
    notes: Sequence[Note], instrument: str, own: Voice, length: int, rate: int, rng: Generator
) -> Float32[np.ndarray, "2 sample"]:
    """The clip before voice and room: what is played loud, and what is played soft."""
    player = find(instrument)
    stored = bank_notes(instrument, rate)
    factor = oversampling(rate)
    buses = np.zeros((2, length), np.float32)
    steadiness = rng.uniform(0.9, 1.1, len(notes))
    pitched = player.name not in ("drum", "congas")
    tables: dict[float, _Positions] = {}
    attack = _fade_in(round(own.attack_s * rate))
    release = _fade_out(round(own.release_s * rate))
    for note, steady in zip(notes, steadiness, strict=True):
        start = round(note.onset_s * rate)
        if not player.low - 2 <= note.pitch <= player.high + 2:
            range_ = f"{player.low} to {player.high}"
            raise ValueError(f"{instrument} plays MIDI {range_}, not {note.pitch}")
        if start < 0:
            raise ValueError(f"a note starts {-note.onset_s} s before the clip")
        if start >= length:
            continue
        nearest = min(stored, key=lambda s: abs(s.pitch - note.pitch))
        shift = note.pitch - nearest.pitch if pitched else 0.0
        if shift not in tables:
            tables[shift] = _Positions(shift, own, factor, rate)
        held = round(note.duration_s * rate)
        count = min(held + len(release), length - start)
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


class _Positions:
    """Where in a stored note each output sample is read: one table for all notes of one shift."""

    def __init__(self, shift: float, own: Voice, factor: int, rate: int) -> None:
        self.step = factor * 2 ** ((shift + own.tuning_cents / 100) / 12)
        self.own, self.rate = own, rate
        self.place = np.empty(0)
        self.whole = np.empty(0, np.intp)
        self.part = np.empty(0, np.float32)

    def _grow(self, count: int) -> None:
        time = np.arange(count)
        self.place = time * self.step
        if self.own.vibrato_cents > 0:
            # Pitch swings by +-c cents: the place by c ln 2 / 1200 * step * rate / (2 pi hz).
            turn = 2 * np.pi * self.own.vibrato_hz / self.rate
            width = self.own.vibrato_cents * math.log(2) / 1200 * self.step / turn
            onset = np.minimum(time * (1 / (0.4 * self.rate)), 1.0)  # it sets in over 0.4 s
            self.place -= width * onset * np.cos(turn * time)
        self.whole = self.place.astype(np.intp)
        self.part = (self.place - self.whole).astype(np.float32)

    def read(self, note: BankNote, count: int) -> Float32[np.ndarray, " sample"]:
        """The first `count` samples of a note, fewer if it dies away before."""
        if count > len(self.place):
            self._grow(count)
        last = len(note.wave) - 2
        end = last if note.loop is None else note.loop[1]
        straight = count
        if self.place[max(count - 1, 0)] >= end:
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


@lru_cache(maxsize=512)
def _responses(instrument: str, player: int, rate: int) -> Complex[np.ndarray, "2 freq"]:
    """Frequency responses of voice and room: for what is played loud, and for what is soft."""
    own = voice(instrument, player)
    size = 1 << math.ceil(math.log2(_BLOCK_S * rate))
    colour = [_high_shelf(own.shelf_hz, own.shelf_db, rate)]
    colour += [_peak(frequency, gain_db, rate) for frequency, gain_db in own.peaks]
    room = np.zeros(size - _hop(size))
    answer = _room(own, _generator("room", instrument, player), rate)
    room[: len(answer)] = answer
    loud = sosfilt(colour, room)
    soft = sosfilt([_high_shelf(1200.0, own.soft_db, rate)], loud)
    return fft.rfft(np.stack([loud, soft]).astype(np.float32), size)


def _room(own: Voice, rng: Generator, rate: int) -> Float[np.ndarray, " sample"]:
    """Impulse response: the direct sound, six early reflections, a decaying tail."""
    length = round(own.room_s * rate)
    response = np.zeros(length)
    for delay_s in rng.uniform(0.004, 0.045, 6):
        response[round(delay_s * rate)] += rng.choice((-1, 1)) * (0.004 / delay_s) ** 0.5
    decay = 10 ** (-3 * np.arange(length) / length)  # 60 dB over its length
    tail = rng.standard_normal(length) * decay
    tail[: round(0.012 * rate)] = 0
    tail *= (np.sum(response**2) / np.sum(tail**2)) ** 0.5
    response += tail
    response *= 10 ** (own.room_db / 20) / np.sum(response**2) ** 0.5
    response[0] = 1.0
    return response


def _peak(frequency: float, gain_db: float, rate: int) -> tuple[float, ...]:
    """Resonance of gain_db, quality 1.4, as a biquad (b0 b1 b2 1 a1 a2).

    R. Bristow-Johnson's Audio EQ Cookbook, peakingEQ.
    """
    amplitude = 10 ** (gain_db / 40)
    angle = 2 * math.pi * frequency / rate
    alpha = math.sin(angle) / 2.8
    middle = -2 * math.cos(angle)
    b = (1 + alpha * amplitude, middle, 1 - alpha * amplitude)
    a = (1 + alpha / amplitude, middle, 1 - alpha / amplitude)
    return tuple(x / a[0] for x in b + a)


def _high_shelf(frequency: float, gain_db: float, rate: int) -> tuple[float, ...]:
    """Treble raised by gain_db, slope 0.7, as a biquad (Audio EQ Cookbook, highShelf)."""
    amp = 10 ** (gain_db / 40)
    angle = 2 * math.pi * frequency / rate
    cos = math.cos(angle)
    alpha = math.sin(angle) / 2 * math.sqrt((amp + 1 / amp) * (1 / 0.7 - 1) + 2)
    edge = 2 * math.sqrt(amp) * alpha
    b = (
        amp * ((amp + 1) + (amp - 1) * cos + edge),
        -2 * amp * ((amp - 1) + (amp + 1) * cos),
        amp * ((amp + 1) + (amp - 1) * cos - edge),
    )
    a = (
        (amp + 1) - (amp - 1) * cos + edge,
        2 * ((amp - 1) - (amp + 1) * cos),
        (amp + 1) - (amp - 1) * cos - edge,
    )
    return tuple(x / a[0] for x in b + a)


def _hop(size: int) -> int:
    """New samples in a block of the filter; the rest of it holds the room's answer."""
    return size * 5 // 8


def _filter(
    buses: Float32[np.ndarray, "2 sample"], responses: Complex[np.ndarray, "2 freq"]
) -> Float32[np.ndarray, " sample"]:
    """Each bus through its response, and their sum (overlap-add)."""
    size = 2 * (responses.shape[1] - 1)
    hop = _hop(size)
    length = buses.shape[1]
    blocks = -(-length // hop)
    padded = np.zeros((2, blocks * hop), np.float32)
    padded[:, :length] = buses
    spectrum = fft.rfft(padded.reshape(2, blocks, hop), size)
    spectrum *= responses[:, None]
    pieces = fft.irfft(spectrum[0] + spectrum[1], size)
    out = np.zeros(blocks * hop + size, np.float32)
    for block in range(blocks):
        out[block * hop : block * hop + size] += pieces[block]
    return out[:length]
