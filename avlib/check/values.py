"""Whatever functions take and return: bring it to one form, copy it, compare it, describe it."""

import copy
import functools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor


class Difference(NamedTuple):
    """Where two results differ most, in words."""

    expected: str
    got: str


def uniform(value: Any) -> Any:
    """One form for all results: numbers, arrays and lists of numbers become tensors.

    Other sequences become lists; what is none of these, strings and None among them, stays.

    Example:
        >>> uniform((1.5, {"a": np.ones(2)}))
        [tensor(1.5000, dtype=torch.float64), {'a': tensor([1., 1.], dtype=torch.float64)}]
    """
    if isinstance(value, Tensor):
        return value.detach().cpu()
    if isinstance(value, bool | int | float | complex | np.generic | np.ndarray):
        array = np.asarray(value)
        return torch.from_numpy(array.copy()) if array.dtype.kind in "biufc" else array.tolist()
    if isinstance(value, Mapping):
        return {key: uniform(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return _table(value) if _is_table(value) else [uniform(item) for item in value]
    return value


def _is_table(value: Any) -> bool:
    """Whether nested sequences hold single numbers only, as many in each row."""
    if not isinstance(value, list | tuple) or not value:
        return False
    if all(_is_table(row) for row in value):
        return len({_table(row).shape for row in value}) == 1
    return all(isinstance(uniform(x), Tensor) and uniform(x).ndim == 0 for x in value)


def _table(value: Any) -> Tensor:
    """Nested sequences of numbers as one tensor, wide enough for all of them."""
    rows = [_table(x) if isinstance(x, list | tuple) else uniform(x) for x in value]
    wide = functools.reduce(torch.promote_types, (row.dtype for row in rows))
    return torch.stack([row.to(wide) for row in rows])


def has_array(value: Any) -> bool:
    """Whether a NumPy array is somewhere in a result."""
    return any(isinstance(leaf, np.ndarray) for leaf in leaves(value))


def leaves(value: Any) -> Iterator[Any]:
    """All that is inside nested sequences and mappings, in order."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from leaves(item)
    else:
        yield value


def copied(value: Any) -> Any:
    """An independent copy of an argument, with sequences of their own kind."""
    if isinstance(value, Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    if isinstance(value, torch.Generator):
        return value.clone_state()
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(copied, value))
    if isinstance(value, list | tuple):
        return type(value)(map(copied, value))
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    return copy.deepcopy(value)


def shape_difference(got: Any, expected: Any) -> Difference | None:
    """How two results in uniform form differ in kind or shape; None if they do not."""
    if isinstance(expected, Tensor):
        if not isinstance(got, Tensor) or got.shape != expected.shape:
            return Difference(kind(expected), kind(got))
        if got.is_complex() != expected.is_complex():
            return Difference(kind(expected), kind(got))
        return None
    if isinstance(expected, list):
        if not isinstance(got, list) or len(got) != len(expected):
            return Difference(kind(expected), kind(got))
        pairs = list(zip(got, expected, strict=True))
    elif isinstance(expected, Mapping):
        if not isinstance(got, Mapping) or set(got) != set(expected):
            return Difference(kind(expected), kind(got))
        pairs = [(got[key], expected[key]) for key in expected]
    else:
        return None if type(got) is type(expected) else Difference(kind(expected), kind(got))
    return next((d for pair in pairs if (d := shape_difference(*pair))), None)


def difference(got: Any, expected: Any, rtol: float | int, atol: float | int) -> Difference | None:
    """Where two results in uniform form differ most; None if they are equal within tolerance."""
    if unlike := shape_difference(got, expected):
        return unlike
    if isinstance(expected, Tensor):
        return _tensor_difference(got, expected, rtol, atol)
    if isinstance(expected, list):
        pairs = list(zip(got, expected, strict=True))
    elif isinstance(expected, Mapping):
        pairs = [(got[key], expected[key]) for key in expected]
    else:
        return None if got == expected else Difference(repr(expected), repr(got))
    return next((d for pair in pairs if (d := difference(*pair, rtol, atol))), None)


def _tensor_difference(
    got: Tensor, expected: Tensor, rtol: float | int, atol: float | int
) -> Difference | None:
    """The worst place of two tensors of one shape."""
    wide = torch.complex128 if expected.is_complex() else torch.float64
    got, expected = got.to(wide), expected.to(wide)
    close = torch.isclose(got, expected, rtol, atol, equal_nan=True)
    if close.all():
        return None
    if not expected.ndim:
        return Difference(number(expected), number(got))
    error = (got - expected).abs().nan_to_num(torch.inf, posinf=torch.inf)
    place = np.unravel_index(int(error.masked_fill(close, -1).argmax()), expected.shape)
    index = ", ".join(str(int(k)) for k in place)
    wrong = int((~close).sum())
    count = f"{wrong} of {close.numel()} values differ" if close.numel() > 1 else "it differs"
    return Difference(f"{number(expected[place])} at [{index}]", f"{number(got[place])}; {count}")


def finite(value: Any) -> bool:
    """Whether no NaN and no infinity is in a result in uniform form."""
    return all(
        bool(torch.isfinite(leaf).all()) for leaf in leaves(value) if isinstance(leaf, Tensor)
    )


def number(value: Tensor) -> str:
    """One number, with four digits.

    Example:
        >>> number(torch.tensor(2 / 3)), number(torch.tensor(3.0)), number(torch.tensor(1 - 2j))
        ('0.6667', '3', '1-2j')
    """
    item = value.item()
    if isinstance(item, complex):
        return f"{item.real:.4g}{item.imag:+.4g}j"
    return f"{item:.4g}"


def kind(value: Any) -> str:
    """What sort of thing a result is, in a few words.

    Example:
        >>> kind(torch.zeros(2, 3)), kind([1, 2]), kind(None)
        ('shape (2, 3)', '2 things', 'nothing (None)')
    """
    if isinstance(value, Tensor):
        what = "complex numbers of shape" if value.is_complex() else "shape"
        one = "a complex number" if value.is_complex() else "one number"
        return f"{what} {tuple(value.shape)}" if value.ndim else one
    if isinstance(value, list | tuple):
        return f"{len(value)} thing{'' if len(value) == 1 else 's'}"
    if isinstance(value, Mapping):
        return f"a dictionary with the keys {', '.join(map(repr, value))}"
    return "nothing (None)" if value is None else f"a {type(value).__name__}"


def brief(value: Any, most: int = 8) -> str:
    """A value in one short line.

    Example:
        >>> brief((torch.tensor([0.5, 1.0]), 3, "sop"))
        "([0.5, 1], 3, 'sop')"
    """
    if isinstance(value, Tensor | np.ndarray):
        flat = torch.as_tensor(value).detach()
        if not flat.ndim:
            return number(flat)
        shown = ", ".join(map(number, flat.flatten()[:most]))
        if flat.ndim == 1 and flat.numel() <= most:
            return f"[{shown}]"
        more = ", …" if flat.numel() > most else ""
        return f"shape {tuple(flat.shape)}: [{shown}{more}]"
    if isinstance(value, list | tuple):
        inside = ", ".join(brief(item, most) for item in value[:most])
        inside += ", …" if len(value) > most else ""
        return f"({inside})" if isinstance(value, tuple) else f"[{inside}]"
    if isinstance(value, float):
        return f"{value:.4g}"
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "…"
