"""A motion on a rig's own skeleton, onto humanoid bones in T-pose: `normalized`."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.filter import smooth
from mocap.core.kinematics import fk, local_rotations, sole_points
from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.core.skeleton import BONES, HUMANOID, Skeleton
from mocap.core.surface import skin_heights
from mocap.errors import InputError
from mocap.retargeting import rotations as joint_rotations
from mocap.retargeting.body import body_of, has_legs
from mocap.retargeting.links import links
from mocap.retargeting.to_body import leg_length
from mocap.solve.contacts import find_contacts

# Hysteresis of contacts, for HUMANOID's legs: a contact begins below the first height (m) and speed
# (m/s), and ends above one of the second. The joints of a motion file are more accurate than a
# camera's landmarks, so these are tighter than the solver's.
_HEIGHT, _SPEED = (0.04, 0.06), (0.2, 0.35)
# Largest upward bend of the toes, radians.
_TOES = np.radians(60.0)
_LEFT, _AHEAD = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])
_CUTOFF = 6.0  # Hz, for speeds
# Frames count for the ground's height if their lowest point is at most this share of the leg's
# length above the lowest of all.
_GROUND = 0.06
# Share of frames in which a body must stand on its soles for the soles to decide the ground.
_STANDS = 0.05
# Depth to which skin may sink into the ground, metres, because the thickness of the file's body is
# unknown. A body that sinks deeper is raised, starting these seconds before and smoothed with this
# cutoff, Hz.
_SINKS, _RISE, _RISE_CUTOFF = 0.015, 0.1, 3.0


def normalized(motion: Motion, rig: Rig) -> Motion:
    """Put a motion on a rig's own skeleton onto humanoid bones in T-pose, of the rig's lengths.

    A BVH has no ground, so its standing feet determine the height; in other formats the ground is
    y = 0. Contacts are detected if the motion has none. Bones that the rig lacks keep the world
    rotation of their parent bone.

    Args:
        motion: A motion on the rig's skeleton.
        rig: The rig.

    Returns:
        The motion on humanoid bones with identity rest rotations; metres, the ground at y = 0.

    Raises:
        InputError: The motion is not on the rig's skeleton.
    """
    if motion.skeleton.names != rig.skeleton.names:
        raise InputError(
            f"The motion is on {len(motion.skeleton.names)} joints, which are not the "
            f"{len(rig.skeleton.names)} joints of the rig {rig.name}."
        )
    body = body_of(rig)
    local = R.unroll(
        local_rotations(
            HUMANOID,
            R.normalize(joint_rotations.bone_rotations(links(rig), rig, motion.rotations)),
        )
    )
    top = next(b for b in BONES if b in rig.bones)
    root = motion.root_positions.copy()
    if rig.index(top) != 0:
        places, _ = fk(motion.skeleton, motion.root_positions, motion.rotations)
        root = places[:, rig.index(top)].copy()
    if top != "hips":
        root -= fk(body, np.zeros((len(motion), 3)), local)[0][:, BONES.index(top)]
    if rig.kind == "bvh" and len(motion):
        level = _toes_bent(rig, body, root, local, level=True)
        soles = sole_points(body, root, level)[..., 1].min(axis=1)
        skin = root[:, 1] + skin_heights(body, level).min(axis=1)
        ground = ground_height(soles, skin, _GROUND * leg_length(body))
        root[:, 1] += _raise_above_ground(motion.times, skin - ground) - ground
    local = _toes_bent(rig, body, root, local, level=False)
    soles = sole_points(body, root, local)
    measure = leg_length(body) / leg_length(HUMANOID)
    contacts = motion.contacts
    if not has_legs(rig):
        contacts = np.zeros((len(motion), 4))
    elif contacts is None or not contacts.any():
        contacts = sole_contacts(motion.times, soles / measure).astype(np.float64)
    local.flags.writeable = False  # so that the motion takes it without a copy
    return Motion(body, motion.times, root, local, motion.expressions, contacts)


def _toes_bent(
    rig: Rig,
    body: Skeleton,
    root: Float[ndarray, "frames 3"],
    local: Float[ndarray, "frames 55 4"],
    level: bool,
) -> Float[ndarray, "frames 55 4"]:
    """Bend up toes that the rig lacks, so that their tips stay above the ground.

    Args:
        rig: The rig.
        body: The rig's body on humanoid bones.
        root: World positions of the root, metres.
        local: Local rotations.
        level: Bend the toes until they are horizontal, wherever the ground is.
    """
    missing = [
        side
        for side in ("left", "right")
        if f"{side}Foot" in rig.bones and f"{side}Toes" not in rig.bones
    ]
    if not missing:
        return local
    out, stood = local.copy(), body.rest_positions()
    positions, world = fk(body, root, local)
    for foot, toes in (
        (BONES.index(f"{side}Foot"), BONES.index(f"{side}Toes")) for side in missing
    ):
        pitch = np.arcsin(np.clip(R.apply(world[:, foot], _AHEAD)[:, 1], -1.0, 1.0))
        above = (
            np.zeros(len(root))
            if level
            else np.maximum(positions[:, toes, 1] - stood[toes, 1], 0.0)
        )
        lowest = -np.arcsin(np.clip(above / (0.5 * (stood[toes, 2] - stood[foot, 2])), 0.0, 1.0))
        out[:, toes] = R.from_axis_angle(_LEFT, -np.clip(lowest - pitch, 0.0, _TOES))
    return out


def ground_height(
    soles: Float[ndarray, " frames"], skin: Float[ndarray, " frames"], within: float
) -> float:
    """Return the ground's height, metres: the median of the lowest points close to their minimum.

    If the body stands on its soles in at least a twentieth of the frames, only the soles count,
    because their height is known best. Otherwise the lowest part of the body counts, as for a
    person who lies or crawls.

    Args:
        soles: Height of the lowest sole point, metres.
        skin: Height of the lowest skin of the other parts, metres.
        within: Frames count up to this height above the 5th percentile, metres.
    """
    stands = soles <= skin
    heights = soles[stands] if stands.mean() >= _STANDS else np.minimum(soles, skin)
    near = heights[heights <= np.percentile(heights, 5.0) + within]
    return float(np.median(near))


def _raise_above_ground(
    times: Float[ndarray, " frames"], skin: Float[ndarray, " frames"]
) -> Float[ndarray, " frames"]:
    """Return by how much to raise a body that sinks into the ground, metres; smooth in time."""
    needed = np.maximum(-_SINKS - skin, 0.0)
    if len(times) < 2 or not needed.any():
        return needed
    span = 2 * round(_RISE / max(float(np.median(np.diff(times))), 1e-3)) + 1
    from scipy.ndimage import maximum_filter1d

    return np.maximum(smooth(times, maximum_filter1d(needed, span), _RISE_CUTOFF), needed)


def sole_contacts(
    times: Float[ndarray, " frames"], soles: Float[ndarray, "frames 4 3"]
) -> Bool[ndarray, "frames 4"]:
    """Return which sole points are in contact with the ground.

    Args:
        times: Seconds.
        soles: World positions (`kinematics.sole_points`), scaled to HUMANOID's legs, metres.
    """
    if len(times) < 2:
        return soles[..., 1] < _HEIGHT[0]
    speeds = np.linalg.norm(np.gradient(smooth(times, soles, _CUTOFF), times, axis=0), axis=-1)
    return find_contacts(times, soles[..., 1], speeds, _HEIGHT, _SPEED)
