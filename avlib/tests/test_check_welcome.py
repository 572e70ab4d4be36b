"""Checks of the chapter `welcome`."""

import math

import pytest
import torch
from check_cases import checks_of, confirm

from avlib import audio, check
from avlib.metrics import bss_eval
from avlib.orchestra import make_scene


@pytest.mark.parametrize("name", checks_of("welcome"))
def test_right_work_passes_and_known_mistakes_are_named(name):
    confirm(name)


@pytest.mark.parametrize(
    ("name", "function", "stage"),
    [
        ("fixed_split", lambda s, rate, hz: s[: len(s) // 2], "shape"),
        ("fixed_split", lambda s, rate, hz: (s, s), "limits"),
        ("fixed_split", lambda s, rate, hz: (s.no_rows, s), "runs"),
        ("lazy_sdr", lambda g: -20 * math.log10(g), "shape"),
        ("lazy_sdr", lambda g: (0.0, 0.0), "limits"),
        ("lazy_sdr", lambda g: (12.0412 * (1 - g), -12.0412 * (1 - g)), "value"),
        ("energy_share", lambda parts, mixture: parts.square(), "shape"),
        ("energy_share", lambda parts, mixture: -parts.square().sum(-1), "range"),
        ("energy_share", lambda parts, mixture: parts.square().mean(-1), "limits"),
        (
            "energy_share",
            lambda parts, mixture: (parts @ mixture / mixture.square().sum()).clamp_min(0),
            "value",
        ),
        ("swap_test", lambda separate, recording, looks: separate(recording, looks), "shape"),
        (
            "swap_test",
            lambda separate, recording, looks: (
                separate(recording, looks) - separate(recording, looks.flip(0))
            ).sum()
            - 1e3,
            "range",
        ),
        (
            "swap_test",
            lambda separate, recording, looks: 0 * separate(recording, looks).sum() + 1,
            "limits",
        ),
        (
            "swap_test",
            lambda separate, recording, looks: (
                separate(recording, looks) - separate(recording, looks.flip(0))
            ).abs().sum(),
            "value",
        ),
    ],
)  # fmt: skip
def test_other_mistakes_stop_at_the_right_stage(name, function, stage):
    for seed in range(3):
        verdict = getattr(check, name)(function, seed=seed)
        assert verdict.stage == stage, verdict
        known = {mistake.hint for mistake in getattr(check, name).mistakes}
        assert verdict.hint not in known


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("separable_by_sound", "three flutes"),
        ("concert_facts", (1, 2, "tuba")),
        ("two_errors", ("noise", "noise")),
        ("first_question", ("layers", "longer")),
    ],
)
def test_other_answers_are_wrong_too(name, answer):
    verdict = getattr(check, name)(answer)
    assert verdict.stage in ("shape", "value")
    assert verdict.hint not in getattr(check, name).hints.values()


def test_only_the_duet_of_two_registers_is_separable_by_one_frequency():
    """The answer, measured with plain error energies, which the page's SDR is close to."""
    hz = torch.tensor([200.0, 400, 600, 1000])
    rows = torch.arange(audio.SOP.bins) * audio.SOP.rate / audio.SOP.n_fft
    low = rows[:, None] < hz[:, None, None]
    best = {}
    for pair in (("tuba", "flute"), ("violin", "trumpet"), ("violin", "violin")):
        scene = make_scene(
            seed=3, instruments=pair, split="test", seconds=audio.SOP.seconds, frame_times=(0.0,)
        )
        spectrum = audio.SOP.stft(torch.from_numpy(scene.mixture))
        guesses = audio.SOP.istft(torch.stack([spectrum * low, spectrum * ~low], dim=1))
        stems = torch.from_numpy(scene.stems)
        error = (guesses - stems).square().sum(-1)
        snr = 10 * torch.log10(stems.square().sum(-1) / error).mean(-1)
        best[" and ".join(pair)] = snr.max().item()
    assert max(best, key=best.get) == check.separable_by_sound.truth
    assert best["tuba and flute"] > 20
    assert best["violin and trumpet"] < 10
    assert best["violin and violin"] < 3


def test_facts_of_the_concert_are_those_of_the_orchestra():
    trio = make_scene(
        seed=12, instruments=("clarinet", "tuba", "violin"), split="test", frame_times=(0.0,)
    )
    samples, tuba, highest = check.concert_facts.truth
    assert trio.stems.shape == (3, samples)
    assert [len(notes) for notes in trio.notes] == [7, tuba, 11]
    top = [max(note.pitch for note in notes) for notes in trio.notes]
    assert trio.instruments[top.index(max(top))] == highest


def test_lazy_answer_as_measured():
    """A little above the formula: a filter of 512 samples finds chance resemblances."""
    parts = torch.randn(2, 65535, generator=torch.Generator().manual_seed(0))
    parts[1] /= 2
    measured = bss_eval(parts, parts.sum(0).expand(2, -1)).sdr
    expected = torch.tensor(check.lazy_sdr.reference(0.5))
    assert (measured - expected).abs().max() < 0.3
