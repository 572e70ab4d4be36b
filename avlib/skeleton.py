"""The 60 joints and their graph: 18 of the body (OpenPose COCO) and 21 of each hand.

Order: body 0-17, left hand 18-38, right hand 39-59. Left and right are the person's own.
A pose is ``(…, joint, 3)``: x and y in pixels, confidence in [0, 1] (0 = not seen).
"""

BODY_NAMES: tuple[str, ...] = (
    "nose",
    "neck",
    "right_shoulder",
    "right_elbow",
    "right_wrist",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "right_hip",
    "right_knee",
    "right_ankle",
    "left_hip",
    "left_knee",
    "left_ankle",
    "right_eye",
    "left_eye",
    "right_ear",
    "left_ear",
)
FINGERS: tuple[str, ...] = ("thumb", "index", "middle", "ring", "little")
HAND_NAMES: tuple[str, ...] = (
    "hand_root",
    *(f"{finger}_{part}" for finger in FINGERS for part in range(1, 5)),
)

BODY = slice(0, 18)
LEFT_HAND = slice(18, 39)
RIGHT_HAND = slice(39, 60)
JOINTS = 60

JOINT_NAMES: tuple[str, ...] = (
    *BODY_NAMES,
    *(f"left_{name}" for name in HAND_NAMES),
    *(f"right_{name}" for name in HAND_NAMES),
)


def _other_side(name: str) -> str:
    side, _, rest = name.partition("_")
    return {"left": "right_", "right": "left_"}[side] + rest if side in ("left", "right") else name


# Joint k of a mirror image is joint MIRRORED[k] of the original: left and right change places.
MIRRORED: tuple[int, ...] = tuple(JOINT_NAMES.index(_other_side(name)) for name in JOINT_NAMES)

# The 17 bones of OpenPose's COCO body: a tree rooted in the neck.
BODY_EDGES: tuple[tuple[int, int], ...] = (
    (1, 0),
    (1, 2),
    (2, 3),
    (3, 4),
    (1, 5),
    (5, 6),
    (6, 7),
    (1, 8),
    (8, 9),
    (9, 10),
    (1, 11),
    (11, 12),
    (12, 13),
    (0, 14),
    (0, 15),
    (14, 16),
    (15, 17),
)

# The 20 bones of one hand, numbered within the hand: the root, then four joints a finger.
HAND_EDGES: tuple[tuple[int, int], ...] = tuple(
    (0 if part == 0 else 4 * finger + part, 4 * finger + part + 1)
    for finger in range(5)
    for part in range(4)
)

LEFT_WRIST_LINK = (BODY_NAMES.index("left_wrist"), LEFT_HAND.start)
RIGHT_WRIST_LINK = (BODY_NAMES.index("right_wrist"), RIGHT_HAND.start)


def edges(wrist_links: bool = True) -> tuple[tuple[int, int], ...]:
    """Give the bones of the whole skeleton as pairs of joint numbers.

    Args:
        wrist_links: also join each wrist of the body to the root of its hand. Without them body
            and hands are three separate trees; with them all 60 joints are one tree of 59 bones.

    Returns: (parent, child) pairs.

    Example:
        >>> len(edges()), len(edges(wrist_links=False))
        (59, 57)
    """
    hands = tuple(
        (a + start, b + start)
        for start in (LEFT_HAND.start, RIGHT_HAND.start)
        for a, b in HAND_EDGES
    )
    links = (LEFT_WRIST_LINK, RIGHT_WRIST_LINK) if wrist_links else ()
    return BODY_EDGES + hands + links
