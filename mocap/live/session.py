"""`mocap live`: a source, or pages' cameras, to every viewer that connects."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from mocap.capture.source import Source
from mocap.capture.webcam import Webcam
from mocap.core.rig import Rig
from mocap.core.skeleton import HUMANOID
from mocap.detect.mediapipe.bundles import PoseSize
from mocap.detect.options import DetectOptions
from mocap.detect.performer import PerformerDetector
from mocap.errors import MocapError
from mocap.live.avatar import files_of
from mocap.live.cameras import NAME, BrowserCameras, models
from mocap.live.clock import in_real_time
from mocap.live.incoming import INGEST_PATH
from mocap.live.lead import Lead
from mocap.live.messages import encode_frame
from mocap.live.performer import Listener, LivePerformer
from mocap.solve.face import EXPRESSIONS
from mocap.solve.tuning import Tuning
from mocap.stream import protocol
from mocap.stream.files import Files
from mocap.stream.lan import Lan
from mocap.stream.server import Endpoint, Server


async def live(
    source: Source | None,
    kind: protocol.SourceKind,
    model: PoseSize = "full",
    fov: float | None = None,
    host: str = "127.0.0.1",
    port: int = 8765,
    ready: Callable[[Server], None] | None = None,
    listeners: Sequence[Listener] = (),
    rig: Rig | None = None,
    hands: bool = True,
    upper_body: bool | None = None,
    face: bool = True,
    face_model: Path | None = None,
    studio: Callable[[Files, Sequence[str]], tuple[Listener, Mapping[str, Endpoint]]] | None = None,
    again: Callable[[], Source] = Webcam,
    lan: Lan | None = None,
    person: int | None = None,
) -> None:
    """Streams a source to every viewer that connects, until it is cancelled or the source ends. Without a source, or when a page wants to,
    what pages' own cameras see is solved for all.

    kind: "video" or "camera", for the page to say. again: opens the server's source once more, which is closed while pages lead; the first
    camera by default. ready: called when the page can be opened. listeners: who else gets every frame, a recording or another program. rig:
    the avatar, in the mannequin's place. hands, face: look for them. face_model: as of `read_keypoints`. upper_body: as of Solver. studio:
    given the server's files and the hello's expressions, another listener and what else is served (studio.Studio). lan: how phones come in
    (lan.open_lan). person: as of `read_keypoints`. Raises DeviceError if there is no port or the camera stops, ModelError if the viewer or
    the weights are missing.
    """
    shown = (
        protocol.Source("browser", NAME, 640, 480)
        if source is None
        else protocol.Source(kind, source.name, *source.size)
    )
    files, avatar = files_of(rig)
    expressions = EXPRESSIONS if face else ()
    hello = partial(protocol.hello, HUMANOID, expressions, avatar)
    paused, anew, another = threading.Event(), threading.Event(), threading.Event()
    numbers = itertools.count()
    lead = Lead("browser" if source is None else "server")
    loop = asyncio.get_running_loop()
    tuning = Tuning()
    sources = [] if source is None else [source]

    def asked(ask: protocol.Ask) -> None:
        nonlocal tuning
        match ask:
            case protocol.Control(paused=pause):
                (paused.set if pause else paused.clear)()
            case protocol.Calibrate():
                anew.set()
            case protocol.Person():
                another.set()
            case protocol.Lead(who):
                lead.choose(who)
            case protocol.Tune(smoothing, feet, hips):
                tuning = Tuning(smoothing, feet, hips)
                server.tuned(protocol.Tuned(smoothing, feet, hips, tuning.lag))

    def introduce(other: protocol.Source) -> None:
        nonlocal shown
        if other != shown:
            shown = other
            server.introduce(hello(shown))

    def own(leave: threading.Event) -> None:
        """The server's own source leads."""
        try:
            opened = sources.pop() if sources else again()
        except MocapError as error:
            loop.call_soon_threadsafe(server.status, "error", str(error))
            loop.call_soon_threadsafe(lead.choose, "browser")
            leave.wait()
            return
        with opened:
            of = kind if kind != "browser" else "camera"
            loop.call_soon_threadsafe(introduce, protocol.Source(of, opened.name, *opened.size))
            options = DetectOptions(
                model=model, hands=hands, face=face, face_model=face_model, person=person
            )
            with PerformerDetector(options) as detector:
                performer = LivePerformer(
                    detector,
                    fov=(opened.fov, "metadata") if fov is None else (fov, "told"),
                    upper_body=upper_body,
                    tuning=lambda: tuning,
                )
                _work(
                    opened,
                    performer,
                    server,
                    leave,
                    paused,
                    anew,
                    another,
                    numbers,
                    listeners,
                    expressions,
                )

    def theirs(leave: threading.Event) -> None:
        """Pages' cameras lead."""
        loop.call_soon_threadsafe(introduce, cameras.shown)
        cameras.follow(leave, anew, numbers, expressions, listeners)

    endpoints: Mapping[str, Endpoint] = {}
    if studio is not None:
        hear, endpoints = studio(files, expressions)
        listeners = [*listeners, hear]
    files |= await asyncio.to_thread(models, model, hands, face, face_model, person)
    performer = partial(LivePerformer, None, upper_body=upper_body, tuning=lambda: tuning)
    cameras = BrowserCameras(
        performer, introduce, partial(lead.choose, "browser"), fov, hands, face
    )
    endpoints = {**endpoints, INGEST_PATH: (None, cameras.ingest)}
    cameras.server = server = Server(
        hello(shown), files, host, port, on_ask=asked, cameras=cameras, endpoints=endpoints, lan=lan
    )
    server.tuned(protocol.Tuned(tuning.smoothing, tuning.feet, tuning.hips, tuning.lag))
    async with server:
        if ready is not None:
            ready(server)
        worker = asyncio.create_task(
            asyncio.to_thread(lead.follow, {"server": own, "browser": theirs})
        )
        try:
            await asyncio.shield(worker)
        finally:
            lead.end()
            with contextlib.suppress(Exception):
                await worker


def _work(
    source: Source,
    performer: LivePerformer,
    server: Server,
    stop: threading.Event,
    paused: threading.Event,
    anew: threading.Event,
    another: threading.Event,
    numbers: Iterator[int],
    listeners: Sequence[Listener],
    expressions: Sequence[str],
) -> None:
    """The detector's thread. Pictures that come while it is busy or paused are not kept."""
    for arrived in in_real_time(source, stop):
        if paused.is_set():
            continue
        if arrived.restarted or anew.is_set():
            anew.clear()
            performer.restart()
        if another.is_set():
            another.clear()
            performer.next_person()
        keypoints, motion = performer.perform(arrived)
        server.publish_threadsafe(
            encode_frame(next(numbers), arrived, keypoints, motion, expressions)
        )
        for listener in listeners:
            listener(keypoints, motion)
