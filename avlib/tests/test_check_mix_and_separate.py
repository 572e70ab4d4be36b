"""Checks of the chapter on mix-and-separate: references pass, mistakes do not."""

import pytest
import torch
from check_cases import checks_of, confirm, confirm_stage, functions_of

from avlib import audio, sop
from avlib.check import mix_and_separate as checks
from avlib.data import Orchestra, check_disjoint

FUNCTIONS = functions_of("mix_and_separate")


@pytest.mark.parametrize("name", checks_of("mix_and_separate"))
def test_check(name):
    confirm(name)


def loss_of(z, y, w):
    return checks.weighted_bce.reference(z, y, w)


UNKNOWN = [
    ("mix_solos", lambda waves, g: waves.sum(0), "shape"),
    ("mix_solos", lambda waves, g: (3 * waves, waves.sum(0)), "range"),
    ("mix_solos", lambda waves, g: (waves / 3, waves.sum(0) / 3 + 0.1), "limits"),
    ("mix_solos", lambda waves, g: (0 * waves, waves.new_zeros(waves.shape[1])), "limits"),
    ("log_frequency_target", lambda s, m: audio.binary_mask(s, m), "shape"),
    ("log_frequency_target", lambda s, m: 2 * checks.log_frequency_target.reference(s, m), "range"),
    (
        "log_frequency_target",
        lambda s, m: (audio.to_log_frequency(s) >= 0.5 * audio.to_log_frequency(m)).float(),
        "limits",
    ),
    ("log_frequency_target", lambda s, m: checks._target(s.flip(0), m), "value"),
    ("weighted_bce", lambda z, y, w: w * z, "shape"),
    ("weighted_bce", lambda z, y, w: -loss_of(z, y, w), "range"),
    ("weighted_bce", lambda z, y, w: loss_of(z.clamp(-3, 3), y, w), "limits"),
    ("weighted_bce", lambda z, y, w: loss_of(z.detach(), y, w), "gradient"),
    ("permutation_free_loss", lambda e, t: (e - t).abs(), "shape"),
    ("permutation_free_loss", lambda e, t: -(e - t).abs().mean(), "range"),
    ("permutation_free_loss", lambda e, t: checks._any_order(e, t) + 1, "limits"),
    ("permutation_free_loss", lambda e, t: checks._any_order(e.detach(), t), "gradient"),
    ("leaked_clips", lambda train, held_out: [c["name"] for c in held_out], "limits"),
    ("leaked_clips", lambda train, held_out: checks._leaked(train, held_out)[:2], "value"),
]


@pytest.mark.parametrize(("name", "wrong", "stage"), UNKNOWN)
def test_other_mistakes_fail_in_the_right_stage(name, wrong, stage):
    confirm_stage(name, wrong, stage)


def test_every_function_check_has_an_unknown_mistake():
    assert {name for name, _, _ in UNKNOWN} == set(FUNCTIONS)


def test_the_references_are_the_librarys():
    g = torch.Generator().manual_seed(7)
    waves = torch.rand(2, 300, generator=g) * 1.4 - 0.7
    ours = checks.mix_solos.reference(waves, torch.Generator().manual_seed(1))
    theirs = audio.mix(waves, "sop", torch.Generator().manual_seed(1))
    torch.testing.assert_close(ours, tuple(theirs))
    assert torch.equal(ours[0].sum(0), theirs.mixture)

    source, mixture = checks._draw_magnitudes(g)
    warped, over = audio.to_log_frequency(source)[None], audio.to_log_frequency(mixture)[None]
    logits = torch.randn(warped.shape, generator=g)
    target = checks.log_frequency_target.reference(source, mixture)[None]
    ours = checks.weighted_bce.reference(logits, target, audio.loss_weight(over)[:, None])
    torch.testing.assert_close(ours, sop.separation_loss(logits, warped, over))


def test_weighted_bce_gradient_by_hand():
    logits = torch.tensor([0.0, 2.0], requires_grad=True)
    checks.weighted_bce.reference(
        logits, torch.tensor([1.0, 0.0]), torch.tensor([3.0, 1.0])
    ).backward()
    assert logits.grad.tolist() == pytest.approx([-0.75, 0.5 * 0.880797], rel=1e-5)


def test_best_order():
    a, b, c = torch.rand(3, 2, 2, generator=torch.Generator().manual_seed(0)).unbind()
    targets = torch.stack([a, b, c])
    assert checks.permutation_free_loss.reference(torch.stack([c, a, b]), targets) == 0
    assert 0.693 == pytest.approx(torch.tensor(2.0).log().item(), abs=1e-3)
    assert checks.order_blind.truth == 0.693


def test_leaks_agree_with_the_librarys_guard():
    source = Orchestra("train", length=40)
    train, held_out = source.entries[:30], source.entries[30:]

    def rows(entries):
        return [{"name": e.name, "player": e.players[0], "video": e.video} for e in entries]

    leaked = checks.leaked_clips.reference(rows(train), rows(held_out))
    clean = [entry for entry in held_out if entry.name not in leaked]
    check_disjoint(train, clean, by=("players", "videos"))
    with pytest.raises(ValueError, match="share"):
        check_disjoint(train, held_out, by=("players",))
