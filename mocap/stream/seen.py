"""What a viewer's own camera may send: which binary messages, and the ranges of their values."""

from __future__ import annotations

import struct

import numpy as np
from numpy import ndarray

from mocap.stream.binary import (
    FACE,
    KEYPOINTS,
    PICTURE,
    FaceMessage,
    KeypointsMessage,
    PictureMessage,
    decode,
    decode_header,
)
from mocap.stream.text import ProtocolError

MAX_SEEN_BYTES, MAX_SEEN_SIDE = 60 * 2**10, 720
"""The largest picture of a viewer's camera: bytes, and width and height in pixels.

With its header it is below MAX_TEXT, the largest message that the server takes from a client."""

# What a camera can see, with room to spare: a point 100 pictures away, a body of 100 m, a transform
# in centimetres.
MAX_WIDTHS, MAX_METRES, MAX_TRANSFORM = 100.0, 100.0, 1e5
MAX_TIME = 1e11
"""The largest time of a frame, seconds: milliseconds since 1970 sent by mistake still pass."""

Seen = KeypointsMessage | FaceMessage | PictureMessage
"""The messages of a viewer's camera."""


def decode_seen(data: bytes) -> Seen:
    """Decode a message of a viewer's camera, and check its values.

    Raises:
        ProtocolError: It is another message, or a value is out of range (`check_seen`).
    """
    message = decode(data, 0, 0) if decode_header(data)[0] in (KEYPOINTS, PICTURE, FACE) else None
    if not isinstance(message, Seen):
        raise ProtocolError(
            "A viewer may send only binary messages of kind 2 (keypoints), 3 (picture) and 4 "
            "(face)."
        )
    check_seen(message)
    return message


def check_seen(message: Seen) -> None:
    """Check the ranges of a camera's message, so that later stages can rely on them.

    Raises:
        ProtocolError: A time, coordinate or matrix element is out of range.
    """
    stamp = message.stamp
    if not (0.0 <= stamp.time <= MAX_TIME and abs(stamp.clock) <= MAX_TIME):
        raise ProtocolError(
            f"A frame's time must lie in 0..{MAX_TIME:.0e} s, but is {stamp.time:g} "
            f"(clock {stamp.clock:g})."
        )
    if isinstance(message, KeypointsMessage):
        _in_range("A keypoint's image coordinate", message.image, MAX_WIDTHS)
        _in_range("A keypoint's position, metres,", message.positions, MAX_METRES)
    elif isinstance(message, PictureMessage):
        _check_small_jpeg(message.jpeg)
    else:
        _in_range("A face point's coordinate", message.points, MAX_WIDTHS)
        _in_range("An element of a face's transform", message.transform, MAX_TRANSFORM)


def _check_small_jpeg(jpeg: bytes) -> None:
    """Raise ProtocolError unless this is one whole JPEG of a small picture."""
    if len(jpeg) > MAX_SEEN_BYTES:
        raise ProtocolError(
            f"A camera's picture may have {MAX_SEEN_BYTES} bytes, but this one has {len(jpeg)}."
        )
    size = _jpeg_size(jpeg)
    if size is None or jpeg[-2:] != b"\xff\xd9":
        raise ProtocolError("A camera's picture must be one whole JPEG, but this one is damaged.")
    if not 1 <= min(size) <= max(size) <= MAX_SEEN_SIDE:
        raise ProtocolError(
            f"A camera's picture may have {MAX_SEEN_SIDE} pixels a side, but this one has "
            f"{size[0]} × {size[1]}."
        )


def _jpeg_size(jpeg: bytes) -> tuple[int, int] | None:
    """Return width and height from a JPEG's frame header (ITU-T T.81, B.2.2); None without one."""
    at = 2
    while at + 9 <= len(jpeg) and jpeg[at] == 0xFF:
        kind, length = jpeg[at + 1], int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if length < 2:
            return None
        # SOF0 to SOF15, but not DHT, JPG and DAC, which lie between them.
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", jpeg, at + 5)
            return width, height
        at += 2 + length
    return None


def _in_range(what: str, values: ndarray, limit: float) -> None:
    """Raise ProtocolError if a value lies beyond ±limit; NaN is allowed."""
    worst = float(np.fmax.reduce(np.abs(values), axis=None, initial=0.0))
    if worst > limit:
        raise ProtocolError(f"{what} must lie within ±{limit:g}, but one is {worst:g}.")
