"""Which skins of a glTF or FBX file belong to one character, and where each character begins.

All passes are linear in the nodes and joints: a file may have chains of thousands of nodes.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy import ndarray

# Least joints of a character; skins with fewer are props or strands of hair.
_BODY = 6


def tops(skins: Iterable[set[int]], above: ndarray) -> list[int]:
    """Return the highest node that is only above one character's joints, for each character.

    Skins belong to one character if they share joints or one hangs from the other's joints.

    Args:
        skins: The joints of each skin.
        above: (N,) each node's parent, −1 for roots.
    """
    parents = [int(parent) for parent in above]
    forest = _Forest(parents)
    groups = [g for g in _groups(list(skins), forest) if len(g) >= _BODY]
    # How many nodes of characters are at or below each node.
    count = [0] * len(parents)
    for node in (n for group in groups for n in group):
        count[node] += 1
    for node in reversed(forest.order):
        if parents[node] >= 0:
            count[parents[node]] += count[node]
    found = []
    for group in groups:
        node = forest.common(group)
        if node < 0 or count[node] != len(group):
            continue
        while parents[node] >= 0 and count[parents[node]] == len(group):
            node = parents[node]
        found.append(node)
    return sorted(found)


class _Forest:
    """Trees by their parents, numbered so that a node's descendants follow it.

    Attributes:
        parents: Each node's parent, −1 for roots.
        order: The nodes, parents first and subtrees together.
        first: Each node's place in `order`.
        end: The place after the last of its descendants.
    """

    def __init__(self, parents: list[int]) -> None:
        self.parents = parents
        children: list[list[int]] = [[] for _ in parents]
        for node, parent in enumerate(parents):
            if parent >= 0:
                children[parent].append(node)
        self.order: list[int] = []
        waiting = [node for node, parent in enumerate(parents) if parent < 0][::-1]
        while waiting:
            node = waiting.pop()
            self.order.append(node)
            waiting.extend(children[node][::-1])
        self.first = [0] * len(parents)
        for place, node in enumerate(self.order):
            self.first[node] = place
        self.end = [place + 1 for place in self.first]
        for node in reversed(self.order):
            if parents[node] >= 0:
                self.end[parents[node]] = max(self.end[parents[node]], self.end[node])

    def common(self, nodes: list[int]) -> int:
        """Return the lowest node that is at or above all of these; −1 if they share no root."""
        places = [self.first[node] for node in nodes]
        low, high = min(places), max(places)
        node = self.order[low]
        while node >= 0 and self.end[node] <= high:
            node = self.parents[node]
        return node

    def highest(self, joints: Iterable[int]) -> list[tuple[int, int]]:
        """Return each joint with the highest of these joints that is at or above it."""
        found, top = [], -1
        for joint in sorted(joints, key=self.first.__getitem__):
            if top < 0 or self.first[joint] >= self.end[top]:
                top = joint
            found.append((joint, top))
        return found


def _groups(skins: list[set[int]], forest: _Forest) -> list[list[int]]:
    """Return the nodes of each character: joints, and the nodes between joints of one skin."""
    count = len(forest.parents)
    climbed, character = _Sets(count), _Sets(count)
    touched = np.zeros(count, dtype=bool)
    for joints in skins:
        for joint, top in forest.highest(joints):
            node = climbed.find(joint)
            # `climbed` names each set by its highest node, so that no node is passed twice.
            while forest.first[node] > forest.first[top]:
                touched[node] = True
                parent = forest.parents[node]
                character.join(parent, node)
                climbed.join(parent, node)
                node = climbed.find(node)
            touched[[joint, top]] = True
            character.join(top, joint)
        character.join_all(joints)
    groups: dict[int, list[int]] = {}
    for node in np.flatnonzero(touched).tolist():
        groups.setdefault(character.find(node), []).append(node)
    return list(groups.values())


class _Sets:
    """Disjoint sets of nodes (union-find with path halving)."""

    def __init__(self, count: int) -> None:
        self._name = list(range(count))

    def find(self, node: int) -> int:
        """Return the name of a node's set."""
        name = self._name
        while name[node] != node:
            name[node] = name[name[node]]
            node = name[node]
        return node

    def join(self, a: int, b: int) -> None:
        """Join two nodes' sets under the name of the first one's."""
        self._name[self.find(b)] = self.find(a)

    def join_all(self, nodes: Iterable[int]) -> None:
        """Join the sets of several nodes."""
        first, *others = list(nodes) or [0]
        for other in others:
            self.join(first, other)
