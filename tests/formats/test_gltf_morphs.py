"""Expressions move morph targets by name, synonym or VRM binding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.formats import gltf
from mocap.formats.gltf import glb
from tests import judges
from tests.helpers.gltf_documents import (
    Reader,
    on_rig,
    rig_of,
    some_motion,
    tiny_document,
    with_source,
)


def with_morphs(
    names: Sequence[str] = ("jawOpen", "something", "eyeBlink_L"), **extensions: Any
) -> bytes:
    """Return a face with three morph targets, two of them by default named as in ARKit."""
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


def test_expressions_move_morph_targets_of_the_same_name(tmp_path: Path, node: Path) -> None:
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
def test_vrm_expressions_move_their_bound_morph_targets(version: int) -> None:
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
def test_common_names_of_vowels_and_blinks_are_recognised(names: Sequence[str]) -> None:
    rig = rig_of(with_morphs(names))
    wave = np.linspace(0, 1, 5)
    motion = with_expressions(some_motion(rig, frames=5), jawOpen=wave, aa=wave**2, blink=1 - wave)
    _, values = Reader(gltf.dumps(motion, rig, all_keys=True)).tracks[55, "weights"]
    assert (
        np.abs(values.reshape(5, 3) - np.stack([wave**2, np.full(5, 0.25), 1 - wave], axis=1)).max()
        < 1e-6
    )


def test_a_face_with_arkit_targets_is_not_moved_twice() -> None:
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


def test_a_rig_without_morph_targets_gets_no_weights(rig: Rig, clip: Motion) -> None:
    motion = with_expressions(on_rig(clip, rig), nonsense=np.ones(len(clip)))
    assert all(path != "weights" for _, path in Reader(gltf.dumps(motion, rig)).tracks)
