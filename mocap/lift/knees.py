"""Correction of knees that the lifter bends too much in depth.

The network's training data has no straight legs: skeletons fitted to markers keep the knees of
standing people bent. Walking subjects of the training data bend them by 29° (median), where gait
laboratories measure 20° (Perry and Burnfield, Gait Analysis, 2nd ed., ch. 5), and several never
below 25°. A picture from the front hardly shows such a bend, so the network returns that of its
training data: 26° to 32° for people who stand with straight legs, and for bends below 60° 13° to
24° too much on a man whose joints two cameras measured.

Part of the bend is therefore removed, along the viewing ray only, and more of it while a person
stands still: people stand on legs within 5° of straight (Perry and Burnfield), and squat, fight and
dance on bent ones. A bend that the picture shows (from the side) does not change.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.easing import smoothstep
from mocap.core.small import clip, without_nan
from mocap.lift.network import JOINTS, RATE, REACH

EXCESS = np.radians(10.0)
"""Bend that is removed, radians.

On the rendered clips 9° to 12° are equally good (13.29° to 13.30°), on the man 10° and 12° (7.8°).
12° makes knees of people who stand straighter by 1° to 2°, and the demo's mannequin, whose knees
the lifter bends correctly, worse by 0.2° in the bake and by 0.4° live (CARD.md)."""
STILL_EXCESS = np.radians(10.0)
"""Bend that is removed in addition while the person stands still, radians."""
_TYPICAL = np.radians([12.0, 28.0])
"""Bends from which STILL_EXCESS begins to count and fully counts, radians.

Near the latter the network returns the bend of its training data, because it sees no other. If it
returns less, it sees a straighter leg, and its error is smaller."""
_WHOLE, _NONE = np.radians(30.0), np.radians(90.0)
"""Bends up to which all of EXCESS is removed, and from which on nothing is, radians."""
# Speeds of knees and ankles relative to the hips, metres per second, below which a person is still
# and above which not; and angles at which a person stands upright and does not: between trunk and
# legs, of the knees, and cosines of the trunk's angle to the vertical.
_STILL = (0.15, 0.35)
_HIP_BENDS, _KNEE_BENDS = np.radians([20.0, 35.0]), np.radians([32.0, 48.0])
_TRUNK = (0.9, 0.75)
_SHOULDERS, _HIPS, _KNEES, _ANKLES = (
    [JOINTS.index(f"{side}_{n}") for side in ("left", "right")]
    for n in ("shoulder", "hip", "knee", "ankle")
)


def leg_speeds(inputs: Float[ndarray, "n 64"]) -> Float[ndarray, "n"]:
    """Return the speed in the picture of the fastest knee or ankle relative to the hips.

    It is the slope of a straight line fitted to REACH + 1 frames around a frame, or to those at the
    take's end.

    Args:
        inputs: The network's inputs, at RATE.

    Returns:
        Metres per second; NaN where a knee or an ankle is not seen.
    """
    count = min(len(inputs), REACH + 1)
    if count < 2:
        return np.full(len(inputs), np.nan)
    legs = inputs[:, :30].reshape(-1, 15, 2)[:, _KNEES + _ANKLES]
    t = (np.arange(count) - 0.5 * (count - 1)) / RATE
    windows = np.lib.stride_tricks.sliding_window_view(legs, count, axis=0)
    slopes = windows @ (t / (t @ t))
    speeds = np.sqrt(R.dot(slopes, slopes)).max(axis=1)
    middle = np.arange(len(inputs)) - (count - 1) // 2
    return np.asarray(speeds[np.clip(middle, 0, len(speeds) - 1)])


def standing_still(
    joints: Float[ndarray, "frames 15 3"], speeds: Float[ndarray, "frames"]
) -> Float[ndarray, "frames"]:
    """Return how far a person stands upright and still, 0 to 1.

    Args:
        joints: As for `straighter_knees`.
        speeds: As of `leg_speeds`; NaN counts as movement.
    """
    hip, knee, ankle = joints[:, _HIPS], joints[:, _KNEES], joints[:, _ANKLES]
    trunk = R.normalize(joints[:, _SHOULDERS].mean(axis=1) - hip.mean(axis=1))
    legs = R.normalize(hip.mean(axis=1) - ankle.mean(axis=1))
    folded = np.arccos(clip(R.dot(trunk, legs), -1.0, 1.0))
    share = smoothstep(speeds, _STILL[1], _STILL[0]) * smoothstep(folded, *_HIP_BENDS[::-1])
    share = share * smoothstep(_bends(hip, knee, ankle).max(axis=1), *_KNEE_BENDS[::-1])
    return without_nan(share * smoothstep(trunk[:, 1], *_TRUNK[::-1]))


def _bends(hip: ndarray, knee: ndarray, ankle: ndarray) -> ndarray:
    cosine = R.dot(R.normalize(knee - hip), R.normalize(ankle - knee))
    return np.arccos(clip(cosine, -1.0, 1.0))


def straighter_knees(
    joints: Float[ndarray, "frames 15 3"],
    distance: Float[ndarray, "frames"],
    still: Float[ndarray, "frames"],
) -> Float[ndarray, "frames 15 3"]:
    """Return the joints with knees moved along their viewing rays towards the line hip–ankle.

    Args:
        joints: Joints along the hips' ray from the middle of the hips, metres (`network.lifted`).
        distance: Distance from the camera to the middle of the hips, metres.
        still: How far the person stands still, 0 to 1 (`standing_still`).
    """
    hip, knee, ankle = joints[:, _HIPS], joints[:, _KNEES], joints[:, _ANKLES]
    thigh, line = knee - hip, ankle - hip
    bend = _bends(hip, knee, ankle)
    excess = EXCESS + STILL_EXCESS * still[:, None] * smoothstep(bend, *_TYPICAL)
    wanted = np.maximum(bend - excess * smoothstep(bend, _NONE, _WHOLE), 0.0)
    # A knee's distance from the line, of bones that stay as long, goes with the tangent.
    moved = 1.0 - np.tan(0.5 * wanted) / np.maximum(np.tan(0.5 * bend), 1e-9)
    share = clip(R.dot(thigh, line) / np.maximum(R.dot(line, line), 1e-9), 0.0, 1.0)
    away = thigh - share[..., None] * line
    ray = R.normalize(knee - distance[:, None, None] * [0.0, 0.0, 1.0])
    out = joints.copy()
    out[:, _KNEES] -= (moved * R.dot(away, ray))[..., None] * ray
    return out
