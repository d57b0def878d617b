"""Bones by the shape of the tree: two legs and two arms of similar lengths, and a head.

Lengths decide what is similar, since poses do not change them; directions decide only which pair is
which and which way the body faces. No axis of the file is assumed to be up.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core.rig import Found, Tree
from mocap.rig import fingers
from mocap.rig import tree as T
from mocap.rig.branches import Branches, unit
from mocap.rig.by_name import share_spine
from mocap.rig.facing import facing

# Two branches form a pair if their lengths differ by at most this share. Measured performers differ
# by up to 6 %.
_ALIKE = 0.15
# Only this many of the longest pairs are considered; each of many children only against this many
# neighbours by length.
_PAIRS, _NEIGHBOURS = 40, 4
# Heads are searched for this many of the likeliest bodies, each among this many branches.
_BODIES, _BRANCHES = 16, 32
# Branches shorter than this share of the longest are no limbs.
_LIMB = 0.2
# A body that scores less is rejected. Known rigs score 2.6 (14 boxes) to 8, random trees below 0.
_NO_BODY = 1.5
# A body that scores less is also searched in the file's other poses, at most this many.
_CLEAR, _POSES = 3.0, 8
# The highest confidence of a guess by shape.
_SURE = 0.8


class _Pair(NamedTuple):
    """Two limbs and the node from which they branch."""

    top: int
    a: int
    b: int


class _BodyParts(NamedTuple):
    """A hypothesis: which branches are legs, arms, trunk and head, and how well they fit."""

    score: float
    legs: _Pair
    arms: _Pair
    core: int
    head: list[int]
    """The nodes from the arms' fork up to where the head's chain ends or branches."""


class NoBody(Exception):  # noqa: N818 - an answer, not an error
    """There is no body in this tree; the message gives the reason, as the end of a sentence."""


def by_shape(tree: Tree) -> dict[str, Found]:
    """Find bones by shape.

    Returns:
        Bone → node, as far as the shape determines them.

    Raises:
        NoBody: There are no arms, legs and trunk.
    """
    bind = next((p.positions for p in tree.poses if p.name == "bind"), tree.positions)
    shape = _Shape(tree, bind)
    try:
        body = shape.body()
    except NoBody:
        if not tree.poses:
            raise
        body = None
    if tree.poses and (body is None or body.score < _CLEAR):
        # In some files all bones lie along one axis at rest; another pose may show the body.
        others = [
            _Shape(tree, p.positions) for p in tree.poses[:: max(1, len(tree.poses) // _POSES)]
        ]
        tried = [(b, s) for s in (_Shape(tree, tree.positions), *others) if (b := s.try_body())]
        best = max(tried, key=lambda t: t[0].score, default=None)
        if best and (body is None or best[0].score > body.score):
            body, shape = best
    return shape.found(body or shape.body())


class _Shape(Branches):
    """The bodies that a tree's branches may form."""

    def __init__(self, tree: Tree, positions: Float[ndarray, "nodes 3"]) -> None:
        super().__init__(tree, positions)
        self.paths: dict[int, dict[int, int]] = {}

    def found(self, body: _BodyParts) -> dict[str, Found]:
        """Return the bones of a body."""
        legs = [self.limb(c) for c in (body.legs.a, body.legs.b)]
        arms = [self.limb(c, hand=True) for c in (body.arms.a, body.arms.b)]
        sure = _SURE * min(1.0, max(0.4, body.score / 6.0))
        bones: dict[str, int] = {"hips": self.hips(body.core)}
        trunk = self.spine(body)
        if trunk:
            neck = body.head
        else:
            # The arms hang from the hips: the spine is the chain to the head, without its last
            # bone.
            trunk, neck = body.head[:-1], body.head[-1:]
        bones |= share_spine(trunk, self.tree)
        if neck:
            bones["head"] = neck[-1]
            if len(neck) > 1:
                bones["neck"] = neck[0]
        up = unit(
            self.positions[[body.arms.a, body.arms.b]].mean(axis=0)
            - self.positions[[body.legs.a, body.legs.b]].mean(axis=0)
        )
        self.feet(legs, up)
        chains = {"legs": legs, "arms": arms}
        forward = facing(self.tree, self.positions, body.core, [legs, arms], self.children)
        for kind, pair in chains.items():
            bases = np.array([self.positions[self.base(chain)] for chain in pair])
            first_is_left = (bases[0] - bases[1]) @ forward.left > 0
            for side, chain in zip(
                ("left", "right") if first_is_left else ("right", "left"), pair, strict=True
            ):
                bones |= {side + bone: node for bone, node in chain.items()}
                if kind == "arms" and "Hand" in chain:
                    lower = chain["LowerArm"]
                    hand = fingers.by_shape(
                        self.parents, self.positions, self.children, chain["Hand"], lower
                    )
                    bones |= {side + bone: node for bone, node in hand.items()}
        if neck:
            bones |= self.eyes(neck[-1], forward.left, forward.forward)
        found = {bone: Found(node, "shape", round(sure, 3)) for bone, node in bones.items()}
        for bone in bones:
            if bone.startswith(("left", "right")):
                found[bone] = Found(
                    bones[bone], "shape", round(sure * (0.5 + 0.5 * forward.sure), 3)
                )
        return found

    def hips(self, core: int) -> int:
        """Return the highest joint at which legs and trunk meet."""
        while (
            (above := int(self.parents[core])) >= 0
            and self.tree.joints[above]
            and self.lengths[core] < 1e-3 * self.reach[core]
        ):
            core = above
        return core

    def spine(self, body: _BodyParts) -> list[int]:
        """Return the nodes from the hips to the arms' fork, without those not above the hips."""
        whole = T.between(self.parents, body.core, body.arms.top)
        hip = self.positions[[body.legs.a, body.legs.b]].mean(axis=0)
        trunk = self.positions[[body.arms.a, body.arms.b]].mean(axis=0) - hip
        rise = [
            float((self.positions[n] - self.positions[body.core]) @ trunk / (trunk @ trunk))
            for n in whole
        ]
        return [n for n, r in zip(whole, rise, strict=True) if r > -0.02] or whole

    def base(self, chain: dict[str, int]) -> int:
        """Return the node at which a limb begins."""
        return chain.get("UpperLeg", chain.get("UpperArm", next(iter(chain.values()))))

    def try_body(self) -> _BodyParts | None:
        """Return `body`, or None."""
        try:
            return self.body()
        except NoBody:
            return None

    def body(self) -> _BodyParts:
        """Return the two pairs that form the best body."""
        if not any(len(c) > 1 for c in self.children):
            raise NoBody("its nodes make a single chain without branches")
        pairs = self.pairs()
        if len(pairs) < 2:
            raise NoBody(
                f"it has {'only one pair' if pairs else 'no pair'} of limbs alike in length, where "
                f"a body has arms and legs"
            )
        rough = [
            b
            for legs in pairs
            for arms in pairs
            if legs != arms and (b := self.hypothesis(legs, arms))
        ]
        rough.sort(key=lambda b: -b.score)
        best = max(
            (self.with_head(b) for b in rough[:_BODIES]), key=lambda b: b.score, default=None
        )
        if best is None or best.score < _NO_BODY:
            raise NoBody("its pairs of limbs stand nowhere as arms and legs on a trunk do")
        if self.on_all_fours(best):
            raise NoBody(
                "its four limbs reach the ground together, as those of an animal on four legs"
            )
        return best

    def pairs(self) -> list[_Pair]:
        """Return pairs of similar branches of one node, the longest first."""
        whole = self.reach + self.lengths
        least = _LIMB * self.longest
        found = []
        for top, row in enumerate(self.children):
            limbs = sorted(
                (c for c in row if self.reach[c] > 0 and whole[c] >= least), key=lambda c: -whole[c]
            )
            for i, a in enumerate(limbs):
                near = limbs[i + 1 : i + 1 + _NEIGHBOURS]
                found += [_Pair(top, min(a, b), max(a, b)) for b in near if self.alike(a, b)]
        return sorted(found, key=lambda p: -whole[p.a])[:_PAIRS]

    def alike(self, a: int, b: int) -> bool:
        for measure in (self.reach, self.total):
            if abs(measure[a] - measure[b]) > _ALIKE * max(measure[a], measure[b]):
                return False
        if min(self.size[a], self.size[b]) < 0.6 * max(self.size[a], self.size[b]):
            return False
        apart = np.linalg.norm(self.positions[self.tip(a)] - self.positions[self.tip(b)])
        return bool(apart > 0.02 * self.reach[a])

    def hypothesis(self, legs: _Pair, arms: _Pair) -> _BodyParts | None:
        """Score these pairs as legs and arms of a body without its head; None if impossible."""
        if {legs.a, legs.b} & {arms.a, arms.b}:
            return None
        above_legs, above_arms = self.above(legs.top), self.above(arms.top)
        if {arms.a, arms.b} & above_legs.keys() or {legs.a, legs.b} & above_arms.keys():
            return None
        # A node's index on its path from the root is its depth.
        core = max(above_legs.keys() & above_arms.keys(), key=above_legs.__getitem__, default=None)
        if core is None:
            return None
        p = self.positions
        hip, shoulder = (0.5 * (p[x.a] + p[x.b]) for x in (legs, arms))
        trunk = shoulder - hip
        length = float(np.linalg.norm(trunk))
        leg, arm = float(self.reach[legs.a]), float(self.reach[arms.a])
        if length < 0.05 * leg:
            return None
        up = trunk / length
        down = [-float(unit(p[self.tip(x)] - p[x]) @ up) for x in (legs.a, legs.b)]
        score = 2.0 * min(down)
        score -= 0.5 * np.log(leg / arm) ** 2 + 0.5 * np.log(leg / (1.6 * length)) ** 2
        score += 1.0 if arms.top != core else 0.0
        score -= 0.7 * (above_legs[legs.top] - above_legs[core])
        across = [
            unit(p[x.a] - p[x.b])
            if np.any(p[x.a] != p[x.b])
            else unit(p[self.tip(x.a)] - p[self.tip(x.b)])
            for x in (legs, arms)
        ]
        score += abs(float(across[0] @ across[1])) - 1.0
        score -= float(np.mean([abs(float(a @ up)) for a in across]))
        # The longest limbs are the likeliest: hair, skirts and toes are pairs as well.
        score += 1.0 * (leg + arm) / self.longest
        return _BodyParts(float(score), legs, arms, core, [])

    def with_head(self, body: _BodyParts) -> _BodyParts:
        """Add the head, and the scores of head and fingers."""
        legs, arms = body.legs, body.arms
        up = unit(
            self.positions[[arms.a, arms.b]].mean(axis=0)
            - self.positions[[legs.a, legs.b]].mean(axis=0)
        )
        head = self.head(arms, legs, up)
        many = [0.5 * sum(self.fingers(x) >= 3 for x in (pair.a, pair.b)) for pair in (arms, legs)]
        return body._replace(
            score=body.score + (1.0 if head else -1.0) + many[0] - many[1], head=head
        )

    def above(self, node: int) -> dict[int, int]:
        """Return the nodes from the root down to this one, each with its depth."""
        if node not in self.paths:
            self.paths[node] = {n: depth for depth, n in enumerate(T.path(self.parents, node))}
        return self.paths[node]

    def fingers(self, top: int) -> int:
        """Return the most branches of two or more nodes at any node of the longest way down."""
        most, node = 0, top
        while self.children[node]:
            most = max(most, sum(bool(self.children[c]) for c in self.children[node]))
            node = max(self.children[node], key=lambda c: self.reach[c] + self.lengths[c])
        return most

    def head(self, arms: _Pair, legs: _Pair, up: Float[ndarray, "3"]) -> list[int]:
        """Return the chain upward from the arms' fork, neck first; its last node is the head."""
        limbs = {arms.a, arms.b, legs.a, legs.b}
        start = arms.top
        free = sorted(
            (c for c in self.children[start] if c not in limbs),
            key=lambda c: -self.reach[c] - self.lengths[c],
        )[:_BRANCHES]
        upward = {c: self.rises(c, start, up) for c in free}
        best = max(upward, key=lambda c: upward[c], default=None)
        if best is None or upward[best] <= 0:
            return []
        chain = [best]
        while True:
            here = chain[-1]
            branches = self.children[here]
            if len(branches) != 1:
                break
            ahead = branches[0]
            if self.lengths[ahead] > 0 and (self.positions[ahead] - self.positions[here]) @ up < 0:
                break
            chain.append(ahead)
        # A last node far from the one before it is the end of the head.
        if len(chain) > 1 and not self.children[chain[-1]]:
            before, factor = (chain[-2], 1.3) if len(chain) > 2 else (chain[0], 1.5)
            if self.lengths[chain[-1]] > factor * self.lengths[before]:
                chain.pop()
        return chain

    def rises(self, node: int, top: int, up: Float[ndarray, "3"]) -> float:
        """Return how far up the branch reaches, minus how far aside it begins."""
        inside = [node]
        for n in inside:
            inside += self.children[n]
        ways = self.positions[inside] - self.positions[top]
        aside = ways[0] - (ways[0] @ up) * up
        return float(np.max(ways @ up)) - float(np.linalg.norm(aside))

    def on_all_fours(self, body: _BodyParts) -> bool:
        """Return whether arms and legs hang alike, at right angles to the trunk, to one height."""
        p = self.positions
        legs, arms = ([(x.a, self.tip(x.a)), (x.b, self.tip(x.b))] for x in (body.legs, body.arms))
        down = unit(sum((unit(p[t] - p[a]) for a, t in legs), np.zeros(3)))
        same = unit(sum((unit(p[t] - p[a]) for a, t in arms), np.zeros(3))) @ down
        trunk = unit(p[body.arms.a] + p[body.arms.b] - p[body.legs.a] - p[body.legs.b])
        ends = np.array([p[t] @ down for _, t in legs + arms])
        return bool(
            same > 0.8 and abs(trunk @ down) < 0.5 and np.ptp(ends) < 0.3 * self.reach[body.legs.a]
        )
