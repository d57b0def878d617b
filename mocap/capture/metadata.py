"""The camera's field of view by what a file says about itself: EXIF in JPEG, QuickTime metadata in MP4 and MOV.

Phones and cameras write the focal length as it would be on 35 mm film (36 × 24 mm), from which the angle follows without the sensor's
size: Exif 2.32 (CIPA DC-008) tag 0xA405, FocalLengthIn35mmFilm; in movies Apple's key
com.apple.quicktime.camera.focal_length.35mm_equivalent (QuickTime File Format, "Metadata"), of the movie or of a track. Android's
recorders write none.

What it is worth: the length is that of the whole picture that the lens gives. Video that is stabilised, or recorded at a high
resolution, is cut out of it, by a tenth or so of each side: the true view is then a few degrees narrower than the file says. Pictures that
were cropped afterwards mostly keep the old number. Whether a maker means 36 mm on the longer side or the film's diagonal differs
by up to 3° for pictures of 4:3 or 16:9; here it is the longer side.

A file is not trusted: a fixed number of bytes is read, whatever it claims, and damage gives None, never an exception.
"""

from __future__ import annotations

import math
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mocap.capture.sources import folder_images

# Millimetres: the longer side of the picture on 35 mm film.
_FILM = 36.0
# Millimetres at which a lens still draws straight lines straight, and at which a person is still in the picture; 0 means unknown in EXIF.
_SHORTEST, _LONGEST = 8.0, 1000.0

_KEY = b"com.apple.quicktime.camera.focal_length.35mm_equivalent"
# What an MP4 or MOV file may begin with (the old MOV has no ftyp).
_FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
# Tags of EXIF: where its own directory lies, and the focal length.
_EXIF_IFD, _FOCAL_LENGTH_35MM = 0x8769, 0xA405
# QuickTime's well-known types of a value.
_TEXT, _FLOATS = 1, {23: ">f", 24: ">d"}
_SIGNED, _UNSIGNED = (21, 65, 66, 67, 74), (22, 75, 76, 77, 78)

# Bytes that are read of one file at most; a single read counts as at least _READ, so that reads are few as well: 4096.
_BUDGET, _READ = 1 << 20, 256
# Bytes of a number, at most.
_LONGEST_NUMBER = 32


def field_of_view(path: str | os.PathLike[str]) -> float | None:
    """The field of view along the image's longer side, radians, by the metadata of a video, an image, or the first image of a folder that
    has any; None if there is none."""
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
    """The field of view along the longer side, radians, of a focal length in millimetres on 35 mm film: 2 atan(36 / 2f)."""
    return 2.0 * math.atan(_FILM / (2.0 * length))


def focal_length_35mm(path: str | os.PathLike[str]) -> float | None:
    """The focal length that a JPEG, MP4 or MOV file tells, as on 35 mm film, millimetres; None if it is missing, damaged or absurd."""
    try:
        if not Path(path).is_file():  # a pipe would be waited for
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
    """The file ends too early, or would have more read than is good for anybody."""


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
        """(kind, start and end of the content) of the boxes between two places (ISO/IEC 14496-12, 4.2), as far as they are whole."""
        while start + 8 <= end:
            header = self.read(start, 8)
            size, content = int.from_bytes(header[:4], "big"), start + 8
            if size == 1:  # the size stands behind the kind
                size, content = int.from_bytes(self.read(content, 8), "big"), start + 16
            elif size == 0:  # to the end
                size = end - start
            if start + size < content or start + size > end:
                return
            yield header[4:], content, start + size
            start += size


# JPEG ------------------------------------------------------------------------------------------------------------------------------


def _in_jpeg(data: _Bytes) -> float | None:
    """By the segments before the picture itself (ISO/IEC 10918-1, B.1); EXIF stands in an APP1."""
    place = 2
    while True:
        mark, kind, size = struct.unpack(">BBH", data.read(place, 4))
        if mark == kind == 0xFF:  # filling
            place += 1
            continue
        if mark != 0xFF or kind in (0xDA, 0xD9) or size < 2:  # the picture begins, or ends
            return None
        if kind == 0xE1 and size >= 8 and data.read(place + 4, 6) == b"Exif\0\0":
            return _in_exif(data.read(place + 10, size - 8))
        place += 2 + size


def _in_exif(tiff: bytes) -> float | None:
    """By the EXIF directory of a TIFF structure (TIFF 6.0, section 2)."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return None
    (first,) = struct.unpack_from(f"{order}I", tiff, 4)
    directory = _entry(tiff, order, first, _EXIF_IFD)
    length = None if directory is None else _entry(tiff, order, directory, _FOCAL_LENGTH_35MM)
    return None if length is None else float(length)


def _entry(tiff: bytes, order: str, start: int, wanted: int) -> int | None:
    """The number of a directory's entry with a tag: one SHORT or LONG."""
    (count,) = struct.unpack_from(f"{order}H", tiff, start)
    for place in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, _, raw = struct.unpack_from(f"{order}HHI4s", tiff, place)
        if tag == wanted and kind in (3, 4):
            return int.from_bytes(
                raw[:2] if kind == 3 else raw, "little" if order == "<" else "big"
            )
    return None


# MP4 and MOV -----------------------------------------------------------------------------------------------------------------------


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
    """The metadata boxes of the movie, its tracks (where iPhones tell of the camera) and their user data."""
    for kind, inner, inner_end in data.boxes(start, end):
        if kind == b"meta":
            yield inner, inner_end
        elif kind in (b"trak", b"udta") and depth > 0:
            yield from _metas(data, inner, inner_end, depth - 1)


def _in_meta(data: _Bytes, start: int, end: int) -> float | None:
    if end - start < 8:
        return None
    # ISO's box has a version and flags, zero, before its boxes; QuickTime's begins with the first one's size.
    inside = {
        kind: (a, b)
        for kind, a, b in data.boxes(start + 4 if data.read(start, 4) == bytes(4) else start, end)
    }
    if b"keys" not in inside or b"ilst" not in inside:
        return None
    # Behind version, flags and count the keys stand as boxes do: size, namespace, name; values are filed by the key's number from 1.
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
    """A value by its well-known type. Text may have a unit ("50.00mm")."""
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
