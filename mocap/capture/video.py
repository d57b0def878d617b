"""Frames from a video file.

Times are the presentation times that the container gives (OpenCV's CAP_PROP_POS_MSEC, read after
each frame: with OpenCV 5's FFmpeg backend they agree with the container's to a microsecond, also at
variable frame rate, with B-frames, and where a file does not begin at 0). Where they do not
increase (missing, reset in the middle) the nominal frame rate replaces them.

Pictures are upright and have square pixels: the display matrix of phone clips is applied, and the
non-square pixels of DV and broadcast files are stretched.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy import ndarray

from mocap.capture.files import existing_file, top_level_boxes
from mocap.capture.metadata import field_of_view
from mocap.capture.opencv import cv2
from mocap.capture.source import DEFAULT_FPS, MAX_FPS, Frame, Source, checked_fps, read_ahead
from mocap.capture.video_check import Picture, VideoCheck, why_unreadable
from mocap.capture.video_times import Clock, without_late
from mocap.errors import InputError

# Frames used to measure the frame rate of a file whose header gives none.
_PROBED = 30
# Seconds before the wanted picture at which decoding starts after seeking.
_RUN_UP = 0.5
# Most seconds of damaged packets after which reading continues.
_PATIENCE = 60.0
# The first gaps are listed in a warning, so many.
_MOST_GAPS = 3
# A video counts as cut off when its last frame comes this much (seconds, and share of the duration)
# before the end that its header gives.
_CUT_SECONDS, _CUT_SHARE = 0.5, 0.05


class Video(Source):
    """A video file of any kind that OpenCV's FFmpeg reads.

    The readable frames of a damaged file are returned. Warnings at the end say what is missing, or
    `verdict` whether all pictures are black or equal.

    Args:
        path: The file.
        source_fps: Gives frame n the time n / source_fps, instead of the file's times.

    Attributes:
        file_fps: Nominal frames per second by the file, whatever `source_fps` says.

    Raises:
        InputError: The file is missing, empty, not a video, or has no readable frame.
    """

    def __init__(self, path: str | os.PathLike[str], source_fps: float | None = None) -> None:
        self.path = existing_file(Path(path))
        self.fov = field_of_view(self.path)
        self._source_fps = checked_fps(source_fps)
        capture = self._open()
        try:
            ok, image = capture.read()
            if not ok:
                raise InputError(why_unreadable(self.path, capture))
            self._stretch = _pixel_aspect(capture)
            fps = float(capture.get(cv2.CAP_PROP_FPS))
            count = float(capture.get(cv2.CAP_PROP_FRAME_COUNT))
            # Both numbers may be estimates, but FFmpeg derives one from the other: their ratio is
            # the duration, seconds.
            self._duration = count / fps if fps > 0 and count > 0 else 0.0
            if not 0.0 < fps <= MAX_FPS:
                fps = _measured_fps(capture)
                count = self._duration * fps
        finally:
            capture.release()
        self.file_fps = fps
        height, width = self._with_square_pixels(image).shape[:2]
        super().__init__(
            self.path.name,
            (width, height),
            self._source_fps or fps,
            round(count) if count >= 1 else None,
        )

    def __iter__(self) -> Iterator[Frame]:
        check = VideoCheck()
        with closing(read_ahead(self._pictures())) as pictures:
            for picture in pictures:
                check.see(picture, self.file_fps)
                yield picture.frame
        self.report(check)

    def report(self, check: VideoCheck) -> None:
        """Warn of what a check of all pictures found."""
        end, gaps = check.end + 1.0 / self.file_fps, check.gaps
        if self._is_cut_off(end):
            self._warn(
                f"is cut off or damaged: only its first {end:.1f} s of {self._duration:.1f} s "
                "can be read."
            )
        if gaps:
            places = ", ".join(f"{a:.1f} to {b:.1f} s" for a, b in gaps[:_MOST_GAPS])
            more = f" and {len(gaps) - _MOST_GAPS} more" if len(gaps) > _MOST_GAPS else ""
            self._warn(f"is damaged: its pictures are missing from {places}{more}.")
        elif self._lacks(check):
            places = ", ".join(f"{time:.1f} s" for time, _ in check.skips[:_MOST_GAPS])
            more = " and later" if len(check.skips) > _MOST_GAPS else ""
            self._warn(
                f"is damaged: {self.count} pictures by its index, {check.count} can be read; "
                f"missing after {places}{more}."
            )
        self.verdict = check.verdict

    @property
    def duration(self) -> float:
        """Seconds by the file's header, 0 where it gives none."""
        return self._duration

    def span(self, start: float, stop: float) -> Generator[Picture, None, None]:
        """Yield the last picture before `start` and those in [start, stop), decoded ahead.

        Times are those in the file. The pictures are those of an iteration over the whole file,
        pixel for pixel. With `source_fps`, their frames' times count from an earlier frame than the
        file's first.

        Args:
            start: Seconds.
            stop: Seconds.

        Raises:
            IrregularTimesError: The file's times do not increase, so that the time of a frame
                depends on all frames before it.
        """
        before: Picture | None = None
        with closing(read_ahead(self._pictures(start))) as pictures:
            for picture in pictures:
                if picture.irregular:
                    raise IrregularTimesError
                if picture.seconds < start:
                    before = picture
                    continue
                if picture.seconds >= stop:
                    return
                if before is not None:
                    yield before
                    before = None
                yield picture

    def _warn(self, what: str) -> None:
        warnings.warn(f"{self.name} {what}", stacklevel=3)

    def _lacks(self, check: VideoCheck) -> bool:
        """Return whether pictures are missing of which the decoder says nothing.

        MP4 and MOV have an index of all pictures. As many as it has too many must be missing by the
        steps between the others: a video of variable rate has steps of all lengths, and an edit
        list leaves out the first pictures.
        """
        missing = sum(number for _, number in check.skips)
        exact = b"moov" in top_level_boxes(self.path)
        return missing > 0 and exact and (self.count or 0) - check.count == missing

    def _is_cut_off(self, end: float) -> bool:
        return self._duration - end > max(_CUT_SECONDS, _CUT_SHARE * self._duration)

    def _open(self) -> cv2.VideoCapture:
        # An absolute path: FFmpeg would take "take: one.mp4" for a URL with the protocol "take".
        return cv2.VideoCapture(str(self.path.resolve()), cv2.CAP_FFMPEG)

    def _pictures(self, start: float = 0.0) -> Generator[Picture, None, None]:
        """Yield the pictures from the last one before `start` (seconds) or an earlier one on."""
        clock = Clock(1.0 / self.file_fps)
        for index, (stamp, image, failed) in enumerate(without_late(self._decoded(start))):
            seconds = clock.time(stamp)
            image = cv2.cvtColor(self._with_square_pixels(image), cv2.COLOR_BGR2RGB)
            time = index / self._source_fps if self._source_fps else seconds
            yield Picture(seconds, Frame(time, image), failed, clock.corrected)

    def _decoded(self, start: float = 0.0) -> Generator[tuple[float, ndarray, bool], None, None]:
        """Yield (the container's time, the BGR image, whether reading failed since the last one).

        Pictures well before `start` (seconds) are skipped, but not the last one before it. Damaged
        packets fail one by one, so reading continues unless the file is at its end.
        """
        capture, grabbed = self._at(start - _RUN_UP)
        failures, stamp = 0, 0.0
        try:
            while failures < _PATIENCE * self.file_fps:
                ok, image = capture.retrieve() if grabbed else capture.read()
                grabbed = False
                if ok:
                    stamp = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0
                    yield stamp, image, failures > 0
                    failures = 0
                elif not self._is_cut_off(stamp):
                    return
                else:
                    failures += 1
        finally:
            capture.release()

    def _at(self, start: float) -> tuple[cv2.VideoCapture, bool]:
        """Open the file, and grab a picture at or before `start` (seconds), if there is one.

        Returns:
            The file, and whether a picture is grabbed but not yet decoded.
        """
        capture = self._open()
        if start <= 0.0:
            return capture, False
        # Seeking is exact where the file has an index of all frames: checked on MP4 and MOV; not in
        # Matroska, WebM and transport streams at variable rates.
        if b"moov" in top_level_boxes(self.path):
            capture.set(cv2.CAP_PROP_POS_MSEC, 1000.0 * (start - _RUN_UP))
            if capture.grab() and 0.0 <= capture.get(cv2.CAP_PROP_POS_MSEC) <= 1000.0 * start:
                return capture, True
            capture.release()
            capture = self._open()
        count = 0
        while capture.grab():
            stamp = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0
            if start <= stamp < start + _RUN_UP:
                return capture, True
            if stamp >= start:
                break
            count += 1
        # The picture before a gap, or the last one.
        capture.release()
        capture = self._open()
        for _ in range(count):
            capture.grab()
        return capture, count > 0

    def _with_square_pixels(self, image: ndarray) -> ndarray:
        if self._stretch == (1.0, 1.0):
            return image
        fx, fy = self._stretch
        return cv2.resize(image, None, fx=fx, fy=fy, interpolation=cv2.INTER_LINEAR)


class IrregularTimesError(Exception):
    """The container's times do not increase from frame to frame."""


def _measured_fps(capture: cv2.VideoCapture) -> float:
    """Return the frame rate measured on the first frames' times."""
    stamps: list[float] = []
    while len(stamps) < _PROBED and capture.grab():
        stamps.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0)
    steps = np.diff(stamps)
    steps = steps[np.isfinite(steps) & (steps > 1.0 / MAX_FPS)]
    return float(1.0 / np.median(steps)) if len(steps) else DEFAULT_FPS


def _pixel_aspect(capture: cv2.VideoCapture) -> tuple[float, float]:
    """Return the factors (width, height) that make pixels square; neither is below 1."""
    across, down = capture.get(cv2.CAP_PROP_SAR_NUM), capture.get(cv2.CAP_PROP_SAR_DEN)
    ratio = across / down if across > 0 and down > 0 else 1.0
    if not 0.2 < ratio < 5.0 or abs(ratio - 1.0) < 0.005:
        return 1.0, 1.0
    # The aspect describes the stored picture, before it is turned upright.
    if round(capture.get(cv2.CAP_PROP_ORIENTATION_META)) % 180 == 90:
        ratio = 1.0 / ratio
    return (ratio, 1.0) if ratio > 1.0 else (1.0, 1.0 / ratio)
