"""A rig's proportions as a humanoid body.

HUMANOID's bones are in T-pose at the rig's joint positions, soles on y = 0.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core.kinematics import fk
from mocap.core.rig import Rig
from mocap.core.skeleton import BONE_PARENTS, BONES, HUMANOID, Skeleton
from mocap.retargeting.links import neck, trunk

_H = dict(zip(BONES, HUMANOID.rest_positions(), strict=True))
# Range of a foot's lowest joint above its sole, as a share of the leg; if the file's ground gives a
# height outside it, the rest pose does not stand on that ground. Cartoon ankles are high.
_SOLE = (-0.01, 0.45)
# HUMANOID's ankle height as a share of its knee height.
_ANKLE = float(_H["leftFoot"][1] / _H["leftLowerLeg"][1])


def body_of(rig: Rig) -> Skeleton:
    """Return the rig's body on humanoid bones.

    It stands on y = 0 in T-pose with identity rests, metres. Bones that the rig lacks are
    HUMANOID's, scaled to its legs. A trunk of other than three joints is divided at the same
    shares.
    """
    at, _ = fk(rig.skeleton, rig.skeleton.offsets[0], rig.t_pose)
    places = {bone: at[rig.index(bone)] for bone in rig.bones}
    places |= _divided(rig, at)
    legs = [
        _distance(places, s + a, s + b)
        for s in ("left", "right")
        for a, b in (("UpperLeg", "LowerLeg"), ("LowerLeg", "Foot"))
    ]
    scale = (
        float(np.mean([known / full for known, full in legs if known]))
        if any(known for known, _ in legs)
        else _tall(places)
    )
    knee = _knee_height(rig, scale)
    for bone in reversed(BONES):
        # What ends above the hips is continued downwards.
        known = next((b for b in BONES if BONE_PARENTS[b] == bone and b in places), None)
        if bone not in places and known is not None and not _has_above(bone, places):
            places[bone] = places[known] - scale * (_H[known] - _H[bone])
    for bone, parent in BONE_PARENTS.items():
        if bone.endswith("Foot") and bone not in places:
            # A leg that ends at its shank reaches the ground.
            places[bone] = places[str(parent)] - [0.0, knee * (1.0 - _ANKLE), 0.0]
        elif bone not in places:
            places[bone] = (
                places[parent] + scale * (_H[bone] - _H[parent])
                if parent is not None
                else scale * _H[bone]
            )
    ankle = _ankle_height(rig, places, scale)
    lift = ankle - 0.5 * (places["leftFoot"][1] + places["rightFoot"][1])
    offsets = np.array([places[b] - (places[p] if (p := BONE_PARENTS[b]) else 0.0) for b in BONES])
    offsets[0, 1] += lift
    for side in ("left", "right"):
        if f"{side}Toes" not in rig.bones:
            # HUMANOID's toes below an ankle of another height would not touch the ground.
            offsets[BONES.index(f"{side}Toes"), 1] *= ankle / (scale * float(_H[f"{side}Foot"][1]))
    # The path begins above the ground's origin, wherever the file placed the character.
    offsets[0, [0, 2]] = 0.0
    return Skeleton(BONES, HUMANOID.parents, offsets, HUMANOID.rest_rotations)


def has_legs(rig: Rig) -> bool:
    """Whether a rig stands on legs: an upper body, hands or a head do not."""
    return all({f"{s}UpperLeg", f"{s}LowerLeg"} <= rig.bones.keys() for s in ("left", "right"))


def _has_above(bone: str, places: dict[str, ndarray]) -> bool:
    """Whether a bone above this one has its place."""
    parent = BONE_PARENTS[bone]
    while parent is not None and parent not in places:
        parent = BONE_PARENTS[parent]
    return parent is not None


def _knee_height(rig: Rig, scale: float) -> float:
    """Return the height of the knees above the ground that the rig rests on, if it does."""
    rest, full = rig.skeleton.rest_positions(), scale * float(_H["leftLowerLeg"][1])
    heights = [
        float(rest[rig.index(b), 1]) for b in ("leftLowerLeg", "rightLowerLeg") if b in rig.bones
    ]
    stands = float(np.mean(heights)) if heights else full
    return stands if 0.5 * full < stands < 2.0 * full else full


def _distance(places: dict[str, ndarray], a: str, b: str) -> tuple[float, float]:
    """Return the distance of two bones (0 if one is missing) and HUMANOID's."""
    known = float(np.linalg.norm(places[b] - places[a])) if a in places and b in places else 0.0
    return known, float(np.linalg.norm(_H[b] - _H[a]))


def _tall(places: dict[str, ndarray]) -> float:
    """Return the body's scale relative to HUMANOID where it has no legs."""
    both = [b for b in places if b in _H]
    spread = [float(np.linalg.norm(np.ptp([p[b] for b in both], axis=0))) for p in (places, _H)]
    return spread[0] / spread[1] if len(both) > 1 and spread[0] > 0 else 1.0


def _divided(rig: Rig, at: Float[ndarray, "joints 3"]) -> dict[str, ndarray]:
    """Return the positions of spine, chest, upperChest and neck along the rig's trunk.

    The trunk may have any number of joints.
    """
    found = {}
    (way, places), (throat, _) = trunk(rig), neck(rig)
    if way:
        # A trunk of one joint ends where the neck, or else the head, begins.
        end = throat[0] if throat else rig.index("head") if "head" in rig.bones else way[-1]
        joints = [way[0], end] if len(way) == 1 else way
        known = [1.0, 4.0] if len(way) == 1 else list(places)
        if known[0] > 1.0 and "hips" in rig.bones:
            joints, known = [rig.index("hips"), *joints], [0.0, *known]
        for u, bone in enumerate(("spine", "chest", "upperChest"), 1):
            found[bone] = np.array([np.interp(u, known, at[joints, axis]) for axis in range(3)])
    if throat:
        found["neck"] = at[throat[0]]
    return found


def _ankle_height(rig: Rig, places: dict[str, ndarray], scale: float) -> float:
    """Return the height of the ankles above level soles.

    It is measured from the ground that the rig rests on, if it does.
    """
    rest = rig.skeleton.rest_positions()
    low = "Toes" if {"leftToes", "rightToes"} <= rig.bones.keys() else "Foot"
    names = [s + low for s in ("left", "right") if s + low in rig.bones]
    above_low = float(
        np.mean([places[f"{s}Foot"][1] - places[s + low][1] for s in ("left", "right")])
    )
    leg = scale * float(_H["leftUpperLeg"][1] - _H["leftFoot"][1])
    sole = scale * float(_H[f"left{low}"][1])
    if not names:
        return _ANKLE * _knee_height(rig, scale)
    stands = min(float(rest[rig.index(n), 1]) for n in names)
    if _SOLE[0] * leg < stands < _SOLE[1] * leg:
        sole = max(stands, 0.0)
    return max(sole + above_low, 0.0)
