"""MediaPipe's detector of several people: a tracker for each body, then hands and face on it.

MediaPipe's own search for several poses misses people who are less than a body's height apart: it
takes their overlapping boxes for one. So each person has a landmarker of their own, which is shown
the picture with the others masked, and more people are searched for, now and then, in what is left
of the picture when all that are known are masked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from mocap.core.keypoints import Keypoints
from mocap.detect.crops import matched
from mocap.detect.mediapipe.bundles import pose_bundle
from mocap.detect.mediapipe.face import FaceLandmarks, FaceTracker, find_on_head, no_face
from mocap.detect.mediapipe.hands import HandTracker, find_near_wrist
from mocap.detect.mediapipe.logs import without_notices
from mocap.detect.mediapipe.pose import ANOTHER_TAKE, MAX_PEOPLE, checked, keypoints_of
from mocap.detect.mediapipe.tasks import (
    BaseOptions,
    Image,
    ImageFormat,
    PoseLandmarker,
    PoseLandmarkerOptions,
    RunningMode,
)
from mocap.detect.options import DetectOptions
from mocap.detect.people import box_of, extent, is_same, mask_others, middle

# Confidence at which a person is found in what is left of a picture, and found again by a tracker
# that knows where the person was.
_CONFIDENCE, _AGAIN = 0.4, 0.25
# Seconds for which a tracker looks for its person.
_PATIENCE = 0.4
# Seconds between searches for more people, and rounds of a search.
_SEARCH_EVERY, _ROUNDS = 0.2, 3
# Two bodies whose landmarks are closer than this part of their extent are one person: MediaPipe
# tracks a person who passes behind another on the one in front.
_TWICE = 0.08


class EveryoneDetector:
    """Finds the bodies, hands and faces of several people in pictures given one after another.

    Args:
        options: What to detect; `people` is the largest number.
        video: Track from picture to picture.

    Raises:
        InputError: There is no such model.
        ModelError: Weights are missing or MediaPipe refuses them.
    """

    def __init__(self, options: DetectOptions, video: bool = True) -> None:
        self._options, self._video = options, video
        self._most = min(options.people, MAX_PEOPLE)
        self._first: float | None = None
        self._last = -1
        self._searched = -math.inf
        self._bodies: list[_TrackedBody] = []
        # The hands' and face's trackers of each person, and where the person was last, pixels.
        self._parts: list[_Parts] = []
        self._pool = ThreadPoolExecutor(max_workers=3)
        self._finder = self._landmarker(False, MAX_PEOPLE)

    def _landmarker(self, video: bool, most: int) -> PoseLandmarker:
        options = PoseLandmarkerOptions(
            base_options=BaseOptions(model_asset_buffer=pose_bundle(self._options.model)),
            running_mode=RunningMode.VIDEO if video else RunningMode.IMAGE,
            num_poses=most,
            min_pose_detection_confidence=_AGAIN if video else _CONFIDENCE,
        )
        with without_notices():
            return PoseLandmarker.create_from_options(options)

    def people(
        self, image: UInt8[ndarray, "height width 3"], time: float = 0.0
    ) -> Sequence[Keypoints]:
        """Return the people of one picture; see `detect.protocol.Detector.people`."""
        checked(image, time)
        bodies = self._tracked(image, time) if self._video else []
        if (len(bodies) < self._most and time - self._searched >= _SEARCH_EVERY) or not self._video:
            self._searched = time
            bodies += self._search(image, bodies, time)
        if not (self._options.hands or self._options.face):
            return bodies
        return [
            self._with_parts(image, body, parts)
            for body, parts in zip(bodies, self._owners(bodies), strict=True)
        ]

    def _tracked(self, image: ndarray, time: float) -> list[Keypoints]:
        """Return the people who are tracked; drop those who are lost."""
        milliseconds = self._milliseconds(time)
        places = np.array([body.place for body in self._bodies]).reshape(-1, 33, 2)
        found: list[tuple[Keypoints, _TrackedBody]] = []
        for k, body in enumerate(self._bodies):
            shown = image if len(places) == 1 else mask_others(image, places, k)
            seen = body.detect(shown, milliseconds, time)
            if seen is not None:
                found.append((seen, body))
        kept = _without_doubles([seen for seen, _ in found])
        for seen, body in found:
            if any(seen is k for k in kept):
                body.seen, body.place = time, seen.image[0]
        self._drop([b for b in self._bodies if time - b.seen > _PATIENCE])
        return kept

    def _drop(self, bodies: Sequence[_TrackedBody]) -> None:
        for body in bodies:
            body.landmarker.close()
            self._bodies.remove(body)

    def _search(self, image: ndarray, known: Sequence[Keypoints], time: float) -> list[Keypoints]:
        """Return people besides the known ones, and begin to track them."""
        new: list[Keypoints] = []
        size = (image.shape[1], image.shape[0])
        for _ in range(_ROUNDS):
            rest = image.copy()
            for body in (*known, *new):
                rest[box_of(body.image[0], image)] = 0
            result: Any = self._finder.detect(Image(ImageFormat.SRGB, rest))
            found = [keypoints_of(result, k, time, size) for k in range(len(result.pose_landmarks))]
            before = len(new)
            new = _without_doubles([*known, *new, *found])
            new = [k for k in new if not any(k is o for o in known)]
            new = new[: self._most - len(known)]
            if len(new) == before or len(known) + len(new) == self._most:
                break
        if self._video:
            places = np.array([k.image[0] for k in (*known, *new)])
            for k, person in enumerate(new, len(known)):
                points = person.image[0]
                self._drop(
                    [b for b in self._bodies
                     if b.seen < time and is_same(points, b.place, time - b.seen)]
                )  # fmt: skip
                tracked = _TrackedBody(self._landmarker(True, 1), points, time)
                # Its tracker begins with this picture.
                tracked.detect(mask_others(image, places, k), self._last, time)
                self._bodies.append(tracked)
        return new

    def next_person(self, at: tuple[float, float] | None = None) -> None:
        """Do nothing: all people are followed."""

    def close(self) -> None:
        """Free the models. A second call does nothing."""
        self._pool.shutdown()
        self._finder.close()
        self._drop(list(self._bodies))
        for parts in self._parts:
            parts.close()

    def _milliseconds(self, time: float) -> int:
        if self._first is not None and (time - self._first) * 1000.0 < self._last - ANOTHER_TAKE:
            self._drop(list(self._bodies))
            self._first, self._searched = None, -math.inf
        if self._first is None:
            self._first, self._last = time, -1
        self._last = max(round((time - self._first) * 1000.0), self._last + 1)
        return self._last

    def _owners(self, bodies: Sequence[Keypoints]) -> list[_Parts]:
        """Return the trackers for each body: those of the nearest body of the frame before."""
        free = list(self._parts)
        owners = []
        for body in bodies:
            points = body.image[0]
            near = [p for p in free if is_same(points, p.place)]
            if near:
                own = min(near, key=lambda p: float(np.linalg.norm(middle(p.place - points))))
            elif len(self._parts) < MAX_PEOPLE:
                own = _Parts(self._options, self._video, points)
                self._parts.append(own)
            else:
                own = free[0]
                own.restart()
            if own in free:
                free.remove(own)
            own.place = points
            owners.append(own)
        return owners

    def _with_parts(self, image: ndarray, body: Keypoints, parts: _Parts) -> Keypoints:
        positions, points = body.positions[0], body.image[0]
        sides = [
            self._pool.submit(find_near_wrist, tracker, side, image, positions, points)
            for side, tracker in enumerate(parts.hands)
        ]
        head = (
            self._pool.submit(find_on_head, parts.face, image, positions, points)
            if parts.face is not None
            else None
        )
        if sides:
            hands = matched((sides[0].result(), sides[1].result()), positions, points)
            body = replace(
                body,
                hands=hands.positions[None],
                hands_image=hands.image[None],
                hands_confidence=hands.confidence[None],
            )
        if head is not None:
            face: FaceLandmarks = head.result() or no_face()
            body = replace(
                body,
                face=face.points[None],
                face_transform=face.transform[None],
                face_blendshapes=face.blendshapes[None],
            )
        return body


class _TrackedBody:
    """The landmarker of one person; their last landmarks, pixels, and when they were seen."""

    def __init__(self, landmarker: PoseLandmarker, place: ndarray, seen: float) -> None:
        self.landmarker, self.place, self.seen = landmarker, place, seen

    def detect(self, image: ndarray, milliseconds: int, time: float) -> Keypoints | None:
        """Return the person in a picture that shows them alone; None if they are lost."""
        picture = Image(ImageFormat.SRGB, np.ascontiguousarray(image))
        result: Any = self.landmarker.detect_for_video(picture, milliseconds)
        if not result.pose_landmarks:
            return None
        found = keypoints_of(result, 0, time, (image.shape[1], image.shape[0]))
        if not is_same(found.image[0], self.place, time - self.seen):
            return None
        return found


class _Parts:
    """The trackers of one person's hands and face, and the person's last landmarks, pixels."""

    def __init__(self, options: DetectOptions, video: bool, place: ndarray) -> None:
        self.place = place
        self.hands = [HandTracker(1, video) for _ in range(2)] if options.hands else []
        self.face = FaceTracker(video, options.face_model) if options.face else None

    def restart(self) -> None:
        """Drop what is tracked."""
        for tracker in self._trackers():
            tracker.restart()

    def close(self) -> None:
        """Free the models."""
        for tracker in self._trackers():
            tracker.close()

    def _trackers(self) -> list[HandTracker | FaceTracker]:
        return [*self.hands, *([] if self.face is None else [self.face])]


def _without_doubles(found: Sequence[Keypoints]) -> list[Keypoints]:
    """Return the people, the most certain first, each once."""
    kept: list[Keypoints] = []
    for body in sorted(found, key=lambda k: -float(k.confidence.mean())):
        points = body.image[0]
        limit = _TWICE * extent(points)
        if all(np.linalg.norm(points - o.image[0], axis=1).mean() > limit for o in kept):
            kept.append(body)
    return kept
