"""GLB against the Khronos validator and three.js."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.core.skeleton import HUMANOID
from mocap.formats import gltf
from mocap.formats.gltf import glb
from mocap.rig.load import load_rig
from tests import judges
from tests.helpers.gltf_documents import (
    every_rig,
    on_rig,
    places,
    places_in_document,
    rig_of,
    some_motion,
    tiny_rig,
    with_source,
)

HALF_A_MILLIMETRE = 0.0005


def complaints(node: Path, *paths: Path) -> list[Counter[str]]:
    reports = judges.khronos_all(node, paths)
    return [
        Counter(m["code"] for m in report["issues"]["messages"] if m["severity"] < 2)
        for report in reports
    ]


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
        assert complaints(node, path) == [Counter()]


def test_the_khronos_validator_finds_nothing_new_in_real_characters(
    data: Path, tmp_path: Path, node: Path
) -> None:
    originals = every_rig(data)
    written = [tmp_path / f"{i}.glb" for i in range(len(originals))]
    for original, path in zip(originals, written, strict=True):
        rig = load_rig(original)
        path.write_bytes(gltf.dumps(some_motion(rig), rig))
    found = complaints(node, *originals, *written)
    for original, before, after in zip(
        originals, found[: len(originals)], found[len(originals) :], strict=True
    ):
        assert not after - before, original.name


def test_three_reads_our_glb_files_alike(
    clip: Motion, rig: Rig, tmp_path: Path, node: Path
) -> None:
    path = tmp_path / "clip.glb"
    path.write_bytes(gltf.dumps(on_rig(clip, rig), rig, all_keys=True))
    names, found = judges.three(node, path, clip.times)
    expected = places(clip)
    assert set(names) == set(HUMANOID.names)
    assert (
        max(np.abs(found[:, i] - expected[n]).max() for i, n in enumerate(names))
        < HALF_A_MILLIMETRE
    )


def test_joints_of_real_characters_are_where_three_has_them(
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
