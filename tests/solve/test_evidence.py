"""Confidence of landmarks: doubted limbs that are seen move, guesses that jump do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap.core.camera import Camera
from mocap.core.keypoints import LANDMARKS, MIRRORED, Keypoints, landmarks_of
from mocap.core.kinematics import fk
from mocap.core.skeleton import HUMANOID
from mocap.solve.evidence import DOUBTED, SEEN, bend_elbows, weigh
from mocap.solve.live import CausalSolver
from tests.helpers.measures import degrees_between, directions
from tests.helpers.synthetic import keypoints_of, smooth_motion

ARM = [LANDMARKS.index(f"left_{n}") for n in ("elbow", "wrist", "index", "pinky", "thumb")]
ELBOW, WRIST, SHOULDER = (LANDMARKS.index(f"left_{n}") for n in ("elbow", "wrist", "shoulder"))


def moving(seed: int = 0, seconds: float = 1.0) -> Keypoints:
    return keypoints_of(smooth_motion(np.random.default_rng(seed), seconds, 30.0))


def changed(keypoints: Keypoints, points: list[int], **to: object) -> Keypoints:
    out = {name: getattr(keypoints, name).copy() for name in to}
    for name, value in to.items():
        out[name][:, points] = value
    return replace(keypoints, **out)


@pytest.mark.parametrize("confidence", [0.0, 0.05, 0.2])
def test_a_doubted_limb_inside_the_picture_moves_like_a_seen_one(confidence):
    seen = moving()
    doubted = changed(seen, ARM, confidence=confidence)
    found = [
        directions(fk(m.skeleton, m.root_positions, m.rotations)[0])
        for m in (CausalSolver().solve(k) for k in (seen, doubted))
    ]
    assert degrees_between(*found).max() < 3.0


def test_landmarks_outside_the_picture_keep_their_own_confidence():
    keypoints = changed(moving(), ARM, image=[-50.0, 100.0], confidence=0.1)
    weighed, _, _ = weigh(keypoints)
    np.testing.assert_allclose(weighed.confidence[:, ARM], 0.1)


def test_trust_never_falls_below_a_confidence_that_the_detector_is_sure_of():
    keypoints = moving()
    weighed, implied, _ = weigh(keypoints)
    assert (weighed.confidence >= keypoints.confidence).all()
    assert not implied.any()


def test_a_doubted_landmark_that_jumps_is_not_trusted():
    keypoints = changed(moving(), [WRIST], confidence=0.1)
    image = keypoints.image.copy()
    image[10, WRIST] = [1200.0, 700.0]
    weighed, _, _ = weigh(replace(keypoints, image=image))
    assert (weighed.confidence[10:12, WRIST] < SEEN).all()
    assert (weighed.confidence[:10, WRIST] >= DOUBTED - 1e-9).all()


def test_results_do_not_depend_on_chunks():
    keypoints = changed(moving(), ARM, confidence=0.1)
    whole, _, _ = weigh(keypoints)
    state, parts = None, []
    for n in range(len(keypoints)):
        part, _, state = weigh(keypoints.slice(n, n + 1), state)
        parts.append(part.confidence)
    np.testing.assert_allclose(np.concatenate(parts), whole.confidence)


def at_a_desk() -> Keypoints:
    """Return a body whose left elbow is below the picture, the hand before the chest."""
    keypoints = changed(moving(), [ELBOW], image=[640.0, 900.0], confidence=0.03)
    return replace(keypoints, camera=Camera.assumed((1280, 720)))


def test_an_elbow_outside_the_picture_follows_from_shoulder_and_wrist():
    weighed, implied, _ = weigh(at_a_desk())
    assert implied[:, 0].all()
    assert not implied[:, 1].any()
    assert np.isnan(weighed.image[:, ELBOW]).all()
    bent = bend_elbows(weighed.positions, implied)
    others = [i for i in range(33) if i != ELBOW]
    np.testing.assert_array_equal(bent[:, others], weighed.positions[:, others])
    lengths = np.linalg.norm(bent[:, ELBOW] - bent[:, SHOULDER], axis=-1)
    np.testing.assert_allclose(lengths, lengths[0], atol=1e-6)


def test_the_elbow_of_a_hand_before_the_chest_hangs_outwards():
    rest = landmarks_of(HUMANOID.rest_positions(), HUMANOID.rest_rotations)[None].copy()
    rest[:, WRIST] = rest[:, SHOULDER] + [-0.05, -0.15, 0.3]
    bent = bend_elbows(rest, np.array([[True, False]]))[0]
    middle = 0.5 * (bent[SHOULDER] + bent[WRIST])
    assert bent[ELBOW, 1] < middle[1] - 0.05
    assert bent[ELBOW, 0] > middle[0], "the left is +x"


def test_a_mirrored_body_gets_mirrored_elbows():
    keypoints = moving()
    flip = np.array([-1.0, 1.0, 1.0])
    both = np.ones((len(keypoints), 2), dtype=bool)
    there = bend_elbows(keypoints.positions, both)[:, MIRRORED] * flip
    back = bend_elbows(keypoints.positions[:, MIRRORED] * flip, both)
    np.testing.assert_allclose(there, back, atol=1e-9)
