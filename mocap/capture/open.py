"""Open a video, an image or a folder of images by what it is.

with open_source("dance.mp4") as source:
    for frame in source:
        frame.time, frame.image        # seconds, (H, W, 3) uint8 RGB
"""

from __future__ import annotations

import os
from pathlib import Path

from mocap.capture.files import IMAGE_SUFFIXES
from mocap.capture.images import AnimatedImage, ImageFolder, Still, is_animation
from mocap.capture.source import Source
from mocap.capture.video import Video

# A file of one of these suffixes is one picture unless it is an animation.
_STILL_SUFFIXES = (*IMAGE_SUFFIXES, ".gif", ".apng")


def open_source(path: str | os.PathLike[str], source_fps: float | None = None) -> Source:
    """Open a video file, an image, an animated image, or a folder of images.

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
    if is_animation(path):
        animation = AnimatedImage(path, source_fps)
        if animation.count != 1:
            return animation
    return Still(path) if path.suffix.lower() in _STILL_SUFFIXES else Video(path, source_fps)
