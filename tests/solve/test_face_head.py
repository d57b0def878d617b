"""The head follows the rotation of its face, live and baked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mocap.core import rotation as R
from mocap.core.kinematics import fk
from mocap.core.skeleton import BONES, HUMANOID
from mocap.solve.hold import RELAXED
from mocap.solve.live import CausalSolver
from mocap.solve.take import solve_take
from mocap.solve.tuning import SolveOptions
from tests.helpers.faces import FACE, keypoints


@pytest.mark.parametrize("live", [True, False])
def test_the_head_turns_with_its_face_and_the_neck_half_way(live: bool) -> None:
    turns = Rotation.from_euler(
        "yx", np.stack([30 * np.sin(np.arange(60) / 15), np.full(60, 10.0)], axis=1), degrees=True
    ).as_matrix()
    clip = keypoints(np.tile(FACE, (60, 1, 1)), turns=turns)
    motion = (
        CausalSolver(options=SolveOptions(refine=False)).solve(clip)
        if live
        else solve_take(clip, SolveOptions(refine=False))
    )
    _, world = fk(motion.skeleton, motion.root_positions, motion.rotations)
    wanted = R.from_matrix(turns)
    assert np.degrees(R.distance(world[:, BONES.index("head")], wanted)).max() < 0.1
    neck = motion.rotations[:, BONES.index("neck")]
    head = motion.rotations[:, BONES.index("head")]
    assert np.degrees(np.abs(R.angle(neck) - R.angle(head))).max() < 0.5, "shared between them"


def test_filtered_heads_stay_within_three_degrees_of_the_matrix() -> None:
    turns = Rotation.from_euler(
        "yx", np.stack([30 * np.sin(np.arange(90) / 15), np.full(90, 10.0)], axis=1), degrees=True
    ).as_matrix()
    faces = np.tile(FACE, (90, 1, 1))
    faces[40:50] = np.nan
    clip = keypoints(faces, turns=turns)
    motion = CausalSolver(options=SolveOptions(upper_body=False)).solve(clip)
    one_by_one = CausalSolver(options=SolveOptions(upper_body=False))
    parts = [one_by_one.solve(clip.slice(n, n + 1)).rotations[0] for n in range(len(clip))]
    assert np.degrees(R.distance(np.array(parts), motion.rotations)).max() < 1e-5
    _, world = fk(motion.skeleton, motion.root_positions, motion.rotations)
    off = np.degrees(R.distance(world[:, BONES.index("head")], R.from_matrix(turns)))
    assert off[[*range(40), *range(60, 90)]].max() < 3.0
    assert (
        np.degrees(
            R.distance(world[1:, BONES.index("head")], world[:-1, BONES.index("head")])
        ).max()
        < 15.0
    ), "no jump"


@pytest.mark.parametrize("upper_body", [None, True])
def test_a_face_alone_turns_the_head_on_a_body_at_rest(upper_body: bool | None) -> None:
    """The face is close to the camera, and the shoulders are guesses of low confidence."""
    angle = 25 * np.sin(np.arange(90) / 12)
    turns = Rotation.from_euler(
        "yx", np.stack([angle, 0.4 * angle], axis=1), degrees=True
    ).as_matrix()
    clip = keypoints(np.tile(FACE, (90, 1, 1)), turns=turns)
    confidence = clip.confidence.copy()
    confidence[:, 11:] = 0.1
    clip = replace(clip, confidence=confidence)
    live = CausalSolver(options=SolveOptions(upper_body=upper_body))
    parts = [live.solve(clip.slice(n, n + 1)).rotations[0] for n in range(len(clip))]
    for rotations in (
        np.array(parts),
        solve_take(clip, SolveOptions(upper_body=upper_body)).rotations,
    ):
        _, world = fk(HUMANOID, np.zeros((90, 3)), rotations)
        off = np.degrees(R.distance(world[:, BONES.index("head")], R.from_matrix(turns)))
        assert off[5:].max() < 3.0
        others = [
            i for i, name in enumerate(BONES) if name not in ("neck", "head", "leftEye", "rightEye")
        ]
        assert np.degrees(R.distance(rotations[:, others], RELAXED[others])).max() < 1e-3
