"""GLB, the binary container of glTF 2.0: split, join, read accessors and nodes.

Specification: https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html, §4.4.

A document is the plain dictionary of its JSON. A typed model of it (pygltflib, on sixteen files)
adds default values, some of which validators reject, and drops empty strings and objects.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy import ndarray

from mocap.core import rotation as R
from mocap.errors import InputError
from mocap.formats import damage
from mocap.formats.gltf import meshopt
from mocap.formats.trees import unique_names

Document = dict[str, Any]

_JSON, _BIN = 0x4E4F534A, 0x004E4942
_DTYPES = {
    5120: np.int8,
    5121: np.uint8,
    5122: np.int16,
    5123: np.uint16,
    5125: np.uint32,
    5126: np.float32,
}
# Most nodes of a character; reading more would take minutes.
_MOST_NODES = 100_000
_SIZES = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
# An accessor of more numbers is damaged: it would not fit into the memory of most machines.
_MOST_NUMBERS = 200_000_000


damage_named = partial(damage.damage_named, "GLB", "document")
"""Turns the errors of a broken document into an InputError."""


def split(data: bytes) -> tuple[Document, bytes]:
    """Return a GLB's JSON document and its binary chunk, b"" if it has none.

    Raises:
        InputError: The data is not a GLB 2.0 or is cut off.
    """
    if len(data) < 20 or data[:4] != b"glTF":
        raise InputError(
            f"This is not a GLB file (.glb, .vrm): it begins with {data[:4]!r} instead of b'glTF'."
        )
    version, length = struct.unpack_from("<II", data, 4)
    if version != 2 or length > len(data):
        what = (
            f"its version is {version}, not 2"
            if version != 2
            else f"it is cut off at {len(data)} of {length} bytes"
        )
        raise InputError(f"The GLB file cannot be read: {what}.")
    document: Document | None = None
    binary = b""
    at = 12
    while at + 8 <= length:
        size, kind = struct.unpack_from("<II", data, at)
        chunk = data[at + 8 : at + 8 + size]
        if kind == _JSON and document is None:
            try:
                document = json.loads(chunk)
            except (ValueError, RecursionError) as error:
                raise InputError(f"The GLB file's JSON cannot be read: {error}.") from None
        elif kind == _BIN and not binary:
            binary = chunk
        at += 8 + size
    if not isinstance(document, dict):
        raise InputError("The GLB file has no JSON chunk, so it is empty.")
    nodes = document.get("nodes")
    if isinstance(nodes, list) and len(nodes) > _MOST_NODES:
        raise InputError(
            f"The glTF file has {len(nodes):,} nodes; no character has more than {_MOST_NODES:,}."
        )
    return document, binary


def other_chunks(data: bytes) -> bytes:
    """Return a GLB's chunks that readers of glTF ignore, unchanged.

    They are chunks of unknown types, and further chunks of the known types; b"" if there are none,
    or the data is no GLB.
    """
    kept, seen, at = b"", set(), 12
    while data[:4] == b"glTF" and at + 8 <= len(data):
        size, kind = struct.unpack_from("<II", data, at)
        kept += b"" if kind in (_JSON, _BIN) and kind not in seen else data[at : at + 8 + size]
        seen.add(kind)
        at += 8 + size
    return kept


def dumps_json(document: Document, indent: int | None = None) -> bytes:
    """Return the document as JSON in UTF-8.

    Args:
        document: The document.
        indent: Spaces of indentation; None for JSON without white space.
    """
    separators = (",", ":") if indent is None else (",", ": ")
    try:
        return json.dumps(
            document, ensure_ascii=False, separators=separators, indent=indent
        ).encode()
    except UnicodeEncodeError:
        return json.dumps(
            document, separators=separators, indent=indent
        ).encode()  # half a surrogate pair, escaped in the file


def join(document: Document, binary: bytes, others: bytes = b"") -> bytes:
    """Return the GLB of a document.

    Args:
        document: The JSON chunk.
        binary: The binary chunk; both are padded to four bytes.
        others: Further chunks (`other_chunks`).
    """
    text = dumps_json(document)
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    body = struct.pack("<II", len(text), _JSON) + text
    if binary:
        body += struct.pack("<II", len(binary), _BIN) + binary
    body += others
    return struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body


def accessor(document: Document, binary: bytes, index: int) -> ndarray:
    """Return the numbers of an accessor.

    Views may be plain, strided or compressed by meshopt. Accessors may be sparse or without a view
    (zeros). Normalized integers become fractions of one.

    Args:
        document: The glTF document.
        binary: Its binary chunk.
        index: The accessor's index.

    Returns:
        float64 (count,) for scalars, otherwise (count, components).

    Raises:
        InputError: The accessor is damaged, or its buffer is another file.
    """
    if not 0 <= index < len(document.get("accessors", [])):
        raise InputError(f"There is no glTF accessor {index}: the file is damaged.")
    entry = document["accessors"][index]
    dtype = np.dtype(_DTYPES[entry["componentType"]]).newbyteorder("<")
    size, count = _SIZES[entry["type"]], entry["count"]
    if not isinstance(count, int) or not 0 <= count * size <= _MOST_NUMBERS:
        raise InputError(f"glTF accessor {index} declares {count!r} elements: the file is damaged.")
    if "bufferView" in entry:
        array = _elements(document, binary, index, entry, (count, size), dtype).astype(np.float64)
    else:
        array = np.zeros((count, size))
    if "sparse" in entry:
        sparse = entry["sparse"]
        changed = sparse["count"]
        if not isinstance(changed, int) or not 0 <= changed <= count:
            raise InputError(
                f"glTF accessor {index} replaces {changed!r} of its {count} elements: the file is "
                "damaged."
            )
        kind = np.dtype(_DTYPES[sparse["indices"]["componentType"]]).newbyteorder("<")
        places = _elements(document, binary, index, sparse["indices"], (changed, 1), kind)[:, 0]
        if changed and int(places.max()) >= count:
            raise InputError(
                f"glTF accessor {index} replaces its element {int(places.max())}, and has {count}: "
                "the file is damaged."
            )
        array[places.astype(np.int64)] = _elements(
            document, binary, index, sparse["values"], (changed, size), dtype
        )
    if entry.get("normalized"):
        array = np.maximum(array / np.iinfo(dtype).max, -1.0)
    return array[:, 0] if size == 1 else array


def _elements(
    document: Document,
    binary: bytes,
    index: int,
    entry: Document,
    shape: tuple[int, int],
    dtype: np.dtype[Any],
) -> ndarray:
    """Return the (count, components) numbers of the buffer view of an accessor, or of its part."""
    view = document["bufferViews"][entry["bufferView"]]
    data, start = _view(document, binary, view)
    start += entry.get("byteOffset", 0)
    row = shape[1] * dtype.itemsize
    stride = view.get("byteStride", row)
    # With a stride of 0, few bytes would become any number of elements.
    if start < 0 or stride < row:
        raise InputError(
            f"glTF accessor {index} declares {shape[0]} elements from byte {start}, {stride} bytes "
            "apart: the file is damaged."
        )
    if start + stride * (shape[0] - 1) + row > len(data):
        raise InputError(
            f"glTF accessor {index} reaches beyond the end of its buffer: the file is damaged."
        )
    return np.ndarray(shape, dtype, data, start, (stride, dtype.itemsize))


def _view(document: Document, binary: bytes, view: Document) -> tuple[bytes, int]:
    """Return the bytes that contain a buffer view, and its offset in them."""
    for name in meshopt.EXTENSIONS:
        if packed := view.get("extensions", {}).get(name):
            data = _buffer(document, binary, packed["buffer"])
            start = packed.get("byteOffset", 0)
            part = data[start : start + packed["byteLength"]]
            kind = packed.get("filter", "NONE")
            return meshopt.decode(
                part, packed["count"], packed["byteStride"], packed["mode"], kind
            ), 0
    return _buffer(document, binary, view["buffer"]), view.get("byteOffset", 0)


def _buffer(document: Document, binary: bytes, index: int) -> bytes:
    uri = document["buffers"][index].get("uri")
    if uri is None and index == 0:
        return binary
    if uri is not None and uri.startswith("data:"):
        return base64.b64decode(uri.partition(",")[2])
    raise InputError(
        f"glTF buffer {index} is in another file ({uri!r}); save it as one GLB with everything "
        "embedded."
    )


def node_parents(document: Document) -> list[int]:
    """Return the index of each node's parent, −1 for none.

    Raises:
        InputError: The nodes are not trees.
    """
    nodes = document.get("nodes", [])
    parents = [-1] * len(nodes)
    edges = 0
    for index, node in enumerate(nodes):
        for child in node.get("children", []):
            if child < 0:
                raise IndexError(f"child {child} of node {index}")
            parents[child] = index
            edges += 1
    reached = [i for i, parent in enumerate(parents) if parent < 0]
    trees = len(reached)
    for node in reached:  # the list grows in the loop
        reached += nodes[node].get("children", []) if len(reached) <= len(nodes) else []
    if len(reached) != len(nodes) or edges != len(nodes) - trees:
        raise InputError("The GLB file is damaged: its nodes are not trees.")
    return parents


def node_names(document: Document) -> tuple[str, ...]:
    """Return the nodes' names, made unique (`trees.unique_names`)."""
    return unique_names([str(node.get("name") or "") for node in document.get("nodes", [])])


def node_pose(node: Document) -> tuple[ndarray, ndarray, ndarray]:
    """Return a node's translation (3,), rotation (4,) xyzw and scale (3,) at rest.

    They come from the node's matrix if it has one.
    """
    if "matrix" in node:
        m = np.array(node["matrix"], dtype=np.float64).reshape(4, 4).T
        scale = np.linalg.norm(m[:3, :3], axis=0)
        if np.linalg.det(m[:3, :3]) < 0:
            scale[0] = -scale[0]
        return m[:3, 3], R.from_matrix(m[:3, :3] / np.where(scale == 0, 1.0, scale)), scale
    part = [
        np.array(node.get(k, d), dtype=np.float64)
        for k, d in (("translation", [0, 0, 0]), ("rotation", [0, 0, 0, 1]), ("scale", [1, 1, 1]))
    ]
    return part[0], R.normalize(part[1]), part[2]


def node_poses(nodes: Sequence[Document]) -> tuple[ndarray, ndarray, ndarray]:
    """Return translations (N, 3), rotations (N, 4) xyzw and scales (N, 3) at rest; see `node_pose`.

    Args:
        nodes: Nodes whose numbers are checked: thousands are converted at once.
    """
    parts = ("translation", [0, 0, 0]), ("rotation", [0, 0, 0, 1]), ("scale", [1, 1, 1])
    places, turns, scales = (
        np.array([node.get(name, default) for node in nodes], dtype=np.float64).reshape(
            len(nodes), len(default)
        )
        for name, default in parts
    )
    turns = R.normalize(turns)
    for i, node in enumerate(nodes):
        if "matrix" in node:
            places[i], turns[i], scales[i] = node_pose(node)
    return places, turns, scales


def node_matrices(nodes: Sequence[Document]) -> tuple[ndarray, ndarray]:
    """Return matrices (N, 4, 4) to the parents' frames, and rotations at rest (N, 4) xyzw.

    Args:
        nodes: As in `node_poses`.
    """
    places, turns, scales = node_poses(nodes)
    matrices = np.tile(np.eye(4), (len(nodes), 1, 1))
    matrices[:, :3, :3] = R.to_matrix(turns) * scales[:, None, :]
    matrices[:, :3, 3] = places
    for i, node in enumerate(nodes):
        if "matrix" in node:
            matrices[i] = node_matrix(node)
    return matrices, turns


def node_matrix(node: Document) -> ndarray:
    """Return the matrix (4, 4) from a node's frame to its parent's."""
    out = np.eye(4)
    if "matrix" in node:
        return np.array(node["matrix"], dtype=np.float64).reshape(4, 4).T
    place, turn, scale = node_pose(node)
    out[:3, :3] = R.to_matrix(turn) * scale
    out[:3, 3] = place
    return out
