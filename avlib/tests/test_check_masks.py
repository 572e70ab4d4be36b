import pytest
import torch
from check_cases import checks_of, confirm

from avlib import audio, check


@pytest.mark.parametrize("name", checks_of("masks"))
def test_right_passes_and_every_known_mistake_gets_its_hint(name):
    confirm(name)


# mistakes that no list knows, and the stage at which each must be caught
OTHERS = {
    "binary_mask": [
        ("shape", lambda source, mixture: (source > mixture / 2).float().sum(0)),
        ("range", lambda source, mixture: 2 * (source > mixture / 2).float()),
        ("limits", lambda source, mixture: (source > mixture / 2 - 1e-3).float()),
        ("value", lambda source, mixture: audio.binary_mask(source, mixture.flip(0))),
        ("runs", lambda source: source),
    ],
    "ratio_mask": [
        ("shape", lambda source, mixture: audio.ratio_mask(source, mixture)[0]),
        ("range", lambda source, mixture: -audio.ratio_mask(source, mixture)),
        ("limits", lambda source, mixture: audio.ratio_mask(source, mixture, clip=4.0)),
        ("value", lambda source, mixture: audio.ratio_mask(source, mixture.flip(0))),
    ],
    "loss_weight": [
        ("shape", lambda mixture: torch.log1p(mixture).mean().clamp(1e-3, 10)),
        ("range", lambda mixture: torch.log1p(mixture) - 1),
        ("limits", lambda mixture: torch.log1p(mixture).clamp(1e-3, 5)),
        ("value", lambda mixture: torch.log1p(mixture).clamp(1e-3, 10).flip(0)),
    ],
    "best_real_mask": [
        ("shape", lambda source, mixture: source * mixture.conj() / mixture.abs() ** 2),
        ("range", lambda source, mixture: (source / mixture).real / 0),
        ("limits", lambda source, mixture: (source / mixture).real.abs()),
        ("limits", lambda source, mixture: (source / mixture).real),  # 0 / 0
    ],
    "oracle_estimates": [
        ("shape", lambda sources: audio.stft(sources)),
        ("range", lambda sources: sources / 0),
        ("value", lambda sources: check.masks._oracle_estimates(sources).flip(0)),
    ],
}


@pytest.mark.parametrize(
    ("name", "stage", "function"),
    [(name, stage, f) for name, cases in OTHERS.items() for stage, f in cases],
)
def test_other_mistakes_are_caught_in_the_right_stage(name, stage, function):
    verdict = getattr(check, name)(function, seed=0)
    assert (verdict.passed, verdict.stage) == (False, stage), verdict


def test_other_right_ways_pass():
    def binary(source, mixture):
        return (2 * source > mixture).double()

    def ratio(source, mixture):
        there = mixture > 1e-9
        quotient = torch.where(there, source / torch.where(there, mixture, 1), 0)
        return quotient.clamp(max=5)

    def weight(mixture):
        return torch.log(1 + mixture).clamp(0.001, 10)

    def real(source, mixture):
        return torch.where(mixture == 0, 0, source / mixture).real

    def oracle(sources):
        spectra = audio.stft(sources)
        mixture = spectra.sum(0)
        estimates = mixture * audio.ratio_mask(spectra.abs(), mixture.abs())
        return audio.istft(estimates, sources.shape[1])

    for name, function in {
        "binary_mask": binary,
        "ratio_mask": ratio,
        "loss_weight": weight,
        "best_real_mask": real,
        "oracle_estimates": oracle,
    }.items():
        assert check.__getattr__(name)(function).passed, name


def test_the_answer_about_opposite_waves_is_what_the_library_computes():
    source, mixture = torch.tensor([[[3.0]], [[4.0]]]), torch.tensor([[1.0]])
    binary = audio.binary_mask(source, mixture).flatten().tolist()
    ratio = audio.ratio_mask(source, mixture).flatten().tolist()
    assert check.both_masks((*map(round, binary), *ratio)).passed
    assert not check.both_masks((1, 1, 4, 3)).passed


def test_which_masks_sum_to_one_is_what_random_spectra_show():
    generator = torch.Generator().manual_seed(0)
    spectra = torch.randn(2, 9, 9, dtype=torch.complex64, generator=generator)
    size, mixture = spectra.abs(), spectra.sum(0).abs()
    masks = (
        audio.binary_mask(size, mixture),
        audio.ratio_mask(size, mixture),
        (size == size.amax(0)).float(),
        size / size.sum(0),
    )
    sums = tuple(bool(torch.allclose(mask.sum(0), torch.ones(9, 9))) for mask in masks)
    assert check.sums_to_mixture(sums).passed


def test_the_best_real_mask_is_the_best():
    generator = torch.Generator().manual_seed(0)
    source, mixture = check.masks.best_real_mask.inputs(generator)
    best = check.masks.best_real_mask.reference(source, mixture)
    error = (source - best * mixture).abs()
    for step in (-0.01, 0.01):
        assert (error < (source - (best + step) * mixture).abs()).all()
