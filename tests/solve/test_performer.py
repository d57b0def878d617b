"""Performer: independent of chunks, and the solver of live sessions."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

import mocap
from mocap.core.kinematics import fk
from mocap.core.skeleton import HUMANOID
from mocap.live.performer import LivePerformer
from mocap.retargeting import retarget
from mocap.solve.performer import Performer
from mocap.solve.tuning import SolveOptions
from tests.helpers.measures import degrees_between, directions
from tests.helpers.synthetic import keypoints_of, smooth_motion


def test_the_public_solver_is_the_performer():
    assert mocap.Solver is Performer


def test_results_do_not_depend_on_chunks():
    keypoints = keypoints_of(smooth_motion(np.random.default_rng(1), 2.0, 30.0))
    whole, parts = Performer(), Performer()
    at_once = whole.solve(keypoints)
    edges = [0, 1, 17, 18, len(keypoints)]
    each = [parts.solve(keypoints.slice(a, b)) for a, b in pairwise(edges)]
    np.testing.assert_allclose(np.concatenate([m.rotations for m in each]), at_once.rotations)
    np.testing.assert_allclose(
        np.concatenate([m.root_positions for m in each]), at_once.root_positions
    )


def test_a_live_session_shows_what_the_performer_solves():
    keypoints = keypoints_of(smooth_motion(np.random.default_rng(2), 0.5, 30.0))
    session, performer = LivePerformer(None), Performer()
    for n in range(len(keypoints)):
        frame = keypoints.slice(n, n + 1)
        shown = session.follow(frame)
        np.testing.assert_allclose(
            shown.rotations, retarget(performer.solve(frame), HUMANOID).rotations
        )


def test_accurate_keypoints_are_solved_exactly_without_refinement():
    motion = smooth_motion(np.random.default_rng(3), 0.5, 30.0)
    found = Performer(SolveOptions(refine=False)).solve(keypoints_of(motion))
    shown, true = (
        directions(fk(m.skeleton, m.root_positions, m.rotations)[0]) for m in (found, motion)
    )
    assert degrees_between(shown, true).max() < 0.1
