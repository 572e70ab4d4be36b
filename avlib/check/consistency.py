"""The checks of SeCo's consistency terms, for the chapter `seco_idea`."""

import torch
from torch import Tensor

from avlib.check.core import AnswerCheck, FunctionCheck, Limit, Mistake


def _distance(x: Tensor, y: Tensor, reduction: str = "mean") -> Tensor:
    gaps = (x / x.norm(dim=-1, keepdim=True) - y / y.norm(dim=-1, keepdim=True)).square()
    return gaps.mean(-1) if reduction == "mean" else gaps.sum(-1)


def _vectors(generator: torch.Generator, count: int) -> tuple[Tensor, ...]:
    """Pairs of vectors of eight numbers, none negative, of several lengths."""
    lengths = 0.5 + 3 * torch.rand(count, 2, 1, generator=generator)
    return tuple(lengths * (torch.rand(count, 2, 8, generator=generator) + 0.05).square())


def _draw_distance(generator: torch.Generator) -> tuple[Tensor, Tensor, str]:
    x, y = _vectors(generator, 2)
    return x, y, ("mean", "sum")[int(torch.randint(2, (), generator=generator))]


_UPRIGHT = torch.eye(2)

vector_distance = FunctionCheck(
    reference=_distance,
    inputs=_draw_distance,
    draws=2,
    shape_hint="One number for each pair of vectors: the features, the last axis, are gone.",
    range=(0.0, 4.0),
    range_hint="Two directions are at most 4 apart (the sum), and never less than 0.",
    limits=(
        Limit(
            (_UPRIGHT, 5 * _UPRIGHT, "sum"),
            [0.0, 0.0],
            "The same direction, five times as long: SeCo compares directions, the distance is 0.",
        ),
        Limit(
            (_UPRIGHT, 3 * _UPRIGHT.flip(0), "sum"),
            [2.0, 2.0],
            "At right angles the sum of the squares is 1 + 1 = 2.",
        ),
        Limit(
            (_UPRIGHT, 3 * _UPRIGHT.flip(0), "mean"),
            [1.0, 1.0],
            "At right angles, with two features, the mean is (1 + 1) / 2 = 1.",
        ),
        Limit(
            (_UPRIGHT, -_UPRIGHT, "sum"),
            [4.0, 4.0],
            "Opposite directions are 2 apart, and 2 squared is 4.",
        ),
    ),
    gradient=True,
    gradient_of=(0, 1),
    gradient_hint="Both vectors move: the gradient goes through both divisions by a length.",
    value_hint="Divide each vector by its length, subtract, square, then mean or sum over the "
    "features.",
    mistakes=(
        Mistake(
            "not divided",
            lambda x, y, reduction: getattr((x - y).square(), reduction)(-1),
            "The vectors were compared as they are. Divide each by its length first: loud and "
            "soft players, bright and dark pictures should not be far apart for that alone.",
        ),
        Mistake(
            "root",
            lambda x, y, reduction: _distance(x, y, reduction).sqrt(),
            "No root: SeCo's distance is the mean of the *squares*.",
        ),
        Mistake(
            "over all",
            lambda x, y, reduction: _distance(x, y, reduction).mean().expand(x.shape[:-1]),
            "Every pair has its own distance; you took the mean over the pairs as well.",
        ),
        Mistake(
            "one minus cosine",
            lambda x, y, reduction: (
                (1 - torch.cosine_similarity(x, y, dim=-1))
                / (x.shape[-1] if reduction == "mean" else 1)
            ),
            "1 - cos is half of it: the sum of the squares is 2 - 2 cos.",
        ),
        Mistake(
            "reduction ignored",
            lambda x, y, reduction: _distance(x, y, "mean"),
            "That is the mean, whatever is asked for: with 'sum' nothing is divided.",
        ),
        Mistake(
            "sum only",
            lambda x, y, reduction: _distance(x, y, "sum"),
            "That is the sum, whatever is asked for: 'mean' divides by the number of features.",
        ),
    ),
)  # fmt: skip


def _inter(
    a: Tensor, v: Tensor, g: Tensor, r: float, margin: float, how: str = ""
) -> tuple[Tensor, Tensor]:
    """Both inter-modal terms of one mixture of two; `how` names a mistake."""
    truth = _distance(g, v).sum() * (1 if how == "no r" else r)
    other = v if how == "own" else v.flip(0)
    gaps = margin - _distance(a, other)
    hinges = gaps if how == "open" else gaps.clamp(min=0)
    if how == "before":
        hinges = (margin - _distance(a, other).sum()).clamp(min=0)
    if how == "sign":
        hinges = (-gaps).clamp(min=0)
    positive = _distance(a, v).sum()
    if how == "r on all":
        return r * positive + truth, hinges.sum()
    return positive + truth, hinges.sum()


def _draw_inter(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, float, float]:
    """The margin lies between the two distances across, so that one hinge is open."""
    a, v, g = _vectors(generator, 3)
    across = _distance(a, v.flip(0))
    r = 0.1 + 0.8 * torch.rand((), generator=generator).item()
    return a, v, g, r, across.mean().item()


_APART = torch.tensor([[1.0, 0.0], [0.0, 2.0]])

inter_consistency = FunctionCheck(
    reference=_inter,
    inputs=_draw_inter,
    draws=2,
    atol=1e-6,  # their gradients are small
    shape_hint="Two numbers: the positive term, and the negative one.",
    range=(0.0, None),
    range_hint="Distances and hinges are never negative.",
    limits=(
        Limit(
            (_APART, _APART, _APART, 0.5, 0.9),
            (0.0, 0.0),
            "Every sound agrees with its own picture, and is 1 away from the other's, beyond the "
            "margin of 0.9: nothing is left to improve.",
        ),
        Limit(
            (_APART, _APART, _APART.flip(0), 0.5, 1.5),
            (1.0, 1.0),
            "What was separated agrees with the pictures; the true sounds are at distance 1 from "
            "them, twice, and r is 0.5. Across, each hinge is 1.5 - 1.",
        ),
    ),
    gradient=True,
    gradient_of=(0, 1, 2),
    gradient_hint="Nothing is detached: the terms move the sounds *and* the pictures.",
    value_hint="Positive: d(a_i, v_i) over both, plus r times d(g_i, v_i) over both. Negative: "
    "[m - d(a_1, v_2)]_+ + [m - d(a_2, v_1)]_+.",
    mistakes=(
        Mistake(
            "own picture",
            lambda a, v, g, r, margin: _inter(a, v, g, r, margin, "own"),
            "Your hinges push a sound away from its *own* picture. Across: the first sound from "
            "the second picture, and the second from the first.",
        ),
        Mistake(
            "no hinge",
            lambda a, v, g, r, margin: _inter(a, v, g, r, margin, "open"),
            "The hinge is missing: what is further apart than the margin counts 0, not less.",
        ),
        Mistake(
            "sign",
            lambda a, v, g, r, margin: _inter(a, v, g, r, margin, "sign"),
            "[d - m]_+ punishes what is far apart. Sound and *other* picture should be far apart: "
            "[m - d]_+.",
        ),
        Mistake(
            "hinge after the sum",
            lambda a, v, g, r, margin: _inter(a, v, g, r, margin, "before"),
            "Each of the two has a hinge of its own, with the whole margin. Clamp first, then add.",
        ),
        Mistake(
            "r forgotten",
            lambda a, v, g, r, margin: _inter(a, v, g, r, margin, "no r"),
            "The term of the true sounds is multiplied by r.",
        ),
        Mistake(
            "r on all",
            lambda a, v, g, r, margin: _inter(a, v, g, r, margin, "r on all"),
            "Only the true sounds' term fades with r. What is separated must agree with its "
            "picture until the end.",
        ),
        Mistake(
            "target detached",
            lambda a, v, g, r, margin: _inter(a, v.detach(), g, r, margin),
            "The values are right, but no gradient reaches the pictures: in SeCo both sides of a "
            "comparison move.",
        ),
    ),
)


def _intra(a: Tensor, t: Tensor, margin: float, how: str = "") -> tuple[Tensor, Tensor]:
    """Both intra-modal terms of one mixture of two; `how` names a mistake."""
    positive = _distance(t.flip(0) if how == "others" else t, a).sum()
    pair = (t[0], t[1]) if how == "partners" else (a[0], a[1])
    pair = (a[0], t[1]) if how == "mixed" else pair
    gap = margin - _distance(*pair)
    if how == "open":
        return positive, gap
    return positive, gap.clamp(min=0) * (2 if how == "twice" else 1)


def _draw_intra(generator: torch.Generator) -> tuple[Tensor, Tensor, float]:
    """With a margin at which the hinge pulls, mostly."""
    a, t = _vectors(generator, 2)
    return a, t, 0.3 + 0.5 * torch.rand((), generator=generator).item()


intra_consistency = FunctionCheck(
    reference=_intra,
    inputs=_draw_intra,
    draws=2,
    atol=1e-6,  # their gradients are small
    shape_hint="Two numbers: the positive term, and the negative one.",
    range=(0.0, None),
    range_hint="Distances and hinges are never negative.",
    limits=(
        Limit(
            (_APART, _APART, 0.5),
            (0.0, 0.0),
            "Like their partners, and 1 apart from each other, beyond the margin of 0.5.",
        ),
        Limit(
            (torch.ones(2, 2), _APART, 0.5),
            (2 * (1 - 0.5**0.5), 0.5),
            "Two separated sounds that are alike: the whole margin is to be paid, once.",
        ),
    ),
    gradient=True,
    gradient_of=(0, 1),
    gradient_hint="Nothing is detached: separated sounds and partners both move.",
    value_hint="Positive: d(t_1, a_1) + d(t_2, a_2). Negative: [m - d(a_1, a_2)]_+, once.",
    mistakes=(
        Mistake(
            "the other's partner",
            lambda a, t, margin: _intra(a, t, margin, "others"),
            "Each separated sound was compared with the *other's* partner; the partner of a sound "
            "is a clip of its own category.",
        ),
        Mistake(
            "twice",
            lambda a, t, margin: _intra(a, t, margin, "twice"),
            "The pair was counted in both orders. d(a_1, a_2) is d(a_2, a_1): SeCo counts it once.",
        ),
        Mistake(
            "partners apart",
            lambda a, t, margin: _intra(a, t, margin, "partners"),
            "The hinge is for the two *separated* sounds. Keeping partners apart teaches the "
            "separator nothing.",
        ),
        Mistake(
            "sound and partner apart",
            lambda a, t, margin: _intra(a, t, margin, "mixed"),
            "You keep the first separated sound from the second one's partner; the hinge is for "
            "the two separated sounds.",
        ),
        Mistake(
            "no hinge",
            lambda a, t, margin: _intra(a, t, margin, "open"),
            "The hinge is missing: further apart than the margin counts 0, not less.",
        ),
    ),
)

hinge_bounds = AnswerCheck(
    truth=(0.0078125, 0.9921875),
    tolerance=(0.00002, 0.00002),
    hints={
        (0.015625, 0.984375): "4/256 is for opposite directions. These vectors come out of a ReLU "
        "and a mean: without negative numbers, they are at right angles at most.",
        (2.0, 0.0): "2 is the *sum* of the squares at right angles; the released distance is "
        "their mean over 256 numbers.",
        (1.0, 0.0): "The margin is 1, but no two vectors reach it: what is the largest mean?",
        (0.0078125, 0.0): "The distance is right. The hinge is margin minus distance: does it "
        "reach 0?",
    },
    otherwise="Without negative numbers two directions are at right angles at most: the sum of "
    "the squares is 2. Divide by 256, then take it from the margin.",
    right="2/256, and 1 - 2/256: the hinge never closes, and the largest part of it is constant.",
)


def _decay(step: int, floor: float = 0.1, every: int = 100) -> float:
    return max(floor, 0.9 ** (step / every))


truth_decay = FunctionCheck(
    reference=_decay,
    inputs=lambda g: (int(torch.randint(1, 1500, (), generator=g)),),
    shape_hint="One number.",
    range=(0.1, 1.0),
    range_hint="r begins at 1 and never falls below 0.1.",
    limits=(
        Limit((0,), 1.0, "At the first step, r is 1."),
        Limit((150,), 0.853815, "r falls at every step, not in stairs: 0.9 to the power of 1.5."),
        Limit((100,), 0.9, "After a hundred steps, 0.9 of it is left."),
        Limit((50_000,), 0.1, "Long after, the floor is reached: r stays at 0.1."),
    ),
    value_hint="max(0.1, 0.9 ** (step / 100)).",
    mistakes=(
        Mistake("no floor", lambda step: 0.9 ** (step / 100), "The floor is missing: max(0.1, …)."),
        Mistake(
            "stairs",
            lambda step: _decay(step // 100 * 100),
            "You divided in whole numbers, `//`: r would stand still for a hundred steps, and then "
            "jump.",
        ),
        Mistake(
            "every step",
            lambda step: _decay(step, every=1),
            "0.9 to the power of `step` is gone after 22; it is a tenth less every *hundred*.",
        ),
        Mistake(
            "min",
            lambda step: min(0.1, 0.9 ** (step / 100)),
            "`min` takes the smaller one: r would be 0.1 from the start. The floor is a `max`.",
        ),
        Mistake(
            "straight line",
            lambda step: max(0.1, 1 - 0.1 * step / 100),
            "That is a straight line. Each hundred steps leave 0.9 of what there was.",
        ),
    ),
)
