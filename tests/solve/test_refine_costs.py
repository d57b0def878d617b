"""The costs of the bake's optimiser: Jacobians, banded systems, limits of joints."""

from dataclasses import replace

import numpy as np

from mocap.core import rotation as R
from mocap.solve.refine.banded import solve_banded, third_differences
from mocap.solve.refine.body import (
    LENGTHS,
    NAMES,
    REST,
    TREE,
    lengths_of,
)
from mocap.solve.refine.costs import Costs, Evidence, costs, spans
from mocap.solve.refine.fit import Anchor, Unknowns, step
from mocap.solve.refine.limits import find_limits
from mocap.solve.refine.sight import IMAGE_SIGMA, Sight, unseen_depth
from mocap.solve.refine.smoothness import Smoothness
from tests.helpers.refine_scenes import (
    scene,
    sunk,
    unseen,
)


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
