"""Our joint angles against those of an independent implementation, Kinetics Toolkit.

It gets each segment's axes as the ISB names them (X forward, Y up, Z to the right) and takes them
apart itself. Left sides are measured on left segments, where ours are those of a mirrored motion.
Forearms and wrists are left out but for the elbow's flexion: ours share pronation between the
elbow and the wrist. `pip install kineticstoolkit`; without it there is no table.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mocap import assets, read_keypoints, solve_take, transfer
from mocap.core import rotation as R
from mocap.core.angles import joint_angles
from mocap.core.kinematics import global_rotations
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES

from .table import Cell, Table

# Columns: ISB's X, Y and Z in the axes of a bone at rest (left, up, forward).
_ISB = np.array([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
# Segments of the right side: bone above, bone below, axes in order, and our angles' names and
# signs for the right side; on the left the second and the third have the other sign.
_JOINTS = (
    ("hips", "UpperLeg", "ZXY", (("hip_flexion", 1), ("hip_adduction", 1), ("hip_rotation", 1))),
    ("UpperLeg", "LowerLeg", "ZXY",
     (("knee_flexion", -1), ("knee_adduction", 1), ("knee_rotation", 1))),
    ("LowerLeg", "Foot", "ZXY",
     (("ankle_dorsiflexion", 1), ("ankle_inversion", 1), ("ankle_rotation", 1))),
    ("upperChest", "UpperArm", "ZXY",
     (("shoulder_flexion", 1), ("shoulder_adduction", 1), ("shoulder_rotation", 1))),
    ("UpperArm", "LowerArm", "ZXY", (("elbow_flexion", 1),)),
)  # fmt: skip
_TRUNK = (
    ("hips", "upperChest", "trunk"),
    ("upperChest", "head", "neck"),
)
_CLIPS = ("mocap/bvh_fair/*.bvh", "mocap/bvh_cmu/*.bvh", "mocap/bvh_misc/*.bvh")
_FRAMES = 600
# Where adduction is 90°, as in the T-pose, only the sum of flexion and rotation is defined.
_LOCK = 0.01


def judged(motion: Motion) -> dict[str, np.ndarray]:
    """Return the toolkit's angles under our names, degrees (F,)."""
    import kineticstoolkit.geometry as judge

    world = R.to_matrix(global_rotations(motion.skeleton, motion.rotations))

    def frame(bone: str, side: str) -> np.ndarray:
        turn = world[:, BONES.index(bone if bone in BONES else side + bone)]
        quarter = 0.5 * np.pi * ("Arm" in bone) * (1.0 if side == "right" else -1.0)
        hanging = R.to_matrix(R.from_axis_angle(np.array([0.0, 0.0, 1.0]), quarter))
        out = np.tile(np.eye(4), (len(turn), 1, 1))
        out[:, :3, :3] = turn @ hanging.T @ _ISB
        return out

    def angles(above: str, below: str, order: str, side: str) -> np.ndarray:
        local = judge.get_local_coordinates(frame(below, side), frame(above, side))
        return np.asarray(judge.get_angles(local, order, degrees=True))

    out = {}
    for side in ("right", "left"):
        for above, below, order, names in _JOINTS:
            found = angles(above, below, order, side)
            for column, (name, sign) in enumerate(names):
                other = -1 if column and side == "left" else 1
                out[f"{name}_{side[0]}"] = sign * other * found[:, column]
        out[f"shoulder_elevation_{side[0]}"] = np.abs(
            angles("upperChest", "UpperArm", "YXY", side)[:, 1]
        )
    for above, below, name in _TRUNK:
        found = angles(above, below, "ZXY", "right") * [-1.0, 1.0, 1.0]
        parts = (f"{name}_flexion", f"{name}_bending", f"{name}_rotation")
        out |= dict(zip(parts, found.T, strict=True))
    ground = np.tile(np.eye(4), (len(motion), 1, 1))
    ground[:, :3, :3] = _ISB
    found = judge.get_angles(
        judge.get_local_coordinates(frame("hips", "right"), ground), "YXZ", degrees=True
    )
    names = ("pelvis_rotation", "pelvis_list", "pelvis_tilt")
    return out | dict(zip(names, (found * [1.0, 1.0, -1.0]).T, strict=True))


def motions(quick: bool) -> Iterator[Motion]:
    """The demo clip, baked, and clips of MOCAP_DATA."""
    yield solve_take(read_keypoints(assets.path("demo/demo.mp4")))
    folder = Path(os.environ.get("MOCAP_DATA", "none"))
    paths = [path for pattern in _CLIPS for path in sorted(folder.glob(pattern))]
    for path in paths[:2] if quick else paths:
        yield transfer.read_motion(path).slice(0, _FRAMES)


def tables(quick: bool = False) -> Iterator[Table]:
    """The largest and the mean difference of each angle."""
    try:
        import kineticstoolkit  # noqa: F401
    except ImportError:
        print("angles_judge: needs `pip install kineticstoolkit`", file=sys.stderr)
        return
    away: dict[str, list[np.ndarray]] = {}
    count = 0
    for motion in motions(quick):
        count += 1
        ours = joint_angles(motion)
        for name, degrees in judged(motion).items():
            difference = (ours[name] - degrees + 180.0) % 360.0 - 180.0
            joint = name.removesuffix("_l").removesuffix("_r")
            if joint in ("shoulder_flexion", "shoulder_rotation"):
                adduction = ours["shoulder_adduction" + name[-2:]]
                difference = difference[np.abs(adduction) < 90.0 - _LOCK]
            away.setdefault(joint, []).append(np.abs(difference))
    rows: list[tuple[Cell, ...]] = []
    for name, parts in away.items():
        whole = np.concatenate(parts)
        rows.append((name, float(whole.mean()), float(whole.max())))
    yield Table(
        "Joint angles against Kinetics Toolkit", ("angle", "mean, °", "largest, °"), tuple(rows),
        "", f"{count} clips.",
    )  # fmt: skip
