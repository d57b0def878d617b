"""Spine and clavicles reach the shoulders that were fitted."""

from __future__ import annotations

import numpy as np

from mocap.core import rotation as R
from mocap.core.kinematics import fk
from mocap.core.skeleton import BONES, HUMANOID, humanoid_index
from mocap.solve.shoulders import LARGEST_SWING, reach_shoulders

ARMS = humanoid_index("leftUpperArm", "rightUpperArm")
LEGS = humanoid_index("leftUpperLeg", "rightUpperLeg")
MOVED = humanoid_index("spine", "chest", "upperChest", "leftShoulder", "rightShoulder")


def _shoulders(rotations: np.ndarray) -> np.ndarray:
    places = fk(HUMANOID, np.zeros(3), rotations)[0]
    return places[:, ARMS] - places[:, LEGS].mean(axis=1, keepdims=True)


def _poses(degrees: float) -> np.ndarray:
    """Random poses whose spine and clavicles are turned by some degrees."""
    rng = np.random.default_rng(5)
    vectors = rng.normal(size=(40, len(BONES), 3)) * np.radians(20.0)
    vectors[:, MOVED] = rng.normal(size=(40, len(MOVED), 3)) * np.radians(degrees)
    return R.from_rotation_vector(vectors)


def test_shoulders_where_they_are_already_change_nothing() -> None:
    poses = _poses(6.0)
    np.testing.assert_allclose(
        R.to_matrix(reach_shoulders(HUMANOID, poses, _shoulders(poses))),
        R.to_matrix(poses),
        atol=1e-6,
    )


def test_shrugs_and_bent_backs_are_reached_and_all_else_keeps_its_rotation() -> None:
    true = _poses(8.0)
    plain = true.copy()
    plain[:, MOVED] = R.IDENTITY  # what the closed form does not see
    solved = reach_shoulders(HUMANOID, plain, _shoulders(true))
    off = np.linalg.norm(_shoulders(solved) - _shoulders(true), axis=-1)
    before = np.linalg.norm(_shoulders(plain) - _shoulders(true), axis=-1)
    assert before.mean() > 0.04
    assert off.mean() < 0.2 * before.mean(), (off.mean(), before.mean())
    kept = [n for n in range(len(BONES)) if n not in MOVED]
    worlds = [fk(HUMANOID, np.zeros(3), r)[1][:, kept] for r in (solved, plain)]
    np.testing.assert_allclose(*(R.to_matrix(w) for w in worlds), atol=1e-9)


def test_a_wild_shoulder_bends_no_clavicle_beyond_its_limit() -> None:
    rest = np.tile(R.IDENTITY, (2, len(BONES), 1))
    goals = _shoulders(rest)
    goals[0, 0] += [-0.15, 0.35, 0.2]
    goals[1] = np.nan
    solved = reach_shoulders(HUMANOID, rest, goals)
    assert R.angle(solved[:, MOVED[3:]]).max() <= LARGEST_SWING + 1e-9
    np.testing.assert_array_equal(solved[1], rest[1])


def test_mirrored_shoulders_give_mirrored_rotations() -> None:
    rest = np.tile(R.IDENTITY, (1, len(BONES), 1))
    goals = _shoulders(rest) + [[[0.01, 0.04, 0.03], [0.02, -0.01, -0.02]]]
    flipped = goals[:, ::-1] * [-1.0, 1.0, 1.0]
    a, b = (reach_shoulders(HUMANOID, rest, g)[0] for g in (goals, flipped))
    across = np.array([1.0, -1.0, -1.0, 1.0])
    np.testing.assert_allclose(a[MOVED[3]], b[MOVED[4]] * across, atol=1e-5)
    np.testing.assert_allclose(a[MOVED[:3]], b[MOVED[:3]] * across, atol=1e-5)
