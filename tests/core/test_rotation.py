"""Quaternions against SciPy, and their algebra."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from mocap.core import rotation as R

seeds = st.integers(0, 2**32 - 1)
ALMOST = 1e-12


def quaternions(seed: int, n: int = 50) -> np.ndarray:
    """Return random rotations, some at or near 0° and 180°."""
    rng = np.random.default_rng(seed)
    axes = R.normalize(rng.normal(size=(n, 3)))
    angles = rng.uniform(0, np.pi, n)
    angles[:8] = [0.0, 1e-9, 1e-5, 1e-3, np.pi, np.pi - 1e-9, np.pi - 1e-5, np.pi / 2]
    return np.concatenate([axes * np.sin(angles / 2)[:, None], np.cos(angles / 2)[:, None]], axis=1)


def vectors(seed: int, n: int = 50) -> np.ndarray:
    return R.normalize(np.random.default_rng(seed + 1).normal(size=(n, 3)))


@given(seeds)
def test_product_and_application_agree_with_scipy(seed: int) -> None:
    a, b, v = quaternions(seed), quaternions(seed + 1)[::-1], vectors(seed)
    expected = (Rotation.from_quat(a) * Rotation.from_quat(b)).as_quat()
    assert R.distance(R.multiply(a, b), expected).max() < 1e-7
    assert np.abs(np.abs(R.dot(R.multiply(a, b), expected)) - 1).max() < ALMOST
    assert np.abs(R.apply(a, v) - Rotation.from_quat(a).apply(v)).max() < ALMOST


@given(seeds)
def test_the_product_is_associative_and_the_conjugate_inverts_it(seed: int) -> None:
    a, b, c = quaternions(seed), quaternions(seed + 1), quaternions(seed + 2)
    assert np.abs(R.multiply(R.multiply(a, b), c) - R.multiply(a, R.multiply(b, c))).max() < ALMOST
    assert np.abs(R.multiply(a, R.conjugate(a)) - R.IDENTITY).max() < ALMOST


@given(seeds)
def test_matrices_and_rotation_vectors_agree_with_scipy_and_round_trip(seed: int) -> None:
    q = quaternions(seed)
    assert np.abs(R.to_matrix(q) - Rotation.from_quat(q).as_matrix()).max() < ALMOST
    assert R.distance(R.from_matrix(R.to_matrix(q)), q).max() < 1e-7
    assert (
        np.abs(
            np.linalg.norm(R.to_rotation_vector(q), axis=-1) - Rotation.from_quat(q).magnitude()
        ).max()
        < 1e-9
    )
    assert R.distance(R.from_rotation_vector(R.to_rotation_vector(q)), q).max() < 1e-7


@given(seeds)
def test_between_is_the_shortest_rotation_from_a_to_b(seed: int) -> None:
    a, b = vectors(seed), vectors(seed + 1)
    q = R.between(a, b)
    assert np.abs(R.apply(q, a) - b).max() < ALMOST
    assert (
        np.abs(R.angle(q) - np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), R.dot(a, b))).max()
        < 1e-9
    )


@pytest.mark.parametrize("axis", np.concatenate([np.eye(3), -np.eye(3)]))
def test_between_opposite_vectors_is_a_half_turn(axis: np.ndarray) -> None:
    q = R.between(axis, -axis)
    assert np.abs(R.apply(q, axis) + axis).max() < ALMOST
    assert np.isclose(R.angle(q), np.pi)


@given(seeds)
def test_swing_and_twist_compose_to_the_rotation(seed: int) -> None:
    q, axis = quaternions(seed), vectors(seed)
    swing, twist = R.swing_twist(q, axis)
    assert (
        np.abs(R.multiply(swing, twist) - q).max() < ALMOST
        or R.distance(R.multiply(swing, twist), q).max() < 1e-7
    )
    assert np.abs(R.dot(swing[:, :3], axis)).max() < 1e-9
    assert np.linalg.norm(np.cross(twist[:, :3], axis), axis=-1).max() < 1e-9


@given(seeds, st.floats(0, 1))
def test_slerp_moves_at_constant_speed_along_the_shorter_arc(seed: int, t: float) -> None:
    a, b = quaternions(seed), quaternions(seed + 3)
    whole = R.distance(a, b)
    assert np.abs(R.distance(a, R.slerp(a, b, t)) - t * whole).max() < 1e-7
    assert np.abs(R.distance(R.slerp(a, b, t), b) - (1 - t) * whole).max() < 1e-7


@given(seeds)
def test_frame_keeps_its_primary_axis_and_the_half_plane_of_its_secondary(seed: int) -> None:
    x, s = 3.0 * vectors(seed), 0.2 * vectors(seed + 1)
    q = R.from_frame(x, s)
    assert np.abs(R.apply(R.conjugate(q), x) - [3.0, 0, 0]).max() < 1e-9
    inside = R.apply(R.conjugate(q), s)
    assert np.abs(inside[:, 2]).max() < 1e-9
    assert inside[:, 1].min() > -1e-9


def test_frame_of_parallel_vectors_is_still_a_rotation() -> None:
    q = R.from_frame(np.array([[0.0, 0.0, 2.0]]), np.array([[0.0, 0.0, 1.0]]))
    assert np.allclose(R.apply(q, np.array([1.0, 0, 0])), [[0, 0, 1]])
    assert np.isclose(np.linalg.norm(q), 1.0)


@given(seeds)
@settings(max_examples=20)
def test_unrolled_quaternions_never_flip_their_sign(seed: int) -> None:
    q = quaternions(seed) * np.random.default_rng(seed).choice([-1.0, 1.0], 50)[:, None]
    out = R.unroll(q[:, None])[:, 0]
    assert (R.dot(out[1:], out[:-1]) >= 0).all()
    assert R.distance(out, q).max() < 1e-7
    assert R.unroll(q[:1]).shape == (1, 4)


def test_zero_vectors_stay_zero_when_normalised() -> None:
    assert not R.normalize(np.zeros((2, 3))).any()
