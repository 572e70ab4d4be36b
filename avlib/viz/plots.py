"""Plots of the book: one theme, units on every axis, palettes that colour-blind readers can tell.

Every function draws into the axes it is given, or into new ones, and returns them, so that a
chapter can add a title, a line or a neighbour.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray

from avlib.viz.pieces import MASK_COLOURS

FLOOR_DB = -70.0
"""What lies this far below the loudest point of a spectrogram is drawn as silence."""

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe and Ito's colours, told apart by readers with any of the common colour blindnesses."""

HATCHES = ("", "//", "..", "xx", "\\\\", "oo")


def use_theme() -> None:
    """Set seaborn's theme for the book: white ground, the palette above, pictures sharp enough.

    Example:
        >>> use_theme()
        >>> plt.rcParams["figure.dpi"]
        120.0
    """
    sns.set_theme(style="ticks", palette=list(PALETTE), font_scale=0.9)
    plt.rcParams.update(
        {
            "figure.dpi": 120,
            "figure.figsize": (7.5, 3),
            "figure.constrained_layout.use": True,
            # matplotlib brings this font along, so a figure looks the same on every machine;
            # seaborn's first choice is a font that only some have.
            "font.family": ["DejaVu Sans"],
            "mathtext.fontset": "dejavusans",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlelocation": "left",
            "axes.titleweight": "bold",
        }
    )


def decibels(magnitude: ArrayLike, floor_db: float = FLOOR_DB) -> NDArray[np.float64]:
    """Magnitudes in dB below the largest one, cut at the floor.

    Args:
        magnitude: any shape, not negative.
        floor_db: the smallest value that is returned, in dB.

    Example:
        >>> decibels([[1.0, 0.1], [0.0, 0.5]]).round(1).tolist()
        [[0.0, -20.0], [-70.0, -6.0]]
    """
    values = np.abs(np.asarray(magnitude, dtype=np.float64))
    peak = values.max()
    if peak == 0:
        return np.full(values.shape, floor_db)
    return np.maximum(20 * np.log10(np.maximum(values / peak, 1e-12)), floor_db)


def waveform(
    wave: ArrayLike,
    rate: int,
    ax: Axes | None = None,
    *,
    title: str = "",
    start_s: float = 0.0,
    **line: Any,
) -> Axes:
    """Draw a wave over time.

    Args:
        wave: samples (sample,).
        rate: samples per second.
        ax: where to draw; new axes if not given.
        title: stands above.
        start_s: time of the first sample in seconds.
        **line: passed on to matplotlib's ``plot``.
    """
    ax = ax or plt.subplots()[1]
    samples = np.asarray(wave)
    line = {"linewidth": 0.6} | line
    ax.plot(start_s + np.arange(len(samples)) / rate, samples, **line)
    ax.set(xlabel="time (s)", ylabel="amplitude", title=title)
    ax.margins(x=0)
    return ax


def spectrogram(
    magnitude: ArrayLike,
    rate: int,
    hop: int,
    ax: Axes | None = None,
    *,
    title: str = "",
    frequencies: ArrayLike | None = None,
    floor_db: float = FLOOR_DB,
    colorbar: bool = False,
) -> Axes:
    """Draw magnitudes in dB over time and frequency.

    Args:
        magnitude: (freq, column), not negative.
        rate: samples per second.
        hop: distance of neighbouring columns in samples.
        ax: where to draw; new axes if not given.
        title: stands above.
        frequencies: (freq,) in Hz if rows are not evenly spaced from 0 to rate / 2; the axis then
            keeps the rows evenly spaced and labels some of them.
        floor_db: what is drawn as silence, in dB below the loudest point.
        colorbar: explain the colours beside the picture.

    Raises:
        ValueError: the magnitude is not two-dimensional, or there are not as many frequencies
            as rows.
    """
    values = np.asarray(magnitude)
    if values.ndim != 2:
        raise ValueError(f"a spectrogram is (freq, column), got {values.shape}")
    ax = ax or plt.subplots()[1]
    seconds = (values.shape[1] - 1) * hop / rate
    top = rate / 2 / 1000 if frequencies is None else values.shape[0]
    image = ax.imshow(
        decibels(values, floor_db),
        origin="lower",
        aspect="auto",
        cmap="magma",
        extent=(0.0, seconds, 0.0, top),
        interpolation="nearest",
        vmin=floor_db,
        vmax=0,
    )
    ax.set(xlabel="time (s)", ylabel="frequency (kHz)", title=title)
    if frequencies is not None:
        _label_rows(ax, np.asarray(frequencies, dtype=np.float64), values.shape[0])
    if colorbar:
        ax.figure.colorbar(image, ax=ax, label="level (dB)", pad=0.01)
    return ax


def _label_rows(ax: Axes, frequencies: NDArray[np.float64], rows: int) -> None:
    """Write round frequencies beside the rows that carry them."""
    if len(frequencies) != rows:
        raise ValueError(f"{rows} rows but {len(frequencies)} frequencies")
    wanted = [f for f in (125, 250, 500, 1000, 2000, 4000, 8000) if f <= frequencies[-1]]
    places = np.interp(wanted, frequencies, np.arange(rows) + 0.5)
    ax.set_yticks(places, [f"{f / 1000:g}" for f in wanted])


def mask(
    values: ArrayLike,
    rate: int,
    hop: int,
    ax: Axes | None = None,
    *,
    title: str = "",
    colorbar: bool = False,
) -> Axes:
    """Draw a mask in [0, 1]: dark keeps nothing, bright keeps everything.

    Args:
        values: (freq, column).
        rate: samples per second.
        hop: distance of neighbouring columns in samples.
        ax: where to draw; new axes if not given.
        title: stands above.
        colorbar: explain the colours beside the picture.

    Raises:
        ValueError: the mask is not two-dimensional.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2:
        raise ValueError(f"a mask is (freq, column), got {array.shape}")
    ax = ax or plt.subplots()[1]
    seconds = (array.shape[1] - 1) * hop / rate
    image = ax.imshow(
        array,
        origin="lower",
        aspect="auto",
        cmap=MASK_COLOURS,
        extent=(0.0, seconds, 0.0, array.shape[0]),
        interpolation="nearest",
        vmin=0,
        vmax=1,
    )
    ax.set(xlabel="time (s)", ylabel="row", title=title)
    if colorbar:
        ax.figure.colorbar(image, ax=ax, label="share kept", pad=0.01)
    return ax


def score_bars(
    scores: pd.DataFrame,
    ax: Axes | None = None,
    *,
    x: str = "player",
    y: str = "SDR (dB)",
    hue: str = "estimate",
    title: str = "",
) -> Axes:
    """Draw scores as grouped bars; groups differ by colour and by hatching, bars carry numbers.

    Where a bar stands for several rows it is their mean, with a 95 % bootstrap interval.

    Args:
        scores: one row per score, with the three columns named below.
        ax: where to draw; new axes if not given.
        x: column of the groups.
        y: column of the numbers, with its unit.
        hue: column that tells the bars of a group apart; the same as `x` where there are none.
        title: stands above.
    """
    ax = ax or plt.subplots()[1]
    # One bar a group stands on its label; left to itself, seaborn sets it aside where rows of the
    # column have no value.
    style: dict[str, Any] = {"edgecolor": "black", "linewidth": 0.8, "dodge": hue != x}
    sns.barplot(scores, x=x, y=y, hue=hue, ax=ax, seed=0, **style)
    legend = ax.get_legend()
    handles = legend.get_patches() if legend else []
    groups = cast(list[BarContainer], ax.containers)
    for group, hatch in zip(groups, HATCHES, strict=False):
        for bar in group:
            bar.set_hatch(hatch)
            _write_number(ax, bar)
    for handle, hatch in zip(handles, HATCHES, strict=False):
        handle.set_hatch(hatch)
    ax.axhline(0, color="black", linewidth=0.8)
    ax.margins(y=0.15)
    ax.set(title=title, xlabel="")
    if legend:
        sns.move_legend(ax, "upper left", bbox_to_anchor=(1, 1), frameon=False, title=None)
    return ax


def _write_number(ax: Axes, bar: Rectangle) -> None:
    """Write a bar's height at its end, beyond its error bar."""
    left, right, height = bar.get_x(), bar.get_x() + bar.get_width(), bar.get_height()
    inside = [
        np.asarray(line.get_ydata(), np.float64)
        for line in ax.lines
        if left < np.mean(np.asarray(line.get_xdata(), np.float64)) < right
    ]
    ends = [height, *(y for line in inside for y in line[np.isfinite(line)])]
    up = height >= 0
    ax.annotate(
        f"{height:.1f}",
        ((left + right) / 2, max(ends) if up else min(ends)),
        xytext=(0, 2 if up else -2),
        textcoords="offset points",
        ha="center",
        va="bottom" if up else "top",
        fontsize=8,
    )


def film_strip(
    frames: NDArray[np.uint8],
    times_s: Sequence[float],
    boxes: Mapping[str, ArrayLike] | None = None,
) -> Figure:
    """Show frames side by side, with the players' boxes and names.

    Args:
        frames: (frame, height, width, 3) RGB.
        times_s: time of each frame in seconds, written above it.
        boxes: name -> (frame, 4) boxes, (left, top, right, bottom) in pixels.

    Raises:
        ValueError: there are not as many times as frames.
    """
    if len(frames) != len(times_s):
        raise ValueError(f"{len(frames)} frames but {len(times_s)} times")
    figure, axes = plt.subplots(1, len(frames), figsize=(2.5 * len(frames), 2.8), squeeze=False)
    for k, (ax, frame, time) in enumerate(zip(axes[0], frames, times_s, strict=True)):
        ax.imshow(frame)
        ax.set(xticks=[], yticks=[], title=f"{time:.2f} s")
        sns.despine(ax=ax, left=True, bottom=True)
        for colour, (name, track) in zip(PALETTE, (boxes or {}).items(), strict=False):
            left, top, right, bottom = np.asarray(track)[k]
            ax.add_patch(
                Rectangle(
                    (left, top), right - left, bottom - top, fill=False, lw=2, edgecolor=colour
                )
            )
            ax.text(left + 2, top + 2, name, color="white", va="top", fontsize=7).set_bbox(
                {"facecolor": colour, "edgecolor": "none", "pad": 1.5}
            )
    return figure
