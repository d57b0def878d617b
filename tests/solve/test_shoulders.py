"""Spine and clavicles reach the shoulders that were fitted."""

from __future__ import annotations

import numpy as np

from mocap.core import rotation as R
from mocap.core.kinematics import fk
from mocap.core.skeleton import BONES, HUMANOID, humanoid_index
from mocap.solve.shoulders import FADE, LARGEST_SWING, faded, reach_shoulders

ARMS = humanoid_index("leftUpperArm", "rightUpperArm")
LEGS = humanoid_index("leftUpperLeg", "rightUpperLeg")
MOVED = humanoid_index("spine", "chest", "upperChest", "leftShoulder", "rightShoulder")


def _shoulders(rotations: np.ndarray) -> np.ndarray:
    places = fk(HUMANOID, np.zeros(3), rotations)[0]
    return places[:, ARMS] - places[:, LEGS].mean(axis=1, keepdims=True)


def reached(rotations: np.ndarray, shoulders: np.ndarray) -> np.ndarray:
    return reach_shoulders(HUMANOID, rotations, shoulders, np.ones(len(rotations)))


def _poses(degrees: float) -> np.ndarray:
    """Return random poses whose spine and clavicles are turned by some degrees."""
    rng = np.random.default_rng(5)
    vectors = rng.normal(size=(40, len(BONES), 3)) * np.radians(20.0)
    vectors[:, MOVED] = rng.normal(size=(40, len(MOVED), 3)) * np.radians(degrees)
    return R.from_rotation_vector(vectors)


def test_reached_shoulders_change_nothing() -> None:
    poses = _poses(6.0)
    np.testing.assert_allclose(
        R.to_matrix(reached(poses, _shoulders(poses))),
        R.to_matrix(poses),
        atol=1e-6,
    )


def test_shrugs_and_bent_backs_are_reached_without_turning_other_bones() -> None:
    true = _poses(8.0)
    plain = true.copy()
    plain[:, MOVED] = R.IDENTITY  # what the closed form does not see
    solved = reached(plain, _shoulders(true))
    off = np.linalg.norm(_shoulders(solved) - _shoulders(true), axis=-1)
    before = np.linalg.norm(_shoulders(plain) - _shoulders(true), axis=-1)
    assert before.mean() > 0.04
    assert off.mean() < 0.2 * before.mean(), (off.mean(), before.mean())
    kept = [n for n in range(len(BONES)) if n not in MOVED]
    worlds = [fk(HUMANOID, np.zeros(3), r)[1][:, kept] for r in (solved, plain)]
    np.testing.assert_allclose(*(R.to_matrix(w) for w in worlds), atol=1e-9)


def test_outlier_shoulders_keep_clavicles_within_their_limit() -> None:
    rest = np.tile(R.IDENTITY, (2, len(BONES), 1))
    goals = _shoulders(rest)
    goals[0, 0] += [-0.15, 0.35, 0.2]
    goals[1] = np.nan
    solved = reached(rest, goals)
    assert R.angle(solved[:, MOVED[3:]]).max() <= LARGEST_SWING + 1e-9
    np.testing.assert_array_equal(solved[1], rest[1])


def test_mirrored_shoulders_give_mirrored_rotations() -> None:
    rest = np.tile(R.IDENTITY, (1, len(BONES), 1))
    goals = _shoulders(rest) + [[[0.01, 0.04, 0.03], [0.02, -0.01, -0.02]]]
    flipped = goals[:, ::-1] * [-1.0, 1.0, 1.0]
    a, b = (reached(rest, g)[0] for g in (goals, flipped))
    across = np.array([1.0, -1.0, -1.0, 1.0])
    np.testing.assert_allclose(a[MOVED[3]], b[MOVED[4]] * across, atol=1e-5)
    np.testing.assert_allclose(a[MOVED[:3]], b[MOVED[:3]] * across, atol=1e-5)


def test_the_correction_fades_where_shoulders_are_lost() -> None:
    times = np.arange(60) / 30.0
    seen = (times < 0.9) | (times > 1.1)
    share = faded(times, seen)
    assert (share[~seen] == 0.0).all()
    assert (share[np.abs(times - 1.0) > 0.1 + FADE + 0.04] == 1.0).all()
    assert np.abs(np.diff(share)).max() < 0.25
    np.testing.assert_array_equal(faded(times, np.ones(60, dtype=bool)), np.ones(60))
    rest = np.tile(R.IDENTITY, (60, len(BONES), 1))
    solved = reach_shoulders(HUMANOID, rest, _shoulders(rest) + [0.0, 0.03, 0.0], share)
    np.testing.assert_array_equal(solved[~seen], rest[~seen])
    worlds = fk(HUMANOID, np.zeros(3), solved)[1][:, ARMS]
    np.testing.assert_allclose(R.to_matrix(worlds), np.tile(np.eye(3), (60, 2, 1, 1)), atol=1e-9)
