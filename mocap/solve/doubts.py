"""What of a take cannot be trusted, as spans of time in words: what the page's timeline shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from mocap.core.runs import runs
from mocap.solve.assessment import LIMBS, Assessment
from mocap.solve.groups import GROUP_NAMES

Kind = Literal["unseen", "held", "rest", "cut"]


@dataclass(frozen=True, slots=True)
class Doubt:
    """A span of a take that does not rest on what the picture shows.

    Attributes:
        kind: No person is seen, a limb is held, an upper body's legs rest, or a hard cut.
        start: Seconds from the take's first frame.
        stop: Seconds; that of a cut is its start.
        words: A sentence.
    """

    kind: Kind
    start: float
    stop: float
    words: str


def doubts(assessment: Assessment) -> tuple[Doubt, ...]:
    """Return the doubts about a take, by their start."""
    times = assessment.times - assessment.times[0]
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    edges = [*times.tolist(), float(times[-1]) + step]

    def spans(kind: Kind, flags: Bool[ndarray, "frames"], words: str) -> list[Doubt]:
        return [Doubt(kind, edges[a], edges[b], words) for a, b in runs(flags)]

    found = spans("unseen", ~assessment.person, "No person is seen.")
    found += spans("rest", assessment.upper, "Upper body: the legs rest.")
    for name, limb in LIMBS.items():
        flags = assessment.held[:, GROUP_NAMES.index(name)]
        found += spans("held", flags, f"The {limb} is held, because it is hidden.")
    for cut in assessment.cuts:
        at = cut - float(assessment.times[0])
        found.append(Doubt("cut", at, at, "A hard cut: a new take begins."))
    return tuple(sorted(found, key=lambda doubt: doubt.start))
