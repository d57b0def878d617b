"""The mailbox of pages' cameras, from the event loop to the solver's thread.

It contains the newest frame of each camera. mocap's own page sends keypoints as `mocap.v1`; pages
of other servers send results of TF.js pose-detection (`live.ingest`). Each camera has one
performer, who is a subject of the stream.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from mocap.core.camera import Camera
from mocap.core.keypoints import LANDMARKS, Keypoints
from mocap.core.small import clip
from mocap.detect.crops import FoundHand, matched
from mocap.stream.protocol import (
    FACE_POINTS,
    FaceMessage,
    KeypointsMessage,
    PictureMessage,
    ProtocolError,
    Seen,
)

MOST = 8
"""The largest number of performers at once."""

_WAKE = 0.25  # seconds between looks at whether the session has ended
_BODY, _HAND = len(LANDMARKS), 21
# Pictures of a camera: so many may wait for its next frame, and so many come in a second at most.
_WAITING, _RATE = 4, 30.0
# Seconds by which a picture may be older than the newest keypoints.
_LATE = 2.0


@dataclass
class _Camera:
    """One camera: its performer's number, its picture's size, and its newest messages.

    Attributes:
        last: Time of the last frame that was solved, seconds.
        newest: Time of the last keypoints that arrived, seconds.
        came: Number of their arrival among those of all cameras.
        allowed: Pictures that the rate allows now.
        counted: When that was counted, seconds.
    """

    subject: int
    size: tuple[int, int]
    page: str = ""
    restarted: bool = True
    last: float = -np.inf
    newest: float = -np.inf
    face: FaceMessage | None = None
    points: KeypointsMessage | None = None
    came: int = 0
    pictures: deque[PictureMessage] = field(default_factory=lambda: deque(maxlen=_WAITING))
    allowed: float = _RATE
    counted: float = 0.0

    def take_picture(self, picture: PictureMessage, now: float) -> None:
        """Keep a picture until the next frame, unless more came than the rate allows.

        Pictures come after their keypoints, so one that is later than all keypoints has none.
        """
        if not self.newest - _LATE <= picture.stamp.time <= self.newest:
            return
        self.allowed = min(self.allowed + _RATE * (now - self.counted), _RATE)
        self.counted = now
        if self.allowed >= 1.0:
            self.allowed -= 1.0
            self.pictures.append(picture)


@dataclass(frozen=True, eq=False, slots=True)
class CameraFrame:
    """One frame of a camera.

    Attributes:
        points: The body's message as it came, with the camera's subject.
        keypoints: The same as keypoints, with hands and face.
        restarted: Whether another take of this subject begins here.
        pictures: Pictures of this frame or of frames before it, the oldest first.
        page: Identifies the page across connections; "" if unknown.
    """

    points: KeypointsMessage
    keypoints: Keypoints
    restarted: bool
    pictures: tuple[PictureMessage, ...] = ()
    page: str = ""


@dataclass
class Incoming:
    """Holds the newest frame of each camera; a camera is identified by any hashable key.

    Attributes:
        hands: Whether the keypoints have hands, NaN where a frame has none.
        face: Whether the keypoints have a face, NaN where a frame has none.
    """

    hands: bool = False
    face: bool = False
    _cameras: dict[Hashable, _Camera] = field(default_factory=dict)
    _filled: threading.Condition = field(default_factory=threading.Condition)
    _count: Iterator[int] = field(default_factory=itertools.count)

    def begin(self, key: Hashable, size: tuple[int, int], page: str = "") -> int:
        """Begin another take of a camera.

        A page that has lost its connection reconnects with another key, often before the server
        notices the end of the old connection. It keeps its performer.

        Args:
            key: The camera.
            size: Width and height of its picture, pixels.
            page: Identifies the page across connections; "" if unknown.

        Returns:
            The number of its performer: that of the same camera or page, or the lowest free one.

        Raises:
            ProtocolError: There are `MOST` performers already.
        """
        with self._filled:
            same = key if key in self._cameras else self._of_page(page)
            if same is None:
                taken = {camera.subject for camera in self._cameras.values()}
                subject = next(n for n in itertools.count() if n not in taken)
            else:
                subject = self._cameras.pop(same).subject
            if subject >= MOST:
                raise ProtocolError(f"There are {MOST} performers already.")
            self._cameras[key] = _Camera(subject, size, page)
            return subject

    def _of_page(self, page: str) -> Hashable | None:
        """Return the key of a page's camera, None if the page has none."""
        return next(
            (key for key, camera in self._cameras.items() if page and camera.page == page), None
        )

    def __len__(self) -> int:
        """Return the number of cameras."""
        with self._filled:
            return len(self._cameras)

    def end(self, key: Hashable) -> int | None:
        """Remove a camera, and return the number of its performer, if it had one."""
        with self._filled:
            camera = self._cameras.pop(key, None)
            return None if camera is None else camera.subject

    def while_here(self, subject: int, publish: Callable[[], None]) -> bool:
        """Call `publish` unless the performer's camera has ended.

        A camera may end while its frame is solved; a pose published after that would stay in every
        viewer.

        Args:
            subject: The performer's number.
            publish: Publishes the frame; no camera begins or ends during the call.

        Returns:
            Whether it was called.
        """
        with self._filled:
            here = any(camera.subject == subject for camera in self._cameras.values())
            if here:
                publish()
            return here

    def put(self, key: Hashable, message: Seen) -> None:
        """Store a message of a camera; a frame's face comes before its body, its picture after.

        Args:
            key: The camera.
            message: The message.

        Raises:
            ProtocolError: The camera has not begun, or the message has other landmarks than
                BlazePose's.
        """
        with self._filled:
            camera = self._cameras.get(key)
            if camera is None:
                raise ProtocolError("Send a camera message before the first keypoints.")
            if isinstance(message, FaceMessage):
                camera.face = message
                return
            if isinstance(message, PictureMessage):
                camera.take_picture(message, time.monotonic())
                return
            if len(message.confidence) not in (_BODY, _BODY + 2 * _HAND):
                wanted = f"BlazePose's {_BODY} landmarks, or {_BODY + 2 * _HAND} with both hands"
                raise ProtocolError(
                    f"A camera's keypoints must be {wanted}, but are {len(message.confidence)}."
                )
            camera.points, camera.came = message, next(self._count)
            camera.newest = message.stamp.time
            self._filled.notify()

    def frames(self, stop: threading.Event) -> Iterator[CameraFrame]:
        """Yield frames until `stop` is set; the oldest of several waiting frames comes first."""
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
                    continue  # the clock stands still: an old frame
                camera.last = points.stamp.time
                restarted, camera.restarted = camera.restarted, False
                pictures = tuple(camera.pictures)
                camera.pictures.clear()
            points = replace(points, stamp=replace(points.stamp, subject=camera.subject))
            own = face if face is not None and face.stamp.frame == points.stamp.frame else None
            keypoints = as_keypoints(points, camera.size, own, self.hands, self.face)
            yield CameraFrame(points, keypoints, restarted, pictures, camera.page)


def as_keypoints(
    points: KeypointsMessage,
    size: tuple[int, int],
    face: FaceMessage | None = None,
    hands: bool = False,
    faces: bool = False,
) -> Keypoints:
    """Convert messages to one frame of keypoints, in the same axes.

    Args:
        points: The body, and perhaps both hands.
        size: Width and height of the picture, pixels.
        face: The face of the same frame, or None.
        hands: Whether the keypoints have hands; each is assigned to the nearest wrist.
        faces: Whether the keypoints have a face.
    """
    with np.errstate(invalid="ignore"):  # a signalling NaN is a NaN
        positions = points.positions.astype(np.float64)
        image = points.image.astype(np.float64) * size
    seen = np.asarray(np.isfinite(positions).all(axis=-1) & np.isfinite(image).all(axis=-1))
    confidence = np.where(seen, clip(points.confidence.astype(np.float64), 0.0, 1.0), 0.0)
    positions, image = (np.where(seen[:, None], a, np.nan) for a in (positions, image))
    body = Keypoints(
        np.array([points.stamp.time]),
        positions[None, :_BODY],
        image[None, :_BODY],
        confidence[None, :_BODY],
        Camera.assumed(size),
    )
    if hands:
        found: list[FoundHand | None] = [None, None]
        for side in range(2):
            own = slice(_BODY + side * _HAND, _BODY + (side + 1) * _HAND)
            if len(seen) > _BODY and seen[own].all():
                found[side] = FoundHand(
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
