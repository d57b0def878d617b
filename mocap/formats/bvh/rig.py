"""A BVH file as a rig: its joints and motion, and a motion written into a copy of the file.

The hierarchy in the copy equals the original's, byte for byte.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import kinematics
from mocap.core import rotation as R
from mocap.core.heading import ground_path
from mocap.core.motion import Motion
from mocap.core.rig import Rig, Tree, TreePose
from mocap.errors import InputError
from mocap.formats import euler, trees
from mocap.formats.bvh import encoding
from mocap.formats.bvh import motion as bvh
from mocap.formats.bvh import text as bvh_text

# Most frames, evenly spaced, that are searched for a better rest pose, and most rotations in all of
# them together.
_FRAMES, _NUMBERS = 64, 500_000


def tree_of(data: bytes, root: str | None = None) -> Tree:
    """Return a BVH's joints at zero angles, with some of its frames as further poses.

    Args:
        data: The file's bytes.
        root: The ROOT whose joints are read, in a file of several; None for the first.

    Raises:
        InputError: The file is no BVH, or its positions are out of range.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return tree_of_motion(bvh.loads(encoding.decoded(data), scale=1.0, root=root))


def characters(data: bytes) -> list[str]:
    """Return the names of a BVH's ROOTs if it has several; otherwise nothing."""
    names = bvh_text.root_names(encoding.decoded(data))
    return names if len(names) > 1 else []


def tree_of_motion(motion: Motion) -> Tree:
    """Return the tree of a BVH's motion, as `tree_of`.

    Args:
        motion: In the document's frame and unit.

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
    if not np.all(np.abs(rest) < trees.FAR) or not np.all(np.abs(positions) < trees.FAR):
        raise InputError(
            f"The BVH file is damaged: its offsets or positions exceed {trees.FAR:g}, larger than "
            "any body in any unit."
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
    """Return the motion of a BVH rig's own file, on the rig's skeleton.

    Args:
        rig: A rig that was read from a BVH.
        animation: None; a BVH has one motion, without a name.
        folder: Unused; a BVH refers to no other files.

    Raises:
        InputError: An animation is named.
    """
    if animation is not None:
        raise InputError(
            f"A BVH file has one motion, without a name, so there is no animation {animation!r} "
            "in it."
        )
    file = bvh_text.parsed(encoding.decoded(rig.source))
    return on_rig(bvh.motion_of(_own_part(file, rig)[0], scale=1.0), rig)


def _own_part(file: bvh_text.Parsed, rig: Rig) -> tuple[bvh_text.Parsed, slice]:
    """Return the part of the rig's file below the rig's ROOT, and the columns of that part."""
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
        # A rotation of the world changes only the root's rotation.
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


def dumps(motion: Motion, rig: Rig, fps: float | None = None, ground: bool = False) -> bytes:
    """Return a rig's BVH file with the motion instead of its own frames.

    Axes, unit, joints, channels and Euler orders stay those of the rig's file. For a rig of another
    format, the result is a BVH of the rig's joints and names.

    Args:
        motion: On the rig's skeleton (`retarget` puts it there).
        rig: The character.
        fps: As in `bvh.dumps`.
        ground: The file's ROOT carries path and heading on the floor, and the hips move above it.

    Raises:
        InputError: The motion is on other joints or has no frames, a joint cannot be turned
            about all three axes, or there is no ROOT above the hips for the ground.
    """
    if motion.skeleton.names != rig.skeleton.names:
        raise InputError(
            f"The motion is not on the skeleton of {rig.name}. Retarget it to the rig first."
        )
    if rig.kind != "bvh":
        return bvh.dumps(motion, None, fps, ground).encode()
    whole = bvh_text.parsed(encoding.decoded(rig.source))
    file, own = _own_part(whole, rig)
    motion = bvh.uniform(motion, fps)
    first = file.names.index(rig.skeleton.names[0])
    over = file.parents[first]
    if over >= 0 and file.names[over] in rig.skeleton.names:
        raise InputError(
            f"The hierarchy of {rig.name} begins at {file.names[0]!r} and not at the hips; mocap "
            "reads such a motion but does not write into its skeleton. Write to a .glb or .vrma, "
            "or to a .bvh without --rig."
        )
    if ground and not (over >= 0 and _moves(file, 0) and _moves(file, first)):
        raise InputError(
            f"The rig {rig.name} has no ROOT above its hips that could carry the path, with "
            "position channels for both; write it without --root ground, or without --rig."
        )
    turned, moved = _in_file(motion, rig, file, ground)
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
        if joint in moved:
            places = moved[joint].T
        else:
            # Joints that do not move get the file's median: their position, or zero where the
            # channels are added to OFFSET.
            here = file.table[:, len(columns) : len(columns) + len(listed)]
            usual = np.median(here, axis=0) if len(here) else np.zeros(len(listed))
            of = {c[0]: usual[i] for i, c in enumerate(listed) if c[1] == "p"}
            places = [np.full(len(motion), of.get(axis, 0.0)) for axis in "XYZ"]
        columns += [
            places["XYZ".index(c[0])] if c[1] == "p" else angles[:, order.index(c[0])]
            for c in listed
        ]
    # The characters of other ROOTs stay at their median pose.
    usual = np.median(whole.table, axis=0) if len(whole.table) else np.zeros(whole.table.shape[1])
    table = np.tile(usual, (len(motion), 1))
    table[:, own] = np.stack(columns, axis=1)
    return _head(rig.source) + bvh.frames(motion, table, fps).encode()


def _moves(file: bvh_text.Parsed, joint: int) -> bool:
    """Return whether a joint has all three position channels."""
    return {"Xp", "Yp", "Zp"} <= set(file.channels[joint])


def _head(source: bytes) -> bytes:
    """Return the bytes before the line MOTION; those of a UTF-16 file are converted to UTF-8."""
    end = re.search(rb"^[ \t]*MOTION\b", source, re.MULTILINE | re.IGNORECASE)
    if end is not None:
        return source[: end.start()]
    return bvh_text.parsed(encoding.decoded(source)).head.encode()


def _in_file(
    motion: Motion, rig: Rig, file: bvh_text.Parsed, ground: bool
) -> tuple[Float[ndarray, "frames joints 4"], dict[int, Float[ndarray, "frames 3"]]]:
    """Return the rotations of the file's joints in the file's world, and the joints' positions.

    The rest rotations of all joints of a BVH are identities. Joints above the rig's first keep
    them, or carry path and heading if `ground`; other joints that the rig lacks turn with their
    parents.

    Returns:
        Rotations (F, J, 4), and joint to the values of its position channels (F, 3), for the
        joints that move.
    """
    back = R.conjugate(rig.turn)
    at_rest = kinematics.global_rotations(rig.skeleton, rig.skeleton.rest_rotations)
    world = kinematics.global_rotations(motion.skeleton, motion.rotations)
    away = R.multiply(world, R.conjugate(at_rest))
    turns = R.multiply(R.multiply(back, away), rig.turn)
    places = R.apply(back, motion.root_positions) / rig.unit
    rest = bvh.motion_of(file, scale=1.0).skeleton.rest_positions()
    first = file.names.index(rig.skeleton.names[0])
    out = np.tile(R.IDENTITY, (len(motion), len(file.names), 1))
    if ground:
        path, heading = ground_path(motion.times, motion.root_positions, away[:, 0])
        path = R.apply(back, path) / rig.unit
        out[:, 0] = R.multiply(R.multiply(back, heading), rig.turn)
        above = rest[file.parents[first]] - rest[0]
        moved = {0: path, first: R.apply(R.conjugate(out[:, 0]), places - path) - above}
    else:
        # The first joint moves, or the nearest joint above it with all three position channels.
        mover = first
        while not _moves(file, mover) and file.parents[mover] >= 0:
            mover = file.parents[mover]
        above = rest[file.parents[mover]] if file.parents[mover] >= 0 else np.zeros(3)
        # A ROOT above it stays at its OFFSET; the path of the file's own motion is not used.
        moved = {0: np.tile(rest[0], (len(motion), 1))}
        moved[mover] = places + (rest[mover] - rest[first]) - above
    for joint, name in enumerate(file.names):
        if name in rig.skeleton.names:
            out[:, joint] = turns[:, rig.skeleton.names.index(name)]
        elif joint:
            out[:, joint] = out[:, file.parents[joint]]
    return out, moved
