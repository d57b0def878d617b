"""The face detector: MediaPipe's FaceLandmarker on a crop around the head, for distant faces.

On whole pictures its short-range detector finds no face in a full-body dance clip. A crop follows
the head, so that the face hardly moves in it and MediaPipe's tracking and smoothing continue from
frame to frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from mocap.core.closing import Closing
from mocap.core.keypoints import BLENDSHAPES
from mocap.detect.crops import about_head, crop_around
from mocap.detect.mediapipe.bundles import face_bundle
from mocap.detect.mediapipe.logs import close_quietly, without_notices
from mocap.detect.mediapipe.tasks import (
    BaseOptions,
    FaceLandmarker,
    FaceLandmarkerOptions,
    Image,
    ImageFormat,
    RunningMode,
)
from mocap.errors import ModelError

# A face farther from the middle of its crop than this part of the crop belongs to another person.
_OWN = 0.3
# Vertical field of view, degrees, that MediaPipe's face geometry assumes
# (mediapipe/tasks/cc/vision/face_geometry, its default environment). Its unit is the centimetre.
_FOV, _CENTIMETRE = 63.0, 0.01
# Milliseconds between calls; MediaPipe requires increasing times and smooths by them.
_STEP = 33


@dataclass(frozen=True, eq=False, slots=True)
class FaceLandmarks:
    """One face in one picture, in the shapes of `Keypoints` without the frame axis."""

    points: Float[ndarray, "478 3"]
    transform: Float[ndarray, "4 4"]
    blendshapes: Float[ndarray, "51"]


def no_face() -> FaceLandmarks:
    """Return a missing face: all NaN."""
    return FaceLandmarks(
        np.full((478, 3), np.nan), np.full((4, 4), np.nan), np.full(len(BLENDSHAPES), np.nan)
    )


class FaceTracker(Closing):
    """Finds one face and its blendshapes in pictures, or crops, given one after another.

    Args:
        video: Track and smooth from picture to picture.
        model: A bundle to use instead of the package's.

    Raises:
        ModelError: The weights are missing or MediaPipe refuses them.
    """

    def __init__(self, video: bool = True, model: Path | None = None) -> None:
        self._video = video
        self._model = model
        self._clock = -_STEP
        self._options = FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_buffer=face_bundle(model)),
            running_mode=RunningMode.VIDEO if video else RunningMode.IMAGE,
            output_facial_transformation_matrixes=True,
            output_face_blendshapes=True,
        )
        self._start()

    def _start(self) -> None:
        try:
            with without_notices():
                self._landmarker: FaceLandmarker | None = FaceLandmarker.create_from_options(
                    self._options
                )
        except (RuntimeError, ValueError, OSError) as error:
            if self._model is not None:
                raise ModelError(
                    f"{self._model} is not a face model with blendshapes: give MediaPipe's "
                    "face_landmarker.task, or leave --face-model out."
                ) from error
            raise ModelError(
                f"MediaPipe does not accept the face model: {error}. Install mocap again."
            ) from error

    def restart(self) -> None:
        """Drop the tracked face."""
        if self._clock >= 0:
            self.close()
            self._start()
            self._clock = -_STEP

    def find(self, image: UInt8[ndarray, "height width 3"]) -> FaceLandmarks | None:
        """Return the face: points in pixels, and its transform.

        The transform is to a camera that looks at the middle.

        Args:
            image: RGB.

        Returns:
            The face; None if there is none.

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
        if not result.face_landmarks:
            return None
        height, width = image.shape[:2]
        points = np.array([(p.x, p.y, p.z) for p in result.face_landmarks[0]])
        # MediaPipe's z has the scale of x.
        scores = {c.category_name: c.score for c in result.face_blendshapes[0]}
        weights = np.array([scores.get(name, 0.0) for name in BLENDSHAPES])
        return FaceLandmarks(
            points * [width, height, width],
            _in_metres(result.facial_transformation_matrixes[0]),
            weights,
        )

    def close(self) -> None:
        """Free the model. A second call does nothing."""
        if self._landmarker is not None:
            close_quietly(self._landmarker)
            self._landmarker = None


def _in_metres(transform: Float[ndarray, "4 4"]) -> Float[ndarray, "4 4"]:
    """Return MediaPipe's transform in metres instead of centimetres.

    Its axes (x right in the image, y up, z towards the camera) are mocap's.
    """
    out = np.array(transform, dtype=np.float64)
    out[:3, 3] *= _CENTIMETRE
    return out


def find_on_head(
    tracker: FaceTracker,
    picture: UInt8[ndarray, "height width 3"],
    positions: Float[ndarray, "33 3"],
    image: Float[ndarray, "33 2"],
) -> FaceLandmarks | None:
    """Return the face on a body's head, in the whole picture's pixels; None if there is none.

    Args:
        tracker: The face detector.
        picture: RGB.
        positions: The body's landmarks, metres.
        image: The same, pixels.
    """
    cropped = crop_around(picture, *about_head(positions, image))
    if cropped is None:
        return None
    part, corner = cropped
    found = tracker.find(part)
    if found is None or np.linalg.norm(
        found.points[:, :2].mean(axis=0) - 0.5 * len(part)
    ) > _OWN * len(part):
        return None
    return in_whole_picture(found, len(part), corner, (picture.shape[1], picture.shape[0]))


def in_whole_picture(
    face: FaceLandmarks, side: int, corner: tuple[int, int], size: tuple[int, int]
) -> FaceLandmarks:
    """Convert a face found in a square crop to the whole picture's pixels and camera.

    The transform's rotation stays: it is seen along the ray to the crop's middle, as the body's
    landmarks are. Its translation makes the face appear at the same place and size before the
    camera that MediaPipe assumes.

    Args:
        face: The face in the crop.
        side: Side of the crop, pixels.
        corner: (x, y) of the crop's upper left corner, pixels.
        size: (width, height) of the whole picture, pixels.
    """
    points = face.points + [corner[0], corner[1], 0.0]
    transform = face.transform.copy()
    x, y, z = face.transform[:3, 3]
    nearer = size[1] / side  # ratio of the focal lengths
    focal = 0.5 * size[1] / np.tan(np.radians(0.5 * _FOV))
    middle = np.array(corner) + 0.5 * side - 0.5 * np.array(size)
    transform[:3, 3] = (
        x - middle[0] * z * nearer / focal,
        y + middle[1] * z * nearer / focal,
        z * nearer,
    )
    return FaceLandmarks(points, transform, face.blendshapes)
