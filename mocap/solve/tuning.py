"""Options of the solver: SolveOptions for bake and live, and Tuning for changes while live."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

LIVE_FILTER = (np.array([3.0, 3.0, 1.5]), np.array([8.0, 8.0, 2.0]))
"""The live One Euro filter on keypoints, in camera axes: Hz at rest, and Hz per m/s.

The detector has filtered the keypoints already, so this filter is light; it is stronger in depth,
which is the least accurate. It was chosen with tests/benchmarks/lag.py, where no filter on
rotations was better."""

Feet = Literal["off", "auto", "always"]

F = TypeVar("F", float, np.ndarray)


@dataclass(frozen=True, slots=True)
class SolveOptions:
    """How to solve keypoints.

    Attributes:
        refine: Lift, filter and fit the keypoints. False uses them as they are, without planting
            feet: for synthetic keypoints, or those of a more accurate system.
        feet: "auto" plants feet that stand, "always" keeps feet on the ground all the time, "off"
            leaves them as solved. Bake only; live solving has Tuning.feet.
        upper_body: Keep legs at rest and hips steady; None decides by whether legs are seen.
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
        smoothing: Factor on the smoothing, and so on the lag, of all live filters.
        feet: Whether standing feet are locked to the ground ("off": not).
        hips: "locked" keeps the body in place horizontally; feet are then not locked.
    """

    smoothing: float = 1.0
    feet: Literal["auto", "always", "off"] = "auto"
    hips: Literal["free", "locked"] = "free"

    def cutoffs(self, usual: tuple[F, F]) -> tuple[F, F]:
        """Return a One Euro filter's (Hz at rest, Hz per unit of speed) for this smoothing."""
        return usual[0] / self.smoothing, usual[1] / self.smoothing

    @property
    def lag(self) -> float:
        """The delay of a point that moves across the picture at 1 m/s, at 30 frames/s; seconds.

        A first-order low-pass filter of cutoff f follows a ramp with a delay of 1 / (2π f). The One
        Euro filter (mocap.core.filter.one_euro) computes the speed that sets f from the delayed
        value, which multiplies it by 1 + 30 · delay. The delay is thus the root of a quadratic
        equation.
        """
        at_rest, by_speed = (2.0 * np.pi * float(c[0]) for c in self.cutoffs(LIVE_FILTER))
        square, linear = 30.0 * by_speed, at_rest + by_speed
        return float((np.sqrt(linear**2 + 4.0 * square) - linear) / (2.0 * square))
