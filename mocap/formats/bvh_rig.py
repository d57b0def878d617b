"""A motion in a BVH rig's own file: its hierarchy stays, to the byte; what stands after the line MOTION is new."""

from __future__ import annotations

import re

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import kinematics
from mocap.core import rotation as R
from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.errors import InputError
from mocap.formats import bvh, euler


def dumps(motion: Motion, rig: Rig, fps: float | None = None) -> bytes:
    """The BVH file of a rig with the motion instead of its own frames; for rigs of other kinds, a BVH of their joints and names.

    motion: on the rig's skeleton (`retarget` before). fps: as in bvh.dumps. The file's frame, unit, joints, channels and Euler orders are
    the rig's. Raises InputError if the motion is on other joints, has no frames, or if a joint cannot be turned about all three axes.
    """
    if motion.skeleton.names != rig.skeleton.names:
        raise InputError(
            f"The motion is not on the skeleton of {rig.name}. Retarget it to the rig first."
        )
    if rig.kind != "bvh":
        return bvh.dumps(motion, None, fps).encode()
    file = bvh.parsed(text := rig.source.decode("utf-8", errors="replace"))
    motion = bvh.uniform(motion, fps)
    turned, places = _in_file(motion, rig, file)
    rest = bvh.loads(text, scale=1.0).skeleton.rest_positions()
    first = file.names.index(rig.skeleton.names[0])
    mover = first  # whose position channels carry the body: the first joint's, or the next above it that has all three
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
                f"The joint {file.names[joint]!r} of {rig.name} turns about {' and '.join(order) or 'no axis'} alone, and this motion "
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
            # What the file mostly has there says that a joint stays: its place, or nothing to add to its OFFSET.
            usual = (
                np.median(file.table[:, len(columns) : len(columns) + len(listed)], axis=0)
                if len(file.table)
                else np.zeros(len(listed))
            )
            columns += [
                np.full(len(motion), usual[i]) if c[1] == "p" else angles[:, order.index(c[0])]
                for i, c in enumerate(listed)
            ]
    end = re.search(rb"^[ \t]*MOTION\b", rig.source, re.MULTILINE)
    assert end is not None, "it was read as a rig"
    return rig.source[: end.start()] + bvh.frames(motion, np.stack(columns, axis=1), fps).encode()


def _in_file(
    motion: Motion, rig: Rig, file: bvh.Parsed
) -> tuple[Float[ndarray, "frames joints 4"], Float[ndarray, "frames 3"]]:
    """(how each of the file's joints is turned in the file's world, where the rig's first joint is there).

    At rest all of a BVH's joints are unturned. Those above the rig's first stay so; others that the rig has not go with their parents.
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
