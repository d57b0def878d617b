"""T-poses of synthetic characters whose T-pose is known.

They have random bodies, bone axes, units, up axes, and rest poses between arms down and T.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocap.core import rotation as R
from mocap.core.kinematics import fk, global_rotations
from mocap.core.motion import Motion
from mocap.core.rig import Found, Kind, Rig, Tree, TreePose
from mocap.core.skeleton import BONES, HUMANOID, TIPS, Skeleton
from mocap.errors import InputError
from mocap.rig import stance
from mocap.rig.load import load_rig, make_rig
from tests.helpers import synthetic

seeds = st.integers(0, 2**32 - 1)
X, Y, Z = np.eye(3)
UPS = [s * axis for axis in np.eye(3) for s in (1.0, -1.0)]
SIDES = (("left", 1.0), ("right", -1.0))
# Limb bones and the bones that they point to.
LIMBS = [
    (s + a, s + b)
    for s, _ in SIDES
    for a, b in (
        ("UpperArm", "LowerArm"),
        ("LowerArm", "Hand"),
        ("UpperLeg", "LowerLeg"),
        ("LowerLeg", "Foot"),
        ("Foot", "Toes"),
    )
]


def turned(world: np.ndarray) -> np.ndarray:
    """Return local rotations (55, 4) of HUMANOID's bones from world rotations."""
    out = world.copy()
    out[1:] = R.multiply(R.conjugate(world[HUMANOID.parents[1:]]), world[1:])
    return out


def relaxed(rng: np.random.Generator) -> np.ndarray:
    """Return local rotations (55, 4): arms between T and the sides, legs a little apart."""
    local = np.tile(R.IDENTITY, (len(BONES), 1))
    for side, sign in SIDES:
        down, ahead = np.radians(rng.uniform(0, 85)), np.radians(rng.uniform(-15, 15))
        arm = np.array([sign * np.cos(down), -np.sin(down), np.sin(ahead)])
        local[BONES.index(f"{side}UpperArm")] = R.between(sign * X, R.normalize(arm))
        leg = np.array(
            [
                sign * np.sin(np.radians(rng.uniform(-2, 20))),
                -1.0,
                np.sin(np.radians(rng.uniform(-8, 8))),
            ]
        )
        thigh, splay = (
            R.between(-Y, R.normalize(leg)),
            R.from_axis_angle(Y, sign * np.radians(rng.uniform(0, 30))),
        )
        local[BONES.index(f"{side}UpperLeg")] = thigh
        local[BONES.index(f"{side}Foot")] = R.multiply(R.conjugate(thigh), splay)
    return local


class Made:
    """A tree of a body in a pose, with bone axes and a frame and unit, and its true T-pose."""

    def __init__(
        self,
        rng: np.random.Generator,
        local: np.ndarray,
        kind: Kind = "glb",
        turn: np.ndarray = R.IDENTITY,
        unit: float = 1.0,
    ) -> None:
        self.body = synthetic.random_body(rng)
        self.axes = synthetic.random_rotation(rng, len(BONES))
        self.turn, self.unit, self.kind = turn, unit, kind
        self.rest = self.pose("rest", local)
        every = np.ones(len(BONES), dtype=bool)
        self.tree = Tree(
            kind,
            BONES,
            np.arange(55),
            self.body.parents,
            self.rest.positions,
            self.rest.rotations,
            every,
        )
        self.found = {bone: Found(i, "map", 1.0) for i, bone in enumerate(BONES)}

    def pose(self, name: str, local: np.ndarray) -> TreePose:
        positions, world = fk(self.body, self.body.offsets[0], local)
        back = R.conjugate(self.turn)
        return TreePose(
            name,
            R.apply(back, positions) / self.unit,
            R.multiply(back, R.multiply(world, self.axes)),
        )

    def rig(self, without: tuple[str, ...] = (), poses: tuple[TreePose, ...] = ()) -> Rig:
        found = {b: f for b, f in self.found.items() if b not in without}
        return make_rig(replace(self.tree, poses=poses), found, "made", b"")

    def off(self, rig: Rig) -> dict[str, float]:
        """Return joint → angle between its rotation in T-pose and the known one, degrees.

        The last phalanges are left out: only axes show their direction, and these may agree by
        chance.
        """
        world = global_rotations(rig.skeleton, rig.t_pose)
        known = {name: i for i, name in enumerate(BONES)}
        return {
            n: float(np.degrees(R.distance(world[j], self.axes[known[n]])))
            for j, n in enumerate(rig.skeleton.names)
            if n in known and not n.endswith("Distal")
        }


def directions(rig: Rig, local: np.ndarray) -> dict[str, np.ndarray]:
    """Return limb bone → unit direction."""
    at, _ = fk(rig.skeleton, rig.skeleton.offsets[0], local)
    return {
        a: R.normalize(at[rig.index(b)] - at[rig.index(a)])
        for a, b in LIMBS
        if a in rig.bones and b in rig.bones
    }


def worst_limb(rig: Rig, feet: bool = False) -> float:
    """Return the largest angle of a limb in T-pose from HUMANOID's, degrees; feet: heading."""
    at = dict(zip(BONES, HUMANOID.rest_positions(), strict=True))
    off = []
    for bone, v in directions(rig, rig.t_pose).items():
        expected = R.normalize(at[dict(LIMBS)[bone]] - at[bone])
        if bone.endswith("Foot"):
            off += [np.degrees(abs(np.arctan2(v[0], v[2])))] if feet else []
        else:
            off.append(float(np.degrees(np.arccos(np.clip(v @ expected, -1, 1)))))
    return max(off)


# --- the world: up, ahead, unit -------------------------------------------------------------------


@given(seeds)
@settings(max_examples=12, deadline=None)
def test_a_bvh_of_any_up_axis_and_unit_becomes_y_up_metres(seed: int) -> None:
    rng = np.random.default_rng(seed)
    upright = R.between(UPS[rng.integers(6)], Y)
    yaw = R.from_axis_angle(
        Y,
        np.radians(rng.choice([0, 90, 180, 270]) if rng.random() < 0.5 else rng.uniform(-180, 180)),
    )
    turn, unit = (
        R.multiply(yaw, upright),
        float(rng.choice([1.0, 0.01, 0.0254, 0.0254 / 0.45, 0.1, 0.001])),
    )
    made = Made(rng, relaxed(rng), "bvh", turn, unit)
    rig = made.rig()
    assert rig.unit == pytest.approx(unit)
    assert R.apply(rig.turn, R.apply(R.conjugate(turn), Y)) @ Y > 1 - 1e-9, "up is found"
    # Within 20° of an axis the file's axes are meant, and the body stands askew.
    assert np.degrees(R.distance(rig.turn, turn)) < 20.01
    assert max(made.off(rig).values()) < 0.01
    assert worst_limb(rig) < 0.01
    expected = R.apply(rig.turn, unit * made.rest.positions)
    joints = [rig.index(bone) for bone in BONES]
    assert np.abs(rig.skeleton.rest_positions()[joints] - expected).max() < 1e-6


@given(seeds, st.floats(0.1, 20.0))
@settings(max_examples=10, deadline=None)
def test_gltf_units_are_metres_for_any_character(seed: int, size: float) -> None:
    rng = np.random.default_rng(seed)
    yaw = R.from_axis_angle(Y, np.radians(rng.choice([0, 90, 180, -90])))
    made = Made(rng, relaxed(rng), "vrm", yaw, size)
    rig = made.rig()
    assert rig.unit == 1.0
    assert np.degrees(R.distance(rig.turn, yaw)) < 1e-4
    assert max(made.off(rig).values()) < 0.01
    assert np.ptp(rig.skeleton.rest_positions()[:, 1]) == pytest.approx(
        np.ptp(made.rest.positions[:, 1])
    )


def test_a_bvh_of_unknown_unit_is_scaled_to_a_person() -> None:
    rng = np.random.default_rng(1)
    for unit, expected in ((0.37, None), (0.01, 0.01), (3.1e-5, None)):
        made = Made(rng, relaxed(rng), "bvh", R.IDENTITY, unit if expected is None else 1.0)
        if expected is not None:
            made.tree = replace(made.tree, positions=made.tree.positions * 60.0)
        rig = made.rig()
        legs = stance.leg_length(
            TreePose("", fk(rig.skeleton, np.zeros(3), rig.t_pose)[0], rig.t_pose),
            {b: rig.index(b) for b in rig.bones},
        )
        assert rig.unit == expected if expected else legs == pytest.approx(0.83)


def test_the_motion_decides_the_up_axis_if_the_zero_pose_differs() -> None:
    """The zero pose has Y up, the frames Z up; a crawling motion decides nothing."""
    rng = np.random.default_rng(2)
    local = relaxed(rng)
    made = Made(rng, local, "bvh")
    tipped = R.between(Y, Z)
    frames = [made.pose(f"frame {f}", relaxed(rng)) for f in range(5)]
    tilted = tuple(
        TreePose(p.name, R.apply(tipped, p.positions), R.multiply(tipped, p.rotations))
        for p in frames
    )
    rig = made.rig(poses=tilted)
    assert np.allclose(R.apply(rig.turn, Z), Y)
    assert max(made.off(rig).values()) < 0.01
    crawl = local.copy()
    crawl[0] = R.from_axis_angle(X, 0.5 * np.pi)
    for bone in ("UpperArm", "UpperLeg"):
        crawl[[BONES.index(f"left{bone}"), BONES.index(f"right{bone}")]] = R.from_axis_angle(
            X, -0.5 * np.pi
        )
    crawling = tuple(made.pose(f"frame {f}", crawl) for f in range(5))
    assert np.allclose(made.rig(poses=crawling).turn, R.IDENTITY)


# --- the T-pose -----------------------------------------------------------------------------------


@given(seeds)
@settings(max_examples=12, deadline=None)
def test_the_t_pose_is_found_for_any_bone_axes(seed: int) -> None:
    """Arms swung by the shortest rotation from T are restored exactly, twist included."""
    rng = np.random.default_rng(seed)
    made = Made(rng, relaxed(rng))
    rig = made.rig()
    assert worst_limb(rig, feet=True) < 0.01
    assert max(made.off(rig).values()) < 0.01
    assert rig.neutral == "rest"


@given(seeds)
@settings(max_examples=12, deadline=None)
def test_bent_elbows_and_knees_show_the_twist_of_limbs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    local = relaxed(rng)
    for side, sign in SIDES:
        for upper, lower, along, hinge in (
            ("UpperArm", "LowerArm", sign * X, -sign * Y),
            ("UpperLeg", "LowerLeg", -Y, X),
        ):
            twist, bend = np.radians(rng.uniform(-40, 40)), np.radians(rng.uniform(25, 80))
            i, j = BONES.index(side + upper), BONES.index(side + lower)
            local[i] = R.multiply(local[i], R.from_axis_angle(along, twist))
            local[j] = R.from_axis_angle(hinge, bend)
        world = global_rotations(HUMANOID, local)
        splay = R.from_axis_angle(Y, np.radians(rng.uniform(-30, 30)))
        local[BONES.index(f"{side}Foot")] = R.multiply(
            R.conjugate(world[BONES.index(f"{side}LowerLeg")]), splay
        )
    made = Made(rng, local)
    rig = made.rig()
    assert worst_limb(rig, feet=True) < 0.01
    assert max(made.off(rig).values()) < 0.01


@given(seeds)
@settings(max_examples=12, deadline=None)
def test_palms_face_down_and_the_forearm_takes_half_of_the_turn(seed: int) -> None:
    """From palms almost down to palms up, the hand is exact and the forearm turns half as far."""
    rng = np.random.default_rng(seed)
    local, rolls = relaxed(rng), {}
    for side, _ in SIDES:
        rolls[side] = rng.uniform(-200.0, 80.0)
        local[BONES.index(f"{side}LowerArm")] = R.from_axis_angle(X, np.radians(rolls[side]))
    made = Made(rng, local)
    rig = made.rig()
    off = made.off(rig)
    assert worst_limb(rig) < 0.01
    for side, _ in SIDES:
        assert off[f"{side}Hand"] < 0.01
        assert off[f"{side}LowerArm"] == pytest.approx(abs(rolls[side]) / 2, abs=1.0)
        assert off[f"{side}UpperArm"] < 0.01


@given(seeds)
@settings(max_examples=10, deadline=None)
def test_the_standing_foot_shows_how_soles_lie(seed: int) -> None:
    rng = np.random.default_rng(seed)
    local = relaxed(rng)
    side = str(rng.choice(["left", "right"]))
    local[BONES.index(f"{side}LowerLeg")] = R.from_axis_angle(X, np.radians(rng.uniform(50, 70)))
    local[BONES.index(f"{side}Foot")] = R.from_axis_angle(X, np.radians(rng.uniform(10, 40)))
    made = Made(rng, local)
    rig = made.rig()
    off = made.off(rig)
    assert off[f"{side}Foot"] < 0.01
    assert worst_limb(rig, feet=True) < 0.01


def test_a_sole_without_toes_stays_flat() -> None:
    rng = np.random.default_rng(6)
    made = Made(rng, relaxed(rng))
    toes = BONES.index("leftToes"), BONES.index("rightToes")
    joints = made.tree.joints.copy()
    joints[list(toes)] = False
    made.tree = replace(made.tree, joints=joints)
    rig = made.rig(without=("leftToes", "rightToes"))
    world = global_rotations(rig.skeleton, rig.t_pose)
    for side, _ in SIDES:
        away = R.multiply(
            world[rig.index(f"{side}Foot")], R.conjugate(made.axes[BONES.index(f"{side}Foot")])
        )
        assert R.apply(away, Y) @ Y > 1.0 - 1e-9
        assert np.degrees(R.angle(away)) < 30.01, "splayed as it was"


@given(seeds)
@settings(max_examples=10, deadline=None)
def test_a_better_pose_in_the_file_is_used(seed: int) -> None:
    """Mid-action nodes bound in T; and a useless zero pose with a motion through a good one."""
    rng = np.random.default_rng(seed)
    wild = synthetic.rotations_of(synthetic.pose_parameters(rng, 6), np.tile(R.IDENTITY, (6, 1)))
    calm = relaxed(rng)
    made = Made(rng, wild[0])
    bind = made.pose("bind", calm)
    if stance.strain(made.rest, {b: i for i, b in enumerate(BONES)}) > np.radians(15):
        rig = made.rig(poses=(bind,))
        assert rig.neutral == "bind"
        assert max(made.off(rig).values()) < 0.01
    # Without rotations, bones go whichever way their own axes lie.
    made = Made(rng, calm, "bvh", R.IDENTITY, 0.01)
    back = R.conjugate(made.axes[made.body.parents])
    offsets = np.concatenate([np.zeros((1, 3)), R.apply(back, made.body.offsets)[1:] * 100.0])
    zero, _ = fk(
        Skeleton(BONES, made.body.parents, offsets, np.tile(R.IDENTITY, (55, 1))),
        np.zeros(3),
        np.tile(R.IDENTITY, (55, 1)),
    )
    made.tree = replace(made.tree, positions=zero, rotations=np.tile(R.IDENTITY, (55, 1)))
    frames = [made.pose(f"frame {f}", wild[f]) for f in range(5)] + [made.pose("frame 5", calm)]
    rig = made.rig(poses=tuple(frames))
    assert rig.neutral == "frame 5"
    assert max(made.off(rig).values()) < 0.01
    assert rig.unit == 0.01


@given(seeds, st.booleans())
@settings(max_examples=10, deadline=None)
def test_pitched_feet_of_a_performance_give_the_right_soles(seed: int, kneels: bool) -> None:
    """Feet and toes are bent in the frame used for the T-pose and level while they stand."""
    rng = np.random.default_rng(seed)
    count = 90
    local = np.tile(relaxed(rng), (count, 1, 1))
    hips = 0.01 * np.sin(np.arange(count))[:, None] * X
    first = local[0].copy()
    for side, sign in SIDES:
        foot, toes, shank = (BONES.index(side + b) for b in ("Foot", "Toes", "LowerLeg"))
        pitch = sign * np.radians(rng.uniform(15.0, 35.0))
        first[foot] = R.multiply(first[foot], R.from_axis_angle(X, pitch))
        first[toes] = R.from_axis_angle(X, np.radians(rng.uniform(-30.0, 0.0)))
        if kneels:
            local[30:60, shank] = R.from_axis_angle(X, np.radians(100.0))
            local[30:60, foot] = R.from_axis_angle(X, np.radians(40.0))
    local[0] = first
    made = Made(rng, local[0], "bvh", R.IDENTITY, 0.01)
    places, world = fk(made.body, made.body.offsets[0] + hips, local)
    places[kneels * 30 : kneels * 60] -= [0.0, kneels * 0.35, 0.0]
    turned_axes = R.multiply(world, made.axes)
    own = turned_axes.copy()
    own[:, 1:] = R.multiply(R.conjugate(turned_axes[:, made.body.parents[1:]]), turned_axes[:, 1:])
    back = R.conjugate(made.axes[made.body.parents[1:]])
    offsets = np.concatenate([made.body.offsets[:1], R.apply(back, made.body.offsets[1:])]) * 100.0
    skeleton = Skeleton(BONES, made.body.parents, offsets, np.tile(R.IDENTITY, (55, 1)))
    motion = Motion(skeleton, np.arange(count) / 30.0, places[:, 0] * 100.0, own)
    zero, unturned = skeleton.rest_positions(), np.tile(R.IDENTITY, (55, 1))
    made.tree = replace(made.tree, positions=zero, rotations=unturned, motion=motion)
    rig = made.rig(poses=(made.pose("frame 0", local[0]),))
    assert rig.neutral == "frame 0"
    off = made.off(rig)
    for bone in ("leftFoot", "rightFoot", "leftToes", "rightToes"):
        assert off[bone] < 0.5, bone


@given(seeds)
@settings(max_examples=10, deadline=None)
def test_curled_fingers_are_straightened_to_their_tips(seed: int) -> None:
    """Bones along one axis, as in Blender, or with the world's axes on straight fingers, as in VRM
    0.
    """
    rng = np.random.default_rng(seed)
    local = relaxed(rng)
    curl = rng.random() < 0.5
    for side, sign in SIDES:
        for i, bone in enumerate(BONES):
            if (
                curl
                and bone.startswith(side)
                and bone.endswith(("Proximal", "Intermediate", "Distal"))
                and "Thumb" not in bone
            ):
                local[i] = R.from_axis_angle(-sign * Z, np.radians(rng.uniform(0, 40)))
    made = Made(rng, local)
    at = HUMANOID.rest_positions()
    for i, bone in enumerate(BONES):
        if bone.endswith(("Proximal", "Intermediate", "Distal")):
            ends = HUMANOID.children(i)
            along = R.normalize(at[ends[0]] - at[i] if ends else TIPS[bone])
            made.axes[i] = R.conjugate(R.from_frame(X, Z)) if not curl else R.from_frame(along, Y)
    made.rest = made.pose("rest", local)
    made.tree = replace(made.tree, rotations=made.rest.rotations)
    rig = made.rig()
    world = global_rotations(rig.skeleton, rig.t_pose)
    for bone in (b for b in BONES if b.endswith("Distal")):
        tip = R.apply(
            R.multiply(world[rig.index(bone)], R.conjugate(made.axes[BONES.index(bone)])),
            TIPS[bone],
        )
        assert np.linalg.norm(tip - TIPS[bone]) < np.radians(0.01) * np.linalg.norm(TIPS[bone])


OPTIONAL = (
    "Shoulder",
    "Toes",
    "ThumbMetacarpal",
    "IndexProximal",
    "LittleProximal",
    "MiddleDistal",
    "RingIntermediate",
    "Eye",
)


@given(
    seeds,
    st.lists(
        st.sampled_from([*OPTIONAL, "spine", "chest", "upperChest", "neck", "jaw", "head"]),
        unique=True,
    ),
)
@settings(max_examples=12, deadline=None)
def test_limbs_point_right_when_optional_bones_are_missing(seed: int, parts: list[str]) -> None:
    rng = np.random.default_rng(seed)
    without = tuple(
        b for b in BONES if b in parts or b.removeprefix("left").removeprefix("right") in parts
    )
    assert worst_limb(Made(rng, relaxed(rng)).rig(without)) < 0.01


@given(seeds)
@settings(max_examples=10, deadline=None)
def test_nodes_between_bones_move_with_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    made = Made(rng, relaxed(rng))
    at = BONES.index("leftUpperArm"), BONES.index("leftLowerArm")
    parents = np.append(made.tree.parents, at[0])
    parents[at[1]] = 55
    order = [*range(at[1]), 55, *range(at[1], 55)]
    place = np.argsort(order)
    positions = np.append(
        made.tree.positions,
        [made.tree.positions[list(at)].mean(0) + rng.normal(scale=0.1, size=3)],
        axis=0,
    )
    rotations = np.append(made.tree.rotations, synthetic.random_rotation(rng, 1), axis=0)
    names = (*BONES, "twist")
    tree = Tree(
        "glb", tuple(names[i] for i in order), np.arange(56),
        np.where(parents[order] >= 0, place[parents[order]], -1),
        positions[order], rotations[order], np.ones(56, dtype=bool),
    )  # fmt: skip
    rig = make_rig(
        tree, {b: Found(int(place[i]), "map", 1.0) for i, b in enumerate(BONES)}, "made", b""
    )
    assert worst_limb(rig) < 0.01
    assert max(made.off(rig).values()) < 0.01
    twist = rig.skeleton.names.index("twist")
    assert np.allclose(rig.t_pose[twist], rig.skeleton.rest_rotations[twist]) or np.allclose(
        rig.t_pose[twist], -rig.skeleton.rest_rotations[twist]
    )


@given(seeds)
@settings(max_examples=12, deadline=None)
def test_a_foot_parented_elsewhere_is_attached_to_its_leg(seed: int) -> None:
    rng = np.random.default_rng(seed)
    made = Made(rng, relaxed(rng))
    parents = made.tree.parents.copy()
    parents[[BONES.index("leftFoot"), BONES.index("rightFoot")]] = 0
    made.tree = replace(made.tree, parents=parents)
    rig = made.rig()
    assert rig.skeleton.parents[rig.index("leftFoot")] == rig.index("leftLowerLeg")
    assert worst_limb(rig, feet=True) < 0.01
    assert max(made.off(rig).values()) < 0.01


def test_corrections_are_reported() -> None:
    rng = np.random.default_rng(5)
    local = np.tile(R.IDENTITY, (55, 1))
    local[BONES.index("leftUpperArm")] = R.from_axis_angle(Z, np.radians(-45))
    rig = Made(rng, local).rig()
    told = {
        bone: np.degrees((a.swing, a.twist)).round(3).tolist() for bone, a in rig.aligned.items()
    }
    assert told["leftUpperArm"] == pytest.approx([45, 0])
    assert told["leftLowerArm"] == pytest.approx([45, 0])
    assert told["rightUpperArm"] == pytest.approx([0, 0])
    assert set(told) == set(BONES)


# --- what is refused ------------------------------------------------------------------------------


def test_impossible_bodies_are_refused_with_the_reason() -> None:
    made = Made(np.random.default_rng(0), np.tile(R.IDENTITY, (55, 1)))

    def refused(match: str, tree: Tree = made.tree, **other: Found) -> None:
        with pytest.raises(InputError, match=match):
            make_rig(tree, made.found | other, "made", b"")

    refused("two bones at once", leftHand=made.found["rightHand"])
    refused("hangs below", leftHand=made.found["leftUpperArm"], leftUpperArm=made.found["leftHand"])
    refused("no length|no way|lie", replace(made.tree, positions=np.zeros((55, 3))))
    parents = made.tree.parents.copy()
    parents[BONES.index("leftUpperLeg")] = -1
    without_hips = {b: f for b, f in made.found.items() if b != "hips"}
    with pytest.raises(InputError, match="several trees"):
        make_rig(replace(made.tree, parents=parents), without_hips, "made", b"")
    # A missing thigh is no reason: a part of a body moves what it has.
    partial = made.rig(without=("leftUpperLeg",))
    assert "leftUpperLeg" not in partial.bones
    assert np.all(np.isfinite(partial.t_pose))


@given(seeds, st.lists(st.sampled_from(range(55)), min_size=1, max_size=20))
@settings(max_examples=12, deadline=None)
def test_zero_length_bones_are_harmless(seed: int, flat: list[int]) -> None:
    rng = np.random.default_rng(seed)
    made = Made(rng, relaxed(rng))
    positions = made.tree.positions.copy()
    for joint in sorted(flat):
        positions[joint] = positions[max(made.tree.parents[joint], 0)]
    try:
        rig = make_rig(replace(made.tree, positions=positions), made.found, "made", b"")
    except InputError as error:
        assert "skeleton" in str(error)  # noqa: PT017
    else:
        assert np.all(np.isfinite(rig.t_pose))
        assert np.allclose(np.linalg.norm(rig.t_pose, axis=1), 1.0)


# --- real characters ------------------------------------------------------------------------------


def test_every_real_character_is_put_in_t_pose(data: Path) -> None:
    refused = []
    for path in sorted((data / "rigs").rglob("*.*")):
        if path.suffix not in (".glb", ".vrm"):
            continue
        try:
            rig = load_rig(path)
        except InputError:
            refused.append(path.stem)
            continue
        assert worst_limb(rig, feet=True) < 0.01, path.name
        assert rig.unit == 1.0
        vrm0 = b'"VRM":' in path.read_bytes()
        assert (
            np.degrees(R.distance(rig.turn, np.array([0.0, 1.0, 0.0, 0.0]) if vrm0 else R.IDENTITY))
            < 1e-4
        )
    assert refused == ["RiggedSimple"]


def test_two_files_of_one_character_rest_alike(data: Path) -> None:
    """One body in VRM 0, where left is −X, and in VRM 1; one in A-pose and in T-pose."""
    for one, other in (
        ("basic_armature_vrm0", "basic_armature_vrm1"),
        ("rest_a_pose_t_position_rest", "rest_a_pose_t_position_pose"),
    ):
        rigs = [load_rig(data / "rigs" / "vrm" / f"{name}.vrm") for name in (one, other)]
        places, turns = [], []
        for rig in rigs:
            at, world = fk(rig.skeleton, rig.skeleton.offsets[0], rig.t_pose)
            away = R.multiply(
                world, R.conjugate(global_rotations(rig.skeleton, rig.skeleton.rest_rotations))
            )
            places.append(np.array([at[rig.index(b)] for b in BONES if b in rig.bones]))
            turns.append(np.array([away[rig.index(b)] for b in BONES if b in rig.bones]))
        assert np.abs(places[0] - places[1]).max() < 0.002, (one, other)
        if one.startswith("basic"):
            assert np.degrees(R.distance(*turns).max()) < 0.05
