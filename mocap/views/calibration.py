"""Calibration files of several cameras: Pose2Sim's and FreeMoCap's TOML, Qualisys' .qca.txt, and
OpenCV's YAML.

Pose2Sim (https://github.com/perfanalytics/pose2sim) and FreeMoCap share aniposelib's tables: a
camera's `size`, `matrix`, `distortions`, `rotation` (Rodrigues vector) and `translation`, with
OpenCV's axes. FreeMoCap's are in millimetres. Qualisys' cameras look along −z with y up; its
intrinsics are in 1/64 pixel, its places in millimetres.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.camera import Camera
from mocap.errors import InputError
from mocap.views.camera import FROM_OPENCV, PosedCamera

# Cameras farther apart than this are in millimetres.
_FARTHEST = 50.0


def load_cameras(path: Path) -> list[PosedCamera]:
    """Read a calibration file.

    Raises:
        InputError: The file is missing, of an unknown form, or damaged.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from None
    kinds: dict[str, Any] = {
        ".toml": _from_toml,
        ".yml": _from_yaml,
        ".yaml": _from_yaml,
        ".xml": _from_qca,
        ".txt": _from_qca,
    }
    read = kinds.get(path.suffix.lower())
    if read is None:
        raise InputError(
            f"{path.name} is no calibration: give a .toml of Pose2Sim or FreeMoCap, a .qca.txt of "
            "Qualisys, or a .yml of OpenCV."
        )
    try:
        cameras = _from_yaml(path) if read is _from_yaml else read(data.decode("utf-8"))
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (ValueError, KeyError, TypeError, IndexError, ET.ParseError) as error:
        raise InputError(f"{path} cannot be read as a calibration: {error!r}.") from None
    if len(cameras) < 2:
        raise InputError(f"{path} must hold at least two cameras, but holds {len(cameras)}.")
    return _in_metres(cameras)


def _camera(name: str, size: tuple[int, int], matrix: ndarray, pose: tuple[ndarray, ndarray],
            distortion: Sequence[float] = ()) -> PosedCamera:  # fmt: skip
    """Return a camera from OpenCV's matrix (3, 3), rotation (3, 3) and translation (3,)."""
    focal = float(0.5 * (matrix[0, 0] + matrix[1, 1]))
    if abs(matrix[0, 0] - matrix[1, 1]) > 0.05 * focal:
        raise InputError(
            f"Camera {name} has focal lengths {matrix[0, 0]:.0f} and {matrix[1, 1]:.0f} pixels: "
            "pixels that are not square are not supported."
        )
    centre = (float(matrix[0, 2]), float(matrix[1, 2]))
    rotation = R.from_matrix(FROM_OPENCV[:, None] * pose[0])
    five = np.zeros(5)
    five[: min(5, len(distortion))] = distortion[:5]
    return PosedCamera(
        name, Camera(focal, centre, size), rotation, FROM_OPENCV * pose[1].ravel(), five
    )


def _from_toml(text: str) -> list[PosedCamera]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    out: list[PosedCamera] = []
    for key, table in tomllib.loads(text).items():
        if not isinstance(table, dict) or "matrix" not in table:
            continue
        name = str(table.get("name", key))
        if table.get("fisheye"):
            raise InputError(f"camera {name} is a fisheye, which is not supported.")
        size = (round(table["size"][0]), round(table["size"][1]))
        turn = R.to_matrix(R.from_rotation_vector(np.array(table["rotation"], float)))
        pose = (turn, np.array(table["translation"], float))
        out.append(
            _camera(name, size, np.array(table["matrix"], float), pose, table["distortions"])
        )
    return out


def _from_qca(text: str) -> list[PosedCamera]:
    out: list[PosedCamera] = []
    for tag in ET.fromstring(text).iter("camera"):
        lens, place, fov = (tag.find(n) for n in ("intrinsic", "transform", "fov_video"))
        if lens is None or place is None or fov is None:
            continue
        name = tag.get("serial", str(len(out) + 1))

        def numbers(where: ET.Element, *keys: str) -> list[float]:
            return [float(where.attrib[key]) for key in keys]

        left, top, right, bottom = numbers(fov, "left", "top", "right", "bottom")
        fu, fv, cu, cv = numbers(
            lens, "focalLengthU", "focalLengthV", "centerPointU", "centerPointV"
        )
        matrix = np.array(
            [[fu / 64, 0.0, cu / 64 - left], [0.0, fv / 64, cv / 64 - top], [0.0, 0.0, 1.0]]
        )
        turn = np.array([numbers(place, *(f"r{i}{j}" for j in "123")) for i in "123"])
        at = np.array(numbers(place, "x", "y", "z"))
        keys = ("radialDistortion1", "radialDistortion2", "tangentalDistortion1",
                "tangentalDistortion2")  # fmt: skip
        lens_of = [value / 64 for value in numbers(lens, *keys)]
        # Its axes are mocap's; `_camera` takes OpenCV's.
        turn = FROM_OPENCV[:, None] * turn
        size = (round(right - left + 1), round(bottom - top + 1))
        out.append(_camera(name, size, matrix, (turn, -turn @ at), lens_of))
    return [
        PosedCamera(c.name, c.camera, c.rotation, c.translation / 1000.0, c.distortion) for c in out
    ]


def _from_yaml(path: Path) -> list[PosedCamera]:
    """Read what cv::FileStorage writes.

    Either cameras by name (K_NAME, dist_NAME, R_NAME or Rot_NAME, T_NAME), or the pair of OpenCV's
    stereo calibration (M1, D1, M2, D2, R, T), whose first camera is the world.
    """
    import cv2

    try:
        storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)
        keys = storage.root().keys()
    except (cv2.error, SystemError) as error:
        raise InputError(f"it is not a file of OpenCV's ({error}).") from None

    def matrix(*names: str) -> Any:
        node = next((storage.getNode(n) for n in names if n in keys), None)
        if node is None or not node.isMap():
            raise InputError(f"there is no matrix {' or '.join(names)} in it.")
        return node.mat()

    def size(name: str, lens: ndarray) -> tuple[int, int]:
        for key in (f"size_{name}", "image_size", "imageSize"):
            if key in keys:
                found = storage.getNode(key)
                values = found.mat() if found.isMap() else [found.at(i).real() for i in (0, 1)]
                return (round(float(np.ravel(values)[0])), round(float(np.ravel(values)[1])))
        # Without a size the principal point is the middle.
        return (round(2.0 * lens[0, 2]), round(2.0 * lens[1, 2]))

    if "M1" in keys:
        poses = [(np.eye(3), np.zeros(3)), (matrix("R"), matrix("T").ravel())]
        return [
            _camera(
                n, size(n, matrix(f"M{n}")), matrix(f"M{n}"), pose, matrix(f"D{n}").ravel().tolist()
            )
            for n, pose in zip("12", poses, strict=True)
        ]
    out = []
    for name in [key[2:] for key in keys if key.startswith("K_")]:
        lens, turn = matrix(f"K_{name}"), matrix(f"Rot_{name}", f"R_{name}")
        if turn.size == 3:
            turn = R.to_matrix(R.from_rotation_vector(np.asarray(turn, float).ravel()))
        pose = (turn, matrix(f"T_{name}").ravel())
        out.append(
            _camera(name, size(name, lens), lens, pose, matrix(f"dist_{name}").ravel().tolist())
        )
    return out


def _in_metres(cameras: list[PosedCamera]) -> list[PosedCamera]:
    centres = np.array([c.centre for c in cameras])
    if np.linalg.norm(centres - centres[0], axis=1).max() <= _FARTHEST:
        return cameras
    return [
        PosedCamera(c.name, c.camera, c.rotation, c.translation / 1000.0, c.distortion)
        for c in cameras
    ]


def dump_cameras(cameras: Sequence[PosedCamera]) -> str:
    """Return cameras as the text of a Pose2Sim TOML file."""
    lines = []
    for n, c in enumerate(cameras, 1):
        (width, height), (cx, cy), f = c.camera.size, c.camera.centre, c.camera.focal
        turn = FROM_OPENCV[:, None] * R.to_matrix(c.rotation)
        vector = R.to_rotation_vector(R.from_matrix(turn)).tolist()
        k1, k2, p1, p2, k3 = c.distortion.tolist()
        name = c.name.replace("\\", "/").replace('"', "'")
        lines += [
            f"[cam_{n:02d}]",
            f'name = "{name}"',
            f"size = [{float(width)}, {float(height)}]",
            f"matrix = [[{f}, 0.0, {cx}], [0.0, {f}, {cy}], [0.0, 0.0, 1.0]]",
            f"distortions = {[k1, k2, p1, p2, k3]}",
            f"rotation = {vector}",
            f"translation = {(FROM_OPENCV * c.translation).tolist()}",
            "fisheye = false",
            "",
        ]
    return "\n".join([*lines, "[metadata]", "adjusted = false", "error = 0.0", ""])
