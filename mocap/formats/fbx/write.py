"""A Motion written into the user's own FBX, as one more take; everything else is unchanged.

In a binary file, the properties of other nodes keep their bytes, compressed arrays and unknown
nodes included. In an ASCII file, the new nodes are inserted into the text.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.errors import InputError
from mocap.formats import expressions, trees
from mocap.formats.fbx import binary, build, pose, takes, text
from mocap.formats.fbx.build import Channel
from mocap.formats.fbx.nodes import Node, damage_named
from mocap.formats.fbx.read import models_of
from mocap.formats.fbx.scene import FbxScene, loads, split_name, subclass
from mocap.formats.fbx.transform import Local, Placement, around, placed
from mocap.formats.on_rig import check_skeleton, ground_matrices, in_document, no_carrier

# A joint that leaves its rest by no more than this gets no curves: radians, and relative distance.
_STILL = 1e-6


@damage_named()
def animate(motion: Motion, rig: Rig, name: str = "mocap", ground: bool = False) -> bytes:
    """Return the rig's file with the motion as one more animation stack, with times from 0.

    Joints that leave their rest get rotations, and the first joint gets translations too. Blend
    shapes get weights from the motion's expressions. A binary file stays binary, an ASCII file
    ASCII, and the version is kept.

    Args:
        motion: On the rig's skeleton (`retarget` puts it there).
        rig: A character that was read from an FBX.
        name: The take's name; a number is added if another take has it.
        ground: The model above the first joint carries path and heading, on the floor.

    Raises:
        InputError: The motion is on another skeleton or has no frames, the rig is no FBX, or
            there is no model above its first joint for the ground.
    """
    if rig.kind != "fbx":
        raise InputError(
            f"The rig {rig.name!r} is not an FBX file, so its motion cannot be written to one."
        )
    if len(motion) == 0:
        raise InputError("A motion without frames cannot be written as FBX.")
    check_skeleton(motion, rig)
    scene = loads(rig.source)
    known = takes.names(scene)
    called = next(
        n for i in range(len(known) + 1) if (n := f"{name} {i + 1}" if i else name) not in known
    )
    keys = build.ticks_of(motion.times, scene.ticks)
    channels = _joints(motion, rig, scene, ground) + _shapes(motion, scene)
    objects, links = build.take(called, keys, channels, build.Identities(scene.objects))
    return _added(scene, objects, links, build.take_entry(called, keys))


def _joints(motion: Motion, rig: Rig, scene: FbxScene, ground: bool) -> list[Channel]:
    """Return the channels of the models that give each joint the motion's rotation in the world.

    Let D be the joint's rotation away from rest and M its linear part at rest. Its new linear part
    must be D·M = A·R·B (`transform.around`), so its rotation is R = A⁻¹·D·M·B⁻¹. This is exact
    below uniform scales, and the nearest rotation otherwise.
    """
    models = models_of(scene, rig)
    turns, places = in_document(motion, rig)
    rest = pose.rest(scene)
    joint_of = {model: j for j, model in enumerate(models)}
    to_file = np.linalg.inv(scene.to_world)
    still = np.zeros(1)
    joint_above: dict[int, int] = {-1: -1}  # model → the nearest joint that it is or hangs from
    changed: dict[int, Placement] = {}
    channels: list[Channel] = []
    carrier = int(scene.parents[models[0]]) if ground else -1
    if ground and carrier < 0:
        raise no_carrier(rig)
    for i, model, above, here in pose.walk(scene, None, still, models):
        parent, j = int(scene.parents[i]), joint_of.get(i)
        joint_above[i] = joint_above[parent] if j is None else j
        above = changed.get(parent, above)
        if i == carrier:
            moved = ground_matrices(motion, rig)
            moved[:, :3, :3] = to_file @ moved[:, :3, :3] @ scene.to_world
            moved[:, :3, 3] = moved[:, :3, 3] @ to_file.T
            added, changed[i] = _carrier(scene.models[i], model, (above, here), moved)
            channels += added
            continue
        turn, place = now_turn, now_place = (
            model.turn(model.rotation)[None],
            model.translation[None],
        )
        if j is not None:
            outer, inner = around(model, above, model.scaling[None])
            wanted = to_file @ R.to_matrix(turns[:, j]) @ rest.linear[i]
            turn = _rotation(outer, wanted, inner, now_turn)
            if np.max(R.distance(now_turn, turn)) > _STILL or j == 0:
                degrees = model.degrees(np.broadcast_to(turn, (len(motion), 4)))
                channels.append(_channel(scene.models[i], takes.ROTATION, "R", degrees))
            else:
                turn = now_turn
            # Translations are needed for the first joint, and for a joint whose parent in the rig
            # is not above it in the file.
            if j == 0 or joint_above[parent] != rig.skeleton.parents[j]:
                at = places[:, j] @ to_file.T - above.origin
                place = np.linalg.solve(above.linear, at[..., None])[..., 0] - model.pivot
                if j == 0 or np.abs(place - now_place).max() > _STILL * (1.0 + np.abs(place).max()):
                    place = np.broadcast_to(place, (len(motion), 3))
                    channels.insert(0, _channel(scene.models[i], takes.TRANSLATION, "T", place))
                else:
                    place = now_place
        if turn is not now_turn or place is not now_place or parent in changed:
            changed[i] = placed(model, above, place, turn, model.scaling[None])
    return channels


def _carrier(
    identity: int,
    model: Local,
    standing: tuple[Placement, Placement],
    moved: Float[ndarray, "f 4 4"],
) -> tuple[list[Channel], Placement]:
    """Return the channels of the model that carries path and heading, and its placement.

    Args:
        identity: The model's identity.
        model: Its transform at rest.
        standing: The placements of its parent and of itself, at rest.
        moved: `ground_matrices` in the file's world.
    """
    above, here = standing
    outer, inner = around(model, above, model.scaling[None])
    wanted = moved[:, :3, :3] @ here.linear
    turn = R.unroll(_rotation(outer, wanted, inner, model.turn(model.rotation)[None]))
    joint = (moved[:, :3, :3] @ here.joint[..., None])[..., 0] + moved[:, :3, 3]
    place = np.linalg.solve(above.linear, (joint - above.origin)[..., None])[..., 0] - model.pivot
    turn = np.broadcast_to(turn, (len(moved), 4))
    channels = [
        _channel(identity, takes.TRANSLATION, "T", place),
        _channel(identity, takes.ROTATION, "R", model.degrees(turn)),
    ]
    return channels, placed(model, above, place, turn, model.scaling[None])


def _rotation(
    outer: Float[ndarray, "f 3 3"],
    wanted: Float[ndarray, "frames 3 3"],
    inner: Float[ndarray, "g 3 3"],
    rest: Float[ndarray, "1 4"],
) -> Float[ndarray, "_ 4"]:
    """Return R of A · R · B = wanted, or the nearest rotation; the rest for singular A or B."""
    stretch = [np.linalg.svd(m, compute_uv=False) for m in (outer[:1], inner[:1])]
    if any(s[0, 2] <= 1e-6 * max(s[0, 0], 1e-30) for s in stretch):
        return rest
    matrix = np.linalg.solve(outer, wanted) @ np.linalg.inv(inner)
    even = all(np.ptp(s[0]) <= 1e-5 * s[0, 0] for s in stretch)
    return trees.nearest_rotation(matrix, even and bool(np.linalg.det(matrix[0]) > 0.0))


def _channel(target: int, name: str, short: str, values: Float[ndarray, "frames 3"]) -> Channel:
    return Channel(target, name, short, dict(zip("XYZ", values.T, strict=True)))


def _shapes(motion: Motion, scene: FbxScene) -> list[Channel]:
    """Return the channels of the blend shapes that the motion's expressions move, in percent."""
    shapes = {
        identity: split_name(node)[0]
        for identity, node in scene.objects.items()
        if node.name == "Deformer" and subclass(node) == "BlendShapeChannel"
    }
    # Maya puts the blend shape's name before the target's: "faceShapes.jawOpen".
    plain = {
        i: name.rpartition(".")[2] if len(name.rpartition(".")[2]) > 1 else name
        for i, name in shapes.items()
    }
    found = expressions.by_target(motion.expressions, set(plain.values()))
    return [
        Channel(identity, "DeformPercent", "DeformPercent", {"DeformPercent": 100.0 * found[name]})
        for identity, name in plain.items()
        if name in found and np.any(found[name])
    ]


def _added(scene: FbxScene, objects: list[Node], links: list[Node], take: Node) -> bytes:
    """Return the scene's file with further objects, connections and a take."""
    document = scene.document
    types = {str(n.values[0]) for n in document.node("Definitions").children if len(n.values)}
    if document.text:
        new = [t for t in build.object_types(objects) if t.values[0] not in types]
        sections = {"Definitions": new, "Objects": objects, "Connections": links}
        if document.node("Takes").brace >= 0:
            sections["Takes"] = [take]
        return text.spliced(document, {k: v for k, v in sections.items() if v})
    added = {"Objects": objects, "Connections": links, "Takes": [take]}
    nodes = []
    for node in document.nodes:
        if node.name == "Definitions":
            node = _counted(node, objects)
        nodes.append(node._replace(children=(*node.children, *added.pop(node.name, ()))))
    nodes += [Node(name, (), tuple(rest)) for name, rest in added.items() if name != "Takes"]
    return binary.dumps(replace(document, nodes=tuple(nodes)))


def _counted(definitions: Node, objects: list[Node]) -> Node:
    """Return Definitions with the new objects counted; the templates of properties stay."""
    new = {t.values[0]: t for t in build.object_types(objects)}
    children = []
    for entry in definitions.children:
        kind = entry.values[0] if entry.name == "ObjectType" and len(entry.values) else None
        if entry.name == "Count":
            entry = _more(entry, len(objects))
        elif kind in new:
            count = _count(new.pop(kind))
            inner = tuple(_more(c, count) if c.name == "Count" else c for c in entry.children)
            entry = entry._replace(children=inner)
        children.append(entry)
    return definitions._replace(children=(*children, *new.values()))


def _count(entry: Node) -> int:
    found = entry.child("Count")
    return int(found.values[0]) if found is not None else 0


def _more(count: Node, by: int) -> Node:
    return count._replace(values=(np.int32(int(count.values[0]) + by),))
