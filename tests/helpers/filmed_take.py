"""A take that keeps its pictures, made without a detector, and a server whose studio plays it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from mocap.capture.picture import jpeg
from mocap.core import rotation as R
from mocap.core.camera import Camera
from mocap.core.keypoints import Keypoints
from mocap.core.motion import Motion
from mocap.core.skeleton import HUMANOID
from mocap.formats.keypoints_json.recording import SUFFIX, Recording
from mocap.studio import pictures
from mocap.studio.pictures import PictureRecording
from mocap.studio.studio import Studio
from tests.helpers.page_host import NO_RIG, Host, hello
from tests.helpers.synthetic import keypoints_of

SIZE = (320, 240)
FPS = 10.0


def walker(frames: int) -> Keypoints:
    """A person who steps aside and raises an arm, seen by a camera that looks down a little."""
    t = np.arange(frames) / FPS
    rotations = np.tile(R.IDENTITY, (frames, len(HUMANOID.names), 1))
    across = np.array([0.0, 0.0, 1.0])
    rotations[:, HUMANOID.index("leftUpperArm")] = R.from_axis_angle(across, 0.8 * np.sin(2.0 * t))
    rotations[:, HUMANOID.index("rightUpperArm")] = R.from_axis_angle(across, np.full(frames, 1.2))
    tilt = R.from_axis_angle(np.array([1.0, 0.0, 0.0]), np.array(0.15))
    rotations[:, 0] = tilt
    root = R.apply(tilt, np.stack([0.3 * np.sin(t), 0.0 * t - 0.1, 0.0 * t], axis=1)) - [0, 0, 4]
    motion = Motion(HUMANOID, 100.0 + t, root, rotations)
    return keypoints_of(motion, SIZE, Camera.assumed(SIZE).focal)


def colour(frame: int) -> np.ndarray:
    """The one colour (BGR) of the picture of a frame, far from those of the frames beside it."""
    return np.array([60 + 45 * (frame % 4), 200, 40 + 25 * (frame // 4)], np.uint8)


def make_take(folder: Path, frames: int = 26) -> Path:
    """Record a take of the walker, and return the path of its keypoints."""
    folder.mkdir(exist_ok=True)
    path = folder / f"walk{SUFFIX}"
    keypoints = walker(frames)
    with (
        Recording(path) as recording,
        PictureRecording(path.with_suffix(pictures.SUFFIX)) as seen,
    ):
        recording.append(keypoints)
        for i, time in enumerate(keypoints.times):
            picture = np.broadcast_to(colour(i)[::-1], (*SIZE[::-1], 3))
            seen.append(float(time), jpeg(np.ascontiguousarray(picture), SIZE[0]))
    return path


@contextmanager
def studio_host(folder: Path, rig: str = NO_RIG) -> Iterator[Host]:
    """A server that shows the takes of a folder."""
    with Host(hello(rig=rig), endpoints=lambda files: Studio(folder, files).endpoints()) as host:
        yield host


def read_film(path: Path) -> tuple[list[np.ndarray], list[float]]:
    """Return the frames (BGR) of a film, and their times, seconds."""
    capture = cv2.VideoCapture(str(path))
    frames, stamps = [], []
    while (read := capture.read())[0]:
        frames.append(read[1].astype(int))
        stamps.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0)
    return frames, stamps
