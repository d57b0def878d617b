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
            raise InputError(f"A camera's focal length must be a positive number of pixels, not {self.focal}.")
        if not (self.size[0] > 0 and self.size[1] > 0):
            raise InputError(f"A camera's image must have a positive width and height, not {self.size[0]} × {self.size[1]} pixels.")
        if not all(math.isfinite(c) for c in self.centre):
            raise InputError(f"A camera's principal point must be two finite numbers of pixels, not {self.centre}.")

    @classmethod
    def from_fov(cls, size: tuple[int, int], fov: float, along: str = "longer") -> Camera:
        """A camera whose principal point is the image's middle.

        fov: the field of view, radians, in (0, π), measured along the `longer` side of the image (the default: it does not change
        when a phone is turned), its `horizontal` or `vertical` side, or its `diagonal`. Raises InputError for any other value.
        """
        if not 0.0 < fov < math.pi:
            raise InputError(f"A field of view must lie between 0 and π radians, but is {fov}; give degrees as math.radians(degrees).")
        width, height = size
        sides = {"longer": max(size), "horizontal": width, "vertical": height, "diagonal": math.hypot(width, height)}
        if along not in sides:
            raise InputError(f"A field of view is measured along one of {', '.join(sides)}, not {along!r}.")
        return cls(0.5 * sides[along] / math.tan(0.5 * fov), (0.5 * width, 0.5 * height), (width, height))

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
