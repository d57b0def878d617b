"""When the body touches the ground: heights and speeds, with hysteresis.

Heels and toe tips stand. Hands, elbows, knees, seat and back carry where the feet cannot: where
the body's middle is not above them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

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
SURE = 0.5
"""The confidence above which a foot is seen well enough to tell whether it stands."""
# The least confidence of a heel whose toes are seen, and of toes whose heel is seen.
_DOUBTED = 0.2
# Shorter touches are noise, and so are shorter gaps between two; seconds.
_SHORTEST, _SHORTEST_GAP = 0.1, 0.1
_SPEED_CUTOFF = 5.0  # Hz, for the speeds
# The body's middle may be this far from being above its feet, metres: in a stride, bent forwards.
_SUPPORTED = 0.35
# Heights of skin (m) below the first of which a part begins to carry and above the second of which
# it ends: what touches for sure, then what must carry since nothing else does. And speeds, m/s.
_BODY_HEIGHTS, _BODY_SPEED = ((0.06, 0.10), (0.13, 0.18)), (0.2, 0.35)


SOLES = [
    LANDMARKS.index(n) for n in ("left_heel", "left_foot_index", "right_heel", "right_foot_index")
]
"""The landmarks of heels and toe tips, in the order of motion.CONTACTS."""


def picture_speeds(
    keypoints: Keypoints,
    translation: Float[ndarray, "frames 3"],
    landmarks: Sequence[int],
    seen: float = SURE,
) -> Float[ndarray, "frames landmarks"]:
    """Return how fast landmarks move across the viewing ray, by the picture alone.

    Metres a second; NaN where they are not seen.

    Args:
        keypoints: With their camera.
        translation: Of the hips' middle, camera axes, metres.
        landmarks: Which ones.
        seen: The confidence above which they are seen.
    """
    landmarks = list(landmarks)
    known = np.where(_seen(keypoints, landmarks, seen), 1.0, np.nan)
    if len(keypoints) < 2:
        return known - 1.0
    across = keypoints.camera.rays(
        smooth(keypoints.times, keypoints.image[:, landmarks] * known[..., None], _SPEED_CUTOFF)
    )[..., :2]
    depth = smooth(keypoints.times, -translation[:, 2], _SPEED_CUTOFF)
    return np.linalg.norm(np.gradient(across, keypoints.times, axis=0), axis=-1) * depth[:, None]


def _seen(
    keypoints: Keypoints, landmarks: Sequence[int], least: float
) -> Bool[ndarray, "frames landmarks"]:
    """Return which landmarks are seen well enough to tell whether they stand.

    Of a foot one end may be doubted if the other is seen: heels behind the toes are doubted for as
    long as somebody faces the camera, and how they move in the picture is still known.
    """
    confidence = keypoints.confidence[:, list(landmarks)]
    seen = confidence > least
    if list(landmarks) != SOLES:
        return seen
    other_end = seen.reshape(-1, 2, 2)[..., ::-1].reshape(-1, 4)
    return seen | (other_end & (confidence > _DOUBTED))


def measured_speeds(
    keypoints: Keypoints,
    places: Float[ndarray, "frames 33 3"],
    landmarks: Sequence[int],
    seen: float = SURE,
) -> Float[ndarray, "frames landmarks"]:
    """Return the speeds of landmarks in space, metres a second; NaN where not seen.

    Args:
        keypoints: Times and confidence.
        places: Landmarks where several cameras measured them, metres.
        landmarks: Which ones.
        seen: The confidence above which they are seen.
    """
    landmarks = list(landmarks)
    known = np.where(_seen(keypoints, landmarks, seen), 1.0, np.nan)
    if len(keypoints) < 2:
        return known - 1.0
    at = smooth(keypoints.times, places[:, landmarks] * known[..., None], _SPEED_CUTOFF)
    return np.linalg.norm(np.gradient(at, keypoints.times, axis=0), axis=-1)


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
    return _held(times, low, off)


def _held(
    times: ndarray, begins: Bool[ndarray, "frames points"], ends: Bool[ndarray, "frames points"]
) -> Bool[ndarray, "frames points"]:
    """Return touches with hysteresis: a frame that neither begins nor ends one goes on."""
    decided = np.where(begins | ends, np.arange(len(times))[:, None], 0)
    touching = np.take_along_axis(begins, np.maximum.accumulate(decided, axis=0), axis=0)
    for point in touching.T:
        _drop_short(times, point, False, _SHORTEST_GAP)
        _drop_short(times, point, True, _SHORTEST)
    return touching


def find_body_contacts(
    times: Float[ndarray, "frames"],
    heights: Float[ndarray, "frames parts"],
    speeds: Float[ndarray, "frames parts"],
    reach: Callable[[ndarray], ndarray],
) -> Bool[ndarray, "frames parts"]:
    """Find which parts of the body other than feet carry it.

    Parts near the ground that hardly move carry a body whose middle is not above what is known to
    carry it. Those that touch for sure are found first; only where they do not suffice, those that
    seem a little higher are found too.

    Args:
        times: Seconds.
        heights: Of the skin above the ground, metres.
        speeds: Metres a second; NaN, where a part is not seen, is no touch.
        reach: How far (F,) the body's middle is from being above what carries it, metres, if these
            parts (F, P) do beside the feet.
    """
    touching = np.zeros(heights.shape, dtype=bool)
    for low, high in _BODY_HEIGHTS:
        needed = (reach(touching) > _SUPPORTED)[:, None] | touching
        begins = needed & (heights < low) & (speeds < _BODY_SPEED[0])
        ends = ~needed | (heights > high) | ~(speeds < _BODY_SPEED[1])
        touching |= _held(times, begins, ends)
    return touching


def distance_from(
    middle: Float[ndarray, "frames 2"],
    points: Float[ndarray, "frames points 2"],
    carry: Bool[ndarray, "frames points"],
) -> Float[ndarray, "frames"]:
    """Return how far a point is from the nearest line between two points that carry.

    A single one that carries counts as a line to itself; where none does the distance is infinite.

    Args:
        middle: On the ground, metres.
        points: On the ground, metres.
        carry: Which of them count.
    """
    start, end = points[:, :, None], points[:, None]
    along = end - start
    share = ((middle[:, None, None] - start) * along).sum(axis=-1)
    share = np.clip(share / np.maximum(np.square(along).sum(axis=-1), 1e-9), 0.0, 1.0)
    away = np.linalg.norm(start + share[..., None] * along - middle[:, None, None], axis=-1)
    both = carry[:, :, None] & carry[:, None]
    return np.asarray(np.where(both, away, np.inf).min(axis=(1, 2), initial=np.inf))


def _drop_short(times: ndarray, flags: ndarray, value: bool, shortest: float) -> None:
    """Invert runs of a value that last less than `shortest` seconds, in place.

    Runs at the take's ends stay.
    """
    for first, end in runs(flags, value):
        if first > 0 and end < len(flags) and times[end - 1] - times[first] < shortest:
            flags[first:end] = not value
