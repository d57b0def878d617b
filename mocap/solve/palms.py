"""Hands that carry the body: palms lie flat on the floor, and arms reach for their place.

The detector's three points of a hand tell where a palm on the floor points to, and little of how
it is turned. So a palm that faces down is laid flat with its heading kept, fingers stretched, and
the wrist stays where it touches, the palm's thickness above the floor.
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
from mocap.solve.plant import mean_of_touch, nearest_touch, reach

_SIDES = ("left", "right")
_ARMS = [
    tuple(humanoid_index(f"{side}UpperArm", f"{side}LowerArm", f"{side}Hand").tolist())
    for side in _SIDES
]
_FINGERS = [bones.tolist() for bones in FINGER_BONES.reshape(2, -1)]
_KNUCKLES = humanoid_index("leftMiddleProximal", "rightMiddleProximal").tolist()
# Where a hand points at rest, and where a stretched elbow does: backwards.
_ALONG = np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]])
_BACK = np.array([0.0, 0.0, -1.0])
_UP = np.array([0.0, 1.0, 0.0])
# Cosines between the back of a hand and up: a palm is laid flat not at all from the first, fully
# from the second. And how far along the floor a hand must point to have a heading there.
_FACES_DOWN, _HEADING = (0.0, 0.5), (0.2, 0.5)


def rest_palms(motion: Motion, contacts: Bool[ndarray, "frames 2"]) -> Motion:
    """Return the motion with hands that carry it flat on y = 0, where they touch.

    Args:
        motion: On a humanoid skeleton.
        contacts: Which hands carry the body, left and right.
    """
    if not contacts.any():
        return motion
    times, body = motion.times, motion.skeleton
    positions, world = fk(body, motion.root_positions, motion.rotations)
    flat = np.zeros((len(times), 2))
    for side, arm in enumerate(_ARMS):
        nearest, weight = nearest_touch(times, contacts[:, side])
        if not contacts[:, side].any():
            continue
        flat[:, side] = weight * _lay_flat(times, world, arm[2], side, contacts[:, side])
        wrist = positions[:, arm[2]]
        place = mean_of_touch(wrist, contacts[:, side])
        # Knuckles of a hand that is not laid flat stay above the floor, and the wrist with them.
        knuckles = R.apply(world[:, arm[2]], body.offsets[_KNUCKLES[side]])[:, 1]
        raised = part_thickness(body, BONES[_KNUCKLES[side]]) - knuckles
        place[:, 1] = np.maximum(part_thickness(body, BONES[arm[2]]), raised)
        away = (place - wrist)[nearest]
        away[:, 1] = (place - wrist)[:, 1]
        reach(world, positions, arm, wrist + weight[:, None] * away, _BACK)
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
    """Turn a hand so that its palm lies on the floor, in place; return how far it is (F,).

    The hand's own frame has +Y at its back, so a flat palm is the rest pose turned about up.
    """
    along, back = R.apply(world[:, hand], _ALONG[side]), R.apply(world[:, hand], _UP)
    heading = mean_of_touch(along, contact)
    angle = np.arctan2(-heading[:, 2], heading[:, 0]) + (0.0 if side == 0 else np.pi)
    target = R.from_axis_angle(_UP, angle)
    nearest, weight = nearest_touch(times, contact)
    share = smoothstep(back[:, 1], *_FACES_DOWN)
    share = share * smoothstep(np.hypot(heading[:, 0], heading[:, 2]), *_HEADING)
    share = mean_of_touch(share[:, None], contact)[nearest, 0]
    turn = R.to_rotation_vector(R.multiply(target, R.conjugate(world[:, hand])))[nearest]
    turn = R.from_rotation_vector(turn * (weight * share)[:, None])
    below = [hand, *_FINGERS[side]]
    world[:, below] = R.multiply(turn[:, None], world[:, below])
    return share
