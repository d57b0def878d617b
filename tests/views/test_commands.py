"""`mocap bake --cameras` and `mocap cameras` as a user runs them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mocap import formats
from mocap.formats import bvh
from mocap.views.calibration import dump_cameras, load_cameras
from tests.helpers.several_views import camera_at, performance, seen_by

Run = Callable[..., tuple[int, str, str]]
TWO = [camera_at(-35.0, name="left"), camera_at(40.0, name="right")]


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Keypoints of two cameras, and their calibration."""
    motion = performance(2.5)
    for n, camera in enumerate(TWO):
        formats.save(tmp_path / f"{camera.name}.json", seen_by(motion, camera, 1.0, n))
    (tmp_path / "lab.toml").write_text(dump_cameras(TWO))
    return tmp_path


def test_a_take_of_two_cameras_is_baked(run: Run, clips: Path) -> None:
    bake = ("bake", "left.json", "right.json", "-o", "take.bvh", "--cameras")
    status, out, err = run(*bake, "lab.toml")
    assert (status, "75 frames" in out) == (0, True), err
    assert len(bvh.loads((clips / "take.bvh").read_text())) == 75
    status, _, err = run("bake", "right.json", "left.json", "-o", "x.bvh", "--cameras", "lab.toml")
    assert (status, "in another order" in err) == (2, True)
    status, _, err = run("bake", "left.json", "-o", "x.bvh", "--cameras", "lab.toml")
    assert (status, "give two or more inputs" in err) == (2, True)
    status, _, err = run(*bake[:2], *bake[1:], "lab.toml")
    assert (status, "has 2 cameras, but there are 3 clips" in err) == (2, True)
    assert not (clips / "x.bvh").exists()


def test_two_cameras_are_found_and_kept(run: Run, clips: Path) -> None:
    status, out, err = run("cameras", "left.json", "right.json", "-o", "found.toml", "--fov", 57.3)
    assert status == 0, err
    assert "° apart as seen from the performer; the second clip's clock is ahead by" in out
    assert len(load_cameras(clips / "found.toml")) == 2
    status, _, err = run("cameras", "left.json", "-o", "found.toml")
    assert (status, "two cameras can be found, not of 1" in err) == (2, True)
