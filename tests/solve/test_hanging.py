"""People who hang: their hands stay in place and their feet rise, in the bake and live."""

from __future__ import annotations

import numpy as np
import pytest

from mocap.core import rotation as R
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, HUMANOID, humanoid_index
from mocap.core.surface import lowest_skin
from mocap.solve.hanging import find_hanging
from mocap.solve.performer import Performer
from mocap.solve.take import solve_take
from tests.helpers.synthetic import keypoints_of

TIMES = np.arange(90) / 30.0
SWING = 0.5 - 0.5 * np.cos(2.0 * np.pi * TIMES / 1.5)
_HANDS = humanoid_index("leftHand", "rightHand")


def raised_legs(hands_move: bool) -> Motion:
    """Return a body with the arms up, 4 m before a level camera, that raises both thighs by 80°.

    Args:
        hands_move: Whether its seat sinks while the thighs rise (a squat), instead of the feet
            rising below hands in place.
    """
    rotations = np.tile(R.IDENTITY, (len(TIMES), len(BONES), 1))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        raised = R.from_axis_angle(np.array([0.0, 0.0, 1.0]), np.radians(75.0) * sign)
        rotations[:, BONES.index(f"{side}UpperArm")] = raised
        bend = R.from_axis_angle(np.array([1.0, 0.0, 0.0]), -np.radians(80.0) * SWING)
        rotations[:, BONES.index(f"{side}UpperLeg")] = bend
        if hands_move:
            rotations[:, BONES.index(f"{side}LowerLeg")] = R.conjugate(bend)
    root = np.tile([0.0, 0.0, -4.0], (len(TIMES), 1))
    if hands_move:
        root[:, 1] -= lowest_skin(HUMANOID, rotations) + 1.0
    return Motion(HUMANOID, TIMES, root, rotations)


def low(motion: Motion) -> np.ndarray:
    """Return the height of the lowest skin, metres."""
    return np.asarray(motion.root_positions[:, 1] + lowest_skin(motion.skeleton, motion.rotations))


@pytest.mark.parametrize("grade", ["bake", "live"])
def test_the_hands_of_a_person_who_hangs_stay_and_the_feet_rise(grade: str) -> None:
    truth = raised_legs(hands_move=False)
    keypoints = keypoints_of(truth)
    found = solve_take(keypoints) if grade == "bake" else Performer(body=HUMANOID).solve(keypoints)
    hands = fk(found.skeleton, found.root_positions, found.rotations)[0][:, _HANDS]
    rise = np.ptp(low(truth))
    # Live, the path is not shifted after the hands, so it keeps the errors of the body's distance.
    assert np.ptp(hands[..., 1], axis=0).max() < (0.001 if grade == "bake" else 0.25 * rise)
    assert low(found).min() > -0.02
    assert 0.7 * rise < np.ptp(low(found)) < 1.1 * rise


@pytest.mark.parametrize("grade", ["bake", "live"])
def test_a_person_who_squats_with_raised_arms_stays_on_the_floor(grade: str) -> None:
    keypoints = keypoints_of(raised_legs(hands_move=True))
    found = solve_take(keypoints) if grade == "bake" else Performer(body=HUMANOID).solve(keypoints)
    assert np.abs(low(found)).max() < 0.025


def test_hands_that_are_still_carry_only_a_body_whose_feet_move() -> None:
    heights = np.zeros((len(TIMES), 33))
    heights[:, [11, 12]], heights[:, [15, 16]] = 1.4, 2.0
    heights[:, 27:33] = 0.3 * SWING[:, None]
    still = np.zeros((len(TIMES), 2))
    one_unseen = np.stack([still[:, 0], np.full(len(TIMES), np.nan)], axis=1)
    assert find_hanging(TIMES, heights, still).all()
    assert find_hanging(TIMES, heights, one_unseen).all()
    assert not find_hanging(TIMES, heights, still + 0.5).any(), "hands that move do not carry"
    assert not find_hanging(TIMES, heights - 2.0 * heights, still).any(), "hands below shoulders"
    one_foot = heights.copy()
    one_foot[:, 28:33:2] = 0.0
    assert not find_hanging(TIMES, one_foot, still).any(), "the other foot stands"
