"""The ports that the server listens on, with limits against floods of connections."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import select
import ssl
import time
import weakref
from collections.abc import Awaitable, Callable, Hashable, Sequence
from functools import partial
from typing import Any

from websockets.asyncio.server import Server as WebSocketServer
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from mocap.errors import DeviceError
from mocap.stream.access import AccessPolicy
from mocap.stream.gate import ACCEPTED_AT_ONCE, Gate, limits
from mocap.stream.logs import RateLimitedLog
from mocap.stream.protocol import MAX_TEXT

_ExceptionHandler = Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object]

LAST_WORDS = 0.4  # seconds that clients have to answer the closing handshake
_PORTS_TRIED = 20
_HTTP_TIMEOUT = 60.0  # seconds for a page's file to reach a slow phone
_QUEUE = 100  # connections that the system keeps until they are accepted
_SWEEP_EVERY = 0.5  # seconds between looks for connections without a request
_TLS_TIMEOUT = 5.0  # seconds for a TLS handshake

_log = logging.getLogger("mocap.stream")
_log.addHandler(logging.NullHandler())  # garbled handshakes are logged where a handler is set
_floods = RateLimitedLog(logging.getLogger("mocap.live"))


class Ports:
    """The listening ports: opened one after the other, closed together.

    Args:
        serve: Serves a WebSocket until its end.
        answer: Answers a request under its port's access policy; None opens a WebSocket.
        choose: Chooses the WebSocket's subprotocol.
    """

    def __init__(
        self,
        serve: Callable[[ServerConnection], Awaitable[None]],
        answer: Callable[[AccessPolicy, Request], Awaitable[Response | None]],
        choose: Callable[[ServerConnection, Sequence[Subprotocol]], Subprotocol | None],
    ) -> None:
        self._serve, self._answer, self._choose = serve, answer, choose
        self._servers: list[WebSocketServer] = []
        self._policies: dict[int, AccessPolicy] = {}
        self._connections: weakref.WeakSet[ServerConnection] = weakref.WeakSet()
        self._gate = Gate(limits(), _asking)
        self._handshakes: set[asyncio.Task[None]] = set()
        self._handler: _Handler | None = None
        self._sweep: asyncio.TimerHandle | None = None

    async def open(
        self,
        host: str,
        asked: int,
        policy: Callable[[int], AccessPolicy],
        tls: ssl.SSLContext | None = None,
    ) -> int:
        """Listen on a port: the requested one, or the next free one of twenty.

        Args:
            host: The address to listen on.
            asked: The requested port; 0 for any.
            policy: Makes the access policy of a port, before the first connection.
            tls: The TLS context; None for plain connections.

        Returns:
            The port.

        Raises:
            DeviceError: No port can be opened.
        """
        self._limit_accept_log()
        last = min(asked + _PORTS_TRIED, 2**16) - 1 if asked else 0
        for wanted in range(asked, last + 1):
            try:
                server = await self._listen(host, wanted, tls)
                port = int(server.sockets[0].getsockname()[1])
                self._policies[port] = policy(port)
                await server.start_serving()
                for listening in server.sockets:
                    # asyncio accepts as many connections in a row as its backlog, which is small;
                    # the system's queue may be longer.
                    with listening.dup() as twin:
                        twin.listen(_QUEUE)
                self._servers.append(server)
                break
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    reason = error.strerror or str(error)
                    raise DeviceError(
                        f"mocap cannot listen at {host}, port {wanted}: {reason}. "
                        "Choose another port, or 0 for any."
                    ) from error
        else:
            raise DeviceError(
                f"At {host}, all ports from {asked} to {last} are taken. "
                "Choose another port, or 0 for any free one."
            )
        return port

    async def close(self) -> None:
        """Close all connections with code 1001, going away."""
        for server in self._servers:
            server.close()
        if self._sweep is not None:
            self._sweep.cancel()
        if self._handler is not None:
            asyncio.get_running_loop().set_exception_handler(self._handler.before)
            self._handler = None
        closed = [asyncio.ensure_future(server.wait_closed()) for server in self._servers]
        await asyncio.wait(closed, timeout=LAST_WORDS)
        # The rest do not read, or have not sent a request.
        for connection in list(self._connections):
            if (transport := getattr(connection, "transport", None)) is not None:
                transport.abort()
        await asyncio.wait(closed, timeout=LAST_WORDS)

    async def _process(self, connection: ServerConnection, request: Request) -> Response | None:
        self._gate.requested(connection)
        return await self._answer(self._policies[connection.local_address[1]], request)

    async def _serve_opened(self, connection: ServerConnection) -> None:
        self._gate.opened(connection)
        await self._serve(connection)

    def _connect(self, tls: ssl.SSLContext | None, *args: Any, **options: Any) -> ServerConnection:
        # Browsers open connections that they may never use. The library would wait for them when it
        # closes, so they are recorded and aborted then.
        connection = _Connection(*args, **options)
        connection.entered, connection.ended = self._entered, self._gate.left
        if tls is not None:
            connection.secure = partial(self._secure, tls)
        self._connections.add(connection)
        return connection

    def _secure(
        self, tls: ssl.SSLContext, connection: _Connection, transport: asyncio.Transport
    ) -> None:
        """Begin the TLS handshake of a connection that has passed the gate."""
        task = asyncio.create_task(_handshake(tls, connection, transport))
        self._handshakes.add(task)
        task.add_done_callback(self._handshakes.discard)

    def _limit_accept_log(self) -> None:
        """Limit the records about missing file descriptors to one a minute.

        The event loop reports them up to a hundred times a second.
        """
        if self._handler is None:
            loop = asyncio.get_running_loop()
            self._handler = _Handler(loop.get_exception_handler())
            loop.set_exception_handler(self._handler)

    def _entered(self, connection: _Connection, transport: asyncio.Transport) -> bool:
        """Enter a new connection; returns whether it stays."""
        address = str((transport.get_extra_info("peername") or ("",))[0])
        closed = self._gate.enter(connection, address, time.monotonic())
        for other in closed:
            if other is not connection and isinstance(other, _Connection):
                other.transport.abort()
        if closed:
            _floods.error(
                "flood",
                f"Too many connections ({len(self._gate)} open, the last from {address}): "
                "idle ones are closed.",
            )
        if connection in closed:
            transport.abort()
            return False
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(_SWEEP_EVERY, self._end_late)
        return True

    def _end_late(self) -> None:
        """End the connections that have sent no request in time, and look again later."""
        for connection in self._gate.late(time.monotonic()):
            if isinstance(connection, _Connection):
                connection.transport.abort()
        self._sweep = asyncio.get_running_loop().call_later(_SWEEP_EVERY, self._end_late)

    async def _listen(self, host: str, port: int, tls: ssl.SSLContext | None) -> WebSocketServer:
        return await serve(
            self._serve_opened,
            "127.0.0.1" if host == "localhost" else host,
            port,
            select_subprotocol=self._choose,
            process_request=self._process,
            create_connection=partial(self._connect, tls),  # type: ignore[arg-type]
            compression=None,  # floats and JPEGs do not shrink
            server_header=None,
            max_size=MAX_TEXT,
            # A send waits until the kernel has accepted all of it, so that no old frames are in
            # mocap's buffers. With a limit of 0, Python's TLS treats an empty buffer as full, and
            # every second send would wait for the client's next message.
            write_limit=(1, 0),
            open_timeout=_HTTP_TIMEOUT,
            close_timeout=LAST_WORDS,
            logger=_log,
            backlog=ACCEPTED_AT_ONCE,
            start_serving=False,
        )


def _asking(connections: Sequence[Hashable]) -> list[Hashable]:
    """Return the connections whose sockets have unread bytes."""
    numbered = {
        c.transport.get_extra_info("socket").fileno(): c
        for c in connections
        if isinstance(c, _Connection)
    }
    numbered.pop(-1, None)  # closed already
    if hasattr(select, "poll"):  # select itself fails at file descriptors above 1023
        poll = select.poll()
        for number in numbered:
            poll.register(number, select.POLLIN)
        ready = [number for number, _ in poll.poll(0)]
    else:
        ready = select.select(list(numbered), [], [], 0)[0] if numbered else []
    return [numbered[number] for number in ready]


class _Connection(ServerConnection):
    """A connection that is counted, and does its TLS handshake, before the library sees it.

    asyncio's own TLS servers report a connection only after its handshake, so that handshakes would
    not be counted.
    """

    entered: Callable[[_Connection, asyncio.Transport], bool]
    ended: Callable[[_Connection], None]
    secure: Callable[[_Connection, asyncio.Transport], None] | None = None
    _opened = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # the gate may abort it
        if not self.entered(self, transport):  # type: ignore[arg-type]
            return
        if self.secure is None:
            self.open(transport)
        else:
            self.secure(self, transport)  # type: ignore[arg-type]

    def open(self, transport: asyncio.BaseTransport) -> None:
        """Hand the connection to the library."""
        self._opened = True
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.ended(self)
        if self._opened:
            super().connection_lost(error)


async def _handshake(
    tls: ssl.SSLContext, connection: _Connection, transport: asyncio.Transport
) -> None:
    """Do the TLS handshake, and open the connection; end it if the handshake fails."""
    loop = asyncio.get_running_loop()
    secured = None
    with contextlib.suppress(OSError, asyncio.TimeoutError):
        secured = await loop.start_tls(
            transport, connection, tls, server_side=True, ssl_handshake_timeout=_TLS_TIMEOUT
        )
    if secured is None:
        transport.abort()
        connection.ended(connection)
    else:
        connection.open(secured)


class _Handler:
    """An exception handler of an event loop that limits one kind of report.

    Args:
        before: The handler that gets all other reports; None for the loop's default.
    """

    def __init__(self, before: _ExceptionHandler | None) -> None:
        self.before = before

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if str(context.get("message")).startswith("socket.accept()"):
            _floods.error(
                "accept",
                "The system has no file descriptor left for another connection; "
                "new ones wait until others end.",
            )
        elif self.before is not None:
            self.before(loop, context)
        else:
            loop.default_exception_handler(context)
