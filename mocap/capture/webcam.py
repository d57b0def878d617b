"""Pictures from a camera by its number, and which numbers there are."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

# Media Foundation takes ten seconds and more to open a camera while it looks for hardware transforms (opencv issue 17687).
os.environ.setdefault("OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS", "0")

import cv2

from mocap.capture.sources import DEFAULT_FPS, MOST_FPS, Frame, Source
from mocap.errors import DeviceError

# A camera that sends nothing for this long has been unplugged or taken away, seconds. Some need four to send their first picture.
_PATIENCE = 8.0
# A picture that does not come is no news (a damaged Motion JPEG, a camera that wakes up); none for this long is. Seconds.
_HICCUP = 1.0


class Webcam(Source):
    """A camera by its number, 0 the first. Iterating waits for the newest picture and skips those that came meanwhile.

    A thread reads the camera, so that a slow reader gets fresh pictures and never a queue of old ones. Frame.time is
    `time.perf_counter()` on arrival. size: what to ask of the camera; it gives the nearest that it can. Raises DeviceError, naming the
    cameras there are and what may be in the way, if it cannot be opened, or, while iterating, if it stops sending.
    """

    def __init__(
        self, number: int = 0, size: tuple[int, int] = (1280, 720), fps: float = 30.0
    ) -> None:
        capture = cv2.VideoCapture(number) if number >= 0 else None
        if capture is None or not capture.isOpened():
            raise DeviceError(_no_camera(number))
        if sys.platform.startswith("linux"):
            # Uncompressed, USB 2 carries 10 pictures a second of this size; Motion JPEG, 30.
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        for setting, value in (
            (cv2.CAP_PROP_FRAME_WIDTH, size[0]),
            (cv2.CAP_PROP_FRAME_HEIGHT, size[1]),
            (cv2.CAP_PROP_FPS, fps),
        ):
            capture.set(setting, value)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # not every backend knows it
        self._follow(capture, f"camera {number}")

    @classmethod
    def of(cls, capture: cv2.VideoCapture, name: str) -> Webcam:
        """A camera that is open already."""
        camera = cls.__new__(cls)
        camera._follow(capture, name)
        return camera

    def _follow(self, capture: cv2.VideoCapture, name: str) -> None:
        self._capture = capture
        self._newest: Frame | None = None
        self._running, self._closed = True, False
        self._arrived = threading.Condition()
        size = (
            int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
        )
        fps = float(capture.get(cv2.CAP_PROP_FPS))
        super().__init__(name, size, fps if 0.0 < fps <= MOST_FPS else DEFAULT_FPS, None)
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
        """Lets the camera go. An iteration that waits for a picture, in another thread, ends."""
        self._closed = True
        self._stop()
        self._thread.join(timeout=2.0)


def list_cameras(most: int = 10) -> list[int]:
    """The numbers of the cameras that can be opened now, among the first `most`. Opens each for a moment, so their lights may flash."""
    found = []
    for number in range(most):
        # Opening a camera that is not there takes a second on some systems; Linux has a file for each that is.
        if sys.platform.startswith("linux") and not Path(f"/dev/video{number}").exists():
            continue
        capture = cv2.VideoCapture(number)
        opened, _ = capture.read() if capture.isOpened() else (False, None)
        capture.release()
        if opened:
            found.append(number)
        elif not sys.platform.startswith("linux"):
            break  # the other systems number them without gaps
    return found


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
            return f"Camera {number} is there but does not open: another program may be using it, or {device} is not a picture source."
        hint = "Connect one, or give a video file instead."
    elif sys.platform == "darwin":
        hint = "Connect one, or allow this terminal the camera in System Settings › Privacy & Security › Camera."
    else:
        hint = "Connect one, close other programs that use it, or allow desktop apps the camera in Settings › Privacy & security › Camera."
    if there:
        return f"There is no camera {number}; there {'are cameras' if len(there) > 1 else 'is camera'} {names}."
    return f"There is no camera {number}, nor any other. {hint}"
