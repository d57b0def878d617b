"""Tree, what a file says of a character's nodes; Found, one recognised bone; Rig, the two together in mocap's world."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from jaxtyping import Bool, Float, Int
from numpy import ndarray

from mocap.core.motion import Motion
from mocap.core.skeleton import Skeleton

Kind = Literal["glb", "gltf", "vrm", "bvh", "fbx"]


@dataclass(frozen=True, eq=False, slots=True)
class Pose:
    """Another pose of a Tree's nodes that its file shows: "bind" (its skins' inverse bind matrices) or "frame 17" (of a BVH),
    or "zero" (an FBX's bones without rotations of their own).

    positions: (N, 3), rotations: (N, 4) in the document's world, as Tree's.
    """

    name: str
    positions: Float[ndarray, "nodes 3"]
    rotations: Float[ndarray, "nodes 4"]


@dataclass(frozen=True, eq=False, slots=True)
class Tree:
    """A document's nodes as they stand at rest, in the document's own frame and unit; parents before children.

    names: (N,) unique; a name that stands twice in the file is "name.7" for node 7. nodes: (N,) their indices in the document.
    parents: (N,) −1 for roots; there may be several. positions: (N, 3), rotations: (N, 4) in the document's world, at rest. Below a scale
    with a negative determinant, rotations are those of the point reflection: the orthogonal part of minus the node's matrix. A turn X of
    the world comes out the same through either, so that a node's new local rotation is P⁻¹·X·P·b in any file (P: its parent's rotation
    here, b: its local rotation in the document).
    joints: (N,) whether a skin is bound to it (all of them in a BVH). declared: bone → index here, where the file itself says so (VRM).
    poses: other poses in which the file shows the nodes. motion: a BVH's own, on all its nodes, in the document's frame and unit.
    mirrored: whether a scale above the joints mirrors them, so that a node called left may be on the body's right.
    """

    kind: Kind
    names: tuple[str, ...]
    nodes: Int[ndarray, "nodes"]
    parents: Int[ndarray, "nodes"]
    positions: Float[ndarray, "nodes 3"]
    rotations: Float[ndarray, "nodes 4"]
    joints: Bool[ndarray, "nodes"]
    declared: dict[str, int] = field(default_factory=dict)
    poses: tuple[Pose, ...] = ()
    motion: Motion | None = None
    mirrored: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A recognised bone: the node's index in the Tree, by what ("vrm", a convention's name, "shape", "map"), how surely (0 to 1)."""

    node: int
    how: str
    sure: float


@dataclass(frozen=True, slots=True)
class Aligned:
    """How far a bone was turned to stand in T-pose, radians: swing, its direction; twist, about itself."""

    swing: float
    twist: float


@dataclass(frozen=True, eq=False, slots=True)
class Rig:
    """A character in mocap's world: +Y up, facing +Z at rest, metres.

    skeleton: its joints, from the lowest node above all mapped bones downwards (for most rigs the hips); rest_rotations are the pose its
    nodes rest in. A bone's node that does not hang from the bone before it (a foot that inverse kinematics put beside the body) does so
    here: whoever writes the document animates such a node's translation as well. bones: bone → joint name. found: bone → how.
    t_pose: (J, 4) local rotations in which it stands in T-pose (limbs along HUMANOID's directions). turn: (4,) and unit:
    world = unit · turn(document's world). source: the file's bytes, to be written back.
    neutral: the pose from which the T-pose was made ("rest", or a Pose's name). aligned: bone → how far it was turned for it.
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
    neutral: str = "rest"
    aligned: dict[str, Aligned] = field(default_factory=dict)

    def index(self, bone: str) -> int:
        """The joint's index of a mapped bone; KeyError if the rig has none."""
        return self.skeleton.names.index(self.bones[bone])
