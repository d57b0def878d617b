"""The mannequin: reproducible, on HUMANOID's joints, its limbs keep their shape."""

from __future__ import annotations

import numpy as np
import pygltflib
import pytest
from scipy.spatial import cKDTree

from mocap.core import rotation as R
from mocap.core.kinematics import fk
from mocap.core.skeleton import BONES, HUMANOID, mirrored_name
from tests import judges
from tests.helpers.places import MANNEQUIN


class Skin:
    """The file's two meshes as one, read by pygltflib.

    Positions, normals (V, 3), joints, weights (V, 4), triangles (T, 3), materials (T,), and morphs:
    name → (V, 3).
    """

    def __init__(self) -> None:
        self.document = pygltflib.GLTF2().load_binary(str(MANNEQUIN))
        places, normals, joints, weights, triangles, materials = [], [], [], [], [], []
        self.morphs: dict[str, np.ndarray] = {}
        start = 0
        for mesh in self.document.meshes:
            attributes = mesh.primitives[0].attributes
            assert all(p.attributes.POSITION == attributes.POSITION for p in mesh.primitives)
            places.append(self.read(attributes.POSITION).astype(float))
            normals.append(self.read(attributes.NORMAL).astype(float))
            joints.append(self.read(attributes.JOINTS_0))
            weights.append(self.read(attributes.WEIGHTS_0) / 255.0)
            for p in mesh.primitives:
                triangles.append(self.read(p.indices).reshape(-1, 3).astype(int) + start)
                materials += [self.document.materials[p.material].name] * len(triangles[-1])
            for name, target in zip(
                mesh.extras.get("targetNames", []), mesh.primitives[0].targets, strict=True
            ):
                self.morphs[name] = np.concatenate(
                    [np.zeros((start, 3)), self.sparse(target["POSITION"])]
                )
            start += len(places[-1])
        self.positions, self.normals, self.joints, self.weights, self.triangles = (
            np.concatenate(parts) for parts in (places, normals, joints, weights, triangles)
        )
        self.materials = np.array(materials)

    def sparse(self, number: int) -> np.ndarray:
        a = self.document.accessors[number]
        at, to = (
            self.document.bufferViews[part.bufferView]
            for part in (a.sparse.indices, a.sparse.values)
        )
        blob, out = self.document.binary_blob(), np.zeros((a.count, 3))
        which = np.frombuffer(blob, "<u2", a.sparse.count, at.byteOffset)
        out[which] = np.frombuffer(blob, "<f4", 3 * a.sparse.count, to.byteOffset).reshape(-1, 3)
        return out

    def read(self, number: int) -> np.ndarray:
        a = self.document.accessors[number]
        view = self.document.bufferViews[a.bufferView]
        kind = {5121: "u1", 5123: "<u2", 5125: "<u4", 5126: "<f4"}[a.componentType]
        width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}[a.type]
        data = np.frombuffer(
            self.document.binary_blob(), kind, a.count * width, view.byteOffset or 0
        )
        return data.reshape(-1, width) if width > 1 else data

    def posed(self, turns: dict[str, tuple[float, float, float]]) -> tuple[np.ndarray, np.ndarray]:
        """Return vertices and normals by linear blend skinning; rotation vectors in degrees."""
        rotations = np.tile(R.IDENTITY, (len(BONES), 1))
        for bone, vector in turns.items():
            rotations[BONES.index(bone)] = R.from_rotation_vector(np.radians(vector))
        at, world = fk(HUMANOID, HUMANOID.offsets[0], rotations)
        matrices, rest = R.to_matrix(world), HUMANOID.rest_positions()
        blend = np.einsum("vi,vijk->vjk", self.weights, matrices[self.joints])
        shift = np.einsum(
            "vi,vij->vj", self.weights, (at - np.einsum("jab,jb->ja", matrices, rest))[self.joints]
        )
        return np.einsum("vjk,vk->vj", blend, self.positions) + shift, np.einsum(
            "vjk,vk->vj", blend, self.normals
        )


@pytest.fixture(scope="module")
def skin() -> Skin:
    return Skin()


def test_the_mannequin_is_reproducible():
    from rigs.mannequin import build, vrm_bytes

    assert vrm_bytes(build()) == MANNEQUIN.read_bytes(), (
        "run `python rigs/mannequin.py` and commit the file"
    )


def test_joints_are_those_of_the_humanoid_skeleton(skin):
    nodes = skin.document.nodes
    human = skin.document.extensions["VRMC_vrm"]["humanoid"]["humanBones"]
    assert set(human) == set(BONES)
    positions = {}
    for number, bone in enumerate(BONES):
        node = nodes[human[bone]["node"]]
        assert node.name == bone
        assert node.rotation in (None, [0.0, 0.0, 0.0, 1.0])
        assert node.scale in (None, [1.0, 1.0, 1.0])
        parent = int(HUMANOID.parents[number])
        assert parent < 0 or human[bone]["node"] in nodes[human[BONES[parent]]["node"]].children
        positions[bone] = np.array(node.translation) + (
            positions[BONES[parent]] if parent >= 0 else 0.0
        )
    np.testing.assert_allclose(
        np.array(list(positions.values())), HUMANOID.rest_positions(), atol=1e-6
    )
    inverse = skin.read(skin.document.skins[0].inverseBindMatrices).reshape(-1, 4, 4)
    np.testing.assert_allclose(inverse[:, 3, :3], -HUMANOID.rest_positions(), atol=1e-6)


def test_height_ground_and_file_size_are_right(skin):
    low, high = skin.positions.min(0), skin.positions.max(0)
    assert low[1] == pytest.approx(0.0, abs=0.002)
    assert high[1] == pytest.approx(1.75, abs=0.005)
    assert MANNEQUIN.stat().st_size <= 1_500_000


def test_skin_weights_sum_to_one_and_every_bone_has_some(skin):
    np.testing.assert_allclose(skin.weights.sum(1), 1.0, atol=1e-6)
    assert skin.weights.min() >= 0.0
    moved = {BONES[j] for j in np.unique(skin.joints[skin.weights > 0])}
    assert set(BONES) - moved == {"jaw"}


def test_the_surface_is_closed_without_collapsed_triangles(skin):
    t = skin.triangles
    edges = np.concatenate([t[:, [0, 1]], t[:, [1, 2]], t[:, [2, 0]]])
    there, back = (
        edges[:, 0] * len(skin.positions) + edges[:, 1],
        edges[:, 1] * len(skin.positions) + edges[:, 0],
    )
    assert len(np.unique(there)) == len(there), (
        "an edge belongs to two triangles in the same direction"
    )
    assert np.array_equal(np.sort(there), np.sort(back)), "an edge belongs to one triangle only"
    corners = skin.positions[t]
    area = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    assert area.min() > 1e-10
    np.testing.assert_allclose(np.linalg.norm(skin.normals, axis=1), 1.0, atol=1e-6)


def test_left_and_right_are_mirror_images_except_colours(skin):
    flip = np.array([-1.0, 1.0, 1.0])
    distance, other = cKDTree(skin.positions).query(skin.positions * flip)
    assert distance.max() <= 1e-5
    mirror = np.array([BONES.index(mirrored_name(b)) for b in BONES])
    table = np.zeros((len(skin.positions), len(BONES)))
    np.add.at(table, (np.arange(len(table))[:, None], skin.joints), skin.weights)
    # Where vertices of two pieces coincide, either may be the nearest: a few in a hundred at most.
    assert np.mean(np.abs(table - table[other][:, mirror]).max(1) < 1e-6) > 0.98
    middles = skin.positions[skin.triangles].mean(1)
    assert middles[skin.materials == "accent", 0].min() > 0
    assert middles[skin.materials == "accentRight", 0].max() < 0


# joint: (its bone, the limb's direction there, a 90° bend, a 90° twist), the left side's; rotation
# vectors in degrees.
JOINTS = {
    "shoulder": ("leftUpperArm", (1, 0, 0), (0, 0, -90), (90, 0, 0)),
    "elbow": ("leftLowerArm", (1, 0, 0), (0, -90, 0), (90, 0, 0)),
    "wrist": ("leftHand", (1, 0, 0), (0, 0, -90), (90, 0, 0)),
    "hip": ("leftUpperLeg", (0, -1, 0), (-90, 0, 0), (0, 90, 0)),
    "knee": ("leftLowerLeg", (0, -1, 0), (90, 0, 0), (0, 90, 0)),
    "ankle": ("leftFoot", (0, -1, 0), (45, 0, 0), (0, 45, 0)),
}


def _section(
    skin: Skin, vertices: np.ndarray, centre: np.ndarray, normal: np.ndarray, radius: float
) -> float:
    """Return the area in m² that the body fills of a disc about a centre.

    The union of its closed pieces, by winding numbers on a grid of points.
    """
    x = np.cross(normal, [0.31, 0.53, 0.79])
    x /= np.linalg.norm(x)
    frame = np.stack([x, np.cross(normal, x), normal], axis=-1)
    corners = ((vertices - centre) @ frame)[skin.triangles]
    above = corners[..., 2] >= 0
    corners, above = corners[above.any(1) & ~above.all(1)], above[above.any(1) & ~above.all(1)]
    # Each triangle that the plane cuts gives a segment from the edge that rises through the plane
    # to the one that falls.
    following = np.roll(corners, -1, axis=1)
    t = corners[..., 2] / np.where(
        corners[..., 2] == following[..., 2], 1.0, corners[..., 2] - following[..., 2]
    )
    crossing = (corners + t[..., None] * (following - corners))[..., :2]
    rises, falls = ~above & np.roll(above, -1, axis=1), above & ~np.roll(above, -1, axis=1)
    (x1, y1), (x2, y2) = crossing[rises].T, crossing[falls].T
    steps = (np.arange(40) + 0.5) / 20.0 - 1.0
    grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    grid = grid[np.linalg.norm(grid, axis=1) < 1.0] * radius
    px, py = grid[:, :1], grid[:, 1:]
    spans = (y1 <= py) != (y2 <= py)
    at = x1 + (py - y1) / np.where(y1 == y2, 1.0, y2 - y1) * (x2 - x1)
    winding = np.where(spans & (at > px), np.sign(y2 - y1), 0.0).sum(1)
    return float((winding != 0).mean() * np.pi * radius * radius)


@pytest.mark.parametrize("joint", JOINTS)
@pytest.mark.parametrize("kind", ["bend", "twist"])
def test_a_limb_keeps_its_cross_section_at_a_bent_or_twisted_joint(skin, joint, kind):
    bone, direction, bend, twist = JOINTS[joint]
    turn = {"bend": bend, "twist": twist}[kind]
    centre, along = HUMANOID.rest_positions()[BONES.index(bone)], np.array(direction, dtype=float)
    rotation = R.from_rotation_vector(np.radians(turn))
    vertices, _ = skin.posed({bone: turn})
    radius = {
        "wrist": 0.035,
        "elbow": 0.05,
        "ankle": 0.05,
        "knee": 0.065,
        "shoulder": 0.07,
        "hip": 0.09,
    }[joint]
    turned = R.apply(rotation, along)
    rest = {
        d: _section(skin, skin.positions, centre + d * radius * along, along, radius)
        for d in (-0.5, 0.0, 0.5)
    }
    for distance, way, side in (
        (-0.5, along, "before"),
        (0.0, along, "before"),
        (0.0, turned, "beyond"),
        (0.5, turned, "beyond"),
    ):
        left = (
            _section(skin, vertices, centre + distance * radius * way, way, radius) / rest[distance]
        )
        assert left >= 0.7, f"{joint}: {left:.0%} of the cross-section is left {side} the joint"


FINGERS = {
    f"{side}{finger}{part}": (0.0, 0.0, -75.0 if side == "left" else 75.0)
    for side in ("left", "right") for finger in ("Index", "Middle", "Ring",
        "Little") for part in ("Proximal", "Intermediate", "Distal")
}  # fmt: skip


@pytest.mark.parametrize(
    "turns",
    [
        {
            "leftLowerArm": (0, -90, 0),
            "rightLowerArm": (90, 0, 0),
            "leftLowerLeg": (90, 0, 0),
            "rightUpperLeg": (-90, 0, 0),
        },
        {
            "leftUpperArm": (0, 0, -80),
            "rightUpperArm": (0, 80, 0),
            "leftHand": (0, 0, -80),
            "leftToes": (-35, 0, 0),
        },
        {
            "leftUpperArm": (0, 0, 60),
            "leftShoulder": (0, 0, 25),
            "neck": (0, 35, 0),
            "head": (20, 35, 0),
        },
        {"spine": (20, 15, 0), "chest": (20, 15, 0), "upperChest": (15, 10, 0)},
        FINGERS,
    ],
)
def test_few_triangles_flip_or_stretch(skin, turns):
    vertices, normals = skin.posed(turns)
    corners, rest = vertices[skin.triangles], skin.positions[skin.triangles]
    face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    turned_over = np.einsum("ij,ij->i", face, normals[skin.triangles].mean(1)) < 0
    # At rest a few slivers where coloured lines meet face any way; what posing adds may be one in
    # two hundred.
    assert turned_over.mean() < 0.005
    edge = lambda c: np.linalg.norm(c - np.roll(c, 1, axis=1), axis=2)  # noqa: E731
    assert np.quantile(edge(corners) / edge(rest), 0.999) < 2.5


def test_expressions_mirror_and_move_their_part_of_the_face(skin):
    from mocap.core.motion import mirrored_expression
    from mocap.solve.face import WEIGHTS

    eyes = {w for w in WEIGHTS if w.startswith("eyeLook")}  # the eyes' bones turn
    assert set(skin.morphs) >= set(WEIGHTS) - eyes
    flip = np.array([-1.0, 1.0, 1.0])
    head = skin.positions[:, 1] > 1.5
    for name, move in skin.morphs.items():
        assert not move[~head].any(), "only the face moves"
        assert 0.001 < np.abs(move).max() < 0.04
        mirrored = skin.morphs[mirrored_expression(name)] * flip
        # Vertices between the lips lie on each other, so places and moves are looked for together.
        others = cKDTree(np.concatenate([skin.positions * flip, mirrored], axis=1))
        distance, _ = others.query(np.concatenate([skin.positions, move], axis=1))
        assert distance.max() < 1e-4, name
    lips = skin.materials == "lips"
    middle = np.abs(skin.positions[skin.triangles[lips]][..., 0]) < 0.004
    down = skin.morphs["jawOpen"][skin.triangles[lips]][middle][:, 1]
    assert down.min() < -0.02, "the lower lip goes down"
    assert down.max() > -0.002, "and the upper one stays"
    smile = skin.morphs["mouthSmileLeft"]
    assert smile[:, 1].max() > 0.008
    assert np.abs(smile[skin.positions[:, 0] < -0.015]).max() < 1e-9


@pytest.mark.parametrize("side", ["Left", "Right"])
def test_a_blink_hides_the_eye(skin, side):
    """From the front, no ray to iris or pupil passes between the lids."""
    closed = skin.positions + skin.morphs[f"eyeBlink{side}"]
    eye = HUMANOID.rest_positions()[BONES.index(side.lower() + "Eye")]
    near = np.linalg.norm(skin.positions[skin.triangles].mean(1) - eye, axis=1) < 0.025
    front = near & (skin.positions[skin.triangles][..., 2].mean(1) > eye[2])
    steps = np.arange(-0.006, 0.0061, 0.0005)
    grid = eye[:2] + np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)

    def nearest(vertices: np.ndarray, which: np.ndarray) -> np.ndarray:
        depth = np.full(len(grid), -np.inf)
        for a, b, c in vertices[skin.triangles[which]]:
            m = np.stack([b[:2] - a[:2], c[:2] - a[:2]], axis=-1)
            if abs(np.linalg.det(m)) < 1e-12:
                continue
            u, v = np.linalg.solve(m, (grid - a[:2]).T)
            inside = (u >= -1e-6) & (v >= -1e-6) & (u + v <= 1 + 1e-6)
            depth = np.where(
                inside, np.maximum(depth, a[2] + u * (b[2] - a[2]) + v * (c[2] - a[2])), depth
            )
        return depth

    ball = np.isin(skin.materials, ("white", "iris", "pupil"))
    assert (
        np.mean(nearest(skin.positions, front & ball) > nearest(skin.positions, front & ~ball))
        > 0.5
    ), "open, the eye is seen"
    hidden = nearest(closed, front & ball) < nearest(closed, front & ~ball)
    assert hidden.mean() > 0.995


def test_the_khronos_validator_reports_nothing(node):
    issues = judges.khronos(node, MANNEQUIN)["issues"]
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"]


def test_the_metadata_that_vrm_requires_is_there(skin):
    vrm = skin.document.extensions["VRMC_vrm"]
    assert vrm["specVersion"] == "1.0"
    assert vrm["meta"]["licenseUrl"] == "https://vrm.dev/licenses/1.0/"
    assert vrm["meta"]["name"]
    assert vrm["meta"]["authors"]


def test_the_cross_section_of_a_known_body_is_measured(skin):
    # The elbow's ball alone, which is a sphere of 39 mm.
    from rigs.body import pieces

    radius = 0.039
    assert any(p.name == "elbow" for p in pieces())
    centre = HUMANOID.rest_positions()[BONES.index("leftLowerArm")]
    area = _section(skin, skin.positions, centre, np.array([1.0, 0.0, 0.0]), 0.06)
    assert area == pytest.approx(np.pi * radius**2, rel=0.06)
