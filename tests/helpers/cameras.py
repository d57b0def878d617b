"""Cameras around a performer, and the keypoints that detectors give from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap.cameras.views import CameraSet, View, to_mocap
from mocap.core.camera import Camera
from mocap.core.keypoints import Keypoints, landmarks_of
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from tests.helpers.noise import noisy

SIZE, FOCAL = (1280, 720), 1100.0


def around(
    yaw: float, distance: float = 4.0, lens: tuple[float, ...] = (), name: str | None = None
) -> View:
    """Return a camera 1.3 m above the floor that looks at a performer at the origin; yaw in
    degrees.
    """
    angle = np.radians(yaw)
    centre = np.array([distance * np.sin(angle), 1.3, distance * np.cos(angle)])
    ahead = np.array([0.0, 0.9, 0.0]) - centre
    ahead /= np.linalg.norm(ahead)
    right = np.cross(ahead, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(ahead, right), ahead])
    matrix = np.array([[FOCAL, 0.0, SIZE[0] / 2], [0.0, FOCAL, SIZE[1] / 2], [0.0, 0.0, 1.0]])
    return View(name or f"{yaw:g}°", SIZE, matrix, np.array(lens), rotation, -rotation @ centre)


def ring(count: int, apart: float = 75.0) -> CameraSet:
    """Return cameras around the performer, in mocap's world."""
    return CameraSet(tuple(around(apart * n) for n in range(count)), np.eye(3)[1], 1.0)


def filmed(
    motion: Motion,
    view: View,
    rng: np.random.Generator | None = None,
    pixels: float = 5.0,
) -> Keypoints:
    """Return a detector's keypoints of the motion before a camera; with errors if rng is given."""
    points = landmarks_of(*fk(motion.skeleton, motion.root_positions, motion.rotations))
    seen = to_mocap(view.in_camera(points))
    middle = seen[:, [23, 24]].mean(axis=1, keepdims=True)
    camera = Camera(FOCAL, (SIZE[0] / 2, SIZE[1] / 2), SIZE)
    keypoints = Keypoints(
        motion.times, seen - middle, view.project(points), np.ones(points.shape[:2]), camera
    )
    return keypoints if rng is None else noisy(keypoints, rng, pixels)


def clocked(keypoints: Keypoints, begin: float, fps: float) -> Keypoints:
    """Return keypoints of a camera that starts later at another rate, on its own clock."""
    from mocap.cameras.resampling import sampled

    times = np.arange(begin, keypoints.times[-1], 1.0 / fps)
    return replace(sampled(keypoints, times), times=times - begin)
