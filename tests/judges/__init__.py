"""Other people's readers of our files: pybvh, bvhio, three.js and the Khronos validator, each by
its own understanding of the format.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.places import WEB

_WEB = WEB / "node_modules"


def _node(node: Path, script: str, package: str, *files: str, given: str = "") -> Any:
    if not (_WEB / package).is_dir():
        missing = f"needs web/node_modules/{package}: run `make assets`"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    run = subprocess.run(
        [node, Path(__file__).parent / script, *files],
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def three(node: Path, path: Path, times: np.ndarray) -> tuple[list[str], np.ndarray]:
    """(bone names, world positions (F, J, 3) in the file's unit) as three.js' BVHLoader, FBXLoader
    or GLTFLoader reads a file's last animation.
    """
    answer = _node(
        node, "three.mjs", "three", str(path), given=json.dumps(np.asarray(times).tolist())
    )
    return answer["names"], np.array(answer["frames"])


def ufbx(path: Path, times: np.ndarray, take: str | None = None) -> tuple[list[str], np.ndarray]:
    """(node names, world positions (F, N, 3) in the file's axes and unit) as ufbx reads an FBX
    file's take, the first one by default. Skips the test where ufbx is not installed."""
    if importlib.util.find_spec("ufbx") is None:
        pytest.skip("needs ufbx, which has wheels for Linux on x86-64")
    run = subprocess.run(
        [sys.executable, Path(__file__).parent / "read_ufbx.py", path, *([take] if take else [])],
        input=json.dumps(np.asarray(times).tolist()),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    answer = json.loads(run.stdout)
    return answer["names"], np.array(answer["frames"])


def three_nodes(
    node: Path, path: Path, times: np.ndarray
) -> tuple[dict[int, np.ndarray], dict[int, np.ndarray]]:
    """(node index → its world positions (F, 3), node index → its morph targets' weights (F, n)) in
    a glTF file's last animation.
    """
    answer = _node(
        node, "nodes.mjs", "three", str(path), given=json.dumps(np.asarray(times).tolist())
    )
    return tuple(
        {int(i): np.array([f[i] for f in answer[k]]) for i in answer[k][0]}
        for k in ("places", "weights")
    )  # type: ignore[return-value]


def three_vrm(
    node: Path, character: Path, animation: Path, times: np.ndarray
) -> list[dict[str, Any]]:
    """A VRM animation on a VRM as three-vrm plays it: for each time, places (bone → world
    position), expressions and gaze (degrees).
    """
    given = json.dumps(np.asarray(times).tolist())
    frames: list[dict[str, Any]] = _node(
        node, "vrma.mjs", "@pixiv/three-vrm-animation", str(character), str(animation), given=given
    )["frames"]
    return frames


def khronos(node: Path, path: Path) -> dict[str, Any]:
    """The Khronos glTF validator's report."""
    return khronos_all(node, [path])[0]


def khronos_all(node: Path, paths: Sequence[Path]) -> list[dict[str, Any]]:
    """The Khronos glTF validator's report on each file, by one process."""
    reports: list[dict[str, Any]] = _node(node, "validate.mjs", "gltf-validator", *map(str, paths))
    return reports


def pybvh(path: Path) -> tuple[list[str], np.ndarray]:
    """(joint names, world positions (F, J, 3) in the file's unit) as pybvh reads a BVH file."""
    import pybvh as package

    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # it says which axis it takes for up, which the positions do not depend on
        bvh = package.read_bvh_file(path)
        return list(bvh.joint_names), np.asarray(bvh.joint_positions())


def bvhio(path: Path, frames: list[int]) -> tuple[list[str], np.ndarray]:
    """(joint names, world positions (F, J, 3) in the file's unit) as bvhio reads a BVH file, at
    some frames (it is slow).
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import bvhio as package

        root = package.readAsHierarchy(str(path))
        joints = [joint for joint, _, _ in root.layout()]
        positions = []
        for frame in frames:
            root.loadPose(frame)
            positions.append([list(joint.PositionWorld) for joint in joints])
    return [joint.Name for joint in joints], np.array(positions)


def meshopt(node: Path, values: np.ndarray, **how: Any) -> tuple[bytes, bytes]:
    """(compressed, decompressed) bytes of values, by meshoptimizer; see meshopt.mjs."""
    given = json.dumps({"values": base64.b64encode(values.tobytes()).decode(), **how})
    answer = _node(node, "meshopt.mjs", "meshoptimizer", given=given)
    return base64.b64decode(answer["packed"]), base64.b64decode(answer["plain"])
