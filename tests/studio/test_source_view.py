"""The camera of a take in the world of its motion: the avatar falls on the person's picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap.core import rotation as R
from mocap.core.camera import Camera
from mocap.core.keypoints import landmarks_of
from mocap.core.kinematics import fk
from mocap.studio.source_view import source_view
from tests.helpers.synthetic import keypoints_of, smooth_motion

SIZE = (1280, 720)


@pytest.mark.parametrize("seed", range(3))
def test_a_levelled_motion_falls_on_the_picture_it_came_from(seed: int) -> None:
    rng = np.random.default_rng(seed)
    seen = smooth_motion(rng, 4.0, 30.0)
    keypoints = replace(keypoints_of(seen, SIZE), camera=Camera(1100.0, (640.0, 360.0), SIZE))
    tilt = R.from_rotation_vector(rng.uniform(-0.4, 0.4, 3))
    # The floor sets the height of the hips: it is not the seen one.
    height = 0.1 * np.sin(2.0 * np.pi * 0.3 * seen.times)
    root = R.apply(tilt, seen.root_positions) + height[:, None] * [0.0, 1.0, 0.0]
    rotations = seen.rotations.copy()
    rotations[:, 0] = R.multiply(tilt, rotations[:, 0])
    motion = replace(seen, root_positions=root, rotations=rotations)
    view = source_view(keypoints, motion)
    assert view is not None
    points = landmarks_of(*fk(seen.skeleton, root, rotations))
    assert np.linalg.norm(view.project(points) - keypoints.image, axis=-1).max() < 1.5
    assert R.angle(R.multiply(view.rotations[0], R.conjugate(tilt))) < np.radians(0.2)


def test_a_take_without_a_person_has_no_view() -> None:
    motion = smooth_motion(np.random.default_rng(0), 1.0, 10.0)
    keypoints = keypoints_of(motion, SIZE)
    unseen = replace(
        keypoints,
        positions=np.full_like(keypoints.positions, np.nan),
        image=np.full_like(keypoints.image, np.nan),
        confidence=np.zeros_like(keypoints.confidence),
    )
    assert source_view(unseen, motion) is None
