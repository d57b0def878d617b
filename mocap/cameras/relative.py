"""The pose of one camera relative to another, from a performer whom both see.

`pose_from_bodies` starts from the detector's 3D landmarks: the rotation between the bodies of the
two views, and the translation between their positions. `fit_epipolar` then fits the epipolar
constraint robustly (Sampson distance: Hartley and Zisserman, Multiple View Geometry, 2nd ed.,
11.4.3) over rotation, direction and clock offset. An essential matrix allows four poses; the start
decides which one is found.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.cameras.offsets import JOINTS
from mocap.cameras.resampling import LONGEST_STEP, sampled
from mocap.cameras.views import to_mocap
from mocap.core import rotation as R
from mocap.core.camera import fit_translation
from mocap.core.keypoints import MIRRORED, Keypoints

BODY_SIGMA = 0.0175
"""Standard deviation of an image point across its ray, metres, as in the bake's optimiser: 1 % of
the body's height."""
_ROUNDS = 8  # iterations of the reweighted Kabsch algorithm
_BODY_OUTLIER = 0.15  # distance between two views' joints at which their weight is halved, metres
_MOST = 90  # largest number of frames of a fit
_CAUCHY = 1.5  # scale of Cauchy's loss, standard deviations
_MOST_CALLS, _ENOUGH = 80, 1e-3  # limit of evaluations, and tolerance of the optimiser
_FEWEST = 60  # smallest number of points that both views see


@dataclass(frozen=True, eq=False, slots=True)
class JointRays:
    """The viewing rays of one view's joints.

    Attributes:
        times: Seconds.
        slopes: x/z and y/z of the rays, OpenCV axes.
        weights: Confidence of each joint; 0 where it is not seen.
    """

    times: Float[ndarray, "frames"]
    slopes: Float[ndarray, "frames 12 2"]
    weights: Float[ndarray, "frames 12"]

    @classmethod
    def of(cls, keypoints: Keypoints) -> JointRays:
        """Return the rays of the joints, with the camera of the keypoints."""
        rays = keypoints.camera.rays(keypoints.image[:, JOINTS])
        slopes = rays[..., :2] * [1.0, -1.0]
        seen = np.isfinite(slopes).all(axis=-1)
        weights = np.where(seen, np.nan_to_num(keypoints.confidence[:, JOINTS]), 0.0)
        return cls(keypoints.times, slopes, weights)

    def at(self, times: Float[ndarray, "n"]) -> tuple[ndarray, ndarray]:
        """Return slopes (n, 12, 2) and weights (n, 12) at other times, interpolated linearly."""
        own = self.times
        after = np.clip(np.searchsorted(own, times), 1, len(own) - 1)
        step = own[after] - own[after - 1]
        share = np.clip((times - own[after - 1]) / step, 0.0, 1.0)[:, None]
        slopes = (1.0 - share[..., None]) * self.slopes[after - 1] + share[..., None] * self.slopes[
            after
        ]
        weights = np.minimum(self.weights[after - 1], self.weights[after])
        inside = (times >= own[0]) & (times <= own[-1]) & (step <= LONGEST_STEP)
        seen = np.isfinite(slopes).all(axis=-1) & inside[:, None]
        return np.where(seen[..., None], slopes, 0.0), np.where(seen, weights, 0.0)


@dataclass(frozen=True, eq=False, slots=True)
class Relation:
    """A second camera relative to a first one: X2 = rotation · X1 + translation.

    Attributes:
        rotation: Rotation, in OpenCV axes.
        translation: Translation, in the detector's metres.
        offset: Seconds to add to the second camera's times.
        cost: Cost of the epipolar fit, from 0 (perfect) to 1.
    """

    rotation: Float[ndarray, "3 3"]
    translation: Float[ndarray, "3"]
    offset: float
    cost: float


def pose_from_bodies(a: Keypoints, b: Keypoints, offset: float) -> Relation | None:
    """Return the pose of b's camera relative to a's from the detector's 3D landmarks.

    Args:
        a: Keypoints of the first view.
        b: Keypoints of the second view.
        offset: Seconds to add to b's times.

    Returns:
        The relation; None if the views share too little.
    """
    there = sampled(b, a.times - offset)
    p, q = (to_mocap(k.positions[:, JOINTS]) for k in (a, there))
    seen = np.isfinite(p).all(axis=-1) & np.isfinite(q).all(axis=-1)
    weight = np.where(seen, np.minimum(a.confidence, there.confidence)[:, JOINTS], 0.0)
    if (weight > 0.0).sum() < _FEWEST:
        return None
    rotation = _turn(np.nan_to_num(p), np.nan_to_num(q), weight)
    places = [
        to_mocap(fit_translation(k.positions, k.image, k.confidence, k.camera)) for k in (a, there)
    ]
    apart = places[1] - places[0] @ rotation.T
    known = np.isfinite(apart).all(axis=1)
    if not known.any():
        return None
    return Relation(rotation, np.median(apart[known], axis=0), offset, 1.0)


def _turn(p: ndarray, q: ndarray, weight: ndarray) -> ndarray:
    """Return the rotation (3, 3) from points p to points q (Kabsch, iteratively reweighted)."""
    w = weight
    for _ in range(_ROUNDS):
        u, _, v = np.linalg.svd(np.einsum("fn,fni,fnj->ij", w, q, p))
        rotation = u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ v))]) @ v
        off = np.linalg.norm(q - p @ rotation.T, axis=-1)
        w = weight / (1.0 + np.square(off / _BODY_OUTLIER))
    return np.asarray(rotation)


def sampson(
    rotation: Float[ndarray, "3 3"],
    translation: Float[ndarray, "3"],
    x: Float[ndarray, "*n 2"],
    y: Float[ndarray, "*n 2"],
) -> Float[ndarray, "*n"]:
    """Return the signed Sampson distance of corresponding points from the epipolar constraint.

    Args:
        rotation: Rotation of the second camera relative to the first one.
        translation: Translation of the second camera relative to the first one, in any unit.
        x: Slopes in the first view.
        y: Slopes in the second view.

    Returns:
        Distances, in units of the slopes.
    """
    tx, ty, tz = translation / max(float(np.linalg.norm(translation)), 1e-12)
    essential = np.array([[0.0, -tz, ty], [tz, 0.0, -tx], [-ty, tx, 0.0]]) @ rotation
    one = np.ones_like(x[..., :1])
    a, b = np.concatenate([x, one], axis=-1), np.concatenate([y, one], axis=-1)
    ea, eb = a @ essential.T, b @ essential
    square = np.square(ea[..., :2]).sum(axis=-1) + np.square(eb[..., :2]).sum(axis=-1)
    return np.asarray((b * ea).sum(axis=-1) / np.sqrt(np.maximum(square, 1e-18)))


def fit_epipolar(
    a: JointRays, b: JointRays, start: Relation, depth: float, free_offset: bool = True
) -> Relation:
    """Return the relation near a start that fits the epipolar constraint best.

    Args:
        a: Joints of the first view.
        b: Joints of the second view.
        start: Where the search starts.
        depth: Distance of the performer from the cameras, metres.
        free_offset: Whether to fit the clock offset too.
    """
    from scipy.optimize import least_squares

    times = shared_times(a, b, start.offset)
    if len(times) < 2:
        return start
    x, wx = a.at(times)
    length = float(np.linalg.norm(start.translation))
    along = start.translation / max(length, 1e-9)
    side = R.to_matrix(R.from_frame(along, np.array([0.0, 1.0, 0.0])))[:, 1:]
    sigma = BODY_SIGMA / depth

    def relation(v: ndarray) -> tuple[ndarray, ndarray, float]:
        turn = np.asarray(R.to_matrix(R.from_rotation_vector(v[:3]))) @ start.rotation
        direction = along + side @ v[3:5]
        offset = start.offset + (0.1 * v[5] if free_offset else 0.0)
        return turn, length * direction / np.linalg.norm(direction), offset

    def residuals(v: ndarray) -> ndarray:
        turn, translation, offset = relation(v)
        y, wy = b.at(times - offset)
        off = sampson(turn, translation, x, y) / sigma
        return np.asarray((np.sqrt(wx * wy) * cauchy_residuals(off)).ravel())

    begin = np.zeros(6 if free_offset else 5)
    found = least_squares(
        residuals, begin, method="lm", max_nfev=_MOST_CALLS, xtol=_ENOUGH, ftol=_ENOUGH
    )
    turn, translation, offset = relation(found.x)
    y, wy = b.at(times - offset)
    cost = _cost(sampson(turn, translation, x, y) / sigma, wx * wy)
    return Relation(turn, translation, offset, cost)


def shared_times(a: JointRays, b: JointRays, offset: float) -> Float[ndarray, "n"]:
    """Return at most _MOST times of view a that lie within view b's time.

    Args:
        a: Joints of the first view.
        b: Joints of the second view.
        offset: Seconds to add to b's times.
    """
    times = a.times[(a.times - offset >= b.times[0]) & (a.times - offset <= b.times[-1])]
    step = max(1, -(-len(times) // _MOST))
    return times[::step]


def cauchy_residuals(deviations: ndarray, pairs: bool = False) -> ndarray:
    """Return residuals scaled so that their squares are Cauchy's loss.

    Args:
        deviations: Residuals in standard deviations.
        pairs: Whether the last axis holds the components of one residual.
    """
    square = np.square(deviations)
    if pairs:
        square = square.sum(axis=-1, keepdims=True)
    c = _CAUCHY**2
    return np.asarray(deviations * np.sqrt(np.log1p(square / c) * c / np.maximum(square, 1e-12)))


def geman_mcclure(off: ndarray) -> ndarray:
    """Return Geman and McClure's loss, in [0, 1], of residuals in standard deviations (scale 3)."""
    square = np.square(off) / 9.0
    return np.asarray(square / (1.0 + square))


def _cost(off: ndarray, weight: ndarray) -> float:
    total = float(weight.sum())
    return float((weight * geman_mcclure(off)).sum() / total) if total > 0.0 else 1.0


def with_sides_exchanged(keypoints: Keypoints) -> Keypoints:
    """Return the keypoints with the names of left and right exchanged."""
    return Keypoints(
        keypoints.times,
        keypoints.positions[:, MIRRORED],
        keypoints.image[:, MIRRORED],
        keypoints.confidence[:, MIRRORED],
        keypoints.camera,
    )
