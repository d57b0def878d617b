"""One person in one frame, one end of a track, and how well two of them agree.

Distances are in sizes of the person (the larger side of their landmarks' bounding box), so that
people near and far are treated alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from mocap.core.keypoints import LANDMARKS, Keypoints

OTHER_TRACK = 4.0
"""Cost, squared deviations, of a step from one of the detector's tracks to another one while both
go on: trackers stay with their person, but not always."""
# Deviations of one sighting from the last one: middle (sizes, and what is added a second and a
# squared second unseen), pose (sizes), size (logarithm), look (Hellinger distance; 0.1 between two
# pictures of one person, 0.3 and more between people who are dressed differently).
_PLACE, _SPEED, _ACCELERATION = 0.1, 0.3, 0.3
_POSE, _SIZE, _LOOK = 0.1, 0.12, 0.15
# Deviations saturate: one wrong measure must not exclude a link.
_MOST = 3.0
# So does facing, earlier: a dancer who turns fast is still the same person.
_TURNED = 2.0
# Seconds for which a person who is not seen is expected to go on as before.
_GLIDE = 1.0
# Bins of a look's colours, each of red, green and blue.
_BINS = 4
# Part of a part's samples that must be seen.
_ENOUGH = 0.3
# Deviation of what shows where a person faces, in sizes; it grows with the gap, as people turn.
_FACING = 0.05
_NOSE = LANDMARKS.index("nose")
_EARS = [LANDMARKS.index("left_ear"), LANDMARKS.index("right_ear")]
_CLOTHED = [
    LANDMARKS.index(f"{side}_{joint}")
    for joint in ("shoulder", "hip", "knee")
    for side in ("left", "right")
]


@dataclass(frozen=True, eq=False, slots=True)
class Sighting:
    """One person in one frame.

    Attributes:
        points: (33, 2) landmarks, pixels.
        confidence: Mean confidence of the landmarks, in [0, 1].
        look: (P, B) histograms, each with sum 1, of the colours of the person's parts; NaN for a
            part that is not seen, None if there is none.
        track: The number of the detector's track; None if it does not track.
    """

    points: Float[ndarray, "33 2"]
    confidence: float = 1.0
    look: Float[ndarray, "parts bins"] | None = None
    track: int | None = None


def sightings_of(
    image: UInt8[ndarray, "height width 3"], people: Sequence[Keypoints]
) -> list[Sighting]:
    """Return the sightings of one frame.

    Args:
        image: (H, W, 3) uint8, RGB.
        people: One frame of keypoints of each person.
    """
    points = [k.image[0] for k in people]
    out = []
    for n, keypoints in enumerate(people):
        others = np.array(points[:n] + points[n + 1 :]).reshape(-1, 33, 2)
        look = look_of(image, points[n], others)
        track = None if keypoints.track is None else int(keypoints.track[0])
        out.append(Sighting(points[n], float(keypoints.confidence.mean()), look, track))
    return out


def look_of(
    image: UInt8[ndarray, "height width 3"],
    points: Float[ndarray, "33 2"],
    others: Float[ndarray, "people 33 2"] = np.zeros((0, 33, 2)),  # noqa: B008 - not written to
) -> Float[ndarray, "parts bins"] | None:
    """Return the colours of a person's trunk and of their thighs.

    Args:
        image: (H, W, 3) uint8, RGB.
        points: (33, 2) landmarks, pixels.
        others: (P, 33, 2) landmarks of other people; what lies within their trunks and thighs may
            be theirs and is left out.

    Returns:
        As `Sighting.look`.
    """
    left_shoulder, right_shoulder, left_hip, right_hip, left_knee, right_knee = points[_CLOTHED]
    share = np.linspace(0.15, 0.85, 8)[:, None, None]
    across = np.linspace(0.2, 0.8, 6)[None, :, None]
    tops = left_shoulder * (1 - across) + right_shoulder * across
    bottoms = left_hip * (1 - across) + right_hip * across
    down = np.linspace(0.15, 0.85, 24)[:, None]
    thighs = ((left_hip, left_knee), (right_hip, right_knee))
    parts = (
        (tops * (1 - share) + bottoms * share).reshape(-1, 2),
        np.concatenate([hip * (1 - down) + knee * down for hip, knee in thighs]),
    )
    height, width = image.shape[:2]
    look = np.full((len(parts), _BINS**3), np.nan)
    for n, at in enumerate(parts):
        fine = (np.isfinite(at) & (at >= 0) & (at < (width, height))).all(axis=1)
        for other in others:
            low, high = other[_CLOTHED].min(axis=0), other[_CLOTHED].max(axis=0)
            fine &= ~((at >= low) & (at <= high)).all(axis=1)
        if fine.mean() >= _ENOUGH:
            x, y = at[fine].astype(int).T
            look[n] = _histogram(image[y, x])
    return None if np.isnan(look).all() else look


def mean_look(looks: Sequence[Float[ndarray, "parts bins"]]) -> Float[ndarray, "parts bins"] | None:
    """Return the mean of looks, NaN for parts that none shows; None without looks."""
    if not looks:
        return None
    stack = np.array(looks)
    seen = np.isfinite(stack)
    count = seen.sum(axis=0)
    total = np.where(seen, stack, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def mixed_look(
    before: Float[ndarray, "parts bins"] | None,
    now: Float[ndarray, "parts bins"] | None,
    share: float,
) -> Float[ndarray, "parts bins"] | None:
    """Return a look with a share of a new one; parts that only one shows are taken from it.

    Args:
        before: The look so far, as `Sighting.look`.
        now: The new look.
        share: Of the new one, 0 to 1.
    """
    if before is None or now is None:
        return now if before is None else before
    mixed = (1.0 - share) * before + share * now
    return np.where(np.isfinite(mixed), mixed, np.where(np.isfinite(before), before, now))


def look_distance(
    a: Float[ndarray, "parts bins"] | None, b: Float[ndarray, "parts bins"] | None
) -> float | None:
    """Return the Hellinger distance of two looks, in [0, 1], over the parts that both show.

    It is the root mean square over the parts; None if there is no such part.
    """
    if a is None or b is None:
        return None
    squares = 0.5 * np.square(np.sqrt(a) - np.sqrt(b)).sum(axis=1)
    squares = squares[np.isfinite(squares)]
    return float(np.sqrt(squares.mean())) if len(squares) else None


def _histogram(colours: UInt8[ndarray, "n 3"]) -> Float[ndarray, "bins"]:
    # Each colour counts for the eight bins around it, so that a change of light changes little.
    at = colours * ((_BINS - 1) / 255.0)
    low = np.minimum(at.astype(int), _BINS - 2)
    share = at - low
    histogram = np.zeros((_BINS, _BINS, _BINS))
    for corner in np.ndindex(2, 2, 2):
        weight = np.where(corner, share, 1.0 - share).prod(axis=1)
        np.add.at(histogram, tuple((low + corner).T), weight)
    return np.asarray(histogram.ravel() / histogram.sum())


@dataclass(frozen=True, eq=False, slots=True)
class TrackEnd:
    """One end of a tracklet.

    time: seconds. middle: pixels. velocity: pixels a second; None after too few sightings. size:
    pixels. points: (33, 2) pixels. look: of the whole tracklet. track: number of the detector's
    track; None if it does not track.
    """

    time: float
    middle: ndarray
    velocity: ndarray | None
    size: float
    points: ndarray
    look: ndarray | None
    track: int | None = None


def _facing(points: ndarray) -> ndarray:
    """Return what shows where a person faces: left shoulder, hip and nose, to the right of middle.

    Pixels (3,): halves of the widths of shoulders and hips with a sign, and the nose from the ears.
    """
    x = points[:, 0]
    ears, nose = x[_EARS].mean(), x[_NOSE]
    widths = [x[_CLOTHED[n]] - x[_CLOTHED[n + 1]] for n in (0, 2)]
    return np.array([0.5 * widths[0], 0.5 * widths[1], nose - ears])


def deviation(before: TrackEnd, after: TrackEnd) -> float:
    """Return the squared deviations between the end of a tracklet and the start of another."""
    gap = after.time - before.time
    size = min(before.size, after.size)
    # Where only one of the velocities is known it stands for both.
    known = [v for v in (before.velocity, after.velocity) if v is not None] or [np.zeros(2)]
    glide = min(gap, _GLIDE) * 0.5 * (known[0] + known[-1])
    off = before.middle + glide - after.middle
    unseen = min(gap, 1.5)
    place = float(np.linalg.norm(off)) / size
    place /= _PLACE + _SPEED * unseen + _ACCELERATION * unseen * unseen
    change = (before.points - before.middle) - (after.points - after.middle)
    pose = float(np.linalg.norm(change, axis=1).mean())
    pose = pose / size / (_POSE + gap)
    scale = abs(np.log(after.size / before.size)) / (_SIZE + 0.15 * gap)
    turned = np.abs(_facing(before.points) / before.size - _facing(after.points) / after.size)
    facing = float((turned / (_FACING * (1.0 + 3.0 * gap))).max())
    deviations = [place, min(facing, _TURNED), *(min(d, _MOST) for d in (pose, scale))]
    distance = look_distance(before.look, after.look)
    if distance is not None:
        deviations.append(min(distance / _LOOK, _MOST))
    return float(np.square(deviations).sum())
