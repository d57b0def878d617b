"""The studio of a server: the requests of pages, in an event loop, done by `studio.desk`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from websockets.asyncio.server import ServerConnection

from mocap.errors import OutputError
from mocap.stream.content import Files
from mocap.stream.server import Endpoint
from mocap.studio import messages
from mocap.studio.connection import PageRequests, Work
from mocap.studio.desk import Desk

_PATIENCE = 4.0  # seconds to wait for the disk
_LONG = (messages.Open, messages.Export, messages.Upload, messages.Remap)

T = TypeVar("T")


class Studio:
    """The recorder of a live session, and the endpoint of its pages.

    Args:
        folder: The folder of takes.
        files: The server's table of files; finished files are added to it.
        expressions: The expressions of the hello, in its order.
        fov: The camera's field of view, radians, or None.
    """

    def __init__(
        self, folder: Path, files: Files, expressions: Sequence[str] = (), fov: float | None = None
    ) -> None:
        self._desk = desk = Desk(folder, files, expressions, fov)
        self.takes, self.hear, self.see = desk.takes, desk.hear, desk.see
        self.recording, self.disk, self.close = desk.recording, desk.disk, desk.close
        self._busy = asyncio.Lock()

    def endpoints(self) -> dict[str, Endpoint]:
        """Return the studio's WebSocket endpoint."""
        return {messages.STUDIO_PATH: (messages.SUBPROTOCOL, self.serve)}

    async def serve(self, connection: ServerConnection) -> None:
        """Answer a page's requests until it leaves."""
        await PageRequests(connection, self._answer).serve()

    async def _answer(self, work: Work, data: bytes) -> dict[str, Any]:
        if not isinstance(work.ask, _LONG):
            return await _soon(self._desk.quick, work.ask)
        await work.wait_turn()
        async with self._busy:  # one at a time, so that the live session goes on
            return await asyncio.to_thread(self._desk.work, work.ask, data, work.progress)


async def _soon(function: Callable[..., T], *arguments: Any) -> T:
    """Call a function that uses the disk in a thread.

    Raises:
        OutputError: It does not return within `_PATIENCE` seconds.
    """
    call = asyncio.to_thread(function, *arguments)
    try:
        return await asyncio.wait_for(call, _PATIENCE)
    except asyncio.TimeoutError:
        raise OutputError(
            f"The disk has not answered for {_PATIENCE:.0f} s: check the folder of takes."
        ) from None
