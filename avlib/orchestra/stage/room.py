"""A room: wall, floor, furniture, pictures of no instrument, plants, and the light."""

from dataclasses import dataclass

import numpy as np

from avlib.orchestra.curves import box, ellipse, rounded, smooth
from avlib.orchestra.performer.look import darker, lighter
from avlib.orchestra.sketch import Colour, Sketch

_WALLS: tuple[Colour, ...] = (
    (214, 206, 190),
    (176, 196, 206),
    (206, 182, 168),
    (170, 186, 160),
    (150, 146, 160),
    (222, 214, 204),
    (110, 122, 140),
    (190, 160, 130),
    (96, 88, 92),
    (226, 220, 232),
)
_FLOORS: tuple[Colour, ...] = (
    (150, 112, 78),
    (122, 92, 70),
    (130, 130, 132),
    (176, 148, 112),
    (92, 84, 84),
    (140, 110, 110),
    (112, 124, 112),
)
_CLUTTER: tuple[Colour, ...] = (
    (170, 70, 60),
    (70, 100, 150),
    (200, 160, 70),
    (90, 130, 90),
    (120, 84, 60),
    (230, 226, 214),
    (70, 66, 76),
    (150, 110, 150),
)


@dataclass(frozen=True)
class Room:
    """The place and light of one scene.

    Attributes:
        tint: red, green, blue factors of the light, for everybody and everything.
        vignette: how much darker the corners of the room are, 0 to 0.4.
        seed: draws wall, floor and clutter.
    """

    tint: tuple[float, float, float]
    vignette: float
    seed: int


def room_of(rng: np.random.Generator) -> Room:
    """Draw a room; nothing in it depends on who plays."""
    bright = rng.uniform(0.72, 1.08)
    warm = rng.uniform(-0.07, 0.07)
    tint = (bright * (1 + warm), bright, bright * (1 - warm))
    return Room(tint, float(rng.uniform(0, 0.4)), int(rng.integers(2**31)))


def draw_room(room: Room, height: int, width: int) -> np.ndarray:
    """Paint the empty room: (height, width, 3) uint8, at any size and shape."""
    rng = np.random.default_rng(room.seed)
    wall = _WALLS[rng.integers(len(_WALLS))]
    floor = _FLOORS[rng.integers(len(_FLOORS))]
    horizon = rng.uniform(0.62, 0.80)
    y = np.linspace(0, 1, height)[:, None]
    shade = 1.06 - 0.16 * y
    rows = np.where(y < horizon, np.array(wall) * shade, np.array(floor) * (0.8 + 0.3 * y))
    x = np.linspace(-1, 1, width)
    lean = rng.uniform(-0.08, 0.08)
    fall = 1 + lean * x - room.vignette * 0.5 * x**2
    down = 1 - room.vignette * 0.4 * (2 * y[:, 0] - 1) ** 2
    rows = (rows * down[:, None] * np.array(room.tint)).astype(np.float32)
    image = (rows[:, None, :] * fall.astype(np.float32)[None, :, None]).clip(0, 255)
    image = image.astype(np.uint8)
    aspect = width / height
    sketch = Sketch(1, tuple(0.96 * t for t in room.tint))  # type: ignore[arg-type]
    sketch.lines(0, [np.array([0, aspect]) + 1j * horizon], 0.014, lighter(wall, 0.3))
    makers = (_curtain, _window, _picture, _picture, _shelf, _plant, _lamp, _sofa, _picture, _panel)
    chosen = rng.permutation(len(makers))[: rng.integers(2, 6)]
    for k in sorted(chosen):
        makers[k](sketch, rng, aspect, horizon)
    if rng.random() < 0.5:
        rug = aspect * rng.uniform(0.3, 0.7) + 1j * (horizon + 0.14) + ellipse(0.4, 0.08, 24)
        sketch.fill(0.1, rug, _colour(rng))
    sketch.ink(height, 0j).draw_frame(image, 0)
    return image


def _colour(rng: np.random.Generator) -> Colour:
    return _CLUTTER[rng.integers(len(_CLUTTER))]


def _curtain(sketch: Sketch, rng: np.random.Generator, aspect: float, horizon: float) -> None:
    colour = _colour(rng)
    left = rng.random() < 0.5
    wide = rng.uniform(0.08, 0.18)
    x0 = 0.0 if left else aspect - wide
    sketch.fill(1, box(x0, -0.01, x0 + wide, horizon + 0.03), colour)
    folds = [np.array([x, x + 1j * horizon]) for x in np.linspace(x0 + 0.02, x0 + wide - 0.01, 5)]
    sketch.lines(1, folds, 0.012, darker(colour, 0.8))


def _window(sketch: Sketch, rng: np.random.Generator, aspect: float, horizon: float) -> None:
    x, y = rng.uniform(0.02, 0.7) * aspect, rng.uniform(0.04, 0.15)
    w, h = rng.uniform(0.18, 0.3), rng.uniform(0.22, 0.34)
    sky = ((168, 206, 236), (70, 84, 120), (240, 206, 160))[rng.integers(3)]
    sketch.fill(0.5, box(x, y, x + w, y + h), sky, (236, 232, 224))
    bars = [np.array([x + w / 2 + 1j * y, x + w / 2 + 1j * (y + h)])]
    bars.append(np.array([x + 1j * (y + h / 2), x + w + 1j * (y + h / 2)]))
    frame = box(x, y, x + w, y + h)
    bars.append(np.append(frame, frame[:1]))
    sketch.lines(0.6, bars, 0.015, (236, 232, 224))


def _picture(sketch: Sketch, rng: np.random.Generator, aspect: float, horizon: float) -> None:
    x, y = rng.uniform(0.02, 0.8) * aspect, rng.uniform(0.04, 0.25)
    w, h = rng.uniform(0.1, 0.2), rng.uniform(0.1, 0.2)
    ground, ink = _colour(rng), _colour(rng)
    sketch.fill(0.7, box(x - 0.01, y - 0.01, x + w + 0.01, y + h + 0.01), darker(_colour(rng), 0.6))
    sketch.fill(0.71, box(x, y, x + w, y + h), ground)
    middle = x + w / 2 + 1j * (y + h / 2)
    kind = rng.integers(4)
    if kind == 0:
        sketch.fill(0.72, middle + ellipse(0.3 * w, 0.3 * h), ink)
    elif kind == 1:
        hills = np.array(
            [
                x + 1j * (y + h),
                x + 0.3 * w + 1j * (y + 0.4 * h),
                x + 0.55 * w + 1j * (y + 0.7 * h),
                x + 0.8 * w + 1j * (y + 0.3 * h),
                x + w + 1j * (y + h),
            ]
        )
        sketch.fill(0.72, hills, ink)
    elif kind == 2:
        rows = [
            np.array([x + 0.15 * w, x + 0.85 * w]) + 1j * (y + f * h)
            for f in (0.25, 0.45, 0.65, 0.8)
        ]
        sketch.lines(0.72, rows, 0.012, ink)
    else:
        sketch.fill(
            0.72, middle + 0.32 * h * np.exp(2j * np.pi * np.arange(3) / 3 - 0.5j * np.pi), ink
        )


def _shelf(sketch: Sketch, rng: np.random.Generator, aspect: float, horizon: float) -> None:
    x, w = rng.uniform(0, 0.75) * aspect, rng.uniform(0.18, 0.28)
    top = rng.uniform(0.12, 0.35)
    wood = darker(_colour(rng), 0.7)
    sketch.fill(0.8, box(x, top, x + w, horizon + 0.02), wood)
    for level in np.arange(top + 0.02, horizon - 0.08, 0.13):
        sketch.fill(0.81, box(x + 0.012, level, x + w - 0.012, level + 0.105), darker(wood, 0.6))
        at = x + 0.018
        while at < x + w - 0.035:
            thick = rng.uniform(0.012, 0.028)
            tall = rng.uniform(0.06, 0.098)
            sketch.fill(
                0.82, box(at, level + 0.105 - tall, at + thick, level + 0.105), _colour(rng)
            )
            at += thick + 0.003


def _plant(sketch: Sketch, rng: np.random.Generator, aspect: float, horizon: float) -> None:
    x = rng.choice([rng.uniform(0.03, 0.2), rng.uniform(0.8, 0.97)]) * aspect
    base, size = horizon + rng.uniform(0.02, 0.12), rng.uniform(0.14, 0.26)
    pot = np.array([-0.05, 0.05, 0.035 + 0.09j, -0.035 + 0.09j])
    sketch.fill(2, x + 1j * (base - 0.09) + pot, _colour(rng))
    green = ((70, 122, 70), (96, 146, 84), (58, 98, 76))[rng.integers(3)]
    leaf = smooth(np.array([0, 0.4 + 0.13j, 1.0, 0.4 - 0.13j]), 3)
    for angle in np.linspace(-150, -30, 7) + rng.uniform(-8, 8, 7):
        way = np.exp(1j * np.deg2rad(angle)) * size * rng.uniform(0.75, 1.1)
        sketch.fill(2, x + 1j * (base - 0.09) + leaf * way, green, darker(green))


def _lamp(sketch: Sketch, rng: np.random.Generator, aspect: float, horizon: float) -> None:
    x = rng.choice([rng.uniform(0.05, 0.2), rng.uniform(0.8, 0.95)]) * aspect
    foot, top = horizon + 0.06, rng.uniform(0.2, 0.35)
    sketch.lines(
        1.5,
        [np.array([x + 1j * top, x + 1j * foot]), np.array([x - 0.05, x + 0.05]) + 1j * foot],
        0.014,
        (70, 64, 60),
    )
    shade = np.array([-0.04, 0.04, 0.075 + 0.11j, -0.075 + 0.11j])
    sketch.fill(1.5, x + 1j * top + shade, (244, 222, 160), (190, 160, 100))


def _sofa(sketch: Sketch, rng: np.random.Generator, aspect: float, horizon: float) -> None:
    x, w = rng.uniform(-0.1, 0.6) * aspect, rng.uniform(0.4, 0.6)
    colour = _colour(rng)
    y = horizon - 0.12
    sketch.fill(1.2, rounded(x, y, x + w, y + 0.2, 0.05), colour, darker(colour))
    sketch.fill(
        1.3, box(x + 0.04, y + 0.1, x + w - 0.04, y + 0.18), lighter(colour, 0.15), darker(colour)
    )


def _panel(sketch: Sketch, rng: np.random.Generator, aspect: float, horizon: float) -> None:
    colour = _WALLS[rng.integers(len(_WALLS))]
    lines = [
        np.array([x, x + 1j * horizon])
        for x in np.arange(rng.uniform(0, 0.1), aspect, rng.uniform(0.06, 0.16))
    ]
    sketch.lines(0.05, lines, 0.01, darker(colour, 0.85))


def draw_occluder(sketch: Sketch, rng: np.random.Generator, aspect: float) -> None:
    """Hard case: something stands before the players (a plant or a music stand)."""
    x = aspect * rng.uniform(0.25, 0.75)
    if rng.random() < 0.5:
        pot = np.array([-0.08, 0.08, 0.06 + 0.2j, -0.06 + 0.2j])
        sketch.fill(0, x + 0.85j + pot, _colour(rng))
        leaf = smooth(np.array([0, 0.4 + 0.1j, 1.0, 0.4 - 0.1j]), 3)
        for angle in np.linspace(-140, -40, 6):
            way = np.exp(1j * np.deg2rad(angle + rng.uniform(-8, 8))) * 0.3
            sketch.fill(1, x + 0.86j + leaf * way, (64, 112, 70), (40, 70, 46))
    else:
        desk = np.array([-0.11 + 0.55j, 0.11 + 0.55j, 0.13 + 0.70j, -0.13 + 0.70j])
        legs = [
            np.array([x + 0.7j, x + 0.95j]),
            np.array([x - 0.07 + 1j, x + 0.93j, x + 0.07 + 1j]),
        ]
        sketch.lines(0, legs, 0.016, (60, 58, 62))
        sketch.fill(1, x + desk, (70, 66, 72), (30, 28, 32))
        sketch.fill(2, x + 0.9 * (desk - 0.62j) + 0.61j, (240, 236, 224))
