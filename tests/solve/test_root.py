"""The root: from the image, robust; its path is the walk's; feet stand and leave the floor."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from mocap.core import kinematics
from mocap.core import rotation as R
from mocap.core.camera import Camera, fit_translation
from mocap.core.keypoints import LANDMARKS, Keypoints
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, HUMANOID, Skeleton
from mocap.core.surface import lowest_skin
from mocap.solve.root import follow_root, settle_root, stand, steady_stand
from tests.helpers import synthetic

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=12, deadline=None)

CAMERA = Camera(1100.0, (640.0, 360.0), (1280, 720))
"""synthetic.keypoints_of's."""
# Where the camera of the walks stands in their world: 1.2 m up, 4.5 m ahead.
EYE = np.array([0.0, 1.2, 4.5])


def hips_of(motion: Motion) -> np.ndarray:
    """Return the true middle of the hips, (F, 3)."""
    positions, _ = kinematics.fk(motion.skeleton, motion.root_positions, motion.rotations)
    return positions[:, [BONES.index("leftUpperLeg"), BONES.index("rightUpperLeg")]].mean(axis=1)


def grounded(
    body: Skeleton,
    times: np.ndarray,
    path: np.ndarray,
    parameters: dict[str, np.ndarray],
    heading: np.ndarray,
) -> Motion:
    """Return a motion whose lower foot is `path`'s y above y = 0.

    The parameters are those of synthetic.rotations_of.
    """
    orientation = R.from_rotation_vector(heading[:, None] * [0.0, 1.0, 0.0])
    rotations = synthetic.rotations_of(parameters, orientation)
    root = path.copy()
    root[:, 1] -= kinematics.sole_heights(body, rotations).min(axis=1)
    return Motion(body, times, root, rotations)


def walk(body: Skeleton, fps: float = 30.0, seconds: float = 4.0) -> Motion:
    """Return strides at about 1 m/s, to and fro, towards the camera and across."""
    times = np.arange(round(seconds * fps)) / fps
    path = np.stack([0.9 * np.sin(0.9 * times), 0.0 * times, np.cos(0.7 * times)], axis=1)
    still = {
        "leftUpperLeg": 100 / 115,
        "rightUpperLeg": 100 / 115,
        "leftLowerLeg": 0.0,
        "rightLowerLeg": 0.0,
    }
    parameters = {b: np.full((len(times), 3), 0.5) for b in ("leftUpperArm", "rightUpperArm")}
    for bone, rest in still.items():
        swing = np.sin(2 * np.pi * 0.9 * times + (np.pi if bone.startswith("right") else 0.0))
        lift = -0.2 * swing if "Upper" in bone else 0.15 * np.maximum(swing, 0.0)
        parameters[bone] = np.stack(
            [rest + lift, np.full(len(times), 0.5), np.full(len(times), 10 / 45)], axis=1
        )
    return grounded(body, times, path, parameters, 0.3 * np.sin(times))


def jump(body: Skeleton, fps: float = 60.0, height: float = 0.4) -> tuple[Motion, np.ndarray]:
    """Return 1.5 s of standing, a jump, standing again, and the height of the soles."""
    times = np.arange(round(3.5 * fps)) / fps
    flight = 2.0 * np.sqrt(2.0 * height / 9.81)
    in_air = np.clip(times - 1.5, 0.0, flight)
    above = 0.5 * 9.81 * in_air * (flight - in_air)
    path = np.stack([0 * times, above, 0 * times], axis=1)
    still = np.tile(R.IDENTITY, (len(times), 55, 1))
    root = path - [0.0, 1.0, 0.0] * kinematics.sole_heights(body, still).min(axis=1)[:, None]
    return Motion(body, times, root, still), above


def seen(motion: Motion, tilt: Rotation | None = None) -> Keypoints:
    """Return what the camera at EYE sees; tilt: from the world's axes to the camera's."""
    root, rotations = motion.root_positions - EYE, motion.rotations.copy()
    if tilt is not None:
        root, rotations[:, 0] = tilt.apply(root), R.multiply(tilt.as_quat(), rotations[:, 0])
    return synthetic.keypoints_of(Motion(motion.skeleton, motion.times, root, rotations))


def fitted(keypoints: Keypoints, camera: Camera = CAMERA) -> np.ndarray:
    return fit_translation(keypoints.positions, keypoints.image, keypoints.confidence, camera)


def least_squares(positions: np.ndarray, image: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the translations of least weighted distance to rays, frame by frame, by NumPy."""
    out = []
    for points, pixels, weight in zip(positions, image, weights, strict=True):
        rows, wanted = [], []
        for (x, y, z), (px, py), w in zip(points, pixels, weight, strict=True):
            # Before the camera at depth −z a point has x = rx·depth and y = ry·depth.
            rx, ry = (px - 640.0) / 1100.0, (360.0 - py) / 1100.0
            rows += [[w, 0.0, w * rx], [0.0, w, w * ry]]
            wanted += [w * (-x - rx * z), w * (-y - ry * z)]
        out.append(np.linalg.lstsq(np.array(rows), np.array(wanted), rcond=None)[0])
    return np.array(out)


def upright(frames: int) -> np.ndarray:
    return np.tile(R.IDENTITY, (frames, 1))


def live(keypoints: Keypoints, translation: np.ndarray, cuts: tuple[int, ...] = ()) -> np.ndarray:
    parts, state = [], None
    for a, b in zip((0, *cuts), (*cuts, len(keypoints)), strict=True):
        k = keypoints.slice(a, b)
        part, _, state = follow_root(
            k.times, k.positions, k.confidence, translation[a:b], upright(len(k)), state
        )
        parts.append(part)
    return np.concatenate(parts)


def baked(keypoints: Keypoints, translation: np.ndarray) -> np.ndarray:
    return settle_root(
        keypoints.times, keypoints.positions, keypoints.confidence, translation, R.IDENTITY
    )


# --- The fit --------------------------------------------------------------------------------------


@few
@given(seeds, st.floats(300.0, 3000.0), st.floats(-300.0, 300.0))
def test_the_translation_is_exact_with_the_right_camera(
    seed: int, focal: float, off_centre: float
) -> None:
    motion = synthetic.random_poses(np.random.default_rng(seed), 5)
    keypoints = synthetic.keypoints_of(motion)
    camera = Camera(focal, (640.0 + off_centre, 360.0 - off_centre), (1280, 720))
    image = camera.project(keypoints.positions + hips_of(motion)[:, None])
    found = fit_translation(keypoints.positions, image, keypoints.confidence, camera)
    assert np.abs(found - hips_of(motion)).max() < 1e-9


@few
@given(seeds)
def test_the_translation_with_noise_is_the_weighted_least_squares_solution(seed: int) -> None:
    rng = np.random.default_rng(seed)
    keypoints = synthetic.keypoints_of(synthetic.random_poses(rng, 4))
    image = keypoints.image + rng.normal(scale=2.0, size=keypoints.image.shape)
    confidence = rng.uniform(0.2, 1.0, (4, 33))
    found = fit_translation(keypoints.positions, image, confidence, CAMERA)
    assert np.abs(found - least_squares(keypoints.positions, image, confidence)).max() < 1e-9


def test_an_arm_outlier_moves_the_translation_by_less_than_half_its_share() -> None:
    rng = np.random.default_rng(0)
    motion = synthetic.random_poses(rng, 60)
    keypoints = synthetic.keypoints_of(motion)
    image = keypoints.image.copy()
    arm = [LANDMARKS.index(f"right_{n}") for n in ("elbow", "wrist", "pinky", "index", "thumb")]
    angle = rng.uniform(0.0, 2.0 * np.pi, 60)
    # 60 pixels are 22 cm there.
    image[:, arm] += 60.0 * np.stack([np.cos(angle), np.sin(angle)], axis=1)[:, None]
    robust = fit_translation(keypoints.positions, image, keypoints.confidence, CAMERA) - hips_of(
        motion
    )
    plain = least_squares(keypoints.positions, image, np.ones((60, 33))) - hips_of(motion)
    assert np.linalg.norm(robust, axis=1).mean() < 0.5 * np.linalg.norm(plain, axis=1).mean()


def test_unseen_points_do_not_affect_the_translation() -> None:
    motion = synthetic.random_poses(np.random.default_rng(0), 3)
    keypoints = synthetic.keypoints_of(motion)
    positions, image, confidence = (
        keypoints.positions.copy(),
        keypoints.image.copy(),
        keypoints.confidence.copy(),
    )
    positions[:, 3], image[:, 4], confidence[:, 5] = np.nan, np.nan, np.nan
    image[:, 6:20], confidence[:, 6:20] = 0.0, 0.05
    assert (
        np.abs(fit_translation(positions, image, confidence, CAMERA) - hips_of(motion)).max() < 1e-9
    )


def test_the_translation_is_unknown_with_few_points_or_behind_the_camera() -> None:
    motion = synthetic.random_poses(np.random.default_rng(0), 3)
    keypoints = synthetic.keypoints_of(motion)
    confidence = keypoints.confidence.copy()
    confidence[1, 3:] = 0.0
    found = fit_translation(keypoints.positions, keypoints.image, confidence, CAMERA)
    assert np.isnan(found).all(axis=1).tolist() == [False, True, False]
    confidence[1, 3] = 1.0
    assert np.isfinite(
        fit_translation(keypoints.positions, keypoints.image, confidence, CAMERA)
    ).all()
    upside_down = np.array([1280.0, 720.0]) - keypoints.image
    assert np.isnan(
        fit_translation(keypoints.positions, upside_down, keypoints.confidence, CAMERA)
    ).all()
    one_place = np.tile(np.array([600.0, 300.0]), (3, 33, 1))
    assert np.isnan(
        fit_translation(keypoints.positions, one_place, keypoints.confidence, CAMERA)
    ).all()


# --- The path -------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_a_walk_keeps_its_path_and_stays_on_the_floor(seed: int | None) -> None:
    body = HUMANOID if seed is None else synthetic.random_body(np.random.default_rng(seed))
    motion = walk(body)
    keypoints = seen(motion)
    truth = hips_of(motion) - hips_of(motion)[0]
    assert np.ptp(truth[:, 0]) > 1.0
    assert np.ptp(truth[:, 2]) > 1.0
    bake = baked(keypoints, fitted(keypoints))
    assert np.abs(bake - truth)[:, [0, 2]].max() < 0.005
    assert (bake[:, 1] == 0.0).all()
    # Live it comes later, along the viewing ray by some tenths of a second.
    following = live(keypoints, fitted(keypoints))
    assert np.abs(following - truth)[:, 0].max() < 0.10
    assert np.abs(following - truth)[:, 2].max() < 0.25
    assert (following[:, 1] == 0.0).all()
    assert not following[0].any()


@pytest.mark.parametrize("pitch", [-15.0, 20.0])
def test_a_known_tilt_of_the_camera_does_not_change_the_path(pitch: float) -> None:
    motion = walk(HUMANOID)
    tilt = Rotation.from_rotvec([np.radians(pitch), 0.0, 0.0])
    level, tilted = seen(motion), seen(motion, tilt)
    back = tilt.inv().as_quat()
    righted = R.apply(back, tilted.positions)
    expected = baked(level, fitted(level))
    found = settle_root(tilted.times, righted, tilted.confidence, fitted(tilted), back)
    assert np.abs(found - expected).max() < 0.01
    turns = np.tile(back, (len(tilted), 1))
    following, _, _ = follow_root(
        tilted.times, righted, tilted.confidence, fitted(tilted), turns, None
    )
    assert np.abs(following - live(level, fitted(level))).max() < 0.05


@pytest.mark.parametrize("fps", [30.0, 60.0])
def test_a_jump_leaves_the_floor_and_returns(fps: float) -> None:
    motion, above = jump(HUMANOID, fps)
    keypoints = seen(motion)
    standing = above == 0.0
    # The bake smooths by a few hundredths of a second, live by a little more, and only afterwards.
    before, after = motion.times < 1.4, motion.times > 1.5 + 0.58 + 0.35
    assert standing[before | after].all()
    for path, lowest_peak in (
        (baked(keypoints, fitted(keypoints)), 0.38),
        (live(keypoints, fitted(keypoints)), 0.30),
    ):
        assert np.abs(path[before | after, 1]).max() < 1e-6
        assert lowest_peak < path[:, 1].max() < 0.41
        assert abs(motion.times[path[:, 1].argmax()] - motion.times[above.argmax()]) < 0.1
        shown = stand(HUMANOID, motion.rotations, path)
        soles = shown[:, 1:2] + kinematics.sole_heights(HUMANOID, motion.rotations)
        assert np.abs(soles[before | after]).max() < 1e-6


@few
@given(seeds, st.lists(st.integers(1, 89), min_size=1, max_size=4, unique=True))
def test_live_results_do_not_depend_on_chunks_with_gaps(seed: int, cuts: list[int]) -> None:
    rng = np.random.default_rng(seed)
    motion, _ = jump(HUMANOID, 30.0)
    keypoints = seen(motion).slice(0, 90)
    translation = fitted(keypoints)
    translation[np.repeat(rng.uniform(size=9) < 0.4, 10)] = np.nan
    assert (
        np.abs(
            live(keypoints, translation, tuple(sorted(cuts))) - live(keypoints, translation)
        ).max()
        < 1e-12
    )


def test_the_path_is_held_live_and_bridged_in_the_bake_during_gaps() -> None:
    motion = walk(HUMANOID)
    keypoints, truth = seen(motion), hips_of(motion) - hips_of(motion)[0]
    translation = fitted(keypoints)
    translation[40:46] = np.nan
    following = live(keypoints, translation)
    assert np.abs(following[40:46] - following[39]).max() == 0.0
    assert np.abs(following[30] - following[39]).max() > 0.05
    assert np.abs(baked(keypoints, translation) - truth)[:, [0, 2]].max() < 0.02
    translation[:] = np.nan
    assert not live(keypoints, translation).any()
    assert not baked(keypoints, translation).any()


@few
@given(seeds)
def test_grounding_puts_the_lowest_part_on_the_floor_below_the_path(seed: int) -> None:
    rng = np.random.default_rng(seed)
    motion = synthetic.random_poses(rng, 5)
    path = rng.normal(size=(5, 3))
    stood = Motion(
        motion.skeleton,
        motion.times,
        stand(motion.skeleton, motion.rotations, path),
        motion.rotations,
    )
    assert np.abs(hips_of(stood) - path)[:, [0, 2]].max() < 1e-12
    lowest = stood.root_positions[:, 1] + lowest_skin(stood.skeleton, stood.rotations)
    assert np.abs(lowest - path[:, 1]).max() < 1e-12


def test_briefly_misdetected_legs_do_not_make_the_body_hop() -> None:
    times = np.arange(120) / 30.0
    squat = 0.9 - 0.25 * np.sin(1.5 * times) ** 2
    standing = squat.copy()
    standing[[60, 61, 90]] += [-0.09, -0.09, 0.05]
    steady, _ = steady_stand(times, standing, squat - 0.4, None)
    off = np.abs(steady - squat)
    assert off[:60].max() < 1e-9, "what legs and picture agree on is not delayed"
    assert off.max() < 0.05
    assert (standing - steady).max() < 0.02 + 1e-9, "feet hardly sink into the floor"
    state, parts = None, []
    for start, end in ((0, 1), (1, 61), (61, 62), (62, 120)):
        part, state = steady_stand(
            times[start:end], standing[start:end], squat[start:end] - 0.4, state
        )
        parts.append(part)
    assert np.abs(np.concatenate(parts) - steady).max() < 1e-12


def test_the_hip_height_is_steady_when_a_person_returns_elsewhere() -> None:
    times = np.arange(60) / 30.0
    seen = np.where(times < 1.0, 0.0, 1.5)
    steady, _ = steady_stand(times, np.full(60, 0.9), seen, None)
    assert np.abs(steady - 0.9).max() < 0.13
    assert np.abs(steady[45:] - 0.9).max() < 0.01
