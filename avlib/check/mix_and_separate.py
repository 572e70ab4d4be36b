"""Checks of the chapter `mix-and-separate`."""

from itertools import permutations

import torch
import torch.nn.functional as F
from torch import Tensor

from avlib.audio import binary_mask, to_log_frequency
from avlib.check.core import AnswerCheck, FunctionCheck, Limit, Mistake

# --- mixing ----------------------------------------------------------------------------------


def _mix(
    waves: Tensor,
    generator: torch.Generator,
    *,
    gains: int | None = None,
    low: float = 0.5,
    clip: bool = True,
    divide: bool = True,
) -> tuple[Tensor, Tensor]:
    """Mix by the rule of Sound of Pixels; the options are mistakes."""
    drawn = torch.rand(len(waves) if gains is None else gains, generator=generator) + low
    sources = waves * drawn[:, None]
    if clip:
        sources = sources.clamp(-1, 1)
    mixture = sources.sum(dim=0) / len(sources)
    return (sources / len(sources) if divide else sources), mixture


def _clipped_mixture(waves: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    drawn = torch.rand(len(waves), generator=generator) + 0.5
    sources = waves * drawn[:, None]
    return sources / len(sources), (sources.sum(dim=0) / len(sources)).clamp(-1, 1)


mix_solos = FunctionCheck(
    reference=_mix,
    inputs=lambda g: (2 * torch.rand(3, 200, generator=g) - 1, g.clone_state()),
    shape_hint="Return two things: the sources (source, sample) and the mixture (sample,).",
    range=(-1.0, 1.0),
    range_hint="Each source is clipped to ±1 before it is divided by the number of sources.",
    limits=(
        Limit(
            (torch.zeros(2, 3), torch.Generator().manual_seed(0)),
            (torch.zeros(2, 3), torch.zeros(3)),
            "Silence and silence make silence.",
        ),
        Limit(
            (torch.tensor([[1.0, -1.0]]), torch.Generator().manual_seed(4)),
            _mix(torch.tensor([[1.0, -1.0]]), torch.Generator().manual_seed(4)),
            "One source alone is its own mixture, at most ±1 whatever the gain.",
        ),
    ),
    value_hint="In this order: one gain for each source, `torch.rand(…, generator=generator) + "
    "0.5`; clip to ±1; divide by the number of sources; add.",
    mistakes=(
        Mistake(
            "sources undivided",
            lambda waves, generator: _mix(waves, generator, divide=False),
            "The mixture was divided, the sources were not: they no longer add up to it. That is "
            "the factor in Co-Separation's released code.",
        ),
        Mistake(
            "one gain for all",
            lambda waves, generator: _mix(waves, generator, gains=1),
            "Every source needs a gain of its own; one for all only makes the mixture louder.",
        ),
        Mistake(
            "gain from 0",
            lambda waves, generator: _mix(waves, generator, low=0.0),
            "`torch.rand` goes from 0 to 1; the gains of the paper's code go from 0.5 to 1.5.",
        ),
        Mistake(
            "never clipped",
            lambda waves, generator: _mix(waves, generator, clip=False),
            "A gain above 1 can push a wave beyond ±1: clip each source after the gain, and before "
            "dividing.",
        ),
        Mistake(
            "mixture clipped",
            _clipped_mixture,
            "Clip the sources, not the mixture. What is cut from a sum belongs to nobody, and the "
            "parts no longer add up.",
        ),
    ),
)


# --- targets and losses ----------------------------------------------------------------------


def _target(source_mag: Tensor, mixture_mag: Tensor) -> Tensor:
    return binary_mask(to_log_frequency(source_mag), to_log_frequency(mixture_mag))


def _draw_magnitudes(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two sources that partly cancel, so that the mixture is not the sum of magnitudes."""
    parts = torch.randn(2, 2, 512, 8, generator=generator).square()
    waves = torch.complex(parts[0], parts[1] - 0.7)
    return waves.abs(), waves.sum(dim=0).abs()


log_frequency_target = FunctionCheck(
    reference=_target,
    inputs=_draw_magnitudes,
    shape_hint="On logarithmic frequency there are 256 rows: (source, 256, column).",
    range=(0.0, 1.0),
    range_hint="A binary mask is 0 or 1.",
    limits=(
        Limit(
            (torch.zeros(1, 512, 2), torch.zeros(512, 2)),
            torch.zeros(1, 256, 2),
            "Where nothing sounds nothing is kept: compare with `>`, not with `>=`.",
        ),
    ),
    value_hint="Warp both magnitudes with `audio.to_log_frequency`, then compare: is the source "
    "above half of the mixture?",
    mistakes=(
        Mistake(
            "mask first",
            lambda source, mixture: to_log_frequency(binary_mask(source, mixture)),
            "You warped the mask. Between two rows it is then neither 0 nor 1, and not what the "
            "network is asked for: warp the magnitudes, then compare.",
        ),
        Mistake(
            "whole mixture",
            lambda source, mixture: (
                to_log_frequency(source) > to_log_frequency(mixture)
            ).float(),
            "A source counts when it is above *half* of the mixture; above all of it, it is only "
            "where sources cancel.",
        ),
        Mistake(
            "against the other",
            lambda source, mixture: (
                to_log_frequency(source) > to_log_frequency(source.flip(0))
            ).float(),
            "You compare the sources with each other. The paper's rule compares each with the "
            "mixture: both can be above half of it, or neither.",
        ),
        Mistake(
            "no warp",
            lambda source, mixture: binary_mask(source, mixture)[:, ::2],
            "Every second row of the linear spectrogram is not the logarithmic one: use "
            "`audio.to_log_frequency`.",
        ),
    ),
)  # fmt: skip


def _weighted_bce(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    return (weight * F.binary_cross_entropy_with_logits(logits, target, reduction="none")).mean()


def _twice_squashed(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    return _weighted_bce(logits.sigmoid(), target, weight)


def _naive(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    mask = logits.sigmoid()
    return -(weight * (target * mask.log() + (1 - target) * (1 - mask).log())).mean()


def _floored(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    mask = logits.sigmoid()
    likely = target * (mask + 1e-3).log() + (1 - target) * (1 - mask + 1e-3).log()
    return -(weight * likely).mean()


weighted_bce = FunctionCheck(
    reference=_weighted_bce,
    inputs=lambda g: (
        3 * torch.randn(2, 2, 4, 5, generator=g),
        (torch.rand(2, 2, 4, 5, generator=g) > 0.5).float(),
        2 * torch.rand(2, 1, 4, 5, generator=g),
    ),
    shape_hint="A loss is one number.",
    range=(0.0, None),
    range_hint="Cross-entropy is never negative, and finite for finite logits. Is the sign right?",
    limits=(
        Limit(
            (torch.tensor([200.0, -200.0]), torch.tensor([0.0, 1.0]), torch.ones(2)),
            200.0,
            "A logit of 200 where 0 is right costs 200. `log(1 - sigmoid(200))` is minus infinity "
            "in float32: use the form with logits, max(z, 0) - z y + log(1 + exp(-|z|)).",
        ),
        Limit(
            (torch.zeros(2), torch.tensor([0.0, 1.0]), torch.tensor([1.0, 0.0])),
            0.34657359,
            "Cells of weight 0 cost nothing, but still count in the mean.",
        ),
    ),
    gradient=True,
    gradient_of=(0,),
    gradient_hint="For each logit the gradient is weight x (sigmoid(z) - y) / number of cells. A "
    "clamp or a floor inside of the logarithm bends it.",
    value_hint="Cross-entropy of each cell times its weight, then the mean over all cells.",
    mistakes=(
        Mistake(
            "weighted mean",
            lambda z, y, w: (
                (w * F.binary_cross_entropy_with_logits(z, y, reduction="none")).sum()
                / w.expand_as(z).sum()
            ),
            "You divide by the sum of the weights. The authors' code takes the plain mean: a loud "
            "mixture then counts for more than a soft one.",
        ),
        Mistake(
            "sum",
            lambda z, y, w: (
                w * F.binary_cross_entropy_with_logits(z, y, reduction="none")
            ).sum(),
            "It is a mean over all cells, not a sum: with the sum, the learning rate would depend "
            "on the length of the clip.",
        ),
        Mistake(
            "sigmoid twice",
            _twice_squashed,
            "The sigmoid was taken twice: `binary_cross_entropy_with_logits` takes it itself. The "
            "mask could then never go below a half, and the loss never near zero.",
        ),
        Mistake(
            "naive logarithm",
            _naive,
            "Right on paper, infinite in float32: `1 - sigmoid(200)` is exactly 0. Use the form "
            "with logits, `F.binary_cross_entropy_with_logits`.",
        ),
        Mistake(
            "floor in the logarithm",
            _floored,
            "A small number in the logarithm hides the infinity, and with it the gradient: where "
            "the network is most wrong it would learn least. Use the form with logits.",
        ),
        Mistake(
            "no weight",
            lambda z, y, w: F.binary_cross_entropy_with_logits(z, y),
            "All cells count alike here. The weight is missing, and silence outvotes the music.",
        ),
    ),
)  # fmt: skip


# --- the permutation problem -----------------------------------------------------------------

order_blind = AnswerCheck(
    truth=0.693,
    tolerance=0.004,
    hints={
        0.0: "That would be knowing the order. The same input is shown with both orders, so no "
        "answer can be right both times.",
        0.5: "0.5 is the best *mask*. What does it cost, in cross-entropy?",
        0.347: "You divided by two once too often: each of the two outputs costs log 2, and their "
        "mean is log 2 as well.",
        1.386: "That is the sum over both outputs; the loss is their mean.",
        1.0: "One bit, that is log2 2. Cross-entropy in this book, as in PyTorch, is measured with "
        "the natural logarithm.",
    },
    otherwise="Call the mask m. Half of the time 1 is right and costs -log m, half of the time 0 "
    "and costs -log(1 - m). Which m makes the mean smallest, and how large is it then?",
    right="The best that one can say without knowing the order is a half, and it costs log 2.",
)


def _any_order(estimates: Tensor, targets: Tensor) -> Tensor:
    costs = (estimates[:, None] - targets[None]).abs().mean(dim=(-2, -1))
    places = range(len(targets))
    orders = [costs[list(places), list(order)].mean() for order in permutations(places)]
    return torch.stack(orders).min()


def _costs(estimates: Tensor, targets: Tensor) -> Tensor:
    return (estimates[:, None] - targets[None]).abs().mean(dim=(-2, -1))


def _greedy(estimates: Tensor, targets: Tensor) -> Tensor:
    left, taken = list(range(len(targets))), []
    for row in _costs(estimates, targets):
        best = left.pop(int(row[left].argmin()))
        taken.append(row[best])
    return torch.stack(taken).mean()


_NEAR, _FAR = torch.tensor([0.4, 0.9]).view(2, 1, 1), torch.tensor([0.5, 0.0]).view(2, 1, 1)
_THREE = torch.tensor([0.0, 0.4, 1.0]).view(3, 1, 1)

_FIRST_COME = (
    "The pair that fits best, 0.4 and 0.5, is not part of the best order: it leaves 0.9 and 0, "
    "together 1.0. The other order costs 0.4 twice. Try every order as a whole."
)


def _per_cell(estimates: Tensor, targets: Tensor) -> Tensor:
    places = range(len(targets))
    errors = [(estimates - targets[list(o)]).abs().mean(0) for o in permutations(places)]
    return torch.stack(errors).amin(0).mean()


permutation_free_loss = FunctionCheck(
    reference=_any_order,
    inputs=lambda g: (torch.rand(3, 4, 5, generator=g), torch.rand(3, 4, 5, generator=g)),
    shape_hint="A loss is one number.",
    range=(0.0, None),
    range_hint="A mean of absolute differences is not negative.",
    limits=(
        Limit(
            (torch.eye(2).view(2, 2, 1), torch.eye(2).flip(0).view(2, 2, 1)),
            0.0,
            "The right masks in the other order cost nothing: that is what the loss is for.",
        ),
        Limit(
            (torch.ones(2, 1, 1), torch.tensor([1.0, 0.0]).view(2, 1, 1)),
            0.5,
            "Two equal estimates cannot both be matched with the same target.",
        ),
        Limit((_NEAR, _FAR), 0.4, _FIRST_COME),
        Limit((_NEAR.flip(0), _FAR.flip(0)), 0.4, _FIRST_COME),
        Limit(
            (_THREE, _THREE[[1, 2, 0]]),
            0.0,
            "Three sources, each one place further: there are six orders, and all count.",
        ),
        Limit(
            (_THREE, _THREE[[1, 0, 2]]),
            0.0,
            "Three sources, the first two exchanged: there are six orders, and all count.",
        ),
    ),
    gradient=True,
    gradient_of=(0,),
    value_hint="For each order of the targets (`itertools.permutations`) the mean error over all "
    "sources and cells; then the smallest of these.",
    mistakes=(
        Mistake(
            "no order",
            lambda e, t: (e - t).abs().mean(),
            "That is the loss in the given order; try the others as well.",
        ),
        Mistake(
            "each its best",
            lambda e, t: _costs(e, t).amin(dim=1).mean(),
            "Every estimate took the target that suits it best, and two of them may have taken the "
            "same one. An order uses each target once.",
        ),
        Mistake(
            "first come, first served",
            _greedy,
            "The first estimate takes the target that suits it best, the next what is left. What "
            "suits one may cost the others more: compare the orders as a whole.",
        ),
        Mistake(
            "cell by cell",
            _per_cell,
            "You choose the order anew in every cell. It must be the same for the whole "
            "spectrogram, or half a violin and half a flute count as right.",
        ),
        Mistake(
            "mean over orders",
            lambda e, t: _costs(e, t).mean(),
            "That is the mean over all orders: its best answer is the same grey for everybody. "
            "Take the smallest.",
        ),
        Mistake(
            "largest",
            lambda e, t: torch.stack(
                [
                    _costs(e, t)[list(range(len(t))), list(order)].mean()
                    for order in permutations(range(len(t)))
                ]
            ).amax(),
            "You take the worst order. The best one is meant.",
        ),
    ),
)


# --- leaks -----------------------------------------------------------------------------------


def _leaked(
    train: list[dict], held_out: list[dict], by: tuple[str, ...] = ("player", "video")
) -> list[str]:
    seen = {key: {clip[key] for clip in train} for key in by}
    return sorted(clip["name"] for clip in held_out if any(clip[k] in seen[k] for k in by))


def _draw_clips(generator: torch.Generator) -> tuple[list[dict], list[dict]]:
    """Two lists of clips that share some players, some videos, and no names."""

    def draw(count: int, first: int) -> list[dict]:
        numbers = torch.randint(0, 14, (count, 2), generator=generator).tolist()
        return [
            {"name": f"clip-{first + k:02}", "player": f"player-{p}", "video": f"video-{v}"}
            for k, (p, v) in enumerate(numbers)
        ]

    fixed = [("player-90", "video-0"), ("player-0", "video-91"), ("player-92", "video-93")]
    train = [*draw(6, 0), {"name": "clip-98", "player": "player-0", "video": "video-0"}]
    held_out = [
        *({"name": f"clip-{42 - k}", "player": p, "video": v} for k, (p, v) in enumerate(fixed)),
        *draw(6, 20),
    ]
    return train, held_out


def _not_names(got: object) -> str:
    """What is wrong with the kind of a result, in words."""
    if isinstance(got, list) and all(isinstance(name, str) for name in got):
        return ""
    if isinstance(got, list) and all(isinstance(clip, dict) for clip in got):
        return 'These are whole clips. Only their names are wanted: `clip["name"]`.'
    if isinstance(got, set | frozenset):
        return "A set has no order. Return a list: `sorted(…)` makes one, in alphabetical order."
    return "Return a list of names."


def _unsorted(train: list[dict], held_out: list[dict]) -> list[str]:
    leaked = _leaked(train, held_out)
    return [clip["name"] for clip in held_out if clip["name"] in leaked]


leaked_clips = FunctionCheck(
    reference=_leaked,
    inputs=_draw_clips,
    shape_hint="Return a list with the names of those *held-out* clips that share a player or a "
    "video with a training clip, in alphabetical order.",
    limits=(
        Limit(
            ([], [{"name": "a", "player": "p", "video": "v"}]),
            [],
            "Nobody was trained on: nothing can leak.",
        ),
        Limit(
            (
                [{"name": "a", "player": "p", "video": "v"}],
                [
                    {"name": "c", "player": "p", "video": "w"},
                    {"name": "b", "player": "q", "video": "v"},
                    {"name": "d", "player": "q", "video": "w"},
                ],
            ),
            ["b", "c"],
            "c shows a player of the training, b is cut from one of its videos, d is clean. In "
            "alphabetical order b comes first.",
        ),
    ),
    value_hint="Collect the players and the videos of the training clips in two sets, and look "
    "every held-out clip up in both.",
    mistakes=(
        Mistake(
            "not in alphabetical order",
            _unsorted,
            "These are the right names, in the order of `held_out`. Alphabetical order is asked "
            "for: `sorted`.",
        ),
        Mistake(
            "names only",
            lambda train, held_out: _leaked(train, held_out, ("name",)),
            "No clip is in both lists, and still something leaks: two clips can be cut from one "
            "video, or show the same player.",
        ),
        Mistake(
            "videos only",
            lambda train, held_out: _leaked(train, held_out, ("video",)),
            "Different videos can show the same player, with the same instrument in the same room.",
        ),
        Mistake(
            "players only",
            lambda train, held_out: _leaked(train, held_out, ("player",)),
            "Look at the videos as well: a recording can be listed under two names of players.",
        ),
        Mistake(
            "both at once",
            lambda train, held_out: sorted(
                a["name"]
                for a in held_out
                if any(a["player"] == b["player"] and a["video"] == b["video"] for b in train)
            ),
            "Sharing *either* a player or a video is enough to leak; you ask for both.",
        ),
        Mistake(
            "training clips",
            lambda train, held_out: _leaked(held_out, train),
            "These are the names of training clips. The held-out ones have to go.",
        ),
    ),
    same_shape=_not_names,
)


# --- by ear and by judgement -----------------------------------------------------------------

swapped_pictures = AnswerCheck(
    truth="B",
    hints={
        "A": "Listen to who is in front there: it is the trumpet, as asked. With the swapped "
        "picture it must be the other.",
        "C": "A grey picture shows nobody, and the model falls for one of the players all the "
        "same. Which of the three tracks has the guitar in front?",
        "none": "One of the three was made with the pictures of the two players exchanged.",
    },
    otherwise='Answer with a name of a track: "A", "B" or "C".',
    right="Asked with the other's picture, the model hands the other over.",
)

split_critique = AnswerCheck(
    truth="c",
    hints={
        "a": "More pairs make the interval narrower, around the wrong number: what leaks, leaks in "
        "every pair.",
        "b": "More steps on the same videos make it worse: they will be remembered even better.",
        "d": "A louder test does not make the players unknown.",
        "e": "The intervals say how far the mean may wander on *such* pairs. Whether such pairs "
        "answer the question, they cannot say.",
    },
    otherwise="Answer with the letter of one of the five proposals.",
    right="What must be new in the test is what the claim is about: new players.",
)
