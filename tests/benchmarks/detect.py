"""Cost of PoseDetector.detect a frame, beside a bare MediaPipe loop on the same pictures.

The two take turns frame by frame, each with its own tracker, so that other load on the machine
affects both alike. The demo clip is decoded beforehand; `read` is what decoding adds when the
pictures come from `open_source`, which reads ahead in a thread.
"""

from __future__ import annotations

import statistics
import time
from typing import get_args

from mediapipe import Image, ImageFormat
from mediapipe.tasks.python import BaseOptions
from mediapipe.tasks.python.vision import PoseLandmarker, PoseLandmarkerOptions, RunningMode

from mocap.capture.open import open_source
from mocap.capture.source import Frame
from mocap.detect.mediapipe.bundles import PoseSize, pose_bundle
from mocap.detect.mediapipe.logs import without_notices
from mocap.detect.mediapipe.pose import PoseDetector
from tests.helpers.places import DEMO

from .table import Cell, Table

_WARM_UP = 5


def costs(size: PoseSize, frames: list[Frame]) -> tuple[list[float], list[float]]:
    """Seconds a frame: detect(), and the bare loop."""
    options = PoseLandmarkerOptions(
        base_options=BaseOptions(model_asset_buffer=pose_bundle(size)),
        running_mode=RunningMode.VIDEO,
    )
    with without_notices():
        bare = PoseLandmarker.create_from_options(options)
    ours, theirs = [], []
    with bare, PoseDetector(size) as detector:
        for n, frame in enumerate(frames):
            # Who comes second finds the picture in the cache, so they change places.
            for first in (n % 2, 1 - n % 2):
                begun = time.perf_counter()
                if first:
                    detector.detect(frame.image, frame.time)
                    ours.append(time.perf_counter() - begun)
                else:
                    bare.detect_for_video(
                        Image(ImageFormat.SRGB, frame.image), round(frame.time * 1000.0)
                    )
                    theirs.append(time.perf_counter() - begun)
    return ours[_WARM_UP:], theirs[_WARM_UP:]


def whole(size: PoseSize) -> float:
    """Seconds a frame from the file to keypoints."""
    with PoseDetector(size) as detector:
        begun, count = time.perf_counter(), 0
        for frame in open_source(DEMO):
            detector.detect(frame.image, frame.time)
            count += 1
    return (time.perf_counter() - begun) / count


def tables(quick: bool) -> list[Table]:
    frames = list(open_source(DEMO))
    rows: list[tuple[Cell, ...]] = []
    for size in ("lite",) if quick else get_args(PoseSize):
        ours, theirs = costs(size, frames[: 30 if quick else 150])
        mine, bare = 1e3 * statistics.median(ours), 1e3 * statistics.median(theirs)
        # Of each frame's two times the difference, so that what slows both alike falls out.
        overhead = 1e3 * statistics.median(a - b for a, b in zip(ours, theirs, strict=True))
        rows.append((size, mine, bare, 1e3 * whole(size), overhead, 1.0 + overhead / bare))
    title = (
        f"Detector, {frames[0].image.shape[1]} × {frames[0].image.shape[0]} pixels, video "
        f"mode, ms a frame"
    )
    return [
        Table(
            title,
            ("model", "detect", "bare MediaPipe", "with reading", "overhead", "ratio"),
            tuple(rows),
            "the bare MediaPipe loop",
        )
    ]
