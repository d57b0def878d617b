"""Real people; needs MOCAP_DATA and runs the detector.

data/paired/bodypose3d: a man walks in, sits, stands and leaves, triangulated from two cameras (12
joints; one unit is about 0.1 m, so measures are scale-free). videos/tfjs_pose_squats.mp4: a woman
squats; without truth, so only what a squat implies is measured.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from mocap.core.keypoints import Keypoints
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES
from mocap.detect.mediapipe.bundles import PoseSize
from mocap.solve.measure import measure_body

from . import contenders, kalidokit
from .demo import detected
from .measures import (
    FROM,
    TO,
    Shown,
    acceleration,
    contact_runs,
    direction,
    length_variation,
    pa_mpjpe,
    slides,
    turned_onto,
)
from .table import Cell, Table

# As TF.js feeds it; by the file's own clock it is a slow slide show.
_SQUATS_STEP = 1.0 / 30.0


def bodypose3d(
    folder: Path, models: tuple[PoseSize, ...], ablate: PoseSize | None, quick: bool = False
) -> Table:
    """Direction after one rotation for the whole take, joints after a similarity for each frame."""
    reference = np.loadtxt(folder / "kpts_3d_from_joint_angles_calculate.dat").reshape(-1, 12, 3)
    rows: list[tuple[Cell, ...]] = []
    why, seen = "", ""
    for model in models:
        every = detected(folder / "cam0_test.mp4", model, quick, seen=False)
        keypoints = kalidokit.on_seen(every)
        seen = f"{len(keypoints)} of {len(every)}"
        joints = reference[np.searchsorted(every.times, keypoints.times)]
        shown = contenders.contenders(keypoints)
        if model == ablate:
            shown |= contenders.ablation(keypoints)
        try:
            shown["Kalidokit"] = Shown.of(
                contenders.best_kalidokit(keypoints, turned_onto(shown["raw"].joints, joints))
            )
        except kalidokit.UnavailableError as reason:
            why = f" Kalidokit was not run: {reason}."
        raw = _scale_free(shown["raw"], joints, keypoints)
        for name, result in shown.items():
            m = _scale_free(result, joints, keypoints)
            ratios = (m[0] / raw[0], m[2] / raw[2])
            rows.append((model, name, (m[0], m[1]), m[2], m[3], *ratios))
    columns = (
        "model",
        "",
        "direction, °",
        "PA-MPJPE, mm",
        "acceleration ×",
        "direction ×",
        "PA-MPJPE ×",
    )
    note = (
        f"bodypose3d, {seen} frames at 20 a second; direction mean / p95. The reference's unit is "
        f"taken for 100 mm; its own thighs vary by "
        f"9 %, and its acceleration is as noisy as a triangulation is.{why}"
    )
    return Table(
        "A real person against two cameras",
        columns,
        tuple(rows),
        "the raw landmarks of the same model",
        note,
    )


def _scale_free(
    result: Shown, joints: np.ndarray, keypoints: Keypoints
) -> tuple[float, float, float, float]:
    """(direction, its p95, PA-MPJPE in mm, acceleration in units of the reference's)."""
    points, motion = result.joints, result.motion
    if motion is not None and len(motion.skeleton.names) == len(BONES):
        # Proportions are not what is compared: every motion is shown on the body that was measured
        # over the take.
        points = Shown.of(
            Motion(measure_body(keypoints), motion.times, motion.root_positions, motion.rotations)
        ).joints
    angles = direction(turned_onto(result.joints, joints), joints)
    lively = acceleration(points, keypoints.times) / (0.1 * acceleration(joints, keypoints.times))
    return (
        float(angles.mean()),
        float(np.percentile(angles, 95)),
        100.0 * pa_mpjpe(points, joints),
        lively,
    )


def squats(video: Path, models: tuple[PoseSize, ...], quick: bool = False) -> Table:
    """Both feet stand all the time, and a squat is nearly symmetric: that much is known of the
    truth.
    """
    rows: list[tuple[Cell, ...]] = []
    frames = 0
    for model in models:
        keypoints = detected(video, model, quick)
        keypoints = replace(keypoints, times=np.arange(len(keypoints)) * _SQUATS_STEP)
        frames = len(keypoints)
        for name, result in contenders.contenders(keypoints).items():
            assert result.soles is not None
            standing = np.ones((frames, 4))
            slid = 1000.0 * slides(result.soles, contact_runs(result.times, standing))
            knees = _bends(result.joints)
            sunk = (
                1000.0 * float(max(0.0, -result.soles[..., 1].min()))
                if result.motion is not None
                else None
            )
            rows.append(
                (model, name, (float(slid.mean()), float(slid.max())), sunk,
                 100.0 * length_variation(result.joints),
                 float(np.abs(knees[:, 0] - knees[:, 1]).mean()),
                 acceleration(result.joints, result.times))
            )  # fmt: skip
    columns = (
        "model",
        "",
        "feet wander, mm",
        "sink, mm",
        "bone lengths, %",
        "knees apart, °",
        "acceleration, m/s²",
    )
    note = (
        f"tfjs_pose_squats, {frames} frames taken as 30 a second; feet never leave their place. "
        f"Wandering: mean / worst."
    )
    return Table("A woman who squats, no truth but what a squat is", columns, tuple(rows), "", note)


def _bends(joints: np.ndarray) -> np.ndarray:
    """The knees' flexion, degrees (F, 2)."""
    bones = joints[:, TO] - joints[:, FROM]
    bones = bones / np.linalg.norm(bones, axis=-1, keepdims=True)
    return np.degrees(np.arccos(np.clip((bones[:, 4:6] * bones[:, 6:8]).sum(axis=-1), -1.0, 1.0)))
