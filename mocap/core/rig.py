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
    """A pose of a Tree's nodes, other than the rest pose, that the file contains.

    Attributes:
        name: "bind" (from the skins' inverse bind matrices), "frame 17" (a frame of a BVH) or
            "zero" (an FBX with all local rotations zero).
        positions: (N, 3) in the document's world and unit.
        rotations: (N, 4) in the document's world.
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
        motion: The motion of a BVH on all its nodes, in the document's frame and unit.
        mirrored: Whether a negative scale above the joints mirrors them. A node named left may
            then lie on the body's right.
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
        how: What recognised it: "vrm", a convention's name, "names", "shape" or "map".
        sure: Confidence, 0 to 1.
    """

    node: int
    how: str
    sure: float


@dataclass(frozen=True, slots=True)
class Aligned:
    """The rotation that brought a bone into T-pose.

    Attributes:
        swing: Change of the bone's direction, radians.
        twist: Rotation about the bone's own axis, radians.
    """

    swing: float
    twist: float


@dataclass(frozen=True, eq=False, slots=True)
class Rig:
    """A character in mocap's world: +Y up, facing +Z at rest, metres.

    Attributes:
        name: The file's name.
        kind: The document's format.
        skeleton: The joints, from the lowest common ancestor of all mapped bones (usually the
            hips) downwards; its rest rotations are the nodes' rest pose. A mapped node whose
            parent in the file is not its parent bone (such as a foot beside the body, moved by
            inverse kinematics) gets its parent bone as parent here, and writers also animate its
            translation.
        bones: Bone → joint name.
        found: Bone → source and confidence.
        t_pose: (J, 4) local rotations of the T-pose, in which limbs point along HUMANOID's.
        turn: (4,) rotation from the document's world: p_world = unit · turn(p_document).
        unit: Metres per unit of the document.
        source: The file's bytes. Writers add the motion to them.
        neutral: The pose from which the T-pose was made: "rest", or a TreePose's name.
        aligned: Bone → the rotation that brought it into T-pose.
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
        """Return the index of a bone's joint in the skeleton.

        Raises:
            KeyError: The bone is not mapped.
        """
        return self.skeleton.names.index(self.bones[bone])
