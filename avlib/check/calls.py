"""Calling a reader's function: result, exception and its line, changed arguments, gradients."""

import inspect
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from avlib.check import values


class Outcome(NamedTuple):
    """What one call of a function led to.

    Attributes:
        value: the result, in the form of `values.uniform`.
        error: the exception that stopped it.
        where: line of the reader's code that raised it.
        changed: number of the first argument that it changed in place.
        array: whether NumPy arrays were among the results.
        gradients: with respect to each floating-point argument, None without any.
        stuck: the exception that stopped the gradients, where plain values came out.
    """

    value: Any = None
    error: Exception | None = None
    where: str = ""
    changed: int | None = None
    array: bool = False
    gradients: tuple[Tensor, ...] | None = None
    stuck: Exception | None = None


def call(
    function: Callable[..., Any],
    args: tuple,
    seed: int | None = None,
    wanted: tuple[int, ...] | None = None,
) -> Outcome:
    """Call a function with copies of the arguments and note what happens.

    Args:
        function: any.
        args: its arguments, which stay as they are.
        seed: take gradients as well, of a projection drawn with this seed.
        wanted: numbers of the arguments that gradients are taken of; all, if it is None.
    """
    given = values.copied(args)
    try:
        result = function(*given)
    except Exception as error:  # whatever a reader's function raises becomes a verdict
        return Outcome(error=error, where=_where(error, function))
    gradients, stuck = None, None
    if seed is not None:
        gradients, stuck = _gradients(function, args, seed, wanted)
    changed = (k for k, pair in enumerate(zip(given, args, strict=True)) if _differ(*pair))
    return Outcome(
        values.uniform(result),
        changed=next(changed, None),
        array=values.has_array(result),
        gradients=gradients,
        stuck=stuck,
    )


def _gradients(
    function: Callable[..., Any], args: tuple, seed: int, wanted: tuple[int, ...] | None
) -> tuple[tuple[Tensor, ...] | None, Exception | None]:
    """Gradients of a random projection of the result, None if it has none; what stopped them.

    One random projection of all values tells two Jacobians apart (with probability one) at the
    price of one pass backwards.
    """
    given = values.copied(args)
    asked = given if wanted is None else tuple(given[k] for k in wanted)
    inputs = [leaf for leaf in values.leaves(asked) if _floating(leaf)]
    for leaf in inputs:
        leaf.requires_grad_()
    try:
        result = function(*given)
    except Exception as error:  # it ran without gradients: NumPy, say, does not run with them
        return None, error
    generator = torch.Generator().manual_seed(seed)
    total = torch.zeros((), dtype=torch.float64)
    for leaf in values.leaves(result):
        if isinstance(leaf, Tensor) and (_floating(leaf) or leaf.is_complex()):
            flat = torch.view_as_real(leaf) if leaf.is_complex() else leaf
            weights = torch.randn(flat.shape, generator=generator, dtype=torch.float64)
            total = total + (flat * weights).sum()
    if not total.requires_grad or not inputs:
        return None, None
    try:
        found = torch.autograd.grad(total, inputs, allow_unused=True)
    except RuntimeError as error:  # in-place operations, mostly
        return None, error
    gradients = tuple(
        torch.zeros_like(leaf) if gradient is None else gradient
        for gradient, leaf in zip(found, inputs, strict=True)
    )
    return gradients, None


def _floating(leaf: Any) -> bool:
    return isinstance(leaf, Tensor) and leaf.is_floating_point()


def _differ(after: Any, before: Any) -> bool:
    """Whether an argument is not what it was; only what holds numbers is looked at."""
    pairs = (list(values.leaves(after)), list(values.leaves(before)))
    if len(pairs[0]) != len(pairs[1]):
        return True
    for new, old in zip(*pairs, strict=True):
        if isinstance(old, Tensor | np.ndarray):
            new, old = torch.as_tensor(new), torch.as_tensor(old)
            if new.shape != old.shape or not torch.allclose(new, old, 0, 0, equal_nan=True):
                return True
    return False


def _where(error: Exception, function: Callable[..., Any]) -> str:
    """The last line of the reader's own code that an exception went through."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    home = code.co_filename if code else None
    ours = str(Path(__file__).parent)
    frames = traceback.extract_tb(error.__traceback__)
    mine = [f for f in frames if f.filename == home] or [
        f for f in frames if not f.filename.startswith(ours) and "site-packages" not in f.filename
    ]
    if not mine:
        return ""
    line = f"`{mine[-1].line}`" if mine[-1].line else "a line that is not kept"
    return f"line {mine[-1].lineno} of the cell or file: {line}"
