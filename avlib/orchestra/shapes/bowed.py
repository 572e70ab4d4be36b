"""Violin, cello, erhu: the bow's stroke reverses with each note, the left hand goes with pitch."""

from typing import Any

import numpy as np

from avlib.orchestra.curves import Real, box, ellipse, mirrored, smooth, turn
from avlib.orchestra.performer.body import Grip
from avlib.orchestra.performer.rig import EBONY, IVORY, Rig, blend, heading

# Outline with a waist, from the tail (x = 0) to the neck (x = 1); one unit = body length.
_WAISTED = smooth(
    mirrored(
        [
            0.0,
            0.03 + 0.2j,
            0.15 + 0.31j,
            0.3 + 0.28j,
            0.385 + 0.21j,
            0.46 + 0.175j,
            0.55 + 0.2j,
            0.65 + 0.235j,
            0.78 + 0.25j,
            0.92 + 0.18j,
            0.985 + 0.07j,
            1.0,
        ]
    ),
    3,
)
_F_HOLE = np.array([0.34 + 0.11j, 0.37 + 0.135j, 0.45 + 0.11j, 0.53 + 0.085j, 0.56 + 0.11j])


def _fiddle(rig: Rig, z: Real, origin: np.ndarray, along: np.ndarray, size: Real) -> None:
    """Draw a body with waist, neck, scroll, strings; ``origin`` is the tail."""
    put: dict[str, Any] = {"origin": origin, "direction": along}
    rig.part(z, _WAISTED * size, **put)
    rig.strings(z + 0.02, [_F_HOLE * size, _F_HOLE.conj() * size], **put, width=0.008, colour=EBONY)
    neck = np.array([0.55 + 0.045j, 1.62 + 0.03j, 1.62 - 0.03j, 0.55 - 0.045j]) * size
    rig.part(z + 0.05, neck, **put, colour=rig.board)
    scroll = smooth(np.array([1.6 + 0.04j, 1.78 + 0.045j, 1.88, 1.78 - 0.045j, 1.6 - 0.04j]), 3)
    rig.part(z + 0.06, scroll * size, **put)
    pegs = [np.array([x - 0.1j, x + 0.1j]) * size for x in (1.66, 1.75)]
    rig.strings(z + 0.04, pegs, **put, width=0.012, colour=EBONY)
    rig.part(z + 0.05, box(0.05, -0.05, 0.25, 0.05) * size, **put, colour=rig.board)
    strings = [np.array([0.2 + 1j * y, 1.62 + 0.6j * y]) * size for y in (-0.027, 0.027)]
    rig.strings(z + 0.07, strings, **put)
    rig.strings(z + 0.08, [np.array([0.36 - 0.08j, 0.36 + 0.08j]) * size], **put, width=0.012)


def _bow(
    rig: Rig,
    z: Real,
    contact: np.ndarray,
    along: np.ndarray,
    length: Real,
    lift: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a bow whose hair crosses ``contact``; returns (frog (frame,), playing part)."""
    stroke = (rig.timeline.bow() + 1) / 2  # 0 frog at the string, 1 tip at the string
    near = length * (0.14 + 0.72 * stroke)
    frog = contact - along * near + lift
    stick = np.array([-0.03, 0.2 - 0.02j, 0.6 - 0.03j, 0.97 - 0.035j, 1.0 + 0.01j]) * length
    hair = np.array([0.03 + 0.012j, 1.0 + 0.012j]) * length
    rig.strings(z, [stick], frog, along, 0.017, (70, 34, 24))
    rig.strings(z + 0.01, [hair], frog, along, 0.012, IVORY)
    rig.part(z + 0.02, box(0.0, -0.01, 0.07, 0.05) * length, frog, along, EBONY)
    return frog, stroke


def violin(rig: Rig) -> None:
    """Held between chin and shoulder, the neck to the player's left."""
    t, body = rig.timeline, rig.body
    on, pitch = t.active(), t.pitch()
    along = heading(30, 8, on)
    tail = blend(body.neck + 0.01 + 0.07j, body.neck + 0.01 - 0.005j, on)
    size = 0.26
    _fiddle(rig, 5.0, tail, along, size)
    bow_dir = heading(-25, -56, on)
    contact = tail + along * size * 0.62
    frog, _ = _bow(rig, 6.0, contact, bow_dir, 0.40, blend(-0.10 + 0.13j, 0.0, on))
    rig.right = Grip(frog, bow_dir * turn(-25), rig.curl(0.65), flip=-1, z=7)
    stop = size * (1.55 - 0.45 * pitch)
    down = t.fingers(4)
    rig.left = Grip(
        tail + along * stop + along * 1j * 0.045,
        along * turn(-78),
        rig.curl(0.35, *(0.5 * down.T)),
        flip=1,
        z=5.6,
    )
    rig.bend_right, rig.bend_left = 1.0, -1.0


def cello(rig: Rig) -> None:
    """Between the knees, the neck beside the head, the bow level."""
    t, body = rig.timeline, rig.body
    on, pitch = t.active(), t.pitch()
    along = heading(-80, -80, on)
    size = 0.37
    tail = body.stance.x + 0.015 + 0.865j + 0.0 * body.sway
    rig.strings(4.9, [np.array([0.0, -0.035])], tail, along, 0.014, EBONY)
    _fiddle(rig, 5.0, tail, along, size)
    bow_dir = heading(35, 8, on)
    contact = tail + along * size * 0.52
    frog, _ = _bow(rig, 6.0, contact, bow_dir, 0.37, blend(0.02 + 0.06j, 0.0, on))
    rig.right = Grip(frog, bow_dir * turn(25), rig.curl(0.6), flip=-1, z=7)
    stop = size * (1.55 - 0.6 * pitch)
    down = t.fingers(4)
    rig.left = Grip(
        tail + along * stop + 0.02,
        turn(205) + 0 * along,
        rig.curl(0.35, *(0.5 * down.T)),
        flip=1,
        z=7,
    )
    rig.bend_right, rig.bend_left = 1.0, -1.0


def erhu(rig: Rig) -> None:
    """A small drum on the thigh, a long thin neck, two big pegs, the bow level."""
    t, body = rig.timeline, rig.body
    on, pitch = t.active(), t.pitch()
    up = heading(-86, -86, on)
    foot = body.stance.x + 0.075 + 0.71j + 0.3 * body.sway
    drum = np.exp(2j * np.pi * (np.arange(6) + 0.5) / 6)
    shape = drum.real * 0.085 + 1j * drum.imag * 0.075
    rig.pipe(5.0, np.array([0.0, 0.60]), np.array([0.024, 0.018]), foot, up)
    tip = np.array([0.56, 0.60, 0.615 + 0.02j, 0.60 + 0.045j])
    rig.pipe(5.01, tip, np.array([0.02, 0.026, 0.026, 0.02]), foot, up)
    rig.part(5.2, shape, foot)
    rig.part(5.21, shape * 0.68, foot, colour=rig.pale)
    for x in (0.47, 0.53):
        peg = np.array([x + 0.02j, x - 0.035j, x - 0.09j])
        rig.pipe(5.05, peg, np.array([0.016, 0.018, 0.032]), foot, up, colour=rig.look.trim)
    lines = [np.array([0.0 - 0.012j, 0.5 - 0.016j]), np.array([0.0 - 0.004j, 0.5 - 0.008j])]
    rig.strings(5.3, lines, foot, up)
    rig.strings(5.3, [np.array([0.40 - 0.02j, 0.40 + 0.014j])], foot, up, 0.01)
    bow_dir = heading(38, 4, on)
    contact = foot + up * 0.085
    frog, _ = _bow(rig, 6.0, contact, bow_dir, 0.36, blend(0.02 + 0.05j, 0.0, on))
    rig.right = Grip(frog, bow_dir * turn(15), rig.curl(0.6), flip=-1, z=7)
    stop = 0.38 - 0.22 * pitch
    down = t.fingers(4)
    rig.left = Grip(
        foot + up * stop + 0.03, turn(205) + 0 * up, rig.curl(0.35, *(0.5 * down.T)), flip=1, z=7
    )
    rig.bend_right, rig.bend_left = 1.0, -1.0
    rig.part(5.22, ellipse(0.012, count=8), foot, colour=EBONY)
