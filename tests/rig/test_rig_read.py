"""Characters' files as trees of nodes, against three.js and SciPy."""

from __future__ import annotations

import base64
import contextlib
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from mocap.core import rotation as R
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.core.skeleton import Skeleton
from mocap.errors import InputError
from mocap.formats import bvh, read_tree
from mocap.formats.bvh import rig as bvh_rig
from mocap.formats.gltf import glb
from mocap.formats.gltf.tree import tree_of
from mocap.rig.load import load_rig
from tests import judges
from tests.helpers import synthetic
from tests.helpers.gltf_characters import BONE_MAP, character, written

seeds = st.integers(0, 2**32 - 1)
NOWHERE = Path("/nonexistent")


def random_nodes(rng: np.random.Generator, count: int, scales: str) -> list[dict[str, Any]]:
    """Return nodes in a random order and tree, with matrices or with parts.

    Args:
        scales: "mirrored" (equal in all axes except for signs) or "any".
    """
    nodes: list[dict[str, Any]] = []
    for i in range(count):
        size = rng.uniform(0.5, 2.0) * (
            rng.choice([-1.0, 1.0], 3) if scales == "mirrored" else rng.uniform(0.2, 2.0, 3)
        )
        place, turn = rng.normal(size=3), synthetic.random_rotation(rng)
        if rng.random() < 0.3:
            m = np.eye(4)
            m[:3, :3], m[:3, 3] = R.to_matrix(turn) * size, place
            nodes.append({"name": f"n{i}", "matrix": m.T.ravel().tolist()})
        else:
            nodes.append(
                {
                    "name": f"n{i}",
                    "translation": place.tolist(),
                    "rotation": turn.tolist(),
                    "scale": size.tolist(),
                }
            )
    order = rng.permutation(count)
    for i in range(1, count):
        parent = order[rng.integers(0, i)]
        nodes[parent].setdefault("children", []).append(int(order[i]))
    return nodes


def worlds(nodes: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """Return name → world matrix (4, 4), by plain recursion."""
    out = {}

    def go(index: int, above: np.ndarray) -> None:
        out[nodes[index]["name"]] = here = above @ glb.node_matrix(nodes[index])
        for child in nodes[index].get("children", []):
            go(child, here)

    below = {c for n in nodes for c in n.get("children", [])}
    for root in set(range(len(nodes))) - below:
        go(root, np.eye(4))
    return out


def test_positions_equal_those_of_three(tmp_path: Path, node: Path) -> None:
    nodes = random_nodes(np.random.default_rng(3), 40, "any")
    data = struct.pack("<2f6f", 0, 1, *range(6))
    document = {
        "asset": {"version": "2.0"}, "nodes": [*nodes, {"name": "clock"}],
        "scenes": [{"nodes": list(range(41))}], "scene": 0,
        "buffers": [{"byteLength": len(data)}],
        "bufferViews": [{"buffer": 0, "byteLength": 8},
                        {"buffer": 0, "byteOffset": 8, "byteLength": 24}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 2, "type": "SCALAR", "min": [0],
             "max": [1]},
            {"bufferView": 1, "componentType": 5126, "count": 2, "type": "VEC3"},
        ],
        "animations": [
            {"samplers": [{"input": 0, "output": 1}],
             "channels": [{"sampler": 0, "target": {"node": 40, "path": "translation"}}]}
        ],
    }  # fmt: skip
    below = {c for n in nodes for c in n.get("children", [])}
    document["scenes"] = [{"nodes": sorted(set(range(41)) - below)}]
    path = written(tmp_path, document, data)
    tree = read_tree(path)
    places, _ = judges.three_nodes(node, path, np.zeros(1))
    assert set(places) == set(tree.nodes.tolist())
    for i, n in enumerate(tree.nodes[tree.nodes != 40]):
        assert np.allclose(
            tree.positions[list(tree.nodes).index(n)], places[int(n)][0], atol=1e-5
        ), tree.names[i]


@given(seeds, st.sampled_from(["mirrored", "any"]))
@settings(max_examples=40, deadline=None)
def test_rotations_are_the_polar_factors(seed: int, scales: str) -> None:
    nodes = random_nodes(np.random.default_rng(seed), 12, scales)
    tree = tree_of(glb.join({"asset": {"version": "2.0"}, "nodes": nodes}, b""), NOWHERE)
    for name, world in worlds(nodes).items():
        i = tree.names.index(name)
        assert np.allclose(tree.positions[i], world[:3, 3])
        expected, _ = scipy.linalg.polar(world[:3, :3] * np.sign(np.linalg.det(world[:3, :3])))
        assert np.degrees(R.distance(tree.rotations[i], R.from_matrix(expected))) < 1e-4
        assert tree.nodes[i] == int(name[1:])
        assert tree.parents[i] < i


@given(seeds)
@settings(max_examples=40, deadline=None)
def test_a_world_rotation_becomes_local_through_the_parents_rotation(seed: int) -> None:
    """P⁻¹·X·P·b, in any file with uniform scales, mirrored or not."""
    rng = np.random.default_rng(seed)
    nodes = random_nodes(rng, 12, "mirrored")
    tree = tree_of(glb.join({"asset": {"version": "2.0"}, "nodes": nodes}, b""), NOWHERE)
    child = next(i for i in range(len(nodes) - 1, 0, -1) if tree.parents[i] >= 0)
    x, p = synthetic.random_rotation(rng), tree.rotations[tree.parents[child]]
    before, node = worlds(nodes)[tree.names[child]], nodes[tree.nodes[child]]
    place, b, scale = glb.node_pose(node)
    node.pop("matrix", None)
    turned = R.multiply(R.multiply(R.conjugate(p), R.multiply(x, p)), b)
    node.update(translation=place.tolist(), rotation=turned.tolist(), scale=scale.tolist())
    assert np.allclose(
        worlds(nodes)[tree.names[child]][:3, :3], R.to_matrix(x) @ before[:3, :3], atol=1e-9
    )


def test_names_are_unique_and_joints_are_known() -> None:
    nodes = [
        {"name": "arm", "children": [1, 2]},
        {"name": "arm"},
        {"children": [3]},
        {"name": "arm.1"},
    ]
    tree = tree_of(
        glb.join({"asset": {"version": "2.0"}, "nodes": nodes, "skins": [{"joints": [2, 3]}]}, b""),
        NOWHERE,
    )
    assert len(set(tree.names)) == 4
    assert tree.names[0] == "arm.0"
    assert tree.names[2] == "node2"
    assert tree.joints.tolist() == [False, False, True, True]
    assert tree.kind == "glb"


def test_a_mesh_scaled_to_zero_is_harmless() -> None:
    document, binary = character()
    document["nodes"][6]["children"] = [len(document["nodes"])]
    document["nodes"].append({"name": "hidden", "scale": [0, 0, 0]})
    tree = tree_of(glb.join(document, binary), NOWHERE)
    assert np.all(np.isfinite(tree.rotations))


def test_vrm_declares_its_bones() -> None:
    document, binary = character()
    one = {"hips": {"node": 1}, "leftThumbMetacarpal": {"node": 20}, "tail": {"node": 3}}
    zero = [
        {"bone": "hips", "node": 1},
        {"bone": "leftThumbProximal", "node": 20},
        {"bone": "leftThumbIntermediate", "node": 21},
    ]
    tree = tree_of(
        glb.join(
            document | {"extensions": {"VRMC_vrm": {"humanoid": {"humanBones": one}}}}, binary
        ),
        NOWHERE,
    )
    assert {b: int(tree.nodes[n]) for b, n in tree.declared.items()} == {
        "hips": 1,
        "leftThumbMetacarpal": 20,
    }
    assert tree.kind == "vrm"
    tree = tree_of(
        glb.join(document | {"extensions": {"VRM": {"humanoid": {"humanBones": zero}}}}, binary),
        NOWHERE,
    )
    assert {b: int(tree.nodes[n]) for b, n in tree.declared.items()} == {
        "hips": 1,
        "leftThumbMetacarpal": 20,
        "leftThumbProximal": 21,
    }


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_the_bind_pose_of_a_skin_is_found(seed: int) -> None:
    """For any nodes above the joints, and where the hips have moved a little since."""
    rng = np.random.default_rng(seed)
    body = synthetic.random_body(rng)
    posed = body.rest_rotations.copy()
    posed = R.slerp(posed, synthetic.random_rotation(rng, len(posed)), 0.4)
    posed[0] = R.slerp(R.IDENTITY, synthetic.random_rotation(rng), rng.choice([0.0, 0.1]))
    document, binary = character(body, posed)
    turn, unit, place = (
        synthetic.random_rotation(rng),
        rng.choice([0.01, 1.0, 100.0]),
        rng.normal(size=3),
    )
    document["nodes"][0] |= {
        "rotation": turn.tolist(),
        "scale": [unit] * 3,
        "translation": place.tolist(),
    }
    tree = tree_of(glb.join(document, binary), NOWHERE)
    (pose,) = tree.poses
    at = [tree.names.index(n) for n in body.names]
    expected = place + unit * R.apply(turn, body.rest_positions())
    assert pose.name == "bind"
    assert np.abs(pose.positions[at] - expected).max() < 1e-5 * unit
    assert np.degrees(R.distance(pose.rotations[at], turn).max()) < 0.01
    rest = place + unit * R.apply(turn, fk(body, body.offsets[0], posed)[0])
    assert np.abs(tree.positions[at] - rest).max() < 1e-6 * unit


def test_a_skin_bound_in_its_current_pose_has_no_other_pose() -> None:
    document, binary = character()
    document["nodes"][0] |= {"rotation": [0.5, 0.5, 0.5, 0.5], "scale": [100.0] * 3}
    assert tree_of(glb.join(document, binary), NOWHERE).poses == ()


def test_a_gltf_of_several_files_equals_its_glb(tmp_path: Path) -> None:
    document, binary = character()
    expected = tree_of(glb.join(document, binary), NOWHERE)
    (tmp_path / "the buffer.bin").write_bytes(binary)
    for uri in (
        "the%20buffer.bin",
        "./the buffer.bin",
        "data:application/octet-stream;base64," + base64.b64encode(binary).decode(),
    ):
        path = tmp_path / "it.gltf"
        path.write_text(
            json.dumps(document | {"buffers": [{"byteLength": len(binary), "uri": uri}]})
        )
        tree = read_tree(path)
        assert tree.kind == "gltf"
        assert np.array_equal(tree.positions, expected.positions)
        assert tree.names == expected.names
        rig = load_rig(path, BONE_MAP)
        assert rig.source == path.read_bytes()


@pytest.mark.parametrize(
    "uri",
    [
        "../secret.bin", "/etc/passwd", "http://example.org/a.bin", "file:///etc/passwd",
        "C:\\a.bin", "\\\\host\\a.bin", "a/../../secret.bin", "%2e%2e/secret.bin", "link.bin",
        "a\0b", "missing.bin", "", ".", "data:;base64,!", "data:;base64", 7, None, ["x"],
    ],
)  # fmt: skip
def test_uris_that_leave_the_folder_are_refused(tmp_path: Path, uri: Any) -> None:
    document, binary = character()
    folder = tmp_path / "folder"
    (folder / "a").mkdir(parents=True)
    (tmp_path / "secret.bin").write_bytes(binary)
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    path = folder / "it.gltf"
    path.write_text(json.dumps(document | {"buffers": [{"byteLength": len(binary), "uri": uri}]}))
    with pytest.raises(InputError) as caught:
        read_tree(path)
    assert str(caught.value).count("\n") == 0


def test_external_pictures_of_a_gltf_are_embedded(tmp_path: Path) -> None:
    from mocap.formats.gltf.embed import embedded

    document, binary = character()
    picture = b"\x89PNG\r\n\x1a\n" + b"not read" * 3 + b"!"
    (tmp_path / "skin.png").write_bytes(picture)
    (tmp_path / "b.bin").write_bytes(binary)
    document |= {
        "buffers": [{"byteLength": len(binary), "uri": "b.bin"}],
        "images": [{"name": "skin", "uri": "skin.png"}],
    }
    inside, data = glb.split(embedded(json.dumps(document).encode(), tmp_path))
    view = inside["bufferViews"][inside["images"][0]["bufferView"]]
    assert data[view["byteOffset"] : view["byteOffset"] + view["byteLength"]] == picture
    assert inside["images"][0] == {"name": "skin", "mimeType": "image/png", "bufferView": 1}
    assert "uri" in document["images"][0], "the caller's document is left as it is"


@given(seeds)
@settings(max_examples=10, deadline=None)
def test_a_bvh_rig_keeps_its_unit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    body = synthetic.random_body(rng)
    motion = Motion(
        body, np.arange(9) / 30.0, rng.normal(size=(9, 3)), synthetic.random_rotation(rng, 9, 55)
    )
    text = bvh.dumps(motion, names="vrm")
    tree = bvh_rig.tree_of(b"\xef\xbb\xbf" + text.encode())
    at = [tree.names.index(n) for n in body.names]
    assert (tree.kind, tree.joints.all()) == ("bvh", True)
    rest = 100.0 * (body.rest_positions() - body.offsets[0])
    assert np.abs(tree.positions[at] - rest).max() < 1e-3
    positions, rotations = fk(body, motion.root_positions, motion.rotations)
    assert [p.name for p in tree.poses] == [f"frame {f}" for f in range(9)]
    for pose, p, q in zip(tree.poses, positions, rotations, strict=True):
        assert np.abs(pose.positions[at] - 100.0 * p).max() < 0.01
        assert np.degrees(R.distance(pose.rotations[at], q).max()) < 0.01


@pytest.mark.parametrize("wild", ["1e308", "-1e300", "nan", "inf"])
@pytest.mark.parametrize("what", ["OFFSET 0 0 0", "OFFSET 0 9 0", " 0.5 "])
def test_a_bvh_with_wild_numbers_is_refused(tmp_path: Path, what: str, wild: str) -> None:
    body = Skeleton(
        ("hips", "spine"),
        np.array([-1, 0]),
        np.array([[0, 0, 0], [0, 0.09, 0]]),
        np.tile(R.IDENTITY, (2, 1)),
    )
    text = bvh.dumps(
        Motion(body, np.arange(1) / 30.0, np.array([[0, 0.005, 0]]), np.tile(R.IDENTITY, (1, 2, 1)))
    )
    assert what in text
    path = tmp_path / "it.bvh"
    path.write_text(
        text.replace(what, what.replace("0.5", wild) if "0.5" in what else f"OFFSET 0 {wild} 0", 1)
    )
    with contextlib.suppress(InputError):  # the root's OFFSET does not place it: its channels do
        assert np.all(np.isfinite(read_tree(path).positions))
        assert what == "OFFSET 0 0 0"
