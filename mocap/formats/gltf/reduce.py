"""Key reduction: drop the keys that a reader's interpolation restores well enough.

Douglas and Peucker's algorithm (Cartographica 10(2), 1973) on all tracks at once: a segment whose
worst frame is further off than the tolerance is cut there; afterwards keys that the later cuts have
made needless are taken out again. "Off" is what a glTF reader shows (slerp for rotations, straight
lines for the rest) against the track as it was, at each of its own times.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

ANGLE, LENGTH, WEIGHT = np.radians(0.1), 1e-3, 2e-3
"""How far reduced tracks may be off: radians, metres, and parts of an expression."""
SHARE = 0.4
"""Of a millimetre, what one track may add: of the four between a foot that stands and the ground
(path, hips, thigh, shank), hardly two are ever wrong by so much the same way at once."""


def turning(reach: float) -> float:
    """Return the tolerance of a joint's rotations, radians.

    Args:
        reach: Distance of the furthest point that hangs from the joint, metres.
    """
    return min(ANGLE, SHARE * LENGTH / reach) if reach > 0 else ANGLE


# Between(starts, ends, owner, t): what a reader shows at the part t of the way through the segment
# `owner`, for many segments and points.
_Between = Callable[[ndarray, ndarray, ndarray, ndarray], ndarray]
# Off(shown, true): by how much it is wrong.
_Off = Callable[[ndarray, ndarray], ndarray]
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
    # In R.slerp's place the two weights, of which all that is costly is reckoned once a segment.
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
    """Return the angle between rotations, radians, from the distance of the quaternions.

    As precise as R.distance, and cheaper.
    """
    return np.asarray(
        4.0 * np.arcsin(np.minimum(0.5 * np.minimum(_apart(a, b), _apart(a, -b)), 1.0))
    )


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
    # A track whose first value will do throughout is that one key.
    moving = np.flatnonzero(np.any(off(tracks[:1], tracks) > tolerance, axis=0))
    if len(moving) == 0:
        return out
    # One long row of points, track after track, so that one operation serves all of them.
    values = np.ascontiguousarray(tracks[:, moving].swapaxes(0, 1)).reshape(-1, tracks.shape[2])
    clock = np.tile(times, len(moving))
    ends = np.tile(np.isin(np.arange(frames), [0, frames - 1]), len(moving))
    kept = ends.copy()

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
    """(by how much, at which frame) the segments from a to b are worst; each has frames inside."""
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
    """Keep the worst frame of each segment whose error is too large, until none is."""
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
    """Takes out keys that their neighbours can do without; says whether there were any.

    Every second key at a time: no two neighbours.
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
