"""A character's file as a Rig: its skeleton in mocap's frame, in metres, and its T-pose."""

from __future__ import annotations

import itertools
import os
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap import formats
from mocap.core import rotation as R
from mocap.core.rig import Found, Rig, Tree, TreePose
from mocap.core.skeleton import BONES, HUMANOID, Skeleton, bone_before
from mocap.errors import InputError
from mocap.formats.table import Format, by_content
from mocap.rig import mapfile, rest, stance
from mocap.rig import tree as T
from mocap.rig.mapping import map_bones
from mocap.rig.reroot import from_hips
from mocap.rig.soles import standing_normals

_UP, _AHEAD = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])
# Files have their axes along the body's. A body turned at rest by less than this from an axis
# stands askew; by more, the file's axes differ. Radians.
_ASKEW = np.radians(20.0)
# A glTF body whose spine is this close to an axis other than up (a cosine) was exported lying down.
_LIES = np.cos(np.radians(20.0))
# Thigh and shank of an adult of 1.7 m (Winter, fig. 4.1), metres.
_LEGS = 0.83
# Metres per unit of a BVH, which does not state its unit, and the factor by which its legs may
# differ from an adult's for the unit to be assumed. Most tools write centimetres or metres, for
# children and giants too; inches, CMU's unit (1 inch / 0.45, from the FAQ of its database),
# decimetres and millimetres are assumed only for human-sized legs.
_UNITS = {0.01: 2.0, 1.0: 2.0, 0.0254: 1.3, 0.0254 / 0.45: 1.3, 0.1: 1.3, 0.001: 1.3}
# What tells the size of a body without legs, the surest first.
_SEGMENTS = (
    ("leftUpperArm", "leftLowerArm", "leftHand"),
    ("rightUpperArm", "rightLowerArm", "rightHand"),
    ("hips", "spine", "chest", "upperChest", "neck", "head"),
    ("leftHand", "leftMiddleProximal", "leftMiddleIntermediate"),
    ("rightHand", "rightMiddleProximal", "rightMiddleIntermediate"),
)
# From this many joints on, joints without a bone below them are left out, since a motion's size
# grows with their number.
_MANY = 1000


class Recognised(NamedTuple):
    """A character's file: its nodes, which of them are which bones, and its bytes."""

    tree: Tree
    found: dict[str, Found]
    source: bytes


def load_rig(
    path: str | os.PathLike[str],
    bone_map: dict[str, str] | None = None,
    character: str | None = None,
) -> Rig:
    """Reads the character in a file.

    Args:
        path: A file of any format in the table, told by its content.
        bone_map: Bone to node name, instead of what is recognised.
        character: Which character, in a file of several; by default the first humanoid.

    Raises:
        InputError: If the file cannot be read or holds no humanoid, if bone_map does not fit it
            (`mapfile.apply`), or if there is no such character.
    """
    path = Path(path)
    tree, found, source = recognise(path, bone_map, character)
    with formats.naming(path):
        return make_rig(tree, found, path.stem, source)


def recognise(
    path: Path, bone_map: dict[str, str] | None = None, character: str | None = None
) -> Recognised:
    """Read a file's nodes and recognise the bones among them.

    Args:
        path: As in `load_rig`.
        bone_map: As in `load_rig`.
        character: As in `load_rig`.
    """
    source = formats.read(path)
    with formats.naming(path):
        entry = by_content(source)
        names = entry.characters(source) if bone_map is None and character is None else []
        if names:
            bodies = _humanoids(entry, source, path.parent, names)
            if len(bodies) > 1:
                warnings.warn(
                    f"{path} holds {len(bodies)} characters ({', '.join(bodies)}); the first is "
                    "taken (--character NAME chooses).",
                    stacklevel=3,
                )
            if bodies:
                return next(iter(bodies.values()))
        tree = from_hips(entry.tree(source, path.parent, character))
        found = map_bones(tree) if bone_map is None else mapfile.apply(tree, bone_map)
        return Recognised(tree, found, source)


def _humanoids(
    entry: Format, source: bytes, folder: Path, names: list[str]
) -> dict[str, Recognised]:
    """Returns which of a file's characters are humanoids, by name."""
    bodies = {}
    for name in names:
        tree = from_hips(entry.tree(source, folder, name))
        try:
            bodies[name] = Recognised(tree, map_bones(tree), source)
        except InputError:
            continue
    return bodies


def make_rig(tree: Tree, found: dict[str, Found], name: str, source: bytes) -> Rig:
    """Make the rig of a document's nodes.

    Args:
        tree: The nodes.
        found: Bone → node.
        name: The rig's name.
        source: The file's bytes.

    Raises:
        InputError: The bones do not determine up and left, or cannot belong to one body.
    """
    nodes = {bone: found[bone].node for bone in BONES if bone in found}
    if len(set(nodes.values())) < len(nodes):
        twice = next(b for b in nodes if list(nodes.values()).count(nodes[b]) > 1)
        raise InputError(
            f"The node {tree.names[nodes[twice]]!r} cannot be two bones at once ({twice} and "
            f"another)."
        )
    parents = _hung(tree, nodes)
    kept = _kept(tree, parents, nodes)
    place = {int(n): j for j, n in enumerate(kept)}
    above = np.array([place.get(int(parents[n]), -1) for n in kept])
    bones = {bone: place[node] for bone, node in nodes.items()}

    poses = [TreePose("rest", tree.positions, tree.rotations), *tree.poses]
    poses = [TreePose(p.name, p.positions[kept], p.rotations[kept]) for p in poses]
    best = stance.neutral(poses, bones)
    turn = world_turn(tree.kind, poses, best, bones)
    poses = [
        TreePose(p.name, R.apply(turn, p.positions), R.multiply(turn, p.rotations))
        for p in (poses[0], best)
    ]
    unit = _unit(tree.kind, poses[1], bones)

    skeleton = _skeleton(tuple(tree.names[n] for n in kept), above, poses, unit, tree, kept)
    normals = {}
    if tree.motion is not None and best.name.startswith("frame"):
        normals = standing_normals(tree.motion, nodes, turn, stance.leg_length(best, bones))
    t_pose, aligned = rest.t_pose(skeleton, bones, poses[1], normals)
    joint_of = {bone: skeleton.names[j] for bone, j in bones.items()}
    return Rig(
        name,
        tree.kind,
        skeleton,
        joint_of,
        {b: found[b] for b in bones},
        t_pose,
        turn,
        unit,
        source,
        best.name,
        aligned,
    )


def _hung(tree: Tree, nodes: dict[str, int]) -> ndarray:
    """Return the nodes' parents, with each bone below the bone before it.

    Feet moved by inverse kinematics hang beside the body in some files, and some tools put the legs
    beside the hips.
    """
    parents = tree.parents.copy()
    for bone, node in nodes.items():
        before = bone_before(bone, nodes)
        if before is None or nodes[before] in T.path(parents, node):
            continue
        if node in T.path(parents, nodes[before]):
            raise InputError(
                f"{bone} cannot be {tree.names[node]!r} while {before} is "
                f"{tree.names[nodes[before]]!r}, which hangs below it in the file."
            )
        parents[node] = nodes[before]
    return parents


def _kept(tree: Tree, parents: ndarray, nodes: dict[str, int]) -> ndarray:
    """Return the nodes that become joints, parents first.

    From the lowest node above all bones, these are all nodes that lead to a bone or a skin.
    """
    root = T.fork(parents, nodes.values())
    if root is None:
        raise InputError(
            "The bones that were found stand in several trees of nodes, and so are no one body."
        )
    needed = np.zeros(len(parents), dtype=bool)
    needed[root] = True
    for node in nodes.values():
        needed[T.between(parents, root, node)] = True

    children = T.children(parents)
    order, stack = [], [root]
    while stack:
        node = stack.pop()
        order.append(node)
        stack += reversed(children[node])
    # A document without skins moves whole nodes: all nodes below the bones belong to them.
    wanted = needed | tree.joints | (not tree.joints.any())
    for node in reversed(order):  # what leads to a joint is a joint
        if wanted[node] and node != root:
            wanted[parents[node]] = True
    kept = [n for n in order if wanted[n]]
    return np.array(kept if len(kept) <= _MANY else [n for n in order if needed[n]])


def world_turn(
    kind: str, poses: list[TreePose], best: TreePose, bones: dict[str, int]
) -> Float[ndarray, " 4"]:
    """Return the rotation from the document's world to mocap's: +Y up, the rest pose faces +Z.

    In glTF, up is the specification's, unless the body plainly lies. A BVH's zero pose may use
    another frame than its motion, or be no pose of a body; then up comes from the frames that
    stand, and forward stays as it was, since a motion does not determine it.

    Args:
        kind: The document's kind.
        poses: The rest pose, then the others that the file shows.
        best: The pose nearest to standing.
        bones: Bone to node.
    """
    stands = stance.body_up(best, bones)
    up = _axis_near(stands, 0.5 * np.pi)
    performed = best.name.startswith("frame")
    if kind != "bvh":
        up = up if stands @ up > _LIES else _UP
    else:
        standing = [stance.body_up(p, bones) for p in poses[1:] if stance.stands(p, bones)]
        stood = R.normalize(np.median(standing, axis=0)) if standing else up
        turned = stood @ up < 0.5 and not stance.lies(poses[1:], bones, up, stood)
        if standing and (performed or turned):
            up, performed = _axis_near(stood, 0.5 * np.pi), True
    upright = R.between(up, _UP)
    if performed or stands @ up < 0.5:
        return upright
    ahead = _axis_near(
        R.normalize(R.apply(upright, stance.body_ahead(best, bones)) * [1.0, 0.0, 1.0]), _ASKEW
    )
    return R.multiply(R.from_axis_angle(_UP, -np.arctan2(ahead[0], ahead[2])), upright)


def _axis_near(v: Float[ndarray, " 3"], within: float) -> Float[ndarray, " 3"]:
    """Return the signed coordinate axis near a unit vector, or the vector.

    Near is within an angle, radians.
    """
    i = int(np.argmax(np.abs(v)))
    axis = np.eye(3)[i] * (1.0 if v[i] >= 0 else -1.0)
    return axis if np.arccos(np.clip(v @ axis, -1.0, 1.0)) < within else v


def _unit(kind: str, pose: TreePose, bones: dict[str, int]) -> float:
    """Return metres per unit of the document.

    It is 1 in glTF by its specification; in a BVH it is estimated from the legs.
    """
    if kind != "bvh":
        return 1.0
    legs = stance.leg_length(pose, bones)
    if not any(f"{s}{b}" in bones for s in ("left", "right") for b in ("UpperLeg", "LowerLeg")):
        legs = _legs_of_the_rest(pose, bones)
    if legs <= 0.0:
        raise InputError("The bones have no length, so the file's unit cannot be determined.")
    strays = {
        unit: abs(np.log(legs * unit / _LEGS)) / np.log(within) for unit, within in _UNITS.items()
    }
    unit = min(strays, key=lambda u: strays[u])
    # Legs that fit no unit are of an unknown one: the body is made an adult's.
    return unit if strays[unit] <= 1.0 else _LEGS / legs


def _legs_of_the_rest(pose: TreePose, bones: dict[str, int]) -> float:
    """Returns how long the legs would be, by HUMANOID's proportions, of a body without legs."""
    known = [HUMANOID.index(b) for b in BONES if b in bones]
    ours = HUMANOID.rest_positions()
    for chain in _SEGMENTS:
        ends = [b for b in chain if b in bones]
        if len(ends) > 1:
            size = float(
                sum(
                    np.linalg.norm(pose.positions[bones[b]] - pose.positions[bones[a]])
                    for a, b in itertools.pairwise(ends)
                )
            )
            theirs = float(
                sum(
                    np.linalg.norm(ours[HUMANOID.index(b)] - ours[HUMANOID.index(a)])
                    for a, b in itertools.pairwise(ends)
                )
            )
            return size / theirs * _leg(ours)
    spread = float(np.linalg.norm(np.ptp(ours[known], axis=0)))
    size = float(np.linalg.norm(np.ptp(pose.positions[[bones[BONES[k]] for k in known]], axis=0)))
    return size / spread * _leg(ours) if spread > 0 else 0.0


def _leg(positions: Float[ndarray, "55 3"]) -> float:
    hip, ankle = (positions[HUMANOID.index(f"left{b}")] for b in ("UpperLeg", "Foot"))
    return float(np.linalg.norm(hip - ankle))


def _skeleton(
    names: tuple[str, ...],
    parents: ndarray,
    poses: list[TreePose],
    unit: float,
    tree: Tree,
    kept: ndarray,
) -> Skeleton:
    """Return the joints at rest, metres; reparented nodes keep their place of the neutral pose."""
    rest_pose, best = poses
    offsets = np.empty((len(names), 3))
    rotations = rest_pose.rotations.copy()
    offsets[0] = rest_pose.positions[0]
    for pose, joints in (
        (rest_pose, np.arange(1, len(names))),
        (best, np.flatnonzero(tree.parents[kept] != kept[parents])[1:]),
    ):
        back = R.conjugate(pose.rotations[parents[joints]])
        offsets[joints] = R.apply(back, pose.positions[joints] - pose.positions[parents[joints]])
    rotations[1:] = R.multiply(
        R.conjugate(rest_pose.rotations[parents[1:]]), rest_pose.rotations[1:]
    )
    return Skeleton(names, parents, unit * offsets, R.normalize(rotations))
