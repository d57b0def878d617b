"""GLB against the Khronos validator and three.js, and the rig's own document, which must come out
as it went in.
"""

from __future__ import annotations

import base64
import json
import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation, Slerp

from mocap.core import rotation as R
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.core.rig import Found, Rig
from mocap.core.skeleton import BONES, HUMANOID, Skeleton
from mocap.errors import InputError
from mocap.formats import glb, gltf, gltf_read
from mocap.formats.gltf_tree import tree_of
from mocap.rig.load import load_rig, make_rig
from tests import judges
from tests.helpers import cost, synthetic
from tests.helpers.places import MANNEQUIN

HALF_A_MILLIMETRE = 0.0005
seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=15, deadline=None)
TRS = ("translation", "rotation", "scale")


@pytest.fixture(scope="module")
def rig() -> Rig:
    return load_rig(MANNEQUIN)


@pytest.fixture(scope="module")
def clip() -> Motion:
    return on_humanoid(synthetic.smooth_motion(np.random.default_rng(4), 2.0, 30.0))


def on_humanoid(motion: Motion) -> Motion:
    return Motion(HUMANOID, motion.times, motion.root_positions, motion.rotations)


def on_rig(motion: Motion, rig: Rig) -> Motion:
    """A motion of HUMANOID on a rig of the same joints in another order."""
    order = [HUMANOID.index(n) for n in rig.skeleton.names]
    return Motion(rig.skeleton, motion.times, motion.root_positions, motion.rotations[:, order])


def places(motion: Motion) -> dict[str, np.ndarray]:
    positions = fk(motion.skeleton, motion.root_positions, motion.rotations)[0]
    return {name: positions[:, j] for j, name in enumerate(motion.skeleton.names)}


def places_in_document(motion: Motion, rig: Rig) -> np.ndarray:
    """Where the joints are in the document's own world, (F, J, 3)."""
    positions = fk(motion.skeleton, motion.root_positions, motion.rotations)[0]
    return R.apply(R.conjugate(rig.turn), positions) / rig.unit


def some_motion(rig: Rig, seed: int = 0, frames: int = 30, speed: float = 2.0) -> Motion:
    """Every bone of the rig on a slow sine about an axis of its own; everything else at rest."""
    rng = np.random.default_rng(seed)
    times = np.arange(frames) / 30.0
    rotations = np.tile(rig.skeleton.rest_rotations, (frames, 1, 1))
    for bone in rig.bones:
        axis = 1.2 * R.normalize(rng.normal(size=3))
        turn = R.from_rotation_vector(axis * np.sin(speed * times + rng.uniform(0, 6))[:, None])
        rotations[:, rig.index(bone)] = R.multiply(rotations[:, rig.index(bone)], turn)
    root = rng.normal(size=3) + np.stack([np.sin(times), 0.3 * np.cos(times), times], axis=1)
    return Motion(rig.skeleton, times, root, rotations)


def rig_of(source: bytes, folder: Path = Path()) -> Rig:
    """The rig of a document whose nodes are called as the bones are."""
    tree = tree_of(source, folder)
    return make_rig(
        tree,
        {b: Found(tree.names.index(b), "map", 1.0) for b in BONES if b in tree.names},
        "made",
        source,
    )


def with_source(rig: Rig, source: bytes) -> Rig:
    return replace(rig, source=source)


def tiny_document(
    skeleton: Skeleton = HUMANOID, above: tuple[dict[str, Any], ...] = (), unit: float = 1.0
) -> dict[str, Any]:
    """Bare joints below the nodes `above`, which make one of their units so many metres."""
    nodes: list[dict[str, Any]] = [
        {**node, "name": f"above{i}", "children": [i + 1]} for i, node in enumerate(above)
    ]
    for joint, name in enumerate(skeleton.names):
        node = {
            "name": name,
            "translation": (skeleton.offsets[joint] / unit).tolist(),
            "rotation": skeleton.rest_rotations[joint].tolist(),
        }
        children = [c + len(above) for c in skeleton.children(joint)]
        nodes.append(node | ({"children": children} if children else {}))
    joints = list(range(len(above), len(nodes)))
    return {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": nodes,
        "skins": [{"joints": joints}],
    }


def tiny_rig(skeleton: Skeleton = HUMANOID, **extra: Any) -> bytes:
    return glb.join(tiny_document(skeleton) | extra, b"")


class Reader:
    """A document's last animation by the specification's words and SciPy, quite apart from mocap's
    own reader.
    """

    def __init__(self, data: bytes) -> None:
        self.document, self.binary, _ = gltf.loads_document(data)
        nodes = self.document["nodes"]
        self.above = {c: i for i, n in enumerate(nodes) for c in n.get("children", [])}
        animation = self.document["animations"][-1]
        self.tracks = {}
        for channel in animation["channels"]:
            sampler = animation["samplers"][channel["sampler"]]
            values = [self._accessor(sampler[k]) for k in ("input", "output")]
            assert sampler["interpolation"] == "LINEAR"
            self.tracks[channel["target"]["node"], channel["target"]["path"]] = values

    def _accessor(self, index: int) -> np.ndarray:
        entry = self.document["accessors"][index]
        view = self.document["bufferViews"][entry["bufferView"]]
        buffer = self.document["buffers"][view["buffer"]]
        data = base64.b64decode(buffer["uri"].partition(",")[2]) if "uri" in buffer else self.binary
        width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[entry["type"]]
        start = view.get("byteOffset", 0) + entry.get("byteOffset", 0)
        return (
            np.frombuffer(data, "<f4", width * entry["count"], start)
            .reshape(-1, width)
            .astype(float)
        )

    def at(self, node: int, path: str, times: np.ndarray, default: Any) -> np.ndarray:
        """(F, n) of a node's translation, rotation or scale."""
        if (node, path) not in self.tracks:
            return np.tile(
                np.array(self.document["nodes"][node].get(path, default), dtype=float),
                (len(times), 1),
            )
        keys, values = self.tracks[node, path]
        times = np.clip(times, keys[0, 0], keys[-1, 0])
        if path == "rotation" and len(keys) > 1:
            return Slerp(keys[:, 0], Rotation.from_quat(values))(times).as_quat()
        return np.stack([np.interp(times, keys[:, 0], v) for v in values.T], axis=1)

    def world(self, node: int, times: np.ndarray) -> np.ndarray:
        """(F, 4, 4)"""
        if node in self.worlds:
            return self.worlds[node]
        entry = self.document["nodes"][node]
        local = np.tile(np.eye(4), (len(times), 1, 1))
        if "matrix" in entry:
            assert not any((node, p) in self.tracks for p in TRS), "glTF forbids it"
            local[:] = np.array(entry["matrix"], dtype=float).reshape(4, 4).T
        else:
            turn = Rotation.from_quat(self.at(node, "rotation", times, [0, 0, 0, 1])).as_matrix()
            local[:, :3, :3] = turn * self.at(node, "scale", times, [1, 1, 1])[:, None]
            local[:, :3, 3] = self.at(node, "translation", times, [0, 0, 0])
        self.worlds[node] = (
            self.world(self.above[node], times) @ local if node in self.above else local
        )
        return self.worlds[node]

    def places(self, nodes: list[int], times: np.ndarray) -> np.ndarray:
        self.worlds: dict[int, np.ndarray] = {}
        return np.stack([self.world(n, times)[:, :3, 3] for n in nodes], axis=1)


# --- the joints go where the motion says ----------------------------------------------------------


def worst(motion: Motion, rig: Rig, data: bytes) -> float:
    """How far the mapped joints of a written file are from where the motion has them, metres of the
    rig's own.
    """
    nodes = gltf.nodes_of(glb.split(data)[0], rig)
    found = Reader(data).places(nodes, motion.times - motion.times[0])
    return float(np.abs(found - places_in_document(motion, rig)).max() * rig.unit)


@few
@given(seeds)
def test_what_is_written_is_what_is_read(rig: Rig, seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = 5.0 + np.cumsum(rng.uniform(0.01, 0.1, 9))
    motion = Motion(
        rig.skeleton, times, rng.normal(size=(9, 3)), synthetic.random_rotation(rng, 9, 55)
    )
    back = gltf_read.loads_on(with_source(rig, gltf.dumps(motion, rig, all_keys=True)))
    assert np.degrees(R.distance(back.rotations, motion.rotations).max()) < 0.01
    assert np.abs(back.root_positions - motion.root_positions).max() < 1e-6
    assert np.abs(back.times - (times - times[0])).max() < 1e-6, "times are counted from 0"


@few
@given(seeds, st.booleans(), st.booleans())
def test_a_rig_scaled_moved_turned_and_mirrored_above_its_hips_goes_where_the_motion_says(
    seed: int, mirrored: bool, as_matrix: bool
) -> None:
    rng = np.random.default_rng(seed)
    tilt = R.from_rotation_vector(rng.normal(size=3) * 0.2)
    matrix = np.eye(4)
    matrix[:3, :3] = 50.0 * R.to_matrix(tilt) * (np.array([-1.0, 1.0, 1.0]) if mirrored else 1.0)
    matrix[:3, 3] = rng.normal(size=3)
    above = (
        {
            "rotation": R.conjugate(tilt).tolist(),
            "scale": [0.01] * 3,
            "translation": [1.0, 2.0, 3.0],
        },
        {"matrix": matrix.T.ravel().tolist()},
    )
    document = tiny_document(above=above, unit=0.5)
    if as_matrix:
        for joint in document["nodes"][2:]:
            place, turn = joint.pop("translation"), joint.pop("rotation")
            whole = np.eye(4)
            whole[:3, :3], whole[:3, 3] = R.to_matrix(np.array(turn)), place
            joint["matrix"] = whole.T.ravel().tolist()
    rig = rig_of(glb.join(document, b""))
    motion = some_motion(rig, seed, 5)
    data = gltf.dumps(motion, rig, all_keys=True)
    assert worst(motion, rig, data) < 1e-5
    moved = {c["target"]["node"] for c in glb.split(data)[0]["animations"][0]["channels"]}
    for index, (before, after) in enumerate(
        zip(document["nodes"], glb.split(data)[0]["nodes"], strict=True)
    ):
        # The one change: an animated node's matrix is written as what it is made of.
        assert after == before or (
            index in moved
            and "matrix" in before
            and after.keys() == before.keys() - {"matrix"} | {*TRS}
        )
        assert np.abs(glb.node_matrix(after) - glb.node_matrix(before)).max() < 1e-9


@few
@given(seeds)
def test_nodes_between_the_joints_stay_and_the_joints_go_where_the_motion_says(seed: int) -> None:
    """Other nodes between the bones, here turned, moved and scaled, are not touched."""
    rng = np.random.default_rng(seed)
    document = tiny_document()
    nodes = document["nodes"]
    for parent, child in (("leftUpperArm", "leftLowerArm"), ("spine", "chest")):
        above, below = (HUMANOID.index(n) for n in (parent, child))
        turn, place = synthetic.random_rotation(rng), rng.normal(size=3)
        # The child keeps its place and its turn: local = (R(turn)ᵀ (offset − place) / 2, turn⁻¹).
        nodes.append(
            {
                "name": f"twist{child}",
                "translation": place.tolist(),
                "rotation": turn.tolist(),
                "scale": [2.0] * 3,
                "children": [below],
            }
        )
        nodes[above]["children"] = [
            len(nodes) - 1 if c == below else c for c in nodes[above]["children"]
        ]
        nodes[below]["translation"] = (
            R.apply(R.conjugate(turn), HUMANOID.offsets[below] - place) / 2.0
        ).tolist()
        nodes[below]["rotation"] = R.conjugate(turn).tolist()
        nodes[below]["scale"] = [0.5] * 3
    rig = rig_of(glb.join(document, b""))
    motion = some_motion(rig, seed, 5)
    out = gltf.dumps(motion, rig, all_keys=True)
    assert worst(motion, rig, out) < 1e-5
    assert animated(out) == set(HUMANOID.names)


def animated(data: bytes, *paths: str) -> set[str]:
    """The names of the nodes that the last animation moves."""
    document, _, _ = gltf.loads_document(data)
    targets = [c["target"] for c in document["animations"][-1]["channels"]]
    return {glb.node_names(document)[t["node"]] for t in targets if not paths or t["path"] in paths}


@few
@given(seeds)
def test_below_a_scale_that_differs_by_axis_limbs_still_point_where_they_must(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rig = rig_of(
        glb.join(tiny_document(above=({"scale": rng.uniform(0.7, 1.4, 3).tolist()},)), b"")
    )
    motion = some_motion(rig, seed, 4)
    data = gltf.dumps(motion, rig, all_keys=True)
    nodes = gltf.nodes_of(glb.split(data)[0], rig)
    found = Reader(data).places(nodes, motion.times)
    expected = places_in_document(motion, rig)
    for upper, lower in (
        ("UpperArm", "LowerArm"),
        ("LowerArm", "Hand"),
        ("UpperLeg", "LowerLeg"),
        ("LowerLeg", "Foot"),
    ):
        for side in ("left", "right"):
            a, b = rig.index(side + upper), rig.index(side + lower)
            ours, theirs = (
                R.normalize(found[:, b] - found[:, a]),
                R.normalize(expected[:, b] - expected[:, a]),
            )
            assert np.degrees(np.arccos(np.clip((ours * theirs).sum(axis=-1), -1, 1))).max() < 0.1


def test_a_foot_that_hangs_from_the_root_in_the_file_goes_with_its_shin(data: Path) -> None:
    """Two robots keep their feet beside the body, for inverse kinematics: they are moved as well as
    turned.
    """
    for name in ("threejs/RobotExpressive.glb", "raylib/robot.glb"):
        rig = load_rig(data / "rigs" / name)
        motion = some_motion(rig)
        out = gltf.dumps(motion, rig, all_keys=True)
        assert worst(motion, rig, out) < 1e-5
        assert {rig.bones["leftFoot"], rig.bones["rightFoot"]} <= animated(out, "translation")


def test_a_body_at_rest_needs_one_channel(rig: Rig) -> None:
    still = Motion(
        rig.skeleton,
        np.array([0.0, 1.0]),
        rig.skeleton.offsets[[0, 0]],
        np.tile(rig.skeleton.rest_rotations, (2, 1, 1)),
    )
    document, _ = glb.split(gltf.dumps(still, rig))
    assert [c["target"]["path"] for c in document["animations"][0]["channels"]] == ["rotation"]
    assert len(gltf_read.loads_animation(gltf.dumps(still, rig))) == 2


# --- the rig's document ---------------------------------------------------------------------------


def check_untouched(before: bytes, after: bytes) -> None:
    """Nothing of the file is otherwise, but for what was added behind it: to the byte in the
    chunks, to the value in the JSON.
    """
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


def test_everything_else_in_the_document_stays_as_it_was(clip: Motion, rig: Rig) -> None:
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
def test_documents_of_any_kind_come_out_as_they_went_in(
    data: st.DataObject, buffers: str, is_glb: bool
) -> None:
    """Unknown fields, extensions that are required and not understood, sparse and
    quantised accessors, buffers of all kinds.
    """
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


def every_rig(data: Path) -> list[Path]:
    found = []
    for path in sorted(p for p in (data / "rigs").rglob("*") if p.suffix in (".glb", ".vrm")):
        try:
            load_rig(path)
        except InputError:
            continue  # no humanoid, or none that could be recognised
        found.append(path)
    assert len(found) >= 12
    return found


def test_real_characters_come_out_as_they_went_in(data: Path) -> None:
    for path in every_rig(data):
        rig = load_rig(path)
        motion = some_motion(rig)
        out = gltf.dumps(motion, rig, name="again", all_keys=True)
        check_untouched(rig.source, out)
        assert worst(motion, rig, out) < 1e-5, path.name
        assert animated(out) == set(rig.bones.values()) | {rig.skeleton.names[0]}, path.name


def test_a_second_animation_comes_after_the_first(clip: Motion, rig: Rig) -> None:
    motion = on_rig(clip, rig)
    once = gltf.dumps(motion.slice(0, 10), rig, name="first")
    document, _ = glb.split(gltf.dumps(motion, with_source(rig, once), name="second"))
    assert [a["name"] for a in document["animations"]] == ["first", "second"]


# --- keys -----------------------------------------------------------------------------------------


@few
@given(seeds)
def test_reduced_keys_show_what_all_keys_show(rig: Rig, seed: int) -> None:
    made = synthetic.smooth_motion(np.random.default_rng(seed), 3.0, 60.0, speed=3.0)
    motion = on_rig(Motion(HUMANOID, made.times, made.root_positions, made.rotations), rig)
    out, saved = gltf.animate(motion, rig)
    whole = gltf.dumps(motion, rig, all_keys=True)
    # The figure is made of the sizes of the arrays and of what an entry takes in JSON.
    assert saved == pytest.approx(len(whole) - len(out), abs=0.15 * (len(whole) - len(rig.source)))
    back = gltf_read.loads_on(with_source(rig, out)).at(motion.times)
    assert np.degrees(R.distance(back.rotations, motion.rotations).max()) <= 0.1
    assert np.linalg.norm(back.root_positions - motion.root_positions, axis=1).max() <= 1e-3
    assert worst(motion, rig, out) < 1e-3, "no joint is a millimetre off"
    for times, values in Reader(out).tracks.values():
        assert values.shape[1] != 4 or np.all((values[1:] * values[:-1]).sum(axis=1) >= 0), (
            "neighbours lie in one hemisphere"
        )
        assert times[0, 0] == 0.0


def test_long_clips_shrink_and_all_keys_keeps_each(rig: Rig) -> None:
    motion = on_rig(on_humanoid(synthetic.smooth_motion(np.random.default_rng(1), 20.0, 60.0)), rig)
    out, saved = gltf.animate(motion, rig)
    whole, nothing = gltf.animate(motion, rig, all_keys=True)
    assert (len(out) - len(rig.source)) < 0.4 * (len(whole) - len(rig.source))
    assert saved > 0
    assert nothing == 0
    document, _ = glb.split(whole)
    animation = document["animations"][0]
    assert {document["accessors"][s["input"]]["count"] for s in animation["samplers"]} == {
        len(motion)
    }


# --- expressions ----------------------------------------------------------------------------------


def with_morphs(
    names: Sequence[str] = ("jawOpen", "something", "eyeBlink_L"), **extensions: Any
) -> bytes:
    """A body whose face has three morph targets, two of them with names of ARKit's unless told
    otherwise.
    """
    document = tiny_document()
    document["nodes"].append({"name": "face", "mesh": 0, "weights": [0.0, 0.25, 0.0]})
    document["scenes"][0]["nodes"].append(len(document["nodes"]) - 1)
    triangle = np.zeros((3, 3), "<f4")
    accessor = {
        "bufferView": 0,
        "componentType": 5126,
        "count": 3,
        "type": "VEC3",
        "min": [0, 0, 0],
        "max": [0, 0, 0],
    }
    primitive = {"attributes": {"POSITION": 0}, "targets": [{"POSITION": 0}] * 3}
    document |= {
        "meshes": [{"primitives": [primitive], "extras": {"targetNames": list(names)}}],
        "accessors": [accessor], "bufferViews": [{"buffer": 0, "byteLength": 36}],
        "buffers": [{"byteLength": 36}],
        "extensions": extensions,
    }  # fmt: skip
    return glb.join(document, triangle.tobytes())


def with_expressions(motion: Motion, **weights: np.ndarray) -> Motion:
    return replace(motion, expressions=weights)


def test_expressions_move_the_morph_targets_of_their_names(tmp_path: Path, node: Path) -> None:
    rig = rig_of(with_morphs())
    motion = some_motion(rig, frames=40)
    wave = 0.5 + 0.5 * np.sin(4 * motion.times)
    path = tmp_path / "face.glb"
    path.write_bytes(
        gltf.dumps(
            with_expressions(motion, jawOpen=wave, eyeBlinkLeft=1 - wave, mouthPucker=wave), rig
        )
    )
    _, weights = judges.three_nodes(node, path, motion.times)
    (shown,) = weights.values()
    assert np.abs(shown - np.stack([wave, np.full(40, 0.25), 1 - wave], axis=1)).max() < 2e-3
    assert judges.khronos(node, path)["issues"]["numErrors"] == 0


@pytest.mark.parametrize("version", [0, 1])
def test_a_vrms_own_expressions_move_what_they_are_bound_to(version: int) -> None:
    face = 55
    if version:
        binds = [{"node": face, "index": 1, "weight": 0.5}]
        source = with_morphs(
            VRMC_vrm={
                "specVersion": "1.0",
                "expressions": {"preset": {"happy": {"morphTargetBinds": binds}}},
            }
        )
    else:
        group = {
            "name": "Joy",
            "presetName": "joy",
            "binds": [{"mesh": 0, "index": 1, "weight": 50}],
        }
        source = with_morphs(VRM={"blendShapeMaster": {"blendShapeGroups": [group]}})
    rig = with_source(rig_of(with_morphs()), source)
    motion = with_expressions(some_motion(rig, frames=5), happy=np.linspace(0, 1, 5))
    _, values = Reader(gltf.dumps(motion, rig, all_keys=True)).tracks[face, "weights"]
    assert np.abs(values.reshape(5, 3)[:, 1] - np.linspace(0, 0.5, 5)).max() < 1e-6


@pytest.mark.parametrize(
    "names",
    [
        ("viseme_aa", "viseme_PP", "Fcl_EYE_Close"),
        ("あ", "にこり", "まばたき"),
        ("vrc.v_aa", "vrc.v_sil", "vrc.blink"),
    ],
)
def test_vowels_and_blinks_are_known_by_what_others_call_them(names: Sequence[str]) -> None:
    rig = rig_of(with_morphs(names))
    wave = np.linspace(0, 1, 5)
    motion = with_expressions(some_motion(rig, frames=5), jawOpen=wave, aa=wave**2, blink=1 - wave)
    _, values = Reader(gltf.dumps(motion, rig, all_keys=True)).tracks[55, "weights"]
    assert (
        np.abs(values.reshape(5, 3) - np.stack([wave**2, np.full(5, 0.25), 1 - wave], axis=1)).max()
        < 1e-6
    )


def test_a_face_that_speaks_arkit_is_not_moved_twice() -> None:
    binds = [{"node": 55, "index": 1, "weight": 1.0}]
    source = with_morphs(
        VRMC_vrm={
            "specVersion": "1.0",
            "expressions": {"preset": {"aa": {"morphTargetBinds": binds}}},
        }
    )
    rig = with_source(rig_of(with_morphs()), source)
    wave = np.linspace(0, 1, 5)
    both = {"jawOpen": wave, "eyeBlinkLeft": wave, "aa": wave}
    for weights, expected in ((both, 0.25), ({"aa": wave}, wave)):
        motion = with_expressions(some_motion(rig, frames=5), **weights)
        _, values = Reader(gltf.dumps(motion, rig, all_keys=True)).tracks[55, "weights"]
        assert np.abs(values.reshape(5, 3)[:, 1] - expected).max() < 1e-6


def test_a_rig_without_morph_targets_does_without(rig: Rig, clip: Motion) -> None:
    motion = with_expressions(on_rig(clip, rig), nonsense=np.ones(len(clip)))
    assert all(path != "weights" for _, path in Reader(gltf.dumps(motion, rig)).tracks)


# --- judges ---------------------------------------------------------------------------------------


def complaints(node: Path, path: Path) -> Counter[str]:
    messages = judges.khronos(node, path)["issues"]["messages"]
    return Counter(m["code"] for m in messages if m["severity"] < 2)


def test_the_khronos_validator_finds_no_error_and_no_warning(
    clip: Motion, rig: Rig, tmp_path: Path, node: Path
) -> None:
    path = tmp_path / "clip.glb"
    motion = on_rig(clip, rig)
    once = gltf.dumps(motion, rig)
    twice = gltf.dumps(motion.slice(0, 1), with_source(rig, once))
    bare = rig_of(tiny_rig())
    for data in (
        rig.source,
        once,
        gltf.dumps(motion, rig, all_keys=True),
        twice,
        gltf.dumps(on_rig(clip, bare), bare),
    ):
        path.write_bytes(data)
        assert not complaints(node, path)


def test_the_khronos_validator_finds_in_real_characters_what_it_found_before(
    data: Path, tmp_path: Path, node: Path
) -> None:
    for original in every_rig(data):
        rig = load_rig(original)
        path = tmp_path / "clip.glb"
        path.write_bytes(gltf.dumps(some_motion(rig), rig))
        assert not complaints(node, path) - complaints(node, original), original.name


def test_three_reads_our_files_as_we_do(clip: Motion, rig: Rig, tmp_path: Path, node: Path) -> None:
    path = tmp_path / "clip.glb"
    path.write_bytes(gltf.dumps(on_rig(clip, rig), rig, all_keys=True))
    names, found = judges.three(node, path, clip.times)
    expected = places(clip)
    assert set(names) == set(HUMANOID.names)
    assert (
        max(np.abs(found[:, i] - expected[n]).max() for i, n in enumerate(names))
        < HALF_A_MILLIMETRE
    )


def test_three_has_real_characters_joints_where_we_have_them(
    data: Path, tmp_path: Path, node: Path
) -> None:
    for original in every_rig(data):
        rig = load_rig(original)
        motion = some_motion(rig)
        path = tmp_path / "clip.glb"
        path.write_bytes(gltf.dumps(motion, rig, all_keys=True))
        found, _ = judges.three_nodes(node, path, motion.times[::5])
        expected = places_in_document(motion, rig)[::5]
        wrong = [
            np.abs(found[n] - expected[:, j]).max()
            for j, n in enumerate(gltf.nodes_of(glb.split(rig.source)[0], rig))
        ]
        assert max(wrong) * rig.unit < HALF_A_MILLIMETRE, original.name


# --- what cannot be done --------------------------------------------------------------------------


def test_a_motion_for_another_body_is_refused(rig: Rig) -> None:
    other = synthetic.smooth_motion(np.random.default_rng(1), 0.2, 30.0)
    order = [HUMANOID.index(n) for n in rig.skeleton.names]
    offsets = other.skeleton.offsets[order]
    taller = Skeleton(
        rig.skeleton.names, rig.skeleton.parents, offsets, rig.skeleton.rest_rotations
    )
    with pytest.raises(
        InputError, match=r"not on this rig's skeleton.*Retarget the motion to the rig first"
    ):
        gltf.dumps(
            Motion(taller, other.times, other.root_positions, other.rotations[:, order]), rig
        )


def test_joints_the_rig_does_not_have_are_named(clip: Motion, rig: Rig) -> None:
    names = ("pelvis", *HUMANOID.names[1:])
    other = Skeleton(names, HUMANOID.parents, HUMANOID.offsets, HUMANOID.rest_rotations)
    with pytest.raises(
        InputError,
        match=r"no joints for these of the motion's: pelvis\. .*the rig's joints are hips",
    ):
        gltf.dumps(Motion(other, clip.times, clip.root_positions, clip.rotations), rig)


def test_a_bvh_is_no_place_for_a_gltf_animation(clip: Motion, rig: Rig) -> None:
    with pytest.raises(InputError, match=r"is a BVH file"):
        gltf.dumps(on_rig(clip, rig), replace(rig, kind="bvh"))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (
            lambda d: d["buffers"][0].update(byteLength=10**9),
            "cut off: its buffer should hold 1000000000 bytes, but there are",
        ),
        (lambda d: d["bufferViews"][0].update(byteOffset=10**9), "bufferView 0 ends at byte"),
        (lambda d: d["bufferViews"][0].update(buffer=7), "damaged"),
        (lambda d: d.update(animations="walk"), "its animations are a str instead of a list"),
        (lambda d: d.update(accessors={}), "its accessors are a dict"),
    ],
)
def test_damaged_documents_are_refused_with_a_sentence(
    clip: Motion, rig: Rig, damage: Any, says: str
) -> None:
    document, binary = glb.split(rig.source)
    damage(document)
    with pytest.raises(InputError, match=says):
        gltf.dumps(on_rig(clip, rig), with_source(rig, glb.join(document, binary)))


def test_a_motion_without_frames_is_refused(clip: Motion, rig: Rig) -> None:
    with pytest.raises(InputError, match="without frames"):
        gltf.dumps(on_rig(clip, rig).slice(0, 0), rig)


def test_frames_that_32_bits_cannot_tell_apart_are_refused(clip: Motion, rig: Rig) -> None:
    motion = replace(on_rig(clip, rig).slice(0, 3), times=np.array([0.0, 1000.0, 1000.0 + 1e-6]))
    with pytest.raises(InputError, match="too close in time"):
        gltf.dumps(motion, rig)


# --- cost -----------------------------------------------------------------------------------------


def test_a_thousand_frames_are_written_quickly(rig: Rig) -> None:
    motion = on_rig(
        on_humanoid(synthetic.smooth_motion(np.random.default_rng(0), 1000 / 30.0, 30.0)), rig
    )
    assert cost.seconds(lambda: gltf.dumps(motion, rig), 1.0) < 1.0
    data = gltf.dumps(motion, rig)
    assert len(data) - len(rig.source) < 0.6 * 1000 * (55 * 16 + 12 + 4)


def test_json_is_padded_with_spaces_and_lengths_agree(clip: Motion, rig: Rig) -> None:
    data = gltf.dumps(on_rig(clip, rig), rig)
    total, size = struct.unpack_from("<I", data, 8)[0], struct.unpack_from("<I", data, 12)[0]
    assert total == len(data)
    assert size % 4 == 0
    document = json.loads(data[20 : 20 + size])
    assert document["buffers"][0]["byteLength"] <= struct.unpack_from("<I", data, 20 + size)[0]
    assert all(v.get("byteOffset", 0) % 4 == 0 for v in document["bufferViews"][-1:])
