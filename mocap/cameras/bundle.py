"""Bundle adjustment of cameras, clocks and one performer's joints.

The unknowns are each camera's pose relative to the first one, its clock offset and, with a prior,
its focal length. The joints are eliminated: for given cameras they are triangulated (variable
projection), so the search has some ten unknowns instead of thousands. The costs are the
reprojection errors and the bones: each bone has one length over the take, the same left and right.

Sources: Triggs et al., Bundle Adjustment: A Modern Synthesis, 2000, 6.1 (reduced systems); Golub
and Pereyra, 1973 (variable projection).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.cameras.relative import BODY_SIGMA, JointRays, Relation, cauchy_residuals
from mocap.cameras.triangulate import Rays, linear
from mocap.cameras.world import PAIRS, USUAL
from mocap.core import rotation as R

BONE_SIGMA = 0.03
"""Standard deviation of a triangulated bone's length from its length over the take, metres."""
FOCAL_SIGMA = {"told": 0.01, "metadata": 0.03, "assumed": 0.15}
"""Relative standard deviation of a focal length, by its source (`mocap.core.camera`)."""
PROPORTION_SIGMA = 0.12
"""Relative standard deviation of a person's proportions from HUMANOID's."""
_MOST = 100  # largest number of frames used
_MOST_STEPS, _ENOUGH = 15, 1e-5  # limit of steps, and tolerance of the optimiser
_STEPS = 2  # Gauss-Newton steps of a triangulated point, from the linear solution
_LASTS = 0.3
"""Correlation time of a detector's errors, seconds: frames closer together are not independent."""
_ROUNDS = 2  # adjustments; each chooses its frames by the offsets found before


@dataclass(frozen=True, eq=False, slots=True)
class Bundle:
    """The result of a bundle adjustment.

    Attributes:
        relations: Each camera's relation to the first camera, including that of the first camera.
        focal: (C,) factors on the focal lengths.
        cost: Mean squared residual, in standard deviations.
        error: Median reprojection error, metres at the performer's distance.
        bones: Variation of the bones' lengths, metres.
        rotation, direction: Standard deviations of rotation and of the direction between cameras,
            radians, of the worst camera.
        offset: Standard deviation of the clock offsets, seconds, of the worst camera.
    """

    relations: tuple[Relation, ...]
    focal: Float[ndarray, "cameras"]
    cost: float
    error: float
    bones: float
    rotation: float
    direction: float
    offset: float


@dataclass(frozen=True, eq=False, slots=True)
class _Problem:
    """The least-squares problem of the bundle adjustment."""

    tracks: Sequence[JointRays]
    start: Sequence[Relation]
    times: ndarray
    depth: float
    focal_sigma: ndarray
    scale: float

    def unpack(self, v: ndarray) -> tuple[Rays, list[Relation], ndarray]:
        count = len(self.tracks)
        focal = np.exp(self.focal_sigma * v[:count])
        slopes, weights, relations = [], [], []
        for k, (track, start) in enumerate(zip(self.tracks, self.start, strict=True)):
            own = np.zeros(7) if k == 0 else v[count + 7 * (k - 1) : count + 7 * k]
            turn = np.asarray(R.to_matrix(R.from_rotation_vector(0.1 * own[:3]))) @ start.rotation
            place = start.translation + 0.1 * self.depth * own[3:6]
            offset = start.offset + 0.02 * own[6]
            seen, weight = track.at(self.times - offset)
            slopes.append(seen / focal[k])
            weights.append(weight)
            relations.append(Relation(turn, place, offset, 0.0))
        rays = Rays(
            np.stack(slopes),
            np.stack(weights),
            np.ones(count),
            np.stack([r.rotation for r in relations]),
            np.stack([r.translation for r in relations]),
        )
        return rays, relations, focal

    def points(self, rays: Rays) -> ndarray:
        weights = np.square(rays.weights)
        points = linear(rays, weights)
        for _ in range(_STEPS):
            seen = rays.in_cameras(points)
            depth = np.maximum(seen[..., 2:], 0.1)
            slope = seen[..., :2] / depth
            r = rays.rotation[:, None, None]
            rows = (r[..., :2, :] - slope[..., None] * r[..., 2:, :]) / depth[..., None]
            weighted = rows * weights[..., None, None]
            matrix = np.einsum("cfnki,cfnkj->fnij", weighted, rows)
            vector = np.einsum("cfnki,cfnk->fni", weighted, slope - rays.slopes)
            trace = np.trace(matrix, axis1=-2, axis2=-1)[..., None, None]
            matrix = matrix + (1e-9 * trace + 1e-12) * np.eye(3)
            points = points - np.linalg.solve(matrix, vector[..., None])[..., 0]
        return points

    def residuals(self, v: ndarray) -> ndarray:
        rays, relations, focal = self.unpack(v)
        points = self.points(rays)
        seen = rays.in_cameras(points)
        depth = np.maximum(seen[..., 2:], 0.1)
        both = ((rays.weights > 0.0).sum(axis=0) >= 2) * rays.weights
        # Residuals in the original image, so that a longer focal length does not reduce the cost.
        off = (seen[..., :2] / depth - rays.slopes) * focal[:, None, None, None]
        image = both[..., None] * cauchy_residuals(off * self.depth / BODY_SIGMA, True)
        lengths, sure = bone_lengths(points, both)
        mean = (lengths * sure).sum(axis=(0, 1)) / np.maximum(sure.sum(axis=(0, 1)), 1e-9)
        # Lengths are scaled to HUMANOID's size, because the unit is unknown.
        size = USUAL.sum() / max(float(mean.sum()), 1e-9)
        bones = np.sqrt(sure) * cauchy_residuals(size * (lengths - mean) / BONE_SIGMA)
        shape = np.log(np.maximum(size * mean, 1e-3) / USUAL) / PROPORTION_SIGMA
        # The scale is free; this residual fixes the distance between the first two cameras.
        unit = 100.0 * (np.linalg.norm(relations[1].translation) / self.scale - 1.0)
        few = [*shape, unit, *v[: len(self.tracks)]]
        return np.concatenate([image.ravel(), bones.ravel(), few])


def bone_lengths(
    points: Float[ndarray, "frames 12 3"], weights: Float[ndarray, "cameras frames 12"]
) -> tuple[Float[ndarray, "frames 2 7"], Float[ndarray, "frames 2 7"]]:
    """Return the lengths of the bones, and their weights.

    A joint's weight is the second largest of the cameras' weights; a bone's weight is the squared
    smaller one of its two ends.

    Args:
        points: Triangulated joints, in any unit.
        weights: Weight of each joint in each camera, 0 to 1.
    """
    ends = points[:, PAIRS]  # (F, 7, 2 sides, 2 ends, 3)
    lengths = np.linalg.norm(ends[..., 0, :] - ends[..., 1, :], axis=-1)
    sure = np.sort(weights, axis=0)[-2][:, PAIRS].min(axis=-1)
    return np.swapaxes(lengths, 1, 2), np.swapaxes(np.square(sure), 1, 2)


def adjust_bundle(
    tracks: Sequence[JointRays],
    start: Sequence[Relation],
    depth: float,
    sources: Sequence[str],
) -> Bundle:
    """Adjust the cameras of one performance.

    Args:
        tracks: The joints in each camera.
        start: Each camera's relation to the first one, where the search starts; the first relation
            is the identity.
        depth: Distance of the performer from the cameras, metres.
        sources: Source of each focal length, a key of FOCAL_SIGMA.
    """
    from scipy.optimize import least_squares

    sigma = np.array([FOCAL_SIGMA[s] for s in sources])
    scale = float(np.linalg.norm(start[1].translation))
    count = len(tracks)
    for _ in range(_ROUNDS):
        times = _times(tracks, start)
        problem = _Problem(tracks, start, times, depth, sigma, scale)
        unknowns = count + 7 * (count - 1)
        found = least_squares(
            problem.residuals,
            np.zeros(unknowns),
            method="lm",
            max_nfev=_MOST_STEPS * (unknowns + 2),
            xtol=_ENOUGH,
            ftol=_ENOUGH,
        )
        rays, relations, focal = problem.unpack(found.x)
        start = relations
        if count == 2 and np.abs(found.x[count:]).max() < 0.5:
            break
    covariance = _covariance(found, count, times)
    own = np.sqrt(np.diag(covariance))[count:].reshape(-1, 7)
    apart = np.array([np.linalg.norm(r.translation) for r in relations[1:]])
    residual = problem.residuals(found.x)
    image = residual[: rays.slopes.size].reshape(*rays.slopes.shape)
    bones = residual[rays.slopes.size : -1 - count - len(PAIRS)]
    seen = ((rays.weights > 0.0).sum(axis=0) >= 2) & (rays.weights > 0.0)
    off = np.linalg.norm(image, axis=-1)[seen]
    return Bundle(
        tuple(relations),
        focal,
        float(np.square(residual).sum() / max(np.count_nonzero(residual), 1)),
        float(BODY_SIGMA * np.median(off)) if len(off) else np.inf,
        float(BONE_SIGMA * np.median(np.abs(bones[bones != 0.0]))) if bones.any() else np.inf,
        float((0.1 * np.linalg.norm(own[:, :3], axis=1)).max()),
        float((0.1 * depth * np.linalg.norm(own[:, 3:6], axis=1) / np.maximum(apart, 1e-9)).max()),
        float((0.02 * own[:, 6]).max()),
    )


def _times(tracks: Sequence[JointRays], relations: Sequence[Relation]) -> ndarray:
    first = tracks[0].times
    many = np.zeros(len(first), dtype=int)
    for track, relation in zip(tracks, relations, strict=True):
        own = first - relation.offset
        many += (own >= track.times[0]) & (own <= track.times[-1])
    times = first[many >= 2]
    return times[:: max(1, -(-len(times) // _MOST))]


def _covariance(found: object, count: int, times: ndarray) -> ndarray:
    """Return the covariance of the unknowns, from the normal matrix and the residuals' variance."""
    jacobian = np.asarray(found.jac)  # type: ignore[attr-defined]
    cost = 2.0 * float(found.cost) / max(len(jacobian) / 2.0, 1.0)  # type: ignore[attr-defined]
    step = float(np.median(np.diff(times))) if len(times) > 1 else _LASTS
    together = max(1.0, _LASTS / max(step, 1e-6))
    matrix = jacobian.T @ jacobian
    return np.asarray(np.linalg.pinv(matrix) * cost * together)
