"""Pages' own cameras: their keypoints are solved; each performer is a subject of the stream."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol, runtime_checkable

import msgspec
import numpy as np
from websockets.asyncio.server import ServerConnection

from mocap.core.keypoints import Keypoints, changed, with_fov
from mocap.core.motion import Motion
from mocap.detect.mediapipe.bundles import face_bundle, hand_bundle, pose_bundle
from mocap.detect.options import DetectOptions
from mocap.live.broadcast import Broadcast, sentence_of
from mocap.live.incoming import Incoming
from mocap.live.ingest import ingest
from mocap.live.messages import body_of, points_of, weights_of
from mocap.live.options import LiveOptions
from mocap.live.orders import Orders
from mocap.live.performer import LivePerformer
from mocap.live.shared import CameraKey, SharedPerformer
from mocap.stream import protocol
from mocap.stream.content import Files, content_type

NAME = "your browser's camera"
"""The name of the source until a page's camera begins."""

_CLOCK = 5.0  # largest difference of a frame's clock from the server's, seconds

MODELS = "/models/"
"""The folder of the weights of the page's own detector, and of index.json, which lists them."""


def models(options: DetectOptions) -> Files:
    """Return the weights that the page's own detector uses.

    Raises:
        ModelError: Weights are missing or damaged.
    """
    bundles = {"pose": pose_bundle(options.model)}
    if options.hands:
        bundles["hand"] = hand_bundle()
    if options.face:
        bundles["face"] = face_bundle(options.face_model)
    index = {"models": list(bundles), "person": options.person}
    files: Files = {
        f"{MODELS}{name}.task": (data, content_type("x.task")) for name, data in bundles.items()
    }
    return files | {f"{MODELS}index.json": (msgspec.json.encode(index), content_type("x.json"))}


@runtime_checkable
class CameraEvents(Protocol):
    """Events of pages' cameras for the session, in the event loop."""

    def camera_began(self, shown: protocol.SourceInfo) -> None:
        """Handle the first frame of a camera."""

    def cameras_left(self) -> None:
        """Handle the end of the last camera."""


@runtime_checkable
class Watcher(Protocol):
    """Callbacks for frames and errors, called in the solver's thread."""

    def watch(self, keypoints: Keypoints) -> None:
        """Handle a frame of the first performer."""

    def failed(self, sentence: str) -> None:
        """Handle an unexpected error, after which the performer starts again."""

    def notice(self, sentence: str) -> None:
        """Show a sentence to the performer."""


class BrowserCameras:
    """Pages' cameras: received in the event loop (`stream.server.Cameras`), solved in `follow`.

    Args:
        options: What to detect, and the cameras' field of view.
    """

    def __init__(self, options: LiveOptions) -> None:
        self._options = options
        self._incoming = Incoming(options.detect.hands, options.detect.face)
        self._announced: dict[Hashable, protocol.SourceInfo] = {}  # cameras without a frame so far
        self._events: CameraEvents | None = None
        self._gone: Callable[[int], None] = lambda subject: None
        self.shown = protocol.SourceInfo("browser", NAME, 640, 480)
        """The first camera, as a source."""

    def attach(self, events: CameraEvents, gone: Callable[[int], None]) -> None:
        """Connect to the session, before the first camera begins.

        Args:
            events: The session.
            gone: Removes a performer from all viewers.
        """
        self._events, self._gone = events, gone

    def begun(self, key: Hashable, camera: protocol.CameraMessage) -> None:
        """Handle the start of a page's camera, which becomes active with its first frame."""
        size = (camera.width, camera.height)
        subject = self._incoming.begin(key, size, camera.page)
        shown = protocol.SourceInfo("browser", camera.name or NAME, *size)
        if subject == 0:
            self.shown = shown
        self._announced[key] = self.shown

    def seen(self, key: Hashable, message: protocol.Seen) -> None:
        """Handle keypoints, a face or a picture from a page's camera."""
        self._incoming.put(key, message)
        if (
            isinstance(message, protocol.KeypointsMessage)
            and key in self._announced
            and self._events
        ):
            self._events.camera_began(self._announced.pop(key))

    def gone(self, key: Hashable) -> None:
        """Handle the end of a page's connection, and of its camera if it had one."""
        self._announced.pop(key, None)
        subject = self._incoming.end(key)
        if subject is None:
            return
        if not self._options.shared:
            self._gone(subject)
        elif not len(self._incoming):
            self._gone(0)  # the only performer
        if self._events is not None and not len(self._incoming):
            self._events.cameras_left()

    async def ingest(self, connection: ServerConnection) -> None:
        """Serve a page of another server on this machine, at INGEST_PATH."""
        await ingest(connection, self)

    def follow(self, orders: Orders, output: Broadcast, watcher: Watcher) -> None:
        """Solve the cameras' keypoints until another source is chosen; in the solver's thread.

        After an unexpected error, its performer starts again with the next frame.

        Args:
            orders: The requests of the session.
            output: Receives the poses.
            watcher: Called with the frames of the first performer, and with errors.
        """
        if self._options.shared:
            self._follow_one(orders, output, watcher)
        else:
            self._follow_each(orders, output, watcher)

    def _follow_each(self, orders: Orders, output: Broadcast, watcher: Watcher) -> None:
        """Solve one performer for each camera."""
        performers: dict[int, LivePerformer] = {}
        known: set[int] = set()
        for seen in self._incoming.frames(orders.leave):
            subject = seen.points.stamp.subject
            if orders.take().calibrate:
                performers.clear()
            if seen.restarted or subject not in performers:
                performers[subject] = self._performer(orders)
            keypoints = with_fov(seen.keypoints, self._options.fov)
            if seen.restarted and subject in known:
                # The page has changed its camera or its person: a hard cut for a take.
                keypoints = changed(keypoints, new_take=np.ones(1))
            known.add(subject)
            try:
                motion = performers[subject].follow(keypoints)
                here = self._publish(subject, body_of(seen.points), motion, output)
                if here and subject == 0:
                    pictures = [(picture.stamp.time, picture.jpeg) for picture in seen.pictures]
                    _tell(keypoints, motion, pictures, output, watcher)
            except Exception as error:
                del performers[subject]
                watcher.failed(sentence_of(f"Performer {subject + 1}", error))

    def _follow_one(self, orders: Orders, output: Broadcast, watcher: Watcher) -> None:
        """Solve one performer, whom all cameras see.

        Takes are on the server's clock, and keep no pictures: a fused take has a virtual camera.
        """
        make = partial(self._performer, orders)
        keys: dict[int, CameraKey] = {}
        takes = itertools.count()
        with SharedPerformer(self._options.cameras, make, watcher.notice) as performer:
            for seen in self._incoming.frames(orders.leave):
                subject, clock = seen.points.stamp.subject, seen.points.stamp.clock
                if orders.take().calibrate:
                    performer.restart()
                if seen.restarted or subject not in keys:
                    # A page that comes back is the same camera; without a page's name, none is.
                    page = seen.page or str(next(takes))
                    keys[subject] = CameraKey(page, seen.keypoints.camera.size)
                if abs(clock - time.monotonic()) > _CLOCK:
                    continue  # the sender does not know the server's clock
                keypoints = with_fov(seen.keypoints, self._options.fov)
                keypoints = changed(keypoints, times=np.array([clock]))
                try:
                    solved = performer.follow(keys[subject], keypoints)
                    if solved is None:
                        continue
                    fused, motion = solved
                    at = float(fused.times[0])
                    stamp = protocol.FrameHeader(0, at, at)
                    if self._publish(subject, points_of(fused, stamp), motion, output):
                        # A take has one camera, so it begins when the cameras are fused.
                        _tell(fused, motion, [], output, watcher, performer.together)
                except Exception as error:
                    performer.recover()
                    watcher.failed(sentence_of("The performer", error))

    def _performer(self, orders: Orders) -> LivePerformer:
        """Return a new performer with the session's options."""
        return LivePerformer(
            None, upper_body=self._options.upper_body, tuning=lambda: orders.tuning
        )

    def _publish(
        self, camera: int, points: protocol.KeypointsMessage, motion: Motion, output: Broadcast
    ) -> bool:
        """Publish a frame unless its camera has ended; return whether it was published."""
        stamp = replace(points.stamp, frame=output.number())
        pose = protocol.PoseMessage(
            stamp,
            motion.root_positions[0],
            motion.rotations[0],
            weights_of(motion, output.expressions),
        )
        messages = [protocol.encode(replace(points, stamp=stamp)), protocol.encode(pose)]
        return self._incoming.while_here(camera, lambda: output.publish(messages))


def _tell(
    keypoints: Keypoints,
    motion: Motion,
    pictures: Sequence[tuple[float, bytes]],
    output: Broadcast,
    watcher: Watcher,
    kept: bool = True,
) -> None:
    """Give a frame of the first performer to the listeners and the watcher."""
    for sentence in output.tell(keypoints, motion, pictures, kept):
        watcher.failed(sentence)
    watcher.watch(keypoints)
