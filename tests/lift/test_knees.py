"""Knees that the lifter bends in depth are straightened; bends in the picture stay."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mocap.lift.knees import (
    EXCESS,
    STILL_EXCESS,
    leg_speeds,
    standing_still,
    straighter_knees,
)
from mocap.lift.network import INPUTS, JOINTS, RATE

HIP, KNEE, ANKLE = (JOINTS.index(f"left_{n}") for n in ("hip", "knee", "ankle"))
DISTANCE = 3.0
BENDS = st.floats(0.0, np.pi - 0.1)


def leg(bend: float, heading: float) -> np.ndarray:
    """Return joints with a left leg bent in a plane at `heading` to the camera, radians."""
    joints = np.zeros((1, len(JOINTS), 3))
    ahead = np.array([np.sin(heading), 0.0, np.cos(heading)])
    down = np.array([0.0, -1.0, 0.0])
    thigh, shank = (0.42 * (np.cos(a) * down + np.sin(a) * ahead) for a in (bend / 2, -bend / 2))
    joints[0, KNEE] = joints[0, HIP] + thigh
    joints[0, ANKLE] = joints[0, KNEE] + shank
    return joints


def bend_of(joints: np.ndarray) -> float:
    a, b = joints[0, KNEE] - joints[0, HIP], joints[0, ANKLE] - joints[0, KNEE]
    return float(np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b))


def seen(joints: np.ndarray) -> np.ndarray:
    """Return the image points of a camera at DISTANCE before the hips."""
    return joints[..., :2] / (DISTANCE - joints[..., 2:])


@given(BENDS, st.floats(-np.pi, np.pi))
def test_only_the_depth_of_knees_changes_and_bends_never_grow(bend: float, heading: float) -> None:
    before = leg(bend, heading)
    after = straighter_knees(before, np.array([DISTANCE]), np.zeros(1))
    np.testing.assert_allclose(seen(after), seen(before), atol=1e-9)
    np.testing.assert_array_equal(np.delete(after, KNEE, axis=1), np.delete(before, KNEE, axis=1))
    assert bend_of(after) <= bend_of(before) + 1e-6


@given(st.floats(0.0, np.radians(120.0)), st.floats(0.001, 0.1))
def test_bends_towards_the_camera_lose_the_excess_and_keep_their_order(
    bend: float, more: float
) -> None:
    one, other = (
        bend_of(straighter_knees(leg(b, 0.0), np.array([DISTANCE]), np.zeros(1)))
        for b in (bend, bend + more)
    )
    assert one <= other + 1e-6
    lost = bend - one
    assert lost <= EXCESS + np.radians(3.0)
    if np.radians(18.0) <= bend <= np.radians(30.0):
        assert lost >= EXCESS - np.radians(3.0)
    if bend >= np.radians(90.0):
        assert lost < 1e-6


def test_a_bend_across_the_picture_is_unchanged() -> None:
    before = leg(np.radians(25.0), np.pi / 2)
    after = straighter_knees(before, np.array([DISTANCE]), np.zeros(1))
    assert np.degrees(bend_of(before) - bend_of(after)) < 0.1


def standing(bend: float, lean: float = 0.0) -> np.ndarray:
    """Return joints of a person on two legs bent towards the camera, with a leaning trunk."""
    joints = np.zeros((1, len(JOINTS), 3))
    one = leg(bend, 0.0)
    for name in ("knee", "ankle"):
        for side in ("left", "right"):
            joints[0, JOINTS.index(f"{side}_{name}")] = one[0, JOINTS.index(f"left_{name}")]
    for side in ("left", "right"):
        joints[0, JOINTS.index(f"{side}_shoulder")] = [0.0, np.cos(lean), np.sin(lean)]
    return joints


def test_legs_that_stand_still_lose_more_of_their_bend() -> None:
    distance, bend = np.array([DISTANCE]), np.radians(28.0)
    moving, still = (
        bend_of(straighter_knees(leg(bend, 0.0), distance, np.array([share])))
        for share in (0.0, 1.0)
    )
    assert abs(moving - still - STILL_EXCESS) < np.radians(2.0)


def test_only_people_who_stand_upright_and_do_not_move_stand_still() -> None:
    still = np.zeros(1)
    assert standing_still(standing(np.radians(20.0)), still) == 1.0
    assert standing_still(standing(np.radians(20.0)), still + 0.4) == 0.0
    assert standing_still(standing(np.radians(20.0)), np.full(1, np.nan)) == 0.0
    assert standing_still(standing(np.radians(60.0)), still) == 0.0, "a squat"
    assert standing_still(standing(np.radians(20.0), np.radians(60.0)), still) == 0.0, "a bow"


@given(st.floats(0.05, 2.0), st.integers(2, 40))
def test_the_speed_of_legs_is_that_of_the_fastest_of_their_joints(speed: float, count: int) -> None:
    inputs = np.zeros((count, INPUTS))
    inputs[:, 2 * ANKLE] = speed * np.arange(count) / RATE
    np.testing.assert_allclose(leg_speeds(inputs), speed, rtol=1e-9)
    inputs[:, 2 * JOINTS.index("left_wrist")] = 9.0 * np.arange(count) / RATE
    np.testing.assert_allclose(leg_speeds(inputs), speed, rtol=1e-9)
