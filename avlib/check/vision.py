"""Checks of the chapter `vision`."""

import math

import torch
from torch import Tensor

from avlib import metrics
from avlib.check.core import AnswerCheck, FunctionCheck, Limit, Mistake
from avlib.check.detections import detection_rules

__all__ = [
    "cam_claim",
    "class_activation_map",
    "detection_rules",
    "layer4_sizes",
    "map_iou",
    "output_size",
    "receptive_field",
    "silent_player",
    "success_auc",
]

# ---- sizes ----


def _output_size(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def _layer(generator: torch.Generator) -> tuple[int, int, int, int, int]:
    """Size, kernel, stride, padding, dilation; nothing fits by chance."""

    def pick(low: int, high: int) -> int:
        return int(torch.randint(low, high + 1, (), generator=generator))

    return 2 * pick(30, 60) + 1, pick(3, 5), pick(2, 4), pick(1, 4), pick(2, 3)


output_size = FunctionCheck(
    reference=_output_size,
    inputs=_layer,
    shape_hint="One whole number.",
    range=(1, None),
    range_hint="These layers all leave something.",
    limits=(
        Limit((224, 7, 2, 3, 1), 112, "The first layer of ResNet-18 takes 224 to 112."),
        Limit(
            (4, 3, 2, 0, 1),
            1,
            "A kernel of 3 fits into 4 pixels once, if it moves by 2: round *down*.",
        ),
        Limit(
            (8, 1, 4, 0, 1),
            2,
            "Steps of 4 from pixel 0 on reach the pixels 0 and 4 of 8: 7 / 4 is rounded *down*.",
        ),
        Limit(
            (5, 3, 2, 1, 1),
            3,
            "5 pixels and one of padding on either side are 7; a kernel of 3 starts at 0, 2 and 4.",
        ),
        Limit(
            (9, 3, 2, 0, 3),
            2,
            "Three taps that are 3 apart cover 7 pixels, which start at 0 and at 2 of 9.",
        ),
        Limit((5, 1, 1, 0, 1), 5, "A kernel of 1 that moves by 1 changes no size."),
    ),
    value_hint="How often does a kernel that covers d (k - 1) + 1 pixels fit into n + 2p pixels, "
    "if it moves by s? (n + 2p - d (k - 1) - 1) / s, rounded down, plus 1.",
    mistakes=(
        Mistake(
            "rounded up",
            lambda n, k, s, p, d: -(-(n + 2 * p - d * (k - 1) - 1) // s) + 1,
            "You round up. A kernel that hangs over the edge is not computed: round down, `//`.",
        ),
        Mistake(
            "no plus one",
            lambda n, k, s, p, d: (n + 2 * p - d * (k - 1) - 1) // s,
            "One is missing: the place where the kernel starts counts as well.",
        ),
        Mistake(
            "one missing inside",
            lambda n, k, s, p, d: (n + 2 * p - d * (k - 1)) // s,
            "Nearly: (n + 2p - d (k - 1)) // s counts one place too few whenever the kernel does "
            "not come out even. Take 1 off before you divide, and add 1 after.",
        ),
        Mistake(
            "padding once",
            lambda n, k, s, p, d: (n + p - d * (k - 1) - 1) // s + 1,
            "Padding is added on *both* sides.",
        ),
        Mistake(
            "dilation forgotten",
            lambda n, k, s, p, d: (n + 2 * p - k) // s + 1,
            "A dilated kernel is wider: k taps that are d apart cover d (k - 1) + 1 pixels.",
        ),
    ),
)

layer4_sizes = AnswerCheck(
    truth=(7, 14, 14),
    hints={
        (7, 14, 7): "Dilation spreads the taps of a kernel; it does not skip places. Without the "
        "stride the map stays at 14.",
        (7, 7, 14): "`unstrided` has no stride in its last stage either: 14.",
        (14, 28, 28): "One halving is missing: there are five, in the first convolution, the "
        "pooling, and in layers 2, 3 and 4.",
        (7, 7, 7): "That is what all three would be with the stride. Two of them have none in "
        "layer 4.",
    },
    otherwise="224 is halved by the first convolution, by the pooling, by layers 2 and 3, and, "
    "with `stride`, by layer 4.",
    right="224 / 32 = 7 with all five halvings, 224 / 16 = 14 with four.",
)

# ---- receptive field ----


def _receptive_field(layers: list[tuple[int, int, int]]) -> tuple[int, int]:
    size, jump = 1, 1
    for kernel, stride, dilation in layers:
        size += dilation * (kernel - 1) * jump
        jump *= stride
    return size, jump


def _stack(generator: torch.Generator) -> tuple[list[tuple[int, int, int]]]:
    draw = torch.randint(0, 3, (6, 3), generator=generator).tolist()
    layers = [((1, 3, 5)[k], (1, 2, 2)[s], (1, 2, 3)[d]) for k, s, d in draw]
    return ([(7, 2, 1), (3, 2, 2), *layers, (3, 1, 2)],)


def _dilation_forgotten(layers: list) -> tuple[int, int]:
    return _receptive_field([(kernel, stride, 1) for kernel, stride, _ in layers])


def _stride_too_early(layers: list) -> tuple[int, int]:
    size, jump = 1, 1
    for kernel, stride, dilation in layers:
        jump *= stride
        size += dilation * (kernel - 1) * jump
    return size, jump


def _whole_kernel(layers: list) -> tuple[int, int]:
    size, jump = 1, 1
    for kernel, stride, dilation in layers:
        size += dilation * kernel * jump
        jump *= stride
    return size, jump


def _no_jump(layers: list) -> tuple[int, int]:
    size = 1 + sum(dilation * (kernel - 1) for kernel, _, dilation in layers)
    return size, math.prod(stride for _, stride, _ in layers)


receptive_field = FunctionCheck(
    reference=_receptive_field,
    inputs=_stack,
    shape_hint="Two whole numbers: the receptive field in pixels, and how far apart the fields of "
    "two neighbouring cells are.",
    limits=(
        Limit(([],), (1, 1), "Without any layer a cell is a pixel."),
        Limit(([(3, 1, 1), (3, 1, 1)],), (5, 1), "Two 3 x 3 layers see 5 pixels."),
        Limit(([(3, 2, 1)],), (3, 2), "One 3 x 3 layer sees 3 pixels, whatever its stride."),
        Limit(([(3, 1, 4)],), (9, 1), "Three taps that are 4 apart reach over 9 pixels."),
    ),
    value_hint="Each layer adds d (k - 1) steps, and a step is as wide as all strides *before* "
    "this layer multiplied.",
    mistakes=(
        Mistake(
            "dilation forgotten",
            _dilation_forgotten,
            "The dilation is missing: k taps that are d apart reach over d (k - 1) steps.",
        ),
        Mistake(
            "stride too early",
            _stride_too_early,
            "A layer's own stride spreads the *next* layer's taps, not its own: add first, then "
            "multiply.",
        ),
        Mistake(
            "whole kernel",
            _whole_kernel,
            "k taps have k - 1 gaps between them: add d (k - 1) steps, not d k.",
        ),
        Mistake(
            "strides forgotten",
            _no_jump,
            "After a stride of 2 every step is two pixels wide: multiply by the strides so far.",
        ),
    ),
)

# ---- class activation map ----


def _class_activation_map(features: Tensor, weights: Tensor, k: int) -> Tensor:
    return torch.einsum("c,chw->hw", weights[k], features)


class_activation_map = FunctionCheck(
    reference=_class_activation_map,
    inputs=lambda g: (
        torch.rand(6, 4, 5, generator=g),
        torch.randn(6, 6, generator=g),
        int(torch.randint(0, 6, (), generator=g)),
    ),
    shape_hint="One number for each place: features (channel, height, width) give a map (height, "
    "width), so the channels are summed over.",
    limits=(
        Limit(
            (torch.ones(2, 1, 1), torch.tensor([[-3.0, 1.0], [5.0, 5.0]]), 0),
            torch.tensor([[-2.0]]),
            "A map may be negative: there the picture speaks *against* the class.",
        ),
    ),
    value_hint="Each channel of the features times the weight that the class k gives to it, "
    "summed over channels.",
    mistakes=(
        Mistake(
            "cut off at zero",
            lambda features, weights, k: _class_activation_map(features, weights, k).clamp_min(0),
            "You cut off what speaks against the class. For a picture that is often done; but "
            "then the mean of the map is no longer the score.",
        ),
        Mistake(
            "channels not summed",
            lambda features, weights, k: weights[k][:, None, None] * features,
            "Each channel is weighted, but not added up: sum over the channels.",
        ),
        Mistake(
            "mean over channels",
            lambda features, weights, k: (
                _class_activation_map(features, weights, k) / len(features)
            ),
            "You took the mean over channels. The linear layer *sums* over channels; the mean is "
            "over places.",
        ),
        Mistake(
            "column of the weights",
            lambda features, weights, k: torch.einsum("c,chw->hw", weights[:, k], features),
            "`weights[:, k]` is what all classes think of channel k. Class k's weights are the "
            "row `weights[k]`.",
        ),
    ),
)

# ---- IoU and success ----


def _map_iou(heatmap: Tensor, boxes: Tensor, share: float) -> Tensor:
    return metrics.iou(heatmap, boxes, share, size=(heatmap.shape[0], heatmap.shape[1]))


def _map_and_boxes(generator: torch.Generator) -> tuple[Tensor, Tensor, float]:
    """A map of 12 x 16 and two boxes that overlap, with fractions."""
    heatmap = 3 * torch.rand(12, 16, generator=generator) ** 2
    low = torch.tensor([2.0, 1.0]) + 2.9 * torch.rand(2, 2, generator=generator)
    sides = torch.tensor([7.0, 4.0]) + 2 * torch.rand(2, 2, generator=generator)
    share = 0.2 + 0.4 * float(torch.rand((), generator=generator))
    return heatmap, torch.cat([low, low + sides], 1), share


def _iou_with(
    heatmap: Tensor,
    boxes: Tensor,
    share: float,
    absolute: bool = False,
    added: bool = False,
    swapped: bool = False,
    covered: bool = False,
    inclusive: bool = False,
    weak: bool = False,
) -> Tensor:
    """IoU with one fault."""
    truth, area = torch.zeros(heatmap.shape, dtype=torch.bool), 0
    for x1, y1, x2, y2 in boxes.int().tolist():
        if swapped:
            x1, y1, x2, y2 = y1, x1, y2, x2
        x2, y2 = x2 + inclusive, y2 + inclusive
        truth[y1:y2, x1:x2] = True
        area += (x2 - x1) * (y2 - y1)
    threshold = share if absolute else share * heatmap.max()
    marked = heatmap >= threshold if weak else heatmap > threshold
    both = (marked & truth).sum()
    whole = area + (marked & ~truth).sum() if added else (marked | truth).sum()
    return both / (truth.sum() if covered else whole)


map_iou = FunctionCheck(
    reference=_map_iou,
    inputs=_map_and_boxes,
    shape_hint="One number.",
    range=(0, 1),
    range_hint="IoU is a share: from 0 to 1.",
    limits=(
        Limit(
            (torch.tensor([[4.0, 1.0], [0.0, 0.0]]), torch.tensor([[0.0, 0.0, 1.0, 1.0]]), 0.5),
            1.0,
            "Only 4 is above half of the maximum, and the box (0, 0, 1, 1) is just that pixel.",
        ),
        Limit(
            (torch.tensor([[4.0, 2.0], [0.0, 0.0]]), torch.tensor([[0.0, 0.0, 1.0, 1.0]]), 0.5),
            1.0,
            "2 is exactly half of the maximum 4 and is not above it: the comparison is strict.",
        ),
        Limit(
            (torch.tensor([[0.0, 9.0], [0.0, 0.0]]), torch.tensor([[1.0, 0.0, 2.0, 1.0]]), 0.5),
            1.0,
            "x counts columns and y rows: the box (1, 0, 2, 1) is the upper *right* pixel.",
        ),
        Limit(
            (torch.zeros(2, 2), torch.tensor([[0.0, 0.0, 1.0, 1.0]]), 0.5),
            0.0,
            "A map that is zero everywhere marks nothing.",
        ),
    ),
    value_hint="Threshold: share times the maximum of the map. Boxes: cut to whole pixels, then "
    "their union. Pixels in both, by pixels in at least one.",
    mistakes=(
        Mistake(
            "absolute threshold",
            lambda heatmap, boxes, share: _iou_with(heatmap, boxes, share, absolute=True),
            "The threshold is relative: `share * heatmap.max()`.",
        ),
        Mistake(
            "boxes added",
            lambda heatmap, boxes, share: _iou_with(heatmap, boxes, share, added=True),
            "Where boxes overlap you count pixels twice. Take the union of the boxes first.",
        ),
        Mistake(
            "x and y exchanged",
            lambda heatmap, boxes, share: _iou_with(heatmap, boxes, share, swapped=True),
            "x counts columns, the *second* axis of the map: `truth[y1:y2, x1:x2]`.",
        ),
        Mistake(
            "only the box below",
            lambda heatmap, boxes, share: _iou_with(heatmap, boxes, share, covered=True),
            "You divide by the box alone, and a map that marks everything would be perfect. Divide "
            "by the union.",
        ),
        Mistake(
            "ends included",
            lambda heatmap, boxes, share: _iou_with(heatmap, boxes, share, inclusive=True),
            "Your boxes are one row and one column too large: right and bottom are where a box "
            "ends, and that pixel is outside of it. `truth[y1:y2, x1:x2]`.",
        ),
        Mistake(
            "at least the threshold",
            lambda heatmap, boxes, share: _iou_with(heatmap, boxes, share, weak=True),
            "A pixel counts strictly *above* the threshold: `>`, not `>=`.",
        ),
    ),
)


def _between(generator: torch.Generator) -> tuple[Tensor]:
    """Scores well between the thresholds, and on those that every way of counting hits exactly.

    0.05 * 6 is a little more than 0.3 in floating point, 0.05 * 10 is just 0.5: who writes the
    thresholds so, or with `linspace`, does nothing wrong.
    """
    strips = torch.randint(0, 20, (12,), generator=generator)
    scores = (strips + 0.1 + 0.8 * torch.rand(12, generator=generator)) / 20
    ties = torch.tensor([0.0, 0.5, 1.0])[torch.randint(0, 3, (3,), generator=generator)]
    return (torch.cat([scores, ties]),)


def _rate(scores: Tensor, strict: bool = False) -> Tensor:
    thresholds = torch.arange(21) / 20
    reached = scores[:, None] > thresholds if strict else scores[:, None] >= thresholds
    return reached.float().mean(0)


success_auc = FunctionCheck(
    reference=metrics.success_auc,
    inputs=_between,
    shape_hint="One number.",
    range=(0, 1),
    range_hint="The area under a curve in a square of side 1 lies between 0 and 1.",
    limits=(
        Limit((torch.ones(3),), 1.0, "Perfect scores have the area 1."),
        Limit(
            (torch.zeros(3),),
            0.025,
            "A score of 0 succeeds at the threshold 0, and only there: half of the first strip.",
        ),
        Limit(
            (torch.tensor([0.52, 0.98]),),
            0.75,
            "0.52 succeeds up to the threshold 0.5, that is 10 strips and half of the 11th, 0.525; "
            "0.98 up to 0.95, 0.975; the mean of both is 0.75.",
        ),
    ),
    value_hint="The share of scores that are at least 0, 0.05, … 1, and the trapezoid rule on "
    "these 21 points.",
    mistakes=(
        Mistake(
            "strict",
            lambda scores: torch.trapezoid(_rate(scores, strict=True), dx=0.05),
            "A score that *equals* the threshold is a success: `>=`.",
        ),
        Mistake(
            "mean of the points",
            lambda scores: _rate(scores).mean(),
            "That is the mean of 21 heights. In the trapezoid rule the first and the last count "
            "half, and there are 20 strips.",
        ),
        Mistake(
            "mean score",
            lambda scores: scores.float().mean(),
            "The mean score is the area under the *exact* curve. With 21 points it comes out a "
            "little different, and the papers report that.",
        ),
    ),
)

# ---- ears and judgement ----

silent_player = AnswerCheck(
    truth="cello",
    hints={
        "flute": "The flute is heard all through: click on the flautist.",
        "xylophone": "The xylophone's short ringing notes are in the recording: click on it.",
        "none": "One of the three gives no sound at all when you click. The map is no help here.",
    },
    otherwise="Click on the players one after the other.",
    right="And its map lights up all the same: a classifier of pictures cannot know who sounds.",
)

cam_claim = AnswerCheck(
    truth="b",
    hints={
        "a": "The threshold shifts the number, but no threshold turns a map of *what the "
        "classifier used* into a map of what sounds.",
        "c": "More pictures make the number surer. What it means stays the same.",
        "d": "A finer map may fit the box better. The question that was asked stays the same: "
        "which class, not who sounds.",
    },
    otherwise="Answer with one of the letters.",
    right="In solos the instrument that is seen is the one that is heard, so a picture classifier "
    "scores without listening. Silent players, or sound exchanged between clips, tell the two "
    "apart.",
)
