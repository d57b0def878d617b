"""A Motion into the character's own glTF document:

GLB, VRM 0 and 1, or .gltf. (What is read of glTF animations: gltf_read.py.)

The document is kept: everything that was in it stays as it was, to the byte in the binary chunk and
to the value in the JSON; one animation, one buffer view and some accessors come after what is
there. Of the nodes that are there, only those that move and are given by a `matrix` change: glTF
lets only translation, rotation and scale be animated, so the matrix is written as these three.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import kinematics
from mocap.core import rotation as R
from mocap.core.heading import ground_path
from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.core.skeleton import BONE_PARENTS
from mocap.errors import InputError
from mocap.formats import glb, linear, morphs, reduce
from mocap.formats.tracks import Track, append

# A channel within this of its node's rest is left out: the rest says the same. Radians; with
# reduced keys, the tolerance itself.
_STILL = 1e-6
# How far a rig's joint may lie from the motion's at rest before the motion was evidently made for
# another body.
_SAME_PLACE, _SAME_TURN = 1e-3, np.radians(0.5)


def dumps(motion: Motion, rig: Rig, name: str = "mocap", all_keys: bool = False) -> bytes:
    """Return the rig's document with the motion added as an animation, times counted from 0.

    Args:
        motion: As in `animate`.
        rig: As in `animate`.
        name: Of the animation.
        all_keys: Keep every key.
    """
    return animate(motion, rig, name, all_keys)[0]


@glb.damage_named()
def animate(
    motion: Motion,
    rig: Rig,
    name: str = "mocap",
    all_keys: bool = False,
    ground: bool = False,
) -> tuple[bytes, int]:
    """Adds a motion to the rig's document as an animation, times counted from 0.

    Joints that leave their rest turn, the first one moves as well; meshes get weights where the
    motion's expressions are theirs. Keys are left out where slerp between the others is within
    0.1° (the path: 1 mm).

    Args:
        motion: On the rig's skeleton (`retarget` puts it there).
        rig: A character of a glTF document.
        name: The animation's name; a number is added if another has it.
        all_keys: Every frame is a key.
        ground: The node above the first joint carries path and heading, on the floor.

    Returns:
        The document's file, and how many bytes of keys were left out.

    Raises:
        InputError: If the motion is on another skeleton or has no frames, the rig is no glTF, or
            there is no node above its first joint for the ground.
    """
    if rig.kind == "bvh":
        raise InputError(
            f"The rig {rig.name!r} is a BVH file, which holds no glTF document; write its motion "
            f"to a .bvh."
        )
    if len(motion) == 0:
        raise InputError("A motion without frames cannot be written as glTF.")
    check_skeleton(motion, rig)
    document, binary, is_glb = loads_document(rig.source)
    _check_whole(document, binary, is_glb)
    nodes = nodes_of(document, rig)
    tracks = node_tracks(motion, rig, document, nodes, all_keys, ground)
    tracks += morph_tracks(motion, document)
    document = without_matrices(document, {t.node for t in tracks if t.path != "weights"})
    document, binary, saved = append(
        document, binary, name, motion.times, tracks, all_keys, chunk=is_glb
    )
    if is_glb:
        return glb.join(document, binary, glb.other_chunks(rig.source)), saved
    return glb.dumps_json(document, indent=2), saved


def loads_document(source: bytes) -> tuple[glb.Document, bytes, bool]:
    """(the JSON document, the binary chunk, whether it is a GLB) of a GLB or of a .gltf's text.

    Raises InputError.
    """
    if source[:4] == b"glTF" or not source.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return *glb.split(source), True
    try:
        document: Any = json.loads(source)
    except (ValueError, RecursionError) as error:
        raise InputError(f"The .gltf file's JSON cannot be read: {error}.") from None
    return document, b"", False


def _check_whole(document: glb.Document, binary: bytes, is_glb: bool) -> None:
    """Check the lists that something is added to, and that the document stays within its buffers.

    Raises:
        InputError: One of them is no list, or data is outside the buffers.
    """
    for key in ("buffers", "bufferViews", "accessors", "animations"):
        if not isinstance(document.get(key, []), list):
            raise InputError(
                f"The glTF document is damaged: its {key} are a {type(document[key]).__name__} "
                f"instead of a list."
            )
    buffers = document.get("buffers", [])
    if (
        is_glb
        and buffers
        and "uri" not in buffers[0]
        and binary
        and buffers[0]["byteLength"] > len(binary)
    ):
        raise InputError(
            f"The GLB file is damaged or cut off: its buffer should hold "
            f"{buffers[0]['byteLength']} bytes, but there are {len(binary)}."
        )
    for number, view in enumerate(document.get("bufferViews", [])):
        end = view.get("byteOffset", 0) + view["byteLength"]
        if end > buffers[view["buffer"]]["byteLength"]:
            raise InputError(
                f"The glTF document is damaged: bufferView {number} ends at byte {end} of a buffer "
                f"of "
                f"{buffers[view['buffer']]['byteLength']}."
            )


def check_skeleton(motion: Motion, rig: Rig) -> None:
    """Check that a motion fits a rig.

    Raises:
        InputError: Its joints are not the rig's, or rest elsewhere: it was made for another body.
    """
    mine, its = motion.skeleton, rig.skeleton
    if missing := [n for n in mine.names if n not in its.names]:
        raise InputError(
            f"The rig has no joints for these of the motion's: {', '.join(missing[:60])}. Retarget "
            f"the motion to the rig first; the rig's "
            f"joints are {', '.join(its.names[:60])}."
        )
    if mine.names != its.names or not np.array_equal(mine.parents, its.parents):
        raise InputError(
            "The motion's joints are the rig's in another order or hanging from others. Retarget "
            "the motion to the rig first."
        )
    away = np.linalg.norm(its.offsets - mine.offsets, axis=1)
    turned = R.distance(its.rest_rotations, mine.rest_rotations)
    # The root goes where the motion says, so where it rests does not matter.
    if wrong := [j for j in range(1, len(away)) if away[j] > _SAME_PLACE or turned[j] > _SAME_TURN]:
        raise InputError(
            f"The motion is not on this rig's skeleton: {mine.names[wrong[0]]!r} rests "
            f"{1000 * away[wrong[0]]:.0f} mm and "
            f"{np.degrees(turned[wrong[0]]):.0f}° from where the rig has it. Retarget the motion "
            f"to the rig first."
        )


def nodes_of(document: glb.Document, rig: Rig) -> list[int]:
    """The node of each of the rig's joints. Raises InputError if the document is another's."""
    by_name = {name: i for i, name in enumerate(glb.node_names(document))}
    if missing := [n for n in rig.skeleton.names if n not in by_name]:
        raise InputError(
            f"The rig's document has no nodes named {', '.join(missing[:60])}, which its skeleton "
            f"has."
        )
    return [by_name[n] for n in rig.skeleton.names]


def node_tracks(
    motion: Motion,
    rig: Rig,
    document: glb.Document,
    nodes: list[int],
    all_keys: bool,
    ground: bool = False,
) -> list[Track]:
    """Returns what the nodes must do so that each joint turns in the world as the motion's does.

    Args:
        motion: On the rig's skeleton; the tracks have a value for each of its frames.
        rig: The character.
        document: Its glTF document.
        nodes: As `nodes_of` gives them.
        all_keys: Joints that hardly leave their rest get a track as well.
        ground: As in `animate`.

    With D the joint's turn away from rest in the document's world and P its parent node's linear
    part as it is then, the node's own linear part must be P⁻¹·D·M, where M is its world's linear
    part at rest: exact for any bone axes, nodes between, mirrored and uniform scales. Below scales
    that differ by axis no rotation does that: the nearest is taken, turned on so that the bone
    points where it must.
    """
    rest = linear.RestNodes(document)
    turns, places = in_document(motion, rig)
    joint_of = {node: j for j, node in enumerate(nodes)}
    ahead = _bones_ahead(rig, nodes, rest)
    reach = kinematics.reaches(rig.skeleton)
    now: dict[int, ndarray] = {}  # node → (F or 1, 4, 4), to the world, for nodes that move
    joint_above: dict[int, int] = {-1: -1}  # node → the nearest joint that it is or hangs from
    tracks: list[Track] = []
    if ground:
        tracks, now = _carried(motion, rig, rest, nodes[0])
    for node in rest.order:
        above, j = rest.parents[node], joint_of.get(node)
        joint_above[node] = joint_above[above] if j is None else j
        if node in now:
            continue
        parent = now.get(above, (rest.world[above] if above >= 0 else np.eye(4))[None])
        place, turn, scale = rest.poses[node]
        if j is None or rest.flat[node]:
            if above in now:
                now[node] = parent @ rest.local[node]
            continue
        linear_part = parent[:, :3, :3]
        wanted = R.to_matrix(turns[:, j]) @ rest.world[node][:3, :3]
        rotation = linear.nearest_rotation(
            np.linalg.solve(linear_part, wanted / scale), rest.conformal[node]
        )
        if not rest.conformal[node] and j in ahead:
            aim = np.linalg.solve(linear_part, wanted @ ahead[j][:, None])[..., 0]
            rotation = R.multiply(
                R.between(R.normalize(R.apply(rotation, scale * ahead[j])), R.normalize(aim)),
                rotation,
            )
        # The first joint always turns: it names the animation's subject, and a file without any
        # channel would not be valid.
        tolerance = reduce.turning(reach[j])
        if j == 0 or np.max(R.distance(turn, rotation)) > (
            _STILL if all_keys else max(tolerance, _STILL)
        ):
            tracks.append(
                Track(node, "rotation", np.broadcast_to(rotation, (len(motion), 4)), tolerance)
            )
        else:
            rotation = turn[None]
        # The first joint moves; so does one that hangs from its bone in the rig alone (a foot that
        # stands beside the body in the file).
        moved = place[None]
        if j == 0 or joint_above[above] != rig.skeleton.parents[j]:
            moved = np.linalg.solve(linear_part, (places[:, j] - parent[:, :3, 3])[..., None])[
                ..., 0
            ]
            if np.abs(moved - place).max() > _STILL * max(1.0, float(np.abs(moved).max())):
                # A millimetre of the world is so much of the parent's units.
                unit = rig.unit * float(np.linalg.norm(linear_part[0], 2))
                tracks.append(
                    Track(
                        node,
                        "translation",
                        np.broadcast_to(moved, (len(motion), 3)),
                        reduce.SHARE * reduce.LENGTH / unit,
                    )
                )
        local = np.zeros((max(len(rotation), len(moved)), 4, 4))
        local[:, :3, :3] = R.to_matrix(rotation) * scale
        local[:, :3, 3], local[:, 3, 3] = moved, 1.0
        now[node] = parent @ local
    return tracks


def morph_tracks(motion: Motion, document: glb.Document) -> list[Track]:
    """Return the weights of the nodes whose morph targets the motion's expressions move."""
    return [
        Track(node, "weights", weights, reduce.WEIGHT)
        for node, weights in morphs.weights(document, motion.expressions)
        if np.ptp(weights, axis=0).any()
        or not np.allclose(weights[0], morphs.at_rest(document, node))
    ]


def _carried(
    motion: Motion, rig: Rig, rest: linear.RestNodes, first: int
) -> tuple[list[Track], dict[int, ndarray]]:
    """Returns the tracks of the node above the first joint, and its matrices to the world."""
    carrier = rest.parents[first]
    if carrier < 0:
        raise no_carrier(rig)
    above = rest.parents[carrier]
    outer = rest.world[above] if above >= 0 else np.eye(4)
    now = ground_matrices(motion, rig) @ rest.world[carrier]
    local = np.linalg.solve(outer, now)
    scale = rest.poses[carrier][2]
    rotation = R.unroll(linear.nearest_rotation(local[:, :3, :3] / scale))
    unit = rig.unit * float(np.linalg.norm(outer[:3, :3], 2))
    tracks = [
        Track(carrier, "rotation", rotation, reduce.ANGLE),
        Track(carrier, "translation", local[:, :3, 3], reduce.SHARE * reduce.LENGTH / unit),
    ]
    return tracks, {carrier: now}


def in_document(
    motion: Motion, rig: Rig
) -> tuple[Float[ndarray, "frames joints 4"], Float[ndarray, "frames joints 3"]]:
    """Return the joints' turns away from rest, and their places, in the document's world."""
    back = R.conjugate(rig.turn)
    at_rest = kinematics.global_rotations(rig.skeleton, rig.skeleton.rest_rotations)
    positions, world = kinematics.fk(motion.skeleton, motion.root_positions, motion.rotations)
    turns = R.multiply(R.multiply(back, R.multiply(world, R.conjugate(at_rest))), rig.turn)
    return turns, R.apply(back, positions) / rig.unit


def ground_matrices(motion: Motion, rig: Rig) -> Float[ndarray, "frames 4 4"]:
    """Return what a root on the ground does to what it carries, in the document's world.

    The root moves as it would if the whole document stood on the path and faced along it.
    """
    at_rest = kinematics.global_rotations(rig.skeleton, rig.skeleton.rest_rotations)[0]
    positions, world = kinematics.fk(motion.skeleton, motion.root_positions, motion.rotations)
    turns = R.multiply(world[:, 0], R.conjugate(at_rest))
    path, heading = ground_path(motion.times, positions[:, 0], turns)
    back = R.conjugate(rig.turn)
    moved = np.zeros((len(motion), 4, 4))
    moved[:, :3, :3] = R.to_matrix(R.multiply(R.multiply(back, heading), rig.turn))
    moved[:, :3, 3], moved[:, 3, 3] = R.apply(back, path) / rig.unit, 1.0
    return moved


def no_carrier(rig: Rig) -> InputError:
    """Return the error for a rig that has nothing above its hips."""
    return InputError(
        f"The rig {rig.name!r} has no node above its hips that could carry the path; write it "
        "without --root ground, or add a root bone."
    )


def _bones_ahead(rig: Rig, nodes: list[int], rest: linear.RestNodes) -> dict[int, ndarray]:
    """Return for each joint where its one next bone begins, in the joint's own frame.

    Joints that branch, such as hips and hands, are left out.
    """
    out = {}
    for bone, name in rig.bones.items():
        going_on = [b for b, parent in BONE_PARENTS.items() if parent == bone and b in rig.bones]
        if len(going_on) == 1:
            joint = rig.skeleton.names.index(name)
            end = rest.world[nodes[rig.index(going_on[0])]][:3, 3]
            out[joint] = linear.points(np.linalg.inv(rest.world[nodes[joint]]), end)
    return out


def without_matrices(document: glb.Document, moving: set[int]) -> glb.Document:
    """Return the document with the matrices of moving nodes as translation, rotation and scale.

    glTF lets animations change only these.
    """
    if not any("matrix" in document["nodes"][n] for n in moving):
        return document
    nodes = list(document["nodes"])
    for index in moving:
        if "matrix" in nodes[index]:
            place, turn, scale = glb.node_pose(nodes[index])
            parts = {
                "translation": place.tolist(),
                "rotation": turn.tolist(),
                "scale": scale.tolist(),
            }
            nodes[index] = {k: v for k, v in nodes[index].items() if k != "matrix"} | parts
    return {**document, "nodes": nodes}
