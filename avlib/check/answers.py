"""Checks of answers: a number, a choice, or several of them."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from avlib.check import values
from avlib.check.verdict import Verdict


@dataclass(frozen=True, eq=False, repr=False)
class AnswerCheck:
    """Compares a reader's answer with the truth and knows why people answer something else.

    Args:
        truth: a number, a string, a boolean, or a tuple of these. Strings are compared without
            regard to case and outer spaces.
        tolerance: absolute, for numbers; a tuple of several gives each answer its own.
        hints: wrong answer -> why it is wrong.
        otherwise: said for every other wrong answer.
        right: why the truth is right, said to who has found it.
        name: under which the reader finds it; set by ``check.<name>``.

    Raises:
        ValueError: a hint is given for the right answer, or not one tolerance for each answer.

    Example:
        >>> columns = AnswerCheck(256, hints={255: "Both ends get a column."}, right="Yes.")
        >>> columns(255).hint, columns(256).passed, columns(...).stage
        ('Both ends get a column.', True, 'todo')
    """

    truth: Any
    tolerance: float | int | tuple[float | int, ...] = 0
    hints: Mapping[Any, str] = field(default_factory=dict)
    otherwise: str = "That is not it."
    right: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.tolerance, tuple) and (
            not isinstance(self.truth, tuple) or len(self.tolerance) != len(self.truth)
        ):
            raise ValueError("several tolerances are for a tuple of as many answers")
        wrong = [hint for hint in self.hints if self._same(hint, self.truth)]
        if wrong:
            raise ValueError(f"there is a hint for the right answer {wrong[0]!r}")

    def __repr__(self) -> str:
        return f"check.{self.name or '…'}: call it with your answer"

    def called(self, name: str) -> "AnswerCheck":
        """The same check under a name."""
        return dataclasses.replace(self, name=name)

    def __call__(self, answer: Any) -> Verdict:
        """Check an answer; ``...`` and None, or one of them within a tuple, is none yet."""
        say = partial(Verdict, name=self.name)
        answer = _plain(answer)
        parts = answer if isinstance(answer, tuple) else (answer,)
        if any(part is None or part is ... for part in parts):
            return say(False, "todo", "Not done yet: put your answer in place of the dots.")
        if wish := self._misfit(answer):
            return say(False, "shape", wish, got=values.brief(answer))
        if self._same(answer, self.truth):
            return say(True, "passed", self.right)
        for wrong, hint in self.hints.items():
            if self._same(answer, wrong):
                return say(False, "value", hint, got=values.brief(answer))
        return say(False, "value", self.otherwise + self._partly(answer), got=values.brief(answer))

    def _misfit(self, answer: Any) -> str:
        """What sort of answer is asked for, if this is of another; for strings, which."""
        if isinstance(self.truth, tuple):
            if not isinstance(answer, tuple) or len(answer) != len(self.truth):
                return f"{len(self.truth)} answers are asked for, as a tuple: `(…, …)`."
            pairs = zip(answer, self.truth, strict=True)
            sorts = [_sort(t) for a, t in pairs if _sort(a) != _sort(t)]
            return f"One of the answers should be {sorts[0]}." if sorts else ""
        if _sort(answer) != _sort(self.truth):
            return f"{_sort(self.truth).capitalize()} is asked for."
        if isinstance(self.truth, str):
            choices = sorted({self.truth, *(hint for hint in self.hints if isinstance(hint, str))})
            if not any(self._same(answer, choice) for choice in choices):
                return f"Choose one of these: {', '.join(map(repr, choices))}."
        return ""

    def _same(self, a: Any, b: Any, place: int = 0) -> bool:
        """Whether two answers are the same; `place` is where they stand among several."""
        if isinstance(a, tuple) or isinstance(b, tuple):
            both = isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b)
            return both and all(
                self._same(x, y, k) for k, (x, y) in enumerate(zip(a, b, strict=True))
            )
        if isinstance(a, str) or isinstance(b, str):
            both = isinstance(a, str) and isinstance(b, str)
            return both and a.strip().casefold() == b.strip().casefold()
        if isinstance(a, bool) or isinstance(b, bool):
            return a is b
        # Half a millionth of slack, because 0.1 + 0.2 is not 0.3.
        slack = self.tolerance[place] if isinstance(self.tolerance, tuple) else self.tolerance
        return bool(abs(a - b) <= slack + 5e-7 * max(1.0, abs(b)))

    def _partly(self, answer: Any) -> str:
        """Which of several answers are right."""
        if not isinstance(self.truth, tuple) or len(self.truth) < 2:
            return ""
        pairs = zip(answer, self.truth, strict=True)
        right = [str(k) for k, pair in enumerate(pairs, 1) if self._same(*pair, k - 1)]
        if not right:
            return " None of your answers is right yet."
        return f" Right so far: number {', '.join(right)} of {len(self.truth)}."


def _plain(answer: Any) -> Any:
    """Numbers of NumPy and torch as Python's own, lists and arrays with one axis as tuples."""
    if isinstance(answer, list | tuple):
        return tuple(map(_plain, answer))
    if hasattr(answer, "tolist") and getattr(answer, "ndim", 2) < 2:
        return _plain(answer.tolist())
    return answer


def _sort(value: Any) -> str:
    """What sort of answer something is."""
    if isinstance(value, bool):
        return "True or False"
    if isinstance(value, int | float):
        return "a number"
    return "a word in quotes" if isinstance(value, str) else "something else"
