"""A pinhole camera: metres before the camera to pixels in its image, and back to viewing rays.

Camera axes are the world's of DESIGN.md as a camera at the origin sees it: x right in the image, +Y up, +Z towards the camera, so
that what the camera sees has **negative z**. Pixels: x right, y down, (0, 0) the outer corner of the image's first pixel.
Lens distortion is left out: phone and web cameras correct it themselves to about a pixel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.errors import InputError

DEFAULT_FOV = float(np.radians(55.0))
"""Along the image's longer side: between a phone's main camera (about 65° in video) and one that looks from farther away (45°), and about a
laptop's. Limbs hardly mind on the rendered clips (42° to 64°: 14.9° to 15.1° with anything from 50° to 60°); on a real man before a camera
of 44° they are 0.3° worse for every five degrees too many."""
# Keypoints further than this from their image ray, metres, weigh less (Huber's bound).
_OUTLIER = 0.04
_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Camera:
    """focal: focal length, pixels. centre: the principal point (cx, cy), pixels. size: the image's (width, height), pixels.

    Raises InputError if the focal length or the size is not positive and finite, or the centre is not finite.
    """

    focal: float
    centre: tuple[float, float]
    size: tuple[int, int]

    def __post_init__(self) -> None:
        if not (math.isfinite(self.focal) and self.focal > 0):
            raise InputError(
                f"A camera's focal length must be a positive number of pixels, not {self.focal}."
            )
        if not (self.size[0] > 0 and self.size[1] > 0):
            raise InputError(
                f"A camera's image must have a positive width and height, not {self.size[0]} × {self.size[1]} pixels."
            )
        if not all(math.isfinite(c) for c in self.centre):
            raise InputError(
                f"A camera's principal point must be two finite numbers of pixels, not {self.centre}."
            )

    @classmethod
    def from_fov(cls, size: tuple[int, int], fov: float, along: str = "longer") -> Camera:
        """A camera whose principal point is the image's middle.

        fov: the field of view, radians, in (0, π), measured along the `longer` side of the image (the default: it does not change
        when a phone is turned), its `horizontal` or `vertical` side, or its `diagonal`. Raises InputError for any other value.
        """
        if not 0.0 < fov < math.pi:
            raise InputError(
                f"A field of view must lie between 0 and π radians, but is {fov}; give degrees as math.radians(degrees)."
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
        return cls(
            0.5 * sides[along] / math.tan(0.5 * fov), (0.5 * width, 0.5 * height), (width, height)
        )

    def fov(self) -> float:
        """The field of view along the image's longer side, radians."""
        return 2.0 * math.atan(0.5 * max(self.size) / self.focal)

    def project(self, points: Float[ndarray, "*batch 3"]) -> Float[ndarray, "*batch 2"]:
        """Pixels of points in camera axes, metres. Points beside or behind the camera (z ≥ 0) have no image: NaN."""
        depth = -points[..., 2:]
        normal = points[..., :2] / np.where(depth > 0.0, depth, np.nan)
        return normal * [self.focal, -self.focal] + self.centre

    def rays(self, pixels: Float[ndarray, "*batch 2"]) -> Float[ndarray, "*batch 3"]:
        """Directions from the camera through pixels, in camera axes, scaled so that z = −1: a point `depth` metres before the camera
        on that ray is `rays * depth`, which keeps problems in the translation linear. Not unit vectors."""
        xy = (pixels - np.asarray(self.centre)) * [1.0 / self.focal, -1.0 / self.focal]
        return np.concatenate([xy, np.full_like(xy[..., :1], -1.0)], axis=-1)


def fit_translation(
    positions: Float[ndarray, "frames 33 3"],
    image: Float[ndarray, "frames 33 2"],
    confidence: Float[ndarray, "frames 33"],
    camera: Camera,
) -> Float[ndarray, "frames 3"]:
    """For each frame the translation (metres, camera axes: y up, z < 0 in front) that puts `positions` onto `image`; NaN where unknown.

    A point P + T lies on the ray r = (rx, ry, −1) when Tx + rx·Tz = −Px − rx·Pz, and so in y: linear in T. Weighted by
    confidence squared, and three rounds of Huber weights on the distance from the ray. Needs four keypoints of some confidence.
    """
    rays = camera.rays(image)[..., :2]
    # Columns 1, rx, ry, bx, by, |r|² and r·b of each point: weighted, they add up to the normal equations in one product.
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
        sums = sums / np.maximum(sums[:, :1], 1e-12)
        ray, b = sums[:, 1:3], sums[:, 3:5]
        spread = sums[:, 5] - np.vecdot(ray, ray)
        z = (sums[:, 6] - np.vecdot(ray, b)) / np.where(spread > 1e-9, spread, np.nan)
        xy = b - ray * z[:, None]
        if n < _ROUNDS - 1:
            residual = columns[..., 3:5] - xy[:, None] - columns[..., 1:3] * z[:, None, None]
            weight = trust / np.maximum(1.0, np.sqrt(np.vecdot(residual, residual)) / _OUTLIER)
    enough = known.sum(axis=1) >= 4
    out = np.concatenate([xy, z[:, None]], axis=1)
    return np.where((enough & (z < 0))[:, None], out, np.nan)
