"""Shapes in pixels, painted with OpenCV: single frames, or all frames of a scene at once.

Positions are fixed-point numbers of 1/16 pixel, so slow movement stays smooth. `paint` lays all
frames below one another in one tall picture and paints a shape in all of them with one call.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from jaxtyping import UInt8

from avlib.orchestra.curves import Real

SHIFT = 4  # fractional bits of a pixel position
ROWS = 16384  # greatest height of the tall picture

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Shape:
    """One filled polygon (``fill`` set) or a bundle of lines of one colour and width.

    Attributes:
        z: drawing height; greater covers less.
        start: where its points begin in the sketch's list.
        counts: points of each contour or line.
        fill: colour inside.
        stroke: colour of the lines or the outline.
        width: of the lines, in units of the player's square.
        closed: whether lines return to their start.
        part: whose it is (`avlib.orchestra.sketch`).
        still: its points are the same in every frame.
    """

    z: Real
    start: int
    counts: tuple[int, ...]
    fill: Colour | None
    stroke: Colour | None
    width: Real
    closed: bool
    part: int
    still: bool


class Ink:
    """A sketch in pixels, ready to paint."""

    def __init__(self, shapes: list[Shape], places: np.ndarray, scale: Real) -> None:
        self.shapes = shapes
        self.order = sorted(shapes, key=lambda shape: shape.z)
        self.places = places  # (frame, point) complex pixels
        self.scale = scale

    @cached_property
    def fixed(self) -> np.ndarray:
        """Points (frame, point, 2) as fixed-point numbers: only what is painted needs them."""
        pixels = self.places.view(np.float64).reshape(*self.places.shape, 2)
        return np.rint((pixels - 0.5) * (1 << SHIFT)).astype(np.int32)

    def _thickness(self, width: Real) -> int:
        return max(1, round(width * self.scale))

    def _pad(self, shape: Shape) -> float:
        """How far a shape reaches beyond its points, with half a pixel of smoothing."""
        return 0.5 + (0.0 if shape.stroke is None else self._thickness(shape.width) / 2)

    def split(self) -> tuple[list[Shape], list[Shape]]:
        """Shapes with only still ones below them, which need painting once, and the others."""
        moving = next((k for k, s in enumerate(self.order) if not s.still), len(self.order))
        return self.order[:moving], self.order[moving:]

    def draw(
        self,
        image: np.ndarray,
        fixed: np.ndarray,
        shapes: list[Shape],
        parts: tuple[int, ...] | None = None,
    ) -> None:
        """Paint ``shapes`` with points ``fixed`` (copy, point, 2) onto ``image``, in place."""
        for shape in shapes:
            if parts is not None and shape.part not in parts:
                continue
            points: list[np.ndarray] = []
            start = shape.start
            for count in shape.counts:
                points.extend(fixed[:, start : start + count])
                start += count
            if shape.fill is not None:
                # an outline smooths the edge, so the inside need not
                kind = cv2.LINE_AA if shape.stroke is None else cv2.LINE_8
                cv2.fillPoly(image, points, shape.fill, kind, SHIFT)
            if shape.stroke is not None:
                thickness = self._thickness(shape.width)
                cv2.polylines(
                    image, points, shape.closed, shape.stroke, thickness, cv2.LINE_AA, SHIFT
                )

    def draw_frame(
        self, image: np.ndarray, frame: int, parts: tuple[int, ...] | None = None
    ) -> None:
        """Paint one frame onto ``image`` (height, width, 3) uint8; only ``parts`` if given."""
        self.draw(image, self.fixed[frame : frame + 1], self.order, parts)

    def bounds(self) -> dict[int, np.ndarray]:
        """Boxes around all points of each part with their line widths: (frame, 4) xyxy pixels."""
        totals = [sum(shape.counts) for shape in self.shapes]
        part = np.repeat([shape.part for shape in self.shapes], totals)
        pad = np.repeat([self._pad(shape) for shape in self.shapes], totals)
        boxes = {}
        for one in np.unique(part).tolist():
            mine = np.flatnonzero(part == one)
            places, margin = self.places.take(mine, 1), pad[mine]
            x, y = places.real, places.imag
            sides = (x - margin).min(1), (y - margin).min(1), (x + margin).max(1)
            boxes[one] = np.stack([*sides, (y + margin).max(1)], 1)
        return boxes


def paint(
    back: UInt8[np.ndarray, "height width 3"], inks: list[Ink], frames: int
) -> UInt8[np.ndarray, "frame height width 3"]:
    """Paint all frames: still things into ``back`` first, then player after player.

    Frames lie below one another, with room between them for what reaches over a frame's edge.
    """
    height, width = back.shape[:2]
    back = back.copy()
    moving = []
    for ink in inks:
        still, others = ink.split()
        ink.draw(back, ink.fixed[:1], still)
        moving.append(others)
    above = max(0.0, *(-ink.places.imag.min() for ink in inks))
    below = max(0.0, *(ink.places.imag.max() - height for ink in inks))
    pitch = height + int(above + below + 0.05 * max(ink.scale for ink in inks)) + 8
    batch = max(1, ROWS // pitch)
    film = np.empty((frames, height, width, 3), np.uint8)
    for first in range(0, frames, batch):
        count = min(batch, frames - first)
        tall = np.empty((count, pitch, width, 3), np.uint8)
        tall[:, :height] = back
        shift = np.zeros((count, 1, 2), np.int32)
        shift[:, 0, 1] = np.arange(count) * (pitch << SHIFT)
        for ink, shapes in zip(inks, moving, strict=True):
            fixed = ink.fixed[first : first + count] + shift
            ink.draw(tall.reshape(count * pitch, width, 3), fixed, shapes)
        film[first : first + count] = tall[:, :height]
    return film
