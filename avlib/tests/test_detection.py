import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avlib.detection import (
    COSEP_CLASSES,
    Detections,
    box_overlaps,
    filter_detections,
    imperfect_detections,
    suppress_overlaps,
)
from avlib.orchestra import make_scene

SIZE = (100, 200)


def rows(*table):
    """Detections of (frame, class, confidence, x1, y1, x2, y2)."""
    return Detections.from_rows(np.array(table, np.float64).reshape(-1, 7), SIZE)


def strip(frame, name, confidence, x1, x2):
    """A box 10 high: of two such, IoU is that of their intervals."""
    return (frame, name, confidence, x1, 10, x2, 20)


def kept(detections, **rule):
    return [
        (d[0], d[1], round(d[2], 3)) for d in filter_detections(detections, **rule).rows().tolist()
    ]


# ---- the table ----------------------------------------------------------------------------


def test_columns_have_fixed_types_and_cannot_be_changed():
    found = Detections([0.0, 1.0], [1, 2], [0.5, 1], [[0, 0, 1, 1], [0, 0, 2, 2]], SIZE)
    assert (found.frame.dtype, found.boxes.dtype) == (np.int64, np.float32)
    with pytest.raises(ValueError, match="read-only"):
        found.boxes[0] = 0
    with pytest.raises(AttributeError):
        found.size = (1, 1)


def test_the_callers_arrays_are_copied():
    boxes = np.array([[0, 0, 1, 1]], np.float32)
    found = Detections([0], [1], [0.5], boxes, SIZE)
    boxes[:] = 7
    assert found.boxes.tolist() == [[0, 0, 1, 1]]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((0, 1, 0.5, 3, 3, 3, 5), "no area"),
        ((0, 1, 0.5, 5, 3, 3, 5), "no area"),
        ((0, 1, 0.5, -1, 3, 3, 5), "leaves the picture"),
        ((0, 1, 0.5, 0, 0, 3, 101), "leaves the picture"),
        ((0, 1, 0.5, 0, 0, np.nan, 5), "leaves the picture"),
        ((0, 1, 1.5, 0, 0, 3, 5), "confidence"),
        ((0, 1, np.nan, 0, 0, 3, 5), "confidence"),
        ((-1, 1, 0.5, 0, 0, 3, 5), "negative frame"),
        ((0, -1, 0.5, 0, 0, 3, 5), "negative frame"),
        ((0.5, 1, 0.5, 0, 0, 3, 5), "whole numbers"),
        ((0, np.inf, 0.5, 0, 0, 3, 5), "whole numbers"),
        ((2**24 + 2, 1, 0.5, 0, 0, 3, 5), "too large"),
    ],
)
def test_a_detection_that_cannot_be_is_refused_with_its_number(row, message):
    with pytest.raises(ValueError, match=message):
        rows((0, 1, 0.5, 0, 0, 3, 5), row)


def test_the_number_of_the_bad_detection_is_named():
    with pytest.raises(ValueError, match="detection 1 has no area"):
        rows((0, 1, 0.5, 0, 0, 3, 5), (0, 1, 0.5, 3, 3, 3, 5))


def test_columns_of_different_length_and_impossible_sizes_are_refused():
    with pytest.raises(ValueError, match="different length"):
        Detections([0, 1], [1], [0.5], [[0, 0, 1, 1]], SIZE)
    with pytest.raises(ValueError, match="height, width"):
        Detections([], [], [], [], (0, 5))
    with pytest.raises(ValueError, match="7 columns"):
        Detections.from_rows(np.zeros((2, 6)), SIZE)


def test_some_of_the_detections():
    found = rows(strip(0, 1, 0.5, 0, 9), strip(1, 2, 0.6, 0, 9), strip(2, 3, 0.7, 0, 9))
    assert found[found.frame > 0].class_id.tolist() == [2, 3]
    assert found[[2, 0]].class_id.tolist() == [3, 1]
    assert found[:1].class_id.tolist() == [1]
    assert len(found[[]]) == 0
    assert found[1].class_id.tolist() == [2]


def test_equal_by_value():
    row = strip(0, 1, 0.5, 0, 9)
    assert rows(row) == rows(row)
    assert rows(row) != rows(strip(0, 2, 0.5, 0, 9))
    assert rows(row) != Detections.from_rows([row], (100, 201))
    assert rows(row) != "detections"


def test_files_count_frames_from_one_and_come_back_equal(tmp_path):
    found = rows(strip(0, 1, 0.5, 0, 9), strip(79, 15, 1.0, 3.25, 9))
    found.write(tmp_path / "clip.npy")
    stored = np.load(tmp_path / "clip.npy")
    assert stored.dtype == np.float32
    assert stored[:, 0].tolist() == [1, 80]
    assert stored[1].tolist() == [80, 15, 1, 3.25, 10, 9, 20]
    assert Detections.read(tmp_path / "clip.npy", SIZE) == found
    found.write(tmp_path / "zero.npy", first_frame=0)
    assert Detections.read(tmp_path / "zero.npy", SIZE, first_frame=0) == found


def test_a_clip_in_which_nothing_was_found_has_a_file_too(tmp_path):
    nothing = rows()
    nothing.write(tmp_path / "nothing.npy")
    assert len(Detections.read(tmp_path / "nothing.npy", SIZE)) == 0
    np.save(tmp_path / "release.npy", np.array([]))  # how the release stores it
    assert Detections.read(tmp_path / "release.npy", SIZE) == nothing


def test_a_file_that_holds_something_else_is_named(tmp_path):
    np.save(tmp_path / "wave.npy", np.zeros(50))
    with pytest.raises(ValueError, match=r"wave\.npy.*7 columns"):
        Detections.read(tmp_path / "wave.npy", SIZE)
    (tmp_path / "text.npy").write_text("hello")
    with pytest.raises(ValueError, match=r"text\.npy"):
        Detections.read(tmp_path / "text.npy", SIZE)
    (tmp_path / "empty.npy").write_bytes(b"")
    with pytest.raises(ValueError, match=r"empty\.npy"):
        Detections.read(tmp_path / "empty.npy", SIZE)
    np.save(tmp_path / "late.npy", np.array([strip(0, 1, 0.5, 0, 9)]))
    with pytest.raises(ValueError, match="negative frame"):  # counted from 0, read as from 1
        Detections.read(tmp_path / "late.npy", SIZE)
    with pytest.raises(FileNotFoundError):
        Detections.read(tmp_path / "missing.npy", SIZE)
    with pytest.raises(ValueError, match=r"ends in \.npy"):
        rows().write(tmp_path / "clip.txt")


# ---- IoU of boxes ---------------------------------------------------------------------------


def test_overlaps_by_hand():
    boxes = np.array([[0.0, 0, 4, 2], [2, 1, 6, 3], [4, 0, 5, 2]])
    want = [[1, 2 / 14, 0], [2 / 14, 1, 1 / 9], [0, 1 / 9, 1]]  # touching edges share nothing
    assert np.allclose(box_overlaps(boxes, boxes), want, atol=1e-12)
    assert box_overlaps(np.zeros((0, 4)), boxes).shape == (0, 3)


# ---- the rules ------------------------------------------------------------------------------


def test_rule_1_is_strict():
    found = rows(strip(0, 1, 0.9, 0, 9), strip(1, 1, 0.91, 0, 9), strip(2, 1, 0.89, 0, 9))
    assert [d[0] for d in kept(found)] == [1]
    assert [d[0] for d in kept(found, confidence=0.895)] == [0, 1]
    assert [d[0] for d in kept(found, confidence=None)] == [0, 1, 2]


def test_rule_2_different_classes_in_one_place_keep_the_surer():
    found = rows(strip(0, 1, 0.92, 0, 10), strip(0, 2, 0.98, 0, 9))  # IoU 0.9
    assert kept(found) == [(0, 2, 0.98)]
    assert len(kept(found, overlap=None)) == 2
    assert len(kept(found, overlap=0.95)) == 2


def test_rule_2_is_strict_and_an_iou_not_a_share_of_one_box():
    at = rows(strip(0, 1, 0.92, 0, 10), strip(0, 2, 0.98, 0, 7))  # IoU exactly 0.7
    assert len(kept(at)) == 2
    above = rows(strip(0, 1, 0.92, 0, 10), strip(0, 2, 0.98, 0, 7.1))
    assert len(kept(above)) == 1
    inside = rows(strip(0, 1, 0.92, 0, 100), strip(0, 2, 0.98, 0, 30))  # all of one, IoU 0.3
    assert len(kept(inside)) == 2


def test_rule_2_leaves_one_class_and_other_pictures_alone():
    same = rows(strip(0, 1, 0.92, 0, 10), strip(0, 1, 0.98, 0, 10))
    assert len(kept(same)) == 2
    assert kept(same, released=True) == [(0, 1, 0.98)]
    apart = rows(strip(0, 1, 0.92, 0, 10), strip(1, 2, 0.98, 0, 10))
    assert len(kept(apart)) == 2
    assert len(kept(apart, released=True)) == 2


def test_rule_2_of_equal_boxes_the_seed_keeps_the_first_the_release_the_last():
    found = rows(strip(0, 1, 0.95, 0, 10), strip(0, 2, 0.95, 0, 10))
    assert kept(found) == [(0, 1, 0.95)]
    assert kept(found, released=True) == [(0, 2, 0.95)]


def test_rule_2_chain_a_dropped_box_drops_no_other_but_in_the_release():
    # a covers b, b covers c, a does not cover c: 8/10, 8/10, 6.2/11.4
    found = rows(
        strip(0, 1, 0.99, 0, 10), strip(0, 2, 0.97, 1.1, 11.1), strip(0, 3, 0.95, 2.2, 12.2)
    )
    meets = box_overlaps(found.boxes, found.boxes)
    assert meets[0, 1] > 0.7 > meets[0, 2]
    assert meets[1, 2] > 0.7
    assert [d[1] for d in kept(found)] == [1, 3]
    assert [d[1] for d in kept(found, released=True)] == [1]


def test_rule_3_classes_count_by_their_surest_detection():
    found = rows(
        strip(0, 1, 0.99, 0, 9),
        strip(1, 2, 0.96, 20, 29),
        strip(2, 2, 0.96, 20, 29),  # more often, and surer on average, than class 1 and 3
        strip(3, 2, 0.96, 20, 29),
        strip(4, 3, 0.98, 40, 49),
        strip(5, 3, 0.91, 40, 49),
        strip(6, 1, 0.91, 0, 9),
    )
    assert [d[:2] for d in kept(found)] == [(0, 1), (4, 3), (5, 3), (6, 1)]
    assert {d[1] for d in kept(found, top_classes=1)} == {1}
    assert len(kept(found, top_classes=None)) == 7


def test_rule_3_ties():
    found = rows(strip(0, 1, 0.95, 0, 9), strip(0, 2, 0.95, 20, 29), strip(0, 3, 0.95, 40, 49))
    assert [d[1] for d in kept(found)] == [1, 2]
    assert [d[1] for d in kept(found, released=True)] == [2, 3]


def test_rule_1_goes_before_rule_2():
    # with rule 2 first, the sure and the unsure box would be compared: only chains can tell
    found = rows(strip(0, 1, 0.85, 0, 10), strip(0, 2, 0.95, 30, 40))
    assert [d[1] for d in kept(found)] == [2]
    # a low threshold lets the unsure box in, but nothing overlaps
    assert len(kept(found, confidence=0.5)) == 2


def test_rule_2_goes_before_rule_3():
    # class 2's surest detection is suppressed by class 1, so class 3 has the second place
    found = rows(
        strip(0, 1, 0.99, 0, 10),
        strip(0, 2, 0.98, 0, 10),
        strip(1, 2, 0.91, 50, 60),
        strip(1, 3, 0.95, 80, 90),
    )
    assert [d[:2] for d in kept(found)] == [(0, 1), (1, 3)]


def test_the_count_of_a_clip():
    found = rows(*(strip(k, 1, 0.95, 0, 9) for k in range(60)))
    assert len(filter_detections(found, count=(60, 300))) == 60
    assert len(filter_detections(found[1:], count=(60, 300))) == 0
    assert len(filter_detections(found, count=(1, 59))) == 0
    assert len(filter_detections(found[1:])) == 59
    assert filter_detections(found[1:], count=(60, 300)).size == SIZE


def test_nothing_in_nothing_out():
    assert len(filter_detections(rows())) == 0
    assert len(filter_detections(rows(), released=True)) == 0


@pytest.mark.parametrize(
    "rule",
    [
        {"confidence": 1.1},
        {"confidence": -1},
        {"overlap": 70},
        {"overlap": -0.1},
        {"top_classes": 0},
    ],
)
def test_rules_that_mean_nothing_are_refused(rule):
    with pytest.raises(ValueError, match=next(iter(rule))):
        filter_detections(rows(), **rule)


def test_unknown_words_are_refused():
    with pytest.raises(ValueError, match="classes='all'"):
        suppress_overlaps(rows(), classes="all")
    with pytest.raises(ValueError, match="ties='both'"):
        suppress_overlaps(rows(), ties="both")


def release(table, confidence=0.9, overlap=0.7, most=2):
    """The release's procedure, told again: every pair in a frame, no box spared for its fate."""
    table = [tuple(row) for row in table if row[2] > np.float32(confidence)]
    dropped = set()
    for i, a in enumerate(table):
        for j, b in enumerate(table):
            if i < j and a[0] == b[0]:
                wide = max(min(a[5], b[5]) - max(a[3], b[3]), 0)
                high = max(min(a[6], b[6]) - max(a[4], b[4]), 0)
                areas = [(r[5] - r[3]) * (r[6] - r[4]) for r in (a, b)]
                if wide * high / (sum(areas) - wide * high) > overlap:
                    dropped.add(j if a[2] > b[2] else i)
    table = [row for k, row in enumerate(table) if k not in dropped]
    best = sorted((max(r[2] for r in table if r[1] == c), c) for c in {r[1] for r in table})
    return [row for row in table if row[1] in {c for _, c in best[-most:]}]


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_released_rules_equal_the_releases_procedure(data):
    one = st.tuples(
        st.integers(0, 2),
        st.integers(1, 4),
        st.sampled_from([0.85, 0.92, 0.95, 0.97, 0.99]),
        st.integers(0, 12),
        st.just(10),
        st.integers(25, 40),
        st.integers(20, 24),
    )
    found = rows(*data.draw(st.lists(one, max_size=9)))
    want = sorted(release(found.rows().tolist()))
    assert sorted(map(tuple, filter_detections(found, released=True).rows().tolist())) == want


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_what_the_seeds_rules_leave_breaks_none_and_can_be_filtered_again(data):
    one = st.tuples(
        st.integers(0, 1),
        st.integers(1, 4),
        st.sampled_from([0.85, 0.92, 0.95, 0.99]),
        st.integers(0, 12),
        st.just(10),
        st.integers(25, 40),
        st.integers(20, 24),
    )
    found = rows(*data.draw(st.lists(one, max_size=9)))
    left = filter_detections(found)
    assert filter_detections(left) == left
    assert len(np.unique(left.class_id)) <= 2
    meets = box_overlaps(left.boxes, left.boxes) > 0.7
    meets &= left.frame[:, None] == left.frame
    meets &= left.class_id[:, None] != left.class_id
    assert not meets.any()
    sure = found[found.confidence > np.float32(0.9)]
    if len(sure):  # the surest of all is never dropped
        assert left.confidence.max() == sure.confidence.max()


# ---- the imperfect detector ------------------------------------------------------------------

TRUTH = np.tile(np.float32([[10, 10, 60, 90], [120, 20, 180, 95]]), (400, 1, 1))
IDS = (12, 13)


def test_the_detector_is_a_function_of_its_seed():
    first, again = (imperfect_detections(TRUTH[:20], IDS, SIZE, seed=3) for _ in range(2))
    assert first == again
    assert first != imperfect_detections(TRUTH[:20], IDS, SIZE, seed=4)


def test_without_faults_it_tells_the_truth():
    perfect = {"jitter": 0, "missed": 0, "duplicate": 0, "confused": 0, "ghosts": 0}
    found = imperfect_detections(TRUTH[:9], IDS, SIZE, **perfect)
    assert len(found) == 18
    for frame in range(9):
        here = found[found.frame == frame]
        order = np.argsort(here.class_id)
        assert here.class_id[order].tolist() == [12, 13]
        assert np.array_equal(here.boxes[order], TRUTH[frame])


def test_faults_come_as_often_as_asked():
    none = {"jitter": 0, "missed": 0, "duplicate": 0, "confused": 0, "ghosts": 0}
    count = {
        fault: len(imperfect_detections(TRUTH, IDS, SIZE, **(none | {fault: 0.25})))
        for fault in ("missed", "duplicate", "confused", "ghosts")
    }
    # 800 players, 400 pictures; four standard deviations of the counts are about 49 and 40
    assert abs(count["missed"] - 600) < 49
    assert abs(count["duplicate"] - 1000) < 49
    assert abs(count["confused"] - 1000) < 49
    assert abs(count["ghosts"] - 900) < 40


def test_lookalikes_are_wrong_in_the_right_place_and_always_the_same():
    found = imperfect_detections(TRUTH, IDS, SIZE, ghosts=0, jitter=0.0)
    wrong = found[~np.isin(found.class_id, IDS)]
    left = wrong.boxes[:, 0] < 100
    assert len(set(wrong.class_id[left])) == len(set(wrong.class_id[~left])) == 1
    right = found[np.isin(found.class_id, IDS)]
    assert right.confidence.mean() > wrong.confidence.mean() + 0.02


def test_an_edge_is_off_by_the_jitter():
    found = imperfect_detections(
        TRUTH, IDS, (200, 300), jitter=0.05, missed=0, duplicate=0, confused=0, ghosts=0
    )
    errors = found[found.class_id == 12].boxes - TRUTH[0, 0]
    sides = np.array([50, 80, 50, 80])
    assert np.allclose(errors.std(0) / sides, 0.05, atol=0.008)
    assert np.allclose(errors.mean(0) / sides, 0, atol=0.012)


@pytest.mark.parametrize("fault", ["duplicate", "confused", "ghosts"])
def test_a_fault_more_changes_nothing_else(fault):
    none = {"duplicate": 0, "confused": 0, "ghosts": 0}
    calm = imperfect_detections(TRUTH[:30], IDS, SIZE, **none)
    more = imperfect_detections(TRUTH[:30], IDS, SIZE, **(none | {fault: 1}))
    rows, all_rows = (set(map(tuple, found.rows().tolist())) for found in (calm, more))
    assert rows < all_rows


@given(seed=st.integers(0, 10_000), jitter=st.floats(0, 3))
@settings(max_examples=30, deadline=None)
def test_whatever_it_sees_lies_in_the_picture(seed, jitter):
    found = imperfect_detections(TRUTH[:5], IDS, SIZE, seed, jitter=jitter, ghosts=2)
    assert ((found.class_id >= 1) & (found.class_id <= 15)).all()
    sides = found.boxes[:, 2:] - found.boxes[:, :2]
    assert (sides >= 1 - 1e-4).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"missed": 1.5}, "missed"),
        ({"jitter": -0.1}, "jitter"),
        ({"ghosts": -1}, "ghosts"),
        ({"class_ids": (1,)}, "class_ids"),
        ({"class_ids": (0, 1)}, "class_ids"),
        ({"class_ids": (1, 16)}, "class_ids"),
    ],
)
def test_what_the_detector_cannot_do(change, message):
    with pytest.raises(ValueError, match=message):
        imperfect_detections(TRUTH[:2], **({"class_ids": IDS, "size": SIZE} | change))


def test_the_rules_repair_most_of_what_the_detector_does():
    names = ("violin", "flute")
    scene = make_scene(3, names, frames=40, split="test")
    ids = [COSEP_CLASSES.index(name) + 1 for name in names]
    found = imperfect_detections(scene.boxes, ids, scene.frames.shape[1:3], seed=0)
    left = filter_detections(found)
    assert len(left) < len(found)
    assert np.isin(found.class_id, ids).mean() < 0.8
    assert np.isin(left.class_id, ids).mean() > 0.9
