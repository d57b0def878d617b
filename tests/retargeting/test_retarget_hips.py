"""The hip path on which legs have to change least for feet in contact."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mocap.core import rotation as R
from mocap.core.kinematics import fk, two_bone_ik
from mocap.core.skeleton import BONES, HUMANOID, Skeleton
from mocap.retargeting.feet import hold_feet, set_hips_height
from mocap.retargeting.hips import displace_hips, stiffness
from tests.helpers.measures import demo_motion

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=25, deadline=None)


def a_leg(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return hip, knee and ankle of a leg that is bent by 40° to 120°."""
    upper, lower = rng.uniform(0.3, 0.6, 2)
    bend = rng.uniform(np.radians(40.0), np.radians(120.0))
    plane = R.normalize(rng.normal(size=4))
    knee = R.apply(plane, np.array([0.0, -upper, 0.0]))
    return (
        np.zeros(3),
        knee,
        knee + R.apply(plane, lower * np.array([0.0, -np.cos(bend), -np.sin(bend)])),
    )


def turned(before: np.ndarray, after: np.ndarray) -> float:
    return float(np.arctan2(np.linalg.norm(np.cross(before, after)), before @ after))


@few
@given(seeds)
def test_the_cost_of_a_leg_is_the_turn_of_its_bones(seed: int) -> None:
    """Compared with the two-bone solution for thigh and shank of equal and unequal length."""
    rng = np.random.default_rng(seed)
    hip, knee, ankle = a_leg(rng)
    upper, lower = np.linalg.norm(knee - hip), np.linalg.norm(ankle - knee)
    moved = ankle + 1e-4 * rng.normal(size=3)
    along = R.normalize(ankle - hip)
    bend = knee - hip - (knee - hip) @ along * along
    new_knee, new_ankle = two_bone_ik(
        hip[None], moved[None], bend[None], float(upper), float(lower)
    )
    pays = (
        turned(knee - hip, new_knee[0] - hip) ** 2
        + turned(ankle - knee, new_ankle[0] - new_knee[0]) ** 2
    )
    estimate = (moved - ankle) @ stiffness(hip, knee, ankle) @ (moved - ankle)
    assert abs(pays / estimate - 1.0) < 0.02
    assert np.linalg.eigvalsh(stiffness(hip, knee, ankle)).min() > 0.0


@few
@given(
    st.floats(0.0, 1.0),
    st.floats(0.0, 1.0),
    st.one_of(st.floats(0.0, 180.0), st.just(0.0), st.floats(179.9999, 180.0)),
    seeds,
)
def test_folded_straight_and_missing_legs_have_a_finite_stiffness(
    upper: float, lower: float, bend: float, seed: int
) -> None:
    """Feet of such legs are held, and the hips stay where they are."""
    plane = R.normalize(np.random.default_rng(seed).normal(size=4))
    knee = R.apply(plane, np.array([0.0, -upper, 0.0]))
    fold = np.radians(bend)
    down = np.array([0.0, -np.cos(fold), -np.sin(fold)])
    stiff = stiffness(np.zeros(3), knee, knee + lower * R.apply(plane, down))
    eigenvalues = np.linalg.eigvalsh(stiff)
    assert eigenvalues.min() > 5e-4
    assert eigenvalues.max() < 1e9
    frames = 4
    shift, turn, offsets = displace_hips(
        np.arange(frames) / 30.0,
        np.full((frames, 2, 3), 0.01),
        np.ones((frames, 2), dtype=bool),
        np.tile(stiff, (frames, 2, 1, 1)),
        np.tile(THIGHS, (frames, 1, 1)),
    )
    assert np.abs(shift).max() < 0.1
    assert np.abs(offsets).max() < 0.1
    assert np.abs(R.to_rotation_vector(turn)).max() < 1.0


THIGHS = np.array([[0.1, -0.05, 0.0], [-0.1, -0.05, 0.0]])


def left_to_legs(
    needed: np.ndarray,
    touching: np.ndarray,
    found: tuple[np.ndarray, np.ndarray, np.ndarray],
    thighs: np.ndarray = THIGHS,
) -> np.ndarray:
    """What the legs have to reach when the hips move and turn as found, and feet shift."""
    shift, turn, offsets = found
    left = needed - shift[:, None] - R.apply(turn[:, None], thighs) + thighs
    left[..., [0, 2]] += offsets
    return np.where(touching[..., None], left, 0.0)


def some_touches(
    rng: np.random.Generator, frames: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    times = np.cumsum(rng.uniform(0.005, 0.05, frames))
    touching = np.repeat(rng.uniform(size=(frames // 4 + 1, 2)) < 0.6, 4, axis=0)[:frames]
    stiff = np.array([[stiffness(*a_leg(rng)) for _ in range(2)] for _ in range(frames)])
    return times, rng.normal(scale=0.05, size=(frames, 2, 3)), touching, stiff


@few
@given(seeds, st.integers(1, 30))
def test_the_chosen_hip_path_has_the_lowest_cost(seed: int, frames: int) -> None:
    """No path or turn of the hips nearby is better, and each touch is at one place."""
    rng = np.random.default_rng(seed)
    times, needed, touching, stiff = some_touches(rng, frames)
    thighs = np.tile(THIGHS, (frames, 1, 1))
    shift, turn, offsets = displace_hips(times, needed, touching, stiff, thighs)
    assert not offsets[~touching].any()
    both = touching[1:] & touching[:-1]
    np.testing.assert_allclose(np.diff(offsets, axis=0)[both], 0.0, atol=1e-9)

    def bow(of: np.ndarray) -> float:
        bends = np.diff(np.diff(of, axis=0) / np.diff(times)[:, None], axis=0)
        return float(np.sum((bends / (0.5 * (times[2:] - times[:-2]))[:, None]) ** 2))

    def cost(shift: np.ndarray, turn: np.ndarray) -> float:
        legs = left_to_legs(needed, touching, (shift, R.from_rotation_vector(turn), offsets))
        return float(
            np.einsum("fki,fkij,fkj->", legs, stiff, legs)
            + 0.02 * np.sum(shift**2)
            + np.sum(turn**2)
            + 1e-5 * bow(shift)
            + 5e-4 * bow(turn)
        )

    best = cost(shift, R.to_rotation_vector(turn))
    for scale in (1e-3, 1e-2):
        moved, turned = (scale * rng.normal(size=shift.shape) for _ in range(2))
        assert best <= cost(shift + moved, R.to_rotation_vector(turn) + turned) * (1.0 + 1e-6)


@few
@given(seeds)
def test_wide_hips_turn_rather_than_legs(seed: int) -> None:
    """Feet that stand while hips four times as wide turn by 20°: the hips turn back most of it."""
    rng = np.random.default_rng(seed)
    frames, times = 60, np.arange(60) / 30.0
    stiff = np.tile([stiffness(*a_leg(rng)) for _ in range(2)], (frames, 1, 1, 1))
    yaw = R.from_axis_angle(np.array([0.0, 1.0, 0.0]), np.radians(20.0))
    thighs = np.tile(R.apply(yaw, 4.0 * THIGHS), (frames, 1, 1))
    needed = np.tile(4.0 * THIGHS, (frames, 1, 1)) - thighs
    touching = np.ones((frames, 2), dtype=bool)
    found = displace_hips(times, needed, touching, stiff, thighs)
    assert np.degrees(R.angle(found[1])).max() < 20.0
    stiffly = (np.zeros((frames, 3)), np.tile(R.IDENTITY, (frames, 1)), np.zeros((frames, 2, 2)))
    before, after = (left_to_legs(needed, touching, f, thighs) for f in (stiffly, found))
    assert np.linalg.norm(after) < 0.5 * np.linalg.norm(before)


@few
@given(seeds)
def test_the_hips_and_not_the_leg_yield_to_a_single_foot(seed: int) -> None:
    """A foot sways slowly below the hips by 5 cm in two seconds; the hips take 90 % or more."""
    rng = np.random.default_rng(seed)
    times = np.arange(240) / 60.0
    first = (times < 2.0)[:, None] == np.array([True, False])
    sway = 0.05 * np.sin(np.pi * times[:, None, None] + rng.uniform(0, np.pi, (1, 2, 3)))
    stiff = np.tile(stiffness(*a_leg(rng)), (240, 2, 1, 1))
    left = left_to_legs(
        sway, first, displace_hips(times, sway, first, stiff, np.tile(THIGHS, (240, 1, 1)))
    )
    assert np.sqrt(np.mean(left[first] ** 2)) < 0.1 * np.sqrt(np.mean(sway[first] ** 2))


def test_hips_do_not_jump_when_contacts_begin_and_end() -> None:
    """Two contacts 0.2 s apart need hips 2 cm apart; the step between them is smooth."""
    times = np.arange(120) / 60.0
    touching = np.zeros((120, 2), dtype=bool)
    touching[10:50, 0], touching[62:110, 1] = True, True
    needed = np.zeros((120, 2, 3))
    needed[:, 1, 1] = 0.02
    needed[:, 0, 0] = np.linspace(-0.02, 0.02, 120)
    stiff = np.tile(
        stiffness(np.zeros(3), np.array([0.0, -0.4, 0.05]), np.array([0.0, -0.8, 0.0])),
        (120, 2, 1, 1),
    )
    moved, _, _ = displace_hips(times, needed, touching, stiff, np.tile(THIGHS, (120, 1, 1)))
    assert np.abs(np.diff(moved, 2, axis=0)).max() * 3600.0 < 10.0
    assert abs(moved[85, 1] - 0.02) < 0.002


def test_a_motion_without_contacts_is_unchanged() -> None:
    moved, turn, offsets = displace_hips(
        np.arange(5) / 30.0,
        np.ones((5, 2, 3)),
        np.zeros((5, 2), dtype=bool),
        np.tile(np.eye(3), (5, 2, 1, 1)),
        np.tile(THIGHS, (5, 1, 1)),
    )
    assert not moved.any()
    assert not R.angle(turn).any()
    assert not offsets.any()


def test_long_arms_bend_and_do_not_lift_the_body() -> None:
    """Arms three times as long would reach through the floor; the body stands as before."""
    source = demo_motion().slice(0, 60)
    offsets = HUMANOID.offsets.copy()
    offsets[[BONES.index(s + b) for s in ("left", "right") for b in ("LowerArm", "Hand")]] *= 3.0
    body = Skeleton(BONES, HUMANOID.parents, offsets, HUMANOID.rest_rotations)
    hands = [BONES.index("leftHand"), BONES.index("rightHand")]
    free = replace(source, skeleton=body)
    assert fk(body, free.root_positions, free.rotations)[0][:, hands, 1].min() < -0.1
    moved = hold_feet(source, set_hips_height(source, free, planted=True))
    np.testing.assert_allclose(moved.root_positions, source.root_positions, atol=1e-3)
    assert fk(body, moved.root_positions, moved.rotations)[0][:, hands, 1].min() > 0.0
