"""A motion as tracks of a glTF document's nodes."""

from __future__ import annotations

import numpy as np
from numpy import ndarray

from mocap.core import kinematics
from mocap.core import rotation as R
from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.core.skeleton import BONE_PARENTS
from mocap.formats.gltf import glb, morphs, reduce, rest_nodes
from mocap.formats.gltf.tracks import Track
from mocap.formats.on_rig import ground_matrices, in_document, no_carrier
from mocap.formats.trees import nearest_rotation

# Rotations (radians) and relative translations that differ from the rest by no more than this get
# no track. With reduced keys, the limit of rotations is their tolerance.
_STILL = 1e-6


def node_tracks(
    motion: Motion,
    rig: Rig,
    document: glb.Document,
    nodes: list[int],
    all_keys: bool,
    ground: bool = False,
) -> list[Track]:
    """Return the tracks of the nodes that give each joint the motion's rotation in the world.

    Let D be the joint's rotation away from rest in the document's world, P the current linear part
    of its parent node's world matrix, and M that of its own at rest. The node's local linear part
    must be P⁻¹·D·M. This is exact for any bone axes, nodes between joints, and mirrored or uniform
    scales. Below scales that differ by axis, no rotation is exact; the nearest one is taken, and
    then rotated so that the bone has the right direction.

    Args:
        motion: On the rig's skeleton; the tracks have a value for each of its frames.
        rig: The character.
        document: Its glTF document.
        nodes: The node of each joint (`nodes_of`).
        all_keys: Joints that hardly leave their rest get a track too.
        ground: As in `animate`.
    """
    rest = rest_nodes.RestNodes(document)
    turns, places = in_document(motion, rig)
    joint_of = {node: j for j, node in enumerate(nodes)}
    ahead = _bones_ahead(rig, nodes, rest)
    reach = kinematics.reaches(rig.skeleton)
    now: dict[int, ndarray] = {}  # node → (F or 1, 4, 4), to the world, for nodes that move
    joint_above: dict[int, int] = {-1: -1}  # node → the nearest joint that it is or hangs from
    tracks: list[Track] = []
    if ground:
        tracks, now = _carried(motion, rig, rest, nodes[0])
    # Children that wait for a node's matrices, which are dropped when there are none.
    waiting = np.bincount([p for p in rest.parents if p >= 0], minlength=len(rest.parents))
    for node in rest.order:
        above, j = rest.parents[node], joint_of.get(node)
        joint_above[node] = joint_above[above] if j is None else j
        if node in now:
            continue
        parent = now.get(above, (rest.world[above] if above >= 0 else np.eye(4))[None])
        moving = above in now
        if above >= 0:
            waiting[above] -= 1
            if not waiting[above]:
                now.pop(above, None)
        place, turn, scale = rest.poses[node]
        if j is None or rest.flat[node]:
            if moving and waiting[node]:
                now[node] = parent @ rest.local[node]
            continue
        linear_part = parent[:, :3, :3]
        wanted = R.to_matrix(turns[:, j]) @ rest.world[node][:3, :3]
        rotation = nearest_rotation(
            np.linalg.solve(linear_part, wanted / scale), rest.conformal[node]
        )
        if not rest.conformal[node] and j in ahead:
            aim = np.linalg.solve(linear_part, wanted @ ahead[j][:, None])[..., 0]
            rotation = R.multiply(
                R.between(R.normalize(R.apply(rotation, scale * ahead[j])), R.normalize(aim)),
                rotation,
            )
        # The first joint always gets a track: an animation without channels is not valid.
        tolerance = reduce.turning(reach[j])
        if j == 0 or np.max(R.distance(turn, rotation)) > (
            _STILL if all_keys else max(tolerance, _STILL)
        ):
            tracks.append(
                Track(node, "rotation", np.broadcast_to(rotation, (len(motion), 4)), tolerance)
            )
        else:
            rotation = turn[None]
        # Translations are needed for the first joint, and for a joint whose parent in the rig is
        # not above it in the document, such as a foot beside the body.
        moved = place[None]
        if j == 0 or joint_above[above] != rig.skeleton.parents[j]:
            moved = np.linalg.solve(linear_part, (places[:, j] - parent[:, :3, 3])[..., None])[
                ..., 0
            ]
            if np.abs(moved - place).max() > _STILL * max(1.0, float(np.abs(moved).max())):
                # Metres in one unit of the parent node.
                unit = rig.unit * float(np.linalg.norm(linear_part[0], 2))
                tracks.append(
                    Track(
                        node,
                        "translation",
                        np.broadcast_to(moved, (len(motion), 3)),
                        reduce.SHARE * reduce.LENGTH / unit,
                    )
                )
        if waiting[node]:
            local = np.zeros((max(len(rotation), len(moved)), 4, 4))
            local[:, :3, :3] = R.to_matrix(rotation) * scale
            local[:, :3, 3], local[:, 3, 3] = moved, 1.0
            now[node] = parent @ local
    return tracks


def morph_tracks(motion: Motion, document: glb.Document) -> list[Track]:
    """Return the weights of the nodes whose morph targets the motion's expressions move."""
    return [
        Track(node, "weights", weights, reduce.WEIGHT)
        for node, weights in morphs.weights(document, motion.expressions)
        if np.ptp(weights, axis=0).any()
        or not np.allclose(weights[0], morphs.at_rest(document, node))
    ]


def _carried(
    motion: Motion, rig: Rig, rest: rest_nodes.RestNodes, first: int
) -> tuple[list[Track], dict[int, ndarray]]:
    """Return the tracks of the node above the first joint, and its world matrices."""
    carrier = rest.parents[first]
    if carrier < 0:
        raise no_carrier(rig)
    above = rest.parents[carrier]
    outer = rest.world[above] if above >= 0 else np.eye(4)
    now = ground_matrices(motion, rig) @ rest.world[carrier]
    local = np.linalg.solve(outer, now)
    scale = rest.poses[carrier][2]
    rotation = R.unroll(nearest_rotation(local[:, :3, :3] / scale))
    unit = rig.unit * float(np.linalg.norm(outer[:3, :3], 2))
    tracks = [
        Track(carrier, "rotation", rotation, reduce.ANGLE),
        Track(carrier, "translation", local[:, :3, 3], reduce.SHARE * reduce.LENGTH / unit),
    ]
    return tracks, {carrier: now}


def _bones_ahead(rig: Rig, nodes: list[int], rest: rest_nodes.RestNodes) -> dict[int, ndarray]:
    """Return joint → the start of the next bone, in the joint's own frame.

    Joints without a next bone, and joints that branch, such as hips and hands, are left out.
    """
    out = {}
    for bone, name in rig.bones.items():
        going_on = [b for b, parent in BONE_PARENTS.items() if parent == bone and b in rig.bones]
        if len(going_on) == 1:
            joint = rig.skeleton.names.index(name)
            end = rest.world[nodes[rig.index(going_on[0])]][:3, 3]
            out[joint] = rest_nodes.points(np.linalg.inv(rest.world[nodes[joint]]), end)
    return out
