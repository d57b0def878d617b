"""Image points of a take's cameras, and their residuals.

A take of one camera has one `Sight`, in whose axes the body is. A take of several cameras has one
for each, and all are fitted together.
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core.keypoints import Keypoints
from mocap.solve.refine.body import NAMES, TREE

IMAGE_SIGMA = 0.0175
"""Standard deviation of an image point across its ray, metres, for a body of 1.75 m: 1 % of the
height."""
GEMAN = 3.0
"""Scale of Geman and McClure's loss on image points, standard deviations."""
_NEAREST = 0.1  # smallest depth in front of a camera, metres
_B = len(NAMES)


@dataclass(frozen=True, eq=False, slots=True)
class Sight:
    """Image points of one camera as viewing rays.

    A point p in the take's axes is turn · p + place in the camera's axes (+Y up, the camera looks
    along −Z), metres.

    Attributes:
        slopes: (F, N, 2) x and y of the rays for z = −1; arbitrary where the weight is 0.
        weight: (F, N) weight of each point, 0 to 1.
        turn: (3, 3) rotation from the take's axes to the camera's.
        place: (3,) the take's origin in the camera's axes, metres.
    """

    slopes: Float[ndarray, "frames n 2"]
    weight: Float[ndarray, "frames n"]
    turn: Float[ndarray, "3 3"]
    place: Float[ndarray, "3"]

    def slice(self, which: builtins.slice) -> Sight:
        """Return some of the frames."""
        return replace(self, slopes=self.slopes[which], weight=self.weight[which])

    def of(self, points: Sequence[int]) -> Sight:
        """Return the image points of some of the landmarks."""
        which = list(points)
        return replace(self, slopes=self.slopes[:, which], weight=self.weight[:, which])


@dataclass(frozen=True, eq=False, slots=True)
class Measured:
    """Image points of several cameras, for a take whose positions are triangulated.

    Attributes:
        sights: Each camera's image points of all 33 landmarks.
        guessed: (F, 33) expected errors of positions that fewer than two cameras show, metres; NaN
            for triangulated positions.
    """

    sights: tuple[Sight, ...]
    guessed: Float[ndarray, "frames 33"]


def sight_of(keypoints: Keypoints) -> Sight:
    """Return the image points of all 33 landmarks in the keypoints' own camera."""
    seen = np.isfinite(keypoints.image).all(axis=-1)
    slopes = np.where(seen[..., None], keypoints.camera.rays(keypoints.image)[..., :2], 0.0)
    weight = np.square(np.nan_to_num(keypoints.confidence)) * seen
    return Sight(slopes, weight, np.eye(3), np.zeros(3))


def unseen_depth(sights: Sequence[Sight]) -> Float[ndarray, "3"]:
    """Return how far each axis is unseen: 1 if no camera sees it from the side, 0 if one does.

    For one camera, its own viewing axis is at 1. Two cameras at right angles see all axes.

    Args:
        sights: The cameras' image points.
    """
    across = sum(1.0 - np.square(s.turn[2]) for s in sights)
    return np.clip(1.0 - np.asarray(across), 0.0, 1.0)


def image_costs(
    v: Float[ndarray, "frames 16 3"],
    sight: Sight,
    span: Float[ndarray, "frames"],
    loose: float = 1.0,
) -> tuple[
    Float[ndarray, "frames 32"], Float[ndarray, "frames 32 16 3"], Float[ndarray, "frames 32"]
]:
    """Return the residuals of one camera's image points; see `Costs`.

    Args:
        v: Bones, metres, in the take's axes.
        sight: Image points of the body's 16 landmarks.
        span: Time for which each frame stands, in UNITs.
        loose: Factor on the scale of the robust loss.

    Returns:
        Residuals in standard deviations, their derivatives by the bones, and the robust weights of
        their squares (Geman and McClure).
    """
    frames = len(v)
    q = np.einsum("nb,fbi->fni", TREE, v) @ sight.turn.T + sight.place
    depth = np.maximum(-q[..., 2], _NEAREST)
    slope = q[..., :2] / depth[..., None]
    # Residuals are metres at the hips' distance; at the points' own distance, a body closer to the
    # camera would have a lower cost.
    hips = np.maximum(-(v[:, 0] @ sight.turn[2] + sight.place[2]), _NEAREST)
    scale = np.sqrt(sight.weight * span[:, None]) * hips[:, None] / IMAGE_SIGMA
    r = (scale[..., None] * (slope - sight.slopes)).reshape(frames, -1)
    ways = sight.turn[:2] + slope[..., None] * sight.turn[2]  # (F, N, 2, 3)
    each = (scale / depth)[..., None] * TREE  # (F, N, B)
    bones = (each[:, :, None, :, None] * ways[:, :, :, None]).reshape(frames, -1, _B, 3)
    off = np.square(r).reshape(frames, -1, 2).sum(axis=2) / np.maximum(span, 1e-9)[:, None]
    return r, bones, np.repeat(1.0 / np.square(1.0 + off / (loose * GEMAN) ** 2), 2, axis=1)
