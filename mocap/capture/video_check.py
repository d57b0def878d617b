"""What is wrong with a video: no readable frame, gaps, pictures that are all black or equal."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy import ndarray

from mocap.capture.files import is_audio, top_level_boxes
from mocap.capture.opencv import cv2
from mocap.capture.source import Frame

# A gap after a failed read is reported if it is longer than this many frames.
_GAP_STEPS = 2.5
# A step between two pictures that is longer than this many frames skips some.
_SKIP_STEPS = 1.5
# Black and equal pictures are recognised on every n-th pixel, by this largest value of black (in
# limited-range video black is 16), this largest difference from the first picture (a still picture
# that was compressed as a video differs by up to 9, people who move by 100 and more), and on this
# many pictures.
_SAMPLED, _BLACK, _ALIKE, _MANY = 16, 20, 12, 10


class Picture(NamedTuple):
    """A decoded frame.

    seconds: Its time in the file. after_failure: Whether reading failed just before it. irregular:
    Whether its time or one before it had to be corrected.
    """

    seconds: float
    frame: Frame
    after_failure: bool
    irregular: bool


class VideoCheck:
    """Finds gaps in a video, and whether all its pictures are black, or all are equal.

    Attributes:
        end: Time of the last picture, seconds.
        gaps: (start, end) of each gap from the first failed read on, seconds.
        skips: (time, number) of pictures that are missing by the steps between the others: the time
            of the picture before them, seconds. In a video of variable rate none are missing.
        count: Number of pictures.
    """

    def __init__(self) -> None:
        self.end = 0.0
        self.gaps: list[tuple[float, float]] = []
        self.skips: list[tuple[float, int]] = []
        self.count = 0
        self._begin, self._fps = 0.0, 1.0
        self._black, self._equal, self._damaged = True, True, False
        self._first: ndarray | None = None

    def see(self, picture: Picture, fps: float) -> None:
        """Take the next picture into account."""
        self._damaged |= picture.after_failure
        if self._damaged and picture.seconds - self.end > _GAP_STEPS / fps:
            self.gaps.append((self.end, picture.seconds))
        self._fps = fps
        if self.count:
            self._step(self.end, picture.seconds)
        else:
            self._begin = picture.seconds
        self.end = picture.seconds
        sample = picture.frame.image[::_SAMPLED, ::_SAMPLED]
        self.count += 1
        self._black = self._black and int(sample.max()) <= _BLACK
        if self._first is None:
            self._first = sample.copy()
        self._equal = self._equal and _alike(sample, self._first)

    def _step(self, start: float, end: float) -> None:
        if (end - start) * self._fps > _SKIP_STEPS:
            self.skips.append((start, round((end - start) * self._fps) - 1))

    def follow(self, before: VideoCheck) -> None:
        """Take the pictures before this check's into account."""
        self.gaps = before.gaps + self.gaps
        if before.count and self.count:
            self._step(before.end, self._begin)
        self.skips = sorted(before.skips + self.skips)
        self._begin = before._begin if before.count else self._begin
        self._black = self._black and before._black
        if before._first is not None and self._first is not None:
            same = _alike(before._first, self._first)
            self._equal = self._equal and before._equal and same
        self.count += before.count

    @property
    def verdict(self) -> str:
        """What is wrong with the pictures; empty if nothing is."""
        if self.count and self._black:
            return "all its pictures are black"
        if self.count >= _MANY and self._equal:
            return "all its pictures are the same"
        return ""


def _alike(a: ndarray, b: ndarray) -> bool:
    return a.shape == b.shape and int(np.abs(a.astype(int) - b).max(initial=0)) <= _ALIKE


def why_unreadable(path: Path, capture: cv2.VideoCapture) -> str:
    """Return a sentence on why the file gave no frame."""
    if is_audio(path):
        return f"{str(path)!r} is an audio file; a video, an image or a folder of images is needed."
    boxes = top_level_boxes(path)
    if capture.isOpened() or b"moov" in boxes:
        codec = (
            int(capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little", signed=True)
            if capture.isOpened()
            else b"unknown"
        )
        return (
            f"{str(path)!r} is a video, but none of its frames can be decoded: OpenCV lacks its "
            f"codec ({codec.decode('ascii', 'replace').strip()}), or the file is cut off. Convert "
            "it to H.264 (`ffmpeg -i IN -c:v libx264 OUT.mp4`), or copy it again."
        )
    if b"ftyp" in boxes:
        return (
            f"{str(path)!r} is an MP4 or MOV file without its index: it was cut off while being "
            "written or copied. Copy or export it again."
        )
    return (
        f"{str(path)!r} is not a video that can be read, or it is damaged. "
        "MP4, MOV, WebM, MKV and AVI are known to work."
    )
