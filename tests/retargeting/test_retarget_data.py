"""Real motions on real characters of MOCAP_DATA, compared with their own skeletons."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mocap.core import kinematics
from mocap.core import rotation as R
from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.core.skeleton import BONES
from mocap.formats import bvh
from mocap.formats.bvh.rig import on_rig
from mocap.retargeting import load_motion, retarget
from mocap.rig.load import load_rig
from tests.helpers.measures import LIMBS

# From CMU, AnimatedDrawings, MakeHuman, aitviewer, Mixamo, bvhtoolbox, Daz and Character Creator:
# rests of all kinds, 19 to 163 joints.
FILES = (
    "bvh_cmu/cmu_12_01_walk.bvh", "bvh_fair/wave_hello.bvh", "bvh_fair/jumping.bvh",
    "bvh_fair/jumping_jacks.bvh",
    "bvh_makehuman_cc0/benchmark.bvh", "bvh_misc/aitviewer_sample.bvh",
    "bvh_misc/bvhtoolbox_test_freebvh.bvh",
    "bvh_misc/bvhtoolbox_walk01.bvh", "cmu_training/daz_salsa_01.bvh",
    "cmu_training/iclone_005_03.bvh",
)  # fmt: skip
WALKS = (
    "bvh_cmu/cmu_12_01_walk.bvh",
    "bvh_misc/bvhtoolbox_test_freebvh.bvh",
    "cmu_training/daz_salsa_01.bvh",
)
TWINS = (
    ("rest_a_pose_t_position_rest.vrm", "rest_a_pose_t_position_pose.vrm"),
    ("basic_armature_vrm0.vrm", "basic_armature_vrm1.vrm"),
)
HUMAN = {b: i for i, b in enumerate(BONES)}


def directions(motion: Motion, index: dict[str, int]) -> np.ndarray:
    positions, _ = kinematics.fk(motion.skeleton, motion.root_positions, motion.rotations)
    return R.normalize(
        np.stack([positions[:, index[b]] - positions[:, index[a]] for a, b in LIMBS], axis=1)
    )


def apart(a: np.ndarray, b: np.ndarray) -> float:
    """Return the largest angle, degrees."""
    return float(
        np.degrees(
            np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), np.sum(a * b, axis=-1)).max()
        )
    )


def joints_of(rig: Rig) -> dict[str, int]:
    return {b: rig.index(b) for b in rig.bones}


@pytest.mark.parametrize("name", FILES)
def test_motion_of_other_tools_is_put_on_humanoid_bones(name: str, data: Path) -> None:
    """Limbs keep their directions, the body has human size, and feet stand on the ground."""
    path = data / "mocap" / name
    rig = load_rig(path)
    own = on_rig(bvh.loads(path.read_text(errors="replace"), scale=1.0), rig)
    motion = load_motion(path)
    assert apart(directions(motion, HUMAN), directions(own, joints_of(rig))) < 0.01
    legs = np.linalg.norm(
        motion.skeleton.offsets[[BONES.index("leftLowerLeg"), BONES.index("leftFoot")]], axis=-1
    ).sum()
    assert 0.6 < legs < 1.1
    soles = kinematics.sole_points(motion.skeleton, motion.root_positions, motion.rotations)[..., 1]
    assert abs(np.percentile(soles.min(axis=1), 25.0)) < 0.03
    # Upright, most of the time: a head over the hips.
    positions, _ = kinematics.fk(motion.skeleton, motion.root_positions, motion.rotations)
    assert np.median(positions[:, BONES.index("head"), 1] - positions[:, 0, 1]) > 0.3


@pytest.mark.parametrize("name", WALKS)
def test_feet_are_found_on_the_ground(name: str, data: Path) -> None:
    motion = load_motion(data / "mocap" / name)
    assert motion.contacts is not None
    assert (motion.contacts.reshape(-1, 2, 2).max(axis=2).mean(axis=0) > 0.3).all()
    assert motion.contacts.mean() < 0.9


@pytest.mark.parametrize("pair", TWINS, ids=lambda p: p[0])
def test_two_files_of_one_character_move_alike(pair: tuple[str, str], data: Path) -> None:
    """One body that rests in A-pose and in T-pose, and in the frames of VRM 0 and VRM 1."""
    motion = load_motion(data / "mocap" / WALKS[2]).slice(0, 200)
    rigs = [load_rig(data / "rigs" / "vrm" / name) for name in pair]
    shown = [directions(retarget(motion, rig), joints_of(rig)) for rig in rigs]
    assert apart(*shown) < 0.01


@pytest.mark.parametrize(
    "name",
    [
        "kaykit_cc0/Knight.glb",
        "vrm/Godette_vrm_v4.vrm",
        "threejs/RobotExpressive.glb",
        "misc/CesiumMan.glb",
    ],
)
def test_characters_take_the_performed_pose(name: str, data: Path) -> None:
    motion = load_motion(data / "mocap" / WALKS[2]).slice(0, 200)
    rig = load_rig(data / "rigs" / name)
    free = Motion(motion.skeleton, motion.times, motion.root_positions, motion.rotations)
    assert apart(directions(retarget(free, rig), joints_of(rig)), directions(motion, HUMAN)) < 0.01
