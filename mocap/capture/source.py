"""What frames come from: the `Frame` and `Source` types, and decoding ahead of the reader."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from jaxtyping import UInt8
from numpy import ndarray

from mocap.core.camera import Camera
from mocap.core.closing import Closing
from mocap.errors import InputError

DEFAULT_FPS = 30.0
"""Frames per second where neither the file nor the user gives a rate."""

MAX_FPS = 999.0
"""Highest plausible frame rate. MediaRecorder's WebM and some transport streams give the rate of
their clock (1000, 90000) instead."""

# Frames decoded ahead of the reader.
_AHEAD = 4

T = TypeVar("T")


@dataclass(frozen=True, eq=False, slots=True)
class Frame:
    """One picture.

    Attributes:
        time: Seconds, increasing from frame to frame.
        image: (H, W, 3) uint8, RGB, upright.
    """

    time: float
    image: UInt8[ndarray, "height width 3"]


class Source(Closing):
    """An iterable of frames. Each iteration over a file starts at its first frame.

    Attributes:
        name: Name for messages.
        size: (width, height) of the upright picture, pixels.
        fps: Nominal frames per second.
        count: Number of frames, None if unknown. For a video it comes from the container and is
            an estimate at variable frame rate.
        fov: Field of view along the longer side by the file's metadata, radians, or None.
    """

    fov: float | None = None

    # What is wrong with all pictures ("all its pictures are black"), known once they are read.
    verdict = ""

    def __init__(self, name: str, size: tuple[int, int], fps: float, count: int | None) -> None:
        self.name, self.size, self.fps, self.count = name, size, fps, count

    def camera(self, fov: float | None = None) -> Camera:
        """Return the camera of these pictures.

        Args:
            fov: A given field of view, radians; by default the metadata's or the assumed one.
        """
        if fov is not None:
            return Camera.from_fov(self.size, fov)
        if self.fov is not None:
            return Camera.from_fov(self.size, self.fov, source="metadata")
        return Camera.assumed(self.size)

    def __iter__(self) -> Iterator[Frame]:
        raise NotImplementedError

    def close(self) -> None:
        """Release the device, if there is one."""


def read_ahead(items: Generator[T, None, None]) -> Generator[T, None, None]:
    """Yield the same items, produced ahead in a thread, so that decoding and detection overlap."""
    with ThreadPoolExecutor(1, "read-ahead") as thread:
        try:
            ahead = deque(thread.submit(next, items, None) for _ in range(_AHEAD))
            while (item := ahead.popleft().result()) is not None:
                ahead.append(thread.submit(next, items, None))
                yield item
        finally:
            thread.shutdown(cancel_futures=True)
            items.close()


def checked_fps(fps: float | None) -> float | None:
    """Return `fps`; raise InputError unless it is None or positive and finite."""
    if fps is not None and not (math.isfinite(fps) and fps > 0):
        raise InputError(f"The frame rate must be a positive number of frames a second, not {fps}.")
    return fps
