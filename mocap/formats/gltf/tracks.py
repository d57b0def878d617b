"""Appending the tracks of an animation to a glTF document: key reduction, accessors, buffers."""

from __future__ import annotations

import base64
import itertools
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from mocap.core import rotation as R
from mocap.errors import InputError
from mocap.formats.gltf import glb, reduce

_FLOAT = 5126
# Fraction of a tolerance that is left for rounding to 32 bits, whose error is far smaller.
_LEFT_TO_ROUNDING = 0.01
# Approximate bytes of JSON for one accessor.
_ENTRY = 130


@dataclass(frozen=True, eq=False, slots=True)
class Track:
    """One animated property of a node.

    Attributes:
        node: The node's index.
        path: The property.
        values: (F, 4) unit quaternions, (F, 3) translations, or (F, targets) weights.
        tolerance: Largest error of the reduced keys, in radians or in the values' own unit.
    """

    node: int
    path: Literal["rotation", "translation", "weights"]
    values: Float[ndarray, "frames n"]
    tolerance: float


def append(
    document: glb.Document,
    binary: bytes,
    name: str,
    times: Float[ndarray, "frames"],
    tracks: list[Track],
    all_keys: bool,
    chunk: bool,
) -> tuple[glb.Document, bytes, int]:
    """Add an animation to a document.

    Args:
        document: The document, which stays unchanged.
        binary: Its binary chunk.
        name: The animation's name; a number is added if another animation has it.
        times: Seconds; the animation begins at 0.
        tracks: The animated properties.
        all_keys: Keep every key.
        chunk: Whether the file is a GLB, whose binary chunk can grow. Otherwise, or if the first
            buffer is another file, the animation gets a buffer of its own, as a data URI.

    Returns:
        A copy of the document with the animation, its binary chunk, and the number of bytes that
        the reduction of keys saved.

    Raises:
        InputError: Two frames have the same 32-bit time.
    """
    clock = (times - times[0]).astype("<f4")
    if np.any(np.diff(clock) <= 0):
        raise InputError(
            "The motion's frames are too close in time for glTF, whose times are 32-bit numbers."
        )
    kept = (
        [np.arange(len(clock))] * len(tracks)
        if all_keys
        else _kept(clock.astype(np.float64), tracks)
    )

    # A shallow copy, with copies of the lists that grow.
    document = dict(document)
    for key in ("buffers", "bufferViews", "accessors", "animations"):
        document[key] = list(document.get(key, []))
    view, first = len(document["bufferViews"]), len(document["accessors"])
    data = b""
    inputs: dict[bytes, int] = {}
    accessors: list[glb.Document] = []
    samplers: list[glb.Document] = []
    for track, keys in zip(tracks, kept, strict=True):
        if (when := clock[keys].tobytes()) not in inputs:
            inputs[when] = first + len(accessors)
            accessors.append(_accessor(view, len(data), clock[keys]))
            data += when
        values = R.unroll(track.values[keys]) if track.path == "rotation" else track.values[keys]
        values = (
            values.astype("<f4") if track.path != "weights" else values.astype("<f4").reshape(-1)
        )
        samplers.append(
            {"input": inputs[when], "output": first + len(accessors), "interpolation": "LINEAR"}
        )
        accessors.append(_accessor(view, len(data), values, bounds=False))
        data += values.tobytes()
    channels = [
        {"sampler": i, "target": {"node": t.node, "path": t.path}} for i, t in enumerate(tracks)
    ]
    binary, entry = _stored(document, binary, data, chunk)
    document["bufferViews"].append(entry)
    document["accessors"] += accessors
    taken = {str(a.get("name")) for a in document["animations"]}
    called = next(
        n for i in itertools.count(1) if (n := name if i == 1 else f"{name} {i}") not in taken
    )
    document["animations"].append({"name": called, "channels": channels, "samplers": samplers})
    unreduced = clock.nbytes + sum(4 * t.values.size for t in tracks)
    return document, binary, unreduced - len(data) - _ENTRY * (len(inputs) - 1)


def _kept(times: Float[ndarray, "frames"], tracks: list[Track]) -> list[Int[ndarray, "_"]]:
    """Return the frames to keep of each track.

    Rotations are reduced together, which is faster; the others one by one.
    """
    share = 1.0 - _LEFT_TO_ROUNDING
    out = [np.zeros(0, dtype=np.int64)] * len(tracks)
    turning = [i for i, t in enumerate(tracks) if t.path == "rotation"]
    if turning:
        turned = np.stack([tracks[i].values for i in turning], axis=1)
        tolerances = share * np.array([tracks[i].tolerance for i in turning])
        for i, keys in zip(turning, reduce.rotations(times, turned, tolerances), strict=True):
            out[i] = keys
    for i, track in enumerate(tracks):
        if track.path != "rotation":
            (out[i],) = reduce.vectors(times, track.values[:, None], share * track.tolerance)
    # Reduced keys need their own times, and so another accessor: for short clips that is longer.
    every = np.arange(len(times))
    size = [4 * t.values.shape[1] for t in tracks]
    return [
        every if _ENTRY + len(keys) * (4 + n) > len(times) * n else keys
        for keys, n in zip(out, size, strict=True)
    ]


def _accessor(view: int, offset: int, values: ndarray, bounds: bool = True) -> glb.Document:
    kind = "SCALAR" if values.ndim == 1 else f"VEC{values.shape[1]}"
    entry: glb.Document = {
        "bufferView": view,
        "byteOffset": offset,
        "componentType": _FLOAT,
        "count": len(values),
        "type": kind,
    }
    return entry | {"min": [float(values[0])], "max": [float(values[-1])]} if bounds else entry


def _stored(
    document: glb.Document, binary: bytes, data: bytes, chunk: bool
) -> tuple[bytes, glb.Document]:
    """Store data at the chunk's end or in a buffer of its own; changes `document["buffers"]`.

    Returns:
        The binary chunk, and the buffer view of the data.
    """
    buffers = document["buffers"]
    if chunk and (not buffers or ("uri" not in buffers[0] and binary)):
        buffers[:1] = [buffers[0] if buffers else {"byteLength": 0}]
        start = max(buffers[0]["byteLength"], len(binary))
        start += -start % 4
        whole = binary.ljust(start, b"\0") + data
        buffers[0] = {**buffers[0], "byteLength": len(whole)}
        return whole, {"buffer": 0, "byteOffset": start, "byteLength": len(data)}
    uri = "data:application/octet-stream;base64," + base64.b64encode(data).decode()
    buffers.append({"uri": uri, "byteLength": len(data)})
    return binary, {"buffer": len(buffers) - 1, "byteOffset": 0, "byteLength": len(data)}
