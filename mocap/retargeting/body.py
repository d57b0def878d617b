"""A rig's proportions as a humanoid body: HUMANOID's bones at the rig's joint positions."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core.kinematics import fk
from mocap.core.rig import Rig
from mocap.core.skeleton import BONE_PARENTS, BONES, HUMANOID, Skeleton
from mocap.retargeting.links import neck, trunk

_H = dict(zip(BONES, HUMANOID.rest_positions(), strict=True))
# Plausible heights of a foot's lowest joint above its sole, as shares of the leg's length; cartoon
# ankles are high. If the file's ground gives another height, the rest pose does not stand on it.
_SOLE_RANGE = (-0.01, 0.45)
# HUMANOID's ankle height as a share of its knee height.
_ANKLE_SHARE = float(_H["leftFoot"][1] / _H["leftLowerLeg"][1])


def body_of(rig: Rig) -> Skeleton:
    """Return the rig's body on humanoid bones.

    Bones that the rig lacks are HUMANOID's, scaled to the rig's legs. A trunk with another number
    of joints than three is divided in HUMANOID's proportions.

    Args:
        rig: The rig.

    Returns:
        A skeleton that stands on y = 0 in T-pose, with identity rest rotations; metres.
    """
    at, _ = fk(rig.skeleton, rig.skeleton.offsets[0], rig.t_pose)
    positions = {bone: at[rig.index(bone)] for bone in rig.bones}
    positions |= _trunk_positions(rig, at)
    legs = [
        _distance(positions, s + a, s + b)
        for s in ("left", "right")
        for a, b in (("UpperLeg", "LowerLeg"), ("LowerLeg", "Foot"))
    ]
    scale = (
        float(np.mean([known / full for known, full in legs if known]))
        if any(known for known, _ in legs)
        else _scale_without_legs(positions)
    )
    knee = _knee_height(rig, scale)
    for bone in reversed(BONES):
        # A bone without a placed ancestor is placed from its child.
        known = next((b for b in BONES if BONE_PARENTS[b] == bone and b in positions), None)
        if (
            bone not in positions
            and known is not None
            and not _has_placed_ancestor(bone, positions)
        ):
            positions[bone] = positions[known] - scale * (_H[known] - _H[bone])
    for bone, parent in BONE_PARENTS.items():
        if bone.endswith("Foot") and bone not in positions:
            # A leg without a foot reaches the ground.
            positions[bone] = positions[str(parent)] - [0.0, knee * (1.0 - _ANKLE_SHARE), 0.0]
        elif bone not in positions:
            positions[bone] = (
                positions[parent] + scale * (_H[bone] - _H[parent])
                if parent is not None
                else scale * _H[bone]
            )
    ankle = _ankle_height(rig, positions, scale)
    lift = ankle - 0.5 * (positions["leftFoot"][1] + positions["rightFoot"][1])
    offsets = np.array(
        [positions[b] - (positions[p] if (p := BONE_PARENTS[b]) else 0.0) for b in BONES]
    )
    offsets[0, 1] += lift
    for side in ("left", "right"):
        if f"{side}Toes" not in rig.bones:
            # HUMANOID's toes touch the ground only below an ankle of HUMANOID's height.
            offsets[BONES.index(f"{side}Toes"), 1] *= ankle / (scale * float(_H[f"{side}Foot"][1]))
    # The hips rest above the origin, wherever the file placed the character.
    offsets[0, [0, 2]] = 0.0
    return Skeleton(BONES, HUMANOID.parents, offsets, HUMANOID.rest_rotations)


def has_legs(rig: Rig) -> bool:
    """Return whether a rig has both legs, unlike an upper body, hands or a head."""
    return all({f"{s}UpperLeg", f"{s}LowerLeg"} <= rig.bones.keys() for s in ("left", "right"))


def _has_placed_ancestor(bone: str, positions: dict[str, ndarray]) -> bool:
    """Return whether an ancestor of the bone has a position."""
    parent = BONE_PARENTS[bone]
    while parent is not None and parent not in positions:
        parent = BONE_PARENTS[parent]
    return parent is not None


def _knee_height(rig: Rig, scale: float) -> float:
    """Return the height of the knees above the ground; HUMANOID's if the rig does not stand."""
    rest, full = rig.skeleton.rest_positions(), scale * float(_H["leftLowerLeg"][1])
    heights = [
        float(rest[rig.index(b), 1]) for b in ("leftLowerLeg", "rightLowerLeg") if b in rig.bones
    ]
    stands = float(np.mean(heights)) if heights else full
    return stands if 0.5 * full < stands < 2.0 * full else full


def _distance(positions: dict[str, ndarray], a: str, b: str) -> tuple[float, float]:
    """Return the distance of two bones on the rig (0 if one is missing) and on HUMANOID."""
    known = (
        float(np.linalg.norm(positions[b] - positions[a]))
        if a in positions and b in positions
        else 0.0
    )
    return known, float(np.linalg.norm(_H[b] - _H[a]))


def _scale_without_legs(positions: dict[str, ndarray]) -> float:
    """Return the scale of a body without legs, relative to HUMANOID."""
    both = [b for b in positions if b in _H]
    spread = [float(np.linalg.norm(np.ptp([p[b] for b in both], axis=0))) for p in (positions, _H)]
    return spread[0] / spread[1] if len(both) > 1 and spread[0] > 0 else 1.0


def _trunk_positions(rig: Rig, at: Float[ndarray, "joints 3"]) -> dict[str, ndarray]:
    """Return the positions of spine, chest, upperChest and neck along the rig's trunk.

    The trunk may have any number of joints.
    """
    found = {}
    (way, positions), (throat, _) = trunk(rig), neck(rig)
    if way:
        # A trunk of one joint ends where the neck, or else the head, begins.
        end = throat[0] if throat else rig.index("head") if "head" in rig.bones else way[-1]
        joints = [way[0], end] if len(way) == 1 else way
        known = [1.0, 4.0] if len(way) == 1 else list(positions)
        if known[0] > 1.0 and "hips" in rig.bones:
            joints, known = [rig.index("hips"), *joints], [0.0, *known]
        for u, bone in enumerate(("spine", "chest", "upperChest"), 1):
            found[bone] = np.array([np.interp(u, known, at[joints, axis]) for axis in range(3)])
    if throat:
        found["neck"] = at[throat[0]]
    return found


def _ankle_height(rig: Rig, positions: dict[str, ndarray], scale: float) -> float:
    """Return the height of the ankles above level soles, metres.

    It is measured from the ground if the rig rests on it, else taken from HUMANOID.
    """
    rest = rig.skeleton.rest_positions()
    low = "Toes" if {"leftToes", "rightToes"} <= rig.bones.keys() else "Foot"
    names = [s + low for s in ("left", "right") if s + low in rig.bones]
    above_low = float(
        np.mean([positions[f"{s}Foot"][1] - positions[s + low][1] for s in ("left", "right")])
    )
    leg = scale * float(_H["leftUpperLeg"][1] - _H["leftFoot"][1])
    sole = scale * float(_H[f"left{low}"][1])
    if not names:
        return _ANKLE_SHARE * _knee_height(rig, scale)
    stands = min(float(rest[rig.index(n), 1]) for n in names)
    if _SOLE_RANGE[0] * leg < stands < _SOLE_RANGE[1] * leg:
        sole = max(stands, 0.0)
    return max(sole + above_low, 0.0)
