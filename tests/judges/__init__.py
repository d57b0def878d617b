"""Independent readers of our files: pybvh, bvhio, three.js and the Khronos validator."""

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
    """Return bone names and positions of a file's last animation, as three.js reads it.

    Positions are (F, J, 3) in the file's unit, by BVHLoader, FBXLoader or GLTFLoader.
    """
    answer = _node(
        node, "three.mjs", "three", str(path), given=json.dumps(np.asarray(times).tolist())
    )
    return answer["names"], np.array(answer["frames"])


def ufbx(path: Path, times: np.ndarray, take: str | None = None) -> tuple[list[str], np.ndarray]:
    """Return node names and positions of an FBX take, by default the first, as ufbx reads it.

    Positions are (F, N, 3) in the file's axes and unit. Skips the test where ufbx is not installed.
    """
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
    """Return positions and morph weights of a glTF file's last animation by node.

    Node index → (F, 3), and node index → (F, n).
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
    """Return what three-vrm plays of a VRM animation on a VRM at each time.

    Positions (bone → world position), expressions, and gaze in degrees.
    """
    given = json.dumps(np.asarray(times).tolist())
    frames: list[dict[str, Any]] = _node(
        node, "vrma.mjs", "@pixiv/three-vrm-animation", str(character), str(animation), given=given
    )["frames"]
    return frames


def khronos(node: Path, path: Path) -> dict[str, Any]:
    """Return the Khronos glTF validator's report."""
    return khronos_all(node, [path])[0]


def khronos_all(node: Path, paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Return the Khronos glTF validator's reports of all files, made by one process."""
    reports: list[dict[str, Any]] = _node(node, "validate.mjs", "gltf-validator", *map(str, paths))
    return reports


def pybvh(path: Path) -> tuple[list[str], np.ndarray]:
    """Return joint names and positions (F, J, 3) in the file's unit, as pybvh reads a BVH."""
    import pybvh as package

    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # it says which axis it takes for up, which the positions do not depend on
        bvh = package.read_bvh_file(path)
        return list(bvh.joint_names), np.asarray(bvh.joint_positions())


def bvhio(path: Path, frames: list[int]) -> tuple[list[str], np.ndarray]:
    """Return joint names and positions (F, J, 3) in the file's unit, as bvhio reads a BVH.

    Only some frames, since bvhio is slow.
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
    """Return (compressed, decompressed) bytes of values, by meshoptimizer; see meshopt.mjs."""
    given = json.dumps({"values": base64.b64encode(values.tobytes()).decode(), **how})
    answer = _node(node, "meshopt.mjs", "meshoptimizer", given=given)
    return base64.b64decode(answer["packed"]), base64.b64decode(answer["plain"])
