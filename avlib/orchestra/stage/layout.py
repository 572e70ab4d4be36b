"""Who stands where: a square for each player, so that all fit into any picture."""

from dataclasses import dataclass

import numpy as np

# Side of a player's square and its centre, for 1 to 4 players, in units of a square stage.
_SIDES = {1: 1.0, 2: 0.66, 3: 0.56, 4: 0.50}
_CENTRES: dict[int, tuple[tuple[float, float], ...]] = {
    1: ((0.5, 0.5),),
    2: ((0.30, 0.53), (0.70, 0.53)),
    3: ((0.27, 0.64), (0.50, 0.34), (0.73, 0.64)),
    4: ((0.30, 0.31), (0.70, 0.31), (0.30, 0.70), (0.70, 0.70)),
}


@dataclass(frozen=True)
class Spot:
    """A player's square in the picture: side and top-left corner in pixels."""

    side: float
    corner: complex


def lay_out(
    players: int, height: int, width: int, rng: np.random.Generator, small: bool = False
) -> tuple[Spot, ...]:
    """Give each of 1 to 4 players a square of the picture, side by side.

    All drawing of a player stays in the middle 80% of the square, so a solo stays in the middle
    80% of the picture. Wide pictures spread the players and, for several, enlarge them.

    Args:
        players: how many, 1 to 4.
        height: of the picture, in pixels.
        width: of the picture, in pixels.
        rng: draws small shifts.
        small: hard case: players far away, anywhere in the picture.
    """
    stage = min(height, width)
    aspect = width / height
    wide = players > 1 and aspect > 1.2
    side = _SIDES[players]
    centres = _CENTRES[players]
    if wide:
        side = min(0.92, side * aspect**0.8, 1.15 * aspect / (0.8 * players))
        centres = tuple(((k + 0.6) / (players + 0.2), 0.5) for k in range(players))
    if small:
        side *= 0.5
    spots = []
    for x, y in centres:
        own = side * rng.uniform(0.97, 1.0)
        free = 0.5 * (side - own) if not small else 0.12
        dx, dy = rng.uniform(-free, free, 2)
        centre_x = (width * x if wide else width / 2 + stage * (x - 0.5)) + stage * dx
        centre_y = height / 2 + stage * (y - 0.5) + stage * dy
        pixels = own * stage
        spots.append(Spot(pixels, centre_x - pixels / 2 + 1j * (centre_y - pixels / 2)))
    return tuple(spots)
