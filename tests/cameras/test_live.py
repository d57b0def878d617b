"""Several cameras fused frame by frame: clocks, a camera that stops, and the take that remains."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap.cameras.live import SILENT, LiveFusion
from mocap.core.keypoints import Keypoints, concatenate, landmarks_of
from mocap.core.kinematics import fk
from mocap.solve.evidence import SEEN, weigh
from mocap.solve.take import solve_take
from mocap.solve.upper_body import legs_seen
from tests.helpers.cameras import clocked, filmed, ring
from tests.helpers.measures import demo_motion

TRUE = demo_motion()
LATE, RATE = 0.31, 25.0  # the second camera's clock, seconds, and its frames a second
CAMERAS = replace(ring(2), offsets=np.array([0.0, LATE]))
TAKES = [
    filmed(TRUE, CAMERAS.views[0], np.random.default_rng(7), 2.0),
    clocked(filmed(TRUE, CAMERAS.views[1], np.random.default_rng(8), 2.0), LATE, RATE),
]


def _fed(until: tuple[float, float] = (np.inf, np.inf)) -> Keypoints:
    """Return what is fused if each camera stops at a time on the common clock."""
    fusion = LiveFusion(TAKES, CAMERAS)
    arriving = sorted(
        (float(time) + LATE * camera, camera, frame)
        for camera, take in enumerate(TAKES)
        for frame, time in enumerate(take.times)
    )
    frames = [fusion.add(k, TAKES[k].slice(n, n + 1)) for time, k, n in arriving if time < until[k]]
    return concatenate([f for f in frames if f is not None])


def _off(times: np.ndarray, points: np.ndarray) -> float:
    """Return the mean distance of joints from the truth about the hips, mm, after one rotation."""
    true = landmarks_of(*fk(TRUE.skeleton, TRUE.root_positions, TRUE.rotations))
    flat = true.reshape(len(true), -1)
    true = np.stack([np.interp(times, TRUE.times, c) for c in flat.T], axis=1).reshape(-1, 33, 3)
    a, b = (p[:, 11:29] - p[:, [23, 24]].mean(axis=1, keepdims=True) for p in (true, points))
    u, _, vt = np.linalg.svd(a.reshape(-1, 3).T @ b.reshape(-1, 3))
    turn = u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt
    return 1000.0 * float(np.linalg.norm(b @ turn.T - a, axis=-1).mean())


def test_what_is_fused_live_is_measured_and_bakes_as_such() -> None:
    fused = _fed()
    assert np.diff(fused.times).min() >= 0.019, "two cameras give no more frames than one"
    assert len(fused) > 0.8 * RATE * (TRUE.times[-1] - LATE)
    points = _off(fused.times, fused.positions)
    assert points < 16.0, points
    one = _off(TAKES[0].times, TAKES[0].positions)
    assert points < 0.4 * one, (points, one)
    # Its camera says that positions are measured: a bake of the take does not lift them again.
    assert fused.camera.source == "triangulated"
    motion = solve_take(fused)
    baked = _off(
        motion.times, landmarks_of(*fk(motion.skeleton, motion.root_positions, motion.rotations))
    )
    assert baked < 22.0, baked


def test_a_camera_that_stops_is_not_waited_for() -> None:
    fused = _fed((np.inf, 3.0))
    assert np.isfinite(fused.positions).all()
    assert fused.times[-1] == TAKES[0].times[-1]
    alone = fused.times > 3.0 + SILENT
    assert np.diff(fused.times[alone]).max() < 0.04
    # At its own size and place, as before: no jump when the second camera is lost.
    hips = fused.image[:, [23, 24]].mean(axis=1)
    steps = np.linalg.norm(np.diff(hips, axis=0), axis=1) / np.diff(fused.times)
    together = steps[fused.times[1:] < 3.0].max()
    assert steps[fused.times[1:] > 3.0].max() < 2.0 * together, (steps.max(), together)


def test_a_hand_stays_with_its_view_until_another_is_clearly_surer() -> None:
    hand = np.zeros((1, 2, 21, 3))
    sure = [(0.6, 0.5), (0.7, 0.6), (0.4, 0.9), (0.5, 0.6)]  # of two views, over four frames
    fusion = LiveFusion(TAKES, CAMERAS)
    found = []
    for n, confidences in enumerate(sure):
        for k in (0, 1):
            frame = TAKES[k].slice(30 + n, 31 + n)
            time = TAKES[0].times[30 + n] - LATE * k
            frame = replace(
                frame,
                times=np.array([time]),
                hands=hand + k,
                hands_confidence=np.full((1, 2), confidences[k]),
            )
            fused = fusion.add(k, frame)
        found.append(fused.hands_confidence[0, 0])
    assert np.allclose(found, [0.6, 0.7, 0.9, 0.6]), found


def test_a_camera_that_never_sends_is_not_waited_for() -> None:
    fusion = LiveFusion(TAKES, CAMERAS)
    frames = [fusion.add(0, TAKES[0].slice(n, n + 1)) for n in range(60)]
    made = [f for f in frames if f is not None]
    assert len(made) >= 60 - (SILENT + 0.05) * 30


def test_who_leaves_the_virtual_picture_is_still_seen() -> None:
    away = replace(TRUE, root_positions=TRUE.root_positions + [2.0, 0.0, 0.0])
    takes = [filmed(away, view, np.random.default_rng(7), 2.0) for view in CAMERAS.views]
    fusion = LiveFusion(TAKES, CAMERAS)
    frames = [
        fusion.add(k, replace(takes[k].slice(n, n + 1), times=TRUE.times[n : n + 1] - LATE * k))
        for n in range(40)
        for k in (0, 1)
    ]
    fused = concatenate([f for f in frames if f is not None])
    assert ((fused.image < 0.0) | (fused.image > fused.camera.size)).any()
    assert legs_seen(fused).mean() > 0.9
    assert (weigh(fused)[0].confidence >= SEEN).mean() > 0.9
