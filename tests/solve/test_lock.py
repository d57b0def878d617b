"""Live standing feet are held, from earlier frames only and without a jump."""

from __future__ import annotations

import numpy as np
import pytest

from mocap.core.kinematics import sole_points
from mocap.core.motion import Motion
from mocap.core.skeleton import HUMANOID
from mocap.solve.lock import lock_feet
from tests.helpers.measures import demo_motion, slides

DEPTH = 4.0


@pytest.fixture(scope="module")
def demo() -> Motion:
    return demo_motion()


def drifting(motion: Motion) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a root and soles that wander by centimetres, and image points of soles that do not."""
    root = motion.root_positions.copy()
    root[:, 0] += 0.05 * np.sin(2.0 * motion.times)
    root[:, 2] += 0.08 * np.cos(1.4 * motion.times)
    true = sole_points(HUMANOID, motion.root_positions, motion.rotations)
    return root, sole_points(HUMANOID, root, motion.rotations), true[..., :2]


def test_standing_feet_slide_less_without_jumps(demo: Motion) -> None:
    root, soles, across = drifting(demo)
    contacts = demo.contacts > 0.5
    held, stands, _ = lock_feet(
        demo.times, root, soles, across / DEPTH, np.full(len(demo), DEPTH), None
    )
    before, after = (
        slides(Motion(HUMANOID, demo.times, path, demo.rotations), contacts & stands)
        for path in (root, held)
    )
    assert np.mean(after) < 0.4 * np.mean(before)
    assert stands[contacts].mean() > 0.8
    assert (contacts[stands]).mean() > 0.8
    given = np.diff(held - root, axis=0)
    assert np.linalg.norm(given, axis=-1).max() < 0.02
    assert np.array_equal(held[:, 1], root[:, 1])


def test_results_do_not_depend_on_chunks(demo: Motion) -> None:
    root, soles, across = drifting(demo)
    whole, stands, _ = lock_feet(
        demo.times, root, soles, across / DEPTH, np.full(len(demo), DEPTH), None
    )
    state, paths, touches = None, [], []
    for start, end in ((0, 1), (1, 2), (2, 50), (50, 51), (51, len(demo))):
        part = slice(start, end)
        path, touch, state = lock_feet(
            demo.times[part],
            root[part],
            soles[part],
            across[part] / DEPTH,
            np.full(len(demo), DEPTH)[part],
            state,
        )
        paths.append(path)
        touches.append(touch)
    assert np.abs(np.concatenate(paths) - whole).max() < 1e-12
    assert np.array_equal(np.concatenate(touches), stands)


def test_unseen_feet_do_not_stand_and_the_hips_return(demo: Motion) -> None:
    root, soles, across = drifting(demo)
    across = across.copy()
    across[60:] = np.nan
    held, stands, _ = lock_feet(
        demo.times, root, soles, across / DEPTH, np.full(len(demo), DEPTH), None
    )
    assert not stands[60:].any()
    off = np.linalg.norm(held - root, axis=-1)
    assert off[-1] < 0.1 * max(off[59], 0.01)


def test_a_walk_towards_the_camera_arrives() -> None:
    """Legs seem too short: a standing foot seems to move along, though its image stands."""
    times = np.arange(120) / 30.0
    root = np.stack([np.zeros(120), np.full(120, 0.95), 0.8 * times], axis=1)
    soles = np.zeros((120, 4, 3))
    soles[..., 2] = (0.5 * 0.8 * times)[:, None]
    held, stands, _ = lock_feet(
        times, root, soles, np.zeros((120, 4, 2)), np.full(120, DEPTH), None
    )
    assert stands[10:].all()
    back = root[:, 2] - held[:, 2]
    assert back.max() <= 0.3 + 1e-9
    assert back[-1] > 0.1, "as far as it goes, the hips do give way"
