"""The smoothness cost: third derivatives.

Speed and acceleration cost nothing, and the cost is robust, so that fast movements (a kick, a clap)
are kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.solve.refine.banded import REACH, third_differences
from mocap.solve.refine.costs import UNIT
from mocap.solve.refine.sight import IMAGE_SIGMA

CUTOFF = 4.0
"""Frequency up to which motion across the viewing ray passes, Hz.

Along the ray the cutoff is lower, because depth is less accurate."""


@dataclass(frozen=True, eq=False, slots=True)
class Smoothness:
    """Third differences at true times, scaled so that motion up to CUTOFF passes.

    Attributes:
        times: Seconds.
        weights: Weights of the four frames of each difference.
    """

    times: Float[ndarray, "frames"]
    weights: Float[ndarray, "spans 4"]

    @classmethod
    def of(cls, times: Float[ndarray, "frames"]) -> Smoothness:
        """Return the smoothness cost of frames at the given times, seconds."""
        w = third_differences(times)
        strength = (2.0 * np.pi * CUTOFF) ** 3 * IMAGE_SIGMA * np.sqrt(UNIT)
        seconds = (times[REACH:] - times[:-REACH]) / REACH if len(w) else np.zeros(0)
        return cls(times, w * (np.sqrt(seconds) / strength)[:, None])

    def jerk(self, v: Float[ndarray, "frames *rest"]) -> Float[ndarray, "spans *rest"]:
        """Return the scaled third derivative of v."""
        n = len(self.weights)
        shape = (n, *(1,) * (v.ndim - 1))
        return np.asarray(
            sum(self.weights[:, k].reshape(shape) * v[k : k + n] for k in range(REACH + 1))
        )

    def back(
        self, jerk: Float[ndarray, "spans *rest"], frames: int
    ) -> Float[ndarray, "frames *rest"]:
        """Return the transpose of the linear map `jerk`, applied to third derivatives.

        Args:
            jerk: Scaled third derivatives.
            frames: Number of frames.
        """
        n = len(self.weights)
        out = np.zeros((frames, *jerk.shape[1:]))
        shape = (n, *(1,) * (jerk.ndim - 1))
        for k in range(REACH + 1):
            out[k : k + n] += self.weights[:, k].reshape(shape) * jerk
        return out

    def couplings(
        self, weight: Float[ndarray, "spans bones"], frames: int
    ) -> Float[ndarray, "4 frames bones"]:
        """Return the terms of the normal matrix that couple bones to those k frames later.

        Args:
            weight: Robust weights of the third derivatives.
            frames: Number of frames.
        """
        n = len(self.weights)
        out = np.zeros((REACH + 1, frames, weight.shape[1]))
        for k in range(REACH + 1):
            for a in range(REACH + 1 - k):
                out[k, a : a + n] += (self.weights[:, a] * self.weights[:, a + k])[:, None] * weight
        return out
