"""The command line as a user meets it: output, files left behind, and refusals."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import av
import numpy as np
import pytest

from mocap import assets, formats
from mocap.cli import options
from mocap.core.keypoints import Keypoints
from mocap.core.skeleton import HUMANOID
from mocap.formats import bvh
from mocap.formats.gltf import glb
from mocap.formats.gltf import read as gltf_read
from mocap.live.avatar import files_of
from tests.helpers.command import QUICK


def test_baked_bvh_and_glb_hold_the_same_motion(run, take: Path, tmp_path: Path) -> None:
    status, out, _ = run("bake", take, "-o", "a.bvh", "-o", "a.glb", "--no-refine", "--all-keys")
    assert status == 0
    assert "a.bvh: 30 frames" in out
    motion = bvh.loads((tmp_path / "a.bvh").read_text())
    assert len(motion) == 30
    on_mannequin = gltf_read.loads_animation((tmp_path / "a.glb").read_bytes())
    assert set(HUMANOID.names) <= set(on_mannequin.skeleton.names)
    # The same rotations, but for what five digits of Euler angles leave out: here, of the left
    # knee.
    a = motion.rotations[:, motion.skeleton.index("LeftLeg")]
    b = on_mannequin.rotations[:, on_mannequin.skeleton.index("leftLowerLeg")]
    assert np.abs(np.abs((a * b).sum(axis=-1)) - 1.0).max() < 1e-6


def test_a_report_says_what_the_result_is_based_on(run, take: Path, tmp_path: Path) -> None:
    status, out, _ = run("bake", take, "-o", "a.bvh", "--no-refine", "--report", "trust.json")
    assert status == 0
    assert "trust.json: report on 30 frames" in out
    report = json.loads((tmp_path / "trust.json").read_text())
    assert len(report["confidence"]["leftLowerArm"]) == len(report["times"]) == 30
    for more in ([take, "-o", "{folder}/{name}.bvh"], ["-o", "a.bvh", "--resume"]):
        status, _, err = run("bake", take, *more, "--report", "trust.json")
        assert status != 0
        assert "--report works with one clip" in err


def test_frames_are_written_at_the_requested_rate(run, take: Path, tmp_path: Path) -> None:
    assert run("bake", take, "-o", "a.bvh", "--fps", 60)[0] == 0
    motion = bvh.loads((tmp_path / "a.bvh").read_text())
    assert np.allclose(np.diff(motion.times), 1 / 60, atol=1e-6)


def test_height_sets_the_scale_and_its_source_is_printed(run, take: Path, tmp_path: Path) -> None:
    lengths = []
    for height in (1.2, 1.8):
        status, _, err = run("bake", take, "-o", "a.bvh", "--height", height, "--fov", 48)
        assert status == 0
        assert "48° as given" in err
        assert f"{height:.2f} m tall as given" in err
        skeleton = bvh.loads((tmp_path / "a.bvh").read_text()).skeleton
        lengths.append(np.linalg.norm(skeleton.offsets[skeleton.index("LeftLeg")]))
    assert lengths[1] == pytest.approx(1.5 * lengths[0], rel=1e-3)
    _, _, err = run("bake", take, "-o", "a.bvh")
    assert "55° assumed (--fov sets it)" in err
    assert "by its keypoints (--height sets it)" in err
    assert run("bake", take, "-o", "a.bvh", "--height", 180)[0] == 2


def test_a_field_of_view_from_metadata_is_used_and_printed(
    run, take: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is in the pictures does not matter here: the keypoints are as given, the files are real.
    keypoints = formats.load(take)
    assert isinstance(keypoints, Keypoints)
    monkeypatch.setattr(
        "mocap.detect.performer.PerformerDetector", lambda *_: contextlib.nullcontext()
    )
    monkeypatch.setattr("mocap.detect.take.detect_source", lambda *_: keypoints)
    for name, told in (("told.mov", "26"), ("mute.mov", None)):
        with av.open(
            str(tmp_path / name), "w", options={"movflags": "use_metadata_tags"}
        ) as container:
            if told:
                container.metadata["com.apple.quicktime.camera.focal_length.35mm_equivalent"] = told
            stream = container.add_stream("mpeg4", rate=30)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            container.mux(
                stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "rgb24"))
            )
            container.mux(stream.encode())

    _, _, err = run("bake", "told.mov", "-o", "by_file.bvh")
    assert err.startswith(
        "Field of view 69° from the file's metadata (--fov overrides it); performer "
    )
    _, _, err = run("bake", "told.mov", "-o", "as_told.bvh", "--fov", 69.3903)
    assert err.startswith("Field of view 69.3903° as given; ")
    _, _, err = run("bake", "mute.mov", "-o", "assumed.bvh")
    assert err.startswith("Field of view 55° assumed (--fov sets it); ")
    by_file, as_told, assumed = (
        bvh.loads((tmp_path / f"{n}.bvh").read_text()).root_positions
        for n in ("by_file", "as_told", "assumed")
    )
    assert np.abs(by_file - as_told).max() < 1e-3
    assert np.abs(by_file - assumed).max() > 0.01

    begun = []
    monkeypatch.setattr(
        "mocap.live.serve.live",
        lambda source, *_: begun.append(source.open().name) or asyncio.sleep(0),
    )
    for name, says in (
        ("told.mov", "69° from the file's metadata (--fov overrides it)"),
        ("mute.mov", "55° assumed (--fov sets it)"),
    ):
        _, _, err = run("live", "--video", name, "--no-open")
        assert err == f"Field of view {says}.\n"
    assert begun == ["told.mov", "mute.mov"]


@pytest.mark.parametrize(
    "command",
    [
        ["live", "--video", assets.path("demo/demo.mp4"), "--rig", "hero.gltf"],
        ["view", "hero.gltf"],
    ],
)
def test_a_character_of_several_files_is_sent_as_one(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[object]
) -> None:
    document, body = glb.split(assets.path("rigs/mannequin.vrm").read_bytes())
    document["buffers"][0]["uri"] = "body.bin"
    (tmp_path / "hero.gltf").write_text(json.dumps(document))
    (tmp_path / "body.bin").write_bytes(body)
    shown = []
    monkeypatch.setattr(
        "mocap.live.serve.live", lambda *given: shown.append(given[2].rig) or asyncio.sleep(0)
    )
    monkeypatch.setattr(
        "mocap.studio.view.show",
        lambda *given, **__: shown.append(given[0].rig) or asyncio.sleep(0),
    )
    assert run(*command, "--no-open")[0] == 0
    files, avatar = files_of(*shown)
    served, inside = glb.split(files[f"/{avatar}"][0])
    assert not any("uri" in entry for entry in served["buffers"])
    view = document["bufferViews"][-1]
    assert (
        body[view.get("byteOffset", 0) :][: view["byteLength"]]
        == inside[served["bufferViews"][-1]["byteOffset"] :][: view["byteLength"]]
    )


def test_several_inputs_go_to_files_of_their_names(run, take: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_bytes(take.read_bytes())
    assert run("bake", take, other, "-o", "out_{name}.bvh")[0] == 0
    assert (tmp_path / "out_take.bvh").exists()
    assert (tmp_path / "out_other.bvh").exists()
    status, _, err = run("bake", take, other, "-o", "one.bvh")
    assert status == 2
    assert "{name}" in err
    assert not (tmp_path / "one.bvh").exists()


def test_detect_writes_what_bake_reads(run, tmp_path: Path) -> None:
    clip = assets.path("demo/demo.mp4")
    status, out, _ = run("detect", clip, "-o", "k.json", *QUICK)
    assert status == 0
    frames = json.loads((tmp_path / "k.json").read_text())["frames"]
    assert len(frames) > 100
    assert len(frames[0]["poses"][0]["keypoints3D"]) == 33
    assert re.search(r"a person in (\d+) of \1 frames", out)
    assert run("bake", "k.json", "-o", "k.glb")[0] == 0
    assert (tmp_path / "k.glb").stat().st_size > 100_000


def test_the_version_is_printed(run) -> None:
    assert run("--version") == (0, f"mocap {version('anymocap')}\n", "")


def test_help_imports_neither_rich_nor_the_pipeline() -> None:
    """Commands import heavy libraries only when they run, so that `mocap --help` is quick."""
    program = (
        "import sys; from mocap.cli import main\n"
        "heavy = {'rich', 'cv2', 'mediapipe', 'websockets', 'pythonosc', 'multiprocessing'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "[]\n"


def test_a_video_is_detected_by_one_process_per_core_up_to_four(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for cores, expected in ((None, 1), (1, 1), (2, 2), (4, 4), (64, 4)):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        assert options.processes(None) == expected
        assert options.processes(None, scheduler="local") == 1, "clips are side by side"
        assert options.processes(None, people=2) is None, "people are found in one pass"
        assert options.processes(7, scheduler="local") == 7
