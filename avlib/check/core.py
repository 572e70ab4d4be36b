"""Checks of functions: what is wrong, at which stage, and the likely mistake."""

import dataclasses
import inspect
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from avlib.check import values
from avlib.check.answers import AnswerCheck
from avlib.check.calls import Outcome, call
from avlib.check.verdict import STAGES, Verdict

__all__ = ["AnswerCheck", "FunctionCheck", "Limit", "Mistake", "Verdict"]

DETACHED = (
    "Your result has no gradient: it is cut off from its arguments. `.detach()`, `.item()`, "
    "NumPy, `torch.tensor(…)`, a comparison or `torch.no_grad()` on the way do that."
)
IN_PLACE = (
    "An in-place operation breaks the gradient: `a += b`, `a[k] = b` or `a.clamp_()` overwrite "
    "numbers that the way backwards needs. Make a new tensor: `a = a + b`, `torch.stack`."
)
STUCK = "The values come out, but taking their gradient stops with {kind}: {error}"
CHANGED = (
    "Your function changes its argument `{name}` in place, and whoever called it does not expect "
    "that. Make a new tensor: `a = a + b` instead of `a += b`, or begin with `.clone()`."
)
CONVERTED = "Your function returns NumPy arrays; they were converted to torch tensors."


@dataclass(frozen=True, eq=False)
class Mistake:
    """A known way to get it wrong.

    Args:
        name: what is wrong, in two or three words.
        function: the wrong function.
        hint: what a reader is told whose function does the same.
    """

    name: str
    function: Callable[..., Any]
    hint: str


@dataclass(frozen=True, eq=False)
class Limit:
    """An edge case made by hand.

    Args:
        args: the arguments.
        expected: what must come out.
        hint: what a reader is told whose function gives something else.
    """

    args: tuple
    expected: Any
    hint: str


class _Case(NamedTuple):
    """One set of arguments and what should come out."""

    args: tuple
    expected: Outcome
    limit: Limit | None = None


class _Failure(NamedTuple):
    hint: str
    expected: str = ""
    got: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class FunctionCheck:
    """Compares a reader's function with the reference, in the stages of `STAGES`.

    Results may be tensors, arrays, numbers, booleans, strings, None, and sequences or mappings of
    these; a number and a tensor without axes are the same, and so are a list and a tuple.

    Args:
        reference: the truth.
        inputs: draws the arguments, a tuple, with a generator; called `draws` times.
        shape_hint: said when the result's kind or shape is wrong.
        range: lowest and highest value that can come out, None for no bound.
        range_hint: said when a value lies outside of `range`, or is not finite.
        limits: edge cases, each with its own hint.
        gradient: also compare the gradients with respect to the floating-point arguments.
        gradient_of: numbers of the arguments whose gradients are compared; None for all.
        gradient_hint: said when they differ.
        value_hint: said when the result differs on random inputs.
        mistakes: known wrong functions; who does the same as one of them gets its hint.
        rtol: relative tolerance.
        atol: absolute tolerance.
        compare: whether a result is right, ``compare(got, expected)``, instead of equality within
            tolerance; both are in the form of `values.uniform`.
        same_shape: whether kind and shape must be those of the reference; or a function that is
            given a result, in the form of `values.uniform`, and says what is wrong with its kind,
            the empty string if nothing is.
        draws: sets of random arguments for each check.
        name: under which the reader finds it; set by ``check.<name>``.

    Example:
        >>> import torch
        >>> double = FunctionCheck(lambda x: 2 * x, lambda g: (torch.rand(3, generator=g),),
        ...     value_hint="Twice as much.")
        >>> double(lambda x: x + x).stage, double(lambda x: x[:2]).stage, double(abs).hint
        ('passed', 'shape', 'Twice as much.')
    """

    reference: Callable[..., Any]
    inputs: Callable[..., tuple]
    shape_hint: str = "Look at the shape of the result."
    range: tuple[float | int | None, float | int | None] | None = None
    range_hint: str = "Some values cannot be right, whatever the arguments are."
    limits: tuple[Limit, ...] = ()
    gradient: bool = False
    gradient_of: tuple[int, ...] | None = None
    gradient_hint: str = "The values are right, but their gradients are not."
    value_hint: str = "Kind and shape are right, the numbers are not."
    mistakes: tuple[Mistake, ...] = ()
    rtol: float | int = 1e-4
    atol: float | int = 1e-5
    compare: Callable[[Any, Any], Any] | None = None
    same_shape: bool | Callable[[Any], str] = True
    draws: int = 3
    name: str = ""

    def __repr__(self) -> str:
        return f"check.{self.name or '…'}: call it with your function"

    def called(self, name: str) -> "FunctionCheck":
        """The same check under a name."""
        return dataclasses.replace(self, name=name)

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that this check has."""
        used = {"limits": bool(self.limits), "gradient": self.gradient}
        return tuple(stage for stage in STAGES if used.get(stage, True))

    def __call__(self, function: Any, seed: int | None = None) -> Verdict:
        """Check a function.

        Args:
            function: the reader's.
            seed: of the random arguments; new ones at every call if it is None.

        Returns:
            What is wrong with it; whatever the function does, nothing is raised.
        """
        say = partial(Verdict, name=self.name, stages=self.stages)
        if function is None or function is ...:
            return say(False, "todo", "Not done yet: give your function to the check.")
        if not callable(function):
            hint = "Give the function itself, without calling it: its name, no parentheses."
            return say(False, "runs", hint, expected="a function", got=values.brief(function))
        seed = secrets.randbelow(1_000_000) if seed is None else seed
        cases = self._cases(seed)
        outcomes = [self._outcome(function, case, seed) for case in cases]
        for outcome in outcomes:
            if isinstance(outcome.error, NotImplementedError):
                return say(False, "todo", f"Not done yet: {str(outcome.error) or 'your turn'}")
        notes = (CONVERTED,) if any(outcome.array for outcome in outcomes) else ()
        say = partial(say, seed=seed, notes=notes)
        for stage in self.stages:
            for case, outcome in zip(cases, outcomes, strict=True):
                if failure := getattr(self, f"_{stage}")(case, outcome):
                    hint = self._known(cases, outcomes, seed) or failure.hint
                    return say(False, stage, hint, expected=failure.expected, got=failure.got)
        return say(True, "passed", "")

    def _cases(self, seed: int) -> list[_Case]:
        """Fresh arguments and the edge cases, with what should come out.

        Raises:
            TypeError: `inputs` does not return a tuple.
            RuntimeError: the reference fails, or has no gradients where they are asked for.
        """
        generator = torch.Generator().manual_seed(seed)
        drawn = [self.inputs(generator) for _ in range(self.draws)]
        cases = []
        for args in drawn:
            if not isinstance(args, tuple):
                raise TypeError(f"{self!r}: `inputs` must return a tuple, not {type(args)}")
            projection = seed if self.gradient else None
            expected = call(self.reference, args, projection, self.gradient_of)
            if expected.error or (self.gradient and expected.gradients is None):
                raise RuntimeError(f"{self!r}: the reference fails") from expected.error
            cases.append(_Case(args, expected))
        for limit in self.limits:
            cases.append(_Case(limit.args, Outcome(values.uniform(limit.expected)), limit))
        return cases

    def _outcome(self, function: Callable[..., Any], case: _Case, seed: int) -> Outcome:
        """What a function does with the arguments of a case."""
        projection = seed if self.gradient and not case.limit else None
        return call(function, case.args, projection, self.gradient_of)

    def _runs(self, case: _Case, outcome: Outcome) -> _Failure | None:
        if case.limit:
            return None
        if outcome.error:
            return _Failure(self._stopped(outcome, len(case.args)))
        if outcome.changed is not None:
            names = list(inspect.signature(self.reference).parameters)
            k = outcome.changed
            return _Failure(CHANGED.format(name=names[k] if k < len(names) else k + 1))
        return None

    def _stopped(self, outcome: Outcome, count: int) -> str:
        """What is said about an exception."""
        said = f"Your function stopped with {type(outcome.error).__name__}: {outcome.error}"
        if outcome.where:
            return f"{said} ({outcome.where})"
        if isinstance(outcome.error, TypeError):
            names = list(inspect.signature(self.reference).parameters)[:count]
            return f"{said}. It is called with the arguments ({', '.join(names)})."
        return said

    def _shape(self, case: _Case, outcome: Outcome) -> _Failure | None:
        if case.limit or not self.same_shape:
            return None
        nothing = "Your function returns nothing. Is the `return` missing?"
        if callable(self.same_shape):
            wrong = nothing if outcome.value is None else self.same_shape(outcome.value)
            return _Failure(wrong, got=values.kind(outcome.value)) if wrong else None
        unlike = values.shape_difference(outcome.value, case.expected.value)
        if not unlike:
            return None
        return _Failure(nothing if outcome.value is None else self.shape_hint, *unlike)

    def _range(self, case: _Case, outcome: Outcome) -> _Failure | None:
        if case.limit:
            return None
        numbers = [leaf for leaf in values.leaves(outcome.value) if isinstance(leaf, Tensor)]
        if values.finite(case.expected.value) and not values.finite(outcome.value):
            return _Failure(self.range_hint, "finite numbers", "NaN or infinity among the values")
        low, high = self.range or (None, None)
        for leaf in numbers:
            if leaf.is_complex() or not leaf.numel():
                continue
            least, most = leaf.min().item(), leaf.max().item()
            below = low is not None and least < low - self.atol
            above = high is not None and most > high + self.atol
            if below or above:
                bounds = f"from {'−∞' if low is None else low} to {'∞' if high is None else high}"
                return _Failure(self.range_hint, bounds, f"from {least:.4g} to {most:.4g}")
        return None

    def _limits(self, case: _Case, outcome: Outcome) -> _Failure | None:
        if not case.limit:
            return None
        expected = (
            f"{values.brief(case.expected.value)} for the arguments {values.brief(case.args)}"
        )
        if outcome.error:
            said = f"{type(outcome.error).__name__}: {outcome.error}"
            return _Failure(case.limit.hint, expected, said)
        if self._right(outcome.value, case.expected.value):
            return None
        return _Failure(case.limit.hint, expected, values.brief(outcome.value))

    def _gradient(self, case: _Case, outcome: Outcome) -> _Failure | None:
        if case.limit or case.expected.gradients is None:
            return None
        if outcome.gradients is None:
            return _Failure(self._cut_off(outcome.stuck))
        found = self._steeper(outcome.gradients, case.expected.gradients)
        if found and (wrong := self._value(case, outcome)):
            return wrong._replace(hint=f"The values are wrong too: begin there. {wrong.hint}")
        return _Failure(self.gradient_hint, *found) if found else None

    def _cut_off(self, stuck: Exception | None) -> str:
        """What is said where values come out and gradients do not."""
        if stuck is None or "numpy()" in str(stuck):
            return DETACHED
        if "in-place" in str(stuck) or "inplace" in str(stuck):
            return IN_PLACE
        return STUCK.format(kind=type(stuck).__name__, error=str(stuck).split("\n")[0])

    def _steeper(
        self, got: tuple[Tensor, ...], expected: tuple[Tensor, ...]
    ) -> values.Difference | None:
        """Where gradients differ; small ones may be off by what is little beside the largest."""
        for k, (mine, true) in enumerate(zip(got, expected, strict=True), 1):
            scale = max(1.0, float(true.abs().max())) if true.numel() else 1.0
            unlike = values.difference(mine, true, 10 * self.rtol, 10 * self.atol * scale)
            if unlike:
                return unlike._replace(expected=f"gradient of argument {k}: {unlike.expected}")
        return None

    def _value(self, case: _Case, outcome: Outcome) -> _Failure | None:
        if case.limit or self._right(outcome.value, case.expected.value):
            return None
        unlike = values.difference(outcome.value, case.expected.value, self.rtol, self.atol)
        return _Failure(self.value_hint, *(unlike or ()))

    def _right(self, got: Any, expected: Any) -> bool:
        if not self.compare:
            return values.difference(got, expected, self.rtol, self.atol) is None
        if self.same_shape is True and values.shape_difference(got, expected):
            return False
        return bool(self.compare(got, expected))

    def _known(self, cases: list[_Case], outcomes: list[Outcome], seed: int) -> str:
        """The hint of the mistake that does just the same on all arguments, if there is one."""
        for mistake in self.mistakes:
            # Case by case: most mistakes differ in the first, and need not be run on the others.
            pairs = zip(cases, outcomes, strict=True)
            if all(
                self._alike(mine, self._outcome(mistake.function, case, seed))
                for case, mine in pairs
            ):
                return mistake.hint
        return ""

    def _alike(self, a: Outcome, b: Outcome) -> bool:
        """Whether two calls with the same arguments led to the same."""
        if a.error or b.error:
            return type(a.error) is type(b.error) and str(a.error) == str(b.error)
        if a.changed != b.changed or (a.gradients is None) != (b.gradients is None):
            return False
        if a.gradients is not None and b.gradients is not None:
            if self._steeper(a.gradients, b.gradients):
                return False
        return values.difference(a.value, b.value, self.rtol, self.atol) is None
