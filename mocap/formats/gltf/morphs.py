"""The morph targets of a glTF document that expressions move.

An expression moves the targets of its own name or of a synonym, and those that the file's VRM
expressions bind to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.formats.expressions import by_plain_name, plain_name, without_presets
from mocap.formats.gltf import glb

_VRM0_PRESETS = {
    "a": "aa", "i": "ih", "u": "ou", "e": "ee", "o": "oh", "joy": "happy", "sorrow": "sad",
    "fun": "relaxed",
    "blink_l": "blinkLeft", "blink_r": "blinkRight", "lookup": "lookUp", "lookdown": "lookDown",
    "lookleft": "lookLeft",
    "lookright": "lookRight",
}  # fmt: skip
"""VRM 0's preset → VRM 1's, where they differ (VRMC_vrm-1.0, expressions.md)."""


def weights(
    document: glb.Document, expressions: Mapping[str, Float[ndarray, "frames"]]
) -> list[tuple[int, Float[ndarray, "frames targets"]]]:
    """Return the morph weights of the nodes whose targets expressions move.

    Names match by `plain_name`: "eyeBlink_L" is eyeBlinkLeft.

    Args:
        document: The document.
        expressions: Expression to its weights.

    Returns:
        (node, weights in [0, 1] of all targets of its mesh); targets that no expression moves stay
        at rest.
    """
    if not expressions:
        return []
    targets = {plain_name(t) for mesh in document.get("meshes", []) for t in _target_names(mesh)}
    expressions = without_presets(expressions, targets)
    by_name = by_plain_name(expressions)
    bound: dict[tuple[int, int], list[ndarray]] = {}
    for name, node, target, factor in _binds(document):
        if name in expressions:
            bound.setdefault((node, target), []).append(factor * expressions[name])
    out = []
    for node, entry in enumerate(document.get("nodes", [])):
        rest = at_rest(document, node)
        names = _target_names(document["meshes"][entry["mesh"]]) if "mesh" in entry else []
        table = np.tile(rest, (len(next(iter(expressions.values()))), 1))
        hit = False
        for target in range(len(rest)):
            # A name match has precedence over VRM's bindings.
            own = by_name.get(plain_name(names[target])) if target < len(names) else None
            parts = [own] if own is not None else bound.get((node, target), [])
            if parts:
                hit = True
                table[:, target] = np.clip(np.sum(parts, axis=0), 0.0, 1.0)
        if hit:
            out.append((node, table))
    return out


def at_rest(document: glb.Document, node: int) -> Float[ndarray, "targets"]:
    """Return the weights of a node's morph targets at rest; none for a node without a mesh."""
    entry = document["nodes"][node]
    mesh = document["meshes"][entry["mesh"]] if "mesh" in entry else {}
    count = len(mesh["primitives"][0].get("targets", [])) if mesh else 0
    return np.array(entry.get("weights") or mesh.get("weights") or [0.0] * count, dtype=np.float64)


def _target_names(mesh: Mapping[str, Any]) -> Sequence[Any]:
    extras = mesh.get("extras")
    names = extras.get("targetNames") if isinstance(extras, dict) else None
    return names if isinstance(names, list) else []


def _binds(document: glb.Document) -> Iterator[tuple[str, int, int, float]]:
    """Yield VRM's bindings: expression, node, morph target, and its weight at expression 1."""
    extensions = document.get("extensions", {})
    groups = extensions.get("VRMC_vrm", {}).get("expressions", {})
    for name, expression in {**groups.get("custom", {}), **groups.get("preset", {})}.items():
        for bind in expression.get("morphTargetBinds", []):
            yield name, bind["node"], bind["index"], bind.get("weight", 1.0)
    for group in extensions.get("VRM", {}).get("blendShapeMaster", {}).get("blendShapeGroups", []):
        preset = group.get("presetName", "unknown")
        name = group.get("name", "") if preset == "unknown" else _VRM0_PRESETS.get(preset, preset)
        for bind in group.get("binds", []):
            for node, entry in enumerate(document["nodes"]):
                if entry.get("mesh") == bind["mesh"]:
                    yield name, node, bind["index"], bind.get("weight", 100.0) / 100.0
