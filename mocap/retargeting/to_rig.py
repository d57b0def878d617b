"""Retargeting onto a rig: joint rotations, a scaled path, and contacts of feet and hands."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.kinematics import fk, global_rotations
from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.core.skeleton import BONES, HUMANOID, Skeleton
from mocap.errors import InputError
from mocap.retargeting import rotations as joint_rotations
from mocap.retargeting.body import body_of, has_legs
from mocap.retargeting.feet import hold_feet, set_hips_height
from mocap.retargeting.hand_contacts import keep_hand_contacts
from mocap.retargeting.links import links
from mocap.retargeting.to_body import leg_length
from mocap.rig import tree as T


def onto_rig(motion: Motion, rig: Rig, keep_touch: bool = False, plant_feet: bool = True) -> Motion:
    """Return the motion on the rig's skeleton; see `mocap.retargeting.retarget`.

    Args:
        motion: A motion on humanoid bones.
        rig: The rig.
        keep_touch: As in `retarget`.
        plant_feet: As in `retarget`.

    Raises:
        InputError: The rig's or the motion's legs have no length.
    """
    joint_rotations.check_humanoid(motion.skeleton)
    body = body_of(rig)
    ratio = leg_length(body) / leg_length(motion.skeleton)
    if not np.isfinite(ratio) or ratio <= 0.0:
        raise InputError(
            f"The motion cannot be put on {rig.name}, because the legs of the motion or of the rig "
            "have no length: check the bone map with `mocap rigs inspect`."
        )
    # The rig's proportions at the performer's size, because the thresholds of contacts are human
    # speeds and distances.
    peer = Skeleton(BONES, HUMANOID.parents, body.offsets / ratio, HUMANOID.rest_rotations)
    rotations = motion.rotations
    if none := [BONES.index(b) for b in ("leftFoot", "rightFoot") if b not in rig.bones]:
        # Legs without feet end at their shanks.
        rotations = rotations.copy()
        rotations[:, none] = R.IDENTITY
    assert motion.contacts is not None
    legs = has_legs(rig)
    planted = legs and plant_feet and bool(motion.contacts.any())
    moved = set_hips_height(
        motion,
        Motion(
            peer,
            motion.times,
            motion.root_positions,
            rotations,
            motion.expressions,
            motion.contacts,
        ),
        planted,
    )
    if planted:
        moved = hold_feet(motion, moved)
    turned = global_rotations(HUMANOID, (moved if planted else motion).rotations)
    link = links(rig)
    local = joint_rotations.rig_rotations(link, rig, turned)
    path = ratio * moved.root_positions if legs else _path_without_legs(motion, rig, body, ratio)
    if keep_touch:
        at, _ = fk(moved.skeleton, moved.root_positions, moved.rotations)
        placed, _ = fk(rig.skeleton, _root_positions(rig, local, path), local)
        for bone in rig.bones:
            at[:, BONES.index(bone)] = placed[:, rig.index(bone)] / ratio
        local = joint_rotations.rig_rotations(link, rig, keep_hand_contacts(motion, at, turned))
    local.flags.writeable = False  # so that the motion takes it without a copy
    return Motion(
        rig.skeleton,
        motion.times,
        _root_positions(rig, local, path),
        local,
        motion.expressions,
        motion.contacts,
    )


def _path_without_legs(
    motion: Motion, rig: Rig, body: Skeleton, ratio: float
) -> Float[ndarray, "frames 3"]:
    """Return the positions of the topmost mapped bone of a rig without legs.

    It starts at its rest position and moves with the performer's path, and with the bending of the
    trunk below it if the rig has no trunk.
    """
    top = next(b for b in BONES if b in rig.bones)
    rest, _ = fk(rig.skeleton, rig.skeleton.offsets[0], rig.t_pose)
    path = ratio * (motion.root_positions - motion.skeleton.offsets[0])
    bent, _ = fk(body, np.zeros((len(motion), 3)), motion.rotations)
    bone = BONES.index(top)
    straight = body.rest_positions()[bone] - body.offsets[0]
    return np.asarray(rest[rig.index(top)] + path + bent[:, bone] - straight)


def _root_positions(
    rig: Rig, local: Float[ndarray, "frames joints 4"], places: Float[ndarray, "frames 3"]
) -> Float[ndarray, "frames 3"]:
    """Return the positions of the rig's root that put its topmost mapped bone at `places`."""
    top = next(b for b in BONES if b in rig.bones)
    offset = np.zeros_like(places)
    world = local[:, 0]
    for joint in T.between(rig.skeleton.parents, 0, rig.index(top)):
        offset += R.apply(world, rig.skeleton.offsets[joint])
        world = R.multiply(world, local[:, joint])
    return places - offset
