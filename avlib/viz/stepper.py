"""A computation walked through one step at a time, with its numbers: for losses above all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from avlib.viz.component import Component, attribute, figure, unique_id
from avlib.viz.pieces import packed, short, text_poster
from avlib.viz.rich import plain, rich

Value = float | int | str


@dataclass(frozen=True)
class Step:
    """One step of a computation.

    Attributes:
        title: what is done, in a few words.
        text: what happens and why, with the markup of `avlib.viz.rich.rich`.
        numbers: name -> value after this step. A name that stood in an earlier step with another
            value is shown with what it was.
        picture: (height, width) in [0, 1], row 0 on top, or (height, width, 3); may be None.
    """

    title: str
    text: str
    numbers: Mapping[str, Value] = field(default_factory=dict)
    picture: ArrayLike | None = None


def loss_stepper(steps: Sequence[Step], label: str, description: str = "") -> Component:
    """Walk through the steps of a computation, forwards and backwards.

    Without scripts all steps stand below each other; a button shows them so, too.

    Args:
        steps: at least two.
        label: the name that stands above it.
        description: a sentence that stands below it.

    Raises:
        ValueError: fewer than two steps, a step without title or text, or a picture that is none.

    Example:
        >>> steps = [Step("Guess", "We guess.", {"loss": 0.9}), Step("Learn", "Better.")]
        >>> loss_stepper(steps, "A loss").text
        'Step by step: A loss. 1. Guess: We guess. (loss = 0.9) 2. Learn: Better.'
    """
    if len(steps) < 2:
        raise ValueError(f"a walk needs at least two steps, got {len(steps)}")
    for k, step in enumerate(steps, 1):
        if not (step.title.strip() and step.text.strip()):
            raise ValueError(f"step {k} has no title or no text")
    name = unique_id("stepper", label, *(step.title for step in steps))
    before: dict[str, Value] = {}
    rows = ""
    for k, step in enumerate(steps):
        rows += _row(step, k, before)
        before.update(step.numbers)
    bar = (
        '<div class="avl-bar" hidden><button type="button" class="avl-back">Back</button>'
        '<button type="button" class="avl-next">Next</button>'
        '<span class="avl-where" role="status"></span>'
        '<button type="button" class="avl-quiet avl-all" aria-pressed="false">All steps</button>'
        "</div>"
    )
    whole = figure(
        "stepper",
        name,
        plain(label),
        f'{bar}<ol class="avl-steps">{rows}</ol>',
        plain(description),
        scripts=("stepper.js",),
        styles=("stepper.css",),
        data={"steps": str(len(steps))},
    )
    lines = [_told(k, step) for k, step in enumerate(steps, 1)]
    text = f"Step by step: {plain(label)}. {' '.join(lines)}"
    text += f" {plain(description)}" if description else ""
    return Component(whole, text, lambda: text_poster(label, lines))


def _row(step: Step, k: int, before: Mapping[str, Value]) -> str:
    """One step; `before` holds the values that names had until now."""
    numbers = ""
    for name, value in step.numbers.items():
        old = before.get(name, value)
        was = f' <span class="avl-was">was {_value(old)}</span>' if old != value else ""
        changed = "yes" if was else "no"
        shown = f"<dt>{rich(name)}</dt><dd>{_value(value)}{was}</dd>"
        numbers += f'<div data-changed="{changed}">{shown}</div>'
    table = f'<dl class="avl-numbers">{numbers}</dl>' if numbers else ""
    image = ""
    if step.picture is not None:
        uri = packed(step.picture, f"step {k + 1}")
        told = attribute(f"Picture of this step: {plain(step.title)}.")
        sharp = "avl-map" if np.ndim(step.picture) == 2 else "avl-photo"
        image = f'<img class="{sharp}" alt="{told}" src="{uri}">'
    return (
        f'<li class="avl-step" data-k="{k}"><p class="avl-title">{k + 1}. {rich(step.title)}</p>'
        f'<div class="avl-said"><div><p>{rich(step.text)}</p>{table}</div>{image}</div></li>'
    )


def _value(value: Value) -> str:
    return rich(value) if isinstance(value, str) else short(value)


def _told(k: int, step: Step) -> str:
    """A step in words."""
    listed = ", ".join(
        f"{plain(name)} = {plain(value) if isinstance(value, str) else short(value)}"
        for name, value in step.numbers.items()
    )
    told = f"{k}. {plain(step.title)}: {plain(step.text)}"
    return f"{told} ({listed})" if listed else told
