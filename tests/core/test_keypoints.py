"""Keypoints: the landmark set, where landmarks are on the body, and mirroring."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocap.core import kinematics
from mocap.core.camera import Camera
from mocap.core.keypoints import (
    HAND_LANDMARKS,
    LANDMARKS,
    MIRRORED,
    Keypoints,
    concatenate,
    landmarks_of,
)
from mocap.core.skeleton import BONES, HUMANOID
from mocap.errors import InputError
from tests.helpers import synthetic

ARRAYS = (
    "times",
    "positions",
    "image",
    "confidence",
    "hands",
    "face",
    "face_transform",
    "hands_image",
    "hands_confidence",
)

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=15, deadline=None)


def some(frames: int = 4, **changes: object) -> Keypoints:
    """Return plausible keypoints of any number of frames, with hands and a face."""
    rng = np.random.default_rng(frames)
    given: dict[str, object] = {
        "times": np.arange(frames) / 30.0, "positions": rng.normal(size=(frames, 33, 3)),
        "image": rng.uniform(0, 480, (frames, 33, 2)),
        "confidence": rng.uniform(size=(frames, 33)), "camera": Camera.assumed((640, 480)),
        "hands": rng.normal(size=(frames, 2, 21, 3)),
        "face": rng.normal(size=(frames, 478, 3)),
        "face_transform": np.tile(np.eye(4), (frames, 1, 1)),
        "hands_image": rng.uniform(0, 480, (frames, 2, 21, 2)),
        "hands_confidence": rng.uniform(size=(frames, 2)),
    }  # fmt: skip
    return Keypoints(**(given | changes))  # type: ignore[arg-type]


def test_the_33_landmarks_are_blazeposes_with_mirror_images() -> None:
    assert len(set(LANDMARKS)) == 33
    assert [
        LANDMARKS.index(n)
        for n in ("nose", "left_ear", "left_shoulder", "right_hip", "right_foot_index")
    ] == [0, 7, 11, 24, 32]
    for n, name in enumerate(LANDMARKS):
        swapped = name.replace("left", "*").replace("right", "left").replace("*", "right")
        assert LANDMARKS[MIRRORED[n]] == swapped


@few
@given(seeds)
def test_limb_landmarks_are_joints_and_others_move_with_their_bone(seed: int) -> None:
    motion = synthetic.random_poses(np.random.default_rng(seed), 3)
    positions, world = kinematics.fk(motion.skeleton, motion.root_positions, motion.rotations)
    points = landmarks_of(positions, world)
    for landmark, bone in (
        ("shoulder", "UpperArm"), ("elbow", "LowerArm"), ("wrist", "Hand"), ("hip", "UpperLeg"),
        ("knee", "LowerLeg"), ("ankle", "Foot"),
    ):  # fmt: skip
        for side in ("left", "right"):
            assert (
                np.abs(
                    points[:, LANDMARKS.index(f"{side}_{landmark}")]
                    - positions[:, BONES.index(side + bone)]
                ).max()
                < 1e-12
            )
    rest = landmarks_of(HUMANOID.rest_positions(), HUMANOID.rest_rotations)
    for bone, names in (
        ("head", ("nose", "left_ear", "mouth_right")),
        ("leftFoot", ("left_heel",)),
        ("rightToes", ("right_foot_index",)),
    ):
        joint = BONES.index(bone)
        for name in names:
            at_rest = np.linalg.norm(rest[LANDMARKS.index(name)] - HUMANOID.rest_positions()[joint])
            assert (
                np.abs(
                    np.linalg.norm(points[:, LANDMARKS.index(name)] - positions[:, joint], axis=-1)
                    - at_rest
                ).max()
                < 1e-12
            )


def test_rest_pose_landmarks_are_symmetric_and_stand_on_the_floor() -> None:
    rest = landmarks_of(HUMANOID.rest_positions(), HUMANOID.rest_rotations)
    assert np.abs(rest[MIRRORED] * [-1.0, 1.0, 1.0] - rest).max() < 1e-12
    at = dict(zip(LANDMARKS, rest, strict=True))
    assert at["nose"][2] > at["left_eye"][2] > at["left_ear"][2]
    assert at["left_heel"][2] < at["left_ankle"][2] < at["left_foot_index"][2]
    assert 0.0 <= min(at["left_heel"][1], at["left_foot_index"][1]) < 0.03


@few
@given(seeds)
def test_mirrored_keypoints_are_the_keypoints_of_the_mirrored_motion(seed: int) -> None:
    motion = synthetic.random_poses(np.random.default_rng(seed), 3)
    mirrored, seen = (
        synthetic.keypoints_of(motion).mirror(),
        synthetic.keypoints_of(motion.mirror()),
    )
    assert np.abs(mirrored.positions - seen.positions).max() < 1e-9
    assert np.abs(mirrored.image - seen.image).max() < 1e-6


def test_mirroring_swaps_confidence_and_hands_and_drops_the_face() -> None:
    keypoints = some()
    assert keypoints.hands is not None
    once = keypoints.mirror()
    assert once.hands is not None
    assert (
        once.confidence[:, LANDMARKS.index("left_knee")]
        == keypoints.confidence[:, LANDMARKS.index("right_knee")]
    ).all()
    assert (once.hands[:, 0] == keypoints.hands[:, 1] * [-1.0, 1.0, 1.0]).all()
    assert once.face is None
    twice = once.mirror()
    for name in ("times", "positions", "confidence", "hands", "face_transform", "hands_confidence"):
        assert np.array_equal(getattr(twice, name), getattr(keypoints, name)), name
    assert np.abs(twice.image - keypoints.image).max() < 1e-9
    assert once.hands_image is not None
    assert keypoints.hands_image is not None
    assert np.allclose(
        once.hands_image[:, 1, 3], [640.0, 0.0] + keypoints.hands_image[:, 0, 3] * [-1.0, 1.0]
    )


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_concatenated_slices_equal_the_whole(cut: int) -> None:
    whole = some()
    again = concatenate([whole.slice(0, cut), whole.slice(cut)])
    assert again.camera.size == whole.camera.size
    for name in ARRAYS:
        assert np.array_equal(getattr(again, name), getattr(whole, name)), name
    assert len(whole.slice(0, cut)) == cut


def test_the_21_landmarks_of_a_hand_run_from_the_wrist_along_each_finger() -> None:
    assert len(set(HAND_LANDMARKS)) == 21
    assert [
        HAND_LANDMARKS.index(n)
        for n in ("wrist", "thumb_tip", "index_finger_mcp", "pinky_finger_tip")
    ] == [0, 4, 5, 20]


def test_hands_are_kept_only_if_every_part_has_them() -> None:
    whole = some()
    assert concatenate([whole.slice(0, 2), some(hands=None).slice(2)]).hands is None


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"positions": np.zeros((4, 17, 3))}, r"positions.*\(4, 33, 3\).*\(4, 17, 3\)"),
        ({"image": np.zeros((3, 33, 2))}, r"image.*\(4, 33, 2\).*\(3, 33, 2\)"),
        ({"confidence": np.zeros((4, 33, 1))}, r"confidence.*\(4, 33, 1\)"),
        ({"hands": np.zeros((4, 21, 3))}, r"hands.*\(4, 21, 3\)"),
        (
            {"hands_image": np.zeros((4, 2, 21, 3))},
            r"hands_image.*\(4, 2, 21, 2\).*\(4, 2, 21, 3\)",
        ),
        ({"hands_confidence": np.zeros(4)}, r"hands_confidence.*\(4, 2\)"),
        ({"times": np.array([0.0, 1.0, 1.0, 2.0])}, "times.*increase"),
        ({"times": np.array([0.0, 1.0, np.nan, 2.0])}, "times.*finite"),
    ],
)
def test_arrays_of_wrong_shape_are_named(changes: dict[str, object], named: str) -> None:
    with pytest.raises(InputError, match=named) as caught:
        some(**changes)
    assert str(caught.value).endswith(".")


def test_concatenating_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="at least one frame"):
        concatenate([])


def test_keypoints_hold_read_only_copies() -> None:
    positions = np.zeros((4, 33, 3))
    keypoints = some(positions=positions)
    positions[:] = 1.0
    assert (keypoints.positions == 0.0).all()
    for name in ARRAYS:
        with pytest.raises(ValueError, match="read-only"):
            getattr(keypoints, name)[0] = 0.0
