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
from mocap.errors import NoPersonError
from mocap.formats.embed import embedded
from mocap.formats.vrm import as_vrm
from mocap.incoming import INGEST_PATH
from mocap.keypoints import Keypoints, concatenate, is_somebody
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
from mocap.stream.server import Endpoint, Server

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
) -> Keypoints:
    """Keypoints from a video, an image, a folder of images (by the detector), or a keypoints file (as they stand).

    source_fps: the true capture rate where the file has none or a wrong one. hands, face: look for hands, for a face; without it, those of
    a file are left out. face_model: MediaPipe's own face_landmarker.task, to tell expressions by its network. Raises InputError or
    NoPersonError.
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
    with open_source(path, source_fps) as source, PerformerDetector(model, source.count != 1, hands, face, face_model) as detector:
        report = None if progress is None else (lambda done: progress(done, source.count))
        return detect_source(source, detector, report)


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
) -> None:
    """Streams a source to every viewer that connects, until it is cancelled or the source ends. Without a source, what a page's own camera
    sees is solved for all.

    kind: "video" or "camera", for the page to say. ready: called when the page can be opened. listeners: who else gets every frame, a
    recording or another program. rig: the avatar, in the mannequin's place. hands, face: look for them. face_model: as of
    `read_keypoints`. upper_body: as of Solver. studio: given the server's files and the hello's expressions, another listener and what else
    is served (studio.Studio). Raises DeviceError if there is no port or the camera stops, ModelError if the viewer or the
    weights are missing.
    """
    camera = None if fov is None or source is None else Camera.from_fov(source.size, fov)
    shown = protocol.Source(kind, NAME, 640, 480) if source is None else protocol.Source(kind, source.name, *source.size)
    files, avatar = files_of(rig)
    expressions = EXPRESSIONS if face else ()
    hello = partial(protocol.hello, HUMANOID, expressions, avatar)
    stop, paused, anew = threading.Event(), threading.Event(), threading.Event()

    def control(pause: bool) -> None:
        (paused.set if pause else paused.clear)()

    tuning = Tuning()

    def tune(asked: protocol.Tune) -> None:
        nonlocal tuning
        tuning = Tuning(asked.smoothing, asked.feet, asked.hips)
        server.tuned(protocol.Tuned(tuning.smoothing, tuning.feet, tuning.hips, tuning.lag))

    endpoints: Mapping[str, Endpoint] = {}
    if studio is not None:
        hear, endpoints = studio(files, expressions)
        listeners = [*listeners, hear]
    cameras = None
    if source is None:
        cameras = BrowserCameras(lambda: LivePerformer(None, upper_body=upper_body, tuning=lambda: tuning), hello, fov, hands, face)
        endpoints = {**endpoints, INGEST_PATH: (None, cameras.ingest)}
        files |= await asyncio.to_thread(models, model, hands, face, face_model)
    server = Server(
        hello(shown), files, host, port, on_control=control, on_calibrate=anew.set, on_tune=tune, cameras=cameras, endpoints=endpoints
    )
    server.tuned(protocol.Tuned(tuning.smoothing, tuning.feet, tuning.hips, tuning.lag))
    if cameras is not None:
        cameras.server = server
    async with server:
        if ready is not None:
            ready(server)
        if cameras is not None:
            work = partial(cameras.follow, stop, anew, expressions, listeners)
        else:
            assert source is not None
            detector = partial(PerformerDetector, model, hands=hands, face=face, face_model=face_model)
            performer = partial(LivePerformer, camera=camera, upper_body=upper_body, tuning=lambda: tuning)
            work = partial(_work, source, detector, performer, server, stop, paused, anew, listeners, expressions)
        worker = asyncio.create_task(asyncio.to_thread(work))
        try:
            await asyncio.shield(worker)
        finally:
            stop.set()
            with contextlib.suppress(Exception):
                await worker


def _work(
    source: Source,
    make_detector: Callable[[], PerformerDetector],
    make_performer: Callable[[Detector], LivePerformer],
    server: Server,
    stop: threading.Event,
    paused: threading.Event,
    anew: threading.Event,
    listeners: Sequence[Listener],
    expressions: Sequence[str],
) -> None:
    """The detector's thread. Pictures that come while it is busy or paused are not kept."""
    with make_detector() as detector:
        performer = make_performer(detector)
        for number, arrived in enumerate(in_real_time(source, stop)):
            if paused.is_set():
                continue
            if arrived.restarted or anew.is_set():
                anew.clear()
                performer.restart()
            keypoints, motion = performer.perform(arrived)
            server.publish_threadsafe(encode_frame(number, arrived, keypoints, motion, expressions))
            for listener in listeners:
                listener(keypoints, motion)
