"""What a calibration leaves open and the body tells: which way is up, and the unit of length."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.cameras.offsets import JOINTS
from mocap.cameras.triangulate import Triangulated
from mocap.cameras.views import CameraSet
from mocap.core import rotation as R
from mocap.core.keypoints import landmarks_of
from mocap.core.skeleton import BONES, HUMANOID
from mocap.errors import InputError
from mocap.solve.gravity import find_gravity

# Pairs of JOINTS: left and right of upper arm, forearm, thigh, shank; the hips' and the shoulders'
# width; the sides of the trunk.
PAIRS = np.array([
    [[0, 2], [1, 3]], [[2, 4], [3, 5]], [[6, 8], [7, 9]], [[8, 10], [9, 11]],
    [[6, 7], [6, 7]], [[0, 1], [0, 1]], [[0, 6], [1, 7]],
])  # fmt: skip
_REST = landmarks_of(HUMANOID.rest_positions(), np.tile(R.IDENTITY, (len(BONES), 1)))[JOINTS]
USUAL = np.linalg.norm(_REST[PAIRS][:, 0, 0] - _REST[PAIRS][:, 0, 1], axis=-1)
"""(7,) the lengths of PAIRS in HUMANOID, metres."""
_UNITS = {1.0: "metres", 0.1: "decimetres", 0.01: "centimetres", 0.001: "millimetres"}
# A performer may be this many times HUMANOID's size in the unit that is taken for a file's.
_SIZES = (0.55, 1.35)
_SNAP = np.cos(np.radians(8.0))
_AT_ORIGIN = 0.05  # of the cameras' distances: a camera there is the world's origin


def body_scale(joints: Float[ndarray, "frames 12 3"]) -> float:
    """Return how many times HUMANOID's size the body is: the median over its bones; NaN if unseen.

    Args:
        joints: JOINTS over a take.
    """
    ends = joints[:, PAIRS]
    lengths = np.linalg.norm(ends[..., 0, :] - ends[..., 1, :], axis=-1)  # (F, 7, 2)
    known = np.isfinite(lengths).any(axis=(0, 2))
    if not known.any():
        return float("nan")
    median = np.array([np.nanmedian(lengths[:, n]) if known[n] else np.nan for n in range(7)])
    return float(np.nanmedian(median / USUAL))


def find_unit(points: Float[ndarray, "frames 33 3"]) -> float:
    """Return how many metres one unit is, of those that calibrations use.

    Raises:
        InputError: The body is no person's in any of them.
    """
    size = body_scale(points[:, JOINTS])
    for unit in _UNITS:
        if _SIZES[0] <= size * unit <= _SIZES[1]:
            return unit
    raise InputError(
        f"With this calibration the performer is {1.75 * size:.3g} units tall, which is no "
        "person's height in metres, decimetres, centimetres or millimetres: check that the videos "
        "belong to the calibration, or add `metres` (per unit) to its [metadata]."
    )


def find_up(found: Triangulated, cameras: CameraSet) -> Float[ndarray, "3"]:
    """Return the up direction, unit: the axis of upright standing.

    The cameras' mean up direction is the prior. An axis of the calibration's world within 8° of
    the result is used instead, unless that world is a camera's own frame.

    Args:
        found: Triangulated landmarks.
        cameras: The calibration.
    """
    mean = sum((v.up for v in cameras.views), np.zeros(3))
    if np.linalg.norm(mean) < 0.3 * len(cameras.views):
        mean = cameras.views[0].up
    level = R.between(mean / np.linalg.norm(mean), np.array([0.0, 1.0, 0.0]))
    turned = R.apply(level, found.points)
    gravity = find_gravity(turned, found.confidence)
    up = R.apply(R.conjugate(R.multiply(gravity, level)), np.array([0.0, 1.0, 0.0]))
    centres = np.stack([v.centre for v in cameras.views])
    apart = float(np.linalg.norm(centres - centres.mean(axis=0), axis=1).max())
    axis = int(np.argmax(np.abs(up)))
    if abs(up[axis]) > _SNAP and float(np.linalg.norm(centres, axis=1).min()) > _AT_ORIGIN * apart:
        return np.asarray(np.sign(up[axis]) * np.eye(3)[axis])
    return np.asarray(up)
