"""`mocap live`: streams the active source to every viewer that connects."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from mocap.core.skeleton import HUMANOID
from mocap.errors import MocapError
from mocap.live.avatar import files_of
from mocap.live.broadcast import Broadcast
from mocap.live.cameras import BrowserCameras, models
from mocap.live.ingest import INGEST_PATH
from mocap.live.options import (
    Listener,
    LiveOptions,
    PageOptions,
    Recorder,
    ServerSource,
    StudioMaker,
)
from mocap.live.orders import Orders
from mocap.live.server_cameras import CAMERAS_PATH, SUBPROTOCOL, ServerCameras
from mocap.live.session import LiveSession
from mocap.live.state import LiveState, RecordingState, announcements
from mocap.live.vmc_output import VmcListener
from mocap.live.worker import Worker
from mocap.solve.face import EXPRESSIONS
from mocap.stream import protocol
from mocap.stream.server import Endpoint, Handlers, Server

_TURN = 0.001  # seconds before Python switches to a waiting thread; the default is 0.005
_LOOK_EVERY = 0.25  # seconds between looks at the recording
_DISK_EVERY = 20  # looks between those at the disk


@dataclass(frozen=True, slots=True)
class LiveOutputs:
    """The receivers of a session's frames besides the viewers.

    Attributes:
        listeners: Called with every frame of the first performer, in the solver's thread.
        studio: Makes the studio behind the page, or None.
    """

    listeners: Sequence[Listener] = ()
    studio: StudioMaker | None = None


async def live(
    source: ServerSource | None = None,
    options: LiveOptions = LiveOptions(),  # noqa: B008 - frozen
    page: PageOptions = PageOptions(),  # noqa: B008 - frozen
    outputs: LiveOutputs = LiveOutputs(),
    ready: Callable[[Server], None] | None = None,
) -> None:
    """Stream the active source to every viewer that connects, until cancelled.

    Args:
        source: The server's own source; by default the first camera.
        options: Options of detection and solving, and the source that is active at the start.
        page: Options of the page and its server.
        outputs: The receivers of the frames besides the viewers.
        ready: Called when the page can be opened.

    Raises:
        DeviceError: The source cannot be opened, there is no free port, or the VMC receiver has no
            address.
        InputError: The source cannot be read.
        ModelError: The viewer or the weights are missing.
    """
    source = source or server_camera()
    # The solver's thread and the event loop share Python; a long turn of one delays the other.
    sys.setswitchinterval(_TURN)
    expressions = EXPRESSIONS if options.detect.face else ()
    files, avatar = files_of(page.rig)
    with contextlib.ExitStack() as stack:
        first = source.open() if options.active == "server" else None
        if first is not None:
            stack.enter_context(first)
        vmc = stack.enter_context(VmcListener(options.vmc))
        recorder = None if outputs.studio is None else outputs.studio(files, expressions)
        files |= await asyncio.to_thread(models, options.detect)
        cameras, orders = BrowserCameras(options), Orders(options.active)
        shown = cameras.shown
        if first is not None:
            shown = protocol.SourceInfo(source.kind, first.name, *first.size)

        def hello(shown: protocol.SourceInfo) -> protocol.Hello:
            return protocol.hello(HUMANOID, expressions, avatar, shown)

        server = Server(
            hello(shown),
            files,
            page.host,
            page.port,
            lan=page.lan,
            handlers=Handlers(
                on_ask=lambda ask: session.ask(ask),
                cameras=cameras,
                endpoints=_endpoints(cameras, recorder, source.cameras),
            ),
        )
        tasks = _Tasks()
        session = LiveSession(
            LiveState(options.active, shown, "starting" if first else "waiting", vmc=options.vmc),
            orders,
            browser=lambda: cameras.shown,
            announce=lambda before, after: _announce(server, hello, before, after),
            send_vmc=lambda output: tasks.start(_switch_vmc(vmc, output, session)),
        )
        cameras.attach(session, server.gone)
        if source.cameras is not None:
            stack.enter_context(source.cameras)
            source.cameras.attach(
                lambda: session.state.active == "server", lambda: session.use_server()
            )
        listeners: list[Listener] = [
            *outputs.listeners,
            *([] if recorder is None else [recorder.hear]),
        ]
        worker = Worker(
            source,
            options,
            orders,
            Broadcast(
                server.publish_threadsafe,
                expressions,
                listeners,
                [] if recorder is None else [recorder.see],
                [vmc],
            ),
            _in_loop(session.apply),
            _in_loop(session.refuse),
        )
        async with server:
            if ready is not None:
                ready(server)
            if recorder is not None:
                tasks.start(_watch_recorder(recorder, session))
            work = asyncio.create_task(asyncio.to_thread(worker.run, first, cameras))
            try:
                await asyncio.shield(work)
            finally:
                orders.end()
                tasks.cancel()
                with contextlib.suppress(Exception):
                    await work


def server_camera(number: int = 0) -> ServerSource:
    """Return a source that is a camera of this computer, which pages can change."""
    cameras = ServerCameras(number)
    return ServerSource("camera", cameras.open, cameras)


def _endpoints(
    browser: BrowserCameras, recorder: Recorder | None, server: ServerCameras | None
) -> Mapping[str, Endpoint]:
    endpoints: dict[str, Endpoint] = {INGEST_PATH: (None, browser.ingest)}
    if server is not None:
        endpoints[CAMERAS_PATH] = (SUBPROTOCOL, server.serve)
    if recorder is not None:
        endpoints |= recorder.endpoints()
    return endpoints


def _announce(
    server: Server,
    hello: Callable[[protocol.SourceInfo], protocol.Hello],
    before: LiveState | None,
    after: LiveState,
) -> None:
    """Send clients the differences of two states; the hello first, since it clears frames."""
    if before is not None and before.shown != after.shown:
        server.introduce(hello(after.shown))
    for message in announcements(before, after):
        server.tell(message)


class _Tasks:
    """Tasks that are cancelled together."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._running.add(task := asyncio.get_running_loop().create_task(coroutine))
        task.add_done_callback(self._running.discard)

    def cancel(self) -> None:
        for task in self._running:
            task.cancel()


def _in_loop(function: Callable[..., None]) -> Callable[..., None]:
    """Make a function callable from any thread; it runs in this event loop, until the loop ends."""
    loop = asyncio.get_running_loop()

    def call(*arguments: Any) -> None:
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(function, *arguments)

    return call


async def _switch_vmc(
    vmc: VmcListener, output: protocol.VmcOutput | None, session: LiveSession
) -> None:
    """Send poses to another VMC receiver; if that fails, the page shows the reason."""
    try:
        await asyncio.to_thread(vmc.switch, output)
    except MocapError as error:
        sentence = str(error)
        session.apply(lambda state: state.failed(sentence))
        return
    session.apply(lambda state: replace(state, vmc=output, problem=""))


def _with_recording(
    recording: RecordingState, disk: protocol.DiskState, state: LiveState
) -> LiveState:
    return replace(state.with_recording(recording), disk=disk)


async def _watch_recorder(recorder: Recorder, session: LiveSession) -> None:
    """Update the state of the session with the states of the recording and the disk."""
    disk: protocol.DiskState = "ok"
    for look in itertools.count():
        if look % _DISK_EVERY == 0:
            disk = await asyncio.to_thread(recorder.disk)
        session.apply(partial(_with_recording, recorder.recording(), disk))
        await asyncio.sleep(_LOOK_EVERY)
