"""Detection of flipped axes from the keypoints themselves.

Image points show the directions of the 3D points' x and y. Handedness shows that of z: flipping one
axis makes a mirror image, in which the left side is on the wrong side of a person whose nose, toes
and knees point forwards. Neither test depends on which way is up or which way the person faces, so
both also work for handstands, cartwheels and people seen from behind.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core.keypoints import LANDMARKS, Keypoints

AXES = ("x", "y", "z")

# A frame counts only if 3D and image are correlated by more than this: a body seen end on is not.
_CORRELATION = 0.5
# Least absolute mean of the frames' votes of ±1: two thirds of the frames against one third.
_MAJORITY = 1.0 / 3.0
# Least absolute mean handedness of a take. ±1 would be a face whose ears, nose and brow are at
# right angles; real faces are near 0.5.
_HANDEDNESS = 0.05


class ConventionWarning(UserWarning):
    """A file's axes or units are not those of the format, and were converted."""


def flipped_axes(keypoints: Keypoints) -> tuple[str, ...]:
    """Return the axes of the positions that point the wrong way in most of the take.

    x and y are compared with the image points. Without image points, x counts as right, and y
    counts as flipped if the person is upside down in every frame.

    Args:
        keypoints: As the file has them, in axes that should be x right, y up, z to the camera.

    Returns:
        Some of "x", "y" and "z"; empty if all are right or nothing is known.
    """
    points = keypoints.positions
    signs = np.ones(3)
    hand = _handedness(points)
    has_image = bool(np.any(np.isfinite(keypoints.image)))
    if has_image:
        signs[0] = _agreement(points[..., 0], keypoints.image[..., 0])
        signs[1] = _agreement(points[..., 1], -keypoints.image[..., 1])
    elif _always_upside_down(points):
        signs[1] = -1.0
    # If the flips of x and y do not explain a mirrored handedness, z is flipped.
    if hand * signs[0] * signs[1] < 0:
        signs[2] = -1.0
    return tuple(axis for axis, sign in zip(AXES, signs, strict=True) if sign < 0)


def _agreement(a: Float[ndarray, "frames 33"], b: Float[ndarray, "frames 33"]) -> float:
    """Return −1 if a and b are negatively correlated in most frames, otherwise +1."""
    seen = np.isfinite(a) & np.isfinite(b)
    count = np.maximum(seen.sum(axis=1, keepdims=True), 1)
    a, b = (np.where(seen, v, 0.0) for v in (a, b))
    a, b = (np.where(seen, v - v.sum(axis=1, keepdims=True) / count, 0.0) for v in (a, b))
    size = np.sqrt(np.sum(a * a, axis=1) * np.sum(b * b, axis=1))
    correlation = np.sum(a * b, axis=1) / np.where(size > 0, size, 1.0)
    votes = np.sign(correlation[np.abs(correlation) > _CORRELATION])
    return -1.0 if len(votes) and votes.mean() < -_MAJORITY else 1.0


def _at(points: Float[ndarray, "frames 33 3"], *names: str) -> Float[ndarray, "frames 3"]:
    return np.asarray(np.mean([points[:, LANDMARKS.index(n)] for n in names], axis=0))


def _volume(
    a: Float[ndarray, "frames 3"], b: Float[ndarray, "frames 3"], c: Float[ndarray, "frames 3"]
) -> Float[ndarray, " frames"]:
    """Return (a × b)·c of the unit vectors, in [−1, 1]; NaN where a point is not seen."""
    size = np.prod([np.linalg.norm(v, axis=-1) for v in (a, b, c)], axis=0)
    return np.einsum("fi,fi->f", np.cross(a, b), c) / np.where(size > 0, size, np.nan)


def _handedness(points: Float[ndarray, "frames 33 3"]) -> float:
    """Return +1 for real bodies, −1 for their mirror images, 0 if unknown.

    Three cues have a left, an up and a front: the face, which is rigid, the feet, and the direction
    in which the knees bend.
    """
    across = _at(points, "left_hip") - _at(points, "right_hip")
    ears = _at(points, "left_ear", "right_ear")
    brow = _at(points, "left_eye", "right_eye") - _at(points, "mouth_left", "mouth_right")
    says = [
        _volume(
            _at(points, "left_ear") - _at(points, "right_ear"), brow, _at(points, "nose") - ears
        )
    ]
    for side in ("left_", "right_"):
        hip, knee, ankle = (_at(points, side + n) for n in ("hip", "knee", "ankle"))
        says.append(
            0.5
            * _volume(
                across, knee - ankle, _at(points, side + "foot_index") - _at(points, side + "heel")
            )
        )
        says.append(0.5 * _volume(knee - hip, ankle - knee, across))
    frames = np.nansum(says, axis=0)
    frames = frames[frames != 0.0]
    if len(frames) == 0:
        return 0.0
    sign = float(np.sign(frames.mean()))
    return (
        sign
        if abs(frames.mean()) > _HANDEDNESS and sign * np.sign(frames).mean() > _MAJORITY
        else 0.0
    )


def _always_upside_down(points: Float[ndarray, "frames 33 3"]) -> bool:
    shoulders, hips, ankles = (
        _at(points, f"left_{n}", f"right_{n}")[:, 1] for n in ("shoulder", "hip", "ankle")
    )
    seen = np.isfinite(shoulders + hips + ankles)
    return bool(
        np.any(seen) and np.all(shoulders[seen] < hips[seen]) and np.all(hips[seen] < ankles[seen])
    )
