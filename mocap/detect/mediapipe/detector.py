"""MediaPipe's detector of one person: the body first, then hands and face around its landmarks.

Hands and face are detected side by side on the processor's cores; MediaPipe releases Python's lock
while it computes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from mocap.core.keypoints import Keypoints, has_person
from mocap.detect.crops import (
    FoundHand,
    Hands,
    about_head,
    about_wrist,
    by_label,
    matched,
    times_too_large,
)
from mocap.detect.mediapipe.face import FaceLandmarks, FaceTracker, find_on_head, no_face
from mocap.detect.mediapipe.hands import HandTracker, find_near_wrist
from mocap.detect.mediapipe.pose import ANOTHER_TAKE, PoseDetector
from mocap.detect.options import DetectOptions
from mocap.detect.people import empty_frame

# Shown only a hand and a forearm, the body detector invents a body with a confidence of 0.99, whose
# hand is then 4.2 to 8.9 times too large. A real hand held towards the camera at a desk comes to
# 3.3. Hysteresis: enter at 4, leave at 3.
_TOO_LARGE, _STILL_TOO_LARGE = 4.0, 3.0
# Seconds between searches of the whole picture for such a hand while neither wrist has a hand.
_LOOK_EVERY = 1.0


# Parts: left and right hand, and the face.
_WRISTS, _HEAD = (0, 1), 2
# A part is steady if its crop moves by less than this part of its side between frames: 7 cm of a
# hand's crop, which is 2 m/s at 30 Hz.
_STEADY = 0.15
# A part missing this many times in a row is searched for in one of _SELDOM frames, since a missing
# hand costs as much time as a visible one.
_LOST, _SELDOM = 5, 3


class _Part(NamedTuple):
    """A hand or the face.

    find: Finds it in a picture, given the body's positions and image points. crop: Returns the
    centre and side of its crop, given the same points.
    """

    find: Callable[[ndarray, ndarray, ndarray], Any]
    crop: Callable[[ndarray, ndarray], tuple[ndarray, float]]

    def moved(self, before: tuple[ndarray, ndarray], now: tuple[ndarray, ndarray]) -> float:
        """Return how far the crop moved, as part of its side."""
        (centre_before, _), (centre, side) = self.crop(*before), self.crop(*now)
        return float(np.linalg.norm(centre - centre_before)) / side


class MediaPipeDetector:
    """Finds one person's body, hands and face, or hands alone, in pictures given one after another.

    Hands are searched for around the body's wrists, and everywhere if there is no body; the face on
    the body's head.

    Args:
        options: What to detect.
        video: Track and smooth from picture to picture.

    Raises:
        InputError: There is no such model.
        ModelError: Weights are missing or MediaPipe refuses them.
    """

    def __init__(self, options: DetectOptions, video: bool = True) -> None:
        self.video = video
        # First, because a user's face model may be refused: MediaPipe hangs if a partly made
        # detector is garbage collected.
        self._face = FaceTracker(video, options.face_model) if options.face else None
        self._hands = [HandTracker(1, video) for _ in _WRISTS] if options.hands else []
        self._body = PoseDetector(options.model, video, options.person)
        self._parts = {
            side: _Part(partial(find_near_wrist, t, side), partial(about_wrist, side))
            for side, t in enumerate(self._hands)
        }
        if self._face is not None:
            self._parts[_HEAD] = _Part(partial(find_on_head, self._face), about_head)
        # The last frame's body (positions, image), and the parts that were found and steady in it.
        self._before: tuple[ndarray, ndarray] | None = None
        self._steady: list[int] = []
        # What is found in the current frame.
        self._found: dict[int, Any] = {}
        self._missed = [0, 0, 0]
        self._bodiless: HandTracker | None = None
        self._pool = ThreadPoolExecutor(max_workers=3)
        self._last = self._looked = -np.inf
        self._alone = False

    def people(
        self, image: UInt8[ndarray, "height width 3"], time: float = 0.0
    ) -> Sequence[Keypoints]:
        """Return the person in one picture; see `detect.protocol.Detector.people`."""
        found = self._detect(image, time)
        return [found] if has_person(found) else []

    def next_person(self, at: tuple[float, float] | None = None) -> None:
        """Follow another person.

        Args:
            at: A point, pixels: follow the person nearest to it. None: follow the person to the
                right; after the last one, the first.
        """
        self._body.next_person(at)
        self._forget()

    def _detect(self, image: ndarray, time: float) -> Keypoints:
        if self.video and time < self._last - ANOTHER_TAKE / 1000.0:
            self._forget()
        self._last = time
        # Search for parts steady in the last frame at their old place, while the body is detected.
        before = self._before
        early = (
            {i: self._pool.submit(self._parts[i].find, image, *before) for i in self._steady}
            if before
            else {}
        )
        body = self._body.detect(image, time)
        self._found = {i: future.result() for i, future in early.items()}
        now = (body.positions[0], body.image[0])
        unseen = bool(np.isnan(now[0]).all())
        still = {
            i
            for i, part in self._parts.items()
            if before is not None and not unseen and part.moved(before, now) <= _STEADY
        }
        self._found = {
            i: found for i, found in self._found.items() if i in still and found is not None
        }
        head = self._look(_HEAD, image, now) if self._face is not None and not unseen else None
        whole = self._with_hands(image, body, time) if self._hands else body
        if head is not None:
            self._found[_HEAD] = head.result()
        self._missed = [
            0 if self._found.get(i) is not None else n + 1 for i, n in enumerate(self._missed)
        ]
        self._before = now if self.video and not unseen else None
        self._steady = [i for i in still if self._found.get(i) is not None]
        if self._face is None:
            return whole
        # If the body turns out to be a hand, the face found on it is none.
        found = None if np.isnan(whole.positions).all() else self._found.get(_HEAD)
        face: FaceLandmarks = found or no_face()
        return replace(
            whole,
            face=face.points[None],
            face_transform=face.transform[None],
            face_blendshapes=face.blendshapes[None],
        )

    def _look(self, part: int, image: ndarray, body: tuple[ndarray, ndarray]) -> Future[Any]:
        """Search for a part, unless it is already found or is searched for only seldom."""
        missed = self._missed[part]
        if part in self._found or (self.video and missed > _LOST and missed % _SELDOM):
            done: Future[Any] = Future()
            done.set_result(self._found.get(part))
            return done
        return self._pool.submit(self._parts[part].find, image, *body)

    def _with_hands(self, image: ndarray, body: Keypoints, time: float) -> Keypoints:
        unseen = bool(np.isnan(body.positions).all())
        hands = None if unseen or self._alone else self._near_wrists(image, body)
        if hands is None or self._doubts(hands, body):
            anywhere = self._anywhere(image)
            self._looked = time
            if not unseen:
                limit = _STILL_TOO_LARGE if self._alone else _TOO_LARGE
                self._alone = any(
                    times_too_large(h.positions, h.image, body.positions[0], body.image[0]) > limit
                    for h in anywhere
                )
            if unseen or self._alone:
                body, hands = empty_frame(time, body.camera.size), by_label(anywhere)
        if hands is None:  # a hand alone has become a person
            hands = self._near_wrists(image, body)
        return replace(
            body,
            hands=hands.positions[None],
            hands_image=hands.image[None],
            hands_confidence=hands.confidence[None],
        )

    def _near_wrists(self, image: ndarray, body: Keypoints) -> Hands:
        p, pixels = body.positions[0], body.image[0]
        left, right = (self._look(side, image, (p, pixels)) for side in _WRISTS)
        self._found |= {0: left.result(), 1: right.result()}
        return matched((self._found[0], self._found[1]), p, pixels)

    def _doubts(self, hands: Hands, body: Keypoints) -> bool:
        """Return whether the body may be a mere hand: its hands are missing or far too large."""
        seen = np.flatnonzero(np.isfinite(hands.positions[:, 0, 0]))
        sizes = [
            times_too_large(
                hands.positions[side], hands.image[side], body.positions[0], body.image[0]
            )
            for side in seen
        ]
        return max(sizes) > _TOO_LARGE if sizes else self._last - self._looked >= _LOOK_EVERY

    def _anywhere(self, image: ndarray) -> list[FoundHand]:
        if self._bodiless is None:
            self._bodiless = HandTracker(2, self.video)
        return self._bodiless.find(image)

    def _trackers(self) -> list[HandTracker | FaceTracker]:
        return [*self._hands, *(t for t in (self._bodiless, self._face) if t is not None)]

    def _forget(self) -> None:
        for tracker in self._trackers():
            tracker.restart()
        self._looked, self._alone, self._before, self._missed = -np.inf, False, None, [0, 0, 0]

    def close(self) -> None:
        """Free the models. A second call does nothing."""
        self._pool.shutdown()
        self._body.close()
        for tracker in self._trackers():
            tracker.close()
