"""The whole performer in one pass: the body first, then, side by side on the processor's cores, what its landmarks lead to."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from mocap.core.keypoints import Keypoints
from mocap.detect.crops import (
    Hand,
    Hands,
    about_head,
    about_wrist,
    by_label,
    matched,
    times_too_large,
)
from mocap.detect.mediapipe.bundles import PoseSize
from mocap.detect.mediapipe.face import Face, FaceTracker, find_on_head, no_face
from mocap.detect.mediapipe.hands import HandTracker, find_near_wrist
from mocap.detect.mediapipe.logs import without_notices
from mocap.detect.mediapipe.pose import ANOTHER_TAKE, PoseDetector

# Given a hand and a forearm alone, the body detector makes up a body of them and is sure of it, confidence 0.99; but the hand is then 4.2
# to 8.9 times too large for it. A real hand held towards the camera at a desk comes to 3.3. Who was found to be a hand stays one longer.
_TOO_LARGE, _STILL_TOO_LARGE = 4.0, 3.0
# How often the whole picture is searched for such a hand while neither wrist has one, seconds.
_LOOK_EVERY = 1.0


# Left and right wrist, and the head, about which parts are looked for.
_WRISTS, _HEAD = (0, 1), 2
# A part is steady whose crop moves by less than this part of its side from one frame to the next: 7 cm of a hand's, 2 m/s at 30 Hz.
_STEADY = 0.15
# What was not found so many times in a row is looked for in one of so many frames: a hand out of the picture costs as much as another.
_LOST, _SELDOM = 5, 3


class _Part(NamedTuple):
    """A hand or the face: what finds it in a picture, given the body's positions and image, and the middle and side of its crop."""

    find: Callable[[ndarray, ndarray, ndarray], Any]
    crop: Callable[[ndarray, ndarray], tuple[ndarray, float]]

    def moved(self, before: tuple[ndarray, ndarray], now: tuple[ndarray, ndarray]) -> float:
        """By how much of its side the crop has moved."""
        (was, _), (is_now, side) = self.crop(*before), self.crop(*now)
        return float(np.linalg.norm(is_now - was)) / side


class PerformerDetector:
    """Finds one person's body, hands and face, or hands alone, in pictures given one after another. Use it in a `with` block.

    model, video, person: as of PoseDetector. hands: look for both hands around the body's wrists; where there is no body, anywhere. face:
    look for the face on the body's head; face_model: as of FaceTracker. Raises InputError for an unknown model, ModelError if weights are
    missing or MediaPipe refuses them.
    """

    def __init__(
        self,
        model: PoseSize = "full",
        video: bool = True,
        hands: bool = True,
        face: bool = False,
        face_model: Path | None = None,
        person: int | None = None,
    ) -> None:
        self.video = video
        # First, for a file of the user's may be refused: MediaPipe hangs where what is half made is collected as garbage.
        self._face = FaceTracker(video, face_model) if face else None
        self._body = PoseDetector(model, video, person)
        self._hands = [HandTracker(1, video) for _ in ("left", "right")] if hands else []
        self._parts = {
            side: _Part(partial(find_near_wrist, t, side), partial(about_wrist, side))
            for side, t in enumerate(self._hands)
        }
        if self._face is not None:
            self._parts[_HEAD] = _Part(partial(find_on_head, self._face), about_head)
        # The last frame's body, positions and image; the parts that were found and hardly moved in it; what is found in this one.
        self._before: tuple[ndarray, ndarray] | None = None
        self._steady: list[int] = []
        self._found: dict[int, Any] = {}
        self._missed = [0, 0, 0]
        self._bodiless: HandTracker | None = None
        # MediaPipe lets Python go on while it computes.
        self._pool = ThreadPoolExecutor(max_workers=3)
        self._last = self._looked = -np.inf
        self._alone = False
        self._quiet = False

    def detect(self, image: ndarray, time: float = 0.0) -> Keypoints:
        """The person's keypoints in one picture, one frame; arguments and errors as of PoseDetector.detect."""
        if not self._quiet:
            # More notices come when the first hand and the first face are found.
            with without_notices():
                found = self._detect(image, time)
            hands, face = found.hands_confidence, found.face
            self._quiet = (hands is None or bool(hands.any())) and (
                face is None or not bool(np.isnan(face).all())
            )
            return found
        return self._detect(image, time)

    def next_person(self) -> None:
        """As of PoseDetector."""
        self._body.next_person()
        self._forget()

    def _detect(self, image: ndarray, time: float) -> Keypoints:
        if self.video and time < self._last - ANOTHER_TAKE / 1000.0:
            self._forget()
        self._last = time
        # What was steady in the last frame is looked for where it was, while the body is being found.
        before = self._before
        early = (
            {i: self._pool.submit(self._parts[i].find, image, *before) for i in self._steady}
            if before
            else {}
        )
        body = self._body.detect(image, time)
        self._found = {i: future.result() for i, future in early.items()}
        now = (body.positions[0], body.image[0])
        nobody = bool(np.isnan(now[0]).all())
        still = {
            i
            for i, part in self._parts.items()
            if before is not None and not nobody and part.moved(before, now) <= _STEADY
        }
        self._found = {
            i: found for i, found in self._found.items() if i in still and found is not None
        }
        head = self._look(_HEAD, image, now) if self._face is not None and not nobody else None
        whole = self._with_hands(image, body, time) if self._hands else body
        if head is not None:
            self._found[_HEAD] = head.result()
        self._missed = [
            0 if self._found.get(i) is not None else n + 1 for i, n in enumerate(self._missed)
        ]
        self._before = now if self.video and not nobody else None
        self._steady = [i for i in still if self._found.get(i) is not None]
        if self._face is None:
            return whole
        # What is on the head of somebody who turns out to be a hand is no face.
        found = None if np.isnan(whole.positions).all() else self._found.get(_HEAD)
        face: Face = found or no_face()
        return replace(
            whole,
            face=face.points[None],
            face_transform=face.transform[None],
            face_blendshapes=face.blendshapes[None],
        )

    def _look(self, part: int, image: ndarray, body: tuple[ndarray, ndarray]) -> Future[Any]:
        """What is found of a part, if it has not been found already."""
        missed = self._missed[part]
        if part in self._found or (self.video and missed > _LOST and missed % _SELDOM):
            done: Future[Any] = Future()
            done.set_result(self._found.get(part))
            return done
        return self._pool.submit(self._parts[part].find, image, *body)

    def _with_hands(self, image: ndarray, body: Keypoints, time: float) -> Keypoints:
        nobody = bool(np.isnan(body.positions).all())
        hands = None if nobody or self._alone else self._near_wrists(image, body)
        if hands is None or self._doubts(hands, body):
            anywhere = self._anywhere(image)
            self._looked = time
            if not nobody:
                limit = _STILL_TOO_LARGE if self._alone else _TOO_LARGE
                self._alone = any(
                    times_too_large(h.positions, h.image, body.positions[0], body.image[0]) > limit
                    for h in anywhere
                )
            if nobody or self._alone:
                body, hands = _unseen(body), by_label(anywhere)
        if hands is None:  # what was a hand alone has become somebody
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
        """Whether this body may be none: no hand is at its wrists, or one that is far too large."""
        seen = np.flatnonzero(np.isfinite(hands.positions[:, 0, 0]))
        sizes = [
            times_too_large(
                hands.positions[side], hands.image[side], body.positions[0], body.image[0]
            )
            for side in seen
        ]
        return max(sizes) > _TOO_LARGE if sizes else self._last - self._looked >= _LOOK_EVERY

    def _anywhere(self, image: ndarray) -> list[Hand]:
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
        """Frees the models. A second call does nothing."""
        self._pool.shutdown()
        self._body.close()
        for tracker in self._trackers():
            tracker.close()

    def __enter__(self) -> PerformerDetector:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _unseen(body: Keypoints) -> Keypoints:
    nothing = {
        "positions": np.full((1, 33, 3), np.nan),
        "image": np.full((1, 33, 2), np.nan),
        "confidence": np.zeros((1, 33)),
    }
    return replace(body, **nothing)  # type: ignore[arg-type]
