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
from mocap.core.skeleton import BONES, HUMANOID, TIPS, Skeleton
from mocap.errors import InputError
from mocap.rig import stance
from mocap.rig.load import load_rig
from tests.helpers import synthetic
from tests.helpers.posed_trees import SIDES, Made, X, Y, Z, relaxed, worst_limb

seeds = st.integers(0, 2**32 - 1)


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
