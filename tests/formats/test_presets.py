"""Presets of engines have the published bones and parents and the same motion."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mocap import transfer
from mocap.core import rotation as R
from mocap.core.kinematics import fk, global_rotations
from mocap.core.motion import Motion
from mocap.core.naming import conventions
from mocap.core.skeleton import BONES
from mocap.formats import ExportOptions, bvh, save
from mocap.formats.fbx import tree
from tests.helpers import synthetic
from tests.helpers.engine_trees import ENGINES, published


@pytest.fixture(scope="module")
def motion() -> Motion:
    """Return a third of a second on a path, in which eyes and jaw turn too."""
    rng = np.random.default_rng(11)
    made = synthetic.smooth_motion(rng, 0.3, 30.0)
    rotations = made.rotations.copy()
    for bone in ("leftEye", "rightEye", "jaw"):
        turns = np.sin(made.times)[:, None] * rng.normal(0.0, 0.2, 3)
        rotations[:, BONES.index(bone)] = R.from_rotation_vector(turns)
    path = made.root_positions + np.stack([made.times, 0 * made.times, made.times**2], axis=1)
    return replace(made, rotations=rotations, root_positions=path)


@pytest.mark.parametrize("ground", [False, True])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_preset_has_the_published_bones_and_the_same_motion(
    motion: Motion, engine: str, ground: bool
) -> None:
    found = bvh.loads(bvh.dumps(motion, engine, ground=ground))
    body = found.skeleton
    above = published(engine)
    if ground and not conventions()[engine].roots:
        first = next(name for name, parent in above.items() if parent is None)
        above |= {"root": None, first: "root"}
    pairs = zip(body.names, body.parents, strict=True)
    assert {n: body.names[p] if p >= 0 else None for n, p in pairs} == above
    table = conventions()[engine]
    bone_of = {names[0]: bone for bone, names in table.bones.items()}
    bones = {j: bone_of[name] for j, name in enumerate(body.names) if name in bone_of}
    assert len(bones) == len(bone_of)
    joints = [(j, BONES.index(table.turned_as.get(bone, bone))) for j, bone in bones.items()]
    ours, theirs = np.array(joints).T
    turned = global_rotations(body, found.rotations)[:, ours]
    assert (
        np.degrees(
            R.distance(turned, global_rotations(motion.skeleton, motion.rotations)[:, theirs]).max()
        )
        < 0.1
    )
    if table.turned_as:  # a trunk of fewer bones: shoulders are near their places, not at them
        bones = {j: bone for j, bone in bones.items() if "Leg" in bone or "Foot" in bone}
    at = fk(body, found.root_positions, found.rotations)[0][:, list(bones)]
    expected = fk(motion.skeleton, motion.root_positions, motion.rotations)[0]
    assert np.abs(at - expected[:, [BONES.index(bone) for bone in bones.values()]]).max() < 1e-3


@pytest.mark.parametrize("engine", ENGINES)
def test_an_fbx_in_a_preset_has_the_same_bones_and_round_trips(
    motion: Motion, engine: str, tmp_path: Path
) -> None:
    path = tmp_path / "clip.fbx"
    save(path, motion, options=ExportOptions(names=engine))
    body = tree.tree_of(path.read_bytes())
    above = {
        n: body.names[p] if p >= 0 else None for n, p in zip(body.names, body.parents, strict=True)
    }
    assert above == published(engine)
    back = transfer.read_motion(path)
    at = fk(back.skeleton, back.root_positions, back.rotations)[0]
    expected = fk(motion.skeleton, motion.root_positions, motion.rotations)[0]
    arms = () if conventions()[engine].turned_as else ("Hand", "LowerArm")
    limbs = [BONES.index(s + b) for s in ("left", "right") for b in (*arms, "Foot", "LowerLeg")]
    assert np.abs(at[:, limbs] - expected[:, limbs]).max() < 1e-3


def test_a_preset_omits_face_bones_that_never_move(motion: Motion) -> None:
    rotations = motion.rotations.copy()
    rotations[:, [BONES.index(b) for b in ("leftEye", "rightEye", "jaw")]] = R.IDENTITY
    names = bvh.loads(bvh.dumps(replace(motion, rotations=rotations), "rigify")).skeleton.names
    assert not {"face", "jaw", "eye.L"} & set(names)
    assert {"spine.005", "palm.01.L"} <= set(names)
