"""The bake's optimiser: exact on exact data, one body, no jitter, no missing frame."""

from dataclasses import replace
from time import process_time

import numpy as np
import pytest

from mocap.core import rotation as R
from mocap.core.keypoints import LANDMARKS, Keypoints
from mocap.core.kinematics import bone_lengths
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, HUMANOID
from mocap.solve.refine import refine_landmarks
from mocap.solve.refine.banded import solve_banded
from mocap.solve.refine.body import (
    KIND,
    LENGTHS,
    NAMES,
    bones_of,
    lengths_of,
)
from mocap.solve.take import solve_take
from mocap.solve.tuning import SolveOptions
from tests.helpers.noise import noisy
from tests.helpers.refine_scenes import (
    CAMERA,
    acceleration,
    limb_error,
    own_prior,
    refined,
    seen_by_camera,
)
from tests.helpers.synthetic import smooth_motion


def test_lengths_are_found_from_wrong_initial_ones(rng: np.random.Generator) -> None:
    """Without noise the body is found exactly, although its proportions are unusual."""
    truth = smooth_motion(rng, 4.0, 30.0)
    keypoints = seen_by_camera(truth)
    found = refine_landmarks(keypoints, own_prior(keypoints, truth.root_positions), rounds=12)
    true = lengths_of(bones_of(keypoints.positions))
    mine = lengths_of(bones_of(found.positions))
    for name in LENGTHS:
        assert mine[name] == pytest.approx(true[name], rel=0.01), name


def test_limbs_have_one_length_for_the_take_and_both_sides(rng: np.random.Generator) -> None:
    truth = smooth_motion(rng, 2.0, 30.0)
    keypoints = noisy(seen_by_camera(truth), rng)
    found = refine_landmarks(keypoints, own_prior(keypoints, truth.root_positions))
    sizes = np.linalg.norm(bones_of(found.positions), axis=-1)
    stiff = np.flatnonzero(KIND == 2)
    np.testing.assert_allclose(
        sizes[:, stiff], np.broadcast_to(sizes[0, stiff], sizes[:, stiff].shape), rtol=1e-9
    )
    for name in ("upper arm", "thigh"):
        left, right = (i for i, n in enumerate(NAMES) if n == name)
        assert sizes[0, left] == pytest.approx(sizes[0, right], rel=1e-9)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_fit_stays_at_a_noise_free_truth(seed: int) -> None:
    truth = smooth_motion(np.random.default_rng(seed), 6.0, 30.0)
    error = limb_error(refined(seen_by_camera(truth)), truth)
    assert error.mean() <= 0.1
    assert np.percentile(error, 99) <= 0.5


def test_uneven_times_are_not_treated_as_noise(rng: np.random.Generator) -> None:
    truth = smooth_motion(rng, 6.0, 60.0)
    keep = np.sort(rng.choice(len(truth), size=len(truth) // 2, replace=False))
    truth = Motion(
        truth.skeleton, truth.times[keep], truth.root_positions[keep], truth.rotations[keep]
    )
    assert limb_error(refined(seen_by_camera(truth)), truth).mean() <= 0.1


def test_a_mirrored_take_gives_the_mirrored_motion(rng: np.random.Generator) -> None:
    keypoints = noisy(seen_by_camera(smooth_motion(rng, 3.0, 30.0)), rng)
    a, b = refined(keypoints).mirror(), refined(keypoints.mirror())
    assert np.degrees(R.distance(a.rotations, b.rotations)).max() <= 0.01


def test_the_fit_reduces_detector_like_noise() -> None:
    before, after, lively = [], [], []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        truth = smooth_motion(rng, 6.0, 30.0, speed=3.0)
        truth = Motion(HUMANOID, truth.times, truth.root_positions, truth.rotations)
        keypoints = noisy(seen_by_camera(truth), rng)
        keypoints = replace(keypoints, camera=CAMERA)
        result = refined(keypoints)
        before.append(limb_error(solve_take(keypoints, SolveOptions(refine=False)), truth).mean())
        after.append(limb_error(result, truth).mean())
        lively.append(
            acceleration(result) / acceleration(solve_take(keypoints, SolveOptions(refine=False)))
        )
    assert np.mean(after) <= 0.85 * np.mean(before), (before, after)
    assert np.mean(lively) <= 0.5, lively


def test_a_fast_kick_keeps_its_height(rng: np.random.Generator) -> None:
    """A shank that swings by 100° and back in 0.3 s reaches its full height."""
    times = np.arange(90) / 30.0
    angle = np.radians(100.0) * np.exp(-0.5 * np.square((times - 1.5) / 0.07))
    rotations = np.tile(R.IDENTITY, (90, len(BONES), 1))
    rotations[:, BONES.index("leftLowerLeg")] = R.from_axis_angle(np.array([1.0, 0.0, 0.0]), angle)
    truth = Motion(HUMANOID, times, np.tile([0.0, 0.0, -4.0], (90, 1)), rotations)
    error = limb_error(refined(seen_by_camera(truth)), truth)
    assert error.max() <= 5.0


def test_an_image_outlier_moves_nothing(rng: np.random.Generator) -> None:
    truth = smooth_motion(rng, 3.0, 30.0)
    keypoints = seen_by_camera(truth)
    image = keypoints.image.copy()
    image[40:43, LANDMARKS.index("left_wrist")] += 300.0
    assert limb_error(refined(replace(keypoints, image=image)), truth).max() <= 2.0


def test_short_gaps_are_bridged_and_long_gaps_stay_local(rng: np.random.Generator) -> None:
    truth = smooth_motion(rng, 6.0, 30.0)
    keypoints = seen_by_camera(truth)
    arrays = [keypoints.positions.copy(), keypoints.image.copy(), keypoints.confidence.copy()]
    for array in arrays:
        array[50:58] = np.nan
        array[100:150] = np.nan
    gappy = replace(keypoints, positions=arrays[0], image=arrays[1], confidence=arrays[2])
    result = refined(gappy, filtered=True)
    error = limb_error(result, truth)
    assert error[np.r_[5:45, 65:95, 160:175]].mean() <= 1.0
    assert error[50:58].mean() <= 3.0


def test_keypoints_without_image_points_are_baked_without_the_fit(
    rng: np.random.Generator,
) -> None:
    truth = smooth_motion(rng, 1.0, 30.0)
    keypoints = seen_by_camera(truth)
    found = solve_take(
        replace(keypoints, image=np.full_like(keypoints.image, np.nan), camera=CAMERA)
    )
    assert limb_error(found, truth).mean() < 10.0


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5])
def test_very_short_takes_are_fitted(frames: int, rng: np.random.Generator) -> None:
    truth = smooth_motion(rng, 1.0, 30.0).slice(0, frames)
    assert limb_error(refined(seen_by_camera(truth)), truth).mean() <= 1.0


def test_one_body_is_fitted_to_the_take(rng: np.random.Generator) -> None:
    result = refined(noisy(seen_by_camera(smooth_motion(rng, 2.0, 30.0)), rng))
    lengths = bone_lengths(result.skeleton)
    for bone in ("LowerArm", "Hand", "LowerLeg", "Foot"):
        assert lengths[BONES.index("left" + bone)] == pytest.approx(
            lengths[BONES.index("right" + bone)]
        )


def test_a_fit_that_does_not_converge_is_reported() -> None:
    columns = np.zeros((5, 8, 2))
    columns[:2, :2] = np.eye(2)
    with pytest.raises(np.linalg.LinAlgError, match="frame 2"):
        solve_banded(columns, np.ones((5, 2, 1)))


def test_long_takes_are_solved_in_parts_without_seams(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = smooth_motion(rng, 10.0, 30.0, speed=2.0)
    truth = Motion(HUMANOID, truth.times, truth.root_positions, truth.rotations)
    keypoints = noisy(seen_by_camera(truth), rng, pixels=3.0, squash=1.0, depth=0.02)
    whole = refined(keypoints)
    monkeypatch.setattr("mocap.solve.refine.search._WINDOW", 150)
    parts = refined(keypoints)
    assert limb_error(parts, whole).mean() <= 1.0
    assert np.percentile(limb_error(parts, whole), 99) <= 5.0
    assert acceleration(parts) == pytest.approx(acceleration(whole), rel=0.03)


def test_time_grows_linearly_with_the_frames(rng: np.random.Generator) -> None:
    keypoints = seen_by_camera(smooth_motion(rng, 20.0, 30.0))

    def seconds(part: Keypoints) -> float:
        place = np.tile([0.0, 0.0, -4.0], (len(part), 1))
        start = process_time()
        refine_landmarks(part, own_prior(part, place), rounds=2)
        return process_time() - start

    # The least disturbed of several, of both: the machine has other work too.
    short = min(seconds(keypoints.slice(0, 150)) for _ in range(4))
    assert min(seconds(keypoints) for _ in range(4)) <= 2.0 * 4.0 * short
