"""The direction a body faces, from its toes, knees and thumbs; hence which side is its left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core.rig import Tree
from mocap.rig.branches import unit

# Weights of the signs. Feet point forwards in any pose; knees bend forwards and elbows backwards
# but may be straight; a rest pose may turn the hands.
_FEET, _KNEES, _ELBOWS, _LEAN = 1.0, 0.6, 0.3, 0.1
# A joint this far off the straight line, as a share of the limb's length, is surely bent.
_BENT = 0.03
# The most other poses of a file that are considered.
_POSES = 16


class Facing(NamedTuple):
    """Unit vectors left and forward in the document's world, and the confidence, 0 to 1."""

    left: Float[ndarray, "3"]
    forward: Float[ndarray, "3"]
    sure: float


def facing(
    tree: Tree,
    positions: Float[ndarray, "nodes 3"],
    hips: int,
    pairs: Sequence[Sequence[dict[str, int]]],
    children: Sequence[Sequence[int]],
) -> Facing:
    """Return the direction a body faces.

    Args:
        tree: The document's nodes.
        positions: The nodes' positions in the document's world.
        hips: The hips' node.
        pairs: The two legs' and the two arms' bones (without side → node); sides in any order.
        children: The children of each node.
    """
    legs, arms = pairs
    weight, vote = 0.0, 0.0
    up, across = _axes(positions, hips, legs, arms)
    ahead = np.cross(across, up)
    poses = [
        positions,
        tree.positions,
        *(p.positions for p in tree.poses[:: max(1, len(tree.poses) // _POSES)]),
    ]
    for pose in poses:
        u, a = _axes(pose, hips, legs, arms)
        f = np.cross(a, u)
        if not np.all(np.isfinite(pose)) or np.linalg.norm(f) < 0.1:
            continue
        for part, word in _words(pose, legs, arms, f, children):
            vote += part * word
            weight += part * abs(word)
    sign = -1.0 if vote < 0 else 1.0
    sure = abs(vote) / weight if weight > 0 else 0.0
    return Facing(across * sign, ahead * sign, sure)


def _axes(
    p: Float[ndarray, "nodes 3"],
    hips: int,
    legs: Sequence[dict[str, int]],
    arms: Sequence[dict[str, int]],
) -> tuple[Float[ndarray, "3"], Float[ndarray, "3"]]:
    """Return the up direction, and the direction from the second limb of a pair to the first.

    The two are orthogonal.
    """
    thighs = np.array([p[leg["UpperLeg"]] for leg in legs])
    shoulders = np.array([p[arm["UpperArm"]] for arm in arms])
    up = unit(shoulders.mean(axis=0) - thighs.mean(axis=0))
    widths = [thighs[0] - thighs[1], shoulders[0] - shoulders[1]]
    if widths[0] @ widths[1] < 0:
        widths[1] = -widths[1]
    across = widths[0] + widths[1]
    return up, unit(across - (across @ up) * up)


def _words(
    p: Float[ndarray, "nodes 3"],
    legs: Sequence[dict[str, int]],
    arms: Sequence[dict[str, int]],
    f: Float[ndarray, "3"],
    children: Sequence[Sequence[int]],
) -> list[tuple[float, float]]:
    """Return (weight, sign) for each part: 1 forwards along f, −1 backwards."""
    said = []
    for leg in legs:
        if "Foot" in leg:
            ends = [leg["Toes"]] if "Toes" in leg else list(children[leg["Foot"]])
            if ends:
                foot = p[ends].mean(axis=0) - p[leg["Foot"]]
                shank = unit(p[leg["Foot"]] - p[leg["LowerLeg"]])
                flat = foot - (foot @ shank) * shank
                said.append((_FEET, float(unit(foot) @ f) if np.linalg.norm(flat) > 0 else 0.0))
            said.append((_KNEES, _bend(p, leg["UpperLeg"], leg["LowerLeg"], leg["Foot"], f)))
        elif "LowerLeg" in leg:
            said.append((_LEAN, _lean(p, leg["UpperLeg"], leg["LowerLeg"], f)))
    for arm in arms:
        if "Hand" in arm:
            said.append((_ELBOWS, -_bend(p, arm["UpperArm"], arm["LowerArm"], arm["Hand"], f)))
        elif "LowerArm" in arm:
            said.append((_LEAN, -_lean(p, arm["UpperArm"], arm["LowerArm"], f)))
    return said


def _bend(
    p: Float[ndarray, "nodes 3"], upper: int, middle: int, end: int, f: Float[ndarray, "3"]
) -> float:
    """Return how far the middle joint is forward of the line between the others, −1 to 1.

    The value saturates where the limb is surely bent.
    """
    line = p[end] - p[upper]
    length = float(np.linalg.norm(line))
    if length == 0:
        return 0.0
    off = p[middle] - p[upper]
    off = off - (off @ line) / length**2 * line
    return float(np.clip((off @ f) / length / _BENT, -1.0, 1.0))


def _lean(p: Float[ndarray, "nodes 3"], upper: int, lower: int, f: Float[ndarray, "3"]) -> float:
    """Return as `_bend` how far a limb without an end has its second joint forward."""
    line = p[lower] - p[upper]
    return float(np.clip((line @ f) / max(float(np.linalg.norm(line)), 1e-12) / _BENT, -1.0, 1.0))
