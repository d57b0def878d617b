"""Several people in one world: one camera, one floor, and right distances between them.

Each motion is solved in a world of its own that begins below the performer. From how the motion's
landmarks are seen follows where that world lies before the camera, and from the camera's height
above each one's floor how large they are to each other: one camera cannot tell a small person from
a distant one, but a small person who stands on the same floor is seen lower in the picture.
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

# Frames of a take that the camera's place is found from, at most.
_FRAMES = 200
# Pixels, as part of the picture's longer side: residuals beyond it weigh less.
_ROBUST = 0.01
# Deviations: of the logarithm of a person's scale (adults' statures vary by 4 %, the detector's
# idea of them by as much); of the camera's tilt, radians; of a floor's height as the logarithm of
# the camera's height above it, with feet that were found to a few centimetres.
_SCALE, _TILT, _HEIGHT = 0.06, np.radians(2.0), 0.03


@dataclass(frozen=True, eq=False, slots=True)
class Extrinsics:
    """A motion's world before the camera.

    Attributes:
        rotation: World axes to camera axes, unit quaternion.
        translation: (3,) the world's origin in camera axes, metres.
    """

    rotation: Float[ndarray, "4"]
    translation: Float[ndarray, "3"]


def place(motion: Motion, keypoints: Keypoints) -> Extrinsics:
    """Return where a motion's world lies before the camera that saw its keypoints.

    The pose of least squared distances between the projected landmarks and the image points, with
    a robust loss, over the take.

    Args:
        motion: A humanoid motion, at the keypoints' times.
        keypoints: What it was solved from.
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
        # Points behind the camera would have no image; near it they are only very wrong.
        points = np.concatenate([points[..., :2], np.minimum(points[..., 2:], -0.05)], axis=-1)
        return ((camera.project(points) - image) * scale).ravel()

    pose = least_squares(residuals, np.append(np.zeros(3), start), loss="soft_l1").x
    return Extrinsics(R.from_rotation_vector(pose[:3]), pose[3:])


def in_one_world(motions: Sequence[Motion], takes: Sequence[Keypoints]) -> list[Motion]:
    """Return the motions in one world with a common floor, y = 0, and right distances.

    The world's origin is below the camera's view of the first person's first frame; the camera
    looks along −z.

    Args:
        motions: A humanoid motion of each person, each in its own world.
        takes: The keypoints that each was solved from, of one camera.
    """
    placed = [place(m, k) for m, k in zip(motions, takes, strict=True)]
    # One up for all: the mean of what each one's standing says, by how long it is seen.
    weights = [float(np.isfinite(k.image[:, 0, 0]).sum()) for k in takes]
    ups = np.array([R.apply(p.rotation, np.array([0.0, 1.0, 0.0])) for p in placed])
    up = R.normalize(np.average(ups, axis=0, weights=weights))
    upright = R.between(up, np.array([0.0, 1.0, 0.0]))
    middles = np.array([_middle(m, k) for m, k in zip(motions, takes, strict=True)])
    # Where each one's floor below the middle of their path is, the camera being at the origin.
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
        # Their own up stays up; only the heading is the common world's.
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
    """Return the middle (3,) of the path where the person is seen."""
    seen = np.isfinite(keypoints.image).all(axis=(1, 2))
    return np.asarray(motion.root_positions[seen].mean(axis=0))


def _scales(floors: Float[ndarray, "people 3"]) -> Float[ndarray, "people"]:
    """Return by how much each person must be scaled for all to stand on one floor.

    Unknown are the scales, the camera's height, and an error of its tilt, all with deviations.

    Args:
        floors: The floor below each person, metres from the camera, y up.
    """
    from scipy.optimize import least_squares

    n = len(floors)
    height, distance = -floors[:, 1], np.linalg.norm(floors[:, [0, 2]], axis=1)
    if n < 2 or (height < 0.1).any():  # the camera is on the floor, which then tells nothing
        return np.ones(n)

    def residuals(x: ndarray) -> ndarray:
        logs, tilt, camera = x[:n], x[n], x[n + 1]
        above = np.maximum(height + tilt * distance, 0.02)
        return np.concatenate(
            [logs / _SCALE, [tilt / _TILT], (logs + np.log(above) - camera) / _HEIGHT]
        )

    start = np.append(np.zeros(n + 1), float(np.log(height).mean()))
    return np.exp(least_squares(residuals, start).x[:n])
