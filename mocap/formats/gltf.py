"""A motion into the character's own glTF document: GLB, VRM 0 and 1, or .gltf.

Everything in the document stays as it is, to the byte in the binary chunk and to the value in the
JSON; one animation, one buffer view and some accessors are added at the end. Only nodes that move
and have a `matrix` change: glTF animates translation, rotation and scale alone, so the matrix is
written as these three. gltf_read.py reads glTF animations.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from mocap.core import rotation as R
from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.errors import InputError
from mocap.formats import glb
from mocap.formats.node_tracks import morph_tracks, node_tracks
from mocap.formats.tracks import append

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
