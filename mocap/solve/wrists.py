"""Rotations of hands relative to their forearms, and pronation of the forearms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.easing import smoothstep
from mocap.solve.hands import SolvedHands, within_wrist
from mocap.solve.hold import HoldState, hold_unseen

# Directions of the forearms at rest, left and right.
_REST_DIRECTION = np.array([[1.0, 0, 0], [-1.0, 0, 0]])
# Largest roll of the hand, radians, that the forearm takes completely. Beyond it the forearm's part
# falls to 0 at 180°, so that the forearm never flips.
_PRONATION = np.radians(120.0)
# Half angles, as cosines, by which a hand is bent away from its forearm: from the second on, the
# roll about the forearm is less and less defined (at a bend of 180° it jumps with any noise), and
# from the first on the forearm takes nothing of it. No wrist bends by as much (110°).
_BENT = (np.cos(np.radians(75.0)), np.cos(np.radians(55.0)))


def relative_hands(
    times: ndarray,
    forearm: ndarray,
    hand: ndarray,
    steady: Callable[[ndarray], ndarray] | None,
    hands: SolvedHands | None,
    state: HoldState | None,
) -> tuple[ndarray, HoldState | None]:
    """Return the rotations of the hands relative to their forearms.

    The body's landmarks give the rotation, and the points of a hand that is seen correct it. The
    correction is held and eased, so that a hand that is lost or returns does not jump.

    Args:
        times: (F,) seconds.
        forearm: (F, 2, 4) world rotations of the forearms, left and right.
        hand: (F, 2, 4) world rotations of the hands, from the body's landmarks.
        steady: A filter for the rotations from the body's landmarks; None leaves them.
        hands: Palms from the hands' own points; None where hands are not detected.
        state: The state after the previous frames; None at the start of a take.

    Returns:
        (F, 2, 4) rotations, and the state after the last frame.
    """
    relative = R.multiply(R.conjugate(forearm), hand)
    if steady is not None:
        relative = steady(relative)
    if hands is None:
        return relative, state
    own = R.multiply(R.conjugate(forearm), hands.palms)
    if hands.steady is not None:
        own = np.where(
            hands.seen[..., None],
            hands.steady(np.where(hands.seen[..., None], own, np.nan)),
            relative,
        )
    correction = R.multiply(R.conjugate(relative), within_wrist(own))
    held, state = hold_unseen(
        times, correction, hands.seen, np.arange(2), np.tile(R.IDENTITY, (2, 1)), state
    )
    return R.multiply(relative, held), state


def pronated(
    forearm: ndarray, relative: ndarray, steady: Callable[[ndarray], ndarray] | None = None
) -> tuple[ndarray, ndarray]:
    """Return the rotations with the roll of the hands moved to the forearms (pronation).

    Args:
        forearm: (F, 2, 4) world rotations of the forearms without roll, left and right.
        relative: (F, 2, 4) rotations of the hands relative to these forearms.
        steady: A filter for the rolls (F, 2, 4), which leaves the hands in place.

    Returns:
        World rotations (F, 2, 4) of the forearms, and of the hands.
    """
    _, twist = R.swing_twist(relative, _REST_DIRECTION)
    twist = np.where(twist[..., 3:] < 0, -twist, twist)
    roll = 2.0 * np.arctan2(R.dot(twist[..., :3], _REST_DIRECTION), twist[..., 3])
    size = np.abs(roll)
    taken = np.where(
        size > _PRONATION, np.sign(roll) * _PRONATION * (np.pi - size) / (np.pi - _PRONATION), roll
    )
    about = R.dot(relative[..., :3], _REST_DIRECTION)
    taken = taken * smoothstep(np.hypot(about, relative[..., 3]), *_BENT)
    rolls = R.from_axis_angle(_REST_DIRECTION, taken)
    if steady is not None:
        rolls = steady(rolls)
    return R.multiply(forearm, rolls), R.multiply(forearm, relative)
