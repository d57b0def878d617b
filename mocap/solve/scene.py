"""Several people in one world: one floor, and correct distances between them, from one camera.

Each motion is solved in its own world, whose origin is below the performer. The image points of the
landmarks give the pose of that world relative to the camera. The camera's height above each
person's floor then gives their relative sizes: one camera cannot distinguish a small person from a
distant one, but a small person on the same floor appears lower in the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.camera import fit_translation
from mocap.core.keypoints import Keypoints, landmarks_of
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.core.skeleton import Skeleton

# Largest number of frames from which the camera's pose is found.
_FRAMES = 200
# Scale of the robust loss, as a share of the picture's longer side.
_ROBUST = 0.01
# Standard deviations: of the logarithm of a person's scale (adults' heights vary by 4 %, and the
# detector's estimates by as much); of the camera's tilt, radians; and of the logarithm of the
# camera's height above a floor, because feet are found to a few centimetres.
_SCALE, _TILT, _HEIGHT = 0.06, np.radians(2.0), 0.03


@dataclass(frozen=True, eq=False, slots=True)
class Extrinsics:
    """The pose of a motion's world relative to the camera.

    Attributes:
        rotation: (4,) rotation from world to camera axes, xyzw.
        translation: (3,) position of the world's origin in camera axes, metres.
    """

    rotation: Float[ndarray, "4"]
    translation: Float[ndarray, "3"]


def find_extrinsics(motion: Motion, keypoints: Keypoints) -> Extrinsics:
    """Return the pose of a motion's world relative to the camera.

    The pose minimises the distances between projected landmarks and image points over the take,
    with a robust loss.

    Args:
        motion: A humanoid motion, at the times of the keypoints.
        keypoints: The keypoints from which it was solved.
    """
    from scipy.optimize import least_squares

    seen = np.flatnonzero(np.isfinite(keypoints.image).all(axis=(1, 2)))
    seen = seen[np.linspace(0, len(seen) - 1, min(len(seen), _FRAMES)).astype(int)]
    world = landmarks_of(*fk(motion.skeleton, motion.root_positions[seen], motion.rotations[seen]))
    image, confidence = keypoints.image[seen], keypoints.confidence[seen]
    camera = keypoints.camera
    start = np.nanmedian(fit_translation(world, image, confidence, camera), axis=0)
    if not np.isfinite(start).all():
        start = np.array([0.0, -1.0, -3.0])
    scale = np.sqrt(confidence)[..., None] / (_ROBUST * max(camera.size))

    def residuals(pose: ndarray) -> ndarray:
        points = R.apply(R.from_rotation_vector(pose[:3]), world) + pose[3:]
        # Points behind the camera have no image; they are moved just in front of it.
        points = np.concatenate([points[..., :2], np.minimum(points[..., 2:], -0.05)], axis=-1)
        return ((camera.project(points) - image) * scale).ravel()

    pose = least_squares(residuals, np.append(np.zeros(3), start), loss="soft_l1").x
    return Extrinsics(R.from_rotation_vector(pose[:3]), pose[3:])


def in_one_world(motions: Sequence[Motion], takes: Sequence[Keypoints]) -> list[Motion]:
    """Return the motions in one world with a common floor, y = 0, and correct distances.

    The world's origin is on the floor below the first person's start; the camera looks along −z.

    Args:
        motions: The humanoid motion of each person, each in its own world.
        takes: The keypoints from which each was solved, of one camera.
    """
    placed = [find_extrinsics(m, k) for m, k in zip(motions, takes, strict=True)]
    # The common up direction is the mean of the people's, weighted by how long each is seen.
    weights = [float(np.isfinite(k.image[:, 0, 0]).sum()) for k in takes]
    ups = np.array([R.apply(p.rotation, np.array([0.0, 1.0, 0.0])) for p in placed])
    up = R.normalize(np.average(ups, axis=0, weights=weights))
    upright = R.between(up, np.array([0.0, 1.0, 0.0]))
    middles = np.array([_middle(m, k) for m, k in zip(motions, takes, strict=True)])
    # Each person's floor below the middle of the path, relative to the camera.
    floors = np.array(
        [
            R.apply(upright, R.apply(p.rotation, m * [1.0, 0.0, 1.0]) + p.translation)
            for p, m in zip(placed, middles, strict=True)
        ]
    )
    scales = _scales(floors)
    out = []
    for motion, p, middle, floor, scale in zip(
        motions, placed, middles, floors, scales, strict=True
    ):
        # Each person keeps the own up direction; only the heading comes from the common world.
        turned = R.multiply(upright, p.rotation)
        heading = R.between(R.apply(turned, np.array([0.0, 1.0, 0.0])), np.array([0.0, 1.0, 0.0]))
        turn = R.multiply(heading, turned)
        moved = R.apply(turn, motion.root_positions - middle * [1.0, 0.0, 1.0])
        moved = (moved + floor * [1.0, 0.0, 1.0]) * scale
        rotations = motion.rotations.copy()
        rotations[:, 0] = R.multiply(turn, rotations[:, 0])
        s = motion.skeleton
        body = Skeleton(s.names, s.parents, s.offsets * scale, s.rest_rotations)
        out.append(replace(motion, skeleton=body, root_positions=moved, rotations=rotations))
    first = out[0].root_positions[0] * [1.0, 0.0, 1.0]
    return [replace(m, root_positions=m.root_positions - first) for m in out]


def _middle(motion: Motion, keypoints: Keypoints) -> ndarray:
    """Return the mean position (3,) of the root in frames where the person is seen."""
    seen = np.isfinite(keypoints.image).all(axis=(1, 2))
    return np.asarray(motion.root_positions[seen].mean(axis=0))


def _scales(floors: Float[ndarray, "people 3"]) -> Float[ndarray, "people"]:
    """Return the factor by which each person must be scaled so that all stand on one floor.

    The unknowns are the scales, the camera's height and an error of its tilt. They are found by
    least squares with the standard deviations above.

    Args:
        floors: The floor below each person, metres from the camera, y up.
    """
    from scipy.optimize import least_squares

    n = len(floors)
    height, distance = -floors[:, 1], np.linalg.norm(floors[:, [0, 2]], axis=1)
    if n < 2 or (height < 0.1).any():  # a camera on the floor cannot measure distances on it
        return np.ones(n)

    def residuals(x: ndarray) -> ndarray:
        logs, tilt, camera = x[:n], x[n], x[n + 1]
        above = np.maximum(height + tilt * distance, 0.02)
        return np.concatenate(
            [logs / _SCALE, [tilt / _TILT], (logs + np.log(above) - camera) / _HEIGHT]
        )

    start = np.append(np.zeros(n + 1), float(np.log(height).mean()))
    return np.exp(least_squares(residuals, start).x[:n])
