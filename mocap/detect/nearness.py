"""Who of several people in a picture is nearer to the camera."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mocap.core.keypoints import LANDMARKS, Keypoints
from mocap.detect.crops import pixels_per_metre

# Weight of where the feet are in the picture (in statures) beside the logarithm of a metre's size:
# people's statures differ by some 8 %, which the detector does not see, and steps lift the lower
# foot by half of that at most.
_FEET = 4.0
_STATURE = 1.7
# Seconds over which nearness is averaged, and by how much another person must be nearer to change
# places with one who was in front.
_STEADY, _MARGIN = 0.5, 0.1
_SOLES = [LANDMARKS.index(f"{s}_{n}") for n in ("heel", "foot_index") for s in ("left", "right")]


class Nearness:
    """What is known of one person's distance: a metre's size, and where the feet stand, pixels."""

    def __init__(self) -> None:
        self.metre = self.floor = 0.0
        self._weight = self._floor_weight = 0.0

    def see(self, person: Keypoints, step: float, clear: float) -> None:
        """Take one frame of keypoints.

        Args:
            person: One frame.
            step: Seconds since the last one.
            clear: How much of the person is seen, 0 to 1.
        """
        points, confidence = person.image[0], person.confidence[0]
        kept = np.exp(-step / _STEADY)
        weight = clear * clear * float(confidence.mean()) + 1e-3
        metre = pixels_per_metre(person.positions[0], points)
        self.metre, self._weight = _mixed(self.metre, self._weight * kept, metre, weight)
        lowest = _SOLES[int(points[_SOLES, 1].argmax())]
        weight = clear * clear * float(confidence[lowest]) + 1e-3
        self.floor, self._floor_weight = _mixed(
            self.floor, self._floor_weight * kept, float(points[lowest, 1]), weight
        )


def _mixed(value: float, weight: float, new: float, new_weight: float) -> tuple[float, float]:
    total = weight + new_weight
    return (weight * value + new_weight * new) / total, total


def nearest_first(people: Sequence[Nearness]) -> list[int]:
    """Return the indices of people, the nearest first.

    Args:
        people: In their order so far, the nearest first; those who are about as near keep it.
    """
    if not people:
        return []
    size = _STATURE * float(np.mean([p.metre for p in people]))
    near = [float(np.log(p.metre)) + _FEET * p.floor / size for p in people]
    order: list[int] = []
    for index in range(len(people)):
        at = len(order)
        while at and near[index] > near[order[at - 1]] + _MARGIN:
            at -= 1
        order.insert(at, index)
    return order
