"""How a rig stands in a pose: up, forward and leg length; and which pose is closest to rest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.rig import TreePose
from mocap.errors import InputError
from mocap.rig.names import ARM, LEG

_DOWN, _UP = np.array([0.0, -1.0, 0.0]), np.array([0.0, 1.0, 0.0])
_AHEAD, _RIGHT = np.array([0.0, 0.0, 1.0]), np.array([-1.0, 0.0, 0.0])
_TRUNK = ("hips", "spine", "chest", "upperChest")
# Another pose is taken instead of the rest if it is so much nearer to standing still, mean radians
# a joint: at once for the pose in which a skin was bound, or in which an FBX's bones have no
# rotation of their own; a moment of a performance only where the rest is no pose of a body at all.
_BETTER = {"bind": np.radians(5.0), "zero": np.radians(5.0), "frame": np.radians(25.0)}
# Legs of a standing or walking body are within this of the trunk's line, radians.
_STRIDE = np.radians(45.0)

# In leg lengths: between these are the hips of a lying body above the ground, within the second is
# its lowest joint, and farther than the third from 0 are the feet of a body that does not stand.
_THIN, _NEAR_GROUND, _FAR_FEET = (0.03, 0.35), 0.2, 0.25


def body_up(pose: TreePose, bones: dict[str, int]) -> Float[ndarray, " 3"]:
    """Returns the direction from the hips to the shoulders, unit, in the pose's world.

    A body without legs has its lowest trunk bone for hips, one without arms its neck or head for
    shoulders. Where neither tells, as for hands alone, up is the document's +Y.

    Raises:
        InputError: If shoulders and hips lie at one place.
    """
    upper, lower = _middle(pose, bones, "UpperArm"), _middle(pose, bones, "UpperLeg")
    ends = [bones[b] for b in ("head", "neck") if b in bones]
    starts = [bones[b] for b in (*_TRUNK, "neck") if b in bones]
    if upper is None and ends:
        upper = pose.positions[ends[0]]
    if lower is None and starts:
        lower = pose.positions[starts[0]]
    if upper is None or lower is None:
        return _UP
    if not {"leftUpperLeg", "rightUpperLeg", "leftUpperArm", "rightUpperArm"} <= bones.keys():
        return R.normalize(upper - lower) if np.linalg.norm(upper - lower) > 1e-9 else _UP
    return _unit(upper - lower, "the shoulders lie where the hips are")


def _middle(pose: TreePose, bones: dict[str, int], pair: str) -> Float[ndarray, " 3"] | None:
    """Returns the point between the left and the right one of a bone; None without both."""
    both = [bones[s + pair] for s in ("left", "right") if s + pair in bones]
    return np.asarray(pose.positions[both].mean(axis=0)) if len(both) == 2 else None


def body_ahead(pose: TreePose, bones: dict[str, int]) -> Float[ndarray, " 3"]:
    """Returns the direction that the body faces, unit, in the pose's world.

    It is at right angles to the body's up and to the lines of hips and shoulders together; where
    there are no such pairs, it is as near to the document's +Z as its up allows.

    Raises:
        InputError: If left and right lie on one line with the spine.
    """
    p, up = pose.positions, body_up(pose, bones)
    across = [
        R.normalize(v)
        for pairs in (("UpperArm", "UpperLeg"), ("Shoulder", "Eye", "Hand"))
        for pair in pairs
        if {f"left{pair}", f"right{pair}"} <= bones.keys()
        and (pairs[0] == "UpperArm" or not _has_pair(bones))
        and np.linalg.norm(v := p[bones[f"left{pair}"]] - p[bones[f"right{pair}"]]) > 0.0
    ]
    if not across and not _has_pair(bones):
        ahead = _AHEAD - (_AHEAD @ up) * up
        return R.normalize(ahead if np.linalg.norm(ahead) > 1e-3 else np.cross(_RIGHT, up))
    return _unit(
        np.cross(sum(across, np.zeros(3)), up), "left and right lie on one line with the spine"
    )


def _has_pair(bones: dict[str, int]) -> bool:
    return any({f"left{b}", f"right{b}"} <= bones.keys() for b in ("UpperArm", "UpperLeg"))


def _unit(v: Float[ndarray, "3"], otherwise: str) -> Float[ndarray, " 3"]:
    length = float(np.linalg.norm(v))
    if not length > 1e-9:
        raise InputError(f"No humanoid's skeleton: {otherwise}.")
    return v / length


def leg_length(pose: TreePose, bones: dict[str, int]) -> float:
    """Returns thigh and shank, mean of the legs that there are; 0 without any.

    A shank without a foot below it counts as long as the thigh.
    """
    p, legs = pose.positions, []
    for side in ("left", "right"):
        if not {f"{side}UpperLeg", f"{side}LowerLeg"} <= bones.keys():
            continue
        hip, knee = p[bones[f"{side}UpperLeg"]], p[bones[f"{side}LowerLeg"]]
        thigh = float(np.linalg.norm(knee - hip))
        shank = thigh
        if f"{side}Foot" in bones:
            shank = float(np.linalg.norm(p[bones[f"{side}Foot"]] - knee))
        legs.append(thigh + shank)
    return float(np.mean(legs)) if legs else 0.0


def strain(pose: TreePose, bones: dict[str, int]) -> float:
    """Return the distance of a pose from standing on straight legs, mean radians a joint.

    Straight arms may be anywhere from the sides to horizontal.
    """
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
        arm, leg = (
            [
                R.apply(body, R.normalize(d))
                for d in np.diff(
                    pose.positions[[bones[side + b] for b in chain if side + b in bones]], axis=0
                )
            ]
            for chain in (ARM[1:], LEG)
        )
        for thigh in leg[:1]:
            strains += [angle_between(thigh, _DOWN), *(angle_between(thigh, d) for d in leg[1:2])]
        for upper in arm[:1]:
            strains += [angle_between(upper, d) for d in arm[1:2]]
            level = np.arctan2(upper[1], sign * upper[0])
            strains += [
                abs(np.arcsin(np.clip(upper[2], -1.0, 1.0))),
                max(0.0, level, -0.5 * np.pi - level),
            ]
    return float(np.mean(strains)) if strains else 0.0


def neutral(poses: Sequence[TreePose], bones: dict[str, int]) -> TreePose:
    """Return the pose from which a T-pose is best made.

    It is the first (the rest pose), unless another one is clearly closer to standing.
    """
    strains = [strain(pose, bones) for pose in poses]
    best = 0
    for i, pose in enumerate(poses[1:], 1):
        better = _BETTER[pose.name.partition(" ")[0]]
        if strains[i] < strains[0] - better and (best == 0 or strains[i] < strains[best]):
            best = i
    return poses[best]


def stands(pose: TreePose, bones: dict[str, int]) -> bool:
    """Return whether both legs point down where the trunk points up.

    They do in standing, walking and jumping, unlike crawling and sitting.
    """
    up, p = body_up(pose, bones), pose.positions
    ends = [
        (side, next(b for b in ("Foot", "LowerLeg") if side + b in bones))
        for side in ("left", "right")
        if {f"{side}UpperLeg", f"{side}LowerLeg"} <= bones.keys()
    ]
    return bool(ends) and all(
        angle_between(R.normalize(p[bones[f"{s}UpperLeg"]] - p[bones[s + end]]), up) < _STRIDE
        for s, end in ends
    )


def lies(
    poses: Sequence[TreePose],
    bones: dict[str, int],
    up: Float[ndarray, " 3"],
    stood: Float[ndarray, " 3"],
) -> bool:
    """Return whether straight bodies lie on a ground at 0 instead of standing along another axis.

    A lying body stays near the ground, hips above it by the body's thickness, and its feet lie
    anywhere along the axis that its trunk points to. Standing along that axis puts the feet at 0.

    Args:
        poses: Frames of a motion, in the document's unit.
        bones: Bone → joint.
        up: Up in the zero pose, unit.
        stood: Up if the bodies stand, unit.
    """
    if "hips" not in bones or not poses or (leg := leg_length(poses[0], bones)) <= 0.0:
        return False
    places = np.array([p.positions[list(bones.values())] for p in poses]) / leg
    hips = np.median([p.positions[bones["hips"]] @ up for p in poses]) / leg
    lowest = (places @ up).min(axis=1)
    feet = float(np.median((places @ stood).min(axis=1)))
    return bool(
        _THIN[0] < hips < _THIN[1]
        and np.abs(np.percentile(lowest, [5, 95])).max() < _NEAR_GROUND
        and abs(feet) > _FAR_FEET
    )


def angle_between(a: Float[ndarray, " 3"], b: Float[ndarray, " 3"]) -> float:
    """Return the angle between two directions, radians."""
    return float(np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b))
