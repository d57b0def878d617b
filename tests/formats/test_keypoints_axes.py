"""Flipped axes in keypoints JSON are detected, reported and corrected."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocap.core.camera import Camera
from mocap.core.keypoints import Keypoints
from mocap.core.motion import Motion
from mocap.formats import keypoints_json as kj
from mocap.formats.keypoints_json.axes import ConventionWarning, flipped_axes
from tests.helpers import synthetic
from tests.helpers.keypoints_files import standing

seeds = st.integers(0, 2**32 - 1)


def turned(
    keypoints: Keypoints, axes: str, noise: float = 0.0, image: bool = True, seed: int = 0
) -> Keypoints:
    signs = np.array([-1.0 if a in axes else 1.0 for a in "xyz"])
    positions = (
        keypoints.positions
        + np.random.default_rng(seed).normal(size=keypoints.positions.shape) * noise
    ) * signs
    points = keypoints.image if image else np.full_like(keypoints.image, np.nan)
    return Keypoints(keypoints.times, positions, points, keypoints.confidence, keypoints.camera)


@given(seeds)
@settings(max_examples=40, deadline=None)
def test_correct_axes_are_never_taken_for_flipped(seed: int) -> None:
    """Any orientation, even for a whole take, with and without image points, with noise."""
    rng = np.random.default_rng(seed)
    motion = synthetic.random_poses(rng, 20)
    one_way = synthetic.rotations_of(
        synthetic.pose_parameters(rng, 20), np.tile(synthetic.random_rotation(rng), (20, 1))
    )
    for rotations in (motion.rotations, one_way):
        keypoints = synthetic.keypoints_of(
            Motion(motion.skeleton, motion.times, motion.root_positions, rotations)
        )
        assert flipped_axes(turned(keypoints, "", 0.02)) == ()
        blind = turned(keypoints, "", 0.02, image=False)
        heights = np.stack(
            [blind.positions[:, [i, i + 1], 1].mean(axis=1) for i in (11, 23, 27)], axis=1
        )
        if not np.all(np.diff(heights, axis=1) > 0):  # nothing but a handstand from first to last
            assert flipped_axes(blind) == ()


@given(seeds, st.sampled_from(["x", "y", "z", "xy", "xz", "yz", "xyz"]))
@settings(max_examples=60, deadline=None)
def test_every_axis_flip_is_named_in_any_orientation(seed: int, axes: str) -> None:
    keypoints = synthetic.keypoints_of(synthetic.random_poses(np.random.default_rng(seed), 20))
    assert "".join(flipped_axes(turned(keypoints, axes, 0.02, seed=seed))) == axes


def test_flips_of_an_upright_take_are_found_without_image_points() -> None:
    keypoints = standing(20)
    for axes in ("", "y", "z", "yz"):
        assert "".join(flipped_axes(turned(keypoints, axes, image=False))) == axes


@given(seeds, st.floats(-3.0, 3.0))
@settings(max_examples=20, deadline=None)
def test_flips_are_found_with_a_third_of_the_frames_random(seed: int, angle: float) -> None:
    rng = np.random.default_rng(seed)
    keypoints = synthetic.keypoints_of(synthetic.random_poses(rng, 30))
    positions = turned(keypoints, "z").positions.copy()
    wrong = rng.choice(30, 5, replace=False)
    positions[wrong] *= [1.0, 1.0, -1.0]
    mixed = Keypoints(
        keypoints.times, positions, keypoints.image, keypoints.confidence, keypoints.camera
    )
    assert flipped_axes(mixed) == ("z",)


def test_a_mirrored_picture_is_not_corrected() -> None:
    """The detector of a mirrored webcam sees a person whose left is the picture's."""
    assert flipped_axes(standing(10).mirror()) == ()


def test_unseen_points_are_ignored_when_axes_are_checked() -> None:
    keypoints = standing()
    nothing = np.full_like(keypoints.positions, np.nan)
    assert (
        flipped_axes(
            Keypoints(
                keypoints.times,
                nothing,
                keypoints.image,
                keypoints.confidence,
                keypoints.camera,
            )
        )
        == ()
    )


@pytest.mark.parametrize("axes", ["z", "y", "yz", "x"])
def test_flipped_axes_are_corrected_and_named(axes: str) -> None:
    keypoints = standing()
    with pytest.warns(
        ConventionWarning,
        match=" and ".join(f"{a} pointing" for a in axes).replace(" and ", " .* and "),
    ):
        back = kj.loads(kj.dumps(turned(keypoints, axes)))
    assert np.abs(back.positions - keypoints.positions).max() <= 1e-6


def test_flips_of_real_recordings_are_found_without_false_alarms(data: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        squats = kj.loads((data / "landmarks" / "tfjs_pose_squats_3d.full.json").read_bytes())
    image = np.array(json.loads((data / "landmarks" / "tfjs_pose_squats.full.json").read_text()))[
        ..., :2
    ]
    whole = Keypoints(
        squats.times, squats.positions, image, squats.confidence, Camera.assumed((720, 1280))
    )
    for axes in ("", "x", "y", "z", "yz", "xz"):
        assert "".join(flipped_axes(turned(whole, axes))) == axes
        if "x" not in axes:
            assert "".join(flipped_axes(turned(whole, axes, image=False))) == axes
