"""Types of characters: Tree (a document's nodes), Found (a recognised bone) and Rig (both)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from jaxtyping import Bool, Float, Int
from numpy import ndarray

from mocap.core.motion import Motion
from mocap.core.skeleton import Skeleton

Kind = Literal["glb", "gltf", "vrm", "bvh", "fbx"]


@dataclass(frozen=True, eq=False, slots=True)
class TreePose:
    """Another pose of a Tree's nodes that its file shows.

    Attributes:
        name: "bind" (the skins' inverse bind matrices), "frame 17" (of a BVH) or "zero" (an FBX's
            bones without rotations of their own).
        positions: (N, 3) in the document's world, like Tree's.
        rotations: (N, 4) in the document's world, like Tree's.
    """

    name: str
    positions: Float[ndarray, "nodes 3"]
    rotations: Float[ndarray, "nodes 4"]


@dataclass(frozen=True, eq=False, slots=True)
class Tree:
    """A document's nodes at rest, in the document's own frame and unit; parents before children.

    Below a scale with a negative determinant, rotations are those of the point reflection: the
    orthogonal part of minus the node's matrix. A world rotation X gives the same result through
    either, so a node's new local rotation is P⁻¹·X·P·b in any file (P: its parent's rotation here,
    b: its local rotation in the document).

    Attributes:
        kind: The document's format.
        names: (N,) unique; the name of node 7 becomes "name.7" if it is used twice.
        nodes: (N,) indices in the document.
        parents: (N,) −1 for roots, of which there may be several.
        positions: (N, 3) in the document's world.
        rotations: (N, 4) in the document's world.
        joints: (N,) whether a skin is bound to the node (all nodes in a BVH).
        declared: Bone → index here, where the file declares bones (VRM).
        poses: Other poses in which the file shows the nodes.
        motion: A BVH's own motion on all its nodes, in the document's frame and unit.
        mirrored: Whether a scale above the joints mirrors them, so that a node named left may lie
            on the body's right.
    """

    kind: Kind
    names: tuple[str, ...]
    nodes: Int[ndarray, "nodes"]
    parents: Int[ndarray, "nodes"]
    positions: Float[ndarray, "nodes 3"]
    rotations: Float[ndarray, "nodes 4"]
    joints: Bool[ndarray, "nodes"]
    declared: dict[str, int] = field(default_factory=dict)
    poses: tuple[TreePose, ...] = ()
    motion: Motion | None = None
    mirrored: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A recognised bone.

    Attributes:
        node: Index in the Tree.
        how: Source: "vrm", a convention's name, "names", "shape" or "map".
        sure: Confidence, 0 to 1.
    """

    node: int
    how: str
    sure: float


@dataclass(frozen=True, slots=True)
class Aligned:
    """How far a bone was turned into T-pose, radians: swing of its direction, twist about it."""

    swing: float
    twist: float


@dataclass(frozen=True, eq=False, slots=True)
class Rig:
    """A character in mocap's world: +Y up, facing +Z at rest, metres.

    Attributes:
        name: The file's name.
        kind: The document's format.
        skeleton: The joints, from the lowest node above all mapped bones (usually the hips); rest
            rotations are the nodes' rest pose. A bone's node that hangs elsewhere in the file (a
            foot beside the body, moved by inverse kinematics) hangs from the bone before it here,
            and writers also animate its translation.
        bones: Bone → joint name.
        found: Bone → source and confidence.
        t_pose: (J, 4) local rotations in T-pose (limbs along HUMANOID's directions).
        turn: (4,) rotation in world = unit · turn(document's world).
        unit: Metres per unit of the document.
        source: The file's bytes, to be written back.
        neutral: The pose that the T-pose was made from: "rest", or a TreePose's name.
        aligned: Bone → how far it was turned into T-pose.
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
        """Return the joint index of a mapped bone; raises KeyError if the rig has none."""
        return self.skeleton.names.index(self.bones[bone])
