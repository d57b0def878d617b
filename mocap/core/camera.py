"""A pinhole camera: metres in camera axes to pixels in the image, and pixels to viewing rays.

Camera axes: x right in the image, +Y up, +Z towards the camera, so points in front of the camera
have **negative z**. Pixels: x right, y down, (0, 0) is the outer corner of the first pixel.
Lens distortion is ignored: phones and webcams correct it to about a pixel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.errors import InputError

DEFAULT_FOV = float(np.radians(55.0))
"""The assumed field of view along the image's longer side, radians.

It lies between a phone's main camera (about 65° in video) and a camera farther away (45°). On the
rendered clips (42° to 64°) the limb error is 14.9° to 15.1° for any assumption from 50° to 60°. On
a real person seen by a camera of 44° it grows by 0.3° for each 5° that the assumption is too
large."""

CameraSource = Literal["told", "metadata", "assumed", "triangulated"]
"""Where a focal length comes from: the user ("told"), the video's metadata, or DEFAULT_FOV.

"triangulated": a virtual camera, whose keypoints have positions that several cameras measured."""

# Threshold of the Huber weights: distance of a keypoint from its viewing ray, metres.
_OUTLIER = 0.04
# Solutions of the weighted least-squares problem; the weights are updated between them.
_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole camera.

    Attributes:
        focal: Focal length, pixels.
        centre: Principal point (cx, cy), pixels.
        size: Image (width, height), pixels.
        source: Where the focal length comes from.

    Raises:
        InputError: If the focal length or the size is not positive and finite, or the centre is not
            finite.
    """

    focal: float
    centre: tuple[float, float]
    size: tuple[int, int]
    source: CameraSource = "told"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.focal) and self.focal > 0):
            raise InputError(
                f"A camera's focal length must be a positive number of pixels, not {self.focal}."
            )
        if not (self.size[0] > 0 and self.size[1] > 0):
            raise InputError(
                "A camera's image must have a positive width and height, "
                f"not {self.size[0]} × {self.size[1]} pixels."
            )
        if not all(math.isfinite(c) for c in self.centre):
            raise InputError(
                "A camera's principal point must be two finite numbers of pixels, "
                f"not {self.centre}."
            )

    @classmethod
    def from_fov(
        cls,
        size: tuple[int, int],
        fov: float,
        along: str = "longer",
        source: CameraSource = "told",
    ) -> Camera:
        """Return the camera of a field of view, with its principal point in the image's middle.

        Args:
            size: Image (width, height), pixels.
            fov: Field of view, radians, in (0, π).
            along: What `fov` is measured along: the `longer` side (it stays the same when a phone
                is turned), the `horizontal` or `vertical` side, or the `diagonal`.
            source: Where the field of view comes from.

        Raises:
            InputError: If `fov`, `along` or `size` has another value.
        """
        if not 0.0 < fov < math.pi:
            raise InputError(
                f"A field of view must lie between 0 and π radians, but is {fov}; "
                "give degrees as math.radians(degrees)."
            )
        width, height = size
        sides = {
            "longer": max(size),
            "horizontal": width,
            "vertical": height,
            "diagonal": math.hypot(width, height),
        }
        if along not in sides:
            raise InputError(
                f"A field of view is measured along one of {', '.join(sides)}, not {along!r}."
            )
        focal = 0.5 * sides[along] / math.tan(0.5 * fov)
        return cls(focal, (0.5 * width, 0.5 * height), (width, height), source)

    @classmethod
    def assumed(cls, size: tuple[int, int]) -> Camera:
        """Return a camera with DEFAULT_FOV for an image of size (width, height), pixels."""
        return cls.from_fov(size, DEFAULT_FOV, source="assumed")

    def mirrored(self) -> Camera:
        """Return the camera of the image reflected in x."""
        return replace(self, centre=(self.size[0] - self.centre[0], self.centre[1]))

    def fov(self) -> float:
        """Return the field of view along the image's longer side, radians."""
        return 2.0 * math.atan(0.5 * max(self.size) / self.focal)

    def project(self, points: Float[ndarray, "*batch 3"]) -> Float[ndarray, "*batch 2"]:
        """Return the pixels of points in camera axes, metres; NaN where z ≥ 0."""
        depth = -points[..., 2:]
        normal = points[..., :2] / np.where(depth > 0.0, depth, np.nan)
        return normal * [self.focal, -self.focal] + self.centre

    def rays(self, pixels: Float[ndarray, "*batch 2"]) -> Float[ndarray, "*batch 3"]:
        """Return directions from the camera through pixels, in camera axes, scaled to z = −1.

        A point `depth` metres in front of the camera is `rays * depth`, so problems in the
        translation stay linear. The directions are not unit vectors.
        """
        out = np.empty((*pixels.shape[:-1], 3))
        out[..., 2] = -1.0
        scale = np.array([1.0 / self.focal, -1.0 / self.focal])
        np.multiply(pixels - np.array(self.centre), scale, out=out[..., :2])
        return out


def fit_translation(
    positions: Float[ndarray, "frames 33 3"],
    image: Float[ndarray, "frames 33 2"],
    confidence: Float[ndarray, "frames 33"],
    camera: Camera,
) -> Float[ndarray, "frames 3"]:
    """Return the translation of each frame with which `positions` project onto `image`.

    A point P + T lies on the ray r = (rx, ry, −1) if Tx + rx·Tz = −Px − rx·Pz, and the same in y.
    These equations are linear in T. The weights are the squared confidence times Huber weights of
    the distance from the ray, updated three times.

    Args:
        positions: Landmarks in camera axes relative to any origin, metres.
        image: The same landmarks, pixels.
        confidence: Confidences in [0, 1].
        camera: The camera of `image`.

    Returns:
        (F, 3) metres in camera axes; NaN where fewer than four landmarks have a confidence above
        0.1.
    """
    rays = camera.rays(image)[..., :2]
    # Columns 1, rx, ry, bx, by, |r|² and r·b of each point. Their weighted sums, one matrix
    # product, are the terms of the normal equations.
    columns = np.empty((*rays.shape[:2], 7))
    columns[..., 0] = 1.0
    columns[..., 1:3] = rays
    columns[..., 3:5] = -positions[..., :2] - rays * positions[..., 2:]
    columns[..., 5] = np.vecdot(rays, rays)
    columns[..., 6] = np.vecdot(rays, columns[..., 3:5])
    known = np.isfinite(columns[..., 6]) & (confidence > 0.1)
    if not known.all():
        columns = np.where(known[..., None], columns, 0.0)
        confidence = np.where(known, confidence, 0.0)
    trust = confidence * confidence
    weight = trust
    for n in range(_ROUNDS):
        sums = (weight[:, None, :] @ columns)[:, 0]
        fitted = np.array([_solved(*row) for row in sums.tolist()]).reshape(-1, 3)
        if n < _ROUNDS - 1:
            xy, z = fitted[:, None, :2], fitted[:, None, 2:]
            residual = columns[..., 3:5] - xy - columns[..., 1:3] * z
            weight = trust / np.maximum(1.0, np.sqrt(np.vecdot(residual, residual)) / _OUTLIER)
    enough = known.sum(axis=1) >= 4
    return np.where((enough & (fitted[:, 2] < 0))[:, None], fitted, np.nan)


def _solved(
    total: float, rx: float, ry: float, bx: float, by: float, rr: float, rb: float
) -> tuple[float, float, float]:
    """Solve the normal equations of one frame, in plain floats, which are faster here.

    Args:
        total: The sum of the weights.
        rx: The weighted sums of `fit_translation`'s columns, of which this is the second.
        ry: The third.
        bx: The fourth.
        by: The fifth.
        rr: The sixth.
        rb: The seventh.

    Returns:
        The translation, metres; NaN where the rays are all one.
    """
    share = 1.0 / max(total, 1e-12)
    rx, ry, bx, by = rx * share, ry * share, bx * share, by * share
    spread = rr * share - rx * rx - ry * ry
    z = (rb * share - rx * bx - ry * by) / (spread if spread > 1e-9 else math.nan)
    return bx - rx * z, by - ry * z, z
