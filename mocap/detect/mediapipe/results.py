"""MediaPipe's results as Keypoints.

MediaPipe's world landmarks are metres from the middle of the hips with x right in the image, y down
and z away from the camera (the nose, nearer than the ears, has the smaller z); mocap's y and z are
those negated. Image landmarks are fractions of width and height.

A landmark's confidence is visibility × presence. Presence alone detects landmarks outside the
picture (area under the ROC curve 0.95 to 0.996 on clips with cut-off bodies, visibility 0.53 to
0.98); visibility alone detects hidden ones; their product also ranks errors of position best (0.79
at 15 px; visibility 0.79, presence 0.74).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mocap.core.camera import Camera
from mocap.core.keypoints import DETECTOR_AXES, Keypoints
from mocap.detect.people import empty_frame


def keypoints_of(result: Any, person: int, time: float, size: tuple[int, int]) -> Keypoints:
    """Return one person of MediaPipe's result as one frame of keypoints.

    Args:
        result: A PoseLandmarkerResult.
        person: The person's index in it; an index beyond its people gives a frame without a person.
        time: Seconds.
        size: (width, height) of the picture, pixels.
    """
    if person >= len(result.pose_landmarks):
        return empty_frame(time, size)
    found = np.array([(p.x, p.y, p.visibility, p.presence) for p in result.pose_landmarks[person]])
    world = np.array([(p.x, p.y, p.z) for p in result.pose_world_landmarks[person]])
    return Keypoints(
        np.array([time]),
        world[None] * DETECTOR_AXES,
        found[None, :, :2] * size,
        (found[:, 2] * found[:, 3])[None],
        Camera.assumed(size),
    )
