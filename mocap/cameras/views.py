"""Calibrated cameras: lens, and pose in a common world.

Camera axes are OpenCV's, as in calibration files: x right, y down, z ahead. A point X of the world
is R X + t in camera axes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.errors import InputError

_UNDISTORT_ROUNDS = 20
_FISHEYE_ROUNDS = 12
_FLIP = np.array([1.0, -1.0, -1.0])  # factors between OpenCV's camera axes and mocap's


@dataclass(frozen=True, eq=False, slots=True)
class View:
    """A calibrated camera.

    Attributes:
        name: Name of the camera.
        size: Image (width, height), pixels; (0, 0) if the calibration does not give it.
        matrix: (3, 3) intrinsic matrix, pixels.
        distortion: Lens distortion, in OpenCV's order: k1, k2, p1, p2[, k3[, k4, k5, k6]], or the
            four coefficients of a fisheye lens.
        rotation: (3, 3) rotation from world to camera axes.
        translation: (3,) world's origin in camera axes, in the calibration's unit.
        fisheye: Whether the distortion follows OpenCV's fisheye model.

    Raises:
        InputError: If a value has the wrong shape, is not finite or not possible.
    """

    name: str
    size: tuple[int, int]
    matrix: Float[ndarray, "3 3"]
    distortion: Float[ndarray, "n"]
    rotation: Float[ndarray, "3 3"]
    translation: Float[ndarray, "3"]
    fisheye: bool = False

    def __post_init__(self) -> None:
        shapes = {"matrix": (3, 3), "rotation": (3, 3), "translation": (3,)}
        for name in ("matrix", "distortion", "rotation", "translation"):
            array = np.array(getattr(self, name), dtype=np.float64)
            if name in shapes and array.shape != shapes[name]:
                raise InputError(
                    f"The {name} of camera {self.name!r} must have shape {shapes[name]}, "
                    f"not {array.shape}."
                )
            if not np.isfinite(array).all():
                raise InputError(f"The {name} of camera {self.name!r} must be finite numbers.")
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        if not (self.matrix[0, 0] > 0.0 and self.matrix[1, 1] > 0.0):
            raise InputError(
                f"The focal lengths of camera {self.name!r} must be positive, not "
                f"{self.matrix[0, 0]:g} and {self.matrix[1, 1]:g} pixels."
            )
        off = np.abs(self.rotation @ self.rotation.T - np.eye(3)).max()
        if off > 1e-3 or np.linalg.det(self.rotation) < 0.0:
            raise InputError(
                f"The rotation of camera {self.name!r} is not a rotation matrix: its rows are not "
                "orthonormal, or left-handed."
            )
        if len(self.distortion) not in ((4,) if self.fisheye else (0, 4, 5, 8)):
            raise InputError(
                f"Camera {self.name!r} has {len(self.distortion)} distortion coefficients; "
                "OpenCV's models have 4, 5 or 8, and its fisheye model has 4."
            )

    @property
    def centre(self) -> Float[ndarray, "3"]:
        """The camera's position in the world."""
        return -self.rotation.T @ self.translation

    @property
    def up(self) -> Float[ndarray, "3"]:
        """The image's upward direction in the world, unit."""
        return -self.rotation[1]

    def in_camera(self, points: Float[ndarray, "*batch 3"]) -> Float[ndarray, "*batch 3"]:
        """Return points of the world in camera axes."""
        return points @ self.rotation.T + self.translation

    def project(self, points: Float[ndarray, "*batch 3"]) -> Float[ndarray, "*batch 2"]:
        """Return the pixels of points in the world, with distortion; NaN behind the camera."""
        seen = self.in_camera(points)
        depth = seen[..., 2:]
        xy = self.distorted(seen[..., :2] / np.where(depth > 0.0, depth, np.nan))
        return xy @ self.matrix[:2, :2].T + self.matrix[:2, 2]

    def normalized(self, pixels: Float[ndarray, "*batch 2"]) -> Float[ndarray, "*batch 2"]:
        """Return the slopes x/z, y/z of the pixels' viewing rays, with the distortion removed."""
        y = (pixels[..., 1] - self.matrix[1, 2]) / self.matrix[1, 1]
        x = (pixels[..., 0] - self.matrix[0, 2] - self.matrix[0, 1] * y) / self.matrix[0, 0]
        bent = np.stack([x, y], axis=-1)
        if not self.distortion.any():
            return bent
        if self.fisheye:
            return self._straight_fisheye(bent)
        straight = bent
        for _ in range(_UNDISTORT_ROUNDS):
            straight = straight - (self.distorted(straight) - bent)
        return straight

    def distorted(self, slopes: Float[ndarray, "*batch 2"]) -> Float[ndarray, "*batch 2"]:
        """Return the slopes with the lens distortion applied.

        Formulas: https://docs.opencv.org/4.x/d9/d0c/group__calib3d.html (Brown's model and the
        rational one), https://docs.opencv.org/4.x/db/d58/group__calib3d__fisheye.html.
        """
        if not self.distortion.any():
            return slopes
        x, y = slopes[..., 0], slopes[..., 1]
        if self.fisheye:
            r = np.maximum(np.hypot(x, y), 1e-12)
            return slopes * (_fisheye(np.arctan(r), self.distortion) / r)[..., None]
        k = np.zeros(8)
        k[: len(self.distortion)] = self.distortion
        r2 = x * x + y * y
        radial = (1.0 + r2 * (k[0] + r2 * (k[1] + r2 * k[4]))) / (
            1.0 + r2 * (k[5] + r2 * (k[6] + r2 * k[7]))
        )
        return np.stack(
            [
                x * radial + 2.0 * k[2] * x * y + k[3] * (r2 + 2.0 * x * x),
                y * radial + k[2] * (r2 + 2.0 * y * y) + 2.0 * k[3] * x * y,
            ],
            axis=-1,
        )

    def _straight_fisheye(self, bent: ndarray) -> ndarray:
        r = np.maximum(np.hypot(bent[..., 0], bent[..., 1]), 1e-12)
        angle = r.copy()
        for _ in range(_FISHEYE_ROUNDS):
            slope = (
                _fisheye(angle + 1e-6, self.distortion) - _fisheye(angle, self.distortion)
            ) / 1e-6
            angle = angle - (_fisheye(angle, self.distortion) - r) / np.maximum(slope, 0.1)
        ahead = np.where(angle < 0.5 * np.pi, np.tan(angle), np.nan)
        return np.asarray(bent * (ahead / r)[..., None])


def _fisheye(angle: ndarray, k: ndarray) -> ndarray:
    a2 = angle * angle
    return np.asarray(angle * (1.0 + a2 * (k[0] + a2 * (k[1] + a2 * (k[2] + a2 * k[3])))))


@dataclass(frozen=True, eq=False, slots=True)
class CameraSet:
    """Calibrated cameras in one world.

    Attributes:
        views: The cameras.
        up: (3,) up direction of the world, unit; None if unknown.
        metres: Metres per unit of the calibration; None if unknown.
        offsets: (C,) seconds to add to each camera's times to get a common clock; None if unknown.
        error: Expected reprojection error, pixels; None if unknown.
    """

    views: tuple[View, ...]
    up: Float[ndarray, "3"] | None = None
    metres: float | None = None
    offsets: Float[ndarray, "cameras"] | None = None
    error: float | None = None

    def __post_init__(self) -> None:
        if len(self.views) < 2:
            raise InputError(f"There must be at least two cameras, not {len(self.views)}.")


def transformed(
    cameras: CameraSet, rotation: Float[ndarray, "3 3"], scale: float = 1.0
) -> CameraSet:
    """Return the cameras in a rotated and scaled world: X becomes scale · rotation · X.

    Args:
        cameras: The cameras.
        rotation: Rotation from the old to the new world.
        scale: New units per old unit.
    """
    views = tuple(
        replace(v, rotation=v.rotation @ rotation.T, translation=scale * v.translation)
        for v in cameras.views
    )
    up = None if cameras.up is None else rotation @ cameras.up
    metres = None if cameras.metres is None else cameras.metres / scale
    return CameraSet(views, up, metres, cameras.offsets, cameras.error)


def upright(cameras: CameraSet, up: Float[ndarray, "3"], scale: float) -> CameraSet:
    """Return the cameras in mocap's world: +Y up, metres.

    Args:
        cameras: The cameras.
        up: The up direction in their world.
        scale: Metres per unit of their world.
    """
    turn = R.to_matrix(R.between(up / np.linalg.norm(up), np.array([0.0, 1.0, 0.0])))
    moved = transformed(cameras, turn, scale)
    return CameraSet(moved.views, np.array([0.0, 1.0, 0.0]), 1.0, cameras.offsets, cameras.error)


def to_mocap(points: Float[ndarray, "*batch 3"]) -> Float[ndarray, "*batch 3"]:
    """Convert points between OpenCV's camera axes and mocap's (+Y up, +Z towards the camera)."""
    return points * _FLIP
