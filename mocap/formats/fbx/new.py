"""A Motion as an FBX file of its own: a skeleton in T-pose with one take, and no mesh."""

from __future__ import annotations

import numpy as np

from mocap.core import rotation as R
from mocap.core.motion import Motion
from mocap.errors import InputError
from mocap.formats import bvh
from mocap.formats.fbx import binary, build, takes
from mocap.formats.fbx.build import Channel, Identities, connected, named, properties
from mocap.formats.fbx.nodes import Node, Value
from mocap.formats.fbx.transform import ORDERS, Local

_VERSION = 7400
_TICKS = 46_186_158_000
# A file's identity and its footer go with its time of making; these three go together (Blender
# writes the same).
_FILE_ID = bytes.fromhex("28b32aebb624ccc2bfc8b02aa92bfcf1")
_CREATED = "1970-01-01 10:00:00:000"
_ROOT = 0
_CENTIMETRES = 100.0


def dumps(motion: Motion, names: str | None = "mixamo", take: str = "mocap") -> bytes:
    """Return the motion as a binary FBX 7.4: centimetres, +Y up, facing +Z, T-pose at rest.

    Eyes and jaw are left out if they never turn.

    Args:
        motion: The motion.
        names: The convention of the bones' names, as in `bvh.dumps`; None keeps their own.
        take: The animation's name.

    Raises:
        InputError: The motion has no frames, or the convention is unknown.
    """
    if len(motion) == 0:
        raise InputError("A motion without frames cannot be written as FBX.")
    called = {} if names is None else bvh.bone_names(names, motion.skeleton.names)
    motion = bvh.t_posed(motion)
    skeleton = motion.skeleton
    order = bvh.depth_first(skeleton, set() if names is None else bvh.still_face(motion))
    identities = Identities()
    model_of = {joint: identities.new() for joint in order}
    objects: list[Node] = []
    links: list[Node] = []
    for joint in order:
        bone = named(called.get(skeleton.names[joint], skeleton.names[joint]), "")[:-2]
        attribute, parent = identities.new(), int(skeleton.parents[joint])
        place = _CENTIMETRES * skeleton.offsets[joint]
        objects += [_attribute(attribute, bone), _model(model_of[joint], bone, place)]
        links += [connected(model_of[joint], model_of.get(parent, _ROOT))]
        links += [connected(attribute, model_of[joint])]
    bind = identities.new()
    objects.append(_bind_pose(bind, motion, model_of))
    keys = build.ticks_of(motion.times, _TICKS)
    moved = build.take(take, keys, _channels(motion, model_of), identities)
    objects += moved[0]
    links += moved[1]
    return binary.dumps(binary.Document(_VERSION, _file(motion, objects, links, take, keys)))


def _channels(motion: Motion, model_of: dict[int, int]) -> list[Channel]:
    zero = np.zeros(3)
    plain = Local(ORDERS[0], R.IDENTITY, R.IDENTITY, zero, zero, zero, 0, zero, zero, zero + 1.0)
    root = model_of[0]
    path = dict(zip("XYZ", (_CENTIMETRES * motion.root_positions).T, strict=True))
    channels = [Channel(root, takes.TRANSLATION, "T", path)]
    for joint, model in model_of.items():
        degrees = plain.degrees(motion.rotations[:, joint])
        turned = dict(zip("XYZ", degrees.T, strict=True))
        channels.append(Channel(model, takes.ROTATION, "R", turned))
    return channels


def _attribute(identity: int, bone: str) -> Node:
    size = properties(("Size", "double", "Number", "", 1.0))
    values = (identity, named(bone, "NodeAttribute"), "LimbNode")
    return Node("NodeAttribute", values, (size, Node("TypeFlags", ("Skeleton",))))


def _model(identity: int, bone: str, place: np.ndarray) -> Node:
    table = properties(
        ("RotationActive", "bool", "", "", np.int32(1)),
        ("InheritType", "enum", "", "", np.int32(1)),
        ("Lcl Translation", "Lcl Translation", "", "A", *place.tolist()),
    )
    return Node(
        "Model", (identity, named(bone, "Model"), "LimbNode"),
        (Node("Version", (np.int32(232),)), table, Node("Shading", (True,)),
         Node("Culling", ("CullingOff",))),
    )  # fmt: skip


def _bind_pose(identity: int, motion: Motion, model_of: dict[int, int]) -> Node:
    """Where each bone stands in T-pose, so that tools can go back to it."""
    places = _CENTIMETRES * motion.skeleton.rest_positions()
    entries = []
    for joint, model in model_of.items():
        matrix = np.eye(4)
        matrix[3, :3] = places[joint]
        stood = (Node("Node", (model,)), Node("Matrix", (matrix.reshape(-1),)))
        entries.append(Node("PoseNode", (), stood))
    head = (Node("Type", ("BindPose",)), Node("Version", (np.int32(100),)))
    count = Node("NbPoseNodes", (np.int32(len(entries)),))
    values = (identity, named("BindPose", "Pose"), "BindPose")
    return Node("Pose", values, (*head, count, *entries))


def _file(
    motion: Motion, objects: list[Node], links: list[Node], take: str, keys: np.ndarray
) -> tuple[Node, ...]:
    """The top nodes of a whole file."""
    stamp = zip(("Version", "Year", "Month", "Day", "Hour", "Minute", "Second", "Millisecond"),
                (1000, 1970, 1, 1, 10, 0, 0, 0), strict=True)  # fmt: skip
    settings = [("Version", 1000)]
    header = Node("FBXHeaderExtension", (), (
        _int("FBXHeaderVersion", 1003), _int("FBXVersion", _VERSION), _int("EncryptionType", 0),
        Node("CreationTimeStamp", (), tuple(_int(k, v) for k, v in stamp)),
        Node("Creator", ("mocap",)),
    ))  # fmt: skip
    rate = (len(keys) - 1) / (keys[-1] / _TICKS) if len(keys) > 1 else 30.0
    scene = Node("Document", (1, "", "Scene"), (
        properties(("ActiveAnimStackName", "KString", "", "", take)), Node("RootNode", (_ROOT,)),
    ))  # fmt: skip
    types = tuple(build.object_types([Node("GlobalSettings"), *objects]))
    definitions = (_int("Version", 100), _int("Count", len(objects) + 1), *types)
    return (
        header,
        Node("FileId", (_FILE_ID,)),
        Node("CreationTime", (_CREATED,)),
        Node("Creator", ("mocap",)),
        Node("GlobalSettings", (), (*(_int(*s) for s in settings), _settings(rate, int(keys[-1])))),
        Node("Documents", (), (_int("Count", 1), scene)),
        Node("References", closed=True),
        Node("Definitions", (), definitions),
        Node("Objects", (), tuple(objects)),
        Node("Connections", (), tuple(links)),
        Node("Takes", (), (Node("Current", (take,)), build.take_entry(take, keys))),
    )


def _int(name: str, value: int) -> Node:
    return Node(name, (np.int32(value),))


def _settings(rate: float, last: int) -> Node:
    """Centimetres, +Y up, +Z to the viewer, and the motion's own frame rate (mode 14)."""
    rows: list[tuple[Value, ...]] = [
        (f"{axis}{part}", "int", "Integer", "", np.int32(value))
        for axis, number in (("Up", 1), ("Front", 2), ("Coord", 0), ("OriginalUp", -1))
        for part, value in (("Axis", number), ("AxisSign", 1))
    ]
    units = ("UnitScaleFactor", "OriginalUnitScaleFactor")
    rows += [(name, "double", "Number", "", 1.0) for name in units]
    rows.append(("TimeMode", "enum", "", "", np.int32(14)))
    rows += [build.time("TimeSpanStart", 0), build.time("TimeSpanStop", last)]
    rows.append(("CustomFrameRate", "double", "Number", "", rate))
    return properties(*rows)
