"""Several people before one camera, live: one detector, and a performer for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

from mocap.core.camera import CameraSource
from mocap.core.closing import Closing
from mocap.core.keypoints import Keypoints, with_fov
from mocap.core.motion import Motion
from mocap.detect.following import Following
from mocap.detect.options import DetectOptions
from mocap.detect.people import empty_frame
from mocap.detect.performer import complete
from mocap.detect.table import open_detector
from mocap.live.performer import LivePerformer

if TYPE_CHECKING:  # they need OpenCV, which keypoints do not
    from mocap.detect.performer import PerformerDetector
    from mocap.detect.take import OnePersonDetector
    from mocap.live.clock import Arrived


_Own = TypeVar("_Own")


@runtime_checkable
class Performers(Protocol):
    """Detects and solves the people before a camera; used in a `with` block."""

    def perform(self, arrived: Arrived) -> list[tuple[int, Keypoints, Motion]]:
        """Return subject, keypoints and pose of each person in a frame, and always of the first."""

    def next_person(self, at: tuple[float, float] | None = None) -> None:
        """Make another person the first: the one nearest to a point (pixels), or the next."""

    def restart(self) -> None:
        """Begin another take with the next frame."""

    def __enter__(self: _Own) -> _Own: ...

    def __exit__(self, *error: object) -> None: ...


class OnePerformer(Closing):
    """One of the people before a camera, as `Performers`.

    Args:
        detector: Finds the person; it is closed at the end.
        make: Returns a performer that uses it.
    """

    def __init__(
        self, detector: PerformerDetector, make: Callable[[OnePersonDetector], LivePerformer]
    ) -> None:
        self._detector, self._performer = detector, make(detector)

    def close(self) -> None:
        """Free the models. A second call does nothing."""
        self._detector.close()

    def perform(self, arrived: Arrived) -> list[tuple[int, Keypoints, Motion]]:
        """See `Performers`."""
        return [(0, *self._performer.perform(arrived))]

    def next_person(self, at: tuple[float, float] | None = None) -> None:
        """See `Performers`."""
        self._performer.next_person(at)

    def restart(self) -> None:
        """See `Performers`."""
        self._performer.restart()


class LivePeople(Closing):
    """Detects the people of a picture, keeps who is who, and solves each on an avatar.

    Use it in a `with` block. People are numbered as subjects of the stream; person 0 is the one who
    is recorded and sent to listeners.

    Args:
        options: What to detect; `people` is the largest number.
        fov: The field of view, radians, and its source.
        make: Returns a new performer that solves keypoints.
    """

    def __init__(
        self,
        options: DetectOptions,
        fov: tuple[float | None, CameraSource],
        make: Callable[[], LivePerformer],
    ) -> None:
        self._options, self._fov, self._make = options, fov, make
        self._detector = open_detector(options)
        self._following = Following(options.people)
        self._performers: dict[int, LivePerformer] = {}

    def close(self) -> None:
        """Free the models. A second call does nothing."""
        self._detector.close()

    def restart(self) -> None:
        """Begin another take with the next frame."""
        self._following = Following(self._options.people)
        self._performers.clear()

    def perform(self, arrived: Arrived) -> list[tuple[int, Keypoints, Motion]]:
        """Return subject, keypoints and pose of each person in a frame, and always of the first.

        The number of a person who is not seen for some seconds goes to the next new one.
        """
        image, time = arrived.frame.image, arrived.time
        people = self._detector.people(image, time)
        numbers, gone = self._following.numbers(image, people, time)
        for subject in gone:
            self._performers.pop(subject, None)
        performed = []
        for subject in sorted({0, *numbers}):
            seen = subject in numbers
            found = people[numbers[subject]] if seen else empty_frame(time, image.shape[1::-1])
            keypoints = with_fov(complete(found, self._options), *self._fov)
            if subject not in self._performers:
                self._performers[subject] = self._make()
            performed.append((subject, keypoints, self._performers[subject].follow(keypoints)))
        return performed

    def next_person(self, at: tuple[float, float] | None = None) -> None:
        """Make another person the first: the one nearest to a point (pixels), or the next."""
        if at is None:
            chosen = next((n for n in self._following.known() if n > 0), None)
        else:
            chosen = self._following.at(at)
        if chosen is None or chosen == 0:
            return
        self._following.exchange(0, chosen)
        first, other = (self._performers.get(n) or self._make() for n in (0, chosen))
        self._performers[0], self._performers[chosen] = other, first
