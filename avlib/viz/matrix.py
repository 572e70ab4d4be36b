"""A matrix of similarities to walk through: every entry seen, heard, and after a softmax."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from avlib.viz.component import (
    Component,
    attribute,
    audio_list,
    checked_wave,
    figure,
    joint_gain,
    json_block,
    unique_id,
)
from avlib.viz.pieces import drawn, packed, short
from avlib.viz.rich import plain, rich

WRITTEN_COLUMNS = 12
"""Wider matrices show colours only; their values stand beside the chosen entry."""


def sim_matrix(
    values: ArrayLike,
    rows: Sequence[str],
    columns: Sequence[str],
    label: str,
    description: str = "",
    *,
    pictures: Sequence[ArrayLike] | None = None,
    sounds: Sequence[ArrayLike] | None = None,
    rate: int | None = None,
    temperatures: Sequence[float] | None = None,
) -> Component:
    r"""A matrix of similarities; the pointer or the arrow keys choose an entry.

    Pictures belong to the columns and sounds to the rows; where there are as many rows as
    columns, the transposed matrix shows it the other way round. With temperatures a slider sets
    :math:`T`, and the page computes the softmax of every row and InfoNCE, the mean of
    :math:`-\log \mathrm{softmax}_j(s_{ij} / T)` over the entries :math:`i = j`, by rows and by
    columns.

    Args:
        values: similarities (row, column).
        rows: names of the rows.
        columns: names of the columns.
        label: the name that stands above it.
        description: a sentence that stands below it.
        pictures: (height, width, 3) for each column.
        sounds: samples (sample,) for each row.
        rate: samples per second of the sounds.
        temperatures: what the slider runs over, each > 0; the middle one is set at first. Needs a
            square matrix whose pairs lie on the diagonal.

    Raises:
        ValueError: sizes that do not fit, values that are not finite, a temperature that is not
            positive, or sounds without a rate.

    Example:
        >>> sim_matrix([[1.0, 0.2]], ["sound"], ["cat", "dog"], "Who sounds?").text
        'Matrix of similarities: Who sounds? 1 × 2 entries; sound: most like cat (1).'
    """
    matrix = np.asarray(values, np.float64)
    _check(matrix, rows, columns, pictures, sounds, rate, temperatures)
    name = unique_id("matrix", label, *rows, *columns)
    thumbs = [packed(p, c) for p, c in zip(pictures or [], columns, strict=False)]
    table = _table(matrix, rows, columns, label)
    data = {
        "values": [[float(f"{v:.9g}") for v in row] for row in matrix.tolist()],
        "rows": [plain(row) for row in rows],
        "columns": [plain(column) for column in columns],
        "temperatures": list(map(float, temperatures or [])),
    }
    body = (
        _controls(name, temperatures)
        + f'<div class="avl-sides"><div class="avl-scroll">{table}</div>'
        + _detail(thumbs, columns, bool(sounds))
        + f"</div>{_heard(sounds or [], rows, rate or 0)}{json_block(data)}"
    )
    whole = figure(
        "matrix",
        name,
        plain(label),
        body,
        plain(description),
        scripts=("matrix.js",),
        styles=("matrix.css",),
        data={"view": "similarity"},
    )
    best = [
        f"{plain(row)}: most like {plain(columns[int(line.argmax())])} ({short(float(line.max()))})"
        for row, line in zip(rows, matrix, strict=True)
    ]
    text = f"Matrix of similarities: {plain(label)} {len(rows)} × {len(columns)} entries; "
    text += "; ".join(best) + "." + (f" {plain(description)}" if description else "")
    return Component(whole, text, lambda: _poster(matrix, rows, columns, label))


def _check(
    matrix: NDArray[np.float64],
    rows: Sequence[str],
    columns: Sequence[str],
    pictures: Sequence[ArrayLike] | None,
    sounds: Sequence[ArrayLike] | None,
    rate: int | None,
    temperatures: Sequence[float] | None,
) -> None:
    """Raise an error that says what does not fit."""
    if matrix.ndim != 2 or not matrix.size or matrix.shape != (len(rows), len(columns)):
        raise ValueError(
            f"values {matrix.shape} do not fit {len(rows)} rows and {len(columns)} columns"
        )
    if not np.isfinite(matrix).all():
        raise ValueError("the matrix has values that are not finite")
    if pictures is not None and len(pictures) != len(columns):
        raise ValueError(f"{len(pictures)} pictures for {len(columns)} columns")
    if sounds is not None and len(sounds) != len(rows):
        raise ValueError(f"{len(sounds)} sounds for {len(rows)} rows")
    if sounds is not None and rate is None:
        raise ValueError("sounds need their rate, in samples per second")
    if temperatures is not None:
        if len(rows) != len(columns):
            raise ValueError("InfoNCE needs as many rows as columns: its pairs are the diagonal")
        if not temperatures or min(temperatures) <= 0:
            raise ValueError(f"temperatures must be positive, got {list(temperatures)}")


def _table(
    matrix: NDArray[np.float64], rows: Sequence[str], columns: Sequence[str], label: str
) -> str:
    """The matrix as a table, coloured by the script and readable without."""
    head = "".join(f'<th scope="col"><span>{rich(column)}</span></th>' for column in columns)
    lines = ""
    for i, row in enumerate(rows):
        cells = "".join(
            f'<td role="gridcell" data-i="{i}" data-j="{j}">{short(float(f"{value:.2g}"))}</td>'
            for j, value in enumerate(matrix[i])
        )
        lines += f'<tr><th scope="row">{rich(row)}</th>{cells}</tr>'
    wide = "yes" if len(columns) > WRITTEN_COLUMNS else "no"
    return (
        f'<table role="grid" aria-readonly="true" aria-label="{attribute(plain(label))}" '
        f'data-wide="{wide}"><thead><tr><td></td>{head}</tr></thead><tbody>{lines}</tbody></table>'
    )


def _controls(name: str, temperatures: Sequence[float] | None) -> str:
    """Slider for the temperature, what is shown, and the loss."""
    if not temperatures:
        return ""
    start = len(temperatures) // 2
    return (
        f'<div class="avl-bar" hidden><label for="{name}-tau">Temperature</label>'
        f'<input type="range" class="avl-tau" id="{name}-tau" min="0" '
        f'max="{len(temperatures) - 1}" step="1" value="{start}">'
        f'<output class="avl-at" for="{name}-tau"></output>'
        f'<label><input type="checkbox" class="avl-soft"> softmax of each row</label></div>'
        '<p class="avl-loss" role="status"></p>'
    )


def _detail(thumbs: Sequence[str], columns: Sequence[str], sounding: bool) -> str:
    """What is told of the chosen entry: names, value, picture, and a button for the sound."""
    images = "".join(
        f'<img alt="{attribute(plain(column))}" src="{uri}" hidden>'
        for column, uri in zip(columns, thumbs, strict=False)
    )
    play = '<button type="button" class="avl-play">Play</button>' if sounding else ""
    return (
        f'<div class="avl-detail" hidden><p class="avl-pair"></p><p class="avl-value"></p>{images}'
        f'<div class="avl-bar">{play}</div></div>'
    )


def _heard(sounds: Sequence[ArrayLike], rows: Sequence[str], rate: int) -> str:
    """A player for every row's sound, all by one gain; numbered, for rows may share a name."""
    if not sounds:
        return ""
    waves = joint_gain([checked_wave(w, row) for w, row in zip(sounds, rows, strict=True)])
    named = {f"{k + 1}. {plain(row)}": waves[k] for k, row in enumerate(rows)}
    return audio_list(named, rate, "Each sound on its own")


def _poster(
    matrix: NDArray[np.float64], rows: Sequence[str], columns: Sequence[str], label: str
) -> bytes:
    """The matrix as a picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    height, width = (max(2.0, 0.45 * count) for count in matrix.shape)
    drawing = Figure(figsize=(width + 2.5, height + 1.5), layout="constrained")
    FigureCanvasAgg(drawing)
    axis = drawing.subplots()
    image = axis.imshow(matrix, cmap="cividis", aspect="auto")
    axis.set_xticks(range(len(columns)), [plain(c) for c in columns], rotation=60)
    axis.set_yticks(range(len(rows)), [plain(r) for r in rows])
    for tick in [*axis.get_xticklabels(), *axis.get_yticklabels()]:
        tick.set_parse_math(False)
    axis.set_title(plain(label), fontsize=10, parse_math=False)
    drawing.colorbar(image, ax=axis)
    return drawn(drawing)
