"""Questions in a page: a prediction before the answer, and quizzes that explain every choice.

They work with the keyboard, with screen readers, without a kernel and without a network; where no
script runs, the answers lie in a fold under each question. Texts take the markup of
`avlib.viz.rich.rich`.
"""

import math
import random
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from avlib.viz.component import Component, attribute, figure, unique_id
from avlib.viz.pieces import number, text_poster
from avlib.viz.rich import plain, rich


def shuffled(question: str, count: int, anew: bool = False) -> list[int]:
    """An order for what belongs to a question: it depends on the question's text alone.

    Writers put the right choice where they like; readers learn such habits sooner than anything.

    Args:
        question: its text decides.
        count: how many things are to be brought into an order.
        anew: the order in which they are given is not a possible answer; needs two things.

    Example:
        >>> shuffled("2 + 2?", 4) == shuffled("2 + 2?", 4), sorted(shuffled("2 + 2?", 4))
        (True, [0, 1, 2, 3])
    """
    # The word in front was tried out: with it no quiz of the book has all its right choices in
    # one and the same place.
    dice, order = random.Random(zlib.crc32(f"shown{question}".encode())), list(range(count))
    dice.shuffle(order)
    while anew and order == sorted(order):
        dice.shuffle(order)
    return order


@dataclass(frozen=True)
class Choice:
    """A question with choices, of which one is right, or several that must all be chosen.

    Attributes:
        question: what is asked.
        choices: (text, is it right, why or why not) for every choice; they are shown in another
            order, always the same.
        objective: number of the chapter's learning objective that it tests.

    Raises:
        ValueError: fewer than two choices, none right, all right, two alike, or one unexplained.

    Example:
        >>> Choice("2 + 2?", [("4", True, "Yes."), ("5", False, "Count again.")], 1).kind
        'choice'
    """

    question: str
    choices: Sequence[tuple[str, bool, str]]
    objective: int
    kind = "choice"

    def __post_init__(self) -> None:
        texts = [text for text, _, _ in self.choices]
        _require(len(texts) > 1, self.question, "needs at least two choices")
        _require(len(set(texts)) == len(texts), self.question, "has two choices that are alike")
        right = sum(is_right for _, is_right, _ in self.choices)
        _require(0 < right < len(texts), self.question, f"has {right} right choices")
        for text, _, explanation in self.choices:
            _require(bool(explanation.strip()), self.question, f"does not explain {text!r}")

    def shown(self) -> list[tuple[int, tuple[str, bool, str]]]:
        """The choices with their numbers, in the order in which they stand on the page."""
        return [(k, self.choices[k]) for k in shuffled(self.question, len(self.choices))]

    def body(self, name: str) -> str:
        """The inside of the question for a given id."""
        several = sum(is_right for _, is_right, _ in self.choices) > 1
        kind = "checkbox" if several else "radio"
        rows = "".join(
            f'<li><label><input type="{kind}" name="{name}" value="{k}" autocomplete="off">'
            f'<span>{rich(text)}</span></label><p class="avl-why" hidden></p></li>'
            for k, (text, _, _) in self.shown()
        )
        ask = '<p class="avl-hint">Choose all that hold.</p>' if several else ""
        return f'{ask}<ul class="avl-choices">{rows}</ul>'

    def solution(self) -> str:
        """What is right, and why each choice is or is not."""
        rows = "".join(
            f'<li data-k="{k}" data-right="{"yes" if right else "no"}">'
            f"<strong>{'Right' if right else 'Not right'}: {rich(text)}</strong> "
            f'<span class="avl-because">{rich(why)}</span></li>'
            for k, (text, right, why) in self.shown()
        )
        return f"<ul>{rows}</ul>"

    def lines(self) -> list[str]:
        """The question in words."""
        return [self.question, *(f"   ( )  {text}" for _, (text, _, _) in self.shown())]


@dataclass(frozen=True)
class Numeric:
    """A question whose answer is a number.

    Attributes:
        question: what is asked.
        answer: the right number.
        tolerance: how far from it a number still counts as right.
        unit: what stands behind the number, may be empty.
        explanation: why it is right.
        objective: number of the chapter's learning objective that it tests.
        hints: typical wrong number -> what went wrong, without giving the answer away.

    Raises:
        ValueError: numbers that are not finite, a negative tolerance, no explanation, or a hint for
            a number that would count as right.

    Example:
        >>> Numeric("7 × 8?", 56, 0, "", "7 × 8 = 56.", 1, {54: "That is 6 × 9."}).kind
        'numeric'
    """

    question: str
    answer: float | int
    tolerance: float | int
    unit: str
    explanation: str
    objective: int
    hints: Mapping[float | int, str] = field(default_factory=dict)
    kind = "numeric"

    def __post_init__(self) -> None:
        values = (self.answer, self.tolerance, *self.hints)
        _require(all(map(math.isfinite, values)), self.question, "has numbers that are not finite")
        _require(self.tolerance >= 0, self.question, "has a negative tolerance")
        _require(bool(self.explanation.strip()), self.question, "has no explanation")
        for wrong, hint in self.hints.items():
            _require(bool(hint.strip()), self.question, f"has an empty hint for {wrong}")
            _require(
                abs(wrong - self.answer) > self.tolerance,
                self.question,
                f"calls {wrong} wrong, which lies within the tolerance",
            )

    def body(self, name: str) -> str:
        """The inside of the question for a given id."""
        unit = f'<span class="avl-unit">{rich(self.unit)}</span>' if self.unit else ""
        said = f", in {attribute(plain(self.unit))}" if self.unit else ""
        return (
            f'<p class="avl-number"><input type="text" inputmode="decimal" id="{name}-number" '
            f'aria-label="Your number{said}" autocomplete="off" size="10">{unit}</p>'
        )

    def solution(self) -> str:
        """The number, why it is right, and the hints."""
        margin = f" (± {number(self.tolerance)})" if self.tolerance else ""
        shown = f"{number(self.answer)} {self.unit}".strip() + margin
        slips = "".join(
            f'<li data-wrong="{float(wrong)!r}"><strong>Not {number(wrong)}:</strong> '
            f'<span class="avl-because">{rich(hint)}</span></li>'
            for wrong, hint in self.hints.items()
        )
        return (
            f'<p class="avl-right" data-answer="{float(self.answer)!r}" '
            f'data-tolerance="{float(self.tolerance)!r}" data-unit="{attribute(plain(self.unit))}">'
            f"<strong>{rich(shown)}.</strong> "
            f'<span class="avl-because">{rich(self.explanation)}</span></p>'
            + (f"<ul>{slips}</ul>" if slips else "")
        )

    def lines(self) -> list[str]:
        """The question in words."""
        return [self.question, f"   ________ {self.unit}"]


@dataclass(frozen=True)
class Ordering:
    """Things to be brought into their order.

    Attributes:
        question: what is asked; it should say what comes first.
        items: the things in the right order; they are shown in another one, always the same.
        explanation: why this is the order.
        objective: number of the chapter's learning objective that it tests.
        reasons: for every item what speaks for its place, told when it lies wrong; may be empty.

    Raises:
        ValueError: fewer than two items, two alike, no explanation, or a number of reasons that
            fits neither none nor all.

    Example:
        >>> Ordering("Small to large?", ["1", "2", "3"], "So we count.", 1).shuffled() != [0, 1, 2]
        True
    """

    question: str
    items: Sequence[str]
    explanation: str
    objective: int
    reasons: Sequence[str] = ()
    kind = "ordering"

    def __post_init__(self) -> None:
        _require(len(self.items) > 1, self.question, "needs at least two items")
        _require(len(set(self.items)) == len(self.items), self.question, "has two items alike")
        _require(bool(self.explanation.strip()), self.question, "has no explanation")
        _require(
            len(self.reasons) in (0, len(self.items)),
            self.question,
            f"has {len(self.reasons)} reasons for {len(self.items)} items",
        )

    def shuffled(self) -> list[int]:
        """Numbers of the items as they are shown at first: never the right order."""
        return shuffled(self.question, len(self.items), anew=True)

    def body(self, name: str) -> str:
        """The inside of the question for a given id."""
        rows = ""
        for k in self.shuffled():
            buttons = "".join(
                f'<button type="button" data-by="{by}"><span aria-hidden="true">{arrow}</span>'
                f'<span class="avl-unseen">{way}: {rich(self.items[k])}</span></button>'
                for by, way, arrow in ((-1, "Up", "&#8593;"), (1, "Down", "&#8595;"))
            )
            rows += (
                f'<li data-place="{k}"><span class="avl-mark" aria-hidden="true"></span>'
                f'<span class="avl-text">{rich(self.items[k])}</span>'
                f'<span class="avl-moves" hidden>{buttons}</span></li>'
            )
        return f'<ol class="avl-order" id="{name}-order">{rows}</ol>'

    def solution(self) -> str:
        """The right order, and why."""
        reasons = list(self.reasons) or [""] * len(self.items)
        rows = "".join(
            f'<li data-k="{k}">{rich(item)} <span class="avl-because">{rich(reason)}</span></li>'
            for k, (item, reason) in enumerate(zip(self.items, reasons, strict=True))
        )
        return f'<ol>{rows}</ol><p class="avl-right">{rich(self.explanation)}</p>'

    def lines(self) -> list[str]:
        """The question in words."""
        return [self.question, *(f"   [ ]  {self.items[k]}" for k in self.shuffled())]


Item = Choice | Numeric | Ordering


def quiz(
    items: Sequence[Item], label: str = "Quiz", topics: Mapping[int, str] | None = None
) -> Component:
    """Several questions, each answered with an explanation, and a score at the end.

    The first try counts; after it a reader may try again or look at the answer. At the end stands
    how many were right at once and which objectives are worth another look.

    Args:
        items: `Choice`, `Numeric` and `Ordering` questions.
        label: the name that stands above them.
        topics: names for the objectives, by which the advice at the end calls them; without, it
            gives their numbers, which are those at the top of the chapter.

    Raises:
        ValueError: no question, two that ask the same, or an objective that has no name in topics.

    Example:
        >>> quiz([Numeric("7 × 8?", 56, 0, "", "It is 56.", 1)]).text
        'Quiz: 1 question. 1. 7 × 8?'
    """
    items = list(items)
    if not items:
        raise ValueError("a quiz needs at least one question")
    questions = [item.question for item in items]
    if len(set(questions)) < len(questions):
        raise ValueError("two questions of the quiz ask the same")
    for item in items:
        named = topics is None or bool(topics.get(item.objective, "").strip())
        _require(named, item.question, f"has the objective {item.objective}, which has no name")

    name = unique_id("questions", label, *questions)
    parts = [_item(item, k, len(items), f"{name}-{k}", topics) for k, item in enumerate(items)]
    end = (
        '<div class="avl-bar avl-end"><span class="avl-score" role="status"></span>'
        '<button type="button" class="avl-quiet avl-again" hidden>Start again</button></div>'
    )
    several = "question" if len(items) == 1 else "questions"
    told = " ".join(f"{k}. {plain(item.question)}" for k, item in enumerate(items, 1))
    lines = [line for k, item in enumerate(items, 1) for line in _numbered(k, item.lines())]
    whole = _figure(name, label, "".join(parts) + end, {"kind": "quiz", "items": str(len(items))})
    return Component(
        whole,
        f"{plain(label)}: {len(items)} {several}. {told}",
        lambda: text_poster(label, lines),
    )


def predict_then_reveal(
    question: str,
    choices: Sequence[str],
    right: int | None,
    answer: str,
    label: str = "Predict first",
) -> Component:
    """A question to commit to before the answer is shown.

    Args:
        question: what will happen?
        choices: what a reader may expect; shown in another order, always the same.
        right: number of the choice that holds, or None where there is no single right one.
        answer: what happens, and why; shown only after a choice has been made.
        label: the name that stands above it.

    Raises:
        ValueError: fewer than two choices, two alike, an empty answer, or a `right` that is none.

    Example:
        >>> predict_then_reveal("Heads or tails?", ["heads", "tails"], None, "Who knows.").text
        'Predict first: Heads or tails? Choices: heads; tails.'
    """
    _require(len(choices) > 1, question, "needs at least two choices")
    _require(len(set(choices)) == len(choices), question, "has two choices that are alike")
    _require(bool(answer.strip()), question, "has no answer")
    if right is not None:
        _require(0 <= right < len(choices), question, f"has no choice number {right}")

    name = unique_id("questions", label, question)
    order = shuffled(question, len(choices))
    rows = "".join(
        f'<li><label><input type="radio" name="{name}-choice" value="{k}" autocomplete="off">'
        f"<span>{rich(choices[k])}</span></label></li>"
        for k in order
    )
    told = f"<p><strong>{rich(choices[right])}.</strong></p>" if right is not None else ""
    body = (
        f'<fieldset class="avl-item"><legend>{rich(question)}</legend>'
        f'<ul class="avl-choices">{rows}</ul>'
        '<div class="avl-bar" hidden><button type="button" class="avl-check">Commit</button>'
        '<span class="avl-say" role="status">First commit, then see.</span></div>'
        '<div class="avl-verdict" role="status"></div>'
        f'<details class="avl-answer"><summary>Answer</summary>{told}'
        f"<p>{rich(answer)}</p></details></fieldset>"
    )
    fit = "" if right is None else str(right)
    whole = _figure(name, label, body, {"kind": "predict", "right": fit})
    listed = "; ".join(plain(choices[k]) for k in order)
    lines = [question, *(f"   ( )  {choices[k]}" for k in order)]
    return Component(
        whole,
        f"{plain(label)}: {plain(question)} Choices: {listed}.",
        lambda: text_poster(label, lines),
    )


def _figure(name: str, label: str, body: str, data: Mapping[str, str]) -> str:
    return figure(
        "questions",
        name,
        label,
        body,
        scripts=("questions.js",),
        styles=("questions.css",),
        data=data,
    )


def _item(item: Item, k: int, count: int, name: str, topics: Mapping[int, str] | None) -> str:
    """One question with its buttons, its verdict, and the fold with the answer."""
    topic = f' data-topic="{attribute(plain(topics[item.objective]))}"' if topics else ""
    return (
        f'<fieldset class="avl-item" data-kind="{item.kind}" data-objective="{item.objective}"'
        f"{topic}>"
        f'<legend><span class="avl-count">{k + 1} of {count}</span> {rich(item.question)}</legend>'
        f"{item.body(name)}"
        '<div class="avl-bar" hidden><button type="button" class="avl-check">Check'
        f'<span class="avl-unseen"> answer {k + 1}</span></button>'
        '<button type="button" class="avl-quiet avl-show" hidden>Show the answer'
        f'<span class="avl-unseen"> to question {k + 1}</span></button></div>'
        '<div class="avl-verdict" role="status"></div>'
        '<details class="avl-answer"><summary>Answer and explanations</summary>'
        f"{item.solution()}</details></fieldset>"
    )


def _numbered(k: int, lines: list[str]) -> list[str]:
    return [f"{k}. {lines[0]}", *lines[1:], ""]


def _require(condition: bool, question: str, fault: str) -> None:
    """Raise an error that names the question."""
    if not condition:
        raise ValueError(f"the question {question!r} {fault}")
