"""Keypoints that a page sends, on their way from the event loop to the solver's thread. Newest wins here too.

Our own page sends what its camera sees as `mocap.v1`; a page of anyone's sends what TF.js pose-detection's `estimatePoses` returns, a text
message a frame, to /ingest (`ingest`).
"""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Iterator

import msgspec
import numpy as np
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from mocap.errors import InputError, MocapError
from mocap.formats import keypoints_json
from mocap.keypoints import LANDMARKS, Keypoints
from mocap.stream.protocol import Points, ProtocolError, Stamp

_WAKE = 0.25  # seconds between looks at whether it is all over


class Incoming:
    """A slot for one frame: what comes before the last was taken replaces it."""

    def __init__(self) -> None:
        self._filled = threading.Condition()
        self._points: Points | None = None
        self._size = (640, 480)
        self._restarted = False

    def begin(self, size: tuple[int, int]) -> None:
        """Another camera leads: the frames that follow are another take. size: of its picture, pixels."""
        with self._filled:
            self._size, self._points, self._restarted = size, None, True

    def put(self, points: Points) -> None:
        """A frame that has come. Raises ProtocolError if it has not BlazePose's landmarks."""
        if len(points.confidence) != len(LANDMARKS):
            raise ProtocolError(f"A camera's keypoints are BlazePose's {len(LANDMARKS)} landmarks, but {len(points.confidence)} came.")
        with self._filled:
            self._points = points
            self._filled.notify()

    def frames(self, stop: threading.Event) -> Iterator[tuple[Points, Keypoints, bool]]:
        """(the message, its keypoints, whether another take begins with it), as they come, until stop is set."""
        last = -np.inf
        while not stop.is_set():
            with self._filled:
                if self._points is None:
                    self._filled.wait(_WAKE)
                    continue
                points, self._points = self._points, None
                restarted, self._restarted = self._restarted, False
                size = self._size
            if points.stamp.time <= last and not restarted:
                continue  # an old frame, or a clock that stands still: nothing new
            last = points.stamp.time
            yield points, as_keypoints(points, size), restarted


INGEST_PATH = "/ingest"


async def ingest(connection: ServerConnection, incoming: Incoming, lead: Callable[[int, int], None]) -> None:
    """Takes frames of a page's pose-detection until it goes. lead: called with the picture's width and height when they are first told.

    A message is what `estimatePoses` returns, or {"width", "height", "poses"} with the picture's size in pixels; without it, 640 × 480 is
    taken. What cannot be read closes the connection with the reason.
    """
    size: tuple[int, int] | None = None
    try:
        async for message in connection:
            clock = time.monotonic()
            keypoints = foreign_frame(message, clock)
            if keypoints.image_size != size:
                size = keypoints.image_size
                lead(*size)
            stamp = Stamp(0, float(keypoints.times[0]), clock)
            incoming.put(Points(stamp, keypoints.image[0] / size, keypoints.positions[0], keypoints.confidence[0]))
    except ConnectionClosed:
        pass
    except MocapError as error:
        await connection.close(1008, str(error).encode()[:120].decode(errors="ignore"))


def foreign_frame(message: str | bytes, now: float) -> Keypoints:
    """One frame of keypoints at the time of its coming, seconds, from what `estimatePoses` returned. Raises InputError."""
    try:
        told = msgspec.json.decode(message)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InputError(f"A message to {INGEST_PATH} is JSON, what estimatePoses returns: {error}.") from None
    if not isinstance(told, dict):
        told = {"poses": told}
    frame = {"timestamp": now, "poses": told.get("poses")}
    take = {"frames": [frame], "width": told.get("width", 640), "height": told.get("height", 480)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # thirty times a second it would be said
        return keypoints_json.loads(msgspec.json.encode(take))


def as_keypoints(points: Points, size: tuple[int, int]) -> Keypoints:
    """One frame of keypoints from a message, in whose axes they are. size: of the picture, pixels."""
    positions = points.positions.astype(np.float64)
    seen = np.asarray(np.isfinite(positions).all(axis=-1) & np.isfinite(points.image).all(axis=-1))
    confidence = np.where(seen, np.clip(points.confidence.astype(np.float64), 0.0, 1.0), 0.0)
    image = np.where(seen[:, None], points.image.astype(np.float64) * size, np.nan)
    return Keypoints(np.array([points.stamp.time]), np.where(seen[:, None], positions, np.nan)[None], image[None], confidence[None], size)
