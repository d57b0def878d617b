"""Several people in one world: distances, sizes and the floor, against a known scene."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap.core import rotation as R
from mocap.core.camera import Camera
from mocap.core.keypoints import Keypoints, landmarks_of
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.core.skeleton import Skeleton
from mocap.solve.scene import find_extrinsics, in_one_world
from tests.helpers.synthetic import smooth_motion, standing

CAMERA = Camera.from_fov((1280, 720), 1.0)
TILT = R.from_axis_angle(np.array([1.0, 0.0, 0.0]), np.array(0.2))
"""World to camera axes: the camera looks down by 0.2 radians."""
EYE = np.array([0.0, 1.6, 0.0])


def seen(motion: Motion) -> Keypoints:
    points = landmarks_of(*fk(motion.skeleton, motion.root_positions, motion.rotations))
    points = R.apply(TILT, points - EYE)
    hips = points[:, [23, 24]].mean(axis=1, keepdims=True)
    return Keypoints(
        motion.times, points - hips, CAMERA.project(points), np.ones(points.shape[:2]), CAMERA
    )


def performer(seed: int, at: tuple[float, float], size: float) -> Motion:
    """Return a motion of a body of a relative size that walks from a place on the floor (x, z)."""
    motion = standing(smooth_motion(np.random.default_rng(seed), 2.0, 15.0))
    s = motion.skeleton
    body = Skeleton(s.names, s.parents, s.offsets * size, s.rest_rotations)
    path = np.linspace((0.0, 0.0, 0.0), (0.4, 0.0, -0.3), len(motion)) + [at[0], 0.0, at[1]]
    rotations = motion.rotations
    points = fk(body, path, rotations)[0]
    path = path - [0.0, 1.0, 0.0] * points[..., 1].min(axis=1)[:, None]
    return replace(motion, skeleton=body, root_positions=path)


def test_the_camera_is_found() -> None:
    motion = performer(0, (0.5, -3.0), 1.0)
    placed = find_extrinsics(motion, seen(motion))
    assert np.degrees(R.distance(placed.rotation, TILT)) < 0.1
    assert placed.translation == pytest.approx(R.apply(TILT, -EYE), abs=0.01)


def test_people_keep_their_places() -> None:
    """One camera places a smaller person farther away; the common floor corrects that."""
    truth = [performer(0, (-0.8, -3.0), 1.0), performer(1, (0.9, -4.5), 0.9)]
    takes = [seen(m) for m in truth]
    solved = []
    for motion, scale in zip(truth, (1.0, 1.0 / 0.9), strict=True):
        # As a solver gives it: of a usual size, and in a world that begins below the performer.
        s = motion.skeleton
        body = Skeleton(s.names, s.parents, s.offsets * scale, s.rest_rotations)
        path = (motion.root_positions - motion.root_positions[0] * [1.0, 0.0, 1.0]) * scale
        solved.append(replace(motion, skeleton=body, root_positions=path))
    found = in_one_world(solved, takes)
    apart = found[1].root_positions - found[0].root_positions
    true = truth[1].root_positions - truth[0].root_positions
    # The scale of the whole scene is known to a few percent only; ratios are what is found.
    ratio = np.linalg.norm(apart, axis=1).mean() / np.linalg.norm(true, axis=1).mean()
    assert ratio == pytest.approx(1.0, abs=0.1)
    assert apart / ratio == pytest.approx(true, abs=0.1)
    sizes = [m.skeleton.offsets[1, 1] / t.skeleton.offsets[1, 1]
             for m, t in zip(found, truth, strict=True)]  # fmt: skip
    assert sizes[1] / sizes[0] == pytest.approx(1.0, abs=0.04)
    for motion in found:
        assert fk(motion.skeleton, motion.root_positions, motion.rotations)[0][
            ..., 1
        ].min() == pytest.approx(0.0, abs=1e-6)
