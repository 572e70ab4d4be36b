"""Mixing rules, masks, loss weight, and separation with a mask."""

from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from avlib.audio.spectrum import PadMode, check_finite, istft, stft
from avlib.audio.warp import to_linear_frequency

MixRule = Literal["sop", "cosep", "seco"]
TargetScale = Literal["consistent", "released"]

MAGNITUDE_FLOOR = 1e-10
"""Added to magnitudes before a logarithm or a division (authors' code)."""


def log_magnitude(magnitude: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
    """Network input of all three papers: the natural logarithm of magnitude + 1e-10.

    Example:
        >>> log_magnitude(torch.tensor([0.0, 1.0]))
        tensor([-23.0259,   0.0000])
    """
    return torch.log(magnitude + MAGNITUDE_FLOOR)


def binary_mask(
    source_mag: Float[Tensor, "*#batch freq column"],
    mixture_mag: Float[Tensor, "*#batch freq column"],
) -> Float[Tensor, "*batch freq column"]:
    r"""1 where a source is stronger than half the mixture: $[\,|S_n| > 0.5\,|X|\,]$.

    Target of Sound of Pixels and SeCo (authors' code), taken after the warp. Leading axes
    broadcast: for sources ``(batch, source, freq, column)`` give the mixture as
    ``(batch, 1, freq, column)``. Where nothing sounds the mask is 0.

    Example:
        >>> binary_mask(torch.tensor([[0.0, 0.4, 0.5, 0.6]]), torch.tensor([[0.0, 1.0, 1.0, 1.0]]))
        tensor([[0., 0., 0., 1.]])
    """
    return (source_mag > 0.5 * mixture_mag).to(source_mag.dtype)


def ratio_mask(
    source_mag: Float[Tensor, "*#batch freq column"],
    mixture_mag: Float[Tensor, "*#batch freq column"],
    clip: float = 5.0,
) -> Float[Tensor, "*batch freq column"]:
    r"""Ratio of magnitudes, $\mathrm{clamp}(|S_n| / |X|, 0, 5)$.

    Target of Co-Separation, option of Sound of Pixels (authors' code). It exceeds 1 where sources
    cancel. Leading axes broadcast as in `binary_mask`; where nothing sounds the mask is 0.

    Example:
        >>> ratio_mask(torch.tensor([[0.0, 0.5, 9.0]]), torch.tensor([[0.0, 1.0, 1.0]]))
        tensor([[0.0000, 0.5000, 5.0000]])
    """
    return (source_mag / (mixture_mag + MAGNITUDE_FLOOR)).clamp(0, clip)


def loss_weight(
    mixture_mag: Float[Tensor, "*batch freq column"],
) -> Float[Tensor, "*batch freq column"]:
    r"""Weight of each bin in the mask losses: $\mathrm{clamp}(\log(1 + |X|), 10^{-3}, 10)$.

    From the warped mixture magnitude, in all three papers (authors' code).

    Example:
        >>> loss_weight(torch.tensor([[0.0, 1.7182818, 1e9]]))
        tensor([[1.0000e-03, 1.0000e+00, 1.0000e+01]])
    """
    return torch.log1p(mixture_mag).clamp(1e-3, 10)


class Mixture(NamedTuple):
    """What `mix` returns: the scaled sources (the targets) and the mixture to be separated."""

    sources: Float[Tensor, "*batch source sample"]
    mixture: Float[Tensor, "*batch sample"]


def mix(
    waves: Float[Tensor, "*batch source sample"],
    rule: MixRule = "sop",
    generator: torch.Generator | None = None,
    target_scale: TargetScale = "consistent",
) -> Mixture:
    """Mix solos by the rule of one paper (authors' code).

    ======= ================================ ================= =========================
    rule    each wave first                  mixture of N      sources returned
    ======= ================================ ================= =========================
    sop     gain U[0.5, 1.5], clipped to ±1  sum / N           divided by N
    cosep   gain U[0.5, 1.5], clipped to ±1  sum / N           divided by N ("consistent")
                                                               or undivided ("released")
    seco    as it is                         sum               as they are
    ======= ================================ ================= =========================

    With Co-Separation's "released" targets an ideal mask is about N where a clip sounds alone,
    out of reach of one sigmoid. No rule clips the mixture; SeCo's can pass ±1.

    Args:
        waves: solos, in [-1, 1].
        rule: which paper's.
        generator: draws the gains of training. None is evaluation: every gain is 1.
        target_scale: for "cosep", the scale of the sources against the mixture.

    Returns:
        The sources and their mixture, which is the sources' sum but for "released".

    Raises:
        ValueError: an unknown rule or target scale, or a wave is not finite.

    Example:
        >>> sources, mixture = mix(torch.tensor([[0.4, 0.0], [0.2, 1.0]]), "sop")
        >>> mixture
        tensor([0.3000, 0.5000])
    """
    if target_scale not in ("consistent", "released"):
        raise ValueError(f"target_scale={target_scale!r}: it is 'consistent' or 'released'")
    check_finite(waves, "waves")
    if rule == "seco":
        return Mixture(waves, waves.sum(-2))
    if rule not in ("sop", "cosep"):
        raise ValueError(f"rule={rule!r}: it is 'sop', 'cosep' or 'seco'")
    if generator is not None:
        gains = torch.rand(waves.shape[:-1], generator=generator, device=generator.device) + 0.5
        waves = waves * gains[..., None].to(waves)
    waves = waves.clamp(-1, 1)
    scaled = waves / waves.shape[-2]
    released = rule == "cosep" and target_scale == "released"
    return Mixture(waves if released else scaled, scaled.sum(-2))


def separate_with_mask(
    mixture_wave: Float[Tensor, "*mixtures sample"],
    mask: Float[Tensor, "*batch freq column"],
    n_fft: int = 1022,
    hop: int = 256,
    *,
    pad_mode: PadMode = "reflect",
    center: bool = True,
    align_corners: bool = True,
    threshold: float | None = None,
    clip: bool = True,
) -> Float[Tensor, "*batch sample"]:
    """Mask the mixture and return to a wave: mask x mixture magnitude, phase of the mixture.

    Args:
        mixture_wave: the mixture. Its leading axes are matched with the first of the mask's:
            ``(batch, sample)`` with a mask ``(batch, source, freq, column)`` is one mixture for
            all sources.
        mask: on logarithmic frequency, or on linear frequency if it has `n_fft // 2 + 1` rows.
        n_fft: as in `stft`.
        hop: as in `stft`.
        pad_mode: as in `stft`.
        center: as in `stft`.
        align_corners: as in `to_linear_frequency`.
        threshold: the mask, after the warp, is made 1 above this and 0 elsewhere (0.5 is Sound of
            Pixels with binary masks); None keeps it soft, as SeCo and Co-Separation do.
        clip: whether to clip the waves to ±1, as the authors' code does.

    Returns:
        Separated waves, as long as the mixture.

    Raises:
        ValueError: columns or leading axes of mask and mixture do not fit, or see `stft`.

    Example:
        >>> mixture = torch.sin(torch.arange(65535.0) * 0.3)
        >>> half = separate_with_mask(mixture, torch.full((256, 256), 0.5))
        >>> bool((half - 0.5 * mixture).abs().max() < 1e-5)
        True
    """
    lead = mixture_wave.ndim - 1
    spec = stft(mixture_wave, n_fft, hop, pad_mode, center)
    if mask.ndim - 2 < lead or mask.shape[-1] != spec.shape[-1]:
        raise ValueError(
            f"a mask of shape {tuple(mask.shape)} does not fit the mixture's spectrogram "
            f"{tuple(spec.shape)}: it needs {spec.shape[-1]} columns and the same leading axes"
        )
    if mask.shape[-2] != spec.shape[-2]:
        mask = to_linear_frequency(mask, spec.shape[-2], align_corners)
    if threshold is not None:
        mask = (mask > threshold).to(mask.dtype)
    extra = (1,) * (mask.ndim - 2 - lead)
    spec = spec.reshape(*spec.shape[:lead], *extra, *spec.shape[-2:])
    wave = istft(spec * mask, mixture_wave.shape[-1], n_fft, hop, center)
    return wave.clamp(-1, 1) if clip else wave
