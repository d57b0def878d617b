"""A BVH as a rig: its joints and motion, and a motion written into a copy of the file, whose
hierarchy stays as it is to the byte."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import kinematics
from mocap.core import rotation as R
from mocap.core.motion import Motion
from mocap.core.rig import Rig, Tree, TreePose
from mocap.errors import InputError
from mocap.formats import bvh, bvh_text, euler

# At most this many frames, evenly spaced, are looked at for a better rest pose; and no more
# numbers than these in all, however many joints.
_FRAMES, _NUMBERS = 64, 500_000
# Coordinates beyond this (in any unit) are those of a damaged file; their squares would overflow.
_FAR = 1e12


def tree_of(data: bytes, root: str | None = None) -> Tree:
    """Returns a BVH's joints at zero angles, with some of its frames as further poses.

    Args:
        data: The file's bytes.
        root: Which ROOT's joints, in a file of several; the first by default.

    Raises:
        InputError: If the file is no BVH, or its joints are out of range.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return tree_of_motion(bvh.loads(bvh_text.decoded(data), scale=1.0, root=root))


def characters(data: bytes) -> list[str]:
    """Returns the names of a BVH's ROOTs if it has several."""
    names = bvh_text.root_names(bvh_text.decoded(data))
    return names if len(names) > 1 else []


def tree_of_motion(motion: Motion) -> Tree:
    """Return the tree of a BVH's motion, in the document's frame and unit, as `tree_of` does.

    Raises:
        InputError: Offsets or positions are too large for any body.
    """
    skeleton = motion.skeleton
    count = len(skeleton.names)
    step = max(1, -(-len(motion) // min(_FRAMES, max(1, _NUMBERS // count))))
    frames = np.arange(0, len(motion), step)
    positions, rotations = kinematics.fk(
        skeleton, motion.root_positions[frames], motion.rotations[frames]
    )
    poses = tuple(
        TreePose(f"frame {f}", p, q) for f, p, q in zip(frames, positions, rotations, strict=True)
    )
    rest = skeleton.rest_positions()
    if not np.all(np.abs(rest) < _FAR) or not np.all(np.abs(positions) < _FAR):
        raise InputError(
            f"The BVH file is damaged: its offsets or positions exceed {_FAR:g}, larger than any "
            "body in any unit."
        )
    return Tree(
        "bvh",
        skeleton.names,
        np.arange(count),
        skeleton.parents,
        rest,
        skeleton.rest_rotations,
        np.ones(count, dtype=bool),
        {},
        poses,
        motion,
    )


def loads_on(rig: Rig, animation: str | None, folder: Path) -> Motion:
    """Returns the motion of a BVH rig's own file, on the rig's skeleton.

    Args:
        rig: A rig that was read from a BVH.
        animation: None; a BVH has one motion, without a name.
        folder: Unused; a BVH names no other files.

    Raises:
        InputError: If an animation is named.
    """
    if animation is not None:
        raise InputError(
            f"A BVH file has one motion, without a name, so there is no animation {animation!r} "
            "in it."
        )
    file = bvh_text.parsed(bvh_text.decoded(rig.source))
    return on_rig(bvh.motion_of(_own_part(file, rig)[0], scale=1.0), rig)


def _own_part(file: bvh_text.Parsed, rig: Rig) -> tuple[bvh_text.Parsed, slice]:
    """Returns the part of the rig's file below its own ROOT, and that part's columns."""
    joint = file.names.index(rig.skeleton.names[0])
    while file.parents[joint] >= 0:
        joint = file.parents[joint]
    return bvh_text.of_root(file, file.names[joint])


def on_rig(motion: Motion, rig: Rig) -> Motion:
    """Return a document's motion on the rig that was read from it, in mocap's world.

    Args:
        motion: In the document's own frame and unit.
        rig: Read from the same document.

    Raises:
        InputError: The motion lacks one of the rig's joints.
    """
    missing = [n for n in rig.skeleton.names if n not in motion.skeleton.names]
    if missing:
        raise InputError(
            f"The motion has no joint {missing[0]!r}, which the rig {rig.name} has; read both from "
            f"one file."
        )
    joints = [motion.skeleton.names.index(n) for n in rig.skeleton.names]
    above = [-1, *(joints[p] for p in rig.skeleton.parents[1:])]
    if [int(motion.skeleton.parents[j]) for j in joints] == above:
        # A rotation of the world turns the root alone.
        places = motion.root_positions
        local = motion.rotations[:, joints]
        local[:, 0] = R.multiply(rig.turn, local[:, 0])
    else:
        positions, world = kinematics.fk(motion.skeleton, motion.root_positions, motion.rotations)
        places = positions[:, joints[0]]
        local = kinematics.local_rotations(rig.skeleton, R.multiply(rig.turn, world[:, joints]))
    return Motion(
        rig.skeleton,
        motion.times,
        rig.unit * R.apply(rig.turn, places),
        R.unroll(R.normalize(local)),
        motion.expressions,
        motion.contacts,
    )


def dumps(motion: Motion, rig: Rig, fps: float | None = None) -> bytes:
    """Return the BVH file of a rig with the motion in place of its own frames.

    The file's frame, unit, joints, channels and Euler orders are the rig's. A rig of another kind
    gives a BVH of its joints and names.

    Args:
        motion: On the rig's skeleton (`retarget` makes it).
        rig: The rig.
        fps: As in bvh.dumps.

    Raises:
        InputError: The motion is on other joints or has no frames, or a joint cannot turn about all
            three axes.
    """
    if motion.skeleton.names != rig.skeleton.names:
        raise InputError(
            f"The motion is not on the skeleton of {rig.name}. Retarget it to the rig first."
        )
    if rig.kind != "bvh":
        return bvh.dumps(motion, None, fps).encode()
    whole = bvh_text.parsed(bvh_text.decoded(rig.source))
    file, own = _own_part(whole, rig)
    motion = bvh.uniform(motion, fps)
    turned, places = _in_file(motion, rig, file)
    rest = bvh.motion_of(file, scale=1.0).skeleton.rest_positions()
    first = file.names.index(rig.skeleton.names[0])
    over = file.parents[first]
    if over >= 0 and file.names[over] in rig.skeleton.names:
        raise InputError(
            f"The hierarchy of {rig.name} begins at {file.names[0]!r} and not at the hips; mocap "
            "reads such a motion but does not write into its skeleton. Write to a .glb or .vrma, "
            "or to a .bvh without --rig."
        )
    # whose position channels carry the body: the first joint's, or the next above it that has all
    # three
    mover = first
    while not {"Xp", "Yp", "Zp"} <= set(file.channels[mover]) and file.parents[mover] >= 0:
        mover = file.parents[mover]
    local = turned.copy()
    local[:, 1:] = R.multiply(
        R.conjugate(turned[:, np.array(file.parents[1:], dtype=int)]), turned[:, 1:]
    )
    columns: list[ndarray] = []
    for joint, listed in enumerate(file.channels):
        order = [c[0] for c in listed if c[1] == "r"]
        if len(order) not in (0, 3) or (not order and np.max(R.angle(local[:, joint])) > 1e-4):
            raise InputError(
                f"The joint {file.names[joint]!r} of {rig.name} turns about "
                f"{' and '.join(order) or 'no axis'} alone, and this motion "
                "needs all three axes; write it to a .glb or .vrma, or to a .bvh without --rig."
            )
        angles = (
            np.degrees(euler.to_axes(order, local[:, joint : joint + 1]))[:, 0]
            if order
            else np.zeros((len(motion), 0))
        )
        if joint == mover:
            above = rest[file.parents[joint]] if file.parents[joint] >= 0 else np.zeros(3)
            at = places + (rest[mover] - rest[first]) - above
            columns += [
                at[:, "XYZ".index(c[0])] if c[1] == "p" else angles[:, order.index(c[0])]
                for c in listed
            ]
        else:
            # What the file mostly has there says that a joint stays: its place, or nothing to add
            # to its OFFSET.
            usual = (
                np.median(file.table[:, len(columns) : len(columns) + len(listed)], axis=0)
                if len(file.table)
                else np.zeros(len(listed))
            )
            columns += [
                np.full(len(motion), usual[i]) if c[1] == "p" else angles[:, order.index(c[0])]
                for i, c in enumerate(listed)
            ]
    # Characters of other ROOTs stay as they mostly are.
    usual = np.median(whole.table, axis=0) if len(whole.table) else np.zeros(whole.table.shape[1])
    table = np.tile(usual, (len(motion), 1))
    table[:, own] = np.stack(columns, axis=1)
    return _head(rig.source) + bvh.frames(motion, table, fps).encode()


def _head(source: bytes) -> bytes:
    """Returns what stands before the line MOTION: byte for byte in UTF-8, as UTF-8 in UTF-16."""
    end = re.search(rb"^[ \t]*MOTION\b", source, re.MULTILINE | re.IGNORECASE)
    if end is not None:
        return source[: end.start()]
    return bvh_text.parsed(bvh_text.decoded(source)).head.encode()


def _in_file(
    motion: Motion, rig: Rig, file: bvh_text.Parsed
) -> tuple[Float[ndarray, "frames joints 4"], Float[ndarray, "frames 3"]]:
    """Return the world rotations of the file's joints, and the position of the rig's first joint.

    Both are in the file's world. At rest all joints of a BVH have identity rotations. Joints above
    the rig's first joint keep them; other joints that the rig lacks move with their parents.
    """
    back = R.conjugate(rig.turn)
    at_rest = kinematics.global_rotations(rig.skeleton, rig.skeleton.rest_rotations)
    world = kinematics.global_rotations(motion.skeleton, motion.rotations)
    away = R.multiply(R.multiply(back, R.multiply(world, R.conjugate(at_rest))), rig.turn)
    out = np.tile(R.IDENTITY, (len(motion), len(file.names), 1))
    for joint, name in enumerate(file.names):
        if name in rig.skeleton.names:
            out[:, joint] = away[:, rig.skeleton.names.index(name)]
        elif joint:
            out[:, joint] = out[:, file.parents[joint]]
    return out, R.apply(back, motion.root_positions) / rig.unit
