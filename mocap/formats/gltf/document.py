"""A glTF document as a dictionary: read, checked, and its nodes found."""

from __future__ import annotations

import json
from typing import Any

from mocap.core.rig import Rig
from mocap.errors import InputError
from mocap.formats.gltf import glb


def loads_document(source: bytes) -> tuple[glb.Document, bytes, bool]:
    """Read a GLB or the text of a .gltf.

    Args:
        source: The file's bytes.

    Returns:
        The JSON document, the binary chunk, and whether the file is a GLB.

    Raises:
        InputError: The file is damaged.
    """
    if source[:4] == b"glTF" or not source.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return *glb.split(source), True
    try:
        document: Any = json.loads(source)
    except (ValueError, RecursionError) as error:
        raise InputError(f"The .gltf file's JSON cannot be read: {error}.") from None
    return document, b"", False


def check_whole(document: glb.Document, binary: bytes, is_glb: bool) -> None:
    """Check the lists that an animation is added to, and that all views are within their buffers.

    Args:
        document: The JSON document.
        binary: The binary chunk.
        is_glb: Whether the file is a GLB.

    Raises:
        InputError: An entry is not a list, or a view ends beyond its buffer.
    """
    for key in ("buffers", "bufferViews", "accessors", "animations"):
        if not isinstance(document.get(key, []), list):
            raise InputError(
                f"The glTF document is damaged: its {key} are a {type(document[key]).__name__} "
                "instead of a list."
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
                f"of {buffers[view['buffer']]['byteLength']}."
            )


def nodes_of(document: glb.Document, rig: Rig) -> list[int]:
    """Return the index of the node of each of the rig's joints.

    Args:
        document: The rig's own document.
        rig: The character.

    Raises:
        InputError: The document lacks one of the joints.
    """
    by_name = {name: i for i, name in enumerate(glb.node_names(document))}
    if missing := [n for n in rig.skeleton.names if n not in by_name]:
        raise InputError(
            f"The rig's document has no nodes named {', '.join(missing[:60])}, which its skeleton "
            "has."
        )
    return [by_name[n] for n in rig.skeleton.names]


def without_matrices(document: glb.Document, moving: set[int]) -> glb.Document:
    """Return the document with moving nodes' matrices replaced by translation, rotation and scale.

    glTF animations can change only these three.

    Args:
        document: The document, which stays unchanged.
        moving: Indices of the nodes that an animation moves.
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
