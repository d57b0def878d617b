"""Frames of a source at the pace of a camera."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from mocap.capture.source import Frame, Source


@dataclass(frozen=True, slots=True)
class Arrived:
    """A frame, the take's time in seconds, which goes on increasing where a video starts again, and when it came (time.monotonic())."""

    frame: Frame
    time: float
    clock: float
    restarted: bool


def in_real_time(source: Source, stop: threading.Event) -> Iterator[Arrived]:
    """The frames of a source as a camera would give them: a video at its own pace and again from its start when it ends.

    A reader that is slower than the video gets fewer frames, never late ones.
    """
    begun = time.monotonic()
    offset = 0.0
    for turn in itertools.count():
        first, last = None, 0.0
        for frame in source:
            if stop.is_set():
                return
            first = frame.time if first is None else first
            last = frame.time - first
            if (
                source.count is None
            ):  # a camera sets the pace itself, and says by another clock when its picture came
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
        offset = max(offset + last + 1.0 / source.fps, time.monotonic() - begun)
