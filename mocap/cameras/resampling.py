"""Resample the views of several cameras, with their frame rates and clocks, to common times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core.keypoints import Keypoints

LONGEST_STEP = 0.12
"""Longest gap between two frames that is interpolated, seconds: less than four frames at 30 Hz."""
_SLACK = 1e-6  # seconds


def common_times(
    takes: Sequence[Keypoints], offsets: Float[ndarray, "cameras"]
) -> Float[ndarray, "frames"]:
    """Return the times to which the views are resampled, on the common clock.

    They are the frame times of the view with the most frames, within the time that at least two
    views share.

    Args:
        takes: The keypoints of each view.
        offsets: Seconds to add to each view's times.

    Returns:
        Seconds.
    """
    spans = np.array([[t.times[0], t.times[-1]] for t in takes]) + offsets[:, None]
    begin, end = np.sort(spans[:, 0])[1], np.sort(spans[:, 1])[-2]
    counts = [int(((t.times + o >= begin) & (t.times + o <= end)).sum())
              for t, o in zip(takes, offsets, strict=True)]  # fmt: skip
    which = int(np.argmax(counts))
    times = takes[which].times + offsets[which]
    return times[(times >= begin - _SLACK) & (times <= end + _SLACK)]


def sampled(keypoints: Keypoints, times: Float[ndarray, "frames"]) -> Keypoints:
    """Return the keypoints at other times, interpolated linearly between frames.

    Times within a gap longer than LONGEST_STEP, before the first or after the last frame give NaN.
    A confidence is the lower one of the two frames; the face comes from the nearest frame.

    Args:
        keypoints: The keypoints of a view.
        times: Seconds, on the view's own clock.
    """
    own = keypoints.times
    after = np.clip(np.searchsorted(own, times, side="left"), 1, max(len(own) - 1, 1))
    if len(own) < 2:
        after = np.zeros(len(times), dtype=int)
    before = np.maximum(after - 1, 0)
    step = own[after] - own[before]
    share = np.clip((times - own[before]) / np.where(step > 0.0, step, 1.0), 0.0, 1.0)
    # A time that falls on a frame needs only that frame.
    after = np.where(share < 1e-6, before, after)
    before = np.where(share > 1.0 - 1e-6, after, before)
    inside = (times >= own[0] - _SLACK) & (times <= own[-1] + _SLACK)
    inside &= own[after] - own[before] <= LONGEST_STEP
    nearer = np.where(share < 0.5, before, after)

    def spread(flags: ndarray, values: ndarray) -> ndarray:
        return flags.reshape(-1, *[1] * (values.ndim - 1))

    def mixed(values: ndarray) -> ndarray:
        w = spread(share, values)
        between = (1.0 - w) * values[before] + w * values[after]
        between = np.where(spread(after == before, values), values[before], between)
        return np.where(spread(inside, values), between, np.nan)

    def least(values: ndarray) -> ndarray:
        both = np.nan_to_num(np.minimum(values[before], values[after]))
        return np.where(spread(inside, values), both, 0.0)

    def near(values: ndarray) -> ndarray:
        return np.where(spread(inside, values), values[nearer], np.nan)

    def of(function: Callable[[ndarray], ndarray], values: ndarray | None) -> ndarray | None:
        return None if values is None else function(values)

    return replace(
        keypoints,
        times=times,
        positions=mixed(keypoints.positions),
        image=mixed(keypoints.image),
        confidence=least(keypoints.confidence),
        hands=of(mixed, keypoints.hands),
        hands_image=of(mixed, keypoints.hands_image),
        hands_confidence=of(least, keypoints.hands_confidence),
        face=of(near, keypoints.face),
        face_transform=of(near, keypoints.face_transform),
        face_blendshapes=of(near, keypoints.face_blendshapes),
    )
