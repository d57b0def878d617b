"""Files whose nodes hang in one long chain are read in linear time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mocap import formats
from mocap.formats.gltf import glb


def gltf(count: int) -> bytes:
    """Return a GLB of a chain of nodes that are all joints of a skin, and all turn."""
    nodes = [{"translation": [0, 0.01, 0], "children": [i + 1]} for i in range(count)]
    del nodes[-1]["children"]
    times, turns = np.array([0, 1], "<f4"), np.array([[0, 0, 0, 1], [0, 0, 0.6, 0.8]], "<f4")
    document = {
        "asset": {"version": "2.0"},
        "nodes": nodes,
        "skins": [{"joints": list(range(count))}],
        "buffers": [{"byteLength": 40}],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": 8},
            {"buffer": 0, "byteOffset": 8, "byteLength": 32},
        ],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 2, "type": "SCALAR"},
            {"bufferView": 1, "componentType": 5126, "count": 2, "type": "VEC4"},
        ],
        "animations": [
            {
                "samplers": [{"input": 0, "output": 1}],
                "channels": [
                    {"sampler": 0, "target": {"node": i, "path": "rotation"}} for i in range(count)
                ],
            }
        ],
    }
    return glb.join(document, times.tobytes() + turns.tobytes())


def bvh(count: int) -> bytes:
    """Return a BVH of a chain of joints."""
    joint = "JOINT {}\n{{\nOFFSET 0 1 0\nCHANNELS 3 Zrotation Xrotation Yrotation\n"
    joints = "".join(joint.format(f"b{i}") for i in range(count)).removeprefix("JOINT")
    frame = " ".join(["0"] * 3 * count)
    return (
        f"HIERARCHY\nROOT{joints}End Site\n{{\nOFFSET 0 1 0\n}}\n" + "}\n" * count
        + f"MOTION\nFrames: 2\nFrame Time: 0.04\n{frame}\n{frame}\n"
    ).encode()  # fmt: skip


@pytest.mark.parametrize(
    ("make", "suffix", "read"),
    [(gltf, ".glb", formats.load), (bvh, ".bvh", formats.load), (bvh, ".bvh", formats.read_tree)],
    ids=["glTF motion", "BVH motion", "BVH character"],
)
def test_long_chains_take_linear_time(
    tmp_path: Path, make: Callable[[int], bytes], suffix: str, read: Callable[[Path], object]
) -> None:
    def spent(count: int) -> float:
        path = tmp_path / f"{count}{suffix}"
        path.write_bytes(make(count))
        begun = time.thread_time()
        read(path)
        return time.thread_time() - begun

    spent(10)
    short, long = (min(spent(count) for _ in range(2)) for count in (1_000, 8_000))
    # Eight times the nodes take about eight times as long; where each node was compared with all
    # others, they took 15 to 21 times as long.
    assert long < 13 * short
