"""Flute, clarinet, oboe, bassoon, saxophone, bagpipe, harmonica: breath, lift, fingers."""

from typing import Any

import numpy as np

from avlib.orchestra.curves import Real, box, ellipse, rounded, smooth, turn
from avlib.orchestra.performer.body import Grip
from avlib.orchestra.performer.rig import EBONY, Rig, blend


def _keys(rig: Rig, xs: np.ndarray, radius: Real, put: dict[str, Any], side: Real = 0.0) -> None:
    """Round key cups along a tube, one call."""
    rig.dots(5.3, xs + 1j * side, radius, **put, colour=rig.look.trim)


def _stacked(
    rig: Rig,
    origin: np.ndarray,
    along: np.ndarray,
    upper: Real,
    lower: Real,
    side: Real = 1.0,
    spread: Real = 0.03,
) -> None:
    """Both hands on one pipe, left above right; fingers open the holes from below."""
    down = rig.timeline.fingers(8)
    across = along * 1j
    rig.left = Grip(
        origin + along * upper - across * spread * side,
        across * side * turn(-14),
        rig.curl(0.1, *(1.05 * (1 - down[:, :4])).T),
        flip=side,
        z=7,
    )
    rig.right = Grip(
        origin + along * lower + across * spread * side,
        -across * side * turn(14),
        rig.curl(0.1, *(1.05 * (1 - down[:, 4:])).T),
        flip=-side,
        z=7.2,
    )
    rig.bend_right, rig.bend_left = 1.0, -1.0


def _from_mouth(rig: Rig, rest: Real, play: Real, drop: complex) -> tuple[np.ndarray, np.ndarray]:
    """Mouthpiece place (frame,) and pipe direction: down in rests, lifted by loud notes."""
    t, body = rig.timeline, rig.body
    on = t.active()
    lift = t.effort()
    angle = blend(rest, play, on).real + (lift if play > 90 else -lift)
    return blend(body.mouth + drop, body.mouth, on), np.exp(1j * np.deg2rad(angle))


def flute(rig: Rig) -> None:
    """A thin tube held across, to the player's right."""
    t, body = rig.timeline, rig.body
    on = t.active()
    angle = blend(140, 171, on).real + 0.8 * t.effort()
    along = np.exp(1j * np.deg2rad(angle))
    mouth = blend(body.mouth + 0.02 + 0.14j, body.mouth + 0.012j, on)
    origin = mouth - along * 0.05
    put: dict[str, Any] = {"origin": origin, "direction": along}
    rig.pipe(5.0, np.array([0.0, 0.54]), 0.030, **put)
    rig.part(5.1, box(0.0, -0.019, 0.03, 0.019), **put, colour=rig.look.trim)
    rig.part(5.1, (0.055 + ellipse(0.022, 0.016, 10)), **put, colour=rig.look.trim)
    rig.part(5.1, box(0.125, -0.018, 0.14, 0.018), **put, colour=rig.look.trim)
    _keys(rig, np.linspace(0.17, 0.51, 11), 0.0125, put)
    down = t.fingers(8)
    across = along * 1j
    press = 1.05 * (1 - down)
    rig.left = Grip(
        origin + along * 0.22 - across * 0.034,
        across * turn(-20),
        rig.curl(0.15, *press[:, :4].T),
        flip=1,
    )
    rig.right = Grip(
        origin + along * 0.40 - across * 0.036,
        across * turn(12),
        rig.curl(0.15, *press[:, 4:].T),
        flip=1,
        z=7.2,
    )
    rig.bend_right, rig.bend_left = -1.0, -1.0


def clarinet(rig: Rig) -> None:
    """A straight pipe down from the mouth, its bell flared."""
    origin, along = _from_mouth(rig, 99, 114, 0.10j)
    put: dict[str, Any] = {"origin": origin, "direction": along}
    xs = np.array([0.0, 0.06, 0.41, 0.455, 0.485, 0.505])
    rig.pipe(5.0, xs, np.array([0.018, 0.044, 0.046, 0.06, 0.092, 0.13]), **put)
    rig.part(5.1, box(0.0, -0.013, 0.058, 0.013), **put, colour=EBONY)
    for x in (0.06, 0.125, 0.265, 0.405):
        rig.part(5.1, box(x, -0.026, x + 0.015, 0.026), **put, colour=rig.look.trim)
    _keys(rig, np.array([0.16, 0.195, 0.23, 0.30, 0.335, 0.37]), 0.012, put)
    rods = [np.array([a + 0.027j, b + 0.027j]) for a, b in ((0.1, 0.21), (0.28, 0.40))]
    rig.strings(5.2, rods, **put, width=0.010, colour=rig.look.trim)
    _stacked(rig, origin, along, 0.18, 0.335, spread=0.036)


def oboe(rig: Rig) -> None:
    """Like a clarinet, but thin and conical, with a bare reed and a pear-shaped bell."""
    origin, along = _from_mouth(rig, 98, 110, 0.09j)
    put: dict[str, Any] = {"origin": origin, "direction": along}
    reed = np.array([0.0, 0.02, 0.065])
    rig.pipe(5.0, reed, np.array([0.02, 0.016, 0.008]), **put, colour=(226, 196, 130))
    xs = np.array([0.06, 0.08, 0.12, 0.365, 0.39, 0.415, 0.445, 0.46])
    widths = np.array([0.024, 0.024, 0.022, 0.038, 0.064, 0.078, 0.058, 0.066])
    rig.pipe(5.0, xs, widths, **put)
    for x in (0.085, 0.225, 0.365):
        rig.part(5.1, box(x, -0.020, x + 0.012, 0.020), **put, colour=rig.look.trim)
    _keys(rig, np.linspace(0.12, 0.35, 10), 0.010, put)
    rods = [np.array([0.1 + 0.023j, 0.21 + 0.025j]), np.array([0.24 - 0.025j, 0.36 - 0.028j])]
    rig.strings(5.2, rods, **put, width=0.008, colour=rig.look.trim)
    _stacked(rig, origin, along, 0.16, 0.30, spread=0.033)


def bassoon(rig: Rig) -> None:
    """A tall folded pipe slanting across the body, a thin crook to the mouth."""
    t, body = rig.timeline, rig.body
    on = t.active()
    along = np.exp(1j * np.deg2rad(blend(-46, -61, on).real - 0.5 * t.effort()))
    foot = body.stance.x - 0.175 + 0.86j + 0.4 * body.sway
    put: dict[str, Any] = {"origin": foot, "direction": along}
    rig.pipe(4.6, np.array([0.0, 0.25, 0.78]) - 0.0j, np.array([0.07, 0.045, 0.038]), **put)
    rig.part(
        4.62,
        smooth(
            np.array(
                [
                    0.76 - 0.022j,
                    0.8 - 0.032j,
                    0.83 - 0.026j,
                    0.83 + 0.026j,
                    0.8 + 0.032j,
                    0.76 + 0.022j,
                ]
            ),
            2,
        ),
        **put,
        colour=rig.look.trim,
    )
    rig.pipe(4.7, np.array([0.02, 0.48]) - 0.035j, np.array([0.045, 0.03]), **put, colour=rig.pale)
    rig.part(
        4.8, smooth(np.array([-0.02 - 0.06j, 0.09 - 0.06j, 0.09 + 0.04j, -0.02 + 0.04j]), 2), **put
    )
    for x in (0.1, 0.3, 0.46, 0.6):
        rig.part(
            4.75,
            box(x, -0.055 if x < 0.5 else -0.024, x + 0.014, 0.026),
            **put,
            colour=rig.look.trim,
        )
    top = foot + along * (0.48 - 0.035j)
    lips = blend(body.mouth + 0.05j, body.mouth, on)
    bocal = np.stack([top, top + along * 0.05, 0.4 * top + 0.6 * lips - 0.035j - 0.02, lips], 1)
    rig.sketch.lines(5.2, [bocal], 0.012, rig.look.trim)
    _keys(rig, np.array([0.16, 0.2, 0.34, 0.38, 0.42]), 0.0115, put, -0.02)
    down = t.fingers(8)
    press = 1.05 * (1 - down)
    across = along * 1j
    rig.left = Grip(
        foot + along * (0.40 + 0.045j), -across * turn(10), rig.curl(0.15, *press[:, :4].T), flip=-1
    )
    rig.right = Grip(
        foot + along * (0.20 - 0.075j), across * turn(-12), rig.curl(0.15, *press[:, 4:].T), flip=1
    )
    rig.bend_right, rig.bend_left = 1.0, -1.0


_SAX = smooth(
    np.array(
        [
            0.0,
            0.05 - 0.028j,
            0.085 + 0.0j,
            0.09 + 0.1j,
            0.085 + 0.24j,
            0.095 + 0.36j,
            0.155 + 0.405j,
            0.21 + 0.36j,
            0.225 + 0.27j,
            0.245 + 0.185j,
        ]
    ),
    3,
    closed=False,
)
_SAX_WIDTH = np.interp(
    np.arange(len(_SAX)) / 3,
    np.arange(10),
    [0.014, 0.017, 0.022, 0.036, 0.052, 0.062, 0.068, 0.072, 0.088, 0.15],
)


def saxophone(rig: Rig) -> None:
    """A cone bent like a hook: crook at the mouth, bow below, wide bell turned up."""
    t, body = rig.timeline, rig.body
    on = t.active()
    along = np.exp(1j * np.deg2rad(blend(-12, 4, on).real + 0.8 * t.effort()))
    origin = blend(body.mouth + 0.09j - 0.02, body.mouth, on)
    put: dict[str, Any] = {"origin": origin, "direction": along}
    shape = -_SAX.conj()  # the crook goes to the player's right
    strap = np.stack([body.neck - 0.05, origin + along * (-0.085 + 0.16j), body.neck + 0.05], 1)
    rig.sketch.lines(4.9, [strap], 0.012, EBONY)
    rig.pipe(5.0, shape, _SAX_WIDTH, **put)
    rig.part(5.05, -0.247 + 0.178j + ellipse(0.078, 0.024), **put, colour=rig.deep)
    rig.pipe(5.05, shape[:4], np.array([0.02, 0.02, 0.018, 0.018]), **put, colour=EBONY)
    pads = -0.088 + 1j * np.array([0.12, 0.16, 0.2, 0.26, 0.3, 0.34])
    rig.dots(5.3, pads, 0.017, **put, colour=rig.look.trim)
    rig.dots(5.3, -0.222 + 1j * np.array([0.27, 0.33]), 0.022, **put, colour=rig.look.trim)
    rods = [np.array([-0.055 + 0.1j, -0.05 + 0.34j])]
    rig.strings(5.2, rods, **put, width=0.009, colour=rig.look.trim)
    press = 1.05 * (1 - t.fingers(8))
    rig.left = Grip(
        origin + along * (-0.052 + 0.15j),
        along * turn(188),
        rig.curl(0.15, *press[:, :4].T),
        flip=1,
    )
    rig.right = Grip(
        origin + along * (-0.045 + 0.30j),
        along * turn(176),
        rig.curl(0.15, *press[:, 4:].T),
        flip=1,
        z=7.2,
    )
    rig.bend_right, rig.bend_left = 1.0, -1.0


def bagpipe(rig: Rig) -> None:
    """A bag under the left arm, three drones over the shoulder, a chanter for the fingers."""
    t, body = rig.timeline, rig.body
    on, level = t.active(), t.level()
    bag_at = body.chest + 0.085 + 0.075j + 0.02j * (1 - on)
    swell = 0.80 + 0.24 * on - 0.18 * level * (1 - t.since())
    bag = smooth(
        np.array(
            [
                -0.15 + 0.05j,
                -0.08 - 0.05j,
                0.03 - 0.075j,
                0.12 - 0.04j,
                0.14 + 0.04j,
                0.07 + 0.095j,
                -0.05 + 0.095j,
            ]
        ),
        4,
    )
    for k, (x, tall) in enumerate(((0.02, 0.40), (0.075, 0.345), (0.13, 0.29))):
        base = bag_at + x - 0.03j
        fallen = 14 * (1 - on) - 0.4 * t.effort()
        lean = np.exp(1j * np.deg2rad(-80 + 9 * k + fallen))
        put: dict[str, Any] = {"origin": base, "direction": lean}
        rig.pipe(
            4.5,
            np.array([0.0, 0.5, 0.52, 0.9, 1.0]) * tall,
            np.array([0.026, 0.022, 0.03, 0.03, 0.046]),
            **put,
        )
        rig.part(4.55, box(0.52 * tall, -0.02, 0.56 * tall, 0.02), **put, colour=rig.look.trim)
        rig.part(4.55, box(0.92 * tall, -0.024, 0.99 * tall, 0.024), **put, colour=rig.look.trim)
    rig.sketch.fill(5.0, bag_at[:, None] + swell[:, None] * bag, rig.deep, rig.board)
    checks = [
        np.array([-0.09 + 0.02j, 0.11 - 0.01j]),
        np.array([-0.08 + 0.06j, 0.12 + 0.03j]),
        np.array([-0.02 - 0.05j, -0.01 + 0.08j]),
        np.array([0.06 - 0.06j, 0.07 + 0.08j]),
    ]
    rig.sketch.lines(5.05, [bag_at[:, None] + swell[:, None] * c for c in checks], 0.010, rig.pale)
    lips = blend(body.mouth + 0.07j + 0.03, body.mouth, on)
    blow = np.stack([bag_at - 0.02 - 0.05j, lips], 1)
    rig.sketch.lines(5.2, [blow], 0.026, rig.deep)
    rig.sketch.lines(5.21, [blow], 0.016, rig.look.finish)
    chanter_at = bag_at - 0.13 + 0.055j
    along = np.exp(1j * np.deg2rad(blend(94, 104, on).real + 0.7 * t.effort()))
    put = {"origin": chanter_at, "direction": along}
    rig.pipe(5.1, np.array([0.0, 0.22, 0.25]), np.array([0.018, 0.03, 0.05]), **put)
    rig.dots(5.3, np.linspace(0.06, 0.2, 6) + 0j, 0.007, **put, colour=rig.board)
    _stacked(rig, chanter_at, along, 0.07, 0.17, spread=0.028)
    rig.bend_left = -1.0


def harmonica(rig: Rig) -> None:
    """A little box between both hands at the mouth: it slides with pitch."""
    t, body = rig.timeline, rig.body
    on = t.active()
    slide = 0.11 * (t.pitch() - 0.5)
    centre = blend(body.mouth + 0.13j, body.mouth + 0.008j - slide, on)
    tilt = np.exp(1j * np.deg2rad(blend(14, 0, on).real - 0.6 * t.effort()))
    put: dict[str, Any] = {"origin": centre, "direction": tilt}
    wide, tall = 0.125, 0.036
    rig.part(5.0, rounded(-wide, -tall, wide, tall, 0.02), **put)
    rig.part(5.1, box(-wide * 0.94, -0.012, wide * 0.94, 0.014), **put, colour=rig.look.trim)
    holes = [np.array([x - 0.006j, x + 0.008j]) for x in np.linspace(-0.1, 0.1, 9)]
    rig.strings(5.2, holes, **put, width=0.013, colour=EBONY)
    wave = 0.25 * t.level()
    ends = wide - 0.012
    rig.right = Grip(
        centre - tilt * ends + 0.05j, tilt * turn(-78), rig.curl(0.3 + wave), flip=-1, z=4.9
    )
    rig.left = Grip(
        centre + tilt * ends + 0.05j, tilt * turn(258), rig.curl(0.3 + wave), flip=1, z=4.9
    )
    # folded arms: the elbows hang before the ribs, nearer to the viewer
    rig.elbow_right = 0.5 * (body.right_shoulder + rig.right.palm) - 0.05 + 0.125j
    rig.elbow_left = 0.5 * (body.left_shoulder + rig.left.palm) + 0.05 + 0.125j
