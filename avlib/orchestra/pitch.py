"""How far a note is out of tune, by a harmonic comb."""

import numpy as np
from jaxtyping import Float


def cents_off(
    wave: Float[np.ndarray, " sample"], rate: int, pitch: float, reach: float = 80.0
) -> float:
    """Find by how much a note lies above the pitch it is meant to have.

    A comb of the first harmonics, weighted by 1 / harmonic, is laid over the amplitude spectrum
    and moved until it catches most.

    Args:
        wave: one note.
        rate: sampling rate in Hz.
        pitch: MIDI number it should have.
        reach: how far to look on either side, in cents.

    Returns:
        Cents (hundredths of a semitone) above `pitch`; negative if below.

    Example:
        >>> time = np.arange(16000) / 16000
        >>> sharp = np.sin(2 * np.pi * 440.0 * 2 ** (20 / 1200) * time)
        >>> round(cents_off(sharp, 16000, 69.0))
        20
    """
    size = 1 << 18
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), size)) ** 0.5
    cents = np.arange(-reach, reach + 0.5, 0.5)
    base = 440.0 * 2 ** ((pitch - 69 + cents / 100) / 12)
    score = np.zeros(len(cents))
    for harmonic in range(1, 9):
        at = base * harmonic * size / rate
        if at[-1] < size // 2:
            score += np.interp(at, np.arange(len(spectrum)), spectrum) / harmonic
    return float(cents[np.argmax(score)])
