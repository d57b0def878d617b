"""The body's surface: how far below its joints the skin lies, for whatever touches the ground."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.keypoints import LANDMARKS
from mocap.core.kinematics import fk, sole_heights
from mocap.core.skeleton import HUMANOID, Skeleton

# Metres from a joint of HUMANOID to the skin, half of the body's depth there (ANSUR II, Gordon et
# al. 2014, medians of both sexes).
_SKIN = {
    "hips": 0.10, "upperChest": 0.11, "head": 0.09,
    "UpperArm": 0.05, "LowerArm": 0.035, "Hand": 0.025, "MiddleProximal": 0.015,
    "UpperLeg": 0.09, "LowerLeg": 0.05, "Foot": 0.035,
}  # fmt: skip
_OF_LANDMARKS = {
    "shoulder": 0.05, "elbow": 0.035, "wrist": 0.025, "index": 0.015, "pinky": 0.015,
    "hip": 0.09, "knee": 0.05, "ear": 0.08, "nose": 0.0,
}  # fmt: skip
BODY_LANDMARKS = [i for i, n in enumerate(LANDMARKS) if n.split("_")[-1] in _OF_LANDMARKS
                  and "foot" not in n]  # fmt: skip
"""The landmarks, other than those of the feet, that may touch the ground."""
BODY_THICKNESS = np.array([_OF_LANDMARKS[LANDMARKS[i].split("_")[-1]] for i in BODY_LANDMARKS])
"""Metres from these landmarks to the skin below them."""


def thickness_at(landmarks: Sequence[int]) -> Float[ndarray, "landmarks"]:
    """Return the metres from landmarks of HUMANOID's body to the skin below them."""
    return BODY_THICKNESS[[BODY_LANDMARKS.index(i) for i in landmarks]]


def _size(skeleton: Skeleton) -> float:
    lengths = [np.linalg.norm(s.offsets[1:], axis=-1).sum() for s in (skeleton, HUMANOID)]
    return float(lengths[0] / lengths[1])


@lru_cache(maxsize=16)
def _parts(skeleton: Skeleton) -> tuple[list[int], ndarray]:
    names = [
        (bone if bone[0].islower() else side + bone, thickness)
        for bone, thickness in _SKIN.items()
        for side in (("",) if bone[0].islower() else ("left", "right"))
    ]
    there = [(n, t) for n, t in names if n in skeleton.names]
    return (
        [skeleton.index(n) for n, _ in there],
        _size(skeleton) * np.array([t for _, t in there]),
    )


def part_thickness(skeleton: Skeleton, bone: str) -> float:
    """Return the metres from a bone's joint to the skin below it."""
    name = bone if bone in _SKIN else bone.removeprefix("left").removeprefix("right")
    return _size(skeleton) * _SKIN[name]


def skin_heights(
    skeleton: Skeleton, rotations: Float[ndarray, "*frames joints 4"]
) -> Float[ndarray, "*frames parts"]:
    """Return the height of the skin below each part but the feet, relative to the root, metres.

    Args:
        skeleton: A humanoid with identity rest rotations.
        rotations: Local rotations.
    """
    joints, thickness = _parts(skeleton)
    positions, _ = fk(skeleton, np.zeros(3), rotations)
    return positions[..., joints, 1] - thickness


def lowest_skin(
    skeleton: Skeleton, rotations: Float[ndarray, "*frames joints 4"]
) -> Float[ndarray, "*frames"]:
    """Return the height of the body's lowest skin, soles included, relative to the root, metres."""
    lowest = np.minimum(
        skin_heights(skeleton, rotations).min(axis=-1), sole_heights(skeleton, rotations).min(-1)
    )
    return np.asarray(lowest)


def landmark_skin(
    positions: Float[ndarray, "frames 33 3"], up: Float[ndarray, "3"]
) -> Float[ndarray, "frames parts"]:
    """Return the height along `up` of the skin below each of BODY_LANDMARKS, metres."""
    return np.asarray(positions[:, BODY_LANDMARKS] @ R.normalize(up) - BODY_THICKNESS)
