"""Captured motion as world rotations of the mannequin's bones relative to a rest pose.

Sources: BVH of several tools, OpenSim's .mot, DeepMimic's .txt.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mocap.core import rotation as R
from mocap.core.kinematics import fk
from mocap.core.skeleton import BONES, HUMANOID
from mocap.formats import bvh

# The mannequin's bones by the source's joints: of each naming a joint a bone, "" where the bone
# goes with its parent; {} is the side.
_ORDER = (
    "hips", "spine", "chest", "upperChest", "neck", "head",
    "Shoulder", "UpperArm", "LowerArm", "Hand", "UpperLeg", "LowerLeg", "Foot", "Toes",
)  # fmt: skip
_CENTRE = 6
_NAMINGS: dict[str, tuple[tuple[str, str], tuple[str, ...]]] = {
    "CC_Base_Pelvis": (
        ("L", "R"),
        ("Hip", "Waist", "Spine01", "Spine02", "NeckTwist01", "Head",
         "{}_Clavicle", "{}_Upperarm", "{}_Forearm", "{}_Hand", "{}_Thigh", "{}_Calf", "{}_Foot",
         "{}_ToeBase"),
    ),
    "Spine3": (
        ("Left", "Right"),
        ("Hips", "Spine", "Spine1", "Spine3", "Neck", "Head",
         "{}Shoulder", "{}Arm", "{}ForeArm", "{}Hand", "{}UpLeg", "{}Leg", "{}Foot", "{}ToeBase"),
    ),
    "lowerback": (
        ("Left", "Right"),
        ("Hips", "lowerback", "Chest", "Chest2", "Neck", "Head",
         "{}Collar", "{}Shoulder", "{}Elbow", "{}Wrist", "{}Hip", "{}Knee", "{}Ankle", "{}Toe"),
    ),
    "LeftToes": (
        ("Left", "Right"),
        ("Hips", "Ab", "", "Chest", "Neck", "Head",
         "{}Collar", "{}Shoulder", "{}Elbow", "{}Wrist", "{}Hip", "{}Knee", "{}Ankle", "{}Toes"),
    ),
    "Chest4": (
        ("Left", "Right"),
        ("Hips", "Chest", "Chest2", "Chest4", "Neck", "Head",
         "{}Collar", "{}Shoulder", "{}Elbow", "{}Wrist", "{}Hip", "{}Knee", "{}Ankle", "{}Toe"),
    ),
}  # fmt: skip
# What comes next along a limb, to see how it points at rest.
NEXT = {"UpperArm": "LowerArm", "LowerArm": "Hand", "UpperLeg": "LowerLeg", "LowerLeg": "Foot"}


@dataclass(frozen=True, eq=False)
class Source:
    """A capture in the mannequin's axes (+Y up, +Z ahead at rest): by bone its turns since rest (F,
    4), and how limbs point at rest; the hips' path (F, 3) and the leg's length in one unit.
    """

    fps: float
    turns: dict[str, np.ndarray]
    rest: dict[str, np.ndarray]
    path: np.ndarray
    leg: float


def read(path: Path) -> Source:
    """A BVH, OpenSim .mot or DeepMimic .txt file."""
    return {".bvh": _of_bvh, ".mot": _of_mot, ".txt": _of_deepmimic}[path.suffix](path)


# Sources ------------------------------------------------------------------------------------------


def _of_bvh(path: Path) -> Source:
    motion = bvh.loads(path.read_text("latin-1"))
    names = [n.removeprefix("mixamorig:") for n in motion.skeleton.names]
    sides, parts = next(naming for key, naming in _NAMINGS.items() if key in names)
    prefix = "CC_Base_" if "CC_Base_Head" in names else ""
    at: dict[str, int] = {}
    for n, bone in enumerate(_ORDER):
        if n < _CENTRE:
            at[bone] = names.index(prefix + (parts[n] or parts[n - 1]))
        else:
            at |= {
                side + bone: names.index(prefix + parts[n].format(s))
                for side, s in zip(("left", "right"), sides, strict=True)
            }
    places, world = fk(motion.skeleton, motion.root_positions, motion.rotations)
    if prefix:  # an iClone take begins with a T-pose, and its zero pose is none
        rest, rest_world = places[0], world[0]
        places, world = places[3:], world[3:]
    else:
        rest, rest_world = motion.skeleton.rest_positions(), np.tile(R.IDENTITY, (len(names), 1))
    axes = _upright(rest, at)
    leg = [rest[at["left" + bone]] for bone in ("UpperLeg", "LowerLeg", "Foot")]
    return Source(
        1.0 / float(np.median(np.diff(motion.times))),
        {b: R.multiply(R.multiply(axes, R.multiply(world[:, j], R.conjugate(rest_world[j]))),
                       R.conjugate(axes)) for b, j in at.items()},
        {
            s + b: R.normalize(R.apply(axes, rest[at[s + n]] - rest[at[s + b]]))
            for b, n in NEXT.items()
            for s in ("left", "right")
        },
        R.apply(axes, places[:, at["hips"]]),
        float(np.linalg.norm(np.diff(leg, axis=0), axis=1).sum()),
    )  # fmt: skip


def _upright(rest: np.ndarray, at: dict[str, int]) -> np.ndarray:
    """The rotation (4,) that puts a rest pose upright, its left on +X: by its head and its hips, to
    the nearest right angle.
    """
    up = rest[at["head"]] - rest[[at["leftUpperLeg"], at["rightUpperLeg"]]].mean(axis=0)
    left = rest[at["leftUpperArm"]] - rest[at["rightUpperArm"]]
    up, left = (np.where(np.arange(3) == np.argmax(np.abs(v)), np.sign(v), 0.0) for v in (up, left))
    return R.from_matrix(np.stack([left, up, np.cross(left, up)]))


def _turn(*turns: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """The rotations about axes in their order, each about the axes that the ones before it have
    turned; (axis (3,), angles (F,)).
    """
    out = R.from_axis_angle(*turns[0])
    for axis, angle in turns[1:]:
        out = R.multiply(out, R.from_axis_angle(axis, angle))
    return out


_DOWN = np.array([0.0, -1.0, 0.0])
_HANGING = {side + bone: _DOWN for side in ("left", "right") for bone in NEXT}
# x ahead, y up, z right in DeepMimic and OpenSim; ours: x left, y up, z ahead.
_AHEAD, _UP, _RIGHT = (
    np.array([0.0, 0.0, 1.0]),
    np.array([0.0, 1.0, 0.0]),
    np.array([-1.0, 0.0, 0.0]),
)


def _chained(root: np.ndarray, local: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """World rotations from local ones; a bone that is missing moves with its parent."""
    turns = {"hips": root}
    for bone in _ORDER:
        for name in [bone] if bone[0].islower() else ["left" + bone, "right" + bone]:
            if name != "hips":
                parent = BONES[HUMANOID.parents[BONES.index(name)]]
                turns[name] = (
                    R.multiply(turns[parent], local[name]) if name in local else turns[parent]
                )
    return turns


def _of_deepmimic(path: Path) -> Source:
    """DeepMimic's humanoid3d: seconds, root, then joints' quaternions (wxyz) or hinge angles; it
    rests with hanging arms.

    Format: https://github.com/xbpeng/DeepMimic, "Mocap Data".
    """
    frames = np.array(json.loads(path.read_text())["Frames"], float)

    def quaternion(first: int) -> np.ndarray:
        w, x, y, z = frames[:, first : first + 4].T
        return R.normalize(np.stack([-z, y, x, w], axis=-1))

    local = {"upperChest": quaternion(8), "neck": quaternion(12)}
    for side, leg, arm in (("right", 16, 25), ("left", 30, 39)):
        local |= {
            side + "UpperLeg": quaternion(leg),
            side + "LowerLeg": R.from_axis_angle(_RIGHT, frames[:, leg + 4]),
            side + "Foot": quaternion(leg + 5),
            side + "UpperArm": quaternion(arm),
            side + "LowerArm": R.from_axis_angle(_RIGHT, frames[:, arm + 4]),
        }  # fmt: skip
    path_of_hips = np.stack([-frames[:, 3], frames[:, 2], frames[:, 1]], axis=-1)
    return Source(
        1.0 / float(np.median(frames[:-1, 0])),
        _chained(quaternion(4), local),
        _HANGING,
        path_of_hips,
        0.421 + 0.410,
    )


def _of_mot(path: Path) -> Source:
    """Joint angles of OpenSim's gait model (Rajagopal et al., IEEE Trans.

    Biomed. Eng. 63(10), 2016), degrees; it hangs its arms.
    """
    head, table = path.read_text().split("endheader", 1)
    assert "inDegrees=yes" in head
    lines = table.strip().splitlines()
    values = dict(
        zip(lines[0].split(), np.array([line.split() for line in lines[1:]], float).T, strict=True)
    )

    def angle(name: str, sign: float = 1.0) -> np.ndarray:
        return sign * np.radians(values[name])

    root = _turn(
        (_RIGHT, angle("pelvis_tilt")),
        (_AHEAD, angle("pelvis_list")),
        (_UP, angle("pelvis_rotation")),
    )
    back = _turn(
        (_RIGHT, angle("lumbar_extension")),
        (_AHEAD, angle("lumbar_bending")),
        (_UP, angle("lumbar_rotation")),
    )
    # The model's back is one joint: half of it bends the mannequin's spine, half its chest.
    half = R.slerp(np.tile(R.IDENTITY, (len(back), 1)), back, np.full(len(back), 0.5))
    # It has no neck: the head looks ahead by a part of what the trunk bends.
    ahead = R.from_axis_angle(_RIGHT, -0.25 * (angle("pelvis_tilt") + angle("lumbar_extension")))
    local = {"spine": half, "upperChest": half, "neck": ahead, "head": ahead}
    for side, s, sign in (("right", "r", 1.0), ("left", "l", -1.0)):
        local |= {
            side + "UpperLeg": _turn((_RIGHT, angle(f"hip_flexion_{s}")),
                                     (_AHEAD, angle(f"hip_adduction_{s}", sign)),
                                     (_UP, angle(f"hip_rotation_{s}", sign))),
            side + "LowerLeg": R.from_axis_angle(_RIGHT, angle(f"knee_angle_{s}", -1.0)),
            side + "Foot": R.from_axis_angle(_RIGHT, angle(f"ankle_angle_{s}")),
            side + "UpperArm": _turn((_RIGHT, angle(f"arm_flex_{s}")),
                                     (_AHEAD, angle(f"arm_add_{s}", sign)),
                                     (_UP, angle(f"arm_rot_{s}", sign))),
            side + "LowerArm": R.from_axis_angle(_RIGHT, angle(f"elbow_flex_{s}")),
        }  # fmt: skip
    path_of_hips = np.stack(
        [-values["pelvis_tz"], values["pelvis_ty"], values["pelvis_tx"]], axis=-1
    )
    return Source(
        1.0 / float(np.median(np.diff(values["time"]))),
        _chained(root, local),
        _HANGING,
        path_of_hips,
        0.84,
    )
