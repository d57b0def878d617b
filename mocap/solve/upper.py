"""Only the upper body: somebody at a desk, whose hips and legs are never seen, sits (or stands) still, legs at rest; what moves is above.

A detector makes hips up where it sees none, and they wander with the shoulders. So hips that are not seen are put where they may well be:
half a metre below where the shoulders are on the whole, and facing as they do on the whole. What shoulders do beyond that is the spine's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core.easing import smoothstep
from mocap.core.keypoints import LANDMARKS

STEADY = 0.1
"""Hz, of the filters that say where the shoulders are on the whole."""

_SHOULDERS, _HIPS, _KNEES = (
    [LANDMARKS.index(f"{side}_{n}") for side in ("left", "right")]
    for n in ("shoulder", "hip", "knee")
)
_LEGS = slice(_KNEES[0], len(LANDMARKS))
# A leg is seen by its hip and knee. Whoever shows one in less than this part of a take shows his upper body.
_SEEN, _SHARE = 0.3, 0.1
# Live, that is the part of the last seconds or so: below the first it is the upper body, above the second all of it, and between
# something between, so that nothing snaps.
_SECONDS, _UPPER, _WHOLE = 2.0, 0.2, 0.6
# How high shoulders are above the hips, and how far from above them they lean at most, metres.
_TRUNK, _LEAN = 0.5, 0.25


@dataclass(frozen=True, eq=False, slots=True)
class UpperState:
    """When legs were last looked for, s, and in which part of the time before they were seen."""

    time: float
    share: float


def _legs_seen(confidence: Float[ndarray, "frames 33"]) -> ndarray:
    return np.minimum(confidence[:, _HIPS], confidence[:, _KNEES]).max(axis=1) >= _SEEN


def is_upper_body(confidence: Float[ndarray, "frames 33"]) -> bool:
    """Whether a take shows somebody's upper body only."""
    somebody = confidence.max(axis=1) > 0.0
    return bool(somebody.any()) and float(_legs_seen(confidence[somebody]).mean()) < _SHARE


def follow_whole_body(
    times: Float[ndarray, "frames"],
    confidence: Float[ndarray, "frames 33"],
    state: UpperState | None,
) -> tuple[Float[ndarray, "frames"], UpperState | None]:
    """How far the whole body counts as seen, 0 (its upper half) to 1, from each frame and those before; frames without anybody do not
    change it, and the state is None until there is somebody."""
    out = []
    for t, seen, somebody in zip(
        times.tolist(),
        _legs_seen(confidence).tolist(),
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
    """Upright landmarks and their confidence, with hips where the upper body alone puts them and legs unseen, as far as whole is below 1.

    place: where the hips' middle is in the world, upright, metres; NaN where that is not known. slow: a filter, on (F, 2, 3).
    """
    if whole.min() >= 1.0:
        return positions, confidence
    middle = positions[:, _SHOULDERS].mean(axis=1)
    across = positions[:, _SHOULDERS[0]] - positions[:, _SHOULDERS[1]]
    at = middle + np.where(np.isfinite(place), place, 0.0)
    usual = slow(np.stack([at, across], axis=1))
    lean = (at - usual[:, 0]) * [1.0, 0.0, 1.0]
    size = np.maximum(np.linalg.norm(lean, axis=1, keepdims=True), 1e-9)
    hips = middle - lean * _LEAN * np.tanh(size / _LEAN) / size - [0.0, _TRUNK, 0.0]
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
