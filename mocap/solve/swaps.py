"""Correction of left and right that the detector exchanges for a few frames.

It exchanges arms, legs, or the whole body of a person who seems to face away. Jumps in the image
show it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from mocap.core.keypoints import LANDMARKS, MIRRORED, Keypoints
from mocap.solve.flips import cheapest

_TRUNK = ("shoulder", "hip")
_ARM = ("elbow", "wrist", "pinky", "index", "thumb")
_LEG = ("knee", "ankle", "heel", "foot_index")
_FACE = np.array([i for i, name in enumerate(LANDMARKS) if i <= LANDMARKS.index("mouth_right")])
# An exchange is believed if the jumps into and out of it are together longer than so many trunk
# lengths for each second that it lasts: what lasts is no slip, and limbs that lie close together
# may as well be either.
_TRUNKS_PER_SECOND = 2.0
_LONGEST = 0.1  # seconds that a step between frames counts as at most


def unswap(keypoints: Keypoints) -> Keypoints:
    """Undo exchanges of left and right of trunk, arms or legs by the detector.

    The cheapest sequence of exchanging or not is taken (Viterbi): the distance that the limb's
    points travel in the image, plus a price for each exchanged frame. Without exchanges nothing
    changes.
    """
    trunk = _trunk(keypoints.image)
    if len(keypoints) < 3 or not np.isfinite(trunk):
        return keypoints
    order = np.tile(np.arange(len(LANDMARKS)), (len(keypoints), 1))
    for part in (_TRUNK, _ARM, _LEG):
        points = np.array(
            [LANDMARKS.index(f"{side}_{n}") for side in ("left", "right") for n in part]
        )
        swapped = _swapped(keypoints.times, keypoints.image[:, points] / trunk)
        if part is _TRUNK:
            # The face goes with the shoulders; its own points are too near each other to tell.
            points = np.concatenate([points, _FACE])
        order[:, points] = np.where(swapped[:, None], MIRRORED[points], points)
    if np.all(order == np.arange(len(LANDMARKS))):
        return keypoints
    frames = np.arange(len(keypoints))[:, None]
    return replace(
        keypoints,
        positions=keypoints.positions[frames, order],
        image=keypoints.image[frames, order],
        confidence=keypoints.confidence[frames, order],
    )


def _trunk(image: ndarray) -> float:
    """The trunk's length in the image, pixels, over the take; NaN if it is never seen."""
    ends = [
        image[:, [LANDMARKS.index(f"{s}_{n}") for s in ("left", "right")]].mean(axis=1)
        for n in ("shoulder", "hip")
    ]
    length = np.linalg.norm(ends[0] - ends[1], axis=-1)
    length = length[np.isfinite(length)]
    return float(np.quantile(length, 0.9)) if len(length) else float("nan")


def _swapped(
    times: Float[ndarray, "frames"], points: Float[ndarray, "frames points 2"]
) -> Bool[ndarray, "frames"]:
    """In which frames the two halves of the points are exchanged; the points in trunk lengths."""
    half = points.shape[1] // 2
    other = np.roll(points, half, axis=1)
    # How far the points move on to the next frame if both are as they are (or both exchanged), and
    # if one is exchanged.
    same = _way(points[:-1], points[1:])
    crossed = _way(points[:-1], other[1:])
    # The first frame is as doubtful as any other.
    step = np.diff(times)
    price = _TRUNKS_PER_SECOND * np.minimum(np.insert(step, 0, step[0]), _LONGEST)
    cost = np.stack([np.zeros(len(times)), price], axis=1)
    return (
        cheapest(
            cost,
            np.stack(
                [np.stack([same, crossed], axis=1), np.stack([crossed, same], axis=1)], axis=1
            ),
        )
        == 1
    )


def _way(a: ndarray, b: ndarray) -> ndarray:
    """Return the mean distance of the points of each frame, in trunk lengths, of those seen."""
    distance = np.linalg.norm(a - b, axis=-1)
    seen = np.isfinite(distance)
    return np.asarray(np.where(seen, distance, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1))
