"""Open a video, an image or a folder of images by what it is.

with open_source("dance.mp4") as source:
    for frame in source:
        frame.time, frame.image        # seconds, (H, W, 3) uint8 RGB
"""

from __future__ import annotations

import os
from pathlib import Path

from mocap.capture.files import IMAGE_SUFFIXES
from mocap.capture.images import ImageFolder, Still
from mocap.capture.source import Source
from mocap.capture.video import Video


def open_source(path: str | os.PathLike[str], source_fps: float | None = None) -> Source:
    """Open a video file, an image, or a folder of images.

    Args:
        path: The file or folder.
        source_fps: The true capture rate, where the file has none (a folder: 30 otherwise) or a
            wrong one (slow motion).

    Raises:
        InputError: There is no such file, or it cannot be read as pictures.
    """
    path = Path(path)
    if path.is_dir():
        return ImageFolder(path, source_fps)
    return Still(path) if path.suffix.lower() in IMAGE_SUFFIXES else Video(path, source_fps)
