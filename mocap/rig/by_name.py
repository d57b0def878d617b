"""Bones by the names of their nodes, checked against the tree.

A hand is below its forearm, the hips are above legs and spine.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from mocap.core.rig import Found, Tree
from mocap.rig import names as N
from mocap.rig import tree as T
from mocap.rig.fingers import phalanges

# The score of an exact name in a recognised convention (words score 0 to 1), and a bonus for bones
# that every humanoid has.
_LISTED, _REQUIRED = 1.5, 0.5
_EXACTLY = 0.98
_OTHERWISE = 0.3  # factor for a word's score if the convention maps the node to another bone
_UNSKINNED = 0.5  # the same for a node without a skin in a rig that has skins
_MAY_LACK = ("Shoulder", "Toes")


def by_name(tree: Tree) -> dict[str, Found]:
    """Find bones by name.

    Returns:
        Bone → node, as far as names tell; `how` is the convention's name, or "names" for words
        alone.
    """
    return _Names(tree).found()


class _Names:
    """The search for bones in a tree by the names of its nodes."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.parents = tree.parents
        self.readings = N.read(tree.names)
        self.convention, self.listed = N.recognise(tree.names)
        self.skinned = tree.joints if np.any(tree.joints) else np.ones(len(tree.names), dtype=bool)
        self.candidates = [
            i for i, reading in enumerate(self.readings) if reading.fits or i in self.listed
        ]
        self.bones: dict[str, Found] = {}
        # "__Thumb1_L" above "Thumb1_L" marks the end of the bone before.
        plain = {
            r.key
            for r, name in zip(self.readings, tree.names, strict=True)
            if not name.startswith("_")
        }
        self.copies = {
            i
            for i, r in enumerate(self.readings)
            if tree.names[i].startswith("_") and r.key in plain
        }

    def found(self) -> dict[str, Found]:
        for side in ("left", "right"):
            for chain in (N.ARM, N.LEG):
                gains = [self.gains(side, bone) for bone in chain]
                for link, node in T.best_chain(self.parents, gains).items():
                    self.put(side + chain[link], node, chain[link])
            self.one_toe(side)
        self.trunk()
        for side in ("left", "right"):
            self.detached(side)
            if side + "Hand" in self.bones:
                self.fingers(side, self.bones[side + "Hand"].node)
        return self.bones

    def fit(self, node: int, bone: str, side: str = "") -> float:
        """Return how well the node's name fits the bone, 0 to 1.5."""
        reading = self.readings[node]
        factor = 1.0 if self.skinned[node] else _UNSKINNED
        if node in self.listed:
            if self.listed[node] == side + bone:
                return _LISTED * factor
            factor *= _OTHERWISE
        if reading.helper or (reading.side or "") != side:
            return 0.0
        return reading.fits.get(bone, 0.0) * factor

    def gains(self, side: str, bone: str) -> dict[int, float]:
        bonus = 0.0 if bone in _MAY_LACK else _REQUIRED
        fits = ((node, self.fit(node, bone, side)) for node in self.candidates)
        return {node: fit + bonus for node, fit in fits if fit > 0}

    def put(self, bone: str, node: int, plain: str, sure: float | None = None) -> None:
        """Enter a bone; `plain` is its name without the side."""
        exactly = self.listed.get(node) == bone
        side = bone[: len(bone) - len(plain)]
        fit = _EXACTLY if exactly else min(0.95, 0.4 + 0.55 * self.fit(node, plain, side))
        self.bones[bone] = Found(
            node,
            (self.convention or "names") if exactly else "names",
            round(fit if sure is None else sure, 3),
        )

    def first(self, *bones: str) -> list[int]:
        """Return the highest node of each limb that was found."""
        chains = {"Arm": N.ARM, "Leg": N.LEG}
        found = []
        for limb in bones:
            side = "left" if limb.startswith("left") else "right"
            nodes = [
                self.bones[side + b].node
                for b in chains[limb.removeprefix(side)]
                if side + b in self.bones
            ]
            found += nodes[:1]
        return found

    def one_toe(self, side: str) -> None:
        """Drop the toes if each toe has bones of its own: none of them moves all toes."""
        toes, foot = (self.bones.get(side + bone) for bone in ("Toes", "Foot"))
        if toes and not foot and "foot" in self.readings[toes.node].words:
            # L_Foot lies below L_Ankle in one convention; without an ankle it is the foot.
            self.put(side + "Foot", self.bones.pop(side + "Toes").node, "Foot")
        if toes and foot:
            apart = set(T.below(self.parents, foot.node)) - set(T.below(self.parents, toes.node))
            if sum(self.fit(n, "Toes", side) >= 0.5 for n in apart - {foot.node}) >= 2:
                del self.bones[side + "Toes"]

    def trunk(self) -> None:
        arms, legs = self.first("leftArm", "rightArm"), self.first("leftLeg", "rightLeg")
        head = self.best("head")
        upper = arms + ([head] if head is not None else [])
        core = T.fork(self.parents, legs + upper) if legs and upper else None
        hips = self.hips(core, legs)
        if hips is None:
            self.without_hips(arms, head)
            return
        named = self.fit(hips, "hips")
        self.put("hips", hips, "hips", None if named else 0.7 if core == hips else 0.5)
        shoulders = T.fork(self.parents, arms) if len(arms) == 2 else None
        top = shoulders
        if shoulders is not None and head is not None:
            meeting = T.fork(self.parents, (shoulders, head))
            top = shoulders if meeting is None or meeting in T.path(self.parents, hips) else meeting
        if head is not None:
            self.put("head", head, "head")
            self.face(head)
        # Where arms and legs hang from one node, the spine is the chain to the head.
        end = (
            top if top is not None and top != core and T.between(self.parents, hips, top) else head
        )
        if end is None:
            return
        chain = T.between(self.parents, hips, end)
        if end == head:
            chain = chain[:-1]
        self.spine([n for n in chain if not self.readings[n].helper])
        self.neck(hips, head)

    def without_hips(self, arms: list[int], head: int | None) -> None:
        """Head, neck and trunk of a body that ends above the hips."""
        if head is not None:
            self.put("head", head, "head")
            self.face(head)
        top = T.fork(self.parents, arms) if len(arms) == 2 else None
        end = top if top is not None else head
        if end is None:
            return
        way = T.path(self.parents, end)
        trunk = [n for n in way if self.fit(n, "spine") > 0.3 and not self.is_neck(n)]
        if trunk:
            self.spine(trunk)
        above = [] if head is None else T.path(self.parents, head)[:-1]
        necks = [n for n in above if self.is_neck(n) and n not in trunk]
        if necks:
            self.put("neck", necks[0], "neck")

    def best(self, bone: str, among: Sequence[int] | None = None) -> int | None:
        """Return the node whose name fits an unsided bone best, the first of equals."""
        nodes = self.candidates if among is None else among
        best = max(nodes, key=lambda n: self.fit(n, bone), default=None)
        return best if best is not None and self.fit(best, bone) > 0.3 else None

    def hips(self, core: int | None, legs: list[int]) -> int | None:
        """Return the node where legs and trunk meet, or the node above it that is named hips."""
        named = self.best("hips")
        if core is None:
            return named
        if self.fit(core, "hips") >= 0.9:
            return core
        above = [n for n in T.path(self.parents, core)[:-1] if self.fit(n, "hips") >= 0.9]
        if above:
            return above[-1]
        if (
            named is not None
            and named != core
            and self.fit(named, "hips") >= 0.9
            and len(legs) == 2
        ):
            # If the legs hang from the root instead of the hips, the position decides.
            middle = self.tree.positions[legs].mean(axis=0)
            length = max(
                float(np.ptp(self.tree.positions[T.below(self.parents, legs[0])], axis=0).max()),
                1e-9,
            )
            if np.linalg.norm(self.tree.positions[core] - middle) > 0.5 * length:
                return named
        return core

    def spine(self, chain: list[int]) -> None:
        """Assign a spine of any number of bones to spine, chest and upperChest.

        These get the first bone, one between, and the last.
        """
        trunk = [n for n in chain if self.fit(n, "hips") < 0.9 or self.fit(n, "spine") > 0] or chain
        while len(trunk) > 1 and self.is_neck(trunk[-1]):
            trunk = trunk[:-1]
        for bone, node in share_spine(trunk, self.tree, [self.is_chest(n) for n in trunk]).items():
            self.put(
                bone,
                node,
                bone,
                None if self.listed.get(node) == bone else 0.9 if self.fit(node, "spine") else 0.6,
            )

    def is_neck(self, node: int) -> bool:
        return self.fit(node, "neck") > max(self.fit(node, "spine"), 0.3)

    def is_chest(self, node: int) -> bool:
        return "chest" in self.readings[node].words

    def neck(self, hips: int, head: int | None) -> None:
        spine = [self.bones[b].node for b in ("spine", "chest", "upperChest") if b in self.bones]
        upward = (
            T.between(self.parents, spine[-1] if spine else hips, head)[:-1]
            if head is not None
            else T.below(self.parents, hips)
        )
        named = [n for n in upward if self.is_neck(n)]
        if head is None and len(named) > 1:
            # In a chain of necks without a head, the last bone is the head.
            self.put("head", named[-1], "head", 0.6)
            self.put("neck", named[0], "neck")
        elif named:
            self.put("neck", named[0], "neck")
        elif (
            head is not None
            and upward
            and (free := [n for n in upward if n not in spine and not self.readings[n].helper])
        ):
            self.put("neck", free[0], "neck", 0.5)

    def face(self, head: int) -> None:
        inside = T.below(self.parents, head)[1:]
        jaws = [n for n in inside if "upper" not in self.readings[n].words]
        jaw = self.best("jaw", jaws)
        if jaw is not None:
            self.put("jaw", jaw, "jaw")
        for side in ("left", "right"):
            eye = max(inside, key=lambda n: self.fit(n, "Eye", side), default=None)
            if eye is not None and self.fit(eye, "Eye", side) > 0.3:
                self.put(f"{side}Eye", eye, "Eye")

    def detached(self, side: str) -> None:
        """Find a foot or hand below the root that only the animation moves with its limb.

        Baked inverse kinematics make such nodes.
        """
        for end, middle, upper in (
            ("Foot", "LowerLeg", "UpperLeg"),
            ("Hand", "LowerArm", "UpperArm"),
        ):
            if side + end in self.bones or not {side + middle, side + upper} <= self.bones.keys():
                continue
            a, b = (self.tree.positions[self.bones[side + x].node] for x in (upper, middle))
            reach = 2.0 * np.linalg.norm(b - a)
            used = {f.node for f in self.bones.values()}
            for node in (
                n
                for n in range(len(self.readings))
                if n not in used and self.fit(n, end, side) >= 0.8 and self.skinned[n]
            ):
                if np.linalg.norm(self.tree.positions[node] - b) < reach:
                    self.put(side + end, node, end, 0.6)
                    break

    def fingers(self, side: str, hand: int) -> None:
        # Fingers may hang from several palm bones, one of which is the hand: search from the
        # forearm.
        arm = self.bones.get(side + "LowerArm")
        top = arm.node if arm and hand in T.below(self.parents, arm.node) else hand
        chains: dict[str, list[int]] = {}
        base = self._first_finger(top)
        for node in T.below(self.parents, top)[1:]:
            kind = self.finger(node, base)
            if kind and (kind not in chains or chains[kind][-1] in T.path(self.parents, node)):
                chains.setdefault(kind, []).append(node)
        for kind, chain in chains.items():
            bones = (
                N.THUMB
                if kind == "Thumb"
                else tuple(kind + part for part in ("Proximal", "Intermediate", "Distal"))
            )
            listed = {
                self.listed[n]: n for n in chain if self.listed.get(n, "").startswith(side + kind)
            }
            if listed:
                for bone, node in listed.items():
                    self.put(bone, node, bone.removeprefix(side))
                continue
            for bone, node in zip(
                bones,
                phalanges(chain, self.tree.positions[hand], self.tree.positions),
                strict=False,
            ):
                self.put(side + bone, node, bone, 0.85)

    def _first_finger(self, hand: int) -> int | None:
        """Return the first number of numbered fingers (Finger0, finger1-1): 0, 1 or None."""
        numbers = [d for n in T.below(self.parents, hand)[1:] if (d := self._digit(n)) is not None]
        return (
            min(numbers) if numbers and min(numbers) in (0, 1) and len(set(numbers)) > 2 else None
        )

    def _digit(self, node: int) -> int | None:
        reading = self.readings[node]
        found = re.search(r"finger\W?_?(\d)", self.tree.names[node], re.IGNORECASE)
        if reading.helper or not found or {"carpal", "toe"} & reading.words:
            return None
        return int(found[1])

    def finger(self, node: int, base: int | None) -> str | None:
        """Return the finger bone of the node's name; None for metacarpals, ends and others."""
        reading = self.readings[node]
        if node in self.copies or reading.helper or reading.side is None:
            return None
        words = reading.words
        if {"palm", "toe"} & words or ("carpal" in words and "thumb" not in words):
            return None
        # "InHandIndex" is the bone within the hand.
        if reading.key.startswith(("leftinhand", "rightinhand")):
            return None
        listed = self.listed.get(node, "")
        for kind in N.FINGERS:
            if kind.lower() in words or kind in listed:
                return kind
        digit = self._digit(node)
        return (
            N.FINGERS[digit - base]
            if base is not None and digit is not None and 0 <= digit - base < 5
            else None
        )


def share_spine(trunk: list[int], tree: Tree, chest: Sequence[bool] = ()) -> dict[str, int]:
    """Assign the spine's nodes to spine (the lowest), chest and upperChest (the topmost).

    Args:
        trunk: The nodes, from below.
        tree: The tree.
        chest: Which of them the file calls a chest; empty if unknown.

    Returns:
        Bone to node.
    """
    if len(trunk) <= 2:
        return dict(zip(("spine", "chest"), trunk, strict=False))
    along = np.concatenate(
        [[0.0], np.cumsum(np.linalg.norm(np.diff(tree.positions[trunk], axis=0), axis=1))]
    )
    inner = [i for i in range(1, len(trunk) - 1) if i < len(chest) and chest[i]] or list(
        range(1, len(trunk) - 1)
    )
    middle = min(inner, key=lambda i: (round(abs(along[i] - 0.5 * along[-1]), 9), i))
    return {"spine": trunk[0], "chest": trunk[middle], "upperChest": trunk[-1]}
