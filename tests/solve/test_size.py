"""The performer's height: body and path are scaled to the given one."""

from __future__ import annotations

import numpy as np
import pytest

from mocap.core.kinematics import bone_lengths, fk, sole_points
from mocap.core.skeleton import BONES, HUMANOID
from mocap.solve.size import DETECTOR_SMALL, HUMANOID_HEIGHT, at_height, stature
from tests.helpers.synthetic import smooth_motion


@pytest.mark.parametrize("height", [1.1, 1.62, 1.95])
def test_a_body_has_the_given_height(height: float) -> None:
    motion = smooth_motion(np.random.default_rng(2), 1.0, 30.0)
    assert stature(at_height(motion, height).skeleton) == pytest.approx(height)


def test_all_sizes_scale_with_the_height() -> None:
    motion = smooth_motion(np.random.default_rng(2), 1.0, 30.0)
    tall = at_height(motion, 2.0 * stature(motion.skeleton))
    for points in (
        lambda m: fk(m.skeleton, m.root_positions, m.rotations)[0],
        lambda m: sole_points(m.skeleton, m.root_positions, m.rotations),
    ):
        assert np.abs(points(tall) - 2.0 * points(motion)).max() < 1e-9
    assert np.array_equal(tall.rotations, motion.rotations)
    assert np.array_equal(tall.contacts, motion.contacts)


def test_the_default_scale_is_slightly_above_the_detectors() -> None:
    motion = smooth_motion(np.random.default_rng(2), 1.0, 30.0)
    assert bone_lengths(at_height(motion, None).skeleton) == pytest.approx(
        DETECTOR_SMALL * bone_lengths(motion.skeleton)
    )


def test_the_humanoid_has_an_average_height() -> None:
    assert stature(HUMANOID) == HUMANOID_HEIGHT
    eyes = HUMANOID.rest_positions()[BONES.index("leftEye"), 1]
    assert eyes / HUMANOID_HEIGHT == pytest.approx(0.936, abs=0.01), (
        "Drillis and Contini's proportions"
    )
