"""The whole performer in one pass: the body first, then, side by side on the processor's cores, what its landmarks lead to."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy import ndarray

from mocap.detect.crops import Hand, Hands, by_label, matched, times_too_large
from mocap.detect.face import Face, FaceTracker, find_on_head, no_face
from mocap.detect.hands import HandTracker, find_near_wrist
from mocap.detect.mediapipe import ANOTHER_TAKE, PoseDetector
from mocap.detect.models import PoseSize
from mocap.detect.quiet import without_notices
from mocap.keypoints import BLENDSHAPES, Keypoints

# Given a hand and a forearm alone, the body detector makes up a body of them and is sure of it, confidence 0.99; but the hand is then 4.2
# to 8.9 times too large for it. A real hand held towards the camera at a desk comes to 3.3. Who was found to be a hand stays one longer.
_TOO_LARGE, _STILL_TOO_LARGE = 4.0, 3.0
# How often the whole picture is searched for such a hand while neither wrist has one, seconds.
_LOOK_EVERY = 1.0


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
        self._told = face_model is not None
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
            self._quiet = (hands is None or bool(hands.any())) and (face is None or not bool(np.isnan(face).all()))
            return found
        return self._detect(image, time)

    def next_person(self) -> None:
        """As of PoseDetector."""
        self._body.next_person()
        self._forget()

    def _detect(self, image: ndarray, time: float) -> Keypoints:
        body = self._body.detect(image, time)
        if self.video and time < self._last - ANOTHER_TAKE / 1000.0:
            self._forget()
        self._last = time
        head = None
        if self._face is not None and not np.isnan(body.positions).all():
            head = self._pool.submit(find_on_head, self._face, image, body.positions[0], body.image[0])
        whole = self._with_hands(image, body, time) if self._hands else body
        if self._face is None:
            return whole
        # What is on the head of somebody who turns out to be a hand is no face.
        found = None if head is None else head.result()
        face: Face = no_face() if found is None or np.isnan(whole.positions).all() else found
        told = None if not self._told else np.full((1, len(BLENDSHAPES)), np.nan) if face.blendshapes is None else face.blendshapes[None]
        return replace(whole, face=face.points[None], face_transform=face.transform[None], face_blendshapes=told)

    def _with_hands(self, image: ndarray, body: Keypoints, time: float) -> Keypoints:
        nobody = bool(np.isnan(body.positions).all())
        hands = None if nobody or self._alone else self._near_wrists(image, body)
        if hands is None or self._doubts(hands, body):
            anywhere = self._anywhere(image)
            self._looked = time
            if not nobody:
                limit = _STILL_TOO_LARGE if self._alone else _TOO_LARGE
                self._alone = any(times_too_large(h.positions, h.image, body.positions[0], body.image[0]) > limit for h in anywhere)
            if nobody or self._alone:
                body, hands = _unseen(body), by_label(anywhere)
        if hands is None:  # what was a hand alone has become somebody
            hands = self._near_wrists(image, body)
        return replace(body, hands=hands.positions[None], hands_image=hands.image[None], hands_confidence=hands.confidence[None])

    def _near_wrists(self, image: ndarray, body: Keypoints) -> Hands:
        p, pixels = body.positions[0], body.image[0]
        found = [self._pool.submit(find_near_wrist, tracker, side, image, p, pixels) for side, tracker in enumerate(self._hands)]
        return matched((found[0].result(), found[1].result()), p, pixels)

    def _doubts(self, hands: Hands, body: Keypoints) -> bool:
        """Whether this body may be none: no hand is at its wrists, or one that is far too large."""
        seen = np.flatnonzero(np.isfinite(hands.positions[:, 0, 0]))
        sizes = [times_too_large(hands.positions[side], hands.image[side], body.positions[0], body.image[0]) for side in seen]
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
        self._looked, self._alone = -np.inf, False

    def close(self) -> None:
        """Frees the models. A second call does nothing."""
        self._pool.shutdown()
        self._body.close()
        for tracker in self._trackers():
            tracker.close()

    def __enter__(self) -> PerformerDetector:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _unseen(body: Keypoints) -> Keypoints:
    nothing = {"positions": np.full((1, 33, 3), np.nan), "image": np.full((1, 33, 2), np.nan), "confidence": np.zeros((1, 33))}
    return replace(body, **nothing)  # type: ignore[arg-type]
