"""A streaming server for the tests of the page: in a thread, or as a process that can be killed.

python -m tests.helpers.page_host PORT streams a slow turn at 30 frames a second and prints its
address.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType

import numpy as np
from playwright.sync_api import Page

from mocap import assets
from mocap.core import rotation as R
from mocap.core.skeleton import HUMANOID, Skeleton
from mocap.stream import protocol
from mocap.stream.content import Files
from mocap.stream.files import files_for
from mocap.stream.server import Endpoint, Handlers, Server
from tests.helpers.browser import Open, until

NO_RIG = "rigs/none.vrm"
"""An avatar that does not exist: the page shows the skeleton, and loads faster."""
REST = np.tile(R.IDENTITY, (len(HUMANOID.names), 1))
STANDING = HUMANOID.offsets[0]
SOURCE = protocol.SourceInfo("motion", "a test", 64, 48)


def hello(
    skeleton: Skeleton = HUMANOID,
    rig: str = "rigs/mannequin.vrm",
    source: protocol.SourceInfo = SOURCE,
    clip: str | None = None,
    expressions: tuple[str, ...] = (),
) -> protocol.Hello:
    return protocol.hello(skeleton, expressions, rig, source, clip)


def pose(
    number: int,
    root: np.ndarray = STANDING,
    rotations: np.ndarray = REST,
    weights: Sequence[float] = (),
) -> bytes:
    stamp = protocol.FrameHeader(number, number / 30, time.monotonic())
    return protocol.encode(protocol.PoseMessage(stamp, root, rotations, np.array(weights)))


def turning(number: int) -> np.ndarray:
    """Return the rest pose with one arm raised, turned a little further with each frame."""
    rotations = REST.copy()
    rotations[0] = R.from_axis_angle(np.array([0.0, 1.0, 0.0]), np.array(0.02 * number))
    rotations[HUMANOID.index("leftUpperArm")] = R.from_axis_angle(
        np.array([0.0, 0.0, 1.0]), np.array(1.2)
    )
    return rotations


class SharedPage:
    """A host and a page without an avatar, which the tests of a file share.

    Attributes:
        host: The server.
        page: The page, as wide as at the start, with its panels closed.
        asked: What the page has asked of the server since the test began.
    """

    def __init__(self, host: Host, page: Page, asked: list[protocol.Ask]) -> None:
        self.host, self.page, self.asked = host, page, asked
        self._sources = 0

    def reset(self, width: int = 640, height: int = 480) -> None:
        """Show a new camera without a picture, and close the panels."""
        self._sources += 1
        self.page.set_viewport_size({"width": width, "height": height})
        camera = protocol.SourceInfo("camera", f"camera {self._sources}", 64, 48)
        self.host.introduce(hello(rig=NO_RIG, source=camera))
        self.host.announce(protocol.ServerState("running", None, 0.0, (), "ok", None))
        name = "document.querySelector('#source')?.textContent"
        until(self.page, f"{name} === {camera.name!r}")
        self.page.evaluate("for (const p of document.querySelectorAll('.side')) p.hidden = true")
        self.asked.clear()

    def next_asked(self) -> protocol.Ask:
        """Wait for the page's next request."""
        deadline = time.monotonic() + 10.0
        while not self.asked:
            assert time.monotonic() < deadline, "nothing was asked for"
            time.sleep(0.02)
        return self.asked.pop()


@contextmanager
def shared_page(open_page: Open, before: str = "") -> Iterator[SharedPage]:
    """Open the page of a host that has a camera."""
    asked: list[protocol.Ask] = []
    camera = protocol.SourceInfo("camera", "camera 0", 64, 48)
    with Host(hello(rig=NO_RIG, source=camera), on_ask=asked.append) as host:
        page = open_page(host.url, before=before, expect=("Failed to load resource",))
        until(page, "window.mocap?.stats().state === 'waiting'")
        yield SharedPage(host, page, asked)


class Host:
    """The real server, with the packaged page, in a thread:

    `with Host() as host: host.publish([...])`.
    """

    def __init__(
        self,
        greeting: protocol.Hello | None = None,
        port: int = 0,
        more: Files | None = None,
        on_ask: Callable[[protocol.Ask], None] | None = None,
        endpoints: Callable[[Files], Mapping[str, Endpoint]] = lambda files: {},
    ) -> None:
        self._on_ask, self._endpoints = on_ask, endpoints
        self._greeting = greeting or hello()
        self._files = files_for(assets.path(".")) | (more or {})
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))
        self.frame = 0

    async def _run(self) -> None:
        handlers = Handlers(on_ask=self._on_ask, endpoints=self._endpoints(self._files))
        server = Server(self._greeting, self._files, port=self._port, handlers=handlers)
        async with server as self._server:
            self._started.set()
            await self._ended.wait()

    def __enter__(self) -> Host:
        self._thread.start()
        assert self._started.wait(20), "the server did not start within 20 s"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(20)
        self._loop.close()

    @property
    def url(self) -> str:
        return self._server.url

    def publish(self, messages: Sequence[bytes]) -> None:
        self._server.publish_threadsafe(messages)

    def show(
        self, rotations: np.ndarray, root: np.ndarray = STANDING, weights: Sequence[float] = ()
    ) -> int:
        """Publish one pose; return its frame's number."""
        self.frame += 1
        self.publish([pose(self.frame, root, rotations, weights)])
        return self.frame

    def announce(self, state: protocol.ServerState) -> None:
        self._loop.call_soon_threadsafe(self._server.tell, state)

    def introduce(self, greeting: protocol.Hello) -> None:
        self._loop.call_soon_threadsafe(self._server.introduce, greeting)


async def _stream(port: int) -> None:
    async with Server(hello(), files_for(assets.path(".")), port=port) as server:
        print(server.url, flush=True)
        number = 0
        while True:
            number += 1
            server.publish([pose(number, rotations=turning(number))])
            await asyncio.sleep(1 / 30)


if __name__ == "__main__":
    asyncio.run(_stream(int(sys.argv[1])))
