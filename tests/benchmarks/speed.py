"""Frames a second of the whole bake's detection, beside the bare MediaPipe loop on the same clip.

The bare loop is one process: OpenCV's decoder and MediaPipe's landmarkers of the whole picture, one
after another, without mocap. Ours reads, detects and joins with one process and with two. All run
one after another in the same run; the load of the machine at the start is part of the title. Two
bare loops side by side, each with its own copy of the clip, show what a second processor is worth
to this detector: they share nothing, so no way of cutting a clip in two can be faster.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
from mediapipe import Image, ImageFormat
from mediapipe.tasks.python import BaseOptions
from mediapipe.tasks.python import vision as V

from mocap.detect.inputs import read_keypoints
from mocap.detect.mediapipe.bundles import face_bundle, hand_bundle, pose_bundle
from mocap.detect.mediapipe.logs import without_notices
from mocap.detect.options import DetectOptions
from tests.helpers.places import DEMO

from .table import Cell, Table

_MODEL = "heavy"


def _clip(folder: Path, frames: int) -> Path:
    """Write the demo clip, to and fro, until it has so many frames."""
    reader = cv2.VideoCapture(str(DEMO))
    pictures = []
    while (read := reader.read())[0]:
        pictures.append(read[1])
    path = folder / "clip.mp4"
    height, width = pictures[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 30, (width, height))
    order = [*range(len(pictures)), *range(len(pictures) - 2, 0, -1)]
    for n in range(frames):
        writer.write(pictures[order[n % len(order)]])
    writer.release()
    return path


def _bare(path: Path, whole: bool) -> int:
    """Run the bare loop; return the number of frames."""
    base = {"running_mode": V.RunningMode.VIDEO}

    def options(buffer: bytes) -> BaseOptions:
        return BaseOptions(model_asset_buffer=buffer)

    with without_notices():
        finders = [
            V.PoseLandmarker.create_from_options(
                V.PoseLandmarkerOptions(base_options=options(pose_bundle(_MODEL)), **base)
            )
        ]
        if whole:
            finders += [
                V.HandLandmarker.create_from_options(
                    V.HandLandmarkerOptions(
                        base_options=options(hand_bundle()), num_hands=2, **base
                    )
                ),
                V.FaceLandmarker.create_from_options(
                    V.FaceLandmarkerOptions(
                        base_options=options(face_bundle(None)),
                        output_face_blendshapes=True,
                        **base,
                    )
                ),
            ]
    reader, count = cv2.VideoCapture(str(path)), 0
    while (read := reader.read())[0]:
        picture = Image(ImageFormat.SRGB, cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB))
        for finder in finders:
            finder.detect_for_video(picture, round(count * 1000 / 30))
        count += 1
    for finder in finders:
        finder.close()
    return count


def _two_bare(path: Path, whole: bool) -> int:
    """Run two bare loops in two processes; return the number of frames of both."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        return sum(pool.starmap(_bare, [(path, whole)] * 2))


def _rate(work: Callable[[], int]) -> float:
    begun = time.perf_counter()
    return work() / (time.perf_counter() - begun)


def tables(quick: bool) -> list[Table]:
    load = os.getloadavg()[0]
    rows: list[tuple[Cell, ...]] = []
    with tempfile.TemporaryDirectory() as place:
        clip = _clip(Path(place), 60 if quick else 600)
        for what, whole in (("body", False), ("body, hands, face", True)):
            options = DetectOptions(model=_MODEL, hands=whole, face=whole)
            bare = _rate(lambda whole=whole: _bare(clip, whole))
            rows.append((what, "bare MediaPipe, one process", bare, 1.0))
            two = _rate(lambda whole=whole: _two_bare(clip, whole))
            rows.append((what, "two of these side by side", two, two / bare))
            for name, workers in (("one pass", None), ("1 worker", 1), ("2 workers", 2)):
                rate = _rate(lambda o=options, w=workers: len(read_keypoints(clip, o, workers=w)))
                rows.append((what, name, rate, rate / bare))
    title = f"Detection, BlazePose {_MODEL}, frames a second; load at the start {load:.1f}"
    return [Table(title, ("what", "how", "frames/s", "ratio"), tuple(rows), "the bare loop")]
