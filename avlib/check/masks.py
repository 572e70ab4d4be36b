"""Checks of the chapter `masks`."""

import torch
from torch import Tensor

from avlib import audio
from avlib.check.core import AnswerCheck, FunctionCheck, Limit, Mistake

both_masks = AnswerCheck(
    truth=(1, 1, 3, 4),
    tolerance=0.01,
    hints={
        (0, 1, 3, 4): "The ratios are right. For the binary masks compare with the *mixture*: both "
        "3 and 4 are more than half of 1.",
        (1, 1, 1, 1): "The binary masks are right. A ratio mask is not cut off at 1: it has to "
        "make 3, and 4, out of a mixture of 1.",
        (0, 1, 3 / 7, 4 / 7): "You divided by 3 + 4. The mixture's magnitude is not the sum of the "
        "magnitudes: the waves cancel, and 1 is left.",
        (1, 1, 5, 5): "The clamp at 5 cuts only what is above 5.",
        (0, 0, 3, 4): "The ratios are right. A source passes the binary rule if it is above half "
        "of the mixture, and half of 1 is 0.5.",
    },
    otherwise="First find the mixture: the waves are opposite, so its magnitude is 4 - 3. Then "
    "compare each source with half of it (binary), and divide each by it (ratio).",
    right="Two binary masks can both say yes, and ratios can be far above 1: both happen where "
    "waves cancel.",
)


def _magnitudes(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two sources and their mixture, complex sums, as magnitudes; some cells are silent."""
    parts = torch.randn(2, 5, 7, 2, generator=generator)
    parts[:, 0] = 0
    spectra = torch.view_as_complex(parts)
    return spectra.abs(), spectra.sum(0).abs()


_SHAPE = (
    "One value for each cell of each source: sources (2, 5, 7) and a mixture (5, 7) give masks "
    "(2, 5, 7). Broadcasting does that by itself."
)

binary_mask = FunctionCheck(
    reference=audio.binary_mask,
    inputs=_magnitudes,
    shape_hint=_SHAPE,
    range=(0, 1),
    range_hint="A binary mask holds only 0 and 1.",
    limits=(
        Limit(
            (torch.zeros(1, 1, 2), torch.zeros(1, 2)),
            torch.zeros(1, 1, 2),
            "Where nothing sounds, nothing is kept: 0 is not *more* than half of 0.",
        ),
        Limit(
            (torch.tensor([[[0.5, 0.501]]]), torch.tensor([[1.0, 1.0]])),
            torch.tensor([[[0.0, 1.0]]]),
            "Exactly half is not more than half, 0.501 of 1 is: the comparison is strict.",
        ),
    ),
    value_hint="1 where the source is more than *half* of the *mixture*, 0 elsewhere.",
    mistakes=(
        Mistake(
            "not strict",
            lambda source, mixture: (source >= 0.5 * mixture).float(),
            "`>=` keeps the cells where nothing sounds: 0 >= 0. The rule is `>`.",
        ),
        Mistake(
            "without the half",
            lambda source, mixture: (source > mixture).float(),
            "You compare with the whole mixture; the rule asks for more than half of it.",
        ),
        Mistake(
            "powers",
            lambda source, mixture: (source**2 > 0.5 * mixture**2).float(),
            "You compare powers. More than half of the magnitude is more than a *quarter* of the "
            "power.",
        ),
        Mistake(
            "loudest wins",
            lambda source, mixture: (source == source.amax(0)).float() * (source > 0),
            "You give each cell to the louder source. The rule compares each source with the "
            "mixture, alone; where waves cancel, several pass.",
        ),
    ),
)

ratio_mask = FunctionCheck(
    reference=audio.ratio_mask,
    inputs=_magnitudes,
    shape_hint=_SHAPE,
    range=(0, 5),
    range_hint="Ratios lie between 0 and 5; where nothing sounds the mask is 0, and not 0 / 0.",
    limits=(
        Limit(
            (torch.zeros(1, 1, 2), torch.zeros(1, 2)),
            torch.zeros(1, 1, 2),
            "0 / 0 is not a number, and one NaN spoils a whole training. Add a tiny number, "
            "`1e-10`, to the mixture before you divide.",
        ),
        Limit(
            (torch.tensor([[[9.0, 1.0]]]), torch.tensor([[1.0, 4.0]])),
            torch.tensor([[[5.0, 0.25]]]),
            "9 / 1 is cut down to 5, and 1 / 4 stays as it is.",
        ),
    ),
    value_hint="Source divided by mixture, clamped to 0 … 5.",
    mistakes=(
        Mistake(
            "no clamp",
            lambda source, mixture: source / (mixture + 1e-10),
            "Where sources cancel the quotient has no bound, and single cells would rule the "
            "loss: clamp at 5.",
        ),
        Mistake(
            "clamp at 1",
            lambda source, mixture: (source / (mixture + 1e-10)).clamp(0, 1),
            "A ratio above 1 is no error: where waves cancel, the source is louder than the "
            "mixture. Clamp at 5.",
        ),
        Mistake(
            "0 / 0",
            lambda source, mixture: (source / mixture).clamp(0, 5),
            "0 / 0 is NaN, and `clamp` keeps it. Add a tiny number to the mixture first.",
        ),
        Mistake(
            "sum of magnitudes",
            lambda source, mixture: source / (source.sum(0) + 1e-10),
            "You divide by the sum of the magnitudes. The mixture is the sum of the *waves*, and "
            "is given.",
        ),
    ),
)

loss_weight = FunctionCheck(
    reference=audio.loss_weight,
    inputs=lambda g: (30 * torch.rand(5, 7, generator=g) ** 4,),
    shape_hint="One weight for each cell of the mixture.",
    range=(1e-3, 10),
    range_hint="Weights lie between 0.001 and 10.",
    limits=(
        Limit(
            (torch.tensor([[0.0, 1e9]]),),
            torch.tensor([[1e-3, 10.0]]),
            "Silence weighs 0.001, not nothing, and nothing weighs more than 10.",
        ),
    ),
    value_hint="The natural logarithm of 1 + magnitude, then the clamp.",
    mistakes=(
        Mistake(
            "no 1 +",
            lambda mixture: torch.log(mixture).clamp(1e-3, 10),
            "log of the magnitude alone is negative below 1, and the clamp throws all of that "
            "away: take the logarithm of 1 + magnitude.",
        ),
        Mistake(
            "decadic",
            lambda mixture: torch.log10(1 + mixture).clamp(1e-3, 10),
            "That is the logarithm to base 10. The papers take the natural one, `torch.log1p`.",
        ),
        Mistake(
            "clamped before",
            lambda mixture: torch.log1p(mixture.clamp(1e-3, 10)),
            "You clamp the magnitude. What is clamped is the weight, after the logarithm.",
        ),
        Mistake(
            "no floor",
            lambda mixture: torch.log1p(mixture).clamp(0, 10),
            "With a weight of 0 a network may do in silence what it likes. The floor is 0.001.",
        ),
    ),
)


def _best_real_mask(source: Tensor, mixture: Tensor) -> Tensor:
    power = mixture.abs().square()
    return (source * mixture.conj()).real / power.clamp_min(1e-20)


def _spectra(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    parts = torch.randn(2, 5, 7, dtype=torch.complex64, generator=generator)
    return parts[0], parts.sum(0)


best_real_mask = FunctionCheck(
    reference=_best_real_mask,
    inputs=_spectra,
    shape_hint="One real number for each cell: the source times the conjugate of the mixture is "
    "complex, and its real part is wanted.",
    limits=(
        Limit(
            (torch.tensor([[1j, -2 + 0j]]), torch.tensor([[1 + 0j, 1 + 0j]])),
            torch.tensor([[0.0, -2.0]]),
            "A source at right angles to the mixture gets 0: no real factor helps. One that is "
            "opposite gets a negative mask.",
        ),
        Limit(
            (torch.zeros(1, 1) + 0j, torch.zeros(1, 1) + 0j),
            torch.zeros(1, 1),
            "Where the mixture is silent the mask is 0, not 0 / 0.",
        ),
    ),
    value_hint="Set the derivative of |S - m X|² with respect to the real number m to zero: "
    "m = Re(S X*) / |X|².",
    mistakes=(
        Mistake(
            "ratio of magnitudes",
            lambda source, mixture: source.abs() / (mixture.abs() + 1e-10),
            "That is the ratio mask, which is as long as the source but looks the wrong way. The "
            "angle between source and mixture has to come in.",
        ),
        Mistake(
            "no conjugate",
            lambda source, mixture: (source * mixture).real / (mixture.abs() ** 2).clamp_min(1e-20),
            "Re(S X) adds the angles. Re(S X*), with the conjugate, takes their difference.",
        ),
        Mistake(
            "not divided by the power",
            lambda source, mixture: (source * mixture.conj()).real / (mixture.abs() + 1e-10),
            "Divide by |X|², not by |X|: once because the mask multiplies X, once because S was "
            "multiplied with X*.",
        ),
        Mistake(
            "clamped",
            lambda source, mixture: _best_real_mask(source, mixture).clamp(0, 1),
            "Networks are given this mask cut off to 0 … 1. Here the best mask of all is wanted, "
            "without bounds.",
        ),
    ),
)


def _tones(generator: torch.Generator) -> tuple[Tensor]:
    """Two sources of a few decaying tones, with some noise, (2, 3072)."""
    time = torch.arange(3072) / 11025
    draw = torch.rand(2, 6, 3, generator=generator)
    hz, decay, phase = 150 + 1500 * draw[..., 0], 1 + 4 * draw[..., 1], 6.28 * draw[..., 2]
    tones = torch.sin(6.2832 * hz[..., None] * time + phase[..., None])
    waves = (tones * torch.exp(-decay[..., None] * time)).sum(1)
    return (0.1 * waves + 0.01 * torch.randn(2, 3072, generator=generator),)


def _oracle_estimates(sources: Tensor) -> Tensor:
    mixture = audio.stft(sources.sum(0))
    masks = audio.ratio_mask(audio.stft(sources).abs(), mixture.abs())
    return audio.istft(masks * mixture, sources.shape[-1])


def _own_phase(sources: Tensor) -> Tensor:
    spectra = audio.stft(sources)
    masked = audio.ratio_mask(spectra.abs(), spectra.sum(0).abs()) * spectra.sum(0).abs()
    return audio.istft(torch.polar(masked, spectra.angle()), sources.shape[-1])


def _added_magnitudes(sources: Tensor) -> Tensor:
    spectra = audio.stft(sources)
    masks = audio.ratio_mask(spectra.abs(), spectra.abs().sum(0))
    return audio.istft(masks * spectra.sum(0), sources.shape[-1])


def _binary_oracle(sources: Tensor) -> Tensor:
    mixture = audio.stft(sources.sum(0))
    masks = audio.binary_mask(audio.stft(sources).abs(), mixture.abs())
    return audio.istft(masks * mixture, sources.shape[-1])


oracle_estimates = FunctionCheck(
    reference=_oracle_estimates,
    inputs=_tones,
    shape_hint="One wave for each source, as long as the sources: give `audio.istft` the length.",
    value_hint="Mixture, its STFT, the two ratio masks, masks times the mixture's *complex* "
    "spectrum, back with `audio.istft`.",
    mistakes=(
        Mistake(
            "the source's own phase",
            _own_phase,
            "You gave each source its own phase, which no separator knows. A mask multiplies the "
            "mixture's complex spectrum, and its phase comes along.",
        ),
        Mistake(
            "magnitudes added",
            _added_magnitudes,
            "You divided by the sum of the magnitudes. Add the *waves*, take the STFT of that, "
            "and divide by its magnitude.",
        ),
        Mistake(
            "binary masks",
            _binary_oracle,
            "These are the estimates of the binary masks; `audio.ratio_mask` is asked for.",
        ),
        Mistake(
            "recording handed back",
            lambda sources: sources.sum(0).expand_as(sources).clone(),
            "That is the recording itself, twice: no mask was applied.",
        ),
    ),
)

sums_to_mixture = AnswerCheck(
    truth=(False, False, True, True),
    hints={
        (True, False, True, True): "Nearly. Where the waves cancel *both* binary masks are 1, and "
        "they add up to 2.",
        (False, True, True, True): "Nearly. The magnitudes' ratios add up to (|S₁| + |S₂|) / |X|, "
        "which is 1 only where the two waves are in step.",
        (True, True, True, True): "Only two of them do. Try a cell with magnitudes 3 and 4 and a "
        "mixture of 1.",
        (False, False, True, False): "Shares do: |S₁| and |S₂|, both divided by |S₁| + |S₂|.",
        (False, False, False, True): "The louder source gets the cell: one mask is 1, the other 0.",
    },
    otherwise="Estimates add up to the recording if and only if the masks add up to 1 in every "
    "cell. Go through the four with magnitudes 3 and 4 and a mixture of 1.",
    right="Each of the last two hands out every cell exactly once. The ideal binary and ratio "
    "masks judge each source by itself, and nobody does the sum.",
)

musical_noise = AnswerCheck(
    truth=("binary", "soft"),
    hints={
        (
            "soft",
            "binary",
        ): "The other way round. Single cells that are switched on and off whistle; "
        "a soft mask lets a little of everything through.",
        ("binary", "binary"): "The whistling is the binary mask's, yes. But listen to how loud the "
        "*other* player is in the background.",
        ("soft", "soft"): "The other player is indeed heard more through the soft mask. But which "
        "of the two whistles and gargles?",
    },
    otherwise='Answer with two words, "binary" or "soft".',
    right="Cells that blink on and off are short tones of their own: musical noise. A soft mask "
    "blinks less and leaks more.",
)

above_the_ceiling = AnswerCheck(
    truth="c",
    hints={
        "a": "No bug follows. The ideal binary mask is the best *of one rule*, and neither the "
        "best binary nor the best real mask.",
        "b": "Neither is it a discovery: one score against another, and not by a law.",
        "d": "SDR of BSS-eval is all but blind to gain and to short filters; louder is not better.",
    },
    otherwise="Answer with one of the letters.",
    right="The ideal binary mask is a reference, not a bound: the best real mask, and a network "
    "that paints its own cells in between, may pass it.",
)
