"""Curves: keys in time with a value each, and how the values between them are found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from mocap.errors import InputError
from mocap.formats.fbx.nodes import Node

# KeyAttrFlags (FbxAnimCurveDef)
CONSTANT, LINEAR, CUBIC = 0x2, 0x4, 0x8
_NEXT = 0x100  # of constant keys: the value of the next key holds
_TCB, _USER, _CLAMP, _TIME_INDEPENDENT, _PROGRESSIVE = 0x200, 0x400, 0x1000, 0x2000, 0x4000
_WEIGHTED_RIGHT, _WEIGHTED_NEXT_LEFT = 0x1000000, 0x2000000
# Weights are stored as integers of this many a unit; a key without one has a third.
_WEIGHT, _THIRD = 9999.0, 1.0 / 3.0
# Keys of one curve: over nine hours at 30 a second.
MOST = 1_000_000
# Halvings of the parameter's interval: 2⁻⁴⁰ of a key's distance.
_HALVINGS = 40


@dataclass(frozen=True, eq=False, slots=True)
class Curve:
    """times: (K,) seconds, strictly increasing. values: (K,). flags: (K,) as KeyAttrFlags.

    out, into: (K,) slopes behind and before each key, a second. weights: (K, 2) where the handles
    end, behind a key and before the next, as parts of the distance between the two.
    """

    times: Float[ndarray, "keys"]
    values: Float[ndarray, "keys"]
    flags: Int[ndarray, "keys"]
    out: Float[ndarray, "keys"]
    into: Float[ndarray, "keys"]
    weights: Float[ndarray, "keys 2"]

    def sampled(self, times: Float[ndarray, "frames"]) -> Float[ndarray, "frames"]:
        """The values at the times, held before the first key and after the last."""
        if len(self.times) == 1:
            return np.full(len(times), self.values[0])
        i = np.clip(np.searchsorted(self.times, times, side="right") - 1, 0, len(self.times) - 2)
        span = self.times[i + 1] - self.times[i]
        x = np.clip((times - self.times[i]) / span, 0.0, 1.0)
        start, end, flags = self.values[i], self.values[i + 1], self.flags[i]
        # Keys of no kind known are linear.
        found = start + x * (end - start)
        held = np.where((flags & _NEXT > 0) | (x >= 1.0), end, start)
        found = np.where((flags & CONSTANT > 0) & (x > 0.0), held, found)
        curved = np.flatnonzero((flags & CUBIC > 0) & (x > 0.0) & (x < 1.0))
        if len(curved):
            j = i[curved]
            rise = span[curved] * self.weights[j].T
            handles = (
                start[curved] + rise[0] * self.out[j],
                end[curved] - rise[1] * self.into[j + 1],
            )
            t = _parameter(x[curved], self.weights[j])
            found[curved] = _bezier(t, start[curved], *handles, end[curved])
        return found


def curve(node: Node, ticks: int) -> Curve | None:
    """An AnimationCurve; None if it has no keys. ticks: units of time a second.

    Raises InputError if its arrays do not fit each other.
    """
    keys, values = node.array("KeyTime"), node.array("KeyValueFloat")
    if keys is None or values is None or len(keys) == 0:
        return None
    if len(keys) != len(values) or len(keys) > MOST or not np.all(np.isfinite(values)):
        raise InputError(
            f"The FBX file is damaged: a curve has {len(keys)} times and {len(values)} values, "
            f"which should be equally many finite numbers, at most {MOST}."
        )
    times = keys.astype(np.float64) / ticks
    flags, data = _attributes(node, len(keys))
    # Of keys at one time the last counts; keys out of order are put in order.
    order = np.argsort(times, kind="stable")
    order = order[np.append(np.diff(times[order]) > 0.0, True)]
    times, flags, data = times[order], flags[order], data[order]
    levels = values[order].astype(np.float64)
    return Curve(times, levels, flags, *_slopes(times, levels, flags, data), _weights(flags, data))


def _attributes(node: Node, count: int) -> tuple[Int[ndarray, "keys"], Float[ndarray, "keys 5"]]:
    """Return the flags and data of each key; the file stores equal neighbours once.

    The last column of the data is the third as an integer, which holds two weights in some keys.
    """
    flags, data = node.array("KeyAttrFlags"), node.array("KeyAttrDataFloat")
    repeats = node.array("KeyAttrRefCount")
    linear = np.full(count, LINEAR), np.zeros((count, 5))
    if flags is None or repeats is None or len(flags) != len(repeats):
        return linear
    if np.any(repeats < 0) or int(repeats.sum(dtype=np.float64)) != count:
        return linear
    table = np.zeros((len(flags), 5))
    if data is not None and len(data) == 4 * len(flags):
        # ASCII files give these numbers as integers of the same bits.
        bits = data.astype("<u4") if data.dtype.kind == "i" else data.astype("<f4").view("<u4")
        table[:, :4] = np.nan_to_num(bits.view("<f4")).reshape(-1, 4)
        table[:, 4] = bits.reshape(-1, 4)[:, 2]
    each = np.repeat(np.arange(len(flags)), repeats.astype(np.intp))
    return flags.astype(np.int64)[each], table[each]


def _slopes(
    times: ndarray, values: ndarray, flags: ndarray, data: ndarray
) -> tuple[Float[ndarray, "keys"], Float[ndarray, "keys"]]:
    """(behind each key, before each key), a second.

    A key's data are its slope behind it and the one before the next key, where the user set them;
    elsewhere how much of the way (percent) an automatic slope leans to the segment on that side,
    or tension, continuity and bias (Kochanek and Bartels, "Interpolating splines with local
    tension, continuity, and bias control", SIGGRAPH 1984).
    """
    if len(times) < 2:
        return np.zeros(len(times)), np.zeros(len(times))
    steps = np.diff(values) / np.diff(times)
    ends = np.array([0]), np.array([-1])
    before, behind = (
        np.concatenate([steps[ends[0]], steps]),
        np.concatenate([steps, steps[ends[1]]]),
    )
    lean_out, lean_in = data[:, 0], np.concatenate([[0.0], data[:-1, 1]])
    middle, half = 0.5 * (before + behind), 0.5 * (before - behind)
    span = np.diff(times)
    share = np.concatenate([[0.5], span[:-1] / (span[:-1] + span[1:]), [0.5]])
    even = share * before + (1.0 - share) * behind
    middle = np.where(flags & _TIME_INDEPENDENT > 0, even, middle)
    out, into = middle - 0.01 * lean_out * half, middle + 0.01 * lean_in * half
    level = (flags & _CLAMP > 0) & ((before == 0.0) | (behind == 0.0))
    out, into = np.where(level, 0.0, out), np.where(level, 0.0, into)
    out, into = (_progressive(slope, flags, before, behind) for slope in (out, into))
    out, into = _tcb(out, into, flags, data, before, behind)
    own = flags & _USER > 0
    return np.where(own, data[:, 0], out), np.where(own, lean_in, into)


def _progressive(slope: ndarray, flags: ndarray, before: ndarray, behind: ndarray) -> ndarray:
    """Slopes whose handles stay between the neighbours' values, where keys ask for it."""
    sign = np.sign(slope)
    most = np.maximum(np.minimum(sign * before, sign * behind), 0.0) / _THIRD
    most[[0, -1]] = 0.0
    bounded = sign * np.minimum(np.abs(slope), most)
    return np.where(flags & _PROGRESSIVE > 0, bounded, slope)


def _tcb(
    out: ndarray, into: ndarray, flags: ndarray, data: ndarray, before: ndarray, behind: ndarray
) -> tuple[ndarray, ndarray]:
    """The slopes, those of keys with tension, continuity and bias by these."""
    tension, continuity, bias = 1.0 - data[:, 0], data[:, 1], data[:, 2]
    near, far = 0.5 * (1.0 + bias) * before, 0.5 * (1.0 - bias) * behind
    smooth, sharp = tension * (1.0 - continuity), tension * (1.0 + continuity)
    own_out, own_in = sharp * near + smooth * far, smooth * near + sharp * far
    own_out[0], own_in[-1] = 2.0 * (smooth * far)[0], 2.0 * (smooth * near)[-1]
    tcb = flags & _TCB > 0
    return np.where(tcb, own_out, out), np.where(tcb, own_in, into)


def _weights(flags: ndarray, data: ndarray) -> Float[ndarray, "keys 2"]:
    bits = data[:, 4].astype(np.int64)
    right = np.where(flags & _WEIGHTED_RIGHT > 0, (bits & 0xFFFF) / _WEIGHT, _THIRD)
    left = np.where(flags & _WEIGHTED_NEXT_LEFT > 0, (bits >> 16 & 0xFFFF) / _WEIGHT, _THIRD)
    return np.clip(np.stack([right, left], axis=-1), 0.0, 1.0)


def _bezier(t: ndarray, a: ndarray, b: ndarray, c: ndarray, d: ndarray) -> ndarray:
    s = 1.0 - t
    return np.asarray(s**3 * a + 3.0 * s * s * t * b + 3.0 * s * t * t * c + t**3 * d)


def _parameter(x: Float[ndarray, "n"], weights: Float[ndarray, "n 2"]) -> Float[ndarray, "n"]:
    """Where along a Bézier curve with handles of these weights its time is x of the way."""
    if np.all(np.abs(weights - _THIRD) < 1e-9):
        return x
    low, high = np.zeros(len(x)), np.ones(len(x))
    for _ in range(_HALVINGS):
        t = 0.5 * (low + high)
        ahead = _bezier(t, np.zeros(1), weights[:, 0], 1.0 - weights[:, 1], np.ones(1)) > x
        low, high = np.where(ahead, low, t), np.where(ahead, t, high)
    return 0.5 * (low + high)
