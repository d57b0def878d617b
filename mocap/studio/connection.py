"""A page's connection to the studio: its requests, each a task of its own, and its uploads."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from mocap.errors import InputError, MocapError
from mocap.stream.logs import RateLimitedLog
from mocap.studio import messages

_TELL_EVERY = 0.1  # seconds between two messages about progress

log = RateLimitedLog(logging.getLogger("mocap.live"))


@dataclass
class Work:
    """A request that is being answered. The thread that does the work calls `progress`.

    Attributes:
        ask: The request.
        connection: The page's connection.
        loop: The event loop.
        cancelled: Set when the page cancels the request.
        done: Whether it has been answered.
        told: When progress was last sent, seconds.
    """

    ask: messages.Ask
    connection: ServerConnection
    loop: asyncio.AbstractEventLoop
    cancelled: threading.Event = field(default_factory=threading.Event)
    done: bool = False
    told: float = -np.inf

    def progress(self, part: float) -> None:
        """Send the part that is done, 0 to 1.

        Raises:
            InputError: The page has cancelled the work.
        """
        if self.cancelled.is_set():
            raise InputError("The request was cancelled.")
        now = time.monotonic()
        if now - self.told >= _TELL_EVERY:
            self.told = now
            asyncio.run_coroutine_threadsafe(self._tell(part), self.loop)

    async def wait_turn(self) -> None:
        """Send that the request is accepted; it may wait for another one to finish."""
        await self._tell(0.0)

    async def _tell(self, part: float) -> None:
        with contextlib.suppress(ConnectionClosed):
            if not self.done:
                await self.connection.send(messages.progress(self.ask, part))


Answer = Callable[[Work, bytes], Awaitable[dict[str, Any]]]
"""Does the work of a request, with an upload's bytes, and returns the answer's fields."""


class PageRequests:
    """Answers one page until it leaves. Requests run side by side: a bake does not delay others.

    Args:
        connection: The page's connection.
        answer: Answers a request.
    """

    def __init__(self, connection: ServerConnection, answer: Answer) -> None:
        self._connection, self._answer = connection, answer
        self._tasks: set[asyncio.Task[None]] = set()
        self._works: dict[int, Work] = {}
        self._upload: tuple[messages.Upload, bytearray] | None = None

    async def serve(self) -> None:
        """Answer requests until the page leaves; end the connection at an invalid message."""
        try:
            async for message in self._connection:
                if isinstance(message, str):
                    await self._request(messages.parse(message))
                else:
                    self._piece(message)
        except ConnectionClosed:
            pass
        except MocapError as error:
            reason = str(error).encode()[:120].decode(errors="ignore")
            await self._connection.close(1008, reason)
        finally:
            for work in self._works.values():
                work.cancelled.set()
            for task in self._tasks:
                task.cancel()

    async def _request(self, ask: messages.Ask) -> None:
        if isinstance(ask, messages.Upload):
            self._upload = ask, bytearray()
        elif isinstance(ask, messages.Cancel):
            if ask.ask in self._works:
                self._works[ask.ask].cancelled.set()
            await self._connection.send(messages.answer(ask))
        else:
            self._works = {id_: work for id_, work in self._works.items() if not work.done}
            self._works[ask.id] = self._start(ask, b"")

    def _piece(self, data: bytes) -> None:
        """Store a piece of an upload; pieces that were not announced are ignored."""
        if self._upload is None:
            return
        announced, received = self._upload
        received += data
        if len(received) >= announced.size:
            self._upload = None
            self._start(announced, bytes(received[: announced.size]))

    def _start(self, ask: messages.Ask, data: bytes) -> Work:
        work = Work(ask, self._connection, asyncio.get_running_loop())
        task = asyncio.create_task(self._reply(work, data))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return work

    async def _reply(self, work: Work, data: bytes) -> None:
        try:
            text = messages.answer(work.ask, **await self._answer(work, data))
        except MocapError as error:
            text = messages.answer(work.ask, error=str(error))
        except OSError as error:
            sentence = f"A file cannot be read or written: {error.strerror or error}."
            text = messages.answer(work.ask, error=sentence)
        except Exception as error:
            what = type(work.ask).__name__.lower()
            log.error(f"studio {what}", f"The studio's answer to {what} failed.", error)
            sentence = f"This failed ({type(error).__name__}: {error})."[:300]
            text = messages.answer(work.ask, error=f"{sentence} The terminal shows the details.")
        work.done = True
        with contextlib.suppress(ConnectionClosed):
            await work.connection.send(text)
