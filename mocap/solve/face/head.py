"""Rotations of head and eyes from the face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.keypoints import Keypoints
from mocap.solve.face.weights import SolvedFace


@dataclass(frozen=True, eq=False, slots=True)
class SolvedHead:
    """The rotations of head and eyes from the face.

    Attributes:
        turns: World rotations of the head; the identity where the face is not seen.
        seen: Whether the face is seen.
        eyes: Rotations of both eyes relative to the head.
    """

    turns: Float[ndarray, "frames 4"]
    seen: Bool[ndarray, "frames"]
    eyes: Float[ndarray, "frames 4"]


def head_turns(keypoints: Keypoints) -> Float[ndarray, "frames 4"]:
    """Return the head's rotations in camera axes, (F, 4); NaN where no face is seen."""
    out = np.full((len(keypoints), 4), np.nan)
    if keypoints.face_transform is not None:
        seen = np.isfinite(keypoints.face_transform).all(axis=(1, 2))
        out[seen] = R.from_matrix(keypoints.face_transform[seen, :3, :3])
    return out


def solved_head(
    turns: Float[ndarray, "frames 4"], upright: Float[ndarray, "*frames 4"], face: SolvedFace | None
) -> SolvedHead | None:
    """Return the rotations of head and eyes in the upright world.

    Args:
        turns: The head's rotations in camera axes (`head_turns`); NaN where no face is seen.
        upright: Rotation from camera axes to the world, one for all frames or one per frame.
        face: The solved face, for its gaze; None if faces are not detected.

    Returns:
        The rotations; None if faces are not detected.
    """
    if face is None:
        return None
    seen = np.isfinite(turns).all(axis=-1)
    return SolvedHead(
        R.multiply(upright, np.where(seen[:, None], turns, R.IDENTITY)), seen, eye_turns(face.gaze)
    )


def eye_turns(gaze: Float[ndarray, "*frames 2"]) -> Float[ndarray, "*frames 4"]:
    """Return the eyes' rotations relative to the head.

    Args:
        gaze: Angles to the performer's left and up, radians.
    """
    up = R.from_axis_angle(np.array([1.0, 0.0, 0.0]), -gaze[..., 1])
    return R.multiply(R.from_axis_angle(np.array([0.0, 1.0, 0.0]), gaze[..., 0]), up)
