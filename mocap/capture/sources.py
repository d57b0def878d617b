"""Pictures with their times: from a video file, an image or a folder of images (and, in `webcam`, a camera).

    with open_source("dance.mp4") as source:
        for frame in source:
            frame.time, frame.image        # seconds, (H, W, 3) uint8 RGB

A video's times are the presentation times that its container gives (OpenCV's CAP_PROP_POS_MSEC, read after each frame: with the
FFmpeg backend of OpenCV 5 they agree with the container's to a microsecond, also at variable frame rate, with B-frames, and where a
file does not begin at 0). Where they do not rise (missing, reset in the middle) the nominal frame rate fills in.

Pictures stand upright: the display matrix of phone clips and the EXIF orientation of photographs are applied, and the non-square
pixels of DV and broadcast files stretched to square ones.

OpenCV's and FFmpeg's own lines on standard error are switched off; set OPENCV_LOG_LEVEL or OPENCV_FFMPEG_LOGLEVEL to have them back.
"""

from __future__ import annotations

import math
import os
import re
import warnings
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from mocap.errors import InputError

_QUIET_OPENCV = os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT") == "SILENT"
# FFmpeg's AV_LOG_QUIET; OpenCV reads it when it opens its first video.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

import cv2  # noqa: E402 - it reads the settings above

if _QUIET_OPENCV:
    cv2.utils.logging.setLogLevel(
        cv2.utils.logging.LOG_LEVEL_SILENT
    )  # where another module imported it first

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")

# The frame rate where nothing tells one.
DEFAULT_FPS = 30.0
# No camera counts that fast: MediaRecorder's WebM and some transport streams give their clock's rate (1000, 90000) as the frame rate.
MOST_FPS = 999.0
# Frames looked at to find the frame rate of such a file.
_PROBED = 30
# A video is called cut off when its last frame comes this much (seconds, and share) before the end that its header gives.
_CUT_SECONDS, _CUT_SHARE = 0.5, 0.05
# Frames decoded ahead of the reader.
_AHEAD = 4

T = TypeVar("T")


@dataclass(frozen=True, eq=False, slots=True)
class Frame:
    """time: seconds, rising from frame to frame. image: (H, W, 3) uint8, RGB, upright."""

    time: float
    image: UInt8[ndarray, "height width 3"]


class Source:
    """Something that frames come from. Each iteration over a file starts at its beginning; a camera has no beginning.

    name: what to call it in a message. size: (width, height), pixels, upright. fps: nominal frames a second. count: the number of
    frames, None where it is not known; of a video it is what the container says, an estimate at variable frame rate.
    """

    def __init__(self, name: str, size: tuple[int, int], fps: float, count: int | None) -> None:
        self.name, self.size, self.fps, self.count = name, size, fps, count

    def __iter__(self) -> Iterator[Frame]:
        raise NotImplementedError

    def close(self) -> None:
        """Lets go of the device, if there is one."""

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_source(path: str | os.PathLike[str], source_fps: float | None = None) -> Source:
    """A video file, an image, or a folder of images, by what it is.

    source_fps: the rate at which the frames were really captured, where the file has none (a folder: 30 otherwise) or is wrong (slow
    motion). Raises InputError, saying why, if there is no such file or it cannot be read as pictures.
    """
    path = Path(path)
    if path.is_dir():
        return ImageFolder(path, source_fps)
    return Still(path) if path.suffix.lower() in IMAGE_SUFFIXES else Video(path, source_fps)


class Video(Source):
    """A video file, of any kind that OpenCV's FFmpeg reads.

    source_fps: gives frame n the time n / source_fps, whatever the file says. Raises InputError if the file is missing, empty, no
    video, or so damaged that it has no readable frame; of one that is cut off, the readable frames come, with a warning at the end.
    """

    def __init__(self, path: str | os.PathLike[str], source_fps: float | None = None) -> None:
        self.path = _existing_file(Path(path))
        self._source_fps = _checked_fps(source_fps)
        capture = self._open()
        try:
            ok, image = capture.read()
            if not ok:
                raise InputError(_no_video(self.path, capture))
            self._stretch = _pixel_aspect(capture)
            fps, count = (
                float(capture.get(cv2.CAP_PROP_FPS)),
                float(capture.get(cv2.CAP_PROP_FRAME_COUNT)),
            )
            # Seconds; the product of two numbers that may both be estimates, but FFmpeg makes the one from the other.
            self._duration = count / fps if fps > 0 and count > 0 else 0.0
            if not 0.0 < fps <= MOST_FPS:
                fps = _measured_fps(capture)
                count = self._duration * fps
        finally:
            capture.release()
        self._file_fps = fps
        height, width = self._squared(image).shape[:2]
        super().__init__(
            self.path.name,
            (width, height),
            self._source_fps or fps,
            round(count) if count >= 1 else None,
        )

    def __iter__(self) -> Iterator[Frame]:
        end = 0.0
        for file_time, frame in _read_ahead(self._frames()):
            end = file_time
            yield frame
        end += 1.0 / self._file_fps
        if self._duration - end > max(_CUT_SECONDS, _CUT_SHARE * self._duration):
            warnings.warn(
                f"{self.name} is cut off or damaged: only its first {end:.1f} s of {self._duration:.1f} s can be read.",
                stacklevel=2,
            )

    def _open(self) -> cv2.VideoCapture:
        # An absolute path: FFmpeg would take "take: one.mp4" for an address with the protocol "take".
        return cv2.VideoCapture(str(self.path.resolve()), cv2.CAP_FFMPEG)

    def _frames(self) -> Generator[tuple[float, Frame], None, None]:
        """(time by the file, frame)."""
        capture = self._open()
        try:
            clock = _Clock(1.0 / self._file_fps)
            index = 0
            while True:
                ok, image = capture.read()
                if not ok:
                    return
                seconds = clock.time(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0)
                image = cv2.cvtColor(self._squared(image), cv2.COLOR_BGR2RGB)
                yield (
                    seconds,
                    Frame(index / self._source_fps if self._source_fps else seconds, image),
                )
                index += 1
        finally:
            capture.release()

    def _squared(self, image: ndarray) -> ndarray:
        if self._stretch == (1.0, 1.0):
            return image
        return cv2.resize(
            image, None, fx=self._stretch[0], fy=self._stretch[1], interpolation=cv2.INTER_LINEAR
        )


class Still(Source):
    """One image, at time 0. Raises InputError if it is missing, empty, or no image."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        path = Path(path)
        self._image = _read_image(path)
        super().__init__(path.name, (self._image.shape[1], self._image.shape[0]), DEFAULT_FPS, 1)

    def __iter__(self) -> Iterator[Frame]:
        yield Frame(0.0, self._image)


class ImageFolder(Source):
    """The images of a folder in natural order (frame_2 before frame_10), `source_fps` a second (30 if None).

    Raises InputError if there is no image in it, or, when it comes to that one, if an image cannot be read or differs in size.
    """

    def __init__(self, folder: str | os.PathLike[str], source_fps: float | None = None) -> None:
        folder = Path(folder)
        if not folder.is_dir():
            raise InputError(f"There is no folder {str(folder)!r}.")
        self.paths = folder_images(folder)
        if not self.paths:
            raise InputError(
                f"There is no image in the folder {str(folder)!r}; images end in {', '.join(IMAGE_SUFFIXES)}."
            )
        first = _read_image(self.paths[0])
        size = (first.shape[1], first.shape[0])
        super().__init__(
            folder.name or str(folder.resolve()),
            size,
            _checked_fps(source_fps) or DEFAULT_FPS,
            len(self.paths),
        )

    def __iter__(self) -> Iterator[Frame]:
        return _read_ahead(self._frames())

    def _frames(self) -> Generator[Frame, None, None]:
        for index, path in enumerate(self.paths):
            image = _read_image(path)
            if image.shape[:2] != self.size[::-1]:
                raise InputError(
                    f"All images of a folder must be of one size, but {path.name} is {image.shape[1]} × {image.shape[0]} pixels "
                    f"and {self.paths[0].name} {self.size[0]} × {self.size[1]}."
                )
            yield Frame(index / self.fps, image)


def folder_images(folder: Path) -> list[Path]:
    """The images of a folder in natural order, by their names' endings; hidden files are none."""
    return sorted(
        (
            p
            for p in folder.iterdir()
            if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith(".") and p.is_file()
        ),
        key=lambda p: natural_key(p.name),
    )


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sorts names as people do: numbers in them by value, letters without regard to case."""
    return [
        (0, int(part), "") if part.isdecimal() else (1, 0, part.lower())
        for part in re.split(r"(\d+)", name)
        if part
    ]


class _Clock:
    """The times of a container made to rise: a stamp that does not is put one nominal step after the frame before, and so on from there."""

    def __init__(self, step: float) -> None:
        self._step, self._last, self._shift = step, -math.inf, 0.0

    def time(self, stamp: float) -> float:
        stamp = stamp if math.isfinite(stamp) else -math.inf
        seconds = stamp + self._shift
        if seconds <= self._last or seconds == -math.inf:
            seconds = self._last + self._step if math.isfinite(self._last) else 0.0
            self._shift = seconds - stamp if math.isfinite(stamp) else self._shift
        self._last = seconds
        return seconds


def _read_ahead(items: Generator[T, None, None]) -> Generator[T, None, None]:
    """The same items, made in a thread of their own before they are asked for, so that decoding and detecting overlap."""
    with ThreadPoolExecutor(1, "read-ahead") as thread:
        try:
            ahead = deque(thread.submit(next, items, None) for _ in range(_AHEAD))
            while (item := ahead.popleft().result()) is not None:
                ahead.append(thread.submit(next, items, None))
                yield item
        finally:
            thread.shutdown(cancel_futures=True)
            items.close()


def _measured_fps(capture: cv2.VideoCapture) -> float:
    """The frame rate by the times of the first frames."""
    stamps: list[float] = []
    while len(stamps) < _PROBED and capture.grab():
        stamps.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0)
    steps = np.diff(stamps)
    steps = steps[np.isfinite(steps) & (steps > 1.0 / MOST_FPS)]
    return float(1.0 / np.median(steps)) if len(steps) else DEFAULT_FPS


def _pixel_aspect(capture: cv2.VideoCapture) -> tuple[float, float]:
    """By what to stretch (width, height) so that pixels are square; it only ever enlarges."""
    across, down = capture.get(cv2.CAP_PROP_SAR_NUM), capture.get(cv2.CAP_PROP_SAR_DEN)
    ratio = across / down if across > 0 and down > 0 else 1.0
    if not 0.2 < ratio < 5.0 or abs(ratio - 1.0) < 0.005:
        return 1.0, 1.0
    # The aspect is that of the stored picture, before it was turned upright.
    if round(capture.get(cv2.CAP_PROP_ORIENTATION_META)) % 180 == 90:
        ratio = 1.0 / ratio
    return (ratio, 1.0) if ratio > 1.0 else (1.0, 1.0 / ratio)


def _read_image(path: Path) -> ndarray:
    """(H, W, 3) uint8 RGB, upright by its EXIF orientation."""
    _existing_file(path)
    try:
        # imread cannot open every name on Windows; Python can.
        image = cv2.imdecode(np.fromfile(path, dtype=np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error:
        image = None  # too many pixels for OpenCV's limit, or a damaged header
    if image is None:
        raise InputError(
            f"{str(path)!r} is not an image that can be read, or it is damaged; images may be {', '.join(IMAGE_SUFFIXES)}."
        )
    return np.asarray(image)


def _existing_file(path: Path) -> Path:
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except FileNotFoundError:
        raise InputError(f"There is no file {str(path)!r}.") from None
    except IsADirectoryError:
        raise InputError(f"{str(path)!r} is a folder, not a file.") from None
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be read: {error.strerror or error}.") from None
    if empty:
        raise InputError(f"{str(path)!r} is empty (0 bytes).")
    return path


def _no_video(path: Path, capture: cv2.VideoCapture) -> str:
    """Why this file gave no frame."""
    boxes = _boxes(path)
    if capture.isOpened() or b"moov" in boxes:
        codec = (
            int(capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little", signed=True)
            if capture.isOpened()
            else b"unknown"
        )
        return (
            f"{str(path)!r} is a video, but not one of its frames can be decoded: OpenCV lacks its codec "
            f"({codec.decode('ascii', 'replace').strip()}), or it is cut off. "
            "Convert it to H.264 (`ffmpeg -i IN -c:v libx264 OUT.mp4`), or copy it again."
        )
    if b"ftyp" in boxes:
        return f"{str(path)!r} is an MP4 or MOV file without its index: it was cut off while being written or copied. Copy or export it again."
    return f"{str(path)!r} is not a video that can be read, or it is damaged. MP4, MOV, WebM, MKV and AVI are known to work."


def _boxes(path: Path) -> set[bytes]:
    """The kinds of the outermost boxes of an MP4 or MOV file (ISO/IEC 14496-12, 4.2) that are whole; none if it is no such file."""
    kinds: set[bytes] = set()
    end = path.stat().st_size
    with path.open("rb") as file:
        while len(header := file.read(8)) == 8:
            size, kind = int.from_bytes(header[:4], "big"), header[4:]
            if size == 1:  # the size stands behind the kind
                size = int.from_bytes(file.read(8), "big") - 8
            if size < 8 or not (kinds or kind == b"ftyp"):
                break
            if file.seek(size - 8, os.SEEK_CUR) > end:
                break
            kinds.add(kind)
    return kinds


def _checked_fps(fps: float | None) -> float | None:
    if fps is not None and not (math.isfinite(fps) and fps > 0):
        raise InputError(f"The frame rate must be a positive number of frames a second, not {fps}.")
    return fps
