"""Keypoints with errors like a detector's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap.core.keypoints import LANDMARKS, Keypoints

SIZE, FOCAL = (1280, 720), 1100.0


def noisy(
    keypoints: Keypoints,
    rng: np.random.Generator,
    pixels: float = 8.0,
    squash: float = 0.8,
    depth: float = 0.06,
) -> Keypoints:
    """Add a detector's errors: noise that lasts 0.15 s, equal in image and 3D; depth squashed.

    Depth is also noisier.
    """
    keep = np.exp(-np.diff(keypoints.times) / 0.15)

    def lasting(*shape: int) -> np.ndarray:
        out = rng.normal(size=(len(keypoints), *shape))
        for n, k in enumerate(keep, 1):
            out[n] = k * out[n - 1] + np.sqrt(1.0 - k * k) * out[n]
        return out

    image = pixels * lasting(33, 2)
    off = np.concatenate([image * [4.0 / FOCAL, -4.0 / FOCAL], depth * lasting(33, 1)], axis=2)
    positions = keypoints.positions * [1.0, 1.0, squash] + off
    middle = positions[:, [LANDMARKS.index("left_hip"), LANDMARKS.index("right_hip")]].mean(
        axis=1, keepdims=True
    )
    return replace(keypoints, image=keypoints.image + image, positions=positions - middle)
