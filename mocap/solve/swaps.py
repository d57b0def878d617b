"""Correction of left and right sides that the detector exchanges for a few frames.

The detector may exchange arms, legs, or the whole body (a person then seems to face away). Jumps in
the image reveal it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from mocap.core.keypoints import LANDMARKS, MIRRORED, Keypoints, pair
from mocap.solve.flips import viterbi

_TRUNK = ("shoulder", "hip")
_ARM = ("elbow", "wrist", "pinky", "index", "thumb")
_LEG = ("knee", "ankle", "heel", "foot_index")
_FACE = np.array([i for i, name in enumerate(LANDMARKS) if i <= LANDMARKS.index("mouth_right")])
# Cost of an exchange, trunk lengths per second. An exchange is corrected only if the jumps at its
# beginning and end are longer in sum than this cost. A long exchange is probably real, and for
# limbs that are close together both sides are possible.
_TRUNKS_PER_SECOND = 2.0
_LONGEST = 0.1  # largest duration of a step between frames that is charged, seconds


def unswap(keypoints: Keypoints) -> Keypoints:
    """Correct exchanged sides of trunk, arms and legs.

    The sequence with the lowest cost is chosen (Viterbi). The costs are the distance that the
    limb's points travel in the image, and each exchanged frame. Without exchanges the keypoints
    are returned unchanged.

    Args:
        keypoints: Keypoints of one person.
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
            # The face follows the shoulders, because its own points are too close to each other.
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
    """Return the trunk's length in the image over the take, pixels; NaN if it is never seen."""
    ends = [image[:, pair(n)].mean(axis=1) for n in ("shoulder", "hip")]
    length = np.linalg.norm(ends[0] - ends[1], axis=-1)
    length = length[np.isfinite(length)]
    return float(np.quantile(length, 0.9)) if len(length) else float("nan")


def _swapped(
    times: Float[ndarray, "frames"], points: Float[ndarray, "frames points 2"]
) -> Bool[ndarray, "frames"]:
    """Return in which frames the two halves of the points (in trunk lengths) are exchanged."""
    half = points.shape[1] // 2
    other = np.roll(points, half, axis=1)
    # Distances to the next frame if none or both of the frames are exchanged, and if one is.
    same = _distance(points[:-1], points[1:])
    crossed = _distance(points[:-1], other[1:])
    # The first frame is charged like the second.
    step = np.diff(times)
    price = _TRUNKS_PER_SECOND * np.minimum(np.insert(step, 0, step[0]), _LONGEST)
    cost = np.stack([np.zeros(len(times)), price], axis=1)
    return (
        viterbi(
            cost,
            np.stack(
                [np.stack([same, crossed], axis=1), np.stack([crossed, same], axis=1)], axis=1
            ),
        )
        == 1
    )


def _distance(a: ndarray, b: ndarray) -> ndarray:
    """Return the mean distance of the points that both frames show, in trunk lengths."""
    distance = np.linalg.norm(a - b, axis=-1)
    seen = np.isfinite(distance)
    return np.asarray(np.where(seen, distance, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1))
