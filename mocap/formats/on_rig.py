"""A motion on a rig's skeleton, checked, and brought into the frame of the rig's document."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import kinematics
from mocap.core import rotation as R
from mocap.core.heading import ground_path
from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.errors import InputError

# How far a rig's joint may lie from the motion's at rest before the motion was evidently made for
# another body.
_SAME_PLACE, _SAME_TURN = 1e-3, np.radians(0.5)


def check_skeleton(motion: Motion, rig: Rig) -> None:
    """Check that a motion fits a rig.

    Raises:
        InputError: Its joints are not the rig's, or rest elsewhere: it was made for another body.
    """
    mine, its = motion.skeleton, rig.skeleton
    if missing := [n for n in mine.names if n not in its.names]:
        raise InputError(
            f"The rig has no joints for these of the motion's: {', '.join(missing[:60])}. Retarget "
            f"the motion to the rig first; the rig's "
            f"joints are {', '.join(its.names[:60])}."
        )
    if mine.names != its.names or not np.array_equal(mine.parents, its.parents):
        raise InputError(
            "The motion's joints are the rig's in another order or hanging from others. Retarget "
            "the motion to the rig first."
        )
    away = np.linalg.norm(its.offsets - mine.offsets, axis=1)
    turned = R.distance(its.rest_rotations, mine.rest_rotations)
    # The root goes where the motion says, so where it rests does not matter.
    if wrong := [j for j in range(1, len(away)) if away[j] > _SAME_PLACE or turned[j] > _SAME_TURN]:
        raise InputError(
            f"The motion is not on this rig's skeleton: {mine.names[wrong[0]]!r} rests "
            f"{1000 * away[wrong[0]]:.0f} mm and "
            f"{np.degrees(turned[wrong[0]]):.0f}° from where the rig has it. Retarget the motion "
            f"to the rig first."
        )


def in_document(
    motion: Motion, rig: Rig
) -> tuple[Float[ndarray, "frames joints 4"], Float[ndarray, "frames joints 3"]]:
    """Return the joints' turns away from rest, and their places, in the document's world."""
    back = R.conjugate(rig.turn)
    at_rest = kinematics.global_rotations(rig.skeleton, rig.skeleton.rest_rotations)
    positions, world = kinematics.fk(motion.skeleton, motion.root_positions, motion.rotations)
    turns = R.multiply(R.multiply(back, R.multiply(world, R.conjugate(at_rest))), rig.turn)
    return turns, R.apply(back, positions) / rig.unit


def ground_matrices(motion: Motion, rig: Rig) -> Float[ndarray, "frames 4 4"]:
    """Return what a root on the ground does to what it carries, in the document's world.

    The root moves as it would if the whole document stood on the path and faced along it.
    """
    at_rest = kinematics.global_rotations(rig.skeleton, rig.skeleton.rest_rotations)[0]
    positions, world = kinematics.fk(motion.skeleton, motion.root_positions, motion.rotations)
    turns = R.multiply(world[:, 0], R.conjugate(at_rest))
    path, heading = ground_path(motion.times, positions[:, 0], turns)
    back = R.conjugate(rig.turn)
    moved = np.zeros((len(motion), 4, 4))
    moved[:, :3, :3] = R.to_matrix(R.multiply(R.multiply(back, heading), rig.turn))
    moved[:, :3, 3], moved[:, 3, 3] = R.apply(back, path) / rig.unit, 1.0
    return moved


def no_carrier(rig: Rig) -> InputError:
    """Return the error for a rig that has nothing above its hips."""
    return InputError(
        f"The rig {rig.name!r} has no node above its hips that could carry the path; write it "
        "without --root ground, or add a root bone."
    )
