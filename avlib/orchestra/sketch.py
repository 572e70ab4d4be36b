"""A drawing that moves: polygons and lines whose points are given for every frame at once.

Points of the plane are complex numbers, ``x + 1j * y`` with y pointing down, in units of the
player's own square: turning is multiplying, moving is adding. A `Sketch` collects shapes;
`Sketch.ink` turns all their points into pixels in one go (`avlib.orchestra.ink`).
"""

from dataclasses import dataclass, field

import numpy as np

from avlib.orchestra.curves import Real, tube
from avlib.orchestra.ink import Colour, Ink, Shape

THICK = 0.0125  # lines wider than this are drawn as polygons
OUTLINE = 0.0065  # width of the dark rim around a shape, in units of the player's square

BODY, INSTRUMENT, PROP = 0, 1, 2  # whose a shape is: the player's, the instrument's, furniture's

_DISC = np.exp(2j * np.pi * np.arange(8) / 8)


@dataclass
class Sketch:
    """Shapes of one player in drawing order; points ``(frame, point)`` complex.

    Attributes:
        frames: how many frames every shape is given for.
        tint: lighting, multiplied into every colour (red, green, blue).
    """

    frames: int
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    shapes: list[Shape] = field(default_factory=list)
    points: list[np.ndarray] = field(default_factory=list)
    count: int = 0

    def _add(self, points: np.ndarray) -> int:
        start = self.count
        self.points.append(points)
        self.count += points.shape[-1]
        return start

    def _lit(self, colour: Colour | None) -> Colour | None:
        if colour is None:
            return None
        red, green, blue = (min(255, int(c * t)) for c, t in zip(colour, self.tint, strict=True))
        return red, green, blue

    def fill(
        self,
        z: Real,
        points: np.ndarray | list[np.ndarray],
        colour: Colour,
        rim: Colour | None = None,
        part: int = INSTRUMENT,
    ) -> None:
        """Add a polygon, ``points`` (frame, point) or (point,); ``rim`` draws its outline.

        Several contours are one polygon: what lies inside an even number of them stays empty.
        """
        contours = points if isinstance(points, list) else [points]
        start = self.count
        for contour in contours:
            self._add(contour)
        counts = tuple(contour.shape[-1] for contour in contours)
        still = all(contour.ndim == 1 for contour in contours)
        self.shapes.append(
            Shape(z, start, counts, self._lit(colour), self._lit(rim), OUTLINE, True, part, still)
        )

    def lines(
        self,
        z: Real,
        lines: list[np.ndarray],
        width: Real,
        colour: Colour,
        closed: bool = False,
        part: int = INSTRUMENT,
    ) -> None:
        """Add polylines of one width (units of the square) and colour.

        Thin lines are drawn in one call; thick ones as polygons, which keeps their exact width.
        """
        if width > THICK and not closed:
            for line in lines:
                self.fill(z, tube(line, width), colour, part=part)
            return
        start = self.count
        for line in lines:
            self._add(line)
        counts = tuple(line.shape[-1] for line in lines)
        still = all(line.ndim == 1 for line in lines)
        self.shapes.append(
            Shape(z, start, counts, None, self._lit(colour), width, closed, part, still)
        )

    def dots(
        self,
        z: Real,
        centres: np.ndarray,
        radius: Real,
        colour: Colour,
        part: int = INSTRUMENT,
    ) -> None:
        """Add discs of one size that do not touch, ``centres`` (…, disc), in one call."""
        disc = radius * _DISC
        self.fill(
            z, [centres[..., k, None] + disc for k in range(centres.shape[-1])], colour, part=part
        )

    def ink(self, scale: Real, origin: complex, mirror: bool = False) -> Ink:
        """Place the sketch in the picture: pixel = origin + scale * point (x negated if mirror)."""
        flat = np.empty((self.frames, self.count), np.complex128)
        start = 0
        for points in self.points:
            flat[:, start : start + points.shape[-1]] = points
            start += points.shape[-1]
        flat *= scale
        if mirror:
            flat.real *= -1
        flat += origin
        return Ink(self.shapes, flat, scale)
