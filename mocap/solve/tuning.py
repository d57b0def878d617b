"""Options of the solver: SolveOptions for both grades, Tuning for changes while live."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

LIVE_FILTER = (np.array([3.0, 3.0, 1.5]), np.array([8.0, 8.0, 2.0]))
"""The live One Euro filter on keypoints, in the camera's axes:

Hz at rest, Hz per m/s. The detector has already filtered them once, so this one is light; less so
in depth, of which it knows least. Chosen by tests/benchmarks/lag.py, in which no filter on
rotations did better."""

Feet = Literal["off", "auto", "always"]

F = TypeVar("F", float, np.ndarray)


@dataclass(frozen=True, slots=True)
class SolveOptions:
    """How keypoints are solved.

    Attributes:
        refine: Lift, filter and fit the keypoints; False takes them as they are, for synthetic
            keypoints or those of a better system, and leaves feet alone.
        feet: "auto" plants feet that stand, "always" never lets them leave the ground, "off"
            leaves them as solved. The live grade has Tuning.feet instead.
        upper_body: Legs at rest and hips steady; None decides by whether legs are seen.
        height: The performer's height, metres; None estimates it from the keypoints. Bake only.
    """

    refine: bool = True
    feet: Feet = "auto"
    upper_body: bool | None = None
    height: float | None = None


@dataclass(frozen=True, slots=True)
class Tuning:
    """The live settings.

    Attributes:
        smoothing: Factor on the smoothing and lag of all live filters.
        feet: Whether standing feet are held to the ground.
        hips: "locked" keeps the body in its place; feet are then not held.
    """

    smoothing: float = 1.0
    feet: Literal["auto", "always", "off"] = "auto"
    hips: Literal["free", "locked"] = "free"

    def cutoffs(self, usual: tuple[F, F]) -> tuple[F, F]:
        """With this smoothing, a One Euro filter's usual (Hz at rest, Hz a unit of speed)."""
        return usual[0] / self.smoothing, usual[1] / self.smoothing

    @property
    def lag(self) -> float:
        """The delay, seconds, of a point that moves across the picture at 1 m/s, 30 frames/s.

        A first-order low-pass of cutoff f follows a ramp by 1 / (2π f). One Euro takes the speed
        that sets f from the delayed value (mocap.core.filter.one_euro), which multiplies it by 1 +
        lag · 30: the lag is the root of a quadratic equation.
        """
        at_rest, by_speed = (2.0 * np.pi * float(c[0]) for c in self.cutoffs(LIVE_FILTER))
        square, linear = 30.0 * by_speed, at_rest + by_speed
        return float((np.sqrt(linear**2 + 4.0 * square) - linear) / (2.0 * square))
