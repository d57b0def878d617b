"""GLB against the Khronos validator and three.js, and the rig's own document, which must come out as it went in."""

from __future__ import annotations

import copy
import json
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import judges
import numpy as np
import pytest
import synthetic
from hypothesis import given, settings
from hypothesis import strategies as st

from mocap import rotation as R
from mocap.errors import InputError
from mocap.formats import glb, gltf
from mocap.kinematics import fk
from mocap.motion import Motion
from mocap.skeleton import HUMANOID, Skeleton

MANNEQUIN = Path(__file__).parents[1] / "rigs" / "mannequin.vrm"
HALF_A_MILLIMETRE = 0.0005
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def rig() -> bytes:
    return MANNEQUIN.read_bytes()


@pytest.fixture(scope="module")
def clip() -> Motion:
    return on_humanoid(synthetic.smooth_motion(np.random.default_rng(4), 2.0, 30.0))


def on_humanoid(motion: Motion) -> Motion:
    return Motion(HUMANOID, motion.times, motion.root_positions, motion.rotations)


def places(motion: Motion) -> dict[str, np.ndarray]:
    positions = fk(motion.skeleton, motion.root_positions, motion.rotations)[0]
    return {name: positions[:, j] for j, name in enumerate(motion.skeleton.names)}


def tiny_rig(skeleton: Skeleton = HUMANOID, above: tuple[dict[str, Any], ...] = (), unit: float = 1.0, **extra: Any) -> bytes:
    """A GLB of bare joints below the nodes `above`, which make one of their units so many metres."""
    nodes: list[dict[str, Any]] = [{**node, "name": f"above{i}", "children": [i + 1]} for i, node in enumerate(above)]
    for joint, name in enumerate(skeleton.names):
        node = {"name": name, "translation": (skeleton.offsets[joint] / unit).tolist(), "rotation": skeleton.rest_rotations[joint].tolist()}
        children = [c + len(above) for c in skeleton.children(joint)]
        nodes.append(node | ({"children": children} if children else {}))
    joints = list(range(len(above), len(nodes)))
    document = {"asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": [0]}], "nodes": nodes, "skins": [{"joints": joints}]}
    return glb.join(document | extra, b"")


# --- round trip ------------------------------------------------------------------------------------------------------------------


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_what_is_written_is_what_is_read(seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = 5.0 + np.cumsum(rng.uniform(0.01, 0.1, 9))
    motion = Motion(HUMANOID, times, rng.normal(size=(9, 3)), synthetic.random_rotation(rng, 9, 55))
    back = gltf.loads_animation(gltf.dumps(motion, MANNEQUIN.read_bytes()))
    order = [back.skeleton.index(n) for n in HUMANOID.names]
    assert np.degrees(R.distance(back.rotations[:, order], motion.rotations).max()) < 0.01
    assert np.abs(back.root_positions - motion.root_positions).max() < 1e-6
    assert np.abs(back.skeleton.offsets[order] - HUMANOID.offsets).max() < 1e-9
    assert np.abs(back.times - (times - times[0])).max() < 1e-6, "times are counted from 0"


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_a_rig_that_is_scaled_moved_and_turned_above_its_hips_still_goes_where_the_motion_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = np.eye(4)
    matrix[:3, :3] = 50.0 * R.to_matrix(synthetic.random_rotation(rng))
    matrix[:3, 3] = rng.normal(size=3)
    above = (
        {"rotation": synthetic.random_rotation(rng).tolist(), "scale": [0.01] * 3, "translation": [1.0, 2.0, 3.0]},
        {"matrix": matrix.T.ravel().tolist()},
    )
    motion = Motion(HUMANOID, np.arange(5) / 30, rng.normal(size=(5, 3)), synthetic.random_rotation(rng, 5, 55))
    back = places(gltf.loads_animation(gltf.dumps(motion, tiny_rig(above=above, unit=0.5))))
    assert max(np.abs(back[n] - p).max() for n, p in places(motion).items()) < 1e-5


def test_nodes_between_the_joints_stay_and_the_joints_go_where_the_motion_says() -> None:
    """A VRM may have other nodes between its humanoid bones; here they are turned, moved and scaled."""
    rng = np.random.default_rng(6)
    motion = Motion(HUMANOID, np.arange(5) / 30, rng.normal(size=(5, 3)), synthetic.random_rotation(rng, 5, 55))
    document, _ = glb.split(tiny_rig())
    nodes = document["nodes"]
    for parent, child in (("leftUpperArm", "leftLowerArm"), ("spine", "chest")):
        above, below = (HUMANOID.index(n) for n in (parent, child))
        turn, place = synthetic.random_rotation(rng), rng.normal(size=3)
        # The child keeps its place and its turn: local = (R(turn)ᵀ (offset − place) / 2, turn⁻¹).
        nodes.append(
            {"name": f"twist{child}", "translation": place.tolist(), "rotation": turn.tolist(), "scale": [2.0] * 3, "children": [below]}
        )
        nodes[above]["children"] = [len(nodes) - 1 if c == below else c for c in nodes[above]["children"]]
        nodes[below]["translation"] = (R.apply(R.conjugate(turn), HUMANOID.offsets[below] - place) / 2.0).tolist()
        nodes[below]["rotation"] = R.conjugate(turn).tolist()
        nodes[below]["scale"] = [0.5] * 3
    out = gltf.dumps(motion, glb.join(document, b""))
    back = places(gltf.loads_animation(out))
    assert max(np.abs(back[n] - p).max() for n, p in places(motion).items()) < 1e-5
    animated = {glb.split(out)[0]["nodes"][c["target"]["node"]]["name"] for c in glb.split(out)[0]["animations"][0]["channels"]}
    assert animated == set(HUMANOID.names)


def test_joints_that_hang_otherwise_in_the_rig_are_named(clip: Motion) -> None:
    document, _ = glb.split(tiny_rig())
    hand, head = HUMANOID.index("leftHand"), HUMANOID.index("head")
    document["nodes"][HUMANOID.index("leftLowerArm")].pop("children")
    document["nodes"][head]["children"].append(hand)
    with pytest.raises(InputError, match="the joint 'leftHand' hangs from 'leftLowerArm', in the rig it does not"):
        gltf.dumps(clip, glb.join(document, b""))


def test_a_body_at_rest_needs_one_channel(rig: bytes) -> None:
    still = Motion(HUMANOID, np.array([0.0, 1.0]), HUMANOID.offsets[[0, 0]], np.tile(HUMANOID.rest_rotations, (2, 1, 1)))
    document, _ = glb.split(gltf.dumps(still, rig))
    assert [c["target"]["path"] for c in document["animations"][0]["channels"]] == ["rotation"]
    assert len(gltf.loads_animation(gltf.dumps(still, rig))) == 2


# --- the rig's document ----------------------------------------------------------------------------------------------------------


def without_animation(document: dict[str, Any], like: dict[str, Any]) -> dict[str, Any]:
    """The document less what was added to it."""
    out = copy.deepcopy(document)
    for key in ("animations", "accessors", "bufferViews"):
        out[key] = out.get(key, [])[: len(like.get(key, []))]
        if not out[key] and key not in like:
            del out[key]
    out["buffers"][0]["byteLength"] = like["buffers"][0]["byteLength"]
    return out


def test_everything_else_in_the_document_stays_as_it_was(clip: Motion, rig: bytes) -> None:
    before, old = glb.split(rig)
    after, new = glb.split(gltf.dumps(clip, rig))
    assert without_animation(after, before) == before
    assert list(after)[: len(before)] == list(before), "not even the order of the fields changes"
    assert new.startswith(old[: before["buffers"][0]["byteLength"]])
    assert after["extensions"]["VRMC_vrm"] == before["extensions"]["VRMC_vrm"]
    assert glb.split(rig)[0] == before


def test_unknown_fields_and_empty_values_survive(clip: Motion, rig: bytes) -> None:
    document, binary = glb.split(rig)
    document["nodes"][3]["extras"] = {"note": "", "empty": {}, "none": None, "π": "⅓", "big": 2**53, "small": 1e-7}
    document["futureField"] = {"x": [1.0, 2, True]}
    document["materials"][0]["extensions"] = {"VENDOR_thing": {}}
    strange = glb.join(document, binary)
    assert without_animation(glb.split(gltf.dumps(clip, strange))[0], document) == document


def test_real_characters_come_out_as_they_went_in(data: Path) -> None:
    seen = 0
    for path in sorted((data / "rigs").rglob("*.glb")) + sorted((data / "rigs").rglob("*.vrm")):
        rig = path.read_bytes()
        if path.name == "basic_armature_vrm0.vrm":
            continue  # no skin, no animation, and its humanoid is VRM 0's
        motion = gltf.loads_animation(rig)
        out = gltf.dumps(motion, rig, name="again")
        before, after = glb.split(rig)[0], glb.split(out)[0]
        assert without_animation(after, before) == before, path.name
        document = {**after, "animations": after["animations"][-1:]}
        again = places(gltf.loads_animation(glb.join(document, glb.split(out)[1])))
        assert max(np.abs(again[n] - p).max() for n, p in places(motion).items()) < 1e-5, path.name
        seen += 1
    assert seen >= 10


def test_a_second_animation_comes_after_the_first(clip: Motion, rig: bytes) -> None:
    once = gltf.dumps(clip.slice(0, 10), rig, name="first")
    document, _ = glb.split(gltf.dumps(clip, once, name="second"))
    assert [a["name"] for a in document["animations"]] == ["first", "second"]


# --- judges ----------------------------------------------------------------------------------------------------------------------


def test_the_khronos_validator_finds_no_error_and_no_warning(clip: Motion, rig: bytes, tmp_path: Path, node: Path) -> None:
    path = tmp_path / "clip.glb"
    twice = gltf.dumps(clip.slice(0, 1), gltf.dumps(clip, rig))
    for data in (rig, gltf.dumps(clip, rig), twice, gltf.dumps(clip, tiny_rig())):
        path.write_bytes(data)
        issues = judges.khronos(node, path)["issues"]
        assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"]


def test_three_reads_our_file_as_we_do(clip: Motion, rig: bytes, tmp_path: Path, node: Path) -> None:
    path = tmp_path / "clip.glb"
    path.write_bytes(gltf.dumps(clip, rig))
    names, found = judges.three(node, path, clip.times)
    expected = places(clip)
    assert set(names) == set(HUMANOID.names)
    assert max(np.abs(found[:, i] - expected[n]).max() for i, n in enumerate(names)) < HALF_A_MILLIMETRE


@pytest.mark.parametrize("name", ["misc/CesiumMan.glb", "raylib/robot.glb", "kaykit_cc0/Knight.glb"])
def test_animations_of_others_are_read_as_three_reads_them(data: Path, tmp_path: Path, node: Path, name: str) -> None:
    document, binary = glb.split((data / "rigs" / name).read_bytes())
    # three.mjs plays the last animation, and needs no pictures.
    document["animations"] = document["animations"][:1]
    for key in ("images", "textures", "materials"):
        document.pop(key, None)
    for mesh in document["meshes"]:
        for primitive in mesh["primitives"]:
            primitive.pop("material", None)
    # Bones do not stretch in a Motion: of the translations, the root's alone.
    root = gltf.loads_animation(glb.join(document, binary)).skeleton.names[0]
    (animation,) = document["animations"]
    fine = [c for c in animation["channels"] if c["target"]["path"] == "rotation" or document["nodes"][c["target"]["node"]]["name"] == root]
    document["animations"] = [{**animation, "channels": [c for c in fine if c["target"]["path"] != "scale"]}]
    path = tmp_path / "other.glb"
    path.write_bytes(glb.join(document, binary))
    motion = gltf.loads_animation(path.read_bytes())
    names, found = judges.three(node, path, motion.times)
    expected = places(motion)
    # three.js takes some characters out of the names.
    plain = {"".join(c for c in n.replace(" ", "_") if c not in "[].:/"): n for n in expected}
    matched = [(i, plain[n]) for i, n in enumerate(names) if n in plain]
    assert len(matched) == len(expected)
    assert max(np.abs(found[:, i] - expected[n]).max() for i, n in matched) < 1e-4


# --- what cannot be done ---------------------------------------------------------------------------------------------------------


def test_a_motion_for_another_body_is_refused(clip: Motion, rig: bytes) -> None:
    other = synthetic.smooth_motion(np.random.default_rng(1), 0.2, 30.0)
    with pytest.raises(InputError, match=r"not on this rig's skeleton.*Retarget the motion to the rig first"):
        gltf.dumps(other, rig)


def test_joints_the_rig_does_not_have_are_named(clip: Motion) -> None:
    names = ("pelvis", *HUMANOID.names[1:])
    rig = tiny_rig(Skeleton(names, HUMANOID.parents, HUMANOID.offsets, HUMANOID.rest_rotations))
    with pytest.raises(InputError, match=r"no node for these of the motion's joints: hips\. .*the rig's nodes are pelvis"):
        gltf.dumps(clip, rig)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not a GLB file"),
        (b"{\"asset\": {}}                      ", "not a GLB file"),
        (struct.pack("<4sII", b"glTF", 1, 20) + bytes(8), "version is 1, not 2"),
        (struct.pack("<4sII", b"glTF", 2, 400) + bytes(8), "cut off at 20 of 400 bytes"),
        (struct.pack("<4sIIII", b"glTF", 2, 24, 4, 0x4E4F534A) + b"{{{{", "JSON cannot be read"),
        (struct.pack("<4sIIII", b"glTF", 2, 24, 4, 0x004E4942) + bytes(4), "no JSON chunk"),
        (glb.join({"asset": {"version": "2.0"}}, b""), "no skeleton"),
    ],
)  # fmt: skip
def test_what_is_no_glb_is_refused_with_a_sentence(data: bytes, says: str) -> None:
    with pytest.raises(InputError, match=says):
        gltf.loads_animation(data)


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: d["nodes"][1].update(children=[0]),
        lambda d: d["nodes"][1].update(children=[999]),
        lambda d: d["nodes"][20].update(children=[21, 21]),
        lambda d: d["animations"][0]["channels"][0].pop("sampler"),
        lambda d: d["animations"][0]["samplers"][0].update(input=999),
        lambda d: d["accessors"][-1].update(count=10**6),
        lambda d: d["accessors"][-1].update(type="VEC5"),
        lambda d: d["skins"].append({"joints": [10**6]}),
        lambda d: d.update(nodes={}),
    ],
)
def test_damaged_documents_are_refused_with_a_sentence(clip: Motion, rig: bytes, damage: Callable[[dict[str, Any]], object]) -> None:
    document, binary = glb.split(gltf.dumps(clip, rig))
    damage(document)
    with pytest.raises(InputError, match=r"damaged|no skeleton"):
        gltf.loads_animation(glb.join(document, binary))


def test_buffers_in_other_files_are_named(clip: Motion) -> None:
    rig = tiny_rig(buffers=[{"uri": "body.bin", "byteLength": 4}])
    with pytest.raises(InputError, match="everything embedded"):
        gltf.dumps(clip, rig)


def test_a_motion_without_frames_is_refused(clip: Motion, rig: bytes) -> None:
    with pytest.raises(InputError, match="without frames"):
        gltf.dumps(clip.slice(0, 0), rig)


# --- interpolation ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("interpolation", ["STEP", "CUBICSPLINE", "LINEAR"])
def test_all_interpolations_are_read(tmp_path: Path, interpolation: str) -> None:
    """A rotation about y keyed at 0 s, 1 s and 2 s; a translation keyed more often gives the times between."""
    angles = np.radians([0.0, 60.0, 20.0])
    keys = R.from_axis_angle(np.tile([0.0, 1.0, 0.0], (3, 1)), angles)
    values = keys
    if interpolation == "CUBICSPLINE":
        values = np.stack([np.zeros((3, 4)), keys, np.zeros((3, 4))], axis=1)
    times = np.linspace(0.0, 2.0, 9)
    root = np.stack([times, 0 * times, 0 * times], axis=1)
    pieces = [np.array([0.0, 1.0, 2.0]), values.reshape(-1, 4), times, root]
    binary = b"".join(p.astype("<f4").tobytes() for p in pieces)
    accessors, offset = [], 0
    for piece in pieces:
        kind = "SCALAR" if piece.ndim == 1 else f"VEC{piece.shape[1]}"
        accessors.append({"bufferView": 0, "byteOffset": offset, "componentType": 5126, "count": len(piece), "type": kind})
        offset += 4 * piece.size
    animation = {
        "samplers": [{"input": 0, "output": 1, "interpolation": interpolation}, {"input": 2, "output": 3}],
        "channels": [
            {"sampler": 0, "target": {"node": 0, "path": "rotation"}},
            {"sampler": 1, "target": {"node": 0, "path": "translation"}},
        ],
    }
    document = {
        "asset": {"version": "2.0"}, "nodes": [{"name": "box"}], "accessors": accessors, "animations": [animation],
        "bufferViews": [{"buffer": 0, "byteLength": len(binary)}], "buffers": [{"byteLength": len(binary)}],
    }  # fmt: skip
    motion = gltf.loads_animation(glb.join(document, binary))
    assert np.allclose(motion.times, times)
    found = np.degrees(2 * np.arctan2(motion.rotations[:, 0, 1], motion.rotations[:, 0, 3]))
    if interpolation == "STEP":
        expected = [0, 0, 0, 0, 60, 60, 60, 60, 20]
    elif interpolation == "LINEAR":
        expected = [0, 15, 30, 45, 60, 50, 40, 30, 20]
    else:
        # Flat tangents: halfway in value at halfway in time, the quaternion then normalised.
        expected = [0, found[1], 30, found[3], 60, found[5], 40, found[7], 20]
        assert 0 < found[1] < 15 < 45 < found[3] < 60
    assert np.allclose(found, expected, atol=1e-4)


# --- cost ------------------------------------------------------------------------------------------------------------------------


def test_a_thousand_frames_are_written_quickly(rig: bytes) -> None:
    motion = on_humanoid(synthetic.smooth_motion(np.random.default_rng(0), 1000 / 30.0, 30.0))
    start = time.process_time()
    data = gltf.dumps(motion, rig)
    assert time.process_time() - start < 0.5
    assert len(data) - len(rig) < 1000 * (55 * 16 + 12 + 4) + 40_000


def test_json_is_padded_with_spaces_and_lengths_agree(clip: Motion, rig: bytes) -> None:
    data = gltf.dumps(clip, rig)
    total, size = struct.unpack_from("<I", data, 8)[0], struct.unpack_from("<I", data, 12)[0]
    assert total == len(data)
    assert size % 4 == 0
    document = json.loads(data[20 : 20 + size])
    assert document["buffers"][0]["byteLength"] <= struct.unpack_from("<I", data, 20 + size)[0]
    assert all(v.get("byteOffset", 0) % 4 == 0 for v in document["bufferViews"][-1:])
