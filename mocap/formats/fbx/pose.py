"""Positions and rotations of a scene's models, at rest and over time, in metres and +Y up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.errors import InputError
from mocap.formats import trees
from mocap.formats.fbx.scene import FbxScene, subclass
from mocap.formats.fbx.takes import FbxTake, moving
from mocap.formats.fbx.transform import WORLD, Local, Placement, local, placed

# A matrix within this of a rotation times a scale is one.
_ALIKE = 1e-4
# The types of models that are bones.
_BONES = ("LimbNode", "Limb", "Root", "Effector")


def walk(
    scene: FbxScene,
    take: FbxTake | None,
    times: Float[ndarray, "frames"],
    wanted: Collection[int],
    unturned: bool = False,
) -> Iterator[tuple[int, Local, Placement, Placement]]:
    """Yield models with their transforms, parents before children, in the file's axes and unit.

    Args:
        scene: The scene.
        take: The animation; None for the rest.
        times: Seconds.
        wanted: Indices of the models; those above them are visited too.
        unturned: Bones have no rotation beyond their orientation (pre- and post-rotation).

    Yields:
        A model's index, its transform at rest, the placement of its parent, and its own.
    """
    needed = above(scene, wanted)
    waiting = Counter(int(scene.parents[i]) for i in needed)
    there: dict[int, Placement] = {-1: WORLD}
    for i in sorted(needed):
        parent = int(scene.parents[i])
        model = local(scene.properties(scene.models[i]))
        place, turn, scaling = moving(model, scene.models[i], take, times)
        if unturned and is_bone(scene, i):
            turn = model.turn(np.zeros((1, 3)))
        now = placed(model, there[parent], place, turn, scaling)
        yield i, model, there[parent], now
        there[i] = now
        waiting[parent] -= 1
        if parent >= 0 and not waiting[parent]:
            del there[parent]


def is_bone(scene: FbxScene, index: int) -> bool:
    """Return whether a model has the type of a bone."""
    return subclass(scene.objects[scene.models[index]]) in _BONES


def above(scene: FbxScene, wanted: Collection[int]) -> set[int]:
    """Return the indices of models and of all models above them."""
    needed: set[int] = set()
    for i in wanted:
        node = int(i)
        while node >= 0 and node not in needed:
            needed.add(node)
            node = int(scene.parents[node])
    return needed


@dataclass(frozen=True, eq=False, slots=True)
class RestModels:
    """All models at rest, in metres, +Y up.

    Attributes:
        linear: (N, 3, 3) linear parts of the world matrices, with scale.
        positions: (N, 3) the points about which the models rotate.
        local_turns: (N, 4) rotations relative to the parents.
        bones: (N,) whether a model is a bone: a skin is bound to it, or, in a file without skins,
            its type is that of a bone.
        bound: Index → (4, 4) matrix in the bind pose, for the models that the file gives one.
    """

    linear: Float[ndarray, "models 3 3"]
    positions: Float[ndarray, "models 3"]
    local_turns: Float[ndarray, "models 4"]
    bones: Bool[ndarray, "models"]
    bound: dict[int, Float[ndarray, "4 4"]]


def rest(scene: FbxScene) -> RestModels:
    """Return the scene's rest.

    Raises:
        InputError: A model's coordinates are not finite, or too large.
    """
    count = len(scene.models)
    linear_, positions, turns = np.empty((count, 3, 3)), np.empty((count, 3)), np.empty((count, 4))
    pivots = np.zeros((count, 3))  # in the model's own frame
    with np.errstate(all="ignore"):
        for i, model, _, now in walk(scene, None, np.zeros(1), range(count)):
            linear_[i] = scene.to_world @ now.linear[0]
            positions[i] = scene.to_world @ now.joint[0]
            turns[i] = model.turn(model.rotation)
            away = positions[i] - scene.to_world @ now.origin[0]
            if away.any():
                pivots[i] = np.linalg.lstsq(linear_[i], away, rcond=None)[0]
    lost = ~np.all(np.abs(linear_) < trees.FAR, axis=(1, 2)) | ~np.all(
        np.abs(positions) < trees.FAR, axis=1
    )
    if lost.any():
        name = scene.names[int(np.argmax(lost))]
        raise InputError(
            f"The model {name!r} of the FBX file has no valid rest position: with its parents' "
            "transforms its coordinates are not finite or too large."
        )
    skinned, bound = _bound(scene, pivots)
    bones = np.zeros(count, dtype=bool)
    bones[list(skinned)] = True
    if not bones.any():
        bones[:] = [is_bone(scene, i) for i in range(count)]
    return RestModels(linear_, positions, turns, bones, bound)


def without_rotations(
    scene: FbxScene,
) -> tuple[Float[ndarray, "models 3 3"], Float[ndarray, "models 3"]]:
    """Return the pose in which the bones' own rotations are zero.

    Tools for motion capture save the first frame as the rest, and the original pose of the body in
    the joints' orientations.

    Returns:
        Linear parts and positions in the world, of all models.
    """
    walked = walk(scene, None, np.zeros(1), range(len(scene.models)), unturned=True)
    placed_ = [now for _, _, _, now in walked]
    linear_ = np.array([scene.to_world @ now.linear[0] for now in placed_])
    return linear_, np.array([scene.to_world @ now.joint[0] for now in placed_])


def _bound(
    scene: FbxScene, pivots: Float[ndarray, "models 3"]
) -> tuple[set[int], dict[int, ndarray]]:
    """Return the models to which skins are bound, and index → matrix in the bind pose.

    The matrices come from clusters, or else from a BindPose.
    """
    place = {identity: i for i, identity in enumerate(scene.models)}
    skinned: set[int] = set()
    found: dict[int, ndarray | None] = {}
    for identity, node in scene.objects.items():
        if node.name == "Deformer" and subclass(node) == "Cluster":
            for model in scene.hanging(identity, "Model"):
                skinned.add(place[model])
                found.setdefault(place[model], node.array("TransformLink"))
    for node in scene.objects.values():
        if node.name == "Pose" and subclass(node) == "BindPose":
            for entry in node.children:
                which = entry.child("Node") if entry.name == "PoseNode" else None
                if which is not None and len(which.values) and which.values[0] in place:
                    found.setdefault(place[which.values[0]], entry.array("Matrix"))
    bound = {}
    for i, values in found.items():
        if values is None or len(values) != 16 or not np.all(np.abs(values) < trees.FAR):
            continue
        matrix = np.asarray(values, dtype=np.float64).reshape(4, 4).T
        whole = np.eye(4)
        whole[:3, :3] = scene.to_world @ matrix[:3, :3]
        whole[:3, 3] = scene.to_world @ matrix[:3, 3] + whole[:3, :3] @ pivots[i]
        bound[i] = whole
    return skinned, bound


def performed(
    scene: FbxScene,
    take: FbxTake,
    times: Float[ndarray, "frames"],
    models: list[int],
    at_rest: RestModels,
) -> tuple[Float[ndarray, "frames joints 3"], Float[ndarray, "frames joints 4"]]:
    """Return the joints' positions over time and their rotations away from rest, in the world.

    Args:
        scene: The scene.
        take: The animation.
        times: Seconds.
        models: Indices of the joints' models.
        at_rest: All models at rest.

    Returns:
        Positions, metres, and world rotations relative to the rest.
    """
    column = {model: j for j, model in enumerate(models)}
    positions = np.empty((len(times), len(models), 3))
    turns = np.empty((len(times), len(models), 4))
    for i, _, _, now in walk(scene, take, times, models):
        if i in column:
            positions[:, column[i]] = now.joint @ scene.to_world.T
            turns[:, column[i]] = _away(scene, now, at_rest.linear[i])
    return positions, turns


def _away(scene: FbxScene, now: Placement, rest_: Float[ndarray, "3 3"]) -> Float[ndarray, "_ 4"]:
    """Return the rotation in the world nearest to the change of a model since its rest."""
    stretch = np.linalg.svd(rest_, compute_uv=False)
    if stretch[2] <= 1e-6 * max(stretch[0], 1e-30):
        return R.IDENTITY[None]
    moved = scene.to_world @ now.linear @ np.linalg.inv(rest_)
    size = np.cbrt(np.linalg.det(moved))[..., None, None]
    even = moved / np.where(size == 0.0, 1.0, size)
    gram = np.swapaxes(even, -1, -2) @ even
    if np.all(np.abs(gram - np.eye(3)) < _ALIKE):
        return R.from_matrix(even)
    return trees.nearest_rotation(moved)
