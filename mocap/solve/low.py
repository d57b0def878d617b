"""Live: hands and toes that are all just above the floor rest on it.

In push-ups and planks the detector's depths put hands and toes some centimetres apart in height, so
that only the lowest of them would be on the floor. A person with both hands and both feet that low
is carried by them; hands that only sweep over the floor, as those of a person who sits, are left
alone. The correction depends on the heights alone, so it is continuous, causal and without a state.
In the bake, contacts over the whole take do this (`mocap.solve.support`).
"""

from __future__ import annotations

import numpy as np
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.easing import smoothstep
from mocap.core.kinematics import fk, limb_swings, local_rotations, sole_points
from mocap.core.motion import Motion
from mocap.core.skeleton import humanoid_index
from mocap.core.surface import part_heights

_SIDES = ("left", "right")
_ARMS, _LEGS = (
    [tuple(humanoid_index(*(side + bone for bone in bones)).tolist()) for side in _SIDES]
    for bones in (("UpperArm", "LowerArm", "Hand"), ("UpperLeg", "LowerLeg", "Foot"))
)
# Wrist and knuckle of each hand.
_HANDS = [f"{side}{bone}" for side in _SIDES for bone in ("Hand", "MiddleProximal")]
# Directions in which a straight elbow and a straight knee bend, in the lower bone's frame.
_BACK, _FORWARD = np.array([0.0, 0.0, -1.0]), np.array([0.0, 0.0, 1.0])
_UP = np.array([0.0, 1.0, 0.0])
_REACH = 0.9995  # largest extension of an arm, as a share of its length
# Heights (m) of the highest of them up to which they rest on the floor, and from which they do not.
# In footage of push-ups hands and toes are up to 6 cm too high.
_NEAR = (0.06, 0.12)


def rest_low(motion: Motion) -> Motion:
    """Return the motion with hands and soles on y = 0 where all four are just above it.

    Args:
        motion: A motion on a humanoid skeleton that stands on y = 0 in its rest pose.
    """
    body, root = motion.skeleton, motion.root_positions
    hands = part_heights(body, motion.rotations, _HANDS).reshape(-1, 2, 2).min(axis=2)
    hands = hands + root[:, 1:2]
    if np.abs(hands).max(axis=1).min() > _NEAR[1]:
        return motion
    positions, world = fk(body, root, motion.rotations)
    soles = sole_points(body, root, motion.rotations)[..., 1].reshape(-1, 2, 2).min(axis=2)
    highest = np.abs(np.concatenate([hands, soles], axis=1)).max(axis=1)
    rests = smoothstep(highest, _NEAR[1], _NEAR[0])
    if not rests.any():
        return motion
    sinks = rests[:, None] * hands, rests[:, None] * soles
    # Where an arm is too short, the body comes down, too.
    short = [_out_of_reach(positions, a, d) for a, d in zip(_ARMS, sinks[0].T, strict=True)]
    down = np.max(short, axis=0)
    root = root - down[:, None] * _UP
    for limbs, drop, bends in ((_ARMS, sinks[0], _BACK), (_LEGS, sinks[1], _FORWARD)):
        for limb, low in zip(limbs, drop.T, strict=True):
            goal = positions[:, limb[2]] - low[:, None] * _UP
            _reach(world, positions - down[:, None, None] * _UP, limb, goal, bends)
    return Motion(
        body, motion.times, root, local_rotations(body, world), motion.expressions, motion.contacts
    )


def _lengths(positions: ndarray, limb: tuple[int, ...]) -> tuple[float, float]:
    start, hinge, end = (positions[0, joint] for joint in limb)
    return float(np.linalg.norm(hinge - start)), float(np.linalg.norm(end - hinge))


def _out_of_reach(positions: ndarray, limb: tuple[int, ...], low: ndarray) -> ndarray:
    """Return by how much (F,) a limb is too short for its end to be lower by `low`, metres."""
    away = positions[:, limb[2]] - low[:, None] * _UP - positions[:, limb[0]]
    across = np.square(away[:, [0, 2]]).sum(axis=1)
    deepest = np.sqrt(np.maximum(np.square(_REACH * sum(_lengths(positions, limb))) - across, 0.0))
    return np.maximum(-away[:, 1] - deepest, 0.0) * (low > 0.0)


def _reach(
    world: ndarray, positions: ndarray, limb: tuple[int, ...], goal: ndarray, bends: ndarray
) -> None:
    """Rotate the bones of a limb, in `world`, so that its end is at a goal (F, 3), metres."""
    start, hinge, end = (positions[:, joint] for joint in limb)
    bent = R.apply(world[:, limb[1]], bends)
    swings = limb_swings(start, hinge, end, goal, bent, _lengths(positions, limb))
    for joint, swing in zip(limb[:2], swings, strict=True):
        world[:, joint] = R.multiply(swing, world[:, joint])
