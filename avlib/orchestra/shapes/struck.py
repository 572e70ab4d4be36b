"""Drum kit, congas, xylophone: sticks, hands and mallets fall exactly on the onsets."""

import numpy as np

from avlib.orchestra.curves import Number, Real, box, ellipse, smooth, turn
from avlib.orchestra.performer.body import Grip
from avlib.orchestra.performer.rig import IVORY, Rig, blend
from avlib.orchestra.performer.timeline import Strokes, strokes_of


def _stick(
    rig: Rig,
    side: str,
    target: np.ndarray,
    height: np.ndarray,
    on: np.ndarray,
    length: Real,
    ball: Real,
) -> None:
    """Draw a stick whose tip is at ``target`` when ``height`` is 0, and put the hand behind it."""
    out = -1.0 if side == "right" else 1.0
    lift = blend(0.12, height, on).real
    tip = target - 1j * 0.20 * lift
    # the stick points from before the shoulder to its target, and up when it is raised
    shoulder = rig.body.right_shoulder if side == "right" else rig.body.left_shoulder
    way = target - shoulder - 0.02j
    way = way / np.maximum(np.abs(way), 1e-6)
    towards = way * np.exp(1j * np.deg2rad(38 * lift) * np.where(way.real > 0, -1, 1))
    palm = tip - towards * length
    rear = palm - towards * 0.03
    z = 7.5 if ball else 7.4
    rig.sketch.lines(z, [np.stack([rear, tip], 1)], 0.020, (70, 48, 30))
    rig.sketch.lines(z + 0.01, [np.stack([rear, tip], 1)], 0.011, (226, 190, 130))
    if ball:
        rig.part(z + 0.02, ellipse(ball, count=12), tip, colour=rig.look.trim)
    grip = Grip(palm, towards, rig.curl(0.75), flip=-out, z=7.6)
    setattr(rig, side, grip)


def xylophone(rig: Rig) -> None:
    """A row of bars, long to short, on a frame with pipes; two mallets."""
    t = rig.timeline
    x0, x1, y = 0.125, 0.875, 0.66
    bars = 13
    xs = np.linspace(x0 + 0.028, x1 - 0.028, bars)
    tall = np.linspace(0.062, 0.125, bars)  # long bars at the left hand
    legs = [np.array([0.16 + 0.70j, 0.16 + 0.88j]), np.array([0.84 + 0.70j, 0.84 + 0.88j])]
    rig.sketch.lines(4.7, legs, 0.024, rig.deep)
    for x, h, k in zip(xs, tall, range(bars), strict=True):
        if k % 2 == 0:
            rig.part(4.8, box(x - 0.014, 0.68, x + 0.014, 0.70 + 1.2 * h), colour=rig.look.trim)
    for f in (-0.6, 0.6):
        rail = np.array([x0 - 0.015 + 1j * (y + f * 0.062), x1 + 0.015 + 1j * (y + f * 0.125)])
        rig.sketch.lines(4.9, [rail], 0.022, rig.deep)
    for x, h in zip(xs, tall, strict=True):
        rig.part(5.0, box(x - 0.0245, y - h, x + 0.0245, y + h))
    screws = np.concatenate([xs + 1j * (y + f * tall) for f in (-0.6, 0.6)])
    rig.dots(5.05, screws, 0.0065, colour=rig.board)
    hands = t.alternate()
    on = t.active()
    for side, strokes, rest in (("right", hands[0], 0.6), ("left", hands[1], 0.4)):
        pitch = t.pitch(strokes, rest)
        x = x1 - 0.03 - (x1 - x0 - 0.06) * pitch
        target = blend(1.0 - rest + 0.60j, x + 0.655j, on)
        _stick(rig, side, target, t.fall(strokes), on, 0.155, 0.024)
    rig.bend_right, rig.bend_left = 1.0, -1.0


_KIT: dict[int, tuple[str, Number]] = {
    35: ("foot", 0),
    36: ("foot", 0),
    37: ("left", 0.255 + 0.595j),
    38: ("left", 0.255 + 0.595j),
    39: ("left", 0.255 + 0.595j),
    40: ("left", 0.255 + 0.595j),
    42: ("right", 0.175 + 0.485j),
    44: ("right", 0.175 + 0.485j),
    46: ("right", 0.175 + 0.485j),
    49: ("right", 0.83 + 0.37j),
    51: ("right", 0.83 + 0.37j),
    41: ("right", 0.765 + 0.62j),
    43: ("right", 0.765 + 0.62j),
    45: ("left", 0.60 + 0.535j),
    47: ("left", 0.60 + 0.535j),
    48: ("left", 0.41 + 0.535j),
    50: ("left", 0.41 + 0.535j),
}


def _drum_shell(rig: Rig, z: Real, at: complex, wide: Real, deep: Real) -> None:
    side = np.concatenate(
        [ellipse(wide, wide * 0.3)[:11] + 1j * deep, ellipse(wide, wide * 0.3)[10:21]]
    )
    rig.part(z, side, at)
    rig.part(z + 0.01, ellipse(wide, wide * 0.3), at, colour=IVORY)
    lugs = [
        np.array([x + 1j * deep * 0.45, x + 1j * deep * 0.95])
        for x in (-wide * 0.6, 0.0, wide * 0.6)
    ]
    rig.strings(z + 0.005, lugs, at, width=0.010, colour=rig.look.trim)


def _targets(rig: Rig, hand: str, home: Number) -> tuple[Strokes, np.ndarray]:
    """Strokes of one limb and where each falls, (stroke,) complex."""
    notes = [n for n in rig.timeline.notes if _KIT.get(round(n.pitch), ("left", home))[0] == hand]
    strokes = strokes_of(notes, rig.timeline.instrument)
    spots = [_KIT.get(round(p), ("left", home))[1] for p in strokes.midi]
    return strokes, np.array(spots, complex)


def drum(rig: Rig) -> None:
    """A drum kit: big bass drum in front, toms, snare, hi-hat and cymbal on stands."""
    t, body = rig.timeline, rig.body
    foot, _ = _targets(rig, "foot", 0.0)
    beat = t.pluck(foot)
    for x, y in ((0.175, 0.50), (0.83, 0.39)):
        stand = [
            np.array([x + 1j * y, x + 0.86j]),
            np.array([x - 0.05 + 0.88j, x + 0.82j, x + 0.05 + 0.88j]),
        ]
        rig.sketch.lines(4.4, stand, 0.014, rig.board)
    _drum_shell(rig, 4.6, 0.235 + 0.60j, 0.095, 0.07)
    rig.sketch.lines(4.5, [np.array([0.19 + 0.86j, 0.235 + 0.66j, 0.28 + 0.86j])], 0.014, rig.board)
    _drum_shell(rig, 4.6, 0.775 + 0.625j, 0.10, 0.20)
    swell = 1 + 0.05 * beat
    at = 0.5 + 0.715j + 0 * beat
    rig.part(5.0, ellipse(0.168, 0.162, 30), at, swell)
    rig.part(5.1, ellipse(0.143, 0.138, 30), at, swell, colour=IVORY)
    rig.part(5.15, ellipse(0.05, 0.05, 16), at, 1 + 0.5 * beat, colour=rig.look.finish)
    for x in (0.405, 0.595):
        _drum_shell(rig, 5.2, x + 0.535j, 0.082, 0.075)
    spots = {}
    for hand, home in (("right", 0.175 + 0.485j), ("left", 0.255 + 0.595j)):
        strokes, places = _targets(rig, hand, home)
        spots[hand] = strokes, places, home
    hits = spots["right"][0]
    high, low = (
        hits[np.abs(spots["right"][1] - p) < 0.01] if len(hits) else hits
        for p in (0.83 + 0.37j, 0.175 + 0.485j)
    )
    tilt_crash = np.exp(1j * np.deg2rad(-12 + 16 * t.pluck(high)))
    tilt_hat = np.exp(1j * np.deg2rad(-3 - 6 * t.pluck(low)))
    rig.part(5.3, ellipse(0.095, 0.020, 20), 0.80 + 0.385j, tilt_crash, colour=rig.look.trim)
    rig.part(
        5.31, ellipse(0.022, 0.012, 10) - 0.012j, 0.80 + 0.385j, tilt_crash, colour=rig.look.trim
    )
    rig.part(5.3, ellipse(0.078, 0.017, 20), 0.182 + 0.507j, colour=rig.look.trim)
    rig.part(5.31, ellipse(0.078, 0.017, 20), 0.182 + 0.492j, tilt_hat, colour=rig.look.trim)
    for hand in ("right", "left"):
        strokes, places, first = spots[hand]
        on = t.active(strokes)
        spot = t.held(strokes, places, 0.16) if len(strokes) else np.full(len(on), first)
        lap = body.chest + (-0.10 if hand == "right" else 0.10) + 0.13j
        _stick(rig, hand, blend(lap, spot, on), t.fall(strokes), on, 0.145, 0.0)
    body.right_knee = body.right_knee - 0.02j * beat
    rig.bend_right, rig.bend_left = 1.0, -1.0


_HIGH, _LOW = 0.335 + 0.575j, 0.645 + 0.60j


def _two_hands(strokes: Strokes) -> tuple[Strokes, Strokes]:
    """High drum to the right hand, low to the left; quick repeats go from hand to hand."""
    low = np.round(strokes.midi) % 2 == 1
    left = low.copy()
    for k in range(1, len(strokes)):
        quick = strokes.onset[k] - strokes.onset[k - 1] < 0.3
        if quick and low[k] == low[k - 1]:
            left[k] = not left[k - 1]
    return strokes[~left], strokes[left]


def congas(rig: Rig) -> None:
    """Two tall barrels played with bare hands."""
    t = rig.timeline
    for at, wide, tall in ((_HIGH, 0.088, 0.305), (_LOW, 0.112, 0.28)):
        barrel = [
            -wide + 0j,
            -wide * 1.16 + 0.3j * tall,
            -wide * 1.1 + 0.6j * tall,
            -wide * 0.72 + 1j * tall,
        ]
        wall = smooth(np.array(barrel), 4, closed=False)
        outline = np.concatenate([wall, -wall.conj()[::-1]])
        rig.part(5.0, outline, at)
        staves = [
            np.array([x * wide, x * wide * 1.14 + 0.45j * tall, x * wide * 0.72 + 1j * tall])
            for x in (-0.45, 0.0, 0.45)
        ]
        rig.strings(5.02, staves, at, width=0.006, colour=rig.deep)
        band = [
            smooth(
                np.array(
                    [-wide * f + 1j * y * tall, 1j * (y * tall + 0.022), wide * f + 1j * y * tall]
                ),
                4,
                closed=False,
            )
            for y, f in ((0.1, 1.06), (0.78, 0.92))
        ]
        rig.strings(5.05, band, at, width=0.016, colour=rig.look.trim)
        rig.part(5.1, ellipse(wide * 1.06, wide * 0.36, 24), at, colour=rig.look.trim)
        rig.part(5.12, ellipse(wide * 0.9, wide * 0.28, 24), at, colour=IVORY)
    hands = _two_hands(t.strokes)
    on = t.active()
    for side, strokes, rest in (("right", hands[0], _HIGH), ("left", hands[1], _LOW)):
        drum_of = np.where(np.round(strokes.midi) % 2 == 1, _LOW, _HIGH)
        spot = t.held(strokes, drum_of, 0.16) if len(strokes) else np.full(len(on), rest)
        shift = -0.032 if side == "right" else 0.032
        height = t.fall(strokes)
        palm = blend(rest + shift - 0.02j, spot + shift - 0.012j - 0.20j * height, on)
        lean = 35 * height * on
        towards = turn(78 - lean) if side == "right" else turn(102 + lean)
        grip = Grip(palm, towards, rig.curl(0.12), flip=1 if side == "right" else -1, z=7)
        setattr(rig, side, grip)
    rig.bend_right, rig.bend_left = 1.0, -1.0
