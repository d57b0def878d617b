"""glTF of other tools: compressed, sparse and absent data, pointers, all image types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocap import transfer
from mocap.core.kinematics import fk
from mocap.errors import InputError
from mocap.formats.gltf import glb, meshopt
from mocap.formats.gltf import keys as gltf_keys
from mocap.formats.gltf import read as gltf_read
from mocap.formats.gltf.embed import embedded
from mocap.rig.load import load_rig
from tests import judges
from tests.helpers.places import MANNEQUIN

CASES = "rig_cases"


# --- meshopt -------------------------------------------------------------------------------------


def made_values(rng: np.random.Generator, kind: str, count: int, stride: int) -> np.ndarray:
    """Return numbers as they occur in files: steps of several sizes, zeros, noise."""
    if kind == "QUATERNION":
        q = np.cumsum(rng.normal(size=(count, 4)), axis=0)
        return (q / np.linalg.norm(q, axis=1, keepdims=True)).astype("<f4")
    if kind == "EXPONENTIAL":
        return np.cumsum(rng.normal(size=(count, stride // 4)), axis=0).astype("<f4")
    if kind == "OCTAHEDRAL":
        v = np.cumsum(rng.normal(size=(count, 4)), axis=0)
        v[:, :3] /= np.linalg.norm(v[:, :3], axis=1, keepdims=True)
        return np.concatenate([v[:, :3], np.ones((count, 1))], axis=1).astype("<f4")
    sizes = rng.choice([0.0, 0.7, 5.0, 60.0, 1e4], size=(1 + count // 40, stride // 2))
    steps = rng.normal(size=(count, stride // 2)) * sizes.repeat(40, axis=0)[:count]
    return np.cumsum(steps, axis=0).astype("<i2").view(np.uint8)


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize(
    ("kind", "stride"),
    [("NONE", 4), ("NONE", 8), ("NONE", 12), ("NONE", 76), ("QUATERNION", 8), ("EXPONENTIAL", 12),
     ("OCTAHEDRAL", 4), ("OCTAHEDRAL", 8)],
)  # fmt: skip
@pytest.mark.parametrize("count", [1, 17, 700])
def test_meshopt_data_is_decoded_as_by_the_reference_decoder(
    node: Path, version: int, kind: str, stride: int, count: int
) -> None:
    values = made_values(np.random.default_rng(count), kind, count, stride)
    bits = 8 if stride == 4 else 12
    packed, plain = judges.meshopt(
        node, values, count=count, stride=stride, version=version, filter=kind, bits=bits
    )
    found = meshopt.decode(packed, count, stride, "ATTRIBUTES", kind)
    if kind in ("NONE", "EXPONENTIAL"):
        assert found == plain
    else:  # one unit in the last place, by the specification
        unit = np.int8 if stride == 4 else np.dtype("<i2")
        apart = np.frombuffer(found, unit).astype(int) - np.frombuffer(plain, unit)
        assert np.abs(apart).max() <= 1


def test_invalid_meshopt_data_is_refused(node: Path) -> None:
    values = made_values(np.random.default_rng(1), "NONE", 100, 8)
    packed, _ = judges.meshopt(node, values, count=100, stride=8, version=1, filter="NONE", bits=0)
    for cut in (0, 1, 20, len(packed) // 2):
        with pytest.raises(InputError, match="meshopt data is damaged"):
            meshopt.decode(packed[:cut], 100, 8, "ATTRIBUTES", "NONE")
    with pytest.raises(InputError, match="begins with 0x0"):
        meshopt.decode(b"\0" * 80, 100, 8, "ATTRIBUTES", "NONE")
    with pytest.raises(InputError, match="mode 'TRIANGLES'"):
        meshopt.decode(packed, 100, 8, "TRIANGLES", "NONE")
    with pytest.raises(InputError, match="damaged"):
        meshopt.decode(packed, 10**7, 8, "ATTRIBUTES", "NONE")


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=40, max_size=200), st.sampled_from([0xA0, 0xA1]), st.integers(0, 300))
def test_random_bytes_are_decoded_or_refused(body: bytes, first: int, count: int) -> None:
    try:
        found = meshopt.decode(bytes([first]) + body, count, 8, "ATTRIBUTES", "QUATERNION")
    except InputError:
        return
    assert len(found) == 8 * count


@pytest.mark.parametrize("name", ["g15_meshopt_gltfpack.glb", "g17_meshopt_transform.glb"])
def test_compressed_characters_move_like_plain_ones_and_stay_compressed(
    data: Path, tmp_path: Path, name: str
) -> None:
    """Joint positions are compared with the same character without compression."""
    path = data / CASES / name
    motions = [
        (rig := load_rig(p), gltf_read.loads_on(rig, None, p.parent))
        for p in (path, data / "rigs" / "kaykit_cc0" / "Knight.glb")
    ]
    ours, plain = (
        fk(m.skeleton, m.root_positions, m.rotations)[0][:, [r.index(b) for b in BODY]]
        for r, m in ((r, m.at(np.linspace(0, 1, 20))) for r, m in motions)
    )
    assert np.abs(ours - plain).max() < 0.005
    with pytest.warns(UserWarning, match="76 animations .*; the first is taken"):
        motion = transfer.read_motion(path)
    hero = transfer.load_character(path)
    transfer.save(transfer.target(tmp_path / "out.glb", hero), motion)
    (before, held), (after, grown) = (
        glb.split(p.read_bytes()) for p in (path, tmp_path / "out.glb")
    )
    assert grown[: before["buffers"][0]["byteLength"]] == held
    assert after["bufferViews"][:-1] == before["bufferViews"]
    assert after["buffers"][1:] == before["buffers"][1:]
    assert transfer.read_motion(tmp_path / "out.glb", "mocap").duration == motion.duration


BODY = ("hips", "head", "leftHand", "rightHand", "leftFoot", "rightFoot")


# --- accessors -----------------------------------------------------------------------------------


def document_of(entry: dict[str, Any], *pieces: np.ndarray) -> tuple[dict[str, Any], bytes]:
    """Return a document of one accessor whose buffer views are the pieces."""
    binary = b"".join(p.tobytes().ljust(-(-p.nbytes // 4) * 4, b"\0") for p in pieces)
    starts = np.cumsum([0] + [-(-p.nbytes // 4) * 4 for p in pieces])
    views = [
        {"buffer": 0, "byteOffset": int(at), "byteLength": p.nbytes}
        for at, p in zip(starts, pieces, strict=False)
    ]
    return {
        "accessors": [entry],
        "bufferViews": views,
        "buffers": [{"byteLength": len(binary)}],
    }, binary


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans(), st.sampled_from([5121, 5123, 5125]))
def test_sparse_accessors_replace_elements(seed: int, based: bool, component: int) -> None:
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(20, 4)).astype("<f4")
    places = np.sort(rng.choice(20, size=int(rng.integers(1, 20)), replace=False))
    values = rng.normal(size=(len(places), 4)).astype("<f4")
    kind = {5121: "<u1", 5123: "<u2", 5125: "<u4"}[component]
    entry: dict[str, Any] = {"componentType": 5126, "type": "VEC4", "count": 20}
    entry["sparse"] = {
        "count": len(places),
        "indices": {"bufferView": 1, "componentType": component},
        "values": {"bufferView": 2},
    }
    entry |= {"bufferView": 0} if based else {}
    expected = base.copy() if based else np.zeros((20, 4), dtype="<f4")
    expected[places] = values
    found = glb.accessor(*document_of(entry, base, places.astype(kind), values), 0)
    assert np.array_equal(found, expected)


def test_an_accessor_without_a_buffer_view_is_zero() -> None:
    entry = {"componentType": 5126, "type": "VEC3", "count": 5}
    assert np.array_equal(glb.accessor(*document_of(entry), 0), np.zeros((5, 3)))


@pytest.mark.parametrize(
    ("component", "kind", "most"),
    [(5120, "<i1", 127), (5121, "<u1", 255), (5122, "<i2", 32767), (5123, "<u2", 65535)],
)
def test_normalized_numbers_are_fractions(component: int, kind: str, most: int) -> None:
    values = np.array([[0, most], [np.iinfo(kind).min, most // 2]]).astype(kind)
    entry = {"bufferView": 0, "componentType": component, "type": "VEC2", "count": 2}
    found = glb.accessor(*document_of(entry | {"normalized": True}, values), 0)
    assert np.allclose(found, np.maximum(values / most, -1.0))
    assert np.array_equal(glb.accessor(*document_of(entry, values), 0), values)


@pytest.mark.parametrize(
    "change",
    [
        {"count": 10**12},
        {"count": -1},
        {"count": "x"},
        {"sparse": {"count": 9, "indices": {}, "values": {}}},
    ],
)
def test_impossible_accessors_are_refused(change: dict[str, Any]) -> None:
    entry = {"componentType": 5126, "type": "VEC3", "count": 5}
    with pytest.raises(InputError, match="damaged"):
        glb.accessor(*document_of(entry | change), 0)


@pytest.mark.parametrize("name", ["g01_animation_pointer.glb", "g03_sparse_rotation_keys.glb"])
def test_encodings_of_one_motion_are_read_alike(data: Path, name: str) -> None:
    """The plain encoding is that of the file from which both cases were made."""
    with pytest.warns(UserWarning, match="2 characters .*; the first is taken"):
        plain = transfer.read_motion(data / CASES / "g11_two_characters.glb")
    other = transfer.read_motion(data / CASES / name)
    assert np.abs(plain.root_positions - other.root_positions).max() < 1e-5
    assert np.abs(plain.rotations - other.rotations).max() < 1e-4


# --- pointers, images, Draco ---------------------------------------------------------------------


def test_pointers_to_anything_but_nodes_are_reported() -> None:
    keys = np.array([0.0, 1.0], dtype="<f4")
    turns = np.array([[0, 0, 0, 1], [0, 1, 0, 0]], dtype="<f4")
    document, binary = document_of({}, keys, turns)
    document["accessors"] = [
        {"bufferView": 0, "componentType": 5126, "type": "SCALAR", "count": 2},
        {"bufferView": 1, "componentType": 5126, "type": "VEC4", "count": 2},
    ]

    def channel(pointer: str) -> dict[str, Any]:
        extension = {"KHR_animation_pointer": {"pointer": pointer}}
        return {"sampler": 0, "target": {"path": "pointer", "extensions": extension}}

    animation = {
        "samplers": [{"input": 0, "output": 1}],
        "channels": [channel("/nodes/7/rotation"), channel("/materials/0/emissiveFactor")],
    }
    with pytest.warns(UserWarning, match="no part of a motion: /materials/0/emissiveFactor"):
        tracks = gltf_keys.tracks_of(document, binary, animation)
    assert list(tracks) == [(7, "rotation")]
    assert np.array_equal(tracks[7, "rotation"][1], turns)


@pytest.mark.parametrize(
    ("content", "image", "kind"),
    [
        (b"RIFF\0\0\0\0WEBPVP8 ", {}, "image/webp"),
        (b"\xabKTX 20\xbb\r\n\x1a\n", {}, "image/ktx2"),
        (b"\0\0\0\x20ftypavif", {}, "image/avif"),
        (b"unknown", {"mimeType": "image/jxl"}, "image/jxl"),
        (b"unknown", {}, "image/tga"),
    ],
)
def test_images_of_any_type_are_embedded(
    tmp_path: Path, content: bytes, image: dict[str, str], kind: str
) -> None:
    (tmp_path / "a.tga").write_bytes(content)
    document = {"asset": {"version": "2.0"}, "images": [{"uri": "a.tga", **image}]}
    inside, binary = glb.split(embedded(json.dumps(document).encode(), tmp_path))
    (entry,) = inside["images"]
    view = inside["bufferViews"][entry["bufferView"]]
    assert entry["mimeType"] == kind
    assert binary[view["byteOffset"] : view["byteOffset"] + view["byteLength"]] == content


def test_an_external_webp_is_copied_along(data: Path, tmp_path: Path) -> None:
    path = data / CASES / "g16_webp_external" / "knight.gltf"
    with pytest.warns(UserWarning, match="76 animations .*; the first is taken"):
        motion = transfer.read_motion(path)
    hero = transfer.load_character(path)
    for name in ("a.gltf", "a.glb"):
        transfer.save(transfer.target(tmp_path / name, hero), motion)
    image = (path.parent / "baseColor.webp").read_bytes()
    assert (tmp_path / "baseColor.webp").read_bytes() == image
    document, binary = glb.split((tmp_path / "a.glb").read_bytes())
    assert image in binary
    assert document["images"][0]["mimeType"] == "image/webp"
    assert document["extensionsRequired"] == ["EXT_texture_webp"]


def test_placeholders_of_compressed_data_survive_merging_files(tmp_path: Path) -> None:
    (tmp_path / "packed.bin").write_bytes(b"12345678")
    placeholder = {"byteLength": 99, "extensions": {"EXT_meshopt_compression": {"fallback": True}}}
    packed = {"buffer": 1, "byteOffset": 4, "byteLength": 4, "byteStride": 4, "count": 9}
    document = {
        "asset": {"version": "2.0"},
        "buffers": [placeholder, {"uri": "packed.bin", "byteLength": 8}],
        "bufferViews": [
            {"buffer": 0, "byteLength": 36, "extensions": {"EXT_meshopt_compression": packed}}
        ],
    }
    inside, binary = glb.split(embedded(json.dumps(document).encode(), tmp_path))
    assert inside["buffers"] == [{"byteLength": 8}, placeholder]
    (view,) = inside["bufferViews"]
    assert (view["buffer"], view["byteOffset"], view["byteLength"]) == (1, 0, 36)
    assert view["extensions"]["EXT_meshopt_compression"] == packed | {"buffer": 0}
    assert binary[:8] == b"12345678"


def test_draco_meshes_pass_through(tmp_path: Path) -> None:
    """One primitive of the mannequin is declared compressed; mocap leaves such data untouched."""
    source = MANNEQUIN
    document, binary = glb.split(source.read_bytes())
    draco = {"KHR_draco_mesh_compression": {"bufferView": 0, "attributes": {"POSITION": 0}}}
    document["meshes"][0]["primitives"][0]["extensions"] = draco
    document["extensionsRequired"] = ["KHR_draco_mesh_compression"]
    path = tmp_path / "draco.vrm"
    path.write_bytes(glb.join(document, binary))
    hero = transfer.load_character(path)
    rest = transfer.read_motion(path) if document.get("animations") else None
    assert rest is None
    still = mannequin_still()
    transfer.save(transfer.target(tmp_path / "out.vrm", hero), still)
    after, grown = glb.split((tmp_path / "out.vrm").read_bytes())
    assert after["meshes"] == document["meshes"]
    assert after["extensionsRequired"] == ["KHR_draco_mesh_compression"]
    assert grown[: len(binary)] == binary


def mannequin_still() -> Any:
    from mocap.core.motion import Motion
    from mocap.core.skeleton import HUMANOID

    return Motion(
        HUMANOID,
        np.arange(2) / 30,
        HUMANOID.offsets[[0, 0]],
        HUMANOID.rest_rotations[None].repeat(2, 0),
    )
