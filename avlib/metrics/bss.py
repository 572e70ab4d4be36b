"""BSS-eval v3: the scores SDR, SIR and SAR of separated sources.

BSS-eval (Vincent, Gribonval & Févotte 2006) forgives an estimate everything that a filter of 512
taps can do to its source. It projects the estimate on the span of the delayed references,

    estimate = s_filt + e_interf + e_artif,
    s_filt   = projection on the 512 delays of its own reference,
    s_filt + e_interf = projection on the delays of all references of the mixture,

and compares energies in decibels. All inner products of delayed signals are correlations, so the
projections come from block-Toeplitz systems (`avlib.metrics.toeplitz`). The energies
are sums over the spectra of the parts themselves, by Parseval: differences of large numbers, which
would spoil high scores, are never taken.
"""

from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Complex, Float
from scipy.fft import next_fast_len
from torch import Tensor

from avlib.metrics.toeplitz import project

SIGNAL_BYTES = {"cpu": 2**23, "cuda": 2**30}
"""Memory for the signals that are scored at once: on a CPU two pairs of 6 s, to fit its cache."""


class BSSScores(NamedTuple):
    """Scores in dB, each ``(..., source)``, float64."""

    sdr: Tensor
    sir: Tensor
    sar: Tensor


@torch.no_grad()
def bss_eval(
    references: Float[Tensor, "*batch source sample"],
    estimates: Float[Tensor, "*batch source sample"],
    filter_length: int = 512,
    silent: Literal["raise", "nan"] = "raise",
) -> BSSScores:
    r"""SDR, SIR and SAR of BSS-eval v3 "sources"; estimate i belongs to reference i.

    $\mathrm{SDR} = 10 \log_{10} \|s_{filt}\|^2 / \|e_{interf} + e_{artif}\|^2$,
    $\mathrm{SIR} = 10 \log_{10} \|s_{filt}\|^2 / \|e_{interf}\|^2$,
    $\mathrm{SAR} = 10 \log_{10} \|s_{filt} + e_{interf}\|^2 / \|e_{artif}\|^2$
    (Vincent et al. 2006). Equals `mir_eval.separation.bss_eval_sources(...,
    compute_permutation=False)`. The scores do not change with the gain of any signal. With a
    single source nothing interferes and SIR is infinite.

    Args:
        references: true sources of each mixture, any float dtype and device.
        estimates: separated sources, in the same order.
        filter_length: taps of the forgiven filter; 512 in all three papers.
        silent: what to do with an all-zero reference or estimate, for which nothing is defined:
            raise, or report NaN for this source. A silent reference adds nothing to the span on
            which the other estimates of its mixture are projected.

    Returns:
        Scores in dB as float64 on the device of the input; on the CPU for an Apple GPU (mps),
        which has no float64.

    Raises:
        ValueError: shapes differ, samples are not finite, or a signal is silent (if "raise").

    Example:
        >>> generator = torch.Generator().manual_seed(0)
        >>> sources = torch.randn(2, 8000, generator=generator)
        >>> sdr, sir, sar = bss_eval(sources, sources + 0.1 * sources.flip(0))
        >>> [round(x) for x in sdr.tolist()]
        [20, 20]
    """
    _check_signals(references, estimates, filter_length, silent)
    if references.device.type == "mps":
        references, estimates = references.cpu(), estimates.cpu()
    lead, shape = references.shape[:-2], references.shape[-2:]
    if not references.numel():
        return BSSScores(*references.new_zeros(3, *lead, shape[0], dtype=torch.float64))
    size = _chunk(references.device, 32 * shape.numel())
    chunks = zip(
        references.reshape(-1, *shape).split(size),
        estimates.reshape(-1, *shape).split(size),
        strict=True,
    )
    scores = [_decibels(reference, estimate, filter_length) for reference, estimate in chunks]
    return BSSScores(*torch.cat(scores, 1).reshape(3, *lead, shape[0]))


def sdr_gain(
    references: Float[Tensor, "*batch source sample"],
    estimates: Float[Tensor, "*batch source sample"],
    mixture: Float[Tensor, "*batch sample"],
    filter_length: int = 512,
    silent: Literal["raise", "nan"] = "raise",
) -> Float[Tensor, "*batch source"]:
    """SDR of the estimates over that of the mixture taken as the estimate of every source, in dB.

    Args:
        references: as in `bss_eval`.
        estimates: as in `bss_eval`.
        mixture: what was separated.
        filter_length: as in `bss_eval`.
        silent: as in `bss_eval`.

    Returns:
        Gain in dB of each source.

    Raises:
        ValueError: as in `bss_eval`.

    Example:
        >>> sources = torch.randn(2, 8000, generator=torch.Generator().manual_seed(0))
        >>> mixture = sources.sum(0)
        >>> sdr_gain(sources, mixture.expand(2, -1), mixture)
        tensor([0., 0.], dtype=torch.float64)
    """
    untouched = mixture.unsqueeze(-2).expand(references.shape)
    after = bss_eval(references, estimates, filter_length, silent).sdr
    return after - bss_eval(references, untouched, filter_length, silent).sdr


def _check_signals(references: Tensor, estimates: Tensor, filter_length: int, silent: str) -> None:
    if references.shape != estimates.shape or references.ndim < 2:
        raise ValueError(
            f"references {tuple(references.shape)} and estimates {tuple(estimates.shape)} "
            "must have one shape (..., source, sample)"
        )
    if filter_length < 1 or references.shape[-1] < 1:
        raise ValueError(f"filter_length={filter_length} and {references.shape[-1]} samples: >= 1")
    if silent not in ("raise", "nan"):
        raise ValueError(f"silent={silent!r}: it is 'raise' or 'nan'")
    for name, signals in (("references", references), ("estimates", estimates)):
        peak = _peak(signals)
        if not bool(torch.isfinite(peak).all()):
            raise ValueError(f"{name} hold NaN or infinite samples: nothing to score")
        if silent == "raise" and bool((peak == 0).any()):
            where = (peak == 0).nonzero()[0].tolist()
            raise ValueError(
                f"{name} are silent at index {where} (..., source): SDR is not defined; "
                "leave the pair out and count it, or ask for silent='nan'"
            )


def _peak(signals: Float[Tensor, "*batch sample"]) -> Float[Tensor, "*batch"]:
    return torch.linalg.vector_norm(signals, torch.inf, dim=-1)


def _decibels(
    references: Float[Tensor, "batch source sample"],
    estimates: Float[Tensor, "batch source sample"],
    taps: int,
) -> Float[Tensor, "3 batch source"]:
    """SDR, SIR and SAR of a chunk of mixtures."""
    references, quiet = _unit(references)
    estimates, mute = _unit(estimates)
    # Long enough for a filtered signal, and so for all delays without wrapping round.
    length = next_fast_len(references.shape[-1] + taps - 1, real=True)
    reference_spec = torch.fft.rfft(references, length)
    estimate_spec = torch.fft.rfft(estimates, length)

    own, total = _filters(reference_spec, estimate_spec, quiet, length, taps)
    target = torch.fft.rfft(own, length) * reference_spec
    every = (torch.fft.rfft(total, length) * reference_spec.unsqueeze(1)).sum(2)
    energy = _spectral_energy
    target_energy = energy(target, length)
    alone = (~quiet).sum(1, keepdim=True) < 2
    interference = energy(every - target, length).masked_fill(alone, 0)
    scores = torch.stack(
        [
            _ratio_db(target_energy, energy(estimate_spec - target, length)),
            _ratio_db(target_energy, interference),
            _ratio_db(energy(every, length), energy(estimate_spec - every, length)),
        ]
    )
    return scores.masked_fill(quiet | mute, torch.nan)


def _unit(
    signals: Float[Tensor, "batch source sample"],
) -> tuple[Float[Tensor, "batch source sample"], Bool[Tensor, "batch source"]]:
    """Signals in float64 with unit energy (scores do not see gain), and which are silent."""
    signals = signals.double()
    peak = _peak(signals).unsqueeze(-1)
    silent = peak == 0
    signals = signals / peak.masked_fill(silent, 1)  # first the peak: squares cannot underflow
    norm = torch.linalg.vector_norm(signals, dim=-1, keepdim=True)
    return signals.div_(norm.masked_fill(silent, 1)), silent[..., 0]


def _spectral_energy(spec: Complex[Tensor, "*batch freq"], length: int) -> Float[Tensor, "*batch"]:
    """Energy of the signals of `length` samples with these one-sided spectra (times `length`)."""
    parts = torch.view_as_real(spec).flatten(-2)
    # Frequency 0, and half the rate if there is one, stand for themselves, others for two.
    once = parts[..., [0, 1]] if length % 2 else parts[..., [0, 1, -2, -1]]
    return 2 * torch.linalg.vecdot(parts, parts) - torch.linalg.vecdot(once, once)


def _ratio_db(above: Float[Tensor, "*batch"], below: Float[Tensor, "*batch"]) -> Tensor:
    """10 log10 of a ratio; infinite where nothing is below, as in mir_eval."""
    return torch.where(below == 0, torch.inf, 10 * torch.log10(above / below))


def _filters(
    reference_spec: Complex[Tensor, "batch source freq"],
    estimate_spec: Complex[Tensor, "batch source freq"],
    quiet: Bool[Tensor, "batch source"],
    length: int,
    taps: int,
) -> tuple[Float[Tensor, "batch source taps"], Float[Tensor, "batch source source taps"]]:
    """Taps that project each estimate on its own reference, and on all references.

    Returns:
        own (batch, estimate, tap) and total (batch, estimate, reference, tap).
    """
    sources = quiet.shape[1]
    # cross[e, r, t] = <reference r delayed by t, estimate e>
    product = reference_spec.conj().unsqueeze(1) * estimate_spec.unsqueeze(2)
    cross = torch.fft.irfft(product, length)[..., :taps]
    # lags[i, j, taps - 1 + t] = <reference i delayed by t, reference j>; [j, i] is its mirror image
    lags = cross.new_empty(*quiet.shape, sources, 2 * taps - 1)
    for i in range(sources):
        for j in range(i + 1):
            lag = torch.fft.irfft(reference_spec[:, i].conj() * reference_spec[:, j], length)
            lags[:, i, j] = torch.cat([lag[:, length - taps + 1 :], lag[:, :taps]], -1)
            lags[:, j, i] = lags[:, i, j].flip(-1)
        # A silent reference has a zero block: a one on its diagonal makes its taps zero.
        lags[:, i, i, taps - 1] += quiet[:, i]
    return project(lags, cross)


def _chunk(device: torch.device, item_bytes: int) -> int:
    """How many items fit the memory limit of the device, at least one."""
    return max(1, SIGNAL_BYTES.get(device.type, SIGNAL_BYTES["cpu"]) // item_bytes)
