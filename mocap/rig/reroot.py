"""BVH skeletons whose root is the head or the chest, turned into skeletons that begin at the hips.

Software for head-mounted displays roots its skeletons at the head. A joint's rotation moves what
hangs below it, so in such a file the spine's joints move the body below them. Reversing the
hierarchy keeps every joint's position in every frame.
"""

from __future__ import annotations

import numpy as np

from mocap.core import kinematics
from mocap.core import rotation as R
from mocap.core.motion import Motion
from mocap.core.rig import Tree
from mocap.core.skeleton import Skeleton
from mocap.formats.bvh.rig import tree_of_motion
from mocap.rig import names as N
from mocap.rig import tree as T

# How well a name must fit a bone for its node to decide the direction of the hierarchy.
_FITS = 0.9
_REVERSED = " (reversed)"


def from_hips(tree: Tree) -> Tree:
    """Return a BVH's tree rooted at its hips, if a joint of the trunk or the head is above them.

    Args:
        tree: The nodes of a file; those of other formats are returned unchanged.
    """
    if tree.motion is None:
        return tree
    readings = N.read(tree.names)
    hips = [i for i, r in enumerate(readings) if r.side is None and r.fits.get("hips", 0) >= _FITS]
    if not hips:
        return tree
    above = T.path(tree.parents, hips[0])[:-1]
    if not any(
        readings[n].fits.get(bone, 0) >= _FITS for n in above for bone in ("spine", "neck", "head")
    ):
        return tree
    return tree_of_motion(rerooted(tree.motion, hips[0]))


def rerooted(motion: Motion, root: int) -> Motion:
    """Return the motion on a skeleton that begins at another joint; every joint keeps its position.

    A joint between the new root and the old one takes the rotation of the joint that was above it,
    which moves the segment between the two. If it has other children, an extra joint at its place
    takes this rotation, so that these children keep theirs.

    Args:
        motion: A motion on a skeleton whose rest rotations are identities.
        root: The joint at which the new skeleton begins.
    """
    skeleton = motion.skeleton
    way = T.path(skeleton.parents, root)[::-1]
    children = T.children(skeleton.parents)
    positions, world = kinematics.fk(skeleton, motion.root_positions, motion.rotations)
    rest = skeleton.rest_positions()

    joints: list[int] = []  # the old joint whose position each new joint has
    frames: list[int] = []  # the old joint whose rotation each new joint has
    parents: list[int] = []
    names: list[str] = []
    place: dict[int, int] = {}

    def add(joint: int, frame: int, parent: int, extra: str = "") -> int:
        name = skeleton.names[joint] + extra
        while extra and name in skeleton.names:
            name += extra
        names.append(name)
        joints.append(joint)
        frames.append(frame)
        parents.append(parent)
        return len(joints) - 1

    below = -1
    for step, joint in enumerate(way):
        last = step + 1 == len(way)
        before = way[step - 1] if step else -1
        others = [c for c in children[joint] if c != before]
        own = joint if others or last else way[step + 1]
        place[joint] = below = add(joint, own, below)
        if others and not last:
            below = add(joint, way[step + 1], below, _REVERSED)
    for joint in range(len(skeleton.names)):
        if joint not in place:
            above = place[int(skeleton.parents[joint])]
            place[joint] = add(joint, joint, above)

    above_each = np.array(parents)
    offsets = rest[joints] - np.where(above_each[:, None] >= 0, rest[joints][above_each], 0.0)
    turned = Skeleton(tuple(names), above_each, offsets, np.tile(R.IDENTITY, (len(names), 1)))
    local = R.unroll(kinematics.local_rotations(turned, world[:, frames]))
    return Motion(turned, motion.times, positions[:, root], local)
