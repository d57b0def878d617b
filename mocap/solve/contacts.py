"""When feet touch the ground: heights and speeds of heels and toe tips, with hysteresis."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from mocap.core.camera import Camera
from mocap.core.filter import smooth
from mocap.core.keypoints import LANDMARKS, Keypoints
from mocap.core.runs import runs

# A point comes to rest below the first height (m) and speed (m/s), and leaves above the second. In
# the picture a foot that stands hardly moves, and one in the swing of a slow walk passes 2 m/s; its
# height, by a leg whose depth is guessed, is known to two hands' breadths. Twice these speeds find
# a tenth more of the rendered clips' contacts, and more that are none: walking legs are then 0.7°
# worse.
_HEIGHT, _SPEED = (0.15, 0.20), (0.15, 0.30)
# A heel this much higher than its toes, metres, or the other way round, does not touch; below the
# first it may come to rest, above the second it leaves.
_TILTED = (0.08, 0.11)
_SEEN = 0.5
# Shorter touches are noise, and so are shorter gaps between two; seconds.
_SHORTEST, _SHORTEST_GAP = 0.1, 0.1
_SPEED_CUTOFF = 5.0  # Hz, for the speeds


SOLES = [
    LANDMARKS.index(n) for n in ("left_heel", "left_foot_index", "right_heel", "right_foot_index")
]
"""The landmarks of heels and toe tips, in the order of motion.CONTACTS."""


def foot_speeds(
    keypoints: Keypoints, translation: Float[ndarray, "frames 3"], camera: Camera
) -> Float[ndarray, "frames 4"]:
    """Return how fast heels and toe tips move across the viewing ray, by the picture alone.

    Metres a second; NaN where they are not seen.
    """
    seen = np.where(keypoints.confidence[:, SOLES] > _SEEN, 1.0, np.nan)
    if len(keypoints) < 2:
        return seen - 1.0
    across = camera.rays(
        smooth(keypoints.times, keypoints.image[:, SOLES] * seen[..., None], _SPEED_CUTOFF)
    )[..., :2]
    depth = smooth(keypoints.times, -translation[:, 2], _SPEED_CUTOFF)
    return np.linalg.norm(np.gradient(across, keypoints.times, axis=0), axis=-1) * depth[:, None]


def measured_speeds(
    keypoints: Keypoints, places: Float[ndarray, "frames 33 3"]
) -> Float[ndarray, "frames 4"]:
    """Return the speeds of heels and toe tips in space, metres a second; NaN where not seen.

    Args:
        keypoints: Times and confidence.
        places: Landmarks where several cameras measured them, metres.
    """
    seen = np.where(keypoints.confidence[:, SOLES] > _SEEN, 1.0, np.nan)
    if len(keypoints) < 2:
        return seen - 1.0
    feet = smooth(keypoints.times, places[:, SOLES] * seen[..., None], _SPEED_CUTOFF)
    return np.linalg.norm(np.gradient(feet, keypoints.times, axis=0), axis=-1)


def find_contacts(
    times: Float[ndarray, "frames"],
    heights: Float[ndarray, "frames 4"],
    speeds: Float[ndarray, "frames 4"],
    height: tuple[float, float] = _HEIGHT,
    speed: tuple[float, float] = _SPEED,
) -> Bool[ndarray, "frames 4"]:
    """Find which of the soles' points stand on the ground, with the whole take in view.

    Args:
        times: Seconds.
        heights: Metres above the ground.
        speeds: Metres a second; NaN, where a foot is not seen, is no touch.
        height: A point comes to rest below the first and leaves above the second, metres; by
            default what one camera can tell.
        speed: The same for speeds, metres a second.
    """
    # Within a foot heights are known better than above the ground: on tiptoe the heel does not
    # touch, on the heel the toes do not.
    feet = heights.reshape(-1, 2, 2)
    raised = (feet - feet[..., ::-1]).reshape(-1, 4)
    low = (heights < height[0]) & (speeds < speed[0]) & (raised < _TILTED[0])
    off = (heights > height[1]) | ~(speeds < speed[1]) | (raised > _TILTED[1])
    # Hysteresis: a frame that is neither is as the last that was one of them.
    decided = np.where(low | off, np.arange(len(times))[:, None], 0)
    touching = np.take_along_axis(low, np.maximum.accumulate(decided, axis=0), axis=0)
    for point in touching.T:
        _drop_short(times, point, False, _SHORTEST_GAP)
        _drop_short(times, point, True, _SHORTEST)
    return touching


def _drop_short(times: ndarray, flags: ndarray, value: bool, shortest: float) -> None:
    """Invert runs of a value that last less than `shortest` seconds, in place.

    Runs at the take's ends stay.
    """
    for first, end in runs(flags, value):
        if first > 0 and end < len(flags) and times[end - 1] - times[first] < shortest:
            flags[first:end] = not value
