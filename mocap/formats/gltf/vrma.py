"""VRM animations: .vrma, glTF with VRMC_vrm_animation 1.0, which moves any VRM character.

Specification: https://github.com/vrm-c/vrm-specification/tree/master/specification/
VRMC_vrm_animation-1.0. The file contains nodes that rest in T-pose, and maps bones to nodes. All
bones rotate; only the hips have translations. An expression's weight is the x of a node's
translation. There are no eye bones: the gaze is the rotation of one more node.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import kinematics
from mocap.core import rotation as R
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, Skeleton, bone_before
from mocap.errors import InputError
from mocap.formats.expressions import PRESETS
from mocap.formats.gltf import glb, keys, reduce, rest_nodes
from mocap.formats.gltf import read as gltf_read
from mocap.formats.gltf.tracks import Track, append
from mocap.formats.trees import nearest_rotation

_EYES = ("leftEye", "rightEye")
_EXTENSION = "VRMC_vrm_animation"


def dumps(motion: Motion, name: str = "mocap", all_keys: bool = False) -> bytes:
    """Return the motion as a VRM animation.

    Args:
        motion: As in `animate`.
        name: As in `animate`.
        all_keys: As in `animate`.
    """
    return animate(motion, name, all_keys)[0]


def animate(motion: Motion, name: str = "mocap", all_keys: bool = False) -> tuple[bytes, int]:
    """Return the motion as a VRM animation, and the bytes that the reduction of keys saved.

    Args:
        motion: On humanoid bones that rest in T-pose without rotation. Its expressions are written
            too.
        name: The animation's name.
        all_keys: Write a key for every frame.

    Raises:
        InputError: The motion has no frames, or is on other joints.
    """
    skeleton = motion.skeleton
    if len(motion) == 0:
        raise InputError("A motion without frames cannot be written as a VRM animation.")
    if foreign := [n for n in skeleton.names if n not in BONES]:
        raise InputError(
            "A VRM animation has only humanoid bones, but the motion has "
            f"{', '.join(foreign[:20])}; normalize it first."
        )
    if np.max(R.angle(skeleton.rest_rotations)) > 1e-6 or skeleton.names[0] != "hips":
        raise InputError(
            "A VRM animation needs a motion whose bones rest in T-pose without rotation, hips "
            "first; normalize it first."
        )
    joints = [j for j, bone in enumerate(skeleton.names) if bone not in _EYES]
    node_of = {j: n for n, j in enumerate(joints)}
    nodes: list[glb.Document] = []
    for j in joints:
        children = [node_of[c] for c in skeleton.children(j) if c in node_of]
        node: glb.Document = {
            "name": skeleton.names[j],
            "translation": skeleton.offsets[j].tolist(),
        }
        nodes.append(node | ({"children": children} if children else {}))
    tracks = [Track(0, "translation", motion.root_positions, reduce.SHARE * reduce.LENGTH)]
    reach = kinematics.reaches(skeleton)
    # Bones at rest get tracks too, so that they leave the pose of an earlier animation.
    tracks += [
        Track(node_of[j], "rotation", R.normalize(motion.rotations[:, j]), reduce.turning(reach[j]))
        for j in joints
    ]
    extension: glb.Document = {
        "specVersion": "1.0",
        "humanoid": {"humanBones": {skeleton.names[j]: {"node": node_of[j]} for j in joints}},
    }
    tops = [0]
    for expression, weights in motion.expressions.items():
        kind = "preset" if expression in PRESETS else "custom"
        extension.setdefault("expressions", {}).setdefault(kind, {})[expression] = {
            "node": len(nodes)
        }
        path = np.stack(
            [np.clip(weights, 0.0, 1.0), np.zeros(len(motion)), np.zeros(len(motion))], axis=1
        )
        tracks.append(Track(len(nodes), "translation", path, reduce.WEIGHT))
        tops.append(len(nodes))
        nodes.append({"name": expression})
    if (gaze := _gaze(motion)) is not None:
        extension["lookAt"] = {"node": len(nodes)}
        tracks.append(Track(len(nodes), "rotation", gaze, reduce.ANGLE))
        tops.append(len(nodes))
        nodes.append({"name": "lookAt"})
    document: glb.Document = {
        "asset": {"version": "2.0", "generator": "mocap"},
        "scene": 0,
        "scenes": [{"nodes": tops}],
        "nodes": nodes,
        "extensionsUsed": [_EXTENSION],
        "extensions": {_EXTENSION: extension},
    }
    document, binary, saved = append(
        document, b"", name, motion.times, tracks, all_keys, chunk=True
    )
    return glb.join(document, binary), saved


def _gaze(motion: Motion) -> Float[ndarray, "frames 4"] | None:
    """Return the gaze relative to the head: halfway between the rotations of both eyes.

    It is None if there are no eyes, or they never rotate.
    """
    eyes = [
        motion.rotations[:, motion.skeleton.index(e)] for e in _EYES if e in motion.skeleton.names
    ]
    if not eyes or all(np.max(R.angle(e)) < 1e-6 for e in eyes):
        return None
    return R.slerp(eyes[0], eyes[-1], 0.5)


def is_vrma(data: bytes) -> bool:
    """Return whether a file is a GLB that declares the extension of VRM animations."""
    if data[:4] != b"glTF" or f'"{_EXTENSION}"'.encode() not in data:
        return False
    extensions = glb.split(data)[0].get("extensions")
    return isinstance(extensions, dict) and _EXTENSION in extensions


@glb.damage_named()
def loads(data: bytes, animation: str | None = None) -> Motion:
    """Return a motion from a .vrma file, on the bones that the file has, with T-pose at rest.

    By the specification, the nodes' rest pose is the T-pose, with any rotations. The gaze rotates
    both eyes.

    Args:
        data: The file.
        animation: The animation's name; None for the first.

    Raises:
        InputError: The file is no VRM animation.
    """
    document, binary = glb.split(data)
    extension = document.get("extensions", {}).get(_EXTENSION)
    if extension is None:
        raise InputError(
            f"This is no VRM animation: the glTF document has no {_EXTENSION}. Read it as a .glb."
        )
    node_of = {
        bone: entry["node"]
        for bone, entry in extension["humanoid"]["humanBones"].items()
        if bone in BONES
    }
    if "hips" not in node_of:
        raise InputError("The VRM animation has no hips, which every humanoid has.")
    tracks = keys.tracks_of(document, binary, gltf_read.chosen(document, animation))
    times = keys.times_of(tracks)
    rest = rest_nodes.RestNodes(document)
    bones = [b for b in BONES if b in node_of]
    skeleton = _skeleton(
        bones, np.array([rest.world[node_of[b]][:3, 3] for b in bones]), "lookAt" in extension
    )
    worlds = gltf_read.worlds(rest, tracks, times, node_of["hips"])
    turned = np.tile(R.IDENTITY, (len(times), len(skeleton.names), 1))
    for bone in bones:
        node = node_of[bone]
        # The rotation away from rest in the world is the bone's world rotation from T-pose.
        away = np.broadcast_to(worlds.get(node, rest.world[node]), (len(times), 4, 4))[
            :, :3, :3
        ] @ np.linalg.inv(rest.world[node][:3, :3])
        turned[:, skeleton.index(bone)] = nearest_rotation(away, rest.conformal[node])
    local = kinematics.local_rotations(skeleton, turned)
    for eye in (e for e in _EYES if e in skeleton.names):
        gaze = tracks.get((extension["lookAt"]["node"], "rotation"))
        at_rest = np.tile(rest.poses[extension["lookAt"]["node"]][1], (len(times), 1))
        local[:, skeleton.index(eye)] = (
            at_rest if gaze is None else keys.sampled(times, *gaze, turning=True)
        )
    hips = np.broadcast_to(
        worlds.get(node_of["hips"], rest.world[node_of["hips"]]), (len(times), 4, 4)
    )[:, :3, 3]
    expressions = {}
    listed = extension.get("expressions", {})
    for name, entry in {**listed.get("custom", {}), **listed.get("preset", {})}.items():
        if (track := tracks.get((entry["node"], "translation"))) is not None:
            expressions[name] = np.clip(keys.sampled(times, *track, turning=False)[:, 0], 0.0, 1.0)
    return Motion(skeleton, times, hips, R.unroll(R.normalize(local)), expressions)


def _skeleton(bones: list[str], places: Float[ndarray, "bones 3"], eyes: bool) -> Skeleton:
    """Return the bones at these rest positions, without rest rotations.

    Args:
        bones: Names of bones.
        places: Positions at rest.
        eyes: Add both eyes, in the head.
    """
    at = dict(zip(bones, places, strict=True))
    if eyes and "head" in at:
        # A VRM animation has no positions of eyes; only their rotations are used.
        at |= dict.fromkeys(_EYES, at["head"])
    names = [b for b in BONES if b in at]
    parents, offsets = [], []
    for bone in names:
        above = bone_before(bone, at)
        parents.append(-1 if above is None else names.index(above))
        offsets.append(at[bone] - (at[above] if above is not None else 0.0))
    return Skeleton(
        tuple(names), np.array(parents), np.array(offsets), np.tile(R.IDENTITY, (len(names), 1))
    )
