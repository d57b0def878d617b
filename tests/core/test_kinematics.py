"""Forward kinematics against a loop over SciPy's matrices, two-bone IK, and soles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from mocap.core import kinematics
from mocap.core import rotation as R
from mocap.core.skeleton import BONES, HUMANOID, Skeleton
from tests.helpers import synthetic

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=20, deadline=None)
LENGTHS = st.floats(0.05, 0.6)


def naive_fk(
    skeleton: Skeleton, root: np.ndarray, local: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return world positions (J, 3) and matrices (J, 3, 3) of one pose, joint by joint."""
    positions, matrices = [], []
    for joint, parent in enumerate(skeleton.parents):
        turn = Rotation.from_quat(local[joint]).as_matrix()
        positions.append(
            root if parent < 0 else positions[parent] + matrices[parent] @ skeleton.offsets[joint]
        )
        matrices.append(turn if parent < 0 else matrices[parent] @ turn)
    return np.array(positions), np.array(matrices)


def random_tree(rng: np.random.Generator, joints: int = 12) -> Skeleton:
    parents = np.array([-1, *(rng.integers(0, j) for j in range(1, joints))])
    return Skeleton(
        tuple(f"joint {n}" for n in range(joints)),
        parents,
        rng.normal(size=(joints, 3)),
        synthetic.random_rotation(rng, joints),
    )


@few
@given(seeds)
def test_fk_equals_a_loop_of_matrices_on_any_tree(seed: int) -> None:
    rng = np.random.default_rng(seed)
    skeleton = random_tree(rng)
    local, root = synthetic.random_rotation(rng, 2, 3, 12), rng.normal(size=(2, 3, 3))
    positions, world = kinematics.fk(skeleton, root, local)
    for at in np.ndindex(2, 3):
        expected_positions, expected_matrices = naive_fk(skeleton, root[at], local[at])
        assert np.abs(positions[at] - expected_positions).max() < 1e-12
        assert np.abs(Rotation.from_quat(world[at]).as_matrix() - expected_matrices).max() < 1e-12


@few
@given(seeds)
def test_local_rotations_undo_global_ones(seed: int) -> None:
    rng = np.random.default_rng(seed)
    skeleton, local = random_tree(rng), synthetic.random_rotation(rng, 4, 12)
    back = kinematics.local_rotations(skeleton, kinematics.global_rotations(skeleton, local))
    assert R.distance(back, local).max() < 1e-7


@few
@given(seeds)
def test_turning_the_root_turns_the_whole_body(seed: int) -> None:
    rng = np.random.default_rng(seed)
    motion = synthetic.random_poses(rng, 3)
    turn = synthetic.random_rotation(rng)
    rotations = motion.rotations.copy()
    rotations[:, 0] = R.multiply(turn, rotations[:, 0])
    before, _ = kinematics.fk(motion.skeleton, np.zeros((3, 3)), motion.rotations)
    after, _ = kinematics.fk(motion.skeleton, np.zeros((3, 3)), rotations)
    assert (
        np.abs(
            after - Rotation.from_quat(turn).apply(before.reshape(-1, 3)).reshape(before.shape)
        ).max()
        < 1e-12
    )


def test_poses_keep_bone_lengths_and_scaling_changes_only_named_bones() -> None:
    rng = np.random.default_rng(1)
    body = synthetic.random_body(rng)
    motion = synthetic.random_poses(rng, 4, body)
    positions, _ = kinematics.fk(body, motion.root_positions, motion.rotations)
    lengths = np.linalg.norm(positions[:, 1:] - positions[:, body.parents[1:]], axis=-1)
    assert np.abs(lengths - kinematics.bone_lengths(body)[1:]).max() < 1e-12
    assert kinematics.bone_lengths(body)[0] == 0.0
    longer = kinematics.scaled(body, {"leftFoot": 1.5})
    ratio = kinematics.bone_lengths(longer)[1:] / kinematics.bone_lengths(body)[1:]
    assert ratio[BONES.index("leftFoot") - 1] == pytest.approx(1.5)
    assert np.allclose(np.delete(ratio, BONES.index("leftFoot") - 1), 1.0)


@few
@given(seeds, LENGTHS, LENGTHS, st.floats(0.01, 0.99))
def test_two_bone_ik_reaches_the_target_and_bends_to_the_pole(
    seed: int, upper: float, lower: float, share: float
) -> None:
    rng = np.random.default_rng(seed)
    root, pole = rng.normal(size=(2, 5, 3))
    direction = R.normalize(rng.normal(size=(5, 3)))
    distance = abs(upper - lower) + share * (upper + lower - abs(upper - lower))
    target = root + distance * direction
    middle, end = kinematics.two_bone_ik(root, target, pole, upper, lower)
    assert np.abs(end - target).max() < 1e-8
    assert np.abs(np.linalg.norm(middle - root, axis=-1) - upper).max() < 1e-9
    assert np.abs(np.linalg.norm(end - middle, axis=-1) - lower).max() < 1e-8
    # The limb bends in the plane of reach and pole, on the pole's side.
    bend = middle - root - np.vecdot(middle - root, direction)[:, None] * direction
    side = pole - np.vecdot(pole, direction)[:, None] * direction
    assert (np.vecdot(bend, side) > 0).all()
    assert (
        np.abs(np.linalg.norm(np.cross(R.normalize(bend), R.normalize(side)), axis=-1)).max() < 1e-6
    )


@few
@given(seeds, LENGTHS, LENGTHS, st.floats(1.001, 50.0))
def test_two_bone_ik_straightens_and_folds_at_its_limits(
    seed: int, upper: float, lower: float, factor: float
) -> None:
    rng = np.random.default_rng(seed)
    root, pole = rng.normal(size=(2, 3))
    direction = R.normalize(rng.normal(size=3))
    middle, end = kinematics.two_bone_ik(
        root, root + factor * (upper + lower) * direction, pole, upper, lower
    )
    # Straight to 1e-9 m of the reach, which leaves the middle as much as its square root off the
    # line.
    assert np.abs(end - root - (upper + lower) * direction).max() < 1e-8
    assert np.abs(middle - root - upper * direction).max() < 1e-4
    if abs(upper - lower) > 0.01:
        near = root + abs(upper - lower) / factor * direction
        middle, end = kinematics.two_bone_ik(root, near, pole, upper, lower)
        assert np.abs(end - root - abs(upper - lower) * direction).max() < 1e-8
        assert np.linalg.norm(middle - root) == pytest.approx(upper, abs=1e-9)
        assert np.linalg.norm(end - middle) == pytest.approx(lower, abs=1e-8)


@pytest.mark.parametrize("reach", [0.0, 0.3])
@pytest.mark.parametrize("axis", np.concatenate([np.eye(3), [[0.6, 0.0, 0.8]]]))
@pytest.mark.parametrize("lower", [0.4, 0.2])
def test_two_bone_ik_keeps_lengths_when_the_plane_is_undefined(
    reach: float, axis: np.ndarray, lower: float
) -> None:
    middle, end = kinematics.two_bone_ik(np.zeros(3), reach * axis, 2.0 * axis, 0.4, lower)
    assert np.linalg.norm(middle) == pytest.approx(0.4, abs=1e-8)
    assert np.linalg.norm(end - middle) == pytest.approx(lower, abs=1e-8)


@few
@given(seeds)
def test_soles_are_on_the_floor_at_rest_for_any_proportions(seed: int) -> None:
    body = synthetic.random_body(np.random.default_rng(seed))
    assert (
        np.abs(body.offsets[0, 1] + kinematics.sole_heights(body, HUMANOID.rest_rotations)).max()
        < 1e-12
    )


@few
@given(seeds)
def test_heels_are_behind_and_toe_tips_ahead_of_the_feet(seed: int) -> None:
    motion = synthetic.random_poses(np.random.default_rng(seed), 3)
    body, rest = motion.skeleton, motion.skeleton.rest_positions()
    heights = kinematics.sole_heights(body, motion.rotations)
    for n in range(len(motion)):
        positions, matrices = naive_fk(body, np.zeros(3), motion.rotations[n])
        for side, columns in (("left", (0, 1)), ("right", (2, 3))):
            foot, toes = body.index(f"{side}Foot"), body.index(f"{side}Toes")
            ahead = rest[toes, 2] - rest[foot, 2]
            heel = positions[foot] + matrices[foot] @ [
                0.0,
                -rest[foot, 1],
                -kinematics._HEEL_SHARE * ahead,
            ]
            tip = positions[toes] + matrices[toes] @ [0.0, -rest[toes, 1], 0.5 * ahead]
            assert np.abs(heights[n, list(columns)] - [heel[1], tip[1]]).max() < 1e-12


def test_reach_is_the_longest_chain_of_bones() -> None:
    offsets = np.array(
        [[0.0, 9.0, 0.0], [1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 0.5], [0.0, 0.0, 4.0]]
    )
    body = Skeleton(
        ("a", "b", "c", "d", "e"), np.array([-1, 0, 1, 0, 3]), offsets, np.tile(R.IDENTITY, (5, 1))
    )
    assert kinematics.reaches(body).tolist() == [4.5, 2.0, 0.0, 4.0, 0.0]
