"""Lenses and triangulation, judged by OpenCV."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mocap.cameras.resampling import common_times, sampled
from mocap.cameras.triangulate import triangulate
from mocap.cameras.views import View
from mocap.core.camera import Camera
from mocap.core.keypoints import Keypoints
from mocap.errors import InputError
from tests.helpers.cameras import around, ring

LENSES = {
    "none": ((), False),
    "four": ((-0.2, 0.1, 0.001, -0.002), False),
    "five": ((-0.2, 0.1, 0.001, -0.002, 0.01), False),
    "rational": ((0.1, 0.05, 0.001, -0.002, 0.01, 0.2, 0.03, 0.004), False),
    "fisheye": ((0.05, -0.02, 0.01, -0.004), True),
}


def _body(rng: np.random.Generator, frames: int = 20) -> np.ndarray:
    return rng.uniform(-0.8, 0.8, (frames, 33, 3)) + [0.0, 1.0, 0.0]


def _with_lens(name: str) -> View:
    lens, fisheye = LENSES[name]
    view = around(40.0)
    return replace(view, distortion=np.array(lens), fisheye=fisheye)


@pytest.mark.parametrize("lens", LENSES)
def test_lens_distortion_agrees_with_opencv(lens: str) -> None:
    view, points = _with_lens(lens), _body(np.random.default_rng(1)).reshape(-1, 1, 3)
    library = cv2.fisheye if view.fisheye else cv2
    turn, coefficients = cv2.Rodrigues(view.rotation)[0], view.distortion
    lens_of = coefficients if len(coefficients) else np.zeros(4)
    place = view.translation.reshape(3, 1)
    expected, _ = library.projectPoints(points, turn, place, view.matrix, lens_of)
    np.testing.assert_allclose(view.project(points[:, 0]), expected[:, 0], atol=1e-9)
    straight = view.in_camera(points[:, 0])
    found = view.normalized(expected[:, 0])
    np.testing.assert_allclose(found, straight[:, :2] / straight[:, 2:], atol=1e-7)


def _fundamental(a: View, b: View) -> np.ndarray:
    turn = b.rotation @ a.rotation.T
    x, y, z = b.translation - turn @ a.translation
    across = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.linalg.inv(b.matrix).T @ across @ turn @ np.linalg.inv(a.matrix)


def test_triangulation_of_two_views_agrees_with_opencv() -> None:
    rng = np.random.default_rng(2)
    views = ring(2).views
    points = _body(rng)
    pixels = np.stack([v.project(points) for v in views])
    pixels += rng.normal(0.0, 0.1, pixels.shape)
    flat = [p.reshape(1, -1, 2) for p in pixels]
    flat = cv2.correctMatches(_fundamental(*views), *flat)  # the nearest pixels that agree
    poses = [v.matrix @ np.c_[v.rotation, v.translation] for v in views]
    judged = cv2.triangulatePoints(*poses, *(p[0].T for p in flat))
    found = triangulate(views, pixels, np.ones(pixels.shape[:3]))
    expected = (judged[:3] / judged[3]).T.reshape(found.points.shape)
    np.testing.assert_allclose(found.points, expected, atol=2e-5)
    assert np.isfinite(found.error).all()
    assert (found.confidence > 0.5).all()


def test_one_wrong_view_of_four_is_left_out_and_named() -> None:
    rng = np.random.default_rng(3)
    views, points = ring(4).views, _body(rng)
    pixels = np.stack([v.project(points) for v in views]) + rng.normal(0.0, 1.0, (4, 20, 33, 2))
    pixels[1, :, 5] += 60.0
    found = triangulate(views, pixels, np.ones(pixels.shape[:3]))
    assert not found.used[1, :, 5].any()
    assert found.used[[0, 2, 3]][:, :, 5].mean() > 0.9
    off = np.linalg.norm(found.points - points, axis=-1)
    assert off[:, 5].mean() < 2.0 * np.delete(off, 5, axis=1).mean()
    # The expected errors are those that come out, and the noise is the noise.
    assert 0.7 < found.noise < 1.4
    assert 0.5 < np.median(off) / (np.sqrt(3.0) * np.median(found.deviation)) < 1.5


def test_points_need_two_views() -> None:
    views = ring(3).views
    points = _body(np.random.default_rng(4))
    pixels = np.stack([v.project(points) for v in views])
    pixels[1:, 3] = np.nan
    weights = np.ones(pixels.shape[:3])
    weights[[0, 2], 7] = 0.0
    found = triangulate(views, pixels, weights)
    assert np.isnan(found.points[[3, 7]]).all()
    assert (found.confidence[[3, 7]] == 0.0).all()
    assert np.isfinite(np.delete(found.points, [3, 7], axis=0)).all()


def test_keypoints_are_interpolated_between_frames_but_not_over_gaps() -> None:
    times = np.array([0.0, 0.04, 0.08, 0.5, 0.54])
    image = np.repeat(times[:, None, None] * [100.0, -50.0], 33, axis=1)
    positions = np.concatenate([image, image[..., :1]], axis=-1)
    take = Keypoints(times, positions, image, np.ones((5, 33)), Camera.assumed((640, 480)))
    at = np.array([-0.01, 0.0, 0.013, 0.08, 0.3, 0.53, 0.6])
    there = sampled(take, at)
    seen = np.isfinite(there.image[:, 0, 0])
    assert seen.tolist() == [False, True, True, True, False, True, False]
    np.testing.assert_allclose(there.image[seen, 4], at[seen, None] * [100.0, -50.0], atol=1e-9)
    assert (there.confidence[~seen] == 0.0).all()
    # The view with more frames in the time that both share gives the clock.
    shared = common_times([take, take], np.array([0.0, 0.3]))
    np.testing.assert_allclose(shared, [0.3, 0.34, 0.38])


def test_an_invalid_calibration_is_refused() -> None:
    view = around(0.0)
    for changed, word in (
        ({"rotation": 2.0 * view.rotation}, "rotation"),
        ({"distortion": np.zeros(3)}, "distortion"),
        ({"matrix": -view.matrix}, "focal"),
        ({"translation": np.full(3, np.nan)}, "finite"),
    ):
        values = {n: getattr(view, n) for n in ("matrix", "distortion", "rotation", "translation")}
        with pytest.raises(InputError, match=word):
            View(view.name, view.size, **(values | changed))
