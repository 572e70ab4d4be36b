"""DSOL's log-mel front end."""

import math
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from avlib.audio.spectrum import DSOL, FrontEnd

POWER_FLOOR = 1e-10
TOP_DB = 80.0
"""Defaults of `librosa.power_to_db`: the least value, and the range below the maximum."""


def log_mel(
    wave: Float[Tensor, "*batch sample"], front_end: FrontEnd = DSOL, mels: int = 64
) -> Float[Tensor, "*batch column mel"]:
    r"""DSOL's audio input: mel bands of the *magnitude* spectrogram in decibels.

    $10 \log_{10} \max(10^{-10}, F |X|)$, then not lower than 80 dB under the clip's maximum: what
    `librosa.power_to_db(librosa.feature.melspectrogram(S=abs(X), ...))` gives (authors' code). A
    magnitude where librosa expects a power halves the decibels; it only rescales. At 100 Hz a
    bin two of the 64 bands (0 and 13) contain no bin and stay at the floor.

    Args:
        wave: 1 s at 16 kHz for DSOL; other lengths give other numbers of columns.
        front_end: its rate, transform and padding.
        mels: number of bands, from 0 Hz to half the rate.

    Returns:
        Time first, as the paper has it.

    Raises:
        ValueError: see `stft`.

    Example:
        >>> log_mel(torch.zeros(3, 1, 16000)).shape
        torch.Size([3, 1, 201, 64])
    """
    magnitude = front_end.stft(wave).abs()
    filters = torch.tensor(mel_filters(front_end.rate, front_end.n_fft, mels)).to(magnitude)
    decibels = 10 * torch.log10((filters @ magnitude).clamp_min(POWER_FLOOR))
    return decibels.clamp_min(decibels.amax((-2, -1), keepdim=True) - TOP_DB).mT


@lru_cache(maxsize=16)
def mel_filters(rate: int, n_fft: int, mels: int) -> np.ndarray:
    """Slaney's triangular mel filters, each of unit area in Hz; equals `librosa.filters.mel`.

    The scale is linear up to 1000 Hz (200/3 Hz a mel) and logarithmic above (27 mels for a factor
    of 6.4). Returned read-only as float64 ``(mel, freq)``, because it is cached.

    Example:
        >>> filters = mel_filters(16000, 160, 64)
        >>> filters.shape, np.flatnonzero(filters.sum(1) == 0).tolist()
        ((64, 81), [0, 13])
    """
    step = math.log(6.4) / 27
    nyquist = rate / 2
    top = nyquist * 3 / 200 if nyquist < 1000 else 15 + math.log(nyquist / 1000) / step
    mel = np.linspace(0, top, mels + 2)
    edges = np.where(mel < 15, mel * 200 / 3, 1000 * np.exp(step * (mel - 15)))
    bins = np.linspace(0, nyquist, n_fft // 2 + 1)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre))
    filters = np.maximum(triangles, 0) * 2 / (high - low)
    filters.setflags(write=False)
    return filters
