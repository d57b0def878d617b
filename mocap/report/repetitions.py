"""Repetitions of a movement: the times at which an angle swings from low to high and back."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core.angles import Angles
from mocap.core.filter import smooth

# An angle repeats if it crosses these two fractions of its range by turns.
_LOW, _HIGH = 0.35, 0.65
# Degrees: least range of a movement; and the percentiles between which the range is measured.
_LEAST, _PERCENTILES = 20.0, (2.0, 98.0)
# Hz: faster changes are jitter.
_CUTOFF = 3.0
# The angles that are searched for repetitions.
_COUNTED = (
    "knee_flexion",
    "hip_flexion",
    "elbow_flexion",
    "shoulder_elevation",
    "shoulder_flexion",
    "trunk_flexion",
)


class Repetition(NamedTuple):
    """One repetition: seconds of its start, peak and end, and the angle's range, degrees."""

    start: float
    peak: float
    end: float
    range: float


class Movement(NamedTuple):
    """The angle that repeats, and its repetitions."""

    angle: str
    repetitions: tuple[Repetition, ...]


def repetitions(
    times: Float[ndarray, " frames"], angle: Float[ndarray, " frames"]
) -> tuple[Repetition, ...]:
    """Return the repetitions of an angle: from a minimum over a maximum to the next minimum.

    Args:
        times: Seconds.
        angle: Degrees.
    """
    if len(times) < 3:
        return ()
    low, high = np.percentile(angle, _PERCENTILES)
    if high - low < _LEAST:
        return ()
    smoothed = smooth(times, np.asarray(angle)[:, None], _CUTOFF)[:, 0]
    share = (smoothed - low) / (high - low)
    # Runs above the upper threshold, joined where the angle between them stays above the lower.
    state, runs, start = False, [], 0
    for frame, value in enumerate(share):
        if not state and value > _HIGH:
            state, start = True, frame
        elif state and value < _LOW:
            state = False
            runs.append((start, frame))
    peaks = [a + int(np.argmax(smoothed[a:b])) for a, b in runs]
    found = []
    for i, peak in enumerate(peaks):
        before = peaks[i - 1] if i else 0
        after = peaks[i + 1] if i + 1 < len(peaks) else len(times) - 1
        first = before + int(np.argmin(smoothed[before : peak + 1]))
        last = peak + int(np.argmin(smoothed[peak : after + 1]))
        if share[first] > _LOW:
            continue  # the take begins within this repetition
        span = smoothed[peak] - min(smoothed[first], smoothed[last])
        found.append(
            Repetition(float(times[first]), float(times[peak]), float(times[last]), float(span))
        )
    return tuple(found)


def main_movement(times: Float[ndarray, " frames"], angles: Angles) -> Movement | None:
    """Return the repeating angle with the largest range, of either side; None if none repeats."""
    best: Movement | None = None
    largest = 0.0
    for name, values in angles.items():
        if name.removesuffix("_r").removesuffix("_l") not in _COUNTED:
            continue
        low, high = np.percentile(values, _PERCENTILES)
        if high - low > largest and (found := repetitions(times, values)):
            best, largest = Movement(name, found), float(high - low)
    return best
