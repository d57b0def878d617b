"""Options of live solving: smoothing against lag, held feet, hips that travel or stay."""

from __future__ import annotations

import numpy as np
import pytest

from mocap.core.filter import one_euro
from mocap.core.keypoints import Keypoints
from mocap.core.motion import Motion
from mocap.solve.live import CausalSolver
from mocap.solve.tuning import LIVE_FILTER, Tuning
from tests.helpers.synthetic import keypoints_of, smooth_motion


@pytest.fixture(scope="module")
def walked() -> Keypoints:
    """Return a person who moves about, seen at 30 frames a second."""
    motion = smooth_motion(np.random.default_rng(4), 2.0, 30.0)
    path = motion.root_positions + np.linspace(0.0, 1.0, len(motion))[:, None] * np.array(
        [0.8, 0.0, 0.5]
    )
    return keypoints_of(Motion(motion.skeleton, motion.times, path, motion.rotations))


def solved(keypoints: Keypoints, tuning: Tuning) -> Motion:
    solver = CausalSolver()
    solver.tuning = tuning
    return solver.solve(keypoints)


@pytest.mark.parametrize("smoothing", [0.25, 1.0, 4.0])
def test_the_shown_lag_is_the_filters(smoothing: float) -> None:
    tuning = Tuning(smoothing)
    times = np.arange(0.0, 6.0, 1 / 30)
    ramp = np.zeros((len(times), 1, 3))
    ramp[:, 0, 0] = times  # 1 m/s across the picture
    late = ramp - one_euro(times, ramp, *tuning.cutoffs(LIVE_FILTER))[0]
    assert late[-1, 0, 0] == pytest.approx(tuning.lag, rel=0.01)


def test_more_smoothing_is_smoother(walked: Keypoints) -> None:
    shaken = walked.positions + np.random.default_rng(5).normal(
        scale=0.01, size=walked.positions.shape
    )
    noisy = Keypoints(walked.times, shaken, walked.image, walked.confidence, walked.camera)
    shake = [
        np.abs(np.diff(solved(noisy, Tuning(s)).rotations, 2, axis=0)).mean()
        for s in (0.25, 1.0, 4.0)
    ]
    assert shake[0] > 1.1 * shake[1] > 1.2 * shake[2]


def test_locked_hips_stay_in_place_and_all_else_is_unchanged(walked: Keypoints) -> None:
    free, locked = solved(walked, Tuning(feet="off")), solved(walked, Tuning(hips="locked"))
    assert np.ptp(free.root_positions[:, [0, 2]], axis=0).max() > 0.3
    assert np.array_equal(locked.root_positions[:, [0, 2]], np.zeros((len(locked), 2)))
    assert np.array_equal(locked.root_positions[:, 1], free.root_positions[:, 1])
    assert np.array_equal(locked.rotations, free.rotations)


def test_tuning_may_change_between_frames(walked: Keypoints) -> None:
    solver = CausalSolver()
    for n in range(len(walked)):
        solver.tuning = Tuning(hips="locked" if 10 <= n < 20 else "free")
        motion = solver.solve(walked.slice(n, n + 1))
        assert np.isfinite(motion.rotations).all()
        assert (np.abs(motion.root_positions[0, [0, 2]]).max() == 0.0) == (10 <= n < 20)
