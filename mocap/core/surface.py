"""Distance from the body's joints to its skin, for the parts that may touch the ground."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.keypoints import LANDMARKS
from mocap.core.kinematics import global_rotations, soles_of
from mocap.core.skeleton import HUMANOID, Skeleton

# Distance from a joint of HUMANOID to the skin, metres: half of the body's depth there (ANSUR II,
# Gordon et al. 2014, medians of both sexes).
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
"""Distances from BODY_LANDMARKS to the skin, metres, for a body of HUMANOID's size."""


def thickness_at(landmarks: Sequence[int]) -> Float[ndarray, "landmarks"]:
    """Return the distances from landmarks (of BODY_LANDMARKS) to the skin, metres."""
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
    """Return the distance from a bone's joint to the skin, metres, for a body of this size."""
    name = bone if bone in _SKIN else bone.removeprefix("left").removeprefix("right")
    return _size(skeleton) * _SKIN[name]


def skin_heights(
    skeleton: Skeleton, rotations: Float[ndarray, "*frames joints 4"]
) -> Float[ndarray, "*frames parts"]:
    """Return the height of the skin below each part of the body except the feet.

    Args:
        skeleton: A humanoid with identity rest rotations.
        rotations: Local rotations.

    Returns:
        Heights relative to the root, metres.
    """
    return _heights([skeleton], rotations)[0][..., :-_SOLES]


def part_heights(
    skeleton: Skeleton, rotations: Float[ndarray, "*frames joints 4"], bones: Sequence[str]
) -> Float[ndarray, "*frames bones"]:
    """Return the height of the skin below some bones' joints, relative to the root, metres.

    Args:
        skeleton: A humanoid with identity rest rotations.
        rotations: Local rotations.
        bones: Names of the bones, of the parts of the body that may touch the ground.
    """
    names = [skeleton.names[joint] for joint in _parts(skeleton)[0]]
    return skin_heights(skeleton, rotations)[..., [names.index(bone) for bone in bones]]


def lowest_skin(
    skeleton: Skeleton, rotations: Float[ndarray, "*frames joints 4"]
) -> Float[ndarray, "*frames"]:
    """Return the height of the body's lowest skin, soles included, relative to the root, metres."""
    return lowest_skins([skeleton], rotations)[0]


def lowest_skins(
    skeletons: Sequence[Skeleton], rotations: Float[ndarray, "*frames joints 4"]
) -> list[Float[ndarray, "*frames"]]:
    """`lowest_skin` of several bodies in the same pose.

    Args:
        skeletons: Bodies with the same joints.
        rotations: Local rotations.
    """
    return [heights.min(axis=-1) for heights in _heights(skeletons, rotations)]


_SOLES = 4


@lru_cache(maxsize=32)
def _carriers(skeleton: Skeleton) -> tuple[Skeleton, ndarray]:
    """Return the joints that carry skin or soles as a skeleton, and their indices in the whole."""
    ends = [*_parts(skeleton)[0], *(skeleton.index(name) for name in soles_of(skeleton)[0])]
    joints = {0}
    for joint in ends:
        while joint not in joints:
            joints.add(joint)
            joint = int(skeleton.parents[joint])
    kept = sorted(joints)
    parents = [-1, *(kept.index(int(skeleton.parents[joint])) for joint in kept[1:])]
    names = tuple(skeleton.names[joint] for joint in kept)
    return (
        Skeleton(names, np.array(parents), skeleton.offsets[kept], skeleton.rest_rotations[kept]),
        np.array(kept),
    )


@lru_cache(maxsize=32)
def _levers(skeleton: Skeleton) -> tuple[ndarray, ndarray]:
    """Return what takes the carriers' upward rows to the heights of the skin's parts and the soles.

    The height of a point is linear in them: a joint adds its row times the offset of the next joint
    on the way to the point, or of the point itself.

    Returns:
        (3 J, P + 4), metres; and (P + 4,), metres below these points.
    """
    carriers, _ = _carriers(skeleton)
    parts, thickness = _parts(skeleton)
    names, points = soles_of(skeleton)
    ends = [(skeleton.names[joint], np.zeros(3)) for joint in parts]
    ends += list(zip(names, points, strict=True))
    out = np.zeros((len(carriers.names), 3, len(ends)))
    for n, (name, point) in enumerate(ends):
        joint = carriers.index(name)
        out[joint, :, n] = point
        while joint:
            parent = int(carriers.parents[joint])
            out[parent, :, n] = carriers.offsets[joint]
            joint = parent
    return out.reshape(-1, len(ends)), np.concatenate([thickness, np.zeros(len(points))])


def _heights(
    skeletons: Sequence[Skeleton], rotations: Float[ndarray, "*frames joints 4"]
) -> list[Float[ndarray, "*frames points"]]:
    """Return the heights of skin and soles of each body, relative to its root, metres."""
    carriers, joints = _carriers(skeletons[0])
    up = R.row(global_rotations(carriers, rotations[..., joints, :]), 1)
    flat = up.reshape(*up.shape[:-2], -1)
    return [flat @ levers - below for levers, below in map(_levers, skeletons)]


def landmark_skin(
    positions: Float[ndarray, "frames 33 3"], up: Float[ndarray, "3"]
) -> Float[ndarray, "frames parts"]:
    """Return the height along `up` of the skin below each of BODY_LANDMARKS, metres.

    Args:
        positions: Landmarks, metres.
        up: The up direction in the axes of `positions`.
    """
    return np.asarray(positions[:, BODY_LANDMARKS] @ R.normalize(up) - BODY_THICKNESS)
