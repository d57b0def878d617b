"""Where hands and faces are looked for around a body that was found, and whose hand is whose. No detector in sight.

Whose hand it is, is told by the distance to the wrists; MediaPipe's "Left" and "Right" have changed meaning between versions, are wrong on
a third of the hands in a clapping clip, and are only a confidence here. Where there is no body they are all there is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from mocap.core.keypoints import LANDMARKS

_TRUNK_AND_ARMS = [
    LANDMARKS.index(f"{s}_{n}")
    for n in ("shoulder", "hip", "elbow", "wrist")
    for s in ("left", "right")
]
HANDS = np.array(
    [[LANDMARKS.index(f"{s}_{n}") for n in ("wrist", "index", "pinky")] for s in ("left", "right")]
)
"""Wrist, index and little finger among the landmarks, left and right."""

_HEAD = [
    LANDMARKS.index(n)
    for n in ("nose", "left_eye", "right_eye", "left_ear", "right_ear", "mouth_left", "mouth_right")
]

# A hand's crop's side, metres at the body: two and a half hands. Between 0.35 and 0.7 as many hands are found, from 0.7 on the other's too.
_OF_HANDS = 0.5
# A face's crop's side: metres at the body, or times the farthest of the head's landmarks from their middle, whichever is more. A face is
# then a third to a half of its crop.
_OF_FACE, _OF_HEAD = 0.45, 4.0
# A crop of which less than this lies in the picture is not looked at.
_IN_PICTURE = 0.25
# A hand farther than this from a wrist is not its own; hands nearer than this to each other are one; and both metres at the body. The
# median hand is 0.02 to 0.04 m off its wrist, nine of ten are within 0.04 to 0.11 m.
_OWN, _SAME = 0.15, 0.05
# Hands are exchanged between the wrists only if that brings them nearer by so much, metres in sum: wrists that touch tell nothing.
_EXCHANGE = 0.05


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


def pixels_per_metre(positions: Float[ndarray, "33 3"], image: Float[ndarray, "33 2"]) -> float:
    """How large a metre at the body is in the picture, by how widely trunk and arms are spread in both."""
    return _spread(image[_TRUNK_AND_ARMS]) / max(_spread(positions[_TRUNK_AND_ARMS, :2]), 1e-9)


def times_too_large(
    hand: Float[ndarray, "21 3"],
    hand_image: Float[ndarray, "21 2"],
    positions: Float[ndarray, "33 3"],
    image: Float[ndarray, "33 2"],
) -> float:
    """How many times larger than at the body a metre is at the hand, which is also how many times nearer to the camera it would be."""
    return (
        _spread(hand_image)
        / max(_spread(hand[:, :2]), 1e-9)
        / max(pixels_per_metre(positions, image), 1e-9)
    )


def _spread(points: ndarray) -> float:
    return float(np.linalg.norm(points - points.mean(axis=0))) / float(np.sqrt(len(points)))


def about_wrist(
    side: int, positions: Float[ndarray, "33 3"], image: Float[ndarray, "33 2"]
) -> tuple[Float[ndarray, "2"], float]:
    """The middle and the side of the square, pixels, in which the hand at the left (0) or right (1) wrist is looked for."""
    return image[HANDS[side]].mean(axis=0), _OF_HANDS * pixels_per_metre(positions, image)


def about_head(
    positions: Float[ndarray, "33 3"], image: Float[ndarray, "33 2"]
) -> tuple[Float[ndarray, "2"], float]:
    """The middle and the side of the square, pixels, in which the face is looked for."""
    centre = image[_HEAD].mean(axis=0)
    spread = float(np.linalg.norm(image[_HEAD] - centre, axis=1).max())
    return centre, max(_OF_FACE * pixels_per_metre(positions, image), _OF_HEAD * spread)


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


def matched(
    found: tuple[Hand | None, Hand | None],
    positions: Float[ndarray, "33 3"],
    image: Float[ndarray, "33 2"],
) -> Hands:
    """What was found around left and right wrist, put to the wrists they belong to by distance in the picture."""
    metre = pixels_per_metre(positions, image)
    wrists = image[HANDS[:, 0]]
    hands = list(found)

    def distance(hand: Hand | None, side: int) -> float:
        return 0.0 if hand is None else float(np.linalg.norm(hand.image[0] - wrists[side])) / metre

    left, right = found
    if (
        left is not None
        and right is not None
        and np.linalg.norm(left.image - right.image, axis=-1).mean() < _SAME * metre
    ):
        # Both have found the same hand: it stays with the nearer wrist.
        hands[1 if distance(left, 0) < distance(right, 1) else 0] = None
    as_found = distance(hands[0], 0) + distance(hands[1], 1)
    exchanged = distance(hands[0], 1) + distance(hands[1], 0)
    if exchanged < as_found - _EXCHANGE:
        hands.reverse()
    return _both(
        [
            hand if hand is not None and distance(hand, side) < _OWN else None
            for side, hand in enumerate(hands)
        ]
    )


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
