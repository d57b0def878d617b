"""The hinge axis: seen where the limb bends, carried along where it is straight, no jump."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from mocap.core import rotation as R
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, HUMANOID
from mocap.solve.body import solve_body
from mocap.solve.twist import FULL_BEND, Hinges, HingeState, follow_hinge
from mocap.solve.wrists import pronated
from tests.helpers import synthetic

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=20, deadline=None)

REST_DIRECTION, REST_AXIS = np.array([1.0, 0.0, 0.0]), np.array([0.0, -1.0, 0.0])


def perpendicular(rng: np.random.Generator, direction: np.ndarray) -> np.ndarray:
    return R.normalize(np.cross(direction, rng.normal(size=direction.shape)))


def path(times: np.ndarray, speed: float) -> np.ndarray:
    """Return a smoothly wandering direction (F, 1, 3)."""
    return R.normalize(
        np.stack(
            [1.0 + 0 * times, np.sin(speed * times), 0.7 * np.cos(1.3 * speed * times)], axis=1
        )
    )[:, None]


def swung(direction: np.ndarray, axis: np.ndarray = REST_AXIS) -> np.ndarray:
    """Return the rest pose's hinge axis, swung along with the direction."""
    v = np.cross(REST_DIRECTION, direction)
    once = np.cross(v, np.broadcast_to(axis, direction.shape))
    return axis + once + np.cross(v, once) / (1.0 + direction @ REST_DIRECTION)[..., None]


def follow(
    times: np.ndarray,
    direction: np.ndarray,
    axis: np.ndarray,
    bend: np.ndarray,
    hint: np.ndarray,
    rate: float,
) -> np.ndarray:
    return follow_hinge(
        times, Hinges(direction, axis, bend, hint, np.full(bend.shape, rate)), None
    )[0]


def turned(axes: np.ndarray) -> np.ndarray:
    """Return the axes' turns from frame to frame, radians."""
    return np.arctan2(
        np.linalg.norm(np.cross(axes[1:], axes[:-1]), axis=-1), np.vecdot(axes[1:], axes[:-1])
    )


@few
@given(seeds)
def test_a_fully_bent_limb_shows_its_axis_regardless_of_history(seed: int) -> None:
    rng = np.random.default_rng(seed)
    direction = R.normalize(rng.normal(size=(40, 3, 3)))
    axis, hint = perpendicular(rng, direction), perpendicular(rng, direction)
    bend = rng.uniform(0.0, 2.0 * FULL_BEND, (40, 3))
    out = follow(np.cumsum(rng.uniform(0.001, 0.1, 40)), direction, axis, bend, hint, 4.0)
    bent = bend >= FULL_BEND
    assert np.abs(out - axis)[bent].max() < 1e-12
    assert np.abs(np.linalg.norm(out, axis=-1) - 1.0).max() < 1e-12
    assert np.abs(np.vecdot(out, direction)).max() < 1e-9


def test_full_weight_begins_at_twenty_degrees() -> None:
    assert np.degrees(FULL_BEND) == pytest.approx(20.0)


@few
@given(seeds)
def test_a_first_frame_blends_hint_and_seen_axis_by_the_bend(
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    direction = R.normalize(rng.normal(size=(1, 5, 3)))
    axis, hint = perpendicular(rng, direction), perpendicular(rng, direction)
    bend = np.array([[0.0, 0.25, 0.5, 0.75, 1.0]]) * FULL_BEND
    out = follow(np.zeros(1), direction, axis, bend, hint, 1.0)
    apart = np.arctan2(np.linalg.norm(np.cross(axis, hint), axis=-1), np.vecdot(axis, hint))
    from_hint = np.arctan2(np.linalg.norm(np.cross(out, hint), axis=-1), np.vecdot(out, hint))
    assert np.abs(from_hint - apart * [0.0, 0.15625, 0.5, 0.84375, 1.0]).max() < 1e-6


@few
@given(seeds)
def test_a_straight_limb_moves_without_twist(seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = np.arange(60) / 30.0
    direction = path(times, rng.uniform(0.5, 4.0))
    hint = perpendicular(rng, direction)
    garbage = perpendicular(rng, direction)
    out = follow(times, direction, garbage, np.zeros((60, 1)), hint, 0.0)[:, 0]
    assert np.abs(out[0] - hint[0, 0]).max() < 1e-12, "what is seen of a straight hinge is nothing"
    for n in range(59):
        a, b = direction[n, 0], direction[n + 1, 0]
        axis = np.cross(a, b)
        turn = Rotation.from_rotvec(
            axis / np.linalg.norm(axis) * np.arctan2(np.linalg.norm(axis), a @ b)
        )
        assert np.abs(turn.apply(out[n]) - out[n + 1]).max() < 1e-9


@pytest.mark.parametrize("rate", [1.0, 4.0])
def test_a_straight_limb_approaches_its_hint_with_the_time_constant(rate: float) -> None:
    times = np.cumsum(np.random.default_rng(0).uniform(0.005, 0.05, 80))
    direction = np.tile([0.0, 0.0, 1.0], (80, 1, 1))
    # The first frame's hint is the axis; then the hint is elsewhere by a radian.
    angle = np.where(np.arange(80) == 0, 0.0, 1.0)
    hint = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)[:, None]
    out = follow(times, direction, hint, np.zeros((80, 1)), hint, rate)[:, 0]
    left = 1.0 - np.arctan2(out[:, 1], out[:, 0])
    assert np.abs(left - np.exp(-rate * (times - times[0]))).max() < 1e-9


def test_a_straight_arm_that_circles_does_not_wind_up() -> None:
    seconds, fps, a_circle = 40.0, 60.0, 4.0
    times = np.arange(int(seconds * fps)) / fps
    phase = 2 * np.pi * times / a_circle
    cone = np.radians(60.0)
    direction = np.stack(
        [np.cos(cone) + 0 * phase, np.sin(cone) * np.cos(phase), np.sin(cone) * np.sin(phase)],
        axis=1,
    )[:, None]
    hint = swung(direction)
    circle = int(a_circle * fps)
    drawn = follow(times, direction, hint, np.zeros((len(times), 1)), hint, 1.0)[:, 0]
    carried = follow(times, direction, hint, np.zeros((len(times), 1)), hint, 0.0)[:, 0]
    # Carried alone it turns by the cone's solid angle a circle, 2π(1 − cos 60°) = 180°.
    assert np.vecdot(carried[circle], carried[0]) == pytest.approx(-1.0, abs=1e-3)
    assert np.abs(drawn[6 * circle :] - drawn[5 * circle : -circle]).max() < 1e-4
    assert np.degrees(turned(np.stack([drawn, hint[:, 0]]))).max() < 60.0


@pytest.mark.parametrize("speed", [30.0, 120.0, 600.0])
@pytest.mark.parametrize("turn", [180.0, 90.0])
def test_the_axis_reverses_through_straight_without_a_jump(speed: float, turn: float) -> None:
    """A hinge bends, straightens, and bends in another plane.

    At twice the sampling rate no step is more than about half as large.
    """
    steps = []
    for frames in (400, 800, 1600):
        times = np.linspace(-40.0, 40.0, frames) / speed
        bend = np.radians(speed * np.abs(times))
        direction = path(times, 1.0)
        axis = swung(direction)
        after = Rotation.from_rotvec(np.radians(turn) * REST_DIRECTION).apply(REST_AXIS)
        axis[times > 0] = swung(direction, after)[times > 0]
        out = follow(times, direction, axis, bend[:, None], swung(direction), 1.0)
        steps.append(turned(out[:, 0]).max())
        assert np.abs(out - axis)[bend >= FULL_BEND].max() < 1e-12
    assert steps[1] < 0.6 * steps[0]
    assert steps[2] < 0.6 * steps[1]


def test_a_hinge_jittering_about_straight_does_not_twist_the_limb() -> None:
    rng = np.random.default_rng(4)
    times = np.arange(300) / 30.0
    direction = np.tile(REST_DIRECTION, (300, 1, 1))
    # Two centimetres of noise at the end of a 26 cm forearm: the plane is anything, the bend a few
    # degrees.
    noise = rng.normal(scale=0.02 / 0.26, size=(300, 1, 2))
    axis = R.normalize(np.stack([np.zeros((300, 1)), -noise[..., 1], noise[..., 0]], axis=-1))
    bend = np.arctan(np.linalg.norm(noise, axis=-1))
    out = follow(
        times,
        direction,
        axis,
        np.minimum(bend, np.radians(12.0)),
        np.tile(REST_AXIS, (300, 1, 1)),
        1.0,
    )
    assert np.degrees(np.sqrt(np.mean(turned(axis[:, 0]) ** 2))) > 90.0
    assert np.degrees(np.sqrt(np.mean(turned(out[:, 0]) ** 2))) < 30.0


@few
@given(seeds)
def test_rotating_the_input_rotates_the_axes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = np.arange(20) / 30.0
    direction = R.normalize(rng.normal(size=(20, 2, 3)))
    axis, hint = perpendicular(rng, direction), perpendicular(rng, direction)
    bend = rng.uniform(0.0, 1.5 * FULL_BEND, (20, 2))
    turn = Rotation.from_quat(synthetic.random_rotation(rng)).as_matrix().T
    here = follow(times, direction, axis, bend, hint, 2.0)
    there = follow(times, direction @ turn, axis @ turn, bend, hint @ turn, 2.0)
    assert np.abs(here @ turn - there).max() < 1e-7


@few
@given(seeds, st.lists(st.integers(1, 39), min_size=1, max_size=5, unique=True))
def test_results_do_not_depend_on_chunks(seed: int, cuts: list[int]) -> None:
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.005, 0.1, 40))
    direction = np.repeat(path(times, 2.0), 2, axis=1)
    axis, hint = perpendicular(rng, direction), swung(direction)
    bend = rng.uniform(0.0, 1.5 * FULL_BEND, (40, 2)) * (rng.uniform(size=(40, 2)) < 0.7)
    rate = np.full((40, 2), 3.0)
    whole, _ = follow_hinge(times, Hinges(direction, axis, bend, hint, rate), None)
    parts, state = [], None
    for a, b in zip([0, *sorted(cuts)], [*sorted(cuts), 40], strict=True):
        part, state = follow_hinge(
            times[a:b], Hinges(direction[a:b], axis[a:b], bend[a:b], hint[a:b], rate[a:b]), state
        )
        assert isinstance(state, HingeState)
        parts.append(part)
    assert np.abs(np.concatenate(parts) - whole).max() < 1e-12


def test_a_foot_seen_the_wrong_way_round_does_not_turn_a_bent_leg() -> None:
    times = np.arange(60) / 30.0
    rotations = np.tile(R.IDENTITY, (60, len(BONES), 1))
    bent, turns = np.radians(110.0), np.linspace(0.0, np.pi, 60)
    across, up = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
    for side in ("left", "right"):
        rotations[:, BONES.index(f"{side}UpperLeg")] = R.from_axis_angle(across, -bent)
        rotations[:, BONES.index(f"{side}LowerLeg")] = R.from_axis_angle(across, bent)
        rotations[:, BONES.index(f"{side}Foot")] = R.from_axis_angle(up, turns)
    motion = Motion(HUMANOID, times, np.tile([0.0, 0.0, -4.0], (60, 1)), rotations)
    seen = synthetic.keypoints_of(motion)
    found, _ = solve_body(times, seen.positions, seen.confidence)
    thighs = [BONES.index("leftUpperLeg"), BONES.index("rightUpperLeg")]
    assert np.degrees(R.distance(found[1:, thighs], found[:-1, thighs])).max() < 1.0


def test_a_forearm_does_not_jump_with_a_hand_that_is_folded_back() -> None:
    """The roll of a hand about its forearm is not defined where the hand points back along it."""
    bends = np.radians(np.linspace(0.0, 180.0, 61))[:, None]
    forearm = np.tile(R.IDENTITY, (61, 2, 1))
    for roll in np.radians(np.linspace(-170.0, 170.0, 35)):
        swing = R.from_axis_angle(np.array([0.0, np.cos(roll), np.sin(roll)]), bends)
        turned, _ = pronated(forearm, np.broadcast_to(swing, (61, 2, 4)))
        assert np.degrees(R.angle(turned)).max() < 1e-6, "a mere bend is no roll"
    noisy = R.multiply(swing, R.from_axis_angle(np.array([1.0, 0.0, 0.0]), np.radians(40.0)))
    taken, hands = pronated(forearm, np.broadcast_to(noisy, (61, 2, 4)))
    assert np.degrees(R.angle(taken[:30])) == pytest.approx(40.0), "up to 87°"
    assert np.degrees(R.angle(taken[-10:])).max() < 1e-6
    np.testing.assert_allclose(R.distance(hands[:, 0], noisy[:, 0]), 0.0, atol=1e-6)
