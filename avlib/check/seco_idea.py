"""Checks of the chapter `seco_idea`."""

import torch
from torch import Tensor

from avlib.check.consistency import (
    hinge_bounds,
    inter_consistency,
    intra_consistency,
    truth_decay,
    vector_distance,
)
from avlib.check.core import AnswerCheck, FunctionCheck, Limit, Mistake
from avlib.data.splits import category
from avlib.orchestra.instruments import MUSIC21

__all__ = [
    "clips_by_category",
    "held_out_kinds",
    "hinge_bounds",
    "inter_consistency",
    "intra_consistency",
    "joint_messages",
    "partner_by_ear",
    "truth_decay",
    "unheard_critique",
    "vector_distance",
]

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
    unheard = set(held_out)
    train: list[str] = []
    test: list[str] = []
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
