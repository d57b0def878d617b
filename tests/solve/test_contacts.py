"""Feet on the ground: contacts are found and held, and nothing else is disturbed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap.core import kinematics
from mocap.core import rotation as R
from mocap.core.kinematics import fk, local_rotations, sole_points
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, HUMANOID, humanoid_index
from mocap.core.surface import lowest_skin, part_thickness
from mocap.retargeting import retarget
from mocap.solve.contacts import SOLES, find_contacts, picture_speeds
from mocap.solve.plant import SEEN_STILL, STILL, plant, settle_hips
from mocap.solve.reach import reach
from mocap.solve.take import solve_take
from mocap.solve.tuning import SolveOptions
from tests.helpers.measures import degrees_between, demo_motion, directions, slides
from tests.helpers.synthetic import keypoints_of, random_body


@pytest.fixture(scope="module")
def demo() -> Motion:
    """Return a motion with steps, a squat, a hop, a turn and known contacts, and its camera."""
    return demo_motion()


def trembling(motion: Motion, seed: int = 0) -> Motion:
    """Add a detector's errors: legs that wander by degrees over tenths of a second, a drifting
    path.
    """
    rng = np.random.default_rng(seed)
    rotations, root = np.array(motion.rotations), np.array(motion.root_positions)
    for bone in ("UpperLeg", "LowerLeg", "Foot"):
        for side in ("left", "right"):
            phases, speeds = rng.uniform(0, 6.28, 3), rng.uniform(2.0, 6.0, 3)
            wander = np.radians(4.0) * np.sin(speeds * motion.times[:, None] + phases)
            i = BONES.index(side + bone)
            rotations[:, i] = R.multiply(rotations[:, i], R.from_rotation_vector(wander))
    root[:, [0, 2]] += 0.03 * np.sin(1.3 * motion.times)[:, None]
    root[:, 1] = motion.root_positions[:, 1]
    return Motion(motion.skeleton, motion.times, root, rotations)


def test_planted_feet_do_not_slide_or_sink(demo: Motion) -> None:
    contacts = demo.contacts > 0.5
    before, after = trembling(demo), plant(trembling(demo), contacts)
    assert max(slides(before, contacts)) > 0.05, "there is something to mend"
    found = slides(after, contacts)
    assert np.mean(found) < 0.005
    assert max(found) < 0.02
    heights = sole_points(HUMANOID, after.root_positions, after.rotations)[..., 1]
    assert heights[contacts].min() > -0.005
    assert np.abs(heights[contacts]).mean() < 0.005


def test_feet_that_are_laid_flat_do_not_leave_the_body_in_the_air() -> None:
    times = np.arange(30) / 30.0
    rotations = np.tile(R.IDENTITY, (30, len(BONES), 1))
    # Toes that point down, which laying the feet flat raises by more than the height of a step.
    feet = humanoid_index("leftFoot", "rightFoot")
    rotations[:, feet] = R.from_axis_angle(np.array([1.0, 0.0, 0.0]), np.radians(75.0))
    root = np.zeros((30, 3))
    root[:, 1] = -lowest_skin(HUMANOID, rotations)
    motion = plant(Motion(HUMANOID, times, root, rotations), np.ones((30, 4), dtype=bool))
    lowest = motion.root_positions[:, 1] + lowest_skin(HUMANOID, motion.rotations)
    assert np.abs(lowest).max() < 0.005


def test_planting_twice_changes_nothing(demo: Motion) -> None:
    after = plant(demo, demo.contacts > 0.5)
    legs = [i for i, b in enumerate(BONES) if "Leg" in b or "Foot" in b]
    assert np.degrees(R.distance(after.rotations[:, legs], demo.rotations[:, legs])).max() < 1.5
    assert np.abs(after.root_positions - demo.root_positions).max() < 0.01


def test_planting_is_continuous(demo: Motion) -> None:
    after = plant(trembling(demo), demo.contacts > 0.5)
    own = np.degrees(R.distance(demo.rotations[1:], demo.rotations[:-1])).max()
    assert np.degrees(R.distance(after.rotations[1:], after.rotations[:-1])).max() < own + 12.0


def test_a_mirrored_motion_gets_the_mirrored_planting(demo: Motion) -> None:
    shaky = trembling(demo)
    contacts = demo.contacts > 0.5
    a = plant(shaky, contacts).mirror()
    b = plant(shaky.mirror(), contacts[:, [2, 3, 0, 1]])
    assert np.degrees(R.distance(a.rotations, b.rotations)).max() < 0.01
    assert np.abs(a.root_positions - b.root_positions).max() < 1e-6


def test_planting_keeps_bone_lengths_and_arms(demo: Motion) -> None:
    shaky = trembling(demo)
    after = plant(shaky, demo.contacts > 0.5)
    above = [
        i for i, b in enumerate(BONES) if "Leg" not in b and "Foot" not in b and "Toes" not in b
    ]
    assert np.abs(after.rotations[:, above] - shaky.rotations[:, above]).max() < 1e-9
    assert after.skeleton is shaky.skeleton
    assert np.abs(np.linalg.norm(after.rotations, axis=-1) - 1.0).max() < 1e-9


def test_contacts_are_found_by_height_and_speed(demo: Motion) -> None:
    points = sole_points(HUMANOID, demo.root_positions, demo.rotations)
    speeds = np.linalg.norm(np.gradient(points, demo.times, axis=0), axis=-1)
    truth, found = demo.contacts > 0.5, find_contacts(demo.times, points[..., 1], speeds)
    assert (found & truth).sum() / truth.sum() > 0.95
    assert (found == truth).mean() > 0.9


def test_a_flickering_contact_is_one_contact() -> None:
    times = np.arange(60) / 30.0
    speeds = np.zeros((60, 4))
    speeds[30, :] = 2.0
    speeds[:, 3] = np.nan
    heights = np.full((60, 4), 0.01)
    heights[:, 1] = 0.3
    found = find_contacts(times, heights, speeds)
    assert found[:, [0, 2]].all(), "one frame's flicker is noise"
    assert not found[:, 1].any(), "in the air"
    assert not found[:, 3].any(), "not seen"


def test_drifting_hips_return_over_standing_feet() -> None:
    times = np.arange(90) / 30.0
    drift = np.stack([0.1 * np.sin(times), np.full(90, 0.95), 0.05 * times], axis=1)
    points = drift[:, None] + np.array([[0.1, -0.95, 0.0]] * 4)
    settled = settle_hips(times, drift, points, np.ones((90, 4), dtype=bool))
    assert np.ptp(settled[:, [0, 2]], axis=0).max() < 0.002
    untouched = settle_hips(times, drift, points, np.zeros((90, 4), dtype=bool))
    assert np.abs(untouched - drift).max() < 1e-9


def test_legs_seen_too_short_do_not_hold_the_hips_back() -> None:
    """In steps towards a camera a standing foot seems to move at half the body's speed.

    The steps follow each other with gaps.
    """
    times = np.arange(120) / 30.0
    walk = np.stack([np.zeros(120), np.full(120, 0.95), 0.8 * times], axis=1)
    points = np.zeros((120, 4, 3))
    points[..., 2] = 0.4 * times[:, None]
    contacts = np.zeros((120, 4), dtype=bool)
    for step, start in enumerate(range(0, 120, 20)):
        contacts[start : start + 18, 2 * (step % 2) : 2 * (step % 2) + 2] = True
    seen, good = (
        settle_hips(times, walk, points, contacts, still) - walk for still in (SEEN_STILL, STILL)
    )
    assert np.abs(seen).max() < 0.1
    assert np.abs(np.diff(seen, axis=0)).max() < 0.02, "nor do they jump between steps"
    assert np.abs(good).max() > 0.2, "as hips would of whom every step is believed"


def test_a_planted_take_keeps_its_hop(demo: Motion) -> None:
    """Perfect keypoints go through the whole bake, so that the feet's truth is known."""
    moved = Motion(HUMANOID, demo.times, demo.root_positions + [0.0, -0.95, -4.0], demo.rotations)
    found = solve_take(keypoints_of(moved))
    assert np.mean(slides(found, found.contacts > 0.5)) < 0.005
    assert (found.contacts > 0.5)[demo.contacts > 0.5].mean() > 0.9
    in_the_air = demo.contacts.max(axis=1) == 0.0
    lowest = sole_points(found.skeleton, found.root_positions, found.rotations)[..., 1].min(axis=1)
    assert lowest[in_the_air].max() > 0.05
    grounded = solve_take(keypoints_of(moved), SolveOptions(feet="always"))
    assert (
        sole_points(grounded.skeleton, grounded.root_positions, grounded.rotations)[..., 1]
        .min(axis=1)
        .max()
        < 0.02
    )
    free = solve_take(keypoints_of(moved), SolveOptions(feet="off"))
    assert not free.contacts.any()
    # Planting costs the limbs little where there was nothing to mend.
    exact = solve_take(keypoints_of(moved), SolveOptions(refine=False))
    a, b = (
        directions(kinematics.fk(m.skeleton, m.root_positions, m.rotations)[0])
        for m in (exact, plant(exact, demo.contacts > 0.5))
    )
    assert degrees_between(a, b).mean() < 1.0


def test_feet_stay_planted_on_other_bodies(demo: Motion) -> None:
    contacts = demo.contacts > 0.5
    other = random_body(np.random.default_rng(5))
    rest = other.offsets.copy()
    rest[0, 1] = -(sole_points(other, np.zeros(3), np.tile(R.IDENTITY, (55, 1)))[..., 1].min())
    found = retarget(demo, type(other)(other.names, other.parents, rest, other.rest_rotations))
    assert np.mean(slides(found, contacts)) < 0.005


@pytest.mark.parametrize("standing", [[True, True], [True, False], [False, False]])
def test_a_foot_pitched_into_the_floor_is_turned_without_the_leg(standing: list[bool]) -> None:
    """Feet are seen with their toes down; soles end on the floor, knees are unchanged."""
    frames = 30
    rotations = np.tile(R.IDENTITY, (frames, len(BONES), 1))
    for side in ("left", "right"):
        for bone, turn in (("UpperLeg", -8.0), ("LowerLeg", 16.0), ("Foot", 12.0)):
            pitch = R.from_rotation_vector(np.radians([turn, 0.0, 0.0]))
            rotations[:, BONES.index(side + bone)] = pitch
    height = -sole_points(HUMANOID, np.zeros(3), rotations[:1])[..., 1].min()
    root = np.tile([0.0, float(height), 0.0], (frames, 1))
    before = Motion(HUMANOID, np.arange(frames) / 30.0, root, rotations)
    contacts = np.tile([True, True, *standing], (frames, 1))
    after = plant(before, contacts)
    knees = [BONES.index(f"{side}LowerLeg") for side in ("left", "right")]
    turned = np.degrees(R.distance(after.rotations[:, knees], before.rotations[:, knees]))
    assert turned.max() < 4.0
    soles = sole_points(HUMANOID, after.root_positions, after.rotations)[..., 1]
    assert soles.min() > -0.005
    assert np.abs(soles[:, :2]).max() < 0.005


def test_a_doubted_heel_stands_with_its_seen_toes(demo: Motion) -> None:
    away = demo.slice(0, 30)
    away = replace(away, root_positions=away.root_positions - [0.0, 0.0, 4.0])
    keypoints = keypoints_of(away)
    confidence = np.ones_like(keypoints.confidence)
    # Left heel, left toes, right heel, right toes: seen well, doubted, or a guess.
    for of_soles, known in (
        ((0.4, 0.8, 0.4, 0.4), [True, True, False, False]),
        ((0.1, 0.8, 0.8, 0.3), [False, True, True, True]),
    ):
        confidence[:, SOLES] = of_soles
        doubted = replace(keypoints, confidence=confidence.copy())
        speeds = picture_speeds(doubted, away.root_positions, SOLES)
        assert np.isfinite(speeds).all(axis=0).tolist() == known


def test_a_limb_that_is_moved_keeps_its_hinge_above_the_floor() -> None:
    """Legs of people who lie on their bellies bend towards the floor; their ends hardly move."""
    rng = np.random.default_rng(0)
    count, leg = 200, humanoid_index("leftUpperLeg", "leftLowerLeg", "leftFoot").tolist()
    rotations = np.tile(R.IDENTITY, (count, len(BONES), 1))
    rotations[:, 0] = R.from_axis_angle(np.array([1.0, 0.0, 0.0]), np.radians(90.0))
    positions, world = fk(HUMANOID, np.tile([0.0, 0.1, 0.0], (count, 1)), rotations)
    hip, ahead = positions[:, leg[0]], np.array([0.0, 0.0, -1.0])
    low = part_thickness(HUMANOID, "leftLowerLeg")
    goal = hip + rng.uniform(0.6, 0.83, (count, 1)) * ahead
    goal[:, 1] = rng.uniform(low, 0.25, count)
    times = np.arange(count, dtype=float)  # too far apart to influence each other
    reach(times, HUMANOID, world, positions, tuple(leg), goal, np.array([0.0, 0.0, 1.0]))
    moved, _ = fk(HUMANOID, positions[:, 0], local_rotations(HUMANOID, world))
    assert (moved[:, leg[1], 1] > low - 0.003).all()
    off = moved[:, leg[2]] - goal
    assert np.abs(off[:, 1]).max() < 1e-6
    assert 0.03 < np.linalg.norm(off, axis=1).max() <= 0.0401


def test_a_leg_keeps_its_side_from_frame_to_frame() -> None:
    """A knee straight below a prone leg's line sinks and rises twice, while the thigh trembles."""
    count, leg = 90, humanoid_index("leftUpperLeg", "leftLowerLeg", "leftFoot").tolist()
    times = np.arange(count) / 30.0
    across, up = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
    low = part_thickness(HUMANOID, "leftLowerLeg")
    for sinking in (0.0, 0.15):
        rotations = np.tile(R.IDENTITY, (count, len(BONES), 1))
        rotations[:, 0] = R.from_axis_angle(across, np.radians(90.0))
        rolls = np.radians(0.5) * (-1.0) ** np.arange(count)
        rotations[:, leg[0]] = R.from_axis_angle(up, rolls)
        root = (0.1 + sinking * (1.0 + np.cos(2.0 * np.pi * times / 1.5)) / 2.0)[:, None] * up
        positions, world = fk(HUMANOID, root, rotations)
        goal = positions[:, leg[0]] - [0.0, 0.0, 0.75]
        goal[:, 1] = 0.1
        reach(times, HUMANOID, world, positions, tuple(leg), goal, np.array([0.0, 0.0, 1.0]))
        moved, _ = fk(HUMANOID, root, local_rotations(HUMANOID, world))
        assert moved[:, leg[1], 1].min() > low - 0.003
        aside = moved[:, leg[1], 0] - moved[:, leg[0], 0]
        assert np.abs(aside).max() > 0.1, "the knee has to turn aside"
        turns = np.degrees(R.distance(world[1:, leg[0]], world[:-1, leg[0]]))
        # The thigh itself turns by 1°; fading a turn of 70° in takes a quarter of a second.
        assert turns.max() < (8.0 if sinking else 1.1)


def test_a_person_who_does_not_jump_does_not_float() -> None:
    """Sit-ups before a camera that looks down by 25°, which nothing in the take shows."""
    across, up = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
    times = np.arange(90) / 30.0
    rotations = np.tile(R.IDENTITY, (90, len(BONES), 1))
    lean = np.radians(-60.0 - 30.0 * np.cos(2.0 * np.pi * times / 1.5))
    rotations[:, 0] = R.from_axis_angle(across, lean)
    for side in ("left", "right"):
        thigh = R.from_axis_angle(across, np.radians(-140.0) - lean)
        rotations[:, BONES.index(f"{side}UpperLeg")] = thigh
        rotations[:, BONES.index(f"{side}LowerLeg")] = R.from_axis_angle(across, np.radians(100.0))
    root = -lowest_skin(HUMANOID, rotations)[:, None] * up
    view = R.from_axis_angle(across, np.radians(25.0))
    seen = R.multiply(view, R.from_axis_angle(up, np.radians(140.0)))
    rotations[:, 0] = R.multiply(seen, rotations[:, 0])
    filmed = R.apply(view, root - up) - [0.0, 0.0, 4.0]
    found = solve_take(keypoints_of(Motion(HUMANOID, times, filmed, rotations)))
    low = found.root_positions[:, 1] + lowest_skin(found.skeleton, found.rotations)
    assert low.min() > -0.02
    assert low.max() < 0.02
