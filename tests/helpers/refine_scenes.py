"""Takes and costs for the tests of the bake's optimiser."""

from dataclasses import replace
from unittest.mock import patch

import numpy as np

from mocap.core import rotation as R
from mocap.core.camera import Camera, fit_translation
from mocap.core.filter import fill_gaps
from mocap.core.keypoints import LANDMARKS, Keypoints, landmarks_of
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES
from mocap.solve import take
from mocap.solve.body import solve_body
from mocap.solve.measure import measure_body
from mocap.solve.refine import Prior, refine_landmarks
from mocap.solve.refine.body import (
    NAMES,
    POINTS,
    REST,
    TREE,
)
from mocap.solve.refine.costs import Evidence, Limit
from mocap.solve.refine.ground import (
    RISE,
    TOUCHING,
    Ground,
    places_of,
)
from mocap.solve.refine.limits import find_limits
from mocap.solve.refine.sight import Sight
from mocap.solve.root import settle_root, stand
from mocap.solve.take import solve_take
from mocap.solve.tuning import SolveOptions
from tests.helpers.noise import FOCAL, SIZE
from tests.helpers.synthetic import keypoints_of

HIPS = [LANDMARKS.index("left_hip"), LANDMARKS.index("right_hip")]


CAMERA = Camera(FOCAL, (SIZE[0] / 2, SIZE[1] / 2), SIZE)


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
