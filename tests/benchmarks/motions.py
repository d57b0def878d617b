"""Motions for the benchmark of rigs: BVH files of several tools, and DeepMimic's clips.

DeepMimic (https://github.com/xbpeng/DeepMimic, data/characters/humanoid3d.txt): +Y up, facing +X,
metres, quaternions wxyz. A frame is its duration, the root's position and rotation, then each
joint's rotation; knees and elbows are one angle about z.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from mocap.core import rotation as R
from mocap.core.motion import Motion
from mocap.core.rig import Found, Rig, Tree
from mocap.core.skeleton import Skeleton
from mocap.formats.bvh.rig import on_rig
from mocap.retargeting import load_motion, normalized
from mocap.rig.load import make_rig

MOTIONS = {
    "walk": "bvh_cmu/cmu_12_01_walk.bvh",
    "dance": "cmu_training/daz_salsa_01.bvh",
    "wave": "bvh_fair/wave_hello.bvh",
    "jump": "bvh_fair/jumping.bvh",
    "squat": "bvh_misc/bvhtoolbox_test_mocapbank.bvh",
    "cartwheel": "deepmimic_json/humanoid3d_cartwheel.txt",
    "get up": "deepmimic_json/humanoid3d_getup_facedown.txt",
}

# joint: (parent, place in its frame, the bone it is, its number of values); right before left, as
# the frames have them
_DEEPMIMIC: dict[str, tuple[str, tuple[float, float, float], str, int]] = {
    "root": ("", (0.0, 0.0, 0.0), "hips", 4),
    "chest": ("root", (0.0, 0.236151, 0.0), "spine", 4),
    "neck": ("chest", (0.0, 0.223894, 0.0), "head", 4),
    "right_hip": ("root", (0.0, 0.0, 0.084887), "rightUpperLeg", 4),
    "right_knee": ("right_hip", (0.0, -0.421546, 0.0), "rightLowerLeg", 1),
    "right_ankle": ("right_knee", (0.0, -0.409870, 0.0), "rightFoot", 4),
    "right_shoulder": ("chest", (-0.02405, 0.24350, 0.18311), "rightUpperArm", 4),
    "right_elbow": ("right_shoulder", (0.0, -0.274788, 0.0), "rightLowerArm", 1),
    "left_hip": ("root", (0.0, 0.0, -0.084887), "leftUpperLeg", 4),
    "left_knee": ("left_hip", (0.0, -0.421546, 0.0), "leftLowerLeg", 1),
    "left_ankle": ("left_knee", (0.0, -0.409870, 0.0), "leftFoot", 4),
    "left_shoulder": ("chest", (-0.02405, 0.24350, -0.18311), "leftUpperArm", 4),
    "left_elbow": ("left_shoulder", (0.0, -0.274788, 0.0), "leftLowerArm", 1),
    "right_wrist": ("right_elbow", (0.0, -0.258947, 0.0), "rightHand", 0),
    "left_wrist": ("left_elbow", (0.0, -0.258947, 0.0), "leftHand", 0),
}


def performed(name: str, folder: Path) -> Motion:
    """One of MOTIONS on humanoid bones, at most 60 frames a second. folder: that of MOCAP_DATA."""
    path = folder / "mocap" / MOTIONS[name]
    motion = normalized(*deepmimic(path)) if path.suffix == ".txt" else load_motion(path)
    return motion.resample(60.0) if len(motion) > 61.0 * motion.duration else motion


def deepmimic(path: Path) -> tuple[Motion, Rig]:
    """A clip of DeepMimic's on its own skeleton in mocap's world, and that skeleton as a rig."""
    frames = np.array(json.loads(path.read_text())["Frames"])
    names = tuple(_DEEPMIMIC)
    parents = np.array([names.index(p) if p else -1 for p, _, _, _ in _DEEPMIMIC.values()])
    offsets = np.array([place for _, place, _, _ in _DEEPMIMIC.values()])
    rotations = np.tile(R.IDENTITY, (len(frames), len(names), 1))
    column = 4
    for joint, (_, _, _, values) in enumerate(_DEEPMIMIC.values()):
        if values == 4:
            rotations[:, joint] = R.normalize(frames[:, column : column + 4][:, [1, 2, 3, 0]])
        elif values == 1:
            rotations[:, joint] = R.from_axis_angle(np.array([0.0, 0.0, 1.0]), frames[:, column])
        column += values
    rests = np.tile(R.IDENTITY, (len(names), 1))
    skeleton = Skeleton(names, parents, offsets, rests)
    times = np.concatenate([[0.0], np.cumsum(frames[:-1, 0])])
    positions = skeleton.rest_positions()
    tree = Tree(
        "bvh",
        names,
        np.arange(len(names)),
        parents,
        positions,
        rests,
        np.ones(len(names), dtype=bool),
    )
    found = {bone: Found(j, "map", 1.0) for j, (_, _, bone, _) in enumerate(_DEEPMIMIC.values())}
    rig = make_rig(tree, found, path.stem, b"")
    return on_rig(Motion(skeleton, times, frames[:, 1:4], rotations), rig), rig
