"""Choosing one of several people and following them.

Trackers stay with the person they have, so all people are searched for only while no person is
followed: at the start, after a loss, and when another person is wanted. The tracker is then shown a
picture in which the others are masked.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from mocap.core.camera import Camera
from mocap.core.keypoints import LANDMARKS, Keypoints

MARGIN = 0.2
"""Margin around a person's landmarks, as part of their larger extent: hair, hands, and error."""

# A person may be found again within this part of their size of the last place, plus this much of
# their size for each second unseen.
_NEAR, _SPEED = 0.5, 1.0
# Two people of one picture whose landmarks are closer than this part of their extent are one. So is
# one of whom more than this part lies within the box of another who is surer by this much.
_TWICE, _WITHIN, _LESS_SURE = 0.12, 0.8, 0.12
# Seconds to wait for another person where only one is found.
_PATIENCE = 0.5
# A person who was followed for the first number of seconds is looked for during the second before
# another person is followed instead.
_KNOWN, _LOYAL = 0.5, 1.0
_TRUNK = [LANDMARKS.index(n) for n in ("left_shoulder", "right_shoulder", "left_hip", "right_hip")]


def empty_frame(time: float, size: tuple[int, int]) -> Keypoints:
    """Return one frame in which no body is seen: NaN with confidence 0.

    Args:
        time: Seconds.
        size: (width, height) of the picture, pixels.
    """
    n = len(LANDMARKS)
    return Keypoints(
        np.array([time]),
        np.full((1, n, 3), np.nan),
        np.full((1, n, 2), np.nan),
        np.zeros((1, n)),
        Camera.assumed(size),
    )


def middle(points: Float[ndarray, "*people 33 2"]) -> Float[ndarray, "*people 2"]:
    """Return the middle of the trunk."""
    return np.asarray(points[..., _TRUNK, :].mean(axis=-2))


def extent(points: Float[ndarray, "33 2"]) -> float:
    """Return the larger side of the landmarks' bounding box, pixels."""
    return float(np.ptp(points, axis=0).max())


def is_same(
    points: Float[ndarray, "33 2"], other: Float[ndarray, "33 2"], seconds: float = 0.0
) -> bool:
    """Return whether landmarks may belong to one person.

    Args:
        points: Landmarks, pixels.
        other: Landmarks of another picture, pixels.
        seconds: Time between the two.
    """
    distance = np.linalg.norm(middle(points) - middle(other))
    return bool(distance <= extent(other) * (_NEAR + _SPEED * seconds))


def is_double(
    points: Float[ndarray, "33 2"],
    confidence: float,
    other: Float[ndarray, "33 2"],
    other_confidence: float,
) -> bool:
    """Return whether landmarks (pixels) of one picture are another person's, found once more.

    Detectors track a person who passes behind another on the one in front, and take parts of a
    person for a smaller one, less surely.

    Args:
        points: (33, 2) landmarks, pixels.
        confidence: Mean over the landmarks.
        other: (33, 2) landmarks of the other person, pixels.
        other_confidence: Mean over them.
    """
    if np.linalg.norm(points - other, axis=1).mean() < _TWICE * extent(points):
        return True
    low, high = other.min(axis=0), other.max(axis=0)
    inside = ((points >= low) & (points <= high)).all(axis=1).mean()
    return bool(inside > _WITHIN and confidence < other_confidence - _LESS_SURE)


def mask_others(
    image: UInt8[ndarray, "height width 3"],
    people: Float[ndarray, "people 33 2"],
    who: int,
) -> UInt8[ndarray, "height width 3"]:
    """Return the picture with black around one person and on others' trunks, but not on the one's.

    Args:
        image: (H, W, 3) the picture.
        people: (P, 33, 2) landmarks, pixels.
        who: The index of the one person.
    """
    own = people[who]
    masked = np.zeros_like(image)
    box = _box(own, MARGIN * extent(own), image)
    masked[box] = image[box]
    for other in np.delete(people, who, axis=0):
        masked[_box(other[_TRUNK], 0.0, image)] = 0
    trunk = _box(own[_TRUNK], 0.0, image)
    masked[trunk] = image[trunk]
    return masked


def box_of(
    points: Float[ndarray, "33 2"], image: UInt8[ndarray, "height width 3"]
) -> tuple[slice, slice]:
    """Return the part of a picture, rows and columns, that shows a person: little more than them.

    Args:
        points: (33, 2) landmarks, pixels.
        image: (H, W, 3) the picture.
    """
    return _box(points, 0.05 * extent(points), image)


def squares_of(image: UInt8[ndarray, "height width 3"]) -> list[tuple[slice, slice]]:
    """Return squares that cover an oblong picture with overlap, rows and columns.

    A detector that scales pictures to a small square finds people in them who are too small in the
    whole picture.
    """
    height, width = image.shape[:2]
    side, longest = min(height, width), max(height, width)
    count = int(np.ceil(2.0 * longest / side)) - 1
    if count < 2:
        return []
    starts = np.linspace(0, longest - side, count).astype(int).tolist()
    along = [slice(start, start + side) for start in starts]
    return [(slice(None), s) if width > height else (s, slice(None)) for s in along]


def tiles_of(image: UInt8[ndarray, "height width 3"]) -> list[tuple[slice, slice]]:
    """Return square tiles of a third of the picture's shorter side, rows and columns.

    Neighbours overlap by half, and the tiles nearest to the middle come first.
    """
    height, width = image.shape[:2]
    side = max(min(height, width) // 3, 1)

    def starts(length: int) -> list[int]:
        return (
            np.linspace(0, length - side, int(np.ceil(2.0 * length / side)) - 1)
            .astype(int)
            .tolist()
        )

    corners = [(y, x) for y in starts(height) for x in starts(width)]
    # Squares of halves are exact, so that every language sorts alike.
    corners.sort(
        key=lambda c: (c[0] + 0.5 * (side - height)) ** 2 + (c[1] + 0.5 * (side - width)) ** 2
    )
    return [(slice(y, y + side), slice(x, x + side)) for y, x in corners]


def _box(points: ndarray, margin: float, image: ndarray) -> tuple[slice, slice]:
    least = np.clip(np.floor(points.min(axis=0) - margin), 0, None).astype(int)
    most = np.ceil(points.max(axis=0) + margin).astype(int)
    return (
        slice(least[1], max(min(most[1], image.shape[0]), 0)),
        slice(least[0], max(min(most[0], image.shape[1]), 0)),
    )


class PersonTrack:
    """The track of one of several people.

    The person is the `number`-th from the left when that many are first seen; after a loss, the
    person nearest to the last place.

    Attributes:
        place: (33, 2) the person's landmarks, pixels, while they are followed; else None.
    """

    def __init__(self, number: int = 1) -> None:
        self.place: ndarray | None = None
        self._number = number
        self._last: ndarray | None = None
        self._time = self._since = 0.0
        self._other = False
        self._asked: float | None = None
        self._at: tuple[float, float] | None = None

    def switch(self, at: tuple[float, float] | None = None) -> None:
        """Follow another person.

        Args:
            at: A point, pixels: follow the person nearest to it. None: follow the person to the
                right; after the last one, the first.
        """
        self.place, self._other, self._asked, self._at = None, True, None, at

    @property
    def switching(self) -> bool:
        """Whether another person is wanted and not found yet."""
        return self._other

    def update(self, points: Float[ndarray, "33 2"], time: float) -> None:
        """Continue the track with landmarks (pixels) at a time (seconds)."""
        if self._last is None or not is_same(points, self._last, max(0.0, time - self._time)):
            self._since = time
        self.place = self._last = points
        self._time = time

    def misses(self, time: float) -> bool:
        """Return whether the person was followed until a moment ago, and long enough to be sure."""
        known = self._last is not None and self._time - self._since >= _KNOWN
        return known and time - self._time <= _LOYAL

    def is_other(self, points: Float[ndarray, "33 2"], time: float) -> bool:
        """Return whether landmarks (pixels) belong to another person while this one is missed.

        Trackers that lose a person go over to the next one whom they see.
        """
        if self._last is None or not self.misses(time):
            return False
        return not is_same(points, self._last, max(0.0, time - self._time))

    def lose(self) -> None:
        """Mark the track as lost."""
        self.place = None

    def choose(self, people: Float[ndarray, "people 33 2"], time: float) -> int | None:
        """Return the index of the tracked person among `people`, None if they are not there.

        Args:
            people: (P, 33, 2) landmarks, pixels, people from left to right.
            time: Seconds.
        """
        if not len(people):
            return None
        if self._other and self._at is not None:
            who = int(np.linalg.norm(middle(people) - self._at, axis=1).argmin())
            self._other, self._at = False, None
            self._last, self._time = people[who], time
            return who
        if self._last is None:
            self._other = False  # no person is followed yet
            return self._number - 1 if self._number <= len(people) else None
        nearest = int(np.linalg.norm(middle(people) - middle(self._last), axis=1).argmin())
        if self._other:
            self._asked = time if self._asked is None else self._asked
            if len(people) == 1 and time - self._asked < _PATIENCE:
                return None
            self._other = False
            who = (nearest + 1) % len(people)
            # Keep looking for the chosen person, even if they are lost at once.
            self._last, self._time = people[who], time
            return who
        elapsed = max(0.0, time - self._time)
        return nearest if is_same(people[nearest], self._last, elapsed) else None
