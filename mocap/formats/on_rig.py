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

# Metres and radians: largest differences at rest between the joints of the motion and of the rig.
_SAME_PLACE, _SAME_TURN = 1e-3, np.radians(0.5)
# Frames computed at once, so that intermediate arrays of a long motion stay small.
_BLOCK = 1024


def check_skeleton(motion: Motion, rig: Rig) -> None:
    """Check that a motion is on a rig's skeleton.

    Args:
        motion: The motion.
        rig: The rig.

    Raises:
        InputError: The motion's joints are not the rig's, or have other rest poses.
    """
    mine, its = motion.skeleton, rig.skeleton
    if missing := [n for n in mine.names if n not in its.names]:
        raise InputError(
            f"The rig lacks these joints of the motion: {', '.join(missing[:60])}. Retarget the "
            f"motion to the rig first; the rig's joints are {', '.join(its.names[:60])}."
        )
    if mine.names != its.names or not np.array_equal(mine.parents, its.parents):
        raise InputError(
            "The motion's joints are the rig's in another order or with other parents. Retarget "
            "the motion to the rig first."
        )
    away = np.linalg.norm(its.offsets - mine.offsets, axis=1)
    turned = R.distance(its.rest_rotations, mine.rest_rotations)
    # The rest position of the root has no effect: the motion gives the root's position.
    if wrong := [j for j in range(1, len(away)) if away[j] > _SAME_PLACE or turned[j] > _SAME_TURN]:
        raise InputError(
            f"The motion is not on this rig's skeleton: {mine.names[wrong[0]]!r} rests "
            f"{1000 * away[wrong[0]]:.0f} mm and {np.degrees(turned[wrong[0]]):.0f}° from its "
            "place in the rig. Retarget the motion to the rig first."
        )


def in_document(
    motion: Motion, rig: Rig
) -> tuple[Float[ndarray, "frames joints 4"], Float[ndarray, "frames joints 3"]]:
    """Return the joints' rotations away from rest, and their positions, in the document's world.

    Args:
        motion: On the rig's skeleton.
        rig: The character.

    Returns:
        Unit quaternions, xyzw, and positions in the document's unit.
    """
    back = R.conjugate(rig.turn)
    at_rest = kinematics.global_rotations(rig.skeleton, rig.skeleton.rest_rotations)
    positions, world = kinematics.fk(motion.skeleton, motion.root_positions, motion.rotations)
    for start in range(0, len(world), _BLOCK):
        part = slice(start, start + _BLOCK)
        away = R.multiply(world[part], R.conjugate(at_rest))
        world[part] = R.multiply(R.multiply(back, away), rig.turn)
        positions[part] = R.apply(back, positions[part]) / rig.unit
    return world, positions


def ground_matrices(motion: Motion, rig: Rig) -> Float[ndarray, "frames 4 4"]:
    """Return the matrices by which a root on the ground moves the nodes below it.

    Each matrix moves the character from its rest to its place on the path, with its heading; points
    are in the document's world.

    Args:
        motion: On the rig's skeleton.
        rig: The character.
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
    """Return the error for a rig without a node above its hips."""
    return InputError(
        f"The rig {rig.name!r} has no node above its hips that could carry the path; write it "
        "without --root ground, or add a root bone."
    )
