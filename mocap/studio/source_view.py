"""Where a take's camera stands in the world of its motion: the view that lays avatar over picture.

The solver levels a motion, stands it on the floor and puts it on the avatar's body, so the camera
of the keypoints cannot be carried along exactly. Here it is found from the result: one direction a
take and one place a frame, with which the avatar's landmarks fall on those of the picture as well
as its own proportions allow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.camera import Camera, fit_translation
from mocap.core.filter import smooth
from mocap.core.keypoints import Keypoints, landmarks_of
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.solve.cuts import find_cuts
from mocap.stream.clip import ClipSource
from mocap.studio.pictures import read_index

_FRAMES = 120  # of a take, as many as its camera's direction is found from
_ROUNDS = 12
_STEP, _ENOUGH = 1e-4, 1e-5  # radians
# The place, split into directions of the ray and the logarithm of its length, is smoothed, Hz.
_ACROSS, _ALONG = 6.0, 2.0


@dataclass(frozen=True, eq=False, slots=True)
class SourceView:
    """A camera in the world of a motion.

    Attributes:
        camera: Its picture and focal length.
        positions: (F, 3) where it stands, metres.
        rotations: (F, 4) xyzw, from its axes (x right, +Y up, −Z into the picture) to the world's.
    """

    camera: Camera
    positions: Float[ndarray, "frames 3"]
    rotations: Float[ndarray, "frames 4"]

    def project(self, points: Float[ndarray, "frames n 3"]) -> Float[ndarray, "frames n 2"]:
        """Return the pixels of points of the world, (F, N, 3) metres; NaN behind the camera."""
        away = points - self.positions[:, None]
        return self.camera.project(R.apply(R.conjugate(self.rotations)[:, None], away))


def source_view(keypoints: Keypoints, motion: Motion) -> SourceView | None:
    """Find the camera of keypoints in the world of the motion that was solved from them.

    Args:
        keypoints: The take.
        motion: Its motion on any humanoid body, frame for frame.

    Returns:
        The view; None where no frame shows enough of a person.
    """
    landmarks = landmarks_of(*fk(motion.skeleton, motion.root_positions, motion.rotations))
    edges = [0, *find_cuts(keypoints), len(keypoints)]
    positions = np.full((len(keypoints), 3), np.nan)
    rotations = np.tile(R.IDENTITY, (len(keypoints), 1))
    for start, end in pairwise(edges):
        part = slice(start, end)
        to_camera = _direction(keypoints.slice(start, end), landmarks[part])
        place = _places(keypoints.slice(start, end), landmarks[part], to_camera)
        rotations[part] = R.conjugate(to_camera)
        positions[part] = R.apply(rotations[start], -place)
    seen = np.flatnonzero(np.isfinite(positions[:, 0]))
    if not len(seen):
        return None
    frames = np.arange(len(keypoints))
    positions = np.stack([np.interp(frames, seen, positions[seen, i]) for i in range(3)], axis=1)
    return SourceView(keypoints.camera, positions, rotations)


def clip_source(pictures: Path, keypoints: Keypoints, shown: Motion) -> ClipSource | None:
    """Describe the pictures of a take for its clip.

    Args:
        pictures: Where they would lie.
        keypoints: The take.
        shown: Its motion as it is shown, frame for frame.

    Returns:
        The pictures and the camera; None where the take has none.
    """
    index = read_index(pictures) if pictures.is_file() else None
    if index is None or not index.times:
        return None
    camera, view = keypoints.camera, source_view(keypoints, shown)
    width, height = camera.size
    places = None
    if view is not None:
        places = np.round(np.concatenate([view.positions, view.rotations], axis=1), 5).tolist()
    start = float(shown.times[0])
    return ClipSource(
        [round(time - start, 4) for time in index.times],
        index.offsets,
        round(width / height, 5),
        2.0 * math.atan(0.5 * height / camera.focal),
        places,
    )


def _direction(keypoints: Keypoints, landmarks: ndarray) -> ndarray:
    """Return the rotation from the world's axes to the camera's, by Gauss-Newton in the picture.

    The places are eliminated: for each direction they are those of `fit_translation`.
    """
    chosen = np.unique(np.linspace(0, len(keypoints) - 1, _FRAMES).astype(int))
    image, camera = keypoints.image[chosen], keypoints.camera
    trust = np.nan_to_num(keypoints.confidence[chosen])
    points = landmarks[chosen] - landmarks[chosen].mean(axis=1, keepdims=True)
    wanted = camera.rays(image)[..., :2]

    def off(rotation: ndarray) -> ndarray:
        turned = R.apply(rotation, points)
        at = turned + fit_translation(turned, image, trust, camera)[:, None]
        seen = at[..., :2] / -at[..., 2:]
        return np.asarray(np.nan_to_num((seen - wanted) * trust[..., None]))

    rotation = R.IDENTITY
    for _ in range(_ROUNDS):
        now = off(rotation)
        size = np.linalg.norm(now, axis=-1, keepdims=True)
        usual = np.median(size[size > 0.0]) if (size > 0.0).any() else 1.0
        weight = 1.0 / np.sqrt(np.maximum(1.0, size / (2.0 * usual)))  # Huber
        slopes = [
            (off(R.multiply(R.from_rotation_vector(_STEP * axis), rotation)) - now) / _STEP
            for axis in np.eye(3)
        ]
        matrix = np.stack([(slope * weight).ravel() for slope in slopes], axis=1)
        step = -np.linalg.lstsq(matrix, (now * weight).ravel(), rcond=None)[0]
        rotation = R.normalize(R.multiply(R.from_rotation_vector(step), rotation))
        if np.linalg.norm(step) < _ENOUGH:
            break
    return rotation


def _places(keypoints: Keypoints, landmarks: ndarray, to_camera: ndarray) -> ndarray:
    """Return the world's origin in the camera's axes, (F, 3) metres; NaN without a person."""
    turned = R.apply(to_camera, landmarks)
    middle = turned.mean(axis=1)
    confidence = np.nan_to_num(keypoints.confidence)
    # The body's middle moves as the picture shows it; the origin may lie far from it.
    centred = turned - middle[:, None]
    at = fit_translation(centred, keypoints.image, confidence, keypoints.camera)
    depth = np.where(at[:, 2] < 0.0, -at[:, 2], np.nan)
    across = smooth(keypoints.times, at[:, :2] / depth[:, None], _ACROSS)
    depth = np.exp(smooth(keypoints.times, np.log(depth), _ALONG))
    return np.concatenate([across * depth[:, None], -depth[:, None]], axis=1) - middle
