"""The outline of a person in a picture, from landmarks: capsules around limbs, and the trunk."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from mocap.core.keypoints import LANDMARKS

_I = {name: i for i, name in enumerate(LANDMARKS)}
_TRUNK = [_I[n] for n in ("left_shoulder", "right_shoulder", "right_hip", "left_hip")]
# Limbs as capsules: their ends, and their radius as a share of the trunk's length (0.5 m of a
# person of 1.75 m): half of the breadths of ANSUR II (Gordon et al., 2014), and clothes.
_LIMBS = (
    ("shoulder", "elbow", 0.11), ("elbow", "wrist", 0.09), ("wrist", "index", 0.1),
    ("hip", "knee", 0.17), ("knee", "ankle", 0.12), ("heel", "foot_index", 0.1),
    ("shoulder", "hip", 0.15), ("ear", "shoulder", 0.12),
)  # fmt: skip
_ACROSS = (("ear", 0.22), ("shoulder", 0.12), ("hip", 0.15))
_CAPSULES: list[tuple[str, str, float]] = [
    *((f"{s}_{a}", f"{s}_{b}", radius) for a, b, radius in _LIMBS for s in ("left", "right")),
    *((f"left_{part}", f"right_{part}", radius) for part, radius in _ACROSS),
]
_STARTS = [_I[start] for start, _, _ in _CAPSULES]
_ENDS = [_I[end] for _, end, _ in _CAPSULES]
_RADII = np.array([radius for _, _, radius in _CAPSULES])


def within_outline(
    points: Float[ndarray, "n 2"], person: Float[ndarray, "33 2"], wider: float = 1.0
) -> Bool[ndarray, "n"]:
    """Return whether points lie within a person's outline.

    Args:
        points: Pixels.
        person: The person's landmarks, pixels.
        wider: Factor on the limbs' breadth.
    """
    trunk = person[_TRUNK]
    long = float(np.linalg.norm(trunk[:2].mean(axis=0) - trunk[2:].mean(axis=0)))
    size = max(long, float(np.linalg.norm(trunk[0] - trunk[1])))
    start, along = person[_STARTS], person[_ENDS] - person[_STARTS]
    away = points[:, None] - start
    share = (away * along).sum(axis=-1) / np.maximum(np.square(along).sum(axis=-1), 1e-9)
    off = away - np.clip(share, 0.0, 1.0)[..., None] * along
    inside = (np.square(off).sum(axis=-1) < np.square(wider * size * _RADII)).any(axis=1)
    return np.asarray(inside | _within(points, trunk))


def _within(points: ndarray, corners: ndarray) -> ndarray:
    """Return whether points lie in a polygon (n, 2), by the parity of the edges to their right."""
    odd = np.zeros(len(points), dtype=bool)
    x, y = points.T
    for (ax, ay), (bx, by) in zip(corners, np.roll(corners, 1, axis=0), strict=True):
        crosses = (ay > y) != (by > y)
        slope = (bx - ax) / (by - ay) if by != ay else 0.0
        odd ^= crosses & (x < ax + (y - ay) * slope)
    return odd
