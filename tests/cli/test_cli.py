"""The command line as a user meets it: output, files left behind, and refusals."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from importlib.metadata import version
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import BlockingOSCUDPServer

from mocap import assets, formats
from mocap.cli import main as cli
from mocap.core.keypoints import Keypoints
from mocap.core.skeleton import HUMANOID
from mocap.formats import bvh, keypoints_json
from mocap.formats.gltf import glb
from mocap.formats.gltf import read as gltf_read
from mocap.live.avatar import files_of
from tests.helpers.command import address, started
from tests.helpers.synthetic import keypoints_of, smooth_motion

# For tests in which the detector only has to run.
QUICK = ("--model", "lite", "--no-hands", "--no-face")


@pytest.fixture
def take(tmp_path: Path) -> Path:
    """Return a second of keypoints in the form of TF.js."""
    path = tmp_path / "take.json"
    path.write_text(
        keypoints_json.dumps(keypoints_of(smooth_motion(np.random.default_rng(1), 1.0, 30.0)))
    )
    return path


def still_video(path: Path, frames: int = 20) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 30, (320, 240))
    for _ in range(frames):
        writer.write(np.full((240, 320, 3), 120, np.uint8))
    writer.release()
    return path


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
        assert "--report is about one clip" in err
    cameras = ("--cameras", "auto", "--report", "trust.json")
    status, _, err = run("bake", take, take, "-o", "a.bvh", *cameras)
    assert status != 0
    assert "--report is about what one camera saw" in err


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
        "Field of view 69° by the file's metadata (--fov overrides it); performer "
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
        ("told.mov", "69° by the file's metadata (--fov overrides it)"),
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
        "mocap.studio.view.show", lambda *given, **__: shown.append(given[3]) or asyncio.sleep(0)
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


BAD_JSON = {
    "another shape": ('{"a": 1}', "frames"),
    "a NaN": ('{"frames": [{"timestamp": 0, "poses": [{"keypoints3D": [{"x": NaN}]}]}]}', "NaN"),
    "14 points": (
        json.dumps(
            [
                {
                    "keypoints": [{"x": 1, "y": 2, "score": 1}] * 14,
                    "keypoints3D": [{"x": 0, "y": 0, "z": 0, "score": 1}] * 14,
                }
            ]
        ),
        "14 keypoints without names",
    ),
    "no JSON": ("hello", "JSON"),
}


@pytest.mark.parametrize("what", BAD_JSON)
def test_bad_json_is_named_in_one_sentence(run, tmp_path: Path, what: str) -> None:
    text, named = BAD_JSON[what]
    (tmp_path / "bad.json").write_text(text)
    refused(run, tmp_path, "bad.json", named)


def test_a_missing_file_is_named(run, tmp_path: Path) -> None:
    refused(run, tmp_path, "none.mp4", "'none.mp4'")


def test_files_that_are_not_videos_are_named(run, tmp_path: Path) -> None:
    (tmp_path / "words.mp4").write_text("no video")
    refused(run, tmp_path, "words.mp4", "not a video")


def test_a_truncated_video_is_named(run, tmp_path: Path) -> None:
    whole = assets.path("demo/demo.mp4").read_bytes()
    (tmp_path / "half.mp4").write_bytes(whole[: len(whole) // 3])
    status, _, err = run("bake", "half.mp4", "-o", "x.bvh", *QUICK)
    # Either nothing can be read, or the part before the cut with a note of it: never silence.
    assert "cut off" in err or "damaged" in err
    assert (tmp_path / "x.bvh").exists() == (status == 0)


def test_a_video_without_a_person_is_named(run, tmp_path: Path) -> None:
    still_video(tmp_path / "room.mp4")
    refused(run, tmp_path, "room.mp4", "No person was found in room.mp4")


def refused(run, folder: Path, name: str, named: str) -> None:
    """Check that the input is refused in one sentence, with status 2, and keeps the old output."""
    (folder / "x.bvh").write_text("mine")
    status, out, err = run("bake", name, "-o", "x.bvh")
    assert status == 2
    assert named in err
    assert err.startswith("mocap: ")
    assert len(err.strip().splitlines()) == 1
    assert "Traceback" not in err
    assert not out
    assert (folder / "x.bvh").read_text() == "mine"
    assert not list(folder.glob(".*.tmp"))


def test_an_unknown_suffix_lists_the_known_ones_before_any_work(run, tmp_path: Path) -> None:
    status, _, err = run("bake", "never_opened.mp4", "-o", "x.abc")
    assert status == 2
    for suffix in formats.MOTION_SUFFIXES:
        assert suffix in err


def test_an_output_that_cannot_be_written_is_named_before_any_work(run, tmp_path: Path) -> None:
    status, _, err = run("bake", "never_opened.mp4", "-o", tmp_path / "nowhere" / "x.bvh")
    assert status == 2
    assert "nowhere" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["bake"],
        ["bake", "x.mp4"],
        ["nonsense"],
        ["bake", "x.mp4", "-o", "x.bvh", "--fov", "200"],
        ["live", "--port", "99999"],
    ],
)
def test_wrong_arguments_exit_with_status_2_and_a_reason(run, arguments: list[str]) -> None:
    status, _, err = run(*arguments)
    assert status == 2
    assert "Error:" in err
    assert "Traceback" not in err


def test_a_missing_camera_is_named(run) -> None:
    status, _, err = run("live", "--camera", 77, "--no-open")
    assert status == 2
    assert "camera 77" in err


def test_flipped_axes_are_reported_in_a_note(run, tmp_path: Path) -> None:
    k = keypoints_of(smooth_motion(np.random.default_rng(1), 2.0, 30.0))
    turned = Keypoints(k.times, k.positions * [1.0, 1.0, -1.0], k.image, k.confidence, k.camera)
    (tmp_path / "turned.json").write_text(keypoints_json.dumps(turned))
    status, _, err = run("bake", "turned.json", "-o", "x.bvh")
    assert status == 0
    assert err.startswith("Note: ")
    assert re.search(r"\bz\b", err)


# With a process of its own ------------------------------------------------------------------------


def detecting(process: subprocess.Popen[str]) -> None:
    """Wait until the detector runs: its library is loaded, and a second has passed since."""
    maps = Path(f"/proc/{process.pid}/maps")
    start = time.monotonic()
    while time.monotonic() - start < 30.0 and (
        not maps.exists() or "mediapipe" not in maps.read_text()
    ):
        time.sleep(0.1)
    time.sleep(1.0)
    assert process.poll() is None, "the bake is long enough to be interrupted"


def test_ctrl_c_during_a_bake_leaves_no_files(tmp_path: Path) -> None:
    still_video(tmp_path / "long.mp4", 3000)
    with started("bake", "long.mp4", "-o", "x.bvh", cwd=tmp_path) as process:
        detecting(process)
        # A terminal and uvx, which it also interrupts, send the signal both.
        for _ in range(3):
            process.send_signal(signal.SIGINT)
            time.sleep(0.02)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert [p.name for p in tmp_path.iterdir()] == ["long.mp4"]


def test_ctrl_c_during_import_prints_no_traceback() -> None:
    interrupted = """
import os, signal, sys
from mocap.__main__ import main
class Interrupts:
    def find_spec(self, name, *rest):
        if name == "typer":
            os.kill(os.getpid(), signal.SIGINT)
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Interrupts())
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", interrupted], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_ctrl_c_wrapped_in_a_library_error_still_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted() -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise ImportError("initialization failed")  # noqa: B904

    monkeypatch.setattr(cli, "app", interrupted)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 130


def test_live_serves_the_page_takes_the_next_port_and_ends_on_ctrl_c(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with started(
            "live",
            "--video",
            assets.path("demo/demo.mp4"),
            "--no-open",
            "--port",
            port,
            cwd=tmp_path,
        ) as process:
            assert process.stdout
            assert f"Port {port} is taken" in process.stdout.readline()
            url = address(process)
            assert f":{port}/" not in url
            with urllib.request.urlopen(url, timeout=10) as page:
                assert b"<title>" in page.read()
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in err


def test_demo_prints_the_address_and_what_to_try_next(tmp_path: Path) -> None:
    with started("demo", "--no-open", "--port", 0, cwd=tmp_path) as process:
        assert process.stdout
        first = process.stdout.readline() + process.stdout.readline()
        assert "mocap bake" in first
        assert address(process).startswith("http://127.0.0.1:")


def test_a_live_session_is_recorded_and_sent_by_vmc(tmp_path: Path) -> None:
    heard, dispatcher = threading.Event(), Dispatcher()
    dispatcher.map(
        "/VMC/Ext/Bone/Pos",
        lambda _, bone, *values: heard.set() if bone == "Hips" and values[1] > 0.5 else None,
    )
    with BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher) as receiver:
        listening = threading.Thread(target=receiver.serve_forever)
        listening.start()
        clip, port = assets.path("demo/demo.mp4"), receiver.server_address[1]
        wanted = (
            "live",
            "--video",
            clip,
            "--no-open",
            "--port",
            0,
            "--record",
            "take.jsonl",
            "--vmc",
            f"127.0.0.1:{port}",
        )
        with started(*wanted, cwd=tmp_path) as process:
            assert heard.wait(60.0), "no hips at their height came by VMC"
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=20)
        receiver.shutdown()
        listening.join()
    assert "Traceback" not in err
    assert re.search(r"take\.jsonl: \d+ frames", out)
    take = formats.load(tmp_path / "take.jsonl")
    assert isinstance(take, Keypoints)
    assert np.isfinite(take.positions).all(axis=(1, 2)).any()


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--record", "x.mp4", "must end in .jsonl"),
        ("--record", "there.jsonl", "there already"),
        ("--vmc", "host:zero", "from 1 to 65535"),
    ],
)
def test_live_refuses_bad_vmc_addresses_and_record_paths_at_once(
    run, tmp_path: Path, option: str, value: str, says: str
) -> None:
    (tmp_path / "there.jsonl").write_text("mine")
    status, _, err = run(
        "live", "--video", assets.path("demo/demo.mp4"), "--no-open", option, value
    )
    assert status == 2
    assert says in err
    assert (tmp_path / "there.jsonl").read_text() == "mine"


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
