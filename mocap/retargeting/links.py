"""Which joints of a rig rotate with which humanoid bones.

A trunk with any number of joints is one curve through hips, spine, chest and upperChest, and so is
the neck. Joints between the bones of a limb take a share of its twist, or keep their local rotation
of the T-pose.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.kinematics import fk, global_rotations
from mocap.core.rig import Rig
from mocap.core.skeleton import BONES, bone_before, humanoid_index
from mocap.rig import tree as T

TRUNK = ("hips", "spine", "chest", "upperChest")
NECK = ("upperChest", "neck")
# (bone, next bone, own): the twist that joints along the bone share. own: the bone's twist relative
# to its parent bone; otherwise the next bone's twist relative to the bone.
_SHARED = (
    ("UpperArm", "LowerArm", True),
    ("LowerArm", "Hand", False),
    ("UpperLeg", "LowerLeg", True),
    ("LowerLeg", "Foot", False),
)
LIMBS = (
    ("Shoulder", "UpperArm"),
    ("UpperArm", "LowerArm"),
    ("LowerArm", "Hand"),
    ("UpperLeg", "LowerLeg"),
    ("LowerLeg", "Foot"),
)
_TWISTS = re.compile(r"twist|roll", re.IGNORECASE)
# Largest distance from a limb's line, as a share of the limb's length, of a joint on the limb.
_BESIDE = 0.15


@dataclass(frozen=True, eq=False, slots=True)
class Share:
    """A joint that takes a share of a limb's twist.

    Its world rotation is that of `bone`, times the power `part` of the twist about `axis` of the
    bone `of` relative to the bone `relative`.

    Attributes:
        joint: Index of the joint in the rig.
        bone: Index of the bone with which the joint rotates.
        relative: Index of the bone relative to which the twist is measured.
        of: Index of the bone whose twist is shared.
        axis: Axis of the twist in T-pose, unit.
        part: Exponent of the twist.
    """

    joint: int
    bone: int
    relative: int
    of: int
    axis: Float[ndarray, "3"]
    part: float


@dataclass(frozen=True, eq=False, slots=True)
class Links:
    """Which joints rotate with which bones.

    Attributes:
        joints: (N,) the rig's joints that rotate with bones.
        first, second: (N,) the bones of HUMANOID between whose rotations each joint interpolates.
        t: (N,) parameter of that interpolation.
        shares: Further joints, which take a share of a twist.
        world: (J, 4) world rotations of the T-pose.
    """

    joints: Int[ndarray, "n"]
    first: Int[ndarray, "n"]
    second: Int[ndarray, "n"]
    t: Float[ndarray, "n"]
    shares: tuple[Share, ...]
    world: Float[ndarray, "joints 4"]


def chain(rig: Rig, start: str, bones: tuple[str, ...]) -> list[int]:
    """Return the rig's joints from below `start` to the last mapped bone of a chain.

    Args:
        rig: The rig.
        start: The bone above the chain, which is not part of it. If the chain does not descend
            from it, the chain starts below their common ancestor.
        bones: The bones of the chain, parents first.

    Returns:
        Indices of the joints; empty if the rig has none of the bones.
    """
    last = [b for b in bones if b in rig.bones]
    if not last:
        return []
    parents = rig.skeleton.parents
    # Without the bone `start`, the chain begins below the root, or at it if it is a bone.
    own = {rig.index(b) for b in last}
    above = set(T.path(parents, rig.index(start))) if start in rig.bones else {0} - own
    return [j for j in T.path(parents, rig.index(last[-1])) if j not in above]


def trunk(rig: Rig) -> tuple[list[int], Float[ndarray, "n"]]:
    """Return the trunk's joints above the hips and their positions on the spine's curve.

    On the curve, 1 is the spine, 2 the chest and 3 the upper chest. The last joint is always at 3,
    so that every body takes the whole rotation of the upper chest. Joints that are not bones are
    spaced evenly.

    Args:
        rig: The rig.

    Returns:
        Indices of the joints, and their positions on the curve.
    """
    way = chain(rig, "hips", TRUNK[1:])
    found = {
        rig.index(b): float(u)
        for u, b in enumerate(TRUNK[1:], 1)
        if b in rig.bones and rig.index(b) in way
    }
    known = {-1: 0.0} | {way.index(j): u for j, u in found.items()} | {len(way) - 1: 3.0}
    known = {i: known[i] for i in sorted(known)}
    return way, np.interp(np.arange(len(way)), list(known), list(known.values()))


def links(rig: Rig) -> Links:
    """Return which joint of a rig rotates with which bone."""
    joints: dict[int, tuple[str, str, float]] = {
        rig.index(b): (b, b, 0.0) for b in rig.bones if b not in (*TRUNK[1:], "neck")
    }
    for curve, way, at in ((TRUNK, *trunk(rig)), (NECK, *neck(rig))):
        for joint, u in zip(way, at, strict=True):
            low = min(int(u), len(curve) - 2)
            joints[joint] = (curve[low], curve[low + 1], float(u - low))
    order = sorted(joints)
    first, second = (
        humanoid_index(*(joints[j][0] for j in order)),
        humanoid_index(*(joints[j][1] for j in order)),
    )
    world = global_rotations(rig.skeleton, rig.t_pose)
    return Links(
        np.array(order),
        first,
        second,
        np.array([joints[j][2] for j in order]),
        _shares(rig, set(order)),
        world,
    )


def neck(rig: Rig) -> tuple[list[int], Float[ndarray, "n"]]:
    """Return the neck's joints, and their positions from the chest (0) to the neck (1).

    The joints are those between the trunk and the head, both excluded.
    """
    if "neck" not in rig.bones:
        return [], np.zeros(0)
    top = next((b for b in TRUNK[::-1] if b in rig.bones), "")
    way = chain(rig, top, ("neck", "head"))
    head = rig.index("head") if "head" in rig.bones else -1
    way = way[: way.index(head)] if head in way else way
    return way, np.arange(1, len(way) + 1) / len(way)


def _shares(rig: Rig, taken: set[int]) -> tuple[Share, ...]:
    positions, _ = fk(rig.skeleton, rig.skeleton.offsets[0], rig.t_pose)
    shares = []
    for side in ("left", "right"):
        for bone, after, own in ((side + b, side + a, own) for b, a, own in _SHARED):
            if bone not in rig.bones or after not in rig.bones:
                continue
            start, end = rig.index(bone), rig.index(after)
            along = positions[end] - positions[start]
            inner = T.between(rig.skeleton.parents, start, end)[:-1]
            axis = R.normalize(along)
            for joint in range(start + 1, len(rig.skeleton.names)):
                if joint in taken or int(rig.skeleton.parents[joint]) not in (start, *inner):
                    continue
                at = positions[joint] - positions[start]
                t = float(at @ along / max(along @ along, 1e-12))
                on_line = (
                    np.linalg.norm(at - t * along) <= _BESIDE * np.linalg.norm(along)
                    and -_BESIDE < t < 1.0 + _BESIDE
                )
                # A joint between the limb's bones belongs to the limb; a side joint only if its
                # name contains "twist" or "roll".
                if not on_line or (
                    joint not in inner and not _TWISTS.search(rig.skeleton.names[joint])
                ):
                    continue
                t = float(np.clip(t, 0.0, 1.0))
                index = BONES.index(bone)
                if not own:
                    shares.append(Share(joint, index, index, BONES.index(after), axis, t))
                elif joint not in inner:
                    shares.append(
                        Share(
                            joint,
                            index,
                            BONES.index(bone_before(bone, rig.bones) or "hips"),
                            index,
                            axis,
                            t - 1.0,
                        )
                    )
    return tuple(shares)
