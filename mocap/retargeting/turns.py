"""Which joint of a rig turns as which bone, both ways. A turn is a world rotation away from T-pose.

A mapped joint's world rotation is bone · T-pose, so that a limb along HUMANOID's direction in
T-pose points where the source's does, whatever its axes. A trunk of any number of joints is one
curve through hips, spine, chest and upperChest; so is the neck. Joints between that are no bones
keep the T-pose's local rotation, except those that share a limb's twist.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.kinematics import fk, global_rotations, local_rotations
from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.core.skeleton import BONES, HUMANOID, Skeleton, bone_before, humanoid_index
from mocap.errors import InputError
from mocap.retargeting.pelvis import pelvis_turns
from mocap.rig import tree as T

_TRUNK = ("hips", "spine", "chest", "upperChest")
_NECK = ("upperChest", "neck")
# limb: (bone, the next bone, whether its own twist is shared from the bone before, or the next
# bone's)
_SHARED = (
    ("UpperArm", "LowerArm", True),
    ("LowerArm", "Hand", False),
    ("UpperLeg", "LowerLeg", True),
    ("LowerLeg", "Foot", False),
)
_LIMBS = (
    ("Shoulder", "UpperArm"),
    ("UpperArm", "LowerArm"),
    ("LowerArm", "Hand"),
    ("UpperLeg", "LowerLeg"),
    ("LowerLeg", "Foot"),
)
_TWISTS = re.compile(r"twist|roll", re.IGNORECASE)
# A joint whose distance from a limb's line is below this share of the limb's length lies on the
# limb.
_BESIDE = 0.15


@dataclass(frozen=True, eq=False, slots=True)
class Share:
    """A joint that takes a share of a limb's twist.

    Its rotation is the bone's, times (twist of `of` in `relative` about `axis`) to the power
    `part`.
    """

    joint: int
    bone: int
    relative: int
    of: int
    axis: Float[ndarray, "3"]
    part: float


@dataclass(frozen=True, eq=False, slots=True)
class Links:
    """Which joints turn as which bones.

    Attributes:
        joints: (N,) the rig's joints that turn.
        first, second: (N,) HUMANOID's bones between which the turn lies, at `t` (N,).
        shares: The joints that take a share of a twist.
        world: (J, 4) the T-pose's world rotations.
    """

    joints: Int[ndarray, "n"]
    first: Int[ndarray, "n"]
    second: Int[ndarray, "n"]
    t: Float[ndarray, "n"]
    shares: tuple[Share, ...]
    world: Float[ndarray, "joints 4"]


def chain(rig: Rig, start: str, bones: tuple[str, ...]) -> list[int]:
    """Return the rig's joints along a chain of bones, from above the first to the last that it has.

    The joint above is that of `start` or, if the chain does not hang from it, the first common
    ancestor.

    Args:
        rig: The rig.
        start: The bone above, which is not part of the chain.
        bones: The bones of the chain, from above.

    Returns:
        The joints; empty if there are none.
    """
    last = [b for b in bones if b in rig.bones]
    if not last:
        return []
    parents = rig.skeleton.parents
    # Without the bone to start from, the chain begins below the root, or at the root if it is one.
    own = {rig.index(b) for b in last}
    above = set(T.path(parents, rig.index(start))) if start in rig.bones else {0} - own
    return [j for j in T.path(parents, rig.index(last[-1])) if j not in above]


def trunk(rig: Rig) -> tuple[list[int], Float[ndarray, "n"]]:
    """Return the trunk's joints above the hips and their positions on the spine's curve.

    On the curve, 1 is the spine, 2 the chest and 3 the upper chest. The last joint that is a bone
    is at 3, so that the chest arrives in any body; joints that are no bones are spaced evenly.
    """
    way = chain(rig, "hips", _TRUNK[1:])
    found = {
        rig.index(b): float(u)
        for u, b in enumerate(_TRUNK[1:], 1)
        if b in rig.bones and rig.index(b) in way
    }
    known = {-1: 0.0} | {way.index(j): u for j, u in found.items()} | {len(way) - 1: 3.0}
    known = {i: known[i] for i in sorted(known)}
    return way, np.interp(np.arange(len(way)), list(known), list(known.values()))


def links(rig: Rig) -> Links:
    """Return which joint turns as which bone."""
    joints: dict[int, tuple[str, str, float]] = {
        rig.index(b): (b, b, 0.0) for b in rig.bones if b not in (*_TRUNK[1:], "neck")
    }
    for curve, way, at in ((_TRUNK, *trunk(rig)), (_NECK, *neck(rig))):
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
    """Return the neck's joints and their positions between the chest's rotation and the neck's.

    The joints are those above the trunk and below the head.
    """
    if "neck" not in rig.bones:
        return [], np.zeros(0)
    top = next((b for b in _TRUNK[::-1] if b in rig.bones), "")
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
                # A joint on the line is part of the limb; one beside it needs a name that says it
                # is for twist.
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


def check_humanoid(skeleton: Skeleton) -> None:
    """Raise InputError if the skeleton is not HUMANOID's bones at rest in T-pose."""
    if skeleton.names != BONES:
        raise InputError(
            f"The motion is on {len(skeleton.names)} joints ({skeleton.names[0]}, …) and not on "
            f"the {len(BONES)} bones of a humanoid; "
            "bring it there with mocap.normalized or mocap.load_motion first."
        )
    if not np.allclose(np.abs(skeleton.rest_rotations[:, 3]), 1.0, atol=1e-9):
        raise InputError(
            "The motion's skeleton must rest in T-pose with identity rotations; bring it there "
            "with mocap.normalized first."
        )


def bone_turns(motion: Motion) -> Float[ndarray, "frames 55 4"]:
    """Return the bones' world rotations of a motion on humanoid bones.

    Raises:
        InputError: The motion is on other joints.
    """
    check_humanoid(motion.skeleton)
    return global_rotations(HUMANOID, motion.rotations)


def to_rig(
    link: Links, rig: Rig, turns: Float[ndarray, "frames 55 4"]
) -> Float[ndarray, "frames joints 4"]:
    """Return the rig's local rotations in which its joints turn as the bones do.

    Args:
        link: Which joints turn as which bones.
        rig: The rig.
        turns: World rotations of the bones.
    """
    skeleton = rig.skeleton
    wanted = turns[:, link.first].copy()
    for i in np.flatnonzero(link.t):
        wanted[:, i] = R.slerp(turns[:, link.first[i]], turns[:, link.second[i]], float(link.t[i]))
    shared = [_shared(share, turns) for share in link.shares]
    joints = np.concatenate([link.joints, np.array([s.joint for s in link.shares], dtype=np.int64)])
    wanted = np.concatenate([wanted, *(s[:, None] for s in shared)], axis=1)

    world = np.tile(link.world, (len(turns), 1, 1))
    world[:, joints] = R.multiply(wanted, link.world[joints])
    set_here = np.zeros(len(skeleton.names), dtype=bool)
    set_here[joints] = True
    above_set = _above(skeleton, set_here)
    for joint in np.flatnonzero(above_set & ~set_here):
        if joint:
            world[:, joint] = R.multiply(world[:, skeleton.parents[joint]], rig.t_pose[joint])
    local = np.tile(rig.t_pose, (len(turns), 1, 1))
    local[:, joints] = local_rotations(skeleton, world)[:, joints]
    return R.unroll(R.normalize(local))


def _above(skeleton: Skeleton, some: ndarray) -> ndarray:
    """Return which joints are among these or above one of them."""
    out = some.copy()
    for joint in range(len(out) - 1, 0, -1):
        out[skeleton.parents[joint]] |= out[joint]
    return out


def _shared(share: Share, turns: Float[ndarray, "frames 55 4"]) -> Float[ndarray, "frames 4"]:
    bend = R.multiply(R.conjugate(turns[:, share.relative]), turns[:, share.of])
    _, twist = R.swing_twist(bend, share.axis)
    # Keep the twist continuous in time: at half a turn the share would jump by a full turn's share.
    angle = np.unwrap(
        _within_half_a_turn(2.0 * np.arctan2(R.dot(twist[:, :3], share.axis), twist[:, 3]))
    )
    return R.multiply(turns[:, share.bone], R.from_axis_angle(share.axis, share.part * angle))


def _within_half_a_turn(angle: Float[ndarray, "frames"]) -> Float[ndarray, "frames"]:
    return (angle + np.pi) % (2.0 * np.pi) - np.pi


def to_bones(
    link: Links, rig: Rig, rotations: Float[ndarray, "frames joints 4"]
) -> Float[ndarray, "frames 55 4"]:
    """Return the bones' world rotations of the rig's pose.

    Bones that the rig lacks move with the bone before them.

    Args:
        link: Which joints turn as which bones.
        rig: The rig.
        rotations: Local rotations of the rig's joints.
    """
    positions, world = fk(rig.skeleton, np.zeros(3), rotations)
    turned = R.multiply(world, R.conjugate(link.world))
    if "hips" in rig.bones and len(turned):
        hips = rig.index("hips")
        turned[:, hips] = pelvis_turns(rig, positions, turned[:, hips])
    _bent_on_the_way(rig, positions, turned)
    out = np.empty((len(rotations), len(BONES), 4))
    sampled = _sampled(turned, rig)
    for bone, name in enumerate(BONES):
        if name in sampled:
            out[:, bone] = sampled[name]
        elif name in rig.bones:
            out[:, bone] = turned[:, rig.index(name)]
        else:
            out[:, bone] = out[:, HUMANOID.parents[bone]] if bone else _of_the_hips(rig, turned)
    return out


def _of_the_hips(rig: Rig, turned: Float[ndarray, "frames joints 4"]) -> Float[ndarray, "frames 4"]:
    """How the hips of a rig without any turn: with its root, unless that is a neck or a limb."""
    root = next((b for b in rig.bones if rig.index(b) == 0), "spine")
    if root in _TRUNK:
        return turned[:, 0]
    return np.tile(R.IDENTITY, (len(turned), 1))


def _bent_on_the_way(
    rig: Rig,
    positions: Float[ndarray, "frames joints 3"],
    turned: Float[ndarray, "frames joints 4"],
) -> None:
    """Swing, in place, limbs with joints between their bones to point from bone to bone."""
    rest, _ = fk(rig.skeleton, np.zeros(3), rig.t_pose)
    for start, end in (
        (s + a, s + b)
        for s in ("left", "right")
        for a, b in _LIMBS
        if s + a in rig.bones and s + b in rig.bones
    ):
        a, b = rig.index(start), rig.index(end)
        if int(rig.skeleton.parents[b]) == a:
            continue
        points = R.normalize(R.apply(turned[:, a], rest[b] - rest[a]))
        turned[:, a] = R.multiply(
            R.between(points, R.normalize(positions[:, b] - positions[:, a])), turned[:, a]
        )


def _sampled(
    turned: Float[ndarray, "frames joints 4"], rig: Rig
) -> dict[str, Float[ndarray, "frames 4"]]:
    """Return the turns of trunk and neck, sampled from the rig's chains of any number of joints."""
    out = {}
    for curve, way, places in ((_TRUNK, *trunk(rig)), (_NECK, *neck(rig))):
        if not way:
            continue
        start = (
            rig.index("hips")
            if curve is _TRUNK and "hips" in rig.bones
            else int(rig.skeleton.parents[way[0]])
        )
        below = turned[:, start] if start >= 0 else np.tile(R.IDENTITY, (len(turned), 1))
        at = np.concatenate([[0.0], places])
        turns = [below, *(turned[:, joint] for joint in way)]
        for u, bone in enumerate(curve[1:], 1):
            high = max(int(np.searchsorted(at, u - 1e-9)), 1)
            t = float((u - at[high - 1]) / (at[high] - at[high - 1]))
            a, b = turns[high - 1], turns[high]
            out[bone] = b if t > 1.0 - 1e-9 else R.slerp(a, b, t)
    return out
