"""Blender's import of our files: GLB and FBX by default, BVH with the documented settings.

Blender's Python module is 350 MB and needs its own NumPy, so it lives in an environment of its own.
The tests run where MOCAP_BPY names that environment's Python:

python3.11 -m venv blender && blender/bin/pip install bpy
MOCAP_BPY=blender/bin/python pytest tests/formats/test_blender.py
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mocap.core import rotation as R
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.core.naming import conventions
from mocap.core.skeleton import HUMANOID
from mocap.formats import bvh, fbx, gltf
from mocap.formats.fbx import binary
from mocap.formats.gltf import glb
from mocap.retargeting import retarget
from mocap.rig.load import load_rig
from tests.helpers import fbx_scenes, synthetic
from tests.helpers.places import MANNEQUIN, TESTS

FPS = 30.0
HALF_A_MILLIMETRE = 0.0005


def read_by_blender(path: Path, frames: int) -> dict[str, Any]:
    python = os.environ.get("MOCAP_BPY") or (
        sys.executable if importlib.util.find_spec("bpy") else None
    )
    if not python:
        pytest.skip(
            "needs Blender: set MOCAP_BPY to a Python that has bpy (see this file's first lines)"
        )
    command = [python, str(TESTS / "judges" / "blender.py"), str(path), str(FPS), str(frames)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    answer: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return answer


@pytest.fixture(scope="module")
def motion() -> Motion:
    made = synthetic.smooth_motion(np.random.default_rng(2), 2.0, FPS)
    return Motion(HUMANOID, made.times, made.root_positions, made.rotations)


def in_blender(motion: Motion) -> np.ndarray:
    """Return positions (F, J, 3), metres, in Blender's axes: our Y is its Z, our +Z its −Y."""
    points = fk(motion.skeleton, motion.root_positions, motion.rotations)[0]
    return np.stack([points[..., 0], -points[..., 2], points[..., 1]], axis=-1)


def test_glb_imports_with_default_settings(motion: Motion, tmp_path: Path) -> None:
    path = tmp_path / "clip.glb"
    rig = load_rig(MANNEQUIN)
    joints = [HUMANOID.index(n) for n in rig.skeleton.names]
    moved = Motion(rig.skeleton, motion.times, motion.root_positions, motion.rotations[:, joints])
    path.write_bytes(gltf.dumps(moved, rig, all_keys=True))
    found = read_by_blender(path, len(motion))
    order = [found["names"].index(n) for n in HUMANOID.names]
    error = np.abs(np.array(found["frames"])[:, order] - in_blender(motion)).max()
    print(f"Blender {found['version']}, GLB: {1000 * error:.4f} mm")
    assert error < HALF_A_MILLIMETRE


@pytest.mark.parametrize(
    "name",
    [
        "kaykit_cc0/Knight.glb",
        "misc/CesiumMan.glb",
        "vrm/saturday06_Example.vrm",
        "vrm/Godette_vrm_v4.vrm",
    ],
)
def test_real_characters_import_at_the_expected_place(
    data: Path, tmp_path: Path, name: str
) -> None:
    """Retargeted motion in users' own files, one of them a VRM 0 that faces backwards."""
    rig = load_rig(data / "rigs" / name)
    made = synthetic.smooth_motion(np.random.default_rng(3), 1.0, FPS)
    moved = retarget(made, rig)
    document, binary = glb.split(gltf.dumps(moved, rig, all_keys=True))
    path = tmp_path / "clip.glb"
    # The importer shows the first animation, and ours is the last.
    path.write_bytes(glb.join({**document, "animations": document["animations"][-1:]}, binary))
    found = read_by_blender(path, len(moved))
    points = (
        R.apply(R.conjugate(rig.turn), fk(moved.skeleton, moved.root_positions, moved.rotations)[0])
        / rig.unit
    )
    expected = np.stack([points[..., 0], -points[..., 2], points[..., 1]], axis=-1)
    bones = [
        j
        for j, n in enumerate(rig.skeleton.names)
        if n in rig.bones.values() and n in found["names"]
    ]
    assert len(bones) >= 15
    order = [found["names"].index(rig.skeleton.names[j]) for j in bones]
    error = np.abs(np.array(found["frames"])[:, order] - expected[:, bones]).max()
    print(f"Blender {found['version']}, {name}: {1000 * error:.4f} mm")
    assert error < HALF_A_MILLIMETRE


def test_glb_at_rest_is_upright_life_sized_and_faces_minus_y(tmp_path: Path) -> None:
    rig = load_rig(MANNEQUIN)
    still = Motion(
        rig.skeleton, np.array([0.0]), rig.skeleton.offsets[:1], rig.skeleton.rest_rotations[None]
    )
    path = tmp_path / "rest.glb"
    path.write_bytes(gltf.dumps(still, rig))
    found = read_by_blender(path, 1)
    at = dict(zip(found["names"], found["frames"][0], strict=True))
    assert at["leftToes"][1] < at["leftFoot"][1] - 0.1, "toes point to −Y"
    assert at["leftHand"][0] > 0.6, "the left is at +X"
    low, high = found["extent"][2]
    print(f"Blender {found['version']}: the mannequin stands from {low:.3f} m to {high:.3f} m")
    assert abs(low) < 0.02
    assert abs(high - 1.75) < 0.03


@pytest.mark.parametrize("names", ["mixamo", "vrm"])
def test_bvh_imports_with_the_documented_settings(
    motion: Motion, tmp_path: Path, names: Any
) -> None:
    path = tmp_path / "clip.bvh"
    path.write_text(bvh.dumps(motion, names))
    found = read_by_blender(path, len(motion))
    bone_of = {
        conventions()["mixamo"].bones[n][0] if names == "mixamo" else n: n for n in HUMANOID.names
    }
    order = [HUMANOID.index(bone_of[n]) for n in found["names"]]
    assert len(order) == 52
    error = np.abs(np.array(found["frames"]) - in_blender(motion)[:, order]).max()
    print(f"Blender {found['version']}, BVH: {1000 * error:.4f} mm")
    assert error < HALF_A_MILLIMETRE


def test_an_fbx_clip_imports_with_default_settings(motion: Motion, tmp_path: Path) -> None:
    path = tmp_path / "clip.fbx"
    path.write_bytes(fbx.dumps(motion, "vrm"))
    found = read_by_blender(path, len(motion))
    order = [HUMANOID.index(n) for n in found["names"]]
    assert len(order) == 52
    error = np.abs(np.array(found["frames"]) - in_blender(motion)[:, order]).max()
    print(f"Blender {found['version']}, FBX: {1000 * error:.4f} mm")
    assert error < HALF_A_MILLIMETRE


def test_an_fbx_character_moves_as_expected(motion: Motion, tmp_path: Path) -> None:
    """The file has joint orientations, rotation orders, a scaled parent, a skin, and our take."""
    path = tmp_path / "hero.fbx"
    path.write_bytes(binary.dumps(fbx_scenes.character(np.random.default_rng(4))))
    rig = load_rig(path)
    moved = retarget(motion, rig)
    path.write_bytes(fbx.animate(moved, rig))
    found = read_by_blender(path, len(moved))
    order = [found["names"].index(n) for n in rig.skeleton.names]
    error = np.abs(np.array(found["frames"])[:, order] - in_blender(moved)).max()
    print(f"Blender {found['version']}, FBX character: {1000 * error:.4f} mm")
    assert error < HALF_A_MILLIMETRE
