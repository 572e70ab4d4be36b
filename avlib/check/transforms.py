"""Transforms in the open, right and wrong, for the checks of the chapter `sound`."""

import math

import torch
from jaxtyping import Complex, Float
from torch import Tensor
from torch.nn import functional


def stft_by_hand(
    wave: Float[Tensor, " sample"],
    n_fft: int,
    hop: int,
    window: Tensor | None = None,
    mode: str = "reflect",
) -> Complex[Tensor, "freq column"]:
    """The transform column by column, with a window and an end of one's choice."""
    window = torch.hann_window(n_fft) if window is None else window
    half = n_fft // 2
    if mode == "symmetric":  # the sample at the end is repeated
        padded = torch.cat([wave[:half].flip(0), wave, wave[-half:].flip(0)])
    else:
        padded = functional.pad(wave[None], (half, half), mode)[0]
    pieces = padded.unfold(0, n_fft, hop)
    return torch.fft.rfft(pieces * window).T


def overlap_add(
    spec: Complex[Tensor, "freq column"],
    n_fft: int,
    hop: int,
    fade: bool = True,
    power: int = 2,
) -> tuple[Tensor, Tensor]:
    """The pieces added up, and the sum of a power of the windows, before the ends are cut."""
    window = torch.hann_window(n_fft)
    columns = spec.shape[1]
    total, weight = torch.zeros(2, (columns - 1) * hop + n_fft)
    for k, piece in enumerate(torch.fft.irfft(spec.T, n_fft)):
        here = slice(k * hop, k * hop + n_fft)
        total[here] += piece * window if fade else piece
        weight[here] += window**power
    return total, weight.clamp_min(1e-8)


def back_not_divided(spec: Tensor, length: int, n_fft: int, hop: int) -> Tensor:
    """The way back without the division."""
    total, _ = overlap_add(spec, n_fft, hop)
    return total[n_fft // 2 :][:length]


def back_window_sum(spec: Tensor, length: int, n_fft: int, hop: int) -> Tensor:
    """Divided by the sum of the windows instead of their squares."""
    total, weight = overlap_add(spec, n_fft, hop, power=1)
    return (total / weight)[n_fft // 2 :][:length]


def back_no_fade(spec: Tensor, length: int, n_fft: int, hop: int) -> Tensor:
    """Without the second window."""
    total, weight = overlap_add(spec, n_fft, hop, fade=False, power=1)
    return (total / weight)[n_fft // 2 :][:length]


def back_not_cut(spec: Tensor, length: int, n_fft: int, hop: int) -> Tensor:
    """Half a window late."""
    total, weight = overlap_add(spec, n_fft, hop)
    return (total / weight)[:length]


def read_rows(
    picture: Float[Tensor, "freq column"], y: Tensor, align_corners: bool
) -> Float[Tensor, "bins column"]:
    """Read a picture at row coordinates in [-1, 1], with `grid_sample`."""
    x = torch.linspace(-1, 1, picture.shape[1])
    grid = torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], dim=-1)
    read = functional.grid_sample(picture[None, None], grid[None], align_corners=align_corners)
    return read[0, 0]


def to_log(v: Tensor) -> Tensor:
    """Row coordinates on linear frequency that the rows of the log axis read."""
    return (21 ** ((v + 1) / 2) - 11) / 10


def to_linear(v: Tensor) -> Tensor:
    """The inverse of `to_log`."""
    return 2 * torch.log(10 * v + 11) / math.log(21) - 1


def trip(
    mask: Tensor, bins: int, corners: tuple[bool, bool], maps: tuple = (to_log, to_linear)
) -> Tensor:
    """There and back, with a setting of the corners for each way."""
    there = read_rows(mask, maps[0](torch.linspace(-1, 1, bins)), corners[0])
    return read_rows(there, maps[1](torch.linspace(-1, 1, len(mask))), corners[1])
