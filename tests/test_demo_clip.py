"""The demo clip: its truth matches the code, is humanly possible, and is detected."""

from __future__ import annotations

import importlib.util

import cv2
import numpy as np
import pytest

from mocap.core import rotation as R
from mocap.core.kinematics import fk
from mocap.core.motion import CONTACTS, Motion
from mocap.core.skeleton import BONES, HUMANOID
from tests.helpers.measures import demo_motion
from tests.helpers.places import DEMO, DEMO_TRUTH, ROOT


@pytest.fixture(scope="module")
def truth() -> dict[str, np.ndarray]:
    with np.load(DEMO_TRUTH) as file:
        return dict(file)


@pytest.fixture(scope="module")
def motion() -> Motion:
    return demo_motion()


@pytest.fixture(scope="module")
def posed(motion) -> tuple[np.ndarray, np.ndarray]:
    return fk(HUMANOID, motion.root_positions, motion.rotations)


def _local(motion: Motion, bone: str) -> np.ndarray:
    """Return the bone's rotation vectors in degrees, (F, 3)."""
    return np.degrees(R.to_rotation_vector(motion.rotations[:, BONES.index(bone)]))


def test_the_stored_truth_equals_the_computed_motion(truth):
    from rigs.demo import truth as computed

    now = computed()
    assert set(now) == set(truth)
    for name, array in now.items():
        np.testing.assert_allclose(
            array,
            truth[name],
            atol=1e-9,
            err_msg=f"{name}: run `python rigs/demo.py` and commit its files",
        )


def test_the_clip_is_short_and_loops(motion):
    assert 5.0 <= len(motion) / 30 <= 7.0
    np.testing.assert_allclose(np.diff(motion.times), 1 / 30)
    steps = np.degrees(R.distance(motion.rotations[1:], motion.rotations[:-1]))
    seam = np.degrees(R.distance(motion.rotations[0], motion.rotations[-1]))
    assert seam.max() <= steps.max()
    assert np.linalg.norm(motion.root_positions[0] - motion.root_positions[-1]) < 0.01


def test_nothing_jumps(motion):
    turn = np.degrees(R.distance(motion.rotations[1:], motion.rotations[:-1]))
    assert turn.max() < 25.0  # 750° a second: a swift arm
    again = np.linalg.norm(np.diff(motion.root_positions, n=2, axis=0), axis=1) * 30**2
    assert again.max() < 45.0  # m/s²: taking off and landing


@pytest.mark.parametrize("side", ["left", "right"])
def test_elbows_and_knees_are_hinges_within_human_limits(motion, side):
    sign = 1.0 if side == "left" else -1.0
    knee = _local(motion, side + "LowerLeg")
    assert np.abs(knee[:, 1:]).max() < 1e-6
    assert knee[:, 0].min() > 0.0
    assert knee[:, 0].max() < 145.0
    swing, twist = R.swing_twist(
        motion.rotations[:, BONES.index(side + "LowerArm")], np.array([1.0, 0.0, 0.0])
    )
    bend = -sign * np.degrees(R.to_rotation_vector(swing))
    assert np.abs(bend[:, [0, 2]]).max() < 1e-6
    assert bend[:, 1].min() > 0.0
    assert bend[:, 1].max() < 145.0
    assert np.abs(np.degrees(R.to_rotation_vector(twist))).max() < 85.0
    assert np.abs(_local(motion, side + "Hand")).max() < 60.0
    thigh = _local(motion, side + "UpperLeg")
    assert thigh[:, 0].min() > -125.0
    assert thigh[:, 0].max() < 25.0
    assert np.abs(_local(motion, side + "Foot")).max() < 50.0


def test_planted_feet_neither_slide_nor_leave_the_ground(motion, posed):
    positions, world = posed
    heel = np.array([0.0, -0.065, -0.058])
    for column, name in enumerate(CONTACTS):
        bone = name.replace("Heel", "Foot")
        at = positions[:, BONES.index(bone)]
        if name.endswith("Heel"):
            at = at + R.apply(world[:, BONES.index(bone)], heel)
        planted = motion.contacts[:, column] > 0.5
        assert planted.mean() > 0.5, f"{name} is hardly ever planted"
        together = planted[1:] & planted[:-1]
        assert np.linalg.norm(np.diff(at, axis=0)[together], axis=1).max() <= 1e-3, name
        assert np.ptp(at[planted, 1]) <= 1e-3, name
        assert not planted.all(), f"{name} never leaves the ground: no step and no hop"


def test_the_clip_has_travel_squat_hop_turn_and_raised_arms(motion, posed):
    positions, world = posed
    root = motion.root_positions
    assert np.ptp(root[:, 0]) > 0.2
    assert root[:, 1].min() < 0.65
    airborne = motion.contacts.sum(1) == 0
    assert airborne.sum() >= 8
    hands = positions[:, [BONES.index("leftHand"), BONES.index("rightHand")], 1]
    assert hands.min(1).max() > positions[:, BONES.index("head"), 1].min() + 0.3
    facing = R.apply(world[:, BONES.index("upperChest")], np.array([0.0, 0.0, 1.0]))
    yaw = np.degrees(np.arctan2(facing[:, 0], facing[:, 2]))
    assert yaw.max() > 55.0
    assert yaw.min() < -55.0


def test_no_joint_is_below_the_ground(posed):
    positions, _ = posed
    assert positions[..., 1].min() >= 0.0199  # the toes' joint rests at 0.02


def test_the_clip_decodes_and_shows_the_whole_body(truth, posed):
    from rigs.demo import VIEW

    video = cv2.VideoCapture(str(DEMO))
    count, size, rate = 0, None, video.get(cv2.CAP_PROP_FPS)
    while True:
        ok, image = video.read()
        if not ok:
            break
        count, size = count + 1, image.shape[1::-1]
    assert count == len(truth["times"])
    assert tuple(size) == tuple(truth["image_size"]) == VIEW.size
    assert rate == pytest.approx(30.0)
    assert (DEMO).stat().st_size <= 1_000_000
    pixels = VIEW.project(posed[0])
    assert pixels.min() > 8
    assert (pixels < np.array(VIEW.size) - 8).all()


def test_the_detector_finds_the_mannequin_close_to_the_truth(truth, motion):
    if (
        importlib.util.find_spec("mediapipe") is None
        or not (ROOT / "mocap" / "assets" / "models").is_dir()
    ):
        pytest.skip("needs mediapipe and the model weights: run `make build`")
    from rigs.check_demo import detect, image_errors
    from rigs.demo import VIEW

    seen = detect(DEMO, motion.times)
    assert np.isfinite(seen.image).all()
    error = image_errors(seen, motion, VIEW)
    assert error.mean() < 0.02  # 1.3 % of the body's height when the clip was made
    assert np.quantile(error.mean(1), 0.99) < 0.04
