"""The hands and faces of keypoints JSON as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.keypoints import DETECTOR_AXES, HAND_LANDMARKS
from mocap.errors import InputError
from mocap.formats.keypoints_json import schema as shape
from mocap.formats.keypoints_json.flat_hands import lifted_hands

_HAND_INDEX = {name: i for i, name in enumerate(HAND_LANDMARKS)}


def read_hands(
    poses: list[shape.PoseJson | None],
) -> tuple[ndarray | None, ndarray | None, ndarray | None]:
    """Return both hands of each frame; hands without depth are lifted by the lengths of bones.

    Returns:
        Metres from the wrists (F, 2, 21, 3) in the file's axes, pixels (F, 2, 21, 2), and scores
        (F, 2); None for what the file lacks.
    """
    count = len(poses)
    world, image, score = (
        np.full((count, 2, 21, 3), np.nan),
        np.full((count, 2, 21, 2), np.nan),
        np.zeros((count, 2)),
    )
    for i, pose in enumerate(poses):
        for side, hand in enumerate(() if pose is None else (pose.left_hand, pose.right_hand)):
            if hand is None:
                continue
            score[i, side] = 1.0 if hand.score is None else hand.score
            if (points := _hand_points(hand.keypoints_3d, i)) is not None:
                # The origin in the file is near the hand's middle; here it is the wrist.
                world[i, side] = points - points[0]
            if (pixels := _hand_points(hand.keypoints, i)) is not None:
                image[i, side] = pixels[:, :2]
    flat = np.isnan(world).any(axis=(2, 3)) & np.isfinite(image).all(axis=(2, 3))
    if flat.any():
        lifted, sure = lifted_hands(np.where(flat[..., None, None], image, np.nan), score)
        world[flat], score[flat] = lifted[flat] * DETECTOR_AXES, sure[flat]
    if not np.isfinite(world).any():
        return None, None, None
    return world, image if np.isfinite(image).any() else None, score


def _hand_points(points: list[shape.PointJson], frame: int) -> Float[ndarray, "21 3"] | None:
    """Return the 21 points by name, or by order without names; None if a point is missing."""
    if len(points) != len(HAND_LANDMARKS):
        return None
    names = [p.name for p in points]
    if unknown := [n for n in names if n is not None and n.lower() not in _HAND_INDEX]:
        raise InputError(
            f"Frame {frame} has a hand's keypoint named {unknown[0][:60]!r}; the names are "
            f"{', '.join(HAND_LANDMARKS)}."
        )
    values = np.array([(p.x, p.y, p.z) for p in points], dtype=np.float64)  # None becomes NaN
    out = np.full(values.shape, np.nan)
    out[[i if n is None else _HAND_INDEX[n.lower()] for i, n in enumerate(names)]] = values
    return None if np.isnan(out[:, :2]).any() else out


def read_face(pose: shape.PoseJson | None) -> Float[ndarray, "478 3"] | None:
    """Return the 478 points of a face; a face of 468 gets irises that look straight ahead."""
    if pose is None or pose.face is None or len(pose.face.keypoints) not in (468, 478):
        return None
    points = np.array([[p.x, p.y, p.z] for p in pose.face.keypoints], dtype=np.float64)
    return points if len(points) == 478 else _with_irises(points)


# The corners, the upper and the lower lid of each eye, in the order of the irises' points
# (https://github.com/google-ai-edge/mediapipe/blob/master/mediapipe/modules/face_geometry/data/
# canonical_face_model_uv_visualization.png).
_EYES = ((33, 133, 159, 145), (362, 263, 386, 374))
# Radius of an iris as a share of the eye's width (11.7 mm of 30 mm, halved).
_IRIS = 0.195
_RIGHT_EYE, _LEFT_EYE, _CHIN, _FOREHEAD = 33, 263, 152, 10
# Distance between the outer corners of the eyes of MediaPipe's canonical face, metres.
_EYES_APART = 0.089


def _with_irises(points: Float[ndarray, "468 3"]) -> Float[ndarray, "478 3"]:
    """Return a face with irises added in the middle of each eye: centre, and four around it."""
    irises = []
    for eye in _EYES:
        middle = points[list(eye)].mean(axis=0)
        along = _IRIS * (points[eye[1]] - points[eye[0]])
        across = np.array([along[1], -along[0], 0.0])
        irises += [middle, middle + along, middle + across, middle - along, middle - across]
    return np.concatenate([points, irises])


def face_transforms(
    faces: Float[ndarray, "frames 478 3"], focal: float
) -> Float[ndarray, "frames 4 4"]:
    """Return the transforms of faces, estimated from their points.

    Args:
        faces: Pixels, x right, y down, z away from the camera.
        focal: The camera's focal length, pixels.

    Returns:
        Matrices from MediaPipe's canonical face to the camera's axes (x right, y up, z towards the
        camera), metres. The translation is only along z.
    """
    points = faces * DETECTOR_AXES
    across = points[:, _LEFT_EYE] - points[:, _RIGHT_EYE]
    up = points[:, _FOREHEAD] - points[:, _CHIN]
    out = np.tile(np.eye(4), (len(faces), 1, 1))
    out[:, :3, :3] = R.to_matrix(R.from_frame(across, up))
    out[:, 2, 3] = -focal * _EYES_APART / np.linalg.norm(across, axis=1)
    out[np.isnan(faces).any(axis=(1, 2))] = np.nan
    return out


def stacked(items: list[Any], shape: tuple[int, ...]) -> ndarray | None:
    """Return the arrays of all frames as one array.

    Args:
        items: One array for each frame, or None.
        shape: The shape of one frame's array.

    Returns:
        The array, NaN in frames without one; None if no frame has one.

    Raises:
        InputError: A frame's array has another shape.
    """
    if all(item is None for item in items):
        return None
    try:
        return np.stack(
            [
                np.full(shape, np.nan)
                if item is None
                else np.reshape(np.array(item, dtype=np.float64), shape)
                for item in items
            ]
        )
    except ValueError:
        raise InputError(
            f"A face transform in the JSON must have {int(np.prod(shape))} numbers."
        ) from None
