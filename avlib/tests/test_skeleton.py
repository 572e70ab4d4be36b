"""The 60 joints: counts, names and the graph, checked against OpenPose's own tables."""

from avlib import skeleton

# From OpenPose's documentation of the COCO model and of the hand model.
OPENPOSE_COCO = (
    "nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist "
    "right_hip right_knee right_ankle left_hip left_knee left_ankle right_eye left_eye "
    "right_ear left_ear"
).split()
OPENPOSE_HAND = (
    "0,1 1,2 2,3 3,4 0,5 5,6 6,7 7,8 0,9 9,10 10,11 11,12 0,13 13,14 14,15 15,16 0,17 17,18 "
    "18,19 19,20"
)


def component(edges, start):
    seen, fresh = {start}, [start]
    while fresh:
        here = fresh.pop()
        for a, b in edges:
            for there in ({a, b} - {here}) if here in (a, b) else ():
                if there not in seen:
                    seen.add(there)
                    fresh.append(there)
    return seen


def test_body_joints_are_openpose_coco_in_order():
    assert list(skeleton.BODY_NAMES) == OPENPOSE_COCO


def test_hand_bones_are_openpose_hand():
    wanted = {tuple(map(int, pair.split(","))) for pair in OPENPOSE_HAND.split()}
    assert set(skeleton.HAND_EDGES) == wanted


def test_sixty_names_without_repeats():
    assert len(skeleton.JOINT_NAMES) == len(set(skeleton.JOINT_NAMES)) == skeleton.JOINTS == 60
    assert skeleton.JOINT_NAMES[18] == "left_hand_root"
    assert skeleton.JOINT_NAMES[39] == "right_hand_root"
    assert skeleton.JOINT_NAMES[skeleton.LEFT_HAND][8] == "left_index_4"


def test_with_wrist_links_all_joints_are_one_tree():
    edges = skeleton.edges()
    assert len(edges) == 59
    assert component(edges, 0) == set(range(60))


def test_without_wrist_links_body_and_hands_are_three_trees():
    edges = skeleton.edges(wrist_links=False)
    assert len(edges) == 57
    assert component(edges, 0) == set(range(18))
    assert component(edges, 18) == set(range(18, 39))
    assert component(edges, 59) == set(range(39, 60))


def test_wrist_links_join_the_same_side():
    added = set(skeleton.edges()) - set(skeleton.edges(wrist_links=False))
    names = {tuple(skeleton.JOINT_NAMES[k] for k in pair) for pair in added}
    assert names == {("left_wrist", "left_hand_root"), ("right_wrist", "right_hand_root")}


def test_the_graph_is_the_same_left_and_right():
    def swap(k):
        name = skeleton.JOINT_NAMES[k]
        other = {"left": "right", "right": "left"}.get(name.split("_")[0])
        return skeleton.JOINT_NAMES.index(name.replace(name.split("_")[0], other)) if other else k

    edges = {frozenset(pair) for pair in skeleton.edges()}
    assert {frozenset(map(swap, pair)) for pair in edges} == edges


def test_mirroring_twice_changes_nothing_and_keeps_the_middle():
    mirrored = skeleton.MIRRORED
    assert [mirrored[k] for k in mirrored] == list(range(60))
    assert mirrored[:2] == (0, 1)
    assert mirrored[4] == 7
    assert mirrored[18:39] == tuple(range(39, 60))
