"""BVH against pybvh, bvhio and three.js, and round trips."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocap.core import rotation as R
from mocap.core.kinematics import scaled
from mocap.core.motion import Motion
from mocap.core.skeleton import HUMANOID, Skeleton
from mocap.errors import InputError
from mocap.formats import bvh, euler
from tests.helpers import cost, synthetic
from tests.helpers.bvh_motions import TENTH_OF_A_MILLIMETRE, places, wild_motion, worst

seeds = st.integers(0, 2**32 - 1)


CENTI = 0.01


HALF_A_MILLIMETRE = 0.0005


# --- round trip -----------------------------------------------------------------------------------


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_written_files_are_read_back_unchanged(seed: int) -> None:
    motion = wild_motion(seed)
    back = bvh.loads(bvh.dumps(motion, "vrm"))
    order = [motion.skeleton.index(n) for n in back.skeleton.names]
    assert set(order) == set(range(55)), "eyes and jaw turn here, so they are written, too"
    assert np.degrees(R.distance(back.rotations, motion.rotations[:, order]).max()) < 0.01
    assert np.abs(back.root_positions - motion.root_positions).max() < TENTH_OF_A_MILLIMETRE
    assert np.abs(back.skeleton.offsets[1:] - motion.skeleton.offsets[order][1:]).max() < 1e-6
    assert np.abs(back.times - motion.times).max() < 1e-9


@given(seeds, st.sampled_from([1.0, 1e-7, 1e-9]))
@settings(max_examples=25, deadline=None)
def test_euler_angles_round_trip_even_in_gimbal_lock(seed: int, away: float) -> None:
    rng = np.random.default_rng(seed)
    x = rng.choice([-1, 1], 200) * (np.pi / 2 - away * rng.uniform(-1, 1, 200))
    q = euler.from_axes(
        "ZXY", np.stack([rng.uniform(-3, 3, 200), x, rng.uniform(-3, 3, 200)], axis=-1)
    )[:, None]
    assert R.distance(euler.from_axes("ZXY", euler.to_zxy(q)), q).max() < 2e-6


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_euler_angles_pass_straight_up_without_a_jump(seed: int) -> None:
    """Angles that run smoothly through x = 90° are kept; another triple would be usual."""
    rng = np.random.default_rng(seed)
    t = np.linspace(0.0, 1.0, 200)[:, None]
    start, end = rng.uniform(-0.5, 0.5, (2, 3))
    end[1] = rng.choice([-1.0, 1.0]) * rng.uniform(2.0, 2.8)
    angles = start + t * (end - start)
    found = euler.to_zxy(euler.from_axes("ZXY", angles)[:, None])[:, 0]
    assert np.abs(found - angles).max() < 1e-6


def test_euler_angles_count_whole_turns() -> None:
    angles = np.zeros((100, 3))
    angles[:, 2] = np.linspace(0, 6 * np.pi, 100)
    assert np.abs(euler.to_zxy(euler.from_axes("ZXY", angles)[:, None])[:, 0] - angles).max() < 1e-9


# --- what is written ------------------------------------------------------------------------------


def test_joint_names_are_recognised_by_other_tools() -> None:
    motion = synthetic.smooth_motion(np.random.default_rng(0), 0.5, 30.0)
    names = bvh.loads(bvh.dumps(motion)).skeleton.names
    assert names[:7] == ("Hips", "Spine", "Spine1", "Spine2", "Neck", "Head", "LeftShoulder")
    wanted = {
        "LeftArm",
        "LeftForeArm",
        "LeftHand",
        "LeftHandThumb1",
        "RightHandPinky3",
        "LeftUpLeg",
        "LeftLeg",
        "LeftFoot",
        "LeftToeBase",
    }
    assert wanted <= set(names)
    assert not {"LeftEye", "RightEye", "Jaw"} & set(names), "nothing moved them"


def test_zero_angles_are_the_t_pose_and_the_root_offset_is_zero() -> None:
    still = Motion(HUMANOID, np.array([0.0]), HUMANOID.offsets[:1], HUMANOID.rest_rotations[None])
    lines = bvh.dumps(still).splitlines()
    assert lines[3].split() == ["OFFSET", "0", "0", "0"]
    assert lines[-1].split() == ["0", "95.5", "0"] + ["0"] * 52 * 3


def test_end_sites_reach_finger_tips_toes_and_crown() -> None:
    motion = synthetic.smooth_motion(np.random.default_rng(0), 0.2, 30.0)
    motion = Motion(
        scaled(HUMANOID, {"leftToes": 2.0}), motion.times, motion.root_positions, motion.rotations
    )
    lines = [line.split() for line in bvh.dumps(motion, "vrm").splitlines()]
    ends = [
        [float(v) for v in lines[i + 2][1:]]
        for i, words in enumerate(lines)
        if words[:1] == ["End"]
    ]
    assert len(ends) == 13, "ten fingers, two feet, one head"
    assert [0.0, 19.5, 0.0] in ends
    assert [0.0, 0.0, 14.0] in ends, "a foot twice as long has toes twice as long"
    assert [2.4, 0.0, 0.0] in ends


def test_rotated_rest_poses_are_written_as_t_poses() -> None:
    rng = np.random.default_rng(3)
    straight = synthetic.smooth_motion(rng, 0.5, 30.0)
    # The same body with every joint's axes turned at random at rest: world = straight world ·
    # twist.
    twist = synthetic.random_rotation(rng, 55)
    parents = HUMANOID.parents
    above = np.concatenate([R.IDENTITY[None], twist[parents[1:]]])
    offsets = R.apply(R.conjugate(above), straight.skeleton.offsets)
    rest = R.multiply(R.conjugate(above), twist)
    turned = Motion(
        Skeleton(HUMANOID.names, parents, offsets, rest), straight.times, straight.root_positions,
        R.multiply(R.multiply(R.conjugate(above), straight.rotations), twist),
    )  # fmt: skip
    assert (
        max(
            np.abs(a - b).max()
            for a, b in zip(places(straight).values(), places(turned).values(), strict=True)
        )
        < 1e-9
    )
    assert (
        np.abs(
            np.array(_table(bvh.dumps(turned, "vrm")))
            - np.array(_table(bvh.dumps(straight, "vrm")))
        ).max()
        < 2e-4
    )


def _table(text: str) -> list[list[float]]:
    lines = text.splitlines()
    return [[float(v) for v in line.split()] for line in lines[lines.index("MOTION") + 3 :]]


def test_frames_are_written_at_uniform_times() -> None:
    motion = synthetic.smooth_motion(np.random.default_rng(1), 2.0, 50.0)
    kept = np.delete(np.arange(100), [20, 21, 60])
    gappy = Motion(
        motion.skeleton, motion.times[kept], motion.root_positions[kept], motion.rotations[kept]
    )
    back = bvh.loads(bvh.dumps(gappy, "vrm"))
    assert len(back) == 100
    assert np.abs(back.times - motion.times).max() < 1e-9
    assert (
        worst(list(back.skeleton.names), np.stack(list(places(back).values()), 1), places(motion))
        < 0.02
    ), "the gap is filled in between"
    # Times rounded to milliseconds, as containers do, are uniform: no frame is made up.
    rounded = Motion(
        motion.skeleton, np.round(motion.times * 0.6667, 3), motion.root_positions, motion.rotations
    )
    assert (
        np.abs(bvh.loads(bvh.dumps(rounded, "vrm")).root_positions - motion.root_positions).max()
        < 1e-6
    )
    assert len(bvh.loads(bvh.dumps(motion, fps=25.0))) == 50


def test_angles_of_a_turning_body_do_not_jump() -> None:
    motion = synthetic.smooth_motion(np.random.default_rng(5), 8.0, 60.0)
    table = np.array(_table(bvh.dumps(motion)))
    assert np.abs(np.diff(table[:, 5])).max() < 90.0
    assert np.abs(np.diff(table[:, 6:], axis=0)).max() < 90.0


def test_a_motion_without_frames_is_refused() -> None:
    with pytest.raises(InputError, match="without frames"):
        bvh.dumps(wild_motion(0).slice(0, 0))


# --- cost -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("apart", ["\n", " "])
def test_ten_thousand_joints_are_read_within_seconds(apart: str) -> None:
    joint = apart.join(
        ("JOINT j", "{", "OFFSET 0 1 0", "CHANNELS 3 Zrotation Xrotation Yrotation", "")
    )
    head = "HIERARCHY ROOT a { OFFSET 0 0 0 CHANNELS 3 Zrotation Xrotation Yrotation" + apart
    text = (
        head
        + joint * 9_999
        + "}" * 10_000
        + "\nMOTION\nFrames: 1\nFrame Time: 0.1\n"
        + "0 " * 30_000
    )
    assert cost.seconds(lambda: bvh.loads(text), 3.0) < 3.0
    assert len(bvh.loads(text).skeleton.names) == 10_000


def test_long_bvh_files_are_written_and_read_quickly() -> None:
    motion = synthetic.smooth_motion(np.random.default_rng(0), 1000 / 30.0, 30.0)
    assert cost.seconds(lambda: bvh.dumps(motion), 0.5) < 0.5
    text = bvh.dumps(motion)
    head, _, body = text.partition("Frame Time")
    line, _, frames = body.partition("\n")
    long = head.replace("Frames: 1000", "Frames: 10000") + "Frame Time" + line + "\n" + 10 * frames
    assert cost.seconds(lambda: bvh.loads(long), 2.0) < 2.0
    assert len(bvh.loads(long)) == 10_000
