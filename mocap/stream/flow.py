"""Flow control: at most three unacknowledged frames a client, spread over its drawing time.

Without a limit, a client that is slower than the source would fall further and further behind:
sockets and the kernel buffer megabytes of old frames. With the limit, frames that it cannot draw
are not sent. Frames are a third of the client's drawing time apart, so that its newest frame is at
most a third of that time old when it draws again; if all three were sent at once, they would be as
old as its last drawing.
"""

from __future__ import annotations

from collections import deque

CREDIT = 3
"""Most unacknowledged frames of a client: one is drawn, one is sent, one is acknowledged."""

FIRST_INTERVAL = 0.2  # seconds from one drawing to the next, until it is measured
MAX_INTERVAL = 1.0  # seconds; a tab that was hidden for an hour must not wait for 20 minutes


class Flow:
    """The flow control of one client. Times are seconds of any steady clock."""

    def __init__(self) -> None:
        self._in_flight: deque[int] = deque()
        self._last_sent = 0.0
        self._last_acknowledged: float | None = None
        # A client counts as slow at first; a fast one acknowledges before it has to wait.
        self._interval = FIRST_INTERVAL

    def wait(self, now: float) -> float | None:
        """Return the seconds until a frame may be sent; None: after the next acknowledgement."""
        if len(self._in_flight) >= CREDIT:
            return None
        if not self._in_flight:
            return 0.0
        return max(0.0, self._last_sent + self._interval / CREDIT - now)

    def sent(self, frame: int, now: float) -> None:
        """Take credit for a frame that was sent.

        Args:
            frame: Its number, larger than that of the frame before.
            now: Seconds.
        """
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
