"""Who of several people is followed. MediaPipe's tracker stays with whom it has, so everybody is looked for only where nobody is followed:
at the start, after a loss, and when another one is wanted. Then the tracker is shown a picture in which the others are painted over."""

from __future__ import annotations

import numpy as np
from mediapipe import Image, ImageFormat
from mediapipe.tasks.python import BaseOptions
from mediapipe.tasks.python.vision import PoseLandmarker, PoseLandmarkerOptions, RunningMode
from numpy import ndarray

from mocap.detect.mediapipe.bundles import PoseSize, pose_bundle

MOST = 6
"""People that are looked for in one picture."""

# MediaPipe's own confidence for stills.
_CONFIDENCE = 0.5
# Around somebody's landmarks, as part of their height or width, whichever is larger: hair, hands, and what is not quite where it was found.
_MARGIN = 0.2
# How far from their last place somebody may be found again: so much of their size, and so much more for each second that they were unseen.
_NEAR, _SPEED = 0.5, 1.0
# Seconds that another one is waited for where only one is found.
_PATIENCE = 0.5
# Shoulders and hips.
_TRUNK = [11, 12, 23, 24]


def everybody(landmarker: PoseLandmarker, image: ndarray) -> ndarray:
    """The landmarks of all people in a picture, (P, 33, 2) pixels, from left to right."""
    height, width = image.shape[:2]
    result = landmarker.detect(Image(ImageFormat.SRGB, np.ascontiguousarray(image)))
    found = np.array([[(p.x, p.y) for p in person] for person in result.pose_landmarks]).reshape(
        -1, 33, 2
    ) * (width, height)
    return found[np.argsort(middle(found)[:, 0])]


def finder(model: PoseSize) -> PoseLandmarker:
    """What `everybody` looks with."""
    options = PoseLandmarkerOptions(
        base_options=BaseOptions(model_asset_buffer=pose_bundle(model)),
        running_mode=RunningMode.IMAGE,
        num_poses=MOST,
        min_pose_detection_confidence=_CONFIDENCE,
    )
    return PoseLandmarker.create_from_options(options)


def middle(points: ndarray) -> ndarray:
    """The middle of the trunk, (..., 2), of landmarks (..., 33, 2)."""
    return np.asarray(points[..., _TRUNK, :].mean(axis=-2))


def size(points: ndarray) -> float:
    """The longer side, pixels, of what landmarks (33, 2) take up."""
    return float(np.ptp(points, axis=0).max())


def is_same(points: ndarray, other: ndarray, seconds: float = 0.0) -> bool:
    """Whether landmarks (33, 2) pixels may be of one person, so many seconds apart."""
    return bool(
        np.linalg.norm(middle(points) - middle(other)) <= size(other) * (_NEAR + _SPEED * seconds)
    )


def alone(image: ndarray, people: ndarray, who: int) -> ndarray:
    """The picture (height, width, 3) with black around one of the people (P, 33, 2), and over the trunks of the others."""
    own = people[who]
    margin = _MARGIN * size(own)
    left = np.zeros_like(image)
    box = _box(own, margin, image)
    left[box] = image[box]
    for other in np.delete(people, who, axis=0):
        left[_box(other[_TRUNK], 0.0, image)] = 0
    trunk = _box(own[_TRUNK], 0.0, image)
    left[trunk] = image[trunk]
    return left


def _box(points: ndarray, margin: float, image: ndarray) -> tuple[slice, slice]:
    least = np.clip(np.floor(points.min(axis=0) - margin), 0, None).astype(int)
    most = np.ceil(points.max(axis=0) + margin).astype(int)
    return slice(least[1], min(most[1], image.shape[0])), slice(
        least[0], min(most[0], image.shape[1])
    )


class Someone:
    """One of several people: the number-th from the left when they are first seen; after a loss, whoever is where they were last.

    place: their landmarks (33, 2), pixels, while they are followed."""

    def __init__(self, number: int = 1) -> None:
        self.place: ndarray | None = None
        self._number = number
        self._last: ndarray | None = None
        self._time = 0.0
        self._other = False
        self._asked: float | None = None

    def next(self) -> None:
        """From now on the one to the right; after the last, the first."""
        self.place, self._other, self._asked = None, True, None

    def seen(self, points: ndarray, time: float) -> None:
        """They are followed: landmarks (33, 2) pixels, and seconds."""
        self.place = self._last = points
        self._time = time

    def lost(self) -> None:
        """They are followed no more."""
        self.place = None

    def among(self, people: ndarray, time: float) -> int | None:
        """Which of the people (P, 33, 2), from left to right, they are; None if they are not among them."""
        if not len(people):
            return None
        if self._last is None:
            self._other = False  # there is nobody to leave for another one
            return self._number - 1 if self._number <= len(people) else None
        nearest = int(np.linalg.norm(middle(people) - middle(self._last), axis=1).argmin())
        if self._other:
            self._asked = time if self._asked is None else self._asked
            if len(people) == 1 and time - self._asked < _PATIENCE:
                return None
            self._other = False
            who = (nearest + 1) % len(people)
            # Whoever is chosen is looked for from now on, also if they are lost at once.
            self._last, self._time = people[who], time
            return who
        return (
            nearest if is_same(people[nearest], self._last, max(0.0, time - self._time)) else None
        )
