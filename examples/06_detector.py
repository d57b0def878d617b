"""Use your own detector: here, a standing body whose right hand follows the brightest spot.

python examples/06_detector.py torch.mp4 torch.bvh
"""

import sys

import numpy as np

import mocap
from mocap.core.camera import Camera
from mocap.core.keypoints import landmarks_of
from mocap.detect.table import DETECTORS

REST = landmarks_of(mocap.HUMANOID.rest_positions(), mocap.HUMANOID.rest_rotations)
POINTS = REST - REST[[23, 24]].mean(axis=0)  # metres from the middle of the hips
RIGHT_WRIST = 16


class Torch:
    """Follows `mocap.detect.protocol.Detector`."""

    def people(self, image, time=0.0):
        width = image.shape[1]
        camera = Camera.from_fov((width, image.shape[0]), 1.0)
        y, x = divmod(int(image.sum(axis=2).argmax()), width)
        points = POINTS.copy()
        points[RIGHT_WRIST, :2] = (camera.rays(np.array([x, y], float)) * 3.0)[:2]
        pixels = camera.project(points - [0.0, 0.0, 3.0])
        sure = np.ones((1, 33))
        return [mocap.Keypoints(np.array([time]), points[None], pixels[None], sure, camera)]

    def next_person(self): ...
    def close(self): ...


DETECTORS["torch"] = lambda options, video: Torch()
motion = mocap.solve_take(mocap.read_keypoints(sys.argv[1], detector="torch"))
mocap.save(sys.argv[2], motion)
