"""Filters on arrays over real time: One Euro (live, causal) and Gaussian (bake, zero-phase)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R


@dataclass(frozen=True, eq=False, slots=True)
class OneEuroState:
    """The last time, s; filtered values and speeds (per second), both (*points, n)."""

    time: float
    value: Float[ndarray, "*points n"]
    speed: Float[ndarray, "*points n"]


def one_euro(
    times: Float[ndarray, "frames"],
    values: Float[ndarray, "frames *points n"],
    min_cutoff: float | ndarray,
    beta: float | ndarray,
    state: OneEuroState | None = None,
    speed_cutoff: float = 1.0,
) -> tuple[Float[ndarray, "frames *points n"], OneEuroState]:
    """Filter values with the One Euro filter: steady at rest, fast in motion.

    Times are real: a late frame is filtered less. NaN stays NaN; a value that returns restarts its
    filter. A point's last axis is one vector, whose length is its speed, so that the result does
    not depend on the axes. Source: Casiez, Roussel and Vogel, "1€ Filter", CHI 2012; the smoothing
    factor is 1 / (1 + 1 / (2π f dt)).

    Args:
        times: Seconds.
        values: Any number of points.
        min_cutoff: Hz, of the low-pass filter at rest. An array (*points, 1) for points, or (n,)
            for axes, that are trusted unequally.
        beta: Hz per unit of speed (values a second), by which motion raises the cutoff; an array as
            min_cutoff.
        state: The state after the frames before; None at the start.
        speed_cutoff: Hz, of the low-pass filter on the speed.

    Returns:
        Filtered values, and the state after the last frame.
    """
    if state is None:
        state = OneEuroState(float(times[0]), values[0], np.zeros(values.shape[1:]))
    out = np.empty(values.shape)
    time, value, speed = state.time, state.value, state.speed
    whole = not (np.isnan(values).any() or np.isnan(value).any())
    for n, t in enumerate(times.tolist()):
        dt = max(t - time, 1e-9)
        change = values[n] - value
        if not whole:
            returned = np.isnan(change)
            change = np.where(returned, 0.0, change)
        speed = speed + (change / dt - speed) / (1.0 + 1.0 / (2.0 * np.pi * speed_cutoff * dt))
        cutoff = min_cutoff + beta * np.sqrt(np.vecdot(speed, speed))[..., None]
        value = value + change / (1.0 + 1.0 / (2.0 * np.pi * dt * cutoff))
        if not whole:
            value = np.where(returned, values[n], value)
        time = t
        out[n] = value
    return out, OneEuroState(time, value, speed)


def one_euro_rotations(
    times: Float[ndarray, "frames"],
    rotations: Float[ndarray, "frames *points 4"],
    min_cutoff: float,
    beta: float,
    state: OneEuroState | None = None,
) -> tuple[Float[ndarray, "frames *points 4"], OneEuroState]:
    """Filter rotations with the One Euro filter.

    The four numbers are filtered as one vector, with the sign nearer to the frame before, and
    normalized: on neighbouring rotations, a geodesic filter.

    Args:
        times: Seconds.
        rotations: Unit quaternions.
        min_cutoff: Hz, as in `one_euro`.
        beta: Hz per half radian a second.
        state: The state after the frames before; None at the start.

    Returns:
        Filtered rotations, and the state after the last frame.
    """
    chain = R.unroll(
        rotations if state is None else np.concatenate([state.value[None], rotations])
    )[-len(rotations) :]
    out, state = one_euro(times, chain, min_cutoff, beta, state)
    return R.normalize(out), state


def smooth_rotations(
    times: Float[ndarray, "frames"], rotations: Float[ndarray, "frames *points 4"], cutoff: float
) -> Float[ndarray, "frames *points 4"]:
    """Smooth rotations without delay, as `smooth` does.

    Args:
        times: Seconds.
        rotations: Unit quaternions.
        cutoff: Hz.
    """
    return R.normalize(smooth(times, R.unroll(rotations), cutoff))


def smooth(
    times: Float[ndarray, "frames"], values: Float[ndarray, "frames *rest"], cutoff: float
) -> Float[ndarray, "frames *rest"]:
    """Smooth values over real time without delay, with half power at the cutoff.

    NaN stays NaN and does not spread.

    At each frame a straight line is fitted to the frames around it, weighted by a Gaussian of
    deviation σ = √(ln 2) / (2π cutoff). At even times that is the Gaussian mean, whose gain is
    exp(−(2πfσ)²/2), 1/√2 at f = cutoff (to 2 % from five frames a period on). At the ends, beside
    gaps and at uneven times the mean alone would pull moving values towards the side that has more
    frames.

    Args:
        times: Seconds.
        values: Any values.
        cutoff: Hz.
    """
    sigma = float(np.sqrt(np.log(2.0)) / (2.0 * np.pi * cutoff))
    flat = values.reshape(len(times), -1)
    known = ~np.isnan(flat)
    if known.all():
        return _local_lines(times, flat, sigma).reshape(values.shape)
    out = np.full(flat.shape, np.nan)
    # What is known in the same frames shares its weights: mostly all points of a frame are seen, or
    # none.
    columns: dict[bytes, list[int]] = {}
    for n, column in enumerate(np.ascontiguousarray(known.T)):
        columns.setdefault(column.tobytes(), []).append(n)
    for same in columns.values():
        at = np.ix_(known[:, same[0]], same)
        out[at] = _local_lines(times[known[:, same[0]]], flat[at], sigma)
    return out.reshape(values.shape)


def _local_lines(
    times: Float[ndarray, "frames"], values: Float[ndarray, "frames n"], sigma: float
) -> Float[ndarray, "frames n"]:
    """Return the value at each time of a straight line through the values around it.

    A Gaussian of deviation sigma, seconds, weights them.
    """
    reach = 4.0 * sigma
    ahead = np.searchsorted(times, times + reach, side="right") - np.arange(len(times)) - 1
    # Each pair of frames k apart lends to each other by the same weight.
    pairs = []
    for k in range(1, int(ahead.max(initial=0)) + 1):
        dt = times[k:] - times[:-k]
        pairs.append((k, dt, np.where(dt <= reach, np.exp(-0.5 * np.square(dt / sigma)), 0.0)))
    # Weighted sums, over the frames around, of 1, of their time away and of its square.
    ones, away, square = np.ones(len(times)), np.zeros(len(times)), np.zeros(len(times))
    for k, dt, weight in pairs:
        for here, to in ((np.s_[k:], -dt), (np.s_[:-k], dt)):
            ones[here] += weight
            away[here] += weight * to
            square[here] += weight * to * to
    determinant = ones * square - away * away
    # A frame alone has no slope: there the mean.
    alone = determinant < 1e-9 * sigma * sigma * ones * ones
    mean = np.where(alone, 1.0 / ones, square / np.where(alone, 1.0, determinant))
    slope = np.where(alone, 0.0, away / np.where(alone, 1.0, determinant))
    out = mean[:, None] * values
    for k, dt, weight in pairs:
        out[k:] += (weight * (mean[k:] + slope[k:] * dt))[:, None] * values[:-k]
        out[:-k] += (weight * (mean[:-k] - slope[:-k] * dt))[:, None] * values[k:]
    return out


def fill_gaps(
    times: Float[ndarray, "frames"], values: Float[ndarray, "frames *rest"], longest: float
) -> Float[ndarray, "frames *rest"]:
    """Fill short runs of NaN between known frames linearly in time.

    Args:
        times: Seconds.
        values: Any values.
        longest: Runs of more seconds than this stay.
    """
    flat = np.array(values, dtype=np.float64).reshape(len(times), -1)
    index = np.arange(len(times))[:, None]
    known = ~np.isnan(flat)
    before = np.maximum.accumulate(np.where(known, index, -1), axis=0)
    after = np.minimum.accumulate(np.where(known, index, len(times))[::-1], axis=0)[::-1]
    inside = ~known & (before >= 0) & (after < len(times))
    a, b = np.where(inside, before, 0), np.where(inside, after, 0)
    span = times[b] - times[a]
    fill = inside & (span <= longest)
    share = np.where(fill, (times[:, None] - times[a]) / np.where(span > 0, span, 1.0), 0.0)
    columns = np.arange(flat.shape[1])
    start, end = flat[a, columns], flat[b, columns]
    return np.where(fill, start + share * (end - start), flat).reshape(values.shape)
