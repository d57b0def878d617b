"""Motions of other tools on humanoid bones, for any rest pose, axes, unit and joint count."""

from __future__ import annotations

import os
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from mocap import formats
from mocap.core import rotation as R
from mocap.core.filter import smooth
from mocap.core.kinematics import fk, local_rotations, sole_points
from mocap.core.motion import Motion
from mocap.core.rig import Kind, Rig, TreePose
from mocap.core.skeleton import BONES, HUMANOID, Skeleton
from mocap.core.surface import skin_heights
from mocap.errors import InputError
from mocap.formats.bvh.rig import on_rig
from mocap.formats.bvh.text import FrameTimeWarning
from mocap.formats.gltf import vrma
from mocap.formats.table import VRMA, by_content
from mocap.retargeting import turns
from mocap.retargeting.body import body_of, has_legs
from mocap.retargeting.links import links
from mocap.retargeting.to_body import leg_length
from mocap.rig import rest, stance
from mocap.rig.load import make_rig, recognise, world_turn
from mocap.rig.mapping import REQUIRED
from mocap.solve.contacts import find_contacts

# Soles stand while lower than the first height (m) and slower than the first speed (m/s), until
# they exceed one of the second; for HUMANOID's legs. Joints of a motion file are more certain than
# a camera's landmarks, so these are tighter than the solver's.
_HEIGHT, _SPEED = (0.04, 0.06), (0.2, 0.35)
# The largest upward bend of toes, radians.
_TOES = np.radians(60.0)
# A body stands along an axis if its median direction is this close to it, a cosine; judged by at
# most this many frames.
_LIFTED, _FRAMES = np.cos(np.radians(45.0)), 200
_UP = np.array([0.0, 1.0, 0.0])
_LEFT, _AHEAD = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])
_CUTOFF = 6.0  # Hz, for speeds
# The ground is where the lowest points mostly are, of the times when they are within this share of
# the leg of the very lowest.
_GROUND = 0.06
# The share of frames in which a body must stand on its soles for these to tell the ground.
_STANDS = 0.05
# Metres by which skin may sink into the ground, since a file does not tell the body's thickness.
# A body that sinks deeper is raised, beforehand and afterwards within these seconds and Hz.
_SINKS, _RISE, _RISE_CUTOFF = 0.015, 0.1, 3.0
# Hips that rest lower than this in a VRM animation do not tell where the ground is. Metres.
_NO_HEIGHT = 0.05
# A trunk that leans over the legs by more than this is posed, not modelled so: a cosine.
_BENT = np.cos(np.radians(25.0))


def load_motion(
    path: str | os.PathLike[str],
    bone_map: dict[str, str] | None = None,
    animation: str | None = None,
    character: str | None = None,
    source_fps: float | None = None,
) -> Motion:
    """Reads the motion in a file of any format, on humanoid bones.

    Args:
        path: A BVH, GLB, glTF, VRM, VRMA or FBX file.
        bone_map: Bone to node name, instead of what is recognised.
        animation: The name of an animation, in a file of several; the first by default.
        character: The name of a character, in a file of several; the first humanoid by default.
        source_fps: The true frame rate, where the file's is wrong or missing.

    Returns:
        The motion in metres, facing +Z at rest, the ground at y = 0.

    Raises:
        InputError: If there is no motion of a humanoid in the file, or no animation or character
            of the name, naming those there are.
    """
    path = Path(path)
    data = formats.read(path)
    with formats.naming(path):
        entry = by_content(data)
        if entry is VRMA and bone_map is None:
            return _vrma_motion(_at_rate(vrma.loads(data, animation), source_fps), path.stem)
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
                f"{path} moves a part of a body: it has no {', '.join(missing)}; what is missing "
                "stays at rest.",
                stacklevel=2,
            )
        # An FBX take may give its bones other lengths than the rest has.
        rig = replace(rig, skeleton=motion.skeleton)
        joints = {bone: rig.index(bone) for bone in rig.bones}
        motion = _upright(motion, joints, rig.turn) if rig.kind != "bvh" else motion
        return normalized(_at_rate(motion, source_fps), rig)


def _at_rate(motion: Motion, fps: float | None) -> Motion:
    """Returns the motion with its frames at this rate instead of its own times."""
    return motion if fps is None else replace(motion, times=np.arange(len(motion)) / fps)


def _vrma_motion(motion: Motion, name: str) -> Motion:
    """Returns a VRM animation's motion on a humanoid body in T-pose."""
    motion = _facing(motion)
    skeleton = _in_t_pose(motion.skeleton)
    motion = replace(motion, skeleton=skeleton)
    # Hips that rest on the ground are not those of a body: the motion is placed by its feet, like a
    # BVH's.
    kind: Kind = "bvh" if skeleton.offsets[0, 1] < _NO_HEIGHT else "vrm"
    bones = {bone: bone for bone in skeleton.names}
    rig = Rig(name, kind, skeleton, bones, {}, skeleton.rest_rotations, R.IDENTITY, 1.0)
    return normalized(motion, rig)


def _facing(motion: Motion) -> Motion:
    """Return a VRM animation's motion in a world in which its rest pose stands and faces +Z.

    By the specification the rest pose is the T-pose in this world. Files of other axes (up along
    Z, facing backward) rest straight along another axis; a rest that bends is a pose.
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
    """Return the motion in the file's own world if the body stands there and lies in this one.

    A file whose rest pose lies down is either wholly in a world with another axis up, or has only
    its rest pose in that world while the animation lifts the body.

    Args:
        motion: A motion in the world in which the rest pose stands.
        bones: Bone → joint.
        turn: The rotation from the file's world to this one.
    """
    up = R.apply(turn, _UP)
    if up @ _UP > _LIFTED or not len(motion):
        return motion
    some = np.linspace(0, len(motion) - 1, min(len(motion), _FRAMES)).astype(int)
    posed = fk(motion.skeleton, motion.root_positions[some], motion.rotations[some])
    stands = R.normalize(
        np.median(
            [stance.body_up(TreePose("frame", p, r), bones) for p, r in zip(*posed, strict=True)],
            axis=0,
        )
    )
    if stands @ up < _LIFTED or stands @ _UP > stands @ up:
        return motion
    lift = R.between(up, _UP)
    rotations = motion.rotations.copy()
    rotations[:, 0] = R.multiply(lift, rotations[:, 0])
    root = R.apply(lift, motion.root_positions)
    return replace(motion, root_positions=root, rotations=rotations)


def _in_t_pose(skeleton: Skeleton) -> Skeleton:
    """Return humanoid bones at their T-pose positions with identity rests.

    A skeleton whose T-pose is undetermined is returned unchanged. By the specification, a VRM
    animation's rest pose is the T-pose, whatever it shows: rotations are relative to it. If it
    shows another pose, the body is unfolded into T-pose.
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
            # The pelvis is aligned with straight legs, whichever way the trunk bends above it.
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


def normalized(motion: Motion, rig: Rig) -> Motion:
    """Put a motion on a rig's own skeleton onto humanoid bones in T-pose, of the rig's lengths.

    A BVH has no ground, so it is placed by its standing feet; elsewhere the ground is y = 0.
    Contacts are detected if the motion has none. Bones that the rig lacks move with the bone before
    them.

    Args:
        motion: On the rig's skeleton.
        rig: The rig.

    Raises:
        InputError: The motion is not on the rig's skeleton.
    """
    if motion.skeleton.names != rig.skeleton.names:
        raise InputError(
            f"The motion is on {len(motion.skeleton.names)} joints that are not those of the rig "
            f"{rig.name}."
        )
    body = body_of(rig)
    turned = turns.to_bones(links(rig), rig, motion.rotations)
    local = R.unroll(R.normalize(local_rotations(HUMANOID, turned)))
    top = next(b for b in BONES if b in rig.bones)
    root = motion.root_positions.copy()
    if rig.index(top) != 0:
        places, _ = fk(motion.skeleton, motion.root_positions, motion.rotations)
        root = places[:, rig.index(top)].copy()
    if top != "hips":
        root -= fk(body, np.zeros((len(motion), 3)), local)[0][:, BONES.index(top)]
    if rig.kind == "bvh" and len(motion):
        level = _toes_bent(rig, body, root, local, level=True)
        soles = sole_points(body, root, level)[..., 1].min(axis=1)
        skin = root[:, 1] + skin_heights(body, level).min(axis=1)
        ground = ground_height(soles, skin, _GROUND * leg_length(body))
        root[:, 1] += _out_of_ground(motion.times, skin - ground) - ground
    local = _toes_bent(rig, body, root, local, level=False)
    soles = sole_points(body, root, local)
    measure = leg_length(body) / leg_length(HUMANOID)
    contacts = motion.contacts
    if not has_legs(rig):
        contacts = np.zeros((len(motion), 4))
    elif contacts is None or not contacts.any():
        contacts = touches(motion.times, soles / measure).astype(np.float64)
    return Motion(body, motion.times, root, local, motion.expressions, contacts)


def _toes_bent(
    rig: Rig,
    body: Skeleton,
    root: Float[ndarray, "frames 3"],
    local: Float[ndarray, "frames 55 4"],
    level: bool,
) -> Float[ndarray, "frames 55 4"]:
    """Bend up toes that the rig lacks so that their tips stay out of the ground.

    With `level`, they bend up to horizontal.
    """
    missing = [
        side
        for side in ("left", "right")
        if f"{side}Foot" in rig.bones and f"{side}Toes" not in rig.bones
    ]
    if not missing:
        return local
    out, stood = local.copy(), body.rest_positions()
    positions, world = fk(body, root, local)
    for foot, toes in (
        (BONES.index(f"{side}Foot"), BONES.index(f"{side}Toes")) for side in missing
    ):
        pitch = np.arcsin(np.clip(R.apply(world[:, foot], _AHEAD)[:, 1], -1.0, 1.0))
        above = (
            np.zeros(len(root))
            if level
            else np.maximum(positions[:, toes, 1] - stood[toes, 1], 0.0)
        )
        lowest = -np.arcsin(np.clip(above / (0.5 * (stood[toes, 2] - stood[foot, 2])), 0.0, 1.0))
        out[:, toes] = R.from_axis_angle(_LEFT, -np.clip(lowest - pitch, 0.0, _TOES))
    return out


def ground_height(
    soles: Float[ndarray, " frames"], skin: Float[ndarray, " frames"], within: float
) -> float:
    """Return the ground's height, metres: the median of the lowest points near their minimum.

    Soles decide if the body stands on them in at least a twentieth of the frames, since they are
    known best; otherwise it is the lowest part of the body, as of people who lie or crawl.

    Args:
        soles: Height of the lowest sole, metres.
        skin: Height of the lowest skin of the other parts, metres.
        within: Frames count up to this far above the 5th percentile, metres.
    """
    stands = soles <= skin
    heights = soles[stands] if stands.mean() >= _STANDS else np.minimum(soles, skin)
    near = heights[heights <= np.percentile(heights, 5.0) + within]
    return float(np.median(near))


def _out_of_ground(
    times: Float[ndarray, " frames"], skin: Float[ndarray, " frames"]
) -> Float[ndarray, " frames"]:
    """Return how far to raise a body whose skin sinks into the ground, metres; smooth in time."""
    needed = np.maximum(-_SINKS - skin, 0.0)
    if len(times) < 2 or not needed.any():
        return needed
    span = 2 * round(_RISE / max(float(np.median(np.diff(times))), 1e-3)) + 1
    from scipy.ndimage import maximum_filter1d

    return np.maximum(smooth(times, maximum_filter1d(needed, span), _RISE_CUTOFF), needed)


def touches(
    times: Float[ndarray, " frames"], soles: Float[ndarray, "frames 4 3"]
) -> Bool[ndarray, "frames 4"]:
    """Return which sole points stand on the ground, at the scale of HUMANOID's legs."""
    if len(times) < 2:
        return soles[..., 1] < _HEIGHT[0]
    speeds = np.linalg.norm(np.gradient(smooth(times, soles, _CUTOFF), times, axis=0), axis=-1)
    return find_contacts(times, soles[..., 1], speeds, _HEIGHT, _SPEED)
