"""A log that writes each kind of error at most once a minute."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

INTERVAL = 60.0
"""Seconds between two records about the same thing."""


class RateLimitedLog:
    """Writes the first record about a subject, then at most one a minute, with a count.

    It is thread-safe.

    Args:
        log: The logger that gets the records.
        clock: Seconds of any steady clock.
    """

    def __init__(self, log: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._log, self._clock = log, clock
        self._known: dict[str, tuple[float, int]] = {}  # about → (last written, left out since)
        self._lock = threading.Lock()

    def error(self, about: str, sentence: str, error: BaseException | None = None) -> bool:
        """Write a record with the error's traceback, unless one was written within the minute.

        Args:
            about: The subject of the record; records with the same subject are limited together.
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
            if len(self._known) > 100:  # a bound on the memory; there are fewer kinds of errors
                self._known.clear()
            self._known[about] = now, 0
        more = f" ({left_out} more since the last record)" if left_out else ""
        self._log.error("%s%s", sentence, more, exc_info=error)
        return True
