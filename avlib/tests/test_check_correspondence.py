"""Checks of the chapter on co-occurrence: references pass, known and unknown mistakes do not."""

import pytest
import torch
from check_cases import checks_of, confirm, confirm_stage, functions_of

FUNCTIONS = functions_of("correspondence")


@pytest.mark.parametrize("name", checks_of("correspondence"))
def test_check(name):
    confirm(name)


UNKNOWN = [
    ("matching_loss", lambda p, n: p, "shape"),
    ("matching_loss", lambda p, n: 0.5 * (p.log().mean() + (1 - n).log().mean()), "range"),
    ("matching_loss", lambda p, n: (p - 1).square().mean() + n.square().mean(), "limits"),
    (
        "matching_loss",
        lambda p, n: FUNCTIONS["matching_loss"].reference(p.detach(), n.detach()),
        "gradient",
    ),
    ("info_nce_loss", lambda s, t: (s / t).softmax(1), "shape"),
    ("info_nce_loss", lambda s, t: (s / t).log_softmax(1).diagonal().mean(), "range"),
    (
        "info_nce_loss",
        lambda s, t: -((s / t).exp() / (s / t).exp().sum(1)).diagonal().log().mean(),
        "limits",
    ),
    ("false_negative_rate", lambda p, n: p, "shape"),
    ("false_negative_rate", lambda p, n: 2 + p.sum(), "range"),
    ("false_negative_rate", lambda p, n: 1 - 1 / len(p), "limits"),
    ("hardest_rivals", lambda s: s, "shape"),
    ("hardest_rivals", lambda s: s.argmax(1) - 9, "range"),
    ("hardest_rivals", lambda s: s.argsort(1)[:, -2], "limits"),
    ("broken_shortcut", lambda music, hum: music[0], "shape"),
    ("broken_shortcut", lambda music, hum: music + hum.flip(0), "limits"),
]


@pytest.mark.parametrize(("name", "wrong", "stage"), UNKNOWN)
def test_other_mistakes_fail_in_the_right_stage(name, wrong, stage):
    confirm_stage(name, wrong, stage)


def test_every_function_check_has_an_unknown_mistake():
    assert {name for name, _, _ in UNKNOWN} == set(FUNCTIONS)


def test_the_formula_of_false_negatives_is_what_happens():
    """Drawing 20,000 batches gives what the reference says."""
    shares = torch.tensor([0.5, 0.3, 0.2])
    generator = torch.Generator().manual_seed(0)
    drawn = torch.multinomial(shares.expand(20_000, 3), 4, replacement=True, generator=generator)
    happened = (drawn[:, :1] == drawn[:, 1:]).any(1).float().mean()
    formula = FUNCTIONS["false_negative_rate"].reference(shares, 4)
    assert happened.item() == pytest.approx(formula.item(), abs=0.01)
