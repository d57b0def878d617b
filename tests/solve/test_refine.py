"""The bake's optimiser: exact on exact data, one body, no jitter, no missing frame."""

from dataclasses import replace
from time import process_time
from unittest.mock import patch

import numpy as np
import pytest

from mocap import assets
from mocap.core import rotation as R
from mocap.core.camera import Camera, fit_translation
from mocap.core.filter import fill_gaps
from mocap.core.keypoints import LANDMARKS, Keypoints, landmarks_of
from mocap.core.kinematics import bone_lengths, fk
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, HUMANOID
from mocap.solve import take
from mocap.solve.body import solve_body
from mocap.solve.measure import measure_body
from mocap.solve.refine import Prior, Refined, fit, refine_landmarks
from mocap.solve.refine.banded import solve_banded, third_differences
from mocap.solve.refine.body import (
    KIND,
    LENGTHS,
    NAMES,
    POINTS,
    REST,
    STIFF,
    TREE,
    bones_of,
    lengths_of,
)
from mocap.solve.refine.costs import Costs, Evidence, Limit, costs, spans
from mocap.solve.refine.fit import Anchor, Unknowns, standing, step
from mocap.solve.refine.ground import (
    FEET,
    GROUNDED,
    RISE,
    TOUCHING,
    Ground,
    find_floor,
    find_ground,
    places_of,
)
from mocap.solve.refine.limits import find_limits
from mocap.solve.refine.sight import IMAGE_SIGMA, Sight, unseen_depth
from mocap.solve.refine.smoothness import Smoothness
from mocap.solve.root import settle_root, stand
from mocap.solve.take import solve_take
from mocap.solve.tuning import SolveOptions
from tests.helpers.noise import FOCAL, SIZE, noisy
from tests.helpers.synthetic import keypoints_of, smooth_motion

HIPS = [LANDMARKS.index("left_hip"), LANDMARKS.index("right_hip")]
CAMERA = Camera(FOCAL, (SIZE[0] / 2, SIZE[1] / 2), SIZE)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


JOINTS = [
    BONES.index(s + n)
    for n in ("UpperArm", "LowerArm", "Hand", "UpperLeg", "LowerLeg", "Foot")
    for s in ("left", "right")
]
FROM, TO = [0, 1, 2, 3, 6, 7, 8, 9], [2, 3, 4, 5, 8, 9, 10, 11]


def joints_of(motion: Motion) -> np.ndarray:
    return fk(motion.skeleton, motion.root_positions, motion.rotations)[0][:, JOINTS]


def limb_error(motion: Motion, truth: Motion) -> np.ndarray:
    """Return the angles (F, 8) between the limbs' bones, degrees."""
    a, b = (R.normalize(p[:, TO] - p[:, FROM]) for p in (joints_of(motion), joints_of(truth)))
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), np.vecdot(a, b)))


def acceleration(motion: Motion) -> float:
    p = joints_of(motion)
    dt = np.diff(motion.times)[:, None, None]
    return float(
        np.linalg.norm(np.diff((np.diff(p, axis=0) / dt), axis=0) / dt[1:], axis=-1).mean()
    )


def seen_by_camera(motion: Motion) -> Keypoints:
    """Return a perfect detector's keypoints with the true camera."""
    return replace(keypoints_of(motion, SIZE, FOCAL), camera=CAMERA)


def own_prior(keypoints: Keypoints, translation: np.ndarray) -> Prior:
    """Return the keypoints' own 3D as the prior."""
    return Prior(keypoints.positions, keypoints.positions, translation)


def refined(keypoints: Keypoints, camera: Camera = CAMERA, filtered: bool = False) -> Motion:
    """Run the optimiser between two closed forms, with the keypoints' own depth as the prior."""
    keypoints = replace(keypoints, camera=camera)
    with patch.object(take, "lift_with_error", lambda seen, _: (seen.positions, None)):
        before = solve_take(keypoints, SolveOptions(refine=filtered, feet="off"))
    translation = fit_translation(
        keypoints.positions, keypoints.image, keypoints.confidence, camera
    )
    closed = landmarks_of(*fk(before.skeleton, before.root_positions, before.rotations))
    closed = closed - closed[:, HIPS].mean(axis=1, keepdims=True)
    found = refine_landmarks(keypoints, Prior(keypoints.positions, closed, translation))
    seen = np.isfinite(keypoints.positions).all(axis=-1)
    confidence = np.nan_to_num(
        fill_gaps(keypoints.times, np.where(seen, np.nan_to_num(keypoints.confidence), np.nan), 0.5)
    )
    body = measure_body(replace(keypoints, positions=found.positions))
    rotations, _ = solve_body(keypoints.times, found.positions, confidence)
    path = settle_root(keypoints.times, found.positions, confidence, found.translation, R.IDENTITY)
    return Motion(body, keypoints.times, stand(body, rotations, path), rotations)


def scene(
    rng: np.random.Generator, frames: int = 5
) -> tuple[np.ndarray, Evidence, np.ndarray, tuple[Limit, ...]]:
    """Return bones, contradicting evidence, lengths, and limits that they exceed."""
    v = REST + 0.1 * rng.normal(size=(frames, len(NAMES), 3))
    v[:, 0] = [0.2, -0.1, -4.0]
    places = np.einsum("nb,fbi->fni", TREE, v)
    slopes = places[..., :2] / -places[..., 2:] + 0.01 * rng.normal(size=(frames, len(POINTS), 2))
    weights = [rng.uniform(0.2, 1.0, size=(frames, n)) for n in (16, 15, 15)]
    turn = R.to_matrix(R.from_axis_angle(np.array([0.0, 1.0, 0.0]), np.radians(-70.0)))
    sights = (
        Sight(slopes, weights[0], np.eye(3), np.zeros(3)),
        Sight(slopes[:, ::-1], weights[0] ** 2, turn, np.array([0.3, 0.1, -3.0])),
    )
    evidence = Evidence(
        sights, v + 0.1 * rng.normal(size=v.shape), *weights[1:], rng.uniform(0.5, 1.5, size=frames)
    )
    lengths = np.linalg.norm(REST, axis=-1) * rng.uniform(0.9, 1.1, size=len(NAMES))
    return v, evidence, lengths, tuple(replace(limit, most=-0.9) for limit in find_limits(v))


def unseen(frames: int) -> Sight:
    """Return a camera that sees nothing."""
    return Sight(np.zeros((frames, 16, 2)), np.zeros((frames, 16)), np.eye(3), np.zeros(3))


def sunk(rng: np.random.Generator, v: np.ndarray) -> Ground:
    """Return a tilted floor 5 cm above all points that may stand, with various weights."""
    up = R.normalize(np.array([0.1, 1.0, -0.2]))
    height = float((places_of(v) @ up - RISE).max()) + 0.05
    return Ground(rng.uniform(0.3, 1.0, size=(len(v), len(TOUCHING))), up, height, RISE)


def test_third_differences_are_third_derivatives_at_uneven_times(rng: np.random.Generator) -> None:
    times = np.cumsum(rng.uniform(0.01, 0.1, size=20))
    weights = third_differences(times)
    value = 2.0 * times**3 - 5.0 * times**2 + times - 7.0
    found = sum(weights[:, k] * value[k : k + 17] for k in range(4))
    np.testing.assert_allclose(found, 12.0, atol=1e-6)


def test_the_banded_solution_equals_the_dense_one(rng: np.random.Generator) -> None:
    frames, n = 7, 3
    dense = np.zeros((frames * n, frames * n))
    columns = np.zeros((frames, 4, n, n))
    for k in range(4):
        for t in range(frames - k):
            block = rng.normal(size=(n, n)) if k else 20.0 * np.eye(n)
            columns[t, k] = block
            dense[(t + k) * n : (t + k + 1) * n, t * n : (t + 1) * n] = block
            dense[t * n : (t + 1) * n, (t + k) * n : (t + k + 1) * n] = block.T
    right = rng.normal(size=(frames, n, 2))
    found = solve_banded(columns.reshape(frames, 4 * n, n), right)
    np.testing.assert_allclose(
        found.reshape(-1, 2), np.linalg.solve(dense, right.reshape(-1, 2)), atol=1e-10
    )


def test_the_jacobian_equals_finite_differences(rng: np.random.Generator) -> None:
    v, evidence, lengths, limits = scene(rng)
    ground = sunk(rng, v)
    held = costs(v, evidence, lengths, limits, ground)
    assert (np.abs(held.r).max(axis=0) > 0).all(), (
        "a row that is never in force would not be tested"
    )
    for bone in range(len(NAMES)):
        # The hips' distances only scale the images' costs and are held there.
        rows = ~image_rows(held) if bone == 0 else slice(None)
        for axis in range(3):
            ends = []
            for h in (1e-6, -1e-6):
                moved = v.copy()
                moved[:, bone, axis] += h
                ends.append(costs(moved, evidence, lengths, limits, ground).r)
            change = (ends[0] - ends[1]) / 2e-6
            np.testing.assert_allclose(
                held.bones[:, rows, bone, axis], change[:, rows], rtol=1e-6, atol=1e-4
            )


def image_rows(found: Costs) -> np.ndarray:
    """Return the rows that compare image points: all observed but the first 15, the depths."""
    return found.observed & (np.arange(len(found.observed)) >= 15)


def test_the_roots_jacobian_is_that_of_each_cameras_projection(rng: np.random.Generator) -> None:
    v, evidence, lengths, _ = scene(rng)
    found = costs(v, evidence, lengths, ())
    places = np.einsum("nb,fbi->fni", TREE, v)
    rows = np.flatnonzero(image_rows(found)).reshape(2, 16, 2)
    for sight, own in zip(evidence.sights, rows, strict=True):

        def seen(points: np.ndarray, sight: Sight = sight) -> np.ndarray:
            there = points @ sight.turn.T + sight.place
            return there[..., :2] / -there[..., 2:]

        hips = -(v[:, 0] @ sight.turn.T + sight.place)[:, 2]
        scale = hips[:, None] * np.sqrt(sight.weight * evidence.span[:, None]) / IMAGE_SIGMA
        np.testing.assert_allclose(
            found.r[:, own], scale[..., None] * (seen(places) - sight.slopes), atol=1e-9
        )
        for axis in np.eye(3):
            change = (seen(places + 1e-6 * axis) - seen(places - 1e-6 * axis)) / 2e-6
            np.testing.assert_allclose(
                found.bones[:, own, 0] @ axis, scale[..., None] * change, rtol=1e-6, atol=1e-5
            )


def test_depth_is_observable_with_two_cameras_but_not_one() -> None:
    def towards(degrees: float) -> Sight:
        turn = R.to_matrix(R.from_axis_angle(np.array([0.0, 1.0, 0.0]), np.radians(degrees)))
        return replace(unseen(1), turn=turn)

    np.testing.assert_allclose(unseen_depth([towards(0.0)]), [0.0, 0.0, 1.0], atol=1e-12)
    np.testing.assert_allclose(unseen_depth([towards(0.0), towards(90.0)]), 0.0, atol=1e-12)
    near = unseen_depth([towards(0.0), towards(20.0)])
    np.testing.assert_allclose(near, [0.0, 0.0, 1.0 - np.sin(np.radians(20.0)) ** 2], atol=1e-12)


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


def test_knees_do_not_bend_forwards() -> None:
    """A straight leg with a prior of a shank bent forwards by 50° comes out nearer to straight."""
    v = np.tile(REST, (40, 1, 1))
    v[:, 0] = [0.0, 0.0, -4.0]
    shank = NAMES.index("shank")
    wrong = v.copy()
    wrong[:, shank] = R.apply(
        R.from_axis_angle(np.array([1.0, 0.0, 0.0]), np.radians(-50.0)), v[:, shank]
    )
    limits = find_limits(wrong)
    assert any(
        limit.bone == shank and (R.dot(R.normalize(wrong[:, shank]), limit.away) > limit.most).all()
        for limit in limits
    )
    times = np.arange(40) / 30.0
    evidence = Evidence(
        (unseen(40),),
        wrong,
        np.full((40, 15), 0.1),
        np.full((40, 15), 0.1),
        spans(times),
    )
    lengths = np.array([lengths_of(wrong)[n] for n in LENGTHS])
    take = Unknowns(wrong, lengths)
    for _ in range(10):
        take = step(
            take,
            Anchor(wrong, lengths),
            evidence,
            find_limits(take.v),
            Smoothness.of(times),
            held=True,
        )
    angle = np.degrees(np.arctan2(take.v[:, shank, 2], -take.v[:, shank, 1]))
    assert np.all(angle < 30.0)


# The ground ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demo() -> Motion:
    """Return steps, a squat, a hop and a turn with known contacts, 4 m before a level camera."""
    with np.load(assets.path("demo/demo_truth.npz")) as file:
        truth = file["contacts"].astype(float)
        return Motion(
            HUMANOID,
            file["times"],
            file["root_positions"] - [0.0, 0.95, 4.0],
            file["rotations"],
            contacts=truth,
        )


def on_ground(
    keypoints: Keypoints, contacts: np.ndarray, place: np.ndarray
) -> tuple[Refined, Refined]:
    """Return the fits without and with the ground, the contacts known."""
    own = own_prior(keypoints, place)
    before = refine_landmarks(keypoints, own)
    places = before.positions[:, GROUNDED] + before.translation[:, None]
    standing = np.concatenate([contacts, np.zeros((len(contacts), 10))], axis=1)
    ground = find_ground(places, np.array([0.0, 1.0, 0.0]), 1.0, lambda heights: standing)
    return before, refine_landmarks(keypoints, own, before, ground)


def test_the_floor_is_found_under_its_contacts(rng: np.random.Generator) -> None:
    """Contacts that are far apart outweigh the prior of the camera's tilt."""
    up = R.normalize(np.array([0.02, 1.0, -0.03]))
    places = np.repeat(rng.uniform(-2.0, 2.0, size=(40, 16, 3)), 10, axis=0)
    places -= (places @ up - RISE + 1.3)[..., None] * up
    contacts = (np.arange(400) // 10 % 2)[:, None] * np.ones(len(TOUCHING))
    found = find_floor(places, contacts, np.array([0.0, 1.0, 0.0]), RISE)
    assert found is not None
    assert np.degrees(np.arccos(found.up @ up)) < 0.3
    assert np.abs(found.above(places)).max() < 0.02
    assert find_floor(places, np.zeros((400, len(TOUCHING))), up, RISE) is None


def test_heels_always_seen_too_high_still_stand(rng: np.random.Generator) -> None:
    places = rng.uniform(-1.0, 1.0, size=(40, 16, 3)) * [1.0, 0.0, 1.0] + RISE[:, None] * [
        0.0,
        1.0,
        0.0,
    ]
    places[:, [0, 3], 1] += 0.03
    found = find_floor(places, np.ones((40, len(TOUCHING))), np.array([0.0, 1.0, 0.0]), RISE)
    assert found is not None
    assert np.abs(found.above(places)).max() < 0.005


def test_parts_without_contact_may_rise_but_not_sink() -> None:
    v = np.tile(REST, (2, 1, 1))
    v[:, 0] += [[0.0, 0.05, -4.0], [0.0, -0.05, -4.0]]
    seen = Evidence((unseen(2),), v, np.zeros((2, 15)), np.zeros((2, 15)), np.ones(2))
    for standing_or_not, expected in ((1.0, [5.0, -5.0]), (0.0, [0.0, -5.0])):
        contacts = np.full((2, len(TOUCHING)), standing_or_not)
        ground = Ground(contacts, np.array([0.0, 1.0, 0.0]), 0.0, RISE)
        rows = costs(v, seen, np.linalg.norm(REST, axis=-1), (), ground).r[:, -len(GROUNDED) :]
        found = rows[:, : len(FEET)]
        np.testing.assert_allclose(found, np.tile(expected, (len(FEET), 1)).T, atol=1e-9)


def test_standing_terms_of_the_normal_equations_equal_finite_differences(
    rng: np.random.Generator,
) -> None:
    """The slip of standing points when bones turn and when lengths change."""
    v = scene(rng)[0]
    frames, times = len(v), np.cumsum(rng.uniform(0.02, 0.05, size=len(v)))
    ground = Ground(
        rng.uniform(0.3, 1.0, size=(frames, len(TOUCHING))), np.array([0.0, 1.0, 0.0]), 0.0, RISE
    )
    basis = [
        fit.tangents(v[:, b]) if k == STIFF else np.tile(np.eye(3), (frames, 1, 1))
        for b, k in enumerate(KIND)
    ]
    block, between, gradient, border, matrix, right = fit._standing_still(
        v, basis, ground, spans(times), times
    )

    columns = []
    for b, e in enumerate(basis):
        for axis in range(e.shape[2]):
            moved = np.zeros((frames, *v.shape))
            moved[np.arange(frames), np.arange(frames), b] = e[..., axis]
            columns.append(moved)
    turned = np.stack(columns, axis=1).reshape(
        -1, *v.shape
    )  # (frames · unknowns) ways to move the bones
    longer = np.stack(
        [
            v * (KIND == STIFF)[:, None] * np.array([n == name for n in NAMES])[:, None]
            for name in LENGTHS
        ]
    )
    weight, slip = standing(v, ground, spans(times), times)
    h = 1e-6
    ends = [
        [np.diff(places_of(v + s * h * way), axis=0).ravel() for way in (*turned, *longer)]
        for s in (1.0, -1.0)
    ]
    jacobian = (np.array(ends[0]) - np.array(ends[1])).T / (2.0 * h)
    w = np.repeat(weight.ravel(), 3)
    normal, against = (jacobian.T * w) @ jacobian, (jacobian.T * w) @ slip.ravel()
    width, count = block.shape[1], len(turned)
    of_frames = normal[:count, :count].reshape(frames, width, frames, width)
    tolerance = {"rtol": 1e-5, "atol": 1e-6 * np.abs(normal).max()}
    np.testing.assert_allclose(block, [of_frames[t, :, t] for t in range(frames)], **tolerance)
    np.testing.assert_allclose(
        between, [of_frames[t + 1, :, t] for t in range(frames - 1)], **tolerance
    )
    np.testing.assert_allclose(gradient.ravel(), against[:count], **tolerance)
    np.testing.assert_allclose(border.reshape(count, -1), normal[:count, count:], **tolerance)
    np.testing.assert_allclose(matrix, normal[count:, count:], **tolerance)
    np.testing.assert_allclose(right, -against[count:], **tolerance)


def test_a_step_lowers_the_cost_of_standing(rng: np.random.Generator) -> None:
    """With no other cost, three steps remove all slip."""
    times = np.arange(30) / 30.0
    v = np.tile(REST, (30, 1, 1))
    v[:, 0] = np.array([0.0, 0.0, -4.0]) + 0.1 * np.cumsum(rng.normal(size=(30, 3)), axis=0) / 30.0
    nothing = Evidence(
        (unseen(30),),
        v,
        np.zeros((30, 15)),
        np.zeros((30, 15)),
        spans(times),
    )
    lengths = np.array([lengths_of(v)[n] for n in LENGTHS])
    contacts = np.tile(np.arange(len(TOUCHING)) < 4, (30, 1)).astype(float)
    ground = Ground(contacts, np.array([0.0, 1.0, 0.0]), -1.0, RISE)
    before = standing(v, ground, spans(times), times)[1]
    take = Unknowns(v, lengths)
    for _ in range(3):
        take = step(take, Anchor(v, lengths), nothing, (), Smoothness.of(times), True, ground)
    after = standing(take.v, ground, spans(times), times)[1]
    feet = slice(0, len(FEET))
    assert np.abs(after[:, feet]).max() < 0.05 * np.abs(before[:, feet]).max()
    assert np.abs(ground.above(places_of(take.v))[:, feet]).max() < 0.01, (
        "on the floor, which is where it was not"
    )


def test_standing_feet_are_still_and_improve_the_legs(demo: Motion) -> None:
    """With detector-like noise: much less slip than without the ground, and legs no worse."""
    legs, slips = [], []
    for seed in range(2):
        keypoints = noisy(seen_by_camera(demo), np.random.default_rng(seed))
        place = fit_translation(keypoints.positions, keypoints.image, keypoints.confidence, CAMERA)
        for found in on_ground(keypoints, demo.contacts, place):
            feet = (
                found.positions[:, [LANDMARKS.index(f"{s}_ankle") for s in ("left", "right")]]
                + found.translation[:, None]
            )
            flat = demo.contacts.reshape(-1, 2, 2).min(axis=2) > 0.5
            slips.append(
                np.linalg.norm(np.diff(feet, axis=0), axis=-1)[flat[1:] & flat[:-1]].mean()
            )
            rotations, _ = solve_body(keypoints.times, found.positions, keypoints.confidence)
            legs.append(
                limb_error(Motion(HUMANOID, demo.times, demo.root_positions, rotations), demo)[
                    :, 4:
                ].mean()
            )
    assert np.mean(slips[1::2]) < 0.3 * np.mean(slips[::2])
    assert np.mean(legs[1::2]) < np.mean(legs[::2])


def test_true_contacts_change_nothing_without_noise(demo: Motion) -> None:
    """The remaining error is smoothing of the demo's fast arms, and no larger with the ground."""
    keypoints = seen_by_camera(demo)
    errors = []
    for found in on_ground(keypoints, demo.contacts, demo.root_positions):
        rotations, _ = solve_body(keypoints.times, found.positions, keypoints.confidence)
        errors.append(
            limb_error(Motion(HUMANOID, demo.times, demo.root_positions, rotations), demo)
        )
    assert errors[1].mean() < errors[0].mean() + 0.1
    assert errors[1][:, 4:].mean() < errors[0][:, 4:].mean() + 0.1
