"""FBX by Blender, where there is one: there and back everything stands where it stood; elsewhere, a sentence."""

from __future__ import annotations

import importlib.util
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mocap import transfer
from mocap.core.kinematics import fk
from mocap.core.skeleton import BONES
from mocap.errors import InputError
from mocap.formats import fbx
from mocap.retarget import retarget
from tests.helpers import synthetic

MANNEQUIN = Path(__file__).parents[2] / "rigs" / "mannequin.vrm"
blender = pytest.mark.skipif(
    not (os.environ.get("MOCAP_BPY") or importlib.util.find_spec("bpy") or shutil.which("blender")),
    reason="needs Blender: set MOCAP_BPY to a Python that has bpy",
)


@blender
def test_a_character_goes_to_fbx_and_comes_back_moving_as_it_did(tmp_path: Path) -> None:
    motion = synthetic.smooth_motion(np.random.default_rng(3), 1.0, 30.0)
    hero = transfer.load_character(MANNEQUIN)
    transfer.save(tmp_path / "hero.fbx", motion, hero)
    back = transfer.load_character(tmp_path / "hero.fbx")
    assert back.rig.bones.keys() == hero.rig.bones.keys()
    found = transfer.load_motion(tmp_path / "hero.fbx")
    expected = retarget(motion, hero.rig)
    # Blender begins with frame 1.
    at = found.at(expected.times + found.times[0])
    theirs, ours = (fk(m.skeleton, m.root_positions, m.rotations)[0] for m in (at, expected))
    joints = [BONES.index(b) for b in hero.rig.skeleton.names]
    assert np.abs(theirs[:, joints] - ours).max() < 1e-3
    # And the FBX is a character like any other.
    transfer.save(tmp_path / "again.glb", motion, back)
    assert transfer.load_motion(tmp_path / "again.glb").duration == pytest.approx(
        motion.duration, abs=0.2
    )


@blender
def test_what_is_no_fbx_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "words.fbx").write_text("no FBX at all")
    with pytest.raises(InputError, match="Blender cannot read the FBX"):
        transfer.load_character(tmp_path / "words.fbx")


def test_without_blender_a_sentence_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MOCAP_BPY", raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"set MOCAP_BPY to a Python 3\.11"):
        transfer.check(tmp_path / "a.fbx", transfer.load_character(MANNEQUIN), None)
    (tmp_path / "a.fbx").write_bytes(b"")
    with pytest.raises(InputError, match="install Blender"):
        transfer.load_motion(tmp_path / "a.fbx")


def test_a_python_without_bpy_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MOCAP_BPY", str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match=r"nowhere \(MOCAP_BPY\) cannot be run"):
        fbx.to_glb(b"")


def test_a_bvh_rig_does_not_become_an_fbx(tmp_path: Path) -> None:
    hero = transfer.load_character(MANNEQUIN)
    with pytest.raises(Exception, match="BVH file"):
        transfer.check(tmp_path / "a.fbx", replace(hero, rig=replace(hero.rig, kind="bvh")), None)
