"""Times of a video's frames: late pictures are dropped, and the others' times made to increase."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable

from numpy import ndarray


def without_late(
    pictures: Iterable[tuple[float, ndarray, bool]],
) -> Generator[tuple[float, ndarray, bool], None, None]:
    """Drop pictures that come late: earlier than the one before them, and than the one after.

    After damage, decoders return pictures from before and after it by turns. Times that stay low
    are kept: the container's clock was reset.
    """
    last, late = -math.inf, None
    for picture in pictures:
        if late is not None:
            if not picture[0] > last:
                yield late
                last = picture[0]
            late = None
        elif picture[0] < last:
            late = picture
            continue
        last = max(last, picture[0]) if math.isfinite(picture[0]) else last
        yield picture
    if late is not None:
        yield late


class Clock:
    """Makes a container's times increase.

    A time that does not increase is placed one nominal step after the previous frame; later times
    are shifted by the same amount. `corrected` says whether that happened.
    """

    def __init__(self, step: float) -> None:
        self._step, self._last, self._shift = step, -math.inf, 0.0
        self.corrected = False

    def time(self, stamp: float) -> float:
        """Return the corrected time of the next frame, seconds."""
        stamp = stamp if math.isfinite(stamp) else -math.inf
        seconds = stamp + self._shift
        if seconds <= self._last or seconds == -math.inf:
            seconds = self._last + self._step if math.isfinite(self._last) else 0.0
            self._shift = seconds - stamp if math.isfinite(stamp) else self._shift
            self.corrected = True
        self._last = seconds
        return seconds
