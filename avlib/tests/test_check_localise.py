"""Checks of the chapter on localisation: references pass, known and unknown mistakes do not."""

import pytest
import torch
from check_cases import checks_of, confirm, confirm_stage, functions_of

from avlib import metrics
from avlib.check import localise
from avlib.dsol import location_map

FUNCTIONS = functions_of("localise")


@pytest.mark.parametrize("name", checks_of("localise"))
def test_check(name):
    confirm(name)


UNKNOWN = [
    ("sounding_map", lambda a, v, w: a, "shape"),
    ("sounding_map", lambda a, v, w: 3 + v[:, 0], "range"),
    (
        "sounding_map",
        lambda a, v, w: torch.sigmoid(
            w * torch.cosine_similarity(a[..., None, None], v, dim=1)
        ).square(),
        "limits",
    ),
    (
        "sounding_map",
        lambda a, v, w: FUNCTIONS["sounding_map"].reference(a.detach(), v.detach(), w),
        "gradient",
    ),
    ("softmax_pooling", lambda z: z, "shape"),
    ("softmax_pooling", lambda z: 2 + z.sum((1, 2)), "range"),
    ("softmax_pooling", lambda z: z.sigmoid().flatten(1).median(1).values, "limits"),
    ("honest_area", lambda v, t: metrics.success_auc(t), "shape"),
    ("honest_area", lambda v, t: 2 + t.mean(), "range"),
    ("honest_area", lambda v, t: t[metrics.success_auc(v).argmax()].mean(), "limits"),
    ("honest_area", lambda v, t: metrics.success_auc(t[metrics.success_auc(v).argmin()]), "limits"),
    ("loudest_player", lambda m, b: m, "shape"),
    ("loudest_player", lambda m, b: torch.full((len(b),), 7.0), "range"),
    (
        "loudest_player",
        lambda m, b: torch.stack([m[y, x] for x, y, _, _ in b.tolist()]),
        "limits",
    ),
]


@pytest.mark.parametrize(("name", "wrong", "stage"), UNKNOWN)
def test_other_mistakes_fail_in_the_right_stage(name, wrong, stage):
    confirm_stage(name, wrong, stage)


def test_every_function_check_has_an_unknown_mistake():
    assert {name for name, _, _ in UNKNOWN} == set(FUNCTIONS)


def test_answers_are_what_the_library_computes():
    box = torch.tensor([localise.HAND_BOX], dtype=torch.float32)
    found = [metrics.iou(localise.HAND_MAP, box, share, size=4).item() for share in (0.5, 0.3)]
    assert found == pytest.approx(list(localise.overlap_by_hand.truth[:2]))
    cosine = torch.tensor([[localise.cosine_at_threshold.truth]])
    assert location_map(cosine, 5.0).item() == pytest.approx(0.05)
    box = torch.tensor([[28.0, 28.0, 196.0, 196.0]])
    whole = metrics.iou(torch.ones(14, 14), box, 0.1).item()
    assert whole == localise.whole_image_score.truth[0]
