"""Made motions that nothing was tuned on, seen with a sketched detector's errors: the bake.

Motions of `made_motions`, whose truth is known, before a camera that looks down by 8° and by 25°,
which the solver does not know. The errors are those with which the lifter's training sketches a
detector (`mocap.lift.training.noise`): depths that are squashed, lean and wander, image points that
stay and wander off, and limbs that the body hides, whose confidence is low.

    direction    degrees between true and found limbs, detector and bake, after one rotation
    lowest       centimetres: the lowest skin above the floor, the minimum; and the 95th percentile
                 of what it is above the true one: bodies that float
    tilt         degrees between the true and the found pelvis' pitch, median
    pops         steps in which a limb, hand or foot turns by more than 35°: true, found
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap.core import rotation as R
from mocap.core.camera import Camera
from mocap.core.keypoints import LANDMARKS, Keypoints, landmarks_of
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.lift.landmarks import JOINT_OF, joints_of
from mocap.lift.training import noise
from mocap.lift.training.stage import wandering
from mocap.solve.take import solve_take

from . import made_loads, made_motions
from .measures import JOINTS, LANDMARK_JOINTS, Shown, direction, turned_onto
from .table import Cell, Table
from .views import surface_heights

_SIZE, _FOCAL, _DISTANCE = (1280, 720), 1100.0, 4.0
_YAWS, _PITCHES = (20.0, 90.0, 140.0, 180.0), (8.0, 25.0)
# Confidence of landmarks that the own body hides, as in footage of push-ups; those of trunk and
# head stay sure. A landmark is hidden by another one that is this near it across the ray and nearer
# to the camera, metres.
_HIDDEN = {"elbow": 0.12, "wrist": 0.25, "index": 0.3, "pinky": 0.3, "thumb": 0.3, "knee": 0.03,
           "ankle": 0.1, "heel": 0.35, "foot_index": 0.4}  # fmt: skip
_SURE, _COVERS = 0.98, 0.12
_LOW = np.array(
    [_HIDDEN.get(n.removeprefix("left_").removeprefix("right_"), _SURE) for n in LANDMARKS]
)
_POP = 35.0


def filmed(motion: Motion, yaw: float, pitch: float) -> Keypoints:
    """Return exact keypoints, with the confidence of hidden landmarks; angles in degrees."""
    down = R.from_rotation_vector(np.radians(pitch) * np.array([1.0, 0.0, 0.0]))
    around = R.from_rotation_vector(np.radians(yaw) * np.array([0.0, 1.0, 0.0]))
    points = landmarks_of(*fk(motion.skeleton, motion.root_positions, motion.rotations))
    middle = motion.root_positions.mean(axis=0)
    points = R.apply(down, R.apply(around, points - middle)) - [0.0, 0.0, _DISTANCE]
    image = np.array(_SIZE) / 2 + _FOCAL * points[..., :2] * [1.0, -1.0] / -points[..., 2:]
    across, depth = points[..., :2], points[..., 2]
    near = np.linalg.norm(across[:, :, None] - across[:, None], axis=-1) < _COVERS
    hidden = (near & (depth[:, None] > depth[:, :, None] + _COVERS)).any(axis=2)
    hips = points[:, [23, 24]].mean(axis=1, keepdims=True)
    confidence = np.where(hidden, _LOW, 0.95)
    return Keypoints(motion.times, points - hips, image, confidence, Camera.assumed(_SIZE))


def sketched(exact: Keypoints, rng: np.random.Generator) -> Keypoints:
    """Return the keypoints with a sketched detector's errors."""
    frames = len(exact)
    hidden = joints_of((exact.confidence < 0.5)[..., None].astype(float))[..., 0]
    joints = joints_of(exact.positions)
    depth = noise._sketched_depth(rng, joints[None], hidden[None])[0] - joints[..., 2]
    off = noise._STAYS * rng.uniform(0.3, 1.3) * rng.standard_normal((1, 1, 15, 2))
    off = off + noise._WANDERS * wandering(rng, (1, frames, 15, 2), 0.3)
    off = off + 0.05 * hidden[None, ..., None] * wandering(rng, (1, frames, 15, 2), 0.4)
    across = off[0][:, JOINT_OF]
    positions = exact.positions + np.concatenate([across, depth[:, JOINT_OF, None]], axis=-1)
    image = exact.image + across * [1.0, -1.0] * _FOCAL / _DISTANCE
    trembles = np.exp(0.3 * wandering(rng, (1, frames, 33), 0.3)[0])
    return replace(
        exact,
        positions=positions - positions[:, [23, 24]].mean(axis=1, keepdims=True),
        image=image,
        confidence=np.clip(exact.confidence * trembles, 0.0, 1.0),
    )


def _pops(motion: Motion) -> int:
    world = fk(motion.skeleton, motion.root_positions, motion.rotations)[1][:, JOINTS]
    turned = np.degrees(R.distance(world[1:], world[:-1])) > _POP
    return int(turned.any(axis=1).sum())


def _pitch(motion: Motion) -> np.ndarray:
    up = R.apply(motion.rotations[:, 0], np.array([0.0, 1.0, 0.0]))[:, 1]
    return np.degrees(np.arcsin(np.clip(up, -1.0, 1.0)))


def _figures(motion: Motion, yaw: float, pitch: float, seed: int) -> np.ndarray:
    """Return direction of detector and bake, lowest, floating, tilt, and pops true and found."""
    seen = sketched(filmed(motion, yaw, pitch), np.random.default_rng(seed))
    found = solve_take(seen)
    joints, truth = Shown.of(found).joints, Shown.of(motion).joints
    ours, theirs = (
        100.0 * np.min(list(surface_heights(m).values()), axis=0) for m in (found, motion)
    )
    detected = seen.positions[:, LANDMARK_JOINTS]
    return np.array([
        direction(turned_onto(detected, truth), truth).mean(),
        direction(turned_onto(joints, truth), truth).mean(),
        ours.min(),
        np.percentile(ours - np.maximum(theirs, 0.0), 95),
        np.median(np.abs(_pitch(found) - _pitch(motion))),
        _pops(motion),
        _pops(found),
    ])  # fmt: skip


def tables(quick: bool = False) -> list[Table]:
    """The one table, a row for each motion: means, and the worst of lowest and floating."""
    rows: list[tuple[Cell, ...]] = []
    for name, motion in (made_motions.motions() | made_loads.motions()).items():
        views = [(y, p) for y in _YAWS for p in _PITCHES][: 1 if quick else None]
        each = np.array([_figures(motion, y, p, n) for n, (y, p) in enumerate(views)])
        mean = each.mean(axis=0).tolist()
        low, high = float(each[:, 2].min()), float(each[:, 3].max())
        rows.append((name, mean[0], mean[1], (low, high), mean[4], (mean[5], mean[6])))
        if quick:
            break
    columns = (
        "motion", "detector, °", "bake, °", "lowest / floats, worst, cm", "tilt, °",
        "pops: true / found",
    )  # fmt: skip
    note = f"{len(_YAWS) * len(_PITCHES)} views each; errors of a sketched detector."
    return [Table("Made motions", columns, tuple(rows), "", note)]
