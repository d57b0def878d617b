"""Limits of open connections, in all and for each address; without sockets.

    enter ──> half-open ── its request is read ──> answering ── it is a WebSocket ──> open

Connections cost an attacker nothing, and if a flood filled all places, new clients would be
refused. Therefore new connections are accepted, and the oldest one that has not sent its request is
closed; real clients send theirs within milliseconds.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

HALF_OPEN_TIMEOUT = 5.0
"""Seconds within which a connection must send its request."""

GRACE = 0.5
"""Seconds for which a connection without a request stays open during a flood."""

ACCEPTED_AT_ONCE = 10
"""Most connections that the event loop accepts in a row before it handles frames."""

_OTHER_FILES = 150  # file descriptors for everything but connections
_MOST = 320

Stage = Literal["half-open", "answering", "open"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest numbers of connections.

    Attributes:
        total: Open connections.
        half_open: Open connections that have not sent a request.
        address: Open connections from one address of another machine.
        address_half_open: Of these, connections that have not sent a request.
    """

    total: int = _MOST
    half_open: int = 64
    address: int = 24
    address_half_open: int = 8


def limits() -> Limits:
    """Return the limits for this process, which may open few files (256 on macOS)."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return Limits()
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return Limits()
    total = max(min(_MOST, soft - _OTHER_FILES - ACCEPTED_AT_ONCE), 16)
    return Limits(total, max(min(64, total // 3), 4))


class Gate:
    """Decides which connections stay.

    Args:
        limits: The largest numbers.
        asking: Returns those of some half-open connections whose request has arrived but has not
            been read; they are closed last.
    """

    def __init__(
        self,
        limits: Limits,
        asking: Callable[[Sequence[Hashable]], Collection[Hashable]] = lambda waiting: (),
    ) -> None:
        self.limits = limits
        self._asking = asking
        self._stages: dict[Hashable, Stage] = {}  # the oldest first
        self._addresses: dict[Hashable, str] = {}
        self._entered: dict[Hashable, float] = {}

    def __len__(self) -> int:
        """Return the number of connections."""
        return len(self._stages)

    def enter(self, connection: Hashable, address: str, now: float) -> list[Hashable]:
        """Enter a new connection.

        Args:
            connection: Its key.
            address: The other end's IP address.
            now: Seconds of any steady clock.

        Returns:
            The connections to close now, perhaps the new one too; they are no longer counted.
        """
        self._stages[connection] = "half-open"
        self._addresses[connection] = address
        self._entered[connection] = now
        closed = []
        if not _is_local(address):
            mine = [c for c, a in self._addresses.items() if a == address]
            closed += self._make_room(mine, self.limits.address, self.limits.address_half_open)
        closed += self._make_room(list(self._stages), self.limits.total, self.limits.half_open)
        return closed

    def _make_room(self, among: list[Hashable], total: int, half_open: int) -> list[Hashable]:
        among = [c for c in among if c in self._stages]
        waiting = [c for c in among if self._stages[c] == "half-open"]
        if len(among) <= total and len(waiting) <= half_open:
            return []
        # The newest had no time to send a request; it is closed last.
        newest, waiting = waiting[-1:], waiting[:-1]
        asking = [c for c in self._asking(waiting) if c in waiting]
        silent = [c for c in waiting if c not in asking]
        answering = [c for c in among if self._stages[c] == "answering"]
        last = self._entered[next(reversed(self._entered))]
        idle = [c for c in silent if last - self._entered[c] >= GRACE]
        few = max(len(silent) + len(newest) - half_open, 0)
        many = max(len(among) - total, 0)
        closed = idle[:few]
        if len(closed) < many:
            closed = [*silent, *answering, *asking, *newest][:many]
        for connection in closed:
            self.left(connection)
        return closed

    def requested(self, connection: Hashable) -> None:
        """Mark a connection whose request has been read."""
        if connection in self._stages:
            self._stages[connection] = "answering"

    def opened(self, connection: Hashable) -> None:
        """Mark a connection that has become a WebSocket."""
        if connection in self._stages:
            self._stages[connection] = "open"

    def is_half_open(self, connection: Hashable) -> bool:
        """Return whether the connection has not sent a request."""
        return self._stages.get(connection) == "half-open"

    def late(self, now: float) -> list[Hashable]:
        """Return the connections that have not sent their request in time."""
        found = []
        for connection, entered in self._entered.items():
            if now - entered < HALF_OPEN_TIMEOUT:
                break  # the oldest come first
            if self._stages[connection] == "half-open":
                found.append(connection)
        return found

    def left(self, connection: Hashable) -> None:
        """Remove a connection that has ended; no-op if it was removed."""
        self._stages.pop(connection, None)
        self._addresses.pop(connection, None)
        self._entered.pop(connection, None)


@functools.lru_cache(256)
def _is_local(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False
