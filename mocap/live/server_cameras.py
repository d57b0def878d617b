"""The cameras of the computer that runs mocap: listed with pictures, and chosen on the page.

The page asks over a WebSocket of its own (`mocap.cameras.v1`), with JSON in both directions:

    page → server   {"do": "list"}
    server → page   {"cameras": [{"number", "name", "active", "picture"}]}
    page → server   {"do": "use", "number": n}
    server → page   {"number": n}, or {"error": sentence}; the camera before stays then

A picture is a JPEG as a data URL; null if the camera is in use or sends none. Pages on other
devices are refused, because only the user of this computer may look through its cameras.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from jaxtyping import UInt8
from msgspec import Meta
from numpy import ndarray
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from mocap.capture.picture import jpeg
from mocap.capture.source import Source
from mocap.capture.webcam import Webcam, camera_name, camera_pictures
from mocap.core.closing import Closing
from mocap.errors import MocapError
from mocap.stream.access import is_loopback

CAMERAS_PATH, SUBPROTOCOL = "/cameras", "mocap.cameras.v1"

_PREVIEW_WIDTH = 240  # pixels


class _List(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="list"):
    """List the cameras; each is opened for a moment."""


class _Use(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="use"):
    """Use a camera as the server's source."""

    number: Annotated[int, Meta(ge=0, le=99)]


_DECODER: msgspec.json.Decoder[_List | _Use] = msgspec.json.Decoder(_List | _Use)


@dataclass(frozen=True, slots=True)
class CameraDriver:
    """The functions that find and open cameras.

    Attributes:
        pictures: (number of the camera in use, or None) to a picture of each camera by number; None
            for the one in use, which is not opened.
        open: Opens a camera. Raises DeviceError.
        name: Returns a camera's name.
    """

    pictures: Callable[[int | None], Mapping[int, UInt8[ndarray, "h w 3"] | None]]
    open: Callable[[int], Source]
    name: Callable[[int], str]


class ServerCameras(Closing):
    """The server's camera, which pages can change.

    Args:
        number: The camera at the start.
        driver: The functions that find and open cameras.
    """

    def __init__(
        self,
        number: int = 0,
        driver: CameraDriver = CameraDriver(camera_pictures, Webcam, camera_name),
    ) -> None:
        self._number, self._driver = number, driver
        self._prepared: Source | None = None
        self._lock = threading.Lock()
        self._busy = asyncio.Lock()
        self._in_use: Callable[[], bool] = lambda: False
        self._switch: Callable[[], None] = lambda: None

    def attach(self, in_use: Callable[[], bool], switch: Callable[[], None]) -> None:
        """Connect to the session.

        Args:
            in_use: Returns whether the server's source is active.
            switch: Opens the server's source again, and makes it active.
        """
        self._in_use, self._switch = in_use, switch

    def open(self) -> Source:
        """Open the chosen camera; called in the solver's thread.

        Raises:
            DeviceError: It cannot be opened.
        """
        prepared = self._take_prepared()
        return prepared if prepared is not None else self._driver.open(self._number)

    def close(self) -> None:
        """Close a camera that was opened and not used."""
        prepared = self._take_prepared()
        if prepared is not None:
            prepared.close()

    async def serve(self, connection: ServerConnection) -> None:
        """Answer a page until it leaves."""
        with contextlib.suppress(ConnectionClosed):
            if not is_loopback(str(connection.remote_address[0])):
                await connection.close(1008, "Choose the camera on the computer that runs mocap.")
            async for message in connection:
                await connection.send(msgspec.json.encode(await self._answer(message)).decode())

    async def _answer(self, message: str | bytes) -> dict[str, Any]:
        try:
            ask = _DECODER.decode(message)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            return {"error": f"This is not a message of {SUBPROTOCOL}: {error}."}
        async with self._busy:
            if isinstance(ask, _List):
                return {"cameras": await asyncio.to_thread(self._listed, self._in_use())}
            if ask.number == self._number and self._in_use():
                return {"number": ask.number}
            try:
                await asyncio.to_thread(self._prepare, ask.number)
            except MocapError as error:
                return {"error": str(error)}
        self._switch()
        return {"number": ask.number}

    def _listed(self, in_use: bool) -> list[dict[str, Any]]:
        found = self._driver.pictures(self._number if in_use else None)
        return [
            {
                "number": number,
                "name": self._driver.name(number),
                "active": in_use and number == self._number,
                "picture": None if image is None else _data_url(jpeg(image, _PREVIEW_WIDTH)),
            }
            for number, image in found.items()
        ]

    def _prepare(self, number: int) -> None:
        """Open a camera and wait for its first picture.

        Raises:
            DeviceError: It cannot be opened, or sends no picture.
        """
        source = self._driver.open(number)
        try:
            next(iter(source))
        except BaseException:
            source.close()
            raise
        self.close()
        with self._lock:
            self._number, self._prepared = number, source

    def _take_prepared(self) -> Source | None:
        with self._lock:
            prepared, self._prepared = self._prepared, None
            return prepared


def _data_url(picture: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}"
