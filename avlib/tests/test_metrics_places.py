import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import TypeCheckError
from sklearn.metrics import auc

from avlib.metrics import iou, success_auc, success_curve

NAN = float("nan")


def boxes(*table):
    return torch.tensor(table, dtype=torch.float32)


def checkered():
    heatmap = torch.zeros(4, 4)
    heatmap[1:3, 1:3] = 1
    return heatmap


# ---- IoU by hand -----------------------------------------------------------------------------


def test_by_hand():
    assert iou(checkered(), boxes([1, 1, 3, 3]), 0.5, size=4).item() == 1
    assert iou(checkered(), boxes([0, 0, 4, 4]), 0.5, size=4).item() == pytest.approx(4 / 16)
    assert iou(checkered(), boxes([2, 2, 4, 4]), 0.5, size=4).item() == pytest.approx(1 / 7)
    assert iou(checkered(), boxes([3, 0, 4, 4]), 0.5, size=4).item() == 0


def test_boxes_are_united_not_added():
    two = boxes([1, 1, 3, 3], [1, 1, 3, 4])
    assert iou(checkered(), two, 0.5, size=4).item() == pytest.approx(4 / 6)
    apart = boxes([1, 1, 2, 3], [2, 1, 3, 3])
    assert iou(checkered(), apart, 0.5, size=4).item() == 1


def test_coordinates_are_cut_to_whole_pixels():
    assert iou(checkered(), boxes([1.9, 1.9, 3.9, 3.9]), 0.5, size=4).item() == 1
    assert iou(checkered(), boxes([0.9, 1, 3, 3]), 0.5, size=4).item() == pytest.approx(4 / 6)


def test_what_lies_outside_is_cut_off():
    assert iou(checkered(), boxes([1, 1, 300, 3]), 0.5, size=4).item() == pytest.approx(4 / 6)
    assert iou(checkered(), boxes([-9, 1, 3, 3]), 0.5, size=4).item() == pytest.approx(4 / 6)


def test_x_is_across_and_y_is_down():
    heatmap = torch.zeros(4, 6)
    heatmap[0, 4] = 1
    assert iou(heatmap, boxes([4, 0, 5, 1]), 0.5, size=(4, 6)).item() == 1
    assert iou(heatmap, boxes([0, 3, 1, 4]), 0.5, size=(4, 6)).item() == 0


def test_the_threshold_is_strict_and_relative_to_the_maximum():
    heatmap = torch.tensor([[8.0, 4.0], [4.0, 0.8]])
    whole = boxes([0, 0, 2, 2])
    assert iou(heatmap, whole, 0.5, size=2).item() == 0.25  # 4 is not above half of 8
    assert iou(heatmap, whole, 0.49, size=2).item() == 0.75
    assert iou(heatmap / 100, whole, 0.49, size=2).item() == 0.75
    assert iou(heatmap, whole, 0, size=2).item() == 1
    assert iou(heatmap, whole, 1, size=2).item() == 0  # nothing exceeds the maximum


def test_maps_without_a_positive_value_mark_nothing():
    for value in (0.0, -1.0):
        assert iou(torch.full((3, 3), value), boxes([0, 0, 2, 2]), 0.1, size=3).item() == 0


def test_a_uniform_map_marks_everything():
    assert iou(torch.full((7, 7), 0.2), boxes([0, 0, 112, 112]), 0.5).item() == 0.25


def test_the_maximum_is_that_of_the_resized_map():
    # 14 -> 7 by bilinear reading halfway between cells halves a single bright cell and more
    heatmap = torch.full((14, 14), 0.2)
    heatmap[0, 0] = 1.0
    marked = torch.nn.functional.interpolate(
        heatmap[None, None], (7, 7), mode="bilinear", align_corners=False
    )[0, 0]
    assert marked.max() == pytest.approx(0.4)
    # 0.2 is not above half of the original maximum, nor of the resized one: 0.2 > 0.5 * 0.4 is
    # false, but 0.45 of it tells the two apart
    assert iou(heatmap, boxes([0, 0, 7, 7]), 0.45, size=7).item() == 1
    assert iou(heatmap, boxes([0, 0, 7, 7]), 0.55, size=7).item() == pytest.approx(1 / 49)


def test_no_box():
    nobody = boxes([NAN] * 4)
    with pytest.raises(ValueError, match="without a box"):
        iou(checkered(), nobody, 0.5, size=4)
    assert iou(checkered(), nobody, 0.5, size=4, empty="nan").isnan()
    assert iou(checkered(), torch.zeros(0, 4), 0.5, size=4, empty="nan").isnan()
    with pytest.raises(ValueError, match="whole pixel"):
        iou(checkered(), boxes([1.2, 1, 1.8, 3]), 0.5, size=4)


def test_a_batch_with_different_numbers_of_boxes_equals_one_by_one():
    generator = torch.Generator().manual_seed(0)
    maps = torch.rand(2, 3, 14, 14, generator=generator)
    corners = torch.rand(2, 3, 2, 2, 2, generator=generator) * 100
    several = torch.cat([corners.amin(-2), corners.amax(-2) + 20], -1)
    several[0, 1, 1] = NAN
    several[1, 2] = NAN
    scores = iou(maps, several, 0.5, empty="nan")
    assert scores.shape == (2, 3)
    assert scores[1, 2].isnan()
    for i, j in [(0, 0), (0, 1), (1, 1)]:
        there = several[i, j][~several[i, j].isnan().any(-1)]
        assert scores[i, j] == iou(maps[i, j], there, 0.5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"relative_threshold": 1.5}, "relative_threshold"),
        ({"relative_threshold": -0.1}, "relative_threshold"),
        ({"boxes": torch.zeros(2, 1, 4)}, "leading axes"),
        ({"boxes": torch.tensor([[0.0, 0, 1, NAN]])}, "four NaN"),
        ({"heatmap": torch.tensor([[NAN, 1.0]])}, "NaN or infinite"),
        ({"heatmap": torch.tensor([[torch.inf, 1.0]])}, "NaN or infinite"),
    ],
)
def test_what_has_no_iou(change, message):
    right = {"heatmap": checkered(), "boxes": boxes([1, 1, 3, 3]), "relative_threshold": 0.5}
    with pytest.raises(ValueError, match=message):
        iou(**(right | change))


def test_an_unknown_word_for_no_box_is_refused():
    with pytest.raises((ValueError, TypeCheckError), match="zero"):
        iou(checkered(), boxes([1, 1, 3, 3]), 0.5, size=4, empty="zero")


def released(heatmap, table, share):
    """The definition with loops and OpenCV, as the papers' measurement was made."""
    import cv2

    truth = np.zeros((224, 224))
    for x1, y1, x2, y2 in table:
        truth[int(y1) : int(y2), int(x1) : int(x2)] = 1
    picture = cv2.resize(heatmap, (224, 224))
    above = picture > share * picture.max()
    return (above * (truth > 0)).sum() / (truth.sum() + (above * (truth == 0)).sum())


@given(seed=st.integers(0, 10_000), share=st.sampled_from([0.1, 0.2, 0.5]))
@settings(max_examples=30, deadline=None)
def test_equals_the_definition_with_opencv(seed, share):
    rng = np.random.default_rng(seed)
    heatmap = rng.random((14, 14), dtype=np.float32) ** 3
    low = rng.random((3, 2)) * 150
    table = np.concatenate([low, low + 2 + rng.random((3, 2)) * 70], 1)
    mine = iou(torch.from_numpy(heatmap), torch.from_numpy(table).float(), share)
    want = released(heatmap, table.astype(np.float32), share)
    assert mine.item() == pytest.approx(want, abs=2e-4)  # a pixel or so on the threshold


# ---- success curve and its area ----------------------------------------------------------------


def test_curve_by_hand():
    curve = success_curve(torch.tensor([0.0, 0.12, 0.5, 1.0]))
    want = [1.0] + [0.75] * 2 + [0.5] * 8 + [0.25] * 10
    assert curve.success.tolist() == want
    assert curve.thresholds[[0, 1, 20]].tolist() == pytest.approx([0, 0.05, 1])


def test_exact_thresholds_are_reached_in_both_precisions():
    for dtype in (torch.float32, torch.float64):
        scores = torch.arange(21, dtype=dtype)[:, None] / 20
        curve = success_curve(scores)
        assert curve.success.sum(-1).tolist() == list(range(1, 22))
    # the release's 0.05 * 6 is above 0.3: there, 0.3 is no success
    assert not 0.3 >= 0.05 * 6


def test_area_by_hand():
    assert success_auc(torch.tensor([1.0, 1.0])).item() == pytest.approx(1)
    assert success_auc(torch.tensor([0.0])).item() == pytest.approx(0.025)
    assert success_auc(torch.tensor([0.5])).item() == pytest.approx(0.5 + 0.025)
    assert success_auc(torch.tensor([[1.0, 1.0], [0.0, 1.0]])).tolist() == pytest.approx(
        [1, 0.5125]
    )


def test_area_equals_scikit_learn():
    scores = torch.rand(3, 50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for row, area in zip(scores, success_auc(scores), strict=True):
        x = np.arange(21) / 20
        success = [(row.numpy() >= t).mean() for t in x]
        assert area.item() == pytest.approx(auc(x, success), abs=1e-12)


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=30))
@settings(deadline=None)
def test_area_is_near_the_mean_and_curve_never_rises(values):
    scores = torch.tensor(values, dtype=torch.float64)
    curve = success_curve(scores)
    assert (curve.success.diff() <= 0).all()
    assert abs(success_auc(scores) - scores.mean()) <= 0.025 + 1e-9


def test_no_scores_and_no_numbers_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        success_auc(torch.zeros(3, 0))
    with pytest.raises(ValueError, match="1 of 2 scores"):
        success_auc(torch.tensor([0.5, NAN]))
