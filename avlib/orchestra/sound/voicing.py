"""A player's voice: what tells two players of one instrument apart, and how it is put on a clip."""

import math
import zlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Complex, Float, Float32
from numpy.random import Generator, default_rng
from scipy import fft
from scipy.signal import sosfilt

from avlib.orchestra.instruments import instrument as find

NOISE_DB = (-66.0, -56.0)  # a player's noise against its nominal RMS
_BLOCK_S = 0.7  # FFT block of the voice's filter, rounded up to a power of two
_ROOM_S = (0.06, 0.24)  # how long a room rings
_ROOM_HZ = 16000  # rooms are drawn at this rate: the bank holds nothing above
_HIGHEST = 0.45  # of the rate: a filter above it would fold, or not be stable
_FLAT = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
_RESONANCES_HZ = ((180.0, 700.0), (700.0, 1700.0), (1700.0, 4200.0))
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
        peaks: resonances, as (frequency Hz, gain dB).
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
    draw = generator("voice", instrument, player).uniform
    vibrato = {"bowed": (8.0, 22.0), "blown": (2.0, 14.0)}.get(technique, (0.0, 0.0))
    return Voice(
        tuning_cents=draw(-15, 15),
        level_db=draw(-3, 3),
        shelf_hz=draw(900, 2400),
        shelf_db=draw(-8, 6),
        peaks=tuple((draw(*span), draw(-7, 7)) for span in _RESONANCES_HZ),
        soft_db=draw(-14, -8),
        attack_s=draw(*((0.004, 0.05) if technique in ("bowed", "blown") else (0.0005, 0.003))),
        release_s=draw(*_RELEASE_S[technique]),
        vibrato_hz=draw(4.5, 6.5),
        vibrato_cents=draw(*vibrato),
        room_s=draw(*_ROOM_S),
        room_db=draw(-26, -11),
        noise_db=draw(*NOISE_DB),
    )


def generator(purpose: str, instrument: str, player: int) -> Generator:
    """A source of randomness that belongs to one player and one purpose."""
    if player < 0:
        raise ValueError(f"players count from 0; there is no {instrument} player {player}")
    return default_rng([zlib.crc32(f"{purpose}/{instrument}".encode()), player])


@lru_cache(maxsize=512)
def responses(instrument: str, player: int, rate: int) -> Complex[np.ndarray, "2 freq"]:
    """Frequency responses of voice and room: for what is played loud, and for what is soft."""
    own = voice(instrument, player)
    size = 1 << math.ceil(math.log2(_BLOCK_S * rate))
    colour = [_high_shelf(own.shelf_hz, own.shelf_db, rate)]
    colour += [_peak(frequency, gain_db, rate) for frequency, gain_db in own.peaks]
    room = np.zeros(size - _hop(size))
    reflections = _resampled(_reflections(own, generator("room", instrument, player)), rate)
    room[: len(reflections)] = reflections
    room[0] += 1.0  # the direct sound
    loud = sosfilt(colour, room)
    soft = sosfilt([_high_shelf(1200.0, own.soft_db, rate)], loud)
    return fft.rfft(np.stack([loud, soft]).astype(np.float32), size)


def _reflections(own: Voice, rng: Generator) -> Float[np.ndarray, " sample"]:
    """The room's answer to an impulse, at `_ROOM_HZ`: six early reflections, a decaying tail."""
    length = round(own.room_s * _ROOM_HZ)
    response = np.zeros(length)
    for delay_s in rng.uniform(0.004, 0.045, 6):
        response[round(delay_s * _ROOM_HZ)] += rng.choice((-1, 1)) * (0.004 / delay_s) ** 0.5
    decay = 10 ** (-3 * np.arange(length) / length)  # 60 dB over its length
    tail = rng.standard_normal(length) * decay
    tail[: round(0.012 * _ROOM_HZ)] = 0
    tail *= (np.sum(response**2) / np.sum(tail**2)) ** 0.5
    response += tail
    return response * 10 ** (own.room_db / 20) / np.sum(response**2) ** 0.5


def _resampled(response: Float[np.ndarray, " sample"], rate: int) -> Float[np.ndarray, " other"]:
    """An impulse response from `_ROOM_HZ` to another rate, so that a room is the same at all."""
    common = math.gcd(_ROOM_HZ, rate)
    down, up = _ROOM_HZ // common, rate // common
    blocks = -(-(len(response) + 64) // down)
    spectrum = fft.rfft(response, blocks * down)
    keep = min(len(spectrum), blocks * up // 2 + 1)
    out = fft.irfft(spectrum[:keep], blocks * up)
    return out[: round(len(response) * rate / _ROOM_HZ)]


def _peak(frequency: float, gain_db: float, rate: int) -> tuple[float, ...]:
    """Resonance of gain_db, quality 1.4, as a biquad (b0 b1 b2 1 a1 a2).

    R. Bristow-Johnson's Audio EQ Cookbook, peakingEQ. Flat where the rate is too low for it.
    """
    if frequency > _HIGHEST * rate:
        return _FLAT
    amplitude = 10 ** (gain_db / 40)
    angle = 2 * math.pi * frequency / rate
    alpha = math.sin(angle) / 2.8
    middle = -2 * math.cos(angle)
    b = (1 + alpha * amplitude, middle, 1 - alpha * amplitude)
    a = (1 + alpha / amplitude, middle, 1 - alpha / amplitude)
    return tuple(x / a[0] for x in b + a)


def _high_shelf(frequency: float, gain_db: float, rate: int) -> tuple[float, ...]:
    """Treble raised by gain_db, slope 0.7, as a biquad (Audio EQ Cookbook, highShelf).

    Flat where the rate is too low for it.
    """
    if frequency > _HIGHEST * rate:
        return _FLAT
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


def put_on(
    buses: Float32[np.ndarray, "2 sample"], responses: Complex[np.ndarray, "2 freq"]
) -> Float32[np.ndarray, " sample"]:
    """Each bus through its response, and their sum (overlap-add)."""
    size = 2 * (responses.shape[1] - 1)
    hop = _hop(size)
    length = buses.shape[1]
    blocks = -(-length // hop)  # transformed together: twice as fast as one by one
    padded = np.zeros((2, blocks * hop), np.float32)
    padded[:, :length] = buses
    spectrum = fft.rfft(padded.reshape(2, blocks, hop), size)
    spectrum *= responses[:, None]
    pieces = fft.irfft(spectrum[0] + spectrum[1], size)
    out = np.zeros(blocks * hop + size, np.float32)
    for block in range(blocks):
        out[block * hop : block * hop + size] += pieces[block]
    return out[:length]
