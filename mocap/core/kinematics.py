"""Forward kinematics, world and local rotations, bone lengths and two-bone inverse kinematics."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.skeleton import Skeleton

# Up to this many numbers of rotations, a few operations on all joints are faster than some for each
# depth of the tree: a live frame.
_FEW = 400
# Frames computed at once in a long motion, so that intermediate arrays fit into the cache.
_BLOCK = 1024


@lru_cache(maxsize=32)
def _levels(skeleton: Skeleton) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Return (joints, their parents) for each depth of the tree below the root.

    All joints of one depth can then be computed in one array operation.
    """
    parents = skeleton.parents.tolist()
    depth = [0] * len(parents)
    levels: list[list[int]] = [[]]
    for joint, parent in enumerate(parents):
        if parent >= 0:
            depth[joint] = depth[parent] + 1
            if depth[joint] == len(levels):
                levels.append([])
        levels[depth[joint]].append(joint)
    return tuple((np.array(joints), skeleton.parents[joints]) for joints in levels[1:])


@lru_cache(maxsize=32)
def _jumps(skeleton: Skeleton) -> tuple[np.ndarray, ...]:
    """Return the joints 1, 2, 4, … above each joint, up to the root.

    Where there is none, and for one joint more, it is that one, number J.
    """
    count = len(skeleton.names)
    above = np.append(np.where(skeleton.parents < 0, count, skeleton.parents), count)
    out = []
    while (above[:-1] < count).any():
        out.append(above)
        above = above[above]
    return tuple(out)


@lru_cache(maxsize=32)
def _chains(skeleton: Skeleton) -> Float[ndarray, "joints bones"]:
    """Return which bones (joints but the root) lie between the root and each joint: 1, else 0."""
    out = np.eye(len(skeleton.names))
    for joint, parent in enumerate(skeleton.parents.tolist()):
        if parent >= 0:
            out[joint] += out[parent]
    return out[:, 1:]


def global_rotations(
    skeleton: Skeleton, local: Float[ndarray, "*frames joints 4"]
) -> Float[ndarray, "*frames joints 4"]:
    """Return world rotations (q_world_joint) from local ones (q_parent_joint)."""
    if local.size <= _FEW:
        out = np.empty((*local.shape[:-2], local.shape[-2] + 1, 4))
        out[..., :-1, :], out[..., -1, :] = local, R.IDENTITY
        for above in _jumps(skeleton):  # each time twice as many joints of the chain are multiplied
            out = R.multiply(out[..., above, :], out)
        return out[..., :-1, :]
    out = np.array(local, dtype=np.float64)
    for part in _blocks(out):
        some = out[part]
        for joints, parents in _levels(skeleton):
            some[..., joints, :] = R.multiply(some[..., parents, :], some[..., joints, :])
    return out


def local_rotations(
    skeleton: Skeleton, world: Float[ndarray, "*frames joints 4"]
) -> Float[ndarray, "*frames joints 4"]:
    """Return local rotations (q_parent_joint) from world ones (q_world_joint)."""
    out = np.array(world, dtype=np.float64)
    for part in _blocks(world):
        above = R.conjugate(world[part][..., skeleton.parents[1:], :])
        out[part][..., 1:, :] = R.multiply(above, world[part][..., 1:, :])
    return out


def _blocks(rotations: Float[ndarray, "*frames joints 4"]) -> list[slice]:
    """Return the parts of the first axis that are computed at once; for one pose, everything."""
    if rotations.ndim != 3 or len(rotations) <= _BLOCK:
        return [slice(None)]
    return [slice(start, start + _BLOCK) for start in range(0, len(rotations), _BLOCK)]


def fk(
    skeleton: Skeleton,
    root_positions: Float[ndarray, "*#frames 3"],
    rotations: Float[ndarray, "*frames joints 4"],
) -> tuple[Float[ndarray, "*frames joints 3"], Float[ndarray, "*frames joints 4"]]:
    """Forward kinematics.

    Args:
        skeleton: The body.
        root_positions: World positions of the root, metres.
        rotations: Local rotations, q_parent_joint.

    Returns:
        World positions of the joints, metres, and their world rotations, q_world_joint.
    """
    if len(parts := _blocks(rotations)) > 1:
        root = np.broadcast_to(root_positions, (len(rotations), 3))
        places = np.empty((*rotations.shape[:2], 3))
        turned = np.empty(rotations.shape)
        for part in parts:
            places[part], turned[part] = fk(skeleton, root[part], rotations[part])
        return places, turned
    world = global_rotations(skeleton, rotations)
    # All bones are rotated at once; only the sums of positions go level by level.
    bones = R.apply(world[..., skeleton.parents[1:], :], skeleton.offsets[1:])
    if rotations.size <= _FEW:
        return _chains(skeleton) @ bones + root_positions[..., None, :], world
    positions = np.empty((*world.shape[:-1], 3))
    positions[..., 0, :] = root_positions
    for joints, parents in _levels(skeleton):
        positions[..., joints, :] = positions[..., parents, :] + bones[..., joints - 1, :]
    return positions, world


# Distance from the ankle back to the heel's end, as a share of the distance ahead to the toes'
# joint.
_HEEL_SHARE = 0.43
_LEGS = (
    "hips",
    *(
        f"{side}{bone}"
        for bone in ("UpperLeg", "LowerLeg", "Foot", "Toes")
        for side in ("left", "right")
    ),
)


@lru_cache(maxsize=16)
def _legs(skeleton: Skeleton) -> tuple[Skeleton, ndarray, ndarray, ndarray]:
    """Return the legs of a skeleton and the points of their soles.

    Returns:
        The skeleton of the legs alone; the indices of its joints in the whole skeleton; the points
        of the soles, (4, 3) metres in the frames of their joints, in the order of motion.CONTACTS
        and on the ground at rest; and the indices of those joints in the legs, (4,).
    """
    joints = np.array([skeleton.index(name) for name in _LEGS])
    place = {int(j): n for n, j in enumerate(joints)}
    parents = np.array([-1, *(place[int(skeleton.parents[j])] for j in joints[1:])])
    legs = Skeleton(_LEGS, parents, skeleton.offsets[joints], skeleton.rest_rotations[joints])
    rest = legs.rest_positions()
    points, at = [], []
    for foot, toes in ((5, 7), (6, 8)):
        ahead = rest[toes, 2] - rest[foot, 2]
        points += [[0.0, -rest[foot, 1], -_HEEL_SHARE * ahead], [0.0, -rest[toes, 1], 0.5 * ahead]]
        at += [foot, toes]
    return legs, joints, np.array(points), np.array(at)


def sole_points(
    skeleton: Skeleton,
    root_positions: Float[ndarray, "*#frames 3"],
    rotations: Float[ndarray, "*frames joints 4"],
) -> Float[ndarray, "*frames 4 3"]:
    """Return the world positions of heels and toe tips, in the order of motion.CONTACTS.

    Args:
        skeleton: A humanoid with identity rest rotations that stands on y = 0 in its rest pose, as
            mocap's own bodies do.
        root_positions: World positions of the root, metres.
        rotations: Local rotations.

    Returns:
        World positions, metres: left heel, left toes, right heel, right toes.
    """
    legs, joints, points, at = _legs(skeleton)
    positions, world = fk(legs, root_positions, rotations[..., joints, :])
    return positions[..., at, :] + R.apply(world[..., at, :], points)


def soles_of(skeleton: Skeleton) -> tuple[tuple[str, ...], Float[ndarray, "4 3"]]:
    """Return the points of `sole_points` on the body.

    Args:
        skeleton: As of `sole_points`.

    Returns:
        The names of their joints, and metres in the frames of these.
    """
    legs, _, points, at = _legs(skeleton)
    return tuple(legs.names[joint] for joint in at), points


def sole_heights(
    skeleton: Skeleton, rotations: Float[ndarray, "*frames joints 4"]
) -> Float[ndarray, "*frames 4"]:
    """Return the heights of heels and toe tips relative to the root, metres (usually negative).

    Args:
        skeleton: As for `sole_points`.
        rotations: Local rotations.
    """
    return sole_points(skeleton, np.zeros(3), rotations)[..., 1]


def bone_lengths(skeleton: Skeleton) -> Float[ndarray, "joints"]:
    """Return the distance of each joint from its parent, metres; 0 for the root."""
    lengths = np.linalg.norm(skeleton.offsets, axis=-1)
    lengths[0] = 0.0
    return lengths


def reaches(skeleton: Skeleton) -> Float[ndarray, "joints"]:
    """Return the length of the longest chain of bones below each joint, metres."""
    out = np.zeros(len(skeleton.names))
    lengths = bone_lengths(skeleton)
    for joint in range(len(out) - 1, 0, -1):  # children before their parents
        above = skeleton.parents[joint]
        out[above] = max(out[above], out[joint] + lengths[joint])
    return out


def scaled(skeleton: Skeleton, factors: dict[str, float]) -> Skeleton:
    """Return the skeleton with the offsets of the named joints multiplied by factors.

    A joint's offset is its parent bone, so a factor changes the length of the parent bone.

    Args:
        skeleton: The skeleton.
        factors: Joint name → factor.
    """
    offsets = skeleton.offsets.copy()
    for name, factor in factors.items():
        offsets[skeleton.index(name)] *= factor
    return Skeleton(skeleton.names, skeleton.parents, offsets, skeleton.rest_rotations)


def two_bone_ik(
    root: Float[ndarray, "*batch 3"],
    target: Float[ndarray, "*batch 3"],
    pole: Float[ndarray, "*batch 3"],
    upper: float,
    lower: float,
) -> tuple[Float[ndarray, "*batch 3"], Float[ndarray, "*batch 3"]]:
    """Place knee and ankle (or elbow and wrist) so that the end of a limb reaches a target.

    The solution is the law of cosines. A target out of reach is approached with a straight limb,
    a target that is too close with a folded one.

    Args:
        root: Position of hip or shoulder, metres.
        target: Position that the end is to reach, metres.
        pole: Direction in which the middle joint bends, of any length and angle to the limb. If
            it is parallel to the limb, the bending plane is arbitrary.
        upper: Length of the first bone, metres.
        lower: Length of the second bone, metres.

    Returns:
        Positions of the middle joint and of the end, metres.
    """
    reach = target - root
    distance = np.sqrt(R.dot(reach, reach))
    clamped = np.clip(distance, abs(upper - lower) + 1e-9, upper + lower - 1e-9)
    direction = R.normalize(np.where(distance[..., None] > 1e-9, reach, pole))
    # `from_frame` gives a unit vector even if pole and reach are parallel, unlike a projection, so
    # the bones keep their lengths.
    side = R.apply(R.from_frame(direction, pole), np.array([0.0, 1.0, 0.0]))
    along = (upper**2 - lower**2 + clamped**2) / (2.0 * clamped)
    height = np.sqrt(np.maximum(upper**2 - along**2, 0.0))
    middle = root + direction * along[..., None] + side * height[..., None]
    return middle, root + direction * clamped[..., None]


def limb_swings(
    root: Float[ndarray, "*batch 3"],
    middle: Float[ndarray, "*batch 3"],
    end: Float[ndarray, "*batch 3"],
    goal: Float[ndarray, "*batch 3"],
    hinge: Float[ndarray, "*batch 3"],
    lengths: tuple[float, float],
) -> tuple[Float[ndarray, "*batch 4"], Float[ndarray, "*batch 4"]]:
    """Return the rotations of a limb's two bones that move its end to a goal.

    The limb keeps its bending plane. A straight limb has none, so a small share of `hinge` is
    added to the direction of the middle joint.

    Args:
        root: Position of hip or shoulder, metres, in the world.
        middle: Position of knee or elbow.
        end: Position of ankle or wrist.
        goal: Position that the end is to reach; see `two_bone_ik` for goals out of reach.
        hinge: Direction in which the limb bends, with a length of about one bone, metres.
        lengths: Lengths of the upper and the lower bone, metres.

    Returns:
        World rotations, xyzw, to multiply from the left onto those of the upper and lower bone.
    """
    along = R.normalize(end - root)
    bend = middle - root + 1e-3 * hinge
    pole = bend - R.dot(bend, along)[..., None] * along
    new_middle, new_end = two_bone_ik(root, goal, pole, *lengths)
    return (
        R.between(R.normalize(middle - root), R.normalize(new_middle - root)),
        R.between(R.normalize(end - middle), R.normalize(new_end - new_middle)),
    )
