"""The pictures of a take: a Motion JPEG file beside its keypoints.

The JPEGs follow one another, as FFmpeg and VLC read them. Each begins with a comment segment with
its time, so that a file that is cut off loses only its last picture:

    FF D8   FF FE 00 1C   "mocap t=" and the time, seconds, in 18 characters   …   FF D9
"""

from __future__ import annotations

import math
import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mocap.core.closing import Closing
from mocap.errors import OutputError

SUFFIX = ".mjpg"
MAX_BYTES = 256 * 2**20
"""Largest size of a file: about ten minutes at 30 pictures a second of 360 pixels' width."""

_TEXT = b"mocap t="
_DIGITS = 18
_START, _END = b"\xff\xd8", b"\xff\xd9"
# The length of a segment counts its own two bytes.
_COMMENT = b"\xff\xfe" + struct.pack(">H", 2 + len(_TEXT) + _DIGITS) + _TEXT


@dataclass(frozen=True, slots=True)
class PictureIndex:
    """The positions of the pictures in a file.

    Attributes:
        times: Time of each picture, seconds, increasing.
        offsets: First byte of each picture, and the end of the last.
    """

    times: list[float]
    offsets: list[int]


class PictureRecording(Closing):
    """Writes pictures to a new file, up to `MAX_BYTES`.

    Args:
        path: The file.

    Raises:
        OutputError: The file exists already, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("xb", buffering=0)
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror or error}.") from None
        self.path = path
        self.pictures = 0
        self._bytes, self._last = 0, -math.inf

    def append(self, time: float, jpeg: bytes) -> None:
        """Write a picture, unless the file is closed or full.

        A picture that is no later than the last one, or that holds such a comment itself, is left
        out: it would hide those that follow.

        Args:
            time: Its time, seconds.
            jpeg: The JPEG file's bytes.

        Raises:
            OutputError: The disk is full; the file is closed.
        """
        data = _START + _COMMENT + f"{time:{_DIGITS}.6f}".encode() + jpeg[len(_START) :]
        if self._file.closed or self._bytes + len(data) > MAX_BYTES:
            return
        if time <= self._last or _COMMENT in jpeg:
            return
        self._bytes += len(data)
        self._last = time
        rest = memoryview(data)
        try:
            while rest:  # an unbuffered write may write only a part
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            self.close()
            raise OutputError(
                f"The pictures in {self.path} end after {self.pictures}: {error.strerror or error}."
            ) from None
        self.pictures += 1

    def close(self) -> None:
        """Close the file; delete it if it has no pictures."""
        if not self._file.closed:
            self._file.close()
            if not self.pictures:
                self.path.unlink(missing_ok=True)


def read_index(path: Path) -> PictureIndex:
    """Find the pictures of a file; an incomplete last picture is left out.

    Raises:
        OSError: The file cannot be read.
    """
    if not path.stat().st_size:
        return PictureIndex([], [])
    times: list[float] = []
    offsets: list[int] = []
    # Inside a picture's own data FF is always followed by 00 or a restart marker.
    with path.open("rb") as file, _contents(file) as data:
        at = data.find(_START + _COMMENT)
        while at >= 0:
            text = at + len(_START) + len(_COMMENT)
            following = data.find(_START + _COMMENT, text)
            end = len(data) if following < 0 else following
            if following < 0:
                # The file may have been cut off within the first bytes of one more picture.
                whole = data.rfind(_END, text) + len(_END)
                if (_START + _COMMENT).startswith(data[whole:end]):
                    end = whole
            time = _number(data[text : text + _DIGITS])
            if time is None or data[end - 2 : end] != _END or (times and time <= times[-1]):
                break
            times.append(time)
            offsets.append(at)
            last = end
            at = following
    return PictureIndex(times, [*offsets, last] if offsets else [])


@contextmanager
def _contents(file: BinaryIO) -> Iterator[bytes | mmap.mmap]:
    """Yield a file's bytes, mapped where the system can: a browser's stored files it cannot."""
    try:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError:
        yield file.read()
        return
    with mapped:
        yield mapped


def _number(text: bytes) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
