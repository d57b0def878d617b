"""The demo clip end to end, detector included (rigs/demo.mp4; truth in rigs/demo_truth.npz).

The lifter was developed on this clip, so it is no independent test; the rendered clips are
(rendered.py).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mocap.capture.open import open_source
from mocap.core.camera import Camera
from mocap.core.keypoints import Keypoints
from mocap.core.motion import Motion
from mocap.core.skeleton import HUMANOID
from mocap.detect.mediapipe.bundles import PoseSize
from mocap.detect.mediapipe.pose import PoseDetector
from mocap.detect.take import detect_source
from tests.helpers.places import DEMO, DEMO_TRUTH

from . import contenders, kalidokit
from .measures import Shown, measures
from .rendered import COLUMNS, cells, turned
from .table import Cell, Table


def truth() -> tuple[Motion, Motion, Camera]:
    """The true motion in its camera's axes; the same in the upright world that faces the camera;
    and the camera.
    """
    kept = np.load(DEMO_TRUTH)
    back = kept["camera_position"] - kept["camera_target"]
    camera = Camera.from_fov(
        tuple(kept["image_size"].tolist()), float(kept["camera_fov"]), "vertical"
    )
    motion = Motion(
        HUMANOID,
        kept["times"],
        kept["root_positions"],
        kept["rotations"],
        contacts=kept["contacts"],
    )
    return turned(motion, back), turned(motion, back * [1.0, 0.0, 1.0]), camera


def detected(video: Path, model: PoseSize, quick: bool = False, seen: bool = True) -> Keypoints:
    """The detector's keypoints of a video (some seconds); without the frames that show no person,
    unless `seen` is False.
    """
    with PoseDetector(model) as detector, open_source(video) as source:
        frames = (frame for n, frame in enumerate(source) if not quick or n < 60)
        keypoints = detect_source(frames, detector)
    return kalidokit.on_seen(keypoints) if seen else keypoints


def table(model: PoseSize = "full", quick: bool = False) -> Table:
    """The landmarks and Kalidokit, which know no up, are held against the truth in the camera's
    axes.
    """
    keypoints = detected(DEMO, model, quick)
    seen, upright, camera = (m.at(keypoints.times) if isinstance(m, Motion) else m for m in truth())
    shown = contenders.contenders(keypoints)
    shown["bake, field of view known"] = Shown.of(contenders.bake(keypoints, camera))
    why = ""
    try:
        shown["Kalidokit"] = Shown.of(contenders.best_kalidokit(keypoints, Shown.of(seen).joints))
    except kalidokit.UnavailableError as reason:
        why = f" Kalidokit was not run: {reason}."
    found = {
        name: measures(s, seen if name in ("raw", "Kalidokit") else upright)
        for name, s in shown.items()
    }
    rows: list[tuple[Cell, ...]] = [(name, *cells(m, found["raw"])) for name, m in found.items()]
    note = f"{len(keypoints)} frames at 30 a second, {model}; direction mean / p95.{why}"
    columns = ("", *COLUMNS, "direction ×", "MPJPE ×")
    return Table(
        "The demo clip, detector included, against its exact truth",
        columns,
        tuple(rows),
        "the raw landmarks",
        note,
    )
