"""Motions for the tests of BVH, and the places of their joints."""

from __future__ import annotations

import numpy as np

from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES
from mocap.formats import euler
from tests.helpers import synthetic

TENTH_OF_A_MILLIMETRE = 0.0001


def wild_motion(seed: int, frames: int = 12) -> Motion:
    """Return a random body with every joint turned at random on every frame.

    Some turns are by 90° about x, which is gimbal lock.
    """
    rng = np.random.default_rng(seed)
    rotations = synthetic.random_rotation(rng, frames, len(BONES))
    rotations[3:6] = euler.from_axes(
        "ZXY",
        np.stack(
            [
                rng.uniform(-3, 3, (3, 55)),
                rng.choice([-1, 1], (3, 55)) * np.pi / 2,
                np.zeros((3, 55)),
            ],
            -1,
        ),
    )
    return Motion(
        synthetic.random_body(rng),
        np.arange(frames) / 30.0,
        rng.normal(size=(frames, 3)),
        rotations,
    )


def places(motion: Motion) -> dict[str, np.ndarray]:
    """Return joint → world positions (F, 3), metres."""
    positions = fk(motion.skeleton, motion.root_positions, motion.rotations)[0]
    return {name: positions[:, j] for j, name in enumerate(motion.skeleton.names)}


def worst(
    names: list[str], found: np.ndarray, expected: dict[str, np.ndarray], every: int = 1
) -> float:
    return max(
        float(np.abs(found[:, i] - expected[name][::every]).max()) for i, name in enumerate(names)
    )
