"""What the command line refuses: one sentence, status 2, and the old output kept."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from mocap import assets, formats
from mocap.core.keypoints import Keypoints
from mocap.formats import keypoints_json
from tests.helpers.command import QUICK
from tests.helpers.synthetic import keypoints_of, smooth_motion
from tests.helpers.videos import still_video

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


@pytest.mark.parametrize(
    "command",
    [
        ("bake", "URL", "-o", "x.bvh"),
        ("bake", "URL", "URL", "-o", "{name}.bvh"),
        ("detect", "URL", "-o", "x.json"),
        ("retarget", "x.bvh", "--rig", "URL", "-o", "y.glb"),
        ("cameras", "URL", "URL", "-o", "x.toml"),
        ("view", "URL"),
        ("live", "--video", "URL"),
    ],
)
def test_an_address_is_refused_as_it_was_typed(run, command: tuple[str, ...]) -> None:
    address = "https://example.org//clips//dance.mp4?next=https://a//b"
    status, _, err = run(*(address if word == "URL" else word for word in command))
    assert status == 2
    assert err == f"mocap: {address} is an address, not a file: download it first.\n"


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
