"""A GLB, glTF or VRM as a Tree: its nodes at rest, and the bind pose of its skins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core.rig import Kind, Tree
from mocap.core.skeleton import BONES
from mocap.errors import InputError
from mocap.formats import trees
from mocap.formats.character_tops import tops
from mocap.formats.gltf import glb
from mocap.formats.gltf.document import loads_document
from mocap.formats.gltf.embed import embedded

# VRM 0 names the thumb's bones like a finger's. Its first bone is the metacarpal in VRM 1, and in
# anatomy.
_VRM0_THUMB = {
    "ThumbProximal": "ThumbMetacarpal",
    "ThumbIntermediate": "ThumbProximal",
    "ThumbDistal": "ThumbDistal",
}
_VRM0 = {s + old: s + new for s in ("left", "right") for old, new in _VRM0_THUMB.items()}
# Largest movement of the hips since a skin was bound for its space to be determined: sine of the
# rotation, plus the displacement as a fraction of the body's size.
_MOVED = 0.8


def recognises(data: bytes) -> bool:
    """Return whether a file looks like a GLB or the JSON of a .gltf."""
    return data[:4] == b"glTF" or data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def tree_of(data: bytes, folder: Path, character: str | None = None) -> Tree:
    """Return the nodes of a GLB, glTF or VRM.

    Args:
        data: The file's bytes.
        folder: The folder of the other files of a .gltf.
        character: The name of one of `characters`, for its nodes alone; None for all nodes.

    Raises:
        InputError: The document, or a file that it refers to, is damaged or missing, or there is
            no such character.
    """
    document, binary = glb.split(embedded(data, folder))
    tree = _tree(document, binary, "glb" if data[:4] == b"glTF" else "gltf")
    if character is None:
        return tree
    names = glb.node_names(document)
    chosen = trees.named({names[node]: node for node in _tops(document)}, character)
    return trees.below(tree, int(np.flatnonzero(tree.nodes == chosen)[0]))


@glb.damage_named()
def characters(data: bytes) -> list[str]:
    """Return the names of the nodes above the characters' skeletons, if there are several.

    Skins belong to one character if they share joints or one hangs from the other's joints.
    """
    document = loads_document(data)[0]
    names = glb.node_names(document)
    tops = _tops(document)
    return [names[node] for node in tops] if len(tops) > 1 else []


def _tops(document: glb.Document) -> list[int]:
    """Return the highest node that is only above one character's joints, for each character."""
    if _humanoid(document):
        return []
    above = np.array(glb.node_parents(document))
    count = len(above)
    skins = [{_index(j, count) for j in skin["joints"]} for skin in document.get("skins", [])]
    return tops(skins, above)


@glb.damage_named()
def _tree(document: glb.Document, binary: bytes, kind: Kind) -> Tree:
    nodes = document.get("nodes", [])
    if not nodes:
        raise InputError("The file has no nodes, so there is no character in it.")
    above = np.array(glb.node_parents(document))
    order = _parents_first(document, above)
    place = np.empty(len(nodes), dtype=np.int64)
    place[order] = np.arange(len(nodes))
    parents = np.where(above[order] >= 0, place[above[order]], -1)
    names = glb.node_names(document)

    for n in order:
        _check_numbers(nodes[n], names[n])
    local, turned = glb.node_matrices([nodes[n] for n in order])
    worlds = np.empty((len(nodes), 4, 4))
    with np.errstate(all="ignore"):
        for i, (parent, matrix) in enumerate(zip(parents, local, strict=True)):
            worlds[i] = worlds[parent] @ matrix if parent >= 0 else matrix
    lost = np.flatnonzero(
        ~np.all(np.isfinite(worlds), axis=(1, 2)) | (np.abs(worlds).max(axis=(1, 2)) > trees.FAR)
    )
    if len(lost):
        raise InputError(
            f"The node {names[order[lost[0]]]!r} has no valid rest position: with its parents' "
            "transforms its coordinates are not finite or too large."
        )

    rotations = trees.rotations_of(worlds[:, :3, :3], parents, turned)
    bound = _bind_matrices(document, binary, worlds, parents, place)
    joints = np.zeros(len(nodes), dtype=bool)
    joints[list(bound)] = True
    declared = {
        bone: int(place[_index(node, len(nodes))])
        for bone, node in _humanoid(document).items()
        if bone in BONES
    }
    tree_names = tuple(names[n] for n in order)
    kind = "vrm" if {"VRM", "VRMC_vrm"} & set(document.get("extensions", {})) else kind
    poses = trees.bind_pose(bound, parents, worlds, rotations)
    skinned = worlds[joints] if joints.any() else worlds
    mirrored = bool(np.mean(np.linalg.det(skinned[:, :3, :3]) < 0) > 0.5)
    return Tree(
        kind,
        tree_names,
        order,
        parents,
        worlds[:, :3, 3],
        rotations,
        joints,
        declared,
        poses,
        mirrored=mirrored,
    )


def _index(value: object, count: int) -> int:
    if not isinstance(value, int) or not 0 <= value < count:
        raise InputError(
            f"The file is damaged: it refers to node {value!r}, and there are {count}."
        )
    return value


def _parents_first(document: glb.Document, above: ndarray) -> ndarray:
    """Return the nodes depth first, in the document's order."""
    order: list[int] = []
    stack = [int(n) for n in np.flatnonzero(above < 0)[::-1]]
    while stack:
        node = stack.pop()
        order.append(node)
        stack += reversed(document["nodes"][node].get("children", []))
    return np.array(order)


def _check_numbers(node: glb.Document, name: str) -> None:
    """Raise InputError unless a node's transform is finite numbers within trees.FAR."""
    sizes = {"matrix": 16, "translation": 3, "rotation": 4, "scale": 3}
    for key, size in sizes.items():
        if key in node:
            values = np.array(node[key], dtype=np.float64)
            if (
                values.shape != (size,)
                or not np.all(np.abs(values) < trees.FAR)
                or (key == "rotation" and not values.any())
            ):
                raise InputError(
                    f"Node {name!r} is damaged: its {key} must be {size} finite numbers within "
                    f"{trees.FAR:g}, but is {str(node[key])[:80]}."
                )


def _humanoid(document: glb.Document) -> dict[str, object]:
    """Return bone → node, as a VRM 1.0 or 0.x or a VRM animation declares it."""
    extensions = document.get("extensions", {})
    for name in ("VRMC_vrm", "VRMC_vrm_animation"):
        bones = extensions.get(name, {}).get("humanoid", {}).get("humanBones", {})
        if bones:
            return {bone: entry["node"] for bone, entry in bones.items()}
    listed = extensions.get("VRM", {}).get("humanoid", {}).get("humanBones", [])
    return {
        _VRM0.get(entry["bone"], entry["bone"]): entry["node"]
        for entry in listed
        if entry.get("node", -1) != -1
    }


def _bind_matrices(
    document: glb.Document,
    binary: bytes,
    worlds: Float[ndarray, "nodes 4 4"],
    parents: ndarray,
    place: ndarray,
) -> dict[int, Float[ndarray, "4 4"] | None]:
    """Return each joint's world matrix in the bind pose; None where its skin has no bind matrix.

    Args:
        document: The document.
        binary: Its binary chunk.
        worlds: World matrices at rest, in the tree's order.
        parents: Parents in the tree's order.
        place: Node to index in the tree's order.

    Returns:
        Index to matrix, in the document's world.
    """
    bound: dict[int, ndarray | None] = {}
    for number, skin in enumerate(document.get("skins", [])):
        joints = [int(place[_index(j, len(place))]) for j in skin["joints"]]
        bound |= {j: None for j in joints if j not in bound}
        if "inverseBindMatrices" not in skin or not joints:
            continue
        inverse = glb.accessor(document, binary, skin["inverseBindMatrices"])
        if inverse.ndim != 2 or inverse.shape[1] != 16 or len(inverse) < len(joints):
            raise InputError(
                f"The file is damaged: skin {number} has {len(joints)} joints, but no bind matrix "
                "for some of them."
            )
        inverse = inverse[: len(joints)].reshape(-1, 4, 4).transpose(0, 2, 1)
        fine = np.all(np.isfinite(inverse), axis=(1, 2)) & (
            np.abs(inverse).max(axis=(1, 2)) < trees.FAR
        )
        fine[fine] &= np.abs(np.linalg.det(inverse[fine])) > 1e-18
        at, inverse = np.array(joints)[fine], inverse[fine]
        if len(at):
            first = np.argsort(at, kind="stable")
            at, inverse = at[first], inverse[first]
            meshes = [
                int(place[n])
                for n, node in enumerate(document["nodes"])
                if node.get("skin") == number
            ]
            above = [int(p) for p in parents[at[:1]] if p >= 0]
            with np.errstate(all="ignore"):
                matrices = np.linalg.inv(inverse)
                space = _bind_space(
                    worlds[at] @ inverse,
                    matrices,
                    np.concatenate([np.eye(4)[None], worlds[meshes[:4] + above]]),
                )
                matrices = space @ matrices
            bound |= {
                int(j): m
                for j, m in zip(at, matrices, strict=True)
                if bound[int(j)] is None and np.all(np.abs(m) < trees.FAR)
            }
    return bound


def _bind_space(
    moved: Float[ndarray, "n 4 4"], bound: Float[ndarray, "n 4 4"], usual: Float[ndarray, "m 4 4"]
) -> Float[ndarray, "4 4"]:
    """Return the matrix from the space in which a skin was bound to the document's world.

    The file does not contain it. If the topmost joint has not moved since, its `moved` is that
    matrix. If the topmost joint is the hips, and posed, the matrix is that of the usual space in
    which the hips have moved least.

    Args:
        moved: How each joint has moved its vertices since the skin was bound, the topmost first.
        bound: The joints' matrices in the skin's space.
        usual: Matrices of the usual spaces: the world's, the mesh's, that above the joints.
    """
    size = max(float(np.abs(moved[0, :3, :3]).max()), 1e-30)
    spread = max(size * float(np.ptp(bound[:, :3, 3], axis=0).max()), 1e-12)
    shifts = np.linalg.norm((usual - moved[0]) @ bound[0, :, 3], axis=1) / spread
    away = np.abs(usual[:, :3, :3] - moved[0, :3, :3]).max(axis=(1, 2)) / size + shifts
    return usual[np.argmin(away)] if away.min() < _MOVED else moved[0]
