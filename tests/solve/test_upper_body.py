"""Upper body only: legs at rest, still hips, detected automatically, eased in and out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mocap.capture.open import open_source
from mocap.core import rotation as R
from mocap.core.keypoints import LANDMARKS, Keypoints
from mocap.core.kinematics import sole_points
from mocap.core.motion import Motion, concatenate
from mocap.core.skeleton import BONES, HUMANOID
from mocap.detect.options import DetectOptions
from mocap.detect.performer import PerformerDetector
from mocap.detect.take import detect_source
from mocap.solve.hands import FINGER_BONES
from mocap.solve.live import CausalSolver
from mocap.solve.take import solve_take
from mocap.solve.tuning import SolveOptions
from mocap.solve.upper_body import follow_whole_body, is_upper_body
from tests.helpers.synthetic import keypoints_of, smooth_motion

LEGS = [i for i, b in enumerate(BONES) if "Leg" in b or "Foot" in b or "Toes" in b]
HIPS_DOWN = slice(LANDMARKS.index("left_hip"), None)


def facing(rng: np.random.Generator, seconds: float, speed: float = 1.0) -> Motion:
    """Return a person who faces the camera, stays in place and moves."""
    motion = smooth_motion(rng, seconds, 30.0, speed)
    rotations = motion.rotations.copy()
    rotations[:, 0] = R.IDENTITY
    return replace(
        motion, rotations=rotations, root_positions=np.tile([0.0, 0.0, -2.0], (len(motion), 1))
    )


def at_a_desk(seed: int = 4, seconds: float = 3.0) -> Keypoints:
    """Return a person whose legs are below the picture, where the detector's guesses jump."""
    rng = np.random.default_rng(seed)
    seen = keypoints_of(facing(rng, seconds))
    positions, confidence = seen.positions.copy(), seen.confidence.copy()
    positions[:, HIPS_DOWN] += rng.normal(size=positions[:, HIPS_DOWN].shape) * 0.1
    confidence[:, HIPS_DOWN] = rng.uniform(0.0, 0.45, confidence[:, HIPS_DOWN].shape)
    image = seen.image.copy()
    image[:, HIPS_DOWN, 1] = 720.0 + rng.uniform(5.0, 400.0, image[:, HIPS_DOWN, 1].shape)
    return replace(seen, positions=positions, confidence=confidence, image=image)


def standing_still(frames: int, pitch: float = 0.0) -> Motion:
    """Return a person in the middle of the picture, 4 m away, pitched forward by degrees."""
    rotations = np.tile(R.IDENTITY, (frames, len(BONES), 1))
    rotations[:, 0] = R.from_axis_angle(np.array([1.0, 0.0, 0.0]), np.radians(pitch))
    root = np.tile([0.0, 0.0, -4.0], (frames, 1))
    return Motion(HUMANOID, np.arange(frames) / 30.0, root, rotations)


def travelled(motion: Motion) -> float:
    return float(np.linalg.norm(np.ptp(motion.root_positions, axis=0)))


def turned(motion: Motion, bones: list[int]) -> float:
    return float(
        np.degrees(R.distance(motion.rotations[:, bones], motion.rotations[:1, bones])).max()
    )


@pytest.mark.parametrize("way", ["live", "bake"])
def test_legs_and_hips_are_still_while_the_arms_move(way: str) -> None:
    keypoints = at_a_desk()
    motion = CausalSolver().solve(keypoints) if way == "live" else solve_take(keypoints)
    assert turned(motion, LEGS) < 1e-6
    assert np.degrees(R.angle(motion.rotations[:, LEGS])).max() < 1e-6
    assert travelled(motion) < 0.08
    feet = sole_points(motion.skeleton, motion.root_positions, motion.rotations)
    assert np.ptp(feet, axis=0).max() < 0.01
    assert turned(motion, [0]) < (10.0 if way == "live" else 2.0)
    assert turned(motion, [BONES.index("leftUpperArm"), BONES.index("rightLowerArm")]) > 10.0


def test_visible_legs_mean_whole_body_unless_overridden() -> None:
    whole = keypoints_of(smooth_motion(np.random.default_rng(1), 2.0, 30.0))
    assert not is_upper_body(whole)
    assert is_upper_body(at_a_desk())
    assert turned(solve_take(whole), LEGS) > 5.0
    assert turned(solve_take(whole, SolveOptions(upper_body=True)), LEGS) < 1e-6
    assert turned(CausalSolver(options=SolveOptions(upper_body=True)).solve(whole), LEGS) < 1e-6


def test_doubted_legs_inside_the_picture_count_as_visible() -> None:
    whole = keypoints_of(facing(np.random.default_rng(1), 2.0))
    image = whole.image + [0.0, 360.0 - whole.image[..., 1].mean()]
    confidence = whole.confidence.copy()
    confidence[:, HIPS_DOWN] = 0.35
    keypoints = replace(whole, confidence=confidence, image=0.5 * image + [320.0, 180.0])
    assert not is_upper_body(keypoints)


@pytest.mark.parametrize(
    ("pitch", "knees", "ankles", "whole"),
    [
        (80.0, 0.02, 0.05, True),  # a plank with the head to the camera: the trunk hides the legs
        (-80.0, 0.02, 0.05, True),  # on the back
        (180.0, 0.02, 0.05, True),  # on the hands
        (30.0, 0.02, 0.05, False),  # leaning over a desk that hides the legs
        (0.0, 0.02, 0.9, True),  # arms before the knees of a person who sits
    ],
)
def test_hidden_legs_are_legs_where_the_trunk_is_not_upright(
    pitch: float, knees: float, ankles: float, whole: bool
) -> None:
    keypoints = keypoints_of(standing_still(60, pitch))
    confidence = keypoints.confidence.copy()
    confidence[:, HIPS_DOWN] = ankles
    confidence[:, [LANDMARKS.index(f"{s}_knee") for s in ("left", "right")]] = knees
    confidence[:, [LANDMARKS.index(f"{s}_hip") for s in ("left", "right")]] = 0.95
    keypoints = replace(keypoints, confidence=confidence)
    assert is_upper_body(keypoints) is not whole
    assert (follow_whole_body(keypoints, None)[0] == float(whole)).all()


def test_an_empty_take_is_not_upper_body() -> None:
    empty = replace(keypoints_of(standing_still(5)), confidence=np.zeros((5, 33)))
    assert not is_upper_body(empty)
    share, state = follow_whole_body(empty, None)
    assert share.tolist() == [1.0] * 5
    assert state is None


def test_legs_that_enter_the_picture_are_eased_in() -> None:
    motion = facing(np.random.default_rng(2), 8.0, speed=0.5)
    keypoints = keypoints_of(motion)
    confidence = keypoints.confidence.copy()
    confidence[:90, HIPS_DOWN] = 0.1
    keypoints = replace(keypoints, confidence=confidence)
    whole = CausalSolver().solve(keypoints)
    solver = CausalSolver()
    parts = concatenate(
        [solver.solve(keypoints.slice(i, i + 7)) for i in range(0, len(keypoints), 7)]
    )
    assert np.abs(parts.rotations - whole.rotations).max() < 1e-6
    assert (
        np.degrees(R.distance(whole.rotations[1:, LEGS], whole.rotations[:-1, LEGS])).max() < 25.0
    )
    steps = np.linalg.norm(np.diff(whole.root_positions, axis=0), axis=1)
    assert steps.max() < 0.1
    assert (
        np.degrees(
            R.distance(
                whole.rotations[-1, LEGS],
                CausalSolver().solve(keypoints_of(motion)).rotations[-1, LEGS],
            )
        ).max()
        < 1.0
    )


def test_a_person_whose_legs_become_hidden_stays_in_place() -> None:
    motion = facing(np.random.default_rng(6), 10.0, speed=0.3)
    away = np.minimum(motion.times / 3.0, 1.0)[:, None] * [1.0, 0.0, -1.0] + [0.0, 0.0, -3.0]
    keypoints = keypoints_of(replace(motion, root_positions=away))
    confidence = keypoints.confidence.copy()
    confidence[120:, HIPS_DOWN] = 0.1
    found = (
        CausalSolver().solve(replace(keypoints, confidence=confidence)).root_positions[:, [0, 2]]
    )
    assert np.linalg.norm(found[110] - found[0]) > 0.8
    assert np.linalg.norm(found[-1] - found[110]) < 0.3


def test_the_desk_clip_has_no_leg_motion_steady_hips_and_live_fingers(data: Path) -> None:
    with (
        open_source(data / "videos/poseformat_test_video.mp4") as source,
        PerformerDetector(DetectOptions(model="full", face=False)) as detector,
    ):
        keypoints = detect_source(source, detector)
    assert is_upper_body(keypoints)
    for motion in (solve_take(keypoints), CausalSolver().solve(keypoints)):
        print(
            f"desk: legs {turned(motion, LEGS):.2f}°, hips {1e3 * travelled(motion):.0f} mm "
            f"and {turned(motion, [0]):.1f}°, "
            f"fingers of the right hand {turned(motion, FINGER_BONES[1].tolist()):.0f}°"
        )
        assert turned(motion, LEGS) < 0.01
        assert travelled(motion) < 0.05
        assert turned(motion, [0]) < 20.0
        assert turned(motion, FINGER_BONES[1].tolist()) > 30.0
