"""Frames of a source at the pace of a camera."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from mocap.capture.source import Frame, Source
from mocap.capture.video import Video
from mocap.errors import InputError


@dataclass(frozen=True, slots=True)
class Arrived:
    """A frame on its arrival.

    Attributes:
        frame: The frame.
        time: Time in the take, seconds; it also increases when a video is repeated.
        clock: Time of arrival, `time.monotonic()`.
        restarted: Whether a video is repeated from here.
    """

    frame: Frame
    time: float
    clock: float
    restarted: bool


def in_real_time(source: Source, stop: threading.Event) -> Iterator[Arrived]:
    """Yield the frames of a source in real time, as a camera does; a video is repeated.

    A reader that is slower than the video skips frames; it does not get late ones.

    Args:
        source: A camera, whose iteration may end, or a video or images, which are repeated.
        stop: Ends the iteration soon after it is set.

    Raises:
        InputError: The video has no frame.
    """
    camera = source.count is None and not isinstance(source, Video)
    begun = time.monotonic()
    offset = 0.0
    for turn in itertools.count():
        first, last = None, 0.0
        for frame in source:
            if stop.is_set():
                return
            first = frame.time if first is None else first
            last = frame.time - first
            if camera:  # its times are those of time.perf_counter()
                came = time.monotonic() - (time.perf_counter() - frame.time)
                yield Arrived(frame, came - begun, came, False)
                continue
            due = begun + offset + last
            wait = due - time.monotonic()
            if wait < -1.0 / source.fps and last > 0.0:
                continue
            if wait > 0 and stop.wait(wait):
                return
            yield Arrived(frame, offset + last, time.monotonic(), turn > 0 and last == 0.0)
        if stop.is_set() or camera:
            return
        if first is None:
            raise InputError(f"{source.name} has no frame that can be read.")
        offset = max(offset + last + 1.0 / source.fps, time.monotonic() - begun)
