"""Reduced keys: interpolated values stay within the bounds at every time.

Judged by SciPy's slerp and NumPy's linear interpolation.
"""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation, Slerp

from mocap.core import rotation as R
from mocap.formats.gltf import reduce
from tests.helpers import cost, synthetic

seeds = st.integers(0, 2**32 - 1)
some = settings(max_examples=40, deadline=None)


def uneven_times(rng: np.random.Generator, frames: int) -> np.ndarray:
    return np.cumsum(rng.uniform(0.005, 0.1, frames))


def wandering(rng: np.random.Generator, frames: int, step: float) -> np.ndarray:
    """Return rotations that turn by about `step` radians a frame, mostly at random; any signs."""
    smooth = np.sin(
        np.linspace(0, rng.uniform(0, 20), frames)[:, None] * rng.uniform(0.2, 1.0, 3)
        + rng.uniform(0, 6, 3)
    )
    q = R.from_rotation_vector(smooth + np.cumsum(rng.normal(size=(frames, 3)) * step, axis=0))
    return q * rng.choice([-1.0, 1.0], size=(frames, 1))


def shown(times: np.ndarray, track: np.ndarray, keys: np.ndarray) -> np.ndarray:
    if len(keys) == 1:
        return np.tile(track[keys], (len(times), 1))
    if track.shape[1] == 4:
        return Slerp(times[keys], Rotation.from_quat(track[keys]))(times).as_quat()
    return np.stack([np.interp(times, times[keys], v) for v in track[keys].T], axis=1)


@some
@given(seeds, st.integers(1, 200), st.sampled_from([0.0, 1e-4, 1e-3, 1e-2, 0.5, 3.0]))
def test_rotations_are_within_bounds_at_every_time(seed: int, frames: int, step: float) -> None:
    rng = np.random.default_rng(seed)
    times = uneven_times(rng, frames)
    tracks = np.stack(
        [wandering(rng, frames, step) for _ in range(3)]
        + [np.tile(synthetic.random_rotation(rng), (frames, 1))],
        axis=1,
    )
    for track, keys in zip(tracks.swapaxes(0, 1), reduce.rotations(times, tracks), strict=True):
        wrong = Rotation.from_quat(shown(times, track, keys)).inv() * Rotation.from_quat(track)
        assert np.degrees(wrong.magnitude().max()) <= 0.1 + 1e-6
        assert keys[0] == 0
        assert len(keys) == 1 or keys[-1] == frames - 1
        assert np.all(np.diff(keys) > 0)


@some
@given(seeds, st.integers(1, 200), st.sampled_from([0.0, 1e-5, 1e-3, 1.0]))
def test_positions_are_within_bounds_at_every_time(seed: int, frames: int, step: float) -> None:
    rng = np.random.default_rng(seed)
    times = uneven_times(rng, frames)
    tracks = np.cumsum(rng.normal(size=(frames, 2, 3)) * step, axis=0)
    for track, keys in zip(tracks.swapaxes(0, 1), reduce.vectors(times, tracks), strict=True):
        assert np.linalg.norm(shown(times, track, keys) - track, axis=1).max() <= 1e-3 + 1e-12


def test_still_joints_have_one_key_and_even_turns_have_two() -> None:
    times = np.arange(100) / 30
    still = np.tile(R.from_rotation_vector(np.array([0.3, 0.2, 0.1])), (100, 1))
    even = R.from_axis_angle(np.tile([0.0, 1.0, 0.0], (100, 1)), 0.9 * times)
    kept = reduce.rotations(times, np.stack([still, even], axis=1))
    assert [k.tolist() for k in kept] == [[0], [0, 99]]


def test_a_reversal_keeps_a_key_at_its_turning_point() -> None:
    times = np.arange(61) / 30
    there = R.from_axis_angle(np.tile([0.0, 1.0, 0.0], (61, 1)), np.abs(times - 1.0))
    (kept,) = reduce.rotations(times, there[:, None])
    assert kept.tolist() == [0, 30, 60]


def test_every_key_is_needed() -> None:
    """For smooth motion, leaving out any kept key would break the bound."""
    made = synthetic.smooth_motion(np.random.default_rng(2), 4.0, 60.0)
    for j, keys in enumerate(reduce.rotations(made.times, made.rotations)):
        for k in keys[1:-1]:
            track = made.rotations[:, j]
            wrong = Rotation.from_quat(
                shown(made.times, track, keys[keys != k])
            ).inv() * Rotation.from_quat(track)
            assert np.degrees(wrong.magnitude().max()) > 0.1 - 1e-6


def test_smooth_motion_needs_far_fewer_keys() -> None:
    made = synthetic.smooth_motion(np.random.default_rng(0), 10.0, 60.0)
    moving = [j for j in range(55) if np.ptp(made.rotations[:, j], axis=0).max() > 1e-3]
    kept = reduce.rotations(made.times, made.rotations[:, moving])
    assert sum(map(len, kept)) < 0.25 * len(made) * len(moving)


def test_ten_thousand_frames_are_reduced_within_seconds() -> None:
    made = synthetic.smooth_motion(np.random.default_rng(0), 10_000 / 60.0, 60.0)
    tracks = np.concatenate([made.rotations, made.rotations[:, :5]], axis=1)
    assert cost.seconds(lambda: reduce.rotations(made.times, tracks), 8.0) < 8.0
