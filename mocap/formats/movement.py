"""Files of movement science, written only: joint angles as CSV and OpenSim MOT, joints as TRC.

CSV contains `mocap.core.angles` in degrees. MOT contains the coordinates of OpenSim's full-body
models (Rajagopal et al. 2016, IEEE Trans. Biomed. Eng. 63:2068), as OpenCap writes them. TRC
contains the positions of joints in millimetres, with Pose2Sim's names. MOT and TRC use OpenSim's
ground axes: X forward, Y up, Z to the right.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core.angles import joint_angles, pelvis_in_ground
from mocap.core.keypoints import LANDMARKS, landmarks_of
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES
from mocap.errors import InputError
from mocap.formats.bvh import motion as bvh

# A motion's axes (X left, Y up, Z forward) to OpenSim's ground.
_TO_GROUND = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])

# OpenSim's coordinates of a leg and an arm → mocap's joint angles.
_LEG = {
    "hip_flexion": "hip_flexion",
    "hip_adduction": "hip_adduction",
    "hip_rotation": "hip_rotation",
    "knee_angle": "knee_flexion",
    "ankle_angle": "ankle_dorsiflexion",
    "subtalar_angle": "ankle_inversion",
}
_ARM = {
    "arm_flex": "shoulder_flexion",
    "arm_add": "shoulder_adduction",
    "arm_rot": "shoulder_rotation",
    "elbow_flex": "elbow_flexion",
    "pro_sup": "elbow_pronation",
}
# Markers at joint centres → bones, and markers on the skin → landmarks.
_CENTRES = {
    "CHip": "hips",
    "Neck": "neck",
    "Head": "head",
    **{
        f"{s[0].upper()}{marker}": s + bone
        for s in ("right", "left")
        for marker, bone in (
            ("Hip", "UpperLeg"),
            ("Knee", "LowerLeg"),
            ("Ankle", "Foot"),
            ("Shoulder", "UpperArm"),
            ("Elbow", "LowerArm"),
            ("Wrist", "Hand"),
        )
    },
}
_SKIN = {
    "Nose": "nose",
    **{
        f"{s[0].upper()}{marker}": f"{s}_{landmark}"
        for s in ("right", "left")
        for marker, landmark in (("Heel", "heel"), ("BigToe", "foot_index"))
    },
}


def dumps_csv(motion: Motion) -> str:
    """Return the joint angles as CSV: a line a frame, time in seconds and angles in degrees."""
    angles = joint_angles(_full(motion))
    return _table(["time", *angles], [motion.times, *angles.values()], ",", "{:.4f}")


def dumps_mot(motion: Motion, name: str = "mocap") -> str:
    """Return the joint angles as an OpenSim motion file, in degrees and metres.

    Args:
        motion: On humanoid bones.
        name: The motion's name, the first line of the file.
    """
    angles = joint_angles(_full(motion))
    tilt, side, turn = pelvis_in_ground(motion).T
    place = motion.root_positions @ _TO_GROUND.T
    columns: dict[str, ndarray] = {
        "time": motion.times,
        "pelvis_tilt": tilt,
        "pelvis_list": side,
        "pelvis_rotation": turn,
        "pelvis_tx": place[:, 0],
        "pelvis_ty": place[:, 1],
        "pelvis_tz": place[:, 2],
    }
    zeros = np.zeros(len(motion))
    for side_letter in ("r", "l"):
        columns |= {f"{c}_{side_letter}": angles[f"{a}_{side_letter}"] for c, a in _LEG.items()}
        columns[f"mtp_angle_{side_letter}"] = zeros
    columns |= {
        "lumbar_extension": -angles["trunk_flexion"],
        "lumbar_bending": angles["trunk_bending"],
        "lumbar_rotation": angles["trunk_rotation"],
    }
    for side_letter in ("r", "l"):
        columns |= {f"{c}_{side_letter}": angles[f"{a}_{side_letter}"] for c, a in _ARM.items()}
    head = (
        f"{name}\nversion=1\nnRows={len(motion)}\nnColumns={len(columns)}\ninDegrees=yes\n\n"
        "Units are S.I. units (second, meters, Newtons, ...)\n"
        "If the header above contains a line with 'inDegrees', this indicates whether rotational "
        "values are in degrees (yes) or radians (no).\n\nendheader\n"
    )
    return head + _table(list(columns), list(columns.values()), "\t", "{:.8f}")


def dumps_trc(motion: Motion, name: str, fps: float | None = None) -> str:
    """Return the joints' positions as TRC, millimetres, at a uniform frame rate.

    Args:
        motion: On humanoid bones.
        name: The file's name, which TRC repeats in its first line.
        fps: Frames per second; None takes the motion's median rate.
    """
    motion = bvh.uniform(_full(motion), fps)
    places = markers(motion)
    rate = _rate(motion)
    head = [
        f"PathFileType\t4\t(X/Y/Z)\t{name}",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\t"
        "OrigNumFrames",
        f"{rate:g}\t{rate:g}\t{len(motion)}\t{len(places)}\tmm\t{rate:g}\t1\t{len(motion)}",
        "Frame#\tTime\t" + "\t\t\t".join(places) + "\t\t",
        "\t\t" + "\t".join(f"{axis}{i}" for i in range(1, len(places) + 1) for axis in "XYZ"),
        "",
    ]
    values = np.concatenate([1000.0 * p for p in places.values()], axis=1)
    rows = [
        "\t".join([str(i), f"{time:.6f}", *(f"{v:.4f}" for v in row)])
        for i, (time, row) in enumerate(zip(motion.times - motion.times[0], values, strict=True), 1)
    ]
    return "\n".join([*head, *rows]) + "\n"


def markers(motion: Motion) -> dict[str, Float[ndarray, "frames 3"]]:
    """Return the positions of TRC's markers in OpenSim's ground axes, metres."""
    at, world = fk(motion.skeleton, motion.root_positions, motion.rotations)
    points = landmarks_of(at, world)
    places = {m: at[:, BONES.index(bone)] for m, bone in _CENTRES.items()}
    places |= {m: points[:, LANDMARKS.index(landmark)] for m, landmark in _SKIN.items()}
    return {marker: p @ _TO_GROUND.T for marker, p in places.items()}


def _rate(motion: Motion) -> float:
    return 1.0 / float(np.median(np.diff(motion.times))) if len(motion) > 1 else 30.0


def _full(motion: Motion) -> Motion:
    if not len(motion):
        raise InputError("A motion without frames has no joint angles.")
    return motion


def _table(names: list[str], columns: list[ndarray], between: str, number: str) -> str:
    rows = np.stack(columns, axis=1) + 0.0
    lines = [between.join(names), *(between.join(number.format(v) for v in r) for r in rows)]
    return "\n".join(lines) + "\n"
