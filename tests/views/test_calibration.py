"""Calibration files give the cameras that wrote them, judged by OpenCV's own projection."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from mocap.errors import InputError
from mocap.views.calibration import dump_cameras, load_cameras
from mocap.views.camera import PosedCamera

LENS = np.array([[1000.0, 0.0, 650.0], [0.0, 1000.0, 340.0], [0.0, 0.0, 1.0]])
BENT = np.array([-0.1, 0.02, 0.001, -0.002, 0.0])
POSES = [
    (np.array([0.1, -0.2, 0.05]), np.array([0.2, 0.1, 3.0])),
    (np.array([-0.2, 1.1, 0.1]), np.array([-0.4, 0.0, 4.0])),
]
POINTS = np.random.default_rng(0).uniform(-0.8, 0.8, (40, 3))


def agrees(cameras: list[PosedCamera], bent: np.ndarray = BENT) -> None:
    """Compare with cv2.projectPoints, and undo the distortion."""
    for camera, (turn, shift) in zip(cameras, POSES, strict=True):
        pixels = cv2.projectPoints(POINTS, turn, shift, LENS, bent)[0][:, 0]
        straight = cv2.projectPoints(POINTS, turn, shift, LENS, np.zeros(5))[0][:, 0]
        assert camera.project(POINTS) == pytest.approx(pixels, abs=1e-6)
        assert camera.undistorted(pixels) == pytest.approx(straight, abs=1e-3)


def toml(scale: float) -> str:
    return "\n".join(
        f'[cam_{n}]\nname = "c{n}"\nsize = [1280.0, 720.0]\nmatrix = {LENS.tolist()}\n'
        f"distortions = {BENT.tolist()}\nrotation = {turn.tolist()}\n"
        f"translation = {(shift * scale).tolist()}\nfisheye = false"
        for n, (turn, shift) in enumerate(POSES)
    )


@pytest.mark.parametrize("scale", [1.0, 1000.0], ids=["Pose2Sim", "FreeMoCap"])
def test_toml_files_are_read_and_written(tmp_path: Path, scale: float) -> None:
    (tmp_path / "c.toml").write_text(toml(scale) + "\n[metadata]\nadjusted = false\n")
    cameras = load_cameras(tmp_path / "c.toml")
    assert [c.name for c in cameras] == ["c0", "c1"]
    agrees(cameras)
    (tmp_path / "again.toml").write_text(dump_cameras(cameras))
    agrees(load_cameras(tmp_path / "again.toml"))


def test_qualisys_files_are_read(tmp_path: Path) -> None:
    """Its axes: y up, z backwards; 1/64 pixel; millimetres."""
    tags = []
    for n, (turn, shift) in enumerate(POSES):
        to_camera = np.diag([1.0, -1.0, -1.0]) @ cv2.Rodrigues(turn)[0]
        at = -cv2.Rodrigues(turn)[0].T @ shift * 1000.0
        cells = (
            " ".join(f'r{i + 1}{j + 1}="{to_camera[i, j]!r}"' for i in range(3) for j in range(3))
            .replace("np.float64(", "")
            .replace(")", "")
        )
        k = [float(v * 64) for v in BENT]
        tags.append(
            f'<camera serial="c{n}"><fov_video left="10" top="20" right="1289" bottom="739"/>'
            f'<transform x="{at[0]}" y="{at[1]}" z="{at[2]}" {cells}/><intrinsic '
            f'focalLengthU="64000" focalLengthV="64000" centerPointU="{660 * 64}" '
            f'centerPointV="{360 * 64}" radialDistortion1="{k[0]}" radialDistortion2="{k[1]}" '
            f'tangentalDistortion1="{k[2]}" tangentalDistortion2="{k[3]}"/></camera>'
        )
    text = f"<calibration><cameras>{''.join(tags)}</cameras></calibration>"
    (tmp_path / "lab.qca.txt").write_text(text)
    cameras = load_cameras(tmp_path / "lab.qca.txt")
    assert cameras[0].camera.size == (1280, 720)
    agrees(cameras)


@pytest.mark.parametrize("stereo", [False, True])
def test_opencv_files_are_read(tmp_path: Path, stereo: bool) -> None:
    path = tmp_path / "cameras.yml"
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    turns = [cv2.Rodrigues(turn)[0] for turn, _ in POSES]
    if stereo:
        for n in "12":
            storage.write(f"M{n}", LENS)
            storage.write(f"D{n}", BENT[None])
        between = turns[1] @ turns[0].T
        storage.write("R", between)
        storage.write("T", POSES[1][1] - between @ POSES[0][1])
    else:
        for n, (turn, (_, shift)) in enumerate(zip(turns, POSES, strict=True)):
            for key, value in (("K", LENS), ("dist", BENT[None]), ("Rot", turn), ("T", shift)):
                storage.write(f"{key}_0{n}", value)
    storage.release()
    cameras = load_cameras(path)
    assert len(cameras) == 2
    if stereo:  # the first camera is the world
        world = cv2.Rodrigues(POSES[0][0])[0] @ POINTS.T + POSES[0][1][:, None]
        pixels = cv2.projectPoints(POINTS, *POSES[1], LENS, BENT)[0][:, 0]
        assert cameras[1].project(world.T) == pytest.approx(pixels, abs=1e-6)
    else:
        agrees(cameras)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("c.json", "{}", "is no calibration: give a .toml"),
        ("c.toml", "not toml", "cannot be read as a calibration"),
        ("c.toml", "[metadata]\nerror = 0.0", "at least two cameras, but holds 0"),
        ("c.qca.txt", "<calibration>", "cannot be read as a calibration"),
        ("c.yml", "%YAML:1.0\n---\nK_1: 3\n", "there is no matrix K_1"),
        ("c.toml", toml(1.0).replace("fisheye = false", "fisheye = true"), "is a fisheye"),
        ("c.toml", toml(1.0).replace("1000.0, 0.0, 650.0", "700.0, 0.0, 650.0"), "not square"),
    ],
)
def test_other_files_are_refused_in_words(
    tmp_path: Path, name: str, text: str, said: str, as_installed: None
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=said):
        load_cameras(tmp_path / name)
