"""Frames from a single image or a folder of images."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np
from numpy import ndarray

from mocap.capture.files import IMAGE_SUFFIXES, existing_file, folder_images
from mocap.capture.opencv import cv2
from mocap.capture.source import DEFAULT_FPS, Frame, Source, checked_fps, read_ahead
from mocap.errors import InputError


class Still(Source):
    """One image, at time 0.

    Raises:
        InputError: The file is missing, empty, or not an image.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        path = Path(path)
        self._image = _read_image(path)
        super().__init__(path.name, (self._image.shape[1], self._image.shape[0]), DEFAULT_FPS, 1)

    def __iter__(self) -> Iterator[Frame]:
        yield Frame(0.0, self._image)


class ImageFolder(Source):
    """The images of a folder in natural order (frame_2 before frame_10).

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
        first = _read_image(self.paths[0])
        super().__init__(
            folder.name or str(folder.resolve()),
            (first.shape[1], first.shape[0]),
            checked_fps(source_fps) or DEFAULT_FPS,
            len(self.paths),
        )

    def __iter__(self) -> Iterator[Frame]:
        return read_ahead(self._frames())

    def _frames(self) -> Generator[Frame, None, None]:
        for index, path in enumerate(self.paths):
            image = _read_image(path)
            if image.shape[:2] != self.size[::-1]:
                raise InputError(
                    "All images of a folder must be of one size, but "
                    f"{path.name} is {image.shape[1]} × {image.shape[0]} pixels "
                    f"and {self.paths[0].name} {self.size[0]} × {self.size[1]}."
                )
            yield Frame(index / self.fps, image)


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
