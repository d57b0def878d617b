"""Gravity alignment: the camera's tilt, and the detector's lean, from the body.

A detector's 3D landmarks are in camera axes, and lean in addition: on a rendered character,
BlazePose *full* pitches the whole body forward by 8° beyond the camera's tilt. Both are one
rotation. Three things show it. A person who stands or walks is vertical to two or three degrees on
average (`body_axis`). A body that the floor carries is in balance (`mocap.solve.balance`). Cameras
are held nearly level: pitched a little, rolled less. Up directions on a grid are tried, and the
mean of their probability is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.keypoints import LANDMARKS, pair
from mocap.core.small import clip, without_nan
from mocap.solve.balance import carried, outside_support, tipping

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
# Time for which the first frame, or a frame after a long gap, counts; seconds.
_LONGEST_STEP = 0.2

# Up directions that a bake tries: pitches (positive if the camera looks down) and rolls, degrees.
_PITCHES, _ROLLS = (-60.0, 61.0, 4.0), (-32.0, 33.0, 4.0)
# Scales of their probability, Student's t with 3 degrees of freedom, which lets a camera be far
# from level if the body shows it.
_PITCH_SIGMA, _ROLL_SIGMA = np.radians([12.0, 4.0])
# Cauchy's scale of the body's axis (radians) and of the centre of mass outside its support
# (metres), and as how many independent frames a take of each counts, however long it is, because
# what is wrong with them is wrong for seconds.
_UPRIGHT_SIGMA, _BALANCE_SIGMA, _UPRIGHT_COUNT, _BALANCE_COUNT = np.radians(6.0), 0.1, 5.0, 3.0
# Number of frames that a bake looks at, at most twice as many.
_SAMPLES = 40
# Live: seconds between two looks at the body, the time constant (s) with which the up direction
# follows what is found, and the seconds after which the body counts half.
_LOOKS, _EASES, _PRIOR_SECONDS = 0.2, 0.5, 0.5


@dataclass(frozen=True, eq=False, slots=True)
class GravityState:
    """What the frames so far say of the up direction.

    Attributes:
        total: (U,) cost of each up direction that is tried, times seconds.
        seconds: Seconds that `total` covers.
        looked: Time of the last frame in `total`, seconds.
        found: (3,) the most probable up direction, camera axes.
        shown: (3,) the up direction of the last frame.
        time: Time of the last frame, seconds.
    """

    total: Float[ndarray, "ups"]
    seconds: float
    looked: float
    found: Float[ndarray, "3"]
    shown: Float[ndarray, "3"]
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
    positions: Float[ndarray, "frames 33 3"],
    confidence: Float[ndarray, "frames 33"],
    whole: Float[ndarray, "frames"],
    state: GravityState | None,
) -> tuple[Float[ndarray, "frames 4"], GravityState]:
    """Return the rotations to the upright world, live (causal); see `find_gravity`.

    Args:
        times: Seconds.
        positions: Landmarks, metres, camera axes.
        confidence: Confidence of the landmarks, 0 to 1.
        whole: How far the whole body is seen, 0 to 1.
        state: The state after the previous frames; None at the start.

    Returns:
        Rotations from camera axes to the upright world, and the state after the last frame.
    """
    ups, cost, _ = _directions()
    shown = np.empty((len(times), 3))
    if state is None:
        state = GravityState(np.zeros(len(ups)), 0.0, -np.inf, _UP, _UP, float(times[0]))
    for frame, time in enumerate(times.tolist()):
        now = slice(frame, frame + 1)
        total, seconds, looked, found = state.total, state.seconds, state.looked, state.found
        if time - looked >= _LOOKS:
            step = min(time - looked, _LONGEST_STEP)
            total = total + step * _evidence(positions[now], confidence[now], whole[now])[0]
            seconds, looked = seconds + step, time
            found = _probable(cost + total / (seconds + _PRIOR_SECONDS))
        share = 1.0 - np.exp((state.time - time) / _EASES)
        shown[frame] = R.normalize(state.shown + share * (found - state.shown))
        state = GravityState(total, seconds, looked, found, shown[frame], time)
    return R.between(shown, _UP), state


@lru_cache(maxsize=1)
def _directions() -> tuple[ndarray, ndarray, ndarray]:
    """Return the up directions that are tried (U, 3), their costs (U,), and their `tipping`."""
    pitch, roll = np.meshgrid(*(np.radians(np.arange(*r)) for r in (_PITCHES, _ROLLS)))
    cost = sum(
        2.0 * np.log1p(np.square(angle / sigma) / 3.0)
        for angle, sigma in ((pitch, _PITCH_SIGMA), (roll, _ROLL_SIGMA))
    )
    axes = np.sin(roll), np.cos(roll) * np.cos(pitch), np.cos(roll) * np.sin(pitch)
    ups = np.stack(axes, axis=-1).reshape(-1, 3)
    return ups, np.ravel(cost), tipping(ups)


def _evidence(positions: ndarray, confidence: ndarray, whole: ndarray) -> ndarray:
    """Return the cost (F, U) of each up direction in each frame."""
    ups, _, sides = _directions()
    axis, upright = body_axis(positions, confidence)
    off = np.arccos(clip(axis @ ups.T, -1.0, 1.0)) / _UPRIGHT_SIGMA
    outside = outside_support(positions, ups, sides) / _BALANCE_SIGMA
    standing, carries = whole * upright, whole * carried(positions, confidence)
    return np.asarray(
        (_UPRIGHT_COUNT * standing)[:, None] * np.log1p(np.square(off))
        + (_BALANCE_COUNT * carries)[:, None] * np.log1p(np.square(outside))
    )


def _probable(cost: ndarray) -> ndarray:
    """Return the mean up direction (3,) by the costs of all (U,), which are -log probabilities."""
    return R.normalize(np.exp(cost.min() - cost) @ _directions()[0])


def find_gravity(
    positions: Float[ndarray, "frames 33 3"],
    confidence: Float[ndarray, "frames 33"],
    whole: Float[ndarray, "frames"] | None = None,
) -> Float[ndarray, "4"]:
    """Return the rotation from camera axes to the upright world for a whole take.

    Args:
        positions: Landmarks, metres, camera axes; NaN where unknown.
        confidence: Confidence of the landmarks, 0 to 1.
        whole: How far the whole body is seen, 0 to 1; None is 1.
    """
    some = slice(None, None, max(1, len(positions) // _SAMPLES))
    seen = np.ones(len(positions)) if whole is None else whole
    evidence = _evidence(positions[some], confidence[some], seen[some])
    return R.between(_probable(_directions()[1] + evidence.mean(axis=0)), _UP)
