"""Upper body only: a person at a desk, whose hips and legs are not in the picture.

The legs rest and the hips are steady. A detector guesses hips that it does not see, and its guesses
move with the shoulders. Unseen hips are therefore placed half a metre below the low-pass filtered
shoulders, with their low-pass filtered direction. The spine takes the rest of the movement.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from mocap.core.easing import smoothstep
from mocap.core.keypoints import LANDMARKS
from mocap.core.small import middle

STEADY = 0.1
"""Cutoff of the filters for the slow part of the shoulders, Hz."""

_SHOULDERS, _HIPS, _KNEES = (
    [LANDMARKS.index(f"{side}_{n}") for side in ("left", "right")]
    for n in ("shoulder", "hip", "knee")
)
_LEGS = slice(_KNEES[0], len(LANDMARKS))
# Confidence from which on hip and knee are seen, and with them the leg; and share of frames with a
# leg below which a take shows an upper body.
_SEEN, _SHARE = 0.3, 0.1
# Live, the share is taken over the last seconds: below _UPPER it is an upper body, above _WHOLE a
# whole one, with a smooth transition between them.
_SECONDS, _UPPER, _WHOLE = 2.0, 0.2, 0.6
# In a bake, the share is taken over this time around a frame (s), and the transition is between
# these shares: legs that are seen in few frames count.
_WINDOW, _RARE = 3.0, (0.05, 0.2)
# Height of the shoulders above the hips, and their largest horizontal distance, metres.
_TRUNK, _LEAN = 0.5, 0.25


@dataclass(frozen=True, eq=False, slots=True)
class UpperState:
    """Time of the last frame, seconds, and the share of recent frames in which legs were seen."""

    time: float
    share: float


def legs_seen(confidence: Float[ndarray, "frames 33"]) -> Bool[ndarray, "frames"]:
    """Return in which frames a leg is seen, down to its knee."""
    return np.minimum(confidence[:, _HIPS], confidence[:, _KNEES]).max(axis=1) >= _SEEN


def is_upper_body(confidence: Float[ndarray, "frames 33"]) -> bool:
    """Return whether a take shows only the upper body of a person."""
    somebody = confidence.max(axis=1) > 0.0
    return bool(somebody.any()) and float(legs_seen(confidence[somebody]).mean()) < _SHARE


def upper_spans(
    times: Float[ndarray, "frames"], confidence: Float[ndarray, "frames 33"]
) -> Float[ndarray, "frames"]:
    """Return how far the whole body counts as seen, 0 (upper body) to 1; with the take in view.

    By the share of frames within _WINDOW seconds in which a leg is seen. A take that shows only an
    upper body (`is_upper_body`) is 0 throughout. Frames without a person do not count.

    Args:
        times: Seconds.
        confidence: Of the landmarks inside the picture, 0 to 1.
    """
    if is_upper_body(confidence):
        return np.zeros(len(times))
    somebody = confidence.max(axis=1) > 0.0
    seen = np.concatenate([[0.0], np.cumsum(legs_seen(confidence) & somebody)])
    count = np.concatenate([[0.0], np.cumsum(somebody)])
    first = np.searchsorted(times, times - 0.5 * _WINDOW, side="left")
    end = np.searchsorted(times, times + 0.5 * _WINDOW, side="right")
    shown = count[end] - count[first]
    share = (seen[end] - seen[first]) / np.maximum(shown, 1.0)
    return smoothstep(np.where(shown > 0.0, share, 1.0), *_RARE)


def follow_whole_body(
    times: Float[ndarray, "frames"],
    confidence: Float[ndarray, "frames 33"],
    state: UpperState | None,
) -> tuple[Float[ndarray, "frames"], UpperState | None]:
    """Return how far the whole body counts as seen, 0 (upper body) to 1; causal.

    Frames without a person do not change it.

    Args:
        times: Seconds.
        confidence: Of the landmarks, 0 to 1.
        state: The state after the frames before; None until there is a person.

    Returns:
        The shares, and the state after the last frame.
    """
    out = []
    for t, seen, somebody in zip(
        times.tolist(),
        legs_seen(confidence).tolist(),
        (confidence.max(axis=1) > 0.0).tolist(),
        strict=True,
    ):
        if somebody:
            before = state or UpperState(t, float(seen))
            state = UpperState(
                t,
                before.share
                + (seen - before.share) * (1.0 - float(np.exp((before.time - t) / _SECONDS))),
            )
        out.append(1.0 if state is None else state.share)
    return smoothstep(np.array(out), _UPPER, _WHOLE), state


def on_steady_hips(
    positions: Float[ndarray, "frames 33 3"],
    confidence: Float[ndarray, "frames 33"],
    place: Float[ndarray, "frames 3"],
    whole: Float[ndarray, "frames"],
    slow: Callable[[ndarray], ndarray],
) -> tuple[Float[ndarray, "frames 33 3"], Float[ndarray, "frames 33"]]:
    """Return landmarks and confidences with steady hips and unseen legs.

    Args:
        positions: Upright landmarks, metres from the middle of the hips.
        confidence: Confidence of the landmarks, 0 to 1.
        place: Position of the middle of the hips in the upright world, metres; NaN where unknown.
        whole: How far the whole body is seen: at 1 nothing changes, at 0 all of the change applies.
        slow: A low-pass filter on (F, 2, 3).
    """
    if whole.min() >= 1.0:
        return positions, confidence
    chest = middle(positions, _SHOULDERS)
    across = positions[:, _SHOULDERS[0]] - positions[:, _SHOULDERS[1]]
    at = chest + np.where(np.isfinite(place), place, 0.0)
    usual = slow(np.stack([at, across], axis=1))
    lean = (at - usual[:, 0]) * [1.0, 0.0, 1.0]
    size = np.maximum(np.linalg.norm(lean, axis=1, keepdims=True), 1e-9)
    hips = chest - lean * _LEAN * np.tanh(size / _LEAN) / size - [0.0, _TRUNK, 0.0]
    side = 0.5 * usual[:, 1] * [1.0, 0.0, 1.0]
    out, sure = positions.copy(), confidence.copy()
    w = whole[:, None, None]
    steady = np.stack([hips + side, hips - side], axis=1)
    known = np.isfinite(steady).all(axis=(1, 2))
    out[:, _HIPS] = np.where(
        known[:, None, None],
        np.where(w > 0.0, w * positions[:, _HIPS], 0.0) + (1.0 - w) * steady,
        out[:, _HIPS],
    )
    sure[:, _HIPS] = np.where(
        (known & (whole < 1.0))[:, None], np.maximum(sure[:, _HIPS], 1.0), sure[:, _HIPS]
    )
    sure[:, _LEGS] *= whole[:, None]
    return out, sure
