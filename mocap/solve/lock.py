"""Foot locking, live: a standing foot stays where it came to rest, and the hips move."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from mocap.core.filter import OneEuroState, one_euro
from mocap.core.small import clip, norm, steps

# A point comes to rest below the first height (m) and speed (m/s), and leaves above the second.
_HEIGHT, _SPEED = (0.06, 0.12), (0.2, 0.35)
_CUTOFF = 5.0  # Hz, of the low-pass on where feet are in the picture
# A touch takes hold, and lets go, within this; what the hips have given way is then made up for,
# slowly, at this rate. Seconds.
_BLEND, _RETURN = 0.1, 1.0
# What holds the hips where they are beside a point that stands fully: little.
_STAY = 0.02
# How far the hips give way at the most, across the picture and in depth, metres. A leg that reaches
# towards the camera seems to reach less than half as far as it does, and a performer who walks
# that way would be held back at every step.
_FARTHEST = np.array([0.2, 0.3])


@dataclass(frozen=True, eq=False, slots=True)
class LockState:
    """The state for the next frames.

    Attributes:
        time: Of the last frame, seconds.
        filter: Of the feet in the picture.
        touching: Which points touch.
        weight: How much each counts, 0 to 1.
        place: Where each came to rest, metres, x and z.
        offset: How far the hips have moved for them, metres, x and z.
    """

    time: float
    filter: OneEuroState
    touching: Bool[ndarray, "4"]
    weight: Float[ndarray, "4"]
    place: Float[ndarray, "4 2"]
    offset: Float[ndarray, "2"]


def lock_feet(
    times: Float[ndarray, "frames"],
    root: Float[ndarray, "frames 3"],
    soles: Float[ndarray, "frames 4 3"],
    slopes: Float[ndarray, "frames 4 2"],
    depth: Float[ndarray, "frames"],
    state: LockState | None,
) -> tuple[Float[ndarray, "frames 3"], Bool[ndarray, "frames 4"], LockState]:
    """Keep standing feet where they are by moving the root, causally.

    Solving frame by frame gives the same as solving at once.

    Args:
        times: Seconds.
        root: Positions of the root, metres.
        soles: World positions of the soles' points on that path, metres.
        slopes: x and y of the points' viewing rays for z = −1, from the picture alone, which is the
            best evidence of whether they move; NaN: not seen, which is no touch.
        depth: Of the body, metres.
        state: The state after the frames before; None at the start.

    Returns:
        The root's path; which points stand, in the order of motion.CONTACTS; and the state after
        the last frame.
    """
    given = None if state is None else state.filter
    before = slopes[:1] if given is None else given.value[None]
    seen, after = one_euro(times, slopes, _CUTOFF, 0.0, given)
    moved = seen - np.concatenate([before, seen[:-1]])
    seconds = np.maximum(steps(times, times[0] if state is None else state.time), 1e-3)
    speeds = norm(moved) * (depth / seconds)[:, None]
    touching = np.zeros(4, dtype=bool) if state is None else state.touching
    weight = np.zeros(4) if state is None else state.weight
    place = soles[0][:, [0, 2]] if state is None else state.place
    offset = np.zeros(2) if state is None else state.offset
    out, stands = root.copy(), np.zeros((len(times), 4), dtype=bool)
    for n, (dt, speed) in enumerate(zip(seconds.tolist(), speeds, strict=True)):
        height, points = soles[n, :, 1], soles[n][:, [0, 2]]
        low = (height < _HEIGHT[0]) & (speed < _SPEED[0])
        off = (height > _HEIGHT[1]) | ~(speed < _SPEED[1])
        now = low | (touching & ~off)
        place = np.where((now & ~touching)[:, None], points + offset, place)
        touching = now
        weight = clip(weight + np.where(touching, dt, -dt) / _BLEND, 0.0, 1.0)
        pull = (weight[:, None] * (place - points)).sum(axis=0) + _STAY * np.exp(
            -dt / _RETURN
        ) * offset
        offset = pull / (weight.sum() + _STAY)
        offset = offset / max(1.0, math.hypot(*(offset / _FARTHEST).tolist()))
        out[n, [0, 2]] += offset
        stands[n] = touching
    return out, stands, LockState(float(times[-1]), after, touching, weight, place, offset)
