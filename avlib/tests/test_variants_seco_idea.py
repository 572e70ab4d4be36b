"""Checks of `seco_idea`: right answers of all kinds pass, near misses do not."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from check_cases import MANY_SEEDS, confirm_all_have_variants, confirm_variant, variants

from avlib import data
from avlib.check import seco_idea as checks


def sides_by_comprehension(clips, held_out):
    kinds = [{data.category(label) for label in clip["labels"]} for clip in clips]
    train = [c["name"] for c, k in zip(clips, kinds, strict=True) if k.isdisjoint(held_out)]
    test = [c["name"] for c, k in zip(clips, kinds, strict=True) if k.issubset(held_out)]
    return train, test


def sides_by_counting(clips, held_out):
    found = ([], [], [])
    for clip in clips:
        out = [data.category(label) in held_out for label in clip["labels"]]
        found[0 if not any(out) else 1 if all(out) else 2].append(clip["name"])
    return found[0], found[1]


def messages_in_a_loop(bones, far):
    count = len(far)
    joined = [[float(a == b or (a, b) in bones or (b, a) in bones) for b in range(count)]
              for a in range(count)]  # fmt: skip
    table = torch.zeros(3, count, count)
    for u in range(count):
        for v in range(count):
            subset = 0 if far[u] == far[v] else 1 if far[u] < far[v] else 2
            table[subset, u, v] = joined[u][v] / sum(joined[w][v] for w in range(count))
    return table


def messages_in_numpy(bones, far):
    joined = np.eye(len(far))
    for a, b in bones:
        joined[a, b] = joined[b, a] = 1
    shares = joined @ np.diag(1 / joined.sum(0))
    step = np.sign(np.subtract.outer(far, far))
    return np.stack([shares * (step == 0), shares * (step < 0), shares * (step > 0)])


def distance_by_cosine(x, y, reduction):
    summed = 2 - 2 * F.cosine_similarity(x, y, dim=-1)
    return summed if reduction == "sum" else summed / x.shape[-1]


def distance_by_normalize(x, y, reduction):
    squares = (F.normalize(x, dim=-1) - F.normalize(y, dim=-1)) ** 2
    return squares.sum(-1) if reduction == "sum" else squares.mean(-1)


def apart(x, y):
    return distance_by_normalize(x, y, "mean")


def inter_in_a_loop(a, v, g, r, margin):
    positive = negative = 0
    for i in range(2):
        positive = positive + apart(a[i], v[i]) + r * apart(g[i], v[i])
        negative = negative + F.relu(margin - apart(a[i], v[1 - i]))
    return positive, negative


def inter_by_matrix(a, v, g, r, margin):
    table = apart(a[:, None], v[None])
    hinges = (margin - table).clamp(min=0)
    return table.trace() + r * apart(g, v).sum(), hinges.sum() - hinges.trace()


def intra_by_roll(a, t, margin):
    negative = F.relu(margin - apart(a, a.roll(1, 0))).sum() / 2
    return torch.stack([apart(a, t).sum(), negative])


def intra_in_a_loop(a, t, margin):
    positive = apart(t[0], a[0]) + apart(t[1], a[1])
    gap = margin - apart(a[1], a[0])
    return positive, torch.maximum(gap, torch.zeros_like(gap))


RIGHT = {
    "clips_by_category": [sides_by_comprehension, sides_by_counting],
    "joint_messages": [messages_in_a_loop, messages_in_numpy],
    "vector_distance": [distance_by_cosine],
    "inter_consistency": [inter_in_a_loop, inter_by_matrix],
    "intra_consistency": [intra_by_roll, intra_in_a_loop],
    "truth_decay": [
        lambda step: np.maximum(0.1, np.power(0.9, step / 100)),
        lambda step: torch.tensor(0.9).pow(step / 100).clamp(min=0.1),
        lambda step: max(math.exp(step / 100 * math.log(0.9)), 0.1),
    ],
}

WRONG = {
    "clips_by_category": [
        lambda clips, held_out: [side[::-1] for side in sides_by_counting(clips, held_out)],
        lambda clips, held_out: sides_by_counting(clips, held_out[:-1]),
    ],
    "joint_messages": [
        lambda bones, far: messages_in_a_loop(bones, far)[[1, 0, 2]],
        lambda bones, far: messages_in_a_loop(bones[1:], far),
    ],
    "vector_distance": [
        lambda x, y, reduction: distance_by_normalize(x.detach(), y, reduction),
        lambda x, y, reduction: distance_by_normalize(x, y.flip(0), reduction),
    ],
    "inter_consistency": [
        lambda a, v, g, r, margin: inter_in_a_loop(a, v, g.detach(), r, margin),
        lambda a, v, g, r, margin: inter_in_a_loop(v, a, g, r, margin),
    ],
    "intra_consistency": [
        lambda a, t, margin: intra_in_a_loop(a, t.detach(), margin),
        lambda a, t, margin: (intra_in_a_loop(a, t, margin)[0] / 2, intra_by_roll(a, t, margin)[1]),
    ],
    "truth_decay": [
        lambda step: max(0.1, 0.9 ** ((step + 1) / 100)),
        lambda step: max(0.1, math.exp(-0.1 * step / 100)),
        lambda step: max(0.1, 0.99 ** (step / 10)),
    ],
}


@pytest.mark.parametrize(("name", "passes", "function"), variants(RIGHT, WRONG))
def test_variant(name, passes, function):
    confirm_variant(name, passes, function)


def test_every_check_has_variants():
    confirm_all_have_variants(("seco_idea",), RIGHT, WRONG)


def test_no_category_is_on_both_sides_and_nothing_clean_is_lost():
    for seed in MANY_SEEDS:
        clips, held_out = checks._draw_clips(torch.Generator().manual_seed(seed))
        labels = {c["name"]: {data.category(one) for one in c["labels"]} for c in clips}
        train, test = checks._sides(clips, held_out)
        heard = set().union(*(labels[name] for name in train))
        unheard = set().union(*(labels[name] for name in test))
        assert heard, unheard
        assert not heard & unheard
        assert unheard <= set(held_out)
        for name in labels.keys() - set(train) - set(test):
            assert labels[name] & set(held_out)
            assert labels[name] - set(held_out)
