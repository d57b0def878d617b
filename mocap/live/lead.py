"""Who leads: the server's own source, or what pages' cameras see. Pages choose while it runs, and all follow."""

from __future__ import annotations

import threading
from collections.abc import Callable

from mocap.stream.protocol import Who


class Lead:
    """The one who leads. `choose` and `end` belong to the event loop; `follow` is the work of another thread."""

    def __init__(self, who: Who) -> None:
        self._who: Who = who
        self._leave, self._over = threading.Event(), threading.Event()

    def choose(self, who: Who) -> None:
        """From now on. Who leads already goes on."""
        if who != self._who:
            self._who = who
            self._leave.set()

    def end(self) -> None:
        """It is all over."""
        self._over.set()
        self._leave.set()

    def follow(self, turns: dict[Who, Callable[[threading.Event], None]]) -> None:
        """Takes the turn of whoever leads, until that ends by itself or all is over. A turn ends when the event that it is given is set."""
        while not self._over.is_set():
            # In this order: who is chosen between the two sets the event anew.
            self._leave.clear()
            who = self._who
            if self._over.is_set():
                return
            turns[who](self._leave)
            if not self._leave.is_set():
                return
