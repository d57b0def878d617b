"""The body's surface: its lowest part lies on the ground."""

from __future__ import annotations

import numpy as np
import pytest

from mocap.core import rotation as R
from mocap.core.skeleton import HUMANOID
from mocap.core.surface import lowest_skin, skin_heights
from mocap.solve.root import stand


def whole_body_turned(axis: tuple[float, float, float], degrees: float) -> np.ndarray:
    rotations = HUMANOID.rest_rotations[None].copy()
    rotations[:, 0] = R.from_axis_angle(np.array(axis), np.radians(degrees))
    return rotations


def test_soles_are_lowest_on_a_standing_body():
    rotations = whole_body_turned((1.0, 0.0, 0.0), 0.0)
    assert HUMANOID.offsets[0, 1] + lowest_skin(HUMANOID, rotations)[0] == pytest.approx(0.0)


@pytest.mark.parametrize("degrees", [-90.0, 90.0, 180.0])
def test_lying_and_upside_down_bodies_lie_on_the_ground(degrees):
    rotations = whole_body_turned((1.0, 0.0, 0.0), degrees)
    root = stand(HUMANOID, rotations, np.zeros((1, 3)))
    skin = root[:, 1:2] + skin_heights(HUMANOID, rotations)
    assert skin.min() > -1e-9
    assert root[0, 1] + lowest_skin(HUMANOID, rotations)[0] == pytest.approx(0.0)
    if abs(degrees) == 90.0:
        assert 0.08 < root[0, 1] < 0.25, "on the back, or on the front and the toes"


def test_the_surface_grows_with_the_body():
    from mocap.core.skeleton import Skeleton

    double = Skeleton(
        HUMANOID.names, HUMANOID.parents, 2.0 * HUMANOID.offsets, HUMANOID.rest_rotations
    )
    rotations = whole_body_turned((1.0, 0.0, 0.0), 70.0)
    np.testing.assert_allclose(
        lowest_skin(double, rotations), 2.0 * lowest_skin(HUMANOID, rotations)
    )
