"""Several motions in one glTF document: a copy of the character for each, and one animation.

Copies share meshes, materials and textures; each has its own nodes and skins below a node that
scales it to its performer. VRM's extensions, of which a file can have only one set, and the
character's own animations are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.errors import InputError
from mocap.formats.gltf import glb
from mocap.formats.gltf.document import (
    loads_document,
    nodes_of,
    without_matrices,
)
from mocap.formats.gltf.node_tracks import morph_tracks, node_tracks
from mocap.formats.gltf.tracks import Track, append
from mocap.formats.on_rig import check_skeleton

# Extensions that refer to nodes, or to the only character of a file.
_OF_ONE = (
    "VRM", "VRMC_vrm", "VRMC_vrm_animation", "VRMC_springBone", "VRMC_node_constraint",
    "VRMC_springBone_extended_collider",
)  # fmt: skip
# Properties of the scene, not of the character: only the first copy keeps them.
_OF_SCENE = ("camera",)
_LIGHT = "KHR_lights_punctual"


@dataclass(frozen=True, eq=False, slots=True)
class Copy:
    """One performer on a copy of the character.

    Attributes:
        name: Name of the node above the copy.
        motion: On the rig's skeleton; all copies have the same times.
        scale: Ratio of the performer's size to the rig's; it applies to the path too.
    """

    name: str
    motion: Motion
    scale: float


@glb.damage_named()
def animate_all(
    copies: Sequence[Copy], rig: Rig, name: str = "mocap", all_keys: bool = False,
    ground: bool = False,
) -> tuple[bytes, int]:  # fmt: skip
    """Write a copy of the rig's character for each performer, and one animation that moves all.

    Args:
        copies: The performers, all with the same times.
        rig: A character of a glTF document.
        name: The animation's name.
        all_keys: Write a key for every frame.
        ground: As in `gltf.animate`.

    Returns:
        The content of the file, and the number of bytes that the reduction of keys saved.

    Raises:
        InputError: A motion is on another skeleton or has no frames, or the times differ.
    """
    times = copies[0].motion.times
    if any(not np.array_equal(c.motion.times, times) for c in copies) or not len(times):
        raise InputError(
            "Motions in one file need the same times, at least one; resample them first."
        )
    source, binary, is_glb = loads_document(rig.source)
    nodes = nodes_of(source, rig)
    count = len(source["nodes"])
    tracks: list[Track] = []
    for k, copy in enumerate(copies):
        check_skeleton(copy.motion, rig)
        own = node_tracks(copy.motion, rig, source, nodes, all_keys, ground)
        own += morph_tracks(copy.motion, source)
        tracks += [replace(track, node=track.node + k * count) for track in own]
    document = _copied(source, [(c.name, c.scale) for c in copies])
    moving = {t.node for t in tracks if t.path != "weights"}
    document = without_matrices(document, moving)
    document, binary, saved = append(document, binary, name, times, tracks, all_keys, chunk=is_glb)
    if is_glb:
        return glb.join(document, binary, glb.other_chunks(rig.source)), saved
    return glb.dumps_json(document, indent=2), saved


def _copied(source: glb.Document, copies: Sequence[tuple[str, float]]) -> glb.Document:
    """Return the document with a copy of its nodes and skins for each (name, scale)."""
    parents = glb.node_parents(source)
    scenes = source.get("scenes", [])
    shown = scenes[source.get("scene", 0)] if scenes else {}
    tops = shown.get("nodes", [n for n, parent in enumerate(parents) if parent < 0])
    # The joints place a skinned mesh; validators warn if it has a parent.
    outside = [n for n in tops if "skin" in source["nodes"][n] and not _children(source, n)]
    inside = [n for n in tops if n not in outside]
    count, skins = len(source["nodes"]), len(source.get("skins", []))
    nodes: list[glb.Document] = []
    bound: list[glb.Document] = []
    for k in range(len(copies)):
        nodes += [_node(n, k * count, k * skins, first=k == 0) for n in source["nodes"]]
        bound += [_skin(s, k * count) for s in source.get("skins", [])]
    roots = []
    for k, (name, scale) in enumerate(copies):
        roots += [len(nodes), *(n + k * count for n in outside)]
        nodes.append(
            {"name": name, "scale": [scale] * 3, "children": [n + k * count for n in inside]}
        )
    document = {**_without(source, _OF_ONE), "nodes": nodes}
    if bound:
        document["skins"] = bound
    document |= {"scenes": [{**shown, "nodes": roots}], "scene": 0}
    document.pop("animations", None)
    return document


def _children(document: glb.Document, node: int) -> list[int]:
    children: list[int] = document["nodes"][node].get("children", [])
    return children


def _node(node: glb.Document, shift: int, skins: int, first: bool) -> glb.Document:
    """Return a node whose references point into its copy."""
    out = _without(node, _OF_ONE if first else (*_OF_ONE, _LIGHT))
    if not first:
        out = {k: v for k, v in out.items() if k not in _OF_SCENE}
    if "children" in out:
        out["children"] = [n + shift for n in out["children"]]
    if "skin" in out:
        out["skin"] += skins
    return out


def _skin(skin: glb.Document, shift: int) -> glb.Document:
    out = {**skin, "joints": [n + shift for n in skin["joints"]]}
    if "skeleton" in out:
        out["skeleton"] += shift
    return out


def _without(part: glb.Document, names: Sequence[str]) -> dict[str, Any]:
    """Return a part of a document without some extensions, and without declarations of them."""
    out = dict(part)
    if "extensions" in out:
        out["extensions"] = {k: v for k, v in out["extensions"].items() if k not in names}
    for key in ("extensionsUsed", "extensionsRequired"):
        if key in out:
            out[key] = [name for name in out[key] if name not in names]
    for key in ("extensions", "extensionsUsed", "extensionsRequired"):
        if key in out and not out[key]:
            del out[key]
    return out
