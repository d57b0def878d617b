"""Hands: random reachable hands are recovered, mirrored and live alike, and eased if lost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocap.core import kinematics
from mocap.core import rotation as R
from mocap.core.keypoints import Keypoints
from mocap.core.motion import concatenate
from mocap.core.skeleton import BONES, HUMANOID
from mocap.solve.hands import BELIEVED, FINGER_BONES, hand_points, solve_hands, within_wrist
from mocap.solve.hold import RELAXED
from mocap.solve.live import CausalSolver
from mocap.solve.take import solve_take
from mocap.solve.tuning import SolveOptions
from tests.helpers.hands import gesturing, random_body_with_hands, random_hands, with_hands
from tests.helpers.synthetic import random_poses, random_rotation

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=15, deadline=None)


def degrees_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), (a * b).sum(axis=-1)))


def directions(points: np.ndarray) -> np.ndarray:
    """Return the fifteen segments' directions (F, 2, 15, 3)."""
    start = np.array([4 * digit + part + 1 for digit in range(5) for part in range(3)])
    return R.normalize(points[:, :, start + 1] - points[:, :, start])


HANDS = [BONES.index("leftHand"), BONES.index("rightHand")]


def posed(skeleton, rotations: np.ndarray) -> np.ndarray:
    return hand_points(*kinematics.fk(skeleton, np.zeros((len(rotations), 3)), rotations))


@given(seeds)
@few
def test_segments_of_a_reachable_hand_keep_their_directions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rotations, _ = random_hands(rng, 100)
    rotations[:, 0] = random_rotation(rng, 100)
    body = random_body_with_hands(rng)
    points = posed(body, rotations)
    _, found = solve_hands(points)
    world = kinematics.global_rotations(HUMANOID, rotations)
    shown = rotations.copy()
    shown[:, FINGER_BONES.ravel()] = found.reshape(100, 30, 4)
    assert degrees_between(directions(points), directions(posed(body, shown))).max() < 1.0
    palms, _ = solve_hands(posed(HUMANOID, rotations))
    assert np.degrees(R.distance(palms, world[:, HANDS])).max() < 1e-4


@given(seeds)
@few
def test_flexion_splay_and_thumb_are_recovered(seed: int) -> None:
    rotations, angles = random_hands(np.random.default_rng(seed), 100)
    _, found = solve_hands(posed(HUMANOID, rotations))
    expected = np.stack([rotations[:, bones] for bones in FINGER_BONES], axis=1)
    error = np.degrees(R.distance(found, expected))
    assert error[:, :, 3:].max() < 1.0
    # A thumb's turn about itself shows only in the bends beyond it.
    bent = np.maximum(angles["thumb's knuckle"], angles["thumb's end"]) > np.radians(20.0)
    assert error[:, :, :3].max(axis=2)[bent].max() < 2.0


@given(seeds)
@few
def test_the_twist_of_a_finger_root_is_seen_from_the_bends_beyond_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rotations, angles = random_hands(rng, 100)
    roots = FINGER_BONES[:, ::3]
    # A finger's bone lies along its joint's offset: left fingers along +x, thumbs along their own.
    along = np.array([[HUMANOID.offsets[bone + 1] for bone in side] for side in roots])
    turn = rng.uniform(-1.0, 1.0, (100, 2, 5)) * np.radians([40.0, 15.0, 15.0, 15.0, 15.0])
    rotations[:, roots] = R.multiply(
        rotations[:, roots], R.from_axis_angle(R.normalize(along), turn)
    )
    points = posed(HUMANOID, rotations)
    _, found = solve_hands(points)
    shown = rotations.copy()
    shown[:, FINGER_BONES] = found
    off = (
        degrees_between(directions(points), directions(posed(HUMANOID, shown)))
        .reshape(100, 2, 5, 3)
        .max(axis=3)
    )
    thumb = np.minimum(angles["thumb's knuckle"], angles["thumb's end"])
    bent = np.concatenate([thumb[..., None], angles["middle joint"]], axis=2) > np.radians(30.0)
    assert off[bent].max() < 2.0


@given(seeds)
@few
def test_a_mirrored_hand_gives_mirrored_rotations_frame_by_frame_too(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = posed(HUMANOID, random_hands(rng, 20)[0]) + rng.normal(size=(20, 2, 21, 3)) * 0.005
    palms, fingers = solve_hands(points)
    other_palms, other_fingers = solve_hands(points[:, ::-1] * [-1.0, 1.0, 1.0])
    mirror = [1.0, -1.0, -1.0, 1.0]
    assert np.abs(other_palms[:, ::-1] * mirror - palms).max() < 1e-12
    assert np.abs(other_fingers[:, ::-1] * mirror - fingers).max() < 1e-12
    alone = [solve_hands(points[n : n + 1]) for n in range(20)]
    assert np.degrees(R.distance(np.concatenate([a[0] for a in alone]), palms)).max() < 1e-6
    assert np.degrees(R.distance(np.concatenate([a[1] for a in alone]), fingers)).max() < 1e-6


@given(seeds)
@few
def test_wrong_hands_stay_within_human_limits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(200, 2, 21, 3))
    _, fingers = solve_hands(points)
    assert np.isfinite(fingers).all()
    ends = [i for i in range(3, 15) if i % 3]
    assert np.degrees(R.angle(fingers[:, :, ends])).max() < 131.0
    roots = [3, 6, 9, 12]
    assert np.degrees(R.angle(fingers[:, :, roots])).max() < 125.0
    assert np.degrees(R.angle(fingers[:, :, 0])).max() < 110.0


@given(seeds)
@few
def test_an_unseen_hand_is_nan_and_the_other_is_unchanged(seed: int) -> None:
    points = posed(HUMANOID, random_hands(np.random.default_rng(seed), 4)[0])
    half = points.copy()
    half[1:3, 0] = np.nan
    for whole, partly in zip(solve_hands(points), solve_hands(half), strict=True):
        assert np.isnan(partly[1:3, 0]).all()
        assert np.array_equal(partly[:, 1], whole[:, 1])
        assert np.array_equal(partly[[0, 3]], whole[[0, 3]])


@given(seeds)
@few
def test_hand_segments_on_a_body_keep_their_world_directions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    motion = random_poses(rng, 60, HUMANOID)
    rotations = motion.rotations.copy()
    rotations[:, FINGER_BONES] = random_hands(rng, 60)[0][:, FINGER_BONES]
    keypoints = with_hands(replace(motion, rotations=rotations))
    assert keypoints.hands is not None
    for found in (
        CausalSolver(options=SolveOptions(refine=False)).solve(keypoints),
        solve_take(keypoints, SolveOptions(refine=False)),
    ):
        assert (
            degrees_between(
                directions(keypoints.hands), directions(posed(HUMANOID, found.rotations))
            ).max()
            < 1.0
        )


def test_a_wrist_stops_at_its_limit() -> None:
    v = np.random.default_rng(0).normal(size=(500, 2, 3)) * [0.0, 1.0, 1.5]
    bent = R.to_rotation_vector(within_wrist(R.from_rotation_vector(v)))
    inside = (np.abs(v[..., 1]) < np.radians(40.0)) & (np.abs(v[..., 2]) < np.radians(85.0))
    assert np.allclose(bent[inside], v[inside], atol=1e-9)
    assert np.degrees(np.abs(bent[..., 1])).max() <= 50.0
    assert np.degrees(np.abs(bent[..., 2])).max() <= 95.0
    rolled = R.from_axis_angle(np.array([1.0, 0.0, 0.0]), np.full((1, 2), 2.5))
    assert np.allclose(within_wrist(rolled), rolled), "the roll is the forearm's"


@pytest.mark.parametrize("pieces", [1, 7])
@pytest.mark.parametrize("filtered", [False, True])
def test_hands_solved_in_chunks_equal_hands_solved_at_once(pieces: int, filtered: bool) -> None:
    motion = gesturing(np.random.default_rng(3), 2.0, 30.0, speed=3.0)
    seen = np.ones((len(motion), 2), dtype=bool)
    seen[:4, 0] = seen[12:40, 0] = seen[30:33, 1] = False
    keypoints = with_hands(motion, seen)
    whole = CausalSolver(options=SolveOptions(refine=filtered)).solve(keypoints)
    solver = CausalSolver(options=SolveOptions(refine=filtered))
    parts = concatenate(
        [solver.solve(keypoints.slice(i, i + pieces)) for i in range(0, len(keypoints), pieces)]
    )
    assert np.abs(parts.rotations - whole.rotations).max() < 1e-6


@pytest.mark.parametrize("filtered", [False, True])
def test_a_lost_hand_is_held_and_eased_to_rest_without_a_jump(filtered: bool) -> None:
    motion = gesturing(np.random.default_rng(5), 6.0, 60.0)
    seen = np.ones((len(motion), 2), dtype=bool)
    seen[60:240, 0] = False
    solved = CausalSolver(options=SolveOptions(refine=filtered)).solve(with_hands(motion)).rotations
    found = (
        CausalSolver(options=SolveOptions(refine=filtered))
        .solve(with_hands(motion, seen))
        .rotations
    )
    left, right = FINGER_BONES
    assert np.degrees(R.distance(found[60:89, left], found[59:60, left])).max() < 1e-4, "held"
    assert np.degrees(R.distance(found[200, left], RELAXED[left])).max() < 1e-4, "relaxed"
    assert np.degrees(R.distance(found[-1, left], solved[-1, left])).max() < 1.0, "back"
    assert np.abs(found[:, right] - solved[:, right]).max() < 1e-9, "what is seen is as it was"
    moved = [*left, HANDS[0]]
    steps = np.degrees(R.distance(found[1:, moved], found[:-1, moved]))
    assert steps.max() < 12.0, "90° in 0.25 s is 6° a frame, 1.5 times at most"


def test_hands_on_the_wrong_side_are_not_trusted() -> None:
    motion = gesturing(np.random.default_rng(1), 1.0, 30.0)
    keypoints = with_hands(motion)
    doubted = replace(keypoints, hands_confidence=np.full((len(motion), 2), BELIEVED - 0.1))
    assert np.allclose(
        CausalSolver().solve(doubted).rotations[:, FINGER_BONES], RELAXED[FINGER_BONES]
    )


def hands_alone(frames: int = 40) -> tuple[Keypoints, np.ndarray]:
    """Return a right hand that moves, without a body."""
    motion = gesturing(np.random.default_rng(2), frames / 30.0, 30.0)
    seen = np.tile([False, True], (len(motion), 1))
    keypoints = with_hands(motion, seen)
    nothing = np.full_like(keypoints.positions, np.nan)
    assert keypoints.hands is not None
    alone = replace(
        keypoints,
        positions=nothing,
        image=np.full_like(keypoints.image, np.nan),
        confidence=0.0 * keypoints.confidence,
    )
    return alone, directions(keypoints.hands)[:, 1]


@pytest.mark.parametrize("filtered", [False, True])
def test_a_hand_alone_moves_on_a_still_body(filtered: bool) -> None:
    keypoints, true = hands_alone()
    live, baked = (
        CausalSolver(options=SolveOptions(refine=filtered)).solve(keypoints),
        solve_take(keypoints, SolveOptions(refine=filtered)),
    )
    for motion in (live, baked):
        assert np.isfinite(motion.rotations).all()
        still = [
            i
            for i, b in enumerate(BONES)
            if not b.startswith("right") or "Leg" in b or "Foot" in b or "Toes" in b
        ]
        assert (
            np.degrees(R.distance(motion.rotations[1:, still], motion.rotations[:-1, still])).max()
            < 0.1
        )
        shown = directions(posed(motion.skeleton, motion.rotations))[:, 1]
        error = degrees_between(true, shown)
        assert (np.median(error) if filtered else error.max()) < (5.0 if filtered else 1.0)
