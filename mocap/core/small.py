"""NumPy's conveniences without their cost on small arrays.

A live frame is a hundred small arrays; on these `np.clip`, `np.nan_to_num` and `np.diff` take three
to ten times as long as the operations that they consist of.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray


def clip(
    x: Float[ndarray, "*shape"] | float, low: float | ndarray, high: float | ndarray
) -> Float[ndarray, "*shape"]:
    """Limit values to a range; NaN stays NaN.

    Args:
        x: The values.
        low: Least value.
        high: Largest value.
    """
    return np.asarray(np.minimum(np.maximum(x, low), high))


def without_nan(x: Float[ndarray, "*shape"], value: float = 0.0) -> Float[ndarray, "*shape"]:
    """Replace NaN by a value."""
    return np.where(np.isnan(x), value, x)


def steps(times: Float[ndarray, "frames"], before: float) -> Float[ndarray, "frames"]:
    """Return the time from each frame's predecessor to it.

    Args:
        times: Seconds.
        before: The time of the frame before the first, seconds.
    """
    return times - np.concatenate([[before], times[:-1]])


def norm(v: Float[ndarray, "*batch n"]) -> Float[ndarray, "*batch"]:
    """Return the lengths of vectors."""
    return np.asarray(np.sqrt(np.vecdot(v, v)))


def middle(
    points: Float[ndarray, "frames points n"], pair: list[int]
) -> Float[ndarray, "frames n"]:
    """Return the middle of two points in each frame."""
    return 0.5 * (points[:, pair[0]] + points[:, pair[1]])
