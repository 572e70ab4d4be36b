"""Front ends of the papers: the short-time Fourier transform and its inverse."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Complex, Float
from torch import Tensor
from torch.nn import functional

PadMode = Literal["reflect", "constant"]

EDGE_ENERGY = 0.01
"""Where overlapping squared windows sum to less than this, `istft` fades instead of dividing."""
CENTRED_ENERGY = 1e-11
"""The same for centred columns: `torch.istft`'s own bound."""


@dataclass(frozen=True)
class FrontEnd:
    """How one paper turns a wave into a spectrogram.

    Args:
        rate: sample rate in Hz.
        samples: length of a training clip in samples.
        n_fft: length of the Hann window and of the transform in samples.
        hop: distance of neighbouring columns in samples.
        pad_mode: what lies beyond the ends of the wave if `center`: its mirror image or zeros.
        center: whether column k is centred on sample k * hop (else it starts there).

    Example:
        >>> SECO.bins, SECO.columns, SECO.seconds
        (512, 256, 6.0)
        >>> [(f.bins, f.columns) for f in (SOP, COSEP, SECO_LITERAL, DSOL)]
        [(512, 256), (512, 256), (257, 256), (81, 201)]
    """

    rate: int
    samples: int
    n_fft: int
    hop: int
    pad_mode: PadMode = "reflect"
    center: bool = True

    @property
    def seconds(self) -> float:
        """Length of a clip in seconds."""
        return self.samples / self.rate

    @property
    def bins(self) -> int:
        """Rows of the spectrogram, from 0 Hz to half the rate."""
        return self.n_fft // 2 + 1

    @property
    def columns(self) -> int:
        """Columns of the spectrogram of one clip."""
        return column_count(self.samples, self.n_fft, self.hop, self.center)

    def stft(self, wave: Float[Tensor, "*batch sample"]) -> Complex[Tensor, "*batch freq column"]:
        """`stft` with these settings."""
        return stft(wave, self.n_fft, self.hop, self.pad_mode, self.center)

    def istft(
        self, spec: Complex[Tensor, "*batch freq column"], length: int | None = None
    ) -> Float[Tensor, "*batch sample"]:
        """`istft` with these settings; `length` is that of a clip if not given."""
        length = self.samples if length is None else length
        return istft(spec, length, self.n_fft, self.hop, self.center)


SOP = FrontEnd(11025, 65535, 1022, 256)
"""Sound of Pixels (authors' code): 5.94 s -> 512 x 256."""
COSEP = FrontEnd(11025, 65535, 1022, 256)
"""Co-Separation (authors' code): as Sound of Pixels."""
SECO = FrontEnd(11025, 66150, 1022, 259)
"""SeCo (authors' code): 6 s -> 512 x 256."""
SECO_LITERAL = FrontEnd(11000, 66000, 512, 256, center=False)
"""SeCo's supplement to the letter ("11 kHz", window 512, hop 256): 257 x 256, not its 512 x 256."""
DSOL = FrontEnd(16000, 16000, 160, 80, "constant")
"""DSOL (authors' code): 1 s -> 81 x 201, then 64 mel bands (`log_mel`)."""


def column_count(samples: int, n_fft: int, hop: int, center: bool = True) -> int:
    """Number of columns of the spectrogram of a wave.

    Example:
        >>> column_count(65535, 1022, 256), column_count(66000, 512, 256, center=False)
        (256, 256)
    """
    padded = samples + 2 * (n_fft // 2) if center else samples
    return 1 + (padded - n_fft) // hop


def stft(
    wave: Float[Tensor, "*batch sample"],
    n_fft: int = 1022,
    hop: int = 256,
    pad_mode: PadMode = "reflect",
    center: bool = True,
) -> Complex[Tensor, "*batch freq column"]:
    r"""Short-time Fourier transform with a periodic Hann window.

    $X_{fk} = \sum_n w_n\, x_{n + kH}\, e^{-2\pi i f n / N}$, the wave first padded by half a
    window at either end if `center`. Equals `librosa.stft` with the same `pad_mode`.

    Args:
        wave: the signal.
        n_fft: window and transform length $N$ in samples; gives `n_fft // 2 + 1` rows.
        hop: samples $H$ between columns.
        pad_mode: "reflect" as in the librosa that Sound of Pixels, Co-Separation and SeCo used,
            "constant" (zeros) as in DSOL and in librosa since 0.10.
        center: whether column k is centred on sample k * hop (else it starts there and samples
            after the last whole window are not seen).

    Returns:
        The complex spectrogram.

    Raises:
        ValueError: the wave is too short for one window or its mirror image, or not finite.

    Example:
        >>> stft(torch.zeros(2, 65535)).shape
        torch.Size([2, 512, 256])
    """
    needed = (n_fft // 2 + 1 if pad_mode == "reflect" else 1) if center else n_fft
    samples = wave.shape[-1]
    if samples < needed:
        raise ValueError(
            f"a wave of {samples} samples is too short for n_fft={n_fft} "
            f"(pad_mode={pad_mode!r}, center={center}): it needs at least {needed}"
        )
    check_finite(wave, "wave")
    window = torch.hann_window(n_fft, dtype=wave.dtype, device=wave.device)
    spec = torch.stft(
        wave.reshape(-1, samples),
        n_fft,
        hop,
        window=window,
        center=center,
        pad_mode=pad_mode,
        return_complex=True,
    )
    return spec.reshape(*wave.shape[:-1], *spec.shape[-2:])


def istft(
    spec: Complex[Tensor, "*batch freq column"],
    length: int,
    n_fft: int = 1022,
    hop: int = 256,
    center: bool = True,
) -> Float[Tensor, "*batch sample"]:
    r"""Inverse of `stft`: windowed overlap-add, divided by the sum of squared windows.

    $x_n = \sum_k w_{n-kH}\, y_k[n-kH] \big/ \max(\sum_k w_{n-kH}^2,\ \epsilon)$, the least-squares
    signal of Griffin & Lim 1984 wherever the windows overlap; $\epsilon$ is 0.01, with `center`
    $10^{-11}$. Without `center` the windows do not cover the ends: the first and last samples of
    the covered stretch, where the squared windows sum to less than 0.01 (53 samples, 5 ms, for
    n_fft 512), fade in and out instead of being divided by almost nothing (which would blow up a
    masked spectrogram there), and samples after the last whole window are zero. With `center` such
    a place is kept only where the hop is nearly half a window and the wave ends just before
    another column; there nothing fades, so that what was not changed comes back as it was.

    Args:
        spec: complex spectrogram with `n_fft // 2 + 1` rows.
        length: samples to return. Always say it: without it, SeCo's release loses 105 samples.
        n_fft: as in `stft`.
        hop: as in `stft`; at most half a window.
        center: as in `stft`.

    Returns:
        The wave.

    Raises:
        ValueError: the rows do not fit `n_fft`, the hop leaves gaps, or `length` needs more
            columns.

    Example:
        >>> wave = torch.linspace(-1, 1, 66150)
        >>> bool((istft(stft(wave, hop=259), 66150, hop=259) - wave).abs().max() < 1e-5)
        True
    """
    rows, columns = spec.shape[-2:]
    if rows != n_fft // 2 + 1:
        raise ValueError(f"n_fft={n_fft} has {n_fft // 2 + 1} rows, the spectrogram has {rows}")
    if 2 * hop > n_fft:
        raise ValueError(f"hop={hop} is more than half of n_fft={n_fft}: some samples are lost")
    if column_count(length, n_fft, hop, center) > columns:
        raise ValueError(
            f"length={length} needs {column_count(length, n_fft, hop, center)} columns, "
            f"the spectrogram has {columns}"
        )
    frames = torch.fft.irfft(spec.reshape(-1, rows, columns).mT, n_fft)
    window = torch.hann_window(n_fft, dtype=frames.dtype, device=frames.device)
    energy = _overlap_add(window.square().expand(1, columns, n_fft), hop)
    least = CENTRED_ENERGY if center else EDGE_ENERGY
    wave = _overlap_add(frames * window, hop) / energy.clamp_min(least)
    start = n_fft // 2 if center else 0
    wave = wave[:, start : start + length]
    wave = functional.pad(wave, (0, length - wave.shape[-1]))
    return wave.reshape(*spec.shape[:-2], length)


def _overlap_add(
    frames: Float[Tensor, "batch column sample"], hop: int
) -> Float[Tensor, "batch total"]:
    """Sum frames that start `hop` samples apart, hop by hop: piece i of frame k lands on k + i."""
    columns, n_fft = frames.shape[1:]
    pieces = -(-n_fft // hop)
    frames = functional.pad(frames, (0, pieces * hop - n_fft))
    parts = frames.unflatten(-1, (pieces, hop)).unbind(2)
    total = frames.new_zeros(len(frames), columns + pieces - 1, hop)
    for i, part in enumerate(parts):
        total = total + functional.pad(part, (0, 0, i, pieces - 1 - i))
    return total.flatten(1)[:, : n_fft + (columns - 1) * hop]


def check_finite(wave: Float[Tensor, "*batch"], name: str) -> None:
    """Raise if there is a NaN or an infinity, either of which makes the sum one."""
    if not math.isfinite(wave.detach().sum()):
        raise ValueError(f"{name} holds NaN or infinite samples; look at the file they came from")
