"""Frames from pages of other servers on this machine, as text messages to `INGEST_PATH`."""

from __future__ import annotations

import time
import warnings

import msgspec
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from mocap.core.keypoints import Keypoints
from mocap.errors import InputError, MocapError
from mocap.formats import keypoints_json
from mocap.stream.protocol import CameraMessage, FrameHeader, KeypointsMessage, check_seen
from mocap.stream.server import Cameras
from mocap.stream.text import MAX_SIZE

INGEST_PATH = "/ingest"


async def ingest(connection: ServerConnection, cameras: Cameras) -> None:
    """Receive the frames of a page's pose detection until its connection ends.

    A message is what `estimatePoses` of TF.js pose-detection returns, or {"width", "height",
    "poses"} with the picture's size in pixels; the default is 640 × 480. A message that cannot be
    read closes the connection with the reason.
    """
    size: tuple[int, int] | None = None
    try:
        async for message in connection:
            clock = time.monotonic()
            keypoints = foreign_frame(message, clock)
            if keypoints.camera.size != size:
                size = keypoints.camera.size
                cameras.begun(connection, CameraMessage("another page", *size))
            stamp = FrameHeader(0, float(keypoints.times[0]), clock)
            points = KeypointsMessage(
                stamp, keypoints.image[0] / size, keypoints.positions[0], keypoints.confidence[0]
            )
            check_seen(points)
            cameras.seen(connection, points)
    except ConnectionClosed:
        pass
    except MocapError as error:
        await connection.close(1008, str(error).encode()[:120].decode(errors="ignore"))
    finally:
        cameras.gone(connection)


def foreign_frame(message: str | bytes, now: float) -> Keypoints:
    """Read one frame of keypoints from a result of `estimatePoses`.

    Args:
        message: The JSON text.
        now: The frame's time, seconds.

    Raises:
        InputError: The message is not such JSON.
    """
    try:
        told = msgspec.json.decode(message)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InputError(
            f"A message to {INGEST_PATH} must be JSON as estimatePoses returns it: {error}."
        ) from None
    if not isinstance(told, dict):
        told = {"poses": told}
    for side in ("width", "height"):
        value = told.get(side, 1)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_SIZE:
            raise InputError(
                f"The picture's {side} must be a whole number of pixels from 1 to {MAX_SIZE}, "
                f"not {str(value)[:40]}."
            )
    frame = {"timestamp": now, "poses": told.get("poses")}
    take = {"frames": [frame], "width": told.get("width", 640), "height": told.get("height", 480)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it would warn thirty times a second
        return keypoints_json.loads(msgspec.json.encode(take), image_only=False)
