"""Reasons to doubt a bone map: proportions of no body, and names against shape."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap.core.rig import Found, Tree
from mocap.core.skeleton import mirrored_name

# Upper arm to forearm and thigh to shank are 1.1 to 1.3 in people (Winter, Biomechanics and Motor
# Control, fig. 4.1); drawn characters stay within this range. A map that is one joint off leaves
# it: a clavicle is 0.4 to 0.6 of an upper arm.
_HALVES = (0.62, 1.9)
# Left and right bones of one body differ by less than this share.
_SIDES = 0.35
# The factor for the confidence of a bone for each doubt about it.
_FACTOR = 0.6
SHAPE = 0.5
"""Confidence of a bone by shape above which it may contradict a name."""
_LIMBS = (("UpperArm", "LowerArm", "Hand"), ("UpperLeg", "LowerLeg", "Foot"))


def proportions(tree: Tree, found: dict[str, Found]) -> dict[str, tuple[str, ...]]:
    """Return sentences about limbs whose lengths fit no body, each with the bones it concerns.

    Args:
        tree: The document's nodes.
        found: Bone → node.
    """
    doubts: dict[str, tuple[str, ...]] = {}

    def length(a: str, b: str) -> float | None:
        if not {a, b} <= found.keys():
            return None
        return float(np.linalg.norm(np.subtract(*(tree.positions[found[x].node] for x in (a, b)))))

    for upper, lower, end in _LIMBS:
        halves = {}
        for side in ("left", "right"):
            whole = [length(side + upper, side + lower), length(side + lower, side + end)]
            if None in whole or not all(whole):
                continue
            above, below = (float(x or 0.0) for x in whole)
            halves[side] = (above, below)
            if not _HALVES[0] < above / below < _HALVES[1]:
                doubts[
                    f"{side}{upper} is {above / below:.2g} times as long as {side}{lower}, "
                    "unlike a human body; the names may be one joint off."
                ] = (side + upper, side + lower, side + end)
        if len(halves) == 2:
            for i, bone in enumerate((upper, lower)):
                left, right = (halves[s][i] for s in ("left", "right"))
                if abs(left - right) > _SIDES * max(left, right):
                    doubts[
                        f"left{bone} and right{bone} differ in length: {left:.3g}, {right:.3g}."
                    ] = (
                        f"left{bone}",
                        f"right{bone}",
                    )
    return doubts


def less_sure(tree: Tree, found: dict[str, Found]) -> dict[str, Found]:
    """Return the bones with a lower confidence for each doubt about their proportions."""
    factor = dict.fromkeys(found, 1.0)
    for bones in proportions(tree, found).values():
        for bone in bones:
            factor[bone] *= _FACTOR
    return {
        bone: f if factor[bone] == 1.0 else replace(f, sure=round(f.sure * factor[bone], 3))
        for bone, f in found.items()
    }


def against_shape(tree: Tree, found: dict[str, Found], shaped: dict[str, Found]) -> list[str]:
    """Return sentences about required bones that the skeleton's shape says are other nodes.

    Args:
        tree: The document's nodes.
        found: The bone map.
        shaped: The bones by shape alone.
    """
    bone_of = {f.node: b for b, f in shaped.items()}
    sided = [
        b for b, f in found.items() if mirrored_name(b) != b
        and bone_of.get(f.node) == mirrored_name(b) and shaped[bone_of[f.node]].sure > SHAPE
    ]  # fmt: skip
    said = []
    if len(sided) > 4:
        said.append(
            "Left and right are exchanged: by the way that knees and feet point, the bones named "
            "left are on the body's right."
        )
    head = shaped.get("head")
    if "head" not in found and head is not None and head.sure > SHAPE:
        named = [bone for bone, f in found.items() if f.node == head.node]
        said += [f"By the shape, head is {tree.names[head.node]!r}, which is named as {bone}; the "
                 "names may be one joint off." for bone in named]  # fmt: skip
    for bone in (s + b for limb in _LIMBS for b in limb for s in ("left", "right")):
        if bone not in found or bone in sided or bone not in shaped:
            continue
        node = found[bone].node
        if shaped[bone].node != node and shaped[bone].sure > SHAPE:
            other = f" (that is {bone_of[node]})" if node in bone_of else ""
            said.append(
                f"By the shape, {bone} is {tree.names[shaped[bone].node]!r} and not "
                f"{tree.names[node]!r}{other}."
            )
    return said
