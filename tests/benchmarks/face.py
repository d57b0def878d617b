"""Faces: ARKit's weights by geometry beside those of MediaPipe's own blendshape network, on clips with faces; what looking for them costs.

Wants MOCAP_DATA, which holds the clips and the official bundle, models/face_landmarker.task, whose network is the yardstick. Weights are
the bake's of both, each less its own median, so that a correlation tells whether they move together. Still: how much a weight changes
from frame to frame where the network's own changes by less than 0.005.
"""

from __future__ import annotations

import os
import statistics
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from mocap.capture import open_source
from mocap.detect.mediapipe import PoseDetector, detect_source
from mocap.detect.performer import PerformerDetector
from mocap.keypoints import Keypoints
from mocap.solve.face import WEIGHTS, solve_face

from .table import Cell, Table

CLIPS = ("poseformat_test_video.mp4", "tfjs_pose_1.mp4", "tfjs_pose_squats.mp4", "intel_one_by_one_person.mp4")
_FRAMES = 200
_ASKED = (
    "jawOpen", "eyeBlinkLeft", "eyeBlinkRight", "mouthSmileLeft", "mouthSmileRight", "browInnerUp", "browDownLeft", "browDownRight",
    "mouthPucker",
)  # fmt: skip
# Weights that the network moves by less than this (5th to 95th percentile) say nothing of whether two move together.
_MOVES = 0.05
_WARM_UP = 5


def _detected(data: Path, clip: str, frames: int) -> Keypoints:
    with (
        open_source(data / "videos" / clip) as source,
        PerformerDetector("full", hands=False, face_model=data / "models" / "face_landmarker.task", face=True) as detector,
    ):
        return detect_source(islice(source, frames), detector)


def agreement(data: Path, frames: int) -> Table:
    """Geometry against the network, a row a clip and weight that moves."""
    rows: list[tuple[Cell, ...]] = []
    for clip in CLIPS:
        found = _detected(data, clip, frames)
        told = solve_face(found)
        measured = solve_face(replace(found, face_blendshapes=None))
        if told is None or measured is None:
            continue
        for name in _ASKED:
            theirs, ours = told.weights[:, told.names.index(name)], measured.weights[:, WEIGHTS.index(name)]
            span = float(np.ptp(np.quantile(theirs, [0.05, 0.95])))
            still = np.abs(np.diff(theirs)) < 0.005
            jitter = float(np.abs(np.diff(ours))[still].mean()) if still.any() else None
            alike = float(np.corrcoef(theirs, ours)[0, 1]) if span > _MOVES and np.ptp(ours) > 0 else None
            rows.append((clip, name, span, float(np.ptp(np.quantile(ours, [0.05, 0.95]))), alike, jitter))
    return Table(
        "Weights by geometry and by MediaPipe's network",
        ("clip", "weight", "moves, network", "moves, ours", "correlation", "jitter when still"),
        tuple(rows),
        "MediaPipe's blendshape network",
        f"No correlation where the network's weight moves by less than {_MOVES}.",
    )


def cost(clip: Path, frames: int) -> Table:
    """Milliseconds a frame: pose alone, and the whole performer, taking turns frame by frame."""
    detectors = {
        "pose": PoseDetector("full"),
        "pose and hands": PerformerDetector("full"),
        "pose, hands and face": PerformerDetector("full", face=True),
    }
    spent: dict[str, list[float]] = {name: [] for name in detectors}
    with open_source(clip) as source:
        for frame in islice(source, frames):
            for name, detector in detectors.items():
                begun = time.perf_counter()
                detector.detect(frame.image, frame.time)
                spent[name].append(1e3 * (time.perf_counter() - begun))
    for detector in detectors.values():
        detector.close()
    typical = {name: statistics.median(times[_WARM_UP:]) for name, times in spent.items()}
    rows = tuple((name, value, value / typical["pose"]) for name, value in typical.items())
    return Table("What hands and face cost", ("detector", "ms a frame", "of the pose's"), rows, "pose", f"{clip.name}, model full.")


def tables(quick: bool) -> list[Table]:
    folder = os.environ.get("MOCAP_DATA")
    demo = Path(__file__).parents[2] / "rigs" / "demo.mp4"
    if not folder:
        return [cost(demo, 20 if quick else 90)]
    data = Path(folder)
    return [agreement(data, 30 if quick else _FRAMES), cost(data / "videos" / "tfjs_pose_1.mp4", 20 if quick else 100)]
