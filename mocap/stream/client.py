"""One viewer of the stream: its socket, its credit, and the task that sends to it.

There is no queue: a frame that a client is too slow for is dropped, only for that client.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from mocap.stream import protocol
from mocap.stream.flow import Flow
from mocap.stream.logs import RateLimitedLog
from mocap.stream.ports import LAST_WORDS

Newest = Mapping[int, tuple[int, tuple[bytes, ...]]]
"""Subject → the number and the messages of its newest frame."""

_STALL = 20.0  # seconds a socket may take for one message before it is cut off

log = RateLimitedLog(logging.getLogger("mocap.live"))


class Client:
    """One viewer: its socket, its credit, its pending texts, and its sender's wake-up event."""

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection
        self.flow = Flow()
        self.sent: dict[int, int] = {}  # subject → number of the last frame sent
        self.texts: dict[object, str] = {}  # the newest of each type, so that texts do not pile up
        self._loop = asyncio.get_running_loop()
        self._alarm: asyncio.Future[None] | None = None

    def tell(self, message: protocol.ServerText) -> None:
        """Send a text soon; it replaces one of its type that has not been sent."""
        kind = (
            (protocol.Gone, message.subject)
            if isinstance(message, protocol.Gone)
            else type(message)
        )
        self.texts[kind] = protocol.encode_text(message)
        self.wake()

    def wake(self) -> None:
        """Make the sender check for texts and frames to send."""
        if self._alarm is not None and not self._alarm.done():
            self._alarm.set_result(None)

    async def stream(self, newest: Newest) -> None:
        """Send texts, and the newest frames as credit allows, until the connection ends.

        Args:
            newest: The newest frames; the server replaces them and calls `wake`.
        """
        try:
            while True:
                while self.texts:
                    await self._send(self.texts.pop(next(iter(self.texts))))
                await self._send_frames(newest)
        except ConnectionClosed:
            pass
        except Exception as error:
            log.error(f"sender {type(error).__name__}", "Sending to a viewer failed.", error)
            self.connection.transport.abort()

    async def _send_frames(self, newest: Newest) -> None:
        """Send the frames that are due, or wait for credit, a frame or a text."""
        now = self._loop.time()
        due = [
            (frame, subject)
            for subject, (frame, _) in newest.items()
            if self.sent.get(subject, -1) < frame
        ]
        wait = self.flow.wait(now) if due else None
        if wait != 0.0:
            await self._sleep(wait)
            return
        # The newest frames of all subjects count as one for the credit: they are drawn together.
        self.flow.sent(max(due)[0], now)
        taken = [(subject, *newest[subject]) for _, subject in sorted(due)]
        self.sent |= {subject: frame for subject, frame, _ in taken}
        for message in (m for _, _, messages in taken for m in messages):
            await self._send(message)

    async def _sleep(self, seconds: float | None) -> None:
        """Wait until `wake`, or for this long."""
        self._alarm = self._loop.create_future()
        timer = None if seconds is None else self._loop.call_later(seconds, self.wake)
        try:
            await self._alarm
        finally:
            self._alarm = None
            if timer is not None:
                timer.cancel()

    async def _send(self, message: str | bytes) -> None:
        """Send a message to the kernel; cut off a socket that takes too long."""
        timer = self._loop.call_later(_STALL, self.connection.transport.abort)
        try:
            await self.connection.send(message)
        finally:
            timer.cancel()


async def dismiss(connection: ServerConnection, sentence: str, code: int = 1008) -> None:
    """Close a connection with a reason; if the client does not read, cut the connection.

    Args:
        connection: The connection.
        sentence: The reason, cut after 120 bytes.
        code: The WebSocket close code; 1008 is a policy violation.
    """
    # A close frame's reason has room for 123 bytes.
    reason = sentence.encode()[:120].decode(errors="ignore")
    closing = asyncio.ensure_future(connection.close(code, reason))
    await asyncio.wait([closing], timeout=LAST_WORDS)
    connection.transport.abort()
    await asyncio.wait([closing])
