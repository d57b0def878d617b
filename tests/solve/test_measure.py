"""The body is measured from keypoints: exact on exact ones, robust to outliers, complete."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocap.core.camera import Camera
from mocap.core.keypoints import LANDMARKS, Keypoints, landmarks_of
from mocap.core.kinematics import bone_lengths, scaled, sole_heights
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, HUMANOID, Skeleton, mirrored_name
from mocap.solve.measure import measure_body
from tests.helpers import synthetic

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=10, deadline=None)

LIMBS = [
    f"{side}{bone}"
    for side in ("left", "right")
    for bone in ("LowerArm", "Hand", "LowerLeg", "Foot")
]


def changed(
    keypoints: Keypoints, positions: np.ndarray | None = None, confidence: np.ndarray | None = None
) -> Keypoints:
    return Keypoints(
        keypoints.times, keypoints.positions if positions is None else positions, keypoints.image,
        keypoints.confidence if confidence is None else confidence, keypoints.camera,
    )  # fmt: skip


def limbs(body: Skeleton) -> np.ndarray:
    return bone_lengths(body)[[BONES.index(b) for b in LIMBS]]


def widths_and_trunk(body: Skeleton) -> np.ndarray:
    """Return the widths of shoulders and hips and the distance of their middles, at rest."""
    rest = landmarks_of(body.rest_positions(), body.rest_rotations)
    shoulders, hips = rest[[11, 12]], rest[[23, 24]]
    trunk = shoulders.mean(axis=0) - hips.mean(axis=0)
    return np.array(
        [
            np.linalg.norm(shoulders[0] - shoulders[1]),
            np.linalg.norm(hips[0] - hips[1]),
            np.linalg.norm(trunk),
        ]
    )


@few
@given(seeds, st.integers(1, 20))
def test_limb_lengths_and_widths_are_measured_from_any_poses(seed: int, frames: int) -> None:
    motion = synthetic.random_poses(np.random.default_rng(seed), frames)
    found = measure_body(synthetic.keypoints_of(motion))
    assert np.abs(limbs(found) - limbs(motion.skeleton)).max() < 1e-3
    assert np.abs(widths_and_trunk(found) - widths_and_trunk(motion.skeleton))[:2].max() < 1e-3
    # The trunk bends in these poses, so its straight line is shorter than at rest.
    assert abs(widths_and_trunk(found)[2] - widths_and_trunk(motion.skeleton)[2]) < 0.05


@few
@given(seeds)
def test_the_trunk_of_an_upright_body_is_measured_too(seed: int) -> None:
    body = synthetic.random_body(np.random.default_rng(seed))
    still = Motion(
        body,
        np.arange(4.0),
        np.tile([0.0, 0.0, -4.0], (4, 1)),
        np.tile(HUMANOID.rest_rotations, (4, 1, 1)),
    )
    found = measure_body(synthetic.keypoints_of(still))
    assert np.abs(widths_and_trunk(found) - widths_and_trunk(body)).max() < 1e-3


@few
@given(seeds)
def test_a_fifth_of_outliers_does_no_harm(seed: int) -> None:
    rng = np.random.default_rng(seed)
    motion = synthetic.random_poses(rng, 60)
    keypoints = synthetic.keypoints_of(motion)
    wild = rng.permutation(60)[:12]
    positions = keypoints.positions.copy()
    positions[wild] += rng.normal(scale=0.5, size=(12, 33, 3))
    found = measure_body(changed(keypoints, positions))
    assert np.abs(limbs(found) - limbs(motion.skeleton)).max() < 1e-3


@few
@given(seeds)
def test_isotropic_noise_lengthens_bones_little(seed: int) -> None:
    rng = np.random.default_rng(seed)
    motion = synthetic.random_poses(rng, 200)
    keypoints = synthetic.keypoints_of(motion)
    found = measure_body(
        changed(keypoints, keypoints.positions + rng.normal(scale=0.02, size=(200, 33, 3)))
    )
    assert np.abs(limbs(found) - limbs(motion.skeleton)).max() < 0.015


@pytest.mark.parametrize("unseen", ["low confidence", "nan"])
@pytest.mark.parametrize("factor", [0.7, 1.1])
def test_unseen_legs_are_scaled_like_the_rest_of_the_body(factor: float, unseen: str) -> None:
    body = scaled(HUMANOID, dict.fromkeys(BONES, factor))
    still = Motion(
        body,
        np.arange(9.0),
        np.tile([0.0, 0.0, -4.0], (9, 1)),
        np.tile(HUMANOID.rest_rotations, (9, 1, 1)),
    )
    keypoints = synthetic.keypoints_of(still)
    legs = [
        n
        for n, name in enumerate(LANDMARKS)
        if any(p in name for p in ("knee", "ankle", "heel", "foot"))
    ]
    positions, confidence = keypoints.positions.copy(), keypoints.confidence.copy()
    # What the detector guesses there, with little confidence, is another's.
    positions[:, legs] = np.nan if unseen == "nan" else positions[:, legs] * 2.0
    confidence[:, legs] = np.nan if unseen == "nan" else 0.5
    found = measure_body(changed(keypoints, positions, confidence))
    assert np.abs(bone_lengths(found)[1:] / bone_lengths(HUMANOID)[1:] - factor).max() < 1e-6


def test_an_empty_take_gives_the_default_body() -> None:
    nothing = Keypoints(
        np.arange(3.0),
        np.full((3, 33, 3), np.nan),
        np.full((3, 33, 2), np.nan),
        np.zeros((3, 33)),
        Camera.assumed((640, 480)),
    )
    for keypoints in (nothing, nothing.slice(0, 0)):
        assert np.abs(measure_body(keypoints).offsets - HUMANOID.offsets).max() < 1e-12


@few
@given(seeds, st.floats(0.1, 5.0))
def test_any_measured_body_is_symmetric_and_stands_on_the_floor(seed: int, size: float) -> None:
    rng = np.random.default_rng(seed)
    keypoints = synthetic.keypoints_of(synthetic.random_poses(rng, 10))
    found = measure_body(
        changed(keypoints, size * keypoints.positions + rng.normal(scale=0.05, size=(10, 33, 3)))
    )
    ratios = bone_lengths(found)[1:] / bone_lengths(HUMANOID)[1:]
    assert ratios.min() > 0.4
    assert ratios.max() < 1.5
    other = [BONES.index(mirrored_name(b)) for b in BONES]
    assert np.abs(found.offsets[other] * [-1.0, 1.0, 1.0] - found.offsets).max() < 1e-12
    assert (
        np.abs(found.rest_positions()[0, 1] + sole_heights(found, found.rest_rotations)).max()
        < 1e-12
    )
    rest = found.rest_positions()
    toes = rest[BONES.index("leftToes"), 1] / rest[BONES.index("leftFoot"), 1]
    assert toes == pytest.approx(0.020 / 0.085), "the sole is as thick as the foot is large"
