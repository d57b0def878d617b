"""Groups of bones that are seen or hidden together, and the landmarks that each group needs."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from mocap.core.keypoints import LANDMARKS
from mocap.core.skeleton import BONES
from mocap.solve.evidence import SEEN
from mocap.solve.hands import FINGER_BONES

_I = {name: i for i, name in enumerate(LANDMARKS)}

# The landmarks that each group of bones needs.
_GROUPS: dict[str, list[str]] = {
    "trunk": ["left_shoulder", "right_shoulder"],
    "head": ["left_shoulder", "right_shoulder", "left_ear", "right_ear", "nose"],
    **{f"{s}Arm": [f"{s}_shoulder", f"{s}_elbow", f"{s}_wrist"] for s in ("left", "right")},
    **{
        f"{s}Hand": [f"{s}_shoulder", f"{s}_elbow", f"{s}_wrist", f"{s}_index", f"{s}_pinky"]
        for s in ("left", "right")
    },
    **{f"{s}Leg": [f"{s}_hip", f"{s}_knee", f"{s}_ankle"] for s in ("left", "right")},
    **{
        f"{s}Foot": [f"{s}_knee", f"{s}_ankle", f"{s}_heel", f"{s}_foot_index"]
        for s in ("left", "right")
    },
}


# Fingers follow the points of the hands, not the landmarks; their groups come last.
_FINGER_GROUPS = [len(_GROUPS), len(_GROUPS) + 1]


def _group_of(bone: str) -> int:
    side = "left" if bone.startswith("left") else "right"
    if BONES.index(bone) in FINGER_BONES:
        return _FINGER_GROUPS[side == "right"]
    for part, group in (
        ("UpperLeg", "Leg"),
        ("LowerLeg", "Leg"),
        ("Foot", "Foot"),
        ("Toes", "Foot"),
        ("UpperArm", "Arm"),
        ("LowerArm", "Arm"),
    ):
        if bone.endswith(part):
            return list(_GROUPS).index(side + group)
    if bone in ("neck", "head", "jaw") or bone.endswith("Eye"):
        return list(_GROUPS).index("head")
    if bone.startswith(("left", "right")) and not bone.endswith("Shoulder"):
        return list(_GROUPS).index(side + "Hand")
    return list(_GROUPS).index("trunk")


TRUNK_GROUP, HEAD_GROUP = list(_GROUPS).index("trunk"), list(_GROUPS).index("head")
LIMB_GROUPS = [list(_GROUPS).index(n) for n in ("leftArm", "rightArm", "leftLeg", "rightLeg")]
FOOT_GROUPS = [list(_GROUPS).index(n) for n in ("leftFoot", "rightFoot")]
HAND_GROUPS = [list(_GROUPS).index(n) for n in ("leftHand", "rightHand")]
BONE_GROUP = np.array([_group_of(b) for b in BONES])
"""(55,) the group of each bone of HUMANOID."""
GROUP_NAMES = tuple(_GROUPS)
"""The groups of bones that follow landmarks."""
_GROUP_STARTS = np.cumsum([0, *(len(v) for v in _GROUPS.values())])[:-1]
_GROUP_LANDMARKS = np.array([_I[n] for names in _GROUPS.values() for n in names])


def group_confidence(confidence: Float[ndarray, "frames 33"]) -> Float[ndarray, "frames groups"]:
    """Return the lowest confidence of each group's landmarks; see `seen_groups`."""
    return np.minimum.reduceat(confidence[:, _GROUP_LANDMARKS], _GROUP_STARTS, axis=1)


def seen_groups(confidence: Float[ndarray, "frames 33"]) -> Bool[ndarray, "frames groups"]:
    """Return which groups of bones are seen: all their landmarks have at least confidence SEEN.

    Args:
        confidence: Confidence of the landmarks, 0 to 1.

    Returns:
        (F, G) in the order of GROUP_NAMES, without the two groups of fingers.
    """
    return group_confidence(confidence) >= SEEN
