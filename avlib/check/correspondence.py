"""Checks of the chapter `correspondence`."""

import math

import torch
from torch import Tensor

from avlib import dsol
from avlib.check.core import AnswerCheck, FunctionCheck, Limit, Mistake

# --- matched or not: binary cross-entropy -----------------------------------------------------


def _scores(g: torch.Generator) -> tuple[Tensor, Tensor]:
    """More wrong pairs than right ones, so that averaging over all of them shows."""
    matched, mismatched = torch.rand(4, generator=g), torch.rand(12, generator=g)
    return 0.1 + 0.8 * matched, 0.1 + 0.8 * mismatched


matching_loss = FunctionCheck(
    reference=dsol.localisation_loss,
    inputs=_scores,
    shape_hint="One number for the whole batch: take the mean of either kind of pair.",
    range=(0.0, None),
    range_hint="Minus the logarithm of a probability is never negative.",
    limits=(
        Limit(
            (torch.tensor([0.5]), torch.tensor([0.5])),
            math.log(2),
            "A model that says one half to every pair pays log 2 = 0.693.",
        ),
        Limit(
            (torch.tensor([0.9, 0.9]), torch.tensor([0.1])),
            -math.log(0.9),
            "Nine tenths right everywhere costs -log 0.9 = 0.105 for either kind of pair.",
        ),
    ),
    gradient=True,
    gradient_hint="The gradient should be -1/(2 n s) for a matched score and 1/(2 m (1 - s)) for "
    "a mismatched one.",
    value_hint="Half of the mean of -log s over matched pairs, half of the mean of -log(1 - s) "
    "over mismatched ones.",
    mistakes=(
        Mistake(
            "all pairs alike",
            lambda p, n: -torch.cat([p.log(), (1 - n).log()]).mean(),
            "You average over all pairs at once. There are three times as many wrong pairs here, "
            "and they drown the right ones: a model that always says no would look fine. Average "
            "each kind by itself, then take half of both.",
        ),
        Mistake(
            "wrong pairs rewarded",
            lambda p, n: -0.5 * (p.log().mean() + n.log().mean()),
            "Mismatched pairs must be pushed *down*: their term is log(1 - s), not log s. With "
            "yours the best model calls everything matched.",
        ),
        Mistake(
            "only matched pairs",
            lambda p, n: -p.log().mean() + 0 * n.sum(),
            "The mismatched pairs do not count in yours. Then a model that says 1 to everything "
            "has loss 0: without wrong pairs there is nothing to learn.",
        ),
        Mistake(
            "no half",
            lambda p, n: -(p.log().mean() + (1 - n).log().mean()),
            "This is the sum of both means, twice too large: a pair is matched or not, and the "
            "cross-entropy averages over the two.",
        ),
        Mistake(
            "sums instead of means",
            lambda p, n: -0.5 * (p.log().sum() + (1 - n).log().sum()),
            "You add up instead of averaging, so the loss grows with the batch.",
        ),
    ),
)

# --- which one of many: InfoNCE ---------------------------------------------------------------


def _rows(similarities: Tensor, temperature: float) -> Tensor:
    return dsol.contrastive_loss(similarities, temperature, symmetric=False)


def _square(g: torch.Generator) -> tuple[Tensor, float]:
    n = int(torch.randint(3, 7, (), generator=g))
    temperature = 0.1 + 0.4 * torch.rand((), generator=g).item()
    return 2 * torch.rand(n, n, generator=g) - 1, temperature


def _without_own(similarities: Tensor, temperature: float) -> Tensor:
    logits = similarities / temperature
    own = torch.eye(len(logits), dtype=torch.bool)
    return (logits.masked_fill(own, -torch.inf).logsumexp(1) - logits.diagonal()).mean()


info_nce_loss = FunctionCheck(
    reference=lambda similarities, temperature: dsol.contrastive_loss(similarities, temperature),
    inputs=_square,
    shape_hint="One number for the whole batch: the mean over rows and columns.",
    range=(0.0, None),
    range_hint="Minus the logarithm of a softmax is never negative. Does the own pair stand in the "
    "denominator too?",
    limits=(
        Limit(
            (torch.zeros(8, 8), 0.1),
            math.log(8),
            "When all similarities are alike every row is a guess among 8: log 8 = 2.079.",
        ),
        Limit(
            (100 * torch.eye(5), 0.1),
            0.0,
            "Similarities this large overflow exp(…) in float32. Use `torch.logsumexp`, "
            "`log_softmax` or `F.cross_entropy`, which subtract the maximum first.",
        ),
    ),
    gradient=True,
    gradient_hint="The gradient of a row is (softmax - truth) / (n T), of both kinds of questions "
    "half each.",
    value_hint="The mean of -log softmax of the own pair, by rows and by columns, half each.",
    mistakes=(
        Mistake(
            "only rows",
            _rows,
            "You ask every sound for its picture, but no picture for its sound. The symmetric "
            "loss is the mean of both: do the same with the transposed matrix.",
        ),
        Mistake(
            "only columns",
            lambda s, t: _rows(s.T, t),
            "You ask every picture for its sound, but no sound for its picture. The symmetric "
            "loss is the mean of both.",
        ),
        Mistake(
            "times the temperature",
            lambda s, t: dsol.contrastive_loss(s * t, 1.0),
            "You multiply by the temperature. Divide: a *low* temperature makes differences large.",
        ),
        Mistake(
            "own pair left out",
            lambda s, t: 0.5 * (_without_own(s, t) + _without_own(s.T, t)),
            "The own pair is missing in the denominator. Then this is no probability, and the "
            "loss can become negative.",
        ),
        Mistake(
            "sum over the batch",
            lambda s, t: len(s) * dsol.contrastive_loss(s, t),
            "You add the rows up instead of averaging them.",
        ),
        Mistake(
            "both added",
            lambda s, t: 2 * dsol.contrastive_loss(s, t),
            "Rows and columns are added in yours: take the mean of the two.",
        ),
    ),
)

# --- what a guess costs -----------------------------------------------------------------------

loss_of_a_guess = AnswerCheck(
    truth=(math.log(2), math.log(32), 1 / 32),
    tolerance=(0.006, 0.006, 0.0004),
    hints={
        (math.log(2), 5.0, 1 / 32): "The losses use the natural logarithm: 5 is the answer in "
        "bits.",
        (0.5, math.log(32), 1 / 32): "One half is what the model *says*; what it pays for it is "
        "-log of one half.",
        (math.log(2), math.log(31), 1 / 32): "The own picture is among the candidates: there are "
        "32, not 31.",
        (math.log(2), math.log(2), 1 / 32): "InfoNCE chooses among all 32 pictures of the batch, "
        "not between yes and no.",
        (math.log(2), math.log(32), 0.03): "1 in 32 needs a digit more: 0.03 is nearly 1 in 33.",
        (math.log(2), math.log(32), 1 / 31): "The own picture is one of the 32 candidates.",
        (math.log(2), math.log(32), 0.5): "The last number is how often the own picture comes "
        "first among 32 by luck.",
    },
    otherwise="A guess gives each of n possible answers the probability 1/n and pays log n, with "
    "the natural logarithm.",
    right="log 2 = 0.693 for yes or no, log 32 = 3.466 for one of 32, and 1 in 32 right. A "
    "training curve that lies flat on one of these lines has learned nothing yet.",
)

# --- false negatives --------------------------------------------------------------------------


def _rival_probability(shares: Tensor, batch: int) -> Tensor:
    """Probability that somebody else in the batch plays the same instrument."""
    return 1 - (shares * (1 - shares) ** (batch - 1)).sum()


def _shares(g: torch.Generator) -> tuple[Tensor, int]:
    weights = torch.rand(int(torch.randint(3, 9, (), generator=g)), generator=g) ** 2 + 0.02
    return weights / weights.sum(), int(torch.randint(3, 40, (), generator=g))


false_negative_rate = FunctionCheck(
    reference=_rival_probability,
    inputs=_shares,
    shape_hint="One probability for the whole batch.",
    range=(0.0, 1.0),
    range_hint="It is a probability.",
    limits=(
        Limit(
            (torch.tensor([1.0]), 2),
            1.0,
            "If everybody plays the same instrument, every other clip is a false negative.",
        ),
        Limit(
            (torch.tensor([0.5, 0.5]), 1),
            0.0,
            "In a batch of one there is nobody else: there are batch - 1 others.",
        ),
        Limit(
            (torch.tensor([0.5, 0.5]), 2),
            0.5,
            "Two clips, two instruments alike: the other one plays the same in half of the cases.",
        ),
    ),
    value_hint="If a clip is of instrument c, nobody else is with probability (1 - p_c) to the "
    "power of batch - 1. Weigh by how likely c is, sum, and take 1 minus that.",
    mistakes=(
        Mistake(
            "batch instead of the others",
            lambda p, n: 1 - (p * (1 - p) ** n).sum(),
            "There are batch - 1 others, not batch: the clip is not its own rival.",
        ),
        Mistake(
            "expected number",
            lambda p, n: (n - 1) * (p**2).sum(),
            "That is how *many* rivals are expected, a useful number too, but no probability: it "
            "passes 1.",
        ),
        Mistake(
            "one other clip",
            lambda p, n: (p**2).sum(),
            "That is the probability for one other clip. In the batch there are batch - 1 of them.",
        ),
        Mistake(
            "instruments averaged first",
            lambda p, n: 1 - (1 - (p**2).sum()) ** (n - 1),
            "Close, but the other clips are not independent of *which* instrument this clip has: a "
            "frequent one meets its kind again and again. Condition on the instrument first, then "
            "average.",
        ),
        Mistake(
            "nobody instead of somebody",
            lambda p, n: (p * (1 - p) ** (n - 1)).sum(),
            "That is the probability that *nobody* plays the same. One minus it.",
        ),
    ),
)

# --- the hardest rival ------------------------------------------------------------------------


def _hardest(similarities: Tensor) -> Tensor:
    own = torch.eye(len(similarities), dtype=torch.bool)
    return similarities.masked_fill(own, -torch.inf).argmax(dim=1)


def _matrix(g: torch.Generator) -> tuple[Tensor]:
    n = int(torch.randint(4, 9, (), generator=g))
    return (2 * torch.rand(n, n, generator=g) - 1 + 0.5 * torch.eye(n),)


hardest_rivals = FunctionCheck(
    reference=_hardest,
    inputs=_matrix,
    shape_hint="One index for each sound: for n rows a tensor of n whole numbers.",
    range=(0, None),
    range_hint="Indices of columns start at 0.",
    limits=(
        Limit(
            (torch.tensor([[0.9, 0.1, 0.2], [0.3, 0.8, 0.0], [0.6, 0.7, -0.5]]),),
            torch.tensor([2, 0, 1]),
            "Row 0 has its own picture in column 0; of the others column 2 fits best.",
        ),
        Limit(
            (torch.tensor([[-0.1, -0.9], [-0.2, 0.5]]),),
            torch.tensor([1, 0]),
            "Similarities may all be negative. Put *minus infinity*, not 0, on the diagonal.",
        ),
        Limit(
            (torch.tensor([[0.95, -0.3, -0.2], [-0.6, 0.95, -0.4], [-0.2, -0.5, 0.95]]),),
            torch.tensor([2, 2, 0]),
            "All rivals here are below -0.1, and 0.95 - 1 is not: whatever you take off the own "
            "similarity, it may win still. Minus infinity never does.",
        ),
    ),
    value_hint="In each row, the column of the largest similarity outside of the diagonal.",
    mistakes=(
        Mistake(
            "own picture included",
            lambda s: s.argmax(dim=1),
            "The own picture wins in yours. Take the diagonal out first: it is no rival.",
        ),
        Mistake(
            "along the columns",
            lambda s: _hardest(s.T),
            "You ask which sound is the rival of each *picture*. Rows are sounds: search along "
            "dim=1.",
        ),
        Mistake(
            "the easiest",
            lambda s: s.argmin(dim=1),
            "That is the picture that fits worst, the easiest to tell apart.",
        ),
        Mistake(
            "zero on the diagonal",
            lambda s: s.masked_fill(torch.eye(len(s), dtype=torch.bool), 0.0).argmax(dim=1),
            "Zero on the diagonal still wins where all rivals are below zero. Use minus infinity.",
        ),
        Mistake(
            "one taken off the diagonal",
            lambda s: (s - torch.eye(len(s))).argmax(dim=1),
            "You take 1 off the diagonal. Where all rivals are well below zero, what is left still "
            "wins. Use minus infinity.",
        ),
    ),
)

# --- shortcuts --------------------------------------------------------------------------------


def _planted(g: torch.Generator) -> tuple[Tensor, Tensor]:
    n = int(torch.randint(3, 7, (), generator=g))
    return torch.randn(n, 50, generator=g), 0.2 * torch.randn(n, 50, generator=g)


broken_shortcut = FunctionCheck(
    reference=lambda music, hum: music + hum.roll(1, dims=0),
    inputs=_planted,
    shape_hint="One tensor, (clip, sample): as many recordings as before, and as long.",
    limits=(
        Limit(
            (torch.zeros(3, 1), torch.tensor([[1.0], [2.0], [3.0]])),
            torch.tensor([[3.0], [1.0], [2.0]]),
            "Clip i gets the hum of clip i - 1, and the first that of the last.",
        ),
    ),
    value_hint="Keep every clip's music and give it the hum of the clip before it.",
    mistakes=(
        Mistake(
            "hum removed",
            lambda music, hum: music + 0 * hum,
            "You take the hum away. Then two things change at once: the shortcut is gone, and the "
            "recordings no longer sound like those of the training. Give every clip *another* "
            "clip's hum, so that only the connection with the picture is broken.",
        ),
        Mistake(
            "nothing changed",
            lambda music, hum: music + hum,
            "Every clip still has its own hum, so hum and picture still belong together: the "
            "shortcut works as before.",
        ),
        Mistake(
            "music moved too",
            lambda music, hum: (music + hum).roll(1, dims=0),
            "You moved the whole recording. Then nothing matches any more, and even a model that "
            "listens to the music must fail. Move only the hum.",
        ),
        Mistake(
            "music moved instead",
            lambda music, hum: music.roll(1, dims=0) + hum,
            "You moved the music and kept the hum: a model that uses the shortcut would still be "
            "right. That tests the opposite question.",
        ),
        Mistake(
            "everybody's hum",
            lambda music, hum: music + hum.mean(dim=0, keepdim=True),
            "The same mean hum for all breaks the connection too, but it makes a hum that no "
            "recording of the training had. Give every clip another clip's.",
        ),
    ),
)

which_control = AnswerCheck(
    truth="swap",
    hints={
        "more": "More pairs make the interval narrower. They come from the same rooms, and a "
        "shortcut works for all of them.",
        "split": "A new random split of the same recordings keeps rooms and players on both sides: "
        "whatever leaks now leaks then.",
        "curve": "A validation loss that falls says that *something* is learned. So does a "
        "shortcut.",
        "bigger": "A bigger network finds the shortcut faster.",
    },
    right="Exchange what should not matter (the room) and keep what should (the player): if the "
    "accuracy falls, it was made of the room.",
)
