"""The hand detector: MediaPipe's HandLandmarker on a crop around each of the body's wrists, so that distant hands are found too.

On whole pictures its palm detector finds no hand at all on full-body clips of 576 to 1,768 pixels, and on crops 79 % and 61 % of them
(tests/benchmarks/hands.py). A crop follows its wrist, so that in it the hand hardly moves, and MediaPipe's own tracking spares the palm
detector. Whose hand it is, is told by the distance to the wrists; MediaPipe's "Left" and "Right" have changed meaning between versions,
are wrong on a third of the hands in a clapping clip, and are only a confidence here. Where there is no body they are all there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from mediapipe import Image, ImageFormat
from mediapipe.tasks.python import BaseOptions
from mediapipe.tasks.python.vision import HandLandmarker, HandLandmarkerOptions, RunningMode
from numpy import ndarray

from mocap.detect.models import hand_bundle
from mocap.detect.quiet import without_notices
from mocap.errors import ModelError
from mocap.keypoints import LANDMARKS

# Detector axes to mocap's.
_AXES = np.array([1.0, -1.0, -1.0])
_TRUNK_AND_ARMS = [LANDMARKS.index(f"{s}_{n}") for n in ("shoulder", "hip", "elbow", "wrist") for s in ("left", "right")]
_HANDS = np.array([[LANDMARKS.index(f"{s}_{n}") for n in ("wrist", "index", "pinky")] for s in ("left", "right")])

# A crop's side, metres at the body: two and a half hands. Between 0.35 and 0.7 as many hands are found, from 0.7 on the other's too.
_CROP = 0.5
# A crop of which less than this lies in the picture is not looked at.
_IN_PICTURE = 0.25
# A hand farther than this from a wrist is not its own; hands nearer than this to each other are one; and both metres at the body. The
# median hand is 0.02 to 0.04 m off its wrist, nine of ten are within 0.04 to 0.11 m.
_OWN, _SAME = 0.15, 0.05
# Hands are exchanged between the wrists only if that brings them nearer by so much, metres in sum: wrists that touch tell nothing.
_EXCHANGE = 0.05
# Milliseconds from call to call, for MediaPipe, which wants them to rise. Hands are not smoothed, so their size means nothing.
_STEP = 33


@dataclass(frozen=True, eq=False, slots=True)
class Hand:
    """One hand in one picture. positions: (21, 3) metres from its wrist, x right, y up, z towards the camera. image: (21, 2) pixels.
    left: how probably it is a left hand, as the network sees it."""

    positions: Float[ndarray, "21 3"]
    image: Float[ndarray, "21 2"]
    left: float


@dataclass(frozen=True, eq=False, slots=True)
class Hands:
    """Left and right, in the shapes of Keypoints' hands without their frame axis; NaN and confidence 0 where there is none."""

    positions: Float[ndarray, "2 21 3"]
    image: Float[ndarray, "2 21 2"]
    confidence: Float[ndarray, "2"]


def no_hands() -> Hands:
    """Neither hand is seen."""
    return Hands(np.full((2, 21, 3), np.nan), np.full((2, 21, 2), np.nan), np.zeros(2))


class HandTracker:
    """Finds up to `most` hands in pictures, or parts of them, given one after another. Raises ModelError if its weights are missing or
    MediaPipe refuses them."""

    def __init__(self, most: int = 1, video: bool = True) -> None:
        self._video = video
        self._clock = -_STEP
        self._options = HandLandmarkerOptions(
            base_options=BaseOptions(model_asset_buffer=hand_bundle()),
            running_mode=RunningMode.VIDEO if video else RunningMode.IMAGE,
            num_hands=most,
        )
        self._start()

    def _start(self) -> None:
        try:
            with without_notices():
                self._landmarker: HandLandmarker | None = HandLandmarker.create_from_options(self._options)
        except (RuntimeError, ValueError, OSError) as error:
            raise ModelError(f"MediaPipe does not accept the hand model: {error}. Install mocap again.") from error

    def restart(self) -> None:
        """Forgets the hands it follows."""
        if self._clock >= 0:
            self.close()
            self._start()
            self._clock = -_STEP

    def find(self, image: UInt8[ndarray, "height width 3"], origin: tuple[int, int] = (0, 0)) -> list[Hand]:
        """The hands in this picture. origin: the place of its corner in the whole picture, pixels, which image points are counted from."""
        if self._landmarker is None:
            raise ValueError("This detector is closed.")
        self._clock += _STEP
        picture = Image(ImageFormat.SRGB, np.ascontiguousarray(image))
        result: Any = self._landmarker.detect_for_video(picture, self._clock) if self._video else self._landmarker.detect(picture)
        size = np.array([image.shape[1], image.shape[0]], dtype=np.float64)
        out = []
        for points, world, sides in zip(result.hand_landmarks, result.hand_world_landmarks, result.handedness, strict=True):
            positions = np.array([(p.x, p.y, p.z) for p in world]) * _AXES
            pixels = np.array([(p.x, p.y) for p in points]) * size + origin
            sure = float(sides[0].score)
            out.append(Hand(positions - positions[0], pixels, sure if sides[0].category_name == "Left" else 1.0 - sure))
        return out

    def close(self) -> None:
        """Frees the model. A second call does nothing."""
        if self._landmarker is not None:
            self._landmarker.close()
            self._landmarker = None

    def __enter__(self) -> HandTracker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def pixels_per_metre(positions: Float[ndarray, "33 3"], image: Float[ndarray, "33 2"]) -> float:
    """How large a metre at the body is in the picture, by how widely trunk and arms are spread in both."""
    return _spread(image[_TRUNK_AND_ARMS]) / max(_spread(positions[_TRUNK_AND_ARMS, :2]), 1e-9)


def times_too_large(
    hand: Float[ndarray, "21 3"], hand_image: Float[ndarray, "21 2"], positions: Float[ndarray, "33 3"], image: Float[ndarray, "33 2"]
) -> float:
    """How many times larger than at the body a metre is at the hand, which is also how many times nearer to the camera it would be."""
    return _spread(hand_image) / max(_spread(hand[:, :2]), 1e-9) / max(pixels_per_metre(positions, image), 1e-9)


def _spread(points: ndarray) -> float:
    return float(np.linalg.norm(points - points.mean(axis=0))) / float(np.sqrt(len(points)))


def crop_around(
    picture: UInt8[ndarray, "height width 3"], centre: Float[ndarray, "2"], side: float
) -> tuple[UInt8[ndarray, "side side 3"], tuple[int, int]] | None:
    """The square of so many pixels about a place, black beyond the picture's edges, and its corner; None if little of it is inside."""
    n = max(round(side), 16)
    x, y = (round(float(c) - 0.5 * n) for c in centre)
    height, width = picture.shape[:2]
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + n, width), min(y + n, height)
    if max(right - left, 0) * max(bottom - top, 0) < _IN_PICTURE * n * n:
        return None
    out = np.zeros((n, n, 3), dtype=np.uint8)
    out[top - y : bottom - y, left - x : right - x] = picture[top:bottom, left:right]
    return out, (x, y)


def find_near_wrist(
    tracker: HandTracker,
    side: int,
    picture: UInt8[ndarray, "height width 3"],
    positions: Float[ndarray, "33 3"],
    image: Float[ndarray, "33 2"],
) -> Hand | None:
    """The hand around the body's left (0) or right (1) wrist, which may turn out to be the other's (`matched`)."""
    cropped = crop_around(picture, image[_HANDS[side]].mean(axis=0), _CROP * pixels_per_metre(positions, image))
    if cropped is None:
        return None
    return next(iter(tracker.find(*cropped)), None)


def matched(found: tuple[Hand | None, Hand | None], positions: Float[ndarray, "33 3"], image: Float[ndarray, "33 2"]) -> Hands:
    """What was found around left and right wrist, put to the wrists they belong to by distance in the picture."""
    metre = pixels_per_metre(positions, image)
    wrists = image[_HANDS[:, 0]]
    hands = list(found)

    def distance(hand: Hand | None, side: int) -> float:
        return 0.0 if hand is None else float(np.linalg.norm(hand.image[0] - wrists[side])) / metre

    left, right = found
    if left is not None and right is not None and np.linalg.norm(left.image - right.image, axis=-1).mean() < _SAME * metre:
        # Both have found the same hand: it stays with the nearer wrist.
        hands[1 if distance(left, 0) < distance(right, 1) else 0] = None
    as_found = distance(hands[0], 0) + distance(hands[1], 1)
    exchanged = distance(hands[0], 1) + distance(hands[1], 0)
    if exchanged < as_found - _EXCHANGE:
        hands.reverse()
    return _both([hand if hand is not None and distance(hand, side) < _OWN else None for side, hand in enumerate(hands)])


def by_label(found: list[Hand]) -> Hands:
    """Hands without a body: each to the side that the network sees, the surest first."""
    hands: list[Hand | None] = [None, None]
    for hand in sorted(found, key=lambda h: -abs(h.left - 0.5)):
        side = 0 if hand.left > 0.5 else 1
        if hands[side] is None:
            hands[side] = hand
        elif hands[1 - side] is None:
            hands[1 - side] = hand
    return _both(hands)


def _both(hands: list[Hand | None]) -> Hands:
    out = no_hands()
    for side, hand in enumerate(hands):
        if hand is not None:
            out.positions[side], out.image[side] = hand.positions, hand.image
            out.confidence[side] = hand.left if side == 0 else 1.0 - hand.left
    return out
