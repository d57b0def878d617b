"""Crops around a body's hands and head, and the assignment of hands to wrists; vendor-free.

Each hand is assigned to the nearest wrist. Handedness labels have changed meaning between versions
of MediaPipe and are wrong on a third of the hands in a clapping clip: they only serve as a
confidence, and as the assignment where there is no body.
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
"""(2, 3) indices of wrist, index and little finger in LANDMARKS, left and right."""

_HEAD = [
    LANDMARKS.index(n)
    for n in ("nose", "left_eye", "right_eye", "left_ear", "right_ear", "mouth_left", "mouth_right")
]

# Side of a hand's crop, metres at the body: two and a half hands. Sides of 0.35 to 0.7 find as many
# hands; from 0.7 on the other hand is found too.
_OF_HANDS = 0.5
# Side of a face's crop: metres at the body, or a multiple of the largest distance of the head's
# landmarks from their middle, whichever is larger. A face then fills a third to a half of its crop.
_OF_FACE, _OF_HEAD = 0.45, 4.0
# Smallest part of a crop that must lie inside the picture.
_IN_PICTURE = 0.25
# Metres at the body: largest distance of a hand from its wrist, and largest distance between two
# detections of the same hand. The median hand is 0.02 to 0.04 m off its wrist, nine of ten are
# within 0.04 to 0.11 m.
_OWN, _SAME = 0.15, 0.05
# Hands are exchanged between the wrists only if the summed distance falls by more than this,
# metres: wrists that touch are ambiguous.
_EXCHANGE = 0.05


@dataclass(frozen=True, eq=False, slots=True)
class FoundHand:
    """One hand in one picture.

    Attributes:
        positions: (21, 3) metres from the hand's wrist, x right, y up, z towards the camera.
        image: (21, 2) pixels.
        left: Probability of a left hand by the hand network.
    """

    positions: Float[ndarray, "21 3"]
    image: Float[ndarray, "21 2"]
    left: float


@dataclass(frozen=True, eq=False, slots=True)
class Hands:
    """Left and right hand in the shapes of `Keypoints` without the frame axis.

    A missing hand is NaN with confidence 0.
    """

    positions: Float[ndarray, "2 21 3"]
    image: Float[ndarray, "2 21 2"]
    confidence: Float[ndarray, "2"]


def no_hands() -> Hands:
    """Return two missing hands."""
    return Hands(np.full((2, 21, 3), np.nan), np.full((2, 21, 2), np.nan), np.zeros(2))


def pixels_per_metre(positions: Float[ndarray, "33 3"], image: Float[ndarray, "33 2"]) -> float:
    """Return the size of a metre at the body, pixels, from the spread of trunk and arms.

    Args:
        positions: (33, 3) metres.
        image: (33, 2) pixels.
    """
    return _spread(image[_TRUNK_AND_ARMS]) / max(_spread(positions[_TRUNK_AND_ARMS, :2]), 1e-9)


def times_too_large(
    hand: Float[ndarray, "21 3"],
    hand_image: Float[ndarray, "21 2"],
    positions: Float[ndarray, "33 3"],
    image: Float[ndarray, "33 2"],
) -> float:
    """Return the ratio of the size of a metre at the hand to that at the body.

    It is also the ratio of their distances to the camera.

    Args:
        hand: The hand's points, metres.
        hand_image: The same, pixels.
        positions: The body's landmarks, metres.
        image: The same, pixels.
    """
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
    """Return the centre (pixels) and side of the crop for a hand.

    Args:
        side: 0 for the left, 1 for the right hand.
        positions: The body's landmarks, metres.
        image: The same, pixels.
    """
    return image[HANDS[side]].mean(axis=0), _OF_HANDS * pixels_per_metre(positions, image)


def about_head(
    positions: Float[ndarray, "33 3"], image: Float[ndarray, "33 2"]
) -> tuple[Float[ndarray, "2"], float]:
    """Return the centre (pixels) and side of the crop for the face."""
    centre = image[_HEAD].mean(axis=0)
    spread = float(np.linalg.norm(image[_HEAD] - centre, axis=1).max())
    return centre, max(_OF_FACE * pixels_per_metre(positions, image), _OF_HEAD * spread)


def crop_around(
    picture: UInt8[ndarray, "height width 3"], centre: Float[ndarray, "2"], side: float
) -> tuple[UInt8[ndarray, "side side 3"], tuple[int, int]] | None:
    """Cut a square out of a picture, black beyond the picture's edges.

    Args:
        picture: (H, W, 3) uint8.
        centre: (2,) pixels.
        side: Pixels.

    Returns:
        The square and its upper left corner, pixels; None if too little lies in the picture.
    """
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
    found: tuple[FoundHand | None, FoundHand | None],
    positions: Float[ndarray, "33 3"],
    image: Float[ndarray, "33 2"],
) -> Hands:
    """Assign the hands found around the left and right wrist to the nearest wrists.

    Args:
        found: The hands found around the left and around the right wrist.
        positions: (33, 3) the body's landmarks, metres.
        image: (33, 2) the body's landmarks, pixels.
    """
    metre = pixels_per_metre(positions, image)
    wrists = image[HANDS[:, 0]]
    hands = list(found)

    def distance(hand: FoundHand | None, side: int) -> float:
        return 0.0 if hand is None else float(np.linalg.norm(hand.image[0] - wrists[side])) / metre

    left, right = found
    if (
        left is not None
        and right is not None
        and np.linalg.norm(left.image - right.image, axis=-1).mean() < _SAME * metre
    ):
        # Both crops show the same hand: it stays with the nearer wrist.
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


def by_label(found: list[FoundHand]) -> Hands:
    """Assign hands without a body by their handedness, the most certain first."""
    hands: list[FoundHand | None] = [None, None]
    for hand in sorted(found, key=lambda h: -abs(h.left - 0.5)):
        side = 0 if hand.left > 0.5 else 1
        if hands[side] is None:
            hands[side] = hand
        elif hands[1 - side] is None:
            hands[1 - side] = hand
    return _both(hands)


def _both(hands: list[FoundHand | None]) -> Hands:
    out = no_hands()
    for side, hand in enumerate(hands):
        if hand is not None:
            out.positions[side], out.image[side] = hand.positions, hand.image
            out.confidence[side] = hand.left if side == 0 else 1.0 - hand.left
    return out
