"""The server of `mocap live`: the page and its stream on one port, the newest frame first.

    publish ──> mailbox ──┬── sender ── socket ── viewer
                          ├── sender ── socket ── viewer    each client's sender waits for its own
                          └── sender ── socket ── viewer    socket and acknowledgements only

There is no queue: a frame that a client is too slow for is dropped, only for that client. `publish`
replaces the newest frame and wakes the senders whose clients have credit (flow.py), so it costs a
few hundred nanoseconds a client and never waits. A client that never reads, or never acknowledges,
gets three frames and no others.
"""

from __future__ import annotations

import asyncio
import contextlib
import http
import logging
import secrets
import threading
import time
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Protocol, runtime_checkable
from urllib.parse import quote

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed, NegotiationError
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from mocap.stream import DEFAULT_PORT, protocol
from mocap.stream import files as pages
from mocap.stream.access import AccessPolicy, bracketed, is_loopback
from mocap.stream.client import Client, dismiss
from mocap.stream.content import Files
from mocap.stream.lan import EVERYWHERE, Lan
from mocap.stream.logs import RateLimitedLog
from mocap.stream.ports import Ports

MAX_CLIENTS = 100

Endpoint = tuple[str | None, Callable[[ServerConnection], Awaitable[None]]]
"""A WebSocket's subprotocol, and the coroutine that serves a connection.

Without a subprotocol, pages of other servers on this machine may connect too.
"""


@runtime_checkable
class Cameras(Protocol):
    """Receives keypoints of viewers' own cameras, in the event loop; each viewer has a key.

    Raises:
        ProtocolError: The input is refused.
    """

    def begun(self, key: Hashable, camera: protocol.CameraMessage) -> None:
        """Handle the start of a viewer's camera."""

    def seen(self, key: Hashable, message: protocol.Seen) -> None:
        """A viewer's camera sends keypoints, a face or a picture."""

    def gone(self, key: Hashable) -> None:
        """Handle the end of a viewer's camera."""


log = RateLimitedLog(logging.getLogger("mocap.live"))


@dataclass(frozen=True, eq=False, slots=True)
class Handlers:
    """The receivers of the clients' messages.

    Attributes:
        on_ask: Called in the event loop with requests to source and solver.
        cameras: Receives keypoints of viewers' own cameras; without it they are refused.
        endpoints: Other WebSockets under the same access policy, by path.
    """

    on_ask: Callable[[protocol.Ask], None] | None = None
    cameras: Cameras | None = None
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)


class Server:
    """Serve the page and stream to it, inside `async with`.

    All methods but `publish_threadsafe` belong to the event loop's thread. `async with` raises
    DeviceError if no port can be opened.

    Args:
        hello: The first message to each client.
        files: The page's files (`files.files_for`).
        host: The address to listen on; beyond loopback each client needs the token.
        port: The port, or the next free one of twenty; 0 for any.
        token: The access token; generated if needed and not given.
        lan: Admits phones too, over TLS on another port, each by a single-use address.
        handlers: What to call with the clients' messages.
    """

    def __init__(
        self,
        hello: protocol.Hello,
        files: Files,
        host: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
        *,
        token: str | None = None,
        lan: Lan | None = None,
        handlers: Handlers = Handlers(),
    ) -> None:
        self.host = host
        self.port = port
        """The port it listens on; before `async with`, the port requested."""
        self.notice: str | None = None
        """A sentence to print if the port is not the one requested."""
        self.invitations: list[str] = []
        """The addresses at which one phone can connect now, in this machine's networks."""
        self._lan = lan
        self.token = token if token is not None or is_loopback(host) else secrets.token_urlsafe(16)
        self._hello = hello
        self._files = files
        self._on_ask = handlers.on_ask
        self._cameras = handlers.cameras
        self._endpoints = handlers.endpoints
        self._known: dict[type, protocol.ServerText] = {}
        self._frame = -1
        self._newest: dict[int, tuple[int, tuple[bytes, ...]]] = {}  # as client.Newest
        self._clients: set[Client] = set()
        self._ports = Ports(self._serve, self._answer, self._subprotocol)
        self._handed: dict[int, Sequence[bytes]] = {}
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """The page's address, with the token if one is needed."""
        host = "localhost" if self.host in ("0.0.0.0", "::") else self.host
        return f"http://{bracketed(host)}:{self.port}/" + (
            f"?token={quote(self.token)}" if self.token is not None else ""
        )

    @property
    def watching(self) -> int:
        """The number of connected viewers."""
        return len(self._clients)

    # Publishing

    def publish(self, messages: Sequence[bytes]) -> None:
        """Publish a frame of one subject to all clients; never waits.

        Args:
            messages: Encoded messages, in the order picture, keypoints, pose.

        Raises:
            ProtocolError: They are not messages of one frame in that order, or the frame number is
                not greater than the subject's last one.
        """
        headers = [protocol.decode_header(m) for m in messages]
        frames = {(stamp.frame, stamp.subject) for _, stamp in headers}
        kinds = [kind for kind, _ in headers]
        if len(frames) != 1 or kinds != sorted(kinds, reverse=True):
            raise protocol.ProtocolError(
                "The messages of one frame must have the same number and subject, and the order "
                "picture, keypoints, pose."
            )
        frame, subject = frames.pop()
        if frame <= self._frame:
            raise protocol.ProtocolError(
                f"Frame {frame} was published after frame {self._frame}; the numbers must increase."
            )
        self._frame, self._newest[subject] = frame, (frame, tuple(messages))
        now = self._loop.time()
        for client in self._clients:
            if client.flow.wait(now) is not None:
                client.wake()

    def publish_threadsafe(self, messages: Sequence[bytes]) -> None:
        """Publish from any thread; no-op after the end.

        The newest frame wins here too: frames do not pile up before a busy event loop.
        """
        subject = protocol.decode_header(messages[0])[1].subject
        with self._lock:
            waiting = bool(self._handed)
            self._handed.pop(subject, None)  # keeps the frames in the order of their numbers
            self._handed[subject] = messages
        if not waiting:
            with contextlib.suppress(RuntimeError):  # the event loop is closed
                self._loop.call_soon_threadsafe(self._take)

    def _take(self) -> None:
        with self._lock:
            handed, self._handed = self._handed, {}
        for messages in handed.values():
            self.publish(messages)

    def introduce(self, hello: protocol.Hello) -> None:
        """Send a new skeleton, rig or source to all clients, and drop the old frame.

        Frames that a client has not acknowledged no longer count: it may drop them at a hello.
        """
        self._hello = hello
        self._newest.clear()
        for client in self._clients:
            client.flow.forget()
            client.tell(hello)

    def tell(self, message: protocol.Status | protocol.ServerState | protocol.Tuned) -> None:
        """Send a message to every client, and the newest of its type to each later client."""
        self._known[type(message)] = message
        for client in self._clients:
            client.tell(message)

    def gone(self, subject: int) -> None:
        """Send all clients that this performer has left, and drop its last frame."""
        with self._lock:
            self._handed.pop(subject, None)
        self._newest.pop(subject, None)
        for client in self._clients:
            client.sent.pop(subject, None)
            client.tell(protocol.Gone(subject))

    # A client's life

    async def _serve(self, connection: ServerConnection) -> None:
        # Only the receive loop notices a disconnect; the sender is cancelled at its end.
        assert connection.request is not None
        path = pages.path_of(connection.request)
        if path in self._endpoints:
            await self._endpoints[path][1](connection)
            return
        client = Client(connection)
        client.tell(self._hello)
        for known in self._known.values():
            client.tell(known)
        self._clients.add(client)
        sender = asyncio.create_task(client.stream(self._newest))
        try:
            async for message in connection:
                self._receive(client, message)
        except protocol.ProtocolError as error:
            await dismiss(connection, str(error))
        except ConnectionClosed:
            pass
        except Exception as error:
            log.error(f"client {type(error).__name__}", "A viewer's message failed.", error)
            await dismiss(connection, "The server failed at this message.", code=1011)
        finally:
            self._clients.discard(client)
            if self._cameras is not None:
                self._cameras.gone(client)
            sender.cancel()
            await asyncio.wait([sender])

    def _receive(self, client: Client, message: str | bytes) -> None:
        if not isinstance(message, str):
            if self._cameras is None:
                raise protocol.ProtocolError(
                    "This server accepts no keypoints: start it with `mocap live --browser`."
                )
            self._cameras.seen(client, protocol.decode_seen(message))
            return
        match text := protocol.decode_client_text(message):
            case protocol.Ack(frame):
                client.flow.acknowledged(frame, asyncio.get_running_loop().time())
                client.wake()
            case protocol.Ping(number):
                client.tell(protocol.Pong(number, time.monotonic()))
            case protocol.CameraMessage():
                if self._cameras is None:
                    raise protocol.ProtocolError(
                        "This server accepts no viewer's camera: start it with "
                        "`mocap live --browser`."
                    )
                self._cameras.begun(client, text)
            case _:
                if self._on_ask is not None:
                    self._on_ask(text)

    # The port

    async def _answer(self, policy: AccessPolicy, request: Request) -> Response | None:
        refusal = policy.refusal(request)
        if refusal is not None:
            return refusal
        # Before the first await, so that a single-use token cannot be used twice.
        cookie = policy.cookie(request)
        if pages.path_of(request) in self._endpoints:
            return None
        if pages.path_of(request) == pages.STREAM_PATH:
            if len(self._clients) < MAX_CLIENTS:
                return None
            return pages.text(
                http.HTTPStatus.SERVICE_UNAVAILABLE, f"There are {MAX_CLIENTS} viewers already."
            )
        response = await asyncio.to_thread(pages.respond, request, self._files, policy.secure)
        if cookie is not None:
            response.headers["Set-Cookie"] = cookie
        return response

    def _subprotocol(
        self, connection: ServerConnection, offered: Sequence[Subprotocol]
    ) -> Subprotocol | None:
        assert connection.request is not None
        wanted = self._endpoints.get(
            pages.path_of(connection.request), (protocol.SUBPROTOCOL, None)
        )[0]
        if wanted is not None and wanted not in offered:
            raise NegotiationError(f"this address speaks {wanted}")
        return None if wanted is None else Subprotocol(wanted)

    async def __aenter__(self) -> Server:
        self._loop = asyncio.get_running_loop()
        asked = self.port
        guests = [path for path, (wanted, _) in self._endpoints.items() if wanted is None]
        self.port = await self._ports.open(
            self.host, asked, lambda port: AccessPolicy(self.host, port, self.token, guests)
        )
        if asked not in (0, self.port):
            self.notice = f"Port {asked} is taken; using {self.port} instead."
        if self._lan is not None:
            try:
                await self._invite(self._lan, (self.port + 1) % 2**16 if asked else 0)
            except BaseException:
                await self._ports.close()
                raise
        return self

    async def _invite(self, lan: Lan, asked: int) -> None:
        def renewed(token: str) -> None:
            self.invitations = lan.urls(port, token)
            lan.renewed(self.invitations)

        token = secrets.token_urlsafe(16)
        policy = partial(AccessPolicy, EVERYWHERE, token=token, secure=True, renewed=renewed)
        port = await self._ports.open(EVERYWHERE, asked, policy, lan.tls)
        self.invitations = lan.urls(port, token)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._ports.close()
