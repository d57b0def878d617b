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
from mocap.core.camera import Camera
from mocap.core.keypoints import Keypoints, landmarks_of
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.detect.options import DetectOptions
from mocap.detect.table import DETECTORS
from mocap.errors import InputError, NoPersonError, OutputError
from mocap.formats import ExportOptions
from mocap.formats.gltf import loads_document
from mocap.retargeting import load_motion
from mocap.retargeting.clip import ClipOptions
from mocap.solve.tuning import SolveOptions
from mocap.transfer import character_names as list_characters
from tests.helpers.places import MANNEQUIN
from tests.helpers.synthetic import keypoints_of, smooth_motion, standing
from tests.helpers.videos import write_video
from tests.judges import khronos, three_nodes

OPTIONS = BakeOptions(
    DetectOptions(hands=False, face=False),
    SolveOptions(refine=False),
    ClipOptions(trim=(0.5, None)),
    ExportOptions(fps=25.0),
    fov=1.0,
)


@pytest.fixture
def take(tmp_path: Path) -> Path:
    """Return a keypoints file of two seconds."""
    path = tmp_path / "take.json"
    formats.save(path, keypoints_of(smooth_motion(np.random.default_rng(0), 2.0, 30.0)))
    return path


def test_one_input_becomes_several_files(take: Path, tmp_path: Path) -> None:
    outputs = [tmp_path / "out.bvh", tmp_path / "out.glb", tmp_path / "out.vrma"]
    (baked,) = bake(take, outputs, OPTIONS)
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


def test_options_in_another_process_give_the_same_bytes(take: Path, tmp_path: Path) -> None:
    options = replace(OPTIONS, solve=SolveOptions())  # with every stage of the solver
    assert pickle.loads(pickle.dumps(options)) == options
    here, there = tmp_path / "here.bvh", tmp_path / "there.bvh"
    bake(take, [here], options)
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        (baked,) = pool.submit(bake, take, [there], options).result()
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


class Pair:
    """A detector of two people side by side, the second of whom is away for a while."""

    def __init__(self) -> None:
        motions = [standing(smooth_motion(np.random.default_rng(n), 2.0, 30.0)) for n in range(2)]
        points = [
            landmarks_of(*fk(m.skeleton, m.root_positions * 0.0, m.rotations)) for m in motions
        ]
        self._points = [
            p + [1.6 * n - 0.8, -0.9 - p[..., 1].min(), -4.0] for n, p in enumerate(points)
        ]
        self._frame = -1

    def people(self, image: np.ndarray, time: float = 0.0) -> list[Keypoints]:
        self._frame += 1
        camera = Camera.from_fov((image.shape[1], image.shape[0]), 1.2)
        return [
            Keypoints(
                np.array([time]), (p - p[[23, 24]].mean(axis=0))[None], camera.project(p)[None],
                np.ones((1, 33)), camera,
            )
            for n, points in enumerate(self._points)
            if n == 0 or not 10 < self._frame < 40
            for p in [points[self._frame]]
        ][::-1]  # fmt: skip

    def next_person(self, at: tuple[float, float] | None = None) -> None: ...

    def close(self) -> None: ...


def test_several_people_get_a_file_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DETECTORS, "pair", lambda options, video: Pair())
    clip = write_video(tmp_path / "pair.mp4", np.arange(60) * 1000.0 / 30.0)
    detect = DetectOptions("pair", hands=False, face=False, people=2)
    options = BakeOptions(detect, SolveOptions(refine=False))
    with pytest.raises(
        OutputError, match=r"put \{person\} into its name, as in dance_\{person\}.bvh"
    ):
        bake(clip, [tmp_path / "all.bvh"], options)
    left, right = bake(clip, [tmp_path / "out_{person}.bvh"], options)
    assert [p.name for b in (left, right) for p in b.paths] == ["out_1.bvh", "out_2.bvh"]
    assert all(len(formats.load(p)) == 60 for b in (left, right) for p in b.paths)
    assert left.seen == ((0.0, pytest.approx(59 / 30, abs=0.01)),)
    assert [round(t, 1) for span in right.seen for t in span] == [0.0, 0.3, 1.3, 2.0]
    apart = right.motion.root_positions - left.motion.root_positions
    assert apart[5] == pytest.approx([1.6, apart[5, 1], 0.0], abs=0.25)


def test_one_glb_holds_all_people_at_their_distances(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, node: Path
) -> None:
    monkeypatch.setitem(DETECTORS, "pair", lambda options, video: Pair())
    clip = write_video(tmp_path / "pair.mp4", np.arange(60) * 1000.0 / 30.0)
    detect = DetectOptions("pair", hands=False, face=False, people=2)
    options = BakeOptions(detect, SolveOptions(refine=False))
    whole = tmp_path / "all.glb"
    people = bake(clip, [whole], options)
    assert [b.paths for b in people] == [(whole,), ()]
    issues = khronos(node, whole)["issues"]
    assert issues["numErrors"] == issues["numWarnings"] == 0, issues
    places, _ = three_nodes(node, whole, people[0].motion.times[[5, 30]])
    names = [n.get("name") for n in loads_document(whole.read_bytes())[0]["nodes"]]
    hips = [i for i, name in enumerate(names) if name == "hips"]
    for baked, at in zip(people, hips, strict=True):
        # Planted feet on other proportions move the hips by a few centimetres.
        assert places[at] == pytest.approx(baked.motion.root_positions[[5, 30]], abs=0.06)
    assert list_characters(whole) == ["person 1", "person 2"]
    second = load_motion(whole, character="person 2")
    apart = second.root_positions - people[1].motion.root_positions
    assert np.abs(apart - apart.mean(axis=0)).max() < 0.06
    with pytest.raises(OutputError, match="on one spot"):
        bake(clip, [whole], replace(options, export=ExportOptions(root="in-place")))


def test_single_person_options_are_refused_for_several_people() -> None:
    with pytest.raises(InputError, match="can belong to one performer only"):
        BakeOptions(DetectOptions(people=2), SolveOptions(height=1.7))
    with pytest.raises(InputError, match="give only one of person and people"):
        DetectOptions(people=2, person=1)
