"""The examples run unchanged on short files, and stay short."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

import mocap
from mocap import formats
from mocap.core.keypoints import LANDMARKS, landmarks_of
from mocap.core.landmarks import COCO
from mocap.formats import bvh
from tests.helpers.command import address, started
from tests.helpers.onnx_file import constant_model
from tests.helpers.places import DEMO, MANNEQUIN, ROOT
from tests.helpers.synthetic import keypoints_of, smooth_motion

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
LONGEST = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a short video, keypoints, a motion, a character and a moving light."""
    place = tmp_path_factory.mktemp("examples")
    reader = cv2.VideoCapture(str(DEMO))
    size = (int(reader.get(cv2.CAP_PROP_FRAME_WIDTH)), int(reader.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    writer = cv2.VideoWriter(str(place / "dance.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 30, size)
    for _ in range(10):
        writer.write(reader.read()[1])
    writer.release()
    writer = cv2.VideoWriter(
        str(place / "torch.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 30, (320, 240)
    )
    for n in range(15):
        picture = np.zeros((240, 320, 3), np.uint8)
        cv2.circle(picture, (60 + 4 * n, 60), 6, (255, 255, 255), -1)
        writer.write(picture)
    writer.release()
    motion = smooth_motion(np.random.default_rng(0), 1.0, 30.0)
    formats.save(place / "take.json", keypoints_of(motion))
    formats.save(place / "walk.bvh", motion)
    shutil.copy(MANNEQUIN, place / "hero.vrm")
    return place


def run(folder: Path, number: str, *arguments: str) -> str:
    """Run the example of that number; return what it prints."""
    (script,) = (path for path in EXAMPLES if path.name.startswith(number))
    done = subprocess.run(
        [sys.executable, str(script), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_short_and_say_how_to_run_them(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) < LONGEST
    assert f"python examples/{path.name}" in text


def test_examples_are_numbered_without_gaps() -> None:
    assert [path.name[:2] for path in EXAMPLES] == [f"{n:02d}" for n in range(1, len(EXAMPLES) + 1)]
    assert len(EXAMPLES) >= 7


def test_keypoints_are_solved(folder: Path) -> None:
    out = run(folder, "01", "take.json")
    assert out.startswith("30 frames, 0.97 s")
    assert "leftUpperArm: x " in out


def test_a_video_is_baked(folder: Path) -> None:
    run(folder, "02", "dance.mp4", "out.bvh", "out.glb")
    assert len(bvh.loads((folder / "out.bvh").read_text())) == 10
    assert mocap.load_rig(folder / "out.glb").bones.keys() == set(mocap.BONES)


def test_a_motion_is_put_onto_a_character(folder: Path) -> None:
    assert "30 frames on 55 bones" in run(folder, "03", "walk.bvh", "hero.vrm", "walk.glb")
    assert (folder / "walk.glb").stat().st_size > MANNEQUIN.stat().st_size


def test_a_video_is_solved_live(folder: Path) -> None:
    lines = run(folder, "04", "dance.mp4").splitlines()
    assert len(lines) == 10
    assert "hips at x" in lines[-1]


def test_a_receiver_gets_poses(folder: Path) -> None:
    (script,) = (path for path in EXAMPLES if path.name.startswith("05"))
    live = ("live", "--video", DEMO, "--no-hands", "--no-face", "--no-open", "--port", "0")
    with started(*live, cwd=folder) as server:
        stream = address(server).replace("http://", "ws://").rstrip("/") + "/stream"
        command = [sys.executable, "-u", str(script), stream]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            timer = threading.Timer(120.0, process.kill)
            timer.start()
            assert process.stdout
            lines = [process.stdout.readline() for _ in range(5)]
            timer.cancel()
            process.kill()
    assert all(line.startswith("frame ") for line in lines), lines


def test_a_custom_detector_moves_the_hand(folder: Path) -> None:
    run(folder, "06", "torch.mp4", "torch.bvh")
    motion = mocap.load_motion(folder / "torch.bvh")
    hand = mocap.fk(motion.skeleton, motion.root_positions, motion.rotations)[0]
    assert np.ptp(hand[:, motion.skeleton.index("rightHand"), 0]) > 0.1


def test_an_angle_is_plotted(folder: Path) -> None:
    assert "leftLowerLeg: " in run(folder, "07", "walk.bvh", "leftLowerLeg", "knee.png")
    assert cv2.imread(str(folder / "knee.png")).shape == (300, 800, 3)


def test_an_onnx_model_finds_the_person(folder: Path) -> None:
    """The model sees a standing person with a raised right arm in every picture."""
    still = np.tile(mocap.HUMANOID.rest_rotations, (1, 1, 1))
    points = landmarks_of(*mocap.fk(mocap.HUMANOID, mocap.HUMANOID.offsets[:1], still))[0]
    points[[LANDMARKS.index("right_elbow"), LANDMARKS.index("right_wrist")]] = [
        [-0.2, 1.7, 0.0], [-0.2, 1.95, 0.0],
    ]  # fmt: skip
    rows = np.array([points[LANDMARKS.index(name)] for name in COCO.landmarks])
    out = np.stack([0.9 - 0.4 * rows[:, 1], 0.5 + 0.4 * rows[:, 0], np.full(17, 0.9)], axis=1)
    (folder / "coco.onnx").write_bytes(constant_model(64, out[None, None]))
    run(folder, "08", "coco.onnx", "torch.mp4", "coco.bvh")
    motion = mocap.load_motion(folder / "coco.bvh")
    joints = mocap.fk(motion.skeleton, motion.root_positions, motion.rotations)[0]
    above = joints[:, motion.skeleton.index("rightHand"), 1]
    assert len(motion) == 15
    assert (above > joints[:, motion.skeleton.index("head"), 1]).all()
    assert (joints[:, motion.skeleton.index("leftHand"), 1] < 1.7).all()
