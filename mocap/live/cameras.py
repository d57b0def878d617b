"""`mocap live --browser`: what pages' own cameras see is solved here, and each performer is a subject of their own on one stage."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from websockets.asyncio.server import ServerConnection

from mocap.core.keypoints import with_fov
from mocap.detect.mediapipe.bundles import PoseSize, face_bundle, hand_bundle, pose_bundle
from mocap.live.incoming import Incoming, ingest
from mocap.live.messages import body_of, weights_of
from mocap.live.performer import Listener, LivePerformer
from mocap.stream import protocol
from mocap.stream.files import Files, content_type

if TYPE_CHECKING:
    from mocap.stream.server import Server

NAME = "your browser's camera"
MODELS = "/models/"
"""Where the page finds index.json, which says what else is there, and the weights for its own detector."""


def models(
    size: PoseSize = "full",
    hands: bool = True,
    face: bool = True,
    face_model: Path | None = None,
    person: int | None = None,
) -> Files:
    """The weights that the page's detector wants. face_model: another face_landmarker.task than the package's. person:
    whom of several it is to follow, as of `bake.read_keypoints`. Raises ModelError."""
    bundles = {"pose": pose_bundle(size)}
    if hands:
        bundles["hand"] = hand_bundle()
    if face:
        bundles["face"] = face_bundle(face_model)
    index = {"models": list(bundles), "person": person}
    files: Files = {
        f"{MODELS}{name}.task": (data, content_type("x.task")) for name, data in bundles.items()
    }
    return files | {f"{MODELS}index.json": (msgspec.json.encode(index), content_type("x.json"))}


class BrowserCameras:
    """Pages' cameras, between the event loop, where they are heard (server.Cameras), and the solver's thread (`follow`).

    performer: makes the solver of one more performer. introduce: tells everyone what the first camera shows. fov: the cameras' field of
    view, radians, where it is known. lead: called when a page's camera begins, to be followed. `server` is to be set before anyone is
    heard. `shown` is what the first camera shows.
    """

    server: Server

    def __init__(
        self,
        performer: Callable[[], LivePerformer],
        introduce: Callable[[protocol.Source], None],
        lead: Callable[[], None],
        fov: float | None = None,
        hands: bool = True,
        face: bool = True,
    ) -> None:
        self._performer, self._introduce, self._lead, self._fov = performer, introduce, lead, fov
        self._incoming = Incoming(hands, face)
        self._following = False
        self.shown = protocol.Source("browser", NAME, 640, 480)

    def begun(self, key: Hashable, camera: protocol.Camera) -> None:
        self._begin(key, camera)
        self._lead()

    def _begin(self, key: Hashable, camera: protocol.Camera) -> None:
        if self._incoming.begin(key, (camera.width, camera.height)) == 0:
            self.shown = protocol.Source(
                "browser", camera.name or NAME, camera.width, camera.height
            )
            if self._following:
                self._introduce(self.shown)

    def seen(self, key: Hashable, message: protocol.Points | protocol.Face) -> None:
        self._incoming.put(key, message)

    def gone(self, key: Hashable) -> None:
        if (subject := self._incoming.end(key)) is not None:
            self.server.gone(subject)

    async def ingest(self, connection: ServerConnection) -> None:
        """Serves a page of anyone's at INGEST_PATH."""

        def lead(key: Hashable, width: int, height: int) -> None:
            self._begin(key, protocol.Camera("another page", width, height))

        await ingest(connection, self._incoming, lead, self.gone)

    def follow(
        self,
        stop: threading.Event,
        anew: threading.Event,
        numbers: Iterator[int],
        expressions: Sequence[str],
        listeners: Sequence[Listener] = (),
    ) -> None:
        """The solver's thread: poses of all performers, until stop is set. anew: measure everyone again. numbers: of the frames. listeners:
        hear the first one."""
        self._following = True
        try:
            self._follow(stop, anew, numbers, expressions, listeners)
        finally:
            self._following = False

    def _follow(
        self,
        stop: threading.Event,
        anew: threading.Event,
        numbers: Iterator[int],
        expressions: Sequence[str],
        listeners: Sequence[Listener],
    ) -> None:
        performers: dict[int, LivePerformer] = {}
        for seen in self._incoming.frames(stop):
            subject, keypoints = seen.points.stamp.subject, with_fov(seen.keypoints, self._fov)
            if anew.is_set():
                anew.clear()
                performers.clear()
            if seen.restarted or subject not in performers:
                performers[subject] = self._performer()
            motion = performers[subject].follow(keypoints)
            stamp = replace(seen.points.stamp, frame=next(numbers))
            points = replace(body_of(seen.points), stamp=stamp)
            pose = protocol.Pose(
                stamp,
                motion.root_positions[0],
                motion.rotations[0],
                weights_of(motion, expressions),
            )
            self.server.publish_threadsafe([protocol.encode(points), protocol.encode(pose)])
            if subject == 0:
                for listener in listeners:
                    listener(keypoints, motion)
