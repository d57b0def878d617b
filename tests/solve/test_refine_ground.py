"""The ground in the bake's optimiser: the floor is found, and standing points do not slip."""

import numpy as np
import pytest

from mocap import assets
from mocap.core import rotation as R
from mocap.core.camera import fit_translation
from mocap.core.keypoints import LANDMARKS, Keypoints
from mocap.core.motion import Motion
from mocap.core.skeleton import HUMANOID
from mocap.solve.body import solve_body
from mocap.solve.refine import Refined, fit, refine_landmarks
from mocap.solve.refine.body import (
    KIND,
    LENGTHS,
    NAMES,
    REST,
    STIFF,
    lengths_of,
)
from mocap.solve.refine.costs import Evidence, costs, spans
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
from mocap.solve.refine.smoothness import Smoothness
from tests.helpers.noise import noisy
from tests.helpers.refine_scenes import CAMERA, limb_error, own_prior, scene, seen_by_camera, unseen


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
