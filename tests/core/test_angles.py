"""Joint angles against SciPy's Euler angles, a published motion's values, and plain poses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from mocap.core import kinematics
from mocap.core import rotation as R
from mocap.core.angles import joint_angles, pelvis_in_ground
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, HUMANOID, Skeleton
from mocap.errors import InputError
from mocap.formats.movement import dumps_mot
from tests.helpers import synthetic

# ISB's axes (X forward, Y up, Z right) in a motion's (X left, Y up, Z forward), as rows.
ISB = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
HANGING = Rotation.from_euler("z", 90, degrees=True)


def in_isb(turn: Rotation) -> Rotation:
    return Rotation.from_matrix(ISB @ turn.as_matrix() @ ISB.T)


def in_ours(turn: Rotation) -> Rotation:
    return Rotation.from_matrix(ISB.T @ turn.as_matrix() @ ISB)


def unmoved(frames: int) -> np.ndarray:
    return np.tile(R.IDENTITY, (frames, len(BONES), 1))


def moving(rotations: np.ndarray) -> Motion:
    frames = len(rotations)
    return Motion(HUMANOID, np.arange(frames) / 30.0, np.zeros((frames, 3)), rotations)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_angles_equal_scipys_in_isb_axes(seed: int) -> None:
    motion = synthetic.random_poses(np.random.default_rng(seed), 1)
    angles = {name: float(a[0]) for name, a in joint_angles(motion).items()}
    world = kinematics.global_rotations(motion.skeleton, motion.rotations)[0]

    def between(above: str, below: str) -> Rotation:
        a, b = (Rotation.from_quat(world[BONES.index(x)]) for x in (above, below))
        return a.inv() * b

    def checked(found: tuple[str, ...], turn: Rotation, signs: tuple[float, ...]) -> None:
        expected = in_isb(turn).as_euler("ZXY", degrees=True) * signs
        ours = [angles[name] for name in found]
        assert np.abs((ours - expected + 180.0) % 360.0 - 180.0).max() < 1e-6, found

    ways = ("flexion", "adduction", "rotation")
    for side, s in (("right", 1.0), ("left", -1.0)):
        end = side[0]
        names = {j: tuple(f"{j}_{w}_{end}" for w in ways) for j in ("hip", "knee", "shoulder")}
        checked(names["hip"], between("hips", f"{side}UpperLeg"), (1.0, s, s))
        checked(names["knee"], between(f"{side}UpperLeg", f"{side}LowerLeg"), (-1.0, s, s))
        arm = between("upperChest", f"{side}UpperArm")
        checked(names["shoulder"], arm * (HANGING if s < 0 else HANGING.inv()), (1.0, s, s))
    trunk = tuple(f"trunk_{w}" for w in ("flexion", "bending", "rotation"))
    checked(trunk, between("hips", "upperChest"), (-1.0, 1.0, 1.0))
    tilt = in_isb(Rotation.from_quat(world[0])).as_euler("ZXY", degrees=True)
    assert np.abs(pelvis_in_ground(motion)[0] - tilt).max() < 1e-6


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_mirroring_swaps_the_angles_of_the_sides(seed: int) -> None:
    motion = synthetic.random_poses(np.random.default_rng(seed), 3)
    ours, other = joint_angles(motion), joint_angles(motion.mirror())
    for name, values in ours.items():
        if name.endswith("_r"):
            assert np.allclose(values, other[name[:-1] + "l"], atol=1e-6), name
        elif name in ("pelvis_list", "trunk_rotation", "neck_bending"):
            assert np.allclose(values, -other[name], atol=1e-6), name


@pytest.mark.parametrize(
    ("bone", "axis", "degrees", "name"),
    [
        ("rightUpperLeg", (-1, 0, 0), 70, "hip_flexion_r"),
        ("leftUpperLeg", (-1, 0, 0), 70, "hip_flexion_l"),
        ("leftLowerLeg", (1, 0, 0), 80, "knee_flexion_l"),
        ("rightFoot", (-1, 0, 0), 15, "ankle_dorsiflexion_r"),
        ("rightLowerArm", (0, 1, 0), 90, "elbow_flexion_r"),
        ("leftLowerArm", (0, -1, 0), 90, "elbow_flexion_l"),
        ("rightHand", (0, 0, 1), 40, "wrist_flexion_r"),
        ("leftHand", (0, 0, -1), 40, "wrist_flexion_l"),
        ("rightHand", (0, -1, 0), 20, "wrist_deviation_r"),
        ("spine", (1, 0, 0), 30, "trunk_flexion"),
        ("head", (0, 1, 0), 50, "neck_rotation"),
        ("hips", (0, 0, 1), 10, "pelvis_list"),
    ],
)
def test_turning_one_joint_changes_one_angle(
    bone: str, axis: tuple[int, ...], degrees: float, name: str
) -> None:
    """From the T-pose, in which arms are 90° up to the sides and palms face down."""
    rotations = unmoved(2)
    rotations[1, BONES.index(bone)] = R.from_axis_angle(
        np.array(axis, dtype=float), np.radians(degrees)
    )
    angles = joint_angles(moving(rotations))
    changed = {n: float(np.diff(a)[0]) for n, a in angles.items() if abs(np.diff(a)[0]) > 1e-6}
    # The neck bends against the trunk where the trunk bends below a head that goes with it.
    assert changed[name] == pytest.approx(degrees)
    if bone not in ("spine", "hips"):
        assert set(changed) == {name}
    assert angles["shoulder_elevation_l"][0] == pytest.approx(90.0)
    assert angles["shoulder_adduction_r"][0] == pytest.approx(-90.0)
    assert angles["elbow_pronation_r"][0] == pytest.approx(90.0)


@pytest.mark.parametrize("clip", ["squats1", "walking1"])
def test_a_published_motion_has_its_published_angles(clip: str, data: Path) -> None:
    """The written .mot of OpenCap's squats and walk repeats the coordinates of their own.

    SciPy turns OpenSim's coordinates into rotations, which are measured.
    """
    path = data / "mocap" / "trc_mot" / f"opencap_{clip}_videoAndMocap.mot"
    lines = path.read_text().split("endheader\n")[1].splitlines()
    columns = lines[0].split()
    table = np.loadtxt(lines[1::20])
    true = dict(zip(columns, table.T, strict=True))
    rotations = unmoved(len(table))

    def set_to(bone: str, names: tuple[str, ...], signs: tuple[int, ...], arm: str = "") -> None:
        angles = np.stack([s * true[n] for n, s in zip(names, signs, strict=True)], axis=1)
        turn = in_ours(Rotation.from_euler("ZXY", angles, degrees=True))
        if arm:
            turn = turn * (HANGING if arm == "r" else HANGING.inv())
        rotations[:, BONES.index(bone)] = turn.as_quat()

    for side, e, s in (("right", "r", 1), ("left", "l", -1)):
        hip = tuple(f"hip_{w}_{e}" for w in ("flexion", "adduction", "rotation"))
        set_to(f"{side}UpperLeg", hip, (1, s, s))
        knee = (f"knee_angle_{e}",) * 3
        set_to(f"{side}LowerLeg", knee, (-1, 0, 0))
        set_to(f"{side}Foot", (f"ankle_angle_{e}",) * 3, (1, 0, 0))
        set_to(
            f"{side}UpperArm", tuple(f"arm_{w}_{e}" for w in ("flex", "add", "rot")), (1, s, s), e
        )
    pelvis = ("pelvis_tilt", "pelvis_list", "pelvis_rotation")
    set_to("hips", pelvis, (1, 1, 1))
    set_to("spine", ("lumbar_extension", "lumbar_bending", "lumbar_rotation"), (1, 1, 1))
    motion = moving(rotations)
    names, *rows = dumps_mot(motion).split("endheader\n")[1].splitlines()
    written = dict(zip(names.split(), np.loadtxt(rows).T, strict=True))
    legs_and_arms = (
        *("hip_flexion", "hip_adduction", "hip_rotation", "knee_angle", "ankle_angle"),
        *("arm_flex", "arm_add", "arm_rot"),
    )
    agreed = [f"{name}_{side}" for name in legs_and_arms for side in "rl"]
    for column in (*agreed, *pelvis, "lumbar_extension", "lumbar_bending", "lumbar_rotation"):
        assert np.abs(written[column] - true[column]).max() < 1e-3, column


def test_unsupported_joints_have_no_angles() -> None:
    point = Skeleton(("pelvis",), np.array([-1]), np.zeros((1, 3)), R.IDENTITY[None].copy())
    still = Motion(point, np.zeros(1), np.zeros((1, 3)), R.IDENTITY[None, None].copy())
    with pytest.raises(InputError, match="55 humanoid bones"):
        joint_angles(still)
