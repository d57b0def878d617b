"""The body detector: MediaPipe's PoseLandmarker, from pictures to Keypoints in mocap's axes.

A frame is entirely NaN only where MediaPipe finds no person; a landmark with a low confidence keeps
its place.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy import ndarray

from mocap.core.closing import Closing
from mocap.core.keypoints import LANDMARKS, Keypoints, has_person
from mocap.detect.mediapipe.bundles import pose_bundle
from mocap.detect.mediapipe.hands import take_first_notice
from mocap.detect.mediapipe.logs import close_quietly, without_notices
from mocap.detect.mediapipe.results import keypoints_of
from mocap.detect.mediapipe.small import SmallPersonFinder
from mocap.detect.mediapipe.tasks import (
    BaseOptions,
    Image,
    ImageFormat,
    PoseLandmarker,
    PoseLandmarkerOptions,
    RunningMode,
)
from mocap.detect.people import PersonTrack, empty_frame, is_same, mask_others, middle
from mocap.errors import InputError, ModelError

# Confidence at which MediaPipe starts to track a person in a video. At its default 0.5 it takes a
# table's foot for a person in 156 of some 360 empty frames of a surveillance clip, at 0.55 in some
# 30, from 0.6 in none; no clip loses a tracked person by it. A still is expected to show a person,
# so MediaPipe's default stays.
_VIDEO_CONFIDENCE, _STILL_CONFIDENCE = 0.65, 0.5

# Milliseconds. A clock that goes back by more begins another take; by less, it has jittered.
ANOTHER_TAKE = 500


MAX_PEOPLE = 6
"""Most people searched for in one picture."""


def person_finder(model: str) -> PoseLandmarker:
    """Return a landmarker of all people in single pictures, for `find_people`."""
    options = PoseLandmarkerOptions(
        base_options=BaseOptions(model_asset_buffer=pose_bundle(model)),
        running_mode=RunningMode.IMAGE,
        num_poses=MAX_PEOPLE,
        min_pose_detection_confidence=_STILL_CONFIDENCE,
    )
    return PoseLandmarker.create_from_options(options)


def find_people(landmarker: PoseLandmarker, image: ndarray) -> ndarray:
    """Return the landmarks of all people in a picture, (P, 33, 2) pixels, from left to right."""
    height, width = image.shape[:2]
    result = landmarker.detect(Image(ImageFormat.SRGB, np.ascontiguousarray(image)))
    points = np.array([[(p.x, p.y) for p in person] for person in result.pose_landmarks])
    found = points.reshape(-1, len(LANDMARKS), 2) * (width, height)
    return found[np.argsort(middle(found)[:, 0])]


class PoseDetector(Closing):
    """Finds one person's body in pictures given one after another. Use it in a `with` block.

    Args:
        model: "lite", "full" or "heavy".
        video: Track the person from frame to frame and smooth over time (MediaPipe's One Euro
            filters); False treats each picture by itself.
        person: The person to follow, counted from the left from 1 when that many are first seen;
            None for the most prominent one.

    Raises:
        InputError: There is no such model.
        ModelError: Its weights are missing or MediaPipe refuses them.
    """

    def __init__(self, model: str = "full", video: bool = True, person: int | None = None) -> None:
        self.model = model
        self.video = video
        self._choosing = person is not None
        # Whether the tracker went over to another person, and the right one is looked for.
        self._seeking = False
        self._person = person or 1
        self._track = PersonTrack(self._person)
        self._finder: PoseLandmarker | None = None
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
        self._small = SmallPersonFinder(self._landmarker_in_window)
        take_first_notice()

    def detect(self, image: ndarray, time: float = 0.0) -> Keypoints:
        """Return the person's keypoints in one picture, NaN with confidence 0 if no person is seen.

        Args:
            image: (H, W, 3) uint8, RGB.
            time: Seconds, any origin, increasing from call to call. If it stands still, the tracker
                advances by one millisecond; if it falls by more than half a second, the tracker
                restarts.

        Raises:
            InputError: The picture has another shape or type, or the time is not finite.
        """
        checked(image, time)
        if self._landmarker is None:
            raise ValueError("This detector is closed.")
        milliseconds = self._milliseconds(time) if self.video else 0
        if self._choosing:
            return self._find_someone(image, milliseconds, time)
        if self._seeking and not self._track.misses(time):
            # The person is gone: follow the most prominent one.
            self._seeking, self._track = False, PersonTrack(self._person)
            self._restart()
        if not self._seeking:
            found = self._find_alone(image, milliseconds, time)
            if not has_person(found):
                return found
            if not self.video or not self._track.is_other(found.image[0], time):
                self._track.update(found.image[0], time)
                return found
            self._track.lose()
        found = self._find_someone(image, milliseconds, time)
        self._seeking = not has_person(found)
        return found

    def _find_alone(self, image: ndarray, milliseconds: int, time: float) -> Keypoints:
        """Do `detect` for the most prominent person, who may be small in a video."""
        found = self._find(image, milliseconds, time)
        if not self.video:
            return found
        if has_person(found):
            self._small.leave(time)
            return found
        return self._small.find(image, milliseconds, time) or found

    def next_person(self, at: tuple[float, float] | None = None) -> None:
        """Follow another person.

        Args:
            at: A point, pixels: follow the person nearest to it. None: follow the person to the
                right; after the last one, the first.
        """
        self._choosing = True
        self._small.restart()
        self._track.switch(at)

    def _find_someone(self, image: ndarray, milliseconds: int, time: float) -> Keypoints:
        """Do `detect` for one of several people."""
        place = self._track.place if self.video else None
        shown = image
        if place is None:
            people = self._everybody(image)
            who = self._track.choose(people, time)
            if who is None:
                return empty_frame(time, (image.shape[1], image.shape[0]))
            shown, place = mask_others(image, people, who), people[who]
            if self.video:
                # Drop the person tracked so far.
                self._restart()
        found = self._find(shown, milliseconds, time)
        if has_person(found) and is_same(found.image[0], place):
            self._track.update(found.image[0], time)
            return found
        self._track.lose()
        return empty_frame(time, found.camera.size)

    def _everybody(self, image: ndarray) -> ndarray:
        if self._finder is None:
            with without_notices():
                self._finder = person_finder(self.model)
        return find_people(self._finder, image)

    def _find(self, image: ndarray, milliseconds: int, time: float) -> Keypoints:
        result = self._run(image, milliseconds)
        return keypoints_of(result, 0, time, (image.shape[1], image.shape[0]))

    def close(self) -> None:
        """Frees the model. A second call does nothing."""
        for landmarker in (self._landmarker, self._finder):
            if landmarker is not None:
                close_quietly(landmarker)
        self._small.close()
        self._landmarker = self._finder = None

    def _landmarker_in_window(self) -> PoseLandmarker:
        """Return a landmarker that follows a person in a window."""
        options = PoseLandmarkerOptions(
            base_options=self._options.base_options,
            running_mode=RunningMode.VIDEO,
            min_pose_detection_confidence=_STILL_CONFIDENCE,
        )
        with without_notices():
            return PoseLandmarker.create_from_options(options)

    def _start(self) -> None:
        try:
            with without_notices():
                self._landmarker = PoseLandmarker.create_from_options(self._options)
        except (RuntimeError, ValueError, OSError) as error:
            raise ModelError(
                f"MediaPipe does not accept the pose model {self.model!r}: {error}. "
                "Install mocap again."
            ) from error

    def _restart(self) -> None:
        if self._landmarker is not None:
            close_quietly(self._landmarker)
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
        """Return MediaPipe's timestamp: milliseconds since the first frame, strictly increasing."""
        if (
            self._first is not None
            and round((time - self._first) * 1000.0) < self._last - ANOTHER_TAKE
        ):
            self._restart()
            self._small.restart()
            self._first = None
            self._seeking, self._track = False, PersonTrack(self._person)
        if self._first is None:
            self._first, self._last = time, -1
        self._last = max(round((time - self._first) * 1000.0), self._last + 1)
        return self._last


def checked(image: ndarray, time: float) -> None:
    """Raise InputError unless a picture is (H, W, 3) uint8 and its time (seconds) is finite."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise InputError(
            "A picture must be an array (height, width, 3) of uint8, RGB, "
            f"but is {image.shape} of {image.dtype}."
        )
    if not math.isfinite(time):
        raise InputError(f"A frame's time must be a finite number of seconds, not {time}.")
