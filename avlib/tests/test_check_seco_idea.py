"""Checks of the chapter on SeCo's idea: references pass, mistakes do not."""

import pytest
import torch
from check_cases import checks_of, confirm, confirm_stage, functions_of

from avlib import data, seco
from avlib.check import consistency
from avlib.check import seco_idea as checks
from avlib.skeleton import edges

FUNCTIONS = functions_of("seco_idea")


@pytest.mark.parametrize("name", checks_of("seco_idea"))
def test_check(name):
    confirm(name)


UNKNOWN = [
    ("clips_by_category", lambda clips, held_out: held_out, "shape"),
    ("clips_by_category", lambda clips, held_out: (clips, []), "shape"),
    ("clips_by_category", lambda clips, held_out: [[c["name"] for c in clips], []], "limits"),
    (
        "clips_by_category",
        lambda clips, held_out: [side[:3] for side in checks._sides(clips, held_out)],
        "value",
    ),
    ("joint_messages", lambda bones, far: torch.eye(len(far)), "shape"),
    ("joint_messages", lambda bones, far: 5 * checks._messages(bones, far), "range"),
    ("joint_messages", lambda bones, far: 0 * checks._messages(bones, far), "limits"),
    ("joint_messages", lambda bones, far: checks._messages(bones[:3], far), "value"),
    ("vector_distance", lambda x, y, reduction: (x - y).square(), "shape"),
    ("vector_distance", lambda x, y, reduction: -consistency._distance(x, y, reduction), "range"),
    ("vector_distance", lambda x, y, r: consistency._distance(x, y, r) + 0.1, "limits"),
    ("vector_distance", lambda x, y, r: consistency._distance(x, y.detach(), r), "gradient"),
    ("inter_consistency", lambda a, v, g, r, m: a, "shape"),
    ("inter_consistency", lambda a, v, g, r, m: (-v.sum(), a.sum()), "range"),
    ("inter_consistency", lambda a, v, g, r, m: consistency._inter(a, v, a, r, m), "limits"),
    (
        "inter_consistency",
        lambda a, v, g, r, m: consistency._inter(a.detach(), v, g, r, m),
        "gradient",
    ),
    ("intra_consistency", lambda a, t, m: consistency._intra(a, t, m)[0], "shape"),
    ("intra_consistency", lambda a, t, m: (-t.sum(), a.sum()), "range"),
    ("intra_consistency", lambda a, t, m: consistency._intra(a, t.detach(), m), "gradient"),
    ("intra_consistency", lambda a, t, m: consistency._intra(a, t, 0.5), "value"),
    ("intra_consistency", lambda a, t, m: consistency._intra(a, t, m + 0.1), "limits"),
    ("truth_decay", lambda step: [step, 1], "shape"),
    ("truth_decay", lambda step: 2.0, "range"),
    ("truth_decay", lambda step: 0.5, "limits"),
    ("truth_decay", lambda step: max(0.1, 0.9 ** (step / 100)) + 0.01 * (step % 50 > 0), "value"),
]


@pytest.mark.parametrize(("name", "wrong", "stage"), UNKNOWN)
def test_other_mistakes_fail_in_the_right_stage(name, wrong, stage):
    confirm_stage(name, wrong, stage)


def test_every_function_check_has_an_unknown_mistake():
    assert {name for name, _, _ in UNKNOWN} == set(FUNCTIONS)


def test_the_references_are_the_librarys():
    g = torch.Generator().manual_seed(5)
    a, v, truth, partners = torch.rand(4, 1, 2, 6, generator=g)
    for margin in (0.02, 1.0):
        found = seco.consistency_terms(seco.Features(a, v, truth, partners), "mean", margin)
        positive, negative = consistency._inter(a[0], v[0], truth[0], 0.3, margin)
        assert positive == pytest.approx(
            found["inter_positive"].item() + 0.3 * found["inter_truth"].item(), rel=1e-5
        )
        assert negative == pytest.approx(found["inter_negative"].item(), rel=1e-5)
        positive, negative = consistency._intra(a[0], partners[0], margin)
        assert positive == pytest.approx(found["intra_positive"].item(), rel=1e-5)
        assert negative == pytest.approx(found["intra_negative"].item(), rel=1e-5)
    for reduction in ("mean", "sum"):
        torch.testing.assert_close(
            consistency._distance(a, v, reduction), seco.distance(a, v, reduction)
        )
    for step in (0, 1, 99, 2185, 2186, 9999):
        assert consistency._decay(step) == seco.truth_weight(step)


def test_the_graph_is_the_librarys():
    bones = edges()
    ours = checks._messages(list(bones), list(seco.hops(bones)))
    torch.testing.assert_close(ours, seco.adjacency(bones))


def test_answers_follow_from_the_library():
    kinds = {name for held_out in data.SPLITS.values() for name in held_out}
    assert checks.held_out_kinds.truth == len(kinds)
    x, y = torch.zeros(2, 256)
    x[0], y[1] = 3.0, 0.5
    assert seco.distance(x, y).item() == checks.hinge_bounds.truth[0]
    assert 1 - seco.distance(x, y).item() == checks.hinge_bounds.truth[1]
