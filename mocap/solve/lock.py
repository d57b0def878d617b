"""Foot locking, live: a standing foot stays where it came to rest, and the hips move."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from mocap.core.filter import OneEuroState, one_euro
from mocap.core.small import clip, norm, steps

# A contact begins below the first height (m) and speed (m/s), and ends above the second.
_HEIGHT, _SPEED = (0.06, 0.12), (0.2, 0.35)
_CUTOFF = 5.0  # cutoff of the low-pass filter on the feet's image points, Hz
# Time in which a contact fades in and out, and time constant with which the shift of the hips
# decays afterwards; seconds.
_BLEND, _RETURN = 0.1, 1.0
# Weight of keeping the hips' shift, relative to a point in full contact.
_STAY = 0.02
# Largest shift of the hips across the picture and in depth, metres. A leg that reaches towards the
# camera seems to reach less than half as far as it does, so a performer who walks towards the
# camera would be held back at every step.
_FARTHEST = np.array([0.2, 0.3])


@dataclass(frozen=True, eq=False, slots=True)
class LockState:
    """The state for the next frames.

    Attributes:
        time: Time of the last frame, seconds.
        filter: State of the filter on the feet's image points.
        touching: Which points are in contact.
        weight: Weight of each point, 0 to 1.
        place: Position at which each contact began, x and z, metres.
        offset: Shift of the hips, x and z, metres.
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
    """Keep standing feet in place by shifting the root, live (causal).

    The division of frames into calls does not change the result.

    Args:
        times: Seconds.
        root: Positions of the root, metres.
        soles: World positions of heels and toe tips on that path, metres.
        slopes: x and y of these points' viewing rays for z = −1, which are the best evidence of
            whether they move; NaN, for a point that is not seen, gives no contact.
        depth: Depth of the body, metres.
        state: The state after the previous frames; None at the start.

    Returns:
        The root's path; which points are in contact, in the order of motion.CONTACTS; and the state
        after the last frame.
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
