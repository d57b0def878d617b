"""The cameras of the server: listed with pictures, active once one has sent a picture."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect

from mocap.capture.source import Frame, Source
from mocap.errors import DeviceError
from mocap.live.orders import Orders
from mocap.live.server_cameras import CAMERAS_PATH, SUBPROTOCOL, CameraDriver, ServerCameras
from mocap.live.session import LiveSession
from mocap.live.state import LiveState
from mocap.stream import protocol
from mocap.stream.server import Handlers, Server
from tests.helpers.stream_clients import played
from tests.helpers.stream_host import HELLO

IMAGE = np.full((48, 64, 3), 90, np.uint8)


class FakeCamera(Source):
    """A camera; number 2 sends no picture."""

    def __init__(self, number: int) -> None:
        super().__init__(f"camera {number}", (64, 48), 30.0, None)
        self.number, self.closed = number, False

    def __iter__(self) -> Iterator[Frame]:
        if self.number == 2:
            raise DeviceError("Camera 2 has sent no picture for 8 s.")
        yield Frame(0.0, IMAGE)

    def close(self) -> None:
        self.closed = True


class Scene:
    """Cameras 0 to 3 behind a real socket, and a session that has the server's source."""

    def __init__(self) -> None:
        self.opened: list[FakeCamera] = []
        driver = CameraDriver(self._pictures, self._open, lambda number: f"Camera No. {number}")
        self.cameras = ServerCameras(0, driver)
        self.orders = Orders("server")
        self.session = LiveSession(
            LiveState("server", protocol.SourceInfo("camera", "camera 0", 64, 48), "running"),
            self.orders,
            browser=lambda: protocol.SourceInfo("browser", "b", 64, 48),
            announce=lambda before, after: None,
            send_vmc=lambda output: None,
        )
        self.cameras.attach(lambda: self.session.state.active == "server", self.session.use_server)

    def _pictures(self, in_use: int | None) -> dict[int, Any]:
        return {number: None if number == in_use else IMAGE for number in (0, 2, 3)}

    def _open(self, number: int) -> FakeCamera:
        if number == 1:
            raise DeviceError("There is no camera 1.")
        self.opened.append(FakeCamera(number))
        return self.opened[-1]

    def ask(self, *asks: dict[str, Any] | str) -> list[dict[str, Any]]:
        """Return the answers to these requests."""

        async def scene() -> list[dict[str, Any]]:
            handlers = Handlers(endpoints={CAMERAS_PATH: (SUBPROTOCOL, self.cameras.serve)})
            async with Server(HELLO, {}, port=0, handlers=handlers) as server:
                address = f"ws://127.0.0.1:{server.port}{CAMERAS_PATH}"
                page: ClientConnection
                async with connect(address, subprotocols=[SUBPROTOCOL], proxy=None) as page:  # type: ignore[list-item]
                    out = []
                    for ask in asks:
                        await page.send(ask if isinstance(ask, str) else json.dumps(ask))
                        out.append(json.loads(await asyncio.wait_for(page.recv(), 60)))
                    return out

        return played(scene())


def test_cameras_have_names_and_pictures_and_the_one_in_use_is_not_opened() -> None:
    scene = Scene()
    [answer] = scene.ask({"do": "list"})
    assert [(c["number"], c["name"], c["active"]) for c in answer["cameras"]] == [
        (0, "Camera No. 0", True),
        (2, "Camera No. 2", False),
        (3, "Camera No. 3", False),
    ]
    pictures = [camera["picture"] for camera in answer["cameras"]]
    assert pictures[0] is None
    assert all(picture.startswith("data:image/jpeg;base64,/9j/") for picture in pictures[1:])


def test_a_camera_becomes_active_with_its_first_picture() -> None:
    scene = Scene()
    assert scene.ask({"do": "use", "number": 3}) == [{"number": 3}]
    assert scene.orders.leave.is_set(), "the source is opened again"
    assert scene.cameras.open() is scene.opened[0]
    assert scene.opened[0].number == 3
    again = scene.cameras.open()  # after it was lost
    assert isinstance(again, FakeCamera)
    assert again.number == 3


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        ({"do": "use", "number": 1}, "There is no camera 1."),
        ({"do": "use", "number": 2}, "sent no picture"),
        ({"do": "use", "number": -1}, "not a message"),
        ({"do": "use", "number": "0; rm"}, "not a message"),
        ("[" * 3000, "not a message"),
    ],
)
def test_a_camera_without_pictures_keeps_the_previous_one(ask: Any, said: str) -> None:
    scene = Scene()
    [answer] = scene.ask(ask)
    assert said in answer["error"]
    assert not scene.orders.leave.is_set()
    assert all(camera.closed for camera in scene.opened)
    still = scene.cameras.open()
    assert isinstance(still, FakeCamera)
    assert still.number == 0


def test_choosing_a_server_camera_leaves_the_pages_cameras() -> None:
    scene = Scene()
    scene.session.choose("browser")
    assert scene.ask({"do": "list"}, {"do": "use", "number": 0})[1] == {"number": 0}
    assert scene.session.state.active == "server"


def test_an_unused_camera_is_closed() -> None:
    scene = Scene()
    scene.ask({"do": "use", "number": 3})
    scene.cameras.close()
    assert scene.opened[0].closed
