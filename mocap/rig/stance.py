"""How a rig stands in one of its poses: which way is up and ahead, how long its legs are; and which pose is most at rest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.rig import Pose
from mocap.errors import InputError
from mocap.rig.names import ARM, LEG

_DOWN = np.array([0.0, -1.0, 0.0])
# Another pose is taken instead of the rest if it is so much nearer to standing still, mean radians a joint: at once for the pose in
# which a skin was bound, or in which an FBX's bones have no rotation of their own; a moment of a performance only where the rest is no pose of a body at all.
_BETTER = {"bind": np.radians(5.0), "zero": np.radians(5.0), "frame": np.radians(25.0)}
# Legs of one who stands or goes are within this of the trunk's line, radians.
_STRIDE = np.radians(45.0)


def body_up(pose: Pose, bones: dict[str, int]) -> Float[ndarray, " 3"]:
    """From between the hips to between the shoulders, unit, in the pose's world. Raises InputError if there is no way between."""
    p = pose.positions
    shoulders, hips = (
        0.5 * (p[bones[f"left{b}"]] + p[bones[f"right{b}"]]) for b in ("UpperArm", "UpperLeg")
    )
    return _unit(shoulders - hips, "the shoulders lie where the hips are")


def body_ahead(pose: Pose, bones: dict[str, int]) -> Float[ndarray, " 3"]:
    """Where the body faces, unit, in the pose's world: at right angles to its up and to hips' and shoulders' lines together."""
    p = pose.positions
    across = [
        R.normalize(p[bones[f"left{b}"]] - p[bones[f"right{b}"]]) for b in ("UpperArm", "UpperLeg")
    ]
    return _unit(
        np.cross(across[0] + across[1], body_up(pose, bones)),
        "left and right lie on one line with the spine",
    )


def _unit(v: Float[ndarray, " 3"], otherwise: str) -> Float[ndarray, " 3"]:
    length = float(np.linalg.norm(v))
    if not length > 1e-9:
        raise InputError(f"No humanoid's skeleton: {otherwise}.")
    return v / length


def leg_length(pose: Pose, bones: dict[str, int]) -> float:
    """Thigh and shank, mean of both legs; a shank without a foot below it counts as long as the thigh."""
    p, total = pose.positions, 0.0
    for side in ("left", "right"):
        hip, knee = p[bones[f"{side}UpperLeg"]], p[bones[f"{side}LowerLeg"]]
        thigh = float(np.linalg.norm(knee - hip))
        total += thigh + (
            float(np.linalg.norm(p[bones[f"{side}Foot"]] - knee))
            if f"{side}Foot" in bones
            else thigh
        )
    return 0.5 * total


def strain(pose: Pose, bones: dict[str, int]) -> float:
    """How far a pose is from standing on straight legs, straight arms anywhere from the sides to level; mean radians a joint."""
    try:
        body = R.conjugate(
            R.from_frame(
                np.cross(body_up(pose, bones), body_ahead(pose, bones)), body_up(pose, bones)
            )
        )
    except InputError:
        return np.pi
    strains = []
    for side, sign in (("left", 1.0), ("right", -1.0)):
        chain = [[bones[side + b] for b in c if side + b in bones] for c in (ARM[1:], LEG)]
        (upper, *lower), (thigh, *shank) = (
            [R.apply(body, R.normalize(d)) for d in np.diff(pose.positions[c], axis=0)]
            for c in chain
        )
        strains += [
            angle_between(thigh, _DOWN),
            *(angle_between(thigh, d) for d in shank[:1]),
            *(angle_between(upper, d) for d in lower[:1]),
        ]
        level = np.arctan2(upper[1], sign * upper[0])
        strains += [
            abs(np.arcsin(np.clip(upper[2], -1.0, 1.0))),
            max(0.0, level, -0.5 * np.pi - level),
        ]
    return float(np.mean(strains))


def neutral(poses: Sequence[Pose], bones: dict[str, int]) -> Pose:
    """Of a rig's poses that from which a T-pose is best made: the first, its rest, unless another is clearly more at rest."""
    strains = [strain(pose, bones) for pose in poses]
    best = 0
    for i, pose in enumerate(poses[1:], 1):
        better = _BETTER[pose.name.partition(" ")[0]]
        if strains[i] < strains[0] - better and (best == 0 or strains[i] < strains[best]):
            best = i
    return poses[best]


def stands(pose: Pose, bones: dict[str, int]) -> bool:
    """Whether both legs go down where the trunk goes up, as they do in standing, walking and jumping, not in crawling and sitting."""
    up, p = body_up(pose, bones), pose.positions
    ends = [(s, next(b for b in ("Foot", "LowerLeg") if s + b in bones)) for s in ("left", "right")]
    return all(
        angle_between(R.normalize(p[bones[f"{s}UpperLeg"]] - p[bones[s + end]]), up) < _STRIDE
        for s, end in ends
    )


def angle_between(a: Float[ndarray, " 3"], b: Float[ndarray, " 3"]) -> float:
    """The angle between two directions, radians."""
    return float(np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b))
