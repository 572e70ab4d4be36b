"""How figures and tables are written: Markdown that reads well as plain text, too."""

from collections.abc import Mapping, Sequence
from typing import Any

from avlib.metrics import Interval
from avlib.scoring import HIGHEST_DB


def cell(figure: Mapping[str, Any] | Interval | None, sign: bool = False) -> str:
    """A figure as the table prints it.

    Args:
        figure: mean and bounds, as a record or a bootstrap gives them.
        sign: print a plus, too.

    Example:
        >>> cell(Interval(1.234, 1.0, 1.5)), cell({"mean": -0.5, "low": -1.0, "high": 0.0}, True)
        ('1.23 [1.00, 1.50]', '-0.50 [-1.00, +0.00]')
    """
    if figure is None:
        return ""
    values = figure._asdict() if isinstance(figure, Interval) else figure
    if values["mean"] is None or values["mean"] > HIGHEST_DB:
        return f"> {HIGHEST_DB:.0f}"
    form = "+.2f" if sign else ".2f"
    mean, low, high = (format(values[key], form) for key in ("mean", "low", "high"))
    return f"{mean} [{low}, {high}]"


def grid(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns are aligned, so that it reads well as plain text.

    Example:
        >>> print(grid(["row", "dB"], [["mixture", "0.1"]]))
        | row     | dB  |
        |---------|-----|
        | mixture | 0.1 |
    """
    columns = list(zip(head, *lines, strict=True))
    widths = [max(map(len, column)) for column in columns]
    rows = [
        [text.ljust(width) for text, width in zip(line, widths, strict=True)]
        for line in (head, *lines)
    ]
    text = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([text[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *text[1:]])
