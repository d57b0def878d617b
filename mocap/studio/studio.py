"""The studio's connections: what pages ask of `studio.desk`, from an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from mocap.errors import InputError, MocapError, OutputError
from mocap.stream.content import Files
from mocap.stream.logs import RateLimitedLog
from mocap.stream.server import Endpoint
from mocap.studio import messages as studio
from mocap.studio.desk import Desk

_TELL_EVERY = 0.1  # seconds

_PATIENCE = 4.0  # seconds that the disk has to answer
_LONG = (studio.Open, studio.Export, studio.Upload, studio.Remap)

T = TypeVar("T")
log = RateLimitedLog(logging.getLogger("mocap.live"))


@dataclass
class _Work:
    """What a page asked for, while another thread does it; it can be cancelled."""

    ask: studio.Ask
    connection: ServerConnection
    loop: asyncio.AbstractEventLoop
    cancelled: threading.Event = field(default_factory=threading.Event)
    done: bool = False
    told: float = -np.inf

    def progress(self, part: float) -> None:
        """Raises InputError if the page does not want it any more."""
        if self.cancelled.is_set():
            raise InputError("It was cancelled.")
        now = time.monotonic()
        if now - self.told >= _TELL_EVERY:
            self.told = now
            asyncio.run_coroutine_threadsafe(self._tell(part), self.loop)

    async def wait_turn(self) -> None:
        """Answer at once that the work is in hand; it may wait for another one."""
        await self._tell(0.0)

    async def _tell(self, part: float) -> None:
        with contextlib.suppress(ConnectionClosed):
            if not self.done:
                await self.connection.send(studio.progress(self.ask, part))


class Studio:
    """One for a server. files: the server's table, to which what is made is added. expressions: of the hello, in its order. fov: the
    camera's, radians, or None. `hear` is the listener of the live frames; `serve` a page's connection."""

    def __init__(
        self, folder: Path, files: Files, expressions: Sequence[str] = (), fov: float | None = None
    ) -> None:
        self.files = files
        self._desk = Desk(folder, files, expressions, fov)
        self.takes, self.hear = self._desk.takes, self._desk.hear
        self.recording, self.disk, self.close = (
            self._desk.recording,
            self._desk.disk,
            self._desk.close,
        )
        self._busy = asyncio.Lock()

    def endpoints(self) -> dict[str, Endpoint]:
        """Return the studio's WebSocket endpoint."""
        return {studio.STUDIO_PATH: (studio.SUBPROTOCOL, self.serve)}

    # A page's connection

    async def serve(self, connection: ServerConnection) -> None:
        """Answer a page until it leaves; each request is a task, so that a bake delays no list."""
        tasks: set[asyncio.Task[None]] = set()
        works: dict[int, _Work] = {}
        upload: tuple[studio.Upload, bytearray] | None = None
        try:
            async for message in connection:
                if isinstance(message, str):
                    ask = studio.parse(message)
                    if isinstance(ask, studio.Upload):
                        upload = ask, bytearray()
                        continue
                    if isinstance(ask, studio.Cancel):
                        if ask.ask in works:
                            works[ask.ask].cancelled.set()
                        await connection.send(studio.answer(ask))
                        continue
                    works = {id_: work for id_, work in works.items() if not work.done}
                    works[ask.id] = work = _Work(ask, connection, asyncio.get_running_loop())
                    tasks.add(asyncio.create_task(self._answer(work)))
                elif upload is not None:
                    announced, data = upload
                    data += message
                    if len(data) < announced.size:
                        continue
                    work = _Work(announced, connection, asyncio.get_running_loop())
                    tasks.add(
                        asyncio.create_task(self._answer(work, bytes(data[: announced.size])))
                    )
                    upload = None
                tasks = {t for t in tasks if not t.done()}
        except ConnectionClosed:
            pass
        except MocapError as error:
            await connection.close(1008, str(error).encode()[:120].decode(errors="ignore"))
        finally:
            for work in works.values():
                work.cancelled.set()
            for task in tasks:
                task.cancel()

    async def _answer(self, work: _Work, data: bytes = b"") -> None:
        try:
            text = studio.answer(work.ask, **await self._done(work, data))
        except MocapError as error:
            text = studio.answer(work.ask, error=str(error))
        except OSError as error:
            said = f"A file cannot be read or written: {error.strerror or error}."
            text = studio.answer(work.ask, error=said)
        except Exception as error:
            what = type(work.ask).__name__.lower()
            log.error(f"studio {what}", f"The studio's answer to {what} failed.", error)
            said = f"This failed ({type(error).__name__}: {error})."[:300]
            text = studio.answer(work.ask, error=f"{said} The terminal shows the details.")
        work.done = True
        with contextlib.suppress(ConnectionClosed):
            await work.connection.send(text)

    async def _done(self, work: _Work, data: bytes) -> dict[str, Any]:
        if not isinstance(work.ask, _LONG):
            return await _soon(self._desk.quick, work.ask)
        await work.wait_turn()
        async with self._busy:  # one at a time, so that what is live goes on
            return await asyncio.to_thread(self._desk.work, work.ask, data, work.progress)


async def _soon(function: Callable[..., T], *arguments: Any) -> T:
    """Call a function of the disk in a thread.

    Raises:
        OutputError: It has not returned after `_PATIENCE` seconds.
    """
    call = asyncio.to_thread(function, *arguments)
    try:
        return await asyncio.wait_for(call, _PATIENCE)
    except asyncio.TimeoutError:
        raise OutputError(
            f"The disk has not answered for {_PATIENCE:.0f} s: check the folder of takes."
        ) from None
