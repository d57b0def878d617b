"""Keypoints that a page sends of its own camera, on their way from the event loop to the solver's thread. Newest wins here too."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np

from mocap.keypoints import LANDMARKS, Keypoints
from mocap.stream.protocol import Points, ProtocolError

_WAKE = 0.25  # seconds between looks at whether it is all over


class Incoming:
    """A slot for one frame: what comes before the last was taken replaces it."""

    def __init__(self) -> None:
        self._filled = threading.Condition()
        self._points: Points | None = None
        self._size = (640, 480)
        self._restarted = False

    def begin(self, size: tuple[int, int]) -> None:
        """Another camera leads: the frames that follow are another take. size: of its picture, pixels."""
        with self._filled:
            self._size, self._points, self._restarted = size, None, True

    def put(self, points: Points) -> None:
        """A frame that has come. Raises ProtocolError if it has not BlazePose's landmarks."""
        if len(points.confidence) != len(LANDMARKS):
            raise ProtocolError(f"A camera's keypoints are BlazePose's {len(LANDMARKS)} landmarks, but {len(points.confidence)} came.")
        with self._filled:
            self._points = points
            self._filled.notify()

    def frames(self, stop: threading.Event) -> Iterator[tuple[Points, Keypoints, bool]]:
        """(the message, its keypoints, whether another take begins with it), as they come, until stop is set."""
        last = -np.inf
        while not stop.is_set():
            with self._filled:
                if self._points is None:
                    self._filled.wait(_WAKE)
                    continue
                points, self._points = self._points, None
                restarted, self._restarted = self._restarted, False
                size = self._size
            if points.stamp.time <= last and not restarted:
                continue  # an old frame, or a clock that stands still: nothing new
            last = points.stamp.time
            yield points, as_keypoints(points, size), restarted


def as_keypoints(points: Points, size: tuple[int, int]) -> Keypoints:
    """One frame of keypoints from a message, in whose axes they are. size: of the picture, pixels."""
    positions = points.positions.astype(np.float64)
    seen = np.asarray(np.isfinite(positions).all(axis=-1) & np.isfinite(points.image).all(axis=-1))
    confidence = np.where(seen, np.clip(points.confidence.astype(np.float64), 0.0, 1.0), 0.0)
    image = np.where(seen[:, None], points.image.astype(np.float64) * size, np.nan)
    return Keypoints(np.array([points.stamp.time]), np.where(seen[:, None], positions, np.nan)[None], image[None], confidence[None], size)
