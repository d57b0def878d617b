"""Errors of the detector's depth are corrected on the image points and heels; truth stays."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from mocap.core import rotation as R
from mocap.core.camera import Camera, fit_translation
from mocap.core.keypoints import LANDMARKS, Keypoints, landmarks_of
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, HUMANOID
from mocap.solve.depth import onto_rays, shaped_heels, steady_heels
from tests.helpers import synthetic

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=12, deadline=None)

CAMERA = Camera(1100.0, (640.0, 360.0), (1280, 720))
"""synthetic.keypoints_of's."""
HIPS, KNEES, ANKLES, HEELS, TOES = (
    [LANDMARKS.index(f"{side}_{n}") for side in ("left", "right")]
    for n in ("hip", "knee", "ankle", "heel", "foot_index")
)


def fitted(keypoints: Keypoints) -> np.ndarray:
    return fit_translation(keypoints.positions, keypoints.image, keypoints.confidence, CAMERA)


@few
@given(seeds)
def test_keypoints_consistent_with_their_image_do_not_move(seed: int) -> None:
    keypoints = synthetic.keypoints_of(synthetic.random_poses(np.random.default_rng(seed), 5))
    translation = fitted(keypoints)
    image = keypoints.image.copy()
    image[:, LANDMARKS.index("nose")] = np.nan
    for seen_at in (keypoints.image, image):
        positions, moved = onto_rays(keypoints.positions, seen_at, translation, CAMERA)
        assert np.abs(positions - keypoints.positions).max() < 1e-9
        assert np.abs(moved - translation).max() < 1e-9


@few
@given(seeds)
def test_inconsistent_keypoints_move_onto_their_image_points_at_equal_depth(
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    keypoints = synthetic.keypoints_of(synthetic.random_poses(rng, 5))
    wrong = keypoints.positions + rng.normal(scale=0.05, size=keypoints.positions.shape)
    wrong -= wrong[:, HIPS].mean(axis=1, keepdims=True)
    translation = fit_translation(wrong, keypoints.image, keypoints.confidence, CAMERA)
    positions, moved = onto_rays(wrong, keypoints.image, translation, CAMERA)
    assert np.abs(CAMERA.project(positions + moved[:, None]) - keypoints.image).max() < 1e-6
    assert np.abs((positions + moved[:, None] - wrong - translation[:, None])[..., 2]).max() < 1e-9
    assert np.abs(positions[:, HIPS].mean(axis=1)).max() < 1e-9


def test_keypoints_without_translation_or_image_do_not_move() -> None:
    keypoints = synthetic.keypoints_of(synthetic.random_poses(np.random.default_rng(3), 4))
    translation = fitted(keypoints)
    translation[1] = np.nan
    image = keypoints.image.copy() + 30.0
    image[2] = np.nan
    positions, moved = onto_rays(keypoints.positions, image, translation, CAMERA)
    assert np.abs(positions - keypoints.positions)[[1, 2]].max() < 1e-9
    assert np.isnan(moved[1]).all()
    assert np.abs(positions - keypoints.positions)[[0, 3]].max() > 1e-3


@few
@given(seeds)
def test_heels_move_towards_the_plane_of_shank_and_foot_at_any_heading(
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    keypoints = synthetic.keypoints_of(synthetic.random_poses(rng, 20))
    positions = keypoints.positions + rng.normal(scale=0.02, size=keypoints.positions.shape)
    out = steady_heels(positions)
    knee, ankle, toe = (positions[:, at] for at in (KNEES, ANKLES, TOES))
    normal = np.cross(ankle - knee, toe - ankle)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    before, after = (((p[:, HEELS] - ankle) * normal).sum(axis=-1) for p in (positions, out))
    assert np.abs(after - 0.4 * before).max() < 1e-12
    moved = out[:, HEELS] - positions[:, HEELS]
    assert np.linalg.norm(np.cross(moved, normal), axis=-1).max() < 1e-12, (
        "nothing else of the heel changes"
    )
    others = [n for n in range(33) if n not in HEELS]
    assert np.array_equal(out[:, others], positions[:, others])
    turn = Rotation.from_quat(synthetic.random_rotation(rng)).as_matrix().T
    assert np.abs(steady_heels(positions @ turn) - out @ turn).max() < 1e-9


def test_heels_below_their_shanks_do_not_move() -> None:
    """As on every synthetic body whose feet do not roll."""
    motion = synthetic.random_poses(np.random.default_rng(9), 5)
    rotations = motion.rotations.copy()
    rotations[:, [BONES.index("leftFoot"), BONES.index("rightFoot")]] = [0.0, 0.0, 0.0, 1.0]
    keypoints = synthetic.keypoints_of(
        Motion(motion.skeleton, motion.times, motion.root_positions, rotations)
    )
    assert np.abs(steady_heels(keypoints.positions) - keypoints.positions).max() < 1e-9


def test_heels_ahead_of_their_ankles_move_behind_them_along_the_rays() -> None:
    """The body stands and faces the camera."""
    rest = landmarks_of(HUMANOID.rest_positions(), np.tile(R.IDENTITY, (len(BONES), 1)))[None]
    true = rest - rest[:, HIPS].mean(axis=1, keepdims=True)
    translation = np.array([[0.1, -0.2, -3.5]])
    rays = true[:, HEELS] + translation[:, None]
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    wrong = true.copy()
    wrong[:, HEELS] -= 0.05 * rays
    found = shaped_heels(wrong, translation)
    assert np.abs(found - true).max() < 0.015
    assert np.abs(np.cross(found[:, HEELS] - wrong[:, HEELS], rays)).max() < 1e-9
    assert np.abs(shaped_heels(true, translation) - true).max() < 1e-9
