"""Requests from the event loop to the solver's thread: a mailbox with the newest of each kind."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from mocap.solve.tuning import Tuning
from mocap.stream.protocol import NextPerson, Who


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests of pages since the last frame.

    Attributes:
        calibrate: Measure the performers again.
        person: Follow another person.
    """

    calibrate: bool = False
    person: NextPerson | None = None


class Orders:
    """The active source, the tuning, and the requests of pages.

    The event loop calls `choose`, `calibrate`, `person`, `tune` and `end`; the solver's thread
    calls `turns` and `take`.
    """

    def __init__(self, active: Who, tuning: Tuning = Tuning()) -> None:  # noqa: B008 - frozen
        self.tuning = tuning
        """The live settings."""
        self.leave = threading.Event()
        """Set to end the current run of the active source."""
        self._active: Who = active
        self._ended = False
        self._requests = Requests()
        self._lock = threading.Lock()

    def choose(self, who: Who) -> None:
        """Switch to a source; no-op if it is already active."""
        with self._lock:
            if who != self._active:
                self._active = who
                self.leave.set()

    def reopen(self) -> None:
        """End the current run of the active source, which is then opened again."""
        self.leave.set()

    def end(self) -> None:
        """End the session."""
        with self._lock:
            self._ended = True
            self.leave.set()

    def calibrate(self) -> None:
        """Request that the performers are measured again."""
        with self._lock:
            self._requests = Requests(True, self._requests.person)

    def person(self, person: NextPerson) -> None:
        """Request that another person is followed."""
        with self._lock:
            self._requests = Requests(self._requests.calibrate, person)

    def take(self) -> Requests:
        """Return the requests since the last call."""
        with self._lock:
            taken, self._requests = self._requests, Requests()
            return taken

    def turns(self, sources: dict[Who, Callable[[], None]]) -> None:
        """Run the active source until the session ends.

        Args:
            sources: Source to the function that runs it. The function returns soon after `leave` is
                set; if it returns earlier, it is called again.
        """
        while (who := self._next()) is not None:
            sources[who]()

    def _next(self) -> Who | None:
        with self._lock:
            if self._ended:
                return None
            self.leave.clear()
            return self._active
