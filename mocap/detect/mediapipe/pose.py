"""The body detector: MediaPipe's PoseLandmarker, pictures in, Keypoints in mocap's axes out. The one place that knows its axes.

MediaPipe's world landmarks are metres from the middle of the hips with x right in the image, y down and z away from the camera (the
nose, nearer than the ears, has the smaller z); mocap's y and z are those negated. Image landmarks are fractions of width and height.

A landmark's confidence is visibility × presence. Presence alone tells what lies outside the picture (area under the ROC curve 0.95 to
0.996 on clips with cut-off bodies, visibility 0.53 to 0.98); visibility alone tells what is hidden; their product also ranks errors
of position best (0.79 at 15 px; visibility 0.79, presence 0.74).

A frame is NaN as a whole only where MediaPipe reports nobody; a landmark that it merely doubts keeps its place and a low confidence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Protocol, runtime_checkable

import numpy as np
from mediapipe import Image, ImageFormat
from mediapipe.tasks.python import BaseOptions
from mediapipe.tasks.python.vision import PoseLandmarker, PoseLandmarkerOptions, RunningMode
from numpy import ndarray

from mocap.capture.source import Frame, Source
from mocap.core.keypoints import Keypoints, concatenate, is_somebody
from mocap.detect.mediapipe.bundles import PoseSize, pose_bundle
from mocap.detect.mediapipe.logs import without_notices
from mocap.detect.people import Someone, alone, everybody, finder, is_same
from mocap.errors import InputError, ModelError, NoPersonError

# Detector axes to mocap's.
_AXES = np.array([1.0, -1.0, -1.0])

# How sure MediaPipe must be to begin following somebody in a video. At its own 0.5 it takes a table's foot for a person in 156 of some
# 360 empty frames of a surveillance clip, at 0.55 in some 30, from 0.6 in none; no clip loses a person by it that it had followed.
# A still is given because somebody is in it, so there MediaPipe's own value stays.
_VIDEO_CONFIDENCE, _STILL_CONFIDENCE = 0.65, 0.5

# A clock that goes back by more than this has been set to another take; by less, it has jittered. Milliseconds.
ANOTHER_TAKE = 500


class PoseDetector:
    """Finds one person in pictures given one after another; 33 landmarks. Use it in a `with` block.

    model: "lite", "full" or "heavy". video: follow the person from frame to frame and smooth with time (MediaPipe's One Euro filters);
    False takes every picture by itself, as a still wants. person: whom, counted from the left from 1, when so many are first seen; the most
    prominent if not told. Raises InputError for an unknown model, ModelError if its weights are missing or MediaPipe refuses them.
    """

    def __init__(
        self, model: PoseSize = "full", video: bool = True, person: int | None = None
    ) -> None:
        self.model = model
        self.video = video
        self._choosing = person is not None
        self._person = person or 1
        self._someone = Someone(self._person)
        self._finder: PoseLandmarker | None = None
        self._seen = False
        self._first: float | None = None
        self._last = 0
        self._landmarker: PoseLandmarker | None = None
        with without_notices():
            self._options = PoseLandmarkerOptions(
                base_options=BaseOptions(model_asset_buffer=pose_bundle(model)),
                running_mode=RunningMode.VIDEO if video else RunningMode.IMAGE,
                min_pose_detection_confidence=_VIDEO_CONFIDENCE if video else _STILL_CONFIDENCE,
            )
        self._start()

    def detect(self, image: ndarray, time: float = 0.0) -> Keypoints:
        """The person's keypoints in one picture: one frame, NaN with confidence 0 when nobody is seen.

        image: (height, width, 3) uint8, RGB. time: seconds, any origin, rising from call to call; where it stands still the tracker is
        told of one millisecond more, and where it falls by more than half a second the tracker begins anew, as with another take.
        Raises InputError if the picture has another shape or type or the time is not finite.
        """
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise InputError(
                f"A picture must be an array (height, width, 3) of uint8, RGB, but is {image.shape} of {image.dtype}."
            )
        if not math.isfinite(time):
            raise InputError(f"A frame's time must be a finite number of seconds, not {time}.")
        if self._landmarker is None:
            raise ValueError("This detector is closed.")
        milliseconds = self._milliseconds(time) if self.video else 0
        if self._choosing:
            return self._find_someone(image, milliseconds, time)
        found = self._find(image, milliseconds, time)
        if is_somebody(found):
            self._someone.seen(found.image[0], time)
        return found

    def next_person(self) -> None:
        """Follows another one from now on: the one to the right; after the last, the first."""
        self._choosing = True
        self._someone.next()

    def _find_someone(self, image: ndarray, milliseconds: int, time: float) -> Keypoints:
        """As detect, of one of several people."""
        place = self._someone.place if self.video else None
        shown = image
        if place is None:
            people = self._everybody(image)
            who = self._someone.among(people, time)
            if who is None:
                return _nobody(time, (image.shape[1], image.shape[0]))
            shown, place = alone(image, people, who), people[who]
            if self.video:
                # Whoever was followed is not to be any more.
                self._restart()
        found = self._find(shown, milliseconds, time)
        if is_somebody(found) and is_same(found.image[0], place):
            self._someone.seen(found.image[0], time)
            return found
        self._someone.lost()
        return _nobody(time, found.image_size)

    def _everybody(self, image: ndarray) -> ndarray:
        with without_notices():
            self._finder = self._finder or finder(self.model)
            return everybody(self._finder, image)

    def _find(self, image: ndarray, milliseconds: int, time: float) -> Keypoints:
        # One more notice comes when the first person is found.
        if self._seen:
            result = self._run(image, milliseconds)
        else:
            with without_notices():
                result = self._run(image, milliseconds)
            self._seen = bool(result.pose_landmarks)
        return _keypoints(result, time, (image.shape[1], image.shape[0]))

    def close(self) -> None:
        """Frees the model. A second call does nothing."""
        for landmarker in (self._landmarker, self._finder):
            if landmarker is not None:
                landmarker.close()
        self._landmarker = self._finder = None

    def __enter__(self) -> PoseDetector:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _start(self) -> None:
        try:
            with without_notices():
                self._landmarker = PoseLandmarker.create_from_options(self._options)
        except (RuntimeError, ValueError, OSError) as error:
            raise ModelError(
                f"MediaPipe does not accept the pose model {self.model!r}: {error}. Install mocap again."
            ) from error

    def _restart(self) -> None:
        if self._landmarker is not None:
            self._landmarker.close()
        self._start()

    def _run(self, image: ndarray, milliseconds: int) -> Any:
        assert self._landmarker is not None
        picture = Image(ImageFormat.SRGB, np.ascontiguousarray(image))
        return (
            self._landmarker.detect_for_video(picture, milliseconds)
            if self.video
            else self._landmarker.detect(picture)
        )

    def _milliseconds(self, time: float) -> int:
        """MediaPipe's timestamp, an integer that must rise strictly: milliseconds since the first frame."""
        if (
            self._first is not None
            and round((time - self._first) * 1000.0) < self._last - ANOTHER_TAKE
        ):
            self._restart()
            self._first = None
            self._someone = Someone(self._person)
        if self._first is None:
            self._first, self._last = time, -1
        self._last = max(round((time - self._first) * 1000.0), self._last + 1)
        return self._last


def _keypoints(result: Any, time: float, size: tuple[int, int]) -> Keypoints:
    if not result.pose_landmarks:
        return _nobody(time, size)
    found = np.array([(p.x, p.y, p.visibility, p.presence) for p in result.pose_landmarks[0]])
    world = np.array([(p.x, p.y, p.z) for p in result.pose_world_landmarks[0]])
    return Keypoints(
        np.array([time]),
        world[None] * _AXES,
        found[None, :, :2] * size,
        (found[:, 2] * found[:, 3])[None],
        size,
    )


def _nobody(time: float, size: tuple[int, int]) -> Keypoints:
    return Keypoints(
        np.array([time]),
        np.full((1, 33, 3), np.nan),
        np.full((1, 33, 2), np.nan),
        np.zeros((1, 33)),
        size,
    )


@runtime_checkable
class Detector(Protocol):
    """What finds keypoints in a picture: PoseDetector, or performer.PerformerDetector."""

    def detect(self, image: ndarray, time: float = 0.0) -> Keypoints:
        """The keypoints of one frame."""

    def next_person(self) -> None:
        """Another one of those in view from now on."""


def detect_source(
    source: Source | Iterable[Frame],
    detector: Detector,
    progress: Callable[[int], None] | None = None,
) -> Keypoints:
    """The keypoints of every frame of a source (`capture.open_source`), in its order and at its times.

    progress: called after each frame with the number of frames done. Raises NoPersonError if no frame shows a body or a hand, InputError if
    the source has no frame or its frames differ in size.
    """
    frames: list[Keypoints] = []
    name = getattr(source, "name", "the input")
    for frame in source:
        found = detector.detect(frame.image, frame.time)
        if frames and found.image_size != frames[0].image_size:
            raise InputError(
                f"All frames of {name} must be of one size, but frame {len(frames)} is {found.image_size[0]} × {found.image_size[1]} "
                f"pixels and those before it {frames[0].image_size[0]} × {frames[0].image_size[1]}."
            )
        frames.append(found)
        if progress is not None:
            progress(len(frames))
    if not frames:
        raise InputError(f"There is no frame in {name}.")
    if not any(is_somebody(f) for f in frames):
        raise NoPersonError(
            f"No person was found in {name} ({len(frames)} frame{'s' if len(frames) > 1 else ''}). "
            "The detector wants to see head and shoulders at least, and a person who is not tiny in the picture."
        )
    return concatenate(frames)
