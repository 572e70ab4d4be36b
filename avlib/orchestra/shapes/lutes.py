"""Guitar, ukulele, electric bass, banjo, pipa: one hand plucks, the other goes up the neck."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from avlib.orchestra.curves import Real, box, ellipse, mirrored, smooth, turn
from avlib.orchestra.performer.body import Grip
from avlib.orchestra.performer.rig import EBONY, IVORY, Rig, blend, heading


@dataclass(frozen=True)
class Lute:
    """Measures of a plucked lute in units of its size; x runs from the tail to the head.

    Attributes:
        body: outline of the body.
        neck: x where the neck leaves the body and where it ends (the nut).
        width: width of the neck.
        strings: how many are drawn.
        bridge: x of the bridge.
        pluck: x where the right hand plays.
    """

    body: np.ndarray
    neck: tuple[float, float]
    width: Real
    strings: int
    bridge: Real
    pluck: Real


_EIGHT = smooth(
    mirrored(
        [
            0.0,
            0.03 + 0.2j,
            0.14 + 0.34j,
            0.3 + 0.37j,
            0.45 + 0.29j,
            0.56 + 0.235j,
            0.68 + 0.26j,
            0.83 + 0.27j,
            0.95 + 0.17j,
            1.0 + 0.05j,
            1.0,
        ]
    ),
    3,
)
_HORNED = smooth(
    np.array(
        [
            0.02,
            0.06 + 0.27j,
            0.25 + 0.36j,
            0.45 + 0.25j,
            0.62 + 0.22j,
            0.78 + 0.31j,
            0.95 + 0.29j,
            0.84 + 0.13j,
            0.76,
            0.86 - 0.12j,
            1.12 - 0.3j,
            0.98 - 0.36j,
            0.74 - 0.32j,
            0.55 - 0.24j,
            0.38 - 0.25j,
            0.22 - 0.35j,
            0.05 - 0.26j,
        ]
    ),
    3,
)
_PEAR = smooth(
    mirrored(
        [
            0.0,
            0.03 + 0.16j,
            0.16 + 0.27j,
            0.34 + 0.27j,
            0.55 + 0.18j,
            0.8 + 0.09j,
            1.0 + 0.055j,
            1.0,
        ]
    ),
    3,
)
_DISC = 0.5 + ellipse(0.42, count=24)

GUITAR = Lute(_EIGHT, (0.98, 1.85), 0.085, 6, 0.26, 0.5)
UKULELE = Lute(_EIGHT, (0.98, 1.75), 0.10, 4, 0.26, 0.55)
BASS = Lute(_HORNED, (0.75, 2.05), 0.085, 4, 0.2, 0.5)
BANJO = Lute(_DISC, (0.9, 1.98), 0.08, 5, 0.3, 0.55)
PIPA = Lute(_PEAR, (0.95, 1.42), 0.11, 4, 0.14, 0.32)


def _neck(
    rig: Rig, lute: Lute, size: Real, put: dict[str, Any], head: np.ndarray, frets: int
) -> None:
    start, nut = lute.neck
    half = lute.width / 2
    rig.part(5.12, head * size, **put)
    rig.part(5.1, box(start - 0.15, -half, nut, half) * size, **put, colour=rig.board)
    ratios = 1 - 2.0 ** (-np.arange(1, frets + 1) / 12)
    places = nut - ratios * (nut - lute.bridge)
    lines = [np.array([x - 1j * half, x + 1j * half]) * size for x in places if x > start]
    rig.strings(5.11, lines, **put, width=0.003, colour=(170, 160, 140))
    ys = np.linspace(-half, half, lute.strings + 2)[1:-1]
    shown = ys if lute.strings <= 4 else ys[::2]
    rig.strings(5.3, [np.array([lute.bridge + 1j * y, nut + 1j * y]) * size for y in shown], **put)


def _pegs(
    rig: Rig, size: Real, put: dict[str, Any], xs: tuple[float, ...], reach: Real, both: bool
) -> None:
    low = -reach if both else 0.0
    rods = [np.array([x + 1j * low, x + 1j * reach]) * size for x in xs]
    rig.strings(5.05, rods, **put, width=0.02, colour=rig.look.trim)


def _hands(
    rig: Rig,
    lute: Lute,
    size: Real,
    tail: np.ndarray,
    along: np.ndarray,
    strum: Real,
    on: np.ndarray,
) -> None:
    """Right hand across the strings, left hand along the neck."""
    t = rig.timeline
    across = along * 1j
    sweep = t.strum()
    pick = tail + along * size * lute.pluck + across * strum * sweep
    lowered = tail + along * size * lute.pluck * 0.8 + across * 0.12
    # after the stroke the hand drifts off towards the bridge, the slower the older the note
    drift = (across * 0.35 - along) * (0.02 + 0.055 * t.since())
    palm = blend(lowered, pick + drift - across * 0.02, on)
    flick = t.pluck()
    towards = along * turn(52)
    rig.right = Grip(palm, towards, rig.curl(0.35 + 0.45 * flick), flip=-1, z=7)
    nut, end = lute.neck[1], lute.neck[0] + 0.1
    stop = nut - 0.08 - (nut - end - 0.1) * t.pitch()
    down = t.fingers(4)
    left = tail + along * size * stop + across * blend(0.06, 0.042, on)
    rig.left = Grip(left, along * turn(-82), rig.curl(0.3, *(0.55 * down.T)), flip=1, z=7)
    rig.bend_right, rig.bend_left = 1.0, -1.0


def acoustic_guitar(rig: Rig) -> None:
    """A big waisted box on the lap, round hole, six strings."""
    t, body = rig.timeline, rig.body
    on, size = t.active(), 0.365
    along = heading(-12, -18, on)
    tail = body.stance.x - 0.255 + 0.665j + 0.5 * body.sway + 0.02j * (1 - on)
    put: dict[str, Any] = {"origin": tail, "direction": along}
    rig.part(5.0, _EIGHT * size, **put)
    rig.part(5.02, (0.62 + ellipse(0.125)) * size, **put, colour=EBONY)
    rig.part(5.03, box(0.23, -0.13, 0.29, 0.13) * size, **put, colour=rig.board)
    head = np.array([1.83 - 0.05j, 2.12 - 0.075j, 2.14 + 0.075j, 1.83 + 0.05j])
    _neck(rig, GUITAR, size, put, head, 9)
    _pegs(rig, size, put, (1.91, 1.99, 2.07), 0.13, both=True)
    _hands(rig, GUITAR, size, tail, along, 0.075, on)


def ukulele(rig: Rig) -> None:
    """A guitar for a child: held high before the chest."""
    t, body = rig.timeline, rig.body
    on, size = t.active(), 0.25
    along = heading(-14, -22, on)
    tail = body.chest - 0.175 + 0.095j + 0.03j * (1 - on)
    put: dict[str, Any] = {"origin": tail, "direction": along}
    rig.part(5.0, _EIGHT * size, **put)
    rig.part(5.02, (0.62 + ellipse(0.135)) * size, **put, colour=EBONY)
    rig.part(5.03, box(0.22, -0.15, 0.3, 0.15) * size, **put, colour=rig.board)
    head = np.array([1.73 - 0.06j, 2.0 - 0.1j, 2.02 + 0.1j, 1.73 + 0.06j])
    _neck(rig, UKULELE, size, put, head, 6)
    _pegs(rig, size, put, (1.82, 1.94), 0.17, both=True)
    _hands(rig, UKULELE, size, tail, along, 0.065, on)


def electric_bass(rig: Rig) -> None:
    """A horned board on a strap, a very long neck, four tuners in a row."""
    t, body = rig.timeline, rig.body
    on, size = t.active(), 0.33
    along = heading(-12, -20, on)
    tail = body.stance.x - 0.27 + 0.69j + 0.5 * body.sway + 0.02j * (1 - on)
    put: dict[str, Any] = {"origin": tail, "direction": along}
    strap = np.stack([tail + along * size * 0.05, body.left_shoulder - 0.04 - 0.02j], 1)
    rig.strings(4.5, [strap], width=0.03, colour=rig.look.trim)
    rig.part(5.0, _HORNED * size, **put)
    guard = smooth(np.array([0.3 + 0.05j, 0.45 + 0.22j, 0.72 + 0.2j, 0.8, 0.5 - 0.08j]), 2)
    rig.part(5.01, guard * size, **put, colour=rig.pale)
    for x in (0.36, 0.56):
        rig.part(5.03, box(x, -0.1, x + 0.08, 0.1) * size, **put, colour=EBONY)
    rig.part(5.03, box(0.14, -0.09, 0.22, 0.09) * size, **put, colour=rig.look.trim)
    head = smooth(
        np.array([2.02 - 0.05j, 2.1 - 0.1j, 2.46 - 0.1j, 2.5 + 0.02j, 2.3 + 0.04j, 2.02 + 0.05j]), 2
    )
    _neck(rig, BASS, size, put, head, 11)
    rods = [np.array([x - 0.05j, x - 0.2j]) * size for x in (2.12, 2.22, 2.32, 2.42)]
    rig.strings(5.05, rods, **put, width=0.02, colour=rig.look.trim)
    _hands(rig, BASS, size, tail, along, 0.045, on)


def banjo(rig: Rig) -> None:
    """A drum with a neck: pale round skin in a ring with screws, a fifth peg half way."""
    t, body = rig.timeline, rig.body
    on, size = t.active(), 0.31
    along = heading(-14, -20, on)
    tail = body.stance.x - 0.235 + 0.665j + 0.5 * body.sway + 0.02j * (1 - on)
    put: dict[str, Any] = {"origin": tail, "direction": along}
    rim = np.exp(2j * np.pi * np.arange(14) / 14)
    rig.strings(
        4.95,
        [(0.5 + r * np.array([0.42, 0.49])) * size for r in rim],
        **put,
        width=0.018,
        colour=rig.look.trim,
    )
    rig.part(5.0, (0.5 + ellipse(0.455, count=26)) * size, **put)
    rig.part(5.01, (0.5 + ellipse(0.385, count=26)) * size, **put, colour=IVORY)
    rig.part(5.04, box(0.28, -0.09, 0.33, 0.09) * size, **put, colour=rig.board)
    head = smooth(
        np.array(
            [1.95 - 0.05j, 2.05 - 0.1j, 2.22 - 0.08j, 2.26, 2.22 + 0.08j, 2.05 + 0.1j, 1.95 + 0.05j]
        ),
        2,
    )
    _neck(rig, BANJO, size, put, head, 10)
    _pegs(rig, size, put, (2.05, 2.17), 0.17, both=True)
    rig.strings(
        5.05, [np.array([1.5 - 0.03j, 1.5 - 0.14j]) * size], **put, width=0.02, colour=rig.look.trim
    )
    _hands(rig, BANJO, size, tail, along, 0.05, on)


def pipa(rig: Rig) -> None:
    """A pear stood upright on the lap, frets down to the belly, long pegs at a bent head."""
    t, body = rig.timeline, rig.body
    on, size = t.active(), 0.40
    along = heading(-66, -74, on)
    tail = body.stance.x - 0.055 + 0.80j + 0.3 * body.sway
    put: dict[str, Any] = {"origin": tail, "direction": along}
    rig.part(5.0, _PEAR * size, **put)
    rig.part(5.02, box(0.1, -0.13, 0.15, 0.13) * size, **put, colour=rig.board)
    head = smooth(
        np.array(
            [1.40 - 0.06j, 1.58 - 0.05j, 1.68 - 0.09j, 1.74 - 0.02j, 1.62 + 0.05j, 1.40 + 0.06j]
        ),
        2,
    )
    _neck(rig, PIPA, size, put, head, 4)
    frets = [np.array([x - 0.07j, x + 0.07j]) * size for x in (0.5, 0.58, 0.66, 0.74, 0.82)]
    rig.strings(5.06, frets, **put, width=0.013, colour=rig.board)
    _pegs(rig, size, put, (1.46, 1.55), 0.2, both=True)
    _hands(rig, PIPA, size, tail, along, 0.05, on)
    rig.left = Grip(
        tail + along * size * (1.32 - 0.55 * t.pitch()) + 0.035,
        turn(200) + 0 * along,
        rig.curl(0.3, *(0.55 * t.fingers(4).T)),
        flip=1,
        z=7,
    )
