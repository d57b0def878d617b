"""The nodes of a glTF document at rest, as matrices in the world."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.formats.gltf import glb

# Scales that differ by less than this part are alike; exporters write 0.22704057 beside 0.22704065.
_ALIKE = 1e-4
# Below this ratio of its least to its greatest stretch, a node is flat.
_FLAT = 1e-6


class RestNodes:
    """The nodes of a document at rest; all lists go by node.

    Attributes:
        parents: −1 for roots.
        order: Parents before children.
        poses: (translation, rotation, scale).
        local: (4, 4) matrices in the parents.
        world: (4, 4) matrices in the document's world.
        conformal: Whether the nodes above scale all axes alike, so that a rotation of this node is
            one in the world.
        flat: Whether the node is squeezed to nothing, so that no rotation of it can be seen.

    Raises:
        InputError: The nodes are no trees.
    """

    def __init__(self, document: glb.Document) -> None:
        nodes = document.get("nodes", [])
        self.parents = glb.node_parents(document)
        self.order = [i for i, parent in enumerate(self.parents) if parent < 0]
        for node in self.order:  # grows as it goes
            self.order += nodes[node].get("children", [])
        self.poses = [glb.node_pose(node) for node in nodes]
        self.local = [glb.node_matrix(node) for node in nodes]
        self.world = list(self.local)
        self.conformal = [True] * len(nodes)
        for node in self.order:
            if (above := self.parents[node]) >= 0:
                self.world[node] = self.world[above] @ self.local[node]
                scale = np.abs(self.poses[above][2])
                self.conformal[node] = self.conformal[above] and bool(
                    np.ptp(scale) <= _ALIKE * scale.max()
                )
        stretch = (
            np.linalg.svd(np.array([m[:3, :3] for m in self.world]), compute_uv=False)
            if nodes
            else np.zeros((0, 3))
        )
        self.flat = [bool(s[2] <= _FLAT * max(s[0], 1e-30)) for s in stretch]


def points(matrix: Float[ndarray, "4 4"], at: Float[ndarray, "*n 3"]) -> Float[ndarray, "*n 3"]:
    """Points taken through an affine matrix."""
    return np.asarray(at @ matrix[:3, :3].T + matrix[:3, 3])
