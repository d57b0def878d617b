"""One person in a window of the picture that moves with them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy import ndarray

from mocap.core.camera import Camera
from mocap.core.keypoints import Keypoints
from mocap.detect.crops import crop_around
from mocap.detect.mediapipe.logs import close_quietly
from mocap.detect.mediapipe.results import keypoints_of
from mocap.detect.mediapipe.tasks import Image, ImageFormat, PoseLandmarker
from mocap.detect.people import MARGIN, extent, is_same, mask_others, middle

PATIENCE = 1.0
"""Seconds for which a tracker looks for its person."""
WINDOW = 2.0
"""Side of a tracked person's window, in sizes of the person."""
# The factor by which the person may grow or shrink before the tracker begins again with another
# window: MediaPipe expects the person where they were in the window, and as large.
_RESIZED = 1.6
# Seconds over which a tracked person's velocity is averaged.
_STEADY = 0.2


class TrackedBody:
    """The landmarker of one person, which sees a window that moves with them.

    In the window the person is large, so that people far from the camera are found again too, and
    hardly moves, as before a camera that follows them.

    Attributes:
        place: (33, 2) the last landmarks, pixels; those of a lost person move on as before.
        seen: When the person was last seen, seconds.
        lost: Whether the person was not seen in the last picture.
    """

    def __init__(
        self, landmarker: Callable[[], PoseLandmarker], place: ndarray, seen: float
    ) -> None:
        self._make, self._landmarker = landmarker, landmarker()
        self.place, self.seen, self.lost = place, seen, False
        self._velocity, self._expected, self._looked = np.zeros(2), middle(place), seen
        self._size = extent(place)

    def close(self) -> None:
        """Free the model."""
        close_quietly(self._landmarker)

    def _begin(self, size: float) -> None:
        """Begin with a window for a person of another size, pixels."""
        close_quietly(self._landmarker)
        self._landmarker, self._size = self._make(), size

    def expect(self, time: float) -> None:
        """Expect the person where their motion takes them by a time, seconds."""
        step = self._velocity * (time - self._looked)
        self._expected, self._looked = middle(self.place) + step, time
        if self.lost:
            self.place = self.place + step

    def surprise(self, points: ndarray) -> float:
        """Return how far landmarks are from where the person is expected, in their sizes."""
        return float(np.linalg.norm(middle(points) - self._expected)) / extent(self.place)

    def detect(
        self, image: ndarray, others: ndarray, milliseconds: int, time: float
    ) -> Keypoints | None:
        """Return the person in a picture; None if they are lost.

        Args:
            image: (H, W, 3) the picture.
            others: (P, 33, 2) landmarks of other people, pixels. Their trunks are masked, and all
                of them while this person is lost.
            milliseconds: MediaPipe's time.
            time: Seconds.
        """
        size = extent(self.place)
        if not self._size / _RESIZED < size < self._size * _RESIZED:
            self._begin(size)
        centre = 0.5 * (self.place.min(axis=0) + self.place.max(axis=0))
        window = crop_around(image, centre, WINDOW * self._size)
        if window is None:
            return None
        crop, corner = window
        people = np.concatenate([self.place[None], others]) - corner
        shown = mask_others(crop, people, 0, MARGIN * self._size, whole=self.lost)
        result: Any = self._landmarker.detect_for_video(
            Image(ImageFormat.SRGB, shown), milliseconds
        )
        if not result.pose_landmarks:
            return None
        found = keypoints_of(result, 0, time, (crop.shape[1], crop.shape[0]))
        camera = Camera.assumed((image.shape[1], image.shape[0]))
        found = replace(found, image=found.image + corner, camera=camera)
        return found if is_same(found.image[0], self.place) else None

    def update(self, points: ndarray | None, time: float) -> None:
        """Take the person's new landmarks, pixels; None if they are lost."""
        self.lost = points is None
        if points is None:
            return
        step = max(time - self.seen, 1e-3)
        share = 1.0 - math.exp(-step / _STEADY)
        moved = (middle(points) - middle(self.place)) / step
        self._velocity = self._velocity + share * (moved - self._velocity)
        self.place, self.seen = points, time
