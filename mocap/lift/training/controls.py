"""The controls of procedural motion's key poses, and the joints that follow from them.

Controls are the position of the hips, rotations of pelvis, chest and head, positions of hands and
feet, and directions of knees and elbows. Arms and legs follow by two-bone inverse kinematics.
World axes: +Y up, the person faces +Z, +X is the person's left; metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R

THIGH, SHANK, UPPER_ARM, FOREARM = 0.42, 0.39, 0.27, 0.26
HIP, _SHOULDER, TRUNK, _HEAD, _TOE = 0.092, 0.18, 0.505, 0.195, 0.206
_STRETCHED = 0.9995
"""Largest distance from hip to ankle, or shoulder to wrist, as a fraction of the limb's length: a
bend of 3.6°."""
ANKLE = 0.08
"""Height of the ankle when the sole is on the floor, metres."""
SIDES = np.array([1.0, -1.0])
UP = np.array([0.0, 1.0, 0.0])


@dataclass(frozen=True, eq=False, slots=True)
class Pose:
    """The controls of one key pose, or of F frames (then with a leading axis). World axes.

    Attributes:
        hips: (3,) position, metres.
        pelvis: (3,) rotation vector in the world.
        chest: (3,) rotation vector relative to the pelvis.
        head: (3,) rotation vector relative to the chest.
        hands: (2, 3) positions of the wrists, metres.
        feet: (2, 3) positions of the ankles, metres.
        elbows: (2, 3) directions in which the elbows point.
        knees: (2, 3) directions in which the knees point.
        toes: (2, 3) directions from the ankles to the toes.
    """

    hips: Float[ndarray, "*frames 3"]
    pelvis: Float[ndarray, "*frames 3"]
    chest: Float[ndarray, "*frames 3"]
    head: Float[ndarray, "*frames 3"]
    hands: Float[ndarray, "*frames 2 3"]
    elbows: Float[ndarray, "*frames 2 3"]
    feet: Float[ndarray, "*frames 2 3"]
    knees: Float[ndarray, "*frames 2 3"]
    toes: Float[ndarray, "*frames 2 3"]


SHAPES = {"hips": (3,), "pelvis": (3,), "chest": (3,), "head": (3,)} | dict.fromkeys(
    ("hands", "elbows", "feet", "knees", "toes"), (2, 3)
)


def flat(pose: Pose) -> Float[ndarray, "n"]:
    """Return the controls of one key pose as one array."""
    return np.concatenate([getattr(pose, name).reshape(-1) for name in SHAPES])


def unflat(values: Float[ndarray, "frames n"]) -> Pose:
    """Return the controls of frames from arrays of `flat`.

    Args:
        values: The arrays, a row a frame.
    """
    out, at = {}, 0
    for name, shape in SHAPES.items():
        size = int(np.prod(shape))
        out[name] = values[:, at : at + size].reshape(len(values), *shape)
        at += size
    return Pose(**out)


def joints(pose: Pose) -> Float[ndarray, "frames 15 3"]:
    """Return the lifter's JOINTS for the frames of a pose, metres.

    Args:
        pose: Controls with a leading axis of frames.
    """
    pelvis = R.from_rotation_vector(pose.pelvis)
    chest = R.multiply(pelvis, R.from_rotation_vector(pose.chest))
    head = R.multiply(chest, R.from_rotation_vector(pose.head))
    across = np.array([1.0, 0.0, 0.0])
    out = np.empty((len(pose.hips), 15, 3))
    # The lower half of the trunk follows the pelvis.
    waist = pose.hips + R.apply(pelvis, 0.4 * TRUNK * UP)
    neck = waist + R.apply(chest, 0.6 * TRUNK * UP)
    out[:, 0] = neck + R.apply(head, np.array([0.0, _HEAD, 0.02]))
    for side, sign in enumerate(SIDES):
        shoulder = neck + R.apply(chest, sign * _SHOULDER * across)
        hip = pose.hips + R.apply(pelvis, sign * HIP * across)
        elbow, wrist = _reach(
            shoulder, pose.hands[:, side], pose.elbows[:, side], UPPER_ARM, FOREARM
        )
        knee, ankle = _reach(hip, pose.feet[:, side], pose.knees[:, side], THIGH, SHANK)
        for n, point in enumerate((shoulder, elbow, wrist, hip, knee, ankle)):
            out[:, 1 + 2 * n + side] = point
        out[:, 13 + side] = ankle + _TOE * R.normalize(pose.toes[:, side])
    return out


def _reach(
    root: ndarray, target: ndarray, pole: ndarray, upper: float, lower: float
) -> tuple[ndarray, ndarray]:
    """Return middle and end joint (F, 3) of a two-bone limb that reaches towards a target."""
    way = target - root
    far = np.clip(
        np.linalg.norm(way, axis=-1, keepdims=True),
        1.2 * abs(upper - lower) + 0.05,
        _STRETCHED * (upper + lower),
    )
    way = R.normalize(way)
    side = pole - (pole * way).sum(axis=-1, keepdims=True) * way
    along = (far * far + upper * upper - lower * lower) / (2.0 * far)
    off = np.sqrt(np.maximum(upper * upper - along * along, 0.0))
    return root + along * way + off * R.normalize(side), root + far * way


def shoulders_of(hips: ndarray, pelvis: ndarray, chest: ndarray) -> tuple[ndarray, ndarray]:
    """Return both shoulders (2, 3) of a key pose, and the chest's world rotation (xyzw).

    Args:
        hips: As in `Pose`.
        pelvis: As in `Pose`.
        chest: As in `Pose`.
    """
    turn = R.from_rotation_vector(pelvis)
    top = R.multiply(turn, R.from_rotation_vector(chest))
    neck = hips + R.apply(turn, 0.4 * TRUNK * UP) + R.apply(top, 0.6 * TRUNK * UP)
    offsets = SIDES[:, None] * _SHOULDER * np.array([1.0, 0.0, 0.0])
    return neck + R.apply(top[None], offsets), top
