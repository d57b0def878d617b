"""Live: hands and toes just above the floor rest on it; higher ones stay as they are."""

from __future__ import annotations

import numpy as np
import pytest

from mocap.core import rotation as R
from mocap.core.kinematics import fk, sole_points
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, HUMANOID
from mocap.core.surface import lowest_skin, part_thickness
from mocap.solve.low import rest_low

X = np.array([1.0, 0.0, 0.0])
ARMS = [BONES.index("leftUpperArm"), BONES.index("rightUpperArm")]
HANDS = [BONES.index("leftHand"), BONES.index("rightHand")]


def plank(raised: float, frames: int = 20) -> Motion:
    """Return a body on hands and toes; the hands are above the floor by about `raised` metres."""
    rotations = np.tile(R.IDENTITY, (frames, len(BONES), 1))
    rotations[:, 0] = R.from_axis_angle(X, np.radians(70.0))
    for arm, hand, sign in zip(ARMS, HANDS, (1.0, -1.0), strict=True):
        forwards = R.from_axis_angle(np.array([0.0, 1.0, 0.0]), -sign * np.radians(80.0))
        rotations[:, arm] = forwards
        rotations[:, hand] = R.from_axis_angle(np.array([0.0, 0.0, 1.0]), sign * np.radians(70.0))
    root = np.zeros((frames, 3))
    root[:, 1] = -lowest_skin(HUMANOID, rotations)
    motion = Motion(HUMANOID, np.arange(frames) / 30.0, root, rotations)
    up = raised - float(hand_heights(motion).mean())
    # The hips turn about the toes until the hands are where they should be.
    toes = sole_points(HUMANOID, root, rotations)[0, :, 2].min()
    away = float(fk(HUMANOID, root, rotations)[0][0, HANDS, 2].mean() - toes)
    rotations[:, 0] = R.multiply(R.from_axis_angle(X, -np.arcsin(up / away)), rotations[:, 0])
    root[:, 1] = -lowest_skin(HUMANOID, rotations)
    return Motion(HUMANOID, motion.times, root, rotations)


def hand_heights(motion: Motion) -> np.ndarray:
    positions = fk(motion.skeleton, motion.root_positions, motion.rotations)[0]
    knuckles = [BONES.index("leftMiddleProximal"), BONES.index("rightMiddleProximal")]
    return np.minimum(
        positions[:, HANDS, 1] - part_thickness(HUMANOID, "leftHand"),
        positions[:, knuckles, 1] - part_thickness(HUMANOID, "leftMiddleProximal"),
    )


@pytest.mark.parametrize("raised", [0.02, 0.05])
def test_low_hands_and_toes_are_on_the_floor(raised: float) -> None:
    before = plank(raised)
    assert hand_heights(before).min() > 0.5 * raised, "there is something to mend"
    after = rest_low(before)
    assert np.abs(hand_heights(after)).max() < 0.005
    toes = sole_points(HUMANOID, after.root_positions, after.rotations)[..., 1]
    assert np.abs(toes.reshape(-1, 2, 2).min(axis=2)).max() < 0.005


def test_high_hands_stay_as_they_are() -> None:
    before = plank(0.2)
    assert rest_low(before) is before


def test_hands_come_down_to_the_floor_without_a_jump() -> None:
    heights = np.linspace(0.16, 0.0, 60)
    found = np.array([hand_heights(rest_low(plank(h, 1)))[0] for h in heights])
    assert np.abs(np.diff(found, axis=0)).max() < 4.0 * 0.16 / 59
