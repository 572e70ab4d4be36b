"""Checks of the chapter `unet`."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from avlib.check.core import AnswerCheck, FunctionCheck, Limit, Mistake


def _whole(generator: torch.Generator, low: int, high: int) -> int:
    """A whole number from `low` on, below `high`."""
    return int(torch.randint(low, high, (1,), generator=generator))


# --- sizes -----------------------------------------------------------------------------------

unet_stage = AnswerCheck(
    truth=(1024, 4, 4),
    tolerance=0,
    hints={
        (512, 4, 4): "That is what comes from below alone. The skip connection stands beside it, "
        "with as many channels again.",
        (1024, 2, 2): "That is what enters the first transposed convolution: 512 numbers of the "
        "picture and 512 channels of sound. The second comes after one doubling.",
        (1024, 8, 8): "One doubling too many: from the bottleneck to the second layer there is "
        "only one.",
        (512, 2, 2): "That is the bottleneck itself, before the picture is put beside it.",
        (1536, 4, 4): "The picture is put in once, at the bottleneck. Above it there are only what "
        "comes from below and the skip.",
    },
    otherwise="Count down first: 256, 128, 64, 32, 16, 8, 4, 2. The first layer up doubles 2 to 4 "
    "and gives 512 channels; then the skip of the same size is put beside it.",
    right="512 channels from below and 512 from the skip, on a grid of 4 x 4.",
)


def _sizes(
    size: int,
    kernel: int,
    stride: int,
    padding: int,
    *,
    sides: int = 2,
    plus: int = 1,
    cut: int = 2,
    up: bool = False,
) -> tuple[int, int]:
    """Side after a convolution and after the transposed one back; the options are mistakes."""
    room = size + sides * padding - kernel
    narrow = (-(-room // stride) if up else room // stride) + plus
    return narrow, (narrow - 1) * stride - cut * padding + kernel


def _draw_sizes(generator: torch.Generator) -> tuple[int, int, int, int]:
    kernel = _whole(generator, 3, 6)
    sizes = _whole(generator, 20, 90), kernel, _whole(generator, 2, 4)
    return *sizes, _whole(generator, 1, kernel // 2 + 1)


level_sizes = FunctionCheck(
    reference=_sizes,
    inputs=_draw_sizes,
    shape_hint="Return two whole numbers: the side after the convolution, and the side after the "
    "transposed convolution that goes back up.",
    range=(1, None),
    range_hint="A side is at least 1.",
    limits=(
        Limit((256, 4, 2, 1), (128, 256), "This chapter's layers: 256 becomes 128, then 256."),
        Limit(
            (255, 4, 2, 1),
            (127, 254),
            "An odd side does not come back: 255 becomes 127, and that becomes 254.",
        ),
    ),
    value_hint="Down: (size + 2 padding - kernel) / stride, rounded down, plus 1. Up: "
    "(size - 1) stride - 2 padding + kernel.",
    mistakes=(
        Mistake(
            "padding once",
            partial(_sizes, sides=1, cut=1),
            "Padding is added on *both* sides, so it counts twice on the way down, and twice on "
            "the way up.",
        ),
        Mistake(
            "no plus one",
            partial(_sizes, plus=0),
            "Places are counted, not steps: a kernel that just fits gives 1, not 0. Add one after "
            "the division.",
        ),
        Mistake(
            "divide and multiply",
            lambda size, kernel, stride, padding: (size // stride, size // stride * stride),
            "Dividing by the stride is right for even sides, kernel 4, stride 2 and padding 1 "
            "only. Count the places where the kernel fits.",
        ),
        Mistake(
            "rounded up",
            partial(_sizes, up=True),
            "A place where the kernel does not fit any more is left out: round down.",
        ),
        Mistake(
            "up without padding",
            partial(_sizes, cut=0),
            "Going up, the padding is cut off again, on both sides.",
        ),
    ),
)


# --- parameters ------------------------------------------------------------------------------


def _parameters(inside: int, outside: int, *, kernel: int = 16, each: int = 3) -> int:
    return kernel * inside * outside + each * outside


level_parameters = FunctionCheck(
    reference=_parameters,
    inputs=lambda g: (_whole(g, 2, 600), _whole(g, 2, 600)),
    shape_hint="Return one whole number.",
    range=(0, None),
    range_hint="A number of parameters is not negative.",
    limits=(
        Limit(
            (1, 64),
            1216,
            "The outermost level, 1 to 64 channels, has 16 x 64 weights, 64 biases and 2 x 64 "
            "numbers of the batch norm.",
        ),
    ),
    value_hint="A 4 x 4 kernel for every pair of channels, one bias for every channel that comes "
    "out, and two numbers (scale and shift) of the batch norm for each of these.",
    mistakes=(
        Mistake(
            "no bias",
            partial(_parameters, each=2),
            "Sound of Pixels' convolutions have no bias, Co-Separation's have one for every "
            "channel that comes out.",
        ),
        Mistake(
            "no batch norm",
            partial(_parameters, each=1),
            "The batch norm learns as well: a scale and a shift for every channel.",
        ),
        Mistake(
            "running statistics",
            partial(_parameters, each=5),
            "The running mean and variance of a batch norm are measured, not learned: they are "
            "buffers, not parameters.",
        ),
        Mistake(
            "one side of the kernel",
            partial(_parameters, kernel=4),
            "The kernel is 4 x 4: 16 numbers for each pair of channels.",
        ),
        Mistake(
            "one kernel a channel",
            lambda inside, outside: 19 * outside,
            "Every channel that comes out looks at *every* channel that goes in, with a kernel "
            "for each.",
        ),
    ),
    rtol=0,
    atol=0.5,
)


# --- skip connections ------------------------------------------------------------------------


def _unet(
    x: Tensor,
    down: Sequence[Callable[[Tensor], Tensor]],
    up: Sequence[Callable[[Tensor], Tensor]],
    *,
    join: Callable[[Tensor, list[Tensor]], Tensor] = lambda x, heard: torch.cat(
        [x, heard.pop()], dim=1
    ),
) -> Tensor:
    """The forward pass of a U-Net; other ways to join the skips are mistakes."""
    heard = []
    for layer in down:
        x = layer(x)
        heard.append(x)
    x = up[-1](heard.pop())
    for layer in reversed(up[:-1]):
        x = layer(join(x, heard))
    return x


def _unet_from_the_end(x: Tensor, down: list[nn.Module], up: list[nn.Module]) -> Tensor:
    return _unet(x, down, list(reversed(up)))


def _draw_unet(generator: torch.Generator) -> tuple[Tensor, list[nn.Module], list[nn.Module]]:
    """A U-Net of three levels with two channels each."""

    def drawn(layer: nn.Conv2d | nn.ConvTranspose2d) -> nn.Module:
        with torch.no_grad():
            layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator) / 4)
        return layer.requires_grad_(False)

    down = [drawn(nn.Conv2d(c, 2, 4, 2, 1, bias=False)) for c in (1, 2, 2)]
    outputs = ((4, 1), (4, 2), (2, 2))
    up = [drawn(nn.ConvTranspose2d(i, o, 4, 2, 1, bias=False)) for i, o in outputs]
    return torch.randn(2, 1, 16, 24, generator=generator), down, up


unet_forward = FunctionCheck(
    reference=_unet,
    inputs=_draw_unet,
    shape_hint="What comes out is as large as what went in: every halving is undone.",
    value_hint="The sizes fit, so look at what is put beside what: what comes from below first, "
    "then what the way down kept at the same size.",
    mistakes=(
        Mistake(
            "skip first",
            partial(_unet, join=lambda x, heard: torch.cat([heard.pop(), x], dim=1)),
            "The order of channels matters, because weights have been learned for it. Here: first "
            "what comes from below, then the skip. (Sound of Pixels has it the other way round.)",
        ),
        Mistake(
            "no skip",
            partial(_unet, join=lambda x, heard: torch.cat([x, torch.zeros_like(x)], dim=1)),
            "The second half of the channels is empty: put there what the way down kept.",
        ),
        Mistake(
            "twice the same",
            partial(_unet, join=lambda x, heard: torch.cat([x, x], dim=1)),
            "That is what comes from below twice. The second half is the output of the way down "
            "that has the same size.",
        ),
        Mistake(
            "added",
            partial(_unet, join=lambda x, heard: x + heard.pop()),
            "A U-Net *concatenates* along the channels; adding is what a ResNet does. The layers "
            "up expect twice as many channels.",
        ),
        Mistake(
            "queue",
            partial(_unet, join=lambda x, heard: torch.cat([x, heard.pop(0)], dim=1)),
            "Last in, first out: on the way up the narrowest kept map is needed first. Take from "
            "the end of the list (`pop()`), not from its beginning.",
        ),
        Mistake(
            "up in the wrong order",
            _unet_from_the_end,
            "`up[k]` undoes `down[k]`, so the last of the list comes first.",
        ),
    ),
)


# --- three ways to use the picture -----------------------------------------------------------


def _sum_of_maps(vision: Tensor, sound: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    return (torch.einsum("bsk,bkfc->bsfc", vision * scale, sound) + bias).sigmoid()


sum_of_maps = FunctionCheck(
    reference=_sum_of_maps,
    inputs=lambda g: (
        torch.rand(2, 3, 4, generator=g),
        torch.randn(2, 4, 5, 6, generator=g),
        torch.randn(4, generator=g) + 1,
        torch.randn((), generator=g),
    ),
    shape_hint="One mask for every mixture and every source: (batch, source, freq, column).",
    range=(0.0, 1.0),
    range_hint="A mask of Sound of Pixels lies between 0 and 1: the sigmoid comes last.",
    limits=(
        Limit(
            (torch.zeros(1, 1, 2), torch.ones(1, 2, 1, 1), torch.ones(2), torch.tensor(0.0)),
            torch.full((1, 1, 1, 1), 0.5),
            "A picture that says nothing, and no bias: the sum is 0, and its sigmoid 0.5.",
        ),
    ),
    gradient=True,
    value_hint="Multiply picture, scale and map for each k, sum over k, add the bias once, and "
    "take the sigmoid.",
    mistakes=(
        Mistake(
            "sigmoid before the sum",
            lambda v, s, a, b: torch.einsum("bsk,bkfc->bsfc", v * a, s.sigmoid()) + b,
            "The sigmoid belongs to the sum, not to every map: maps may be negative, and vote "
            "against.",
        ),
        Mistake(
            "no scale",
            lambda v, s, a, b: (torch.einsum("bsk,bkfc->bsfc", v, s) + b).sigmoid(),
            "The learned scale, one number for each map, is missing.",
        ),
        Mistake(
            "bias in the sum",
            lambda v, s, a, b: (torch.einsum("bsk,bkfc->bsfc", v * a, s) + len(a) * b).sigmoid(),
            "The bias stands outside of the sum: yours is added K times.",
        ),
        Mistake(
            "mean",
            lambda v, s, a, b: (torch.einsum("bsk,bkfc->bsfc", v * a, s) / len(a) + b).sigmoid(),
            "It is a sum over maps, not a mean.",
        ),
        Mistake(
            "softmax over sources",
            lambda v, s, a, b: (torch.einsum("bsk,bkfc->bsfc", v * a, s) + b).softmax(dim=1),
            "The masks of the players are made one by one: a softmax would force them to share "
            "every cell, and a player's mask would depend on who else is asked about.",
        ),
        Mistake(
            "no sigmoid",
            lambda v, s, a, b: torch.einsum("bsk,bkfc->bsfc", v * a, s) + b,
            "These are the logits. The mask is their sigmoid.",
        ),
    ),
)


def _grid(vision: Tensor, sound: Tensor) -> Tensor:
    return vision[:, :, None, None].expand(-1, -1, *sound.shape[-2:])


def _in_one_cell(vision: Tensor, sound: Tensor) -> Tensor:
    grid = torch.zeros_like(_grid(vision, sound))
    grid[:, :, 0, 0] = vision
    return torch.cat([grid, sound], dim=1)


def _mixed_up(vision: Tensor, sound: Tensor) -> Tensor:
    rows, columns = sound.shape[-2:]
    return torch.cat([vision.repeat(1, rows * columns).view(_grid(vision, sound).shape), sound], 1)


tile_and_concatenate = FunctionCheck(
    reference=lambda vision, sound: torch.cat([_grid(vision, sound), sound], dim=1),
    inputs=lambda g: (torch.randn(3, 5, generator=g), torch.randn(3, 4, 2, 3, generator=g)),
    shape_hint="The channels of both stand one after the other; the grid is that of the sound: "
    "(batch, feature + channel, freq, column).",
    limits=(
        Limit(
            (torch.tensor([[7.0]]), torch.zeros(1, 1, 1, 2)),
            torch.tensor([[[[7.0, 7.0]], [[0.0, 0.0]]]]),
            "Every cell of the grid gets the whole vector, and the picture's channels come first.",
        ),
    ),
    gradient=True,
    gradient_hint="Every number of the vector stands in every cell, so its gradient is the sum "
    "over all cells. A copy that was cut off from the vector has none.",
    value_hint="The sizes are right, the places are not: compare one channel of your result with "
    "the number of the vector that should fill it.",
    mistakes=(
        Mistake(
            "sound first",
            lambda v, s: torch.cat([s, _grid(v, s)], dim=1),
            "Co-Separation puts the picture before the sound. A network would learn either, but "
            "weights that were learned for one order are useless for the other.",
        ),
        Mistake(
            "one cell only",
            _in_one_cell,
            "The vector stands in one cell and zeros in the others. Repeat it in all of them: the "
            "picture says something about the whole mixture.",
        ),
        Mistake(
            "mixed up by view",
            _mixed_up,
            "`repeat` and `view` mix the numbers of the vector up: a channel must hold *one* of "
            "them everywhere. Give the vector two axes of length 1 and `expand` these.",
        ),
        Mistake(
            "same picture for all",
            lambda v, s: torch.cat([_grid(v[:1].expand_as(v), s), s], dim=1),
            "All examples of the batch got the picture of the first.",
        ),
    ),
)


def _film(x: Tensor, vision: Tensor, to_scale: Tensor, to_shift: Tensor) -> Tensor:
    scale, shift = 1 + vision @ to_scale.T, vision @ to_shift.T
    return x * scale[:, :, None, None] + shift[:, :, None, None]


def _film_shift_first(x: Tensor, vision: Tensor, to_scale: Tensor, to_shift: Tensor) -> Tensor:
    scale, shift = 1 + vision @ to_scale.T, vision @ to_shift.T
    return (x + shift[:, :, None, None]) * scale[:, :, None, None]


film = FunctionCheck(
    reference=_film,
    inputs=lambda g: (
        torch.randn(2, 4, 3, 5, generator=g),
        torch.randn(2, 6, generator=g),
        torch.randn(4, 6, generator=g) / 2,
        torch.randn(4, 6, generator=g) / 2,
    ),
    shape_hint="FiLM changes numbers, not sizes: what comes out has the shape of `x`.",
    limits=(
        Limit(
            (torch.ones(1, 2, 1, 1), torch.zeros(1, 3), torch.ones(2, 3), torch.ones(2, 3)),
            torch.ones(1, 2, 1, 1),
            "A picture that says nothing must change nothing: the scale begins at 1.",
        ),
    ),
    gradient=True,
    value_hint="For each channel c: x_c (1 + scale_c) + shift_c, where scale and shift are the "
    "matrices times the vector.",
    mistakes=(
        Mistake(
            "scale from zero",
            lambda x, v, g, b: _film(x, v, g, b) - x,
            "The scale is 1 plus what the picture says. Without the 1, a picture that says nothing "
            "would silence every channel.",
        ),
        Mistake(
            "shift first",
            _film_shift_first,
            "Scale first, then shift: yours scales the shift as well.",
        ),
        Mistake(
            "swapped",
            lambda x, v, g, b: _film(x, v, b, g),
            "Scale and shift are swapped.",
        ),
        Mistake(
            "scale only",
            lambda x, v, g, b: _film(x, v, g, torch.zeros_like(b)),
            "The shift is missing.",
        ),
        Mistake(
            "same picture for all",
            lambda x, v, g, b: _film(x, v[:1].expand_as(v), g, b),
            "All examples of the batch were changed by the picture of the first.",
        ),
    ),
)


# --- by ear and by judgement -----------------------------------------------------------------

without_skips = AnswerCheck(
    truth="A",
    hints={
        "B": "Listen to the very beginning of each note. Which of the two has lost its attack, "
        "and lets the other player through while the note rings?",
        "both": "Only one of the two networks was built without skip connections.",
        "neither": "One of the two was built without skip connections: compare them with the "
        "truth, note by note.",
    },
    otherwise='Answer with one of the names, "A" or "B".',
    right="A's mask was drawn on a grid of 2 x 2 cells and blown up: it cannot follow a line.",
)

first_decibel = AnswerCheck(
    truth=220,
    hints={
        45: "There the loss has done most of its way, and the gain is still about 0: averages are "
        "learned first.",
        130: "That is where pairs with a tuba begin to gain. The mean over all pairs is still "
        "below half a decibel.",
        170: "The gain has begun to rise there, but it is still below 1 dB.",
        280: "It is above 1 dB there, but it was before, too.",
        900: "That is the end of the training.",
    },
    otherwise="Use the gain, not the loss, and give the number of training steps, not that of the "
    "look: `steps` holds them.",
    right="For the first two hundred steps the loss fell and next to nothing was separated.",
)

conditioning = AnswerCheck(
    truth="b",
    hints={
        "a": "For that you need a model that was *trained* without pictures, and is scored "
        "fairly, in its best order. This one was never allowed to learn to do without.",
        "c": "Nothing here tells motion from shape. Pictures of another clip of the same "
        "instrument would: they keep the shape and change the motion.",
        "d": "A model that was trained with pictures and is robbed of them is not a model that "
        "was trained without. And with one picture for both players any model must hand out one "
        "mask for both.",
        "e": "Something does follow: with the two pictures swapped the answers were swapped, and "
        "nothing else had been changed.",
    },
    otherwise="Answer with the letter of one of the five conclusions.",
    right="That much, and no more: swapping changes nothing but who is asked for.",
)
