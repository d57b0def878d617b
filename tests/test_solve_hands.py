"""Hands: what random reachable hands come back as, mirrored and live alike, and what happens where they are not seen."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mocap import kinematics
from mocap import rotation as R
from mocap.skeleton import BONES, HUMANOID
from mocap.solve.hands import FINGER_BONES, hand_points, solve_hands
from tests.hands import random_body_with_hands, random_hands
from tests.synthetic import random_rotation

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=15, deadline=None)


def degrees_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), (a * b).sum(axis=-1)))


def directions(points: np.ndarray) -> np.ndarray:
    """The fifteen segments' directions (F, 2, 15, 3)."""
    start = np.array([4 * digit + part + 1 for digit in range(5) for part in range(3)])
    return R.normalize(points[:, :, start + 1] - points[:, :, start])


def posed(skeleton, rotations: np.ndarray) -> np.ndarray:
    return hand_points(*kinematics.fk(skeleton, np.zeros((len(rotations), 3)), rotations))


@given(seeds)
@few
def test_every_segment_of_a_reachable_hand_points_where_it_did(seed: int) -> None:
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
    hands = [BONES.index("leftHand"), BONES.index("rightHand")]
    assert np.degrees(R.distance(palms, world[:, hands])).max() < 1e-4


@given(seeds)
@few
def test_flexion_splay_and_the_thumb_come_back_as_they_were(seed: int) -> None:
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
def test_a_mirrored_hand_gives_the_mirrored_rotations_and_a_frame_alone_the_same(seed: int) -> None:
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
def test_no_hand_however_wrong_is_bent_beyond_human_limits(seed: int) -> None:
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
def test_a_hand_that_is_not_seen_is_nan_and_the_other_is_as_it_was(seed: int) -> None:
    points = posed(HUMANOID, random_hands(np.random.default_rng(seed), 4)[0])
    half = points.copy()
    half[1:3, 0] = np.nan
    for whole, partly in zip(solve_hands(points), solve_hands(half), strict=True):
        assert np.isnan(partly[1:3, 0]).all()
        assert np.array_equal(partly[:, 1], whole[:, 1])
        assert np.array_equal(partly[[0, 3]], whole[[0, 3]])
