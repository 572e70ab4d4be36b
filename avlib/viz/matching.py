"""Online matching, replayed: masks, numbers and sounds after each number of steps."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from avlib.viz.component import (
    Component,
    audio_list,
    checked_tracks,
    figure,
    json_block,
    script,
    unique_id,
)
from avlib.viz.film import choice, transport
from avlib.viz.pieces import short
from avlib.viz.players import equally_loud
from avlib.viz.replay import Snapshot, check_snapshots, curve_html, replay_poster, snapshot_html
from avlib.viz.rich import plain


@dataclass(frozen=True)
class Stage:
    """What a pair is separated into after some steps of matching.

    Attributes:
        steps: how many; 0: without matching.
        masks: player -> (freq, column) in [0, 1], the lowest frequency first.
        waves: player -> samples (sample,) of the separated sound.
        sdr_db: player -> score in dB.
    """

    steps: int
    masks: Mapping[str, ArrayLike]
    waves: Mapping[str, ArrayLike]
    sdr_db: Mapping[str, float]


def matching_replay(
    stages: Sequence[Stage],
    losses: Sequence[float],
    mixture: ArrayLike,
    truth: Mapping[str, ArrayLike],
    rate: int,
    label: str,
    description: str = "",
) -> Component:
    """Slide through the steps of online matching, and hear each beside what was before.

    All sounds run on one clock: a switch between a player's sound after the steps, without
    matching, and the true one changes nothing but the version. All are equally loud, because
    louder sounds better. The masks change little, so that how much they changed is drawn beside
    them. Without scripts all stages stand below each other, and every sound has its own player.

    Args:
        stages: at least two, steps increasing, the first with 0 steps, all with the same players.
        losses: L_cs before the first step and after each, as many as the last stage's steps and 1.
        mixture: samples (sample,).
        truth: player -> samples (sample,) of the true sound.
        rate: samples per second.
        label: the name that stands above it.
        description: a sentence that stands below it.

    Raises:
        ValueError: the stages, the losses and the truth do not fit together, or a wave is none.

    Example:
        >>> wave, mask = np.sin(np.arange(1000.0)), np.full((4, 4), 0.5)
        >>> two = [Stage(t, {"flute": mask}, {"flute": wave}, {"flute": 1.0 + t}) for t in (0, 1)]
        >>> matching_replay(two, [3.0, 2.5], wave, {"flute": wave}, 11025, "A pair").text
        'Replay of online matching: A pair. Steps 0 to 1. L_cs: 3 to 2.5. Mean SDR: 1 to 2 dB.'
    """
    players = list(truth)
    _check(stages, losses, players)
    snapshots, change = _snapshots(stages, losses), _changes(losses)
    check_snapshots(snapshots, {}, None)
    steps = [stage.steps for stage in stages]
    means = [float(np.mean(list(stage.sdr_db.values()))) for stage in stages]
    curves = {"change of the loss, thousandths": change, "mean SDR (dB)": means}
    waves = _tracks(stages, mixture, truth)
    seconds = len(next(iter(waves.values()))) / rate
    name = unique_id("matching", label, description, *players)
    bar = (
        f'<div class="avl-bar" hidden><label for="{name}-at">Matching</label>'
        f'<input type="range" id="{name}-at" min="0" max="{len(steps) - 1}" step="1" value="0">'
        f'<output for="{name}-at"></output>'
        '<button type="button" class="avl-quiet avl-run">Run through</button></div>'
    )
    shots = "".join(snapshot_html(shot, k, "") for k, shot in enumerate(snapshots))
    versions = ("after these steps", "without matching", "the true sound")
    body = (
        f'<div class="avl-curves">{"".join(curve_html(k, v, steps) for k, v in curves.items())}'
        f'</div>{bar}<div class="avl-shots">{shots}</div>{transport(seconds)}'
        + choice(f"{name}-whose", "Listen to", ["mixture", *players], "avl-tracks avl-whose")
        + choice(f"{name}-version", "Version", versions, "avl-tracks avl-version")
        + audio_list(waves, rate, "Each sound on its own")
        + json_block({"steps": steps, "curves": curves})
        + json_block({"players": len(players)}, "avl-voices")
        + script(name, "replay.js")
    )
    whole = figure(
        "replay avl-matching",
        name,
        plain(label),
        body,
        " ".join(part for part in ("All are played equally loud.", plain(description)) if part),
        scripts=("deck.js", "matching.js"),
        styles=("replay.css",),
        data={"seconds": f"{seconds:.3f}"},
    )
    text = (
        f"Replay of online matching: {plain(label)}. Steps {steps[0]} to {steps[-1]}. "
        f"L_cs: {short(losses[0])} to {short(losses[-1])}. "
        f"Mean SDR: {short(means[0])} to {short(means[-1])} dB."
    )
    text += f" {plain(description)}" if description else ""
    return Component(whole, text, lambda: replay_poster(snapshots, curves))


def _check(stages: Sequence[Stage], losses: Sequence[float], players: list[str]) -> None:
    """Raise an error that says which stage does not fit."""
    if len(stages) < 2 or stages[0].steps != 0:
        raise ValueError("a replay needs the stage of 0 steps first, and at least one more")
    steps = [stage.steps for stage in stages]
    if steps != sorted(set(steps)):
        raise ValueError(f"the stages' steps must increase; got {steps}")
    if len(losses) != stages[-1].steps + 1 or not all(map(math.isfinite, losses)):
        raise ValueError(
            f"{stages[-1].steps} steps have {stages[-1].steps + 1} values of L_cs, all finite; "
            f"got {len(losses)}"
        )
    for stage in stages:
        for what in ("masks", "waves", "sdr_db"):
            if list(getattr(stage, what)) != players:
                raise ValueError(
                    f"the {what} of step {stage.steps} are those of "
                    f"{', '.join(getattr(stage, what))}; the true sounds, of {', '.join(players)}"
                )


def _changes(losses: Sequence[float]) -> list[float]:
    """How far L_cs fell, in thousandths: with a mean distance it falls in its fourth digit."""
    return [1000 * (float(loss) - float(losses[0])) for loss in losses]


def _snapshots(stages: Sequence[Stage], losses: Sequence[float]) -> list[Snapshot]:
    """Masks and how far they moved, L_cs and scores."""
    masks = [
        {name: np.asarray(mask, np.float64)[::-1] for name, mask in stage.masks.items()}
        for stage in stages
    ]
    moved = [{name: np.abs(own[name] - masks[0][name]) for name in own} for own in masks]
    largest = max(float(change.max()) for own in moved for change in own.values()) or 1.0
    shots = []
    for stage, own, change in zip(stages, masks, moved, strict=True):
        pictures = {f"{name}: mask": mask for name, mask in own.items()}
        pictures |= {
            f"{name}: change since step 0 (brightest: {short(largest)})": part / largest
            for name, part in change.items()
        }
        numbers = {"L_{cs}": float(losses[stage.steps])}
        numbers |= {f"SDR of {name} (dB)": float(sdr) for name, sdr in stage.sdr_db.items()}
        shots.append(Snapshot(stage.steps, pictures, numbers))
    return shots


def _tracks(
    stages: Sequence[Stage], mixture: ArrayLike, truth: Mapping[str, ArrayLike]
) -> dict[str, np.ndarray]:
    """Mixture, true sounds, and stage by stage what was separated, in the script's order."""
    tracks: dict[str, ArrayLike] = {"mixture": mixture}
    tracks |= {f"{name}, true": wave for name, wave in truth.items()}
    for stage in stages:
        tracks |= {f"{name}, step {stage.steps}": wave for name, wave in stage.waves.items()}
    return dict(zip(tracks, equally_loud(checked_tracks(tracks)), strict=True))
