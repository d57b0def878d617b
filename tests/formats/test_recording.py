"""Recorded takes: whole after a kill, and never written over another."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mocap import formats
from mocap.core.keypoints import Keypoints
from mocap.errors import OutputError
from mocap.formats.keypoints_json.recording import Recording
from tests.helpers.places import ROOT
from tests.helpers.synthetic import keypoints_of, smooth_motion


@pytest.fixture(scope="module")
def keypoints() -> Keypoints:
    return keypoints_of(smooth_motion(np.random.default_rng(3), 2.0, 20.0))


def test_frames_recorded_one_by_one_make_the_take(tmp_path: Path, keypoints: Keypoints) -> None:
    path = tmp_path / "take.jsonl"
    with Recording(path) as recording:
        for i in range(len(keypoints)):
            recording.append(keypoints.slice(i, i + 1))
    back = formats.load(path)
    assert isinstance(back, Keypoints)
    np.testing.assert_allclose(back.times, keypoints.times, atol=1e-9)
    np.testing.assert_allclose(back.positions, keypoints.positions, atol=2e-6)


def test_a_killed_process_loses_no_appended_frame(tmp_path: Path) -> None:
    path = tmp_path / "take.jsonl"
    program = (
        "import sys, time, numpy as np\nfrom pathlib import Path\n"
        "from mocap.formats.keypoints_json.recording import Recording\n"
        "from tests.helpers.synthetic import keypoints_of, smooth_motion\n"
        "k = keypoints_of(smooth_motion(np.random.default_rng(3), 2.0, 20.0))\n"
        f"r = Recording(Path({str(path)!r}))\n"
        "for i in range(25): r.append(k.slice(i, i + 1))\n"
        "print('recorded', flush=True)\ntime.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "recorded\n"
        os.kill(process.pid, signal.SIGKILL)
    back = formats.load(path)
    assert isinstance(back, Keypoints)
    assert len(back) == 25


def test_an_existing_take_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "take.jsonl"
    path.write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        Recording(path)
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "says"), [("take.mp4", "must end in .jsonl"), ("nowhere/take.jsonl", "No such file")]
)
def test_paths_that_cannot_hold_a_take_are_refused(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(OutputError, match=says):
        Recording(tmp_path / name)


def test_an_empty_recording_leaves_no_file(tmp_path: Path) -> None:
    with Recording(tmp_path / "take.jsonl"):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk that is full")
def test_a_full_disk_is_reported_and_recorded_frames_stay(
    tmp_path: Path, keypoints: Keypoints
) -> None:
    path = tmp_path / "take.jsonl"
    path.symlink_to("/dev/full")
    recording = Recording.__new__(Recording)  # the constructor opens new files only
    recording.path, recording.frames, recording._synced = path, 7, 0.0
    recording._file = path.open("wb", buffering=0)
    with pytest.raises(OutputError, match="after 7 frames: No space left"):
        recording.append(keypoints)
