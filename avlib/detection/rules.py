"""Which detections to believe: Co-Separation's rules."""

import numpy as np
import torch
from jaxtyping import Bool, Float

from avlib.detection.table import Detections


def box_overlaps(
    boxes: Float[np.ndarray, "detection 4"], others: Float[np.ndarray, "other_detection 4"]
) -> Float[np.ndarray, "detection other_detection"]:
    """IoU of every box with every other: area of the intersection by that of the union.

    Args:
        boxes: xyxy.
        others: xyxy.

    Example:
        >>> box_overlaps(np.array([[0.0, 0, 2, 2]]), np.array([[1.0, 0, 3, 2], [5, 5, 6, 6]]))
        array([[0.33333333, 0.        ]])
    """
    from torchvision.ops import box_iou

    first, second = (torch.from_numpy(np.array(b, np.float64)) for b in (boxes, others))
    return box_iou(first, second).numpy()


def suppress_overlaps(
    detections: Detections,
    overlap: float | int = 0.7,
    *,
    classes: str = "different",
    chain: bool = False,
    ties: str = "first",
) -> Bool[np.ndarray, " detection"]:
    """Say which detections stay where boxes of one picture cover the same place.

    The most confident goes first; whatever overlaps it by more than `overlap` and is less
    confident goes, and so on with the next that is left: non-maximum suppression.

    Args:
        detections: of one clip; boxes of different pictures never meet.
        overlap: the largest IoU that two boxes may have.
        classes: which pairs meet: "different" classes (the seed's rule of Co-Separation), the
            "same" class (what a detector does itself), or "any" two (the release).
        chain: whether a box that is itself dropped still drops others, as in the release.
        ties: which of two equally confident boxes stays, the "first" or the "last" (release).

    Returns:
        True for those that stay, in the order of the detections.

    Raises:
        ValueError: an unknown word, or an overlap outside [0, 1].

    Example:
        >>> two = Detections([0, 0], [12, 13], [0.95, 0.99], [[0, 0, 9, 9], [0, 0, 9, 8]], (9, 9))
        >>> suppress_overlaps(two).tolist()
        [False, True]
    """
    if classes not in ("different", "same", "any") or ties not in ("first", "last"):
        raise ValueError(
            f"classes={classes!r}, ties={ties!r}: classes is 'different', 'same' or 'any', "
            "ties is 'first' or 'last'"
        )
    if not 0 <= overlap <= 1:
        raise ValueError(f"overlap={overlap} is an IoU: from 0 to 1")
    stays = np.ones(len(detections), bool)
    for frame in np.unique(detections.frame):
        here = np.flatnonzero(detections.frame == frame)
        # lexsort sorts by its last key first: confidence, then the order in the clip
        place = here if ties == "first" else -here
        here = here[np.lexsort((place, -detections.confidence[here]))]
        boxes, names = detections.boxes[here], detections.class_id[here]
        meet = box_overlaps(boxes, boxes) > overlap
        if classes != "any":
            meet &= (names[:, None] == names) == (classes == "same")
        for k in range(len(here)):
            if stays[here[k]] or chain:
                stays[here[k + 1 :][meet[k, k + 1 :]]] = False
    return stays


def filter_detections(
    detections: Detections,
    confidence: float | int | None = 0.9,
    overlap: float | int | None = 0.7,
    top_classes: int | None = 2,
    *,
    released: bool = False,
    count: tuple[int, int] | None = None,
) -> Detections:
    """Keep the detections to learn from: the three rules of Co-Separation, in their order.

    1. Only detections with more than this `confidence`.
    2. Where two detections of different classes overlap in one picture by more than `overlap`
       (IoU), only the more confident one: nobody plays two instruments in one place.
    3. Only the `top_classes` classes whose most confident detection in the clip is the most
       confident: most clips have two players, and a third class is most often an error.

    (Gao & Grauman 2019, supplement B; that overlap is IoU and that a class counts by its
    maximum are from the authors' code.) The order matters: what rule 1 removes can suppress
    nothing in rule 2, and what rule 2 removes does not speak for its class in rule 3.

    Args:
        detections: of one whole clip.
        confidence: None leaves rule 1 out.
        overlap: None leaves rule 2 out.
        top_classes: None leaves rule 3 out, as in the paper's trial without the limit.
        released: rule 2 as the authors' code has it: between any two boxes, of the same class
            too; a box that is dropped still drops others; of two equally confident boxes the
            later one stays, and in rule 3 the class with the larger id (else the smaller).
        count: the release keeps only clips in which no fewer and no more detections than
            (60, 300) are left; of another clip nothing is kept. None leaves this out.

    Returns:
        What is left, in the order of the clip.

    Raises:
        ValueError: an argument that can mean nothing.

    Example:
        >>> boxes = [[0, 0, 4, 4], [0, 0, 4, 4], [5, 5, 9, 9], [0, 5, 4, 9]]
        >>> found = Detections([0] * 4, [1, 2, 3, 4], [0.99, 0.95, 0.93, 0.92], boxes, (9, 9))
        >>> filter_detections(found).class_id
        array([1, 3])
    """
    if confidence is not None:
        if not 0 <= confidence <= 1:
            raise ValueError(f"confidence={confidence} must be from 0 to 1")
        detections = detections[detections.confidence > np.float32(confidence)]
    if overlap is not None:
        classes, ties = ("any", "last") if released else ("different", "first")
        detections = detections[
            suppress_overlaps(detections, overlap, classes=classes, chain=released, ties=ties)
        ]
    if top_classes is not None:
        if top_classes < 1:
            raise ValueError(f"top_classes={top_classes} must be at least 1, or None for all")
        best = {k: detections.confidence[detections.class_id == k].max() for k in
                np.unique(detections.class_id).tolist()}  # fmt: skip
        sign = -1 if released else 1
        order = sorted(best, key=lambda k: (-best[k], sign * k))
        detections = detections[np.isin(detections.class_id, order[:top_classes])]
    if count is not None and not count[0] <= len(detections) <= count[1]:
        detections = detections[:0]
    return detections
