"""Calibration files: each format describes the same cameras."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from mocap.cameras.calibration import load_cameras, save_cameras
from mocap.cameras.views import CameraSet
from mocap.errors import InputError, OutputError
from tests.helpers.cameras import around

LENS = (-0.2, 0.1, 0.001, -0.002, 0.03)
VIEWS = (around(0.0, lens=LENS, name="left"), around(70.0, lens=LENS, name="right"))
TO_Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


def _pose2sim() -> str:
    """Return the format of Pose2Sim and FreeMoCap."""
    out = []
    for n, v in enumerate(VIEWS, 1):
        turn = cv2.Rodrigues(v.rotation)[0].ravel().tolist()
        out.append(
            f'[cam_{n}]\nname = "{v.name}"\nsize = [ 1280.0, 720.0,]\n'
            f"matrix = {v.matrix.tolist()}\ndistortions = {list(LENS)}\n"
            f"rotation = {turn}\ntranslation = {v.translation.tolist()}\nfisheye = false\n"
        )
    return "\n".join([*out, "[metadata]\nadjusted = false\nerror = 0.0\n"])


def _qualisys() -> str:
    """Return the format of Qualisys: millimetres, +Z up, 1/64 pixels, camera y up and z back."""
    out = []
    for v in VIEWS:
        axes = np.diag([1.0, -1.0, -1.0]) @ v.rotation @ TO_Z_UP.T
        x, y, z = 1000.0 * TO_Z_UP @ v.centre
        turn = " ".join(f'r{i + 1}{j + 1}="{axes[i, j]}"' for i in range(3) for j in range(3))
        k1, k2, p1, p2, k3 = LENS
        out.append(
            f'<camera active="1" serial="{v.name}" model="Miqus Video" viewrotation="0">'
            f'<fov_video left="0" top="0" right="1279" bottom="719"/>'
            f'<transform x="{x}" y="{y}" z="{z}" {turn}/>'
            f'<intrinsic focallength="9" sensorMinU="0" sensorMaxU="81919" sensorMaxV="46079" '
            f'focalLengthU="{64 * v.matrix[0, 0]}" focalLengthV="{64 * v.matrix[1, 1]}" '
            f'centerPointU="{64 * v.matrix[0, 2]}" centerPointV="{64 * v.matrix[1, 2]}" skew="0" '
            f'radialDistortion1="{k1}" radialDistortion2="{k2}" radialDistortion3="{k3}" '
            f'tangentalDistortion1="{p1}" tangentalDistortion2="{p2}"/></camera>'
        )
    return f'<?xml version="1.0"?><calibration><cameras>{"".join(out)}</cameras></calibration>'


def _easymocap(path: Path) -> None:
    """Return the format of cv::FileStorage."""
    store = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    store.startWriteStruct("names", cv2.FileNode_SEQ)
    for v in VIEWS:
        store.write("", v.name)
    store.endWriteStruct()
    for v in VIEWS:
        store.write(f"K_{v.name}", np.array(v.matrix))
        store.write(f"dist_{v.name}", np.array(v.distortion)[None])
        store.write(f"R_{v.name}", cv2.Rodrigues(v.rotation)[0])
        store.write(f"T_{v.name}", np.array(v.translation)[:, None])
        store.write(f"W_{v.name}", 1280)
        store.write(f"H_{v.name}", 720)
    store.release()


def _same_pictures(cameras: CameraSet, to_theirs: np.ndarray, unit: float) -> None:
    points = np.random.default_rng(5).uniform(-0.8, 0.8, (50, 3)) + [0.0, 1.0, 0.0]
    for v, expected in zip(cameras.views, VIEWS, strict=True):
        assert (v.name, v.size) == (expected.name, expected.size)
        theirs = points @ to_theirs.T / unit
        np.testing.assert_allclose(v.project(theirs), expected.project(points), atol=1e-6)


def test_each_format_describes_the_same_cameras(tmp_path: Path) -> None:
    (tmp_path / "Calib.toml").write_text(_pose2sim())
    (tmp_path / "lab.qca.txt").write_text(_qualisys())
    _easymocap(tmp_path / "cameras.yml")
    _same_pictures(load_cameras(tmp_path / "Calib.toml"), np.eye(3), 1.0)
    _same_pictures(load_cameras(tmp_path / "cameras.yml"), np.eye(3), 1.0)
    qualisys = load_cameras(tmp_path / "lab.qca.txt")
    _same_pictures(qualisys, TO_Z_UP, 0.001)
    assert (qualisys.metres, np.asarray(qualisys.up).tolist()) == (0.001, [0.0, 0.0, 1.0])


def test_opencv_stereo_files_lie_side_by_side(tmp_path: Path) -> None:
    turn = VIEWS[1].rotation @ VIEWS[0].rotation.T
    for name, values in {
        "intrinsics.yml": {f"{k}{n}": m for n, v in enumerate(VIEWS, 1)
                           for k, m in (("M", v.matrix), ("D", v.distortion[None]))},
        "extrinsics.yml": {"R": turn, "T": (VIEWS[1].translation
                                            - turn @ VIEWS[0].translation)[:, None]},
    }.items():  # fmt: skip
        store = cv2.FileStorage(str(tmp_path / name), cv2.FILE_STORAGE_WRITE)
        for key, value in values.items():
            store.write(key, np.array(value))
        store.release()
    found = load_cameras(tmp_path / "extrinsics.yml")
    point = np.array([0.1, 1.2, 0.3])
    for v, expected in zip(found.views, VIEWS, strict=True):
        np.testing.assert_allclose(
            v.project(VIEWS[0].in_camera(point)), expected.project(point), atol=1e-8
        )


def test_written_calibrations_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "cameras.toml"
    cameras = CameraSet(VIEWS, np.array([0.0, 1.0, 0.0]), 1.0, np.array([0.0, -0.123]), 2.5)
    save_cameras(path, cameras)
    again = load_cameras(path)
    _same_pictures(again, np.eye(3), 1.0)
    assert again.metres == 1.0
    assert np.asarray(again.offsets).tolist() == [0.0, -0.123]
    with pytest.raises(OutputError, match=r"\.toml"):
        save_cameras(tmp_path / "cameras.yml", cameras)


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("a.toml", "[cam_1]\nmatrix = 3\n", "usable|cannot be read"),
        ("a.toml", "no toml at all", "cannot be read"),
        ("a.toml", "[metadata]\nup = [0, 1, 0]\n", "at least two"),
        ("a.qca.txt", "<calibration/>", "at least two"),
        ("a.qca.txt", "<calibration>", "cannot be read"),
        ("a.yml", "%YAML:1.0\n---\nM1: 3\n", "missing|usable|cannot be read"),
        ("a.json", "{}", "no known calibration"),
    ],
)
def test_files_that_are_not_calibrations_are_refused_in_a_sentence(
    tmp_path: Path, name: str, text: str, word: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=word):
        load_cameras(tmp_path / name)
    with pytest.raises(InputError, match="no calibration file"):
        load_cameras(tmp_path / "nowhere.toml")
