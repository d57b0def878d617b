"""Filters: One Euro as published, smoothing without delay, and gaps."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from mocap.core import rotation as R
from mocap.core.filter import fill_gaps, limit_turns, one_euro, robust_rotations, smooth
from tests.helpers import synthetic

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=20, deadline=None)


class Published:
    """The filter of Casiez, Roussel and Vogel (CHI 2012), algorithm 1, for one number at a time.

    It is written from the paper.
    """

    def __init__(self, min_cutoff: float, beta: float, d_cutoff: float) -> None:
        self.min_cutoff, self.beta, self.d_cutoff = min_cutoff, beta, d_cutoff
        self.x: float | None = None
        self.dx, self.t = 0.0, 0.0

    @staticmethod
    def alpha(period: float, cutoff: float) -> float:
        tau = 1.0 / (2.0 * math.pi * cutoff)
        return 1.0 / (1.0 + tau / period)

    def __call__(self, t: float, x: float) -> float:
        if self.x is None:
            self.x = x
        else:
            period = t - self.t
            a = self.alpha(period, self.d_cutoff)
            self.dx = a * (x - self.x) / period + (1.0 - a) * self.dx
            a = self.alpha(period, self.min_cutoff + self.beta * abs(self.dx))
            self.x = a * x + (1.0 - a) * self.x
        self.t = t
        return self.x


def uneven(rng: np.random.Generator, frames: int) -> np.ndarray:
    return np.cumsum(rng.uniform(0.005, 0.1, frames))


def wandering(rng: np.random.Generator, frames: int, *points: int) -> np.ndarray:
    return np.cumsum(rng.normal(scale=0.05, size=(frames, *points)), axis=0)


@few
@given(seeds, st.floats(0.05, 10.0), st.floats(0.0, 50.0), st.floats(0.1, 5.0))
def test_one_euro_equals_the_published_filter_at_uneven_times(
    seed: int, min_cutoff: float, beta: float, d_cutoff: float
) -> None:
    rng = np.random.default_rng(seed)
    times, values = uneven(rng, 40), wandering(rng, 40, 1)
    judge = Published(min_cutoff, beta, d_cutoff)
    expected = [judge(t, x) for t, x in zip(times, values[:, 0], strict=True)]
    filtered, _ = one_euro(times, values, min_cutoff, beta, speed_cutoff=d_cutoff)
    assert np.abs(filtered[:, 0] - expected).max() < 1e-12


@few
@given(seeds)
def test_one_euro_is_independent_of_the_axes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    times, values = uneven(rng, 20), wandering(rng, 20, 5, 3)
    turn = Rotation.from_quat(synthetic.random_rotation(rng)).as_matrix().T
    here, _ = one_euro(times, values, 1.0, 10.0)
    there, _ = one_euro(times, values @ turn, 1.0, 10.0)
    assert np.abs(here @ turn - there).max() < 1e-12


@few
@given(seeds, st.lists(st.integers(1, 19), min_size=1, max_size=4, unique=True))
def test_one_euro_gives_the_same_result_in_any_chunks(seed: int, cuts: list[int]) -> None:
    rng = np.random.default_rng(seed)
    times, values = uneven(rng, 20), wandering(rng, 20, 4, 3)
    values[rng.uniform(size=(20, 4)) < 0.3] = np.nan
    whole, _ = one_euro(times, values, 2.0, 5.0)
    parts, state = [], None
    for a, b in zip([0, *sorted(cuts)], [*sorted(cuts), 20], strict=True):
        part, state = one_euro(times[a:b], values[a:b], 2.0, 5.0, state)
        parts.append(part)
    assert np.array_equal(np.concatenate(parts), whole, equal_nan=True)


def test_one_euro_keeps_nan_and_restarts_where_a_point_returns() -> None:
    rng = np.random.default_rng(5)
    times, values = uneven(rng, 30), wandering(rng, 30, 2, 3)
    gone = values.copy()
    gone[10:15, 0] = np.nan
    filtered, _ = one_euro(times, gone, 1.0, 1.0)
    undisturbed, _ = one_euro(times, values, 1.0, 1.0)
    assert np.isnan(filtered[10:15, 0]).all()
    assert np.array_equal(filtered[15, 0], values[15, 0])
    assert np.isfinite(filtered[16:]).all()
    assert np.array_equal(filtered[:, 1], undisturbed[:, 1])
    late, _ = one_euro(times, np.where(np.arange(30)[:, None, None] < 3, np.nan, values), 1.0, 1.0)
    assert np.array_equal(late[3], values[3])


def test_one_euro_accepts_parameters_for_each_point() -> None:
    rng = np.random.default_rng(6)
    times, values = uneven(rng, 20), wandering(rng, 20, 2, 3)
    both, _ = one_euro(times, values, np.array([[1.0], [4.0]]), np.array([[0.0], [9.0]]))
    for point, (cutoff, beta) in enumerate(((1.0, 0.0), (4.0, 9.0))):
        alone, _ = one_euro(times, values[:, [point]], cutoff, beta)
        assert np.abs(both[:, point] - alone[:, 0]).max() < 1e-14


def test_one_euro_suppresses_jitter_and_follows_fast_motion() -> None:
    times = np.arange(300) / 30.0
    noise = np.random.default_rng(7).normal(scale=0.002, size=(300, 1))
    still, _ = one_euro(times, noise, 1.0, 10.0)
    assert still[60:].std() < 0.5 * noise.std()
    moving = 3.0 * times[:, None]
    quick, _ = one_euro(times, moving, 1.0, 10.0)
    slow, _ = one_euro(times, moving, 1.0, 0.0)
    assert (moving - quick)[-1, 0] < 0.1 * (moving - slow)[-1, 0]


@pytest.mark.parametrize("cutoff", [0.5, 1.5, 6.0, 10.0])
@pytest.mark.parametrize("a_period", [5.0, 8.0, 40.0])
def test_smoothing_has_the_frequency_response_of_its_formula(
    cutoff: float, a_period: float
) -> None:
    times = np.arange(round(12 * a_period)) / (a_period * cutoff)
    for relative in (0.25, 0.5, 1.0):
        phase = 2 * np.pi * relative * cutoff * times
        amid = len(times) // 2
        out = smooth(times, np.stack([np.cos(phase), np.sin(phase)], axis=1), cutoff)[amid]
        gain = np.linalg.norm(out)
        expected = 2.0 ** (-0.5 * relative**2)
        # As a share of what comes in: the kernel is cut off at its tails, and coarse at five frames
        # a period.
        assert abs(gain - expected) < 0.02 * 0.7071, (relative, gain, expected)
        assert abs(np.angle((out[0] + 1j * out[1]) * np.exp(-1j * phase[amid]))) < 1e-9


@few
@given(seeds, st.floats(0.5, 10.0))
def test_smoothing_preserves_straight_lines_at_uneven_times(seed: int, cutoff: float) -> None:
    rng = np.random.default_rng(seed)
    times = uneven(rng, 50)
    line = times[:, None, None] * rng.normal(size=(2, 3)) + rng.normal(size=(2, 3))
    line[rng.uniform(size=(50, 2)) < 0.4] = np.nan
    out = smooth(times, line, cutoff)
    assert np.array_equal(np.isnan(out), np.isnan(line))
    assert np.nanmax(np.abs(out - line)) < 1e-9


@settings(max_examples=5, deadline=None)
@given(seeds)
def test_smoothing_equals_dense_weighted_least_squares(seed: int) -> None:
    rng = np.random.default_rng(seed)
    times, values, cutoff = uneven(rng, 25), wandering(rng, 25, 2), 3.0
    values[rng.uniform(size=(25, 2)) < 0.2] = np.nan
    sigma = math.sqrt(math.log(2.0)) / (2 * math.pi * cutoff)
    out = smooth(times, values, cutoff)
    for column in range(2):
        known = np.isfinite(values[:, column])
        for n in np.flatnonzero(known):
            away = times[known] - times[n]
            near = np.abs(away) <= 4.0 * sigma
            # polyfit's weights multiply the residuals, so they are the square root of the Gaussian.
            weights = np.exp(-0.25 * np.square(away[near] / sigma))
            degree = 1 if near.sum() > 1 else 0
            expected = np.polyfit(away[near], values[known, column][near], degree, w=weights)[-1]
            assert out[n, column] == pytest.approx(expected, abs=1e-8)


def test_smoothing_does_not_shift_a_symmetric_pulse() -> None:
    times = np.arange(101) / 60.0
    pulse = np.where(np.abs(np.arange(101) - 50) <= 6, 1.0, 0.0)
    out = smooth(times, pulse, 4.0)
    assert np.abs(out - out[::-1]).max() < 1e-12
    assert out.argmax() == 50
    assert out[40] > 0.0
    assert out.sum() == pytest.approx(pulse.sum(), abs=1e-9)


def test_nan_does_not_spread_and_isolated_frames_keep_their_value() -> None:
    times = np.arange(60) / 30.0
    values = np.ones((60, 2))
    values[20:40, 0] = np.nan
    values[30, 0] = 7.0
    out = smooth(times, values, 6.0)
    assert out[30, 0] == 7.0
    assert np.isnan(out[:, 0]).sum() == 19
    assert np.allclose(out[:20, 0], 1.0)
    assert np.allclose(out[:, 1], 1.0)
    assert np.isnan(smooth(times, np.full(60, np.nan), 6.0)).all()
    assert smooth(times[:1], np.array([3.0]), 6.0) == [3.0]


@few
@given(seeds, st.floats(0.05, 0.5))
def test_only_gaps_up_to_the_limit_are_filled_linearly(seed: int, longest: float) -> None:
    rng = np.random.default_rng(seed)
    times, values = uneven(rng, 40), wandering(rng, 40, 3)
    values[rng.uniform(size=(40, 3)) < 0.6] = np.nan
    filled = fill_gaps(times, values, longest)
    for column in range(3):
        known = np.flatnonzero(np.isfinite(values[:, column]))
        expected = values[:, column].copy()
        for a, b in itertools.pairwise(known):
            if times[b] - times[a] <= longest:
                expected[a : b + 1] = np.interp(
                    times[a : b + 1], times[[a, b]], values[[a, b], column]
                )
        assert np.allclose(filled[:, column], expected, atol=1e-12, equal_nan=True)


def test_filling_leaves_all_nan_data_unchanged() -> None:
    times = np.arange(5) / 30.0
    assert np.isnan(fill_gaps(times, np.full((5, 2, 3), np.nan), 9.0)).all()
    whole = np.arange(30.0).reshape(5, 2, 3)
    assert np.array_equal(fill_gaps(times, whole, 9.0), whole)


@few
@given(seeds)
def test_robust_rotations_take_no_notice_of_signs_and_of_a_turn_once_around(seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = np.arange(60) / 30.0
    true = Rotation.from_rotvec(0.3 * np.sin(2.0 * times)[:, None] * rng.normal(size=3)).as_quat()
    true = true[:, None]
    seen = true.copy()
    # Five frames in which a palm turns over and over, as a detector sees one from its edge.
    axis = np.array([1.0, 0.0, 0.0])
    around = R.from_axis_angle(axis, np.linspace(0.0, 2.0 * np.pi, 7))[1:-1]
    seen[30:35, 0] = R.multiply(true[30:35, 0], around)
    sure = np.ones((60, 1))
    out = robust_rotations(times, seen, sure, 1.5)
    assert np.degrees(R.distance(out, true)).max() < 15.0
    signs = rng.choice([-1.0, 1.0], size=(60, 1, 1))
    flipped = robust_rotations(times, seen * signs, sure, 1.5)
    assert np.degrees(R.distance(flipped, out)).max() < 1e-4


def test_robust_rotations_believe_what_is_seen() -> None:
    times = np.arange(60) / 30.0
    seen = np.tile(R.IDENTITY, (60, 1, 1))
    seen[20:40, 0] = R.from_axis_angle(np.array([1.0, 0.0, 0.0]), np.full(20, 2.0))
    weights = np.ones((60, 1))
    weights[20:40] = 0.01
    doubted = robust_rotations(times, seen, weights, 1.5)
    assert np.degrees(R.angle(doubted[45:])).max() < 5.0
    # Without others to believe, even these count.
    alone = robust_rotations(times[20:40], seen[20:40], np.zeros((20, 1)), 1.5)
    assert np.degrees(R.distance(alone, seen[20:40])).max() < 1e-4


@few
@given(seeds)
def test_turns_are_limited_and_slow_ones_are_not_changed(seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = uneven(rng, 40)
    wild = R.normalize(rng.normal(size=(40, 2, 4)))
    out, _ = limit_turns(times, wild, 5.0)
    turned = R.distance(out[1:], out[:-1])
    assert (turned <= 5.0 * np.diff(times)[:, None] + 1e-6).all()
    first, state = limit_turns(times[:13], wild[:13], 5.0)
    rest, _ = limit_turns(times[13:], wild[13:], 5.0, state)
    assert np.array_equal(np.concatenate([first, rest]), out)
    slow = R.from_rotation_vector(0.8 * times[:, None, None] * R.normalize(rng.normal(size=(2, 3))))
    assert np.degrees(R.distance(limit_turns(times, slow, 1.0)[0], slow)).max() < 1e-4
