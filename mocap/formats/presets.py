"""The skeleton of the files of a naming convention: its names, and its additional bones."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mocap.core import kinematics
from mocap.core import rotation as R
from mocap.core.motion import Motion
from mocap.core.naming import Between, Convention, conventions
from mocap.core.skeleton import Skeleton
from mocap.errors import InputError

# Bones of the face, which are written only if they move.
_FACE = ("leftEye", "rightEye", "jaw")
_ROOT = "root"


class Preset(NamedTuple):
    """A motion on the skeleton of a convention.

    Attributes:
        motion: On a skeleton with identity rest rotations.
        called: Joint name → name in the file; other joints keep their names.
        roots: Names of the joints above the first one, outermost first; they stay on the floor.
        without: Indices of the joints that are not written: eyes and jaw that never turn.
    """

    motion: Motion
    called: dict[str, str]
    roots: tuple[str, ...]
    without: set[int]


def preset(motion: Motion, names: str | None, ground: bool = False) -> Preset:
    """Return a motion on the skeleton of a convention.

    Joints that the convention has between two bones of mocap do not rotate.

    Args:
        motion: On any skeleton.
        names: A name from `mocap rigs list`; None keeps all joints and their names.
        ground: Add a root on the floor if the convention has none.

    Raises:
        InputError: The convention is unknown.
    """
    if names is None:
        return Preset(t_posed(motion), {}, (_ROOT,) if ground else (), set())
    called = bone_names(names, motion.skeleton.names)
    table = conventions()[names]
    if table.complete:
        motion = only(motion, set(called), table)
    motion = t_posed(motion)
    still = {motion.skeleton.names[j] for j in still_face(motion)}
    motion = with_between(motion, [row for row in table.between if not still >= set(row.below)])
    roots = table.roots or ((_ROOT,) if ground else ())
    return Preset(motion, called, roots, {motion.skeleton.names.index(name) for name in still})


def bone_names(convention: str, bones: tuple[str, ...]) -> dict[str, str]:
    """Return the name of each bone in a convention; bones that it lacks are left out.

    Args:
        convention: A name from `mocap rigs list`.
        bones: Names of mocap's bones.

    Raises:
        InputError: The convention is unknown.
    """
    known = conventions()
    if convention not in known:
        raise InputError(
            f"There is no naming convention {convention!r}; there are {', '.join(known)}."
        )
    called = {
        bone: known[convention].bones[bone][0] for bone in bones if bone in known[convention].bones
    }
    # If two of mocap's bones have one name in the convention (one chest for two), the lower bone
    # gets it, and the other keeps its own.
    first: dict[str, str] = {}
    return {bone: name for bone, name in called.items() if first.setdefault(name, bone) == bone}


def only(motion: Motion, kept: set[str], table: Convention) -> Motion:
    """Return the motion on some of its joints, which move in the world as before.

    Args:
        motion: On any skeleton.
        kept: Names of joints; the first joint is always kept.
        table: The convention, which names joints that get the rotation or position of another one.
    """
    body = motion.skeleton
    index = {name: j for j, name in enumerate(body.names)}
    joints = [j for j, name in enumerate(body.names) if name in kept or j == 0]
    turned = [index.get(table.turned_as.get(body.names[j], ""), j) for j in joints]
    placed = [index.get(table.placed_as.get(body.names[j], ""), j) for j in joints]
    if len(joints) == len(body.names):
        return motion
    place = {j: i for i, j in enumerate(joints)}
    above = []
    for joint in joints:
        parent = int(body.parents[joint])
        while parent >= 0 and parent not in place:
            parent = int(body.parents[parent])
        above.append(place.get(parent, -1))
    rest, rest_turns = kinematics.fk(body, body.offsets[0], body.rest_rotations)
    turns = kinematics.global_rotations(body, motion.rotations)[:, turned]
    parents = np.array(above)
    offsets, rests = rest[placed].copy(), rest_turns[turned].copy()
    outer = rests[parents[1:]]
    offsets[1:] = R.apply(R.conjugate(outer), offsets[1:] - rest[placed][parents[1:]])
    rests[1:] = R.multiply(R.conjugate(outer), rests[1:])
    skeleton = Skeleton(tuple(body.names[j] for j in joints), parents, offsets, rests)
    local = kinematics.local_rotations(skeleton, turns)
    return Motion(skeleton, motion.times, motion.root_positions, R.unroll(local))


def t_posed(motion: Motion) -> Motion:
    """Return the same movement on a skeleton with identity rest rotations."""
    skeleton = motion.skeleton
    if np.array_equal(
        np.abs(skeleton.rest_rotations), np.tile(R.IDENTITY, (len(skeleton.names), 1))
    ):
        return motion
    rest = kinematics.global_rotations(skeleton, skeleton.rest_rotations)
    offsets = skeleton.offsets.copy()
    offsets[1:] = R.apply(rest[skeleton.parents[1:]], offsets[1:])
    straight = Skeleton(
        skeleton.names, skeleton.parents, offsets, np.tile(R.IDENTITY, (len(rest), 1))
    )
    world = R.multiply(kinematics.global_rotations(skeleton, motion.rotations), R.conjugate(rest))
    return Motion(
        straight, motion.times, motion.root_positions, kinematics.local_rotations(straight, world)
    )


def depth_first(skeleton: Skeleton, without: set[int]) -> list[int]:
    """Return the joints' indices depth first, parents before children.

    Args:
        skeleton: The skeleton.
        without: Indices of joints that are left out, with all joints below them.
    """
    order, stack = [], [0]
    while stack:
        joint = stack.pop()
        order.append(joint)
        stack += [c for c in reversed(skeleton.children(joint)) if c not in without]
    return order


def still_face(motion: Motion) -> set[int]:
    """Return the indices of eyes and jaw without children that never rotate."""
    indices = [
        i
        for i, n in enumerate(motion.skeleton.names)
        if n in _FACE and not motion.skeleton.children(i)
    ]
    return {i for i in indices if np.all(R.angle(motion.rotations[:, i]) < 1e-6)}


def with_between(motion: Motion, rows: list[Between]) -> Motion:
    """Return the motion with further joints between its own, which do not rotate.

    Args:
        motion: On a skeleton with identity rest rotations.
        rows: The joints to insert; rows whose neighbours the skeleton lacks are skipped.
    """
    for row in rows:
        motion = _inserted(motion, row)
    return motion


def _inserted(motion: Motion, row: Between) -> Motion:
    body = motion.skeleton
    names = list(body.names)
    below = [names.index(bone) for bone in row.below if bone in names]
    below = [j for j in below if names[body.parents[j]] == row.above]
    if not below:
        return motion
    new, above = min(below), int(body.parents[below[0]])  # its index, and its parent's
    offset = row.at * body.offsets[below[0]]
    parents = np.array([p + (p >= new) for p in body.parents])
    parents[below] = new
    offsets = body.offsets.copy()
    offsets[below] -= offset
    skeleton = Skeleton(
        (*names[:new], row.name, *names[new:]),
        np.insert(parents, new, above),
        np.insert(offsets, new, offset, axis=0),
        np.insert(body.rest_rotations, new, R.IDENTITY, axis=0),
    )
    rotations = np.insert(motion.rotations, new, R.IDENTITY, axis=1)
    return replace(motion, skeleton=skeleton, rotations=rotations)
