"""GLB: joints follow the motion, keys are reduced, and unsuitable input is refused."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocap.core import rotation as R
from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.core.skeleton import HUMANOID, Skeleton
from mocap.errors import InputError
from mocap.formats import gltf
from mocap.formats.gltf import glb
from mocap.formats.gltf import read as gltf_read
from mocap.rig.load import load_rig
from tests.helpers import cost, synthetic
from tests.helpers.gltf_documents import (
    TRS,
    Reader,
    animated,
    on_humanoid,
    on_rig,
    places_in_document,
    rig_of,
    some_motion,
    tiny_document,
    with_source,
    worst,
)

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=15, deadline=None)


@few
@given(seeds)
def test_written_files_are_read_back_unchanged(rig: Rig, seed: int) -> None:
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
def test_transforms_above_the_hips_do_not_change_where_joints_are(
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
def test_nodes_between_joints_stay_and_joints_follow_the_motion(seed: int) -> None:
    """Rotated, moved and scaled nodes between the bones are not touched."""
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


@few
@given(seeds)
def test_limbs_point_right_below_a_non_uniform_scale(seed: int) -> None:
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


def test_a_foot_parented_to_the_root_follows_its_shin(data: Path) -> None:
    """Two robots keep their feet beside the body, for inverse kinematics: these are also moved."""
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


@few
@given(seeds)
def test_reduced_keys_play_the_same_motion_as_all_keys(rig: Rig, seed: int) -> None:
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


def test_long_clips_shrink_and_all_keys_keeps_every_key(rig: Rig) -> None:
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


def test_joints_missing_from_the_rig_are_named(clip: Motion, rig: Rig) -> None:
    names = ("pelvis", *HUMANOID.names[1:])
    other = Skeleton(names, HUMANOID.parents, HUMANOID.offsets, HUMANOID.rest_rotations)
    with pytest.raises(
        InputError,
        match=r"lacks these joints of the motion: pelvis\. .*the rig's joints are hips",
    ):
        gltf.dumps(Motion(other, clip.times, clip.root_positions, clip.rotations), rig)


def test_a_bvh_rig_cannot_hold_a_gltf_animation(clip: Motion, rig: Rig) -> None:
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


def test_times_equal_in_32_bits_are_refused(clip: Motion, rig: Rig) -> None:
    motion = replace(on_rig(clip, rig).slice(0, 3), times=np.array([0.0, 1000.0, 1000.0 + 1e-6]))
    with pytest.raises(InputError, match="too close in time"):
        gltf.dumps(motion, rig)


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
