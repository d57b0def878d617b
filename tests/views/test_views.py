"""Several cameras before a body whose motion is known: places, clocks, and what is found out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap.core import rotation as R
from mocap.errors import InputError
from mocap.solve.take import solve_take
from mocap.solve.tuning import SolveOptions
from mocap.views.camera import for_size
from mocap.views.check import align, check
from mocap.views.fuse import at_times, fuse
from mocap.views.relative import clock_offset, find_cameras
from mocap.views.triangulate import triangulate
from tests.helpers.several_views import camera_at, performance, points_of, seen_by

TWO = [camera_at(-35.0), camera_at(40.0)]
FOUR = [*TWO, camera_at(130.0), camera_at(-120.0)]
MOTION = performance()
JOINTS = slice(11, 33)


def millimetres(points: np.ndarray, truth: np.ndarray) -> float:
    return 1000.0 * float(np.linalg.norm(points - truth, axis=-1)[:, JOINTS].mean())


def triangulated(cameras: list, noise: float = 0.0, spoil=lambda images: images):
    views = [seen_by(MOTION, c, noise, n) for n, c in enumerate(cameras)]
    images = spoil(np.array([k.image for k in views]))
    return triangulate(cameras, images, np.array([k.confidence for k in views]))


@pytest.mark.parametrize("cameras", [TWO, FOUR], ids=["two", "four"])
def test_points_without_noise_are_exact(cameras: list) -> None:
    found = triangulated(cameras)
    assert found.points == pytest.approx(points_of(MOTION), abs=1e-5)
    assert found.confidence == pytest.approx(0.95, abs=1e-3)


def test_more_cameras_measure_better() -> None:
    truth = points_of(MOTION)
    two, four = (millimetres(triangulated(c, 5.0).points, truth) for c in (TWO, FOUR))
    assert four < 0.85 * two
    assert two < 25.0


def test_one_wrong_camera_pulls_no_point() -> None:
    def spoil(images: np.ndarray) -> np.ndarray:
        images[2, :, 15] += 200.0  # a wrist taken for another
        return images

    found = triangulated(FOUR, 1.0, spoil)
    off = np.linalg.norm(found.points[:, 15] - points_of(MOTION)[:, 15], axis=-1)
    assert np.percentile(off, 99) < 0.01
    assert np.nanmedian(found.residuals[2, :, 15]) > 150.0


def test_two_cameras_that_disagree_are_not_believed() -> None:
    def spoil(images: np.ndarray) -> np.ndarray:
        images[1, :, 15, 1] += 60.0
        return images

    found = triangulated(TWO, 0.0, spoil)
    assert found.confidence[:, 15].max() < 0.3 < found.confidence[:, 16].min()


def test_clocks_that_differ_by_part_of_a_frame_are_matched() -> None:
    views = [seen_by(MOTION, TWO[0], 2.0), seen_by(MOTION, TWO[1], 2.0, 1, ahead=0.412)]
    assert clock_offset(*views) == pytest.approx(0.412, abs=0.03)
    assert align(views, TWO)[1] == pytest.approx(0.412, abs=0.005)


def test_image_points_are_interpolated_between_frames_and_not_over_gaps() -> None:
    view = seen_by(MOTION, TWO[0])
    half = at_times(view, view.times[:-1] + 1.0 / 60.0)
    assert half.image == pytest.approx(0.5 * (view.image[:-1] + view.image[1:]))
    gap = replace(
        view.slice(0, 1), times=np.array([0.0, 1.0]), image=view.image[:2],
        positions=view.positions[:2], confidence=view.confidence[:2],
    )  # fmt: skip
    assert np.isnan(at_times(gap, np.array([0.5])).image).all()


def test_a_take_before_two_cameras_is_baked_in_its_true_size() -> None:
    views = [seen_by(MOTION, c, 2.0, n) for n, c in enumerate(TWO)]
    keypoints, _ = fuse(views, TWO)
    baked = solve_take(keypoints, SolveOptions(depth="measured"))
    true, shown = (points_of(m) for m in (MOTION, baked))
    for points in (true, shown):
        points -= points[:, [23, 24]].mean(axis=1, keepdims=True)
    u, _, vt = np.linalg.svd(true.reshape(-1, 3).T @ shown.reshape(-1, 3))
    turned = shown @ (u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt).T
    assert millimetres(turned, true) < 20.0


def test_a_swapped_order_and_a_moved_camera_are_found_out() -> None:
    views = [seen_by(MOTION, c, 2.0, n) for n, c in enumerate(TWO)]
    assert check(views, TWO, [0.0, 0.0]) < 0.005
    with pytest.raises(InputError, match=r"in another order.*40, -35"):
        check(views[::-1], TWO, [0.0, 0.0])
    with pytest.raises(InputError, match=r"disagree by .* %"):
        check(views, [TWO[0], camera_at(40.0, 6.0)], [0.0, 0.0])
    half = len(MOTION) // 2
    nudged = R.multiply(
        R.from_axis_angle(np.array([1.0, 0.0, 0.0]), np.array(0.04)), TWO[1].rotation
    )
    moved = seen_by(MOTION, replace(TWO[1], rotation=nudged), 2.0, 1)
    image = np.concatenate([views[1].image[:half], moved.image[half:]])
    with pytest.warns(UserWarning, match="seems to have moved during the take"):
        check([views[0], replace(views[1], image=image)], TWO, [0.0, 0.0])


def test_two_cameras_are_placed_by_the_performer() -> None:
    views = [seen_by(MOTION, TWO[0], 2.0), seen_by(MOTION, TWO[1], 2.0, 1, ahead=0.25)]
    told = [replace(v, camera=replace(v.camera, source="told")) for v in views]
    found = find_cameras(*told, height=1.72)
    assert found.offset == pytest.approx(0.25, abs=0.01)
    apart = R.multiply(TWO[1].rotation, R.conjugate(TWO[0].rotation))
    assert np.degrees(R.distance(found.cameras[1].rotation, apart)) < 2.0
    true = R.normalize(TWO[1].to_camera(TWO[0].centre))
    shift = R.normalize(found.cameras[1].translation)
    assert np.degrees(np.arccos(shift @ true)) < 3.0


def test_what_a_take_cannot_tell_is_refused() -> None:
    still = MOTION.slice(0, 1)
    frozen = replace(
        MOTION,
        root_positions=np.tile(still.root_positions, (len(MOTION), 1)),
        rotations=np.tile(still.rotations, (len(MOTION), 1, 1)),
    )
    views = [seen_by(frozen, c, 2.0, n) for n, c in enumerate(TWO)]
    with pytest.raises(InputError, match="clocks of the two cameras cannot be matched"):
        find_cameras(*views)
    same = [seen_by(MOTION, camera_at(y), 2.0, n) for n, y in enumerate((0.0, 2.0))]
    with pytest.raises(InputError, match=r"nearly the same line|not certain|cannot be found"):
        find_cameras(*same)


def test_a_calibration_serves_smaller_recordings_of_the_same_picture() -> None:
    half = for_size(TWO[0], (640, 480))
    points = points_of(MOTION)[:3]
    assert half.project(points) == pytest.approx(0.5 * TWO[0].project(points))
    with pytest.raises(InputError, match="is it turned, or cut"):
        for_size(TWO[0], (960, 1280))
