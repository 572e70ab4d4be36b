"""Checks of the chapter `seco_idea`."""

import torch
from torch import Tensor

from avlib.check.core import AnswerCheck, FunctionCheck, Limit, Mistake
from avlib.data.splits import category
from avlib.orchestra.instruments import MUSIC21

# --- categories ------------------------------------------------------------------------------

Clips = list[dict]
Names = list[list[str]]


def _sides(clips: Clips, held_out: list[str]) -> Names:
    """Names of the clips to train on, and of those to test on; mixed ones are in neither."""
    unheard, train, test = set(held_out), [], []
    for clip in clips:
        there = {category(label) for label in clip["labels"]}
        if there <= unheard:
            test.append(clip["name"])
        elif not there & unheard:
            train.append(clip["name"])
    return [train, test]


def _spelt(name: str, how: int) -> str:
    """A category as data sets write it: with blanks, underscores or capitals."""
    return (name, name.replace(" ", "_"), name.title())[how]


def _draw_clips(generator: torch.Generator) -> tuple[Clips, list[str]]:
    """Solos and duets of eight categories, three of them held out; every kind is there."""
    order = torch.randperm(len(MUSIC21), generator=generator).tolist()
    names = [MUSIC21[k] for k in order if MUSIC21[k] not in _BOTH][:6] + list(_BOTH)
    held_out, heard = [*names[:2], "electric bass"], [*names[2:6], "acoustic guitar"]
    pick = torch.randint(0, 60, (5, 2), generator=generator).tolist()
    labels = [[heard[i % 5], held_out[j % 3]] for i, j in pick[:2]]
    labels += [[heard[i % 5]] for i, _ in pick[2:4]] + [[held_out[j % 3]] for _, j in pick[2:]]
    labels += [[heard[0], heard[1]], [held_out[0], held_out[1]]]
    labels += [["Electric_Bass"], ["acoustic_guitar"], ["Electric bass", heard[2]]]
    clips = [
        {"name": f"clip-{k:02}", "labels": [_spelt(one, (k + turn) % 3) for one in label]}
        for turn, (k, label) in enumerate(
            zip(torch.randperm(len(labels), generator=generator).tolist(), labels, strict=True)
        )
    ]
    return clips, held_out


_BOTH = ("electric bass", "acoustic guitar")


def _wrong_sides(clips: Clips, held_out: list[str], how: str) -> Names:
    unheard, train, test = set(held_out), [], []
    for clip in clips:
        there = {one if how == "spelling" else category(one) for one in clip["labels"]}
        if how == "first label":
            there = {category(clip["labels"][0])}
        mixed = bool(there & unheard) and not there <= unheard
        if mixed and how in ("both train", "both test"):
            (train if how == "both train" else test).append(clip["name"])
        elif there <= unheard:
            test.append(clip["name"])
        elif not mixed:
            train.append(clip["name"])
    return [train, test]


def _not_two_lists(got: object) -> str:
    """What is wrong with the kind of a result, in words."""
    lists = got if isinstance(got, list) and len(got) == 2 else []
    if not lists or not all(isinstance(one, list) for one in lists):
        return "Return two lists of names: of the clips to train on, and of those to test on."
    if any(not isinstance(name, str) for one in lists for name in one):
        return 'Only the names of the clips are wanted: `clip["name"]`.'
    return ""


def _duet(*labels: str) -> tuple[Clips, list[str]]:
    return [{"name": "a", "labels": list(labels)}], ["banjo", "trumpet"]


clips_by_category = FunctionCheck(
    reference=_sides,
    inputs=_draw_clips,
    draws=1,
    same_shape=_not_two_lists,
    limits=(
        Limit(([], ["banjo"]), [[], []], "No clips at all make two empty lists."),
        Limit(
            _duet("cello", "banjo"),
            [[], []],
            "A duet of a cello and a banjo: in training the banjo would be heard, in the test half "
            "of what is tested would be known. It belongs to neither side.",
        ),
        Limit(_duet("banjo", "trumpet"), [[], ["a"]], "Both are held out: that is a test clip."),
        Limit(_duet("cello", "tuba"), [["a"], []], "Both may be heard: that is a training clip."),
    ),
    value_hint="For every clip, the set of its categories: all held out → test, none → train, "
    "some → neither. `data.category` brings labels to one spelling.",
    mistakes=(
        Mistake(
            "spelling",
            lambda clips, held_out: _wrong_sides(clips, held_out, "spelling"),
            "'Electric_Bass' and 'electric bass' are one instrument, and here one of them slipped "
            "into training: bring labels to one spelling with `data.category`.",
        ),
        Mistake(
            "mixed clips trained on",
            lambda clips, held_out: _wrong_sides(clips, held_out, "both train"),
            "Clips with a held-out *and* another instrument went into training: that is how a "
            "category leaks although no test clip is trained on.",
        ),
        Mistake(
            "mixed clips tested on",
            lambda clips, held_out: _wrong_sides(clips, held_out, "both test"),
            "Nothing leaks into training, but the test now holds instruments that were trained "
            "on, and the score is no longer about unheard ones.",
        ),
        Mistake(
            "first label",
            lambda clips, held_out: _wrong_sides(clips, held_out, "first label"),
            "Only the first label of each clip was looked at; in a duet the second plays too.",
        ),
        Mistake(
            "sides exchanged",
            lambda clips, held_out: _sides(clips, held_out)[::-1],
            "The training clips come first, then those to test on.",
        ),
    ),
)

held_out_kinds = AnswerCheck(
    truth=11,
    hints={
        15: "Three times five places, but some instruments have two places, and one has three.",
        13: "Look again at guzheng and trumpet: they are in S1 *and* in S3.",
        12: "Nearly. Saxophone stands in all three lists, guzheng and trumpet in two.",
        10: "Nearly. How many repetitions do you take from 15? Saxophone counts twice.",
        5: "Five in each split, but they are not the same five.",
    },
    otherwise="Write the three lists down and cross out what stands twice. In code: a set.",
    right="15 places, of which saxophone takes three, guzheng and trumpet two each: 11 kinds.",
)


# --- the graph of joints ---------------------------------------------------------------------


def _messages(bones: list[tuple[int, int]], far: list[int], how: str = "") -> Tensor:
    """The graph in three subsets; `how` names a mistake."""
    joined = torch.zeros(len(far), len(far)) if how == "no self" else torch.eye(len(far))
    for a, b in bones:
        joined[a, b] = 1
        if how != "one way":
            joined[b, a] = 1
    if how == "symmetric":
        root = joined.sum(0).rsqrt()
        joined = root[:, None] * joined * root
    elif how != "plain":
        joined = joined / joined.sum(int(how == "rows"), keepdim=True).clamp(min=1)
    hops = torch.tensor(far)
    source, target = hops[:, None], hops[None]
    subsets = [source == target, source < target, source > target]
    if how == "exchanged":
        subsets = [subsets[0], subsets[2], subsets[1]]
    return torch.stack([joined * subset for subset in subsets])


def _draw_tree(generator: torch.Generator) -> tuple[list[tuple[int, int]], list[int]]:
    """A tree of nine joints, whose root has three neighbours; parents come first."""
    bones, far = [(0, 1), (0, 2), (3, 0)], [0, 1, 1, 1]
    for joint in range(4, 9):
        parent = int(torch.randint(1, joint, (), generator=generator))
        bones.append((parent, joint) if joint % 2 else (joint, parent))
        far.append(far[parent] + 1)
    return bones, far


joint_messages = FunctionCheck(
    reference=_messages,
    inputs=_draw_tree,
    draws=1,
    shape_hint="Three tables of joint x joint: (3, joint, joint).",
    range=(0.0, 1.0),
    range_hint="Each entry is a share of what a joint hears, from 0 to 1.",
    limits=(
        Limit(
            ([], [0]),
            torch.tensor([[[1.0]], [[0.0]], [[0.0]]]),
            "A joint alone hears itself, and that is all it hears.",
        ),
        Limit(
            ([(0, 1)], [0, 1]),
            torch.tensor([[[0.5, 0], [0, 0.5]], [[0, 0.5], [0, 0]], [[0, 0], [0.5, 0]]]),
            "Two joints. Each hears itself and the other, half and half. Joint 1 hears joint 0, "
            "which is nearer to the centre: entry [1, 0, 1].",
        ),
    ),
    value_hint="A table of who is joined with whom, both ways, ones on the diagonal; each column "
    "divided by its sum; then split by the distances of source (row) and target (column).",
    mistakes=(
        Mistake(
            "no self",
            lambda bones, far: _messages(bones, far, "no self"),
            "A joint should hear itself too, or it forgets in every layer what it knew: ones on "
            "the diagonal.",
        ),
        Mistake(
            "one way",
            lambda bones, far: _messages(bones, far, "one way"),
            "Bones carry messages both ways: [a, b] and [b, a].",
        ),
        Mistake(
            "rows and columns",
            lambda bones, far: _messages(bones, far, "rows"),
            "You divided the rows: what a joint *sends* adds up to one. What it *hears*, its "
            "column, should.",
        ),
        Mistake(
            "plain",
            lambda bones, far: _messages(bones, far, "plain"),
            "Not divided: a joint with many bones would shout, one with few would whisper.",
        ),
        Mistake(
            "symmetric",
            lambda bones, far: _messages(bones, far, "symmetric"),
            "That is D^{-1/2} A D^{-1/2}, of other graph networks; the columns add up to one only "
            "with A D^{-1}.",
        ),
        Mistake(
            "nearer and further",
            lambda bones, far: _messages(bones, far, "exchanged"),
            "The second table holds what comes from joints *nearer* to the centre, the third what "
            "comes from those further away. Rows are sources, columns are targets.",
        ),
        Mistake(
            "transposed",
            lambda bones, far: _messages(bones, far).transpose(1, 2),
            "Rows and columns are exchanged: entry [s, u, v] is what u contributes to v.",
        ),
    ),
)  # fmt: skip


# --- consistency -----------------------------------------------------------------------------


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


# --- by ear and by judgement -----------------------------------------------------------------

partner_by_ear = AnswerCheck(
    truth="B",
    hints={
        "A": "Listen to how a note begins and ends: in A it is held as long as the player's bow "
        "or breath lasts.",
        "C": "C is close, and that is the point: it is played alike. Listen to the colour of a "
        "single note, not to the melody or to how high it is.",
        "none": "One of them is the same kind of instrument, with another player and another tune.",
    },
    otherwise='Answer with the name of a track: "A", "B" or "C".',
    right="The same instrument, another player, another tune: what the partner term calls alike.",
)

unheard_critique = AnswerCheck(
    truth="c",
    hints={
        "a": "Five are what the paper holds out too (Table A2). Few, but a claim about five could "
        "be made and be true.",
        "b": "The interval says how far the mean may wander on such pairs. What is wrong here no "
        "number of pairs can mend.",
        "d": "SDR has its traps, but another metric would be read on the same checkpoint, chosen "
        "the same way.",
        "e": "Look at how the checkpoint was chosen, and on what.",
    },
    otherwise="Answer with the letter of one of the five.",
    right="Ears were kept closed in training and opened twenty times in choosing.",
)
