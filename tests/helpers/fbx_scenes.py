"""Random FBX scenes for tests: models with pivots, orders, inherited scale, and takes on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.skeleton import HUMANOID
from mocap.formats.fbx import binary, build, text, transform
from mocap.formats.fbx.nodes import Node

TICKS = 46_186_158_000
_AXES = {
    "y": (1, 1, 2, 1, 0, 1),
    "z": (2, 1, 1, -1, 0, 1),
    "x": (0, 1, 2, 1, 1, -1),
    "left": (1, 1, 2, 1, 0, -1),
}


@dataclass
class Style:
    """The features of a random scene."""

    pivots: bool = True
    turned: bool = True
    orders: bool = True
    inherit: tuple[int, ...] = (0, 1, 2)
    uneven: bool = False
    axes: str = "y"
    unit: float = 1.0
    layers: int = 1
    takes: int = 1
    keys: str = "linear"
    version: int = 7400
    active: int = 1


def document(rng: np.random.Generator, count: int, style: Style) -> binary.Document:
    """Return a random tree of `count` models, all of whose channels are animated."""
    ids = build.Identities()
    models = [ids.new() for _ in range(count)]
    objects, links = [], []
    for i, identity in enumerate(models):
        objects.append(_model(rng, identity, f"m{i}", style))
        links.append(build.connected(identity, models[rng.integers(i)] if i else 0))
    for take in range(style.takes):
        made = _take(rng, ids, f"take {take}", models, style)
        objects += made[0]
        links += made[1]
    return document_of(objects, links, style.version, style.axes, style.unit)


def ascii_of(document: binary.Document) -> bytes:
    """Return the same document in ASCII."""
    return b"; FBX 7.4.0 project file\n" + text.dumps(document.nodes).encode()


def _vector(name: str, values: ndarray) -> tuple:
    return (name, "Vector3D", "Vector", "", *(float(v) for v in values))


def _model(rng: np.random.Generator, identity: int, name: str, style: Style) -> Node:
    rows = [
        ("RotationActive", "bool", "", "", np.int32(style.active)),
        ("InheritType", "enum", "", "", np.int32(rng.choice(style.inherit))),
        ("Lcl Translation", "Lcl Translation", "", "A", *rng.normal(0, 10, 3).tolist()),
        ("Lcl Rotation", "Lcl Rotation", "", "A", *rng.uniform(-180, 180, 3).tolist()),
        ("Lcl Scaling", "Lcl Scaling", "", "A", *_scale(rng, style).tolist()),
    ]
    if style.orders:
        rows.append(("RotationOrder", "enum", "", "", np.int32(rng.integers(6))))
    if style.turned:
        rows += [_vector(n, rng.uniform(-180, 180, 3)) for n in ("PreRotation", "PostRotation")]
    if style.pivots:
        rows += [
            _vector(n, rng.normal(0, 5, 3))
            for n in ("RotationPivot", "RotationOffset", "ScalingPivot", "ScalingOffset")
        ]
    return Node(
        "Model",
        (identity, build.named(name, "Model"), "LimbNode"),
        (Node("Version", (np.int32(232),)), build.properties(*rows)),
    )


def _scale(rng: np.random.Generator, style: Style) -> ndarray:
    return rng.uniform(0.7, 1.4, 3) if style.uneven else np.full(3, rng.uniform(0.7, 1.4))


def _take(
    rng: np.random.Generator, ids: build.Identities, name: str, models: list[int], style: Style
) -> tuple[list[Node], list[Node]]:
    stack = ids.new()
    spans = [build.time("LocalStart", 0), build.time("LocalStop", TICKS)]
    objects = [
        Node(
            "AnimationStack",
            (stack, build.named(name, "AnimStack"), ""),
            (build.properties(*spans),),
            True,
        )
    ]
    links = []
    for layer in range(style.layers):
        keys = np.round(np.linspace(0, 1, 7 + layer) * TICKS).astype("<i8")
        if style.keys != "linear":
            keys[1:-1] += rng.integers(-TICKS // 20, TICKS // 20, len(keys) - 2)
        channels = []
        for model in models:
            middle = rng.uniform(-150, 150, 3)
            for prop, short, values in (
                ("Lcl Translation", "T", rng.normal(0, 10, (len(keys), 3))),
                ("Lcl Rotation", "R", middle + rng.uniform(-60, 60, (len(keys), 3))),
                ("Lcl Scaling", "S", np.stack([_scale(rng, style) for _ in keys])),
            ):
                if layer and rng.random() < 0.3:
                    continue
                channels.append(
                    build.Channel(model, prop, short, dict(zip("XYZ", values.T, strict=True)))
                )
        made = build.take(name, keys, channels, ids)
        old = int(made[0][0].values[0])
        for node in made[0][1:]:
            if node.name == "AnimationLayer":
                node = _layer(rng, node, layer)
            if node.name == "AnimationCurve" and style.keys != "linear":
                node = _curved(rng, node, style.keys)
            objects.append(node)
        links += [
            n._replace(values=tuple(stack if v == old else v for v in n.values)) for n in made[1]
        ]
    return objects, links


def _layer(rng: np.random.Generator, node: Node, number: int) -> Node:
    if not number:
        return node
    rows = [
        ("Weight", "Number", "", "A", float(rng.uniform(20, 100))),
        ("BlendMode", "enum", "", "", np.int32(rng.integers(3))),
        ("RotationAccumulationMode", "enum", "", "", np.int32(rng.integers(2))),
        ("ScaleAccumulationMode", "enum", "", "", np.int32(rng.integers(2))),
    ]
    return node._replace(children=(build.properties(*rows),), closed=True)


def _curved(rng: np.random.Generator, node: Node, kind: str) -> Node:
    count = len(node.array("KeyTime"))
    kinds = {"user": [0x8 | 0x400, 0x8 | 0xC00], "auto": [0x8 | 0x100],
             "constant": [0x2, 0x102, 0x4],
             "weighted": [0x8 | 0x400 | 0x3000000, 0x8 | 0xC00 | 0x1000000],
             "clamped": [0x8 | 0x1100], "progressive": [0x8 | 0x4100]}  # fmt: skip
    flags = rng.choice(kinds[kind], count).astype("<i4")
    data = np.zeros((count, 4), dtype="<f4")
    data[:, :2] = rng.normal(0, 30, (count, 2))
    weights = rng.integers(500, 9000, (count, 2)).astype("<u4")
    data[:, 2] = (weights[:, 0] | weights[:, 1] << 16).view("<f4")
    replaced = {
        "KeyAttrFlags": flags,
        "KeyAttrDataFloat": data.reshape(-1),
        "KeyAttrRefCount": np.ones(count, dtype="<i4"),
    }
    return node._replace(
        children=tuple(
            c._replace(values=(replaced[c.name],)) if c.name in replaced else c
            for c in node.children
        )
    )


def character(
    rng: np.random.Generator,
    version: int = 7400,
    scale: tuple[float, float, float] = (10.0, 10.0, 10.0),
) -> binary.Document:
    """Return HUMANOID in the style of an export by some tool.

    Its bones have joint orientations and rotation orders, below a null of this scale, with a skin,
    a blend shape, a picture and an unknown node.
    """
    ids = build.Identities()
    null, mesh, geometry, skin = (ids.new() for _ in range(4))
    objects = [
        _posed(null, "Armature", "Null", ("Lcl Scaling", np.array(scale))),
        _posed(mesh, "Body", "Mesh", ("GeometricTranslation", rng.normal(0, 1, 3))),
        _mesh(rng, geometry),
        Node(
            "Deformer",
            (skin, build.named("", "Deformer"), "Skin"),
            (Node("Version", (np.int32(101),)),),
        ),
    ]
    links = [
        build.connected(*pair)
        for pair in ((null, 0), (mesh, 0), (geometry, mesh), (skin, geometry))
    ]
    turns, bones = [], []
    places = HUMANOID.rest_positions()
    for joint, name in enumerate(HUMANOID.names):
        parent = int(HUMANOID.parents[joint])
        above = turns[parent] if parent >= 0 else R.IDENTITY
        turns.append(R.normalize(rng.normal(0, 1, 4)))
        bones.append(ids.new())
        before, order = rng.uniform(-90, 90, 3), int(rng.integers(6))
        # What the orientation leaves of the rest is the local rotation.
        local = R.multiply(R.conjugate(above), turns[joint])
        plain = transform.local(
            {"RotationActive": (1,), "RotationOrder": (order,), "PreRotation": tuple(before)}
        )
        place = (
            HUMANOID.offsets[joint]
            if parent < 0
            else R.apply(R.conjugate(above), HUMANOID.offsets[joint])
        )
        rows = (
            ("PreRotation", before),
            ("Lcl Translation", 10.0 * place),
            ("Lcl Rotation", plain.degrees(local[None])[0]),
        )
        bone = _posed(bones[joint], name, "LimbNode", *rows)
        order_row = Node("P", ("RotationOrder", "enum", "", "", np.int32(order)))
        table = bone.children[1]
        bone = bone._replace(
            children=(bone.children[0], table._replace(children=(*table.children, order_row)))
        )
        bind = np.eye(4)
        bind[:3, :3] = np.diag(scale) @ R.to_matrix(turns[joint])
        bind[:3, 3] = 10.0 * np.array(scale) * places[joint]
        cluster = ids.new()
        attribute = ids.new()
        objects += [bone, _attribute(attribute, name), _cluster(cluster, bind)]
        links += [build.connected(attribute, bones[joint])]
        links += [build.connected(bones[joint], bones[parent] if parent >= 0 else null)]
        links += [build.connected(cluster, skin), build.connected(bones[joint], cluster)]
    shape, channel, moved = ids.new(), ids.new(), ids.new()
    objects += [
        Node("Deformer", (shape, build.named("faces", "Deformer"), "BlendShape"),
             (Node("Version", (np.int32(100),)),)),
        Node("Deformer",
             (channel, build.named("faces.jawOpen", "SubDeformer"), "BlendShapeChannel"),
             (Node("DeformPercent", (0.0,)), Node("FullWeights", (np.array([100.0]),)))),
        Node("Geometry", (moved, build.named("jawOpen", "Geometry"), "Shape"),
             (Node("Indexes", (np.arange(4, dtype="<i4"),)),
              Node("Vertices", (rng.normal(0, 1, 12),)))),
        Node("Video", (ids.new(), build.named("skin", "Video"), "Clip"),
             (Node("RelativeFilename", ("skin.png",)), Node("Content", (rng.bytes(500),)))),
        Node("Oddity",
             (ids.new(), build.named("x", "Oddity"), "", np.int16(3), True, np.float32(0.5))),
    ]  # fmt: skip
    links += [
        build.connected(*pair) for pair in ((shape, geometry), (channel, shape), (moved, channel))
    ]
    return document_of(objects, links, version)


def pair(rng: np.random.Generator) -> binary.Document:
    """Return two characters with equal bone names, two metres apart to the left."""
    first, second = character(rng), character(rng)
    apart = 1_000_000

    def other(node: Node) -> Node:
        if node.name == "C":
            kind, child, parent = node.values
            return node._replace(values=(kind, child + apart, parent + apart if parent else 0))
        if node.name == "Model" and node.values[1] == build.named("Armature", "Model"):
            name, rows = build.named("Other", "Model"), (("Lcl Translation", [200.0, 0.0, 0.0]),)
            scaling = ("Lcl Scaling", np.full(3, 10.0))
            return _posed(node.values[0] + apart, name[:-7], "Null", *rows, scaling)
        return node._replace(values=(node.values[0] + apart, *node.values[1:]))

    objects, links = (
        [*first.node(name).children, *(other(n) for n in second.node(name).children)]
        for name in ("Objects", "Connections")
    )
    return document_of(objects, links, 7400)


def document_of(
    objects: list[Node], links: list[Node], version: int, axes: str = "y", unit: float = 1.0
) -> binary.Document:
    """Return a whole document of objects and connections."""
    up, up_sign, front, front_sign, coord, coord_sign = _AXES[axes]
    settings = build.properties(
        *((n, "int", "Integer", "", np.int32(v)) for n, v in (
            ("UpAxis", up), ("UpAxisSign", up_sign), ("FrontAxis", front),
            ("FrontAxisSign", front_sign),
            ("CoordAxis", coord), ("CoordAxisSign", coord_sign))),
        ("UnitScaleFactor", "double", "Number", "", unit),
        ("TimeMode", "enum", "", "", np.int32(6)),
    )  # fmt: skip
    header = Node(
        "FBXHeaderExtension",
        (),
        (Node("FBXHeaderVersion", (np.int32(1003),)), Node("FBXVersion", (np.int32(version),))),
    )
    tops = (
        header,
        Node("GlobalSettings", (), (Node("Version", (np.int32(1000),)), settings)),
        Node("Definitions", (),
             (Node("Version", (np.int32(100),)), Node("Count", (np.int32(len(objects)),)),
              *build.object_types(objects))),
        Node("Objects", (), tuple(objects)),
        Node("Connections", (), tuple(links)),
        Node("Takes", (), (Node("Current", ("",)),)),
    )  # fmt: skip
    return binary.Document(version, tops)


def _posed(identity: int, name: str, kind: str, *rows: tuple[str, ndarray]) -> Node:
    table = build.properties(
        ("RotationActive", "bool", "", "", np.int32(1)),
        ("InheritType", "enum", "", "", np.int32(1)),
        *(
            (n, n if n.startswith("Lcl") else "Vector3D", "", "A", *(float(x) for x in v))
            for n, v in rows
        ),
    )
    return Node(
        "Model",
        (identity, build.named(name, "Model"), kind),
        (Node("Version", (np.int32(232),)), table),
    )


def _attribute(identity: int, name: str) -> Node:
    values = (identity, build.named(name, "NodeAttribute"), "LimbNode")
    return Node("NodeAttribute", values, (Node("TypeFlags", ("Skeleton",)),))


def _mesh(rng: np.random.Generator, identity: int) -> Node:
    triangles = np.arange(30, dtype="<i4")
    triangles[2::3] = ~triangles[2::3]
    children = (
        Node("Vertices", (rng.normal(0, 50, 90),)),
        Node("PolygonVertexIndex", (triangles,)),
    )
    return Node("Geometry", (identity, build.named("Body", "Geometry"), "Mesh"), children)


def _cluster(identity: int, bind: ndarray) -> Node:
    children = (
        Node("Version", (np.int32(100),)), Node("Indexes", (np.arange(3, dtype="<i4"),)),
        Node("Weights", (np.ones(3),)), Node("Transform", (np.linalg.inv(bind).T.reshape(-1),)),
        Node("TransformLink", (bind.T.reshape(-1),)),
    )  # fmt: skip
    return Node("Deformer", (identity, build.named("", "SubDeformer"), "Cluster"), children)
