"""Scale keypoints to the image size with which their camera was calibrated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mocap.cameras.views import CameraSet, View
from mocap.core.camera import Camera
from mocap.core.keypoints import Keypoints
from mocap.errors import InputError

_SAME_RATIO = 0.02


def in_calibrated_pixels(takes: Sequence[Keypoints], cameras: CameraSet) -> list[Keypoints]:
    """Return the keypoints in pixels of the calibration's images.

    Args:
        takes: The keypoints of each camera.
        cameras: The calibration.

    Raises:
        InputError: A video has another aspect ratio than its calibration.
    """
    return [_in_size(t, v) for t, v in zip(takes, cameras.views, strict=True)]


def _in_size(keypoints: Keypoints, view: View) -> Keypoints:
    width, height = view.size
    if not width or keypoints.camera.size == view.size:
        return keypoints
    own = keypoints.camera.size
    if abs(own[0] * height / (own[1] * width) - 1.0) > _SAME_RATIO:
        raise InputError(
            f"Camera {view.name!r} was calibrated with {width} × {height} pixels, but its "
            f"video has {own[0]} × {own[1]}: the aspect ratio must be the same."
        )
    factor = width / own[0]
    return replace(
        keypoints,
        image=keypoints.image * factor,
        camera=Camera(
            keypoints.camera.focal * factor,
            (keypoints.camera.centre[0] * factor, keypoints.camera.centre[1] * factor),
            view.size,
            keypoints.camera.source,
        ),
        hands_image=None if keypoints.hands_image is None else keypoints.hands_image * factor,
    )
