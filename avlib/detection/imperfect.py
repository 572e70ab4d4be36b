"""A detector that is good but not perfect, for clips whose boxes are known."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from avlib.detection.table import COSEP_CLASSES, Detections


def imperfect_detections(
    boxes: Float[np.ndarray, "frame player 4"],
    class_ids: Sequence[int],
    size: tuple[int, int],
    seed: int = 0,
    *,
    classes: int = len(COSEP_CLASSES),
    jitter: float | int = 0.03,
    missed: float | int = 0.08,
    duplicate: float | int = 0.25,
    confused: float | int = 0.25,
    ghosts: float | int = 0.3,
) -> Detections:
    """Play a detector that is good but not perfect: known boxes in, noisy detections out.

    In each picture each player is found, unless `missed`, in a box whose edges are off by
    `jitter` of its sides, with a confidence around 0.97. Now and then the same player is found a
    second time in nearly the same box (`duplicate`), or as a wrong class in nearly the same box
    (`confused`; for one player always the same wrong class, as lookalikes are), a little less
    surely. And somewhere in the picture a `ghost` of any class appears, most often with little
    confidence. Rows are ordered by picture, and shuffled within each.

    Args:
        boxes: the truth, xyxy in pixels.
        class_ids: the true class of each player, from 1.
        size: (height, width) of the pictures in pixels.
        seed: decides everything that is random.
        classes: how many classes the detector knows; ids are 1 to this.
        jitter: standard deviation of each edge, as a share of the box's side.
        missed: chance of a player to be missed in a picture.
        duplicate: chance of a second box of the right class.
        confused: chance of a second box of the wrong class.
        ghosts: expected number of ghosts in a picture.

    Raises:
        ValueError: as many class ids as players are needed, from 1 to `classes`; a chance
            outside [0, 1]; negative jitter or ghosts.

    Example:
        >>> truth = np.tile(np.float32([10, 10, 60, 90]), (5, 1, 1))
        >>> found = imperfect_detections(truth, [13], (128, 128), missed=0, duplicate=0,
        ...                              confused=0, ghosts=0, jitter=0)
        >>> found.frame.tolist(), np.array_equal(found.boxes, truth[:, 0])
        ([0, 1, 2, 3, 4], True)
    """
    chances = {"missed": missed, "duplicate": duplicate, "confused": confused}
    if bad := {name: value for name, value in chances.items() if not 0 <= value <= 1}:
        raise ValueError(f"chances are from 0 to 1: {bad}")
    if jitter < 0 or ghosts < 0:
        raise ValueError(f"jitter={jitter} and ghosts={ghosts} cannot be negative")
    if len(class_ids) != boxes.shape[1] or not all(1 <= k <= classes for k in class_ids):
        raise ValueError(
            f"class_ids={list(class_ids)}: one of 1 to {classes} for each of {boxes.shape[1]} "
            "players"
        )
    rng, haunted, order = (np.random.default_rng([seed, k]) for k in range(3))
    wrong = [int(k - 1 + rng.integers(1, max(classes, 2))) % classes + 1 for k in class_ids]
    rows: list[list[float]] = []
    for frame, row in enumerate(boxes):
        found: list[tuple[int, float, np.ndarray]] = []
        for box, right, lookalike in zip(row, class_ids, wrong, strict=True):
            # every draw is made whatever happens, so that chances change nothing else
            draws = rng.random(3)
            sure = 1 - np.minimum(rng.exponential([0.03, 0.06, 0.08]), 0.6)
            places = box + jitter * rng.normal(size=(3, 4)) * np.tile(box[2:] - box[:2], 2)
            events = (draws[0] >= missed, draws[1] < duplicate, draws[2] < confused)
            for happens, name, confidence, place in zip(
                events, (right, right, lookalike), sure, places, strict=True
            ):
                if happens and events[0]:
                    found.append((name, confidence, place))
        found += _ghosts(haunted, ghosts, classes, size)
        for k in order.permutation(len(found)):
            name, confidence, place = found[k]
            rows.append([frame, name, confidence, *_inside(place, size)])
    return Detections.from_rows(rows, size)


def _ghosts(
    rng: np.random.Generator, expected: float | int, classes: int, size: tuple[int, int]
) -> list[tuple[int, float, np.ndarray]]:
    """Boxes of nothing, anywhere in the picture, seldom confident."""
    corner = np.array(size[::-1])
    result = []
    for _ in range(rng.poisson(expected)):
        low = rng.random(2) * 0.7 * corner
        high = low + (0.1 + 0.2 * rng.random(2)) * corner
        name, sure = int(rng.integers(1, classes + 1)), float(rng.beta(2, 2) ** 0.5)
        result.append((name, sure, np.concatenate([low, high])))
    return result


def _inside(box: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A box with its corners in order, inside the picture and at least a pixel wide and high."""
    corner = np.array(size[::-1], np.float64)
    low = np.minimum(box[:2], box[2:]).clip(0, corner - 1)
    high = np.maximum(box[:2], box[2:]).clip(low + 1, corner)
    return np.concatenate([low, high])
