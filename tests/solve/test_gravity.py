"""A standing person is upright in the world under any tilt of the camera."""

from __future__ import annotations

import numpy as np
import pytest

from mocap.core import rotation as R
from mocap.core.keypoints import Keypoints
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, HUMANOID
from mocap.solve.body import solve_body
from mocap.solve.gravity import body_axis, find_gravity, follow_gravity
from mocap.solve.hold import RELAXED
from mocap.solve.live import CausalSolver
from mocap.solve.take import solve_take
from tests.helpers.noise import noisy
from tests.helpers.synthetic import keypoints_of, smooth_motion


def standing(seconds: float = 4.0) -> Motion:
    """Return a relaxed person who sways by two degrees."""
    times = np.arange(round(seconds * 30)) / 30.0
    rotations = np.tile(RELAXED, (len(times), 1, 1))
    rotations[:, 0] = R.from_axis_angle(np.array([0.0, 0.0, 1.0]), np.radians(2.0) * np.sin(times))
    return Motion(HUMANOID, times, np.tile([0.0, 0.0, -4.0], (len(times), 1)), rotations)


def through_tilted_camera(motion: Motion, degrees: float) -> Keypoints:
    """Return keypoints of a camera that looks down, its picture centred on the person."""
    tilt = R.from_axis_angle(np.array([1.0, 0.0, 0.0]), np.radians(degrees))
    turned = np.array(motion.rotations)
    turned[:, 0] = R.multiply(tilt, turned[:, 0])
    return keypoints_of(Motion(motion.skeleton, motion.times, motion.root_positions, turned))


def baked(keypoints: Keypoints) -> Motion:
    """Apply only gravity alignment and the closed form.

    The rest of the bake is made for a detector's errors, of which there are none here.
    """
    upright = find_gravity(keypoints.positions, keypoints.confidence)
    rotations, _ = solve_body(
        keypoints.times, R.apply(upright, keypoints.positions), keypoints.confidence
    )
    return Motion(HUMANOID, keypoints.times, np.zeros((len(keypoints), 3)), rotations)


def lean(motion: Motion) -> np.ndarray:
    """Return the angle between the hips' up axis and the world's, degrees."""
    return np.degrees(np.arccos(R.apply(motion.rotations[:, 0], np.array([0.0, 1.0, 0.0]))[:, 1]))


@pytest.mark.parametrize("tilt", [-20.0, -8.0, 0.0, 20.0])
def test_a_standing_person_under_a_tilted_camera_stands_upright(tilt: float) -> None:
    keypoints = through_tilted_camera(standing(), tilt)
    assert lean(baked(keypoints)).mean() < 3.0
    assert lean(CausalSolver().solve(keypoints))[-30:].mean() < 4.0


@pytest.mark.parametrize("tilt", [-20.0, 0.0, 20.0])
def test_a_tilted_noisy_take_is_baked_upright(tilt: float) -> None:
    """From ankles to shoulders, through the lifter and the optimiser, which do not know gravity."""
    for seed in range(2):
        found = solve_take(
            noisy(
                through_tilted_camera(standing(), tilt),
                np.random.default_rng(seed),
                pixels=4.0,
                depth=0.04,
            )
        )
        places, _ = fk(found.skeleton, found.root_positions, found.rotations)
        ends = [
            places[:, [BONES.index(s + bone) for s in ("left", "right")]].mean(axis=1)
            for bone in ("UpperArm", "Foot")
        ]
        line = R.normalize(ends[0] - ends[1]).mean(axis=0)
        assert np.degrees(np.arccos(line[1] / np.linalg.norm(line))) < 3.0


def test_live_gravity_alignment_is_gradual() -> None:
    motion = CausalSolver().solve(through_tilted_camera(standing(), 20.0))
    assert np.abs(np.diff(lean(motion))).max() < 2.5


def test_a_person_who_never_stands_keeps_the_cameras_up() -> None:
    motion = standing()
    bent = np.array(motion.rotations)
    for side in ("left", "right"):
        bent[:, BONES.index(f"{side}UpperLeg")] = R.from_axis_angle(
            np.array([-1.0, 0.0, 0.0]), np.radians(85.0)
        )
        bent[:, BONES.index(f"{side}LowerLeg")] = R.from_axis_angle(
            np.array([1.0, 0.0, 0.0]), np.radians(85.0)
        )
    sitting = keypoints_of(Motion(HUMANOID, motion.times, motion.root_positions, bent))
    assert body_axis(sitting.positions, sitting.confidence)[1].max() == 0.0
    assert np.degrees(R.angle(find_gravity(sitting.positions, sitting.confidence))) < 1e-6


@pytest.mark.parametrize("degrees", [90.0, 180.0])
def test_lying_and_handstands_do_not_count_as_standing(degrees: float) -> None:
    keypoints = through_tilted_camera(standing(), degrees)
    assert body_axis(keypoints.positions, keypoints.confidence)[1].max() == 0.0


def test_one_raised_foot_does_not_count_as_standing() -> None:
    motion = standing()
    raised = np.array(motion.rotations)
    raised[:, BONES.index("leftUpperLeg")] = R.from_axis_angle(
        np.array([-1.0, 0.0, 0.0]), np.radians(60.0)
    )
    keypoints = keypoints_of(Motion(HUMANOID, motion.times, motion.root_positions, raised))
    assert body_axis(keypoints.positions, keypoints.confidence)[1].max() == 0.0


def test_frame_by_frame_equals_the_whole_clip() -> None:
    keypoints = keypoints_of(smooth_motion(np.random.default_rng(4), 2.0, 30.0))
    ones = np.ones(len(keypoints))
    whole, _ = follow_gravity(
        keypoints.times, keypoints.positions, keypoints.confidence, ones, None
    )
    state, parts = None, []
    for n in range(len(keypoints)):
        one = keypoints.slice(n, n + 1)
        part, state = follow_gravity(one.times, one.positions, one.confidence, ones[:1], state)
        parts.append(part)
    assert np.abs(np.concatenate(parts) - whole).max() < 1e-12


def test_a_single_picture_is_aligned_too() -> None:
    assert lean(baked(through_tilted_camera(standing(), 15.0).slice(0, 1)))[0] < 3.0


def squatting() -> Motion:
    """Return a person who stands and squats, hips and knees bent by up to 80° and 90°."""
    motion = standing()
    rotations = np.array(motion.rotations)
    depth = 0.5 - 0.5 * np.cos(np.pi * motion.times)
    for joint, degrees in (("UpperLeg", -80.0), ("LowerLeg", 90.0), ("Foot", -30.0)):
        bend = R.from_axis_angle(np.array([1.0, 0.0, 0.0]), np.radians(degrees) * depth)
        for side in ("left", "right"):
            rotations[:, BONES.index(side + joint)] = bend
    rotations[:, 0] = R.from_axis_angle(np.array([1.0, 0.0, 0.0]), np.radians(20.0) * depth)
    return Motion(motion.skeleton, motion.times, motion.root_positions, rotations)


def push_up() -> Motion:
    """Return a straight body on its hands and toes, whose trunk is 75° from upright."""

    def bent(degrees: float, *axis: float) -> np.ndarray:
        return R.from_axis_angle(np.array(axis), np.radians(degrees))

    motion = standing(1.0)
    rotations = np.tile(R.IDENTITY, (len(motion.times), len(BONES), 1))
    rotations[:, 0] = bent(75.0, 1.0, 0.0, 0.0)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        arm = R.multiply(bent(15.0, 1.0, 0.0, 0.0), bent(-90.0 * sign, 0.0, 1.0, 0.0))
        rotations[:, BONES.index(f"{side}UpperArm")] = arm
    return Motion(motion.skeleton, motion.times, motion.root_positions, rotations)


def found_up(motion: Motion, yaw: float, pitch: float, roll: float) -> float:
    """Return the error of the up direction, degrees, before a camera that is turned by degrees."""
    turn = R.multiply(
        R.from_axis_angle(np.array([0.0, 0.0, 1.0]), np.radians(roll)),
        R.multiply(
            R.from_axis_angle(np.array([1.0, 0.0, 0.0]), np.radians(pitch)),
            R.from_axis_angle(np.array([0.0, 1.0, 0.0]), np.radians(yaw)),
        ),
    )
    keypoints = keypoints_of(motion)
    seen = R.apply(turn, keypoints.positions)
    up = R.apply(turn, np.array([0.0, 1.0, 0.0]))
    lifted = R.apply(find_gravity(seen, keypoints.confidence), up)
    return float(np.degrees(np.arccos(min(lifted[1], 1.0))))


@pytest.mark.parametrize("yaw", [0.0, 70.0, 180.0])
@pytest.mark.parametrize(("pitch", "roll"), [(-15.0, 0.0), (8.0, 4.0), (25.0, 0.0), (40.0, 0.0)])
def test_turning_the_camera_does_not_turn_the_world(yaw: float, pitch: float, roll: float) -> None:
    assert found_up(standing(), yaw, pitch, roll) < 4.0
    assert found_up(squatting(), yaw, pitch, roll) < 6.0


@pytest.mark.parametrize("yaw", [30.0, 90.0, 200.0])
@pytest.mark.parametrize("pitch", [-10.0, 8.0, 25.0])
def test_who_only_does_push_ups_shows_the_up_direction(yaw: float, pitch: float) -> None:
    assert found_up(push_up(), yaw, pitch, 0.0) < 10.0


def test_a_camera_that_is_rolled_a_lot_is_found_too() -> None:
    assert found_up(standing(), 0.0, 0.0, 25.0) < 4.0
