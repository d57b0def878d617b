"""The camera's field of view from a file's metadata: EXIF in JPEG, QuickTime in MP4 and MOV.

Phones and cameras write the focal length in 35 mm equivalent (36 × 24 mm), which gives the angle
without the sensor's size: Exif 2.32 (CIPA DC-008) tag 0xA405, FocalLengthIn35mmFilm; in movies
Apple's key com.apple.quicktime.camera.focal_length.35mm_equivalent (QuickTime File Format,
"Metadata"), of the movie or of a track. Android's recorders write none.

Accuracy: the length describes the full picture of the lens. Stabilised or high-resolution video
crops about a tenth of each side, so the true view is a few degrees narrower than the file says.
Pictures that were cropped later mostly keep the old number. Makers differ on whether 36 mm is the
longer side or the film's diagonal, by up to 3° for pictures of 4:3 or 16:9; here it is the longer
side.

Files are not trusted: at most a fixed number of bytes is read, and damage gives None, never an
exception.
"""

from __future__ import annotations

import math
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mocap.capture.files import folder_images

# Millimetres: the longer side of the picture on 35 mm film.
_FILM = 36.0
# Millimetres. Below, lenses are fisheyes; above, no person fits into the picture. EXIF's 0 means
# unknown.
_SHORTEST, _LONGEST = 8.0, 1000.0

_KEY = b"com.apple.quicktime.camera.focal_length.35mm_equivalent"
# First boxes of MP4 and MOV files (old MOV files have no ftyp).
_FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
# EXIF tags: the offset of the EXIF directory, and the focal length.
_EXIF_IFD, _FOCAL_LENGTH_35MM = 0x8769, 0xA405
# QuickTime's well-known value types.
_TEXT, _FLOATS = 1, {23: ">f", 24: ">d"}
_SIGNED, _UNSIGNED = (21, 65, 66, 67, 74), (22, 75, 76, 77, 78)

# Most bytes read of one file; a read counts as at least _READ, so that reads are at most 4096.
_BUDGET, _READ = 1 << 20, 256
# Most bytes of a number.
_LONGEST_NUMBER = 32


def field_of_view(path: str | os.PathLike[str]) -> float | None:
    """Return the field of view along the image's longer side, radians, or None if unknown.

    Args:
        path: A video, an image, or a folder of images, whose first image with metadata counts.
    """
    path = Path(path)
    try:
        files = folder_images(path) if path.is_dir() else [path]
    except OSError:
        return None
    return next(
        (
            fov_of_focal_length(length)
            for file in files
            if (length := focal_length_35mm(file)) is not None
        ),
        None,
    )


def fov_of_focal_length(length: float) -> float:
    """Return the field of view along the longer side, radians: 2 atan(36 / 2f).

    Args:
        length: Focal length in 35 mm equivalent, millimetres.
    """
    return 2.0 * math.atan(_FILM / (2.0 * length))


def focal_length_35mm(path: str | os.PathLike[str]) -> float | None:
    """Return the 35 mm equivalent focal length of a JPEG, MP4 or MOV file, millimetres.

    None if it is missing, damaged or out of range.
    """
    try:
        if not Path(path).is_file():  # opening a pipe would block
            return None
        with Path(path).open("rb", buffering=0) as file:
            data = _Bytes(file)
            head = data.read(0, 8)
            length = (
                _in_jpeg(data)
                if head[:2] == b"\xff\xd8"
                else _in_movie(data)
                if head[4:] in _FIRST_BOXES
                else None
            )
    except (OSError, struct.error, _DamagedError):
        return None
    return length if length is not None and _SHORTEST <= length <= _LONGEST else None


class _DamagedError(Exception):
    """The file ends too early, or needs more reads than allowed."""


class _Bytes:
    """Random access to a file, up to _BUDGET bytes in all."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._left = file, _BUDGET
        self.size = file.seek(0, os.SEEK_END)

    def read(self, start: int, count: int) -> bytes:
        self._left -= max(count, _READ)
        if self._left < 0 or start < 0 or count < 0 or start + count > self.size:
            raise _DamagedError
        self._file.seek(start)
        return self._file.read(count)

    def boxes(self, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
        """Yield (type, content start, content end) of the complete boxes between two offsets.

        Source: ISO/IEC 14496-12, 4.2.
        """
        while start + 8 <= end:
            header = self.read(start, 8)
            size, content = int.from_bytes(header[:4], "big"), start + 8
            if size == 1:  # a 64-bit size follows the type
                size, content = int.from_bytes(self.read(content, 8), "big"), start + 16
            elif size == 0:  # to the end
                size = end - start
            if start + size < content or start + size > end:
                return
            yield header[4:], content, start + size
            start += size


# --- JPEG


def _in_jpeg(data: _Bytes) -> float | None:
    """Read the segments before the image data (ISO/IEC 10918-1, B.1); EXIF is in an APP1."""
    place = 2
    while True:
        mark, kind, size = struct.unpack(">BBH", data.read(place, 4))
        if mark == kind == 0xFF:  # fill bytes
            place += 1
            continue
        if mark != 0xFF or kind in (0xDA, 0xD9) or size < 2:  # start of scan, or end of image
            return None
        if kind == 0xE1 and size >= 8 and data.read(place + 4, 6) == b"Exif\0\0":
            return _in_exif(data.read(place + 10, size - 8))
        place += 2 + size


def _in_exif(tiff: bytes) -> float | None:
    """Read the EXIF directory of a TIFF structure (TIFF 6.0, section 2)."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return None
    (first,) = struct.unpack_from(f"{order}I", tiff, 4)
    directory = _entry(tiff, order, first, _EXIF_IFD)
    length = None if directory is None else _entry(tiff, order, directory, _FOCAL_LENGTH_35MM)
    return None if length is None else float(length)


def _entry(tiff: bytes, order: str, start: int, wanted: int) -> int | None:
    """Return the value of a directory's entry with the tag `wanted`: one SHORT or LONG."""
    (count,) = struct.unpack_from(f"{order}H", tiff, start)
    for place in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, _, raw = struct.unpack_from(f"{order}HHI4s", tiff, place)
        if tag == wanted and kind in (3, 4):
            return int.from_bytes(
                raw[:2] if kind == 3 else raw, "little" if order == "<" else "big"
            )
    return None


# --- MP4 and MOV


def _in_movie(data: _Bytes) -> float | None:
    movie = next(
        ((start, end) for kind, start, end in data.boxes(0, data.size) if kind == b"moov"), None
    )
    if movie is None:
        return None
    return next(
        (length for meta in _metas(data, *movie) if (length := _in_meta(data, *meta)) is not None),
        None,
    )


def _metas(data: _Bytes, start: int, end: int, depth: int = 2) -> Iterator[tuple[int, int]]:
    """Yield the metadata boxes of the movie, its tracks and their user data."""
    for kind, inner, inner_end in data.boxes(start, end):
        if kind == b"meta":
            yield inner, inner_end
        elif kind in (b"trak", b"udta") and depth > 0:
            yield from _metas(data, inner, inner_end, depth - 1)


def _in_meta(data: _Bytes, start: int, end: int) -> float | None:
    if end - start < 8:
        return None
    # ISO's box starts with version and flags, all zero; QuickTime's with its first box's size.
    inside = {
        kind: (a, b)
        for kind, a, b in data.boxes(start + 4 if data.read(start, 4) == bytes(4) else start, end)
    }
    if b"keys" not in inside or b"ilst" not in inside:
        return None
    # After version, flags and count, keys are laid out like boxes: size, namespace, name. Values
    # refer to keys by number, counted from 1.
    keys = enumerate(data.boxes(inside[b"keys"][0] + 8, inside[b"keys"][1]), 1)
    number = next(
        (n for n, (_, a, b) in keys if b - a == len(_KEY) and data.read(a, b - a) == _KEY), None
    )
    for kind, a, b in data.boxes(*inside[b"ilst"]):
        if int.from_bytes(kind, "big") != number:
            continue
        for value, c, d in data.boxes(a, b):
            if value == b"data" and 8 < d - c <= 8 + _LONGEST_NUMBER:
                return _number(int.from_bytes(data.read(c, 4), "big"), data.read(c + 8, d - c - 8))
    return None


def _number(kind: int, value: bytes) -> float | None:
    """Return a value by its well-known type. Text may have a unit ("50.00mm")."""
    if kind == _TEXT:
        found = re.fullmatch(rb"\s*(\d{1,6}(?:\.\d*)?)\s*(?:mm)?[\s\0]*", value)
        return float(found[1]) if found else None
    if kind in _FLOATS:
        return float(struct.unpack(_FLOATS[kind], value)[0])
    return (
        float(int.from_bytes(value, "big", signed=kind in _SIGNED))
        if kind in _SIGNED + _UNSIGNED and len(value) <= 8
        else None
    )
