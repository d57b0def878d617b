"""Unseen limbs are held for 0.5 s, eased to rest in 1 s, and eased back in 0.25 s."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocap.core import rotation as R
from mocap.solve.hold import HOLD, RELAX, RETURN, hold_unseen
from tests.helpers import synthetic

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=6, deadline=None)

FPS = 100
GROUP = np.array([0, 0, 1])


def turning(frames: int, degrees_a_second: float = 30.0) -> np.ndarray:
    """Return three bones turning about their own axes, (F, 3, 4)."""
    angle = np.radians(degrees_a_second) * np.arange(frames)[:, None] / FPS
    return R.from_axis_angle(np.eye(3), angle + np.array([0.3, -0.5, 0.8]))


def relaxed() -> np.ndarray:
    return R.from_rotation_vector(np.array([[0.1, 0.0, 0.0], [0.0, 0.2, 0.0], [0.0, 0.0, -0.4]]))


def shown(seen: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    return hold_unseen(np.arange(len(seen)) / FPS, rotations, seen, GROUP, relaxed(), None)[0]


def test_hold_times_are_as_specified() -> None:
    assert (HOLD, RELAX, RETURN) == (0.5, 1.0, 0.25)


def test_a_lost_group_is_held_eased_to_rest_and_eased_back() -> None:
    rotations, seen = turning(500), np.ones((500, 2), dtype=bool)
    lost, back = 100, 350
    seen[lost:back, 0] = False
    out = shown(seen, rotations)
    assert np.array_equal(out[:lost], rotations[:lost])
    assert np.array_equal(out[:, 2], rotations[:, 2])
    last_seen = lost - 1
    held = slice(lost, last_seen + round(HOLD * FPS) + 1)
    assert R.distance(out[held, :2], rotations[last_seen, :2]).max() < 1e-7
    resting = slice(last_seen + round((HOLD + RELAX) * FPS) + 1, back)
    assert R.distance(out[resting, :2], relaxed()[:2]).max() < 1e-7
    # Between, steadily from the one to the other, at half way at half time and slow at both ends.
    easing = out[last_seen + round(HOLD * FPS) : last_seen + round((HOLD + RELAX) * FPS) + 1, 0]
    whole = R.distance(rotations[last_seen, 0], relaxed()[0])
    gone = R.distance(rotations[last_seen, 0], easing)
    assert (np.diff(gone) > 0).all()
    assert gone[len(gone) // 2] == pytest.approx(whole / 2, rel=1e-6)
    assert gone[1] < 0.001 * whole
    assert R.distance(out[back, :2], relaxed()[:2]).max() < 1e-7
    returned = back + round(RETURN * FPS)
    assert R.distance(out[returned:], rotations[returned:]).max() < 1e-7
    assert R.distance(out[returned - 5, 0], rotations[returned - 5, 0]) > 1e-3


@few
@given(seeds)
def test_turn_speed_is_bounded_by_easing_and_motion(
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    rotations = turning(250)
    seen = np.repeat(rng.uniform(size=(25, 2)) < 0.6, 10, axis=0)
    out = shown(seen, rotations)
    # No pose that is shown is further from another than this; 1.5 is the steepest slope of x²(3 −
    # 2x).
    own = R.distance(rotations[1:], rotations[:-1]).max()
    furthest = R.distance(rotations, relaxed()).max() + own * len(rotations)
    assert R.distance(out[1:], out[:-1]).max() < 1.5 * furthest / (RETURN * FPS) + 2.0 * own


def test_unseen_groups_rest_and_first_seen_groups_show_at_once() -> None:
    rotations, seen = turning(300), np.ones((300, 2), dtype=bool)
    seen[:200, 0] = False
    out = shown(seen, rotations)
    assert np.abs(out[:200, :2] - relaxed()[:2]).max() < 1e-12
    assert np.array_equal(out[:200, 2], rotations[:200, 2])
    assert R.distance(out[200, :2], relaxed()[:2]).max() < 1e-7
    assert R.distance(out[230:], rotations[230:]).max() < 1e-7


def test_a_group_lost_while_returning_is_held_where_it_was_shown() -> None:
    rotations, seen = turning(300), np.ones((300, 2), dtype=bool)
    seen[20:120, 0] = False
    seen[130:, 0] = False
    out = shown(seen, rotations)
    assert R.distance(out[129, 0], rotations[129, 0]) > 0.05, "only part of the way back"
    assert R.distance(out[129, 0], relaxed()[0]) > 0.005
    assert R.distance(out[130:180, :2], out[129, :2]).max() < 1e-7


@few
@given(seeds, st.lists(st.integers(1, 119), min_size=1, max_size=5, unique=True))
def test_results_do_not_depend_on_chunks(seed: int, cuts: list[int]) -> None:
    rng = np.random.default_rng(seed)
    times, rotations = np.cumsum(rng.uniform(0.005, 0.05, 120)), turning(120)
    # Long stretches all in view, where a shorter way is taken.
    seen = np.repeat(rng.uniform(size=(6, 2)) < 0.7, 20, axis=0)
    whole, _ = hold_unseen(times, rotations, seen, GROUP, relaxed(), None)
    parts, state = [], None
    for a, b in zip([0, *sorted(cuts)], [*sorted(cuts), 120], strict=True):
        part, state = hold_unseen(times[a:b], rotations[a:b], seen[a:b], GROUP, relaxed(), state)
        parts.append(part)
    assert np.array_equal(np.concatenate(parts), whole)


def test_frame_by_frame_equals_the_whole_clip_after_a_late_loss() -> None:
    rotations, seen = turning(200), np.ones((200, 2), dtype=bool)
    seen[60:160, 0] = False
    state, frames = None, []
    for n in range(200):
        frame, state = hold_unseen(
            np.array([n / FPS]), rotations[n : n + 1], seen[n : n + 1], GROUP, relaxed(), state
        )
        frames.append(frame)
    assert np.array_equal(np.concatenate(frames), shown(seen, rotations))


@few
@given(seeds)
def test_groups_always_in_view_are_unchanged(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rotations = synthetic.random_rotation(rng, 20, 3)
    assert np.array_equal(shown(np.ones((20, 2), dtype=bool), rotations), rotations)


@few
@given(seeds)
def test_rotations_of_unseen_bones_are_ignored(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rotations, other = turning(120), turning(120)
    seen = np.repeat(rng.uniform(size=(12, 2)) < 0.6, 10, axis=0)
    seen[0] = True
    other[~seen[:, GROUP]] = synthetic.random_rotation(rng, int((~seen[:, GROUP]).sum()))
    assert np.array_equal(shown(seen, rotations), shown(seen, other))
