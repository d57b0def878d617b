"""Motion on another body: equal rotations, path and floor distance scaled by its legs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocap.core import kinematics, surface
from mocap.core import rotation as R
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, HUMANOID, Skeleton
from mocap.errors import InputError
from mocap.retargeting import leg_length, retarget
from tests.helpers import synthetic

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=15, deadline=None)


def lowest(motion: Motion) -> np.ndarray:
    """Return the height of the lowest skin above the floor, soles included, (F,)."""
    heights = (
        measure(motion.skeleton, motion.rotations).min(axis=1)
        for measure in (kinematics.sole_heights, surface.skin_heights)
    )
    return motion.root_positions[:, 1] + np.minimum(*heights)


def some(seed: int, frames: int = 6) -> tuple[Motion, Skeleton]:
    rng = np.random.default_rng(seed)
    motion = synthetic.random_poses(rng, frames)
    root = rng.normal(size=(frames, 3))
    # Without contacts: planted feet are held (test_contacts), which changes legs.
    full = Motion(
        motion.skeleton, motion.times, root, motion.rotations, {"aa": rng.uniform(size=frames)}
    )
    return full, synthetic.random_body(rng)


@few
@given(seeds)
def test_the_height_of_the_lowest_part_scales_with_the_legs(seed: int) -> None:
    motion, target = some(seed)
    moved = retarget(motion, target)
    ratio = leg_length(target) / leg_length(motion.skeleton)
    assert np.abs(lowest(moved) - ratio * lowest(motion)).max() < 1e-9


@few
@given(seeds)
def test_a_motion_on_the_floor_stays_there_at_any_proportions(seed: int) -> None:
    motion, target = some(seed)
    root = motion.root_positions.copy()
    root[:, 1] -= lowest(motion)
    standing = retarget(Motion(motion.skeleton, motion.times, root, motion.rotations), target)
    assert np.abs(lowest(standing)).max() < 1e-9


@few
@given(seeds)
def test_steps_scale_with_the_legs_and_rotations_stay(seed: int) -> None:
    motion, target = some(seed)
    moved = retarget(motion, target)
    legs = [
        sum(np.linalg.norm(body.offsets[BONES.index(b)]) for b in ("rightLowerLeg", "rightFoot"))
        for body in (motion.skeleton, target)
    ]
    steps = np.diff(motion.root_positions, axis=0)[:, [0, 2]]
    assert (
        np.abs(np.diff(moved.root_positions, axis=0)[:, [0, 2]] - steps * legs[1] / legs[0]).max()
        < 1e-9
    )
    assert moved.skeleton is target
    for name in ("times", "rotations", "contacts"):
        assert np.array_equal(getattr(moved, name), getattr(motion, name)), name
    assert np.array_equal(moved.expressions["aa"], motion.expressions["aa"])


@few
@given(seeds)
def test_retargeting_there_and_back_returns_the_motion(seed: int) -> None:
    motion, target = some(seed)
    back = retarget(retarget(motion, target), motion.skeleton)
    assert np.abs(back.root_positions - motion.root_positions).max() < 1e-9
    assert (
        np.abs(retarget(motion, motion.skeleton).root_positions - motion.root_positions).max()
        < 1e-9
    )


def test_a_body_of_twice_the_size_moves_twice_as_far() -> None:
    motion, _ = some(3)
    double = Skeleton(
        BONES, HUMANOID.parents, 2.0 * motion.skeleton.offsets, HUMANOID.rest_rotations
    )
    small, _ = kinematics.fk(motion.skeleton, motion.root_positions, motion.rotations)
    large, _ = kinematics.fk(double, retarget(motion, double).root_positions, motion.rotations)
    assert np.abs(large - 2.0 * small).max() < 1e-9


def test_other_joints_or_rest_poses_are_refused_with_a_sentence() -> None:
    motion, _ = some(1)
    point = Skeleton(("pelvis",), np.array([-1]), np.zeros((1, 3)), R.IDENTITY[None].copy())
    with pytest.raises(
        InputError, match=r"55 joints \(hips.* 1 other joints \(pelvis.*\): use a Rig\.$"
    ):
        retarget(motion, point)
    rests = HUMANOID.rest_rotations.copy()
    rests[BONES.index("leftUpperArm")] = R.from_axis_angle(np.array([0.0, 0.0, 1.0]), -0.7)
    a_pose = Skeleton(BONES, HUMANOID.parents, HUMANOID.offsets, rests)
    with pytest.raises(InputError, match=r"rest.*\.$"):
        retarget(motion, a_pose)
