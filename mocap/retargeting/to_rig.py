"""A motion on humanoid bones onto a rig: joint rotations, a scaled path, planted feet."""

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
from mocap.retargeting import turns
from mocap.retargeting.body import body_of, has_legs
from mocap.retargeting.feet import follow_feet, stand
from mocap.retargeting.links import links
from mocap.retargeting.to_body import leg_length
from mocap.retargeting.touch import keep_touches
from mocap.rig import tree as T


def onto_rig(motion: Motion, rig: Rig, keep_touch: bool = False, plant_feet: bool = True) -> Motion:
    """Return the motion on the rig's skeleton; see `mocap.retargeting.retarget`.

    Args:
        motion: On humanoid bones.
        rig: The rig.
        keep_touch: As in `retarget`.
        plant_feet: As in `retarget`.

    Raises:
        InputError: The rig's or the motion's legs have no length.
    """
    turned = turns.bone_turns(motion)
    body = body_of(rig)
    ratio = leg_length(body) / leg_length(motion.skeleton)
    if not np.isfinite(ratio) or ratio <= 0.0:
        raise InputError(f"Motion cannot be put on {rig.name}: its legs have no length.")
    # The rig's proportions at the performer's size: the speeds and distances of planting are human
    # ones.
    peer = Skeleton(BONES, HUMANOID.parents, body.offsets / ratio, HUMANOID.rest_rotations)
    rotations = motion.rotations.copy()
    # Legs without feet end stiff.
    rotations[
        :, [BONES.index(f"{s}Foot") for s in ("left", "right") if f"{s}Foot" not in rig.bones]
    ] = R.IDENTITY
    assert motion.contacts is not None
    legs = has_legs(rig)
    planted = legs and plant_feet and bool(motion.contacts.any())
    moved = stand(
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
        moved = follow_feet(motion, moved)
        turned = global_rotations(HUMANOID, moved.rotations)
    link = links(rig)
    local = turns.to_rig(link, rig, turned)
    path = ratio * moved.root_positions if legs else _floating(motion, rig, body, ratio)
    if keep_touch:
        at, _ = fk(moved.skeleton, moved.root_positions, moved.rotations)
        placed, _ = fk(rig.skeleton, _root(rig, local, path), local)
        for bone in rig.bones:
            at[:, BONES.index(bone)] = placed[:, rig.index(bone)] / ratio
        local = turns.to_rig(link, rig, keep_touches(motion, at, turned))
    return Motion(
        rig.skeleton,
        motion.times,
        _root(rig, local, path),
        local,
        motion.expressions,
        motion.contacts,
    )


def _floating(motion: Motion, rig: Rig, body: Skeleton, ratio: float) -> Float[ndarray, "frames 3"]:
    """Returns the places of the highest bone of a rig without legs.

    It stays where the rig rests, moved by the performer's path and by how the trunk below it, if
    the rig does not have it, bends.
    """
    top = next(b for b in BONES if b in rig.bones)
    rest, _ = fk(rig.skeleton, rig.skeleton.offsets[0], rig.t_pose)
    path = ratio * (motion.root_positions - motion.skeleton.offsets[0])
    bent, _ = fk(body, np.zeros((len(motion), 3)), motion.rotations)
    bone = BONES.index(top)
    straight = body.rest_positions()[bone] - body.offsets[0]
    return np.asarray(rest[rig.index(top)] + path + bent[:, bone] - straight)


def _root(
    rig: Rig, local: Float[ndarray, "frames joints 4"], places: Float[ndarray, "frames 3"]
) -> Float[ndarray, "frames 3"]:
    """Returns where the rig's first joint must be for its highest bone to be at these places."""
    top = next(b for b in BONES if b in rig.bones)
    offset = np.zeros_like(places)
    world = local[:, 0]
    for joint in T.between(rig.skeleton.parents, 0, rig.index(top)):
        offset += R.apply(world, rig.skeleton.offsets[joint])
        world = R.multiply(world, local[:, joint])
    return places - offset
