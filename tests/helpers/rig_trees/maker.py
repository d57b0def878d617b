"""Trees of nodes under construction, on HUMANOID's positions, with the true bones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mocap.core import rotation as R
from mocap.core.rig import Tree
from mocap.core.skeleton import HUMANOID, TIPS

FINGERS = ("Thumb", "Index", "Middle", "Ring", "Little")
Truth = dict[str, str]
Rows = list[tuple[str, str | None, np.ndarray]]


def parts(finger: str) -> tuple[str, str, str]:
    """Return the bones of a finger."""
    return tuple(
        finger + p
        for p in (
            ("Metacarpal", "Proximal", "Distal")
            if finger == "Thumb"
            else ("Proximal", "Intermediate", "Distal")
        )
    )  # type: ignore[return-value]


def places(arms_down: float = 0.0, bend: float = 0.03) -> dict[str, np.ndarray]:
    """Return bone → position in metres.

    Args:
        arms_down: Radians below the T-pose.
        bend: How far knees stand forwards and elbows back, metres.
    """
    at = dict(zip(HUMANOID.names, HUMANOID.rest_positions(), strict=True))
    at |= {bone + "End": at[bone] + tip for bone, tip in TIPS.items()}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        turn = R.from_rotation_vector(np.array([0.0, 0.0, -sign * arms_down]))
        pivot = at[f"{side}UpperArm"]
        for bone in at:
            if bone.startswith(side) and any(
                bone.startswith(side + part) for part in ("LowerArm", "Hand", *FINGERS)
            ):
                at[bone] = pivot + R.apply(turn, at[bone] - pivot)
        at[f"{side}LowerLeg"] = at[f"{side}LowerLeg"] + [0.0, 0.0, bend]
        at[f"{side}LowerArm"] = at[f"{side}LowerArm"] - [0.0, 0.0, bend]
    return at


class Maker:
    """A tree under construction; "@" in a name stands for the side."""

    def __init__(self, sides: tuple[str, str], arms_down: float = 0.0, bend: float = 0.03) -> None:
        self.sides = dict(zip(("left", "right"), sides, strict=True))
        self.at = places(arms_down, bend)
        self.rows: Rows = []
        self.truth: Truth = {}

    def place(
        self, where: str | tuple[str, str, float] | tuple[float, float, float], side: str = "left"
    ) -> np.ndarray:
        """Return the position of a bone, between two bones, or of given coordinates of the left
        side.
        """
        if isinstance(where, str):
            return self.at[where] if where in self.at else self.at[side + where]
        if isinstance(where[0], str):
            a, b, t = where
            return (1.0 - float(t)) * self.place(str(a), side) + float(t) * self.place(str(b), side)
        return np.array(where, dtype=float) * (
            [1.0, 1.0, 1.0] if side == "left" else [-1.0, 1.0, 1.0]
        )

    def one(self, name: str, parent: str | None, where, bone: str | None = None) -> None:  # type: ignore[no-untyped-def]
        """Add a node of the middle."""
        self.rows.append((name, parent, self.place(where)))
        if bone:
            self.truth[bone] = name

    def both(self, name: str, parent: str, where, bone: str | None = None) -> None:  # type: ignore[no-untyped-def]
        """Add a node on either side."""
        for side, letter in self.sides.items():
            self.rows.append(
                (name.replace("@", letter), parent.replace("@", letter), self.place(where, side))
            )
            if bone:
                self.truth[side + bone] = name.replace("@", letter)

    def chain(self, parent: str, *links: tuple[str, str]) -> None:
        """Add nodes on either side, each a child of the one before.

        Each is (name, bone), the bone being its position and its truth.
        """
        for name, bone in links:
            self.both(name, parent, bone, bone)
            parent = name

    def fingers(
        self, hand: str, name: Callable[[str, int], str], end: Callable[[str], str] | None = None
    ) -> None:
        """Add five fingers of three bones; `end` names their end nodes, if any."""
        for finger in FINGERS:
            self.chain(hand, *((name(finger, i), part) for i, part in enumerate(parts(finger), 1)))
            if end:
                self.both(end(finger), name(finger, 3), f"{finger}DistalEnd")

    def tree(
        self, unit: float = 1.0, z_up: bool = False, joints: bool = True
    ) -> tuple[Tree, Truth]:
        """Return the Tree, parents before children; z_up: facing −Y, as in Blender and Unreal."""
        names = [r[0] for r in self.rows]
        assert len(set(names)) == len(names), sorted(n for n in names if names.count(n) > 1)
        parents = [-1 if p is None else names.index(p) for _, p, _ in self.rows]
        assert all(p < i for i, p in enumerate(parents))
        positions = unit * np.array([r[2] for r in self.rows])
        if z_up:
            positions = np.stack([positions[:, 0], -positions[:, 2], positions[:, 1]], axis=1)
        count = len(names)
        rotations = np.tile(R.IDENTITY, (count, 1))
        flags = np.full(count, joints)
        return Tree(
            "glb", tuple(names), np.arange(count), np.array(parents), positions, rotations, flags
        ), self.truth
