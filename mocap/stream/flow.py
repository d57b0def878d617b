"""Flow control: at most three unacknowledged frames a client, spread over its drawing time.

Without a limit, a client that is slower than the source falls ever further behind: sockets and the
kernel hold megabytes of old frames. With it, what it cannot take is never sent. The spread matters
to slow clients: sent at once, its three frames would all be as old as its last drawing when it
comes to draw again; a third of its drawing time apart, the newest is only a third as old.
"""

from __future__ import annotations

from collections import deque

CREDIT = 3
"""The unacknowledged frames a client may have: one being drawn, one on its way, one on the way
back."""

FIRST_INTERVAL = 0.2  # seconds from one drawing to the next
MAX_INTERVAL = (
    1.0  # seconds; a tab that was hidden for an hour is not kept waiting for the third of an hour
)


class Flow:
    """One client's account. Times are seconds of any steady clock."""

    def __init__(self) -> None:
        self._in_flight: deque[int] = deque()
        self._last_sent = 0.0
        self._last_acknowledged: float | None = None
        # Taken for slow until it is known: one that is fast acknowledges before it comes to wait.
        self._interval = FIRST_INTERVAL

    def wait(self, now: float) -> float | None:
        """Seconds until a frame may be sent; None: not before an acknowledgement."""
        if len(self._in_flight) >= CREDIT:
            return None
        if not self._in_flight:
            return 0.0
        return max(0.0, self._last_sent + self._interval / CREDIT - now)

    def sent(self, frame: int, now: float) -> None:
        """This frame has been sent. Frames' numbers increase."""
        if self._last_acknowledged is None:
            self._last_acknowledged = now  # the first drawing's time runs from here
        self._in_flight.append(frame)
        self._last_sent = now

    def forget(self) -> None:
        """Expect no acknowledgement of the frames sent so far: a new hello has voided them."""
        self._in_flight.clear()

    def acknowledged(self, frame: int, now: float) -> None:
        """Release credit up to this frame, which the client has drawn.

        Unknown frames are ignored.
        """
        if self._last_acknowledged is None or not self._in_flight or frame < self._in_flight[0]:
            return
        while self._in_flight and self._in_flight[0] <= frame:
            self._in_flight.popleft()
        self._interval = min(now - self._last_acknowledged, MAX_INTERVAL)
        self._last_acknowledged = now
