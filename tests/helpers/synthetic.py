"""Random reachable bodies, poses and motions for tests and benchmarks, seen without noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap.core import kinematics
from mocap.core import rotation as R
from mocap.core.camera import Camera
from mocap.core.keypoints import Keypoints, landmarks_of
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, HUMANOID, Skeleton

# Human ranges of motion about the rest pose's axes, degrees: (low, high) of the rotation vector's
# x, y and z on the left side (after Norkin and White, Measurement of Joint Motion, 5th ed., rounded
# inwards). The right side is their mirror image.
_RANGES = {
    "spine": ((-10, 20), (-10, 10), (-10, 10)),
    "chest": ((-10, 20), (-10, 10), (-10, 10)),
    "neck": ((-15, 15), (-25, 25), (-15, 15)),
    "head": ((-15, 15), (-25, 25), (-15, 15)),
    "UpperArm": ((-60, 60), (-70, 30), (-80, 70)),
    "UpperLeg": ((-100, 15), (-25, 25), (-10, 35)),
    "Hand": ((0, 0), (-20, 20), (-50, 50)),
    "Foot": ((-15, 35), (-15, 15), (-10, 10)),
}
# Hinges: bend about the rest axis, then roll about the limb (forearms only).
_BEND = {"LowerArm": (0, 140), "LowerLeg": (0, 130)}
_ROLL = (-70, 70)


def random_body(rng: np.random.Generator) -> Skeleton:
    """Return HUMANOID with limbs, trunk and widths scaled by up to 15 %, standing on y = 0.

    Left and right are equal.
    """
    factors = {}
    for name in ("LowerArm", "Hand", "UpperArm", "UpperLeg", "LowerLeg", "Foot", "Toes"):
        factor = rng.uniform(0.85, 1.15)
        factors |= {side + name: factor for side in ("left", "right")}
    trunk = rng.uniform(0.85, 1.15)
    body = kinematics.scaled(
        HUMANOID, factors | dict.fromkeys(("spine", "chest", "upperChest", "neck"), trunk)
    )
    # A foot's height goes with its length, so the ankle's height at rest does.
    ankle = HUMANOID.rest_positions()[BONES.index("leftFoot"), 1] * factors["leftToes"]
    offsets = body.offsets.copy()
    offsets[0, 1] += ankle - body.rest_positions()[BONES.index("leftFoot"), 1]
    return Skeleton(body.names, body.parents, offsets, body.rest_rotations)


def pose_parameters(rng: np.random.Generator, frames: int) -> dict[str, np.ndarray]:
    """Return independent uniform parameters in [0, 1], (frames, 3) for each bone that moves."""
    sided = ("UpperArm", "UpperLeg", "Hand", "Foot", "LowerArm", "LowerLeg")
    bones = [s + b for s in ("left", "right") for b in sided] + ["spine", "chest", "neck", "head"]
    return {b: rng.uniform(size=(frames, 3)) for b in bones}


def rotations_of(parameters: dict[str, np.ndarray], orientation: np.ndarray) -> np.ndarray:
    """Return local rotations (F, 55, 4) within the human ranges, hips turned by (F, 4)."""
    frames = len(orientation)
    out = np.tile(R.IDENTITY, (frames, len(BONES), 1))
    out[:, 0] = orientation
    for bone, u in parameters.items():
        right = bone.startswith("right")
        part = bone.removeprefix("left").removeprefix("right")
        mirror = np.array([1.0, -1.0, -1.0]) if right else np.ones(3)
        if part in _BEND:
            low, high = _BEND[part]
            bend = np.radians(low + (high - low) * u[:, 0])
            arm = part == "LowerArm"
            axis = (np.array([0.0, -1.0, 0.0]) if arm else np.array([1.0, 0.0, 0.0])) * mirror
            q = R.from_axis_angle(axis, bend)
            if arm:
                roll = np.radians(_ROLL[0] + (_ROLL[1] - _ROLL[0]) * u[:, 1])
                q = R.multiply(q, R.from_axis_angle(np.array([1.0, 0.0, 0.0]), roll))
        else:
            low, high = np.radians(np.array(_RANGES[part], dtype=float)).T
            q = R.from_rotation_vector((low + (high - low) * u) * mirror)
        out[:, BONES.index(bone)] = q
    return out


def random_rotation(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Return uniformly random rotations."""
    return R.normalize(rng.normal(size=(*shape, 4)))


def keypoints_of(
    motion: Motion, size: tuple[int, int] = (1280, 720), focal: float = 1100.0
) -> Keypoints:
    """Return a perfect detector's keypoints, seen from the origin along −Z (hips at z < 0)."""
    positions, world = kinematics.fk(motion.skeleton, motion.root_positions, motion.rotations)
    points = landmarks_of(positions, world)
    image = np.array(size) / 2 + focal * points[..., :2] * [1.0, -1.0] / -points[..., 2:]
    middle = points[:, [23, 24]].mean(axis=1, keepdims=True)
    return Keypoints(
        motion.times, points - middle, image, np.ones(points.shape[:2]), Camera.assumed(size)
    )


def random_poses(rng: np.random.Generator, frames: int, body: Skeleton | None = None) -> Motion:
    """Return unrelated random poses, any orientation, 4 m in front of the camera."""
    body = random_body(rng) if body is None else body
    rotations = rotations_of(pose_parameters(rng, frames), random_rotation(rng, frames))
    return Motion(body, np.arange(frames) / 30.0, np.tile([0.0, 0.0, -4.0], (frames, 1)), rotations)


def smooth_motion(
    rng: np.random.Generator, seconds: float, fps: float, speed: float = 1.0
) -> Motion:
    """Return each joint on a slow sine through its range, the body turning about a moving axis."""
    times = np.arange(round(seconds * fps)) / fps
    parameters = {}
    for bone, u in pose_parameters(rng, 1).items():
        frequency = speed * rng.uniform(0.05, 0.2, size=3)
        parameters[bone] = 0.5 + 0.5 * np.sin(2 * np.pi * (frequency * times[:, None] + u))
    spin = np.stack(
        [np.sin(0.7 * times * speed), 1.3 * times * speed, np.cos(0.4 * times * speed)], axis=1
    )
    root = np.stack(
        [0.5 * np.sin(times), 0.1 * np.cos(times), -4.0 + 0.5 * np.sin(0.5 * times)], axis=1
    )
    return Motion(
        random_body(rng), times, root, rotations_of(parameters, R.from_rotation_vector(spin))
    )


def moving(seed: int = 0, seconds: float = 3.0, fps: float = 30.0, speed: float = 1.0) -> Keypoints:
    """Return keypoints of a smooth random motion of HUMANOID."""
    return keypoints_of(smooth_motion(np.random.default_rng(seed), seconds, fps, speed))


def standing(motion: Motion) -> Motion:
    """Return the same motion on a body that stays upright and faces +Z."""
    rotations = motion.rotations.copy()
    rotations[:, 0] = R.IDENTITY
    return replace(motion, rotations=rotations)
