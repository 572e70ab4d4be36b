"""The check of the three rules of Co-Separation, for the chapter `vision`."""

import numpy as np
import torch
from torch import Tensor

from avlib.check.core import FunctionCheck, Limit, Mistake
from avlib.detection import Detections, filter_detections, suppress_overlaps

_SIZE = (100, 100)


def _detections(rows: Tensor) -> Detections:
    return Detections.from_rows(rows.numpy(), _SIZE)


def _rows(detections: Detections) -> Tensor:
    return torch.from_numpy(np.array(detections.rows()))


def _detection_rules(rows: Tensor) -> Tensor:
    return _rows(filter_detections(_detections(rows)))


def _clip(generator: torch.Generator) -> tuple[Tensor]:
    """Two pictures with a few places each, found several times by several classes."""
    rows = []
    for frame in range(2):
        for place in range(3):
            for name in torch.randint(1, 5, (3,), generator=generator).tolist():
                noise = 3 * torch.rand(4, generator=generator)
                box = torch.tensor([30.0 * place, 20, 30 * place + 25, 80]) + noise
                sure = 0.85 + 0.149 * torch.rand(1, generator=generator)
                rows.append(torch.cat([torch.tensor([frame, name]), sure, box]))
    return (torch.stack(rows),)


def _table(*rows: tuple[float | int, ...]) -> Tensor:
    return torch.tensor(rows).reshape(-1, 7)


def _stacked(got: object) -> object:
    """A list of rows as one table."""
    if isinstance(got, list) and all(isinstance(row, Tensor) and row.ndim == 1 for row in got):
        return torch.stack(got) if got else torch.zeros(0, 7)
    return got


def _not_rows(got: object) -> str:
    """What is wrong with the kind of a result, in words."""
    got = _stacked(got)
    if not isinstance(got, Tensor):
        return "Return the rows that stay: a tensor (detection, 7), or a list of such rows."
    if got.dtype is torch.bool:
        return "You return a mask of True and False. The rows themselves are wanted: `rows[mask]`."
    if got.ndim == 1 and got.shape != (7,):
        return "One axis is not a table. If these are the numbers of the rows: `rows[numbers]`."
    if got.ndim != 2 or (got.shape[1] != 7 and got.numel()):
        return "Return whole rows, with all of their seven columns: (detection, 7)."
    return ""


def _same_rows(got: object, expected: Tensor) -> bool:
    """Whether the same rows are kept, in any order."""
    got = _stacked(got)
    if not isinstance(got, Tensor) or got.shape != expected.shape:
        return False
    return sorted(got.float().tolist()) == sorted(expected.tolist())


def _any_two(rows: Tensor) -> Tensor:
    found = _detections(rows)
    found = filter_detections(found, overlap=None, top_classes=None)
    found = found[suppress_overlaps(found, classes="any")]
    return _rows(filter_detections(found, confidence=None, overlap=None))


def _across_pictures(rows: Tensor) -> Tensor:
    sure = rows[rows[:, 2] > 0.9]
    together = sure.clone()
    together[:, 0] = 0
    stays = torch.from_numpy(suppress_overlaps(_detections(together)))
    return _rows(filter_detections(_detections(sure[stays]), overlap=None))


def _classes_first(rows: Tensor) -> Tensor:
    found = filter_detections(_detections(rows), overlap=None)
    return _rows(filter_detections(found, confidence=None, top_classes=None))


def _by_number(rows: Tensor) -> Tensor:
    found = filter_detections(_detections(rows), top_classes=None)
    names, counts = np.unique(found.class_id, return_counts=True)
    return _rows(found[np.isin(found.class_id, names[np.argsort(-counts, kind="stable")][:2])])


def _by_picture(rows: Tensor) -> Tensor:
    found = filter_detections(_detections(rows), top_classes=None)
    parts = [filter_detections(found[found.frame == k]).rows() for k in np.unique(found.frame)]
    return torch.from_numpy(np.concatenate(parts) if parts else found.rows())


def _naive_overlaps(rows: Tensor) -> Tensor:
    """Dropped detections drop others."""
    sure = _rows(filter_detections(_detections(rows), overlap=None, top_classes=None))
    low = torch.maximum(sure[:, None, 3:5], sure[:, 3:5])
    both = (torch.minimum(sure[:, None, 5:], sure[:, 5:]) - low).clamp_min(0).prod(-1)
    area = (sure[:, 5:] - sure[:, 3:5]).prod(-1)
    rivals = both / (area[:, None] + area - both) > 0.7
    rivals &= (sure[:, None, 0] == sure[:, 0]) & (sure[:, None, 1] != sure[:, 1])
    rivals &= sure[:, None, 2] < sure[:, 2]
    return _rows(filter_detections(_detections(sure[~rivals.any(1)]), overlap=None))


def _by_mean(rows: Tensor) -> Tensor:
    found = _rows(filter_detections(_detections(rows), top_classes=None))
    names = found[:, 1].unique()
    means = torch.stack([found[found[:, 1] == name, 2].mean() for name in names])
    return found[torch.isin(found[:, 1], names[means.argsort(descending=True)[:2]])]


_LEFT, _MIDDLE, _RIGHT = (0.0, 0.0, 20.0, 50.0), (40.0, 0.0, 60.0, 50.0), (80.0, 0.0, 99.0, 50.0)
_SURE = (0.0, 1.0, 0.99, *_LEFT)

detection_rules = FunctionCheck(
    reference=_detection_rules,
    inputs=_clip,
    limits=(
        Limit(
            (_table(_SURE, (0, 2, 0.9, *_RIGHT), (1, 3, 0.5, *_RIGHT)),),
            _table(_SURE),
            "Rule 1: only a confidence of *more* than 0.9 is kept.",
        ),
        Limit(
            (_table(_SURE, (0, 2, 0.95, 0, 0, 20, 40)),),
            _table(_SURE),
            "Rule 2: two classes in one place (IoU 0.8): only the more confident one stays.",
        ),
        Limit(
            (_table(_SURE, (0, 2, 0.95, 0, 0, 20, 34), (0, 2, 0.94, 5, 5, 10, 10)),),
            _table(_SURE, (0, 2, 0.95, 0, 0, 20, 34), (0, 2, 0.94, 5, 5, 10, 10)),
            "Rule 2: overlap is IoU, intersection by union. 0.68 is not above 0.7, and a small box "
            "inside a large one has a small IoU.",
        ),
        Limit(
            (_table(_SURE, (0, 1, 0.95, *_LEFT)),),
            _table(_SURE, (0, 1, 0.95, *_LEFT)),
            "Rule 2 speaks of *different* classes: two boxes of one class both stay.",
        ),
        Limit(
            (_table(_SURE, (1, 2, 0.95, *_LEFT)),),
            _table(_SURE, (1, 2, 0.95, *_LEFT)),
            "Boxes overlap only within one picture: the first column is the picture's number.",
        ),
        Limit(
            (_table(_SURE, (0, 2, 0.97, 0, 8, 20, 58), (0, 3, 0.95, 0, 16, 20, 66)),),
            _table(_SURE, (0, 3, 0.95, 0, 16, 20, 66)),
            "Rule 2: a detection that was dropped drops nobody. The first drops the second "
            "(IoU 0.72); the third overlaps that just as much, but the first only by 0.52.",
        ),
        Limit(
            (
                _table(
                    _SURE,
                    (0, 2, 0.92, *_MIDDLE),
                    (1, 2, 0.92, *_MIDDLE),
                    (2, 2, 0.92, *_MIDDLE),
                    (1, 3, 0.97, *_RIGHT),
                    (2, 3, 0.97, *_RIGHT),
                ),
            ),
            _table(_SURE, (1, 3, 0.97, *_RIGHT), (2, 3, 0.97, *_RIGHT)),
            "Rule 3: the two classes of the largest *maximum* confidence in the whole clip, not "
            "the most frequent ones, and not two in each picture.",
        ),
        Limit(
            (_table(_SURE, (0, 2, 0.98, *_MIDDLE), (1, 2, 0.91, *_MIDDLE), (1, 3, 0.96, *_RIGHT)),),
            _table(_SURE, (0, 2, 0.98, *_MIDDLE), (1, 2, 0.91, *_MIDDLE)),
            "Rule 3 asks for the largest *maximum*: 0.98 is more than 0.96, although the mean of "
            "0.98 and 0.91 is less.",
        ),
        Limit(
            (_table(_SURE, (0, 2, 0.98, *_LEFT), (1, 2, 0.91, *_LEFT), (1, 3, 0.95, *_RIGHT)),),
            _table(_SURE, (1, 3, 0.95, *_RIGHT)),
            "Rule 2 goes before rule 3: a detection that is dropped does not speak for its class "
            "any more.",
        ),
    ),
    value_hint="Apply the rules in their order: confidence, then overlap of different classes "
    "within a picture (the surest box first), then the two classes with the surest box.",
    mistakes=(
        Mistake(
            "one class suppressed too",
            _any_two,
            "You suppress boxes of one class as well, as the released code does. The paper's rule "
            "speaks of different classes.",
        ),
        Mistake(
            "across pictures",
            _across_pictures,
            "You compare boxes of different pictures. Only boxes with the same first column can "
            "overlap.",
        ),
        Mistake(
            "classes before overlaps",
            _classes_first,
            "You chose the two classes before the overlaps were removed. The order of the rules "
            "is 1, 2, 3.",
        ),
        Mistake(
            "most frequent classes",
            _by_number,
            "You chose the two most *frequent* classes; the rule asks for the largest confidence.",
        ),
        Mistake(
            "two in each picture",
            _by_picture,
            "You chose two classes in each picture. The rule is about the whole clip: its two "
            "classes are the same in all pictures.",
        ),
        Mistake(
            "dropped ones drop others",
            _naive_overlaps,
            "In yours a detection that was dropped drops others. Go from the surest to the least "
            "sure, and compare each with those only that have stayed.",
        ),
        Mistake(
            "mean confidence",
            _by_mean,
            "You chose the classes by their *mean* confidence; the rule asks for the largest.",
        ),
    ),
    compare=_same_rows,
    same_shape=_not_rows,
    draws=2,
)
