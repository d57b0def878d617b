"""The hand detector: MediaPipe's HandLandmarker on a crop around each wrist, for distant hands.

On whole pictures its palm detector finds no hand on full-body clips of 576 to 1,768 pixels, and on
crops 79 % and 61 % of them (tests/benchmarks/hands.py). A crop follows its wrist, so that the hand
hardly moves in it and MediaPipe's tracking replaces the palm detector. Each hand is assigned to the
nearest wrist (detect/crops.py).
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from mocap.core.closing import Closing
from mocap.core.keypoints import DETECTOR_AXES
from mocap.detect.crops import FoundHand, about_wrist, crop_around
from mocap.detect.mediapipe.bundles import hand_bundle
from mocap.detect.mediapipe.logs import close_quietly, without_notices
from mocap.detect.mediapipe.tasks import (
    BaseOptions,
    HandLandmarker,
    HandLandmarkerOptions,
    Image,
    ImageFormat,
    RunningMode,
)
from mocap.errors import ModelError

# Milliseconds between calls; MediaPipe requires increasing times. Hands are not smoothed, so the
# step has no effect.
_STEP = 33

# Set once a hand landmarker has run in this process.
_ran = threading.Event()


def take_first_notice() -> None:
    """Trigger MediaPipe's notice of its first run, off the terminal; once in a process.

    All notices but one come when a landmarker is created. The last one comes once in a process,
    when any landmarker first projects landmarks ("Using NORM_RECT without IMAGE_DIMENSIONS …"); the
    hand landmarker does so even for an empty picture, so every first `HandTracker` runs one.
    """
    if not _ran.is_set():
        HandTracker(1, video=False).close()


class HandTracker(Closing):
    """Finds hands in pictures, or crops, given one after another.

    Args:
        most: Largest number of hands in a picture.
        video: Track hands from picture to picture.

    Raises:
        ModelError: The weights are missing or MediaPipe refuses them.
    """

    def __init__(self, most: int = 1, video: bool = True) -> None:
        self._video = video
        self._clock = -_STEP
        self._options = HandLandmarkerOptions(
            base_options=BaseOptions(model_asset_buffer=hand_bundle()),
            running_mode=RunningMode.VIDEO if video else RunningMode.IMAGE,
            num_hands=most,
        )
        self._start()
        if not _ran.is_set():
            with without_notices():
                self.find(np.zeros((64, 64, 3), np.uint8))
            _ran.set()

    def _start(self) -> None:
        try:
            with without_notices():
                self._landmarker: HandLandmarker | None = HandLandmarker.create_from_options(
                    self._options
                )
        except (RuntimeError, ValueError, OSError) as error:
            raise ModelError(
                f"MediaPipe does not accept the hand model: {error}. Install mocap again."
            ) from error

    def restart(self) -> None:
        """Drop the tracked hands."""
        if self._clock >= 0:
            self.close()
            self._start()
            self._clock = -_STEP

    def find(
        self, image: UInt8[ndarray, "height width 3"], origin: tuple[int, int] = (0, 0)
    ) -> list[FoundHand]:
        """Return the hands in this picture.

        Args:
            image: RGB.
            origin: (x, y) of the picture's upper left corner in the whole picture, pixels.

        Raises:
            ValueError: The detector is closed.
        """
        if self._landmarker is None:
            raise ValueError("This detector is closed.")
        self._clock += _STEP
        picture = Image(ImageFormat.SRGB, np.ascontiguousarray(image))
        result: Any = (
            self._landmarker.detect_for_video(picture, self._clock)
            if self._video
            else self._landmarker.detect(picture)
        )
        size = np.array([image.shape[1], image.shape[0]], dtype=np.float64)
        out = []
        for points, world, sides in zip(
            result.hand_landmarks, result.hand_world_landmarks, result.handedness, strict=True
        ):
            positions = np.array([(p.x, p.y, p.z) for p in world]) * DETECTOR_AXES
            pixels = np.array([(p.x, p.y) for p in points]) * size + origin
            sure = float(sides[0].score)
            out.append(
                FoundHand(
                    positions - positions[0],
                    pixels,
                    sure if sides[0].category_name == "Left" else 1.0 - sure,
                )
            )
        return out

    def close(self) -> None:
        """Free the model. A second call does nothing."""
        if self._landmarker is not None:
            close_quietly(self._landmarker)
            self._landmarker = None


def find_near_wrist(
    tracker: HandTracker,
    side: int,
    picture: UInt8[ndarray, "height width 3"],
    positions: Float[ndarray, "33 3"],
    image: Float[ndarray, "33 2"],
) -> FoundHand | None:
    """Return the hand around a wrist; None if there is none.

    It may be the other hand; `crops.matched` assigns hands to wrists.

    Args:
        tracker: The hand detector.
        side: 0 for the left, 1 for the right wrist.
        picture: RGB.
        positions: The body's landmarks, metres.
        image: The same, pixels.
    """
    cropped = crop_around(picture, *about_wrist(side, positions, image))
    if cropped is None:
        return None
    return next(iter(tracker.find(*cropped)), None)
