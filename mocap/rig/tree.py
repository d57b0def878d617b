"""Walks over a Tree without recursion, so that hierarchies of any depth are safe."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Int
from numpy import ndarray


def children(parents: Int[ndarray, "nodes"]) -> list[list[int]]:
    """Return each node's children, in document order."""
    found: list[list[int]] = [[] for _ in parents]
    for node, parent in enumerate(parents.tolist()):
        if parent >= 0:
            found[parent].append(node)
    return found


def path(parents: Int[ndarray, "nodes"], node: int) -> list[int]:
    """Return the nodes from the root down to this one, which is last."""
    found = [node]
    while (node := int(parents[node])) >= 0:
        found.append(node)
    return found[::-1]


def fork(parents: Int[ndarray, "nodes"], nodes: Iterable[int]) -> int | None:
    """Return the lowest node that is above all of these or one of them; None if there is none."""
    paths = [path(parents, n) for n in nodes]
    common = None
    for level in zip(*paths, strict=False):
        if len(set(level)) > 1:
            break
        common = level[0]
    return common


def below(parents: Int[ndarray, "nodes"], top: int) -> list[int]:
    """Return the node and all its descendants, parents before children."""
    inside = np.zeros(len(parents), dtype=bool)
    inside[top] = True
    for node in range(top + 1, len(parents)):
        parent = parents[node]
        inside[node] = parent >= 0 and inside[parent]
    return [int(n) for n in np.flatnonzero(inside)]


def between(parents: Int[ndarray, "nodes"], top: int, node: int) -> list[int]:
    """Return the path from one node to another below it.

    Args:
        parents: −1 for roots.
        top: The upper node, which is not in the path.
        node: The lower node, which is.

    Returns:
        The nodes; empty if the lower one is not below the upper one.
    """
    whole = path(parents, node)
    return whole[whole.index(top) + 1 :] if top in whole else []


def best_chain(parents: Int[ndarray, "nodes"], gains: Sequence[dict[int, float]]) -> dict[int, int]:
    """Return the downward path on which the most links lie in order, as link → node.

    Links may be missing and nodes may lie between. Of equal paths the one with the highest nodes
    wins.
    Dynamic programming over the tree: state k after a node is the best gain of a path from the root
    whose last link is below k.

    Args:
        parents: Each node's parent, −1 for roots.
        gains: For each link of the chain, node → gain (positive) as that link.
    """
    count = len(gains)
    nothing = [0.0] * (count + 1)
    worth: list[list[float]] = []
    taken: list[dict[int, int]] = []
    wanted = set().union(*gains) if gains else set()
    best = (0.0, -1)
    for node, parent in enumerate(parents.tolist()):
        before = worth[parent] if parent >= 0 else nothing
        here: dict[int, int] = {}
        if node in wanted:
            now = list(before)
            for link, gain in enumerate(gains):
                if node in gain:
                    state = max(range(link + 1), key=before.__getitem__)
                    if before[state] + gain[node] > now[link + 1] + 1e-9:
                        now[link + 1] = before[state] + gain[node]
                        here[link + 1] = state
            before = now
            if max(now) > best[0] + 1e-9:
                best = max(now), node
        worth.append(before)
        taken.append(here)
    chain: dict[int, int] = {}
    node = best[1]
    if node < 0:
        return chain
    state = max(range(count + 1), key=worth[node].__getitem__)
    while node >= 0 and state > 0:
        if state in taken[node]:
            chain[state - 1] = node
            state = taken[node][state]
        node = int(parents[node])
    return chain
