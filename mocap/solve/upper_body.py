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
from mocap.core.keypoints import LANDMARKS, Keypoints, pair
from mocap.core.small import middle, without_nan
from mocap.solve.evidence import confidence_inside, inside

STEADY = 0.1
"""Cutoff of the filters for the slow part of the shoulders' position, Hz."""
HEADING = 0.01
"""Cutoff of the live filter for the heading of the hips, Hz: a person who turns to somebody and
back does not turn the chair, and feet move by a centimetre with each 3°."""
# Angle by which the live heading of the shoulders may differ from that of the hips, radians.
_FREE = np.radians(15.0)
# In a bake, the heading is the mean over blocks of this length, interpolated; seconds.
_BLOCK = 30.0

_SHOULDERS, _HIPS, _KNEES, *_FEET = (
    pair(n) for n in ("shoulder", "hip", "knee", "ankle", "heel", "foot_index")
)
_LEGS = slice(_KNEES[0], len(LANDMARKS))
# Confidence from which on a landmark is seen; and share of frames with a leg below which a take
# shows an upper body.
_SEEN, _SHARE = 0.3, 0.1
# Cosine between the trunk and the picture's up below which a person lies, leans on the hands or is
# upside down: 60°. People at a desk lean less.
_LIES = 0.5
# Confidence of a foot's surest landmark, and of both legs', from which on they are seen. Feet of
# people who stand and sit behind a desk have at most 0.02 (BlazePose heavy); in push-ups, where the
# own body hides a foot, 0.2 to 0.8.
_FOOT, _HIDDEN = 0.1, 0.02
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


def legs_seen(keypoints: Keypoints) -> Bool[ndarray, "frames"]:
    """Return in which frames a leg is seen.

    A leg is seen if its hip is and its knee or foot, inside the picture. The body hides the legs of
    a person who lies or does push-ups with the head to the camera. Such a trunk is not upright, and
    the detector is less sure that they are hidden than behind a desk: there legs inside the picture
    count.

    Args:
        keypoints: One person's.
    """
    confidence = confidence_inside(keypoints)
    below = (confidence[:, _KNEES] >= _SEEN) | (confidence[:, _FEET].max(axis=1) >= _FOOT)
    seen = ((confidence[:, _HIPS] >= _SEEN) & below).any(axis=1)
    trunk = middle(keypoints.positions, _SHOULDERS) - middle(keypoints.positions, _HIPS)
    lies = without_nan(trunk[:, 1], 1.0) < _LIES * np.linalg.norm(without_nan(trunk), axis=-1)
    within = inside(keypoints)[:, _HIPS + _KNEES].min(axis=1) > 0.0
    hidden_by_the_body = confidence[:, _LEGS].max(axis=1) >= _HIDDEN
    return np.asarray(seen | (lies & within & hidden_by_the_body))


def is_upper_body(keypoints: Keypoints) -> bool:
    """Return whether a take shows only the upper body of a person."""
    somebody = _somebody(keypoints)
    return bool(somebody.any()) and float(legs_seen(keypoints)[somebody].mean()) < _SHARE


def _somebody(keypoints: Keypoints) -> Bool[ndarray, "frames"]:
    return np.asarray(confidence_inside(keypoints).max(axis=1) > 0.0)


def upper_spans(keypoints: Keypoints) -> Float[ndarray, "frames"]:
    """Return how far the whole body counts as seen, 0 (upper body) to 1; with the take in view.

    By the share of frames within _WINDOW seconds in which a leg is seen. A take that shows only an
    upper body (`is_upper_body`) is 0 throughout. Frames without a person do not count.

    Args:
        keypoints: One person's, as detected.
    """
    times = keypoints.times
    if is_upper_body(keypoints):
        return np.zeros(len(times))
    somebody = _somebody(keypoints)
    seen = np.concatenate([[0.0], np.cumsum(legs_seen(keypoints) & somebody)])
    count = np.concatenate([[0.0], np.cumsum(somebody)])
    first = np.searchsorted(times, times - 0.5 * _WINDOW, side="left")
    end = np.searchsorted(times, times + 0.5 * _WINDOW, side="right")
    shown = count[end] - count[first]
    share = (seen[end] - seen[first]) / np.maximum(shown, 1.0)
    return smoothstep(np.where(shown > 0.0, share, 1.0), *_RARE)


def follow_whole_body(
    keypoints: Keypoints, state: UpperState | None
) -> tuple[Float[ndarray, "frames"], UpperState | None]:
    """Return how far the whole body counts as seen, 0 (upper body) to 1; causal.

    Frames without a person do not change it.

    Args:
        keypoints: Frames of one person.
        state: The state after the frames before; None until there is a person.

    Returns:
        The shares, and the state after the last frame.
    """
    out = []
    for t, seen, somebody in zip(
        keypoints.times.tolist(),
        legs_seen(keypoints).tolist(),
        _somebody(keypoints).tolist(),
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


def steady_heading(
    times: Float[ndarray, "frames"], across: Float[ndarray, "frames 3"]
) -> Float[ndarray, "frames 3"]:
    """Return the direction between the shoulders that the hips share, for a whole take.

    Args:
        times: Seconds.
        across: From the right shoulder to the left, metres; NaN where unknown.
    """
    known = np.isfinite(across).all(axis=1)
    if not known.any():
        return across
    seen, values = times[known], across[known]
    blocks = max(1, round(float(seen[-1] - seen[0]) / _BLOCK))
    parts = [part for part in np.array_split(np.arange(len(seen)), blocks) if len(part)]
    centres = [seen[part].mean() for part in parts]
    means = np.array([values[part].mean(axis=0) for part in parts])
    return np.stack([np.interp(times, centres, column) for column in means.T], axis=1)


def held_heading(
    across: Float[ndarray, "frames 3"], held: float | None
) -> tuple[Float[ndarray, "frames 3"], float | None]:
    """Return the direction between the shoulders that the hips share, live (causal).

    The hips keep their heading while the shoulders' slow part is within _FREE of it, so that feet
    below them rest; beyond, they follow.

    Args:
        across: The slow part of the vector from the right shoulder to the left, metres; NaN where
            unknown.
        held: The heading after the previous frames, radians about up; None at the start.

    Returns:
        Horizontal vectors of the same lengths; and the heading after the last frame.
    """
    out = across.copy()
    size = np.hypot(across[:, 0], across[:, 2])
    for n, heading in enumerate(np.arctan2(across[:, 2], across[:, 0]).tolist()):
        if np.isfinite(heading):
            held = heading if held is None else held
            off = float(np.mod(heading - held + np.pi, 2.0 * np.pi) - np.pi)
            held += off - min(max(off, -_FREE), _FREE)
            out[n] = size[n] * np.array([np.cos(held), 0.0, np.sin(held)])
    return out, held


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
