r"""SeCo's losses: masks as they should be, and what is separated agrees with sight and sound.

For clip *i* of a mixture, $v_i$ is the vector of its picture, $a_i$ that of its separated sound,
$g_i$ that of its true sound, $t_i$ that of another clip of the same category.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from avlib.audio import binary_mask, loss_weight

SHORTEST = 1e-10
"""A vector shorter than this has no direction: single precision knows its square no better."""

Distance = Literal["mean", "sum"]
Term = Literal[
    "inter_positive", "inter_truth", "inter_negative", "intra_positive", "intra_negative"
]
TERMS: tuple[Term, ...] = get_args(Term)
INTER: tuple[Term, ...] = ("inter_positive", "inter_truth", "inter_negative")
INTRA: tuple[Term, ...] = ("intra_positive", "intra_negative")
WITHOUT_TRUTH: tuple[Term, ...] = ("inter_positive", "inter_negative", "intra_negative")
"""The terms that need neither the true sounds nor a category: those of online matching."""


def separation_loss(
    logits: Float[Tensor, "batch source freq column"],
    source_mag: Float[Tensor, "batch source freq column"],
    mixture_mag: Float[Tensor, "batch freq column"],
) -> Float[Tensor, ""]:
    r"""Compare the predicted masks with the true ones, cell by cell.

    $$L_{sep} = \tfrac1N \sum_{i=1}^{N} \operatorname{mean}_{f,t}\; w \cdot
    \mathrm{BCE}\big(\hat M_i,\; [\,|S_i| > 0.5\,|X|\,]\big)$$

    with $w = \mathrm{clamp}(\log(1 + |X|), 10^{-3}, 10)$ (authors' code, `main.py`: N = 2). All
    magnitudes after the warp; the true mask is a constant, no gradient reaches the magnitudes
    through it.

    Args:
        logits: masks before the sigmoid.
        source_mag: magnitudes of the sources, $|S_i|$.
        mixture_mag: magnitudes of the mixture, $|X|$.

    Example:
        >>> mixture, sources = torch.ones(1, 1, 1), torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)
        >>> round(separation_loss(torch.zeros(1, 2, 1, 1), sources, mixture).item(), 4)  # log 2 ^ 2
        0.4805
    """
    over = mixture_mag[:, None]
    target = binary_mask(source_mag, over)
    errors = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (loss_weight(over) * errors).mean()


def distance(
    x: Float[Tensor, "*#batch feature"],
    y: Float[Tensor, "*#batch feature"],
    reduction: Distance = "mean",
) -> Float[Tensor, "*batch"]:
    r"""Compare two vectors by their directions.

    $$d(x, y) = \tfrac{1}{F} \sum_j (\hat x_j - \hat y_j)^2, \qquad \hat x = x / \lVert x \rVert_2$$

    (authors' code, `models/criterion.py`). The mean over the F numbers makes it at most 4/F, so
    that a hinge with margin 1 never closes; `"sum"` leaves the 1/F out: $d = 2 - 2 \cos$, from 0
    to 4. A vector of zeros (shorter than 1e-10) has no direction: it is at distance 1 (sum) of
    every other, and pulls nothing.

    Args:
        x: one vector, or many; leading axes broadcast.
        y: others.
        reduction: "mean" (as released) or "sum".

    Raises:
        ValueError: another reduction.

    Example:
        >>> x, y = torch.tensor([3.0, 0.0]), torch.tensor([0.0, 0.5])
        >>> distance(x, y).item(), distance(x, y, "sum").item()
        (1.0, 2.0)
    """
    if reduction not in get_args(Distance):
        raise ValueError(f"distance must be 'mean' or 'sum'; got {reduction!r}")
    squares = (_direction(x) - _direction(y)).square()
    return squares.mean(dim=-1) if reduction == "mean" else squares.sum(dim=-1)


def _direction(x: Float[Tensor, "*batch feature"]) -> Float[Tensor, "*batch feature"]:
    """Divide by the length; what is next to nothing becomes zeros, and gets a gradient of zero."""
    square = x.square().sum(dim=-1, keepdim=True)
    enough = square > SHORTEST**2
    return x * torch.where(enough, square, 1).rsqrt() * enough


def truth_weight(step: int) -> float:
    r"""How much the true sounds' agreement with the pictures counts at a step of training.

    $r = \max(0.1,\; 0.9^{\,step / 100})$ (authors' code, `main.py`): the true sounds teach the
    sight at first; the floor is reached at step 2186.

    Args:
        step: counted from 0, over the whole training.

    Example:
        >>> truth_weight(0), round(truth_weight(100), 3), truth_weight(2186)
        (1.0, 0.9, 0.1)
    """
    return max(0.1, 0.9 ** (step / 100))


@dataclass(frozen=True)
class Features:
    """The vectors that the losses compare.

    Attributes:
        separated: $a$, of the separated sounds.
        seen: $v$, of the pictures.
        truth: $g$, of the true sounds; None where there is no truth.
        partners: $t$, of other clips of the same categories; None where there are none.
    """

    separated: Float[Tensor, "batch source feature"]
    seen: Float[Tensor, "batch source feature"]
    truth: Float[Tensor, "batch source feature"] | None = None
    partners: Float[Tensor, "batch source feature"] | None = None


def consistency_terms(
    features: Features,
    reduction: Distance = "mean",
    margin: float = 1.0,
    terms: tuple[Term, ...] = TERMS,
) -> dict[str, Float[Tensor, "batch"]]:
    r"""Compute the terms of the consistency losses, one number for each mixture.

    For two sources these are the terms of the authors' code (`models/criterion.py`):

    $$L^+_{inter} = \sum_i d(a_i, v_i), \quad L^g_{inter} = \sum_i d(g_i, v_i), \quad
    L^-_{inter} = [m - d(a_1, v_2)]_+ + [m - d(a_2, v_1)]_+$$

    $$L^+_{intra} = \sum_i d(t_i, a_i), \quad L^-_{intra} = [m - d(a_1, a_2)]_+$$

    Nothing is detached, as in the authors' code: every term moves both of the vectors it compares.

    For N sources positives are summed and hinges are averaged over the ordered pairs, the inter
    term twice: $L^-_{inter} = \tfrac{2}{N(N-1)} \sum_{i \ne j} [m - d(a_i,
    v_j)]_+$, $L^-_{intra} = \tfrac{1}{N(N-1)} \sum_{i \ne j} [m - d(a_i, a_j)]_+$, which for N = 2
    are the sums above.

    Args:
        features: the vectors.
        reduction: see `distance`.
        margin: m.
        terms: which to compute.

    Returns:
        The terms by name, in the order of `terms`; the true sounds' term without its weight r.

    Raises:
        ValueError: an unknown term, a term whose vectors are not there, or fewer than two sources.

    Example:
        >>> heard, seen = torch.tensor([[[1.0, 0.0], [1.0, 1.0]]]), torch.eye(2)[None]
        >>> found = consistency_terms(Features(heard, seen), "sum", terms=WITHOUT_TRUTH)
        >>> {name: round(value.item(), 4) for name, value in found.items()}
        {'inter_positive': 0.5858, 'inter_negative': 0.4142, 'intra_negative': 0.4142}
    """
    if unknown := sorted(set(terms) - set(TERMS)):
        raise ValueError(f"unknown terms {unknown}; there are {', '.join(TERMS)}")
    a, v = features.separated, features.seen
    if a.shape[1] < 2:
        raise ValueError(
            f"consistency needs two sources or more in a mixture, to compare; got {a.shape[1]}"
        )
    found = {}
    if "inter_positive" in terms:
        found["inter_positive"] = distance(a, v, reduction).sum(dim=1)
    if "inter_truth" in terms:
        truth = _needed(features.truth, "inter_truth", "the true sounds")
        found["inter_truth"] = distance(truth, v, reduction).sum(dim=1)
    if "inter_negative" in terms:
        found["inter_negative"] = 2 * _others(a, v, reduction, margin)
    if "intra_positive" in terms:
        partners = _needed(features.partners, "intra_positive", "partners of the same category")
        found["intra_positive"] = distance(partners, a, reduction).sum(dim=1)
    if "intra_negative" in terms:
        found["intra_negative"] = _others(a, a, reduction, margin)
    return {name: found[name] for name in terms}


def _others(
    x: Float[Tensor, "batch source feature"],
    y: Float[Tensor, "batch source feature"],
    reduction: Distance,
    margin: float,
) -> Float[Tensor, "batch"]:
    """Mean hinge over the ordered pairs of different sources."""
    hinges = (margin - distance(x[:, :, None], y[:, None, :], reduction)).clamp_min(0)
    count = x.shape[1]
    away = ~torch.eye(count, dtype=torch.bool, device=x.device)
    return (hinges * away).sum(dim=(1, 2)) / (count * (count - 1))


def _needed(vectors: Tensor | None, term: str, what: str) -> Tensor:
    if vectors is None:
        raise ValueError(f"the term {term} needs {what}, and there are none: leave it out")
    return vectors


def consistency_loss(
    features: Features,
    reduction: Distance = "mean",
    margin: float = 1.0,
    terms: tuple[Term, ...] = TERMS,
    r: float = 1.0,
) -> Float[Tensor, "batch"]:
    r"""Add the terms up, the true sounds' agreement weighted by r.

    $L_{cs} = L^+_{inter} + r L^g_{inter} + L^-_{inter} + L^+_{intra} + L^-_{intra}$, of which
    `terms` names those that are wanted; training takes 0.01 of it (SeCo).

    Args:
        features: the vectors.
        reduction: see `distance`.
        margin: of the hinges.
        terms: which terms.
        r: see `truth_weight`.

    Returns:
        One number for each mixture, so that each can be matched online by itself; training takes
        the mean.

    Raises:
        ValueError: no terms at all, or see `consistency_terms`.

    Example:
        >>> same = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
        >>> consistency_loss(Features(same, same), "sum", terms=WITHOUT_TRUTH).item()
        0.0
    """
    if not terms:
        raise ValueError(f"no terms to add up; there are {', '.join(TERMS)}")
    found = consistency_terms(features, reduction, margin, terms)
    weighted = [r * value if name == "inter_truth" else value for name, value in found.items()]
    return torch.stack(weighted).sum(dim=0)
