"""Write mannequin.vrm, the default character of mocap: a VRM 1.0, which is also a GLB.

    python rigs/mannequin.py [OUT]

The bytes are the same each time. It needs the development dependencies (numpy, pygltflib). The 55
bones of the VRM humanoid are exactly at mocap.core.skeleton.HUMANOID's rest positions with
identity rotations. Shapes, colours and weights are in body.py, hand.py and head.py, the meshing in
mesh.py. The parts with expressions (face.py) are a mesh of their own, so that the rest carries no
morph targets.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pygltflib as gltf
from numpy import ndarray

sys.path.insert(0, str(Path(__file__).parent.parent))

from mocap.core.motion import mirrored_expression
from mocap.core.skeleton import BONES, HUMANOID, mirrored_name
from rigs.body import pieces
from rigs.expressions import vrm_expressions
from rigs.face import open_mouth
from rigs.mesh import cut, refine, surface
from rigs.pieces import MATERIALS, Piece
from rigs.shapes import gradient, length

INFLUENCES = 4


@dataclass(frozen=True)
class Mesh:
    """Positions and normals (V, 3), joints (V, 4) as indices into BONES, weights (V, 4) in 255ths,
    triangles (T, 3), names of materials (T,), and morphs: expression → displacements (V, 3).
    """

    positions: ndarray
    normals: ndarray
    joints: ndarray
    weights: ndarray
    triangles: ndarray
    materials: ndarray
    morphs: dict[str, ndarray] = field(default_factory=dict)


def build() -> dict[str, Mesh]:
    """Return the mannequin in the rest pose: its body, and its face, which has expressions."""
    parts = [(mesh, piece.moves is not None) for piece in pieces() for mesh in _meshes(piece)]
    return {
        name: _merge([mesh for mesh, moves in parts if moves == of_face])
        for name, of_face in (("body", False), ("face", True))
    }


def _meshes(piece: Piece) -> list[Mesh]:
    if not piece.symmetric:
        vertices, triangles = surface(piece.shape, piece.low, piece.high, piece.cell)
        left = _finish(piece, vertices, triangles)
        return [left, _reflected(left)]
    # The half is cut and coloured before it is reflected, so that both sides are equal to the
    # last bit.
    vertices, triangles = surface(piece.shape, piece.low, piece.high, piece.cell, symmetric=True)
    half = triangles[: len(triangles) // 2]
    used = np.unique(half)
    number = np.full(len(vertices), -1)
    number[used] = np.arange(len(used))
    mesh = _finish(piece, vertices[used], number[half], middle=vertices[used, 0] == 0.0)
    middle = mesh.positions[:, 0] == 0.0
    others = np.flatnonzero(~middle)
    right = _reflected(mesh)
    image = np.arange(len(middle))
    image[others] = len(middle) + np.arange(len(others))
    return [
        Mesh(
            np.concatenate([mesh.positions, right.positions[others]]),
            np.concatenate([mesh.normals, right.normals[others]]),
            np.concatenate([mesh.joints, right.joints[others]]),
            np.concatenate([mesh.weights, right.weights[others]]),
            np.concatenate([mesh.triangles, image[right.triangles]]),
            np.concatenate([mesh.materials, right.materials]),
            {name: np.concatenate([move, right.morphs[name][others]]) for name,
             move in mesh.morphs.items()},
        )
    ]  # fmt: skip


def _finish(
    piece: Piece, vertices: ndarray, triangles: ndarray, middle: ndarray | None = None
) -> Mesh:
    """Return a piece's mesh, cut along its lines, with normals, weights and materials.

    Coordinates are rounded, so that the result does not depend on the machine.
    """
    for region in piece.fine:
        vertices, triangles = refine(piece.shape, vertices, triangles, region, piece.cell)
    vertices, triangles, sides = cut(piece.shape, vertices, triangles, piece.lines, piece.cell)
    if middle is not None:
        vertices[np.abs(vertices[:, 0]) < 1e-4 * piece.cell, 0] = 0.0
        vertices[: len(middle)][middle, 0] = 0.0
    vertices = np.round(vertices, 5) + 0.0
    normals, materials = gradient(piece.shape, vertices), piece.paint(sides)
    below = np.zeros(len(vertices))
    if piece.mouth:
        outside = len(triangles)
        vertices, triangles, below, lip = open_mouth(vertices, triangles, sides[:, -1])
        inner = _facing(vertices, triangles[outside:])[len(normals) + len(lip) :]
        # Lips are round: their edges point towards each other.
        facing = np.array([0.0, 0.8, 0.0]) * length(normals[lip])[:, None]
        normals = np.concatenate([normals, normals[lip] + facing, inner])
        normals[lip] -= facing
        materials = np.concatenate([materials, np.full(len(triangles) - outside, "mouth")])
    if middle is not None:
        normals[vertices[:, 0] == 0.0, 0] = 0.0
    normals = normals / length(normals)[:, None]
    joints, weights = _strongest(piece.weights(vertices), len(vertices))
    morphs = (
        {}
        if piece.moves is None
        else {n: np.round(m, 5) + 0.0 for n, m in piece.moves(vertices, below).items()}
    )
    return Mesh(vertices, np.round(normals, 4) + 0.0, joints, weights, triangles, materials, morphs)


def _facing(vertices: ndarray, triangles: ndarray) -> ndarray:
    """Return the sum (V, 3) of the area-weighted normals of each vertex' triangles."""
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    u, v = b - a, c - a
    normal = np.stack(
        [u[:, i - 2] * v[:, i - 1] - u[:, i - 1] * v[:, i - 2] for i in range(3)], axis=-1
    )
    total = np.zeros((len(vertices), 3))
    for i in range(3):
        np.add.at(total, triangles[:, i], normal)
    return total


def _strongest(shares: dict[str, ndarray], count: int) -> tuple[ndarray, ndarray]:
    """Return the four largest weights of each vertex, in 255ths with sum 255 (glTF byte
    weights)."""
    table = np.zeros((count, len(BONES)))
    for bone, share in shares.items():
        table[:, BONES.index(bone)] += share
    order = np.argsort(-np.round(table, 9), axis=1, kind="stable")[:, :INFLUENCES]
    kept = np.take_along_axis(table, order, axis=1)
    kept = kept / (kept[:, 0] + kept[:, 1] + kept[:, 2] + kept[:, 3])[:, None]
    weights = np.floor(np.round(255.0 * kept, 6) + 0.5).astype(int)
    weights[:, 0] += 255 - weights.sum(axis=1)
    return np.where(weights > 0, order, 0), weights


def _reflected(mesh: Mesh) -> Mesh:
    flip = np.array([-1.0, 1.0, 1.0])
    other = np.array([BONES.index(mirrored_name(b)) for b in BONES])
    joints = np.where(mesh.weights > 0, other[mesh.joints], 0)
    materials = np.where(mesh.materials == "accent", "accentRight", mesh.materials)
    morphs = {mirrored_expression(name): move * flip + 0.0 for name, move in mesh.morphs.items()}
    return Mesh(
        mesh.positions * flip + 0.0,
        mesh.normals * flip + 0.0,
        joints,
        mesh.weights,
        mesh.triangles[:, ::-1],
        materials,
        morphs,
    )


def _merge(meshes: list[Mesh]) -> Mesh:
    starts = np.cumsum([0] + [len(m.positions) for m in meshes[:-1]])
    return Mesh(
        np.concatenate([m.positions for m in meshes]),
        np.concatenate([m.normals for m in meshes]),
        np.concatenate([m.joints for m in meshes]),
        np.concatenate([m.weights for m in meshes]),
        np.concatenate([m.triangles + s for m, s in zip(meshes, starts, strict=True)]),
        np.concatenate([m.materials for m in meshes]),
        {
            name: np.concatenate([m.morphs.get(name, np.zeros_like(m.positions)) for m in meshes])
            for name in sorted({name for m in meshes for name in m.morphs})
        },
    )


def vrm_bytes(meshes: dict[str, Mesh]) -> bytes:
    """Return the meshes on HUMANOID as a VRM 1.0 file."""
    document = gltf.GLTF2()
    document.asset = gltf.Asset(version="2.0", generator="mocap rigs/mannequin.py")
    blob = bytearray()

    def accessor(
        array: ndarray, kind: str, component: int, target: int | None, **options: object
    ) -> int:
        data = np.ascontiguousarray(array).tobytes()
        document.bufferViews.append(
            gltf.BufferView(buffer=0, byteOffset=len(blob), byteLength=len(data), target=target)
        )
        blob.extend(data + b"\0" * (-len(data) % 4))
        count = array.size if kind == "SCALAR" else len(array)
        document.accessors.append(
            gltf.Accessor(
                bufferView=len(document.bufferViews) - 1,
                componentType=component,
                count=count,
                type=kind,
                **options,
            )
        )
        return len(document.accessors) - 1

    def view(array: ndarray) -> int:
        data = np.ascontiguousarray(array).tobytes()
        document.bufferViews.append(
            gltf.BufferView(buffer=0, byteOffset=len(blob), byteLength=len(data))
        )
        blob.extend(data + b"\0" * (-len(data) % 4))
        return len(document.bufferViews) - 1

    def moved(move: ndarray) -> int:
        """Write a morph target as a sparse accessor of the vertices that it moves."""
        which = np.flatnonzero(move.any(axis=1))
        sparse = gltf.Sparse(
            count=len(which),
            indices=gltf.AccessorSparseIndices(
                bufferView=view(which.astype("<u2")), componentType=gltf.UNSIGNED_SHORT
            ),
            values=gltf.AccessorSparseValues(bufferView=view(move[which])),
        )
        ends = {"min": move.min(0).tolist(), "max": move.max(0).tolist()}
        document.accessors.append(
            gltf.Accessor(
                byteOffset=None,
                componentType=gltf.FLOAT,
                count=len(move),
                type="VEC3",
                sparse=sparse,
                **ends,
            )
        )
        return len(document.accessors) - 1

    for name, look in MATERIALS.items():
        document.materials.append(
            gltf.Material(
                name=name,
                pbrMetallicRoughness=gltf.PbrMetallicRoughness(
                    baseColorFactor=[*look.colour, 1.0], metallicFactor=look.metallic,
                    roughnessFactor=look.roughness
                ),
                emissiveFactor=list(look.emission),
                alphaMode="OPAQUE", alphaCutoff=None,
            )
        )  # fmt: skip
    for title, mesh in meshes.items():
        positions = mesh.positions.astype("<f4")
        normals = mesh.normals.astype("<f4")
        normals /= np.sqrt(
            normals[:, 0] * normals[:, 0]
            + normals[:, 1] * normals[:, 1]
            + normals[:, 2] * normals[:, 2]
        )[:, None]
        ends = {"min": positions.min(0).tolist(), "max": positions.max(0).tolist()}
        attributes = gltf.Attributes(
            POSITION=accessor(positions, "VEC3", gltf.FLOAT, gltf.ARRAY_BUFFER, **ends),
            NORMAL=accessor(normals, "VEC3", gltf.FLOAT, gltf.ARRAY_BUFFER),
            JOINTS_0=accessor(
                mesh.joints.astype("u1"), "VEC4", gltf.UNSIGNED_BYTE, gltf.ARRAY_BUFFER
            ),
            WEIGHTS_0=accessor(
                mesh.weights.astype("u1"),
                "VEC4",
                gltf.UNSIGNED_BYTE,
                gltf.ARRAY_BUFFER,
                normalized=True,
            ),
        )
        targets = [
            gltf.Attributes(POSITION=moved(move.astype("<f4"))) for move in mesh.morphs.values()
        ]
        primitives = []
        for number, name in enumerate(MATERIALS):
            triangles = mesh.triangles[mesh.materials == name]
            if len(triangles):
                indices = accessor(
                    triangles.astype("<u2"),
                    "SCALAR",
                    gltf.UNSIGNED_SHORT,
                    gltf.ELEMENT_ARRAY_BUFFER,
                )
                primitives.append(
                    gltf.Primitive(
                        attributes=attributes, indices=indices, material=number, targets=targets
                    )
                )
        extras = {"targetNames": list(mesh.morphs)} if mesh.morphs else {}
        document.meshes.append(gltf.Mesh(name=title, primitives=primitives, extras=extras))
    rest = HUMANOID.rest_positions()
    for joint, (name, offset) in enumerate(zip(BONES, HUMANOID.offsets, strict=True)):
        document.nodes.append(
            gltf.Node(
                name=name,
                translation=[float(round(v, 9)) for v in offset],
                children=HUMANOID.children(joint),
            )
        )
    for number, title in enumerate(meshes):
        document.nodes.append(gltf.Node(name=title, mesh=number, skin=0))
    inverse = np.tile(np.eye(4), (len(BONES), 1, 1))
    inverse[:, 3, :3] = -rest  # column-major: the translation is in the last row
    binds = accessor(inverse.astype("<f4").reshape(-1, 16), "MAT4", gltf.FLOAT, None)
    document.skins = [
        gltf.Skin(joints=list(range(len(BONES))), inverseBindMatrices=binds, skeleton=0)
    ]
    document.scenes = [
        gltf.Scene(name="mannequin", nodes=[0, *range(len(BONES), len(document.nodes))])
    ]
    document.scene = 0
    document.buffers = [gltf.Buffer(byteLength=len(blob))]
    document.extensionsUsed = ["VRMC_vrm"]
    document.extensions = {"VRMC_vrm": _vrm(list(meshes), list(meshes["face"].morphs))}
    document.set_binary_blob(bytes(blob))
    return b"".join(document.save_to_bytes())


def _vrm(meshes: list[str], morphs: list[str]) -> dict[str, object]:
    """Return the VRMC_vrm extension
    (https://github.com/vrm-c/vrm-specification/tree/master/specification/VRMC_vrm-1.0).
    """
    gaze = {"inputMaxValue": 90.0, "outputScale": 10.0}
    eye = (
        HUMANOID.rest_positions()[BONES.index("leftEye")]
        - HUMANOID.rest_positions()[BONES.index("head")]
    ).round(6)
    return {
        "specVersion": "1.0",
        "meta": {
            "name": "mocap mannequin", "version": "1", "authors": ["the mocap authors"],
            "licenseUrl": "https://vrm.dev/licenses/1.0/",
            "avatarPermission": "everyone", "allowExcessivelyViolentUsage": True,
            "allowExcessivelySexualUsage": False,
            "commercialUsage": "corporation", "allowPoliticalOrReligiousUsage": True,
            "allowAntisocialOrHateUsage": False,
            "creditNotation": "unnecessary", "allowRedistribution": True,
            "modification": "allowModificationRedistribution",
            "otherLicenseUrl": "https://opensource.org/license/mit",
        },
        "humanoid": {"humanBones": {name: {"node": joint} for joint, name in enumerate(BONES)}},
        "expressions": vrm_expressions(len(BONES) + meshes.index("face"), morphs),
        "firstPerson": {"meshAnnotations": [{"node": len(BONES) + n,
            "type": "auto"} for n in range(len(meshes))]},
        "lookAt": {
            "offsetFromHeadBone": [0.0, float(eye[1]), float(eye[2])], "type": "bone",
            "rangeMapHorizontalInner": gaze, "rangeMapHorizontalOuter": gaze,
            "rangeMapVerticalDown": gaze, "rangeMapVerticalUp": gaze,
        },
    }  # fmt: skip


def main() -> None:
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("mannequin.vrm")
    meshes = build()
    data = vrm_bytes(meshes)
    out.write_bytes(data)
    vertices, triangles = (
        sum(len(getattr(m, what)) for m in meshes.values()) for what in ("positions", "triangles")
    )
    print(
        f"{out}: {len(data) / 1e6:.2f} MB, {vertices} vertices, {triangles} triangles, "
        f"{len(meshes['face'].morphs)} expressions"
    )


if __name__ == "__main__":
    main()
