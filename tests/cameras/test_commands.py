"""`mocap bake --cameras` and `mocap cameras` as a user runs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from mocap import formats
from mocap.cameras.calibration import load_cameras, save_cameras
from mocap.formats import bvh
from tests.helpers.cameras import filmed, ring
from tests.helpers.measures import demo_motion

Run = Callable[..., tuple[int, str, str]]
TWO = ring(2)
NAMES = ("left", "right")


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Write keypoints of two cameras, and their calibration."""
    motion, rng = demo_motion(), np.random.default_rng(1)
    for name, view in zip(NAMES, TWO.views, strict=True):
        formats.save(tmp_path / f"{name}.json", filmed(motion, view, rng, 1.0))
    save_cameras(tmp_path / "lab.toml", TWO)
    return tmp_path


def test_a_take_of_two_cameras_is_baked(run: Run, clips: Path) -> None:
    bake = ("bake", "left.json", "right.json", "-o", "take.bvh", "--cameras")
    status, out, err = run(*bake, "lab.toml")
    assert (status, "192 frames" in out) == (0, True), err
    written = (clips / "take.bvh").read_bytes()
    assert len(bvh.loads(written.decode())) == 192
    status, out, _ = run(*bake, "lab.toml", "--report", "trust.json")
    assert (status, "trust.json: report on 192 frames" in out) == (0, True)
    report = json.loads((clips / "trust.json").read_text())
    assert all(report["person"])
    assert not any(report["upper_body"])
    assert report["held"] == {}
    assert np.min(report["confidence"]["leftLowerLeg"]) > 0.5
    assert (clips / "take.bvh").read_bytes() == written
    status, _, err = run("bake", "right.json", "left.json", "-o", "x.bvh", "--cameras", "lab.toml")
    assert (status, "in another order" in err) == (2, True)
    status, _, err = run("bake", "left.json", "-o", "x.bvh", "--cameras", "lab.toml")
    assert (status, "give two or more inputs" in err) == (2, True)
    status, _, err = run(*bake[:2], *bake[1:], "lab.toml")
    assert (status, "has 2 cameras, but there are 3 clips" in err) == (2, True)
    assert not (clips / "x.bvh").exists()


def test_a_missing_clip_is_refused_before_anything_is_detected(
    run: Run, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("a clip was detected")

    monkeypatch.setattr("mocap.detect.performer.PerformerDetector", never)
    cv2.imwrite(str(clips / "left.png"), np.zeros((32, 32, 3), np.uint8))
    bad = {
        "right.mp4": "There is no file 'right.mp4'.",
        "broken.json": "broken.json",
        "empty.mp4": "'empty.mp4' is empty (0 bytes).",
    }
    (clips / "broken.json").write_text("{")
    (clips / "empty.mp4").touch()
    for name, reason in bad.items():
        for cameras in ("auto", "lab.toml"):
            status, _, err = run(
                "bake", "left.png", name, "-o", "x.bvh", "--cameras", cameras
            )  # fmt: skip
            assert (status, reason in err) == (2, True), err
        status, _, err = run("cameras", "left.png", name, "-o", "found.toml")
        assert (status, reason in err) == (2, True), err


def test_two_cameras_are_found_and_saved(run: Run, clips: Path) -> None:
    status, out, err = run("cameras", "left.json", "right.json", "-o", "found.toml", "--fov", 60.4)
    assert status == 0, err
    assert "right.json is 7" in out
    assert "° from left.json as seen from the performer" in out
    assert len(load_cameras(clips / "found.toml").views) == 2
    status, _, err = run("cameras", "left.json", "-o", "found.toml")
    assert (status, "from two or more clips of one performance, not from 1" in err) == (2, True)
