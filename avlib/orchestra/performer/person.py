"""Drawing the person: chair, legs, torso, head, and, once the hands are known, the arms."""

import numpy as np

from avlib.orchestra.curves import capsule, ellipse, mirrored, place, smooth, tube
from avlib.orchestra.performer.body import Body, Grip
from avlib.orchestra.performer.look import darker, lighter
from avlib.orchestra.sketch import BODY, PROP, Sketch

# Drawing heights: what is greater covers what is less.
Z_CHAIR, Z_BEHIND, Z_LEGS, Z_TORSO, Z_HEAD, Z_FRONT, Z_ARMS, Z_TOP = 0, 0.5, 1, 2, 3, 5, 7, 9

_FINGER = np.array([0.17, 0.16, 0.15, 0.12])  # widths along a finger, in units of the hand
_PALM = (0, 1, 5, 9, 13, 17)


def draw_person(sketch: Sketch, body: Body, puff: np.ndarray) -> None:
    """Draw all but the arms; ``puff`` (frame,) in [0, 1] rounds the cheeks of who blows."""
    if body.stance.seated:
        _stool(sketch, body)
    _legs(sketch, body)
    _torso(sketch, body)
    _head(sketch, body, puff)


def _stool(sketch: Sketch, body: Body) -> None:
    x = body.stance.x
    colour = darker(body.look.trousers, 0.45)
    legs = [np.array([x + s * 0.07 + 0.74j, x + s * 0.10 + 0.88j]) for s in (-1, 1)]
    sketch.lines(Z_CHAIR, legs, 0.018, colour, part=PROP)
    seat = x + 0.735j + ellipse(0.115, 0.03, 12)
    sketch.fill(Z_CHAIR, seat, colour, part=PROP)


def _legs(sketch: Sketch, body: Body) -> None:
    look = body.look
    rim = darker(look.trousers)
    wide = 0.075 * look.limb
    shoe = ellipse(0.044, 0.022, 12) + 0.012j
    shoes = [place(shoe, body.right_ankle - 0.014), place(shoe, body.left_ankle + 0.014)]
    shins = [
        capsule(knee, ankle, wide, wide * 0.72)
        for knee, ankle in (
            (body.right_knee, body.right_ankle),
            (body.left_knee, body.left_ankle),
        )
    ]
    thighs = [
        capsule(hip, knee, wide * 1.15, wide)
        for hip, knee in ((body.right_hip, body.right_knee), (body.left_hip, body.left_knee))
    ]
    sketch.fill(Z_LEGS, shoes, look.shoes, darker(look.shoes), BODY)
    sketch.fill(Z_LEGS + 0.1, shins, look.trousers, rim, BODY)
    # one by one: standing, the thighs touch, and where contours overlap nothing is painted
    for thigh in thighs:
        sketch.fill(Z_LEGS + 0.2, thigh, look.trousers, rim, BODY)


def _torso(sketch: Sketch, body: Body) -> None:
    look, neck = body.look, body.neck
    swell = 0.014 * body.lungs
    hips = (body.right_hip + body.left_hip) / 2 + 0 * neck
    waist = 0.45 * neck + 0.55 * hips
    wide = 0.118 * look.shoulders
    right = [
        neck - 0.035 - 0.012j,
        body.right_shoulder - 0.012 - 0.012j,
        body.right_shoulder - 0.02 + 0.05j - swell,
        waist - wide * 0.85 - swell,
        hips - 0.105 + 0.03j,
    ]
    left = [
        neck + 0.035 - 0.012j,
        body.left_shoulder + 0.012 - 0.012j,
        body.left_shoulder + 0.02 + 0.05j + swell,
        waist + wide * 0.85 + swell,
        hips + 0.105 + 0.03j,
    ]
    outline = np.stack([*right, *left[::-1]], 1)
    collar = np.stack([neck - 0.04 - 0.01j, neck + 0.045j, neck + 0.04 - 0.01j], 1)
    sketch.fill(Z_TORSO, outline, look.top, darker(look.top), BODY)
    throat = capsule(neck + 0.01j, body.head + 0.05j, 0.062, 0.058)
    sketch.fill(Z_TORSO + 0.1, throat, darker(look.skin, 0.85), part=BODY)
    sketch.lines(Z_TORSO + 0.2, [collar], 0.009, darker(look.top, 0.75), part=BODY)


def _head(sketch: Sketch, body: Body, puff: np.ndarray) -> None:
    look, head, r = body.look, body.head, body.radius
    rim = darker(look.skin, 0.62)
    _hair_behind(sketch, body)
    ear = ellipse(0.18 * r, 0.24 * r, 10)
    ears = [place(ear, at) for at in (body.right_ear, body.left_ear)]
    sketch.fill(Z_HEAD, ears, look.skin, rim, BODY)
    oval = mirrored(
        [-1.12, -0.95 + 0.52j, -0.5 + 0.9j, 0.1 + 0.98j, 0.6 + 0.78j, 0.98 + 0.36j, 1.1]
    )
    skull = place(smooth(oval * 1j, 3) * r, head)
    sketch.fill(Z_HEAD + 0.1, skull, look.skin, rim, BODY)
    _hair_front(sketch, body)
    open_eye = 1 - 0.85 * body.idle.blink
    dark = (40, 30, 34)
    for colour, wide, tall in (((246, 242, 236), 0.19, 0.17), (dark, 0.10, 0.14)):
        shape = r * (ellipse(wide, 0.0, 10) + 1j * open_eye[:, None] * ellipse(0, tall, 10).imag)
        eyes = [eye[:, None] + shape for eye in (body.right_eye, body.left_eye)]
        sketch.fill(Z_HEAD + 0.3, eyes, colour, part=BODY)
    brows = [
        eye[:, None] + np.array([-0.16, 0.16]) * r - 0.30j * r
        for eye in (body.right_eye, body.left_eye)
    ]
    sketch.lines(Z_HEAD + 0.3, brows, 0.009, darker(look.hair, 0.8), part=BODY)
    nose = np.stack([body.nose - 0.012j, body.nose + 0.012j], 1)
    sketch.lines(Z_HEAD + 0.3, [nose], 0.012, rim, part=BODY)
    lips = body.mouth[:, None] + np.array([-0.026 - 0.004j, 0.004j, 0.026 - 0.004j])
    sketch.lines(Z_HEAD + 0.3, [lips], 0.010, (150, 62, 62), part=BODY)
    if look.glasses:
        rims = [
            place(ellipse(0.28 * r, 0.25 * r, 12), eye) for eye in (body.right_eye, body.left_eye)
        ]
        sketch.lines(Z_HEAD + 0.4, rims, 0.0045, dark, closed=True, part=BODY)
    if puff.any():
        red, green, blue = look.skin
        blush = (int(0.75 * red + 58.75), int(0.75 * green + 20), int(0.75 * blue + 17.5))
        round_cheek = ((0.17 + 0.19 * puff) * r)[:, None] * ellipse(1.0, 0.9, 10)
        cheeks = [
            (body.face + side * 0.56 * r + 0.45j * r)[:, None] + round_cheek for side in (-1, 1)
        ]
        sketch.fill(Z_HEAD + 0.2, cheeks, blush, part=BODY)


def _hair_behind(sketch: Sketch, body: Body) -> None:
    look, head, r = body.look, body.head, body.radius
    rim = darker(look.hair)
    if look.style == "long":
        shape = smooth(
            mirrored([-1.28, -0.9 + 0.95j, 0.2 + 1.18j, 1.35 + 1.1j, 1.5 + 0.6j, 1.2]) * 1j, 3
        )
        sketch.fill(Z_HEAD - 0.2, place(shape * r, head), look.hair, rim, BODY)
    elif look.style == "curly":
        bumps = np.exp(1j * np.linspace(np.pi * 0.9, np.pi * 2.1, 9)) * 1.05 - 0.1j
        ball = ellipse(0.42, count=10)
        for bump in bumps:
            sketch.fill(Z_HEAD - 0.2, place((bump + ball) * r, head), look.hair, part=BODY)
    elif look.style == "bun":
        bun = place((-1.25j + ellipse(0.42, 0.36, 12)) * r, head)
        sketch.fill(Z_HEAD - 0.2, bun, look.hair, rim, BODY)


def _hair_front(sketch: Sketch, body: Body) -> None:
    look, r = body.look, body.radius
    if look.style == "bald":
        return
    colour = look.hair if look.style != "cap" else lighter(look.trousers, 0.1)
    line = {
        "short": -0.62,
        "long": -0.5,
        "bun": -0.6,
        "curly": -0.55,
        "cap": -0.55,
        "fringe": -0.36,
    }
    low = line[look.style]
    top = [
        -1.03 - 0.05j,
        -0.98 - 0.55j,
        -0.6 - 1.05j,
        -1.22j,
        0.6 - 1.05j,
        0.98 - 0.55j,
        1.03 - 0.05j,
    ]
    under = [
        0.85 + 1j * (low + 0.12),
        0.4 + 1j * low,
        -0.1 + 1j * (low + 0.06),
        -0.5 + 1j * low,
        -0.87 + 1j * (low + 0.14),
    ]
    shape = smooth(np.array(top + under), 2)
    sketch.fill(Z_HEAD + 0.25, place(shape * r, body.head), colour, darker(colour), BODY)
    if look.style == "cap":
        brim = smooth(
            np.array([-0.9 - 0.6j, -0.66j, 0.9 - 0.6j, 0.72 - 0.36j, -0.42j, -0.72 - 0.36j]), 2
        )
        sketch.fill(
            Z_HEAD + 0.26, place(brim * r, body.face), darker(colour, 0.8), darker(colour), BODY
        )


def draw_arm(
    sketch: Sketch, body: Body, side: str, elbow: np.ndarray, hand: np.ndarray, grip: Grip
) -> None:
    """Draw one arm and its hand: sleeve, palm, five fingers."""
    look = body.look
    shoulder = (body.right_shoulder + 0.006) if side == "right" else (body.left_shoulder - 0.006)
    rim, wide, z = darker(look.top, 0.55), 0.068 * look.limb, grip.z
    wrist = hand[:, 0]
    sketch.fill(z - 0.2, capsule(shoulder, elbow, wide * 1.1, wide * 0.92), look.top, rim, BODY)
    sketch.fill(z - 0.1, capsule(elbow, wrist, wide * 0.92, wide * 0.72), look.top, rim, BODY)
    size = body.hand_size
    skin, edge = look.skin, darker(look.skin, 0.55)
    palm = hand[:, _PALM]
    middle = palm.mean(1, keepdims=True)
    palm = middle + (palm - middle) * 1.18
    fingers = tube(hand[:, 1:].reshape(-1, 5, 4), _FINGER * size)
    sketch.lines(z, [palm, *fingers.swapaxes(0, 1)], 0.0105, edge, closed=True, part=BODY)
    # in two lots, because neighbours overlap when the hand closes
    sketch.fill(z + 0.01, [fingers[:, k] for k in (0, 2, 4)], skin, part=BODY)
    sketch.fill(z + 0.01, [fingers[:, k] for k in (1, 3)], skin, part=BODY)
    sketch.fill(z + 0.02, palm, skin, part=BODY)
