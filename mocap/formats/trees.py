"""The nodes of glTF and FBX files as trees: names, characters, rotations and bind poses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.rig import Tree, TreePose
from mocap.core.skeleton import Skeleton
from mocap.errors import InputError

FAR = 1e12
"""Coordinates that exceed this, in any unit, are those of a damaged file."""

LONGEST_NAME = 200
"""Characters of a node's name that are kept: longer ones would slow down the search for words."""

# Radians: a bind pose within this of the nodes' pose, at every joint, is the same pose.
_SAME_POSE = np.radians(0.5)
# Below this ratio of its smallest to its largest singular value, a node's matrix is singular, and
# its rotation is not determined.
_FLAT = 1e-6


def unique_names(names: list[str]) -> tuple[str, ...]:
    """Return the nodes' names, unique and at most LONGEST_NAME characters long.

    Neither glTF nor FBX asks for unique names. A repeated name gets the node's number, "arm.7"; a
    node without a name is "node7".

    Args:
        names: The name of each node, "" for none.
    """
    names = [name[:LONGEST_NAME] or f"node{i}" for i, name in enumerate(names)]
    while len(count := Counter(names)) < len(names):  # again where a node was named "arm.7" before
        names = [name if count[name] == 1 else f"{name}.{i}" for i, name in enumerate(names)]
    return tuple(names)


def named(characters: Mapping[str, int], name: str) -> int:
    """Return the node of a character.

    Args:
        characters: Name to node.
        name: The character's name.

    Raises:
        InputError: There is no such character; the message lists those there are.
    """
    if name not in characters:
        known = ", ".join(characters) or "only one"
        raise InputError(f"There is no character {name!r} in the file; it has {known}.")
    return characters[name]


def below(tree: Tree, top: int) -> Tree:
    """Return the part of a tree at and below one node."""
    inside = np.zeros(len(tree.names), dtype=bool)
    inside[top] = True
    for node in range(top + 1, len(tree.names)):
        inside[node] = tree.parents[node] >= 0 and inside[tree.parents[node]]
    kept = np.flatnonzero(inside)
    place = np.full(len(tree.names), -1)
    place[kept] = np.arange(len(kept))
    parents = place[tree.parents[kept]]
    parents[0] = -1
    poses = [TreePose(p.name, p.positions[kept], p.rotations[kept]) for p in tree.poses]
    return replace(
        tree,
        names=tuple(tree.names[n] for n in kept),
        nodes=tree.nodes[kept],
        parents=parents,
        positions=tree.positions[kept],
        rotations=tree.rotations[kept],
        joints=tree.joints[kept],
        poses=tuple(poses),
    )


def rotations_of(
    matrices: Float[ndarray, "nodes 3 3"], parents: ndarray, local: Float[ndarray, "nodes 4"]
) -> Float[ndarray, "nodes 4"]:
    """Return the rotation nearest to each matrix (its orthogonal factor).

    Args:
        matrices: Linear parts of the world matrices.
        parents: −1 for roots; parents come first.
        local: Rotations relative to the parents, unit quaternions; used for singular matrices.
    """
    out, sharp = _orthogonal(matrices)
    for i in np.flatnonzero(~sharp):
        out[i] = R.multiply(out[parents[i]], local[i]) if parents[i] >= 0 else local[i]
    return out


def _orthogonal(matrices: Float[ndarray, "n 3 3"]) -> tuple[Float[ndarray, "n 4"], ndarray]:
    """Return the rotations of the matrices' polar decompositions, and which are not singular.

    A mirroring matrix is negated first.
    """
    u, stretch, v = np.linalg.svd(matrices)
    q = u @ v
    q *= np.sign(np.linalg.det(q))[:, None, None]
    return R.from_matrix(q), stretch[:, 2] > _FLAT * np.maximum(stretch[:, 0], 1e-30)


def nearest_rotation(m: Float[ndarray, "*n 3 3"], exact: bool = False) -> Float[ndarray, "*n 4"]:
    """Return the rotation nearest to a matrix, by its singular value decomposition.

    Args:
        m: The matrices.
        exact: The matrices are rotations times a scale, up to rounding.
    """
    if exact:
        return R.from_matrix(m / np.cbrt(np.linalg.det(m))[..., None, None])
    u, _, v = np.linalg.svd(m)
    u[..., :, 2] *= np.sign(np.linalg.det(u @ v))[..., None]
    return R.from_matrix(u @ v)


def aimed(
    skeleton: Skeleton,
    world: Float[ndarray, "frames joints 4"],
    positions: Float[ndarray, "frames joints 3"],
    uneven: Bool[ndarray, "joints"],
) -> Float[ndarray, "frames joints 4"]:
    """Return rotations with which joints of unequal scale point where their next joint is.

    The rotation nearest to a sheared matrix may be far from the direction of the bone. Joints with
    no next joint or several keep their rotations.

    Args:
        skeleton: The joints.
        world: World rotations of the joints.
        positions: Positions of the joints, in the same axes and any unit.
        uneven: Joints that are scaled unequally, or below one.
    """
    out = world.copy()
    for joint in np.flatnonzero(uneven):
        below = skeleton.children(int(joint))
        if len(below) != 1:
            continue
        bone = R.apply(world[:, joint], skeleton.offsets[below[0]])
        aim = positions[:, below[0]] - positions[:, joint]
        turn = R.between(R.normalize(bone), R.normalize(aim))
        out[:, joint] = R.multiply(turn, world[:, joint])
    return out


def bind_pose(
    bound: dict[int, Float[ndarray, "4 4"] | None],
    parents: ndarray,
    worlds: Float[ndarray, "nodes 4 4"],
    rest: Float[ndarray, "nodes 4"],
) -> tuple[TreePose, ...]:
    """Return the bind pose of the skins, if it differs from the nodes' pose.

    Args:
        bound: Joint to its world matrix when its skin was bound; None where unknown.
        parents: −1 for roots.
        worlds: World matrices at rest.
        rest: World rotations at rest.

    Returns:
        The pose, or an empty tuple. Nodes outside all skins move with their parents.
    """
    known = {j: m for j, m in bound.items() if m is not None}
    if not known:
        return ()
    at = np.array(sorted(known))
    matrices = np.array([known[j] for j in at])
    turns, sharp = _orthogonal(matrices[:, :3, :3])
    if np.max(R.distance(turns[sharp], rest[at[sharp]]), initial=0.0) < _SAME_POSE:
        return ()
    positions, rotations = worlds[:, :3, 3].copy(), rest.copy()
    own = {
        int(j): (m[:3, 3], q) for j, m, q, s in zip(at, matrices, turns, sharp, strict=True) if s
    }
    for i, parent in enumerate(parents):
        if i in own:
            positions[i], rotations[i] = own[i]
        elif parent >= 0:
            moved = R.multiply(rotations[parent], R.conjugate(rest[parent]))
            positions[i] = positions[parent] + R.apply(
                moved, worlds[i, :3, 3] - worlds[parent, :3, 3]
            )
            rotations[i] = R.multiply(moved, rest[i])
    return (TreePose("bind", positions, rotations),)
