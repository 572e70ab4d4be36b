"""Checks of `vision`, `correspondence` and `localise`: right answers of all kinds pass, near
misses do not.
"""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from check_cases import confirm_all_have_variants, confirm_variant, variants

from avlib import metrics

# --- vision ----------------------------------------------------------------------------------


def size_of_torch(size, kernel, stride, padding, dilation):
    pixels, taps = torch.zeros(1, 1, size), torch.zeros(1, 1, kernel)
    return F.conv1d(pixels, taps, None, stride, padding, dilation).shape[-1]


def size_by_counting(size, kernel, stride, padding, dilation):
    starts = range(0, size + 2 * padding - dilation * (kernel - 1), stride)
    return len(starts)


def field_from_the_end(layers):
    """Backwards: one cell needs (size - 1) steps and the reach of its kernel."""
    size = 1
    for kernel, stride, dilation in reversed(layers):
        size = (size - 1) * stride + dilation * (kernel - 1) + 1
    return size, math.prod(stride for _, stride, _ in layers)


def field_in_numpy(layers):
    kernel, stride, dilation = np.array(layers, dtype=int).reshape(-1, 3).T
    before = np.concatenate([[1], np.cumprod(stride)])
    return 1 + (dilation * (kernel - 1) * before[:-1]).sum(), before[-1]


def field_without_the_last_stride(layers):
    size, jump = field_from_the_end(layers)
    return size, jump // layers[-1][1] if layers else jump


def cam_in_a_loop(features, weights, k):
    total = torch.zeros(features.shape[1:])
    for channel in range(len(features)):
        total += weights[k, channel] * features[channel]
    return total


def iou_of_sets(heatmap, boxes, share):
    high, wide = heatmap.shape
    top = max(heatmap.flatten().tolist())
    bright = {(y, x) for y in range(high) for x in range(wide) if heatmap[y, x] > share * top}
    truth = {
        (y, x)
        for x1, y1, x2, y2 in boxes.tolist()
        for y in range(int(y1), int(y2))
        for x in range(int(x1), int(x2))
    }
    return len(bright & truth) / len(bright | truth)


def iou_in_numpy(heatmap, boxes, share, rounding=np.floor, joined=np.logical_or, weak=False):
    heatmap = heatmap.numpy()
    truth = None
    for x1, y1, x2, y2 in rounding(boxes.numpy()).astype(int):
        inside = np.zeros(heatmap.shape, dtype=bool)
        inside[y1:y2, x1:x2] = True
        truth = inside if truth is None else joined(truth, inside)
    bright = heatmap > share * heatmap.max()
    return (bright & truth).sum() / (bright | truth).sum()


def dice(heatmap, boxes, share):
    found = iou_of_sets(heatmap, boxes, share)
    return 2 * found / (1 + found)


def auc_of_torch(scores, thresholds=None):
    x = torch.linspace(0, 1, 21) if thresholds is None else thresholds
    return torch.trapezoid((scores[:, None] >= x).float().mean(0), x)


def auc_in_numpy(scores):
    x = np.arange(0, 1.01, 0.05)
    heights = np.array([(scores.numpy() >= t).mean() for t in x])
    return ((heights[1:] + heights[:-1]) / 2 * 0.05).sum()


def auc_in_a_loop(scores, count=20, first=0.5):
    total = 0.0
    for i in range(count + 1):
        share = sum(score >= i / count for score in scores.tolist()) / len(scores)
        total += share / count * (first if i in (0, count) else 1.0)
    return total


def overlap(a, b, smaller=False):
    wide = max(min(a[5], b[5]) - max(a[3], b[3]), 0)
    high = max(min(a[6], b[6]) - max(a[4], b[4]), 0)
    areas = [(r[5] - r[3]) * (r[6] - r[4]) for r in (a, b)]
    return wide * high / (sum(areas) - wide * high)


def rules_in_a_loop(rows, above=0.7, count=2, worth=max, drops_again=False, same=False):
    kept, dropped = [], []
    for row in sorted(rows[rows[:, 2] > 0.9].tolist(), key=lambda row: -row[2]):
        rivals = [r for r in kept if r[0] == row[0] and (same or r[1] != row[1])]
        if drops_again:
            rivals += [r for r in dropped if r[0] == row[0] and r[1] != row[1]]
        fine = all(overlap(row, rival) <= above for rival in rivals)
        (kept if fine else dropped).append(row)
    value = {c: worth([r[2] for r in kept if r[1] == c]) for c in {r[1] for r in kept}}
    best = sorted(value, key=lambda c: -value[c])[:count]
    return [row for row in kept if row[1] in best]


def rules_as_a_list_of_tensors(rows):
    return [torch.tensor(row) for row in rules_in_a_loop(rows)]


def rules_by_numbers(rows):
    stays = torch.zeros(len(rows), dtype=torch.bool)
    for row in rules_in_a_loop(rows):
        stays |= (rows == torch.tensor(row)).all(1)
    return rows[stays]


def rules_in_numpy(rows):
    return np.array(rules_in_a_loop(torch.from_numpy(rows.numpy().copy())))


# --- correspondence --------------------------------------------------------------------------


def matching_of_torch(matched, mismatched):
    yes = F.binary_cross_entropy(matched, torch.ones_like(matched))
    return (yes + F.binary_cross_entropy(mismatched, torch.zeros_like(mismatched))) / 2


def matching_in_a_loop(matched, mismatched):
    yes = sum(-torch.log(s) for s in matched) / len(matched)
    no = sum(-torch.log(1 - s) for s in mismatched) / len(mismatched)
    return 0.5 * yes + 0.5 * no


def infonce_of_torch(similarities, temperature):
    logits, right = similarities / temperature, torch.arange(len(similarities))
    return (F.cross_entropy(logits, right) + F.cross_entropy(logits.T, right)) / 2


def infonce_in_a_loop(similarities, temperature):
    logits, total = similarities / temperature, 0
    for i in range(len(logits)):
        total = total + torch.logsumexp(logits[i], 0) + torch.logsumexp(logits[:, i], 0)
        total = total - 2 * logits[i, i]
    return total / (2 * len(logits))


def infonce_by_maximum(similarities, temperature):
    logits = similarities / temperature
    logits = logits - logits.max()
    rows, columns = (logits.exp().sum(axis) for axis in (1, 0))
    return (rows.log() / 2 + columns.log() / 2 - logits.diagonal()).mean()


def rate_in_a_loop(shares, batch):
    return sum(p * (1 - (1 - p) ** (batch - 1)) for p in shares.tolist())


def rivals_in_a_loop(similarities):
    return [
        max((j for j in range(len(row)) if j != i), key=lambda j, row=row: row[j])
        for i, row in enumerate(similarities.tolist())
    ]


def rivals_in_numpy(similarities, diagonal=-np.inf):
    matrix = similarities.numpy().copy()
    np.fill_diagonal(matrix, diagonal)
    return matrix.argmax(axis=1)


def rivals_by_sorting(similarities):
    order = similarities.argsort(dim=1, descending=True)
    own = torch.arange(len(similarities))
    return torch.where(order[:, 0] == own, order[:, 1], order[:, 0])


# --- localise --------------------------------------------------------------------------------


def map_in_a_loop(audio, visual, omega):
    batch, _, high, wide = visual.shape
    cells = [
        audio[b] @ visual[b, :, y, x] / (audio[b].norm() * visual[b, :, y, x].norm())
        for b in range(batch)
        for y in range(high)
        for x in range(wide)
    ]
    return 1 / (1 + torch.exp(-omega * torch.stack(cells).view(batch, high, wide)))


def map_by_normalising(audio, visual, omega):
    audio, visual = F.normalize(audio, dim=-1), F.normalize(visual, dim=1)
    return torch.sigmoid(omega * (audio[:, :, None, None] * visual).sum(1))


def map_with_one_length(audio, visual, omega):
    length = visual.norm(dim=1).mean((-2, -1), keepdim=True)
    cosine = torch.einsum("bc,bchw->bhw", F.normalize(audio, dim=1), visual) / length
    return torch.sigmoid(omega * cosine)


def pooling_by_exp(z):
    weights = z.exp()
    return (weights * z.sigmoid()).sum((1, 2)) / weights.sum((1, 2))


def pooling_in_a_loop(z):
    return torch.stack([m.flatten().softmax(0) @ m.flatten().sigmoid() for m in z])


def honest_in_a_loop(validation, test):
    areas = [auc_in_a_loop(row) for row in validation]
    return auc_in_a_loop(test[areas.index(max(areas))])


def honest_by_linspace(validation, test):
    best = max(range(len(validation)), key=lambda k: auc_of_torch(validation[k]).item())
    return auc_of_torch(test[best])


def honest_rate(validation, test):
    rate = (validation >= 0.5).float().mean(1)
    return auc_of_torch(test[rate.argmin()])


def brightness_in_numpy(values, boxes):
    return np.array([values.numpy()[y0:y1, x0:x1].mean() for x0, y0, x1, y1 in boxes.numpy()])


def brightness_in_a_loop(values, boxes):
    means = []
    for x0, y0, x1, y1 in boxes.tolist():
        cells = [values[y, x] for y in range(y0, y1) for x in range(x0, x1)]
        means.append(sum(cells) / len(cells))
    return means


def brightness_ends_included(values, boxes):
    return [values[y0 : y1 + 1, x0 : x1 + 1].mean() for x0, y0, x1, y1 in boxes.tolist()]


RIGHT = {
    "output_size": [
        size_of_torch,
        size_by_counting,
        lambda n, k, s, p, d: math.floor((n + 2 * p - d * (k - 1) - 1) / s + 1),
        lambda n, k, s, p, d: math.ceil((n + 2 * p - d * (k - 1)) / s),
    ],
    "receptive_field": [field_from_the_end, field_in_numpy],
    "class_activation_map": [
        cam_in_a_loop,
        lambda features, weights, k: torch.tensordot(weights[k], features, 1),
        lambda features, weights, k: (features.permute(1, 2, 0) @ weights.T)[..., k],
        lambda features, weights, k: F.conv2d(features, weights[k][None, :, None, None])[0],
        lambda features, weights, k: np.einsum("c,chw->hw", weights[k].numpy(), features.numpy()),
    ],
    "map_iou": [
        iou_of_sets,
        iou_in_numpy,
        lambda h, b, share: metrics.iou(h, b, share, size=(h.shape[0], h.shape[1])),
    ],
    "success_auc": [
        auc_of_torch,
        auc_in_numpy,
        auc_in_a_loop,
        lambda s: auc_of_torch(s, torch.arange(0, 1.01, 0.05)),
        lambda s: auc_of_torch(s, torch.from_numpy(np.linspace(0, 1, 21))),
        lambda s: auc_of_torch(s, torch.tensor([0.05 * i for i in range(21)])),
        lambda s: np.mean([0.05 * (math.floor(20 * x) + 0.5) - 0.025 * (x >= 1)
                           for x in s.tolist()]),
    ],
    "detection_rules": [
        rules_in_a_loop, rules_as_a_list_of_tensors, rules_by_numbers, rules_in_numpy,
    ],
    "matching_loss": [matching_of_torch, matching_in_a_loop],
    "info_nce_loss": [infonce_of_torch, infonce_in_a_loop, infonce_by_maximum],
    "false_negative_rate": [
        rate_in_a_loop,
        lambda p, n: (p * (1 - (1 - p).pow(n - 1))).sum(),
        lambda p, n: 1 - p.numpy() @ (1 - p.numpy()) ** (n - 1),
    ],
    "hardest_rivals": [
        rivals_in_a_loop,
        rivals_in_numpy,
        rivals_by_sorting,
        lambda s: s.clone().fill_diagonal_(-math.inf).max(dim=1).indices,
        lambda s: (s - 1e6 * torch.eye(len(s))).argmax(-1),
    ],
    "broken_shortcut": [
        lambda music, hum: music + torch.cat([hum[-1:], hum[:-1]]),
        lambda music, hum: torch.stack([music[i] + hum[i - 1] for i in range(len(music))]),
        lambda music, hum: music.numpy() + np.roll(hum.numpy(), 1, axis=0),
    ],
    "sounding_map": [
        map_in_a_loop,
        map_by_normalising,
        lambda a, v, w: (w * F.cosine_similarity(a[:, :, None, None], v, dim=1)).sigmoid(),
    ],
    "softmax_pooling": [pooling_by_exp, pooling_in_a_loop],
    "honest_area": [honest_in_a_loop, honest_by_linspace],
    "loudest_player": [brightness_in_numpy, brightness_in_a_loop],
}  # fmt: skip

WRONG = {
    "output_size": [
        lambda n, k, s, p, d: round((n + 2 * p - d * (k - 1) - 1) / s) + 1,
        lambda n, k, s, p, d: (n + 2 * p - d * k) // s + 1,
        lambda n, k, s, p, d: (n + 2 * p - k - d) // s + 1,
    ],
    "receptive_field": [
        field_without_the_last_stride,
        lambda layers: field_from_the_end(layers[::-1]),
        lambda layers: field_from_the_end([(k, s, max(d - 1, 1)) for k, s, d in layers]),
    ],
    "class_activation_map": [
        lambda features, weights, k: torch.tensordot(weights[k].softmax(0), features, 1),
        lambda features, weights, k: torch.tensordot(weights[k - 1], features, 1),
        lambda features, weights, k: torch.tensordot(weights[k], features, 1).abs(),
    ],
    "map_iou": [
        lambda h, b, share: iou_in_numpy(h, b, share, rounding=np.ceil),
        lambda h, b, share: iou_in_numpy(h, b, share, joined=np.logical_and),
        lambda h, b, share: iou_of_sets(h, b[-1:], share),
        dice,
    ],
    "success_auc": [
        lambda s: auc_of_torch(s, torch.linspace(0, 1, 20)),
        lambda s: auc_of_torch(s, torch.linspace(0, 1, 101)),
        lambda s: auc_of_torch(s, torch.arange(1, 21) / 20),
        lambda s: auc_in_a_loop(s, first=1.0),
        lambda s: auc_in_a_loop(s, first=0.0),
    ],
    "detection_rules": [
        lambda rows: rules_in_a_loop(rows, above=0.65),
        lambda rows: rules_in_a_loop(rows, above=0.75),
        lambda rows: rules_in_a_loop(rows, count=3),
        lambda rows: rules_in_a_loop(rows, count=1),
        lambda rows: rules_in_a_loop(rows, worth=sum),
        lambda rows: rules_in_a_loop(rows, worth=min),
        lambda rows: rules_in_a_loop(rows[rows[:, 2] > 0.92]),
    ],
    "matching_loss": [
        lambda p, n: matching_of_torch(p, n[: len(p)]),
        lambda p, n: matching_of_torch(p, n) / math.log(2),
        lambda p, n: matching_of_torch(p.clamp(max=0.8), n),
        lambda p, n: matching_of_torch(p.detach(), n),
    ],
    "info_nce_loss": [
        lambda s, t: infonce_of_torch(s, t) / math.log(2),
        lambda s, t: infonce_of_torch(s, t / 2),
        lambda s, t: infonce_of_torch(s, math.sqrt(t)),
        lambda s, t: infonce_of_torch(s, t) + s.diagonal().mean() * 0.01,
        lambda s, t: infonce_of_torch((s - s.max()).detach(), t),
    ],
    "false_negative_rate": [
        lambda p, n: rate_in_a_loop(p, n - 1) if n > 1 else 0.0,
        lambda p, n: 1 - (1 - 1 / len(p)) ** (n - 1),
        lambda p, n: 1 - (1 - p.mean()) ** (n - 1),
    ],
    "hardest_rivals": [
        lambda s: rivals_in_numpy(s, -0.25),
        lambda s: (s - 1.2 * torch.eye(len(s))).argmax(1),
        lambda s: s.argsort(1)[:, -2],
        lambda s: (s * (1 - torch.eye(len(s)))).abs().argmax(1),
        lambda s: s.triu(1).argmax(1),
    ],
    "broken_shortcut": [
        lambda music, hum: music + hum.roll(-1, 0),
        lambda music, hum: music + hum.flip(0),
        lambda music, hum: music + hum.roll(1),
        lambda music, hum: music + hum.roll(1, 1),
    ],
    "sounding_map": [
        map_with_one_length,
        lambda a, v, w: map_by_normalising(a, v, w + 0.1),
        lambda a, v, w: map_by_normalising(a, v.relu(), w),
        lambda a, v, w: map_by_normalising(a.detach(), v, w),
    ],
    "softmax_pooling": [
        lambda z: pooling_in_a_loop(z / 2),
        lambda z: torch.stack([m.softmax(0).flatten() @ m.sigmoid().flatten() for m in z]) / 5,
        lambda z: torch.stack([m.flatten().softmax(0).detach() @ m.flatten().sigmoid() for m in z]),
    ],
    "honest_area": [
        honest_rate,
        lambda v, t: auc_of_torch(t[v.mean(1).argmax()], torch.linspace(0, 1, 11)),
        lambda v, t: t[v.mean(1).argmax()].mean(),
    ],
    "loudest_player": [
        brightness_ends_included,
        lambda m, b: [m[y0:y1, x0:x1].median() for x0, y0, x1, y1 in b.tolist()],
        lambda m, b: [x / 2 for x in brightness_in_a_loop(m, b)],
    ],
}  # fmt: skip


@pytest.mark.parametrize(("name", "passes", "function"), variants(RIGHT, WRONG))
def test_variant(name, passes, function):
    confirm_variant(name, passes, function)


def test_every_check_has_variants():
    confirm_all_have_variants(("vision", "correspondence", "localise"), RIGHT, WRONG)
