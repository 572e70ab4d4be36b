"""Guzheng, harp, piano, accordion: many strings or keys; hands go to the pitch."""

import numpy as np

from avlib.orchestra.curves import box, smooth, tube, turn
from avlib.orchestra.performer.body import Grip
from avlib.orchestra.performer.rig import EBONY, IVORY, Rig, blend
from avlib.orchestra.performer.timeline import Strokes


def _press(rig: Rig, strokes: Strokes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Posture, pitch and height (0 = on the key) of one hand's strokes, each (frame,)."""
    t = rig.timeline
    return t.active(strokes), t.pitch(strokes), t.press(strokes)


def guzheng(rig: Rig) -> None:
    """A long board on trestles, lying across; strings over a slanting row of bridges."""
    t = rig.timeline
    on, pitch, height = t.active(), t.pitch(), t.fall(t.strokes)
    legs = [
        np.array([x - 0.05 + 0.70j, x + 0.05 + 0.88j, x - 0.05 + 0.88j, x + 0.05 + 0.70j])
        for x in (0.22, 0.78)
    ]
    rig.sketch.lines(4.8, legs, 0.022, rig.deep)
    rig.part(
        5.0,
        smooth(
            np.array(
                [
                    0.105 + 0.69j,
                    0.5 + 0.665j,
                    0.895 + 0.69j,
                    0.89 + 0.745j,
                    0.5 + 0.725j,
                    0.11 + 0.745j,
                ]
            ),
            3,
        ),
        colour=rig.deep,
    )
    top = np.array(
        [0.15 + 0.585j, 0.5 + 0.57j, 0.85 + 0.585j, 0.895 + 0.695j, 0.5 + 0.675j, 0.105 + 0.695j]
    )
    rig.part(5.1, top)
    rig.part(
        5.12,
        np.array([0.15 + 0.585j, 0.185 + 0.583j, 0.15 + 0.693j, 0.105 + 0.695j]),
        colour=rig.board,
    )
    rig.part(
        5.12,
        np.array([0.85 + 0.585j, 0.815 + 0.583j, 0.85 + 0.693j, 0.895 + 0.695j]),
        colour=rig.board,
    )
    rows = np.linspace(0.06, 0.94, 8)
    strings, bridges = [], []
    for u in rows:
        left, right = 0.18 - 0.03 * u, 0.82 + 0.03 * u
        y = 0.586 + 0.1 * u
        strings.append(np.array([left + 1j * y, 0.5 + 1j * (y - 0.016), right + 1j * y]))
        x = 0.36 + 0.26 * u
        bridges.append(np.array([x - 0.012 + 1j * y, x + 1j * (y - 0.03), x + 0.012 + 1j * y]))
    rig.sketch.lines(5.2, strings, 0.004, IVORY)
    rig.sketch.lines(5.3, bridges, 0.011, rig.look.trim)
    flick = t.pluck()
    # High strings are near the player, and the right hand plucks nearer its end for them.
    spot = 0.38 - 0.19 * pitch + 1j * (0.66 - 0.08 * pitch)
    drift = (0.03 - 0.03j) * t.since()
    palm = blend(0.30 + 0.56j, spot + drift - 1j * (0.03 + 0.11 * height), on)
    rig.right = Grip(palm, turn(70 - 25 * flick), rig.curl(0.3 + 0.5 * flick), flip=1, z=7)
    bend = 0.54 + 0.20 * (1 - pitch) + 1j * (0.645 - 0.075 * pitch)
    left = blend(0.70 + 0.56j, bend + 0.03 - 1j * (0.06 - 0.045 * t.level()), on)
    rig.left = Grip(left, turn(112) + 0 * on, rig.curl(0.25), flip=-1, z=7)
    rig.bend_right, rig.bend_left = 1.0, -1.0


def harp(rig: Rig) -> None:
    """A great triangle: column, curved neck, sounding board at the shoulder; strings upright."""
    t, body = rig.timeline, rig.body
    x = body.stance.x
    foot, shoulder, crown = x - 0.43 + 0.85j, x - 0.075 + 0.37j, x - 0.47 + 0.15j
    rig.pipe(5.2, np.array([crown, 0.5 * (crown + foot), foot]), np.array([0.055, 0.036, 0.05]))
    knob = np.array(
        [-0.045, -0.025 - 0.04j, 0.03 - 0.035j, 0.05 + 0.015j, 0.02 + 0.055j, -0.03 + 0.045j]
    )
    rig.part(5.25, smooth(crown + knob, 4))
    belly = np.array([foot + 0.03 - 0.02j, shoulder + 0.01])
    rig.part(5.1, tube(belly, np.array([0.115, 0.05])))
    rig.pipe(
        5.12, np.array([foot + 0.05 - 0.05j, shoulder]), np.array([0.045, 0.012]), colour=rig.pale
    )
    knees = [shoulder + 0.02, x - 0.14 + 0.30j, x - 0.23 + 0.29j, x - 0.34 + 0.215j, crown]
    arc = smooth(np.array(knees), 5, closed=False)
    rig.pipe(5.22, arc, np.linspace(0.045, 0.062, len(arc)))
    rig.part(5.24, box(-0.055, -0.02, 0.12, 0.032), foot, colour=rig.deep)
    strings = []
    for u in np.linspace(0.1, 0.93, 13):
        low = foot + 0.04 - 0.03j + (shoulder - foot - 0.04) * u
        high = np.interp(low.real, arc.real[::-1], arc.imag[::-1])
        strings.append(np.array([low, low.real - 0.006 + 1j * high]))
    rig.sketch.lines(5.15, strings, 0.004, IVORY)
    low, high = t.split()
    for side, hand in (("right", high), ("left", low)):
        on, pitch = t.active(hand), t.pitch(hand, 0.5)
        flick = t.pluck(hand)
        spot = x - 0.13 - 0.20 * (1 - pitch) + 1j * (0.40 + 0.10 * (1 - pitch))
        if side == "left":
            spot = spot + 0.10j + 0.01
        rest = (x - 0.12 + 0.56j) if side == "right" else (x - 0.05 + 0.66j)
        palm = blend(rest, spot + (0.06 * flick + 0.03 * t.since(hand)) * (1 - 0.6j), on)
        towards = turn(205 - 30 * flick) if side == "right" else turn(188 - 30 * flick)
        grip = Grip(
            palm, towards, rig.curl(0.25 + 0.6 * flick), flip=1, z=7 if side == "right" else 6.6
        )
        setattr(rig, side, grip)
    rig.bend_right, rig.bend_left = 1.0, -1.0


def piano(rig: Rig) -> None:
    """A grand: raised lid behind, a wide keyboard before the player."""
    t = rig.timeline
    lid = smooth(
        np.array(
            [
                0.14 + 0.60j,
                0.14 + 0.50j,
                0.2 + 0.40j,
                0.34 + 0.36j,
                0.45 + 0.30j,
                0.56 + 0.19j,
                0.74 + 0.125j,
                0.87 + 0.14j,
                0.87 + 0.3j,
                0.87 + 0.60j,
            ]
        ),
        3,
    )
    rig.part(-0.5, lid)
    rig.part(-0.4, (lid - (0.52 + 0.45j)) * 0.88 + (0.53 + 0.455j), colour=rig.deep)
    rig.part(5.0, box(0.105, 0.575, 0.895, 0.615), colour=rig.deep)
    rig.part(5.0, box(0.105, 0.695, 0.895, 0.765))
    for x in (0.15, 0.815):
        rig.part(
            4.9, np.array([x + 0.76j, x + 0.035 + 0.76j, x + 0.027 + 0.88j, x + 0.008 + 0.88j])
        )
    pedal = np.array([0.5 + 0.76j, 0.5 + 0.86j])
    rig.sketch.lines(4.9, [pedal, np.array([0.47 + 0.862j, 0.53 + 0.862j])], 0.016, rig.look.trim)
    x0, x1, y0, y1 = 0.125, 0.875, 0.605, 0.70
    rig.part(5.1, box(x0, y0, x1, y1), colour=IVORY)
    keys = np.linspace(x0, x1, 22)
    rig.sketch.lines(
        5.15, [np.array([x + 1j * y0, x + 1j * y1]) for x in keys[1:-1]], 0.004, (96, 92, 88)
    )
    black = [x for k, x in enumerate(keys[1:-1]) if k % 7 not in (2, 6)]
    rig.sketch.lines(
        5.2, [np.array([x + 1j * (y0 + 0.008), x + 1j * (y0 + 0.052)]) for x in black], 0.019, EBONY
    )
    rig.part(5.05, box(0.105, 0.60, 0.127, 0.705))
    rig.part(5.05, box(0.873, 0.60, 0.895, 0.705))
    low, high = t.split()
    for side, hand, rest in (("right", high, 0.34), ("left", low, 0.66)):
        on, pitch, height = _press(rig, hand)
        apart = -0.05 if side == "right" else 0.05
        key = 0.80 - 0.60 * pitch + apart if len(hand) else np.full(len(on), rest)
        palm = key + 1j * (blend(0.70, 0.635, on).real - 0.11 * height * on)
        towards = turn(80 if side == "right" else 100) + 0 * on
        grip = Grip(
            palm, towards, rig.curl(0.15 + 0.25 * height), flip=1 if side == "right" else -1
        )
        setattr(rig, side, grip)
    rig.bend_right, rig.bend_left = 1.0, -1.0


def accordion(rig: Rig) -> None:
    """Two boxes and the folded bellows between, piano keys at the player's right hand."""
    t, body = rig.timeline, rig.body
    on, pitch, height = _press(rig, t.strokes)
    opened = t.bellows()
    tall, wide = 0.27, 0.105
    middle = body.chest + 0.085j
    gap = 0.10 + 0.20 * opened
    fixed = middle - 0.075 - 0.05 * opened
    moving = fixed + gap
    tilt = np.exp(1j * np.deg2rad(16 * opened))
    straps = [np.stack([fixed - 0.03 - 0.13j, body.right_shoulder + 0.03 - 0.02j], 1)]
    straps.append(np.stack([fixed - 0.01 - 0.13j, body.left_shoulder - 0.03 - 0.02j], 1))
    rig.sketch.lines(4.8, straps, 0.03, rig.look.trim)
    folds = 9
    u = np.linspace(0, 1, folds)
    zig = np.where(np.arange(folds) % 2 == 0, 0.46, 0.53) * tall
    axis = fixed[:, None] + (moving - fixed)[:, None] * u
    lean = np.exp(1j * np.angle(tilt)[:, None] * u)
    top, bottom = axis - 1j * lean * zig, axis + 1j * lean * zig
    rig.sketch.fill(5.0, np.concatenate([top, bottom[:, ::-1]], 1), rig.pale, rig.deep)
    rig.sketch.lines(
        5.05, [np.stack([top[:, k], bottom[:, k]], 1) for k in range(1, folds - 1)], 0.009, rig.deep
    )
    shell = smooth(box(-wide, -tall / 2, 0.0, tall / 2), 1)
    rig.part(5.1, shell, fixed)
    rig.part(5.1, box(0, -tall / 2, wide * 0.9, tall / 2), moving, tilt)
    y = np.linspace(-0.45, 0.45, 10) * tall
    rig.part(5.2, box(-wide - 0.055, -tall / 2, -wide + 0.012, tall / 2), fixed, colour=IVORY)
    rig.strings(
        5.21,
        [np.array([-wide - 0.055 + 1j * v, -wide + 0.012 + 1j * v]) for v in y],
        fixed,
        colour=(96, 92, 88),
    )
    rig.strings(
        5.22,
        [
            np.array([-wide - 0.015 + 1j * v, -wide + 0.012 + 1j * v])
            for k, v in enumerate(y)
            if k % 7 not in (2, 6)
        ],
        fixed,
        width=0.015,
        colour=EBONY,
    )
    buttons = np.add.outer([0.03, 0.065], 1j * np.linspace(-0.09, 0.09, 5)).ravel()
    rig.dots(5.2, buttons, 0.009, moving, tilt, rig.look.trim)
    rig.strings(
        5.2,
        [np.array([-0.07 + 1j * v, -0.03 + 1j * v]) for v in (-0.07, 0.0, 0.07)],
        fixed,
        width=0.012,
        colour=rig.look.trim,
    )
    along = 1j * (0.84 * pitch - 0.42) * tall
    palm = fixed - wide - 0.055 + along - 0.05 * height + (0.05j - 0.012) * (1 - on)
    down = t.fingers(4)
    rig.right = Grip(
        palm, turn(-12) + 0 * on, rig.curl(0.2 + 0.3 * height, *(0.3 * down.T)), flip=1
    )
    rig.left = Grip(
        moving + tilt * (wide * 0.9 + 0.012 + 0.02j),
        tilt * turn(205),
        rig.curl(0.3, *(0.4 * down.T)),
        flip=1,
    )
    rig.bend_right, rig.bend_left = 1.0, -1.0
