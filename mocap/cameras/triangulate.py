"""Triangulation: points of the world from their pixels in several views.

Each point starts from linear least squares on a pair of views (DLT: Hartley and Zisserman, Multiple
View Geometry, 2nd ed., 12.2). The pair is the one whose point fits all views best, with capped
residuals, so that one wrong view does not decide. Gauss-Newton steps on the reprojection error
follow, with Geman and McClure's weights, so that views which disagree hardly count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from mocap.cameras.views import View

LEAST_NOISE = 0.5
"""Smallest standard deviation assumed for a detector's image points, pixels."""
AGREES = 3.0
"""Residual beyond which a view is an outlier, in standard deviations of the noise."""
_ROUNDS = 8  # Gauss-Newton steps
_FEWEST = 0.05  # weight below which a view does not see a point
_STARTS = 10  # largest number of pairs of views from which a point may start
_NOISE_ROUNDS = 3  # estimates of the noise
_FIRST = 2.0  # first estimate of the noise, in units of `least`


@dataclass(frozen=True, eq=False, slots=True)
class Triangulated:
    """Points of the world.

    Attributes:
        points: (F, N, 3) in the views' unit; NaN where fewer than two views agree.
        confidence: (F, N) in [0, 1], from the views which agree; 0 without a point.
        error: (F, N) root mean square of the distances between the views' pixels and the
            reprojections, pixels, without outlier views; NaN without a point.
        deviation: (F, N) standard deviation of the point along its worst axis, in the views' unit,
            from the noise and the angles between the rays.
        used: (C, F, N) whether the view agrees.
        noise: Standard deviation of the image points over all views, pixels.
    """

    points: Float[ndarray, "frames n 3"]
    confidence: Float[ndarray, "frames n"]
    error: Float[ndarray, "frames n"]
    deviation: Float[ndarray, "frames n"]
    used: Bool[ndarray, "cameras frames n"]
    noise: float


def triangulate(
    views: Sequence[View],
    pixels: Float[ndarray, "cameras frames n 2"],
    weights: Float[ndarray, "cameras frames n"],
    least: Float[ndarray, "cameras"] | float = LEAST_NOISE,
    noise: float | None = None,
) -> Triangulated:
    """Triangulate points that several cameras see.

    Args:
        views: The cameras.
        pixels: Image points of each camera, with lens distortion; NaN where it sees none.
        weights: Confidence of each image point, 0 to 1; 0 where there is none.
        least: Smallest standard deviation of the image points, pixels, one for all cameras or one
            for each.
        noise: The actual standard deviation, in units of `least`; None estimates it from the
            residuals.
    """
    least = np.broadcast_to(np.asarray(least, dtype=float), (len(views),))
    slopes = np.stack([v.normalized(p) for v, p in zip(views, pixels, strict=True)])
    known = np.isfinite(slopes).all(axis=-1) & (np.nan_to_num(weights) > _FEWEST)
    weight = np.where(known, np.nan_to_num(weights), 0.0)
    slopes = np.where(known[..., None], slopes, 0.0)
    cameras = Rays.of(views, slopes, weight, least)
    sigma = _FIRST if noise is None else noise
    for _ in range(_NOISE_ROUNDS if noise is None else 1):
        points = _refined(cameras, _started(cameras, sigma), sigma)
        residual = cameras.residuals(points)
        sigma = _noise(residual, weight) if noise is None else noise
    agrees = known & (residual < AGREES * sigma) & (cameras.depths(points) > 0.0)
    enough = agrees.sum(axis=0) >= 2
    used = agrees & enough
    in_pixels = np.where(used, residual * least[:, None, None], 0.0)
    error = np.sqrt(np.square(in_pixels).sum(axis=0) / np.maximum(used.sum(axis=0), 1))
    # From the probability that all agreeing views are wrong.
    doubt = np.where(used, 1.0 - weight * np.exp(-0.125 * np.square(residual / sigma)), 1.0)
    confidence = 1.0 - np.sqrt(np.prod(doubt, axis=0))
    return Triangulated(
        np.where(enough[..., None], points, np.nan),
        np.where(enough, confidence, 0.0),
        np.where(enough, error, np.nan),
        np.where(enough, sigma * _spread(cameras, points, used * weight), np.nan),
        used,
        float(sigma * least.mean()),
    )


@dataclass(frozen=True, eq=False, slots=True)
class Rays:
    """Viewing rays of several cameras.

    Attributes:
        slopes: x/z and y/z of the rays in camera axes.
        weights: Weights of the rays, 0 to 1.
        focal: Focal lengths in units of the image points' smallest standard deviation, which are
            therefore the units of residuals.
        rotation: Rotations from world to camera axes.
        translation: Position of the world's origin in camera axes.
    """

    slopes: Float[ndarray, "cameras frames n 2"]
    weights: Float[ndarray, "cameras frames n"]
    focal: Float[ndarray, "cameras"]
    rotation: Float[ndarray, "cameras 3 3"]
    translation: Float[ndarray, "cameras 3"]

    @classmethod
    def of(cls, views: Sequence[View], slopes: ndarray, weights: ndarray, least: ndarray) -> Rays:
        """Return the rays of views.

        Args:
            views: The cameras.
            slopes: (C, F, N, 2) x/z and y/z of the rays.
            weights: (C, F, N) weights of the rays.
            least: (C,) smallest standard deviations of image points, pixels.
        """
        return cls(
            slopes,
            weights,
            np.array([0.5 * (v.matrix[0, 0] + v.matrix[1, 1]) for v in views]) / least,
            np.stack([v.rotation for v in views]),
            np.stack([v.translation for v in views]),
        )

    def in_cameras(self, points: Float[ndarray, "frames n 3"]) -> Float[ndarray, "cameras f n 3"]:
        """Return the points in each camera's axes."""
        turned = np.einsum("cij,fnj->cfni", self.rotation, points)
        return np.asarray(turned + self.translation[:, None, None])

    def depths(self, points: Float[ndarray, "frames n 3"]) -> Float[ndarray, "cameras f n"]:
        """Return the depth of the points in each camera, positive in front of it."""
        return self.in_cameras(points)[..., 2]

    def residuals(self, points: Float[ndarray, "frames n 3"]) -> Float[ndarray, "cameras f n"]:
        """Return the distances between image points and reprojections; 1e6 behind a camera."""
        seen = self.in_cameras(points)
        depth = np.where(seen[..., 2:] > 0.0, seen[..., 2:], np.nan)
        off = np.linalg.norm(seen[..., :2] / depth - self.slopes, axis=-1)
        return np.asarray(np.nan_to_num(off * self.focal[:, None, None], nan=1e6))


def linear(rays: Rays, weights: Float[ndarray, "cameras f n"]) -> Float[ndarray, "f n 3"]:
    """Triangulate by linear least squares: (r1 - x r3) X = x t3 - t1, and the same in y.

    A degenerate point (parallel rays, fewer than two views) is far away, but finite.

    Args:
        rays: The viewing rays.
        weights: Weights of the equations.
    """
    r, t = rays.rotation[:, None, None], rays.translation[:, None, None]
    rows = r[..., :2, :] - rays.slopes[..., None] * r[..., 2:, :]  # (C, F, N, 2, 3)
    right = rays.slopes * t[..., 2:] - t[..., :2]
    weighted = rows * weights[..., None, None]
    matrix = np.einsum("cfnki,cfnkj->fnij", weighted, rows)
    vector = np.einsum("cfnki,cfnk->fni", weighted, right)
    trace = np.trace(matrix, axis1=-2, axis2=-1)[..., None, None]
    matrix = matrix + 1e-12 * (1.0 + trace) * np.eye(3)
    return np.asarray(np.linalg.solve(matrix, vector[..., None])[..., 0])


def _started(rays: Rays, sigma: float) -> ndarray:
    """Return the start of each point: that of the best pair of views."""
    count = len(rays.focal)
    pairs = list(combinations(range(count), 2))
    if len(pairs) > _STARTS:  # keep the pairs of the views that see most
        seen = rays.weights.sum(axis=(1, 2))
        pairs = sorted(pairs, key=lambda p: -float(min(seen[list(p)])))[:_STARTS]
    best = linear(rays, rays.weights)
    cost = _capped(rays, best, sigma)
    if count == 2:
        return best
    for pair in pairs:
        alone = np.zeros(count)
        alone[list(pair)] = 1.0
        points = linear(rays, rays.weights * alone[:, None, None])
        both = (rays.weights[list(pair)] > 0.0).all(axis=0)
        other = np.where(both, _capped(rays, points, sigma), np.inf)
        better = other < cost
        best = np.where(better[..., None], points, best)
        cost = np.where(better, other, cost)
    return best


def _capped(rays: Rays, points: ndarray, sigma: float) -> ndarray:
    off = np.minimum(np.square(rays.residuals(points) / (AGREES * sigma)), 1.0)
    return np.asarray((rays.weights * off).sum(axis=0))


def _jacobian(rays: Rays, points: ndarray) -> tuple[ndarray, ndarray]:
    """Return the residuals (C, F, N, 2) and their derivatives (C, F, N, 2, 3)."""
    seen = rays.in_cameras(points)
    depth = np.where(seen[..., 2:] > 1e-9, seen[..., 2:], 1e9)
    slope = seen[..., :2] / depth
    focal = rays.focal[:, None, None, None]
    r = rays.rotation[:, None, None]
    rows = (r[..., :2, :] - slope[..., None] * r[..., 2:, :]) / depth[..., None]
    return focal * (slope - rays.slopes), focal[..., None] * rows


def _refined(rays: Rays, points: ndarray, sigma: float) -> ndarray:
    """Return the points after Gauss-Newton steps with Geman and McClure's weights."""
    for _ in range(_ROUNDS):
        off, rows = _jacobian(rays, points)
        square = np.square(off).sum(axis=-1) / (AGREES * sigma) ** 2
        weight = rays.weights / np.square(1.0 + square)
        weighted = rows * weight[..., None, None]
        matrix = np.einsum("cfnki,cfnkj->fnij", weighted, rows)
        vector = np.einsum("cfnki,cfnk->fni", weighted, off)
        scale = np.trace(matrix, axis1=-2, axis2=-1)[..., None, None]
        move = np.linalg.solve(matrix + (1e-9 * scale + 1e-30) * np.eye(3), vector[..., None])
        move = np.nan_to_num(move[..., 0])
        after = points - move
        # Reject a step that puts the point behind a camera that sees it.
        behind = np.any((rays.depths(after) <= 0.0) & (rays.weights > 0.0), axis=0, keepdims=True)
        points = np.where(np.moveaxis(behind, 0, -1), points, after)
    return points


def _noise(residual: ndarray, weight: ndarray) -> float:
    """Return the standard deviation of a pixel coordinate, from the median residual.

    Of the four coordinates of two views, only one degree of freedom remains, so the residuals of
    two views are smaller than the noise.
    """
    seen = np.asarray(weight > 0.0)
    two: ndarray = seen.sum(axis=0, keepdims=True)
    counted = np.asarray((weight > 0.2) & np.greater_equal(two, 2) & (residual < 1e5))
    if not counted.any():
        return 1.0
    free = (2.0 * two - 3.0) / np.maximum(2.0 * two, 1.0)
    scaled = (residual / np.sqrt(np.maximum(free, 0.05)))[counted]
    # The median length of a 2D Gaussian is 1.18 standard deviations of a coordinate. Residuals of
    # two views lie along a line: their median length is 0.67 of their own standard deviation,
    # which is √2 times that of a coordinate.
    share = 0.95 if int(np.median(np.maximum(two, 2))) == 2 else 1.18
    return max(1.0, float(np.median(scaled)) / share)


def _spread(rays: Rays, points: ndarray, weights: ndarray) -> ndarray:
    """Return the standard deviation of points along their worst axis, for unit image noise."""
    _, rows = _jacobian(rays, np.nan_to_num(points))
    seen = (weights > 0.0) * 1.0
    matrix = np.einsum("cfnki,cfnkj->fnij", rows * seen[..., None, None], rows)
    least = np.linalg.eigvalsh(matrix)[..., 0]
    return np.asarray(1.0 / np.sqrt(np.maximum(least, 1e-12)))
