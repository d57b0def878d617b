"""Filters on arrays over real time: One Euro (live, causal) and Gaussian (bake, zero-phase)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R


@dataclass(frozen=True, eq=False, slots=True)
class OneEuroState:
    """State of the One Euro filter after a frame.

    Attributes:
        time: Time of the last frame, seconds.
        value: Filtered values.
        speed: Filtered speeds, units of the values per second.
    """

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

    The filter uses the true times, so a frame after a long gap is filtered less. NaN stays NaN; a
    value that returns after NaN restarts its filter. The last axis of a point is one vector and
    its speed is the length of that vector's derivative, so the result does not depend on the axes.

    Source: Casiez, Roussel and Vogel, "1€ Filter", CHI 2012. The smoothing factor is
    1 / (1 + 1 / (2π f dt)).

    Args:
        times: Seconds.
        values: Any number of points.
        min_cutoff: Cutoff of the low-pass filter at rest, Hz. An array of shape (*points, 1) sets
            it for each point, one of shape (n,) for each axis.
        beta: Increase of the cutoff with speed, Hz per (unit of the values per second); a number
            or an array, as min_cutoff.
        state: The state after the previous frames; None at the start.
        speed_cutoff: Cutoff of the low-pass filter on the speed, Hz.

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

    The four components are filtered as one vector, with the sign closer to the previous frame, and
    then normalized. For rotations close to each other this equals a filter on the geodesic.

    Args:
        times: Seconds.
        rotations: Unit quaternions.
        min_cutoff: Cutoff at rest, Hz.
        beta: Increase of the cutoff with speed, Hz per (half radian per second).
        state: The state after the previous frames; None at the start.

    Returns:
        Filtered rotations, and the state after the last frame.
    """
    chain = R.unroll(
        rotations if state is None else np.concatenate([state.value[None], rotations])
    )[-len(rotations) :]
    out, state = one_euro(times, chain, min_cutoff, beta, state)
    return R.normalize(out), state


@dataclass(frozen=True, eq=False, slots=True)
class TurnState:
    """The last time, seconds, and rotations (*points, 4), of a limit on turns."""

    time: float
    value: Float[ndarray, "*points 4"]


def limit_turns(
    times: Float[ndarray, "frames"],
    rotations: Float[ndarray, "frames points 4"],
    fastest: float,
    state: TurnState | None = None,
) -> tuple[Float[ndarray, "frames points 4"], TurnState]:
    """Follow rotations no faster than a given speed (causal).

    Args:
        times: Seconds.
        rotations: Unit quaternions.
        fastest: Radians per second.
        state: The state after the previous frames; None at the start.

    Returns:
        Rotations, and the state after the last frame.
    """
    state = state or TurnState(float(times[0]), rotations[0])
    time, value = state.time, state.value
    out = np.empty(rotations.shape)
    for n, t in enumerate(times.tolist()):
        away = R.distance(rotations[n], value)
        share = np.minimum(1.0, fastest * (t - time) / np.maximum(away, 1e-9))
        value = R.slerp(value, rotations[n], share) if share.min() < 1.0 else rotations[n]
        time = t
        out[n] = value
    return out, TurnState(time, value)


def smooth_rotations(
    times: Float[ndarray, "frames"], rotations: Float[ndarray, "frames *points 4"], cutoff: float
) -> Float[ndarray, "frames *points 4"]:
    """Smooth rotations without delay: `smooth` on quaternions of one sign, then normalized.

    Args:
        times: Seconds.
        rotations: Unit quaternions.
        cutoff: Frequency at half power, Hz.

    Returns:
        Smoothed rotations.
    """
    return R.normalize(smooth(times, R.unroll(rotations), cutoff))


_OUTLIER = np.radians(60.0)
"""Distance from the average at which an observed rotation counts a quarter, radians: wrists and
forearms follow their average over a tenth of a second more closely, and a turned-over palm is
further away."""
_ROUNDS = 3  # reweightings
_LEAST = 1e-6  # weight of rotations that nothing shows, where there are no others


def robust_rotations(
    times: Float[ndarray, "frames"],
    rotations: Float[ndarray, "frames points 4"],
    weights: Float[ndarray, "frames points"],
    cutoff: float,
) -> Float[ndarray, "frames points 4"]:
    """Smooth rotations, some of which are wrong, without delay.

    Each rotation is replaced by the average of those around it: the quaternion with the largest
    Σ w (q · q')² (Markley et al., Averaging Quaternions, J. Guidance 30, 2007). Neighbours need no
    common sign, so a run of wrong ones that goes once around and returns leaves no turn behind.
    Rotations far from the average then count less (Geman and McClure's weight). The averages are
    smoothed in turn, because one may jump where two rotations half a turn apart are as likely.

    Args:
        times: Seconds.
        rotations: Unit quaternions.
        weights: Weight of each rotation, 0 to 1.
        cutoff: Frequency at half power of each of the two smoothings, Hz.

    Returns:
        Smoothed rotations.
    """
    pairs = _neighbours(times, _sigma(cutoff))
    squares = rotations[..., :, None] * rotations[..., None, :]
    given = np.maximum(weights, _LEAST)[..., None, None]
    weight, out = given, rotations
    for n in range(_ROUNDS + 1):
        total = weight * squares
        for k, _, near in pairs:
            share = near[:, None, None, None]
            total[k:] += share * (weight * squares)[:-k]
            total[:-k] += share * (weight * squares)[k:]
        out = np.linalg.eigh(total)[1][..., -1]
        if n < _ROUNDS:
            away = R.distance(rotations, out)[..., None, None]
            weight = given / np.square(1.0 + np.square(away / _OUTLIER))
    return smooth_rotations(times, out, cutoff)


def smooth(
    times: Float[ndarray, "frames"], values: Float[ndarray, "frames *rest"], cutoff: float
) -> Float[ndarray, "frames *rest"]:
    """Smooth values over real time without delay, with half power at the cutoff.

    NaN stays NaN and does not spread.

    The result at a frame is the value of a straight line fitted to the frames around it (local
    linear regression), weighted by a Gaussian of standard deviation σ = √(ln 2) / (2π cutoff). At
    uniform times this is the Gaussian mean, whose gain is exp(−(2πfσ)²/2): 1/√2 at f = cutoff,
    accurate to 2 % for five or more frames per period. At the ends, beside gaps and at uneven
    times the mean alone would pull moving values towards the side with more frames.

    Args:
        times: Seconds.
        values: Any values.
        cutoff: Frequency at half power, Hz.

    Returns:
        Smoothed values.
    """
    sigma = _sigma(cutoff)
    flat = values.reshape(len(times), -1)
    known = ~np.isnan(flat)
    if known.all():
        return _local_lines(times, flat, sigma).reshape(values.shape)
    out = np.full(flat.shape, np.nan)
    # Columns that are known in the same frames share their weights. Usually there are few such
    # groups, because all points of a frame are seen, or none.
    columns: dict[bytes, list[int]] = {}
    for n, column in enumerate(np.ascontiguousarray(known.T)):
        columns.setdefault(column.tobytes(), []).append(n)
    for same in columns.values():
        at = np.ix_(known[:, same[0]], same)
        out[at] = _local_lines(times[known[:, same[0]]], flat[at], sigma)
    return out.reshape(values.shape)


def _sigma(cutoff: float) -> float:
    """Return the standard deviation of the Gaussian with half power at a cutoff, seconds."""
    return float(np.sqrt(np.log(2.0)) / (2.0 * np.pi * cutoff))


def _neighbours(times: ndarray, sigma: float) -> list[tuple[int, ndarray, ndarray]]:
    """Return by k the time between frames that are k apart, and the weight of each for the other.

    Weights are a Gaussian of standard deviation `sigma`, seconds, up to four of these.
    """
    reach = 4.0 * sigma
    ahead = np.searchsorted(times, times + reach, side="right") - np.arange(len(times)) - 1
    pairs = []
    for k in range(1, int(ahead.max(initial=0)) + 1):
        dt = times[k:] - times[:-k]
        pairs.append((k, dt, np.where(dt <= reach, np.exp(-0.5 * np.square(dt / sigma)), 0.0)))
    return pairs


def _local_lines(
    times: Float[ndarray, "frames"], values: Float[ndarray, "frames n"], sigma: float
) -> Float[ndarray, "frames n"]:
    """Return the value at each time of a straight line fitted to the values around it.

    The weights are a Gaussian of standard deviation `sigma`, seconds.
    """
    pairs = _neighbours(times, sigma)
    # Weighted sums over the neighbouring frames: of 1, of the time difference, and of its square.
    ones, away, square = np.ones(len(times)), np.zeros(len(times)), np.zeros(len(times))
    for k, dt, weight in pairs:
        for here, to in ((np.s_[k:], -dt), (np.s_[:-k], dt)):
            ones[here] += weight
            away[here] += weight * to
            square[here] += weight * to * to
    determinant = ones * square - away * away
    # A frame without neighbours has no slope and keeps its value.
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
        longest: Longest gap that is filled, seconds.

    Returns:
        The values with short gaps filled.
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
