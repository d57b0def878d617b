"""Landmark sets: the named points that a body detector returns, and their order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core.keypoints import LANDMARKS


@dataclass(frozen=True, slots=True)
class LandmarkSet:
    """The landmarks of a body detector.

    Attributes:
        name: Name of the set.
        landmarks: Landmark names in the detector's order. A name that also exists in BLAZEPOSE
            means the same point.
    """

    name: str
    landmarks: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.landmarks)

    def to_keypoints(
        self, values: Float[ndarray, "*frames n k"], missing: float = np.nan
    ) -> Float[ndarray, "*frames 33 k"]:
        """Reorder values of this set's landmarks to those of `Keypoints` (BLAZEPOSE).

        Args:
            values: (..., n, k), one row for each landmark of this set.
            missing: Value for landmarks that this set lacks.

        Returns:
            (..., 33, k); landmarks that BLAZEPOSE lacks are dropped.
        """
        out = np.full((*values.shape[:-2], len(LANDMARKS), values.shape[-1]), missing)
        for row, name in enumerate(self.landmarks):
            if name in LANDMARKS:
                out[..., LANDMARKS.index(name), :] = values[..., row, :]
        return out


BLAZEPOSE = LandmarkSet("blazepose", LANDMARKS)
"""The 33 landmarks of `Keypoints`."""

COCO = LandmarkSet(
    "coco",
    (
        "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder",
        "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip",
        "left_knee", "right_knee", "left_ankle", "right_ankle",
    ),
)  # fmt: skip
"""The 17 landmarks of COCO's person keypoints (https://cocodataset.org/#keypoints-2020)."""
