"""A log that repeats itself at most once a minute, however often something fails."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

INTERVAL = 60.0
"""Seconds between two records about the same thing."""


class RateLimitedLog:
    """Writes the first record about a thing, and from then on one a minute with a count.

    Safe to use from any thread.

    Args:
        log: Where records go.
        clock: Seconds of any steady clock.
    """

    def __init__(self, log: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._log, self._clock = log, clock
        self._known: dict[str, tuple[float, int]] = {}  # about → (last written, left out since)
        self._lock = threading.Lock()

    def error(self, about: str, sentence: str, error: BaseException | None = None) -> bool:
        """Write a record with the error's traceback, unless one was written within the minute.

        Args:
            about: What the record is about; records about the same thing are limited together.
            sentence: The record.
            error: The exception, or None.

        Returns:
            Whether a record was written.
        """
        now = self._clock()
        with self._lock:
            last, left_out = self._known.get(about, (-float("inf"), 0))
            if now - last < INTERVAL:
                self._known[about] = last, left_out + 1
                return False
            if len(self._known) > 100:  # kinds of errors, not errors; a bound all the same
                self._known.clear()
            self._known[about] = now, 0
        more = f" ({left_out} more since the last record)" if left_out else ""
        self._log.error("%s%s", sentence, more, exc_info=error)
        return True
