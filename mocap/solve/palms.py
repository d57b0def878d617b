"""Hands that support the body: palms lie flat on the floor, and arms keep them in place.

The detector's three points of a hand show its heading on the floor, but hardly its rotation about
that. A palm that faces down is therefore laid flat with its heading kept and its fingers stretched.
The wrist keeps its position during a contact, the palm's thickness above the floor.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.easing import smoothstep
from mocap.core.kinematics import fk, local_rotations
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, humanoid_index
from mocap.core.surface import part_thickness
from mocap.solve.hands import FINGER_BONES
from mocap.solve.plant import mean_over_contact, nearest_contact
from mocap.solve.reach import reach

_SIDES = ("left", "right")
_ARMS = [
    tuple(humanoid_index(f"{side}UpperArm", f"{side}LowerArm", f"{side}Hand").tolist())
    for side in _SIDES
]
_FINGERS = [bones.tolist() for bones in FINGER_BONES.reshape(2, -1)]
_KNUCKLES = humanoid_index("leftMiddleProximal", "rightMiddleProximal").tolist()
# Direction of a hand at rest, left and right; and direction in which a straight elbow bends.
_ALONG = np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]])
_BACK = np.array([0.0, 0.0, -1.0])
_UP = np.array([0.0, 1.0, 0.0])
# Cosines between the back of a hand and up at which laying it flat begins and is complete, and
# lengths of a hand's direction along the floor at which its heading begins to count and fully
# counts.
_FACES_DOWN, _HEADING = (0.0, 0.5), (0.2, 0.5)


def rest_palms(motion: Motion, contacts: Bool[ndarray, "frames 2"]) -> Motion:
    """Return the motion with supporting hands flat on y = 0, in place during each contact.

    Args:
        motion: A motion on a humanoid skeleton.
        contacts: Whether each hand supports the body, left and right.
    """
    if not contacts.any():
        return motion
    times, body = motion.times, motion.skeleton
    positions, world = fk(body, motion.root_positions, motion.rotations)
    flat = np.zeros((len(times), 2))
    for side, arm in enumerate(_ARMS):
        nearest, weight = nearest_contact(times, contacts[:, side])
        if not contacts[:, side].any():
            continue
        flat[:, side] = weight * _lay_flat(times, world, arm[2], side, contacts[:, side])
        wrist = positions[:, arm[2]]
        place = mean_over_contact(wrist, contacts[:, side])
        # A hand that is not laid flat is raised so that its knuckles stay above the floor.
        knuckles = R.apply(world[:, arm[2]], body.offsets[_KNUCKLES[side]])[:, 1]
        raised = part_thickness(body, BONES[_KNUCKLES[side]]) - knuckles
        place[:, 1] = np.maximum(part_thickness(body, BONES[arm[2]]), raised)
        away = (place - wrist)[nearest]
        away[:, 1] = (place - wrist)[:, 1]
        goal = wrist + weight[:, None] * away
        reach(times, body, world, positions, arm, goal, _BACK)
    rotations = local_rotations(body, world)
    for side, fingers in enumerate(_FINGERS):
        # Curled fingers would reach through the floor.
        share = np.broadcast_to(flat[:, side, None], (len(times), len(fingers)))
        curled = motion.rotations[:, fingers]
        rotations[:, fingers] = R.slerp(curled, np.broadcast_to(R.IDENTITY, curled.shape), share)
    return Motion(
        body, times, motion.root_positions, rotations, motion.expressions, motion.contacts
    )


def _lay_flat(
    times: ndarray, world: ndarray, hand: int, side: int, contact: ndarray
) -> Float[ndarray, "frames"]:
    """Rotate a hand, in `world`, so that its palm lies on the floor; return how far (F,), 0 to 1.

    +Y of the hand's frame is at its back, so a flat palm is the rest pose rotated about up.
    """
    along, back = R.apply(world[:, hand], _ALONG[side]), R.apply(world[:, hand], _UP)
    heading = mean_over_contact(along, contact)
    angle = np.arctan2(-heading[:, 2], heading[:, 0]) + (0.0 if side == 0 else np.pi)
    target = R.from_axis_angle(_UP, angle)
    nearest, weight = nearest_contact(times, contact)
    share = smoothstep(back[:, 1], *_FACES_DOWN)
    share = share * smoothstep(np.hypot(heading[:, 0], heading[:, 2]), *_HEADING)
    share = mean_over_contact(share[:, None], contact)[nearest, 0]
    turn = R.to_rotation_vector(R.multiply(target, R.conjugate(world[:, hand])))[nearest]
    turn = R.from_rotation_vector(turn * (weight * share)[:, None])
    below = [hand, *_FINGERS[side]]
    world[:, below] = R.multiply(turn[:, None], world[:, below])
    return share
