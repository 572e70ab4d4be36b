"""A kinematic player whose pose follows the notes by playing technique."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from avlib.orchestra.instruments import instrument as find
from avlib.orchestra.performer.body import Body, idle_of
from avlib.orchestra.performer.look import Look, look_of
from avlib.orchestra.performer.person import draw_arm, draw_person
from avlib.orchestra.performer.rig import Rig
from avlib.orchestra.performer.timeline import Timeline
from avlib.orchestra.score import Note
from avlib.orchestra.shapes import FRAMING, HOLDS
from avlib.orchestra.sketch import Sketch

__all__ = ["Performance", "perform"]


@dataclass(frozen=True)
class Performance:
    """One player over time, in units of the player's square (x right, y down, 0 to 1).

    Attributes:
        sketch: the shapes of person, instrument and furniture.
        joints: the 60 joints (`avlib.skeleton`) as x + 1j * y.
        look: the player's appearance.
        zoom: enlargement that lets the drawing fill the middle 80% of the square.
        middle: point of the drawing that belongs in the middle of the square.
    """

    sketch: Sketch
    joints: Complex[np.ndarray, "frame joint"]
    look: Look
    zoom: float
    middle: complex


def perform(
    instrument: str,
    player: int,
    notes: Sequence[Note],
    times: Float[np.ndarray, " frame"],
    seconds: float | int,
    rng: np.random.Generator,
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0),
    expression: float | int = 0.0,
    transpose: int = 0,
) -> Performance:
    """Move one player through the notes.

    Args:
        instrument: a label of `INSTRUMENTS`.
        player: identity number; look and proportions are a pure function of (instrument, player).
        notes: what is played; none for a player who is present but silent.
        times: seconds of the frames wanted; motion is a function of continuous time.
        seconds: length of the scene (blinks are spread over it).
        rng: draws the idle life (sway, gaze, blinks), which follows no note.
        tint: lighting, multiplied into all colours.
        expression: how far head and shoulders rise with the pitch, see `make_scene`.
        transpose: semitones by which the notes sound higher than they are written.
    """
    hold, stance = HOLDS[instrument]
    look = look_of(instrument, player)
    timeline = Timeline(notes, find(instrument), times)
    body = Body(stance, look, timeline, idle_of(times, seconds, rng), expression, transpose)
    sketch = Sketch(len(times), tint)
    rig = Rig(sketch, body, look, timeline)
    hold(rig)
    blown = find(instrument).technique == "blown"
    draw_person(sketch, body, timeline.level() if blown else timeline.zero)
    arms = []
    for side, grip, bend, fixed in (
        ("right", rig.right, rig.bend_right, rig.elbow_right),
        ("left", rig.left, rig.bend_left, rig.elbow_left),
    ):
        if grip is None:
            raise RuntimeError(f"the hold of {instrument!r} leaves the {side} hand nowhere")
        # nobody keeps a hand quite still, not even over a thing that stands on the floor
        grip.palm = grip.palm + 0.35 * body.sway * (1 if side == "right" else -1j)
        elbow, wrist, hand = body.arm(grip, side, bend, fixed)
        draw_arm(sketch, body, side, elbow, hand, grip)
        arms.append((elbow, wrist, hand))
    zoom, x, y = FRAMING[instrument]
    return Performance(sketch, body.joints(arms[0], arms[1]), look, zoom, x + 1j * y)
