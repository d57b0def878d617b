"""Legs and feet with reversed depth are corrected, and nothing else is."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from mocap import assets
from mocap.core import rotation as R
from mocap.core.keypoints import LANDMARKS, landmarks_of
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.core.skeleton import HUMANOID
from mocap.solve.flips import unflip, viterbi

_I = {name: i for i, name in enumerate(LANDMARKS)}


def seen(yaw: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return times, positions and translation of the demo motion, seen from a side."""
    with np.load(assets.path("demo/demo_truth.npz")) as file:
        turn = R.from_axis_angle(np.array([0.0, 1.0, 0.0]), np.radians(yaw))
        rotations = file["rotations"].copy()
        rotations[:, 0] = R.multiply(turn, rotations[:, 0])
        motion = Motion(
            HUMANOID,
            file["times"],
            R.apply(turn, file["root_positions"]) - [0.0, 1.2, 4.0],
            rotations,
        )
    points = landmarks_of(*fk(HUMANOID, motion.root_positions, motion.rotations))
    middle = points[:, [_I["left_hip"], _I["right_hip"]]].mean(axis=1)
    return motion.times, points - middle[:, None], middle


def mirrored(
    positions: np.ndarray, place: np.ndarray, points: list[int], about: np.ndarray
) -> np.ndarray:
    """Return the points with reversed depth and equal image points."""
    out = positions.copy()
    for point in points:
        ray = R.normalize(positions[:, point] + place)
        out[:, point] -= 2.0 * np.vecdot(positions[:, point] - about, ray)[:, None] * ray
    return out


@pytest.mark.parametrize("yaw", [0.0, 60.0, 180.0, -90.0])
def test_possible_poses_are_unchanged(yaw: float) -> None:
    times, positions, place = seen(yaw)
    assert np.array_equal(unflip(times, positions, place), positions)


@pytest.mark.parametrize("yaw", [0.0, 180.0])
def test_a_knee_bent_backwards_for_five_frames_is_corrected(yaw: float) -> None:
    times, positions, place = seen(yaw)
    hip, knee, ankle = (positions[:, _I[f"left_{n}"]] for n in ("hip", "knee", "ankle"))
    thigh, shank = (
        np.linalg.norm(knee - hip, axis=-1).mean(),
        np.linalg.norm(ankle - knee, axis=-1).mean(),
    )
    faulty = mirrored(
        positions, place, [_I["left_knee"]], hip + (ankle - hip) * thigh / (thigh + shank)
    )
    off = np.linalg.norm(faulty - positions, axis=-1)[:, _I["left_knee"]]
    at = int(np.argmax(off)) - 2
    assert off[at : at + 5].min() > 0.2, "a fault that is worth mending"
    given = positions.copy()
    given[at : at + 5] = faulty[at : at + 5]
    assert np.abs(unflip(times, given, place) - positions).max() < 0.005


def test_feet_reversed_for_the_whole_take_are_corrected() -> None:
    """The detector shows people from behind like this."""
    times, positions, place = seen(180.0)
    given = positions
    for s in ("left", "right"):
        given = mirrored(
            given, place, [_I[f"{s}_foot_index"], _I[f"{s}_heel"]], given[:, _I[f"{s}_ankle"]]
        )
    toes = [_I["left_foot_index"], _I["right_foot_index"]]
    assert np.abs(given - positions)[:, toes].max() > 0.2
    assert np.abs(unflip(times, given, place) - positions).max() < 1e-9


def test_unseen_frames_are_skipped() -> None:
    times, positions, place = seen(0.0)
    gappy, where = positions.copy(), place.copy()
    gappy[20:40], where[20:40] = np.nan, np.nan
    found = unflip(times, gappy, where)
    assert np.array_equal(found, gappy, equal_nan=True)


def test_the_cheapest_path_is_the_best_of_all_paths() -> None:
    rng = np.random.default_rng(3)
    cost, change = rng.uniform(size=(7, 2)), rng.uniform(size=(6, 2, 2))

    def total(way: list[int]) -> float:
        return sum(cost[n, w] for n, w in enumerate(way)) + sum(
            change[n, a, b] for n, (a, b) in enumerate(pairwise(way))
        )

    every = [[(n >> k) & 1 for k in range(7)] for n in range(128)]
    assert viterbi(cost, change).tolist() == min(every, key=total)
