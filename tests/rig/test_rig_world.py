"""The world of a character's file: which way is up and ahead, and what a unit is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocap.core import rotation as R
from mocap.core.kinematics import fk
from mocap.core.rig import TreePose
from mocap.core.skeleton import BONES
from mocap.rig import stance
from tests.helpers.posed_trees import Made, X, Y, Z, relaxed, worst_limb

seeds = st.integers(0, 2**32 - 1)


UPS = [s * axis for axis in np.eye(3) for s in (1.0, -1.0)]


@given(seeds)
@settings(max_examples=12, deadline=None)
def test_a_bvh_of_any_up_axis_and_unit_becomes_y_up_metres(seed: int) -> None:
    rng = np.random.default_rng(seed)
    upright = R.between(UPS[rng.integers(6)], Y)
    yaw = R.from_axis_angle(
        Y,
        np.radians(rng.choice([0, 90, 180, 270]) if rng.random() < 0.5 else rng.uniform(-180, 180)),
    )
    turn, unit = (
        R.multiply(yaw, upright),
        float(rng.choice([1.0, 0.01, 0.0254, 0.0254 / 0.45, 0.1, 0.001])),
    )
    made = Made(rng, relaxed(rng), "bvh", turn, unit)
    rig = made.rig()
    assert rig.unit == pytest.approx(unit)
    assert R.apply(rig.turn, R.apply(R.conjugate(turn), Y)) @ Y > 1 - 1e-9, "up is found"
    # Within 20° of an axis the file's axes are meant, and the body stands askew.
    assert np.degrees(R.distance(rig.turn, turn)) < 20.01
    assert max(made.off(rig).values()) < 0.01
    assert worst_limb(rig) < 0.01
    expected = R.apply(rig.turn, unit * made.rest.positions)
    joints = [rig.index(bone) for bone in BONES]
    assert np.abs(rig.skeleton.rest_positions()[joints] - expected).max() < 1e-6


@given(seeds, st.floats(0.1, 20.0))
@settings(max_examples=10, deadline=None)
def test_gltf_units_are_metres_for_any_character(seed: int, size: float) -> None:
    rng = np.random.default_rng(seed)
    yaw = R.from_axis_angle(Y, np.radians(rng.choice([0, 90, 180, -90])))
    made = Made(rng, relaxed(rng), "vrm", yaw, size)
    rig = made.rig()
    assert rig.unit == 1.0
    assert np.degrees(R.distance(rig.turn, yaw)) < 1e-4
    assert max(made.off(rig).values()) < 0.01
    assert np.ptp(rig.skeleton.rest_positions()[:, 1]) == pytest.approx(
        np.ptp(made.rest.positions[:, 1])
    )


def test_a_bvh_of_unknown_unit_is_scaled_to_a_person() -> None:
    rng = np.random.default_rng(1)
    for unit, expected in ((0.37, None), (0.01, 0.01), (3.1e-5, None)):
        made = Made(rng, relaxed(rng), "bvh", R.IDENTITY, unit if expected is None else 1.0)
        if expected is not None:
            made.tree = replace(made.tree, positions=made.tree.positions * 60.0)
        rig = made.rig()
        legs = stance.leg_length(
            TreePose("", fk(rig.skeleton, np.zeros(3), rig.t_pose)[0], rig.t_pose),
            {b: rig.index(b) for b in rig.bones},
        )
        assert rig.unit == expected if expected else legs == pytest.approx(0.83)


def test_the_motion_decides_the_up_axis_if_the_zero_pose_differs() -> None:
    """The zero pose has Y up, the frames Z up; a crawling motion decides nothing."""
    rng = np.random.default_rng(2)
    local = relaxed(rng)
    made = Made(rng, local, "bvh")
    tipped = R.between(Y, Z)
    frames = [made.pose(f"frame {f}", relaxed(rng)) for f in range(5)]
    tilted = tuple(
        TreePose(p.name, R.apply(tipped, p.positions), R.multiply(tipped, p.rotations))
        for p in frames
    )
    rig = made.rig(poses=tilted)
    assert np.allclose(R.apply(rig.turn, Z), Y)
    assert max(made.off(rig).values()) < 0.01
    crawl = local.copy()
    crawl[0] = R.from_axis_angle(X, 0.5 * np.pi)
    for bone in ("UpperArm", "UpperLeg"):
        crawl[[BONES.index(f"left{bone}"), BONES.index(f"right{bone}")]] = R.from_axis_angle(
            X, -0.5 * np.pi
        )
    crawling = tuple(made.pose(f"frame {f}", crawl) for f in range(5))
    assert np.allclose(made.rig(poses=crawling).turn, R.IDENTITY)
