"""The batch pipeline as a function: one input to files, with options that can be pickled."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from mocap import formats
from mocap.bake import BakeOptions, bake
from mocap.core.motion import Motion
from mocap.detect.options import DetectOptions
from mocap.errors import NoPersonError, OutputError
from mocap.formats import ExportOptions
from mocap.retargeting.clip import ClipOptions
from mocap.solve.tuning import SolveOptions
from tests.helpers.places import MANNEQUIN
from tests.helpers.synthetic import keypoints_of, smooth_motion

OPTIONS = BakeOptions(
    DetectOptions(hands=False, face=False),
    SolveOptions(refine=False),
    ClipOptions(trim=(0.5, None)),
    ExportOptions(fps=25.0),
    fov=1.0,
)


@pytest.fixture
def take(tmp_path: Path) -> Path:
    """A keypoints file of two seconds."""
    path = tmp_path / "take.json"
    formats.save(path, keypoints_of(smooth_motion(np.random.default_rng(0), 2.0, 30.0)))
    return path


def test_one_input_becomes_several_files(take: Path, tmp_path: Path) -> None:
    outputs = [tmp_path / "out.bvh", tmp_path / "out.glb", tmp_path / "out.vrma"]
    baked = bake(take, outputs, OPTIONS)
    assert baked.camera.fov() == pytest.approx(1.0)
    assert baked.camera.source == "told"
    assert baked.motion.duration == pytest.approx(1.5, abs=0.05)
    for path, saved in zip(outputs, baked.saved, strict=True):
        read = formats.load(path)
        assert isinstance(read, Motion)
        assert len(read) == saved.frames
        assert saved.fps == pytest.approx(25.0, rel=1e-3)


def test_a_character_gets_the_motion(take: Path, tmp_path: Path) -> None:
    out = tmp_path / "hero.vrm"
    bake(take, [out], BakeOptions(solve=SolveOptions(refine=False), rig=MANNEQUIN))
    assert out.read_bytes()[:4] == b"glTF"


def test_options_travel_to_other_processes(take: Path, tmp_path: Path) -> None:
    assert pickle.loads(pickle.dumps(OPTIONS)) == OPTIONS
    here, there = tmp_path / "here.bvh", tmp_path / "there.bvh"
    bake(take, [here], OPTIONS)
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        baked = pool.submit(bake, take, [there], OPTIONS).result()
    assert there.read_bytes() == here.read_bytes()
    assert len(baked.motion) > 30


def test_outputs_are_checked_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no folder"):
        bake(tmp_path / "missing.mp4", [tmp_path / "nowhere" / "out.bvh"])


def test_a_file_without_a_person_is_refused(take: Path, tmp_path: Path) -> None:
    keypoints = formats.load(take)
    empty = tmp_path / "empty.jsonl"
    unseen = replace(
        keypoints,
        positions=np.full_like(keypoints.positions, np.nan),
        image=np.full_like(keypoints.image, np.nan),
        confidence=np.zeros_like(keypoints.confidence),
    )
    formats.save(empty, unseen)
    with pytest.raises(NoPersonError, match="no person in any of the 60 frames"):
        bake(empty, [tmp_path / "out.bvh"], OPTIONS)
    assert not (tmp_path / "out.bvh").exists()
