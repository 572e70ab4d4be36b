"""Trumpet, trombone, horn, tuba: breath lifts the bell, valves or slide go with pitch."""

from typing import Any

import numpy as np

from avlib.orchestra.curves import Real, box, ellipse, place, smooth, turn
from avlib.orchestra.performer.body import Grip
from avlib.orchestra.performer.rig import EBONY, Rig, blend, edge_of


def _loop(x0: Real, x1: Real, y0: Real, y1: Real) -> np.ndarray:
    """Rounded rectangle, as a closed line."""
    r = min(x1 - x0, y1 - y0) / 2
    left = x0 + r + 1j * (y0 + y1) / 2 + r * np.exp(1j * np.linspace(0.5, 1.5, 10) * np.pi)
    right = x1 - r + 1j * (y0 + y1) / 2 + r * np.exp(1j * np.linspace(-0.5, 0.5, 10) * np.pi)
    return np.concatenate([left, right])


def _rings(rig: Rig, z: Real, line: np.ndarray, width: Real, put: dict) -> None:
    """A closed bent tube."""
    step = np.roll(line, -1) - np.roll(line, 1)
    side = 1j * step / np.abs(step) * (width / 2)
    contours = [place(line + s, put["origin"], put["direction"]) for s in (side, -side)]
    rig.sketch.fill(z, contours, rig.look.finish, edge_of(rig.look.finish))


def _valve_hand(
    rig: Rig, at: np.ndarray, down: np.ndarray, towards: np.ndarray, flip: Real
) -> Grip:
    """A hand over three valves; a pressed valve bends its finger."""
    palm = at + 0.0j
    return Grip(palm, towards, rig.curl(0.15, *(0.95 * down).T), flip=flip, z=7.2)


def trumpet(rig: Rig) -> None:
    """A flat loop of tube pointed to the side, three upright valves, a flared bell."""
    t, body = rig.timeline, rig.body
    on = t.active()
    along = np.exp(1j * np.deg2rad(blend(135, 171, on).real + 0.9 * t.effort()))
    origin = blend(body.mouth + 0.12j, body.mouth, on)
    put: dict[str, Any] = {"origin": origin, "direction": along}
    # +y of the shape is up on the screen, because the instrument points to the left
    bell = np.array([0.1, 0.2, 0.3, 0.36, 0.40, 0.425])
    _rings(rig, 5.0, _loop(0.09, 0.335, -0.062, 0.012), 0.016, put)
    rig.pipe(5.1, bell, np.array([0.018, 0.02, 0.03, 0.05, 0.09, 0.15]), **put)
    rig.pipe(
        5.1,
        np.array([0.0, 0.012, 0.03, 0.12]),
        np.array([0.036, 0.034, 0.014, 0.016]),
        **put,
        colour=rig.look.trim,
    )
    rig.part(5.12, 0.425 + ellipse(0.014, 0.076, 14), **put, colour=rig.deep)
    down = t.valves()
    for k, x in enumerate((0.165, 0.203, 0.241)):
        rig.part(5.2, box(x - 0.015, -0.075, x + 0.015, 0.03), **put)
        cap = 0.062 - 0.026 * down[:, k]
        stem = np.stack([x + 0.03j + 0 * cap, x + 1j * cap], 1)
        placed = origin[:, None] + along[:, None] * stem
        rig.sketch.lines(5.19, [placed], 0.012, rig.look.trim)
        button = placed[:, 1:] + along[:, None] * np.array([-0.012, 0.012])
        rig.sketch.lines(5.21, [button], 0.016, rig.look.trim)
    rig.right = _valve_hand(rig, origin + along * (0.195 + 0.085j), down, along * turn(-105), 1)
    rig.left = Grip(origin + along * (0.19 - 0.075j), along * turn(88), rig.curl(0.45), flip=-1)
    rig.bend_right, rig.bend_left = -1.0, -1.0


def trombone(rig: Rig) -> None:
    """Two long parallel tubes that slide out with pitch, a bell beside the head."""
    t, body = rig.timeline, rig.body
    on = t.active()
    along = np.exp(1j * np.deg2rad(blend(138, 161, on).real + 0.6 * t.effort()))
    origin = blend(body.mouth + 0.08j, body.mouth, on)
    put: dict[str, Any] = {"origin": origin, "direction": along}
    out = 0.22 * (1 - t.pitch(rest=1.0))
    bend = _loop(-0.15, 0.1, 0.03, 0.105)
    _rings(rig, 2.5, bend, 0.018, put)
    bell = np.array([-0.08, 0.1, 0.2, 0.26, 0.295, 0.315])
    rig.pipe(5.15, bell + 0.105j, np.array([0.018, 0.024, 0.04, 0.07, 0.12, 0.18]), **put)
    rig.part(5.16, 0.315 + 0.105j + ellipse(0.016, 0.09, 14), **put, colour=rig.deep)
    rig.pipe(
        5.1,
        np.array([0.0, 0.012, 0.03, 0.36]),
        np.array([0.038, 0.036, 0.014, 0.014]),
        **put,
        colour=rig.look.trim,
    )
    rig.pipe(5.1, np.array([0.06, 0.36]) - 0.062j, 0.014, **put, colour=rig.look.trim)
    tip = origin + along * out
    _rings(rig, 5.2, _loop(0.16, 0.46, -0.07, 0.008), 0.019, {"origin": tip, "direction": along})
    rig.strings(5.22, [np.array([0.18 + 0.0j, 0.18 - 0.06j])], tip, along, 0.015, rig.look.trim)
    rig.strings(
        5.12, [np.array([0.065 + 0.1j, 0.065 - 0.06j])], **put, width=0.015, colour=rig.look.trim
    )
    rig.right = Grip(tip + along * (0.18 - 0.045j), along * turn(60), rig.curl(0.5), flip=-1, z=7.2)
    rig.left = Grip(origin + along * (0.06 - 0.045j), along * turn(85), rig.curl(0.5), flip=-1)
    rig.bend_right, rig.bend_left = -1.0, -1.0


def horn(rig: Rig) -> None:
    """A round coil on the lap, a very wide bell with the right hand in it."""
    t, body = rig.timeline, rig.body
    on, level = t.active(), t.level()
    centre = body.stance.x - 0.02 + 0.595j + 0.7 * body.sway + 0.05j * (1 - on)
    tilt = np.exp(1j * np.deg2rad(blend(-12, 0, on).real + 0.9 * t.effort()))
    put: dict[str, Any] = {"origin": centre, "direction": tilt}
    knees = [
        0.12 - 0.01j,
        0.07 + 0.10j,
        -0.03 + 0.125j,
        -0.11 + 0.10j,
        -0.15 + 0.075j,
        -0.175 + 0.065j,
    ]
    throat = smooth(np.array(knees), 4, closed=False)
    width = np.interp(
        np.arange(len(throat)) / 4, np.arange(6), [0.025, 0.04, 0.06, 0.095, 0.15, 0.235]
    )
    for radius in (0.13, 0.092, 0.054):
        _rings(rig, 5.0 + radius * 0.1, ellipse(radius, count=28), 0.019, put)
    rig.pipe(5.1, throat, width, **put)
    rig.part(5.12, -0.185 + 0.06j + ellipse(0.085, 0.128, 24) * turn(-8), **put)
    rig.part(5.13, -0.185 + 0.06j + ellipse(0.066, 0.108, 24) * turn(-8), **put, colour=rig.deep)
    rig.part(5.14, -0.165 + 0.055j + ellipse(0.026, 0.045, 16) * turn(-8), **put, colour=EBONY)
    lips = blend(body.mouth + 0.05j, body.mouth, on)
    side = centre + tilt * (0.125 - 0.02j)
    lead = np.stack([lips, 0.6 * lips + 0.4 * side + 0.045 - 0.01j, side + 0.02 - 0.05j, side], 1)
    rig.sketch.lines(5.2, [lead], 0.025, rig.deep)
    rig.sketch.lines(5.21, [lead], 0.014, rig.look.finish)
    cup = np.stack([lips, lips * 0.93 + 0.07 * side], 1)
    rig.sketch.lines(5.22, [cup], 0.034, rig.look.trim)
    down = t.valves()
    levers = [np.array([0.05 + 0.03j * k, 0.13 + 0.03j * k]) for k in (-1, 0, 1)]
    rig.strings(5.3, levers, **put, width=0.017, colour=rig.look.trim)
    rig.left = _valve_hand(rig, centre + tilt * (0.135 + 0.0j), down, tilt * turn(190), 1)
    open_hand = -0.20 + 0.075j - 0.03 * level
    rig.right = Grip(
        centre + tilt * open_hand, tilt * turn(5), rig.curl(0.3 - 0.15 * level), flip=1, z=5.3
    )
    rig.bend_right, rig.bend_left = 1.0, -1.0


def tuba(rig: Rig) -> None:
    """The biggest: an upright oval coil on the lap, a bell wider than the head up beside it."""
    t, body = rig.timeline, rig.body
    on = t.active()
    base = body.stance.x - 0.02 + 0.83j + 0.3 * body.sway
    tilt = np.exp(1j * np.deg2rad(blend(8, -3, on).real - 0.5 * t.effort()))
    put: dict[str, Any] = {"origin": base, "direction": tilt}
    cone = smooth(
        np.array(
            [
                0.14 - 0.12j,
                0.05 + 0.0j,
                -0.09 - 0.02j,
                -0.15 - 0.14j,
                -0.165 - 0.34j,
                -0.175 - 0.52j,
                -0.18 - 0.64j,
            ]
        ),
        4,
        closed=False,
    )
    width = np.interp(
        np.arange(len(cone)) / 4, np.arange(7), [0.06, 0.075, 0.09, 0.10, 0.12, 0.165, 0.30]
    )
    rig.pipe(5.0, cone, width, **put)
    rig.part(5.05, -0.18 - 0.645j + ellipse(0.152, 0.042, 22), **put, colour=rig.deep)
    _rings(rig, 5.1, _loop(-0.10, 0.17, -0.30, -0.035) * 1.0, 0.034, put)
    _rings(rig, 5.12, _loop(-0.05, 0.12, -0.25, -0.09), 0.02, put)
    down = t.valves()
    for k, x in enumerate((-0.03, 0.02, 0.07)):
        rig.part(5.2, box(x - 0.019, -0.25, x + 0.019, -0.12), **put)
        cap = -0.285 + 0.03 * down[:, k]
        stem = np.stack([x - 0.25j + 0 * cap, x + 1j * cap], 1)
        placed = base[:, None] + tilt[:, None] * stem
        rig.sketch.lines(5.19, [placed], 0.02, rig.look.trim)
    lips = blend(body.mouth + 0.04j, body.mouth, on)
    top = base + tilt * (0.13 - 0.30j)
    lead = np.stack([lips, 0.5 * lips + 0.5 * top - 0.02j + 0.05, top], 1)
    rig.sketch.lines(5.2, [lead], 0.028, rig.deep)
    rig.sketch.lines(5.21, [lead], 0.017, rig.look.finish)
    rig.sketch.lines(5.22, [np.stack([lips, 0.9 * lips + 0.1 * top], 1)], 0.036, rig.look.trim)
    rig.right = _valve_hand(rig, base + tilt * (-0.035 - 0.31j), down, tilt * turn(35), 1)
    rig.left = Grip(base + tilt * (0.16 - 0.17j), tilt * turn(195), rig.curl(0.4), flip=1)
    rig.bend_right, rig.bend_left = 1.0, -1.0
