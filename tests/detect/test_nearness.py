"""Who is nearer, from the pictures of people of different height before different cameras."""

from __future__ import annotations

import numpy as np
import pytest

from mocap.core.camera import Camera
from mocap.core.keypoints import Keypoints, landmarks_of
from mocap.core.kinematics import fk
from mocap.detect.nearness import Nearness, nearest_first
from tests.helpers.synthetic import smooth_motion, standing

CAMERA = Camera.from_fov((1280, 720), 1.0)


def seen(depth: float, height: float, camera: float, seed: int) -> Nearness:
    """Return what is known of a person of a height (factor) before a camera (metres above floor).

    The detector takes everyone for grown up.
    """
    motion = standing(smooth_motion(np.random.default_rng(seed), 2.0, 15.0))
    points = landmarks_of(*fk(motion.skeleton, motion.root_positions, motion.rotations))
    points = points - [0.0, points[..., 1].min(), 0.0]
    image = CAMERA.project(points * height + [0.0, -camera, -depth])
    nearness, hips = Nearness(), points[:, 23:25].mean(axis=1, keepdims=True)
    for f in range(len(points)):
        frame = Keypoints(
            np.zeros(1), (points - hips)[f : f + 1], image[f : f + 1], np.full((1, 33), 0.9), CAMERA
        )
        nearness.see(frame, 1.0 / 15.0, 1.0)
    return nearness


@pytest.mark.parametrize("camera", [0.6, 1.0, 1.6, 2.4])
@pytest.mark.parametrize("heights", [(1.0, 1.0), (0.92, 1.08)])
def test_the_nearer_person_comes_first(camera: float, heights: tuple[float, float]) -> None:
    near = seen(4.0, heights[0], camera, 1)
    far = seen(5.2, heights[1], camera, 2)
    assert nearest_first([near, far]) == [0, 1]
    assert nearest_first([far, near]) == [1, 0]
    assert nearest_first([]) == []


def test_people_who_are_about_as_near_keep_their_order() -> None:
    a, b = seen(4.0, 1.0, 1.5, 1), seen(4.02, 1.0, 1.5, 1)
    assert nearest_first([a, b]) == [0, 1]
    assert nearest_first([b, a]) == [0, 1]
