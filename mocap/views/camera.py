"""A camera with its place in the world and its lens's distortion."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.camera import Camera
from mocap.errors import InputError

# OpenCV's camera axes (y down, z forward) to mocap's (y up, z backwards).
FROM_OPENCV = np.array([1.0, -1.0, -1.0])
# Rounds of the fixed-point iteration that undoes distortion; as OpenCV's undistortPoints.
_ROUNDS = 8
# Sizes that differ by less than this share are the same: files without a size only let it be
# guessed from the principal point.
_SAME = 0.08


@dataclass(frozen=True, eq=False, slots=True)
class PosedCamera:
    """A camera in the world: X_camera = R X_world + t, camera axes as of `core.camera`.

    Attributes:
        name: For messages and files.
        camera: Its focal length, principal point and size.
        rotation: (4,) world axes to camera axes, unit quaternion.
        translation: (3,) the world's origin in camera axes, metres.
        distortion: (5,) k1, k2, p1, p2, k3 of the Brown–Conrady model, as OpenCV has them.
    """

    name: str
    camera: Camera
    rotation: Float[ndarray, "4"]
    translation: Float[ndarray, "3"]
    distortion: Float[ndarray, "5"]

    @property
    def centre(self) -> Float[ndarray, "3"]:
        """The camera's place in the world, metres."""
        return -R.apply(R.conjugate(self.rotation), self.translation)

    def to_camera(self, points: Float[ndarray, "*batch 3"]) -> Float[ndarray, "*batch 3"]:
        """Return world points in camera axes, metres."""
        return R.apply(self.rotation, points) + self.translation

    def undistorted(self, pixels: Float[ndarray, "*batch 2"]) -> Float[ndarray, "*batch 2"]:
        """Return the pixels that a lens without distortion would show."""
        if not self.distortion.any():
            return pixels
        centre, focal = np.asarray(self.camera.centre), self.camera.focal
        seen = (pixels - centre) / focal
        straight = seen
        for _ in range(_ROUNDS):
            straight = straight + (seen - _distorted(straight, self.distortion))
        return straight * focal + centre

    def project(self, points: Float[ndarray, "*batch 3"]) -> Float[ndarray, "*batch 2"]:
        """Return the pixels of world points, with distortion; NaN behind the camera."""
        pixels = self.camera.project(self.to_camera(points))
        if not self.distortion.any():
            return pixels
        centre, focal = np.asarray(self.camera.centre), self.camera.focal
        return _distorted((pixels - centre) / focal, self.distortion) * focal + centre


def for_size(camera: PosedCamera, size: tuple[int, int]) -> PosedCamera:
    """Return the camera for pictures of another size (width, height), as of a smaller recording.

    Raises:
        InputError: The pictures have another shape than the calibration's.
    """
    lens = camera.camera
    across, down = size[0] / lens.size[0], size[1] / lens.size[1]
    if max(abs(across - 1.0), abs(down - 1.0)) < _SAME:
        return camera
    if abs(across / down - 1.0) > _SAME:
        raise InputError(
            f"The clip of camera {camera.name} is {size[0]} × {size[1]} pixels, but its "
            f"calibration is for {lens.size[0]} × {lens.size[1]}: is it turned, or cut?"
        )
    centre = (lens.centre[0] * across, lens.centre[1] * down)
    return replace(camera, camera=Camera(lens.focal * across, centre, size))


def _distorted(points: ndarray, coefficients: ndarray) -> ndarray:
    """Return points (..., 2) of the plane z = 1 (y down) as a lens with distortion shows them.

    https://docs.opencv.org/4.x/d9/d0c/group__calib3d.html, "Detailed Description".
    """
    k1, k2, p1, p2, k3 = coefficients
    x, y = points[..., 0], points[..., 1]
    r = x * x + y * y
    radial = 1.0 + r * (k1 + r * (k2 + r * k3))
    return np.stack(
        [
            x * radial + 2.0 * p1 * x * y + p2 * (r + 2.0 * x * x),
            y * radial + p1 * (r + 2.0 * y * y) + 2.0 * p2 * x * y,
        ],
        axis=-1,
    )
