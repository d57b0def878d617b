"""Measures of motions for tests: directions of limbs, slides of standing feet, the demo clip."""

from __future__ import annotations

import numpy as np

from mocap import assets
from mocap.core import rotation as R
from mocap.core.kinematics import sole_points
from mocap.core.motion import Motion
from mocap.core.runs import runs
from mocap.core.skeleton import BONES, HUMANOID

# Bone, and the bone at its end: what points from joint to joint.
LIMBS = [
    (f"{s}{a}", f"{s}{b}")
    for s in ("left", "right")
    for a, b in (
        ("UpperArm", "LowerArm"),
        ("LowerArm", "Hand"),
        ("UpperLeg", "LowerLeg"),
        ("LowerLeg", "Foot"),
    )
]

# The same limbs from landmark to landmark, and from joint to joint of the avatar.
LANDMARK_LIMBS = [
    (f"{side}_{a}", f"{side}_{b}", f"{side}{upper}", f"{side}{lower}")
    for side in ("left", "right")
    for a, b, upper, lower in (
        ("shoulder", "elbow", "UpperArm", "LowerArm"),
        ("elbow", "wrist", "LowerArm", "Hand"),
        ("hip", "knee", "UpperLeg", "LowerLeg"),
        ("knee", "ankle", "LowerLeg", "Foot"),
    )
]


def demo_motion() -> Motion:
    """Return the motion of the demo clip with its known contacts: steps, a squat, a hop, a turn."""
    with np.load(assets.path("demo/demo_truth.npz")) as file:
        contacts = file["contacts"].astype(float)
        root, rotations = file["root_positions"], file["rotations"]
        return Motion(HUMANOID, file["times"], root, rotations, contacts=contacts)


def degrees_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), (a * b).sum(axis=-1)))


def directions(positions: np.ndarray) -> np.ndarray:
    return np.stack(
        [
            R.normalize(positions[:, BONES.index(b)] - positions[:, BONES.index(a)])
            for a, b in LIMBS
        ],
        axis=1,
    )


def slides(motion: Motion, contacts: np.ndarray) -> list[float]:
    """Return, for each contact of a point, its largest distance on the ground from its mean, m."""
    points = sole_points(motion.skeleton, motion.root_positions, motion.rotations)[..., [0, 2]]
    out = []
    for p in range(4):
        for first, end in runs(contacts[:, p].astype(bool)):
            if end - first > 3:
                touch = points[first:end, p]
                out.append(float(np.linalg.norm(touch - touch.mean(axis=0), axis=-1).max()))
    return out
