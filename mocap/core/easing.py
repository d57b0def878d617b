"""Smooth transitions between 0 and 1."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core.small import clip


def smoothstep(
    x: Float[ndarray, "*shape"] | float, start: float = 0.0, end: float = 1.0
) -> Float[ndarray, "*shape"]:
    """Return 0 up to `start`, 1 from `end` on, and the cubic 3t² − 2t³ between them.

    Args:
        x: Values to map.
        start: Value at which the transition begins.
        end: Value at which it ends. An `end` below `start` gives a transition downwards.

    Returns:
        Values in [0, 1], of the shape of `x`.
    """
    t = clip((np.asarray(x) - start) / (end - start), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t))
