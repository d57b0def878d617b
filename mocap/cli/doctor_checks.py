"""Checks of `mocap doctor`: one function per check, each with one finding.

`examine` runs them all. A check changes nothing and prints nothing. Cameras are opened briefly.
"""

from __future__ import annotations

import base64
import socket
import statistics
import tempfile
import time
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from mocap import assets
from mocap.core.optional_packages import NATIVE_LIBRARIES
from mocap.errors import MocapError
from mocap.stream import DEFAULT_PORT

# One grey frame of 64 x 64 pixels in each codec that cameras, phones and video sites use, made with
# FFmpeg; FFmpeg recognises the container by the suffix.
_CODECS = {
    "H.264": (
        ".h264",
        "AAAAAWdkAAqscgREJoQAAAMABAAAAwDwPEiWEYAAAAABaOhDjyyLAAAAAWWIgQAE//71sXx/t5MCS3t0"
        "poykwT7CnP0sO3WB",
    ),
    "H.265": (
        ".hevc",
        "AAAAAUABDAH//wFgAAADAJAAAAMAAAMAHpmKAkAAAAABQgEBAWAAAAMAkAAAAwAAAwAeoCCBBZZmKkkb"
        "a5oCAAADAAIAAAMAPBAAAAABRAHBcrYiQAAAASgB"
        "rwhg+Sko3UN06A==",
    ),
    "VP9": (
        ".ivf",
        "REtJRgAAIABWUDkwQABAAB4AAAABAAAAAQAAAAAAAAAbAAAAAAAAAAAAAACCSYNCAAPwA/YAOCQcGEoA"
        "ADBgAAATuBgAAAA=",
    ),
    "AV1": (
        ".ivf",
        "REtJRgAAIABBVjAxQABAAB4AAAABAAAAAQAAAAAAAAAdAAAAAAAAAAAAAAASAAoKAAAAAq//jV8wCDIN"
        "EAC6AgggQQEAAAgAgw==",
    ),
}
# Number of frames of the demo clip on which the detector is timed, after one to warm up.
_TIMED = 8


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Attributes:
        subject: What was checked, in one word.
        ok: Whether it works.
        message: The result as a sentence; if it does not work, with what to do.
        needed: Whether mocap needs it to work at all. A camera, for example, is not needed.
    """

    subject: str
    ok: bool
    message: str
    needed: bool = True

    def line(self) -> str:
        """Format the finding as a line of text."""
        mark = "ok" if self.ok else "NO" if self.needed else "--"
        return f"{mark}  {self.subject + ':':<10} {self.message}"


def examine() -> list[Finding]:
    """Run all checks; takes some seconds."""
    libraries = native_libraries()
    found = [libraries]
    if libraries.ok:  # the other checks need OpenCV and MediaPipe
        found += [models(), detector(), codecs(), cameras()]
    return [*found, viewer(), port(DEFAULT_PORT), browser()]


def native_libraries() -> Finding:
    """Check that OpenCV and MediaPipe load; a bare Linux lacks the graphics libraries."""
    try:
        import cv2
        import mediapipe
    except (ImportError, OSError) as error:
        hint = "install the packages again"
        if ".so" in str(error):
            hint = f"on Debian or Ubuntu, run `{NATIVE_LIBRARIES}`"
        return Finding(
            "libraries", False, f"OpenCV and MediaPipe cannot be loaded ({error}): {hint}."
        )
    return Finding(
        "libraries", True, f"OpenCV {cv2.__version__} and MediaPipe {mediapipe.__version__} load."
    )


def models() -> Finding:
    """Check that the detector's weights are complete."""
    from mocap.detect.mediapipe.bundles import PoseSize, face_bundle, hand_bundle, pose_bundle

    def check() -> str:
        for size in get_args(PoseSize):
            pose_bundle(size)
        hand_bundle()
        face_bundle()
        return "The weights for pose (lite, full, heavy), hands and face are installed."

    return _tried("models", check)


def detector() -> Finding:
    """Check that the detector finds the person of the demo clip, and time it."""
    from mocap.capture.video import Video
    from mocap.detect.mediapipe.pose import PoseDetector

    def check() -> str:
        spent = []
        with Video(assets.path("demo/demo.mp4")) as clip, PoseDetector("full") as pose:
            for frame, _ in zip(clip, range(_TIMED + 1), strict=False):
                before = time.perf_counter()
                seen = pose.detect(frame.image, frame.time)
                spent.append(time.perf_counter() - before)
        if not seen.confidence.any():
            raise MocapError(
                "The detector does not find the person in the demo clip; install the package again."
            )
        milliseconds = 1000 * statistics.median(spent[1:])
        return (
            f"The full model finds the person in the demo clip, in {milliseconds:.0f} ms a frame."
        )

    return _tried("detector", check)


def codecs() -> Finding:
    """Check which codecs can be read; H.264 is needed."""
    read = [name for name in _CODECS if _decodes(*_CODECS[name])]
    missing = [name for name in _CODECS if name not in read]
    message = f"{_listed(read)} videos can be read." if read else ""
    if missing:
        advice = (
            "`ffmpeg -i in.mp4 -c:v libx264 out.mp4` turns one into H.264."
            if "H.264" in read
            else "Install opencv-contrib-python again."
        )
        message = f"{message} {_listed(missing)} videos cannot. {advice}".strip()
    return Finding("codecs", not missing, message, needed="H.264" not in read)


def _decodes(suffix: str, stream: str) -> bool:
    from mocap.capture.video import Video

    # FFmpeg needs a file, and Windows does not open a NamedTemporaryFile a second time.
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "frame" + suffix)
        file.write_bytes(base64.b64decode(stream))
        try:
            with Video(file):
                return True
        except MocapError:
            return False


def cameras() -> Finding:
    """Check which cameras can be opened."""
    from mocap.capture.webcam import Webcam, list_cameras

    numbers = list_cameras()
    if numbers:
        which = "Camera" if len(numbers) == 1 else "Cameras"
        return Finding(
            "cameras",
            True,
            f"{which} {_listed(list(map(str, numbers)))} can be opened: "
            f"`mocap live --camera {numbers[0]}`.",
            False,
        )

    def check() -> str:
        with Webcam(0):
            return "Camera 0 can be opened: `mocap live`."

    return _tried("cameras", check, needed=False)


def viewer() -> Finding:
    """Check that the page and the mannequin are installed."""

    def check() -> str:
        assets.path("viewer/index.html")
        assets.path("rigs/mannequin.vrm")
        return "The page and the mannequin are installed."

    return _tried("viewer", check)


def port(number: int) -> Finding:
    """Check that the page's default port is free."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # The server's own option: a port in TIME_WAIT counts as free. Windows defines it otherwise.
        if hasattr(socket, "SO_REUSEPORT"):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError:
            return Finding(
                "port",
                False,
                f"Port {number} is taken; mocap will use the next free port and print it. --port "
                "chooses another.",
                False,
            )
    return Finding("port", True, f"Port {number} is free.", False)


def browser() -> Finding:
    """Check that a graphical browser can open the page."""
    try:
        found = webbrowser.get()
    except webbrowser.Error:
        found = None
    # Python's generic browsers are text browsers, except those that run in the background.
    if found is None or (
        isinstance(found, webbrowser.GenericBrowser)
        and not isinstance(found, webbrowser.BackgroundBrowser)
    ):
        message = (
            "No browser can be opened from here: open the address that mocap prints in a browser "
            "with WebGL on this machine."
        )
        return Finding("browser", False, message, False)
    return Finding("browser", True, f"The page opens in {found.name}.", False)


def _tried(subject: str, check: Callable[[], str], needed: bool = True) -> Finding:
    try:
        return Finding(subject, True, check(), needed)
    except MocapError as error:
        return Finding(subject, False, str(error), needed)


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]
