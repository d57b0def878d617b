"""Motions in glTF documents, and an independent reader for them."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from mocap.core import rotation as R
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.core.rig import Found, Rig
from mocap.core.skeleton import BONES, HUMANOID, Skeleton
from mocap.errors import InputError
from mocap.formats import gltf
from mocap.formats.gltf import glb
from mocap.formats.gltf.tree import tree_of
from mocap.rig.load import load_rig, make_rig

TRS = ("translation", "rotation", "scale")


def on_humanoid(motion: Motion) -> Motion:
    return Motion(HUMANOID, motion.times, motion.root_positions, motion.rotations)


def on_rig(motion: Motion, rig: Rig) -> Motion:
    """Return a motion of HUMANOID on a rig of the same joints in another order."""
    order = [HUMANOID.index(n) for n in rig.skeleton.names]
    return Motion(rig.skeleton, motion.times, motion.root_positions, motion.rotations[:, order])


def places(motion: Motion) -> dict[str, np.ndarray]:
    positions = fk(motion.skeleton, motion.root_positions, motion.rotations)[0]
    return {name: positions[:, j] for j, name in enumerate(motion.skeleton.names)}


def places_in_document(motion: Motion, rig: Rig) -> np.ndarray:
    """Return the joints' positions (F, J, 3) in the document's own world."""
    positions = fk(motion.skeleton, motion.root_positions, motion.rotations)[0]
    return R.apply(R.conjugate(rig.turn), positions) / rig.unit


def some_motion(rig: Rig, seed: int = 0, frames: int = 30, speed: float = 2.0) -> Motion:
    """Return a motion in which each bone of the rig turns on a slow sine about its own axis."""
    rng = np.random.default_rng(seed)
    times = np.arange(frames) / 30.0
    rotations = np.tile(rig.skeleton.rest_rotations, (frames, 1, 1))
    for bone in rig.bones:
        axis = 1.2 * R.normalize(rng.normal(size=3))
        turn = R.from_rotation_vector(axis * np.sin(speed * times + rng.uniform(0, 6))[:, None])
        rotations[:, rig.index(bone)] = R.multiply(rotations[:, rig.index(bone)], turn)
    root = rng.normal(size=3) + np.stack([np.sin(times), 0.3 * np.cos(times), times], axis=1)
    return Motion(rig.skeleton, times, root, rotations)


def rig_of(source: bytes, folder: Path = Path()) -> Rig:
    """Return the rig of a document whose nodes have the bones' names."""
    tree = tree_of(source, folder)
    return make_rig(
        tree,
        {b: Found(tree.names.index(b), "map", 1.0) for b in BONES if b in tree.names},
        "made",
        source,
    )


def with_source(rig: Rig, source: bytes) -> Rig:
    return replace(rig, source=source)


def tiny_document(
    skeleton: Skeleton = HUMANOID, above: tuple[dict[str, Any], ...] = (), unit: float = 1.0
) -> dict[str, Any]:
    """Return bare joints below the nodes `above`, which set the metres of one of their units."""
    nodes: list[dict[str, Any]] = [
        {**node, "name": f"above{i}", "children": [i + 1]} for i, node in enumerate(above)
    ]
    for joint, name in enumerate(skeleton.names):
        node = {
            "name": name,
            "translation": (skeleton.offsets[joint] / unit).tolist(),
            "rotation": skeleton.rest_rotations[joint].tolist(),
        }
        children = [c + len(above) for c in skeleton.children(joint)]
        nodes.append(node | ({"children": children} if children else {}))
    joints = list(range(len(above), len(nodes)))
    return {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": nodes,
        "skins": [{"joints": joints}],
    }


def tiny_rig(skeleton: Skeleton = HUMANOID, **extra: Any) -> bytes:
    return glb.join(tiny_document(skeleton) | extra, b"")


class Reader:
    """A document's last animation, read by the specification and SciPy, without mocap's reader."""

    def __init__(self, data: bytes) -> None:
        self.document, self.binary, _ = gltf.loads_document(data)
        nodes = self.document["nodes"]
        self.above = {c: i for i, n in enumerate(nodes) for c in n.get("children", [])}
        animation = self.document["animations"][-1]
        self.tracks = {}
        for channel in animation["channels"]:
            sampler = animation["samplers"][channel["sampler"]]
            values = [self._accessor(sampler[k]) for k in ("input", "output")]
            assert sampler["interpolation"] == "LINEAR"
            self.tracks[channel["target"]["node"], channel["target"]["path"]] = values

    def _accessor(self, index: int) -> np.ndarray:
        entry = self.document["accessors"][index]
        view = self.document["bufferViews"][entry["bufferView"]]
        buffer = self.document["buffers"][view["buffer"]]
        data = base64.b64decode(buffer["uri"].partition(",")[2]) if "uri" in buffer else self.binary
        width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[entry["type"]]
        start = view.get("byteOffset", 0) + entry.get("byteOffset", 0)
        return (
            np.frombuffer(data, "<f4", width * entry["count"], start)
            .reshape(-1, width)
            .astype(float)
        )

    def at(self, node: int, path: str, times: np.ndarray, default: Any) -> np.ndarray:
        """Return (F, n) of a node's translation, rotation or scale."""
        if (node, path) not in self.tracks:
            return np.tile(
                np.array(self.document["nodes"][node].get(path, default), dtype=float),
                (len(times), 1),
            )
        keys, values = self.tracks[node, path]
        times = np.clip(times, keys[0, 0], keys[-1, 0])
        if path == "rotation" and len(keys) > 1:
            return Slerp(keys[:, 0], Rotation.from_quat(values))(times).as_quat()
        return np.stack([np.interp(times, keys[:, 0], v) for v in values.T], axis=1)

    def world(self, node: int, times: np.ndarray) -> np.ndarray:
        """Return a node's world matrices (F, 4, 4)."""
        if node in self.worlds:
            return self.worlds[node]
        entry = self.document["nodes"][node]
        local = np.tile(np.eye(4), (len(times), 1, 1))
        if "matrix" in entry:
            assert not any((node, p) in self.tracks for p in TRS), "glTF forbids it"
            local[:] = np.array(entry["matrix"], dtype=float).reshape(4, 4).T
        else:
            turn = Rotation.from_quat(self.at(node, "rotation", times, [0, 0, 0, 1])).as_matrix()
            local[:, :3, :3] = turn * self.at(node, "scale", times, [1, 1, 1])[:, None]
            local[:, :3, 3] = self.at(node, "translation", times, [0, 0, 0])
        self.worlds[node] = (
            self.world(self.above[node], times) @ local if node in self.above else local
        )
        return self.worlds[node]

    def places(self, nodes: list[int], times: np.ndarray) -> np.ndarray:
        self.worlds: dict[int, np.ndarray] = {}
        return np.stack([self.world(n, times)[:, :3, 3] for n in nodes], axis=1)


def worst(motion: Motion, rig: Rig, data: bytes) -> float:
    """Return the largest distance of a mapped joint from the motion's, in the rig's metres."""
    nodes = gltf.nodes_of(glb.split(data)[0], rig)
    found = Reader(data).places(nodes, motion.times - motion.times[0])
    return float(np.abs(found - places_in_document(motion, rig)).max() * rig.unit)


def animated(data: bytes, *paths: str) -> set[str]:
    """Return the names of the nodes that the last animation moves."""
    document, _, _ = gltf.loads_document(data)
    targets = [c["target"] for c in document["animations"][-1]["channels"]]
    return {glb.node_names(document)[t["node"]] for t in targets if not paths or t["path"] in paths}


def every_rig(data: Path) -> list[Path]:
    found = []
    for path in sorted(p for p in (data / "rigs").rglob("*") if p.suffix in (".glb", ".vrm")):
        try:
            load_rig(path)
        except InputError:
            continue  # no humanoid, or none that could be recognised
        found.append(path)
    assert len(found) >= 12
    return found
