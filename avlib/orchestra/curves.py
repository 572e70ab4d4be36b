"""Curves that instruments and bodies are made of; points are complex numbers (x + 1j * y)."""

from functools import lru_cache

import numpy as np

Real = float | int
Number = complex | float | int
Place = np.ndarray | complex | float | int
Points = list[complex | float | int] | np.ndarray

UP, DOWN, LEFT, RIGHT = -1j, 1j, -1.0 + 0j, 1.0 + 0j


def turn(degrees: Place) -> np.ndarray:
    """Unit direction at an angle from +x, clockwise on the screen (y points down)."""
    return np.asarray(np.exp(1j * np.deg2rad(degrees)))


@lru_cache(maxsize=64)
def _circle(count: int) -> np.ndarray:
    return np.exp(2j * np.pi * np.arange(count) / count)


def ellipse(width: Real, height: Real | None = None, count: int = 24) -> np.ndarray:
    """Closed ellipse around 0 with radii ``width`` and ``height``: (point,)."""
    unit = _circle(count)
    return unit.real * width + 1j * unit.imag * (width if height is None else height)


def box(x0: Real, y0: Real, x1: Real, y1: Real) -> np.ndarray:
    """Rectangle from corner to corner: (4,)."""
    return np.array([x0 + 1j * y0, x1 + 1j * y0, x1 + 1j * y1, x0 + 1j * y1])


def rounded(x0: Real, y0: Real, x1: Real, y1: Real, radius: Real) -> np.ndarray:
    """Rectangle with round corners: (20,)."""
    quarter = radius * np.exp(0.5j * np.pi * np.linspace(0, 1, 5))
    right, left, low, high = x1 - radius, x0 + radius, y1 - radius, y0 + radius
    corners = ((right, low), (left, low), (left, high), (right, high))
    return np.concatenate([x + 1j * y + quarter * 1j**k for k, (x, y) in enumerate(corners)])


def smooth(points: Points, each: int = 4, closed: bool = True) -> np.ndarray:
    """Catmull-Rom spline through ``points`` with ``each`` points a piece: (point,)."""
    return _spline(np.asarray(points, complex).tobytes(), each, closed)


@lru_cache(maxsize=1024)
def _spline(points: bytes, each: int, closed: bool) -> np.ndarray:
    p = np.frombuffer(points, complex)
    if closed:
        q = np.concatenate([p[-1:], p, p[:2]])
    else:
        q = np.concatenate([p[:1], p, p[-1:]])
    u = (np.arange(each) / each)[None]
    a, b, c, d = (q[k : len(q) - 3 + k, None] for k in range(4))
    curve = b + 0.5 * u * (c - a + u * (2 * a - 5 * b + 4 * c - d + u * (3 * (b - c) + d - a)))
    flat = curve.ravel()
    curve = flat if closed else np.append(flat, p[-1])
    curve.setflags(write=False)  # shared by all who ask for it
    return curve


def mirrored(half: Points) -> np.ndarray:
    """Close a half outline (y >= 0, from one end to the other) by its mirror image in y."""
    points = np.asarray(half, complex)
    back = points[::-1].conj()
    keep = np.abs(back.imag) > 1e-9
    return np.concatenate([points, back[keep]])


def tube(centre: np.ndarray, widths: np.ndarray | float) -> np.ndarray:
    """Polygon around a centre line (…, point) with a width at each point: (…, 2 * point)."""
    step = np.empty_like(centre)
    step[..., 1:] = centre[..., 1:] - centre[..., :-1]
    step[..., 0] = step[..., 1]
    step[..., 1:-1] += step[..., 2:] + 0
    side = 1j * step / np.maximum(np.abs(step), 1e-9) * (np.asarray(widths) / 2)
    return np.concatenate([centre + side, (centre - side)[..., ::-1]], -1)


_ARC = np.exp(1j * np.pi * np.linspace(0.5, 1.5, 6))


def capsule(a: Place, b: Place, width_a: Real, width_b: Real) -> np.ndarray:
    """Limb with round ends from ``a`` to ``b`` (each (frame,) or single): (…, 12)."""
    a, b = np.asarray(a)[..., None], np.asarray(b)[..., None]
    along = b - a
    along = along / np.maximum(np.abs(along), 1e-9)
    ends = a + along * _ARC * (width_a / 2), b - along * _ARC * (width_b / 2)
    return np.concatenate(ends, -1)


def place(
    shape: np.ndarray,
    origin: Place,
    direction: Place = 1.0,
) -> np.ndarray:
    """Move a shape: its +x goes along ``direction``, its 0 to ``origin``: (frame, point)."""
    return np.asarray(origin)[..., None] + np.asarray(direction)[..., None] * shape
