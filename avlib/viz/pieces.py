"""What the components with numbers and questions share: pictures, posters, numbers."""

import io
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from avlib.viz.component import picture_uri
from avlib.viz.rich import plain

LEVELS = 63
"""Steps of a map's colours."""

MASK_COLOURS = "cividis"
"""Colour map of masks, wherever they are drawn: dark keeps nothing, bright keeps everything."""


def pixels(picture: ArrayLike, what: str) -> NDArray[np.uint8]:
    """A picture as bytes (height, width, 3).

    Args:
        picture: (height, width) in [0, 1], drawn in the colours of masks with row 0 at the top, or
            (height, width, 3) as bytes or in [0, 1].
        what: names it in errors.

    Raises:
        ValueError: another shape, or values that are not finite or out of [0, 1].

    Example:
        >>> pixels([[0.0, 1.0]], "a map").tolist()
        [[[0, 34, 77], [253, 231, 55]]]
    """
    values = np.asarray(picture)
    if values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[-1] != 3) or not values.size:
        raise ValueError(
            f"{what}: a picture is (height, width) or (height, width, 3), not {values.shape}"
        )
    if values.dtype == np.uint8 and values.ndim == 3:
        return values
    values = values.astype(np.float64)
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
        raise ValueError(
            f"{what}: values of a picture lie in 0 to 1, these in "
            f"{values.min():.3g} to {values.max():.3g}"
        )
    if values.ndim == 2:
        from matplotlib import colormaps

        # Few levels pack small without loss; a lossy packing would change a map's colours.
        values = colormaps[MASK_COLOURS](np.round(values * LEVELS) / LEVELS)[..., :3]
    return (values * 255).astype(np.uint8)


def packed(picture: ArrayLike, what: str) -> str:
    """A picture as a data URI: maps without loss, photographs smaller.

    Args:
        picture: as in `pixels`.
        what: names it in errors.
    """
    return picture_uri(pixels(picture, what), lossless=np.ndim(picture) == 2)


def text_poster(title: str, lines: Sequence[str]) -> bytes:
    """A still picture that says in words what the component asks or shows, as PNG bytes.

    Args:
        title: the bold line on top.
        lines: what stands below, each wrapped to the width.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = [row for line in lines for row in textwrap.wrap(plain(line), 88) or [""]]
    drawing = Figure(figsize=(7, 0.75 + 0.175 * len(rows)))
    FigureCanvasAgg(drawing)
    # A dollar sign is a dollar sign, not the beginning of a formula.
    drawing.text(0.02, 1, "\n" + plain(title), va="top", weight="bold", parse_math=False)
    body = "\n" * 3 + "\n".join(rows)
    drawing.text(0.02, 1, body, va="top", size=9, parse_math=False, linespacing=1.4)
    return drawn(drawing)


def drawn(drawing: Any) -> bytes:
    """A matplotlib figure as PNG bytes."""
    buffer = io.BytesIO()
    drawing.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()


def number(value: float | int) -> str:
    """A number as a reader would write it: no trailing zeros, at most ten digits.

    Example:
        >>> number(256.0), number(0.1 + 0.2), number(66150)
        ('256', '0.3', '66150')
    """
    return f"{value:.10g}"


def short(value: float | int) -> str:
    """A measured number with four digits that count, with a real minus sign.

    Example:
        >>> short(0.693147), short(-12345.678), short(3), short(2.0)
        ('0.6931', '−12346', '3', '2')
    """
    value = float(value)
    text = f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return text.replace("-", "−")
