"""FBX takes as Motions, on the skeleton of a rig or on the file's own models."""

from __future__ import annotations

from collections import Counter

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import kinematics
from mocap.core import rotation as R
from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.core.skeleton import Skeleton
from mocap.errors import InputError
from mocap.formats import trees
from mocap.formats.fbx import pose, takes
from mocap.formats.fbx.nodes import damage_named
from mocap.formats.fbx.scene import FbxScene, loads

# Scales of a model that differ by more than this share are unequal.
_UNEVEN = 1e-4
# Metres: if the median offset of a joint in a take differs from its rest by more than this, the
# skeleton gets the take's offsets.
_SAME_PLACE = 1e-4


@damage_named()
def animations(data: bytes) -> list[str]:
    """Return the names of a file's takes, in its order."""
    return takes.names(loads(data))


@damage_named()
def pictures(data: bytes) -> list[str]:
    """Return the pictures that an FBX refers to and does not contain.

    The paths are relative, with forward slashes.
    """
    named: set[str] = set()
    embedded: set[str] = set()
    for node in loads(data).objects.values():
        name, content = node.child("RelativeFilename"), node.child("Content")
        if node.name in ("Video", "Texture") and name is not None and len(name.values):
            inside = content is not None and len(content.values) and len(content.values[0])
            (embedded if inside else named).add(str(name.values[0]).replace("\\", "/"))
    return sorted(named - embedded - {""})


@damage_named()
def loads_on(rig: Rig, animation: str | None = None) -> Motion:
    """Return a take in the rig's own file, on the rig's joints and in mocap's world.

    Some takes give bones other lengths than the rest has; the motion's skeleton then has those.

    Args:
        rig: Read from an FBX file.
        animation: The take's name; None for the first take that moves something.

    Raises:
        InputError: There is no take, or none of that name.
    """
    scene = loads(rig.source)
    models = models_of(scene, rig)
    take = takes.chosen(scene, animation)
    return _motion(scene, take, models, rig.skeleton, rig.turn, rig.unit)


@damage_named()
def loads_animation(data: bytes) -> Motion:
    """Return a file's first take, with the file's bones and moving models as the skeleton.

    Without a take the motion has one frame, the rest.

    Args:
        data: The file's bytes.

    Raises:
        InputError: The file has no bones.
    """
    scene = loads(data)
    take = takes.chosen(scene, None) if takes.names(scene) else takes.FbxTake("", None, {})
    rest = pose.rest(scene)
    models = _skeleton_models(scene, take, rest)
    place = {model: j for j, model in enumerate(models)}
    parents = np.array([-1] + [place[int(scene.parents[m])] for m in models[1:]])
    matrices = rest.linear[models]
    sign = np.sign(np.linalg.det(matrices))
    turns = trees.nearest_rotation(matrices * np.where(sign == 0, 1.0, sign)[:, None, None])
    local, offsets = turns.copy(), rest.positions[models]
    back = R.conjugate(turns[parents[1:]])
    offsets[1:] = R.apply(back, offsets[1:] - offsets[parents[1:]])
    local[1:] = R.multiply(back, turns[1:])
    skeleton = Skeleton(tuple(scene.names[m] for m in models), parents, offsets, local)
    return _motion(scene, take, models, skeleton, R.IDENTITY, 1.0)


def models_of(scene: FbxScene, rig: Rig) -> list[int]:
    """Return the index of the model of each of the rig's joints.

    Args:
        scene: The rig's own file.
        rig: The character.

    Raises:
        InputError: The file lacks one of the joints.
    """
    place = {name: i for i, name in enumerate(scene.names)}
    if missing := [n for n in rig.skeleton.names if n not in place]:
        raise InputError(f"The rig's file has no models named {', '.join(missing[:60])}.")
    return [place[n] for n in rig.skeleton.names]


def _skeleton_models(scene: FbxScene, take: takes.FbxTake, rest: pose.RestModels) -> list[int]:
    """Return the models of the skeleton, parents before children."""
    place = {identity: i for i, identity in enumerate(scene.models)}
    animated = {place[model] for model, _ in take.parts}
    wanted = animated | set(np.flatnonzero(rest.bones).tolist())
    if not wanted:
        raise InputError("The FBX file has no bones and no animation, so there is no skeleton.")
    kept = pose.above(scene, wanted)
    top: dict[int, int] = {}  # the root of each model's tree
    for i in sorted(kept):
        top[i] = top[int(scene.parents[i])] if scene.parents[i] >= 0 else i
    sizes = Counter(top[i] for i in wanted)
    root = max(sorted(sizes), key=lambda t: sizes[t])
    kept = {i for i in kept if top[i] == root}
    below: dict[int, list[int]] = {}
    for i in kept:
        below.setdefault(int(scene.parents[i]), []).append(i)
    while root not in animated and len(below.get(root, ())) == 1:
        kept.remove(root)
        (root,) = below[root]
    return sorted(kept)


def _motion(
    scene: FbxScene,
    take: takes.FbxTake,
    models: list[int],
    skeleton: Skeleton,
    turn: Float[ndarray, "4"],
    unit: float,
) -> Motion:
    """Return the movement of models as a motion.

    A point p of the scene's world is unit · turn(p) in mocap's world.
    """
    rest = pose.rest(scene)
    times = takes.frame_times(scene, take)
    if len(times) * len(models) > 2e7:
        raise InputError(
            f"The animation {take.name!r} has {len(times)} frames of {len(models)} bones, which is "
            "more than mocap reads; export a shorter part of it."
        )
    positions, away = pose.performed(scene, take, times, models, rest)
    positions = unit * R.apply(turn, positions)
    at_rest = kinematics.global_rotations(skeleton, skeleton.rest_rotations)
    away = R.multiply(R.multiply(turn, away), R.conjugate(turn))
    stretch = np.linalg.svd(rest.linear[models], compute_uv=False)
    uneven = np.ptp(stretch, axis=1) > _UNEVEN * stretch[:, 0]
    world = trees.aimed(skeleton, R.multiply(away, at_rest), positions, uneven)
    local = R.unroll(R.normalize(kinematics.local_rotations(skeleton, world)))
    body = _stretched(skeleton, positions, world)
    return Motion(body, times, positions[:, 0], local)


def _stretched(
    skeleton: Skeleton,
    positions: Float[ndarray, "frames joints 3"],
    world: Float[ndarray, "frames joints 4"],
) -> Skeleton:
    """Return the skeleton with the joints' median offsets; the same skeleton if they agree."""
    parents = skeleton.parents[1:]
    bones = R.apply(R.conjugate(world[:, parents]), positions[:, 1:] - positions[:, parents])
    offsets = skeleton.offsets.copy()
    offsets[1:] = np.median(bones, axis=0)
    away = np.linalg.norm(offsets - skeleton.offsets, axis=1)
    if away[1:].max(initial=0.0) < _SAME_PLACE:
        return skeleton
    return Skeleton(skeleton.names, skeleton.parents, offsets, skeleton.rest_rotations)
