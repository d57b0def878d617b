"""A moving body before several synthetic cameras."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap.core import rotation as R
from mocap.core.camera import Camera
from mocap.core.keypoints import Keypoints, landmarks_of
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.views.camera import PosedCamera
from tests.helpers.synthetic import smooth_motion, standing


def performance(seconds: float = 4.0, seed: int = 0) -> Motion:
    """A standing body that moves, about the world's origin; the feet are near y = 0."""
    motion = standing(smooth_motion(np.random.default_rng(seed), seconds, 30.0, 3.0))
    path = motion.root_positions + [0.0, 0.95, 4.0]
    return replace(motion, root_positions=path)


def camera_at(yaw: float, distance: float = 4.0, name: str = "") -> PosedCamera:
    """A camera 1.4 m above the floor that looks at the origin, `yaw` degrees from +Z."""
    angle = np.radians(yaw)
    centre = np.array([np.sin(angle) * distance, 1.4, np.cos(angle) * distance])
    turn = R.from_axis_angle(np.array([0.0, 1.0, 0.0]), np.array(-angle))
    lens = Camera.from_fov((1280, 960), 1.0)
    return PosedCamera(name or f"{yaw:g}", lens, turn, -R.apply(turn, centre), np.zeros(5))


def points_of(motion: Motion) -> np.ndarray:
    """The true landmarks (F, 33, 3) in the world, metres."""
    return landmarks_of(*fk(motion.skeleton, motion.root_positions, motion.rotations))


def seen_by(
    motion: Motion, camera: PosedCamera, noise: float = 0.0, seed: int = 0, ahead: float = 0.0
) -> Keypoints:
    """What a detector sees: image points with noise (pixels), and no usable depth.

    ahead: seconds by which the camera's clock is ahead.
    """
    rng = np.random.default_rng(seed)
    points = points_of(motion)
    image = camera.project(points) + rng.normal(0.0, noise, (*points.shape[:2], 2))
    local = camera.to_camera(points)
    local = local - local[:, [23, 24]].mean(axis=1, keepdims=True)
    confidence = np.full(points.shape[:2], 0.95)
    return Keypoints(motion.times + ahead, local, image, confidence, camera.camera)
