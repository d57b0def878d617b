"""Image points of a take's cameras, and their residuals.

A take of one camera has one sight, in whose axes the body is; a take of several has one for each
camera, all in the same search.
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
"""Deviation of an image point across its ray, metres, for a body of 1.75 m: 1 % of the height."""
GEMAN = 3.0
"""Deviations from which on an image point counts little."""
_NEAREST = 0.1  # metres ahead of a camera; nothing is nearer
_B = len(NAMES)


@dataclass(frozen=True, eq=False, slots=True)
class Sight:
    """Image points of one camera as viewing rays.

    A point p of the take's axes is turn · p + place in the camera's (+Y up, the camera looks
    along −Z), metres.

    Attributes:
        slopes: (F, N, 2) x and y of the rays for z = −1; anything where the weight is 0.
        weight: (F, N) how much each point counts, 0 to 1.
        turn: (3, 3) from the take's axes to the camera's.
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
        """Return some of the points."""
        which = list(points)
        return replace(self, slopes=self.slopes[:, which], weight=self.weight[:, which])


@dataclass(frozen=True, eq=False, slots=True)
class Measured:
    """What several cameras saw of a take whose positions are measured.

    Attributes:
        sights: Of all 33 landmarks, in the axes of the take.
        guessed: (F, 33) expected errors, metres, of positions that fewer than two cameras show;
            NaN for those that are measured.
    """

    sights: tuple[Sight, ...]
    guessed: Float[ndarray, "frames 33"]


def sight_of(keypoints: Keypoints) -> Sight:
    """Return what the keypoints' own camera saw, in its axes: 33 landmarks."""
    seen = np.isfinite(keypoints.image).all(axis=-1)
    slopes = np.where(seen[..., None], keypoints.camera.rays(keypoints.image)[..., :2], 0.0)
    weight = np.square(np.nan_to_num(keypoints.confidence)) * seen
    return Sight(slopes, weight, np.eye(3), np.zeros(3))


def unseen_depth(sights: Sequence[Sight]) -> Float[ndarray, "3"]:
    """Return how far each axis is along the views of all cameras: 1 if none sees it from the side.

    One camera leaves its own axis at 1; two that look at right angles leave none.
    """
    across = sum(1.0 - np.square(s.turn[2]) for s in sights)
    return np.clip(1.0 - np.asarray(across), 0.0, 1.0)


def image_costs(
    v: Float[ndarray, "frames 16 3"], sight: Sight, span: Float[ndarray, "frames"]
) -> tuple[
    Float[ndarray, "frames 32"], Float[ndarray, "frames 32 16 3"], Float[ndarray, "frames 32"]
]:
    """Return the residuals of one camera's image points; see `Costs`.

    Args:
        v: Bones, metres, the take's axes.
        sight: The body's 16 landmarks as seen.
        span: UNITs of time that each frame stands for.

    Returns:
        Residuals in deviations, how they change with the bones, and the robust weights of their
        squares (Geman and McClure).
    """
    frames = len(v)
    q = np.einsum("nb,fbi->fni", TREE, v) @ sight.turn.T + sight.place
    depth = np.maximum(-q[..., 2], _NEAREST)
    slope = q[..., :2] / depth[..., None]
    # Metres at the hips' distance; at the points' own distance, near bodies would cost less.
    hips = np.maximum(-(v[:, 0] @ sight.turn[2] + sight.place[2]), _NEAREST)
    scale = np.sqrt(sight.weight * span[:, None]) * hips[:, None] / IMAGE_SIGMA
    r = (scale[..., None] * (slope - sight.slopes)).reshape(frames, -1)
    ways = sight.turn[:2] + slope[..., None] * sight.turn[2]  # (F, N, 2, 3)
    each = (scale / depth)[..., None] * TREE  # (F, N, B)
    bones = (each[:, :, None, :, None] * ways[:, :, :, None]).reshape(frames, -1, _B, 3)
    off = np.square(r).reshape(frames, -1, 2).sum(axis=2) / np.maximum(span, 1e-9)[:, None]
    return r, bones, np.repeat(1.0 / np.square(1.0 + off / GEMAN**2), 2, axis=1)
