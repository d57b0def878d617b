"""Triangulation: points in the world from their images before several cameras."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.views.camera import PosedCamera

# Reprojection error, as part of the focal length, from which on an image point counts little: 1.2 %
# is 10 pixels of 800.
_OUTLIER = 0.012
_ROUNDS = 8
# An image point below this confidence is no evidence.
_SEEN = 0.1


@dataclass(frozen=True, eq=False, slots=True)
class Triangulated:
    """Points in the world.

    Attributes:
        points: (F, N, 3) metres; NaN where fewer than two cameras see the point.
        confidence: (F, N) in [0, 1]: how well the cameras agree, and how sure they are.
        residuals: (V, F, N) reprojection errors, pixels; NaN where a camera does not see the point.
    """

    points: Float[ndarray, "frames points 3"]
    confidence: Float[ndarray, "frames points"]
    residuals: Float[ndarray, "views frames points"]


def triangulate(
    cameras: Sequence[PosedCamera],
    images: Float[ndarray, "views frames points 2"],
    confidences: Float[ndarray, "views frames points"],
    rounds: int = _ROUNDS,
) -> Triangulated:
    """Return the points that best explain their images.

    A point X lies on the ray (rx, ry, −1) of a camera X ↦ A X + t if
    (A₀ + rx A₂) X = −(t₀ + rx t₂),
    and the same in y: linear in X. Weights are the confidence squared over the depth squared (so
    that errors are angles) times a Geman–McClure weight of the reprojection error. With three
    cameras or more the search starts from all, and from all but each one, and the best is kept, so
    that one wrong camera cannot pull the point.

    Args:
        cameras: V cameras.
        images: Pixels; NaN where unseen.
        confidences: In [0, 1].
        rounds: Of reweighting.
    """
    views = len(cameras)
    rays = np.stack(
        [c.camera.rays(c.undistorted(i))[..., :2] for c, i in zip(cameras, images, strict=True)]
    )
    turns = np.stack([R.to_matrix(c.rotation) for c in cameras])
    shifts = np.stack([c.translation for c in cameras])
    seen = np.isfinite(rays).all(axis=-1) & (confidences > _SEEN)
    rays = np.where(seen[..., None], rays, 0.0)
    trust = np.where(seen, np.square(np.nan_to_num(confidences)), 0.0)
    # (V, F, N, 2, 3) and (V, F, N, 2)
    rows = turns[:, None, None, :2] + rays[..., None] * turns[:, None, None, None, 2]
    sides = -(shifts[:, None, None, :2] + rays * shifts[:, None, None, 2:])
    starts = [np.ones(views)]
    lenses = (turns, shifts, rays)
    if views > 2:
        starts += [np.where(np.arange(views) == v, 0.0, 1.0) for v in range(views)]
    best: tuple[ndarray, ndarray, ndarray] | None = None
    for start in starts:
        found = _search(rows, sides, trust * start[:, None, None], trust, lenses, rounds)
        if best is None:
            best = found
        else:
            better = found[2] < best[2]
            best = (
                np.where(better[..., None], found[0], best[0]),
                np.where(better, found[1], best[1]),
                np.where(better, found[2], best[2]),
            )
    assert best is not None
    points, errors, _ = best
    known = (trust > 0.0).sum(axis=0) >= 2
    points = np.where(known[..., None], points, np.nan)
    focals = np.array([c.camera.focal for c in cameras])[:, None, None]
    errors = np.where(seen & known, errors, np.nan)
    agree = np.where(seen, 1.0 / np.square(1.0 + np.square(np.nan_to_num(errors) / _OUTLIER)), 0.0)
    # The second most trusted camera limits what is known of the depth.
    sure = np.sort(np.nan_to_num(confidences) * agree, axis=0)[-2]
    return Triangulated(points, np.where(known, sure, 0.0), errors * focals)


def _search(
    rows: ndarray,
    sides: ndarray,
    weight: ndarray,
    trust: ndarray,
    cameras: tuple[ndarray, ndarray, ndarray],
    rounds: int,
) -> tuple[ndarray, ndarray, ndarray]:
    """Return points (F, N, 3), their errors (V, F, N) and robust costs (F, N)."""
    turns, shifts, rays = cameras
    for _ in range(rounds):
        normal = np.einsum("vfn,vfnki,vfnkj->fnij", weight, rows, rows) + 1e-9 * np.eye(3)
        right = np.einsum("vfn,vfnki,vfnk->fni", weight, rows, sides)
        points = np.linalg.solve(normal, right[..., None])[..., 0]
        local = np.einsum("vij,fnj->vfni", turns, points) + shifts[:, None, None]
        depth = np.maximum(-local[..., 2], 0.05)
        errors = np.linalg.norm(local[..., :2] / depth[..., None] - rays, axis=-1)
        square = np.square(errors / _OUTLIER)
        weight = trust / np.square(depth) / np.square(1.0 + square)
    cost = (trust * square / (1.0 + square)).sum(axis=0)
    return points, errors, cost
