"""Rotations of a rig's joints from those of humanoid bones, and back, by their links (links.py).

In this module, a turn is a world rotation relative to the T-pose. The world rotation of a mapped
joint is turn · T-pose, so that a limb which points along HUMANOID's in T-pose points along the
source's limb, for any joint axes.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.kinematics import fk, local_rotations
from mocap.core.rig import Rig
from mocap.core.skeleton import BONES, HUMANOID, Skeleton
from mocap.errors import InputError
from mocap.retargeting.links import LIMBS, NECK, TRUNK, Links, Share, neck, trunk
from mocap.retargeting.pelvis import pelvis_turns

# Frames computed at once, so that intermediate arrays of a long motion stay small.
_BLOCK = 1024


def check_humanoid(skeleton: Skeleton) -> None:
    """Check that a skeleton has HUMANOID's bones, with identity rest rotations.

    Raises:
        InputError: It has other joints or rest rotations.
    """
    if skeleton.names != BONES:
        raise InputError(
            f"The motion is on {len(skeleton.names)} joints ({skeleton.names[0]}, …), not on "
            f"the {len(BONES)} humanoid bones; "
            "convert it with mocap.normalized or mocap.load_motion first."
        )
    if not np.allclose(np.abs(skeleton.rest_rotations[:, 3]), 1.0, atol=1e-9):
        raise InputError(
            "The motion's skeleton must rest in T-pose with identity rotations; convert it with "
            "mocap.normalized first."
        )


def rig_rotations(
    link: Links, rig: Rig, turns: Float[ndarray, "frames 55 4"]
) -> Float[ndarray, "frames joints 4"]:
    """Return the local rotations of a rig's joints from the world rotations of humanoid bones.

    Args:
        link: Which joints rotate with which bones.
        rig: The rig.
        turns: World rotations of the bones.
    """
    skeleton = rig.skeleton
    shared = [_shared(share, turns) for share in link.shares]
    joints = np.concatenate([link.joints, np.array([s.joint for s in link.shares], dtype=np.int64)])
    set_here = np.zeros(len(skeleton.names), dtype=bool)
    set_here[joints] = True
    above_set = _above(skeleton, set_here)
    still = [j for j in np.flatnonzero(above_set & ~set_here) if j]
    local = np.tile(rig.t_pose, (len(turns), 1, 1))
    for start in range(0, len(turns), _BLOCK):
        part = slice(start, start + _BLOCK)
        some = turns[part]
        wanted = some[:, link.first].copy()
        for i in np.flatnonzero(link.t):
            wanted[:, i] = R.slerp(
                some[:, link.first[i]], some[:, link.second[i]], float(link.t[i])
            )
        wanted = np.concatenate([wanted, *(s[part, None] for s in shared)], axis=1)
        world = np.tile(link.world, (len(some), 1, 1))
        world[:, joints] = R.multiply(wanted, link.world[joints])
        for joint in still:
            world[:, joint] = R.multiply(world[:, skeleton.parents[joint]], rig.t_pose[joint])
        local[part, joints] = R.normalize(local_rotations(skeleton, world)[:, joints])
    return R.unroll(local)


def _above(skeleton: Skeleton, some: ndarray) -> ndarray:
    """Return the flags of joints that are among `some` or an ancestor of one."""
    out = some.copy()
    for joint in range(len(out) - 1, 0, -1):
        out[skeleton.parents[joint]] |= out[joint]
    return out


def _shared(share: Share, turns: Float[ndarray, "frames 55 4"]) -> Float[ndarray, "frames 4"]:
    bend = R.multiply(R.conjugate(turns[:, share.relative]), turns[:, share.of])
    _, twist = R.swing_twist(bend, share.axis)
    # Unwrapping keeps the twist continuous in time; at half a turn the share would jump.
    angle = np.unwrap(_wrapped(2.0 * np.arctan2(R.dot(twist[:, :3], share.axis), twist[:, 3])))
    return R.multiply(turns[:, share.bone], R.from_axis_angle(share.axis, share.part * angle))


def _wrapped(angle: Float[ndarray, "frames"]) -> Float[ndarray, "frames"]:
    return (angle + np.pi) % (2.0 * np.pi) - np.pi


def bone_rotations(
    link: Links, rig: Rig, rotations: Float[ndarray, "frames joints 4"]
) -> Float[ndarray, "frames 55 4"]:
    """Return the world rotations of humanoid bones from the local rotations of a rig's joints.

    Bones that the rig lacks keep the world rotation of their parent bone.

    Args:
        link: Which joints rotate with which bones.
        rig: The rig.
        rotations: Local rotations of the rig's joints.
    """
    positions, world = fk(rig.skeleton, np.zeros(3), rotations)
    turned = R.multiply(world, R.conjugate(link.world))
    if "hips" in rig.bones and len(turned):
        hips = rig.index("hips")
        turned[:, hips] = pelvis_turns(rig, positions, turned[:, hips])
    _aim_limbs(rig, positions, turned)
    out = np.empty((len(rotations), len(BONES), 4))
    sampled = _sampled(turned, rig)
    for bone, name in enumerate(BONES):
        if name in sampled:
            out[:, bone] = sampled[name]
        elif name in rig.bones:
            out[:, bone] = turned[:, rig.index(name)]
        else:
            out[:, bone] = out[:, HUMANOID.parents[bone]] if bone else _hips_rotation(rig, turned)
    return out


def _hips_rotation(
    rig: Rig, turned: Float[ndarray, "frames joints 4"]
) -> Float[ndarray, "frames 4"]:
    """Return the rotations of hips that a rig lacks.

    They are those of the root if it is a bone of the trunk, else the identity.
    """
    root = next((b for b in rig.bones if rig.index(b) == 0), "spine")
    if root in TRUNK:
        return turned[:, 0]
    return np.tile(R.IDENTITY, (len(turned), 1))


def _aim_limbs(
    rig: Rig,
    positions: Float[ndarray, "frames joints 3"],
    turned: Float[ndarray, "frames joints 4"],
) -> None:
    """Rotate, in `turned`, limbs with joints between their bones towards the next bone."""
    rest, _ = fk(rig.skeleton, np.zeros(3), rig.t_pose)
    for start, end in (
        (s + a, s + b)
        for s in ("left", "right")
        for a, b in LIMBS
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
    """Return the rotations of trunk and neck, sampled along the rig's chains of joints."""
    out = {}
    for curve, way, places in ((TRUNK, *trunk(rig)), (NECK, *neck(rig))):
        if not way:
            continue
        start = (
            rig.index("hips")
            if curve is TRUNK and "hips" in rig.bones
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
