"""Checks of the chapter `localise`."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from avlib import dsol, metrics
from avlib.check.core import AnswerCheck, FunctionCheck, Limit, Mistake

# --- from features to a map -------------------------------------------------------------------


def _map(audio: Tensor, visual: Tensor, omega: float) -> Tensor:
    return dsol.location_map(dsol.cosine_map(audio, visual), omega)


def _features(g: torch.Generator) -> tuple[Tensor, Tensor, float]:
    batch, channel = 2, int(torch.randint(3, 7, (), generator=g))
    visual = 2 * torch.randn(batch, channel, 3, 4, generator=g) + 0.3
    omega = 2 + 4 * torch.rand((), generator=g).item()
    return 3 * torch.randn(batch, channel, generator=g), visual, omega


def _dots(audio: Tensor, visual: Tensor) -> Tensor:
    return torch.einsum("bc,bchw->bhw", audio, visual)


sounding_map = FunctionCheck(
    reference=_map,
    inputs=_features,
    shape_hint="One value for each place: (batch, height, width). The channels are summed over.",
    range=(0.0, 1.0),
    range_hint="Values of a sigmoid lie between 0 and 1. Is it missing?",
    limits=(
        Limit(
            (torch.tensor([[3.0, 4.0]]), torch.tensor([[[[30.0]], [[40.0]]]]), 5.0),
            torch.tensor([[[1 / (1 + math.exp(-5))]]]),
            "These two vectors point the same way: cosine 1, whatever their lengths, and the "
            "sigmoid of 5 is 0.9933.",
        ),
        Limit(
            (torch.tensor([[1.0, 0.0]]), torch.tensor([[[[0.0]], [[2.0]]]]), 5.0),
            torch.tensor([[[0.5]]]),
            "At a right angle the cosine is 0 and the sigmoid one half.",
        ),
    ),
    gradient=True,
    gradient_hint="The values are right but not their gradients. Are the vectors normalised "
    "inside of the graph, also that of the sound?",
    value_hint="Divide both vectors by their lengths over the channels, multiply, sum over the "
    "channels, times omega, sigmoid.",
    mistakes=(
        Mistake(
            "dot product",
            lambda a, v, w: torch.sigmoid(w * _dots(a, v)),
            "This is the dot product. It grows with the length of the vectors, so a bright, "
            "contrasty place fits every sound. Divide both by their lengths.",
        ),
        Mistake(
            "only the sound normalised",
            lambda a, v, w: torch.sigmoid(w * _dots(F.normalize(a, dim=1), v)),
            "Only the sound's vector has length 1. Normalise each place of the picture too.",
        ),
        Mistake(
            "normalised over places",
            lambda a, v, w: torch.sigmoid(
                w * _dots(F.normalize(a, dim=1), F.normalize(v.flatten(2), dim=2).view_as(v))
            ),
            "You divide by the length over the *places*. The vector of a place runs over the "
            "channels: dim=1.",
        ),
        Mistake(
            "no omega",
            lambda a, v, w: torch.sigmoid(torch.cosine_similarity(a[..., None, None], v, dim=1)),
            "omega is missing. Without it the map lies between 0.27 and 0.73, and no pair can "
            "be called right or wrong with confidence.",
        ),
        Mistake(
            "omega outside",
            lambda a, v, w: (
                w * torch.sigmoid(torch.cosine_similarity(a[..., None, None], v, dim=1))
            ),
            "omega belongs inside of the sigmoid: it stretches the cosine, not the result.",
        ),
        Mistake(
            "no sigmoid",
            lambda a, v, w: w * torch.cosine_similarity(a[..., None, None], v, dim=1),
            "The sigmoid is missing: these are scaled cosines, from -omega to omega.",
        ),
    ),
)

# --- from a map to a score --------------------------------------------------------------------


def _logits(g: torch.Generator) -> tuple[Tensor]:
    return (2 * torch.randn(3, 4, 5, generator=g),)


def _softmax_score(z: Tensor) -> Tensor:
    return dsol.pool_map(torch.sigmoid(z), "softmax")


softmax_pooling = FunctionCheck(
    reference=_softmax_score,
    inputs=_logits,
    shape_hint="One score for each map: (batch, height, width) becomes (batch,).",
    range=(0.0, 1.0),
    range_hint="A weighted mean of values between 0 and 1 lies between 0 and 1. Do your weights "
    "sum to 1?",
    limits=(
        Limit(
            (torch.tensor([[[0.0, math.log(3)]]]),),
            torch.tensor([0.6875]),
            "Cells 0.5 and 0.75, weights 1/4 and 3/4: 0.125 + 0.5625 = 0.6875.",
        ),
        Limit(
            (torch.zeros(2, 3, 3),),
            torch.full((2,), 0.5),
            "On a flat map every pooling gives the same, here one half.",
        ),
    ),
    gradient=True,
    gradient_hint="The weights depend on the map too: do not detach them.",
    value_hint="Weights: softmax of z over all places of a map. Score: sum of weight times "
    "sigmoid(z).",
    mistakes=(
        Mistake(
            "softmax of the probabilities",
            lambda z: (z.sigmoid().flatten(1).softmax(1) * z.sigmoid().flatten(1)).sum(1),
            "You take the softmax of sigmoid(z). Those lie between 0 and 1, where a softmax is "
            "nearly flat, so this is almost the mean. Take it of z.",
        ),
        Mistake(
            "softmax of rows",
            lambda z: (z.softmax(-1) * z.sigmoid()).sum((-2, -1)) / z.shape[-2],
            "Your weights sum to 1 in every *row*. All places of a map compete: flatten first.",
        ),
        Mistake(
            "mean",
            lambda z: z.sigmoid().mean((-2, -1)),
            "This is mean pooling: every place has the same weight.",
        ),
        Mistake(
            "max",
            lambda z: z.sigmoid().amax((-2, -1)),
            "This is max pooling: one place has all the weight.",
        ),
        Mistake(
            "z instead of its sigmoid",
            lambda z: (z.flatten(1).softmax(1) * z.flatten(1)).sum(1),
            "The weights are right, but they must weigh sigmoid(z), not z.",
        ),
    ),
)

# --- what omega does --------------------------------------------------------------------------

cosine_at_threshold = AnswerCheck(
    truth=math.log(0.05 / 0.95) / 5,
    tolerance=0.01,
    hints={
        math.log(0.95 / 0.05) / 5: "The sign: 0.05 is less than one half, so the cosine must be "
        "negative.",
        math.log(0.05 / 0.95): "That is omega times the cosine. Divide by omega = 5.",
        math.log(0.05) / 5: "The inverse of the sigmoid is log(l / (1 - l)), not log l.",
        0.05: "That is the value of the map; the question is which cosine gives it.",
        math.log10(0.05 / 0.95) / 5: "The natural logarithm, please.",
    },
    otherwise="Solve sigmoid(5 c) = 0.05 for c: the inverse of the sigmoid is log(l / (1 - l)).",
    right="c = log(0.05 / 0.95) / 5 = -0.59: an angle of 126 degrees. Everything that does not "
    "point clearly the other way is kept.",
)

# --- boxes ------------------------------------------------------------------------------------

HAND_MAP = torch.tensor(
    [[0.1, 0.2, 0.1, 0.0], [0.2, 0.8, 0.6, 0.1], [0.1, 0.5, 0.4, 0.3], [0.0, 0.1, 0.2, 0.1]]
)
HAND_BOX = (1, 1, 3, 4)  # xyxy: two columns, three rows

overlap_by_hand = AnswerCheck(
    truth=(3 / 6, 4 / 7, True),
    tolerance=0.005,
    hints={
        (3 / 9, 4 / 11, False): "You added both areas without taking off what they share: the "
        "union counts every cell once.",
        (3 / 6, 4 / 7, False): "Both numbers are right. The success criterion is *at least* 0.5.",
        (4 / 6, 4 / 7, True): "0.4 is *not above* 0.5 x 0.8 = 0.4: the comparison is strict.",
        (1.0, 4 / 5, True): "That is the share of the bright cells that lie in the box. IoU "
        "divides by the union.",
        (3 / 6, 4 / 6, True): "At 0.24 five cells are bright, and one of them lies outside of the "
        "box: it belongs to the union.",
    },
    otherwise="The maximum is 0.8. Mark the cells *above* the threshold, count those in the box, "
    "and divide by the cells that are marked or in the box.",
    right="Above 0.4 lie 3 cells, all in the box of 6: 3/6, which just succeeds. Above 0.24 lie 5 "
    "cells, 4 of them in the box: 4/7.",
)

# --- an honest threshold ----------------------------------------------------------------------


def _honest(validation: Tensor, test: Tensor) -> Tensor:
    return metrics.success_auc(test[metrics.success_auc(validation).argmax()])


def _overlaps(g: torch.Generator) -> tuple[Tensor, Tensor]:
    """IoUs of two sets that have different best thresholds, neither of them the first."""
    best, tempting = (1 + torch.randperm(4, generator=g)[:2]).tolist()
    validation = 0.6 * torch.rand(5, 12, generator=g)
    test = 0.6 * torch.rand(5, 9, generator=g)
    validation[best] += 0.4
    test[tempting] += 0.4
    return validation, test


honest_area = FunctionCheck(
    reference=_honest,
    inputs=_overlaps,
    shape_hint="One number: the area to be reported.",
    range=(0.0, 1.0),
    range_hint="An area under a success curve lies between 0 and 1.",
    limits=(
        Limit(
            (torch.tensor([[1.0, 1.0], [0.0, 0.0]]), torch.tensor([[0.0, 0.0], [1.0, 1.0]])),
            0.025,
            "The validation players choose the first threshold. There no test player is found; "
            "what remains is the success at x = 0, which comes for nothing: half of 0.05.",
        ),
        Limit(
            (torch.tensor([[0.2, 0.4], [0.3, 0.5]]), torch.tensor([[1.0, 1.0], [1.0, 0.0]])),
            0.5125,
            "The second threshold is better for validation players. Success of the test players "
            "is 1 at x = 0 there and one half from 0.05 on.",
        ),
    ),
    value_hint="First the row: the one with the largest AUC of validation players. Then the "
    "number: the AUC of the test players in that row.",
    mistakes=(
        Mistake(
            "chosen on the test players",
            lambda v, t: metrics.success_auc(t).max(),
            "This is the best threshold for the *test* players. It has been learned from the "
            "pictures that it is scored on, and nobody will have that luck again.",
        ),
        Mistake(
            "reported on the validation players",
            lambda v, t: metrics.success_auc(v).max(),
            "The choice is right, but you report it on the pictures that it was made with. The "
            "test players are there to be asked once, afterwards.",
        ),
        Mistake(
            "a threshold for each picture",
            lambda v, t: metrics.success_auc(t.amax(0)),
            "You let every test picture choose its own best threshold. To know it one would need "
            "the box that is to be found.",
        ),
        Mistake(
            "mean over the thresholds",
            lambda v, t: metrics.success_auc(t).mean(),
            "This is the mean over all thresholds: nothing is chosen, and bad ones count too.",
        ),
        Mistake(
            "the first threshold",
            lambda v, t: metrics.success_auc(t)[0],
            "This is always the first threshold. Which one does the validation set want?",
        ),
        Mistake(
            "which instead of how good",
            lambda v, t: metrics.success_auc(v).argmax(),
            "That is *which* threshold. Go on: what do the test players score there?",
        ),
        Mistake(
            "success at one half",
            lambda v, t: (t[metrics.success_auc(v).argmax()] >= 0.5).float().mean(),
            "The row is right. But you report the success rate at 0.5, one point of the curve "
            "whose area is asked for.",
        ),
    ),
)

# --- who sounds? ------------------------------------------------------------------------------


def _players(g: torch.Generator) -> tuple[Tensor, Tensor]:
    maps = torch.rand(8, 8, generator=g)
    left, top = torch.randint(0, 3, (2,), generator=g).tolist()
    small = torch.tensor([left, top, left + 2, top + 2])
    large = torch.tensor([4, 2, 8, 7])
    maps[2:7, 4:8] *= 0.5 + 0.5 * torch.rand((), generator=g)
    order = torch.randperm(2, generator=g)
    return maps, torch.stack([small, large])[order]


def _inside(maps: Tensor, boxes: Tensor) -> list[Tensor]:
    return [maps[y0:y1, x0:x1] for x0, y0, x1, y1 in boxes.tolist()]


loudest_player = FunctionCheck(
    reference=lambda maps, boxes: torch.stack([cut.mean() for cut in _inside(maps, boxes)]),
    inputs=_players,
    shape_hint="One number for each box.",
    range=(0.0, 1.0),
    range_hint="A mean of values between 0 and 1 lies between 0 and 1.",
    limits=(
        Limit(
            (torch.eye(4), torch.tensor([[0, 0, 1, 1], [0, 0, 4, 4]])),
            torch.tensor([1.0, 0.25]),
            "A box of one bright cell has mean 1, the whole map of 16 cells with 4 bright ones "
            "0.25.",
        ),
        Limit(
            (torch.tensor([[0.0, 1.0], [0.0, 0.0]]), torch.tensor([[1, 0, 2, 1], [0, 1, 1, 2]])),
            torch.tensor([1.0, 0.0]),
            "Boxes are x0, y0, x1, y1, and maps are indexed [row, column], that is [y, x].",
        ),
    ),
    value_hint="The mean of the map in the cells of each box: rows y0 to y1 - 1, columns x0 to "
    "x1 - 1.",
    mistakes=(
        Mistake(
            "sum",
            lambda m, b: torch.stack([cut.sum() for cut in _inside(m, b)]),
            "You add the cells up, and the larger player always wins. Take the mean.",
        ),
        Mistake(
            "x and y exchanged",
            lambda m, b: torch.stack([cut.mean() for cut in _inside(m.T, b)]),
            "x and y are exchanged. The first index of a map is the row, which is y.",
        ),
        Mistake(
            "brightest cell",
            lambda m, b: torch.stack([cut.max() for cut in _inside(m, b)]),
            "That is the brightest cell of each box, which a larger box has more chances to have. "
            "The task asks for the mean.",
        ),
        Mistake(
            "which instead of how much",
            lambda m, b: torch.stack([cut.mean() for cut in _inside(m, b)]).argmax(),
            "Return the value of every box, not which one is largest: how far apart they are says "
            "how sure the answer is.",
        ),
    ),
)

why_forgotten = AnswerCheck(
    truth="outvoted",
    hints={
        "rests": "Choose her track and listen: she plays in every one of the six seconds.",
        "softer": "Listen to one after the other. She is a few decibels softer in most seconds, "
        "and in one of them the louder: that does not explain a map without her in all six.",
        "heard": "Then the map of the flute *alone* would leave her out too. Choose it and look.",
        "louder": "It is the accordion that stays. Listen again to each of them alone.",
    },
    otherwise='One of "rests", "softer", "heard" and "outvoted". Three of them can be refuted by '
    "listening to her track and looking at its map.",
    right="She plays, a few decibels softer, and alone she is found. One vector for the whole "
    "mixture has no room for both: the largest value of each feature wins, and here the accordion "
    "has it.",
)

whole_image_score = AnswerCheck(
    truth=(0.5625, 1.0),
    tolerance=0.005,
    hints={
        (0.75, 1.0): "168/224 is the share of the *side*. Boxes are areas: square it.",
        (0.5625, 0.5625): "The first is the IoU of one picture. The success rate is how many "
        "pictures reach 0.5.",
        (0.0, 0.0): "The whole image covers the box completely: that is an overlap, and not a "
        "small one.",
        (1.0, 1.0): "Everything of the box is covered, but IoU also counts what is marked outside "
        "of it.",
    },
    otherwise="Marked: the whole picture. Shared with the box: the box. So IoU is the box's share "
    "of the picture.",
    right="168 x 168 of 224 x 224 are 0.5625, which passes 0.5 in every single picture. A map that "
    "has learned nothing scores 100 %, so 82 % is *worse than nothing*.",
)
