"""A GLB, glTF or VRM as a Tree: its nodes at rest, and the pose in which its skins were bound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core.rig import Kind, Tree
from mocap.core.skeleton import BONES
from mocap.errors import InputError
from mocap.formats import trees
from mocap.formats.gltf import glb
from mocap.formats.gltf.document import loads_document
from mocap.formats.gltf.embed import embedded

# VRM 0 counts the thumb's bones as a finger's; the first of them is what VRM 1 (and anatomy) calls
# the metacarpal.
_VRM0_THUMB = {
    "ThumbProximal": "ThumbMetacarpal",
    "ThumbIntermediate": "ThumbProximal",
    "ThumbDistal": "ThumbDistal",
}
_VRM0 = {s + old: s + new for s in ("left", "right") for old, new in _VRM0_THUMB.items()}
# How far hips may have moved since a skin was bound for its space to be determined: sine of the
# turn, plus shares of the body's size.
_MOVED = 0.8
# Coordinates beyond this (in any unit) are those of a damaged file; their squares would overflow.
_FAR = 1e12


def recognises(data: bytes) -> bool:
    """Whether bytes look like a GLB or the JSON of a .gltf."""
    return data[:4] == b"glTF" or data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def tree_of(data: bytes, folder: Path, character: str | None = None) -> Tree:
    """Returns the nodes of a GLB, glTF or VRM.

    Args:
        data: The file's bytes.
        folder: Where the other files of a .gltf are.
        character: The name of one of `characters`, for its nodes alone.

    Raises:
        InputError: If the document or a file that it names is damaged or missing, or there is no
            such character.
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
    """Returns the names of the nodes above each character's skeleton, if there are several.

    Skins are of one character if they share joints or hang from each other's.
    """
    document = loads_document(data)[0]
    names = glb.node_names(document)
    tops = _tops(document)
    return [names[node] for node in tops] if len(tops) > 1 else []


def _tops(document: glb.Document) -> list[int]:
    """Returns, for each group of skins, the highest node that is above its joints alone."""
    if _humanoid(document):
        return []
    above = np.array(glb.node_parents(document))
    count = len(above)
    skins = [{_index(j, count) for j in skin["joints"]} for skin in document.get("skins", [])]
    return trees.tops(skins, above)


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

    local = [_local_matrix(nodes[n], names[n]) for n in order]
    worlds = np.empty((len(nodes), 4, 4))
    with np.errstate(all="ignore"):
        for i, (parent, matrix) in enumerate(zip(parents, local, strict=True)):
            worlds[i] = worlds[parent] @ matrix if parent >= 0 else matrix
    lost = np.flatnonzero(
        ~np.all(np.isfinite(worlds), axis=(1, 2)) | (np.abs(worlds).max(axis=(1, 2)) > _FAR)
    )
    if len(lost):
        raise InputError(
            f"The node {names[order[lost[0]]]!r} rests nowhere: with its parents' places and "
            f"scales its numbers are too large."
        )

    turned = [glb.node_pose(nodes[n])[1] for n in order]
    rotations = trees.rotations_of(worlds[:, :3, :3], parents, np.array(turned))
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
            f"The file is damaged: it speaks of node {value!r}, and there are {count}."
        )
    return value


def _parents_first(document: glb.Document, above: ndarray) -> ndarray:
    """The nodes depth first in the document's order."""
    order: list[int] = []
    stack = [int(n) for n in np.flatnonzero(above < 0)[::-1]]
    while stack:
        node = stack.pop()
        order.append(node)
        stack += reversed(document["nodes"][node].get("children", []))
    return np.array(order)


def _local_matrix(node: glb.Document, name: str) -> Float[ndarray, "4 4"]:
    sizes = {"matrix": 16, "translation": 3, "rotation": 4, "scale": 3}
    for key, size in sizes.items():
        if key in node:
            values = np.array(node[key], dtype=np.float64)
            if (
                values.shape != (size,)
                or not np.all(np.abs(values) < _FAR)
                or (key == "rotation" and not values.any())
            ):
                raise InputError(
                    f"Node {name!r} cannot be placed: its {key} must be {size} finite numbers, "
                    f"none wild, but is {str(node[key])[:80]}."
                )
    return glb.node_matrix(node)


def _humanoid(document: glb.Document) -> dict[str, object]:
    """bone → node, as a VRM 1.0 or 0.x or a VRM animation declares it."""
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
    """Return each joint's world matrix when its skin was bound; None where the skin does not say.

    The matrices are in the document's world.
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
                f"The file is damaged: skin {number} has {len(joints)} joints, but not a bind "
                f"matrix for each."
            )
        inverse = inverse[: len(joints)].reshape(-1, 4, 4).transpose(0, 2, 1)
        fine = np.all(np.isfinite(inverse), axis=(1, 2)) & (np.abs(inverse).max(axis=(1, 2)) < _FAR)
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
                if bound[int(j)] is None and np.all(np.abs(m) < _FAR)
            }
    return bound


def _bind_space(
    moved: Float[ndarray, "n 4 4"], bound: Float[ndarray, "n 4 4"], usual: Float[ndarray, "m 4 4"]
) -> Float[ndarray, "4 4"]:
    """The matrix from the space in which a skin was bound to the document's world.

    moved: what each joint has done to its vertices since, the topmost joint first; bound: the
    joints in the skin's space. Nothing in the file says it. Where the topmost joint stands as it
    was bound, what it did to its vertices is that matrix. Where hips are topmost, and posed, it is
    one of the usual spaces: the world's, the mesh's, the one above the joints; the one in which the
    hips have moved least.
    """
    size = max(float(np.abs(moved[0, :3, :3]).max()), 1e-30)
    spread = max(size * float(np.ptp(bound[:, :3, 3], axis=0).max()), 1e-12)
    shifts = np.linalg.norm((usual - moved[0]) @ bound[0, :, 3], axis=1) / spread
    away = np.abs(usual[:, :3, :3] - moved[0, :3, :3]).max(axis=(1, 2)) / size + shifts
    return usual[np.argmin(away)] if away.min() < _MOVED else moved[0]
