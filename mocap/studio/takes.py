"""A folder of takes, which the page lists, opens, renames and deletes by name.

A take is a file of keypoints (JSON Lines) and, if it has pictures, a Motion JPEG file of the same
name.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from mocap.core.keypoints import LANDMARKS
from mocap.errors import InputError, OutputError
from mocap.formats.keypoints_json import schema as keypoints_schema
from mocap.formats.keypoints_json.recording import SUFFIX
from mocap.stream.protocol import DiskState
from mocap.studio import pictures

_NAME = re.compile(r"[\w()\[\]+,'&!# .-]{1,80}")
# Bytes of free space: a minute of keypoints with hands and face at 30 Hz needs about 60 MB.
_FULL, _LOW = 2 * 10**6, 500 * 10**6
_TAIL = 2**20  # bytes at the end of a file that are searched for its last complete line


@dataclass(frozen=True, slots=True)
class TakeInfo:
    """A take in the list.

    Attributes:
        name: Its name.
        seconds: Time from its first frame to its last.
        size: Bytes, with its pictures.
        figure: The body's 33 landmarks in a frame from the middle, (x, y) in picture widths, None
            for landmarks that are not seen; empty without a person.
        problem: A sentence on why the take cannot be read; None if it can.
        pictures: Whether it has pictures.
    """

    name: str
    seconds: float
    size: int
    figure: list[tuple[float, float] | None]
    problem: str | None = None
    pictures: bool = False


class TakesFolder:
    """The takes in a folder, which is made when the first take is recorded.

    Paths are only built from names in the list of takes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def new(self) -> Path:
        """Return the path of the next take: an unused name by date and time.

        Raises:
            OutputError: The folder cannot be made.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"The folder {self.folder} for takes cannot be made: {error.strerror or error}."
            ) from None
        name = datetime.now().strftime("%Y-%m-%d %H.%M.%S")
        numbered = [name, *(f"{name} ({n})" for n in range(2, 100))]
        return self.folder / f"{next(n for n in numbered if not self._exists(n))}{SUFFIX}"

    def disk(self) -> DiskState:
        """Return how much space is left for takes; "ok" if that is unknown."""
        folder = self.folder.absolute()
        existing = next((p for p in (folder, *folder.parents) if p.is_dir()), None)
        try:
            free = shutil.disk_usage(existing or Path.cwd()).free
        except OSError:
            return "ok"
        return "full" if free < _FULL else "low" if free < _LOW else "ok"

    def names(self) -> list[str]:
        """Return the names of the takes, the newest first."""
        if not self.folder.is_dir():
            return []
        paths = [
            p
            for p in self.folder.iterdir()
            if p.suffix == SUFFIX and p.is_file() and _NAME.fullmatch(p.stem)
        ]
        return [p.stem for p in sorted(paths, key=_modified, reverse=True)]

    def takes(self) -> list[TakeInfo]:
        """List the takes, the newest first, without reading all of each file.

        A damaged take is listed with its problem.
        """
        return [
            _info(self.folder / f"{name}{SUFFIX}", self.pictures(name)) for name in self.names()
        ]

    def path(self, name: str) -> Path:
        """Return the path of a take's keypoints.

        Raises:
            InputError: There is no take of this name.
        """
        if name not in self.names():
            raise InputError(f"There is no take called {name!r} in {self.folder}.")
        return self.folder / f"{name}{SUFFIX}"

    def pictures(self, name: str) -> Path:
        """Return the path of a take's pictures, which may not exist."""
        return self.folder / f"{name}{pictures.SUFFIX}"

    def rename(self, name: str, to: str) -> str:
        """Rename a take and its pictures; return the new name.

        Raises:
            InputError: There is no such take, or the new name is not a name or is taken.
            OutputError: The files cannot be renamed.
        """
        old, to = self.path(name), to.strip()
        if not _NAME.fullmatch(to) or to.startswith("."):
            raise InputError(
                f"A take cannot be called {to!r}: a name has at most 80 letters, digits, spaces "
                "and .,-_()[]+'&!#."
            )
        if self._exists(to):
            raise InputError(f"There is a take called {to!r} already: choose another name.")
        try:
            if self.pictures(name).exists():
                self.pictures(name).rename(self.pictures(to))
            old.rename(self.folder / f"{to}{SUFFIX}")
        except OSError as error:
            raise OutputError(
                f"The take {name!r} cannot be renamed: {error.strerror or error}."
            ) from None
        return to

    def delete(self, name: str) -> None:
        """Delete a take and its pictures.

        Raises:
            InputError: There is no such take.
            OutputError: It cannot be deleted.
        """
        try:
            self.path(name).unlink()
            self.pictures(name).unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(
                f"The take {name!r} cannot be deleted: {error.strerror or error}."
            ) from None

    def _exists(self, name: str) -> bool:
        return (self.folder / f"{name}{SUFFIX}").exists() or self.pictures(name).exists()


def _info(path: Path, seen: Path) -> TakeInfo:
    """Return the entry of the list for a take.

    Args:
        path: The take's keypoints.
        seen: The take's pictures, which may not exist.
    """
    size = 0
    try:
        size = path.stat().st_size
        if size == 0:
            return TakeInfo(path.stem, 0.0, 0, [], "The file is empty.")
        more = seen.stat().st_size if seen.exists() else 0
        problem = _problem(path)
        return TakeInfo(path.stem, _seconds(path), size + more, _figure(path), problem, more > 0)
    except OSError as error:
        problem = f"The file cannot be read: {error.strerror or error}."
    except Exception as error:  # one damaged take must not hide the others
        problem = f"The file is damaged ({type(error).__name__})."
    return TakeInfo(path.stem, 0.0, size, [], problem)


def _modified(path: Path) -> float:
    """Return the time of the last change; 0 for a file that no longer exists."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _problem(path: Path) -> str | None:
    """Check the header, the first line; return a sentence if it is damaged."""
    with path.open("rb") as file:
        try:
            msgspec.json.decode(file.readline(), type=keypoints_schema.TakeJson)
        except (msgspec.DecodeError, RecursionError):
            return "The first line is not the header of a take: the file is damaged."
    return None


class _Line(msgspec.Struct):
    """The time of a recorded frame."""

    timestamp: float | None = None


def _seconds(path: Path) -> float:
    """Return the time from the first frame to the last complete one, seconds."""
    decoder = msgspec.json.Decoder(_Line)
    with path.open("rb") as file:
        file.readline()
        first = file.readline()
        file.seek(max(path.stat().st_size - _TAIL, 0))
        lines = file.read().splitlines()
    begun = _time(decoder, first)
    ended = next((t for line in reversed(lines) if (t := _time(decoder, line)) is not None), None)
    return 0.0 if begun is None or ended is None else max(ended - begun, 0.0)


def _figure(path: Path) -> list[tuple[float, float] | None]:
    """Return the landmarks of a frame in the middle of a take, as `TakeInfo.figure`."""
    size = path.stat().st_size
    with path.open("rb") as file:
        try:
            width = msgspec.json.decode(file.readline(), type=keypoints_schema.TakeJson).width
        except msgspec.DecodeError:
            return []
        for part in (0.5, 0.25, 0.75, 0.0):
            file.seek(int(part * size))
            file.readline()  # the rest of a line, or the header
            try:
                poses = msgspec.json.decode(file.readline(), type=keypoints_schema.FrameJson).poses
            except msgspec.DecodeError:
                continue
            if width and poses and poses[0].keypoints:
                points = {p.name: p for p in poses[0].keypoints}
                return [_place(points.get(name), width) for name in LANDMARKS]
    return []


def _place(point: keypoints_schema.PointJson | None, width: float) -> tuple[float, float] | None:
    if point is None or point.x is None or point.y is None:
        return None
    return round(point.x / width, 4), round(point.y / width, 4)


def _time(decoder: msgspec.json.Decoder[_Line], line: bytes) -> float | None:
    try:
        return decoder.decode(line).timestamp
    except msgspec.DecodeError:
        return None
