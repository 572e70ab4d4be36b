"""A drawing that moves: polygons and lines whose points are given for every frame at once.

Points of the plane are complex numbers, ``x + 1j * y`` with y pointing down, in units of the
player's own square: turning is multiplying, moving is adding. A `Sketch` collects shapes;
`Sketch.ink` turns all their points into fixed-point pixels in one go; `Ink.draw` paints a frame.
"""

from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np

from avlib.orchestra.curves import tube

SHIFT = 4  # fractional bits of a pixel position: 1/16 pixel
THICK = 0.0125  # lines wider than this are drawn as polygons
OUTLINE = 0.0065  # width of the dark rim around a shape, in units of the player's square

BODY, INSTRUMENT, PROP = 0, 1, 2  # whose a shape is: the player's, the instrument's, furniture's

_DISC = np.exp(2j * np.pi * np.arange(8) / 8)

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Shape:
    """One filled polygon (``fill`` set) or a bundle of lines of one colour and width."""

    z: float
    start: int
    counts: tuple[int, ...]
    fill: Colour | None
    stroke: Colour | None
    width: float
    closed: bool
    part: int


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
        z: float,
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
        self.shapes.append(
            Shape(z, start, counts, self._lit(colour), self._lit(rim), OUTLINE, True, part)
        )

    def lines(
        self,
        z: float,
        lines: list[np.ndarray],
        width: float,
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
        self.shapes.append(Shape(z, start, counts, None, self._lit(colour), width, closed, part))

    def dots(
        self,
        z: float,
        centres: np.ndarray,
        radius: float,
        colour: Colour,
        part: int = INSTRUMENT,
    ) -> None:
        """Add discs of one size that do not touch, ``centres`` (…, disc), in one call."""
        disc = radius * _DISC
        self.fill(
            z, [centres[..., k, None] + disc for k in range(centres.shape[-1])], colour, part=part
        )

    def ink(self, scale: float, origin: complex, mirror: bool = False) -> "Ink":
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
        pixels = flat.view(np.float64).reshape(self.frames, self.count, 2)
        return Ink(self, pixels, scale)


class Ink:
    """A sketch in pixels, ready to draw."""

    def __init__(self, sketch: Sketch, pixels: np.ndarray, scale: float) -> None:
        self.pixels = pixels
        self.fixed = np.round((pixels - 0.5) * (1 << SHIFT)).astype(np.int32)
        self.order = sorted(sketch.shapes, key=lambda shape: shape.z)
        self.scale = scale
        self.plans: dict[tuple[int, ...] | None, list[tuple]] = {}

    def _thickness(self, width: float) -> int:
        return max(1, round(width * self.scale))

    def _steps(self, parts: tuple[int, ...] | None, skip: int = 0) -> list[tuple]:
        """What to draw, in order: (lines?, (start, stop) of each, closed, colour, thickness)."""
        steps: list[tuple] = []
        for shape in self.order[skip:]:
            if parts is not None and shape.part not in parts:
                continue
            ends = np.cumsum([shape.start, *shape.counts]).tolist()
            spans = list(pairwise(ends))
            if shape.fill is not None:
                steps.append((False, spans, True, shape.fill, 0))
            if shape.stroke is not None:
                thickness = self._thickness(shape.width)
                steps.append((True, spans, shape.closed, shape.stroke, thickness))
        return steps

    def _paint(self, image: np.ndarray, frame: int, steps: list[tuple]) -> None:
        fixed, smooth = self.fixed[frame], cv2.LINE_AA
        for is_line, spans, closed, colour, thickness in steps:
            points = [fixed[start:stop] for start, stop in spans]
            if is_line:
                cv2.polylines(image, points, closed, colour, thickness, smooth, SHIFT)
            else:
                cv2.fillPoly(image, points, colour, smooth, SHIFT)

    def draw_still(self, image: np.ndarray) -> None:
        """Paint what never moves and has nothing moving behind it; `draw` then leaves it out."""
        pairs = self.fixed.view(np.int64)[..., 0]  # x and y as one number
        still = (pairs == pairs[:1]).all(0)
        count = 0
        for shape in self.order:
            if not still[shape.start : shape.start + sum(shape.counts)].all():
                break
            count += 1
        order, self.order = self.order, self.order[:count]
        self._paint(image, 0, self._steps(None))
        self.order = order
        self.plans[None] = self._steps(None, skip=count)

    def draw(self, image: np.ndarray, frame: int, parts: tuple[int, ...] | None = None) -> None:
        """Paint one frame onto ``image`` (height, width, 3) uint8; only ``parts`` if given."""
        if parts not in self.plans:
            self.plans[parts] = self._steps(parts)
        self._paint(image, frame, self.plans[parts])

    def bounds(self) -> dict[int, np.ndarray]:
        """Boxes around all points of each part with their line widths: (frame, 4) xyxy pixels."""
        chosen: dict[int, tuple[list, list]] = {}
        for shape in self.order:
            columns, pads = chosen.setdefault(shape.part, ([], []))
            pad = 0.5 if shape.stroke is None else self._thickness(shape.width) / 2
            total = sum(shape.counts)
            columns.extend(range(shape.start, shape.start + total))
            pads.extend([pad] * total)
        boxes = {}
        for part, (columns, pads) in chosen.items():
            points, pad = self.pixels.take(columns, 1), np.array(pads)[:, None]
            boxes[part] = np.concatenate([(points - pad).min(1), (points + pad).max(1)], -1)
        return boxes
