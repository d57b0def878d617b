"""Rigs for tests: any bone axes, rest pose, height, missing bones, extra joints and roots."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from mocap.core import rotation as R
from mocap.core.rig import Found, Rig, Tree, TreePose
from mocap.core.skeleton import BONE_PARENTS, BONES, Skeleton
from tests.helpers import synthetic

FINGERS = tuple(
    b for b in BONES if any(f in b for f in ("Thumb", "Index", "Middle", "Ring", "Little"))
)
OPTIONAL = (
    "chest",
    "upperChest",
    "neck",
    "leftShoulder",
    "rightShoulder",
    "leftToes",
    "rightToes",
    "jaw",
    "leftEye",
    "rightEye",
    *FINGERS,
)


def rig(
    rng: np.random.Generator,
    height: float = 1.75,
    missing: tuple[str, ...] = (),
    between: float = 0.0,
    above: int = 0,
    arms: float = 0.0,
    body: Skeleton | None = None,
    kind: str = "glb",
    named: str = "n{}",
) -> Rig:
    """Return a rig of `body` (by default a random one) with a random frame at each joint.

    Args:
        height: Metres.
        between: The chance that a joint which is not a bone stands half way to the next.
        above: Joints above the hips.
        arms: Degrees by which the arms hang below the T-pose at rest.
    """
    body = synthetic.random_body(rng) if body is None else body
    at = dict(zip(BONES, body.rest_positions() * height / 1.75, strict=True))
    bones = [b for b in BONES if b not in missing]
    names, parents, places, bone_of = [], [], [], {}

    def add(parent: int, place: np.ndarray) -> int:
        names.append(named.format(len(names)))
        parents.append(parent)
        places.append(place)
        return len(names) - 1

    top = -1
    for _ in range(above):
        top = add(top, rng.normal(scale=0.1 * height, size=3))
    joint: dict[str, int] = {}
    for bone in bones:
        before = BONE_PARENTS[bone]
        while before is not None and before not in joint:
            before = BONE_PARENTS[before]
        parent = joint[before] if before else top
        if before and rng.uniform() < between:
            parent = add(parent, 0.5 * (at[before] + at[bone]))
        joint[bone] = add(parent, at[bone])
        bone_of[joint[bone]] = bone

    count = len(names)
    frames = R.normalize(rng.normal(size=(count, 4)))
    hang = {"leftUpperArm": -1.0, "rightUpperArm": 1.0}
    turns = np.tile(R.IDENTITY, (count, 1))
    for j in range(count):
        turns[j] = turns[parents[j]] if parents[j] >= 0 else R.IDENTITY
        if bone_of.get(j) in hang:
            turns[j] = R.multiply(
                R.from_axis_angle(np.array([0.0, 0.0, 1.0]), hang[bone_of[j]] * np.radians(arms)),
                turns[j],
            )
    offsets, t_pose, rest = np.array(places), frames.copy(), R.multiply(turns, frames)
    local_rest = rest.copy()
    for j in range(1, count):
        p = parents[j]
        offsets[j] = R.apply(R.conjugate(frames[p]), places[j] - places[p])
        t_pose[j] = R.multiply(R.conjugate(frames[p]), frames[j])
        local_rest[j] = R.multiply(R.conjugate(rest[p]), rest[j])
    skeleton = Skeleton(tuple(names), np.array(parents), offsets, local_rest)
    called = {bone: names[j] for bone, j in joint.items()}
    found = {bone: Found(j, "map", 1.0) for bone, j in joint.items()}
    return Rig("made", kind, skeleton, called, found, t_pose, R.IDENTITY.copy(), 1.0)


def anonymous(tree: Tree, seed: int) -> tuple[Tree, list[int]]:
    """Return the tree with random names, order and world rotation, and each node's old index.

    Nodes are called bone_001 and so on; parents come before children.
    """
    rng = np.random.default_rng(seed)
    count = len(tree.names)
    children: list[list[int]] = [[] for _ in range(count)]
    ready = []
    for node, parent in enumerate(tree.parents):
        (children[parent] if parent >= 0 else ready).append(node)
    order: list[int] = []
    while ready:
        order.append(ready.pop(rng.integers(len(ready))))
        ready += children[order[-1]]
    place = {node: i for i, node in enumerate(order)} | {-1: -1}
    turn = Rotation.random(random_state=seed)
    turned = [
        Rotation.from_quat(q[order]) for q in (tree.rotations, *(p.rotations for p in tree.poses))
    ]
    places = [
        p[order] @ turn.as_matrix().T for p in (tree.positions, *(p.positions for p in tree.poses))
    ]
    quats = [(turn * q).as_quat() for q in turned]
    poses = tuple(
        TreePose(p.name, x, q) for p, x, q in zip(tree.poses, places[1:], quats[1:], strict=True)
    )
    names = tuple(f"bone_{k:03d}" for k in rng.permutation(count))
    parents = np.array([place[int(tree.parents[n])] for n in order])
    return Tree(
        tree.kind,
        names,
        np.arange(count),
        parents,
        places[0],
        quats[0],
        tree.joints[order],
        {},
        poses,
    ), order
