"""glTF animations as Motions, on the skeleton of a rig or on the file's own nodes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from mocap.core import kinematics
from mocap.core import rotation as R
from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.core.skeleton import Skeleton
from mocap.errors import InputError
from mocap.formats.gltf import glb, rest_nodes
from mocap.formats.gltf.document import loads_document, nodes_of
from mocap.formats.gltf.embed import embedded
from mocap.formats.gltf.keys import Track, Tracks, sampled, times_of, tracks_of, turned_together
from mocap.formats.trees import aimed, nearest_rotation

# Matrices whose rotations are computed at once.
_AT_ONCE = 4096


@glb.damage_named()
def animations(data: bytes) -> list[str]:
    """Return the names of a document's animations; one without a name is "animation 3"."""
    return _names(loads_document(data)[0])


def _names(document: glb.Document) -> list[str]:
    return [
        str(a.get("name") or f"animation {i}") for i, a in enumerate(document.get("animations", []))
    ]


def chosen(document: glb.Document, animation: str | None) -> glb.Document:
    """Return one of the document's animations.

    Args:
        document: The document.
        animation: The animation's name; None for the first.

    Raises:
        InputError: There is no such animation; the message lists those there are.
    """
    names = _names(document)
    if not names:
        raise InputError("There is no animation in the file, only a character at rest.")
    if animation is not None and animation not in names:
        raise InputError(
            f"There is no animation {animation!r} in the file; it has {', '.join(names)}."
        )
    found: glb.Document = document["animations"][0 if animation is None else names.index(animation)]
    return found


@glb.damage_named()
def loads_on(rig: Rig, animation: str | None = None, folder: Path | None = None) -> Motion:
    """Return an animation in the rig's own document, on its skeleton and in mocap's world.

    Args:
        rig: Read from a glTF document.
        animation: The animation's name; None for the first.
        folder: The folder of the other files of a .gltf.

    Raises:
        InputError: As `chosen`.
    """
    document, binary, _ = loads_document(
        rig.source if folder is None else embedded(rig.source, folder)
    )
    tracks = tracks_of(document, binary, chosen(document, animation))
    nodes = nodes_of(document, rig)
    moving, parents = {node for node, _ in tracks}, glb.node_parents(document)
    top = nodes[0]
    while top >= 0 and top not in moving:
        top = parents[top]
    if top < 0 and not moving & set(nodes):
        name, *others = _names(document) if animation is None else [animation]
        warnings.warn(
            f"The animation {name!r} moves no joint of the character"
            + (f"; --animation chooses another: {', '.join(others[:6])}." if others else "."),
            stacklevel=2,
        )
    rest = rest_nodes.RestNodes(document)
    return _motion(rest, tracks, nodes, rig.skeleton, rig.turn, rig.unit)


@glb.damage_named()
def loads_animation(data: bytes) -> Motion:
    """Return a document's first animation, with the document's own nodes as the skeleton.

    The joints are those of the document's skins, VRM bones, and the nodes that the animation moves.
    The root is the lowest node above all of these that moves or branches, or the node below it that
    travels with most of them; the root's motion includes that of the nodes above it. Bones of
    a Motion do not stretch, so translations below the root and scales keep their values at rest.
    Without an animation the motion has one frame, the rest.

    Raises:
        InputError: The file has no joints, or cannot be read.
    """
    document, binary, _ = loads_document(data)
    found = document.get("animations", [])
    tracks = tracks_of(document, binary, found[0]) if found else {}
    rest = rest_nodes.RestNodes(document)
    joints = _joint_nodes(document, rest, tracks)
    places = {node: joint for joint, node in enumerate(joints)}
    above = np.array([-1] + [places[rest.parents[n]] for n in joints[1:]])
    names = glb.node_names(document)
    skeleton = _skeleton_of(rest, joints, above, tuple(names[n] for n in joints))
    return _motion(rest, tracks, joints, skeleton, R.IDENTITY, 1.0)


def _skeleton_of(
    rest: rest_nodes.RestNodes,
    joints: list[int],
    above: Int[ndarray, "joints"],
    names: tuple[str, ...],
) -> Skeleton:
    """Return the skeleton of nodes at rest, in the document's world.

    Args:
        rest: All nodes at rest.
        joints: The joints' nodes, parents before children.
        above: Index of each joint's parent among the joints; −1 for the root.
        names: The joints' names.
    """
    worlds = np.array([rest.world[n] for n in joints])
    # A mirroring matrix is negated, which leaves rotations away from rest in the world unchanged.
    sign = np.sign(np.linalg.det(worlds[:, :3, :3]))
    turns = nearest_rotation(worlds[:, :3, :3] * np.where(sign == 0, 1.0, sign)[:, None, None])
    offsets = worlds[:, :3, 3].copy()
    offsets[1:] = R.apply(R.conjugate(turns[above[1:]]), offsets[1:] - offsets[above[1:]])
    local = turns.copy()
    local[1:] = R.multiply(R.conjugate(turns[above[1:]]), turns[1:])
    return Skeleton(names, above, offsets, local)


def _motion(
    rest: rest_nodes.RestNodes,
    tracks: Tracks,
    nodes: list[int],
    skeleton: Skeleton,
    turn: Float[ndarray, "4"],
    unit: float,
) -> Motion:
    """Return the movement of nodes as a motion.

    A point p of the document's world is unit · turn(p) in mocap's world.

    Args:
        rest: All nodes at rest.
        tracks: The animation's tracks.
        nodes: The joints' nodes.
        skeleton: The nodes at rest, in mocap's world.
        turn: Rotation from the document's axes to mocap's.
        unit: Metres in one unit of the document.
    """
    if all(rest.flat[node] for node in nodes):
        raise InputError(
            "The nodes of the skeleton are scaled to nothing along an axis, so they have no "
            "rotations."
        )
    times = times_of(tracks)
    now = worlds(rest, tracks, times, nodes[0])
    at_rest = kinematics.global_rotations(skeleton, skeleton.rest_rotations)
    world = np.tile(at_rest, (len(times), 1, 1))
    for exact in (False, True):
        sharp = [j for j, n in enumerate(nodes) if rest.conformal[n] == exact and not rest.flat[n]]
        for joints in _groups(sharp, len(times)):
            own = [nodes[j] for j in joints]
            linear = [now.get(n, rest.world[n])[..., :3, :3] for n in own]
            linear = [np.broadcast_to(m, (len(times), 3, 3)) for m in linear]
            back = np.linalg.inv(np.array([rest.world[n][:3, :3] for n in own]))
            away = nearest_rotation(np.stack(linear, axis=1) @ back, exact)
            away = R.multiply(R.multiply(turn, away), R.conjugate(turn))
            world[:, joints] = R.multiply(away, at_rest[joints])
    uneven = np.array([not rest.conformal[n] or rest.uneven[n] for n in nodes])
    if uneven.any():
        places = [now.get(n, rest.world[n])[..., :3, 3] for n in nodes]
        positions = np.stack([np.broadcast_to(p, (len(times), 3)) for p in places], axis=1)
        world = aimed(skeleton, world, R.apply(turn, positions), uneven)
    root = np.broadcast_to(now.get(nodes[0], rest.world[nodes[0]])[..., :3, 3], (len(times), 3))
    local = R.unroll(R.normalize(kinematics.local_rotations(skeleton, world)))
    return Motion(skeleton, times, unit * R.apply(turn, root), local)


def _groups(joints: list[int], frames: int) -> Iterator[list[int]]:
    """Yield the joints in groups of about `_AT_ONCE` matrices: many joints of few frames."""
    size = max(1, _AT_ONCE // frames)
    for start in range(0, len(joints), size):
        yield joints[start : start + size]


def worlds(
    rest: rest_nodes.RestNodes, tracks: Tracks, times: Float[ndarray, "frames"], root: int
) -> dict[int, Float[ndarray, "frames 4 4"]]:
    """Return the world matrices of the moving nodes, in the document's world.

    Only translations of the root and of the nodes above it are applied.

    Args:
        rest: The nodes at rest.
        tracks: The animation's tracks.
        times: Seconds.
        root: Index of the skeleton's root.

    Returns:
        Node to matrices (F, 4, 4).
    """
    moving: dict[int, ndarray] = {}
    together = turned_together(tracks, times, _AT_ONCE)
    travelling = {root}
    while (top := rest.parents[root]) >= 0:
        travelling.add(top)
        root = top
    for node in rest.order:
        above = rest.parents[node]
        scale = rest.poses[node][2]
        turned, moved = (
            tracks.get((node, "rotation")),
            tracks.get((node, "translation")) if node in travelling else None,
        )
        if turned is None and moved is None and above not in moving:
            continue
        local = np.tile(rest.local[node], (len(times), 1, 1))
        if turned is not None:
            found = together.get(node)
            if found is None:
                found = R.to_matrix(sampled(times, *turned, turning=True))
            local[:, :3, :3] = found * scale
        if moved is not None:
            local[:, :3, 3] = sampled(times, *moved, turning=False)
        moving[node] = (
            moving[above] if above in moving else rest.world[above] if above >= 0 else np.eye(4)
        ) @ local
    return moving


def _varies(track: Track) -> bool:
    """Return whether a track's values differ by more than a rounding error."""
    return bool(np.max(np.ptp(track[1], axis=0)) > 1e-4 * np.max(np.abs(track[1])))


def _joint_nodes(document: glb.Document, rest: rest_nodes.RestNodes, tracks: Tracks) -> list[int]:
    """Return the nodes of the skeleton, parents before children; linear in the nodes."""
    parents = rest.parents
    animated = {node for node, _ in tracks}
    wanted = animated | _skinned(document) | set(_humanoid(document).values())
    if not wanted:
        raise InputError(
            "The GLB file has no skin, no VRM 1.0 humanoid and no animation, so there is no "
            "skeleton in it."
        )
    # How many of these nodes are at or below each node.
    count = dict.fromkeys(wanted, 1)
    for node in reversed(rest.order):
        if node in count and parents[node] >= 0:
            count[parents[node]] = count.get(parents[node], 0) + count[node]
    below = {
        node: [c for c in document["nodes"][node].get("children", []) if c in count]
        for node in count
    }
    # Of several trees, the largest is the skeleton; others are props or cameras.
    root = max(sorted(n for n in count if parents[n] < 0), key=lambda top: count[top])
    while root not in animated and len(below[root]) == 1:
        root = below[root][0]
    # If the hips travel below nodes that do not move, the skeleton begins at the hips. Handles of
    # inverse kinematics stand beside them.
    moving = {key for key, track in tracks.items() if _varies(track)}
    ahead = [root]
    for node in ahead:  # the list grows in the loop
        if not {(node, "rotation"), (node, "translation")} & moving:
            ahead += below[node]
        elif (node, "translation") in moving and 2 * count[node] > len(wanted):
            root = node
    order = [root]
    for node in order:
        order += below[node]
    return order


def _humanoid(document: glb.Document) -> dict[str, int]:
    """Return bone → node of a VRM 1.0 humanoid; empty for other files."""
    bones = (
        document.get("extensions", {}).get("VRMC_vrm", {}).get("humanoid", {}).get("humanBones", {})
    )
    return {bone: entry["node"] for bone, entry in bones.items()}


def _skinned(document: glb.Document) -> set[int]:
    return {joint for skin in document.get("skins", []) for joint in skin["joints"]}
