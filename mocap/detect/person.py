"""One of the people of a take."""

from __future__ import annotations

from dataclasses import dataclass

from mocap.core.keypoints import Keypoints


@dataclass(frozen=True, eq=False, slots=True)
class Person:
    """One of the people of a take.

    Attributes:
        number: Counted from 1 by when they are first seen, and from the left.
        keypoints: Of all frames of the take; NaN where the person is not seen.
        seen: Pairs of seconds between which the person is seen.
    """

    number: int
    keypoints: Keypoints
    seen: tuple[tuple[float, float], ...]
