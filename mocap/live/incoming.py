"""What pages' cameras see, on its way from the event loop to the solver's thread. Newest wins here too, camera by camera.

Our own page sends what its camera sees as `mocap.v1`; a page of anyone's sends what TF.js pose-detection's `estimatePoses` returns, a text
message a frame, to /ingest (`ingest`). Each camera's performer is a subject of their own.
"""

from __future__ import annotations

import itertools
import threading
import time
import warnings
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from mocap.core.camera import Camera
from mocap.core.keypoints import LANDMARKS, Keypoints
from mocap.detect.crops import Hand, matched
from mocap.errors import InputError, MocapError
from mocap.formats import keypoints_json
from mocap.stream.protocol import FACE_POINTS, Face, Points, ProtocolError, Stamp

MOST = 8
"""Performers at once."""

_WAKE = 0.25  # seconds between looks at whether it is all over
_BODY, _HAND = len(LANDMARKS), 21


@dataclass
class _Camera:
    """What is known of one: its performer's number, its picture's size, and what it saw last."""

    subject: int
    size: tuple[int, int]
    restarted: bool = True
    last: float = -np.inf
    face: Face | None = None
    points: Points | None = None
    came: int = 0


@dataclass(frozen=True, eq=False, slots=True)
class Seen:
    """points: the body's message as it came, with its subject. restarted: another take of this subject begins here."""

    points: Points
    keypoints: Keypoints
    restarted: bool


@dataclass
class Incoming:
    """One frame of each camera: what comes before the last was taken replaces it. A camera is told by any key.

    hands, face: whether frames have room for them, so that those without are frames in which none is seen."""

    hands: bool = False
    face: bool = False
    _cameras: dict[Hashable, _Camera] = field(default_factory=dict)
    _filled: threading.Condition = field(default_factory=threading.Condition)
    _count: Iterator[int] = field(default_factory=itertools.count)

    def begin(self, key: Hashable, size: tuple[int, int]) -> int:
        """This camera's frames follow, another take: the number of its performer, the lowest that is free. size: of its picture, pixels.

        Raises ProtocolError if there are too many."""
        with self._filled:
            taken = {camera.subject for other, camera in self._cameras.items() if other != key}
            subject = (
                self._cameras[key].subject
                if key in self._cameras
                else next(n for n in itertools.count() if n not in taken)
            )
            if subject >= MOST:
                raise ProtocolError(f"There are {MOST} performers already.")
            self._cameras[key] = _Camera(subject, size)
            return subject

    def end(self, key: Hashable) -> int | None:
        """This camera has gone: the number of the performer that it saw, if any."""
        with self._filled:
            camera = self._cameras.pop(key, None)
            return None if camera is None else camera.subject

    def put(self, key: Hashable, message: Points | Face) -> None:
        """What a camera sees, the face before the body. Raises ProtocolError if it has not BlazePose's landmarks."""
        with self._filled:
            camera = self._cameras.get(key)
            if camera is None:
                raise ProtocolError("What a camera sees follows the message that it has begun.")
            if isinstance(message, Face):
                camera.face = message
                return
            if len(message.confidence) not in (_BODY, _BODY + 2 * _HAND):
                wanted = f"BlazePose's {_BODY} landmarks, or {_BODY + 2 * _HAND} with both hands"
                raise ProtocolError(
                    f"A camera's keypoints are {wanted}, but {len(message.confidence)} came."
                )
            camera.points, camera.came = message, next(self._count)
            self._filled.notify()

    def frames(self, stop: threading.Event) -> Iterator[Seen]:
        """What comes, until stop is set; where several cameras wait, the longest first."""
        while not stop.is_set():
            with self._filled:
                waiting = [camera for camera in self._cameras.values() if camera.points is not None]
                if not waiting:
                    self._filled.wait(_WAKE)
                    continue
                camera = min(waiting, key=lambda c: c.came)
                points, camera.points = camera.points, None
                face = camera.face
                assert points is not None
                if points.stamp.time <= camera.last:
                    continue  # a clock that stands still: nothing new
                camera.last = points.stamp.time
                restarted, camera.restarted = camera.restarted, False
            points = replace(points, stamp=replace(points.stamp, subject=camera.subject))
            own = face if face is not None and face.stamp.frame == points.stamp.frame else None
            yield Seen(
                points, as_keypoints(points, camera.size, own, self.hands, self.face), restarted
            )


INGEST_PATH = "/ingest"


async def ingest(
    connection: ServerConnection,
    incoming: Incoming,
    lead: Callable[[Hashable, int, int], None],
    gone: Callable[[Hashable], None],
) -> None:
    """Takes frames of a page's pose-detection until it goes. lead: called with a key and the picture's width and height when they are first
    told, gone: with the key at the end.

    A message is what `estimatePoses` returns, or {"width", "height", "poses"} with the picture's size in pixels; without it, 640 × 480 is
    taken. What cannot be read closes the connection with the reason.
    """
    size: tuple[int, int] | None = None
    try:
        async for message in connection:
            clock = time.monotonic()
            keypoints = foreign_frame(message, clock)
            if keypoints.camera.size != size:
                size = keypoints.camera.size
                lead(connection, *size)
            stamp = Stamp(0, float(keypoints.times[0]), clock)
            incoming.put(
                connection,
                Points(
                    stamp,
                    keypoints.image[0] / size,
                    keypoints.positions[0],
                    keypoints.confidence[0],
                ),
            )
    except ConnectionClosed:
        pass
    except MocapError as error:
        await connection.close(1008, str(error).encode()[:120].decode(errors="ignore"))
    finally:
        gone(connection)


def foreign_frame(message: str | bytes, now: float) -> Keypoints:
    """One frame of keypoints at the time of its coming, seconds, from what `estimatePoses` returned. Raises InputError."""
    try:
        told = msgspec.json.decode(message)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InputError(
            f"A message to {INGEST_PATH} is JSON, what estimatePoses returns: {error}."
        ) from None
    if not isinstance(told, dict):
        told = {"poses": told}
    frame = {"timestamp": now, "poses": told.get("poses")}
    take = {"frames": [frame], "width": told.get("width", 640), "height": told.get("height", 480)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # thirty times a second it would be said
        return keypoints_json.loads(msgspec.json.encode(take))


def as_keypoints(
    points: Points,
    size: tuple[int, int],
    face: Face | None = None,
    hands: bool = False,
    faces: bool = False,
) -> Keypoints:
    """One frame of keypoints from messages, in whose axes they are. size: of the picture, pixels. hands, faces: have room for them.

    Hands are put to the wrists that they belong to, as `crops.matched` does."""
    positions, image = points.positions.astype(np.float64), points.image.astype(np.float64) * size
    seen = np.asarray(np.isfinite(positions).all(axis=-1) & np.isfinite(image).all(axis=-1))
    confidence = np.where(seen, np.clip(points.confidence.astype(np.float64), 0.0, 1.0), 0.0)
    positions, image = (np.where(seen[:, None], a, np.nan) for a in (positions, image))
    body = Keypoints(
        np.array([points.stamp.time]),
        positions[None, :_BODY],
        image[None, :_BODY],
        confidence[None, :_BODY],
        Camera.assumed(size),
    )
    if hands:
        found: list[Hand | None] = [None, None]
        for side in range(2):
            own = slice(_BODY + side * _HAND, _BODY + (side + 1) * _HAND)
            if len(seen) > _BODY and seen[own].all():
                found[side] = Hand(
                    positions[own] - positions[own][0], image[own], float(confidence[own][0])
                )
        known = matched((found[0], found[1]), positions[:_BODY], image[:_BODY])
        body = replace(
            body,
            hands=known.positions[None],
            hands_image=known.image[None],
            hands_confidence=known.confidence[None],
        )
    if faces:
        width, height = size
        mesh = (
            np.full((FACE_POINTS, 3), np.nan)
            if face is None
            else face.points * np.array([width, height, width])
        )
        transform = np.full((4, 4), np.nan) if face is None else face.transform
        told = face.blendshapes[None] if face is not None and len(face.blendshapes) else None
        body = replace(body, face=mesh[None], face_transform=transform[None], face_blendshapes=told)
    return body
