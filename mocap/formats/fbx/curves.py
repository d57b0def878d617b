"""Animation curves: keys with times and values, and the interpolation between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from mocap.errors import InputError
from mocap.formats.fbx.nodes import Node

# KeyAttrFlags (FbxAnimCurveDef)
CONSTANT, LINEAR, CUBIC = 0x2, 0x4, 0x8
_NEXT = 0x100  # of constant keys: the curve has the value of the next key
_TCB, _USER, _CLAMP, _TIME_INDEPENDENT, _PROGRESSIVE = 0x200, 0x400, 0x1000, 0x2000, 0x4000
_WEIGHTED_RIGHT, _WEIGHTED_NEXT_LEFT = 0x1000000, 0x2000000
# Integer that stands for a weight of 1, and the default weight.
_WEIGHT, _THIRD = 9999.0, 1.0 / 3.0
# Most keys of one curve: nine hours at 30 frames per second.
MOST = 1_000_000
# Halvings of the parameter's interval: 2⁻⁴⁰ of a key's distance.
_HALVINGS = 40


@dataclass(frozen=True, eq=False, slots=True)
class Curve:
    """An animation curve of K keys.

    Attributes:
        times: (K,) seconds, strictly increasing.
        values: (K,) values.
        flags: (K,) KeyAttrFlags.
        out: (K,) slopes after each key, per second.
        into: (K,) slopes before each key, per second.
        weights: (K, 2) lengths of the handles after a key and before the next key, as fractions of
            the time between the two.
    """

    times: Float[ndarray, "keys"]
    values: Float[ndarray, "keys"]
    flags: Int[ndarray, "keys"]
    out: Float[ndarray, "keys"]
    into: Float[ndarray, "keys"]
    weights: Float[ndarray, "keys 2"]

    def sampled(self, times: Float[ndarray, "frames"]) -> Float[ndarray, "frames"]:
        """Return the values at times, seconds; constant before the first and after the last key."""
        if len(self.times) == 1:
            return np.full(len(times), self.values[0])
        i = np.clip(np.searchsorted(self.times, times, side="right") - 1, 0, len(self.times) - 2)
        span = self.times[i + 1] - self.times[i]
        x = np.clip((times - self.times[i]) / span, 0.0, 1.0)
        start, end, flags = self.values[i], self.values[i + 1], self.flags[i]
        # Keys of unknown kinds are linear.
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
    """Return an AnimationCurve; None if it has no keys.

    Args:
        node: The AnimationCurve's node.
        ticks: The file's units of time per second.

    Raises:
        InputError: The curve's arrays differ in length, or are too long.
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
    # Keys are sorted by time; of several keys with the same time, the last one is used.
    order = np.argsort(times, kind="stable")
    order = order[np.append(np.diff(times[order]) > 0.0, True)]
    times, flags, data = times[order], flags[order], data[order]
    levels = values[order].astype(np.float64)
    return Curve(times, levels, flags, *_slopes(times, levels, flags, data), _weights(flags, data))


def _attributes(node: Node, count: int) -> tuple[Int[ndarray, "keys"], Float[ndarray, "keys 5"]]:
    """Return the flags and data of each key; the file stores equal neighbours once.

    Columns 0 to 3 of the data are floats; column 4 is the third as an integer, which contains two
    weights.
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
        # ASCII files store the bits of these floats as integers.
        bits = data.astype("<u4") if data.dtype.kind == "i" else data.astype("<f4").view("<u4")
        table[:, :4] = np.nan_to_num(bits.view("<f4")).reshape(-1, 4)
        table[:, 4] = bits.reshape(-1, 4)[:, 2]
    each = np.repeat(np.arange(len(flags)), repeats.astype(np.intp))
    return flags.astype(np.int64)[each], table[each]


def _slopes(
    times: ndarray, values: ndarray, flags: ndarray, data: ndarray
) -> tuple[Float[ndarray, "keys"], Float[ndarray, "keys"]]:
    """Return the slopes after each key, and before each key, per second.

    A key's data are the slope after it and the slope before the next key, if the user set them.
    Otherwise they are the percentages by which automatic slopes are shifted towards the slope of
    the segment on that side, or tension, continuity and bias (Kochanek and Bartels, "Interpolating
    splines with local tension, continuity, and bias control", SIGGRAPH 1984).
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
    """Limit slopes so that handles stay between the neighbours' values, for keys with that flag."""
    sign = np.sign(slope)
    most = np.maximum(np.minimum(sign * before, sign * behind), 0.0) / _THIRD
    most[[0, -1]] = 0.0
    bounded = sign * np.minimum(np.abs(slope), most)
    return np.where(flags & _PROGRESSIVE > 0, bounded, slope)


def _tcb(
    out: ndarray, into: ndarray, flags: ndarray, data: ndarray, before: ndarray, behind: ndarray
) -> tuple[ndarray, ndarray]:
    """Replace the slopes of keys with tension, continuity and bias; others stay."""
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
    """Return the parameter at which a Bézier curve has passed a fraction x of its time.

    Args:
        x: Fractions of the time between two keys.
        weights: Lengths of the two handles, as fractions of that time.
    """
    if np.all(np.abs(weights - _THIRD) < 1e-9):
        return x
    low, high = np.zeros(len(x)), np.ones(len(x))
    for _ in range(_HALVINGS):
        t = 0.5 * (low + high)
        ahead = _bezier(t, np.zeros(1), weights[:, 0], 1.0 - weights[:, 1], np.ones(1)) > x
        low, high = np.where(ahead, low, t), np.where(ahead, t, high)
    return 0.5 * (low + high)
