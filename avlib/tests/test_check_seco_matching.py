"""Checks of the chapter on online matching: references pass, mistakes do not."""

import numpy as np
import pytest
import torch
from check_cases import checks_of, confirm, confirm_stage, functions_of
from torch import nn

from avlib import metrics, seco
from avlib.check import matching_choice
from avlib.check import seco_matching as checks

FUNCTIONS = functions_of("seco_matching")


@pytest.mark.parametrize("name", checks_of("seco_matching"))
def test_check(name):
    confirm(name)


def half_reset(model, work):
    """Only the first of the layers is put back."""
    before = {name: value.clone() for name, value in model[0].state_dict().items()}
    try:
        return work(model)
    finally:
        model[0].load_state_dict(before)


UNKNOWN = [
    ("matching_steps", lambda loss, theta, steps, lr: loss(theta), "shape"),
    ("matching_steps", lambda loss, theta, steps, lr: theta / 0, "range"),
    ("matching_steps", lambda loss, theta, steps, lr: theta - lr, "limits"),
    (
        "matching_steps",
        lambda loss, theta, steps, lr: checks._descend(loss, theta, min(steps, 1), lr),
        "value",
    ),
    ("borrowed_model", lambda model, work: checks._borrow(model, work) and None, "runs"),
    ("borrowed_model", lambda model, work: checks._borrow(model, work)[0], "shape"),
    ("borrowed_model", half_reset, "limits"),
    ("choose_steps", lambda grid, plain: grid[0]["lr"], "shape"),
    ("choose_steps", lambda grid, plain: (-1.0, 5), "range"),
    ("choose_steps", lambda grid, plain: (0.1, 1), "limits"),
    ("paired_gain", lambda after, before, group, drawn: (after - before).mean(), "shape"),
    ("paired_gain", lambda after, before, group, drawn: (after.mean(),) * 3, "limits"),
    (
        "paired_gain",
        lambda after, before, group, drawn: ((after - before).mean(),) * 3,
        "value",
    ),
]


@pytest.mark.parametrize(("name", "wrong", "stage"), UNKNOWN)
def test_other_mistakes_fail_in_the_right_stage(name, wrong, stage):
    confirm_stage(name, wrong, stage)


def test_every_function_check_has_an_unknown_mistake():
    assert {name for name, _, _ in UNKNOWN} == set(FUNCTIONS)


def test_terms_are_the_librarys():
    truth = checks.terms_without_truth.truth
    named = tuple(t for t, there in zip(seco.TERMS, truth, strict=True) if there)
    assert named == seco.WITHOUT_TRUTH


def test_the_same_step_is_that_of_the_library():
    model = seco.SeCo(seco.pocket("attributes"))
    assert model.cfg.distance == "mean"
    assert seco.step_sizes(model, (0.01,))[0] == pytest.approx(checks.same_step.truth)


def test_steps_are_those_of_an_optimiser():
    loss, theta, steps, lr = checks._draw_bowl(torch.Generator().manual_seed(3))
    moving = nn.Parameter(theta.clone())
    optimiser = torch.optim.SGD([moving], lr=lr)
    for _ in range(steps):
        optimiser.zero_grad()
        loss(moving).backward()
        optimiser.step()
    torch.testing.assert_close(checks.matching_steps.reference(loss, theta, steps, lr), moving.data)


def test_the_work_moves_everything_and_the_reset_nothing():
    model, work = checks._draw_work(torch.Generator().manual_seed(1))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    moved = checks._watched(checks._never)(model, work)["model"]
    assert not any(torch.equal(moved[name], before[name]) for name in before)
    kept = checks._watched(checks._borrow)(model, work)
    assert all(torch.equal(kept["model"][name], before[name]) for name in before)
    assert not kept["raised"]
    assert checks._watched(checks._borrow)(*checks._FAILING)["raised"]


def test_the_interval_is_that_of_the_library():
    after, before, group, _ = matching_choice._draw_scores(torch.Generator().manual_seed(2))
    generator = np.random.default_rng(0)
    drawn = torch.from_numpy(generator.multinomial(5, [0.2] * 5, 10_000))
    ours = checks.paired_gain.reference(after, before, group, drawn)
    theirs = metrics.paired_bootstrap(after, before, group.tolist())
    assert [float(x) for x in ours] == pytest.approx(list(theirs), abs=0.02)
