"""The two ways through the house: `bake` takes a whole input to a Motion, `live` takes frames to a stream as they come."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from mocap import assets, formats
from mocap.browser import NAME, BrowserCameras, models, weights_of
from mocap.camera import Camera
from mocap.capture import Frame, Source, open_source
from mocap.detect.mediapipe import Detector, detect_source
from mocap.detect.models import PoseSize
from mocap.detect.performer import PerformerDetector
from mocap.errors import MocapError, NoPersonError
from mocap.formats.embed import embedded
from mocap.formats.vrm import as_vrm
from mocap.incoming import INGEST_PATH
from mocap.keypoints import Keypoints, concatenate, is_somebody
from mocap.lead import Lead
from mocap.lift.live import LiftState, lift_live
from mocap.motion import Motion
from mocap.picture import jpeg
from mocap.retarget import retarget
from mocap.rig.load import load_rig
from mocap.rig.types import Rig
from mocap.skeleton import HUMANOID, Skeleton
from mocap.solve.face import EXPRESSIONS
from mocap.solve.measure import measure_body
from mocap.solve.root import DEFAULT_FOV
from mocap.solve.solver import Feet, Solver, solve_take
from mocap.solve.tuning import Tuning
from mocap.stream import protocol
from mocap.stream.files import Files, files_for
from mocap.stream.lan import Lan
from mocap.stream.server import Endpoint, Server
from mocap.webcam import Webcam

# The live body is measured again each second of the first six in which a person is seen, and then left alone.
_MEASURE_EVERY, _MEASURE_UNTIL = 1.0, 6.0
# The source's picture, small, beside the avatar: pixels across.
_PICTURE_WIDTH = 360

Progress = Callable[[int, int | None], None]
"""Called with the number of frames done and, where it is known, of all."""

Listener = Callable[[Keypoints, Motion], None]
"""Called in the detector's thread with each live frame: what was seen, and the pose on the avatar."""


# Bake ------------------------------------------------------------------------------------------------------------------------------


def read_keypoints(
    path: Path,
    model: PoseSize = "full",
    source_fps: float | None = None,
    progress: Progress | None = None,
    hands: bool = True,
    face: bool = True,
    face_model: Path | None = None,
    person: int | None = None,
) -> Keypoints:
    """Keypoints from a video, an image, a folder of images (by the detector), or a keypoints file (as they stand).

    source_fps: the true capture rate where the file has none or a wrong one. hands, face: look for hands, for a face; without it, those of
    a file are left out. face_model: another face_landmarker.task than the package's. person: whom, counted from the left from 1, when so
    many are first seen; the most prominent if not told. Raises InputError or NoPersonError.
    """
    if path.suffix.lower() in formats.KEYPOINTS_SUFFIXES:
        keypoints = formats.load(path, source_fps)
        assert isinstance(keypoints, Keypoints)
        if not hands:
            keypoints = replace(keypoints, hands=None, hands_image=None, hands_confidence=None)
        if not face:
            keypoints = replace(keypoints, face=None, face_transform=None, face_blendshapes=None)
        if not is_somebody(keypoints):
            raise NoPersonError(f"There is no person in any of the {len(keypoints)} frames of {path}.")
        return keypoints
    with open_source(path, source_fps) as source, PerformerDetector(model, source.count != 1, hands, face, face_model, person) as detector:
        report = None if progress is None else (lambda done: progress(done, source.count))
        try:
            return detect_source(source, detector, report)
        except NoPersonError as error:
            if person is None or person == 1:
                raise
            raise NoPersonError(f"There are never {person} people in {path}: leave --person out, or count from the left.") from error


def solve(
    keypoints: Keypoints,
    fov: float | None = None,
    refine: bool = True,
    feet: Feet = "auto",
    upper_body: bool | None = None,
    height: float | None = None,
    progress: Callable[[float], None] | None = None,
) -> Motion:
    """The bake of keypoints. fov: the camera's field of view along the image's longer side, radians. refine: False takes the keypoints
    as they are, without smoothing or filling (for keypoints that are good already). The others: as in solver.solve_take."""
    camera = None if fov is None else Camera.from_fov(keypoints.image_size, fov)
    return solve_take(keypoints, camera, refine, feet, upper_body, height, progress)


# Live ------------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Arrived:
    """A frame, the take's time in seconds, which goes on increasing where a video starts again, and when it came (time.monotonic())."""

    frame: Frame
    time: float
    clock: float
    restarted: bool


def in_real_time(source: Source, stop: threading.Event) -> Iterator[Arrived]:
    """The frames of a source as a camera would give them: a video at its own pace and again from its start when it ends.

    A reader that is slower than the video gets fewer frames, never late ones.
    """
    begun = time.monotonic()
    offset = 0.0
    for turn in itertools.count():
        first, last = None, 0.0
        for frame in source:
            if stop.is_set():
                return
            first = frame.time if first is None else first
            last = frame.time - first
            if source.count is None:  # a camera sets the pace itself, and says by another clock when its picture came
                came = time.monotonic() - (time.perf_counter() - frame.time)
                yield Arrived(frame, came - begun, came, False)
                continue
            due = begun + offset + last
            wait = due - time.monotonic()
            if wait < -1.0 / source.fps and last > 0.0:
                continue
            if wait > 0 and stop.wait(wait):
                return
            yield Arrived(frame, offset + last, time.monotonic(), turn > 0 and last == 0.0)
        offset = max(offset + last + 1.0 / source.fps, time.monotonic() - begun)


MANNEQUIN, USERS = "rigs/mannequin.vrm", "rigs/character.vrm"
"""Where the page finds its avatar: ours, or the user's."""


def load_avatar(path: Path) -> Rig:
    """A character for the page, which gets one file of it: what lies beside a .gltf is put inside. Raises InputError as `load_rig`."""
    rig = load_rig(path)
    return rig if rig.kind == "bvh" else replace(rig, source=embedded(rig.source, path.parent))


def files_of(rig: Rig | None) -> tuple[Files, str]:
    """(the page's files, where the avatar is among them): the rig as a VRM, or the mannequin."""
    files = files_for(assets.path("."))
    if rig is None:
        return files, MANNEQUIN
    return files | {f"/{USERS}": (as_vrm(rig), "model/gltf-binary")}, USERS


class LivePerformer:
    """From pictures or keypoints to poses on the avatar, one at a time: detect, measure, lift, solve, retarget. No socket in sight.

    detector: None where only keypoints come. tuning: asked before each frame."""

    def __init__(
        self,
        detector: Detector | None,
        avatar: Skeleton = HUMANOID,
        camera: Camera | None = None,
        upper_body: bool | None = None,
        tuning: Callable[[], Tuning] = Tuning,
    ) -> None:
        self._detector, self._avatar, self._camera, self._upper_body = detector, avatar, camera, upper_body
        self._tuning = tuning
        self.restart()

    def restart(self, camera: Camera | None = None) -> None:
        """Forgets the performer: the next frame begins another take. camera: from now on, where it is another."""
        self._camera = camera or self._camera
        self._solver = Solver(camera=self._camera, upper_body=self._upper_body)
        self._seen: list[Keypoints] = []
        self._measured = -np.inf
        self._lift: LiftState | None = None

    def perform(self, arrived: Arrived) -> tuple[Keypoints, Motion]:
        """The keypoints of a frame, and the avatar's pose."""
        assert self._detector is not None
        keypoints = self._detector.detect(arrived.frame.image, arrived.time)
        return keypoints, self.follow(keypoints)

    def next_person(self) -> None:
        """Another one of those in view from now on."""
        assert self._detector is not None
        self._detector.next_person()
        self.restart()

    def follow(self, keypoints: Keypoints) -> Motion:
        """The avatar's pose of one frame of keypoints, which come after those before."""
        if not np.isnan(keypoints.positions).all():
            self._measure(keypoints)
        camera = self._camera or Camera.from_fov(keypoints.image_size, DEFAULT_FOV)
        positions, self._lift = lift_live(keypoints, camera, self._lift)
        self._solver.tuning = self._tuning()
        return retarget(self._solver.solve(replace(keypoints, positions=positions)), self._avatar)

    def _measure(self, keypoints: Keypoints) -> None:
        if self._seen and keypoints.times[0] - self._seen[0].times[0] > _MEASURE_UNTIL:
            return
        self._seen.append(keypoints)
        if keypoints.times[0] - self._measured >= _MEASURE_EVERY:
            self._measured = float(keypoints.times[0])
            self._solver.body = measure_body(concatenate(self._seen))


def encode_frame(number: int, arrived: Arrived, keypoints: Keypoints, motion: Motion, expressions: Sequence[str] = ()) -> list[bytes]:
    """A frame's messages in the order of `mocap.v1`: picture, keypoints, pose. expressions: those of the hello, in its order."""
    stamp = protocol.Stamp(number, arrived.time, arrived.clock)
    points = protocol.Points(stamp, keypoints.image[0] / keypoints.image_size, keypoints.positions[0], keypoints.confidence[0])
    pose = protocol.Pose(stamp, motion.root_positions[0], motion.rotations[0], weights_of(motion, expressions))
    picture = protocol.Picture(stamp, jpeg(arrived.frame.image, _PICTURE_WIDTH))
    return [protocol.encode(picture), protocol.encode(points), protocol.encode(pose)]


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
    shown = protocol.Source("browser", NAME, 640, 480) if source is None else protocol.Source(kind, source.name, *source.size)
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
            camera = None if fov is None else Camera.from_fov(opened.size, fov)
            with PerformerDetector(model, True, hands, face, face_model, person) as detector:
                performer = LivePerformer(detector, camera=camera, upper_body=upper_body, tuning=lambda: tuning)
                _work(opened, performer, server, leave, paused, anew, another, numbers, listeners, expressions)

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
    cameras = BrowserCameras(performer, introduce, partial(lead.choose, "browser"), fov, hands, face)
    endpoints = {**endpoints, INGEST_PATH: (None, cameras.ingest)}
    cameras.server = server = Server(hello(shown), files, host, port, on_ask=asked, cameras=cameras, endpoints=endpoints, lan=lan)
    server.tuned(protocol.Tuned(tuning.smoothing, tuning.feet, tuning.hips, tuning.lag))
    async with server:
        if ready is not None:
            ready(server)
        worker = asyncio.create_task(asyncio.to_thread(lead.follow, {"server": own, "browser": theirs}))
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
        server.publish_threadsafe(encode_frame(next(numbers), arrived, keypoints, motion, expressions))
        for listener in listeners:
            listener(keypoints, motion)
