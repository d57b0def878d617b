"""The ports that the server listens on: found free, each with its own door, and closed without waiting for those who do not answer."""

from __future__ import annotations

import asyncio
import errno
import logging
import ssl
import weakref
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from websockets.asyncio.server import Server as WebSocketServer
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from mocap.errors import DeviceError
from mocap.stream.files import Door
from mocap.stream.protocol import MAX_TEXT

LAST_WORDS = 0.4  # seconds that clients have to answer the closing handshake
_PORTS_TRIED = 20
_HTTP_TIMEOUT = 60.0  # seconds for a page's file to reach a slow phone
_TLS_TIMEOUT = 10.0  # seconds for a handshake of which the user sees nothing

_log = logging.getLogger("mocap.stream")
_log.addHandler(
    logging.NullHandler()
)  # a garbled handshake is no news for the terminal unless somebody asks for it


class Ports:
    """Opened one after the other, closed together. serve: serves a connection until its end. answer: answers a request behind its port's
    door; None for one that opens a WebSocket. choose: its subprotocol."""

    def __init__(
        self,
        serve: Callable[[ServerConnection], Awaitable[None]],
        answer: Callable[[Door, Request], Awaitable[Response | None]],
        choose: Callable[[ServerConnection, Sequence[Subprotocol]], Subprotocol | None],
    ) -> None:
        self._serve, self._answer, self._choose = serve, answer, choose
        self._servers: list[WebSocketServer] = []
        self._doors: dict[int, Door] = {}
        self._connections: weakref.WeakSet[ServerConnection] = weakref.WeakSet()

    async def open(
        self, host: str, asked: int, door: Callable[[int], Door], tls: ssl.SSLContext | None = None
    ) -> int:
        """The port: the one that was asked for, or the next free one of twenty; 0 for any. door: made for it before anyone comes.

        Raises DeviceError if there is nothing to listen on.
        """
        last = min(asked + _PORTS_TRIED, 2**16) - 1 if asked else 0
        for wanted in range(asked, last + 1):
            try:
                server = await self._listen(host, wanted, tls)
                port = int(server.sockets[0].getsockname()[1])
                self._doors[port] = door(port)
                await server.start_serving()
                self._servers.append(server)
                break
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    reason = error.strerror or str(error)
                    raise DeviceError(
                        f"mocap cannot listen at {host}, port {wanted}: {reason}. Choose another port, or 0 for any."
                    ) from error
        else:
            raise DeviceError(
                f"At {host}, all ports from {asked} to {last} are taken. Choose another port, or 0 for any free one."
            )
        return port

    async def close(self) -> None:
        """Ends all connections with code 1001, going away."""
        for server in self._servers:
            server.close()
        closed = [asyncio.ensure_future(server.wait_closed()) for server in self._servers]
        await asyncio.wait(closed, timeout=LAST_WORDS)
        # Those who have not answered by now do not read, or never spoke.
        for connection in list(self._connections):
            if (transport := getattr(connection, "transport", None)) is not None:
                transport.abort()
        # One in the midst of a TLS handshake has no transport yet: Python gives it _TLS_TIMEOUT, which is not waited for.
        await asyncio.wait(closed, timeout=LAST_WORDS)

    async def _process(self, connection: ServerConnection, request: Request) -> Response | None:
        return await self._answer(self._doors[connection.local_address[1]], request)

    def _connect(self, *args: Any, **options: Any) -> ServerConnection:
        # Browsers open connections that they may never use. The library waits for these when it closes, so we keep them in view.
        connection = ServerConnection(*args, **options)
        self._connections.add(connection)
        return connection

    async def _listen(self, host: str, port: int, tls: ssl.SSLContext | None) -> WebSocketServer:
        return await serve(
            self._serve,
            "127.0.0.1" if host == "localhost" else host,
            port,
            select_subprotocol=self._choose,
            process_request=self._process,
            create_connection=self._connect,  # type: ignore[arg-type]  # "a wrapper or a subclass"
            compression=None,  # floats and JPEGs do not shrink, and it takes time
            server_header=None,
            max_size=MAX_TEXT,
            # A send waits until the kernel has taken it all, so that nothing old lies in our buffers. One byte, not none: then Python's
            # TLS takes an empty buffer for a full one, and every second send waits for what the client says next.
            write_limit=(1, 0),
            open_timeout=_HTTP_TIMEOUT,
            close_timeout=LAST_WORDS,
            logger=_log,
            start_serving=False,
            ssl=tls,
            ssl_handshake_timeout=None if tls is None else _TLS_TIMEOUT,
        )
