"""Hands that touch on other proportions, and hands that do not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocap.core import kinematics
from mocap.core import rotation as R
from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.core.skeleton import BONES, HUMANOID, Skeleton
from mocap.retargeting import leg_length, retarget
from mocap.retargeting.body import body_of
from tests.helpers import made_rigs, synthetic

seeds = st.integers(0, 2**32 - 1)
KNUCKLES = ("leftMiddleProximal", "rightMiddleProximal")


def hanging(body: Skeleton) -> Motion:
    """Return a pose with straight arms down and hands at the thighs."""
    rotations = np.tile(R.IDENTITY, (1, len(BONES), 1))
    for side, sign in (("left", -1.0), ("right", 1.0)):
        rotations[:, BONES.index(f"{side}UpperArm")] = R.from_axis_angle(
            np.array([0.0, 0.0, 1.0]), sign * 0.5 * np.pi
        )
    return Motion(body, np.zeros(1), body.offsets[:1], rotations)


def clapping(body: Skeleton, frames: int = 40) -> Motion:
    """Return arms that move from the sides until the hands meet before the chest, and back.

    The arms mirror each other, so the hands meet for any elbows.
    """
    t = np.sin(np.linspace(0.0, np.pi, frames)) ** 2
    rotations = np.tile(R.IDENTITY, (frames, len(BONES), 1))
    low, high = 0.0, 120.0
    for _ in range(20):  # the bend of the elbows at which the hands meet
        middle = 0.5 * (low + high)
        pose = rotations[:1].copy()
        _bend(pose, np.ones(1), middle)
        gap = float(_gap(Motion(body, np.zeros(1), body.offsets[:1], pose))[0])
        low, high = (middle, high) if gap > 0.03 else (low, middle)
    _bend(rotations, t, low)
    return Motion(body, np.arange(frames) / 30.0, np.tile(body.offsets[0], (frames, 1)), rotations)


def _bend(rotations: np.ndarray, t: np.ndarray, elbow: float) -> None:
    for side, sign in (("left", 1.0), ("right", -1.0)):
        for bone, degrees in (("UpperArm", 65.0), ("LowerArm", elbow)):
            turn = np.zeros((len(t), 3))
            turn[:, 1] = -sign * np.radians(degrees) * t
            rotations[:, BONES.index(side + bone)] = R.from_rotation_vector(turn)


def _gap(motion: Motion) -> np.ndarray:
    """Return the sideways distance of the knuckles, metres (F,); negative if crossed."""
    positions, _ = kinematics.fk(motion.skeleton, motion.root_positions, motion.rotations)
    return positions[:, BONES.index(KNUCKLES[0]), 0] - positions[:, BONES.index(KNUCKLES[1]), 0]


def places(motion: Motion, rig: Rig) -> dict[str, np.ndarray]:
    positions, _ = kinematics.fk(motion.skeleton, motion.root_positions, motion.rotations)
    return {b: positions[:, rig.index(b)] for b in rig.bones}


def other_body(rng: np.random.Generator, arms: float, width: float) -> Skeleton:
    """Return a random body with other lengths of arms and shoulders."""
    factors = {s + b: arms for s in ("left", "right") for b in ("LowerArm", "Hand")} | {
        s + "UpperArm": width for s in ("left", "right")
    }
    return kinematics.scaled(synthetic.random_body(rng), factors)


@settings(max_examples=8, deadline=None)
@given(seeds, st.floats(0.7, 1.3), st.floats(0.7, 1.5), st.floats(0.3, 4.0))
def test_hands_that_touch_still_touch_at_any_proportions(
    seed: int, arms: float, width: float, height: float
) -> None:
    rng = np.random.default_rng(seed)
    motion = clapping(synthetic.random_body(rng))
    rig = made_rigs.rig(rng, height, body=other_body(rng, arms, width), arms=40.0)
    ratio = leg_length(body_of(rig)) / leg_length(motion.skeleton)
    moved = places(retarget(motion, rig, keep_touch=True), rig)
    apart = np.linalg.norm(moved[KNUCKLES[0]] - moved[KNUCKLES[1]], axis=-1)
    met = int(np.argmin(np.abs(_gap(motion))))
    # Unless the arms are too short.
    reach = sum(
        np.linalg.norm(rig.skeleton.offsets[rig.index(f"left{b}")]) for b in ("LowerArm", "Hand")
    )
    wide = abs(moved["leftUpperArm"][met, 0] - moved["rightUpperArm"][met, 0])
    if reach > 0.7 * wide:
        assert apart[met] < 0.08 * ratio
    free = places(retarget(motion, rig), rig)
    for bone in ("hips", "head", "leftUpperArm", "leftFoot"):
        assert np.abs(free[bone] - moved[bone]).max() < 1e-9


@pytest.mark.parametrize("arms", [0.8, 1.25])
def test_keep_touch_brings_hands_closer_together(arms: float) -> None:
    rng = np.random.default_rng(4)
    motion = clapping(HUMANOID)
    rig = made_rigs.rig(rng, body=other_body(rng, arms, 1.0))
    met = int(np.argmin(np.abs(_gap(motion))))
    gaps = []
    for keep in (False, True):
        moved = places(retarget(motion, rig, keep), rig)
        gaps.append(
            abs(
                np.linalg.norm(moved[KNUCKLES[0]][met] - moved[KNUCKLES[1]][met])
                - abs(_gap(motion)[met])
            )
        )
    assert gaps[1] < 0.02
    assert gaps[0] > 3.0 * gaps[1]


def beside_thigh(at: dict[str, np.ndarray], side: str) -> np.ndarray:
    """Return a hand's offset from the hip, in hip widths across and ahead, thigh lengths down."""
    hip, knee, hand = (at[side + bone][0] for bone in ("UpperLeg", "LowerLeg", "MiddleProximal"))
    width = np.linalg.norm(at["leftUpperLeg"][0] - at["rightUpperLeg"][0])
    return (hand - hip) / [width, np.linalg.norm(knee - hip), width]


@pytest.mark.parametrize(("arms", "width"), [(1.25, 1.0), (1.15, 1.2), (1.25, 0.8)])
@pytest.mark.parametrize("seed", range(3))
def test_a_hand_on_the_body_touches_the_same_place_on_another_body(
    seed: int, arms: float, width: float
) -> None:
    """Hands at the thighs of bodies whose arms would otherwise hang lower or elsewhere."""
    rng = np.random.default_rng(seed)
    motion = hanging(HUMANOID)
    rig = made_rigs.rig(
        rng, float(rng.uniform(0.3, 4.0)), body=other_body(rng, arms, width), arms=40.0
    )
    positions, _ = kinematics.fk(HUMANOID, motion.root_positions, motion.rotations)
    theirs = {b: positions[:, i] for i, b in enumerate(BONES)}
    free, kept = (places(retarget(motion, rig, keep), rig) for keep in (False, True))
    for side in ("left", "right"):
        away = [
            np.linalg.norm(beside_thigh(at, side) - beside_thigh(theirs, side))
            for at in (free, kept)
        ]
        assert away[1] < 0.05
        assert away[0] > 3.0 * away[1]


def test_arms_without_contact_are_unchanged() -> None:
    rng = np.random.default_rng(2)
    spread = Motion(
        HUMANOID,
        np.arange(3.0),
        np.tile(HUMANOID.offsets[0], (3, 1)),
        np.tile(R.IDENTITY, (3, len(BONES), 1)),
    )
    rig = made_rigs.rig(rng, body=other_body(rng, 1.3, 0.8), arms=50.0)
    assert (
        np.abs(
            retarget(spread, rig, keep_touch=True).rotations - retarget(spread, rig).rotations
        ).max()
        < 1e-12
    )


def test_hands_stay_in_place_on_the_performers_body() -> None:
    rng = np.random.default_rng(9)
    motion = clapping(synthetic.random_body(rng))
    rig = made_rigs.rig(rng, body=motion.skeleton)
    free, kept = (places(retarget(motion, rig, keep), rig) for keep in (False, True))
    assert np.abs(free["leftHand"] - kept["leftHand"]).max() < 0.002


def test_approaching_hands_do_not_jump() -> None:
    rng = np.random.default_rng(6)
    motion = clapping(HUMANOID, 400)  # so slowly that a jump is larger than any step
    rig = made_rigs.rig(rng, body=other_body(rng, 0.85, 1.2))
    speeds = [
        np.linalg.norm(
            np.diff(places(retarget(motion, rig, k), rig)["leftHand"], axis=0), axis=-1
        ).max()
        for k in (False, True)
    ]
    assert speeds[1] < 2.0 * speeds[0]
