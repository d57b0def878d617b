"""Ground contacts from heights and speeds, with hysteresis.

Heels and toe tips are found first. Hands, elbows, knees, seat and back count only if the feet alone
cannot support the body, because its middle is not above them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from mocap.core.filter import smooth
from mocap.core.keypoints import LANDMARKS, Keypoints
from mocap.core.runs import runs

# A contact begins below the first height (m) and speed (m/s) and ends above the second. In the
# picture, a standing foot hardly moves, and a swinging foot in a slow walk passes 2 m/s. Its
# height, which depends on the estimated depth of the leg, is known to about 0.15 m. Twice these
# speeds find 10 % more of the rendered clips' contacts, but also false ones, which make walking
# legs 0.7° worse.
_HEIGHT, _SPEED = (0.15, 0.20), (0.15, 0.30)
# Height of a heel above its toes, or of toes above their heel, metres: a contact of the higher
# point begins only below the first and ends above the second.
_TILTED = (0.08, 0.11)
SURE = 0.5
"""Confidence above which a foot is seen well enough to decide whether it stands."""
# The same for a heel whose toes are seen, and for toes whose heel is seen.
_DOUBTED = 0.2
# Shortest contact, and shortest gap between two contacts, seconds; shorter ones are noise.
_SHORTEST, _SHORTEST_GAP = 0.1, 0.1
_SPEED_CUTOFF = 5.0  # cutoff of the smoothing before differentiation, Hz
# Largest horizontal distance between the body's middle and its support, metres, for the support to
# suffice: it is large in a stride and when bending forwards.
_SUPPORTED = 0.35
# Heights of the skin (m) below which a part's contact begins and above which it ends: first for
# certain contacts, then for parts that must carry because nothing else does. The speeds are in m/s.
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
    """Return the speeds of landmarks across the viewing ray, from their image points alone.

    Args:
        keypoints: The keypoints, with their camera.
        translation: Position of the middle of the hips, camera axes, metres.
        landmarks: Indices of the landmarks.
        seen: Confidence above which a landmark is seen.

    Returns:
        Metres per second; NaN where a landmark is not seen.
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
    """Return which landmarks are seen well enough to decide whether they stand.

    For one end of a foot a confidence of _DOUBTED suffices if the other end is seen. A person who
    faces the camera hides the heels behind the toes, and their motion in the picture is still
    known.
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
    """Return the speeds of landmarks in space, for positions measured by several cameras.

    Args:
        keypoints: The keypoints, for their times and confidence.
        places: Positions of the landmarks, metres.
        landmarks: Indices of the landmarks.
        seen: Confidence above which a landmark is seen.

    Returns:
        Metres per second; NaN where a landmark is not seen.
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
    """Find the contacts of heels and toe tips with the ground, from a whole take.

    Args:
        times: Seconds.
        heights: Heights above the ground, metres.
        speeds: Metres per second; NaN, for a foot that is not seen, gives no contact.
        height: Heights below which a contact begins and above which it ends, metres; the defaults
            suit one camera.
        speed: The same for speeds, metres per second.
    """
    # Heights within a foot are more accurate than heights above the ground. They exclude the heel
    # of a foot on tiptoe, and the toes of a foot on its heel.
    feet = heights.reshape(-1, 2, 2)
    raised = (feet - feet[..., ::-1]).reshape(-1, 4)
    low = (heights < height[0]) & (speeds < speed[0]) & (raised < _TILTED[0])
    off = (heights > height[1]) | ~(speeds < speed[1]) | (raised > _TILTED[1])
    return with_hysteresis(times, low, off)


def with_hysteresis(
    times: ndarray, begins: Bool[ndarray, "frames points"], ends: Bool[ndarray, "frames points"]
) -> Bool[ndarray, "frames points"]:
    """Return contacts: they last from a frame that begins one to the next that ends it.

    Contacts, and gaps between two contacts, that last less than 0.1 s are dropped.

    Args:
        times: Seconds.
        begins: Whether a contact of each point begins, or may last, in each frame.
        ends: Whether it ends.
    """
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
    """Find the contacts of parts of the body other than feet.

    A part near the ground that hardly moves is in contact if the known contacts do not support the
    body, because its middle is not above them. Certain contacts are found first. Only if they do
    not suffice, parts that seem a little higher count too.

    Args:
        times: Seconds.
        heights: Heights of the skin above the ground, metres.
        speeds: Metres per second; NaN, for a part that is not seen, gives no contact.
        reach: Function of the contacts (F, P) of these parts. It returns the horizontal distance
            (F,) of the body's middle from its support by these parts and the feet, metres.
    """
    touching = np.zeros(heights.shape, dtype=bool)
    for low, high in _BODY_HEIGHTS:
        needed = (reach(touching) > _SUPPORTED)[:, None] | touching
        begins = needed & (heights < low) & (speeds < _BODY_SPEED[0])
        ends = ~needed | (heights > high) | ~(speeds < _BODY_SPEED[1])
        touching |= with_hysteresis(times, begins, ends)
    return touching


def distance_from(
    middle: Float[ndarray, "frames 2"],
    points: Float[ndarray, "frames points 2"],
    carry: Bool[ndarray, "frames points"],
) -> Float[ndarray, "frames"]:
    """Return the distance of a point from the nearest line between two supporting points.

    A single supporting point counts as a line of length 0. Without one the distance is infinite.

    Args:
        middle: The point, on the ground, metres.
        points: Possible supporting points, on the ground, metres.
        carry: Which of them support the body.

    Returns:
        Metres.
    """
    start, end = points[:, :, None], points[:, None]
    along = end - start
    share = ((middle[:, None, None] - start) * along).sum(axis=-1)
    share = np.clip(share / np.maximum(np.square(along).sum(axis=-1), 1e-9), 0.0, 1.0)
    away = np.linalg.norm(start + share[..., None] * along - middle[:, None, None], axis=-1)
    both = carry[:, :, None] & carry[:, None]
    return np.asarray(np.where(both, away, np.inf).min(axis=(1, 2), initial=np.inf))


def _drop_short(times: ndarray, flags: ndarray, value: bool, shortest: float) -> None:
    """Invert, in place, runs of a value that last less than `shortest` seconds.

    Runs at the beginning and the end of the take stay.
    """
    for first, end in runs(flags, value):
        if first > 0 and end < len(flags) and times[end - 1] - times[first] < shortest:
            flags[first:end] = not value
