"""Tree, what a file says of a character's nodes; Found, one recognised bone; Rig, the two together in mocap's world."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from mocap.skeleton import Skeleton

Kind = Literal["glb", "gltf", "vrm", "bvh"]


@dataclass(frozen=True, eq=False, slots=True)
class Tree:
    """A document's nodes as they stand at rest, in the document's own frame and unit; parents before children.

    names: (N,) unique; a name that stands twice in the file is "name.7" for node 7. nodes: (N,) their indices in the document.
    parents: (N,) −1 for roots; there may be several. positions: (N, 3), rotations: (N, 4) in the document's world, at rest.
    joints: (N,) whether a skin is bound to it (all of them in a BVH). declared: bone → index here, where the file itself says so (VRM).
    """

    kind: Kind
    names: tuple[str, ...]
    nodes: Int[ndarray, "nodes"]
    parents: Int[ndarray, "nodes"]
    positions: Float[ndarray, "nodes 3"]
    rotations: Float[ndarray, "nodes 4"]
    joints: Bool[ndarray, "nodes"]
    declared: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """A bone that was recognised: the node's index in the Tree, by what ("vrm", a convention's name, "shape", "map"), how surely (0 to 1)."""

    node: int
    how: str
    sure: float


@dataclass(frozen=True, eq=False, slots=True)
class Rig:
    """A character in mocap's world: +Y up, facing +Z at rest, metres.

    skeleton: its joints, from the lowest node above all mapped bones downwards (for most rigs the hips); rest_rotations are the pose its
    nodes rest in. bones: bone → joint name. found: bone → how. t_pose: (J, 4) local rotations in which it stands in T-pose (limbs along
    HUMANOID's directions). turn: (4,) and unit: world = unit · turn(document's world). source: the document's bytes, to be written back.
    """

    name: str
    kind: Kind
    skeleton: Skeleton
    bones: dict[str, str]
    found: dict[str, Found]
    t_pose: Float[ndarray, "joints 4"]
    turn: Float[ndarray, "4"]
    unit: float
    source: bytes = b""

    def index(self, bone: str) -> int:
        """The joint's index of a mapped bone; KeyError if the rig has none."""
        return self.skeleton.names.index(self.bones[bone])

