"""The lifter improves detections: held-out renderings, the benchmark, a real man."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mocap.core import rotation as R
from mocap.core.camera import DEFAULT_FOV, Camera
from mocap.lift import landmarks, model
from mocap.lift.training import pairs
from tests.benchmarks import demo, kalidokit, measures, rendered
from tests.helpers.places import ROOT

PAIRS = ROOT / "mocap" / "lift" / "training" / "detector_pairs.npz"


@pytest.fixture(scope="module")
def held_out() -> list[pairs.Pair]:
    """Return real detections of rendered people whose subjects were held out of training."""
    found = [p for p in pairs.load(PAIRS) if p.held_out and not p.heavy]
    assert len(found) > 30
    return found


def lifted_and_true(
    some: list[pairs.Pair],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return detected, lifted and true joints (N, 15, 3) and the expected error (N, 15).

    Only frames in which the person is seen.
    """
    parts = []
    for pair in some:
        out, error = model.lift_with_error(
            pair.keypoints, Camera.from_fov(pair.keypoints.camera.size, DEFAULT_FOV)
        )
        raw, joints = (landmarks.joints_of(p) for p in (pair.keypoints.positions, out))
        seen = np.isfinite(joints).all(axis=(1, 2))
        parts.append(
            (
                raw[seen],
                joints[seen],
                pair.true[seen],
                landmarks.joints_of(error[..., None])[seen, :, 0],
            )
        )
    raw, joints, true, error = (np.concatenate(a) for a in zip(*parts, strict=True))
    return raw, joints, true, error


def test_unseen_motion_is_improved_by_the_lifter(
    held_out: list[pairs.Pair],
) -> None:
    raw, lifted, true, _ = lifted_and_true(held_out)
    assert _degrees(lifted, true).mean() < 0.87 * _degrees(raw, true).mean()
    before, after = (np.linalg.norm(p - true, axis=-1).mean() for p in (raw, lifted))
    assert after < 0.9 * before


def test_the_networks_uncertainty_matches_its_errors(held_out: list[pairs.Pair]) -> None:
    """Larger expected depth errors are larger, and within a factor of the real ones."""
    _, lifted, true, expected = lifted_and_true(held_out)
    limbs = np.arange(1, 15)
    off, expected = np.abs(lifted - true)[:, limbs, 2], expected[:, limbs]
    sure, unsure = expected < np.quantile(expected, 0.33), expected > np.quantile(expected, 0.67)
    assert off[unsure].mean() > 2.0 * off[sure].mean()
    assert 0.5 < expected.mean() / off.mean() < 1.5


def _degrees(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    at, to = [1, 2, 3, 4, 7, 8, 9, 10], [3, 4, 5, 6, 9, 10, 11, 12]
    a, b = (R.normalize(x[..., to, :] - x[..., at, :]) for x in (p, q))
    return np.degrees(np.arccos(np.clip(R.dot(a, b), -1.0, 1.0)))


def test_rendered_performances_are_improved_by_the_lifter() -> None:
    """Limb directions and joint positions on the benchmark's clips, which no training has seen."""
    found = []
    for clip in rendered.clips():
        keypoints = kalidokit.on_seen(clip.keypoints["full"])
        true = clip.points[np.searchsorted(clip.keypoints["full"].times, keypoints.times)][
            :, measures.LANDMARK_JOINTS
        ]
        lifted = model.lift(keypoints, Camera.from_fov(keypoints.camera.size, DEFAULT_FOV))
        joints = [p[:, measures.LANDMARK_JOINTS] for p in (keypoints.positions, lifted)]
        found.append(
            [(measures.direction(p, true).mean(), measures.mpjpe(p, true)) for p in joints]
        )
    assert len(found) > 10
    raw, mended = np.mean(found, axis=0)
    assert mended[0] < 0.87 * raw[0]
    assert mended[1] < 0.87 * raw[1]


def test_a_real_person_is_improved_by_the_lifter(data: Path) -> None:
    """PA-MPJPE of 12 joints and limb directions, lifted against detected, with the full model.

    tests/benchmarks/lifter.py has the heavy model too, whose detection takes 15 s longer.
    """
    folder = data / "paired" / "bodypose3d"
    every = demo.detected(folder / "cam0_test.mp4", "full", seen=False)
    keypoints = kalidokit.on_seen(every)
    reference = np.loadtxt(folder / "kpts_3d_from_joint_angles_calculate.dat").reshape(-1, 12, 3)
    reference = reference[np.searchsorted(every.times, keypoints.times)]
    lifted = model.lift(keypoints, Camera.from_fov(keypoints.camera.size, DEFAULT_FOV))
    raw, mended = (p[:, measures.LANDMARK_JOINTS] for p in (keypoints.positions, lifted))
    assert measures.pa_mpjpe(mended, reference) < 0.85 * measures.pa_mpjpe(raw, reference)
    before, after = (
        measures.direction(measures.turned_onto(p, reference), reference).mean()
        for p in (raw, mended)
    )
    assert after < 0.85 * before
