"""Errors of the joint angles that `-o clip.csv` gives, against the rendered clips' exact truth.

The clips are baked from what the detector saw, and both motions' angles are measured the same way.
An angle's error has two parts: how far it is off on the average, which a person's own zero takes
away, and how far off it is around that. The tables give the mean of the absolute error, the signed
mean, and the mean around each clip's own. Left and right are taken together.

A real man, whose truth are points: elbows and knees, as the angle between two bones.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mocap.core.angles import joint_angles
from mocap.core.keypoints import Keypoints
from mocap.solve.take import solve_take

from . import kalidokit, rendered
from .demo import detected
from .measures import Shown
from .stages import MODEL, QUICK_FRAMES
from .table import Cell, Table
from .views import flexion

COLUMNS = ("angle", "error, °", "signed, °", "around the clip's own, °")

Differences = dict[str, list[np.ndarray]]
"""By angle: found minus true, degrees, (F,) for each clip and side."""


def _wrapped(degrees: np.ndarray) -> np.ndarray:
    return (degrees + 180.0) % 360.0 - 180.0


def differences(clips: Iterator[rendered.Clip], quick: bool) -> Differences:
    """Differences of all angles on rendered clips."""
    found: Differences = {}
    for clip in clips:
        keypoints = kalidokit.on_seen(clip.keypoints[MODEL])
        keypoints = keypoints.slice(0, QUICK_FRAMES) if quick else keypoints
        motion = solve_take(keypoints)
        ours, truth = joint_angles(motion), joint_angles(clip.upright.at(motion.times))
        for name, degrees in ours.items():
            joint = name.removesuffix("_l").removesuffix("_r")
            found.setdefault(joint, []).append(_wrapped(degrees - truth[name]))
    return found


def real_differences(folder: Path, quick: bool) -> Differences:
    """Differences of the flexions of the man of paired/bodypose3d."""
    reference = np.loadtxt(folder / "kpts_3d_from_joint_angles_calculate.dat").reshape(-1, 12, 3)
    every: Keypoints = detected(folder / "cam0_test.mp4", MODEL, quick, seen=False)
    keypoints = kalidokit.on_seen(every)
    truth = reference[np.searchsorted(every.times, keypoints.times)]
    away = flexion(Shown.of(solve_take(keypoints)).joints) - flexion(truth)
    return {"elbow": list(away[:, :2].T), "knee": list(away[:, 2:].T)}


def _table(title: str, found: Differences, note: str) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for name, parts in found.items():
        whole = np.concatenate(parts)
        around = np.concatenate([np.abs(part - np.median(part)) for part in parts])
        rows.append((name, float(np.abs(whole).mean()), float(whole.mean()), float(around.mean())))
    return Table(title, COLUMNS, tuple(rows), "", note)


def tables(quick: bool = False) -> Iterator[Table]:
    """Rendered clips, and the real man where MOCAP_DATA names the folder with him."""
    clips = rendered.clips(("squats",), ("front",)) if quick else rendered.clips()
    yield _table("Joint angles of rendered clips", differences(clips, quick), f"{MODEL}.")
    folder = Path(os.environ.get("MOCAP_DATA", "none")) / "paired" / "bodypose3d"
    if not folder.is_dir():
        print("angles: the real man needs MOCAP_DATA", file=sys.stderr)
        return
    yield _table("Flexion of a real man", real_differences(folder, quick), f"bodypose3d, {MODEL}.")
