"""The nodes of a glTF document at rest, as matrices in the world."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.errors import InputError
from mocap.formats import trees
from mocap.formats.gltf import glb

# Scales are equal within this relative difference; exporters write 0.22704057 and 0.22704065.
_ALIKE = 1e-4
# Below this ratio of its smallest to its largest singular value, a node's matrix is singular.
_FLAT = 1e-6


class RestNodes:
    """The nodes of a document at rest. All lists are indexed by node, except `order`.

    Attributes:
        parents: The parent's index; −1 for roots.
        order: The nodes' indices, parents before children.
        poses: (translation, rotation, scale) in the parent.
        local: (4, 4) matrices to the parent.
        world: (4, 4) matrices to the document's world.
        conformal: Whether the nodes above scale all axes equally, so that a rotation of this node
            is a rotation in the world.
        uneven: Whether this node scales its axes unequally.
        flat: Whether the node's matrix is singular, so that its rotation has no visible effect.

    Raises:
        InputError: The nodes are no trees, or lie too far away.
    """

    def __init__(self, document: glb.Document) -> None:
        nodes = document.get("nodes", [])
        self.parents = glb.node_parents(document)
        self.order = [i for i, parent in enumerate(self.parents) if parent < 0]
        for node in self.order:  # the list grows in the loop
            self.order += nodes[node].get("children", [])
        places, turns, scales = glb.node_poses(nodes)
        self.poses = list(zip(places, turns, scales, strict=True))
        self.local = list(glb.node_matrices(nodes)[0])
        self.world = list(self.local)
        scales = np.abs(scales)
        self.uneven = (np.ptp(scales, axis=1) > _ALIKE * scales.max(axis=1)).tolist()
        self.conformal = [True] * len(nodes)
        for node in self.order:
            if (above := self.parents[node]) >= 0:
                with np.errstate(all="ignore"):
                    self.world[node] = self.world[above] @ self.local[node]
                self.conformal[node] = self.conformal[above] and not self.uneven[above]
            if not np.all(np.abs(self.world[node]) <= trees.FAR):
                raise InputError(
                    f"Node {nodes[node].get('name', node)!r} has no valid rest position: with its "
                    f"parents' transforms its coordinates are not finite or exceed {trees.FAR:g}."
                )
        stretch = (
            np.linalg.svd(np.array([m[:3, :3] for m in self.world]), compute_uv=False)
            if nodes
            else np.zeros((0, 3))
        )
        self.flat = [bool(s[2] <= _FLAT * max(s[0], 1e-30)) for s in stretch]


def points(matrix: Float[ndarray, "4 4"], at: Float[ndarray, "*n 3"]) -> Float[ndarray, "*n 3"]:
    """Return points transformed by an affine matrix."""
    return np.asarray(at @ matrix[:3, :3].T + matrix[:3, 3])
