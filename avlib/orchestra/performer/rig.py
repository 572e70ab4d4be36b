"""What an instrument needs to know about its player, and what it must say back: two grips."""

from dataclasses import dataclass

import numpy as np

from avlib.orchestra.curves import Place, Real, place, tube
from avlib.orchestra.performer.body import Body, Grip
from avlib.orchestra.performer.look import Look, contrast, darker, lighter
from avlib.orchestra.performer.timeline import Timeline
from avlib.orchestra.sketch import Colour, Sketch

IVORY: Colour = (244, 238, 220)
EBONY: Colour = (42, 36, 38)


def blend(rest: Place, play: Place, active: np.ndarray) -> np.ndarray:
    """Go from the resting to the playing posture as ``active`` (frame,) goes from 0 to 1."""
    return rest + np.asarray(np.asarray(play) - rest) * active


def heading(rest: Real, play: Real, active: np.ndarray) -> np.ndarray:
    """Unit direction (frame,) between two angles in degrees, clockwise from +x."""
    return np.exp(1j * np.deg2rad(blend(rest, play, active).real))


@dataclass
class Rig:
    """A player about to be given an instrument; `avlib.orchestra.shapes` fills in the grips."""

    sketch: Sketch
    body: Body
    look: Look
    timeline: Timeline
    right: Grip | None = None
    left: Grip | None = None
    bend_right: Real = 1.0
    bend_left: Real = -1.0
    elbow_right: np.ndarray | None = None
    elbow_left: np.ndarray | None = None

    def curl(self, amount: Place, *presses: np.ndarray) -> np.ndarray:
        """Curls (frame, 5): ``amount`` for all, plus ``presses`` from the index finger on."""
        base = np.broadcast_to(np.asarray(amount, float), self.body.sway.shape)
        curls = np.repeat(base[:, None], 5, 1)
        for finger, press in enumerate(presses[:4], start=1):
            curls[:, finger] += press
        return curls

    def part(
        self,
        z: Real,
        shape: np.ndarray,
        origin: Place = 0.0,
        direction: Place = 1.0,
        colour: Colour | None = None,
        rim: bool = True,
    ) -> None:
        """Draw a piece of the instrument, by default in its finish with a dark outline."""
        fill = self.look.finish if colour is None else colour
        edge = edge_of(fill) if rim else None
        self.sketch.fill(z, place(shape, origin, direction), fill, edge)

    def pipe(
        self,
        z: Real,
        centre: np.ndarray,
        widths: np.ndarray | float,
        origin: Place = 0.0,
        direction: Place = 1.0,
        colour: Colour | None = None,
    ) -> None:
        """Draw a tube around a centre line (point,) with its widths."""
        self.part(z, tube(centre, widths), origin, direction, colour)

    def strings(
        self,
        z: Real,
        segments: list[np.ndarray],
        origin: Place = 0.0,
        direction: Place = 1.0,
        width: Real = 0.004,
        colour: Colour = IVORY,
    ) -> None:
        """Draw thin lines (strings, frets, rods), all in one call."""
        placed = [place(np.asarray(s, complex), origin, direction) for s in segments]
        self.sketch.lines(z, placed, width, colour)

    def dots(
        self,
        z: Real,
        centres: np.ndarray,
        radius: Real,
        origin: Place = 0.0,
        direction: Place = 1.0,
        colour: Colour = IVORY,
    ) -> None:
        """Draw round things of one size (keys, holes, buttons), in one call."""
        self.sketch.dots(z, place(centres, origin, direction), radius, colour)

    @property
    def pale(self) -> Colour:
        """A light tone of the finish, for faces and soundboards."""
        return lighter(self.look.finish, 0.35)

    @property
    def deep(self) -> Colour:
        """A dark tone of the finish, for backs and sides."""
        return darker(self.look.finish, 0.62)

    @property
    def board(self) -> Colour:
        """Fingerboards and holes: dark on light instruments, light on dark ones."""
        return EBONY if contrast(EBONY, self.look.finish) > 0.2 else lighter(EBONY, 0.55)


def edge_of(colour: Colour) -> Colour:
    """Outline colour of a filled piece: dark, or light around very dark pieces."""
    lightness = contrast(colour, (0, 0, 0))
    return darker(colour, 0.42) if lightness > 0.25 else lighter(colour, 0.38)
