"""An FBX as a Tree: its models at rest, and the bind pose of its skins."""

from __future__ import annotations

import numpy as np
from numpy import ndarray

from mocap.core.rig import Tree, TreePose
from mocap.errors import InputError
from mocap.formats import trees
from mocap.formats.character_tops import tops
from mocap.formats.fbx import pose
from mocap.formats.fbx.nodes import damage_named
from mocap.formats.fbx.scene import FbxScene, loads, subclass


@damage_named()
def characters(data: bytes) -> list[str]:
    """Return the names of the models above each character's skeleton, if there are several."""
    scene = loads(data)
    found = _tops(scene)
    return [scene.names[i] for i in found] if len(found) > 1 else []


@damage_named()
def tree_of(data: bytes, character: str | None = None) -> Tree:
    """Return the models of an FBX file, in metres and +Y up.

    Args:
        data: The file's bytes.
        character: The name of one of `characters`, for its models alone.

    Raises:
        InputError: The file is damaged, or has no models or no such character.
    """
    scene = loads(data)
    if not scene.models:
        raise InputError("The FBX file has no models, so there is no character in it.")
    rest = pose.rest(scene)
    worlds = np.zeros((len(scene.models), 4, 4))
    worlds[:, :3, :3], worlds[:, :3, 3], worlds[:, 3, 3] = rest.linear, rest.positions, 1.0
    rotations = trees.rotations_of(rest.linear, scene.parents, rest.local_turns)
    bound: dict[int, ndarray | None] = dict(rest.bound)
    poses = trees.bind_pose(bound, scene.parents, worlds, rotations)
    if not rest.bound:
        matrices, positions = pose.without_rotations(scene)
        turns = trees.rotations_of(matrices, scene.parents, rest.local_turns)
        poses = (*poses, TreePose("zero", positions, turns))
    # The axes of a left-handed file mirror nothing.
    sides = np.linalg.det(scene.to_world) * np.linalg.det(rest.linear)
    tree = Tree(
        "fbx",
        scene.names,
        np.arange(len(scene.models)),
        scene.parents,
        rest.positions,
        rotations,
        rest.bones,
        {},
        poses,
        mirrored=bool(np.mean(sides[rest.bones] < 0.0) > 0.5) if rest.bones.any() else False,
    )
    if character is None:
        return tree
    return trees.below(tree, trees.named({scene.names[i]: i for i in _tops(scene)}, character))


def _tops(scene: FbxScene) -> list[int]:
    """Return the model above each character's skeleton.

    Without skins, bones that hang from one bone are one skeleton.
    """
    place = {identity: i for i, identity in enumerate(scene.models)}
    skins = [
        {
            place[model]
            for cluster in scene.hanging(identity, "Deformer")
            for model in scene.hanging(cluster, "Model")
        }
        for identity, node in scene.objects.items()
        if node.name == "Deformer" and subclass(node) == "Skin"
    ]
    if not any(skins):
        first: dict[int, int] = {}  # bone → the first bone above it
        for i in range(len(scene.models)):
            over = int(scene.parents[i])
            if pose.is_bone(scene, i):
                first[i] = first.get(over, i)
        skins = [{i for i in first if first[i] == top} for top in sorted(set(first.values()))]
    return tops((s for s in skins if s), scene.parents)
