"""glTF animations as Motions, on the skeleton of a rig or on the file's own nodes."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from mocap.core import kinematics
from mocap.core import rotation as R
from mocap.core.motion import MOST_FRAMES, Motion
from mocap.core.rig import Rig
from mocap.core.skeleton import Skeleton
from mocap.errors import InputError
from mocap.formats.gltf import glb, rest_nodes
from mocap.formats.gltf.document import loads_document, nodes_of
from mocap.formats.gltf.embed import embedded
from mocap.formats.trees import aimed, nearest_rotation

# Frames per second that fill long gaps between keys.
_FILLED = 30.0
# Seconds: no animation is longer; keys that span more have wrong times.
_LONGEST = 24 * 3600.0
# Gaps between keys that differ by less than this share are even.
_EVEN = 0.05

_Track = tuple[ndarray, ndarray, str]
Tracks = dict[tuple[int, str], _Track]
"""(node, "rotation" or "translation") → (times, values, interpolation)."""


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
    return _motion(document, tracks, nodes, rig.skeleton, rig.turn, rig.unit)


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
    above = np.array([-1] + [joints.index(rest.parents[n]) for n in joints[1:]])
    names = glb.node_names(document)
    skeleton = _skeleton_of(rest, joints, above, tuple(names[n] for n in joints))
    return _motion(document, tracks, joints, skeleton, R.IDENTITY, 1.0)


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
    document: glb.Document,
    tracks: Tracks,
    nodes: list[int],
    skeleton: Skeleton,
    turn: Float[ndarray, "4"],
    unit: float,
) -> Motion:
    """Return the movement of nodes as a motion.

    A point p of the document's world is unit · turn(p) in mocap's world.

    Args:
        document: The document.
        tracks: The animation's tracks.
        nodes: The joints' nodes.
        skeleton: The nodes at rest, in mocap's world.
        turn: Rotation from the document's axes to mocap's.
        unit: Metres in one unit of the document.
    """
    rest = rest_nodes.RestNodes(document)
    if all(rest.flat[node] for node in nodes):
        raise InputError(
            "The nodes of the skeleton are scaled to nothing along an axis, so they have no "
            "rotations."
        )
    times = times_of(tracks)
    now = worlds(rest, tracks, times, nodes[0])
    at_rest = kinematics.global_rotations(skeleton, skeleton.rest_rotations)
    world = np.tile(at_rest, (len(times), 1, 1))
    for joint, node in enumerate(nodes):
        if rest.flat[node]:
            continue
        linear_part = np.broadcast_to(
            now.get(node, rest.world[node])[..., :3, :3], (len(times), 3, 3)
        )
        away = nearest_rotation(
            linear_part @ np.linalg.inv(rest.world[node][:3, :3]), rest.conformal[node]
        )
        world[:, joint] = R.multiply(
            R.multiply(R.multiply(turn, away), R.conjugate(turn)), at_rest[joint]
        )
    uneven = np.array([not rest.conformal[n] or rest.uneven[n] for n in nodes])
    if uneven.any():
        places = [now.get(n, rest.world[n])[..., :3, 3] for n in nodes]
        positions = np.stack([np.broadcast_to(p, (len(times), 3)) for p in places], axis=1)
        world = aimed(skeleton, world, R.apply(turn, positions), uneven)
    root = np.broadcast_to(now.get(nodes[0], rest.world[nodes[0]])[..., :3, 3], (len(times), 3))
    local = R.unroll(R.normalize(kinematics.local_rotations(skeleton, world)))
    return Motion(skeleton, times, unit * R.apply(turn, root), local)


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
            local[:, :3, :3] = R.to_matrix(sampled(times, *turned, turning=True)) * scale
        if moved is not None:
            local[:, :3, 3] = sampled(times, *moved, turning=False)
        moving[node] = (
            moving[above] if above in moving else rest.world[above] if above >= 0 else np.eye(4)
        ) @ local
    return moving


def times_of(tracks: Tracks) -> Float[ndarray, "frames"]:
    """Return the times at which tracks are read, seconds; without tracks one frame at 0.

    They are the times of all keys. Long gaps are filled with frames, so that edits and contacts do
    not depend on where a file has keys. Keys of straight tracks stay as they are where they are
    evenly spaced or the same in all tracks, because they are frames then.

    Args:
        tracks: The animation's tracks.

    Raises:
        InputError: The keys span more than a day, or there are too many frames between them.
    """
    if not tracks:
        return np.zeros(1)
    keys = np.unique(np.concatenate([t for t, _, _ in tracks.values()]))
    gaps = np.diff(keys)
    if gaps.sum() > _LONGEST:
        raise InputError(
            f"The animation's keys span {gaps.sum():.3g} s, but an animation has at most a day: "
            "the times of its keys are wrong."
        )
    straight = all(kind == "LINEAR" for _, _, kind in tracks.values())
    framed = all(len(t) == len(keys) for t, _, _ in tracks.values())
    if not len(gaps) or (straight and (framed or np.ptp(gaps) <= _EVEN * gaps.max())):
        return keys
    parts = np.where(gaps * _FILLED > 1.5, np.ceil(gaps * _FILLED - 0.01), 1.0).astype(np.intp)
    if parts.sum() >= MOST_FRAMES:
        raise InputError(
            f"The animation has {parts.sum() + 1} frames, from {keys[0]:.6g} s to "
            f"{keys[-1]:.6g} s, and mocap reads at most {MOST_FRAMES}; export a shorter part of it."
        )
    begin = np.repeat(np.arange(len(gaps)), parts)
    within = np.arange(len(begin)) - np.repeat(np.cumsum(parts) - parts, parts)
    filled = keys[begin] + gaps[begin] * within / parts[begin]
    return np.append(filled, keys[-1])


def tracks_of(document: glb.Document, binary: bytes, animation: glb.Document) -> Tracks:
    """Return an animation's tracks of rotations and translations of nodes.

    Channels of KHR_animation_pointer are read if they move a node; a warning names the others.

    Args:
        document: The document.
        binary: Its binary chunk.
        animation: One of its animations.

    Raises:
        InputError: A track's times or values cannot be read.
    """
    tracks = {}
    elsewhere = []
    for channel in animation["channels"]:
        node, path = _target(channel["target"])
        if node is None:
            elsewhere.append(path)
        elif path in ("rotation", "translation"):
            sampler = animation["samplers"][channel["sampler"]]
            times, values = (
                glb.accessor(document, binary, sampler[k]) for k in ("input", "output")
            )
            kind = sampler.get("interpolation", "LINEAR")
            if wrong := _fault(times, values, kind):
                raise InputError(
                    f"The animation {animation.get('name', '')!r} cannot be read: the {path} of "
                    f"the node {glb.node_names(document)[node]!r} {wrong}."
                )
            tracks[node, path] = times, values, kind
    if elsewhere:
        more = f" and {len(elsewhere) - 6} more" if len(elsewhere) > 6 else ""
        warnings.warn(
            f"Animated, but no part of a motion: {', '.join(elsewhere[:6])}{more}.", stacklevel=3
        )
    return tracks


def _fault(times: ndarray, values: ndarray, kind: str) -> str | None:
    """Return what is wrong with a track, as the end of a sentence; None for a valid track."""
    needed = len(times) * (3 if kind == "CUBICSPLINE" else 1)
    if len(values) != needed:
        return f"has {len(times)} keys but {len(values)} values instead of {needed}"
    if not len(times):
        return "has no keys"
    if not (np.all(np.isfinite(times)) and np.all(np.isfinite(values))):
        return "has NaN or infinity in its keys"
    if np.any(np.diff(times) < 0.0):
        return "has keys whose times are not in order"
    return None


def _target(target: glb.Document) -> tuple[int | None, str]:
    """Returns the node and the property that a channel moves; for other things, None and a name."""
    if target["path"] != "pointer":
        node = target.get("node")
        return node, str(target["path"]) if node is not None else "a channel without a node"
    pointer = str(target.get("extensions", {}).get("KHR_animation_pointer", {}).get("pointer"))
    found = re.fullmatch(r"/nodes/(\d{1,9})/(rotation|translation|scale|weights)", pointer)
    return (int(found[1]), found[2]) if found else (None, pointer[:80])


def sampled(
    times: Float[ndarray, " frames"],
    keys: ndarray,
    values: ndarray,
    interpolation: str,
    turning: bool,
) -> Float[ndarray, "frames n"]:
    """Return interpolated values (glTF 2.0, appendix C), constant beyond the first and last key.

    Args:
        times: Seconds at which the values are computed.
        keys: (K,) seconds of the keys.
        values: (K, n) the keys' values; with CUBICSPLINE (3 K, n): in-tangent, value, out-tangent.
        interpolation: "LINEAR", "STEP" or "CUBICSPLINE".
        turning: Whether the values are quaternions.
    """
    upper = np.clip(np.searchsorted(keys, times, side="right"), 1, max(len(keys) - 1, 1))
    lower = upper - 1
    upper = np.minimum(upper, len(keys) - 1)
    span = keys[upper] - keys[lower]
    t = np.clip((times - keys[lower]) / np.where(span > 0, span, 1.0), 0.0, 1.0)
    if interpolation == "CUBICSPLINE":
        into, value, out = values.reshape(len(keys), 3, -1).transpose(1, 0, 2)
        t, d = t[:, None], span[:, None]
        at = (2 * t**3 - 3 * t**2 + 1) * value[lower] + d * (t**3 - 2 * t**2 + t) * out[lower]
        at += (-2 * t**3 + 3 * t**2) * value[upper] + d * (t**3 - t**2) * into[upper]
        return R.normalize(at) if turning else at
    if interpolation == "STEP":
        return np.asarray(values[np.where(t < 1.0, lower, upper)])
    if turning:
        values = R.normalize(values)
        return R.slerp(values[lower], values[upper], t)
    return np.asarray(values[lower] + t[:, None] * (values[upper] - values[lower]))


def _varies(track: _Track) -> bool:
    """Return whether a track's values differ by more than a rounding error."""
    return bool(np.max(np.ptp(track[1], axis=0)) > 1e-4 * np.max(np.abs(track[1])))


def _joint_nodes(document: glb.Document, rest: rest_nodes.RestNodes, tracks: Tracks) -> list[int]:
    """Return the nodes of the skeleton, parents before children."""
    parents = rest.parents
    animated = {node for node, _ in tracks}
    wanted = animated | _skinned(document) | set(_humanoid(document).values())
    if not wanted:
        raise InputError(
            "The GLB file has no skin, no VRM 1.0 humanoid and no animation, so there is no "
            "skeleton in it."
        )
    paths = []
    for node in sorted(wanted):
        path = [node]
        while parents[path[0]] >= 0:
            path.insert(0, parents[path[0]])
        paths.append(path)
    kept = {n for path in paths for n in path}
    tops = {path[0] for path in paths}
    if len(tops) > 1:
        # Of several trees, the largest is the skeleton; others are props or cameras.
        sizes = {top: sum(path[0] == top for path in paths) for top in sorted(tops)}
        tops = {max(sizes, key=lambda top: sizes[top])}
    root = tops.pop()
    while (
        root not in animated
        and len(below := [c for c in document["nodes"][root].get("children", []) if c in kept]) == 1
    ):
        root = below[0]
    # If the hips travel below nodes that do not move, the skeleton begins at the hips. Handles of
    # inverse kinematics stand beside them.
    moving = {
        node: {path for n, path in tracks if n == node and _varies(tracks[n, path])}
        for node in animated
    }
    for path in paths:
        first = next((node for node in path if moving.get(node)), root)
        if (
            root in path
            and "translation" in moving.get(first, ())
            and sum(first in p for p in paths) > 0.5 * len(paths)
        ):
            root = first
    order, queue = [], [root]
    while queue:
        node = queue.pop(0)
        order.append(node)
        queue += [c for c in document["nodes"][node].get("children", []) if c in kept]
    return order


def _humanoid(document: glb.Document) -> dict[str, int]:
    """Return bone → node of a VRM 1.0 humanoid; empty for other files."""
    bones = (
        document.get("extensions", {}).get("VRMC_vrm", {}).get("humanoid", {}).get("humanBones", {})
    )
    return {bone: entry["node"] for bone, entry in bones.items()}


def _skinned(document: glb.Document) -> set[int]:
    return {joint for skin in document.get("skins", []) for joint in skin["joints"]}
