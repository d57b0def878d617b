"""Measures of a tree's branches, and the bones of limbs, feet and face found on them by length."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core.rig import Tree
from mocap.rig import tree as T

# The most nodes of a limb that are considered.
_LONG = 20
# Standard deviation of the logarithm of thigh to shank and upper arm to forearm length.
_RATIO = 0.3
# In a face with more nodes than this, eyes cannot be distinguished from lids and brows.
_FACE = 16


class Branches:
    """The branches of a tree in one of its poses, without leaves that coincide with their parents.

    Attributes:
        children: The children of each node.
        lengths: (N,) distance from the parent.
        reach: (N,) the longest path below the node, itself excluded.
        total: (N,) the sum of all lengths below the node.
        size: (N,) the number of nodes below the node.
    """

    def __init__(self, tree: Tree, positions: Float[ndarray, "nodes 3"]) -> None:
        self.tree = tree
        self.parents = tree.parents
        self.positions = np.where(np.isfinite(positions), positions, tree.positions)
        count = len(tree.names)
        keep = np.array(tree.joints) if np.any(tree.joints) else np.ones(count, dtype=bool)
        step = self.positions - self.positions[np.maximum(self.parents, 0)]
        self.lengths = np.where(self.parents >= 0, np.linalg.norm(step, axis=1), 0.0)
        # Leaves at their parents' positions (meshes, markers) have no shape.
        branches = T.children(self.parents)
        small = 1e-6 * float(np.ptp(self.positions, axis=0).max())
        for node in range(count - 1, -1, -1):
            keep[node] = any(keep[c] for c in branches[node]) or (
                keep[node] and (tree.joints[node] or self.lengths[node] > small)
            )
        self.children = [[c for c in row if keep[c]] for row in branches]
        self.reach = np.zeros(count)
        self.total = np.zeros(count)
        self.size = np.ones(count)
        for node in range(count - 1, -1, -1):
            for child in self.children[node]:
                self.reach[node] = max(self.reach[node], self.lengths[child] + self.reach[child])
                self.total[node] += self.lengths[child] + self.total[child]
                self.size[node] += self.size[child]
        self.longest = max(
            (float(self.reach[c]) for row in self.children for c in row), default=0.0
        )

    def tip(self, node: int) -> int:
        """Return the end of the longest path down from a node."""
        while self.children[node]:
            node = max(self.children[node], key=lambda c: self.reach[c] + self.lengths[c])
        return node

    def together(self, a: int, b: int, limb: int) -> bool:
        """Return whether two nodes coincide.

        Args:
            a: A node.
            b: Another node.
            limb: A node at the root of a limb, whose length is the scale.
        """
        return bool(np.linalg.norm(self.positions[a] - self.positions[b]) < 0.02 * self.reach[limb])

    def limb(self, first: int, hand: bool = False) -> dict[str, int]:
        """Return a leg's or an arm's bones along its longest path down, by their lengths."""
        names = (
            ("Shoulder", "UpperArm", "LowerArm", "Hand")
            if hand
            else ("", "UpperLeg", "LowerLeg", "Foot")
        )
        path, ends = self.way_down(first, hand)
        p = self.positions[path]
        top = self.positions[self.parents[first]]
        steps = np.linalg.norm(np.diff(p, axis=0), axis=1)
        total = float(steps.sum())
        best: tuple[float, tuple[int, int, int]] | None = None
        for k in ends:
            turn = 0.0
            if hand and len(self.children[path[k]]) > 1:
                turn = 0.5
            if not hand and k + 1 < len(path):
                turn = 1.0 - float(unit(p[k] - p[k - 1]) @ unit(p[k + 1] - p[k]))
            for j in range(1, k):
                for i in range(j):
                    upper, lower = (
                        float(np.linalg.norm(p[j] - p[i])),
                        float(np.linalg.norm(p[k] - p[j])),
                    )
                    if min(upper, lower) < 0.05 * total:
                        continue
                    score = (
                        3.0 * (upper + lower) / total
                        - min(2.0, 0.5 * (np.log(upper / lower) / _RATIO) ** 2)
                        + min(turn, 1.0)
                    )
                    score -= max(0.0, float(steps[:i].sum()) / upper - 0.8)
                    # A limb begins at its side, not in the middle from which the pair hangs.
                    score -= 2.0 if np.linalg.norm(p[i] - top) < 0.04 * total else 0.0
                    # Nodes within a bone are rare and lie on its line.
                    score -= sum(
                        0.5 + 8.0 * max(0.0, _off(p[a : b + 1]) - 0.03)
                        for a, b in ((i, j), (j, k))
                        for _ in range(a + 1, b)
                    )
                    if best is None or score > best[0] + 1e-9:
                        best = score, (i, j, k)
        if best is None:
            return dict(zip(names[1:], path, strict=False))
        i, j, k = best[1]
        found = {names[1]: path[i], names[2]: path[j], names[3]: path[k]}
        if hand and i:
            # A node that coincides with its sibling only marks the end of the bone before.
            real = [
                n
                for n in path[:i]
                if not any(
                    self.together(n, c, first) for c in self.children[self.parents[n]] if c != n
                )
            ]
            far = max(
                real or path[:i],
                key=lambda n: (round(float(np.linalg.norm(self.positions[n] - p[i])), 6), n),
            )
            found = {"Shoulder": far} | found
        if not hand:
            after = [c for c in self.children[path[k]] if self.lengths[c] > 0]
            if len(after) in (1, 2) and k + 1 < len(path):
                found["Toes"] = path[k + 1]
        return found

    def way_down(self, first: int, hand: bool) -> tuple[list[int], list[int]]:
        """Return the nodes of a limb, and the indices among them where its hand or foot may be."""
        path = [first]
        while self.children[path[-1]] and len(path) < _LONG:
            here = path[-1]
            branches = [c for c in self.children[here] if self.children[c]]
            far = 0.4 * (self.reach[first] + self.lengths[first])
            if hand and len(branches) >= 2 and len(path) > 2:
                if self.reach[here] < far:
                    return path, [len(path) - 1]
                # Of several palm bones that begin at one wrist, the middle one is the hand.
                wrist = max(
                    ([c for c in branches if self.together(b, c, first)] for b in branches), key=len
                )
                if len(wrist) >= 2 and self.reach[wrist[0]] < far:
                    ends = np.array([self.positions[self.tip(c)] for c in wrist])
                    middle = int(np.argmin(np.linalg.norm(ends - ends.mean(axis=0), axis=1)))
                    return [*path, wrist[middle]], [len(path)]
            path.append(max(self.children[here], key=lambda c: self.reach[c] + self.lengths[c]))
        return path, list(range(2, len(path)))

    def feet(self, legs: list[dict[str, int]], up: Float[ndarray, "3"]) -> None:
        """Add, in place, feet that hang elsewhere in the tree, below shanks without an end."""
        if any("Foot" in leg or "LowerLeg" not in leg for leg in legs):
            return
        p = self.positions
        best: tuple[float, tuple[int, ...]] | None = None
        thigh = float(np.linalg.norm(p[legs[0]["LowerLeg"]] - p[legs[0]["UpperLeg"]]))
        for row in self.children:
            near = []
            for leg in legs:
                knee = p[leg["LowerLeg"]]
                below = {c: float((knee - p[c]) @ up) for c in row if not set(leg.values()) & {c}}
                aside = {c: float(np.linalg.norm(p[c] - knee + below[c] * up)) for c in below}
                near.append(
                    min(
                        (c for c in below if 0.3 * thigh < below[c] < 2.5 * thigh),
                        key=lambda c: aside[c],
                        default=-1,
                    )
                )
            if min(near) >= 0 and near[0] != near[1]:
                worth = float(
                    np.mean(
                        [
                            np.linalg.norm(p[n] - p[leg["LowerLeg"]])
                            for n, leg in zip(near, legs, strict=True)
                        ]
                    )
                )
                if best is None or worth < best[0]:
                    best = worth, tuple(near)
        if best and best[0] < 2.5 * thigh:
            for leg, foot in zip(legs, best[1], strict=True):
                leg["Foot"] = foot

    def eyes(
        self, head: int, left: Float[ndarray, "3"], forward: Float[ndarray, "3"]
    ) -> dict[str, int]:
        """Return the one pair of leaves in the head that are side by side.

        Args:
            head: The head's node.
            left: Unit direction to the body's left.
            forward: Unit direction in which the body faces.

        Returns:
            Bone to node; empty without such a pair.
        """
        leaves = (
            [n for n in T.below(self.parents, head)[1:] if not self.children[n]]
            if self.size[head] <= _FACE
            else []
        )
        place = {n: self.positions[n] - self.positions[head] for n in leaves}
        scale = max((float(np.linalg.norm(v)) for v in place.values()), default=0.0)
        pairs = []
        for i, a in enumerate(leaves):
            for b in leaves[i + 1 :]:
                middle, apart = 0.5 * (place[a] + place[b]), place[a] - place[b]
                level = abs(float(unit(apart) @ left)) > 0.98 and abs(
                    float(middle @ left)
                ) < 0.1 * float(np.linalg.norm(apart))
                if (
                    level
                    and self.parents[a] == self.parents[b]
                    and middle @ forward > -0.05 * scale
                ):
                    pairs.append((a, b) if apart @ left > 0 else (b, a))
        return {"leftEye": pairs[0][0], "rightEye": pairs[0][1]} if len(pairs) == 1 else {}


def _off(p: Float[ndarray, "n 3"]) -> float:
    """Return how far the points are from the line between the first and the last, by its length."""
    line = p[-1] - p[0]
    length = float(np.linalg.norm(line))
    aside = p[1:-1] - p[0]
    aside = aside - np.outer(aside @ line / length**2, line)
    return float(np.linalg.norm(aside, axis=1).max(initial=0.0)) / length


def unit(v: Float[ndarray, "3"]) -> Float[ndarray, "3"]:
    """Return the vector at unit length; zero stays zero."""
    length = float(np.linalg.norm(v))
    return v / length if length > 0 else np.zeros(3)
