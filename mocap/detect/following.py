"""Who is who, frame by frame: people of a live picture keep their numbers.

`detect.identities` does this for a whole take, with knowledge of what comes after.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from mocap.core.keypoints import Keypoints
from mocap.detect.people import extent, middle
from mocap.detect.sightings import (
    OTHER_TRACK,
    Sighting,
    TrackEnd,
    deviation,
    mixed_look,
    sightings_of,
)

# Largest cost of a step from frame to frame, and of finding again a person who was not seen for
# half a second or more: deviations, squared and summed.
_STEP, _AGAIN = 12.0, 20.0
# Cost that a step to another number must save.
_HYSTERESIS = 2.0
# Seconds without a sighting after which a number is free.
_GONE = 4.0
# Seconds over which velocities and looks are averaged.
_STEADY, _LOOKING = 0.25, 1.0


@dataclass(eq=False, slots=True)
class _Followed:
    """A person with a number: what is known at the last sighting."""

    end: TrackEnd
    index: int

    def take(self, time: float, sighting: Sighting, index: int) -> None:
        """Continue with a sighting."""
        before, step = self.end, max(time - self.end.time, 1e-3)
        share = 1.0 - np.exp(-step / _STEADY)
        at = middle(sighting.points)
        velocity = before.velocity if before.velocity is not None else np.zeros(2)
        velocity = velocity + share * ((at - before.middle) / step - velocity)
        size = before.size + share * (extent(sighting.points) - before.size)
        look = mixed_look(before.look, sighting.look, min(step / _LOOKING, 0.5))
        self.end = TrackEnd(time, at, velocity, size, sighting.points, look, sighting.track)
        self.index = index


class Following:
    """Numbers the people of successive frames, from 0.

    Args:
        most: The largest number of people.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._people: dict[int, _Followed] = {}

    def numbers(
        self, image: UInt8[ndarray, "height width 3"], people: Sequence[Keypoints], time: float
    ) -> tuple[dict[int, int], list[int]]:
        """Return who is who in a frame.

        Args:
            image: (H, W, 3) uint8, RGB.
            people: One frame of keypoints of each person.
            time: Seconds.

        Returns:
            Number to index in `people`, and the numbers that are free again because their people
            were not seen for some seconds.
        """
        gone = [n for n, known in self._people.items() if time - known.end.time > _GONE]
        for n in gone:
            del self._people[n]
        seen = sightings_of(image, people)
        found = self._assigned(seen, time)
        for number, index in found.items():
            self._people[number].take(time, seen[index], index)
        free = iter(n for n in range(self._most) if n not in self._people)
        new = sorted(set(range(len(seen))) - set(found.values()), key=lambda i: _left(seen[i]))
        for index, number in zip(new, free, strict=False):
            self._people[number] = _Followed(_first(seen[index], time), index)
            found[number] = index
        return found, gone

    def at(self, point: tuple[float, float]) -> int | None:
        """Return the number of the person nearest to a point, pixels; None if there is no one."""
        away = {
            n: float(np.linalg.norm(known.end.middle - point)) for n, known in self._people.items()
        }
        return min(away, key=lambda n: away[n]) if away else None

    def exchange(self, a: int, b: int) -> None:
        """Exchange the numbers of two people."""
        first, second = self._people.pop(a, None), self._people.pop(b, None)
        self._people |= {n: p for n, p in ((b, first), (a, second)) if p is not None}

    def known(self) -> list[int]:
        """Return the numbers of the people who are followed."""
        return sorted(self._people)

    def _assigned(self, seen: Sequence[Sighting], time: float) -> dict[int, int]:
        """Return number to index: the assignment of least cost."""
        from scipy.optimize import linear_sum_assignment

        numbers = sorted(self._people)
        costs = np.empty((len(numbers), len(seen)))
        limits = np.empty(len(numbers))
        for row, n in enumerate(numbers):
            known = self._people[n]
            limits[row] = _STEP if time - known.end.time < 0.5 else _AGAIN
            for column, sighting in enumerate(seen):
                costs[row, column] = deviation(known.end, _first(sighting, time))
                costs[row, column] += self._change(known, column, seen)
        rows, columns = linear_sum_assignment(np.minimum(costs, limits[:, None]))
        pairs = zip(rows.tolist(), columns.tolist(), strict=True)
        return {numbers[r]: c for r, c in pairs if costs[r, c] < limits[r]}

    def _change(self, known: _Followed, column: int, seen: Sequence[Sighting]) -> float:
        """Return the cost of a step to a sighting that another person may have been before."""
        before, now = known.end.track, seen[column].track
        if before is None or now is None:
            # Many detectors yield people in the same order.
            return _HYSTERESIS * (known.index != column)
        begun = any(p.end.track == now for p in self._people.values())
        goes_on = any(s.track == before for s in seen)
        return OTHER_TRACK if before != now and (begun or goes_on) else 0.0


def _left(sighting: Sighting) -> float:
    return float(middle(sighting.points)[0])


def _first(sighting: Sighting, time: float) -> TrackEnd:
    points = sighting.points
    return TrackEnd(
        time, middle(points), None, extent(points), points, sighting.look, sighting.track
    )
