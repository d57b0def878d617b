"""glTF animation: a Motion added to a character's GLB or VRM, and a GLB's animation read as a Motion.

The character's document is kept: everything that was in it stays as it was, to the byte in the binary chunk and to the value in the
JSON; one animation, one buffer view and a few accessors come after what is there. glTF's frame is mocap's own, so nothing is turned.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap import rotation as R
from mocap.errors import InputError
from mocap.formats import glb
from mocap.motion import Motion
from mocap.skeleton import Skeleton

_FLOAT = 5126
# A channel within this of its rest is left out: the node's own rest says the same. Radians and metres.
_STILL = 1e-6
# How far a rig's joint may lie from the motion's at rest before the motion was evidently made for another body.
_SAME_PLACE, _SAME_TURN = 1e-3, np.radians(0.5)


@glb.damage_named()
def dumps(motion: Motion, rig: bytes, name: str = "mocap") -> bytes:
    """The rig's GLB (or VRM) with the motion added as an animation, times counted from 0.

    The motion's joints are found among the rig's nodes by name, or, in a VRM, by the humanoid bone of that name; the root joint moves
    and turns, the others turn. The motion must already be on this rig's skeleton (`retarget` before).
    Raises InputError if a joint is not in the rig, or rests elsewhere than in the rig, or if the motion has no frames.
    """
    if len(motion) == 0:
        raise InputError("A motion without frames cannot be written as glTF.")
    document, binary = glb.split(rig)
    nodes = _nodes_of(document, motion.skeleton)
    rest = _rest_of(document, nodes, motion.skeleton.parents, motion.skeleton.names)
    _check_rest(motion.skeleton, rest)

    root = R.apply(R.conjugate(rest.turns[0]), motion.root_positions - rest.place) / rest.scale
    rotations = R.unroll(R.normalize(R.multiply(R.conjugate(rest.turns), motion.rotations)))

    pieces = [(motion.times - motion.times[0]).astype("<f4")]
    if np.any(np.diff(pieces[0]) <= 0):
        raise InputError("The motion's frames are too close in time for glTF, whose times are 32-bit numbers.")
    poses = [glb.node_pose(document["nodes"][n]) for n in nodes]
    targets = []
    for joint, node in enumerate(nodes):
        rest_place, rest_turn, _ = poses[joint]
        if joint == 0 and np.max(np.abs(root - rest_place)) > _STILL:
            pieces.append(root.astype("<f4"))
            targets.append({"node": node, "path": "translation"})
        # A root that does not move still names the animation's subject; a file without any channel would not be valid.
        if joint == 0 or np.max(R.distance(rest_turn, rotations[:, joint])) > _STILL:
            pieces.append(rotations[:, joint].astype("<f4"))
            targets.append({"node": node, "path": "rotation"})
    return glb.join(*_with_animation(document, binary, name, pieces, targets))


def _humanoid(document: glb.Document) -> dict[str, int]:
    """bone → node of a VRM 1.0 humanoid; empty for other files."""
    bones = document.get("extensions", {}).get("VRMC_vrm", {}).get("humanoid", {}).get("humanBones", {})
    return {bone: entry["node"] for bone, entry in bones.items()}


def _skinned(document: glb.Document) -> set[int]:
    return {joint for skin in document.get("skins", []) for joint in skin["joints"]}


def _nodes_of(document: glb.Document, skeleton: Skeleton) -> list[int]:
    """The node of each joint. Raises InputError naming the joints that have none."""
    by_bone = _humanoid(document)
    # Names need not be unique in glTF: a joint goes before a mesh of its name, and "name.7" (as `loads_animation` says it) is node 7.
    joints = _skinned(document)
    by_name: dict[str, int] = {}
    for index, node in sorted(enumerate(document.get("nodes", [])), key=lambda item: item[0] not in joints):
        by_name.setdefault(node.get("name", f"node{index}"), index)
        by_name.setdefault(f"{node.get('name')}.{index}", index)
    # One vocabulary for the whole skeleton: a VRM may well have a mesh called "head" beside its humanoid bone.
    tables = [t for t in (by_bone, by_name) if all(n in t for n in skeleton.names)]
    if not tables:
        missing = [n for n in skeleton.names if n not in by_name and n not in by_bone]
        raise InputError(
            f"The rig has no node for these of the motion's joints: {', '.join(missing)}. Retarget the motion to the rig first; "
            f"the rig's nodes are {', '.join(list(by_name)[:60])}."
        )
    return [tables[0][n] for n in skeleton.names]


@dataclass(frozen=True, eq=False, slots=True)
class _Rest:
    """How a document's nodes rest, as a skeleton's joints. Nodes may stand between a joint and its parent joint, and above the root.

    offsets: (J, 3) metres in the parent joint's frame, the root's in the world. rotations: (J, 4) q_parent_joint. turns: (J, 4), the
    rotation of what stands between: q_parent_node. place, scale: of what stands above the root: world = place + scale · turns[0] · local.
    """

    offsets: Float[ndarray, "joints 3"]
    rotations: Float[ndarray, "joints 4"]
    turns: Float[ndarray, "joints 4"]
    place: Float[ndarray, " 3"]
    scale: float


def _rest_of(document: glb.Document, nodes: list[int], parents: ndarray, names: tuple[str, ...]) -> _Rest:
    """The rest of the joints that are these nodes, parents before children. Raises InputError if a joint is not below its parent."""
    above = glb.node_parents(document)
    offsets, rotations, turns = [], [], []
    units: list[float] = []
    root_place, root_scale = np.zeros(3), 1.0
    for joint, node in enumerate(nodes):
        parent = nodes[parents[joint]] if joint else -1
        place, turn, scale = np.zeros(3), R.IDENTITY, 1.0
        at = above[node]
        while at != parent:
            if at < 0:
                raise InputError(f"In the motion the joint {names[joint]!r} hangs from {names[parents[joint]]!r}, in the rig it does not.")
            translation, rotation, size = glb.node_pose(document["nodes"][at])
            factor = _uniform_scale(size, document["nodes"][at])
            place = translation + factor * R.apply(rotation, place)
            turn, scale = R.multiply(rotation, turn), factor * scale
            at = above[at]
        if joint == 0:
            root_place, root_scale, unit = place, scale, 1.0
        else:
            node_above = document["nodes"][parent]
            unit = units[parents[joint]] * _uniform_scale(glb.node_pose(node_above)[2], node_above)
        translation, rotation, _ = glb.node_pose(document["nodes"][node])
        offsets.append(unit * (place + scale * R.apply(turn, translation)))
        rotations.append(R.multiply(turn, rotation))
        turns.append(turn)
        units.append(unit * scale)
    return _Rest(np.array(offsets), np.array(rotations), np.array(turns), root_place, root_scale)


def _check_rest(skeleton: Skeleton, rest: _Rest) -> None:
    """Raises InputError if the joints rest otherwise in the rig than in the motion: it was made for another body."""
    away = np.linalg.norm(rest.offsets - skeleton.offsets, axis=1)
    turned = R.distance(rest.rotations, skeleton.rest_rotations)
    # The root goes where the motion says, so where it rests does not matter.
    wrong = [j for j in range(1, len(away)) if away[j] > _SAME_PLACE or turned[j] > _SAME_TURN]
    if wrong:
        raise InputError(
            f"The motion is not on this rig's skeleton: {skeleton.names[wrong[0]]!r} rests {1000 * away[wrong[0]]:.0f} mm and "
            f"{np.degrees(turned[wrong[0]]):.0f}° from where the rig has it. Retarget the motion to the rig first."
        )


def _uniform_scale(size: Float[ndarray, " 3"], node: glb.Document) -> float:
    if np.ptp(size) > 1e-3 * abs(size[0]) or size[0] <= 0:
        raise InputError(
            f"The node {node.get('name')!r} is scaled by {size.round(4).tolist()}: joints can be read only if scaled alike in all axes."
        )
    return float(size.mean())


def _with_animation(
    document: glb.Document, binary: bytes, name: str, pieces: list[ndarray], targets: list[dict[str, object]]
) -> tuple[glb.Document, bytes]:
    """A copy of the document with an animation. pieces: the times, then each target's values, float32."""
    # Only the lists that grow are copied: the rest is the caller's, unchanged.
    document = dict(document)
    for key in ("buffers", "bufferViews", "accessors", "animations"):
        document[key] = list(document.get(key, []))
    if document["buffers"] and "uri" in document["buffers"][0]:
        raise InputError("The rig's buffer is not inside the GLB file; save it with everything embedded.")
    if not document["buffers"]:
        document["buffers"].append({"byteLength": 0})
    start = document["buffers"][0]["byteLength"]
    start += -start % 4
    data = binary[: document["buffers"][0]["byteLength"]].ljust(start, b"\0") + b"".join(p.tobytes() for p in pieces)
    document["buffers"][0] = {**document["buffers"][0], "byteLength": len(data)}

    view, first = len(document["bufferViews"]), len(document["accessors"])
    document["bufferViews"].append({"buffer": 0, "byteOffset": start, "byteLength": len(data) - start})
    offset = 0
    for piece in pieces:
        kind = "SCALAR" if piece.ndim == 1 else f"VEC{piece.shape[1]}"
        entry: glb.Document = {"bufferView": view, "byteOffset": offset, "componentType": _FLOAT, "count": len(piece), "type": kind}
        if piece.ndim == 1:
            entry |= {"min": [float(piece[0])], "max": [float(piece[-1])]}
        document["accessors"].append(entry)
        offset += piece.nbytes
    samplers = [{"input": first, "output": first + 1 + i, "interpolation": "LINEAR"} for i in range(len(targets))]
    channels = [{"sampler": i, "target": target} for i, target in enumerate(targets)]
    document["animations"].append({"name": name, "channels": channels, "samplers": samplers})
    return document, data


@glb.damage_named()
def loads_animation(data: bytes) -> Motion:
    """A GLB's first animation, on its own nodes as the skeleton: the joints of its skins, VRM bones, and what the animation moves.

    The skeleton's root is the lowest node above all of these that moves or branches, or the node below it that travels with most of them;
    rests of nodes above it are taken into it. Times are the keys of all channels together; LINEAR, STEP and CUBICSPLINE are read. Bones do
    not stretch in a Motion, so translations below the root and scales are left at rest. Without an animation there is one frame, the rest.
    Raises InputError if the file has no joints, or cannot be read.
    """
    document, binary = glb.split(data)
    animations = document.get("animations", [])
    tracks = _tracks(document, binary, animations[0]) if animations else {}
    joints = _joint_nodes(document, tracks)
    parents = glb.node_parents(document)
    poses = [glb.node_pose(document["nodes"][n]) for n in joints]
    times = np.unique(np.concatenate([t for t, _, _ in tracks.values()])) if tracks else np.zeros(1)

    above = np.array([-1] + [joints.index(parents[n]) for n in joints[1:]])
    names = _names(document, joints)
    rest = _rest_of(document, joints, above, names)
    rotations = [
        np.tile(turn, (len(times), 1)) if (track := tracks.get((node, "rotation"))) is None else _sampled(times, *track, turning=True)
        for node, (_, turn, _) in zip(joints, poses, strict=True)
    ]
    moved = tracks.get((joints[0], "translation"))
    root = np.tile(poses[0][0], (len(times), 1)) if moved is None else _sampled(times, *moved, turning=False)
    world = rest.place + rest.scale * R.apply(rest.turns[0], root)
    turned = R.unroll(R.normalize(R.multiply(rest.turns, np.stack(rotations, axis=1))))
    return Motion(Skeleton(names, above, rest.offsets, rest.rotations), times, world, turned)


_Track = tuple[ndarray, ndarray, str]


def _tracks(document: glb.Document, binary: bytes, animation: glb.Document) -> dict[tuple[int, str], _Track]:
    """(node, path) → (times, values, interpolation), rotations and translations only."""
    tracks = {}
    for channel in animation["channels"]:
        target = channel["target"]
        if "node" in target and target["path"] in ("rotation", "translation"):
            sampler = animation["samplers"][channel["sampler"]]
            times, values = (glb.accessor(document, binary, sampler[k]) for k in ("input", "output"))
            tracks[target["node"], target["path"]] = (times, values, sampler.get("interpolation", "LINEAR"))
    return tracks


def _sampled(
    times: Float[ndarray, " frames"], keys: ndarray, values: ndarray, interpolation: str, turning: bool
) -> Float[ndarray, "frames n"]:
    """The values at the times, held before the first key and after the last (glTF 2.0, appendix C)."""
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
    """Whether a track does more than repeat one value with a rounding error."""
    return bool(np.max(np.ptp(track[1], axis=0)) > 1e-4 * np.max(np.abs(track[1])))


def _joint_nodes(document: glb.Document, tracks: dict[tuple[int, str], _Track]) -> list[int]:
    """The nodes of the skeleton, parents before children, its root first."""
    parents = glb.node_parents(document)
    animated = {node for node, _ in tracks}
    wanted = animated | _skinned(document) | set(_humanoid(document).values())
    if not wanted:
        raise InputError("The GLB file has no skin, no VRM 1.0 humanoid and no animation, so there is no skeleton in it.")
    paths = []
    for node in sorted(wanted):
        path = [node]
        while parents[path[0]] >= 0:
            path.insert(0, parents[path[0]])
        paths.append(path)
    kept = {n for path in paths for n in path}
    tops = {path[0] for path in paths}
    if len(tops) > 1:
        # Several trees: the skeleton is the largest, and what else moves (a prop, a camera) is not part of it.
        sizes = {top: sum(path[0] == top for path in paths) for top in sorted(tops)}
        tops = {max(sizes, key=lambda top: sizes[top])}
    root = tops.pop()
    while root not in animated and len(below := [c for c in document["nodes"][root].get("children", []) if c in kept]) == 1:
        root = below[0]
    # Hips that travel below nodes that stay (with the handles of inverse kinematics beside them): the body begins at the hips.
    moving = {node: {path for n, path in tracks if n == node and _varies(tracks[n, path])} for node in animated}
    for path in paths:
        first = next((node for node in path if moving.get(node)), root)
        if root in path and "translation" in moving.get(first, ()) and sum(first in p for p in paths) > 0.5 * len(paths):
            root = first
    order, queue = [], [root]
    while queue:
        node = queue.pop(0)
        order.append(node)
        queue += [c for c in document["nodes"][node].get("children", []) if c in kept]
    return order


def _names(document: glb.Document, nodes: list[int]) -> tuple[str, ...]:
    """The nodes' names, made unique with the node's number where they are not (glTF does not ask for it)."""
    names = [document["nodes"][n].get("name", f"node{n}") for n in nodes]
    return tuple(name if names.count(name) == 1 else f"{name}.{node}" for name, node in zip(names, nodes, strict=True))
