"""Sliders that call a function again, where there is a kernel; the component where there is none.

Only the part of ipywidgets that versions 7.7.1 (Colab) and 8 share is used.
"""

import inspect
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets
from IPython.core.getipython import get_ipython
from IPython.display import display

from avlib.viz.component import Component

Range = tuple[float | int, float | int, float | int] | list[Any] | bool


def live(fn: Callable[..., Any], /, component: Component | None = None, **ranges: Range) -> None:
    """Call a function whenever the reader moves a slider.

    On a kernel with a front end that shows widgets (Jupyter, Colab, VS Code) the controls stand
    above what the function prints, plots or returns. Everywhere else, in the built book above all,
    a slider would be dead: the function is called once with its defaults, and the component, which
    needs no kernel, is shown below.

    Args:
        fn: called with one keyword argument per range; what it returns is displayed.
        component: what readers without a kernel can use instead.
        **ranges: ``(low, high, step)`` becomes a slider, of whole numbers if all three are whole; a
            list a choice; ``True`` or ``False`` a box to tick. The start is the function's own
            default where it lies in the range, otherwise `low`, the first choice, or the box's
            value.

    Raises:
        TypeError: the function has no argument of a range's name, or a range is none of these.
        ValueError: a slider's bounds or step make no sense, or a list is empty.

    Example:
        >>> live(lambda threshold: print(f"kept above {threshold}"), threshold=(0.5, 1.0, 0.1))
        kept above 0.5
    """
    defaults = starting_values(fn, ranges)
    if has_front_end():
        display(panel(fn, **ranges))
        return
    result = fn(**defaults)
    if result is not None:
        display(result)
    if component is None:
        return
    if get_ipython() is None:
        print(component.text)  # a script has nothing that could show more
    else:
        display(component)


def has_front_end() -> bool:
    """Whether there is somebody at the other end of the kernel who can move a slider.

    A kernel cannot ask. It is known of Colab, of VS Code, and of the Jupyter server, which gives
    its kernels a session's name; a kernel that executes a notebook for a book has none of them.
    The environment variable ``AVLIB_LIVE`` (``yes`` or ``no``) overrules all.

    Raises:
        ValueError: ``AVLIB_LIVE`` is neither.
    """
    said = os.environ.get("AVLIB_LIVE")
    if said is not None:
        if said not in ("yes", "no"):
            raise ValueError(f"AVLIB_LIVE is 'yes' or 'no', not {said!r}")
        return said == "yes"
    shell = get_ipython()
    if shell is None or not hasattr(shell, "kernel"):
        return False
    return (
        "google.colab" in sys.modules
        or "JPY_SESSION_NAME" in os.environ
        or "__vsc_ipynb_file__" in shell.user_ns
    )


def panel(fn: Callable[..., Any], /, **ranges: Range) -> ipywidgets.VBox:
    """The controls, and below them what the function shows.

    Args:
        fn: as in `live`.
        **ranges: as in `live`.
    """
    defaults = starting_values(fn, ranges)
    controls = {name: _control(name, ranges[name], defaults[name]) for name in ranges}

    def shown(**chosen: Any) -> None:
        result = fn(**chosen)
        if result is not None:
            display(result)

    output = ipywidgets.interactive_output(shown, controls)
    return ipywidgets.VBox([*controls.values(), output])


def starting_values(fn: Callable[..., Any], ranges: dict[str, Range]) -> dict[str, Any]:
    """What a function is called with at first.

    Args:
        fn: the function.
        ranges: as in `live`.

    Example:
        >>> def play(gain=0.5, loud=False): ...
        >>> starting_values(play, {"gain": (0.0, 1.0, 0.1), "loud": True})
        {'gain': 0.5, 'loud': False}
    """
    arguments = inspect.signature(fn).parameters
    anything = any(p.kind is p.VAR_KEYWORD for p in arguments.values())
    values = {}
    for name, span in ranges.items():
        if name not in arguments and not anything:
            raise TypeError(f"the function has no argument {name!r}; it has {list(arguments)}")
        own = arguments[name].default if name in arguments else inspect.Parameter.empty
        values[name] = _start(name, span, own)
    return values


def _start(name: str, span: Range, own: Any) -> Any:
    """The value of one control at first; `own` is the function's default or empty."""
    if isinstance(span, bool):
        return own if isinstance(own, bool) else span
    if isinstance(span, list):
        if not span:
            raise ValueError(f"{name}: there is nothing to choose from")
        return next((choice for choice in span if choice is own or choice == own), span[0])
    if not isinstance(span, tuple) or len(span) != 3 or not all(map(_is_number, span)):
        raise TypeError(f"{name}: a range is (low, high, step), a list or a bool, not {span!r}")
    low, high, step = span
    if not (low < high and 0 < step <= high - low):
        raise ValueError(f"{name}: (low, high, step) = {span} leaves nothing to slide over")
    return own if _is_number(own) and low <= own <= high else low


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _control(name: str, span: Range, value: Any) -> ipywidgets.Widget:
    """One control with a label that is not cut off."""
    common: dict[str, Any] = {
        "description": name.replace("_", " "),
        "value": value,
        "style": {"description_width": "initial"},
    }
    if isinstance(span, bool):
        return ipywidgets.Checkbox(**common)
    if isinstance(span, list):
        return ipywidgets.Dropdown(options=_options(span), **common)
    low, high, step = span
    whole = all(isinstance(number, int) for number in (*span, value))
    slider = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
    return slider(min=low, max=high, step=step, continuous_update=False, **common)


def _options(choices: Sequence[Any]) -> list[tuple[str, Any]]:
    return [(str(choice), choice) for choice in choices]
