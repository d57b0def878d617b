"""The curve of the trunk: pelvis and spine share the bend between trunk and thighs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocap.core import rotation as R
from mocap.core.keypoints import LANDMARKS, landmarks_of
from mocap.core.kinematics import fk
from mocap.core.skeleton import BONES, HUMANOID, humanoid_index
from mocap.solve.body import solve_body
from mocap.solve.trunk import LARGEST_FLEXION, curve, spine_flexion

_X = np.array([1.0, 0.0, 0.0])
_LEGS = humanoid_index("leftUpperLeg", "rightUpperLeg")
_ARMS = humanoid_index("leftUpperArm", "rightUpperArm")


def _thighs(bend: float) -> np.ndarray:
    """Return both thighs' directions at a bend of so many degrees, the trunk upright."""
    way = R.apply(R.from_axis_angle(_X, np.radians(-bend)), np.array([0.0, -1.0, 0.0]))
    return np.tile(way, (1, 2, 1))


def _flexion(bend: float, trust: float = 1.0) -> float:
    return float(spine_flexion(R.IDENTITY[None], _thighs(bend), np.full((1, 2), trust))[0])


def test_standing_walking_and_arching_leave_the_spine_straight() -> None:
    assert all(_flexion(bend) == 0.0 for bend in (-60.0, -20.0, 0.0, 14.0))


def test_the_spine_bends_with_the_hips_without_jumps() -> None:
    bends = np.linspace(-179.0, 180.0, 719)
    found = np.array([_flexion(b) for b in bends])
    assert np.degrees(found[np.searchsorted(bends, 90.0)]) == pytest.approx(26.25, abs=0.3)
    assert found.max() <= LARGEST_FLEXION
    assert np.abs(np.diff(found)).max() < np.radians(1.5)
    assert _flexion(90.0, 0.0) == 0.0, "thighs that are not seen say nothing"


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_line_from_hips_to_shoulders_is_kept(seed: int) -> None:
    rng = np.random.default_rng(seed)
    line = R.normalize(rng.normal(size=(1, 4)))
    pelvis, chest = curve(line, line, rng.uniform(0.0, LARGEST_FLEXION, 1))
    third = R.from_rotation_vector(
        R.to_rotation_vector(R.multiply(R.conjugate(pelvis), chest)) / 3.0
    )
    local = np.tile(R.IDENTITY, (1, len(BONES), 1))
    local[:, 0], local[:, humanoid_index("spine", "chest", "upperChest")] = pelvis, third[:, None]
    places = fk(HUMANOID, np.zeros(3), local)[0]
    ahead = places[0, _ARMS].mean(axis=0) - places[0, _LEGS].mean(axis=0)
    up = R.apply(line[0], np.array([0.0, 1.0, 0.0]))
    away = np.degrees(np.arccos(np.clip(ahead @ up / np.linalg.norm(ahead), -1.0, 1.0)))
    assert away < 3.0, "the shoulders are as far from the line as at rest, within a small angle"


def test_limb_directions_are_unchanged_by_the_curve() -> None:
    sitting = np.tile(R.IDENTITY, (1, len(BONES), 1))
    sitting[:, _LEGS] = R.from_axis_angle(_X, np.radians(-95.0))
    points = landmarks_of(*fk(HUMANOID, np.zeros((1, 3)), sitting))
    rotations, _ = solve_body(np.zeros(1), points, np.ones((1, len(LANDMARKS))))
    world = fk(HUMANOID, np.zeros((1, 3)), rotations)[1]
    truth = fk(HUMANOID, np.zeros((1, 3)), sitting)[1]
    limbs = [*_LEGS, *_ARMS]
    ways = np.array([[0.0, -1.0, 0.0]] * 2 + [[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]])
    apart = R.apply(world[0, limbs], ways) - R.apply(truth[0, limbs], ways)
    assert np.abs(apart).max() < 1e-6
    tilt = R.apply(world[0, 0], np.array([0.0, 1.0, 0.0]))
    assert tilt[2] < -0.1, "the pelvis of a sitting person tilts backward"
