"""The rig's own document is kept when an animation is added."""

from __future__ import annotations

import base64
import json
import struct
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.formats import gltf
from mocap.formats.gltf import glb
from mocap.rig.load import load_rig
from tests.helpers.gltf_documents import (
    Reader,
    animated,
    every_rig,
    on_rig,
    places_in_document,
    rig_of,
    some_motion,
    tiny_document,
    tiny_rig,
    with_source,
    worst,
)


def check_untouched(before: bytes, after: bytes) -> None:
    """Check that only additions at the end differ: bytes in the chunks, values in the JSON."""
    was, old, is_glb = gltf.loads_document(before)
    now, new, still_glb = gltf.loads_document(after)
    assert is_glb == still_glb
    assert list(now)[: len(was)] == list(was), "not even the order of the fields changes"
    for key in ("animations", "accessors", "bufferViews"):
        assert now[key][: len(was.get(key, []))] == was.get(key, []), key
    assert len(now["animations"]) == len(was.get("animations", [])) + 1
    assert new.startswith(old)
    buffers = was.get("buffers", [])
    if is_glb and (not buffers or ("uri" not in buffers[0] and old)):
        assert {**now["buffers"][0], "byteLength": None} == {
            **(buffers or [{}])[0],
            "byteLength": None,
        }
        assert now["buffers"][1:] == buffers[1:]
    else:
        assert now["buffers"][:-1] == buffers
    others = {
        k: v
        for k, v in now.items()
        if k not in ("animations", "accessors", "bufferViews", "buffers")
    }
    assert {**others, "nodes": None} == {
        **{k: v for k, v in was.items() if k in others},
        "nodes": None,
    }
    assert dumped({k: others[k] for k in others if k != "nodes"}) == dumped(
        {k: was[k] for k in others if k != "nodes"}
    ), "1.0 is not 1"
    for a, b in zip(now["nodes"], was["nodes"], strict=True):
        assert dumped(a) == dumped(b) or "matrix" in b
    assert glb.other_chunks(after) == glb.other_chunks(before)


def dumped(value: Any) -> str:
    return json.dumps(value)


def test_everything_else_in_the_document_is_kept(clip: Motion, rig: Rig) -> None:
    before = bytes(rig.source)
    check_untouched(rig.source, gltf.dumps(on_rig(clip, rig), rig))
    assert rig.source == before


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)
fields = st.dictionaries(st.text(min_size=1, max_size=8).map("x".__add__), json_values, max_size=3)
SPARSE = {
    "componentType": 5126, "count": 100, "type": "VEC3",
    "sparse": {"count": 2, "indices": {"bufferView": 0, "componentType": 5121},
               "values": {"bufferView": 0}},
}  # fmt: skip
QUANTISED = {"bufferView": 0, "componentType": 5120, "normalized": True, "count": 2, "type": "VEC3"}


@cache
def bare_rig() -> Rig:
    return rig_of(tiny_rig())


@settings(max_examples=40, deadline=None)
@given(st.data(), st.sampled_from(["none", "chunk", "uri", "fallback"]), st.booleans())
def test_documents_of_any_kind_round_trip_unchanged(
    data: st.DataObject, buffers: str, is_glb: bool
) -> None:
    """Unknown fields, required unknown extensions, sparse and quantised accessors, all buffers."""
    document = tiny_document() | data.draw(fields)
    for node in data.draw(st.lists(st.sampled_from(document["nodes"]), max_size=4)):
        node |= {
            "extras": data.draw(json_values),
            "extensions": {"VENDOR_thing": data.draw(fields)},
        }
    document |= {
        "extensionsUsed": ["KHR_draco_mesh_compression"],
        "extensionsRequired": ["KHR_draco_mesh_compression"],
    }
    binary = b""
    if buffers != "none":
        binary = (
            data.draw(st.binary(min_size=40, max_size=64)) if buffers == "chunk" and is_glb else b""
        )
        uri = {
            "uri": "data:application/octet-stream;base64,"
            + base64.b64encode(bytes(range(40))).decode()
        }
        uri = {"uri": "other%20file.bin"} if not is_glb and data.draw(st.booleans()) else uri
        fallback = {"extensions": {"EXT_meshopt_compression": {"fallback": True}}}
        document["buffers"] = [
            {"byteLength": len(binary) or 40}
            | (uri if buffers == "uri" else fallback if buffers == "fallback" else {})
        ]
        document["bufferViews"] = [{"buffer": 0, "byteLength": 40}]
        document["accessors"] = [SPARSE, QUANTISED]
    source = glb.join(document, binary, OTHER_CHUNK) if is_glb else glb.dumps_json(document)
    if not is_glb and "buffers" in document and buffers != "uri":
        document["buffers"][0]["uri"] = "body.bin"
        source = glb.dumps_json(document)
    rig = with_source(bare_rig(), source)
    motion = some_motion(rig, frames=3)
    out = gltf.dumps(motion, rig)
    check_untouched(source, out)
    assert (
        np.abs(
            Reader(out).places(gltf.nodes_of(document, rig), motion.times)
            - places_in_document(motion, rig)
        ).max()
        < 2e-3
    )


OTHER_CHUNK = struct.pack("<II", 8, 0x12345678) + b"whatever"


def test_real_characters_round_trip_unchanged(data: Path) -> None:
    for path in every_rig(data):
        rig = load_rig(path)
        motion = some_motion(rig)
        out = gltf.dumps(motion, rig, name="again", all_keys=True)
        check_untouched(rig.source, out)
        assert worst(motion, rig, out) < 1e-5, path.name
        assert animated(out) == set(rig.bones.values()) | {rig.skeleton.names[0]}, path.name


def test_a_second_animation_is_appended(clip: Motion, rig: Rig) -> None:
    motion = on_rig(clip, rig)
    once = gltf.dumps(motion.slice(0, 10), rig, name="first")
    document, _ = glb.split(gltf.dumps(motion, with_source(rig, once), name="second"))
    assert [a["name"] for a in document["animations"]] == ["first", "second"]
