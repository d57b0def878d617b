"""Keypoints and their documents, for the tests of keypoints JSON."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from mocap.core import rotation as R
from mocap.core.camera import Camera
from mocap.core.keypoints import Keypoints
from mocap.core.motion import Motion
from mocap.core.skeleton import HUMANOID
from mocap.formats import keypoints_json as kj
from tests.helpers import synthetic


def random_keypoints(seed: int, frames: int = 6) -> Keypoints:
    """Return a body in random poses with missing points, frames, hands and faces, uneven times."""
    rng = np.random.default_rng(seed)
    seen = synthetic.keypoints_of(synthetic.random_poses(rng, frames))
    positions, image = seen.positions.copy(), seen.image.copy()
    gone = rng.random((frames, 33)) < 0.15
    gone[1] = True
    positions[gone] = image[gone] = np.nan
    confidence = np.where(gone, 0.0, rng.random((frames, 33)))
    hands = rng.normal(size=(frames, 2, 21, 3)) * 0.1
    hands[..., 0, :] = 0.0
    hands[0, 1] = hands[1] = np.nan
    unseen = np.isnan(hands[..., 0, 0])
    hands_image = np.where(unseen[..., None, None], np.nan, rng.uniform(0, 700, (frames, 2, 21, 2)))
    hands_confidence = np.where(unseen, 0.0, rng.random((frames, 2)))
    face = rng.uniform(0, 700, (frames, 478, 3))
    face[1:3] = np.nan
    transform = rng.normal(size=(frames, 4, 4))
    transform[1] = np.nan
    times = np.cumsum(rng.uniform(0.01, 0.1, frames))
    return Keypoints(
        times, positions, image, confidence, Camera.assumed((1280, 720)), hands, face, transform,
        hands_image, hands_confidence
    )  # fmt: skip


def standing(frames: int = 5) -> Keypoints:
    """Return an upright body that faces the camera and moves a little."""
    rng = np.random.default_rng(0)
    rotations = synthetic.rotations_of(
        synthetic.pose_parameters(rng, frames), np.tile(R.IDENTITY, (frames, 1))
    )
    return synthetic.keypoints_of(
        Motion(
            HUMANOID, np.arange(frames) / 30.0, np.tile([0.0, 0.0, -4.0], (frames, 1)), rotations
        )
    )


def same(a: Keypoints, b: Keypoints) -> None:
    assert np.abs(a.times - b.times).max() < 1e-9
    assert a.camera.size == b.camera.size
    assert a.camera.focal == pytest.approx(b.camera.focal, abs=1e-3)
    assert (a.camera.centre, a.camera.source) == (b.camera.centre, b.camera.source)
    for field, tolerance in (
        ("positions", 1e-6),
        ("image", 1e-3),
        ("confidence", 1e-6),
        ("hands", 2e-6),
        ("hands_image", 1e-3),
        ("hands_confidence", 1e-6),
        ("face", 1e-3),
        ("face_transform", 1e-9),
    ):
        x, y = getattr(a, field), getattr(b, field)
        assert (x is None) == (y is None), field
        if x is not None:
            assert np.array_equal(np.isnan(x), np.isnan(y)), field
            assert np.max(np.nan_to_num(np.abs(x - y))) <= tolerance, field


# --- shapes that others write ---------------------------------------------------------------------


def document(keypoints: Keypoints | None = None) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(kj.dumps(keypoints or standing()))
    return read
