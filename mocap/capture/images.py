"""Frames from a single image, an animated image, or a folder of images."""

from __future__ import annotations

import itertools
import math
import os
import re
import warnings
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy import ndarray

from mocap.capture.files import IMAGE_SUFFIXES, existing_file, folder_images
from mocap.capture.metadata import field_of_view
from mocap.capture.opencv import cv2
from mocap.capture.source import DEFAULT_FPS, Frame, Source, checked_fps, read_ahead
from mocap.errors import InputError

# Milliseconds. Browsers show animation frames with a shorter step than _SHORTEST_STEP for
# _DEFAULT_STEP (https://www.w3.org/TR/png-3/#fcTL-chunk leaves 0 to the viewer).
_SHORTEST_STEP, _DEFAULT_STEP = 11.0, 100.0
# Bytes in which an animated image declares itself.
_HEADER = 4096
# Numbers of images are no frame numbers if they span this many times the number of images.
_SPARSE = 10


class Still(Source):
    """One image, at time 0.

    Raises:
        InputError: The file is missing, empty, or not an image.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        path = Path(path)
        self._image = _read_image(path)
        self.fov = field_of_view(path)
        super().__init__(path.name, (self._image.shape[1], self._image.shape[0]), DEFAULT_FPS, 1)

    def __iter__(self) -> Iterator[Frame]:
        yield Frame(0.0, self._image)


class AnimatedImage(Source):
    """The frames of an animated GIF, WebP or PNG at the times that the file gives.

    Args:
        path: The file.
        source_fps: Gives frame n the time n / source_fps, instead of the file's times.

    Raises:
        InputError: The file is missing, empty, or cannot be read.
    """

    def __init__(self, path: str | os.PathLike[str], source_fps: float | None = None) -> None:
        path = existing_file(Path(path))
        checked_fps(source_fps)
        try:
            ok, animation = cv2.imdecodeanimation(np.fromfile(path, dtype=np.uint8))
        except cv2.error:
            ok = False
        if not ok or not len(animation.frames):
            raise InputError(f"{str(path)!r} is not an animated image, or it is damaged.")
        self._images = [_rgb(image) for image in animation.frames]
        steps = np.asarray(animation.durations, dtype=np.float64)[: len(self._images)]
        steps = np.where(steps < _SHORTEST_STEP, _DEFAULT_STEP, steps) / 1000.0
        if source_fps is not None:
            steps = np.full(len(steps), 1.0 / source_fps)
        self._times = np.concatenate([[0.0], np.cumsum(steps)[:-1]])
        height, width = self._images[0].shape[:2]
        super().__init__(
            path.name, (width, height), float(1.0 / np.median(steps)), len(self._images)
        )

    def __iter__(self) -> Iterator[Frame]:
        for time, image in zip(self._times, self._images, strict=True):
            yield Frame(float(time), image)


def is_animation(path: Path) -> bool:
    """Return whether a file is a GIF, an animated WebP or an animated PNG, by its first bytes."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEADER)
    except OSError:
        return False
    if head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X":
        return bool(head[20] & 0x02)  # the animation flag (WebP container, "Extended File Format")
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return b"acTL" in head[: head.find(b"IDAT")]  # PNG 3, "acTL Animation Control Chunk"
    return head[:6] in (b"GIF87a", b"GIF89a")


class ImageFolder(Source):
    """The images of a folder in natural order (frame_2 before frame_10).

    Gaps in the numbering of the images are gaps in time. A warning says so, and says the rate if
    it is assumed.

    Args:
        folder: The folder.
        source_fps: Images per second; 30 if None.

    Raises:
        InputError: The folder is missing or has no image; or, while iterating, an image cannot be
            read or differs in size from the first.
    """

    def __init__(self, folder: str | os.PathLike[str], source_fps: float | None = None) -> None:
        folder = Path(folder)
        if not folder.is_dir():
            raise InputError(f"There is no folder {str(folder)!r}.")
        self.paths = folder_images(folder)
        if not self.paths:
            raise InputError(
                f"There is no image in the folder {str(folder)!r}; "
                f"images end in {', '.join(IMAGE_SUFFIXES)}."
            )
        self.fov = field_of_view(folder)
        first = _read_image(self.paths[0])
        super().__init__(
            folder.name or str(folder.resolve()),
            (first.shape[1], first.shape[0]),
            checked_fps(source_fps) or DEFAULT_FPS,
            len(self.paths),
        )
        self._numbers = numbering(self.paths)
        self._assumed = source_fps is None

    def __iter__(self) -> Iterator[Frame]:
        missing = self._numbers[-1] + 1 - len(self.paths)
        notes = []
        if self._assumed and len(self.paths) > 1:
            notes.append(f"{self.fps:g} images a second are assumed (--source-fps sets the rate)")
        if missing:
            notes.append(f"{missing} of the numbers are missing and stay gaps")
        if notes:
            warnings.warn(f"Folder {self.name}: {'; '.join(notes)}.", stacklevel=2)
        return read_ahead(self._frames())

    def _frames(self) -> Generator[Frame, None, None]:
        for index, path in zip(self._numbers, self.paths, strict=True):
            image = _read_image(path)
            if image.shape[:2] != self.size[::-1]:
                raise InputError(
                    "All images of a folder must be of one size, but "
                    f"{path.name} is {image.shape[1]} × {image.shape[0]} pixels "
                    f"and {self.paths[0].name} {self.size[0]} × {self.size[1]}."
                )
            yield Frame(index / self.fps, image)


def numbering(paths: Sequence[Path]) -> list[int]:
    """Return the frame number of each image, from 0.

    The numbers are the last ones in the file names, less the first, in units of their common step.
    Consecutive numbers are returned where names have no numbers, or numbers that are no count of
    frames: not increasing, or more than _SPARSE times as many as there are images.
    """
    found = [re.findall(r"\d+", p.stem) for p in paths]
    consecutive = list(range(len(paths)))
    if not all(found):
        return consecutive
    numbers = [int(parts[-1]) for parts in found]
    steps = [b - a for a, b in itertools.pairwise(numbers)]
    if not steps or min(steps) <= 0 or len({tuple(parts[:-1]) for parts in found}) > 1:
        return consecutive
    step = math.gcd(*steps)
    counted = [(n - numbers[0]) // step for n in numbers]
    return counted if counted[-1] < _SPARSE * len(paths) else consecutive


def _rgb(image: ndarray) -> ndarray:
    """Return a BGR or BGRA image of an animation as (H, W, 3) RGB."""
    code = cv2.COLOR_BGRA2RGB if image.shape[2] == 4 else cv2.COLOR_BGR2RGB
    return np.asarray(cv2.cvtColor(image, code))


def _read_image(path: Path) -> ndarray:
    """Return the image as (H, W, 3) uint8 RGB, turned upright by its EXIF orientation."""
    existing_file(path)
    try:
        # imread cannot open every name on Windows; Python can.
        image = cv2.imdecode(np.fromfile(path, dtype=np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error:
        image = None  # too many pixels for OpenCV's limit, or a damaged header
    if image is None:
        raise InputError(
            f"{str(path)!r} is not an image that can be read, or it is damaged; "
            f"images may be {', '.join(IMAGE_SUFFIXES)}."
        )
    return np.asarray(image)
