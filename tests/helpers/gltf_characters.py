"""Characters as glTF documents, made for the tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mocap.core import rotation as R
from mocap.core.kinematics import fk
from mocap.core.skeleton import HUMANOID, Skeleton
from mocap.formats.gltf import glb

BONE_MAP = {bone: bone for bone in HUMANOID.names}


def character(
    skeleton: Skeleton = HUMANOID, posed: np.ndarray | None = None, **extra: Any
) -> tuple[glb.Document, bytes]:
    """Return a document of bare joints below a node "above", and its binary.

    The joints are bound in the skeleton's rest pose and rest at `posed` (J, 4).
    """
    count = len(skeleton.names)
    posed = skeleton.rest_rotations if posed is None else posed
    nodes: list[dict[str, Any]] = [{"name": "above", "children": [1]}]
    for joint, name in enumerate(skeleton.names):
        node = {
            "name": name,
            "translation": skeleton.offsets[joint].tolist(),
            "rotation": posed[joint].tolist(),
        }
        nodes.append(
            node
            | (
                {"children": [c + 1 for c in children]}
                if (children := skeleton.children(joint))
                else {}
            )
        )
    positions, rotations = fk(skeleton, skeleton.offsets[0], skeleton.rest_rotations)
    bind = np.tile(np.eye(4), (count, 1, 1))
    bind[:, :3, :3], bind[:, :3, 3] = R.to_matrix(rotations), positions
    data = np.linalg.inv(bind).transpose(0, 2, 1).astype("<f4").tobytes()
    document = {
        "asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": [0]}], "nodes": nodes,
        "skins": [{"joints": list(range(1, count + 1)), "inverseBindMatrices": 0}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": count, "type": "MAT4"}],
        "bufferViews": [{"buffer": 0, "byteOffset": 0, "byteLength": len(data)}],
        "buffers": [{"byteLength": len(data)}],
    }  # fmt: skip
    return document | extra, data


def written(
    folder: Path, document: glb.Document, binary: bytes = b"", name: str = "it.glb"
) -> Path:
    path = folder / name
    path.write_bytes(glb.join(document, binary))
    return path
