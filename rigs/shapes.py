"""Implicit shapes: functions from points (N, 3), metres, to (N,) values, negative inside.

Near the surface the values are close to a distance. Shapes are round cones and ellipsoids joined by
polynomial smooth minima (Quilez, "Smooth minimum", iquilezles.org/articles/smin). Only + − × ÷ and
sqrt are used, which IEEE 754 rounds alike on every machine, and sums are taken term by term for the
same reason: the mannequin's bytes depend on nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy import ndarray

Shape = Callable[[ndarray], ndarray]
Point = Sequence[float] | ndarray

# Step of the numeric gradient, metres: far below every feature, far above rounding.
_STEP = 1e-5


def length(v: ndarray) -> ndarray:
    """Return the Euclidean length along the last axis of (..., 3)."""
    return np.sqrt(v[..., 0] * v[..., 0] + v[..., 1] * v[..., 1] + v[..., 2] * v[..., 2])


def cone(a: Point, b: Point, ra: float, rb: float) -> Shape:
    """Return a limb from a to b, with radius ra at a and rb at b, and round ends."""
    start, way = np.array(a, dtype=float), np.array(b, dtype=float) - np.array(a, dtype=float)
    squared = float(way[0] * way[0] + way[1] * way[1] + way[2] * way[2])

    def value(p: ndarray) -> ndarray:
        q = p - start
        t = np.clip((q[:, 0] * way[0] + q[:, 1] * way[1] + q[:, 2] * way[2]) / squared, 0.0, 1.0)
        return length(q - t[:, None] * way) - (ra + (rb - ra) * t)

    return value


def ellipsoid(centre: Sequence[float], radii: Sequence[float], tilt: float = 0.0) -> Shape:
    """Return an ellipsoid, rotated about x by an angle with the tangent `tilt` (y towards z)."""
    middle, r = np.array(centre, dtype=float), np.array(radii, dtype=float)
    c = 1.0 / np.sqrt(1.0 + tilt * tilt)
    s = tilt * c

    def value(p: ndarray) -> ndarray:
        q = p - middle
        q = np.stack([q[:, 0], c * q[:, 1] + s * q[:, 2], c * q[:, 2] - s * q[:, 1]], axis=-1)
        # |q/r| (|q/r| − 1) / |q/r²| is a distance to first order at the surface.
        k0, k1 = length(q / r), length(q / (r * r))
        return np.where(k1 > 1e-9, k0 * (k0 - 1.0) / np.maximum(k1, 1e-9), -float(r.min()))

    return value


def join(k: float, *shapes: Shape) -> Shape:
    """Return a union whose creases are filled to a width of about k metres."""

    def value(p: ndarray) -> ndarray:
        total = shapes[0](p)
        for shape in shapes[1:]:
            total = _smooth_minimum(total, shape(p), k)
        return total

    return value


def carve(k: float, shape: Shape, *tools: Shape) -> Shape:
    """Return a shape without the tools, with new edges rounded to a width of about k metres."""

    def value(p: ndarray) -> ndarray:
        total = shape(p)
        for tool in tools:
            total = -_smooth_minimum(-total, tool(p), k)
        return total

    return value


def plane(axis: int, at: float, sign: float = 1.0) -> Shape:
    """Return the half-space below `at` along an axis (above it for sign −1)."""
    return lambda p: sign * (p[:, axis] - at)


def sphere(centre: ndarray, radius: float) -> Shape:
    """Return a ball."""
    return lambda p: length(p - centre) - radius


def both_sides(shape: Shape) -> Shape:
    """Return the union of a shape on the left (x > 0) and its mirror image."""
    return lambda p: shape(np.stack([np.abs(p[:, 0]), p[:, 1], p[:, 2]], axis=-1))


def _smooth_minimum(a: ndarray, b: ndarray, k: float) -> ndarray:
    h = np.maximum(k - np.abs(a - b), 0.0) / k
    return np.minimum(a, b) - h * h * h * (k / 6.0)


def gradient(shape: Shape, p: ndarray) -> ndarray:
    """Return the gradient (N, 3) by central differences."""
    columns = []
    for axis in range(3):
        step = np.zeros(3)
        step[axis] = _STEP
        columns.append((shape(p + step) - shape(p - step)) / (2.0 * _STEP))
    return np.stack(columns, axis=-1)


def project(shape: Shape, p: ndarray, limit: float, rounds: int = 3) -> ndarray:
    """Return points moved onto the surface along the gradient, by at most `limit` metres a
    round."""
    for _ in range(rounds):
        g = gradient(shape, p)
        squared = np.maximum(length(g) ** 2, 1e-12)
        step = g * (shape(p) / squared)[:, None]
        far = np.maximum(length(step) / limit, 1.0)
        p = p - step / far[:, None]
    return p
