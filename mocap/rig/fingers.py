"""A hand's fingers by shape: the thumb by where it begins and points, the others by their order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from mocap.rig import names as N
from mocap.rig.branches import unit

# Which fingers a hand with fewer than five has: animators leave out the ring finger first.
_HAVE = {
    1: ("Index",),
    2: ("Index", "Middle"),
    3: ("Index", "Middle", "Little"),
    4: ("Index", "Middle", "Ring", "Little"),
}
# A first joint nearer to the wrist than this share of the second joint's distance is a metacarpal.
_NEAR_WRIST = 0.5


def phalanges(
    chain: list[int], wrist: Float[ndarray, "3"], positions: Float[ndarray, "nodes 3"]
) -> list[int]:
    """Return at most three bones of a finger.

    Of four, the metacarpal (which begins near the wrist) is left out, or else the end.

    Args:
        chain: The finger's nodes, from the hand.
        wrist: Position of the wrist.
        positions: Positions of the nodes.
    """
    if len(chain) <= 3:
        return chain
    near = np.linalg.norm(positions[chain[:2]] - wrist, axis=1)
    return chain[1:4] if near[0] < _NEAR_WRIST * near[1] else chain[:3]


def by_shape(
    parents: Int[ndarray, "nodes"],
    positions: Float[ndarray, "nodes 3"],
    children: Sequence[Sequence[int]],
    hand: int,
    forearm: int,
) -> dict[str, int]:
    """Find the fingers of a hand by its shape.

    Args:
        parents: −1 for roots.
        positions: Positions of the nodes.
        children: The children of each node.
        hand: The hand's node.
        forearm: The forearm's node.

    Returns:
        Bone (without side) to node; empty with fewer than three fingers or without a thumb.
    """
    wrist = positions[hand]
    # Where several palm bones begin at the wrist, the fingers branch from the forearm.
    branches = [c for c in children[forearm] if children[c]]
    if hand not in branches or len(branches) < 3:
        branches = [c for c in children[hand] if children[c]]
    chains = [_chain(positions, children, c) for c in branches]
    # Branches that begin together begin with a palm bone, or with the end of the bone before.
    begins = np.array([positions[c[0]] for c in chains]).reshape(-1, 3)
    size = max((float(np.linalg.norm(positions[c[-1]] - wrist)) for c in chains), default=0.0)
    together = [int(np.sum(np.linalg.norm(begins - b, axis=1) < 0.01 * size)) > 1 for b in begins]
    least = 2 if hand in branches else 3
    chains = [
        c[1:] if same and len(c) > least else c for c, same in zip(chains, together, strict=True)
    ]
    if not 3 <= len(chains) <= 5:
        return {}
    tips = np.array([positions[c[-1]] for c in chains])
    palm = unit(np.median(tips, axis=0) - wrist)
    reach = (tips - wrist) @ palm
    along = np.array([unit(positions[c[-1]] - positions[c[-2]]) @ palm for c in chains])
    scale = float(np.max(reach)) or 1.0
    thumb = int(np.argmin(reach / scale + 0.5 * along))
    rest = [i for i in range(len(chains)) if i != thumb]
    if len(rest) > 4 or reach[thumb] > 0.95 * np.median(reach[rest]):
        return {}
    knuckles = np.array([positions[phalanges(chains[i], wrist, positions)[0]] for i in rest])
    toward = positions[chains[thumb][-1]] - knuckles.mean(axis=0)
    spread = knuckles - knuckles.mean(axis=0)
    # The direction in which the knuckles stand side by side, towards the thumb.
    across = np.linalg.svd(spread - np.outer(spread @ palm, palm))[2][0]
    across = across if across @ (toward - (toward @ palm) * palm) > 0 else -across
    order = [rest[i] for i in np.argsort(-(spread @ across))]
    found = dict(zip(N.THUMB, chains[thumb][:3], strict=False))
    for finger, i in zip(_HAVE[len(order)], order, strict=True):
        parts = (finger + part for part in ("Proximal", "Intermediate", "Distal"))
        found |= dict(zip(parts, phalanges(chains[i], wrist, positions), strict=False))
    return found


def _chain(
    positions: Float[ndarray, "nodes 3"], children: Sequence[Sequence[int]], first: int
) -> list[int]:
    """Return a finger's nodes: at each branching the one with the longest way on."""
    chain = [first]
    while branches := children[chain[-1]]:
        here = positions[chain[-1]]
        chain.append(
            max(
                branches,
                key=lambda c: (len(children[c]) > 0, float(np.linalg.norm(positions[c] - here))),
            )
        )
    return chain
