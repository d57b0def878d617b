"""Checks of input files before they are decoded, and reasons why a file cannot be."""

from __future__ import annotations

import os
import re
from pathlib import Path

from mocap.errors import InputError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
"""File name suffixes of still images, lower case."""

# Bytes in which a Matroska file lists its tracks, and the first letter of a track's codec there: V
# for video, A for audio (RFC 9559, CodecID; https://www.matroska.org/technical/codec_specs.html).
_TRACKS_WITHIN = 2**16
_MATROSKA_CODEC = re.compile(rb"\x86[\x81-\xbf]([VA])_")
# The kind of a track in a moov box: vide, soun or others (ISO/IEC 14496-12, 8.4.3).
_HANDLER = re.compile(rb"hdlr.{8}(....)", re.DOTALL)
# A URL, also one whose slashes `Path` has joined.
_ADDRESS = re.compile(r"^([a-z][a-z0-9+.-]+:)/{1,3}([^/].*)$", re.IGNORECASE | re.DOTALL)


def existing_file(path: Path) -> Path:
    """Return `path`; raise InputError if it is missing, a folder, unreadable or empty."""
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except FileNotFoundError:
        if address := _ADDRESS.match(str(path)):
            slashes = "///" if address[1].lower() == "file:" else "//"
            raise InputError(
                f"{address[1]}{slashes}{address[2]} is an address, not a file: download it first."
            ) from None
        raise InputError(f"There is no file {str(path)!r}.") from None
    except IsADirectoryError:
        raise InputError(f"{str(path)!r} is a folder, not a file.") from None
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be read: {error.strerror or error}.") from None
    if empty:
        raise InputError(f"{str(path)!r} is empty (0 bytes).")
    return path


def folder_images(folder: Path) -> list[Path]:
    """Return the images of a folder in natural order, by suffix; hidden files are skipped."""
    return sorted(
        (
            p
            for p in folder.iterdir()
            if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith(".") and p.is_file()
        ),
        key=lambda p: natural_key(p.name),
    )


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key: numbers within names by value, letters without regard to case."""
    return [
        (0, int(part), "") if part.isdecimal() else (1, 0, part.lower())
        for part in re.split(r"(\d+)", name)
        if part
    ]


def is_audio(path: Path) -> bool:
    """Return whether a file is audio without pictures, by its first bytes or its list of tracks."""
    with path.open("rb") as file:
        head = file.read(_TRACKS_WITHIN)
    if head.startswith(b"\x1aE\xdf\xa3"):  # Matroska and WebM (RFC 8794)
        kinds = set(_MATROSKA_CODEC.findall(head))
    else:
        kinds = {kind for part in _movie_boxes(path) for kind in _HANDLER.findall(part)}
    if b"A" in kinds or b"soun" in kinds:
        return not kinds & {b"V", b"vide"}
    return (
        head.startswith((b"ID3", b"fLaC", b"FORM"))
        or (head[:4] == b"RIFF" and head[8:12] == b"WAVE")
        or (head[:4] == b"OggS" and any(c in head[:64] for c in (b"vorbis", b"OpusHead", b"FLAC")))
        or (head[4:8] == b"ftyp" and head[8:12] in (b"M4A ", b"M4B "))
        # MPEG audio: 11 set bits, then a layer other than the reserved one.
        or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 != 0)
    )


def top_level_boxes(path: Path) -> set[bytes]:
    """Return the types of the complete top-level boxes of an MP4 or MOV file.

    Empty for any other file. Source: ISO/IEC 14496-12, 4.2.
    """
    return {kind for kind, _, _ in _boxes(path)}


def _movie_boxes(path: Path) -> list[bytes]:
    """Return the contents of an MP4's or MOV's boxes of type moov, which list its tracks."""
    out = []
    with path.open("rb") as file:
        for kind, start, size in _boxes(path):
            if kind == b"moov":
                file.seek(start)
                out.append(file.read(size))
    return out


def _boxes(path: Path) -> list[tuple[bytes, int, int]]:
    """Return type, start and size of the contents of each complete top-level box, bytes."""
    found: list[tuple[bytes, int, int]] = []
    end = path.stat().st_size
    with path.open("rb") as file:
        while len(header := file.read(8)) == 8:
            size, kind = int.from_bytes(header[:4], "big"), header[4:]
            if size == 1:  # a 64-bit size follows the type
                size = int.from_bytes(file.read(8), "big") - 8
            if size < 8 or not (found or kind == b"ftyp"):
                break
            start = file.tell()
            if file.seek(size - 8, os.SEEK_CUR) > end:
                break
            found.append((kind, start, size - 8))
    return found
