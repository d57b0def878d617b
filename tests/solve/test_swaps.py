"""Swapped limbs are corrected; crossed limbs, kicks and all else are unchanged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mocap.capture.open import open_source
from mocap.core import rotation as R
from mocap.core.keypoints import LANDMARKS, MIRRORED, Keypoints
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, HUMANOID
from mocap.detect.mediapipe.pose import PoseDetector
from mocap.detect.take import detect_source
from mocap.solve.swaps import unswap
from tests.helpers.synthetic import keypoints_of, smooth_motion

LEGS = [
    i
    for i, n in enumerate(LANDMARKS)
    if any(part in n for part in ("knee", "ankle", "heel", "foot_index"))
]
ARMS = [
    i
    for i, n in enumerate(LANDMARKS)
    if any(part in n for part in ("elbow", "wrist", "pinky", "index", "thumb")) and i < 23
]


def walking(frames: int = 90) -> Motion:
    """Return legs that swing in opposite phase across each other, seen from the side."""
    times = np.arange(frames) / 30.0
    rotations = np.tile(R.IDENTITY, (frames, len(BONES), 1))
    rotations[:, 0] = R.from_axis_angle(np.array([0.0, 1.0, 0.0]), np.full(frames, np.pi / 2))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        swing = sign * np.radians(30.0) * np.sin(2 * np.pi * times)
        rotations[:, BONES.index(side + "UpperLeg")] = R.from_axis_angle(
            np.array([1.0, 0.0, 0.0]), swing
        )
    return Motion(HUMANOID, times, np.tile([0.0, 0.0, -4.0], (frames, 1)), rotations)


def exchanged(keypoints: Keypoints, frames: slice, points: list[int]) -> Keypoints:
    arrays = []
    for array in (keypoints.positions, keypoints.image, keypoints.confidence):
        out = array.copy()
        out[frames, np.array(points)[:, None]] = array[frames, MIRRORED[points][:, None]]
        arrays.append(out)
    return replace(keypoints, positions=arrays[0], image=arrays[1], confidence=arrays[2])


@pytest.mark.parametrize(
    ("points", "start"), [(LEGS, 36), (LEGS, 7), (LEGS, 0), (ARMS, 40), (ARMS, 0)]
)
def test_swapped_limbs_are_corrected(points: list[int], start: int) -> None:
    motion = walking()
    rotations = motion.rotations.copy()
    rotations[:, BONES.index("leftUpperArm")] = R.from_axis_angle(
        np.array([0.0, 0.0, 1.0]), np.full(90, -1.0)
    )
    keypoints = keypoints_of(Motion(HUMANOID, motion.times, motion.root_positions, rotations))
    wrong = exchanged(keypoints, slice(start, start + 5), points)
    assert not np.allclose(wrong.image, keypoints.image)
    mended = unswap(wrong)
    # Where left and right pass each other they may be either.
    off = np.linalg.norm(mended.image - keypoints.image, axis=-1)
    assert off.max() <= 20.0
    assert (off.max(axis=1) == 0).mean() >= 0.95


def test_a_body_detected_as_facing_away_is_corrected() -> None:
    still = np.tile(R.IDENTITY, (90, len(BONES), 1))
    keypoints = keypoints_of(Motion(HUMANOID, walking().times, walking().root_positions, still))
    mended = unswap(exchanged(keypoints, slice(30, 36), list(range(33))))
    np.testing.assert_array_equal(mended.image, keypoints.image)
    np.testing.assert_array_equal(mended.positions, keypoints.positions)


def test_a_real_body_detected_as_facing_away_is_corrected(data: Path) -> None:
    """For six frames the detector has a man facing away (shoulders 67 to 72, legs 68 to 72)."""
    with (
        PoseDetector("full") as detector,
        open_source(data / "videos" / "sports2d_demo.mp4") as source,
    ):
        keypoints = detect_source((frame for n, frame in enumerate(source) if n < 90), detector)
    shoulders, wrists = (
        [LANDMARKS.index(f"{s}_{n}") for s in ("left", "right")] for n in ("shoulder", "wrist")
    )
    mended = unswap(keypoints)
    for pair in (shoulders, wrists):
        before, after = (
            np.sign(k.image[60:80, pair[0], 0] - k.image[60:80, pair[1], 0])
            for k in (keypoints, mended)
        )
        assert before.min() < 0.0, "the detector no longer errs here, so nothing is tested"
        assert after.min() > 0.0


def test_crossing_legs_are_unchanged() -> None:
    keypoints = keypoints_of(walking())
    assert unswap(keypoints) is keypoints


@pytest.mark.parametrize("seed", range(5))
def test_smooth_motion_is_unchanged(seed: int) -> None:
    keypoints = keypoints_of(smooth_motion(np.random.default_rng(seed), 6.0, 30.0, speed=2.0))
    assert unswap(keypoints) is keypoints


def test_a_lasting_swap_is_kept() -> None:
    """A performer who turns about keeps left and right."""
    still = walking()
    facing = np.tile(R.IDENTITY, (90, len(BONES), 1))
    keypoints = keypoints_of(Motion(HUMANOID, still.times, still.root_positions, facing))
    turned = exchanged(keypoints, slice(20, 90), LEGS)
    assert unswap(turned) is turned


def test_a_mirrored_take_gets_the_mirrored_correction() -> None:
    wrong = exchanged(keypoints_of(walking()), slice(36, 41), LEGS)
    np.testing.assert_allclose(unswap(wrong.mirror()).image, unswap(wrong).mirror().image)


def test_unseen_points_stay_unseen() -> None:
    keypoints = exchanged(keypoints_of(walking()), slice(36, 41), LEGS)
    image, positions, confidence = (
        keypoints.image.copy(),
        keypoints.positions.copy(),
        keypoints.confidence.copy(),
    )
    for array in (image, positions, confidence):
        array[60:70] = np.nan
    mended = unswap(replace(keypoints, image=image, positions=positions, confidence=confidence))
    assert np.isnan(mended.image[60:70]).all()
    assert np.isfinite(mended.image[:60]).all()


def test_a_take_without_a_person_is_unchanged() -> None:
    keypoints = keypoints_of(walking(4))
    empty = replace(keypoints, image=np.full_like(keypoints.image, np.nan))
    assert unswap(empty) is empty
