"""Calibration files: Pose2Sim, FreeMoCap and aniposelib TOML, Qualisys, OpenCV YAML.

TOML (aniposelib's format, also used by FreeMoCap and Pose2Sim): one table per camera with `name`,
`size`, `matrix`, `distortions`, `rotation` (Rodrigues vector), `translation` and `fisheye`. The
file does not say its unit: metres in Pose2Sim, usually millimetres in the others. mocap writes the
same format with `[metadata] up`, `metres` and `offsets`.

Qualisys `.qca.txt`: XML with intrinsics in pixels or 1/64 pixel, positions in millimetres and +Z
up. The rows of the rotation are camera axes with y up and z backwards.

OpenCV YAML (cv::FileStorage), in two forms: `names` with K_NAME, D_NAME or dist_NAME, R_NAME or
Rot_NAME, and T_NAME (EasyMocap's intri.yml and extri.yml, side by side); or M1, D1, M2, D2, R, T of
OpenCV's stereo calibration (intrinsics.yml and extrinsics.yml).
"""

from __future__ import annotations

import math
import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from mocap.cameras.views import CameraSet, View
from mocap.core import rotation as R
from mocap.errors import InputError, OutputError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_PARTNERS = {
    "intri.yml": "extri.yml", "extri.yml": "intri.yml",
    "intrinsics.yml": "extrinsics.yml", "extrinsics.yml": "intrinsics.yml",
}  # fmt: skip
_SUBPIXELS, _LARGEST_SENSOR = 64.0, 16384.0
_LARGEST = 10_000_000  # bytes


def load_cameras(path: Path) -> CameraSet:
    """Read a calibration file.

    Args:
        path: .toml, .qca.txt (or .xml), .yml or .yaml.

    Raises:
        InputError: The file is missing, has another format, or lacks a value.
    """
    text = _text(path)
    suffix = path.suffix.lower()
    try:
        if suffix == ".toml":
            return _from_toml(tomllib.loads(text))
        if suffix in (".txt", ".xml"):
            return _from_qualisys(text)
        if suffix in (".yml", ".yaml"):
            return _from_opencv(_with_partner(path, text))
    except InputError as error:
        raise InputError(f"{path} is no usable calibration: {error}") from error
    except KeyError as error:
        raise InputError(f"{path} is no usable calibration: {error.args[0]} is missing.") from error
    except (ValueError, TypeError, AttributeError, ET.ParseError) as error:
        raise InputError(f"{path} cannot be read as a calibration: {error}") from error
    raise InputError(
        f"{path} is no known calibration: it must end in .toml (Pose2Sim, FreeMoCap, aniposelib, "
        "mocap cameras), .qca.txt (Qualisys), .yml or .yaml (OpenCV)."
    )


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise InputError(
                f"{path} is too large for a calibration: {path.stat().st_size / 1e6:.0f} MB, where "
                f"at most {_LARGEST / 1e6:.0f} MB are read."
            )
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"There is no calibration file {path}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as a calibration: {error}") from error


def _from_toml(data: Mapping[str, Any]) -> CameraSet:
    tables = [(k, v) for k, v in data.items() if isinstance(v, dict) and "matrix" in v]
    views = tuple(
        View(
            str(table.get("name", key)),
            _size(table.get("size", (0, 0))),
            np.array(table["matrix"], dtype=float),
            np.array(table.get("distortions", ()), dtype=float).ravel(),
            _rotation(np.array(table["rotation"], dtype=float)),
            np.array(table["translation"], dtype=float).ravel(),
            bool(table.get("fisheye", False)),
        )
        for key, table in tables
    )
    about = data.get("metadata", {})
    up, offsets = about.get("up"), about.get("offsets")
    return CameraSet(
        views,
        None if up is None else _unit(np.array(up, dtype=float)),
        about.get("metres"),
        None if offsets is None else np.array(offsets, dtype=float),
    )


def _from_qualisys(text: str) -> CameraSet:
    views = []
    for number, camera in enumerate(ET.fromstring(text).iter("camera")):
        if camera.find("intrinsic") is None or camera.find("transform") is None:
            continue
        inside, place = camera.find("intrinsic"), camera.find("transform")
        area = camera.find("fov_video")
        get = _numbers_of(inside)
        # Newer files use units of 1/64 pixel, others pixels.
        unit = _SUBPIXELS if get("sensorMaxU", math.inf) > _LARGEST_SENSOR else 1.0
        left, top, right, bottom = (
            (0.0, 0.0, math.nan, math.nan)
            if area is None
            else (float(area.get(n, "nan")) for n in ("left", "top", "right", "bottom"))
        )
        matrix = np.eye(3)
        for row, axis, edge in ((0, "U", left), (1, "V", top)):
            matrix[row, row] = get(f"focalLength{axis}") / unit
            matrix[row, 2] = get(f"centerPoint{axis}") / unit - edge
        lens = np.array(
            [
                get(f"{n}Distortion{i}")
                for n, i in (("radial", 1), ("radial", 2), ("tangental", 1), ("tangental", 2))
            ]
            + [get("radialDistortion3", 0.0)]
        )
        at = _numbers_of(place)
        axes = np.array([[at(f"r{i}{j}") for j in (1, 2, 3)] for i in (1, 2, 3)])
        rotation = np.diag([1.0, -1.0, -1.0]) @ axes
        centre = np.array([at(n) for n in "xyz"])
        size = (0, 0) if math.isnan(right) else (int(right - left) + 1, int(bottom - top) + 1)
        views.append(
            View(
                camera.get("serial", f"camera {number + 1}"),
                size,
                matrix,
                lens,
                _rotation(rotation),
                -rotation @ centre,
            )
        )
    return CameraSet(tuple(views), np.array([0.0, 0.0, 1.0]), 0.001)


def _numbers_of(element: ET.Element | None) -> Any:
    def get(name: str, default: float | None = None) -> float:
        value = None if element is None else element.get(name)
        if value is None and default is None:
            raise KeyError(name)
        return float(value) if value is not None else float(default or 0.0)

    return get


def _with_partner(path: Path, text: str) -> dict[str, Any]:
    """Return the values of an OpenCV YAML file, and of its partner file if that exists."""
    found = _opencv_values(text)
    partner = _PARTNERS.get(path.name)
    if partner and path.with_name(partner).exists():
        found = _opencv_values(_text(path.with_name(partner))) | found
    return found


_MATRIX = re.compile(
    r"^\s*([\w.-]+)\s*:\s*!!opencv-matrix\s+rows:\s*(\d+)\s+cols:\s*(\d+)\s+"
    r"dt:\s*\S+\s+data:\s*\[([^\]]*)\]",
    re.MULTILINE,
)
_SCALAR = re.compile(r"^([\w.-]+)\s*:\s*([-+.\deE]+)\s*$", re.MULTILINE)
_NAMES = re.compile(r"^names\s*:\s*(\[[^\]]*\]|(?:\s*-\s*.+\n?)+)", re.MULTILINE)


def _opencv_values(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {k: float(v) for k, v in _SCALAR.findall(text)}
    for name, rows, columns, data in _MATRIX.findall(text):
        values = np.array([float(x) for x in data.replace("\n", " ").split(",") if x.strip()])
        found[name] = values.reshape(int(rows), int(columns))
    names = _NAMES.search(text)
    if names:
        found["names"] = [
            n.strip(" \"'") for n in re.split(r"[,\n\[\]]|-\s", names[1]) if n.strip()
        ]
    return found


def _from_opencv(values: Mapping[str, Any]) -> CameraSet:
    def first(*names: str, default: Any = None) -> Any:
        for name in names:
            if name in values:
                return values[name]
        if default is None:
            raise KeyError(" or ".join(names))
        return default

    def view(name: str, keys: tuple[str, ...], rotation: ndarray, translation: ndarray) -> View:
        return View(
            name,
            _size(
                (
                    first(f"W_{name}", "image_width", default=0),
                    first(f"H_{name}", "image_height", default=0),
                )
            ),
            first(*keys[:2]),
            np.asarray(first(*keys[2:], default=np.zeros(0))).ravel()[:8],
            _rotation(rotation),
            np.asarray(translation).ravel(),
        )

    if "names" in values:
        return CameraSet(
            tuple(
                view(
                    n,
                    (f"K_{n}", f"M_{n}", f"D_{n}", f"dist_{n}"),
                    first(f"Rot_{n}", f"R_{n}"),
                    first(f"T_{n}"),
                )
                for n in values["names"]
            )
        )
    origin = (np.eye(3), np.zeros(3))
    places = (origin, (first("R"), first("T")))
    return CameraSet(
        tuple(
            view(str(n), (f"M{n}", f"K{n}", f"D{n}", f"dist{n}"), *place)
            for n, place in enumerate(places, 1)
        )
    )


def _size(values: Any) -> tuple[int, int]:
    width, height = values
    return int(width), int(height)


def _rotation(value: ndarray) -> ndarray:
    """Return a rotation matrix from a Rodrigues vector, or from a matrix that is nearly one."""
    value = np.asarray(value, dtype=float)
    if value.size == 3:
        return np.asarray(R.to_matrix(R.from_rotation_vector(value.ravel())))
    if value.shape != (3, 3) or not np.isfinite(value).all():
        raise InputError(f"A rotation must be 3 or 3 × 3 numbers, not of shape {value.shape}.")
    u, s, v = np.linalg.svd(value)
    if np.abs(s - 1.0).max() > 0.01:
        raise InputError(
            "A camera's rotation is not a rotation matrix: its singular values are "
            f"{', '.join(f'{x:.3g}' for x in s)} instead of 1."
        )
    return np.asarray(u @ v)


def _unit(vector: ndarray) -> ndarray:
    length = float(np.linalg.norm(vector))
    if vector.shape != (3,) or not length > 0.0:
        raise InputError(f"`up` must be three numbers, not all 0, but is {vector.tolist()}.")
    return vector / length


def save_cameras(path: Path, cameras: CameraSet) -> None:
    """Write a calibration as TOML, which aniposelib, FreeMoCap and Pose2Sim read.

    Args:
        path: A file that ends in .toml. It is written under a temporary name and renamed.
        cameras: The calibration.

    Raises:
        OutputError: The file has another ending or cannot be written.
    """
    if path.suffix.lower() != ".toml":
        raise OutputError(f"{path} must end in .toml: calibrations are written as TOML.")
    lines = []
    for number, v in enumerate(cameras.views, 1):
        lines += [
            f"[cam_{number}]",
            f"name = {_quoted(v.name)}",
            f"size = {list(v.size)}",
            f"matrix = {v.matrix.tolist()}",
            f"distortions = {v.distortion.tolist()}",
            f"rotation = {R.to_rotation_vector(R.from_matrix(v.rotation)).tolist()}",
            f"translation = {v.translation.tolist()}",
            f"fisheye = {str(v.fisheye).lower()}",
            "",
        ]
    lines += ["[metadata]", "adjusted = false"]
    lines += [f"error = {float(cameras.error or 0.0)}"]
    if cameras.up is not None:
        lines += [f"up = {cameras.up.tolist()}"]
    if cameras.metres is not None:
        lines += [f"metres = {float(cameras.metres)}"]
    if cameras.offsets is not None:
        lines += [f"offsets = {cameras.offsets.tolist()}  # seconds to add to each camera's times"]
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error}") from error


def _quoted(name: str) -> str:
    escaped = "".join(f"\\u{ord(c):04x}" if ord(c) < 32 or c in '"\\\x7f' else c for c in name)
    return f'"{escaped}"'
