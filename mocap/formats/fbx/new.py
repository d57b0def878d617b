"""A Motion as an FBX file of its own: a skeleton in T-pose with one take, and no mesh."""

from __future__ import annotations

import numpy as np

from mocap.core import rotation as R
from mocap.core.heading import ground_path, relative_to_path
from mocap.core.motion import Motion
from mocap.errors import InputError
from mocap.formats.fbx import binary, build, takes
from mocap.formats.fbx.build import Channel, Identities, connected, named, properties
from mocap.formats.fbx.nodes import Node, Value
from mocap.formats.fbx.transform import ORDERS, Local
from mocap.formats.presets import depth_first, preset

_VERSION = 7400
_TICKS = 46_186_158_000
# A file's identity and footer depend on its time of creation; these belong together, as Blender
# writes them.
_FILE_ID = bytes.fromhex("28b32aebb624ccc2bfc8b02aa92bfcf1")
_CREATED = "1970-01-01 10:00:00:000"
_SCENE = 0  # identity of the parent of roots
_CENTIMETRES = 100.0


def dumps(
    motion: Motion, names: str | None = "mixamo", take: str = "mocap", ground: bool = False
) -> bytes:
    """Return the motion as a binary FBX 7.4: centimetres, +Y up, facing +Z, T-pose at rest.

    Eyes and jaw are left out if they never turn.

    Args:
        motion: On any skeleton.
        names: The naming convention for the bones, as in `bvh.dumps`; None keeps their names.
        take: The animation's name.
        ground: A root bone on the floor, above the others, carries path and heading.

    Raises:
        InputError: The motion has no frames, or the convention is unknown.
    """
    if len(motion) == 0:
        raise InputError("A motion without frames cannot be written as FBX.")
    motion, called, roots, without = preset(motion, names, ground)
    skeleton = motion.skeleton
    order = depth_first(skeleton, without)
    identities = Identities()
    tops = [identities.new() for _ in roots]
    model_of = {joint: identities.new() for joint in order}
    objects: list[Node] = []
    links: list[Node] = []
    outer = [_SCENE, *tops]
    bones = [
        (model, name, np.zeros(3), outer[i])
        for i, (model, name) in enumerate(zip(tops, roots, strict=True))
    ]
    for joint in order:
        bone = named(called.get(skeleton.names[joint], skeleton.names[joint]), "")[:-2]
        place = _CENTIMETRES * skeleton.offsets[joint]
        above = model_of.get(int(skeleton.parents[joint]), outer[-1])
        bones.append((model_of[joint], bone, place, above))
    for model, bone, place, parent in bones:
        attribute = identities.new()
        objects += [_attribute(attribute, bone), _model(model, bone, place)]
        links += [connected(model, parent), connected(attribute, model)]
    bind = identities.new()
    rests = dict(zip(model_of.values(), skeleton.rest_positions()[order], strict=True))
    objects.append(_bind_pose(bind, dict.fromkeys(tops, np.zeros(3)) | rests))
    keys = build.ticks_of(motion.times, _TICKS)
    channels = _channels(motion, model_of, tops[0] if ground else None)
    moved = build.take(take, keys, channels, identities)
    objects += moved[0]
    links += moved[1]
    return binary.dumps(binary.Document(_VERSION, _file(motion, objects, links, take, keys)))


def _channels(motion: Motion, model_of: dict[int, int], root: int | None) -> list[Channel]:
    """Return the channels of all models; `root` is the model that carries path and heading."""
    places, rotations = motion.root_positions, motion.rotations.copy()
    channels = []
    if root is not None:
        path, heading = ground_path(motion.times, places, rotations[:, 0])
        places, rotations[:, 0] = relative_to_path(path, heading, places, rotations[:, 0])
        channels = [_moved(root, path), _turned(root, heading)]
    channels.append(_moved(model_of[0], places))
    return channels + [_turned(model, rotations[:, joint]) for joint, model in model_of.items()]


def _moved(model: int, places: np.ndarray) -> Channel:
    return Channel(
        model,
        takes.TRANSLATION,
        "T",
        dict(zip("XYZ", (_CENTIMETRES * places).T, strict=True)),
    )


def _turned(model: int, turns: np.ndarray) -> Channel:
    zero = np.zeros(3)
    plain = Local(ORDERS[0], R.IDENTITY, R.IDENTITY, zero, zero, zero, 0, zero, zero, zero + 1.0)
    return Channel(
        model, takes.ROTATION, "R", dict(zip("XYZ", plain.degrees(turns).T, strict=True))
    )


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


def _bind_pose(identity: int, places: dict[int, np.ndarray]) -> Node:
    """Return a bind pose, by which tools restore the T-pose.

    Args:
        identity: The pose's identity.
        places: Model to position in T-pose, metres.
    """
    entries = []
    for model, place in places.items():
        matrix = np.eye(4)
        matrix[3, :3] = _CENTIMETRES * place
        stood = (Node("Node", (model,)), Node("Matrix", (matrix.reshape(-1),)))
        entries.append(Node("PoseNode", (), stood))
    head = (Node("Type", ("BindPose",)), Node("Version", (np.int32(100),)))
    count = Node("NbPoseNodes", (np.int32(len(entries)),))
    values = (identity, named("BindPose", "Pose"), "BindPose")
    return Node("Pose", values, (*head, count, *entries))


def _file(
    motion: Motion, objects: list[Node], links: list[Node], take: str, keys: np.ndarray
) -> tuple[Node, ...]:
    """Return the top nodes of a whole file."""
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
        properties(("ActiveAnimStackName", "KString", "", "", take)), Node("RootNode", (_SCENE,)),
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
    """Return the settings: centimetres, +Y up, +Z to the viewer, the motion's rate (mode 14).

    Args:
        rate: Frames per second.
        last: Tick of the last frame.
    """
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
