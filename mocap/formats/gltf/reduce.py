"""Key reduction: drop the keys that a reader's interpolation restores within a tolerance.

The algorithm of Douglas and Peucker (Cartographica 10(2), 1973) on all tracks at once: a segment
whose error exceeds the tolerance is cut at its worst frame; afterwards, keys that later cuts have
made unnecessary are removed. The error is the difference between the interpolation of a glTF reader
(slerp for rotations, linear for the rest) and the original track, at each of the track's times.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

ANGLE, LENGTH, WEIGHT = np.radians(0.1), 1e-3, 2e-3
"""Largest errors of reduced tracks: radians, metres, and fractions of an expression."""
SHARE = 0.4
"""Fraction of LENGTH that one track may add. Four tracks place a standing foot (path, hips, thigh
and shank); two of them hardly ever have their largest error in one direction at the same time."""


def turning(reach: float) -> float:
    """Return the tolerance of a joint's rotations, radians.

    Args:
        reach: Distance of the furthest point that hangs from the joint, metres.
    """
    return min(ANGLE, SHARE * LENGTH / reach) if reach > 0 else ANGLE


# (starts, ends, owner, t) to the interpolated values at the fraction t of the segment `owner`, for
# many segments and points.
_Between = Callable[[ndarray, ndarray, ndarray, ndarray], ndarray]
# (interpolated, original) to errors.
_Off = Callable[[ndarray, ndarray], ndarray]
# Cutting begins at every so many frames, of which `_thin` removes what is not needed: long segments
# would all be cut anyway, and each cut costs as much as they are long.
_FIRST = 64
# Below this angle, rad, sin(x)/sin(y) is x/y to double precision.
_SMALL = 1e-7


def rotations(
    times: Float[ndarray, "frames"],
    tracks: Float[ndarray, "frames tracks 4"],
    tolerance: float | Float[ndarray, "tracks"] = ANGLE,
) -> list[Int[ndarray, "_"]]:
    """Return the frames to keep of each track of rotations.

    Args:
        times: Seconds.
        tracks: Unit quaternions, xyzw.
        tolerance: Largest error of slerp between the kept frames, radians.
    """
    return _reduced(times, tracks, _slerp, _angle, np.broadcast_to(tolerance, tracks.shape[1]))


def vectors(
    times: Float[ndarray, "frames"],
    tracks: Float[ndarray, "frames tracks n"],
    tolerance: float | Float[ndarray, "tracks"] = LENGTH,
) -> list[Int[ndarray, "_"]]:
    """Return the frames to keep of each track of vectors.

    Args:
        times: Seconds.
        tracks: Vectors.
        tolerance: Largest error of straight lines between the kept frames, in the vectors' unit.
    """
    return _reduced(times, tracks, _lerp, _apart, np.broadcast_to(tolerance, tracks.shape[1]))


def _lerp(starts: ndarray, ends: ndarray, owner: ndarray, t: ndarray) -> ndarray:
    return starts[owner] + t[:, None] * (ends - starts)[owner]


def _slerp(starts: ndarray, ends: ndarray, owner: ndarray, t: ndarray) -> ndarray:
    # Instead of R.slerp: the costly part of the two weights is computed once per segment.
    ends = np.where(np.vecdot(starts, ends)[:, None] < 0, -ends, ends)
    half = 2.0 * np.arcsin(
        np.minimum(0.5 * _apart(starts, ends), 1.0)
    )  # half the turn from start to end
    small = half < _SMALL
    scale = 1.0 / np.where(small, 1.0, np.sin(half))
    angle = np.where(small, 1.0, half)[owner]
    first, last = ((1.0 - t) * angle, t * angle)
    first, last = (np.where(small[owner], w, np.sin(w) * scale[owner]) for w in (first, last))
    return first[:, None] * starts[owner] + last[:, None] * ends[owner]


def _angle(a: ndarray, b: ndarray) -> ndarray:
    """Return the angle between rotations, radians, to 5e-8: 2 acos |a·b|, by the half angle."""
    cosine = np.abs(np.vecdot(a, b))
    return np.asarray(4.0 * np.arcsin(np.sqrt(np.maximum(0.5 - 0.5 * cosine, 0.0))))


def _apart(a: ndarray, b: ndarray) -> ndarray:
    return np.sqrt(np.vecdot(a - b, a - b))


def _reduced(
    times: Float[ndarray, "frames"],
    tracks: Float[ndarray, "frames tracks n"],
    between: _Between,
    off: _Off,
    tolerance: Float[ndarray, "tracks"],
) -> list[Int[ndarray, "_"]]:
    frames, count = tracks.shape[:2]
    out = [np.arange(min(frames, 1)) for _ in range(count)]
    # A track that stays within the tolerance of its first value gets one key.
    moving = np.flatnonzero(np.any(off(tracks[:1], tracks) > tolerance, axis=0))
    if len(moving) == 0:
        return out
    # One long row of points, track after track, so that one operation serves all of them.
    values = np.ascontiguousarray(tracks[:, moving].swapaxes(0, 1)).reshape(-1, tracks.shape[2])
    clock = np.tile(times, len(moving))
    ends = np.tile(np.isin(np.arange(frames), [0, frames - 1]), len(moving))
    kept = ends | np.tile(np.arange(frames) % _FIRST == 0, len(moving))

    def worst(a: ndarray, b: ndarray) -> tuple[ndarray, ndarray]:
        return _worst(values, clock, a, b, between, off)

    allowed = np.repeat(tolerance[moving], frames)
    _cut(kept, worst, allowed)
    while _thin(kept, ends, worst, allowed):
        pass
    for track, row in zip(moving, kept.reshape(len(moving), frames), strict=True):
        out[track] = np.flatnonzero(row)
    return out


_Worst = Callable[[ndarray, ndarray], tuple[ndarray, ndarray]]


def _worst(
    values: ndarray,
    clock: ndarray,
    a: Int[ndarray, "segments"],
    b: Int[ndarray, "segments"],
    between: _Between,
    off: _Off,
) -> tuple[Float[ndarray, "segments"], Int[ndarray, "segments"]]:
    """Return the largest error of each segment from a to b, and its frame.

    Each segment must have frames between its ends.
    """
    size = (b - a - 1).astype(np.intp)  # in a browser NumPy repeats by 32-bit counts alone
    first = np.cumsum(size) - size
    owner = np.repeat(np.arange(len(a)), size)
    inner = np.arange(len(owner)) + (a + 1 - first)[owner]
    t = (clock[inner] - clock[a][owner]) / (clock[b] - clock[a])[owner]
    wrong = off(between(values[a], values[b], owner, t), values[inner])
    most = np.maximum.reduceat(wrong, first)
    where = np.empty(len(a), dtype=np.intp)
    hit = np.flatnonzero(wrong == most[owner])
    where[owner[hit]] = inner[hit]
    return most, where


def _cut(kept: Bool[ndarray, "points"], worst: _Worst, allowed: Float[ndarray, "points"]) -> None:
    """Keep the worst frame of each segment whose error is too large, until there is none."""
    keys = np.flatnonzero(kept)
    a, b = keys[:-1], keys[1:]
    while len(a := a[fine := b - a > 1]):
        b = b[fine]
        most, where = worst(a, b)
        bad = most > allowed[a]
        kept[where[bad]] = True
        a, b = np.concatenate([a[bad], where[bad]]), np.concatenate([where[bad], b[bad]])


def _thin(
    kept: Bool[ndarray, "points"],
    ends: Bool[ndarray, "points"],
    worst: _Worst,
    allowed: Float[ndarray, "points"],
) -> bool:
    """Remove keys that their neighbours restore; return whether there were any.

    Every second key is tried at a time, so that no two neighbours are removed at once.
    """
    before = int(kept.sum())
    for odd in (0, 1):
        keys = np.flatnonzero(kept)
        middle = np.arange(1, len(keys) - 1)
        middle = middle[(middle % 2 == odd) & ~ends[keys[middle]]]
        if len(middle):
            most, _ = worst(keys[middle - 1], keys[middle + 1])
            kept[keys[middle[most <= allowed[keys[middle]]]]] = False
    return int(kept.sum()) < before
