"""glTF animations are read as three.js reads them, in every interpolation."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mocap.core import rotation as R
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.core.skeleton import HUMANOID
from mocap.errors import InputError
from mocap.formats import gltf
from mocap.formats.gltf import glb, rest_nodes
from mocap.formats.gltf import keys as gltf_keys
from mocap.formats.gltf import read as gltf_read
from mocap.rig.load import load_rig
from tests import judges
from tests.helpers import synthetic
from tests.helpers.places import MANNEQUIN


@pytest.fixture(scope="module")
def rig() -> Rig:
    return load_rig(MANNEQUIN)


@pytest.fixture(scope="module")
def moving(rig: Rig) -> bytes:
    """Return the mannequin's file with two seconds of motion."""
    made = synthetic.smooth_motion(np.random.default_rng(4), 2.0, 30.0)
    order = [HUMANOID.index(n) for n in rig.skeleton.names]
    return gltf.dumps(
        Motion(rig.skeleton, made.times, made.root_positions, made.rotations[:, order]), rig
    )


def places(motion: Motion) -> dict[str, np.ndarray]:
    positions = fk(motion.skeleton, motion.root_positions, motion.rotations)[0]
    return {name: positions[:, j] for j, name in enumerate(motion.skeleton.names)}


# --- on the file's own nodes ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["misc/CesiumMan.glb", "raylib/robot.glb", "kaykit_cc0/Knight.glb"]
)
def test_animations_of_other_tools_are_read_as_in_three(
    data: Path, tmp_path: Path, node: Path, name: str
) -> None:
    document, binary = glb.split((data / "rigs" / name).read_bytes())
    # three.mjs plays the last animation, and needs no pictures.
    document["animations"] = document["animations"][:1]
    for key in ("images", "textures", "materials"):
        document.pop(key, None)
    for mesh in document["meshes"]:
        for primitive in mesh["primitives"]:
            primitive.pop("material", None)
    # Bones do not stretch in a Motion: of the translations, the root's alone.
    root = gltf_read.loads_animation(glb.join(document, binary)).skeleton.names[0]
    (animation,) = document["animations"]
    fine = [
        c
        for c in animation["channels"]
        if c["target"]["path"] == "rotation"
        or document["nodes"][c["target"]["node"]]["name"] == root
    ]
    document["animations"] = [
        {**animation, "channels": [c for c in fine if c["target"]["path"] != "scale"]}
    ]
    path = tmp_path / "other.glb"
    path.write_bytes(glb.join(document, binary))
    motion = gltf_read.loads_animation(path.read_bytes())
    found, _ = judges.three_nodes(node, path, motion.times)
    nodes = glb.node_names(document)
    expected = places(motion)
    assert len(expected) >= 15
    assert max(np.abs(found[nodes.index(n)] - p).max() for n, p in expected.items()) < 1e-4


# --- on a rig -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "raylib/robot.glb",
        "kaykit_cc0/Knight.glb",
        "misc/CesiumMan.glb",
        "threejs/RobotExpressive.glb",
    ],
)
def test_limbs_point_as_in_three(data: Path, tmp_path: Path, node: Path, name: str) -> None:
    """Rotations on the recognised skeleton give the bone directions of the file's world."""
    rig = load_rig(data / "rigs" / name)
    names = gltf_read.animations(rig.source)
    document, binary = glb.split(rig.source)
    for animation in names[:: max(1, len(names) // 3)][:3]:
        motion = gltf_read.loads_on(rig, animation)
        kept = document["animations"][names.index(animation)]
        # A Motion's bones keep their length, so what stretches or shifts them below the first joint
        # is left out for three, too.
        nodes = gltf.nodes_of(document, rig)
        fine = [
            c
            for c in kept["channels"]
            if c["target"]["path"] == "rotation" or c["target"]["node"] == nodes[0]
        ]
        fine = [c for c in fine if c["target"]["path"] != "scale"]
        path = tmp_path / "other.glb"
        path.write_bytes(glb.join({**document, "animations": [{**kept, "channels": fine}]}, binary))
        found, _ = judges.three_nodes(node, path, motion.times)
        expected = fk(motion.skeleton, motion.root_positions, motion.rotations)[0]
        parents = glb.node_parents(document)
        checked = 0
        for joint, n in enumerate(nodes):
            above = int(rig.skeleton.parents[joint])
            length = np.linalg.norm(rig.skeleton.offsets[joint])
            if above < 0 or length < 0.02 or nodes[above] not in _above(parents, n):
                continue
            theirs = R.normalize(R.apply(rig.turn, found[n] - found[nodes[above]]))
            ours = R.normalize(expected[:, joint] - expected[:, above])
            assert (
                np.degrees(np.arccos(np.clip((theirs * ours).sum(axis=-1), -1, 1))).max() < 0.1
            ), (animation, rig.skeleton.names[joint])
            checked += 1
        assert checked >= 10
        assert np.abs(R.apply(rig.turn, found[nodes[0]]) * rig.unit - expected[:, 0]).max() < 1e-4


def _above(parents: list[int], node: int) -> set[int]:
    out = set()
    while (node := parents[node]) >= 0:
        out.add(node)
    return out


def test_an_animation_is_chosen_by_name_and_errors_list_the_names(rig: Rig, moving: bytes) -> None:
    twice = replace(
        rig,
        source=gltf.dumps(
            gltf_read.loads_on(replace(rig, source=moving)).slice(0, 10),
            replace(rig, source=moving),
            "wave",
        ),
    )
    assert gltf_read.animations(twice.source) == ["mocap", "wave"]
    assert len(gltf_read.loads_on(twice, "wave")) <= 10 < len(gltf_read.loads_on(twice))
    with pytest.raises(InputError, match=r"no animation 'jump' in the file; it has mocap, wave\."):
        gltf_read.loads_on(twice, "jump")
    with pytest.raises(InputError, match="no animation in the file"):
        gltf_read.loads_on(rig)


# --- what cannot be read --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not a GLB file"),
        (b"{\"asset\": {}}                      ", "no skeleton"),
        (b"{ not JSON", r"\.gltf file's JSON cannot be read"),
        (struct.pack("<4sII", b"glTF", 1, 20) + bytes(8), "version is 1, not 2"),
        (struct.pack("<4sII", b"glTF", 2, 400) + bytes(8), "cut off at 20 of 400 bytes"),
        (struct.pack("<4sIIII", b"glTF", 2, 24, 4, 0x4E4F534A) + b"{{{{", "JSON cannot be read"),
        (struct.pack("<4sIIII", b"glTF", 2, 24, 4, 0x004E4942) + bytes(4), "no JSON chunk"),
        (glb.join({"asset": {"version": "2.0"}}, b""), "no skeleton"),
    ],
)  # fmt: skip
def test_files_that_are_not_glb_are_refused_with_a_sentence(data: bytes, says: str) -> None:
    with pytest.raises(InputError, match=says):
        gltf_read.loads_animation(data)


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
def test_damaged_documents_are_refused_with_a_sentence(
    moving: bytes, damage: Callable[[dict[str, Any]], object]
) -> None:
    document, binary = glb.split(moving)
    damage(document)
    with pytest.raises(InputError, match=r"damaged|no skeleton"):
        gltf_read.loads_animation(glb.join(document, binary))


# --- interpolation --------------------------------------------------------------------------------


@pytest.mark.parametrize("interpolation", ["STEP", "CUBICSPLINE", "LINEAR"])
def test_all_interpolations_are_read(tmp_path: Path, interpolation: str) -> None:
    """A rotation about y is keyed at 0, 1 and 2 s; a translation with more keys adds times."""
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
        accessors.append(
            {
                "bufferView": 0,
                "byteOffset": offset,
                "componentType": 5126,
                "count": len(piece),
                "type": kind,
            }
        )
        offset += 4 * piece.size
    animation = {
        "samplers": [
            {"input": 0, "output": 1, "interpolation": interpolation},
            {"input": 2, "output": 3},
        ],
        "channels": [
            {"sampler": 0, "target": {"node": 0, "path": "rotation"}},
            {"sampler": 1, "target": {"node": 0, "path": "translation"}},
        ],
    }
    document = {
        "asset": {"version": "2.0"}, "nodes": [{"name": "box"}], "accessors": accessors,
        "animations": [animation],
        "bufferViews": [{"buffer": 0, "byteLength": len(binary)}],
        "buffers": [{"byteLength": len(binary)}],
    }  # fmt: skip
    motion = gltf_read.loads_animation(glb.join(document, binary))
    found = np.degrees(2 * np.arctan2(motion.rotations[:, 0, 1], motion.rotations[:, 0, 3]))
    if interpolation == "LINEAR":
        assert np.allclose(motion.times, times)
        expected = np.interp(motion.times, [0.0, 1.0, 2.0], [0.0, 60.0, 20.0])
    else:
        # Between keys the values are held or curved, so the motion has frames there.
        assert np.diff(motion.times).max() < 1.0 / 30.0
        assert np.all(np.isin(times, motion.times))
        first = np.minimum(motion.times.astype(int), 1)
        t = motion.times - first
        if interpolation == "STEP":
            expected = np.array([0.0, 60.0, 20.0])[motion.times.astype(int)]
        else:
            # Flat tangents; the quaternion is then normalised.
            ease = (3 * t**2 - 2 * t**3)[:, None]
            mixed = R.normalize((1 - ease) * keys[first] + ease * keys[first + 1])
            expected = np.degrees(2 * np.arctan2(mixed[:, 1], mixed[:, 3]))
    assert np.allclose(found, expected, atol=1e-4)


# --- damaged tracks -------------------------------------------------------------------------------


def with_track(data: bytes, times: list[float], count: int, **extra: float) -> bytes:
    """Return a document with an animation of the hips: keys at these times, `count` turns."""
    document, binary = glb.split(data)
    turns = np.tile([0.0, 0.0, 0.0, 1.0], (count, 1))
    turns[:, 0] = extra.get("x", 0.0)
    parts = [np.array(times, dtype="<f4").tobytes(), turns.astype("<f4").tobytes()]
    binary += b"\0" * (-len(binary) % 4)
    views, accessors = document["bufferViews"], document["accessors"]
    for part, kind, number in zip(parts, ("SCALAR", "VEC4"), (len(times), count), strict=True):
        views.append({"buffer": 0, "byteOffset": len(binary), "byteLength": len(part)})
        accessors.append({"bufferView": len(views) - 1, "componentType": 5126,
                          "count": number, "type": kind})  # fmt: skip
        binary += part
    node = next(i for i, n in enumerate(document["nodes"]) if n["name"] == extra.get("on", "hips"))
    document["animations"] = [{
        "name": "odd",
        "samplers": [{"input": len(accessors) - 2, "output": len(accessors) - 1}],
        "channels": [{"sampler": 0, "target": {"node": node, "path": "rotation"}}],
    }]  # fmt: skip
    return glb.join(document, binary)


@pytest.mark.parametrize(
    ("times", "count", "x", "says"),
    [
        ([0.0, 1.0, 2.0], 2, 0.0, "has 3 keys but 2 values instead of 3"),
        ([0.0, 2.0, 1.0], 3, 0.0, "has keys whose times are not in order"),
        ([0.0, 1.0, 2.0], 3, np.nan, "has NaN or infinity in its keys"),
        ([0.0, 1.0, 2.0], 3, 1e13, r"has keys beyond 1e\+12, so the file is damaged"),
        ([], 0, 0.0, "has no keys"),
    ],
)
def test_a_damaged_track_is_named(times: list[float], count: int, x: float, says: str) -> None:
    data = with_track(MANNEQUIN.read_bytes(), times, count, x=x)
    with pytest.raises(InputError, match=f"'odd' .* rotation of the node 'hips' {says}"):
        gltf_read.loads_animation(data)


@pytest.mark.parametrize(
    ("times", "says"),
    [
        ([0.0, 1.0, 1e12], r"keys span 1e\+12 s, but an animation has at most a day"),
        ([0.0, 1e12], r"keys span 1e\+12 s, but an animation has at most a day"),
        ([0.0, 1.0, 86400.0], "has 2592001 frames, .* reads at most 1000000"),
    ],
)
def test_keys_that_are_too_far_apart_are_refused(times: list[float], says: str) -> None:
    key = np.array(times)
    other = np.array([0.0, 0.5, *times[1:]])
    turns = np.tile(R.IDENTITY, (4, 1))
    tracks = {(0, "rotation"): (key, turns[: len(key)], "LINEAR")}
    with pytest.raises(InputError, match=says):
        gltf_keys.times_of({**tracks, (1, "rotation"): (other, turns[: len(other)], "LINEAR")})


def test_an_animation_that_moves_no_joint_is_reported(tmp_path: Path) -> None:
    data = with_track(MANNEQUIN.read_bytes(), [0.0, 1.0], 2, on="body")
    (tmp_path / "body.glb").write_bytes(data)
    rig = load_rig(tmp_path / "body.glb")
    with pytest.warns(UserWarning, match="'odd' moves no joint of the character"):
        gltf_read.loads_on(rig)


# --- unequal scales -------------------------------------------------------------------------------


def test_limbs_below_unequal_scales_point_to_the_next_joint(moving: bytes, tmp_path: Path) -> None:
    document, binary = glb.split(moving)
    for node in document["nodes"]:
        if node.get("name") in ("leftUpperArm", "spine"):
            node["scale"] = [1.2, 0.8, 1.1]
    (tmp_path / "odd.glb").write_bytes(glb.join(document, binary))
    rig = load_rig(tmp_path / "odd.glb")
    motion = gltf_read.loads_on(rig)
    ours, _ = fk(motion.skeleton, motion.root_positions, motion.rotations)
    rest = rest_nodes.RestNodes(document)
    tracks = gltf_keys.tracks_of(document, binary, document["animations"][0])
    now = gltf_read.worlds(rest, tracks, motion.times, rest.order[0])
    names = [n.get("name") for n in document["nodes"]]
    for a, b in (("leftUpperArm", "leftLowerArm"), ("leftLowerArm", "leftHand")):
        theirs = [now[names.index(n)][:, :3, 3] for n in (a, b)]
        mine = [ours[:, rig.index(n)] for n in (a, b)]
        cosine = R.dot(*(R.normalize(p[1] - p[0]) for p in (theirs, mine)))
        assert np.degrees(np.arccos(cosine.clip(-1, 1))).max() < 0.1
