"""An FBX as a Tree: its models at rest, and the pose in which its skins were bound."""

from __future__ import annotations

import numpy as np
from numpy import ndarray

from mocap.core.rig import Tree, TreePose
from mocap.errors import InputError
from mocap.formats.fbx import pose
from mocap.formats.fbx.nodes import damage_named
from mocap.formats.fbx.scene import loads
from mocap.formats.gltf_tree import bind_pose, rotations_of


@damage_named()
def tree_of(data: bytes) -> Tree:
    """Returns the models of an FBX file, in metres and +Y up.

    Raises:
        InputError: If the file is damaged, or has no models.
    """
    scene = loads(data)
    if not scene.models:
        raise InputError("The FBX file has no models, so there is no character in it.")
    rest = pose.rest(scene)
    worlds = np.zeros((len(scene.models), 4, 4))
    worlds[:, :3, :3], worlds[:, :3, 3], worlds[:, 3, 3] = rest.linear, rest.positions, 1.0
    rotations = rotations_of(rest.linear, scene.parents, rest.local_turns)
    bound: dict[int, ndarray | None] = dict(rest.bound)
    poses = bind_pose(bound, scene.parents, worlds, rotations)
    if not rest.bound:
        matrices, positions = pose.without_rotations(scene)
        turns = rotations_of(matrices, scene.parents, rest.local_turns)
        poses = (*poses, TreePose("zero", positions, turns))
    count = np.arange(len(scene.models))
    return Tree(
        "fbx", scene.names, count, scene.parents, rest.positions, rotations, rest.bones, {}, poses
    )
