"""The closed-form solver: exact, continuous, symmetric, equal live and in one go."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocap.core import kinematics
from mocap.core import rotation as R
from mocap.core.camera import Camera
from mocap.core.keypoints import Keypoints, landmarks_of
from mocap.core.motion import Motion, concatenate
from mocap.core.skeleton import BONES, HUMANOID
from mocap.solve.body import solve_body
from mocap.solve.hold import RELAXED
from mocap.solve.live import CausalSolver
from mocap.solve.take import solve_take
from mocap.solve.tuning import SolveOptions
from tests.helpers.measures import LIMBS, degrees_between, directions
from tests.helpers.synthetic import keypoints_of, random_poses, smooth_motion

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=15, deadline=None)

SIDES = ("left", "right")


def solved(keypoints: Keypoints) -> np.ndarray:
    return solve_body(keypoints.times, keypoints.positions, keypoints.confidence)[0]


def posed(motion: Motion, rotations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return kinematics.fk(motion.skeleton, motion.root_positions, rotations)


@given(seeds)
@few
def test_limbs_point_along_their_keypoints_in_any_orientation(seed: int) -> None:
    motion = random_poses(np.random.default_rng(seed), 100)
    truth, _ = posed(motion, motion.rotations)
    found, _ = posed(motion, solved(keypoints_of(motion)))
    assert degrees_between(directions(truth), directions(found)).max() < 0.1


@given(seeds)
@few
def test_a_bent_elbow_or_knee_gives_the_twist_above_and_below_it(seed: int) -> None:
    motion = random_poses(np.random.default_rng(seed), 100)
    positions, truth = posed(motion, motion.rotations)
    _, found = posed(motion, solved(keypoints_of(motion)))
    d = directions(positions)
    for limb in range(0, len(LIMBS), 2):
        bent = degrees_between(d[:, limb], d[:, limb + 1]) > 20.0
        for bone in (LIMBS[limb][0], LIMBS[limb + 1][0]):
            error = np.degrees(
                R.distance(truth[bent, BONES.index(bone)], found[bent, BONES.index(bone)])
            )
            assert error.max(initial=0.0) < 1.0, bone


@given(seeds)
@few
def test_hands_and_head_turn_with_their_keypoints(seed: int) -> None:
    motion = random_poses(np.random.default_rng(seed), 50)
    _, truth = posed(motion, motion.rotations)
    _, found = posed(motion, solved(keypoints_of(motion)))
    for bone in ("head", "leftHand", "rightHand"):
        assert (
            np.degrees(R.distance(truth[:, BONES.index(bone)], found[:, BONES.index(bone)])).max()
            < 0.1
        ), bone


@given(seeds)
@few
def test_feet_point_from_ankle_to_toe_tip(seed: int) -> None:
    motion = random_poses(np.random.default_rng(seed), 50, HUMANOID)
    _, truth = posed(motion, motion.rotations)
    _, found = posed(motion, solved(keypoints_of(motion)))
    for bone in ("leftFoot", "rightFoot"):
        assert (
            np.degrees(R.distance(truth[:, BONES.index(bone)], found[:, BONES.index(bone)])).max()
            < 0.1
        ), bone


def test_the_rest_pose_is_solved_as_the_rest_pose() -> None:
    rest = Motion(
        HUMANOID,
        np.arange(2) / 30,
        np.tile([0.0, 0.0, -4.0], (2, 1)),
        np.tile(R.IDENTITY, (2, 55, 1)),
    )
    found = solved(keypoints_of(rest))
    fingers = [
        i
        for i, b in enumerate(BONES)
        if any(f in b for f in ("Thumb", "Index", "Middle", "Ring", "Little"))
    ]
    others = [i for i in range(55) if i not in fingers]
    assert np.degrees(R.angle(found[:, others])).max() < 1e-6
    # Fingers have no keypoints: they rest.
    assert np.allclose(found[:, fingers], RELAXED[fingers])


@given(seeds)
@few
def test_mirrored_keypoints_give_the_mirrored_motion(seed: int) -> None:
    motion = random_poses(np.random.default_rng(seed), 50)
    keypoints = keypoints_of(motion)
    expected = Motion(
        motion.skeleton, motion.times, motion.root_positions, solved(keypoints)
    ).mirror()
    assert np.degrees(R.distance(expected.rotations, solved(keypoints.mirror()))).max() < 0.01


@pytest.mark.parametrize("seed", range(6))
def test_a_continuous_motion_is_solved_without_a_jump(seed: int) -> None:
    motion = smooth_motion(np.random.default_rng(seed), 10.0, 240.0)
    _, truth = posed(motion, motion.rotations)
    assert np.degrees(R.distance(truth[1:], truth[:-1])).max() < 1.0, (
        "the motion itself must turn by less than 1° a frame"
    )
    rotations = solved(keypoints_of(motion))
    _, found = posed(motion, rotations)
    assert np.degrees(R.distance(found[1:], found[:-1])).max() < 2.0
    assert np.degrees(R.distance(rotations[1:], rotations[:-1])).max() < 2.0


@pytest.mark.parametrize("pieces", [1, 7])
@pytest.mark.parametrize("filtered", [False, True])
def test_a_clip_solved_in_chunks_equals_the_clip_solved_at_once(
    pieces: int, filtered: bool
) -> None:
    keypoints = keypoints_of(smooth_motion(np.random.default_rng(3), 2.0, 30.0, speed=3.0))
    # Some are lost and found again on the way.
    confidence = keypoints.confidence.copy()
    confidence[10:25, 15] = 0.0
    confidence[20:40, [25, 27]] = 0.1
    keypoints = Keypoints(
        keypoints.times, keypoints.positions, keypoints.image, confidence, keypoints.camera
    )
    whole = CausalSolver(options=SolveOptions(refine=filtered)).solve(keypoints)
    solver = CausalSolver(options=SolveOptions(refine=filtered))
    parts = concatenate(
        [solver.solve(keypoints.slice(i, i + pieces)) for i in range(0, len(keypoints), pieces)]
    )
    assert np.abs(parts.rotations - whole.rotations).max() < 1e-6
    assert np.abs(parts.root_positions - whole.root_positions).max() < 1e-6


def test_an_unseen_arm_is_held_eased_to_rest_and_eased_back() -> None:
    motion = smooth_motion(np.random.default_rng(5), 6.0, 60.0)
    keypoints = keypoints_of(motion)
    confidence, positions = keypoints.confidence.copy(), keypoints.positions.copy()
    hidden = slice(60, 240)
    confidence[hidden, [13]] = 0.0
    positions[hidden, [13, 15, 17, 19, 21]] = np.nan
    lost = Keypoints(keypoints.times, positions, keypoints.image, confidence, keypoints.camera)
    seen, found = solved(keypoints), solved(lost)
    arm = [BONES.index(b) for b in ("leftUpperArm", "leftLowerArm", "leftHand")]
    others = [
        i
        for i in range(55)
        if not BONES[i].startswith("left") or "Leg" in BONES[i] or "Foot" in BONES[i]
    ]
    others.remove(BONES.index("neck")) if BONES.index("neck") in others else None
    assert np.degrees(R.distance(found[60:85, arm], found[59:60, arm])).max() < 1e-4, "held"
    assert np.degrees(R.distance(found[200, arm], RELAXED[arm])).max() < 1e-4, "relaxed"
    assert np.degrees(R.distance(found[-1, arm], seen[-1, arm])).max() < 5.0, "back"
    assert np.degrees(R.distance(found[1:, arm], found[:-1, arm])).max() < 20.0, (
        "nothing snaps: 150° in 0.25 s is 10° a frame, 1.5 times at most"
    )
    legs = [BONES.index(b) for b in BONES if "Leg" in b or "Foot" in b]
    assert np.abs(found[:, legs] - seen[:, legs]).max() < 1e-9, "what is seen is as it was"


def test_keypoints_never_seen_give_a_body_at_rest() -> None:
    nothing = Keypoints(
        np.arange(3) / 30,
        np.full((3, 33, 3), np.nan),
        np.full((3, 33, 2), np.nan),
        np.zeros((3, 33)),
        Camera.assumed((640, 480)),
    )
    motion = CausalSolver().solve(nothing)
    arms = [BONES.index(b) for b in ("leftUpperArm", "rightLowerArm")]
    assert np.allclose(motion.rotations[:, arms], RELAXED[arms])
    _, soles = (
        None,
        kinematics.sole_heights(motion.skeleton, motion.rotations) + motion.root_positions[:, 1:2],
    )
    assert np.abs(soles.min(axis=1)).max() < 1e-6


def test_the_unrefined_bake_is_exact_too() -> None:
    motion = random_poses(np.random.default_rng(11), 30)
    found = solve_take(keypoints_of(motion), SolveOptions(refine=False))
    a, _ = posed(motion, motion.rotations)
    b, _ = posed(motion, found.rotations)
    assert degrees_between(directions(a), directions(b)).max() < 0.1


def test_landmarks_of_the_solved_body_match_the_seen_ones() -> None:
    """On a body of the measured lengths, the ends of arms and legs return to their places.

    The spine leaves a rest: two lines are seen, and it has three bones.
    """
    motion = random_poses(np.random.default_rng(2), 200)
    keypoints = keypoints_of(motion)
    found = solve_take(keypoints, SolveOptions(refine=False))
    points = landmarks_of(
        *kinematics.fk(found.skeleton, np.zeros((len(found), 3)), found.rotations)
    )
    points = points - points[:, [23, 24]].mean(axis=1, keepdims=True)
    distance = np.linalg.norm(points - keypoints.positions, axis=-1)
    legs = [25, 26, 27, 28]
    assert distance[:, legs].max() < 0.04
    assert np.median(distance[:, [13, 14, 15, 16]]) < 0.08
