"""Hands, knees and backs that carry the body are found, put on the floor, and laid flat."""

from __future__ import annotations

import numpy as np
import pytest

from mocap.core import rotation as R
from mocap.core.kinematics import fk, local_rotations, sole_points
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, HUMANOID
from mocap.core.surface import lowest_skin, part_thickness
from mocap.solve.contacts import distance_from, find_body_contacts
from mocap.solve.hands import FINGER_BONES
from mocap.solve.palms import rest_palms
from mocap.solve.take import solve_take
from tests.helpers.noise import noisy
from tests.helpers.synthetic import keypoints_of

UP = np.array([0.0, 1.0, 0.0])
TIMES = np.arange(40) / 30.0
HANDS = [BONES.index("leftHand"), BONES.index("rightHand")]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def turn(degrees: float, *axis: float) -> np.ndarray:
    return R.from_rotation_vector(np.radians(degrees) * np.array(axis))


def plank() -> Motion:
    """Return a body on stretched arms and tiptoes, its right side to the camera, on y = 0."""
    body = R.multiply(turn(90.0, 0, 1, 0), turn(75.5, 1, 0, 0))
    world = np.tile(body, (len(BONES), 1))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        arm = R.multiply(R.multiply(body, turn(14.5, 1, 0, 0)), turn(-90.0 * sign, 0, 1, 0))
        for bone, rotation in (
            ("UpperArm", arm),
            ("LowerArm", arm),
            ("Hand", turn(90.0 - 90.0 * sign, 0, 1, 0)),
        ):
            world[BONES.index(side + bone)] = rotation
        world[FINGER_BONES[int(sign < 0.0)]] = world[BONES.index(f"{side}Hand")]
    local = np.tile(local_rotations(HUMANOID, world[None])[0], (len(TIMES), 1, 1))
    root = np.tile([0.0, 0.0, 0.0], (len(TIMES), 1))
    root[:, 1] = -lowest_skin(HUMANOID, local)
    return Motion(HUMANOID, TIMES, root, local)


def before_camera(motion: Motion, pitch: float) -> Motion:
    """Put the motion 4 m before a camera 0.6 m high that looks down by a pitch, degrees."""
    tilt = turn(pitch, 1, 0, 0)
    rotations = motion.rotations.copy()
    rotations[:, 0] = R.multiply(tilt, rotations[:, 0])
    root = R.apply(tilt, motion.root_positions + [0.0, -0.6, -4.0])
    return Motion(motion.skeleton, motion.times, root, rotations)


def test_a_plank_stands_on_hands_and_toes_before_a_tilted_camera(rng: np.random.Generator) -> None:
    """Without an upright frame, hands and toes give the up direction."""
    seen = noisy(keypoints_of(before_camera(plank(), 6.0)), rng, pixels=4.0, squash=1.0)
    found = solve_take(seen)
    positions, _ = fk(found.skeleton, found.root_positions, found.rotations)
    wrists = positions[:, HANDS, 1] - part_thickness(found.skeleton, "leftHand")
    soles = sole_points(found.skeleton, found.root_positions, found.rotations)[..., 1]
    assert np.percentile(np.abs(wrists), 95) < 0.02
    assert np.percentile(soles[:, [1, 3]], 95) < 0.02
    lowest = found.root_positions[:, 1] + lowest_skin(found.skeleton, found.rotations)
    assert np.abs(lowest).max() < 0.02


def test_palms_that_carry_are_laid_flat(rng: np.random.Generator) -> None:
    """Jittering hands above the floor lie on it and stay; trunk and legs do not move."""
    motion = plank()
    rotations = motion.rotations.copy()
    shaken = R.from_rotation_vector(rng.normal(scale=0.1, size=(len(TIMES), 4, 3)))
    arms = [BONES.index(s + b) for s in ("left", "right") for b in ("UpperArm", "Hand")]
    rotations[:, arms] = R.multiply(rotations[:, arms], shaken)
    shaky = Motion(HUMANOID, TIMES, motion.root_positions, rotations)
    found = rest_palms(shaky, np.ones((len(TIMES), 2), dtype=bool))
    positions, world = fk(HUMANOID, found.root_positions, found.rotations)
    assert R.apply(world[:, HANDS], UP)[..., 1].min() > np.cos(np.radians(1.0))
    heights = positions[:, HANDS, 1] - part_thickness(HUMANOID, "leftHand")
    assert np.abs(heights).max() < 0.01
    assert np.ptp(positions[:, HANDS][..., [0, 2]], axis=0).max() < 0.01
    arm = ("Shoulder", "Arm", "Hand", "Thumb", "Index", "Middle", "Ring", "Little")
    others = [n for n, bone in enumerate(BONES) if not any(part in bone for part in arm)]
    np.testing.assert_allclose(found.rotations[:, others], shaky.rotations[:, others], atol=1e-9)
    untouched = rest_palms(shaky, np.zeros((len(TIMES), 2), dtype=bool))
    assert untouched is shaky


@pytest.mark.parametrize(
    ("away", "height", "speed", "carries"),
    [(0.9, 0.03, 0.0, True), (0.9, 0.11, 0.0, True), (0.9, 0.3, 0.0, False),
     (0.9, 0.03, 1.0, False), (0.1, 0.03, 0.0, False)],
)  # fmt: skip
def test_low_still_parts_carry_a_body_that_is_not_above_its_feet(
    away: float, height: float, speed: float, carries: bool
) -> None:
    middle = np.tile([away, 0.0], (len(TIMES), 1))
    points = np.tile([[0.0, 0.0], [2.0 * away, 0.0]], (len(TIMES), 1, 1))

    def reach(parts: np.ndarray) -> np.ndarray:
        return distance_from(middle, points, np.concatenate([np.ones_like(parts), parts], axis=1))

    full = np.ones((len(TIMES), 1))
    found = find_body_contacts(TIMES, height * full, speed * full, reach)
    assert (found == carries).all()


def test_knuckles_of_other_hands_stay_above_the_floor() -> None:
    """Hands that point straight down stand on their knuckles."""
    motion = plank()
    rotations = motion.rotations.copy()
    rotations[:, HANDS] = R.IDENTITY  # in line with the arms, which point down
    found = rest_palms(
        Motion(HUMANOID, TIMES, motion.root_positions + [0.0, 0.03, 0.0], rotations),
        np.ones((len(TIMES), 2), dtype=bool),
    )
    positions, _ = fk(HUMANOID, found.root_positions, found.rotations)
    for bone in ("leftMiddleProximal", "rightMiddleProximal"):
        height = positions[:, BONES.index(bone), 1] - part_thickness(HUMANOID, bone)
        assert np.abs(height).max() < 0.005
