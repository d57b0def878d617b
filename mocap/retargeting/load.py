"""The motion in a file of any format, on humanoid bones: `load_motion`."""

from __future__ import annotations

import os
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap import formats
from mocap.core import rotation as R
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.core.rig import Kind, Rig, TreePose
from mocap.core.skeleton import REQUIRED, Skeleton
from mocap.errors import InputError
from mocap.formats.bvh.rig import on_rig
from mocap.formats.bvh.table import FrameTimeWarning
from mocap.formats.gltf import vrma
from mocap.formats.table import VRMA, by_content
from mocap.retargeting.to_humanoid import normalized
from mocap.rig import rest, stance
from mocap.rig.load import make_rig, recognise, world_turn
from mocap.rig.mapping import remarks

# Smallest cosine between an axis and a body's median direction for the body to stand along that
# axis, and the largest number of frames that are judged.
_STANDING, _FRAMES = np.cos(np.radians(45.0)), 200
# Hips that rest lower than this in a VRM animation do not show where the ground is; metres.
_NO_HEIGHT = 0.05
# Cosine of the angle between trunk and legs beyond which a rest pose counts as bent.
_BENT = np.cos(np.radians(25.0))
_UP = np.array([0.0, 1.0, 0.0])


def load_motion(
    path: str | os.PathLike[str],
    bone_map: dict[str, str] | None = None,
    animation: str | None = None,
    character: str | None = None,
    source_fps: float | None = None,
) -> Motion:
    """Read the motion in a file of any format, on humanoid bones.

    Args:
        path: A BVH, GLB, glTF, VRM, VRMA or FBX file.
        bone_map: Bone → node name, instead of the recognised nodes.
        animation: Name of an animation, in a file with several; the first by default.
        character: Name of a character, in a file with several; the first humanoid by default.
        source_fps: The true frame rate, where the file's is wrong or missing.

    Returns:
        The motion in metres, facing +Z at rest, the ground at y = 0.

    Raises:
        InputError: The file has no motion of a humanoid, or no animation or character of the given
            name; the message lists the names.
    """
    path = Path(path)
    data = formats.read(path)
    with formats.naming(path):
        entry = by_content(data)
        if entry is VRMA and bone_map is None:
            return _vrma_motion(_with_rate(vrma.loads(data, animation), source_fps), path.stem)
    with warnings.catch_warnings():
        if source_fps is not None:
            warnings.simplefilter("ignore", FrameTimeWarning)
        tree, found, source = recognise(path, bone_map, character)
    with formats.naming(path):
        rig = make_rig(tree, found, path.stem, source)
        if tree.motion is None or animation is not None:
            motion = entry.loads_on(rig, animation, path.parent)
        else:
            motion = on_rig(tree.motion, rig)
        if missing := [bone for bone in REQUIRED if bone not in rig.bones]:
            warnings.warn(
                f"{path} moves only a part of a body: it has no {', '.join(missing)}; these bones "
                "stay at rest.",
                stacklevel=2,
            )
        for remark in remarks(tree, found) if bone_map is None else ():
            warnings.warn(f"{path}: {remark}", stacklevel=2)
        # The bones of an FBX take may have other lengths than those of the rest pose.
        rig = replace(rig, skeleton=motion.skeleton)
        joints = {bone: rig.index(bone) for bone in rig.bones}
        motion = _upright(motion, joints, rig.turn) if rig.kind != "bvh" else motion
        return normalized(_with_rate(motion, source_fps), rig)


def _with_rate(motion: Motion, fps: float | None) -> Motion:
    """Return the motion with its frames at the given rate; None keeps its times."""
    return motion if fps is None else replace(motion, times=np.arange(len(motion)) / fps)


def _vrma_motion(motion: Motion, name: str) -> Motion:
    """Return a VRM animation's motion on a humanoid body in T-pose."""
    motion = _facing(motion)
    skeleton = _in_t_pose(motion.skeleton)
    motion = replace(motion, skeleton=skeleton)
    # Hips that rest on the ground do not belong to a standing body: its feet determine the height,
    # as in a BVH.
    kind: Kind = "bvh" if skeleton.offsets[0, 1] < _NO_HEIGHT else "vrm"
    bones = {bone: bone for bone in skeleton.names}
    rig = Rig(name, kind, skeleton, bones, {}, skeleton.rest_rotations, R.IDENTITY, 1.0)
    return normalized(motion, rig)


def _facing(motion: Motion) -> Motion:
    """Return a VRM animation's motion in a world in which its rest pose stands and faces +Z.

    By the specification, the rest pose is the T-pose in this world. A file with other axes (+Z up,
    or facing backwards) has a straight rest pose along another axis. A bent rest pose is taken for
    a pose, and the axes are kept.
    """
    skeleton = motion.skeleton
    bones = {bone: j for j, bone in enumerate(skeleton.names)}
    pose = TreePose("rest", skeleton.rest_positions(), skeleton.rest_rotations)
    try:
        turn = world_turn("vrm", [pose], pose, bones)
    except InputError:
        return motion
    straight = all(
        R.normalize(pose.positions[bones[f"{s}UpperLeg"]] - pose.positions[bones[f"{s}LowerLeg"]])
        @ stance.body_up(pose, bones)
        > _BENT
        for s in ("left", "right")
        if {f"{s}UpperLeg", f"{s}LowerLeg"} <= bones.keys()
    )
    swaps_axes = np.abs(np.abs(R.to_matrix(turn)) - 0.5).min() > 0.5 - 1e-6
    if R.angle(turn) < 1e-6 or not (straight and swaps_axes):
        return motion
    turned = replace(
        motion,
        skeleton=replace(skeleton, offsets=R.apply(turn, skeleton.offsets)),
        root_positions=R.apply(turn, motion.root_positions),
        rotations=R.multiply(R.multiply(turn, motion.rotations), R.conjugate(turn)),
    )
    return _upright(turned, bones, turn)


def _upright(motion: Motion, bones: dict[str, int], turn: Float[ndarray, "4"]) -> Motion:
    """Return the motion in the file's own world if the body stands there but lies in this one.

    If a file's rest pose lies down, either the whole file has another up axis, or only the rest
    pose has, and the animation makes the body stand up.

    Args:
        motion: A motion in the world in which the rest pose stands.
        bones: Bone → joint.
        turn: The rotation from the file's world to this one.
    """
    up = R.apply(turn, _UP)
    if up @ _UP > _STANDING or not len(motion):
        return motion
    some = np.linspace(0, len(motion) - 1, min(len(motion), _FRAMES)).astype(int)
    posed = fk(motion.skeleton, motion.root_positions[some], motion.rotations[some])
    stands = R.normalize(
        np.median(
            [stance.body_up(TreePose("frame", p, r), bones) for p, r in zip(*posed, strict=True)],
            axis=0,
        )
    )
    if stands @ up < _STANDING or stands @ _UP > stands @ up:
        return motion
    lift = R.between(up, _UP)
    rotations = motion.rotations.copy()
    rotations[:, 0] = R.multiply(lift, rotations[:, 0])
    root = R.apply(lift, motion.root_positions)
    return replace(motion, root_positions=root, rotations=rotations)


def _in_t_pose(skeleton: Skeleton) -> Skeleton:
    """Return humanoid bones at their T-pose positions with identity rest rotations.

    By the specification, a VRM animation's rotations are relative to the T-pose. If the rest pose
    is another pose, the body is unfolded into T-pose. A skeleton whose T-pose cannot be determined
    is returned unchanged.
    """
    bones = {bone: j for j, bone in enumerate(skeleton.names)}
    if (
        not {side + bone for side in ("left", "right") for bone in ("UpperArm", "UpperLeg")}
        <= bones.keys()
    ):
        return skeleton
    pose = skeleton.rest_rotations.copy()
    places = skeleton.rest_positions()
    try:
        if {"spine", "leftLowerLeg", "rightLowerLeg"} <= bones.keys():
            # The pelvis is aligned with straight legs; the trunk above it may be bent.
            thighs = [
                R.normalize(places[bones[f"{s}UpperLeg"]] - places[bones[f"{s}LowerLeg"]])
                for s in ("left", "right")
            ]
            up = stance.body_up(TreePose("rest", places, pose), bones)
            if min(up @ t for t in thighs) < _BENT < thighs[0] @ thighs[1]:
                pose[bones["spine"]] = R.between(up, R.normalize(thighs[0] + thighs[1]))
        t_pose, _ = rest.t_pose(
            skeleton, bones, TreePose("rest", *fk(skeleton, skeleton.offsets[0], pose))
        )
    except InputError:
        return skeleton
    places, _ = fk(skeleton, skeleton.offsets[0], t_pose)
    offsets = skeleton.offsets.copy()
    offsets[1:] = places[1:] - places[skeleton.parents[1:]]
    return replace(skeleton, offsets=offsets)
