"""The lifter's network in NumPy: as trained, symmetric, joints on their rays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mocap.lift import network
from tests.helpers.places import DATA

GOLDEN = DATA / "lift_weights_golden.npz"


def test_numpy_agrees_with_pytorch() -> None:
    golden = np.load(GOLDEN)
    out = network.run(network.weights(), golden["inputs"])
    assert np.std(golden["outputs"]) > 0.01
    np.testing.assert_allclose(out, golden["outputs"], atol=2e-4)


def test_weights_are_small() -> None:
    path = Path(network.__file__).with_name("weights.npz")
    assert path.stat().st_size <= 4_000_000
    assert sum(a.size for a in network.weights().values()) <= 2_000_000


@pytest.mark.parametrize("last", [13, 30])
def test_the_newest_frame_equals_the_last_of_a_take(last: int) -> None:
    w, inputs = network.weights(), np.load(GOLDEN)["inputs"]
    newest = network.run_newest(w, inputs[:, last - network.REACH : last + 1])
    take = network.run(w, inputs[:, : last + 1])
    np.testing.assert_allclose(newest[:, 0], take[:, last], atol=2e-5)


def test_features_mirror_by_their_table() -> None:
    rng = np.random.default_rng(0)
    across, along, confidence, hips = (
        rng.normal(size=(4, 15, 2)),
        rng.normal(size=(4, 15)),
        rng.uniform(size=(4, 15)),
        rng.normal(size=(4, 3)),
    )
    m = network.MIRRORED_JOINTS
    mirrored = network.features(
        across[:, m] * [-1.0, 1.0], along[:, m], confidence[:, m], hips * [-1.0, 1.0, 1.0]
    )
    np.testing.assert_array_equal(
        mirrored,
        network.features(across, along, confidence, hips)[..., network.MIRROR]
        * network.MIRROR_SIGN,
    )


def test_detector_depths_are_ignored_without_depth() -> None:
    rng = np.random.default_rng(0)
    across, confidence, hips = (
        rng.normal(size=(4, 15, 2)),
        rng.uniform(size=(4, 15)),
        rng.normal(size=(4, 3)),
    )
    one, other = (
        network.features(across, along, confidence, hips, 0.0)
        for along in rng.normal(size=(2, 4, 15))
    )
    np.testing.assert_array_equal(one, other)
    assert (one != network.features(across, rng.normal(size=(4, 15)), confidence, hips)).any()


def test_joints_lie_on_their_viewing_rays() -> None:
    """A point whose image point is not corrected reprojects onto it at any depth."""
    rng = np.random.default_rng(0)
    distance, depth = 3.0, rng.uniform(-0.8, 0.8, (4, 15))
    across = rng.normal(scale=0.5, size=(4, 15, 2))
    hips = np.tile([0.0, 0.0, 1.0 / distance], (4, 1))
    inputs = network.features(across, np.zeros((4, 15)), np.ones((4, 15)), hips, 0.0)
    outputs = np.zeros((4, 60))
    outputs[:, 2:45:3], outputs[:, 45:] = depth, np.log(0.05)
    joints, error = network.placed(inputs, outputs)
    seen = joints[..., :2] * distance / (distance - joints[..., 2:])
    np.testing.assert_allclose(seen, across, atol=1e-12)
    np.testing.assert_allclose(joints[..., 2], depth)
    np.testing.assert_allclose(error, 0.05)
