"""Gravity alignment: the camera's tilt, and the detector's lean, from upright standing.

A detector's 3D landmarks are in camera axes, and lean in addition: on a rendered character,
BlazePose *full* pitches the whole body forward by 8° beyond the camera's tilt. Both are one
rotation. A person who stands or walks shows it, because the mean line from ankles to shoulders over
a take is vertical to two or three degrees. Frames in which the person bends, sits or lies do not
count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.keypoints import LANDMARKS, pair
from mocap.core.small import clip, steps, without_nan

_SHOULDERS, _HIPS, _KNEES, _ANKLES = pair("shoulder"), pair("hip"), pair("knee"), pair("ankle")
_UP = np.array([0.0, 1.0, 0.0])


def _lines() -> ndarray:
    """Return the matrix (8, 33) from landmarks to the lines that show how a person stands.

    Its rows are ankles to shoulders, hips to shoulders and ankles to hips (middles), the two thighs
    and the two shanks (upwards), and right ankle to left.
    """
    pairs = [(_SHOULDERS, _ANKLES), (_SHOULDERS, _HIPS), (_HIPS, _ANKLES)]
    pairs += [
        ([a[side]], [b[side]]) for a, b in ((_HIPS, _KNEES), (_KNEES, _ANKLES)) for side in (0, 1)
    ]
    pairs += [(_ANKLES[:1], _ANKLES[1:])]
    out = np.zeros((len(pairs), len(LANDMARKS)))
    for row, (to, start) in zip(out, pairs, strict=True):
        row[to] += 1.0 / len(to)
        row[start] -= 1.0 / len(start)
    return out


_LINES = _lines()

# A frame counts as upright if the angles between trunk and legs, between thighs and shanks, between
# body and the camera's up, and of a raised foot are small: fully below the first angle, not at all
# from the second.
_STRAIGHT = np.cos(np.radians([15.0, 35.0]))
_KNEE = np.cos(np.radians([20.0, 45.0]))
_TILT = np.cos(np.radians([30.0, 50.0]))
_RAISED = np.cos(np.radians([10.0, 20.0]))
# Weight of the camera's own up direction: live, in seconds of upright standing; in a bake, as a
# share of the take.
_PRIOR_SECONDS, _PRIOR_SHARE = 0.5, 0.05
# Time for which the first frame, or a frame after a long gap, counts; seconds.
_LONGEST_STEP = 0.1


@dataclass(frozen=True, eq=False, slots=True)
class GravityState:
    """The sum of upright body axes, weighted by seconds (3,), and the last time (s)."""

    axis: Float[ndarray, "3"]
    time: float


def _between(cosine: ndarray, bounds: ndarray) -> ndarray:
    return clip((cosine - bounds[1]) / (bounds[0] - bounds[1]), 0.0, 1.0)


def body_axis(
    positions: Float[ndarray, "frames 33 3"], confidence: Float[ndarray, "frames 33"]
) -> tuple[Float[ndarray, "frames 3"], Float[ndarray, "frames"]]:
    """Return the body's axis, and how far each frame counts as upright standing.

    Args:
        positions: Landmarks, metres, camera axes.
        confidence: Confidence of the landmarks, 0 to 1.

    Returns:
        The unit line from ankles to shoulders, camera axes; and a weight, 0 to 1.
    """
    points = np.where(np.isnan(positions), 0.0, positions)
    lines = _LINES @ points
    directions = R.normalize(lines[:, :7])
    axis, trunk, legs = directions[:, 0], directions[:, 1], directions[:, 2]
    straight = R.dot(trunk, legs)
    knee = R.dot(directions[:, 3:5], directions[:, 5:7]).min(axis=1)
    # The angle under which the feet are apart along the trunk, seen from the hips.
    apart = R.dot(lines[:, 7], trunk) / np.maximum(np.sqrt(R.dot(lines[:, 2], lines[:, 2])), 1e-9)
    raised = 1.0 / np.sqrt(1.0 + np.square(apart))
    weight = (
        _between(straight, _STRAIGHT)
        * _between(knee, _KNEE)
        * _between(axis[:, 1], _TILT)
        * _between(raised, _RAISED)
    )
    seen = without_nan(confidence[:, _SHOULDERS + _HIPS + _KNEES + _ANKLES]).min(axis=1) > 0.5
    return axis, np.where(seen, weight, 0.0)


def follow_gravity(
    times: Float[ndarray, "frames"],
    axis: Float[ndarray, "frames 3"],
    weight: Float[ndarray, "frames"],
    state: GravityState | None,
) -> tuple[Float[ndarray, "frames 4"], GravityState]:
    """Return the rotations to the upright world, live (causal).

    Args:
        times: Seconds.
        axis: The body's axis (`body_axis`).
        weight: How far each frame counts as upright standing.
        state: The state after the previous frames; None at the start.

    Returns:
        Rotations from camera axes to the upright world, and the state after the last frame.
    """
    before = state or GravityState(_PRIOR_SECONDS * _UP, float(times[0]) - _LONGEST_STEP)
    seconds = np.minimum(steps(times, before.time), _LONGEST_STEP)
    total = before.axis + np.cumsum((weight * seconds)[:, None] * axis, axis=0)
    return R.between(R.normalize(total), _UP), GravityState(total[-1], float(times[-1]))


def find_gravity(
    axis: Float[ndarray, "frames 3"], weight: Float[ndarray, "frames"]
) -> Float[ndarray, "4"]:
    """Return the rotation from camera axes to the upright world for a whole take.

    Args:
        axis: The body's axis (`body_axis`).
        weight: How far each frame counts as upright standing.
    """
    total = (weight[:, None] * axis).sum(axis=0) + _PRIOR_SHARE * len(weight) * _UP
    return R.between(R.normalize(total), _UP)
