"""Log-frequency warp, identical in Sound of Pixels, Co-Separation and SeCo (authors' code)."""

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

LOG_BASE = 21.0
"""The warp's frequency axis is log(1 + 20 f), f from 0 to 1: 1 + 20 f runs from 1 to 21."""


def to_log_frequency(
    spec: Float[Tensor, "*batch freq column"], bins: int = 256, align_corners: bool = True
) -> Float[Tensor, "*batch bins column"]:
    r"""Warp a magnitude spectrogram from linear to logarithmic frequency.

    Output row coordinate $v \in [-1, 1]$ reads input coordinate
    $y(v) = (21^{(v+1)/2} - 11) / 10$, by linear interpolation (authors' code of Sound of Pixels,
    Co-Separation and SeCo). With aligned corners log row r of 256 reads linear bin
    $511\,(21^{r/255} - 1) / 20$ of 512, and time is left alone.

    Args:
        spec: magnitudes on linear frequency (any real values).
        bins: rows of the output.
        align_corners: True as PyTorch did when Sound of Pixels and Co-Separation were made. False
            repeats what today's `grid_sample` default does to the authors' code, and so SeCo's own
            numbers: rows *and columns* are read half a bin further out at the ends, where zeros
            come in, so that the first and last of each are halved.

    Returns:
        The warped spectrogram.

    Raises:
        ValueError: fewer than two rows or columns, in or out.

    Example:
        >>> ramp = torch.arange(512.0)[:, None].expand(512, 256)
        >>> to_log_frequency(ramp)[[0, 128, 255], 0]
        tensor([  0.0000,  92.2358, 511.0000])
    """
    v = _coordinates(bins)
    return _resample_rows(spec, (LOG_BASE ** ((v + 1) / 2) - 11) / 10, align_corners)


def to_linear_frequency(
    spec: Float[Tensor, "*batch freq column"], bins: int = 512, align_corners: bool = True
) -> Float[Tensor, "*batch bins column"]:
    r"""Warp a mask from logarithmic back to linear frequency.

    $y(v) = 2 \ln(10 v + 11) / \ln 21 - 1$, the inverse of the map in `to_log_frequency`.

    Args:
        spec: mask on logarithmic frequency.
        bins: rows of the output, `n_fft // 2 + 1`.
        align_corners: as in `to_log_frequency`.

    Returns:
        The mask on linear frequency.

    Raises:
        ValueError: fewer than two rows or columns, in or out.

    Example:
        >>> to_linear_frequency(torch.arange(256.0)[:, None].expand(256, 2))[[0, 92, 511], 0]
        tensor([  0.0000, 127.8321, 255.0000])
    """
    v = _coordinates(bins)
    return _resample_rows(spec, 2 * np.log(10 * v + 11) / math.log(LOG_BASE) - 1, align_corners)


def _coordinates(count: int) -> np.ndarray:
    """`count` row or column coordinates from -1 to 1."""
    if count < 2:
        raise ValueError(f"a warp needs at least 2 rows and 2 columns, not {count}")
    return np.linspace(-1, 1, count)


def _resample_rows(
    spec: Float[Tensor, "*batch freq column"], y: np.ndarray, align_corners: bool
) -> Float[Tensor, "*batch bins column"]:
    """`grid_sample` of rows `y` of every column, written as interpolation along one axis.

    Bilinear sampling on a grid that is a product of rows and columns is linear interpolation
    along the one and then along the other; with aligned corners the second changes nothing.
    """
    rows, columns = spec.shape[-2:]
    x = _coordinates(columns)
    if rows < 2:
        raise ValueError(f"a warp needs at least 2 rows and 2 columns, not {rows}")
    if align_corners:
        # Rounding must not push an end outside, where there are zeros.
        return _interpolate(spec, np.clip((y + 1) / 2 * (rows - 1), 0, rows - 1), -2)
    warped = _interpolate(spec, ((y + 1) * rows - 1) / 2, -2)
    return _interpolate(warped, ((x + 1) * columns - 1) / 2, -1)


def _interpolate(
    spec: Float[Tensor, "*batch freq column"], positions: np.ndarray, axis: int
) -> Float[Tensor, "*batch bins columns"]:
    """Read `spec` at fractional indices along `axis`, with zeros outside."""
    size = spec.shape[axis]
    below = np.floor(positions)
    fraction = positions - below
    parts = []
    for index, weight in ((below, 1 - fraction), (below + 1, fraction)):
        weight = weight * ((index >= 0) & (index < size))
        where = torch.from_numpy(index.clip(0, size - 1).astype(np.int64)).to(spec.device)
        scale = torch.from_numpy(weight).to(spec.device, spec.dtype)
        scale = scale[:, None] if axis == -2 else scale
        parts.append(spec.index_select(axis, where) * scale)
    return parts[0] + parts[1]
