"""What a player looks like: a pure function of (instrument, player number).

Every colour comes from one set shared by all instruments, so colour, clothes and hair tell
nothing about the category. Only shapes, sizes and postures do.
"""

import zlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from avlib.orchestra.sketch import Colour

FINISHES: tuple[Colour, ...] = (
    (176, 108, 52),  # chestnut
    (140, 70, 34),  # mahogany
    (214, 160, 92),  # maple
    (232, 196, 136),  # spruce
    (96, 56, 34),  # walnut
    (44, 40, 44),  # black
    (226, 178, 60),  # brass
    (192, 198, 208),  # silver
    (186, 46, 40),  # red
    (238, 234, 224),  # white
    (48, 88, 148),  # blue
    (48, 120, 84),  # green
    (200, 118, 60),  # copper
    (122, 62, 122),  # purple
)
TRIMS: tuple[Colour, ...] = (
    (240, 214, 130),
    (224, 228, 234),
    (52, 44, 44),
    (246, 240, 224),
    (120, 72, 40),
)
SKINS: tuple[Colour, ...] = (
    (255, 219, 186),
    (242, 196, 156),
    (224, 172, 126),
    (196, 140, 96),
    (158, 104, 68),
    (120, 78, 52),
    (92, 60, 42),
)
HAIRS: tuple[Colour, ...] = (
    (38, 30, 30),
    (70, 44, 28),
    (120, 72, 36),
    (190, 136, 60),
    (226, 190, 120),
    (150, 150, 156),
    (166, 62, 34),
)
CLOTHES: tuple[Colour, ...] = (
    (206, 70, 70),
    (232, 140, 62),
    (236, 200, 90),
    (104, 170, 94),
    (70, 150, 160),
    (74, 118, 190),
    (118, 96, 176),
    (200, 110, 156),
    (60, 64, 78),
    (232, 230, 226),
    (126, 132, 142),
    (150, 98, 68),
)
HAIR_STYLES = ("short", "long", "bun", "curly", "bald", "cap", "fringe")


def darker(colour: Colour, by: float = 0.6) -> Colour:
    """Multiply a colour by ``by``."""
    red, green, blue = (int(c * by) for c in colour)
    return red, green, blue


def lighter(colour: Colour, by: float = 0.4) -> Colour:
    """Move a colour by the part ``by`` of its way to white."""
    red, green, blue = (int(c + (255 - c) * by) for c in colour)
    return red, green, blue


def contrast(colour: Colour, other: Colour) -> float:
    """Difference of two colours' lightness, 0 to 1."""
    weights = (0.299, 0.587, 0.114)
    return abs(sum(w * (a - b) for w, a, b in zip(weights, colour, other, strict=True))) / 255


@dataclass(frozen=True)
class Look:
    """One player's fixed appearance.

    Attributes:
        finish: colour of the instrument's body; any instrument may have any finish.
        trim: colour of its fittings (keys, tuners, rims), set off against the finish.
        skin, hair, top, trousers, shoes: the person's colours.
        style: hair style, one of `HAIR_STYLES`.
        glasses: whether the person wears glasses.
        head, shoulders, limb: proportions around 1.
        size: size of person and instrument together, around 1.
        left_handed: the player is drawn as in a mirror.
    """

    finish: Colour
    trim: Colour
    skin: Colour
    hair: Colour
    top: Colour
    trousers: Colour
    shoes: Colour
    style: str
    glasses: bool
    head: float
    shoulders: float
    limb: float
    size: float
    left_handed: bool


def _pick(rng: np.random.Generator, colours: tuple[Colour, ...], *apart: Colour) -> Colour:
    """Draw a colour, set apart in lightness from the ones it must be seen against."""
    order = rng.permutation(len(colours))
    scored = [min((contrast(colours[k], other) for other in apart), default=1.0) for k in order]
    good = [k for k, score in zip(order, scored, strict=True) if score > 0.13]
    return colours[good[0] if good else order[int(np.argmax(scored))]]


@lru_cache(maxsize=4096)
def look_of(instrument: str, player: int) -> Look:
    """Give the look of a player; the same on every machine and in every scene.

    Example:
        >>> look_of("violin", 7) == look_of("violin", 7), look_of("violin", 7).style
        (True, 'curly')
    """
    rng = np.random.default_rng([zlib.crc32(instrument.encode()), player, 1])
    finish = _pick(rng, FINISHES)
    skin = _pick(rng, SKINS)
    top = _pick(rng, CLOTHES, finish, skin)
    return Look(
        finish=finish,
        trim=_pick(rng, TRIMS, finish),
        skin=skin,
        hair=_pick(rng, HAIRS, skin),
        top=top,
        trousers=_pick(rng, CLOTHES, top),
        shoes=darker(_pick(rng, CLOTHES), 0.5),
        style=HAIR_STYLES[rng.integers(len(HAIR_STYLES))],
        glasses=bool(rng.random() < 0.2),
        head=float(rng.uniform(0.92, 1.06)),
        shoulders=float(rng.uniform(0.9, 1.1)),
        limb=float(rng.uniform(0.9, 1.15)),
        size=float(rng.uniform(0.95, 1.0)),
        left_handed=bool(rng.random() < 0.12),
    )
