"""Any glTF character as a VRM 1.0, so that VRM applications can pose it by the names of its bones.

VRM 1.0 requires of a humanoid (https://github.com/vrm-c/vrm-specification, VRMC_vrm-1.0,
humanoid.md and tpose.md): fifteen named bones or more, a T-pose at rest, facing +Z. Nodes are
rotated to that pose; skins, materials and everything else are kept.
"""

from __future__ import annotations

import numpy as np

from mocap.core import rotation as R
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.core.skeleton import BONE_PARENTS, REQUIRED
from mocap.errors import InputError
from mocap.formats.gltf import glb
from mocap.formats.gltf.document import loads_document, nodes_of, without_matrices
from mocap.formats.gltf.node_tracks import node_tracks


@glb.damage_named()
def as_vrm(rig: Rig) -> bytes:
    """Return the rig's GLB as a VRM 1.0 that rests in T-pose and faces +Z.

    VRM extensions that it has already (expressions, springs) are kept. Missing required bones are
    added as empty nodes. A VRM 0 is returned unchanged, because readers support it.

    Args:
        rig: A character of a GLB, VRM or glTF file.

    Raises:
        InputError: The rig is a BVH or FBX file.
    """
    if rig.kind in ("bvh", "fbx"):
        what = "a skeleton without a body" if rig.kind == "bvh" else "which the page cannot show"
        raise InputError(
            f"{rig.name} is a {rig.kind.upper()} file, {what}: give a GLB or VRM as the character."
        )
    document, binary, _ = loads_document(rig.source)
    extensions = dict(document.get("extensions", {}))
    if "VRM" in extensions:
        return rig.source
    t_pose = Motion(rig.skeleton, np.zeros(1), rig.skeleton.offsets[:1], rig.t_pose[None])
    nodes = nodes_of(document, rig)
    document = _resting(document, t_pose, rig, nodes)
    humanoid = {bone: nodes[rig.index(bone)] for bone in rig.bones}
    _hang(document, rig, nodes)
    places = _places(t_pose, rig)
    for bone in REQUIRED:
        if bone not in humanoid:
            humanoid[bone] = _stand_in(document, bone, humanoid, places)
    _face_ahead(document, rig)
    described = {
        "specVersion": "1.0",
        "meta": {
            "name": rig.name,
            "authors": ["unknown"],
            "licenseUrl": "https://vrm.dev/licenses/1.0/",
        },
    }
    described |= extensions.get("VRMC_vrm", {})
    described["humanoid"] = {
        "humanBones": {bone: {"node": node} for bone, node in humanoid.items()}
    }
    document["extensions"] = extensions | {"VRMC_vrm": described}
    document["extensionsUsed"] = sorted({*document.get("extensionsUsed", []), "VRMC_vrm"})
    return glb.join(document, binary)


def _resting(document: glb.Document, pose: Motion, rig: Rig, nodes: list[int]) -> glb.Document:
    """Return the document with its nodes at rest in the pose.

    Animations are removed, because they are relative to the old rest.
    """
    tracks = node_tracks(pose, rig, document, nodes, all_keys=True)
    document = without_matrices(document, {t.node for t in tracks})
    resting = document["nodes"] = list(document["nodes"])
    for track in tracks:
        resting[track.node] = {**resting[track.node], track.path: track.values[0].tolist()}
    return {key: value for key, value in document.items() if key != "animations"}


def _hang(document: glb.Document, rig: Rig, nodes: list[int]) -> None:
    """Give each joint's node the parent that the rig's skeleton has; changes the document.

    The parents differ, for example, for a foot that inverse kinematics moves.
    """
    above = glb.node_parents(document)
    for joint, node in enumerate(nodes[1:], 1):
        parent, at = nodes[rig.skeleton.parents[joint]], above[node]
        while at >= 0 and at not in nodes:
            at = above[at]
        if at == parent:
            continue
        local = np.linalg.solve(_world(document, parent), _world(document, node))
        kept = {
            k: v
            for k, v in document["nodes"][node].items()
            if k not in ("translation", "rotation", "scale")
        }
        place, turn, scale = glb.node_pose({"matrix": local.T.ravel().tolist()})
        document["nodes"][node] = kept | {
            "translation": place.tolist(),
            "rotation": turn.tolist(),
            "scale": scale.tolist(),
        }
        if above[node] >= 0:
            siblings = [n for n in document["nodes"][above[node]]["children"] if n != node]
            document["nodes"][above[node]] = {
                **document["nodes"][above[node]],
                "children": siblings,
            }
            if not siblings:
                del document["nodes"][above[node]]["children"]
        else:
            document["scenes"] = [
                {**scene, "nodes": [n for n in scene.get("nodes", []) if n != node]}
                for scene in document["scenes"]
            ]
        _adopt(document, parent, node)
        above = glb.node_parents(document)


def _places(t_pose: Motion, rig: Rig) -> dict[str, np.ndarray]:
    """Return bone → position in T-pose, in the document's world."""
    positions, _ = fk(t_pose.skeleton, t_pose.root_positions, t_pose.rotations)
    places = R.apply(R.conjugate(rig.turn), positions[0]) / rig.unit
    return {bone: places[rig.index(bone)] for bone in rig.bones}


def _stand_in(
    document: glb.Document, bone: str, humanoid: dict[str, int], places: dict[str, np.ndarray]
) -> int:
    """Add an empty node for a missing bone below the bone before it, and return its index.

    The node continues the direction and length from that bone's parent to that bone.
    """
    before = BONE_PARENTS[bone]
    while before not in humanoid:
        before = BONE_PARENTS[before] if before is not None else "hips"
    root = BONE_PARENTS[before]
    while root is not None and root not in places:
        root = BONE_PARENTS[root]
    places[bone] = places[before] + (places[before] - places[root] if root is not None else 0.0)
    world = _world(document, humanoid[before])
    place = np.linalg.solve(world[:3, :3], places[bone] - world[:3, 3])
    document["nodes"] = [
        *document["nodes"],
        {"name": f"mocap {bone}", "translation": place.tolist()},
    ]
    _adopt(document, humanoid[before], len(document["nodes"]) - 1)
    return len(document["nodes"]) - 1


def _adopt(document: glb.Document, parent: int, child: int) -> None:
    nodes = document["nodes"] = list(document["nodes"])
    nodes[parent] = {**nodes[parent], "children": [*nodes[parent].get("children", []), child]}


def _world(document: glb.Document, node: int) -> np.ndarray:
    """Return the matrix (4, 4) from the node's frame to the document's world."""
    parents = glb.node_parents(document)
    matrix = glb.node_matrix(document["nodes"][node])
    while (node := parents[node]) >= 0:
        matrix = glb.node_matrix(document["nodes"][node]) @ matrix
    return matrix


def _face_ahead(document: glb.Document, rig: Rig) -> None:
    """Rotate each scene so that the character faces +Z, by a new node above its other nodes."""
    if np.isclose(abs(rig.turn[3]), 1.0):
        return
    scenes = []
    for scene in document.get("scenes", []):
        turned = {
            "name": "mocap facing +Z",
            "rotation": rig.turn.tolist(),
            "children": scene.get("nodes", []),
        }
        document["nodes"] = [*document["nodes"], turned]
        scenes.append({**scene, "nodes": [len(document["nodes"]) - 1]})
    document["scenes"] = scenes
