"""MediaPipe's detector of several people: all bodies in one pass, then hands and face on each.

The bodies come from one landmarker that tracks them from frame to frame and looks for more only
while there are fewer than asked for. MediaPipe does not smooth several bodies over time.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import UInt8
from mediapipe import Image, ImageFormat
from mediapipe.tasks.python import BaseOptions
from mediapipe.tasks.python.vision import PoseLandmarker, PoseLandmarkerOptions, RunningMode
from numpy import ndarray

from mocap.core.keypoints import Keypoints
from mocap.detect.crops import matched
from mocap.detect.mediapipe.bundles import pose_bundle
from mocap.detect.mediapipe.face import FaceLandmarks, FaceTracker, find_on_head, no_face
from mocap.detect.mediapipe.hands import HandTracker, find_near_wrist
from mocap.detect.mediapipe.logs import without_notices
from mocap.detect.mediapipe.pose import ANOTHER_TAKE, MAX_PEOPLE, checked, keypoints_of
from mocap.detect.options import DetectOptions
from mocap.detect.people import extent, is_same, middle

# Confidence at which a person is found, and at which a body that is tracked is kept.
_CONFIDENCE, _TRACKED = 0.5, 0.5
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
        # The hands' and face's trackers of each person, and where the person was last, pixels.
        self._parts: list[_Parts] = []
        self._pool = ThreadPoolExecutor(max_workers=3)
        self._start()

    def _start(self) -> None:
        options = PoseLandmarkerOptions(
            base_options=BaseOptions(model_asset_buffer=pose_bundle(self._options.model)),
            running_mode=RunningMode.VIDEO if self._video else RunningMode.IMAGE,
            num_poses=self._most,
            min_pose_detection_confidence=_CONFIDENCE,
            min_tracking_confidence=_TRACKED,
        )
        with without_notices():
            self._landmarker = PoseLandmarker.create_from_options(options)

    def people(
        self, image: UInt8[ndarray, "height width 3"], time: float = 0.0
    ) -> Sequence[Keypoints]:
        """Return the people of one picture; see `detect.protocol.Detector.people`."""
        checked(image, time)
        picture = Image(ImageFormat.SRGB, np.ascontiguousarray(image))
        result: Any = (
            self._landmarker.detect_for_video(picture, self._milliseconds(time))
            if self._video
            else self._landmarker.detect(picture)
        )
        size = (image.shape[1], image.shape[0])
        found = [keypoints_of(result, k, time, size) for k in range(len(result.pose_landmarks))]
        bodies = _without_doubles(found)
        if not (self._options.hands or self._options.face):
            return bodies
        return [
            self._with_parts(image, body, parts)
            for body, parts in zip(bodies, self._owners(bodies), strict=True)
        ]

    def next_person(self, at: tuple[float, float] | None = None) -> None:
        """Do nothing: all people are followed."""

    def close(self) -> None:
        """Free the models. A second call does nothing."""
        self._pool.shutdown()
        self._landmarker.close()
        for parts in self._parts:
            parts.close()

    def _milliseconds(self, time: float) -> int:
        if self._first is not None and (time - self._first) * 1000.0 < self._last - ANOTHER_TAKE:
            self._landmarker.close()
            self._start()
            self._first = None
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
