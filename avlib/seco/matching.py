r"""SeCo's online matching (Algorithm A1): adapt to the pair at hand, separate, forget again.

For each mixture: T times $\theta_\tau = \theta_{\tau-1} - \beta \nabla_\theta L_{cs}$, then the
masks with $\theta_T$, then back to $\theta_0$. Nothing is assigned and no parameter is added: it
is plain gradient descent on what can be computed without the truth.

`online_match` walks through the pairs as the algorithm is written. `online_match_batched`, in
`avlib.seco.matching_batched`, gives every pair parameters of its own and takes the same steps for
many pairs at once.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from avlib.seco.losses import WITHOUT_TRUTH, Term, consistency_loss
from avlib.seco.model import SeCo, check_mixtures, spectrograms

BatchNorm = Literal["eval", "batch"]
EVERYTHING = ("sight", "separator", "encoder")
NEEDS = {
    "inter_truth": "the true sounds, which a mixture under test does not come with",
    "intra_positive": "other clips of the same categories, which are not known at test time",
}
"""Why some of the terms cannot be in the L_cs of a test pair."""


@dataclass
class Trace:
    r"""What happened on the way, one entry for each pair in the order they were given.

    One pass of T steps serves every smaller number of steps: the masks after t steps are on the
    way to those after T.

    Args:
        keep_masks: numbers of steps after which the masks are kept; 0: before the first.

    Attributes:
        losses: T + 1 numbers: L_cs with $\theta_0$, ..., $\theta_T$.
        norms: T numbers: the length of each step over all parameters that move,
            $\beta \lVert \nabla_\theta L_{cs} \rVert$.
        masks: for each number in `keep_masks` the masks of every pair, (source, freq, column);
            ``torch.stack(trace.masks[5])`` is what `online_match` returns for five steps.

    Example:
        >>> Trace(keep_masks=(0, 5)).masks
        {0: [], 5: []}
    """

    keep_masks: tuple[int, ...] = ()
    losses: list[list[float]] = field(default_factory=list)
    norms: list[list[float]] = field(default_factory=list)
    masks: dict[int, list[Tensor]] = field(init=False)

    def __post_init__(self) -> None:
        self.masks = {t: [] for t in self.keep_masks}

    def add(
        self,
        losses: list[float],
        norms: list[float],
        masks: Sequence[Float[Tensor, "source freq column"]],
    ) -> None:
        """Note a pair down: T + 1 values of L_cs, T lengths, T + 1 times its masks."""
        self.losses.append(losses)
        self.norms.append(norms)
        for t, kept in self.masks.items():
            kept.append(masks[t])


def matching_loss(
    model: SeCo,
    mixture_mag: Float[Tensor, "batch freq column"],
    visuals: Tensor,
    terms: tuple[Term, ...] = WITHOUT_TRUTH,
) -> tuple[Float[Tensor, "batch"], Float[Tensor, "batch source freq column"]]:
    r"""Compute L_cs of each pair from what a test pair has: no true sound, no category.

    $$L_{cs} = \sum_i d(a_i, v_i) + [m - d(a_1, v_2)]_+ + [m - d(a_2, v_1)]_+
    + [m - d(a_1, a_2)]_+$$

    for two sources; which terms SeCo's authors took is not published. For more sources and for
    the distance d see `avlib.seco.losses.consistency_terms`.

    Args:
        model: a model.
        mixture_mag: magnitudes on logarithmic frequency, see `avlib.seco.model.spectrograms`.
        visuals: of the model's kind of sight.
        terms: of L_cs.

    Returns:
        L_cs of each pair, and the masks from 0 to 1 that it was computed from.
    """
    logits, features = model.separate(mixture_mag, visuals)
    losses = consistency_loss(features, model.cfg.distance, model.cfg.margin, terms)
    return losses, logits.sigmoid()


def online_match(
    model: SeCo,
    mixture: Float[Tensor, "batch sample"],
    visuals: Tensor,
    steps: int,
    lr: float,
    *,
    terms: tuple[Term, ...] = WITHOUT_TRUTH,
    adapt: tuple[str, ...] = EVERYTHING,
    batch_norm: BatchNorm = "eval",
    trace: Trace | None = None,
) -> Float[Tensor, "batch source freq column"]:
    r"""Separate pair by pair, adapting the model to each, exactly as Algorithm A1 is written.

    $$\theta_\tau = \theta_{\tau-1} - \beta \nabla_\theta L_{cs}, \quad \tau = 1 \dots T, \qquad
    M = \mathrm{Model}(p \mid \theta_T), \qquad \theta \leftarrow \theta_0$$

    (SeCo, supplementary section B). Gradients are computed whether or not the caller is in
    `torch.no_grad` or `torch.inference_mode`, and in the precision of the parameters whether or
    not the caller is in `torch.autocast`: a step is small beside a number in bfloat16. Nothing is
    drawn at random, and no pair knows of another. While it runs, the model is not to be used from
    another thread.

    A silent mixture is matched like any other: its masks and L_cs are finite, and whatever the
    masks are, silence times them is silence. A vector that is all zeros is at the distance 1/F
    ("mean") or 1 ("sum") from every other one, and no gradient goes through it. A step that is too
    long can shut all rectifiers at the encoder's end: L_cs is then 3 ("sum", margin 1), the norms
    are 0, and nothing moves any more.

    Args:
        model: a trained model. Afterwards its parameters and buffers are what they were, bit for
            bit, and its modules in the mode they were in, also after an error or Ctrl-C.
        mixture: sounds.
        visuals: of the model's kind of sight, as many as mixtures.
        steps: T; 0 is plain separation.
        lr: $\beta$.
        terms: of L_cs.
        adapt: names of the networks, or of parts of them ("sight.conv1"), whose parameters move.
            Parameters that do not require a gradient stay.
        batch_norm: "eval": the statistics of training, as in any test; "batch": those of the pair
            itself, as in training. The running statistics are never updated.
        trace: filled, if given.

    Returns:
        Masks from 0 to 1 on logarithmic frequency.

    Raises:
        ValueError: what is asked for cannot be done: a term that needs the truth, a name that no
            network has, a negative number, visuals of another kind of sight.
        FloatingPointError: L_cs became infinite or NaN: the steps are too long. The pairs before
            are in the trace.

    Example:
        >>> from avlib.seco import SeCo, pocket
        >>> model, trace = SeCo(pocket("skeleton")), Trace()
        >>> mixture, joints = torch.zeros(1, 66150), torch.zeros(1, 2, 3, 2, 60)
        >>> masks = online_match(model, mixture, joints, steps=1, lr=1e-3, trace=trace)
        >>> masks.shape == (1, 2, model.cfg.bins, 256)
        True
        >>> len(trace.losses[0]), len(trace.norms[0])
        (2, 1)
    """
    check_matching(model, mixture, visuals, steps, lr, terms, batch_norm, trace)
    theta = list(adapted(model, adapt).values())
    found: list[Tensor] = []
    with lent(model, batch_norm) as reset:
        mixture_mag, visuals = ready(model, mixture, visuals)
        for heard, seen in zip(mixture_mag.split(1), visuals.split(1), strict=True):
            losses: list[float] = []
            norms: list[float] = []
            masks: list[Tensor] = []
            for _ in range(steps):
                loss, mask = matching_loss(model, heard, seen, terms)
                losses.append(finite(loss.item(), len(found), len(losses), lr))
                masks.append(mask.detach())
                gradients = torch.autograd.grad(loss.sum(), theta, materialize_grads=True)
                norms.append(_descend(theta, gradients, lr))
            with torch.no_grad():
                loss, mask = matching_loss(model, heard, seen, terms)
            reset()
            losses.append(finite(loss.item(), len(found), steps, lr))
            masks.append(mask)
            found.append(mask)
            if trace is not None:
                trace.add(losses, norms, [mask[0] for mask in masks])
    return torch.cat(found)


@torch.no_grad()
def _descend(theta: list[Tensor], gradients: Sequence[Tensor], lr: float) -> float:
    """Move the parameters down the slope, in place; how far they went."""
    for parameter, gradient in zip(theta, gradients, strict=True):
        parameter.add_(gradient, alpha=-lr)
    return lr * math.sqrt(sum(gradient.square().sum().item() for gradient in gradients))


def finite(loss: float, pair: int, step: int, lr: float) -> float:
    """Hand L_cs on.

    Raises:
        FloatingPointError: it is infinite or NaN.
    """
    if math.isfinite(loss):
        return loss
    if step == 0:
        raise FloatingPointError(
            f"L_cs of pair {pair} is {loss} before the first step: the model's weights hold NaN "
            "(take another checkpoint), or its visuals are out of all proportion (normalise them)"
        )
    raise FloatingPointError(
        f"L_cs of pair {pair} is {loss} after step {step} of size {lr}: take a smaller one"
    )


def check_matching(
    model: SeCo,
    mixture: Tensor,
    visuals: Tensor,
    steps: int,
    lr: float,
    terms: tuple[str, ...],
    batch_norm: str,
    trace: Trace | None,
) -> None:
    """Refuse what online matching cannot do, before anything is touched.

    Raises:
        ValueError: says what, and what to do instead.
    """
    if steps < 0:
        raise ValueError(f"steps must not be negative; got {steps}")
    if not (math.isfinite(lr) and lr >= 0):
        raise ValueError(f"lr must be a step size of 0 or more; got {lr}")
    if not terms:
        raise ValueError(f"L_cs needs at least one term; there are {', '.join(WITHOUT_TRUTH)}")
    for term in terms:
        if term in NEEDS:
            raise ValueError(
                f"online matching cannot use the term {term}: it needs {NEEDS[term]}; "
                f"there are {', '.join(WITHOUT_TRUTH)}"
            )
        if term not in WITHOUT_TRUTH:
            raise ValueError(f"unknown term {term!r}; there are {', '.join(WITHOUT_TRUTH)}")
    if batch_norm not in get_args(BatchNorm):
        raise ValueError(f"batch_norm must be 'eval' or 'batch'; got {batch_norm!r}")
    check_mixtures(mixture, visuals, model.cfg)
    if trace is not None and any(not 0 <= t <= steps for t in trace.keep_masks):
        raise ValueError(f"keep_masks asks for {trace.keep_masks}, and there are {steps} steps")
    dtype = next(model.parameters()).dtype
    if dtype not in (torch.float32, torch.float64):
        raise ValueError(
            f"online matching needs parameters in float32: its steps are lost in {dtype}; "
            "use model.float()"
        )


def adapted(model: SeCo, adapt: tuple[str, ...]) -> dict[str, Tensor]:
    """The parameters that move, by name.

    Args:
        model: a model.
        adapt: names of networks, or of parts of them.

    Raises:
        ValueError: a name without parameters, or whose parameters require no gradient.
    """
    if not adapt:
        raise ValueError(f"adapt names nothing that may move; networks: {', '.join(model.nets)}")
    moving: dict[str, Tensor] = {}
    for part in adapt:
        own = {
            name: parameter
            for name, parameter in model.named_parameters()
            if name == part or name.startswith(f"{part}.")
        }
        if not own:
            raise ValueError(
                f"adapt names {part!r}, and no parameter is called so; "
                f"networks: {', '.join(model.nets)}"
            )
        own = {name: parameter for name, parameter in own.items() if parameter.requires_grad}
        if not own:
            raise ValueError(
                f"no parameter of {part} requires a gradient: call requires_grad_() on it, "
                "or leave it out of adapt"
            )
        moving |= own
    return moving


@contextmanager
def lent(model: SeCo, batch_norm: BatchNorm) -> Iterator[Callable[[], None]]:
    """Lend the model out for matching, and take it back as it was, whatever happens.

    Args:
        model: a model.
        batch_norm: see `online_match`.

    Yields:
        A function that puts every parameter and buffer back, bit for bit.
    """
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    modes = [(module, module.training) for module in model.modules()]
    tracking = [(norm, norm.track_running_stats) for norm in norms]
    theta_0 = [(x, x.detach().clone()) for x in (*model.parameters(), *model.buffers())]

    @torch.no_grad()
    def reset() -> None:
        for value, before in theta_0:
            value.copy_(before)

    device = theta_0[0][0].device.type
    with torch.inference_mode(False), torch.enable_grad(), torch.autocast(device, enabled=False):
        try:
            model.eval()
            if batch_norm == "batch":  # untracked: the pair's own, and nobody's afterwards
                for norm in norms:
                    norm.training, norm.track_running_stats = True, False
            yield reset
        finally:
            reset()
            for module, training in modes:
                module.training = training
            for norm, tracked in tracking:
                norm.track_running_stats = tracked


def ready(
    model: SeCo, mixture: Float[Tensor, "batch sample"], visuals: Tensor
) -> tuple[Float[Tensor, "batch freq column"], Tensor]:
    """The mixtures' spectrograms and the visuals, in the precision of the model's parameters."""
    dtype = next(model.parameters()).dtype
    mixture_mag = spectrograms(mixture.detach().to(dtype), model.cfg)
    # Clones: no gradient can be computed through tensors that were made in inference mode.
    own = torch.contiguous_format
    return mixture_mag.clone(memory_format=own), visuals.detach().to(dtype).clone(memory_format=own)
