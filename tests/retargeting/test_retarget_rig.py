"""Motion on rigs and back: for any bone axes, rest pose, names, number and size of bones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocap.core import kinematics
from mocap.core import rotation as R
from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.core.skeleton import BONES, HUMANOID, Skeleton
from mocap.errors import InputError
from mocap.retargeting import leg_length, normalized, retarget
from mocap.retargeting.body import body_of
from tests.helpers import cost, made_rigs, synthetic
from tests.helpers.measures import LIMBS

seeds = st.integers(0, 2**32 - 1)
heights = st.floats(0.2, 8.0)
few = settings(max_examples=20, deadline=None)


def performed(rng: np.random.Generator, frames: int = 8) -> Motion:
    """Return random poses on a random body, all bones turned, without contacts."""
    motion = synthetic.random_poses(rng, frames)
    some = R.from_rotation_vector(rng.normal(scale=0.3, size=(frames, len(BONES), 3)))
    return Motion(
        motion.skeleton,
        motion.times,
        rng.normal(size=(frames, 3)),
        R.multiply(motion.rotations, some),
    )


def a_rig(seed: int, height: float = 1.75, **options: object) -> Rig:
    rng = np.random.default_rng(seed)
    missing = tuple(b for b in made_rigs.OPTIONAL if rng.uniform() < 0.4)
    arms, above = float(rng.uniform(0, 90)), int(rng.integers(0, 3))
    made = {
        "missing": missing,
        "between": 0.3,
        "above": above,
        "arms": arms,
        "height": height,
    } | options
    return made_rigs.rig(rng, **made)


def directions(motion: Motion, places: dict[str, int]) -> np.ndarray:
    """Return the limbs' directions in the world, (F, 8, 3)."""
    positions, _ = kinematics.fk(motion.skeleton, motion.root_positions, motion.rotations)
    return R.normalize(
        np.stack([positions[:, places[b]] - positions[:, places[a]] for a, b in LIMBS], axis=1)
    )


def joints_of(rig: Rig) -> dict[str, int]:
    return {b: rig.index(b) for b in rig.bones}


HUMAN = {b: i for i, b in enumerate(BONES)}


def apart(a: np.ndarray, b: np.ndarray) -> float:
    """Return the largest angle between unit vectors, degrees."""
    return float(
        np.degrees(
            np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), np.sum(a * b, axis=-1)).max()
        )
    )


@few
@given(seeds, heights)
def test_limb_directions_of_any_rig_match_the_performers(seed: int, height: float) -> None:
    rig, motion = a_rig(seed, height), performed(np.random.default_rng(seed))
    moved = retarget(motion, rig)
    assert moved.skeleton is rig.skeleton
    assert apart(directions(moved, joints_of(rig)), directions(motion, HUMAN)) < 1e-5


@few
@given(seeds)
def test_joints_get_the_rotation_of_bones_including_twist(seed: int) -> None:
    rig, motion = a_rig(seed), performed(np.random.default_rng(seed))
    moved = retarget(motion, rig)
    world, wanted = (kinematics.global_rotations(m.skeleton, m.rotations) for m in (moved, motion))
    t_pose = kinematics.global_rotations(rig.skeleton, rig.t_pose)
    trunk = ("spine", "chest", "upperChest", "neck")
    for bone in [b for b in rig.bones if b not in trunk]:
        turned = R.multiply(world[:, rig.index(bone)], R.conjugate(t_pose[rig.index(bone)]))
        assert R.distance(turned, wanted[:, BONES.index(bone)]).max() < 1e-6, bone
    # Whatever the trunk has of joints, its last stands as the performer's chest, and the neck's
    # last as the neck.
    top = [b for b in trunk[:3] if b in rig.bones][-1]
    turned = R.multiply(world[:, rig.index(top)], R.conjugate(t_pose[rig.index(top)]))
    assert R.distance(turned, wanted[:, BONES.index("upperChest")]).max() < 1e-6


@few
@given(seeds, heights)
def test_motion_on_a_rig_round_trips(seed: int, height: float) -> None:
    """All bones of the rig (the trunk's if it has all three), and the path in the rig's scale."""
    rng = np.random.default_rng(seed)
    whole = made_rigs.rig(rng, height, between=0.0, above=1, arms=45.0)
    motion = performed(rng)
    back = normalized(retarget(motion, whole), whole)
    assert back.skeleton.names == BONES
    assert R.distance(back.rotations, motion.rotations).max() < 1e-6
    again = retarget(back, whole)
    assert (
        np.abs(again.root_positions - retarget(motion, whole).root_positions).max() < 1e-6 * height
    )
    some = a_rig(seed, height)
    moved = retarget(motion, some)
    world, wanted = (
        kinematics.global_rotations(HUMANOID, m.rotations)
        for m in (normalized(moved, some), motion)
    )
    for bone in [b for b in some.bones if b not in ("spine", "chest", "neck")]:
        assert R.distance(world[:, BONES.index(bone)], wanted[:, BONES.index(bone)]).max() < 1e-6, (
            bone
        )
    assert (
        apart(
            directions(retarget(normalized(moved, some), some), joints_of(some)),
            directions(moved, joints_of(some)),
        )
        < 1e-4
    )


@pytest.mark.parametrize("between", [0, 1, 2])
def test_a_trunk_of_any_number_of_joints_bends_in_each(between: int) -> None:
    rng = np.random.default_rng(between)
    rig = made_rigs.rig(
        rng, between=1.0 if between else 0.0, missing=("upperChest",) if between == 2 else ()
    )
    turn = R.from_rotation_vector(np.array([[0.9, 0.0, 0.0]]))
    rotations = np.tile(R.IDENTITY, (1, len(BONES), 1))
    for bone in ("spine", "chest", "upperChest"):
        rotations[:, BONES.index(bone)] = R.from_rotation_vector(np.array([[0.3, 0.0, 0.0]]))
    moved = retarget(Motion(HUMANOID, np.zeros(1), HUMANOID.offsets[:1], rotations), rig)
    world = kinematics.global_rotations(rig.skeleton, moved.rotations)
    turned = R.multiply(world, R.conjugate(kinematics.global_rotations(rig.skeleton, rig.t_pose)))[
        0
    ]
    top = rig.index("upperChest" if "upperChest" in rig.bones else "chest")
    assert R.distance(turned[top], turn[0]) < 1e-9
    angles = []
    joint = top
    while joint != rig.index("hips"):
        angles.insert(0, float(R.angle(turned[joint])))
        joint = int(rig.skeleton.parents[joint])
    steps = np.diff([0.0, *angles])
    assert steps.min() > 0.1
    assert steps.max() < 0.3 + 1e-9


@few
@given(seeds, heights)
def test_feet_on_the_floor_stay_on_it_on_any_rig(seed: int, height: float) -> None:
    """In the T-pose, with ankles at the rig's own height."""
    rig = a_rig(seed, height, missing=())
    rest = Motion(
        HUMANOID, np.zeros(1), HUMANOID.offsets[:1], np.tile(R.IDENTITY, (1, len(BONES), 1))
    )
    moved = retarget(rest, rig)
    positions, _ = kinematics.fk(rig.skeleton, moved.root_positions, moved.rotations)
    wanted, _ = kinematics.fk(rig.skeleton, rig.skeleton.offsets[0], rig.t_pose)
    for bone in ("hips", "leftFoot", "rightToes", "head"):
        assert positions[0, rig.index(bone), 1] == pytest.approx(
            wanted[rig.index(bone), 1], abs=1e-6 * height
        )


@few
@given(seeds, heights)
def test_paths_are_scaled_by_the_legs(seed: int, height: float) -> None:
    rig, motion = a_rig(seed, height), performed(np.random.default_rng(seed))
    moved = retarget(motion, rig)
    positions, _ = kinematics.fk(rig.skeleton, moved.root_positions, moved.rotations)
    ratio = leg_length(body_of(rig)) / leg_length(motion.skeleton)
    steps = np.diff(motion.root_positions, axis=0)[:, [0, 2]]
    assert (
        np.abs(np.diff(positions[:, rig.index("hips")], axis=0)[:, [0, 2]] - ratio * steps).max()
        < 1e-6 * height
    )


def test_a_rig_of_the_performers_body_moves_identically() -> None:
    """Every joint is where the performer's is, heights included, with and without contacts."""
    rng = np.random.default_rng(5)
    motion = synthetic.random_poses(rng, 20)
    rig = made_rigs.rig(rng, body=motion.skeleton, above=2, arms=60.0)
    moved = retarget(motion, rig)
    positions, _ = kinematics.fk(rig.skeleton, moved.root_positions, moved.rotations)
    wanted, _ = kinematics.fk(motion.skeleton, motion.root_positions, motion.rotations)
    for bone in BONES:
        assert np.abs(positions[:, rig.index(bone)] - wanted[:, BONES.index(bone)]).max() < 1e-6, (
            bone
        )


def test_twist_joints_take_their_share_of_the_twist() -> None:
    rng = np.random.default_rng(7)
    rig = made_rigs.rig(rng, between=1.0)
    parent = int(rig.skeleton.parents[rig.index("leftHand")])
    rotations = np.tile(R.IDENTITY, (2, len(BONES), 1))
    axis = np.array([1.0, 0.0, 0.0])
    rotations[1, BONES.index("leftHand")] = R.from_axis_angle(axis, 1.2)
    moved = retarget(Motion(HUMANOID, np.arange(2.0), np.zeros((2, 3)), rotations), rig)
    world = kinematics.global_rotations(rig.skeleton, moved.rotations)
    turned = R.multiply(world[1], R.conjugate(world[0]))
    assert R.distance(turned[parent], R.from_axis_angle(axis, 0.6)) < 1e-6
    assert R.distance(turned[rig.index("leftHand")], R.from_axis_angle(axis, 1.2)) < 1e-6


def test_a_motion_without_a_humanoid_is_refused_with_a_sentence() -> None:
    rig = a_rig(1)
    moved = retarget(performed(np.random.default_rng(1)), rig)
    with pytest.raises(InputError, match=r"not on the 55 humanoid bones.*normalized.*\.$"):
        retarget(moved, rig)
    with pytest.raises(InputError, match=r"not the 56 joints of the rig made\.$"):
        normalized(performed(np.random.default_rng(1)), rig)


def test_a_thousand_frames_on_a_hundred_joints_take_under_a_second() -> None:
    rng = np.random.default_rng(3)
    rig = made_rigs.rig(rng, between=0.9)
    assert len(rig.skeleton.names) > 90
    motion = synthetic.smooth_motion(rng, 10.0, 100.0)
    retarget(motion.slice(0, 2), rig)
    assert cost.seconds(lambda: retarget(motion, rig), 0.6) < 0.6


@pytest.mark.parametrize("kind", ["glb", "bvh"])
def test_feet_without_toe_bones_roll_off(kind: str) -> None:
    """The feet match those of a performer on the balls of the feet with level toes."""
    rig = made_rigs.rig(
        np.random.default_rng(4), missing=("leftToes", "rightToes"), body=HUMANOID, kind=kind
    )
    rolled = np.radians([0.0, 15.0, 35.0, 50.0, 35.0])
    toes = [BONES.index("leftToes"), BONES.index("rightToes")]
    rotations = np.tile(R.IDENTITY, (len(rolled), len(BONES), 1))
    for foot, toe in zip((BONES.index("leftFoot"), BONES.index("rightFoot")), toes, strict=True):
        rotations[:, foot] = R.from_rotation_vector(rolled[:, None] * [1.0, 0.0, 0.0])
        rotations[:-1, toe] = R.conjugate(rotations[:-1, foot])
    flat = Motion(HUMANOID, np.arange(5.0), np.tile(HUMANOID.offsets[0], (5, 1)), rotations)
    root = flat.root_positions.copy()
    root[:, 1] += HUMANOID.rest_positions()[toes[0], 1] - balls_of(flat)[:, 0, 1]
    root[-1, 1] += 0.3  # a jump
    back = normalized(retarget(Motion(HUMANOID, flat.times, root, rotations), rig), rig)
    assert np.degrees(R.distance(back.rotations[:, toes], rotations[:, toes])).max() < 0.01
    assert np.abs(back.root_positions - root).max() < 1e-6


@pytest.mark.parametrize("raised", [-0.04, 0.0, 0.1])
def test_feet_without_toe_bones_touch_the_ground_at_any_ankle_height(
    raised: float,
) -> None:
    body = replace(
        HUMANOID, offsets=HUMANOID.offsets + np.eye(len(BONES))[0][:, None] * [0.0, raised, 0.0]
    )
    made = body_of(
        made_rigs.rig(np.random.default_rng(4), missing=("leftToes", "rightToes"), body=body)
    )
    foot, toes = (made.rest_positions()[BONES.index(bone), 1] for bone in ("leftFoot", "leftToes"))
    own = HUMANOID.rest_positions()[[BONES.index(bone) for bone in ("leftFoot", "leftToes")], 1]
    assert foot == pytest.approx(own[0] + raised)
    assert toes / foot == pytest.approx(own[1] / own[0])


def walking(rng: np.random.Generator, body: Skeleton, fps: float = 30.0) -> Motion:
    """Return a synthetic walk with swaying hips, whose feet in contact stay in place."""
    times = np.arange(round(4.0 * fps)) / fps
    phase = 2.0 * np.pi * 0.8 * times
    rotations = np.tile(R.IDENTITY, (len(times), len(BONES), 1))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        swing, stance = (np.clip(s * sign * np.sin(phase), 0.0, None) ** 2 for s in (1.0, -1.0))
        thigh = 0.4 * sign * np.cos(phase) - 0.6 * swing - 0.2 * stance - 0.02
        knee = 1.2 * swing + 0.4 * stance + 0.04
        for bone, angle in (("UpperLeg", thigh), ("LowerLeg", knee), ("Foot", -thigh - knee)):
            rotations[:, BONES.index(side + bone)] = R.from_rotation_vector(
                angle[:, None] * [1.0, 0.0, 0.0]
            )
    sway = np.zeros((len(times), 3))
    sway[:, 2], sway[:, 1] = 0.06 * np.sin(phase), 0.1 * np.cos(phase)
    rotations[:, 0] = R.from_rotation_vector(sway)
    down = np.stack(
        [np.clip(s * np.sin(phase), 0.0, None) ** 2 < 0.05 for s in (1.0, -1.0)], axis=1
    )
    contacts = np.repeat(down, 2, axis=1)
    root = np.tile(body.offsets[0], (len(times), 1))
    soles = kinematics.sole_points(body, root, rotations)[..., 1]
    root[:, 1] -= np.where(contacts, soles, np.inf).min(axis=1)
    stood = (down[1:] & down[:-1])[..., None]
    steps = np.where(
        stood, np.diff(balls_of(Motion(body, times, root, rotations)), axis=0), 0.0
    ).sum(axis=1) / stood.sum(axis=1)
    root[1:, [0, 2]] -= np.cumsum(steps, axis=0)[:, [0, 2]]
    return Motion(body, times, root, rotations, {}, contacts.astype(float))


def balls_of(motion: Motion) -> np.ndarray:
    """Return the positions of the balls of the feet, (F, 2, 3)."""
    positions, _ = kinematics.fk(motion.skeleton, motion.root_positions, motion.rotations)
    return positions[:, [BONES.index("leftToes"), BONES.index("rightToes")]]


@few
@given(seeds)
def test_planting_changes_nothing_at_equal_proportions(seed: int) -> None:
    """The performer's feet are kept, even if they slide and sink."""
    rng = np.random.default_rng(seed)
    motion = walking(rng, synthetic.random_body(rng))
    scale = float(rng.uniform(0.2, 4.0))
    rig = made_rigs.rig(rng, 1.75 * scale, body=motion.skeleton, arms=30.0, above=1)
    moved = retarget(motion, rig)
    assert apart(directions(moved, joints_of(rig)), directions(motion, HUMAN)) < 0.01
    positions, _ = kinematics.fk(rig.skeleton, moved.root_positions, moved.rotations)
    theirs, _ = kinematics.fk(motion.skeleton, motion.root_positions, motion.rotations)
    steps = [
        np.diff(p[:, i], axis=0)
        for p, i in ((positions, rig.index("leftFoot")), (theirs, BONES.index("leftFoot")))
    ]
    assert np.abs(steps[0] - scale * steps[1]).max() < 1e-4 * scale


@few
@given(seeds, heights)
def test_feet_in_contact_move_like_the_performers(seed: int, height: float) -> None:
    rng = np.random.default_rng(seed)
    motion = walking(rng, synthetic.random_body(rng))
    short = kinematics.scaled(
        synthetic.random_body(rng),
        dict.fromkeys(("leftFoot", "rightFoot"), float(rng.uniform(0.7, 1.3))),
    )
    body = Skeleton(
        short.names,
        short.parents,
        short.offsets
        + np.eye(55)[0][:, None]
        * [0.0, -short.rest_positions()[BONES.index("leftToes"), 1] + 0.02, 0.0],
        short.rest_rotations,
    )
    rig = made_rigs.rig(rng, height, body=body)
    moved = retarget(motion, rig)
    own = body_of(rig)
    ratio = leg_length(own) / leg_length(motion.skeleton)
    back = normalized(moved, rig)
    ours, theirs = (
        kinematics.sole_points(m.skeleton, m.root_positions, m.rotations) for m in (back, motion)
    )
    balls = [balls_of(m) for m in (back, motion)]
    assert motion.contacts is not None
    for foot in (0, 1):
        down = motion.contacts[:, 2 * foot] > 0.5
        both = down[1:] & down[:-1]
        steps = [np.diff(b[:, foot], axis=0)[both][:, [0, 2]] for b in balls]
        assert np.abs(steps[0] - ratio * steps[1]).max() < 0.001 * ratio
        low = [s[down, 2 * foot : 2 * foot + 2, 1].min(axis=1) for s in (ours, theirs)]
        assert np.abs(low[0] - ratio * low[1]).max() < 0.003 * ratio
        assert (
            ours[:, 2 * foot : 2 * foot + 2, 1].min(axis=1)
            - np.minimum(ratio * theirs[..., 1].min(axis=1), 0.0)
        ).min() > -0.01 * ratio


def test_contacts_begin_and_end_without_jumps() -> None:
    """Joints turn hardly faster from frame to frame than the performer's.

    Planting turns the legs by more than that.
    """
    rng = np.random.default_rng(11)
    motion = walking(rng, synthetic.random_body(rng), 120.0)
    body = kinematics.scaled(motion.skeleton, dict.fromkeys(("leftFoot", "rightFoot"), 1.25))
    moved = normalized(retarget(motion, rig := made_rigs.rig(rng, body=body)), rig)
    for bone in ("leftUpperLeg", "leftLowerLeg", "rightLowerLeg"):
        index = BONES.index(bone)
        steps = [
            np.degrees(R.distance(m.rotations[1:, index], m.rotations[:-1, index]))
            for m in (moved, motion)
        ]
        assert steps[0].max() < steps[1].max() + 0.2, bone
        assert (
            np.degrees(R.distance(moved.rotations[:, index], motion.rotations[:, index])).max()
            > 2.0
        ), bone
