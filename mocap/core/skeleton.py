"""The bone names (VRM 1.0 humanoid), the Skeleton type, and HUMANOID, the canonical body.

Bone names and parents: VRMC_vrm-1.0, humanoid.md (https://github.com/vrm-c/vrm-specification).
Proportions of HUMANOID: a body of 1.75 m after the segment lengths of Drillis and Contini (1966) as
printed in Winter, *Biomechanics and Motor Control of Human Movement*, 4th ed., fig. 4.1 (thigh
0.245 H, shank 0.246 H, upper arm 0.186 H less the acromion's offset, forearm 0.146 H, foot 0.152
H), with joint centres rather than surface marks at shoulder and hip.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from mocap.core import rotation as R
from mocap.errors import InputError

# bone: (parent, position of its joint in the rest pose, metres). The right side is the left side's
# mirror image.
_CENTRE = {
    "hips": (None, (0.0, 0.955, 0.0)),
    "spine": ("hips", (0.0, 1.045, 0.0)),
    "chest": ("spine", (0.0, 1.155, 0.0)),
    "upperChest": ("chest", (0.0, 1.275, 0.0)),
    "neck": ("upperChest", (0.0, 1.470, 0.0)),
    "head": ("neck", (0.0, 1.555, 0.015)),
    "jaw": ("head", (0.0, 1.585, 0.035)),
}
_LEFT = {
    "Eye": ("head", (0.032, 1.640, 0.080)),
    "UpperLeg": ("hips", (0.092, 0.920, 0.0)),
    "LowerLeg": ("UpperLeg", (0.092, 0.500, 0.0)),
    "Foot": ("LowerLeg", (0.092, 0.085, 0.0)),
    "Toes": ("Foot", (0.092, 0.020, 0.135)),
    "Shoulder": ("upperChest", (0.028, 1.425, 0.0)),
    "UpperArm": ("Shoulder", (0.180, 1.425, 0.0)),
    "LowerArm": ("UpperArm", (0.468, 1.425, 0.0)),
    "Hand": ("LowerArm", (0.728, 1.425, 0.0)),
    "ThumbMetacarpal": ("Hand", (0.750, 1.415, 0.022)),
    "ThumbProximal": ("ThumbMetacarpal", (0.780, 1.407, 0.047)),
    "ThumbDistal": ("ThumbProximal", (0.806, 1.403, 0.064)),
    "IndexProximal": ("Hand", (0.818, 1.425, 0.026)),
    "IndexIntermediate": ("IndexProximal", (0.860, 1.425, 0.027)),
    "IndexDistal": ("IndexIntermediate", (0.885, 1.425, 0.027)),
    "MiddleProximal": ("Hand", (0.821, 1.428, 0.003)),
    "MiddleIntermediate": ("MiddleProximal", (0.867, 1.428, 0.003)),
    "MiddleDistal": ("MiddleIntermediate", (0.896, 1.428, 0.003)),
    "RingProximal": ("Hand", (0.814, 1.426, -0.018)),
    "RingIntermediate": ("RingProximal", (0.856, 1.426, -0.019)),
    "RingDistal": ("RingIntermediate", (0.883, 1.426, -0.019)),
    "LittleProximal": ("Hand", (0.803, 1.421, -0.037)),
    "LittleIntermediate": ("LittleProximal", (0.836, 1.421, -0.040)),
    "LittleDistal": ("LittleIntermediate", (0.855, 1.421, -0.041)),
}
# Ends of the bones without children, and the top of the head, relative to their joint, metres: BVH
# End Sites and finger tips.
_TIPS = {
    "head": (0.0, 0.195, 0.0),
    "jaw": (0.0, -0.035, 0.065),
    "Eye": (0.0, 0.0, 0.013),
    "Toes": (0.0, 0.0, 0.070),
    "ThumbDistal": (0.024, -0.003, 0.014),
    "IndexDistal": (0.022, 0.0, 0.0),
    "MiddleDistal": (0.024, 0.0, 0.0),
    "RingDistal": (0.023, 0.0, 0.0),
    "LittleDistal": (0.020, 0.0, 0.0),
}
_MIRROR = np.array([-1.0, 1.0, 1.0])


def _sided(name: str, side: str) -> str:
    return side + name if name in _LEFT else name


@dataclass(frozen=True, eq=False, slots=True)
class Skeleton:
    """A tree of joints; parents come before children, and the first joint is the only root.

    Attributes:
        names: (J,) unique.
        parents: (J,) index of the parent, −1 for the root.
        offsets: (J, 3) metres, position of each joint in its parent's frame at rest; for the root,
            its position in the world.
        rest_rotations: (J, 4) xyzw, q_parent_child at rest.

    Raises:
        InputError: If the shapes disagree, a parent does not come before its child, or a number is
            not finite.
    """

    names: tuple[str, ...]
    parents: Int[ndarray, "joints"]
    offsets: Float[ndarray, "joints 3"]
    rest_rotations: Float[ndarray, "joints 4"]

    def __post_init__(self) -> None:
        names = tuple(self.names)
        parents = np.array(self.parents, dtype=np.int64)
        offsets = np.array(self.offsets, dtype=np.float64)
        rests = np.array(self.rest_rotations, dtype=np.float64)
        count = len(names)
        if parents.shape != (count,) or offsets.shape != (count, 3) or rests.shape != (count, 4):
            raise InputError(
                f"A skeleton of {count} names needs parents ({count},), offsets ({count}, 3) and "
                f"rest rotations ({count}, 4), "
                f"but has {parents.shape}, {offsets.shape} and {rests.shape}."
            )
        if len(set(names)) != count:
            twice = sorted({n for n in names if names.count(n) > 1})
            raise InputError(
                f"Joint names must be unique, but these stand more than once: {', '.join(twice)}."
            )
        if (
            count == 0
            or parents[0] != -1
            or np.any(parents[1:] < 0)
            or np.any(parents >= np.arange(count))
        ):
            raise InputError(
                "A skeleton's first joint is its only root (parent −1), and every other joint's "
                "parent stands before it."
            )
        if not (np.all(np.isfinite(offsets)) and np.all(np.isfinite(rests))):
            raise InputError("A skeleton's offsets and rest rotations must be finite numbers.")
        for field, array in (("parents", parents), ("offsets", offsets), ("rest_rotations", rests)):
            array.flags.writeable = False
            object.__setattr__(self, field, array)
        object.__setattr__(self, "names", names)

    def index(self, name: str) -> int:
        """Return the index of the joint of that name.

        Raises:
            InputError: If there is none; the message lists the joints.
        """
        try:
            return self.names.index(name)
        except ValueError:
            raise InputError(
                f"There is no joint {name!r}; this skeleton has {', '.join(self.names)}."
            ) from None

    def rest_positions(self) -> Float[ndarray, "joints 3"]:
        """Return the world positions of the joints in the rest pose, metres."""
        positions, world = self.offsets.copy(), self.rest_rotations.copy()
        for joint in range(1, len(self.names)):
            parent = self.parents[joint]
            world[joint] = R.multiply(world[parent], world[joint])
            positions[joint] = positions[parent] + R.apply(world[parent], positions[joint])
        return positions

    def children(self, index: int) -> list[int]:
        """Return the indices of the children of a joint."""
        return [int(i) for i in np.flatnonzero(self.parents == index)]


def _humanoid() -> Skeleton:
    positions: dict[str, np.ndarray] = {}
    parents: dict[str, str | None] = {}
    for name, (parent, position) in _CENTRE.items():
        positions[name], parents[name] = np.array(position), parent
    for side, sign in (("left", np.ones(3)), ("right", _MIRROR)):
        for name, (parent, position) in _LEFT.items():
            positions[side + name] = np.array(position) * sign
            parents[side + name] = _sided(parent, side)
    names = tuple(positions)
    offsets = [positions[n] - (positions[p] if (p := parents[n]) else 0.0) for n in names]
    indices = [names.index(p) if (p := parents[n]) else -1 for n in names]
    return Skeleton(
        names, np.array(indices), np.array(offsets), np.tile([0.0, 0.0, 0.0, 1.0], (len(names), 1))
    )


HUMANOID = _humanoid()
"""The canonical body: the 55 bones of VRM 1.0 in T-pose with identity rest rotations, 1.75 m tall,
feet on y = 0, facing +Z."""

BONES: tuple[str, ...] = HUMANOID.names
"""The bone vocabulary, `hips` first, parents before children."""

REQUIRED = (
    "hips", "spine", "head", "leftUpperLeg", "leftLowerLeg", "leftFoot", "rightUpperLeg",
    "rightLowerLeg", "rightFoot",
    "leftUpperArm", "leftLowerArm", "leftHand", "rightUpperArm", "rightLowerArm", "rightHand",
)  # fmt: skip
"""The fifteen bones that VRM 1.0 requires of a humanoid, parents before children."""

BONE_PARENTS: dict[str, str | None] = {
    n: (BONES[p] if p >= 0 else None) for n, p in zip(BONES, HUMANOID.parents, strict=True)
}

TIPS: dict[str, np.ndarray] = {
    _sided(n, side): np.array(tip) * (sign if n in _LEFT else 1.0)
    for n, tip in _TIPS.items()
    for side, sign in (("left", np.ones(3)), ("right", _MIRROR))
}
"""Bone → position of its end in its own frame, metres, for HUMANOID's leaf bones and the head."""


def mirrored_name(bone: str) -> str:
    """Return the bone on the other side: `leftHand` → `rightHand`; a middle bone itself."""
    if bone.startswith("left"):
        return "right" + bone[4:]
    return "left" + bone[5:] if bone.startswith("right") else bone


def bone_before(bone: str, there: Container[str]) -> str | None:
    """Return the nearest ancestor of a bone that is among the bones `there`; None without one."""
    before = BONE_PARENTS[bone]
    while before is not None and before not in there:
        before = BONE_PARENTS[before]
    return before


def humanoid_index(*bones: str) -> Int[ndarray, "n"]:
    """Return the indices of bones in HUMANOID."""
    return np.array([BONES.index(b) for b in bones])
