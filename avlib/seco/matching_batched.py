r"""SeCo's online matching for many pairs side by side, each with parameters of its own.

The same steps as in `avlib.seco.matching`, written with `torch.func`: the gradient of one pair's
L_cs is a function of the parameters, and `vmap` computes it for many pairs, every one with its own
$\theta_\tau$. A convolution with weights of each pair's own becomes one grouped convolution, so
that a GPU that one pair leaves idle has something to do.
"""

import copy
import weakref
from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, vmap
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from avlib.seco.losses import WITHOUT_TRUTH, Term
from avlib.seco.matching import (
    EVERYTHING,
    BatchNorm,
    Trace,
    adapted,
    check_matching,
    finite,
    lent,
    matching_loss,
    ready,
)
from avlib.seco.model import SeCo

Parameters = dict[str, Tensor]
CPU_BYTES = 2**30
"""What "auto" spends where no accelerator says what is free: more pairs are no faster there."""
CUDA_SHARE = 0.8
"""Of what is free on a GPU; the rest is for what convolutions take for themselves."""


def online_match_batched(
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
    at_once: int | Literal["auto"] = "auto",
) -> Float[Tensor, "batch source freq column"]:
    r"""Do what `online_match` does for many pairs at once; same arguments, same result.

    In float64 the two agree to 1e-8. In float32 rounding drives them apart: after two steps at
    pocket size (weights at random, noise) masks differed by up to 1e-5 for video, 2e-3 for images
    and 4e-6 for the skeleton, where matching had moved them by up to 0.03, 0.36 and 0.01.

    Every pair of a group has its own copy of the parameters that move, its gradients and its
    activations in memory: `memory_per_pair` says how much that is. The groups are meant for GPUs;
    none has been measured yet. What was, on one CPU core, is in ``results/matching``
    (``benchmarks/online_matching.py``): there is little to gain there.

    Args:
        model: a trained model; its parameters are only read.
        mixture: sounds.
        visuals: of the model's kind of sight, as many as mixtures.
        steps: T; 0 is plain separation.
        lr: $\beta$.
        terms: of L_cs.
        adapt: names of the networks, or of parts of them, whose parameters move.
        batch_norm: "eval" or "batch", see `online_match`: the statistics of a pair are its own
            here too, not those of the group.
        trace: filled, if given.
        at_once: pairs side by side; "auto": as many as fit, see `pairs_at_once` (which takes a
            moment: for many calls ask it once, and give the number).

    Returns:
        Masks from 0 to 1 on logarithmic frequency.

    Raises:
        ValueError: as `online_match`; fewer than one pair at once.
        FloatingPointError: as `online_match`, once the group's steps are done.

    Example:
        >>> from avlib.seco import SeCo, pocket
        >>> model = SeCo(pocket("attributes"))
        >>> mixture, told = torch.zeros(2, 66150), torch.zeros(2, 2, model.cfg.attributes)
        >>> masks = online_match_batched(model, mixture, told, steps=1, lr=1e-3, at_once=2)
        >>> masks.shape == (2, 2, model.cfg.bins, 256)
        True
    """
    check_matching(model, mixture, visuals, steps, lr, terms, batch_norm, trace)
    if at_once != "auto" and at_once < 1:
        raise ValueError(f"at_once must be 1 or more, or 'auto'; got {at_once}")
    theta = {name: x.detach() for name, x in adapted(model, adapt).items()}
    with lent(model, batch_norm), torch.no_grad():
        mixture_mag, visuals = ready(model, mixture, visuals)
        if at_once == "auto":
            at_once = pairs_at_once(model, visuals.shape[1:], mixture_mag.shape[-1], adapt=adapt)
        loss = _loss_of(model, theta, terms)
        descend, look = vmap(grad_and_value(loss, has_aux=True)), vmap(loss)
        found: list[Tensor] = []
        for heard, seen in zip(mixture_mag.split(at_once), visuals.split(at_once), strict=True):
            moving = _copies(theta, len(heard))
            losses, norms, masks = [], [], []
            for _ in range(steps):
                gradients, (value, mask) = descend(moving, heard, seen)
                losses.append(value)
                masks.append(mask)
                norms.append(_descend(moving, gradients, lr))
            value, mask = look(moving, heard, seen)
            _note(trace, [*losses, value], norms, [*masks, mask], len(found), lr)
            found += mask.unbind()
    return torch.stack(found)


def _loss_of(
    model: SeCo, theta: Parameters, terms: tuple[Term, ...]
) -> Callable[[Parameters, Tensor, Tensor], tuple[Tensor, Tensor]]:
    """L_cs of one pair, and its masks, as a function of the parameters that move."""
    fixed = {
        f"model.{name}": x.detach().contiguous()
        for name, x in model.named_parameters()
        if name not in theta
    }
    twin = _Twin(model, terms)

    def loss(moving: Parameters, heard: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        named = {f"model.{name}": x for name, x in moving.items()}
        losses, masks = functional_call(twin, (named, fixed), (heard[None], seen[None]))
        return losses[0], masks[0]

    return loss


class _Twin(nn.Module):
    """`matching_loss` as the forward pass that `functional_call` wants."""

    def __init__(self, model: SeCo, terms: tuple[Term, ...]) -> None:
        super().__init__()
        self.model, self.terms = model, terms

    def forward(self, mixture_mag: Tensor, visuals: Tensor) -> tuple[Tensor, Tensor]:
        return matching_loss(self.model, mixture_mag, visuals, self.terms)


def _copies(theta: Parameters, count: int) -> Parameters:
    """Parameters of `count` pairs.

    Not in the layout "channels last": there torch (2.11) gives wrong gradients of convolutions
    whose weights differ from pair to pair.
    """
    own = torch.contiguous_format
    return {name: x.expand(count, *x.shape).clone(memory_format=own) for name, x in theta.items()}


def _descend(moving: Parameters, gradients: Parameters, lr: float) -> Float[Tensor, " batch"]:
    """Move every pair's parameters down its own slope, in place; how far each went."""
    squares = []
    for name, gradient in gradients.items():
        moving[name].add_(gradient, alpha=-lr)
        squares.append(gradient.flatten(1).square().sum(dim=1))
    return lr * torch.stack(squares).sum(dim=0).sqrt()


def _note(
    trace: Trace | None,
    losses: list[Tensor],
    norms: list[Tensor],
    masks: list[Tensor],
    first: int,
    lr: float,
) -> None:
    """Look for numbers that are none, and fill the trace: one list of steps for each pair."""
    lengths = torch.stack(norms, dim=1).tolist() if norms else [[] for _ in losses[0]]
    for k, of_pair in enumerate(torch.stack(losses, dim=1).tolist()):
        for step, loss in enumerate(of_pair):
            finite(loss, first + k, step, lr)
        if trace is not None:
            trace.add(of_pair, lengths[k], [mask[k] for mask in masks])


def memory_per_pair(
    model: SeCo,
    visuals_shape: Sequence[int],
    columns: int | None = None,
    *,
    adapt: tuple[str, ...] = EVERYTHING,
) -> int:
    """Estimate the memory that one more pair side by side takes, bytes.

    A step of two pairs is walked through with tensors that have a size and no numbers (device
    "meta"), and the most that is there at any time is shared out: each pair's parameters, their
    gradients and the activations. What a convolution takes for itself while it computes is not
    in it. On a CPU, at pocket size, 4 or 8 pairs took within 5 % of it, one pair up to 10 % more.

    Args:
        model: a model.
        visuals_shape: of one pair's visuals: (source, ...).
        columns: of the spectrogram; those of the model's front end if not given.
        adapt: see `online_match`.

    Example:
        >>> from avlib.seco import SeCo, pocket
        >>> model = SeCo(pocket("attributes"))
        >>> theta = sum(p.numel() * p.element_size() for p in model.parameters())
        >>> 3 * theta < memory_per_pair(model, (2, 57)) < 12 * theta
        True
    """
    cfg, pairs = model.cfg, 2
    ghost = copy.deepcopy(model).to("meta").eval()
    columns = cfg.front_end.columns if columns is None else columns
    blank = next(ghost.parameters())
    with torch.inference_mode(False), torch.no_grad(), _Live() as live:
        heard = blank.new_empty(pairs, cfg.bins, columns)
        seen = blank.new_empty(pairs, *visuals_shape)
        theta = {name: x.detach() for name, x in adapted(ghost, adapt).items()}
        moving = _copies(theta, pairs)
        loss = _loss_of(ghost, theta, WITHOUT_TRUTH)
        gradients, _ = vmap(grad_and_value(loss, has_aux=True))(moving, heard, seen)
        _descend(moving, gradients, 0.0)
    return live.most // pairs


class _Live(TorchDispatchMode):
    """Counts the bytes of all tensors that are there, and the most there ever were."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self.known: set[int] = set()

    def __torch_dispatch__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        for x in tree_leaves(out):
            if isinstance(x, Tensor) and x.untyped_storage()._cdata not in self.known:
                storage = x.untyped_storage()
                self.known.add(storage._cdata)
                self.now += storage.nbytes()
                self.most = max(self.most, self.now)
                weakref.finalize(storage, self._gone, storage._cdata, storage.nbytes())
        return out

    def _gone(self, key: int, size: int) -> None:
        self.known.discard(key)
        self.now -= size


def pairs_at_once(
    model: SeCo,
    visuals_shape: Sequence[int],
    columns: int | None = None,
    *,
    memory: float | None = None,
    adapt: tuple[str, ...] = EVERYTHING,
) -> int:
    """Say how many pairs side by side fit into some memory.

    Args:
        model: a model.
        visuals_shape: of one pair's visuals: (source, ...).
        columns: of the spectrogram; those of the model's front end if not given.
        memory: bytes; if not given, 80 % of what is free on the model's GPU, or 1 GiB on a CPU.
        adapt: see `online_match`.

    Raises:
        ValueError: not even one fits.

    Example:
        >>> from avlib.seco import SeCo, pocket
        >>> model, shape = SeCo(pocket("attributes")), (2, 57)
        >>> pairs_at_once(model, shape, memory=10.5 * memory_per_pair(model, shape))
        10
    """
    each = memory_per_pair(model, visuals_shape, columns, adapt=adapt)
    if memory is None:
        device = next(model.parameters()).device
        memory = CUDA_SHARE * _free(device) if device.type == "cuda" else CPU_BYTES
    if each > memory:
        raise ValueError(
            f"one pair takes {each / 1e6:.0f} MB, and there are {memory / 1e6:.0f}: give more "
            "memory, adapt fewer networks, or match pair by pair with online_match"
        )
    return int(memory // each)


def _free(device: torch.device) -> int:
    """Bytes that could be allocated on a GPU: free, or kept in reserve by torch."""
    reserve = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + reserve
