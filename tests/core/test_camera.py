"""The pinhole camera: it sees what is ahead, upright, and rays and projection are inverse."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocap.core.camera import Camera
from mocap.errors import InputError

SIZES = st.tuples(st.integers(16, 8000), st.integers(16, 8000))
FOVS = st.floats(0.05, 3.0)


@given(SIZES, FOVS, st.floats(0.01, 1e3), st.integers(0, 2**32 - 1))
def test_a_point_on_a_pixels_ray_projects_to_that_pixel(size, fov, depth, seed):
    camera = Camera.from_fov(size, fov)
    pixels = np.random.default_rng(seed).uniform(-1.0, 2.0, (4, 5, 2)) * size
    points = camera.rays(pixels) * depth
    assert np.allclose(points[..., 2], -depth)
    np.testing.assert_allclose(camera.project(points), pixels, atol=1e-6 * max(size), rtol=0)


@given(SIZES, FOVS)
def test_the_field_of_view_spans_the_longer_side(size, fov):
    camera = Camera.from_fov(size, fov)
    edge = camera.rays(
        np.array([size[0], size[1] / 2] if size[0] >= size[1] else [size[0] / 2, 0.0])
    )
    assert math.acos(1.0 / float(np.linalg.norm(edge))) == pytest.approx(fov / 2, abs=1e-7)
    assert camera.fov() == pytest.approx(fov)


@pytest.mark.parametrize(
    ("along", "side"),
    [("horizontal", 640), ("vertical", 360), ("diagonal", math.hypot(640, 360)), ("longer", 640)],
)
def test_a_field_of_view_can_be_given_along_any_side(along, side):
    camera = Camera.from_fov((640, 360), math.radians(90), along)
    assert camera.focal == pytest.approx(side / 2)
    assert camera.centre == (320, 180)


def test_image_axes_match_the_world_axes():
    camera = Camera(500.0, (320.0, 240.0), (640, 480))
    middle, right, up = camera.project(
        np.array([[0.0, 0.0, -2.0], [0.2, 0.0, -2.0], [0.0, 0.2, -2.0]])
    )
    assert middle.tolist() == [320, 240]
    assert right.tolist() == [370, 240]
    assert up.tolist() == [320, 190]


def test_points_behind_the_camera_have_no_image():
    camera = Camera(500.0, (320.0, 240.0), (640, 480))
    seen = camera.project(
        np.array([[0.1, 0.1, 2.0], [0.1, 0.1, 0.0], [0.1, 0.1, -2.0], [np.nan, 0.0, -2.0]])
    )
    assert np.isnan(seen).any(-1).tolist() == [True, True, False, True]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Camera(0.0, (1.0, 1.0), (2, 2)),
        lambda: Camera(math.nan, (1.0, 1.0), (2, 2)),
        lambda: Camera(1.0, (math.inf, 1.0), (2, 2)),
        lambda: Camera(1.0, (1.0, 1.0), (0, 2)),
        lambda: Camera.from_fov((640, 480), 60.0),
        lambda: Camera.from_fov((640, 480), 1.0, "sideways"),
    ],
)
def test_impossible_cameras_are_refused(make):
    with pytest.raises(InputError):
        make()
