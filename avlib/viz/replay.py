"""A training, replayed from stored checkpoints: curves with a marker, pictures, numbers, sound."""

import html
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from numpy.typing import ArrayLike

from avlib.viz.component import (
    Component,
    attribute,
    audio_element,
    checked_tracks,
    figure,
    joint_gain,
    json_block,
    unique_id,
)
from avlib.viz.pieces import drawn, packed, pixels, short
from avlib.viz.rich import plain, rich

WIDTH, HEIGHT = 600.0, 100.0
"""Size of a curve's drawing, in its own units; a page stretches it."""


@dataclass(frozen=True)
class Snapshot:
    """What is shown of one checkpoint.

    Attributes:
        step: training step after which it was stored.
        pictures: name -> (height, width) in [0, 1], row 0 on top, or (height, width, 3).
        numbers: name -> value, for example a loss or a score.
        wave: samples (sample,) of what this checkpoint makes, or None.
    """

    step: int
    pictures: Mapping[str, ArrayLike] = field(default_factory=dict)
    numbers: Mapping[str, float | int] = field(default_factory=dict)
    wave: ArrayLike | None = None


def train_replay(
    snapshots: Sequence[Snapshot],
    curves: Mapping[str, Sequence[float | int]],
    label: str,
    description: str = "",
    rate: int | None = None,
) -> Component:
    """Slide through the checkpoints of a training.

    Sounds keep their proportions, so that a checkpoint that lets less through is heard as quieter.
    Without scripts all checkpoints stand below each other.

    Args:
        snapshots: at least two, steps increasing, all with the same pictures and numbers, all or
            none with a wave.
        curves: name -> values: one per snapshot, drawn at its step, or any other number of them,
            drawn evenly from the first snapshot's step to the last's.
        label: the name that stands above it.
        description: a sentence that stands below it.
        rate: samples per second; needed with waves.

    Raises:
        ValueError: the snapshots do not fit together, or a curve is empty or not finite.

    Example:
        >>> two = [Snapshot(0, numbers={"loss": 0.7}), Snapshot(100, numbers={"loss": 0.4})]
        >>> train_replay(two, {"loss": [0.7, 0.4]}, "A training").text
        'Replay of a training: A training. 2 checkpoints, steps 0 to 100. loss: 0.7 to 0.4.'
    """
    check_snapshots(snapshots, curves, rate)
    name = unique_id("replay", label, *curves)
    steps = [snapshot.step for snapshot in snapshots]
    sounds = _sounds(snapshots, rate)
    shots = "".join(snapshot_html(shot, k, sounds[k]) for k, shot in enumerate(snapshots))
    bar = (
        f'<div class="avl-bar" hidden><label for="{name}-at">Checkpoint</label>'
        f'<input type="range" id="{name}-at" min="0" max="{len(steps) - 1}" step="1" value="0">'
        f'<output for="{name}-at"></output>'
        '<button type="button" class="avl-quiet avl-run">Run through</button></div>'
    )
    drawings = "".join(curve_html(key, values, steps) for key, values in curves.items())
    lines = {key: [float(v) for v in values] for key, values in curves.items()}
    body = (
        f'<div class="avl-curves">{drawings}</div>{bar}<div class="avl-shots">{shots}</div>'
        + json_block({"steps": steps, "curves": lines})
    )
    whole = figure(
        "replay",
        name,
        plain(label),
        body,
        plain(description),
        scripts=("replay.js",),
        styles=("replay.css",),
    )
    told = [f"{plain(k)}: {short(v[0])} to {short(v[-1])}." for k, v in curves.items()]
    text = " ".join(
        [
            f"Replay of a training: {plain(label)}.",
            f"{len(steps)} checkpoints, steps {steps[0]} to {steps[-1]}.",
            *told,
            *([plain(description)] if description else []),
        ]
    )
    return Component(whole, text, lambda: replay_poster(snapshots, curves))


def check_snapshots(
    snapshots: Sequence[Snapshot],
    curves: Mapping[str, Sequence[float | int]],
    rate: int | None,
) -> None:
    """Raise an error that names the snapshot or the curve that does not fit."""
    if len(snapshots) < 2:
        raise ValueError(f"a replay needs at least two snapshots, got {len(snapshots)}")
    first = snapshots[0]
    for before, after in itertools.pairwise(snapshots):
        where = f"the snapshot of step {after.step}"
        if after.step <= before.step:
            raise ValueError(f"{where} follows that of step {before.step}: steps must increase")
        for what in ("pictures", "numbers"):
            if list(getattr(after, what)) != list(getattr(first, what)):
                raise ValueError(f"{where} has other {what} than the first")
        if (after.wave is None) != (first.wave is None):
            raise ValueError(f"{where}: either all snapshots have a wave or none")
    if first.wave is not None and rate is None:
        raise ValueError("snapshots with waves need their rate, in samples per second")
    for shot in snapshots:
        if not all(map(math.isfinite, shot.numbers.values())):
            raise ValueError(f"the snapshot of step {shot.step} has numbers that are not finite")
    for name, values in curves.items():
        if len(values) < 2 or not all(map(math.isfinite, values)):
            raise ValueError(f"the curve {name!r} needs at least two values, all finite")


def _sounds(snapshots: Sequence[Snapshot], rate: int | None) -> list[str]:
    """A player for each snapshot, or nothing; all waves by one gain."""
    tracks = {f"Step {shot.step}": shot.wave for shot in snapshots if shot.wave is not None}
    if not tracks or rate is None:
        return [""] * len(snapshots)
    waves = joint_gain(checked_tracks(tracks))
    return [audio_element(wave, rate, key) for key, wave in zip(tracks, waves, strict=True)]


def snapshot_html(shot: Snapshot, k: int, sound: str) -> str:
    """Pictures, numbers and sound of one snapshot."""
    pictures = ""
    for name, picture in shot.pictures.items():
        told = f"step {shot.step}, {plain(name)}"
        uri = packed(picture, told)
        pictures += (
            f'<div class="avl-view"><img alt="{attribute(told)}" src="{uri}">'
            f"<span>{rich(name)}</span></div>"
        )
    numbers = "".join(
        f"<div><dt>{rich(name)}</dt><dd>{short(value)}</dd></div>"
        for name, value in shot.numbers.items()
    )
    numbers = f'<dl class="avl-numbers">{numbers}</dl>' if numbers else ""
    return (
        f'<div class="avl-shot" data-k="{k}"><p class="avl-title">Step {shot.step:,}</p>'
        f'<div class="avl-views">{pictures}</div>{numbers}{sound}</div>'
    )


def curve_points(values: Sequence[float | int], steps: Sequence[int]) -> list[tuple[float, float]]:
    """Where a curve runs: (step, value) for each value.

    Args:
        values: one per step of `steps`, or another number of them, spread evenly over their range.
        steps: steps of the snapshots.

    Example:
        >>> curve_points([3.0, 2.0, 1.0], [0, 100])
        [(0.0, 3.0), (50.0, 2.0), (100.0, 1.0)]
    """
    if len(values) == len(steps):
        at = [float(step) for step in steps]
    else:
        stride = (steps[-1] - steps[0]) / (len(values) - 1)
        at = [steps[0] + k * stride for k in range(len(values))]
    return [(x, float(y)) for x, y in zip(at, values, strict=True)]


def curve_html(name: str, values: Sequence[float | int], steps: Sequence[int]) -> str:
    """One curve as a drawing that stretches with the page, its labels as text beside it."""
    points = curve_points(values, steps)
    low, high = min(values), max(values)
    spread = (high - low) or 1.0
    length = steps[-1] - steps[0]
    path = " ".join(
        f"{(x - steps[0]) / length * WIDTH:.2f},{(1 - (y - low) / spread) * HEIGHT:.2f}"
        for x, y in points
    )
    told = f"Curve of {plain(name)} over the training: from {short(values[0])} to "
    told += f"{short(values[-1])}, between {short(low)} and {short(high)}."
    return (
        f'<div class="avl-curve" data-name="{attribute(name)}">'
        f'<p class="avl-name">{rich(name)} <output></output></p>'
        f'<div class="avl-plot"><span class="avl-high">{short(high)}</span>'
        f'<span class="avl-low">{short(low)}</span>'
        f'<svg viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" preserveAspectRatio="none" role="img" '
        f'aria-label="{html.escape(told, quote=True)}"><polyline points="{path}"/></svg>'
        '<span class="avl-line" hidden></span><span class="avl-dot" hidden></span></div></div>'
    )


def replay_poster(
    snapshots: Sequence[Snapshot], curves: Mapping[str, Sequence[float | int]]
) -> bytes:
    """Curves on top, first and last snapshot's pictures below."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    ends = [snapshots[0], snapshots[-1]]
    names = list(ends[0].pictures)
    rows = [1.0] * len(curves) + [1.8] * (2 if names else 0)
    drawing = Figure(figsize=(7, 1.2 * sum(rows) + 0.2), layout="constrained")
    FigureCanvasAgg(drawing)
    grid = drawing.add_gridspec(max(1, len(rows)), max(1, len(names)), height_ratios=rows or [1])
    steps = [shot.step for shot in snapshots]
    for row, (name, values) in enumerate(curves.items()):
        axis = drawing.add_subplot(grid[row, :])
        axis.plot(*zip(*curve_points(values, steps), strict=True), color="#0b5c7d")
        axis.set_title(plain(name), fontsize=8, parse_math=False)
        axis.tick_params(labelsize=7)
    for row, shot in enumerate(ends if names else [], len(curves)):
        for column, name in enumerate(names):
            axis = drawing.add_subplot(grid[row, column])
            axis.imshow(pixels(shot.pictures[name], name), aspect="auto")
            axis.set_title(f"step {shot.step}: {plain(name)}", fontsize=8, parse_math=False)
            axis.axis("off")
    return drawn(drawing)
