"""Frames from a camera by its number, and the list of cameras."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from jaxtyping import UInt8
from numpy import ndarray

from mocap.capture.opencv import cv2
from mocap.capture.source import DEFAULT_FPS, MAX_FPS, Frame, Source
from mocap.errors import DeviceError

# Seconds without a picture after which a camera counts as unplugged or taken by another program.
# Some cameras need four seconds to send their first picture.
_PATIENCE = 8.0
# Seconds of failed reads that are tolerated (a damaged Motion JPEG, a camera that wakes up).
_HICCUP = 1.0
# The first pictures of a camera that wakes up are black: how many to wait for, and the mean (0 to
# 255) above which a picture is not black.
_DARK, _BLACK = 10, 8.0


class Webcam(Source):
    """A camera. Iterating waits for the newest picture and skips the ones that came in between.

    A thread reads the camera, so that a slow reader gets fresh pictures and never a queue of old
    ones. `Frame.time` is `time.perf_counter()` on arrival.

    Args:
        number: The camera's number, 0 the first.
        size: (width, height) to request, pixels; the camera gives the nearest that it can.
        fps: Frames per second to request.
        capture: An open capture to read instead of opening camera `number`.

    Raises:
        DeviceError: The camera cannot be opened, or, while iterating, stops sending. The message
            lists the cameras there are and what may be wrong.
    """

    def __init__(
        self,
        number: int = 0,
        size: tuple[int, int] = (1280, 720),
        fps: float = 30.0,
        capture: cv2.VideoCapture | None = None,
    ) -> None:
        self._capture = capture or _open(number, size, fps)
        self._newest: Frame | None = None
        self._running, self._closed = True, False
        self._arrived = threading.Condition()
        given = float(self._capture.get(cv2.CAP_PROP_FPS))
        name = f"camera {number}"
        super().__init__(
            name,
            (
                int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
                int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
            ),
            given if 0.0 < given <= MAX_FPS else DEFAULT_FPS,
            None,
        )
        self._thread = threading.Thread(target=self._read, name=name, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        last = time.perf_counter()
        while self._running:
            ok, image = self._capture.read()
            now = time.perf_counter()
            if ok:
                last = now
                frame = Frame(now, cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
                with self._arrived:
                    self._newest = frame
                    self._arrived.notify_all()
            elif now - last < _HICCUP:
                time.sleep(0.01)
            else:
                self._stop()
        self._capture.release()

    def _stop(self) -> None:
        with self._arrived:
            self._running = False
            self._arrived.notify_all()

    def __iter__(self) -> Iterator[Frame]:
        while True:
            with self._arrived:
                came = self._arrived.wait_for(
                    lambda: self._newest is not None or not self._running, _PATIENCE
                )
                frame, self._newest = self._newest, None
            if self._closed:
                return
            if frame is None:
                how = (
                    "has stopped sending pictures"
                    if came
                    else f"has sent no picture for {_PATIENCE:.0f} s"
                )
                raise DeviceError(
                    f"{self.name.capitalize()} {how}: it was unplugged, or another program took it."
                )
            yield frame

    def close(self) -> None:
        """Release the camera; an iteration that waits for a picture in another thread ends."""
        self._closed = True
        self._stop()
        self._thread.join(timeout=2.0)


def camera_pictures(
    in_use: int | None = None, most: int = 10
) -> dict[int, UInt8[ndarray, "height width 3"] | None]:
    """Return a picture of each camera that can be opened now.

    Each is opened for a moment, so its light may flash.

    Args:
        in_use: Number of a camera that this program has open; it is listed without a picture.
        most: The number below which cameras are looked for.

    Returns:
        Number → (H, W, 3) uint8, RGB, or None.
    """
    found: dict[int, UInt8[ndarray, "height width 3"] | None] = {}
    for number in range(most):
        if number == in_use:
            found[number] = None
        elif (image := _picture(number)) is not None:
            found[number] = image
        elif not sys.platform.startswith("linux"):
            break  # the other systems number them without gaps
    return found


def list_cameras(most: int = 10) -> list[int]:
    """Return the numbers, below `most`, of the cameras that can be opened now (as above)."""
    return list(camera_pictures(most=most))


def camera_name(number: int) -> str:
    """Return the name that Linux knows of a camera; elsewhere its number."""
    name = ""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError):
            file = Path(f"/sys/class/video4linux/video{number}/name")
            name = file.read_text(errors="replace").strip()[:100]
    return name or f"Camera {number}"


def _picture(number: int) -> UInt8[ndarray, "height width 3"] | None:
    """Return a camera's first picture that is not dark, or None if it gives none."""
    # Opening a missing camera takes a second on some systems; Linux has a file for each camera.
    if sys.platform.startswith("linux") and not Path(f"/dev/video{number}").exists():
        return None
    capture = cv2.VideoCapture(number)
    image = None
    for _ in range(_DARK if capture.isOpened() else 0):
        ok, read = capture.read()
        if not ok:
            break
        image = read
        if read.mean() > _BLACK:
            break
    capture.release()
    return None if image is None else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _open(number: int, size: tuple[int, int], fps: float) -> cv2.VideoCapture:
    """Open a camera and request a size and a rate; raise DeviceError if it cannot be opened."""
    capture = cv2.VideoCapture(number) if number >= 0 else None
    if capture is None or not capture.isOpened():
        raise DeviceError(_no_camera(number))
    if sys.platform.startswith("linux"):
        # Over USB 2, this size comes 10 times a second uncompressed and 30 times as Motion JPEG.
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
    for setting, value in (
        (cv2.CAP_PROP_FRAME_WIDTH, size[0]),
        (cv2.CAP_PROP_FRAME_HEIGHT, size[1]),
        (cv2.CAP_PROP_FPS, fps),
        (cv2.CAP_PROP_BUFFERSIZE, 1),  # not supported by every backend
    ):
        capture.set(setting, value)
    return capture


def _no_camera(number: int) -> str:
    there = [n for n in list_cameras() if n != number]
    names = " and ".join(
        [", ".join(map(str, there[:-1])), str(there[-1])] if len(there) > 1 else map(str, there)
    )
    if sys.platform.startswith("linux"):
        device = Path(f"/dev/video{number}")
        if device.exists() and not os.access(device, os.R_OK | os.W_OK):
            return (
                f"Camera {number} may not be opened: add yourself to the group that owns {device} "
                "(`sudo usermod -aG video $USER`) and log in again."
            )
        if device.exists():
            return (
                f"Camera {number} exists but does not open: another program may be using it, "
                f"or {device} is not a picture source."
            )
        hint = "Connect one, or give a video file instead."
    elif sys.platform == "darwin":
        hint = (
            "Connect one, or allow this terminal the camera in "
            "System Settings › Privacy & Security › Camera."
        )
    else:
        hint = (
            "Connect one, close other programs that use it, or allow desktop apps the camera in "
            "Settings › Privacy & security › Camera."
        )
    if there:
        others = "are cameras" if len(there) > 1 else "is camera"
        return f"There is no camera {number}; there {others} {names}."
    return f"There is no camera {number}, nor any other. {hint}"
