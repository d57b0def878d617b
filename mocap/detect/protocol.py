"""The protocol that every detector follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from jaxtyping import UInt8
from numpy import ndarray

from mocap.core.keypoints import Keypoints


@runtime_checkable
class Detector(Protocol):
    """Finds the people in pictures given one after another.

    To add a detector, implement these three methods and enter it in `detect.table.DETECTORS`. Its
    landmarks are a `core.landmarks.LandmarkSet`, whose `to_keypoints` puts them in order.
    """

    def people(
        self, image: UInt8[ndarray, "height width 3"], time: float = 0.0
    ) -> Sequence[Keypoints]:
        """Return the people of one picture, the most prominent first; empty if there are none.

        Args:
            image: (H, W, 3) uint8, RGB, upright.
            time: Seconds, any origin, increasing from call to call; a decrease by more than half a
                second begins another take.

        Returns:
            One `Keypoints` of one frame for each person. `hands` and `face` are None where the
            detector does not look for them.

        Raises:
            InputError: The picture has another shape or type, or the time is not finite.
        """

    def next_person(self, at: tuple[float, float] | None = None) -> None:
        """Follow another person, if this detector follows one; otherwise do nothing.

        Args:
            at: A point, pixels: the person nearest to it; None for the next person.
        """

    def close(self) -> None:
        """Free the models. A second call does nothing."""
