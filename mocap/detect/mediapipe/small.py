"""A person too small for a whole picture: found in tiles, then followed in a window."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from mocap.core.closing import Closing
from mocap.core.keypoints import Keypoints
from mocap.detect.crops import crop_around
from mocap.detect.mediapipe.bundles import pose_bundle
from mocap.detect.mediapipe.logs import close_quietly, without_notices
from mocap.detect.mediapipe.tasks import (
    BaseOptions,
    Image,
    ImageFormat,
    PoseLandmarker,
    PoseLandmarkerOptions,
    RunningMode,
)
from mocap.detect.mediapipe.window import PATIENCE, WINDOW, Others, TrackedBody
from mocap.detect.people import extent, is_same, tiles_of

# Confidence of a find in a tile, and of the looks at it in windows of its own, where people are as
# large as MediaPipe expects. Shelves and tables pass the first in some tiles.
_CONFIDENCE, _CHECKED = 0.4, 0.65
# Windows of the looks: side in sizes of the person, and whether it is mirrored. Both must show the
# person. The foot of a table passes the first in 76 % of pictures, with a mean confidence of 0.95,
# but never the second; people of three videos pass the second in 78 %, 100 % and 100 %.
_WINDOWS = ((WINDOW, False), (1.7, True))
# Mean confidence of a person's landmarks in that window: 0.94 to 0.98 for people of a tenth to a
# quarter of the picture's height.
_SURE = 0.7
# Greatest size of a find, as a part of the picture's shorter side: a larger person is cut off by
# the tile, and the detector of whole pictures finds them.
_SMALL = 0.25
# Pictures in which a person must be seen, one after another, to count.
_CONFIRMED = 3
# Tiles of a search, and seconds between searches once all tiles have been looked at.
_TILES, _SEARCH_EVERY = 4, 0.2
# A tracker goes on for up to a second with what hides its person, as surely as with them: a tree's
# trunk has a mean confidence of 0.79 where the man who ran behind it had 0.78 to 0.87. So the
# finder of bodies, which knows nothing of the frames before, looks at the window again: seconds
# between its looks, and without its agreement until the person is lost.
_LOOK_EVERY, _UNCONFIRMED = 0.2, 0.5


class SmallPersonFinder(Closing):
    """Finds and follows one person who is too small for MediaPipe's view of a whole picture.

    It scales pictures to 224 pixels, so that a person of less than about a quarter of the picture's
    height is not found; in tiles of a third of the height, people of a tenth of it are.

    Args:
        tracker: Makes the landmarker that follows a person.
    """

    def __init__(self, tracker: Callable[[], PoseLandmarker]) -> None:
        self._tracker = tracker
        self._finders: tuple[PoseLandmarker, PoseLandmarker] | None = None
        self._body: TrackedBody | None = None
        self._next = 0  # tile
        self._first_round = True  # until all tiles have been looked at
        self._looked = -math.inf  # when tiles, or the person's window, were last looked at
        self._elsewhere = -math.inf  # when the whole picture last showed a person
        self._seen = 0  # pictures in which the person was seen
        self._agreed = -math.inf  # when a look at the window last agreed

    def find(
        self, image: UInt8[ndarray, "height width 3"], milliseconds: int, time: float
    ) -> Keypoints | None:
        """Return the followed person; where there is none, look for one in tiles of the picture.

        Each picture of a take's beginning is searched in the next few tiles, until all have been
        looked at; later ones are searched now and then. A person counts from the third picture on:
        what looks like one for a moment does not.

        Args:
            image: RGB; the whole picture shows no person to MediaPipe.
            milliseconds: MediaPipe's time.
            time: Seconds.

        Returns:
            The person in this picture, or None.
        """
        if self._body is None and time - self._elsewhere > PATIENCE:
            self._search(image, time)
        found = self._follow(image, milliseconds, time)
        return found if self._seen >= _CONFIRMED else None

    def leave(self, time: float) -> None:
        """Drop the followed person, because the whole picture shows one at a time, seconds.

        A person who is lost there is near, and has left or is hidden: tiles are not searched for a
        second, in which the whole picture may show them again.
        """
        self._drop()
        self._elsewhere = time

    def _follow(self, image: ndarray, milliseconds: int, time: float) -> Keypoints | None:
        body = self._body
        if body is None:
            return None
        body.expect(time)
        found = body.detect(image, Others(), milliseconds, time)
        body.update(found, time)
        self._seen += found is not None
        if found is not None and time - self._looked >= _LOOK_EVERY:
            self._looked = time
            if any(self._agrees(image, found.image[0], window) for window in _WINDOWS):
                self._agreed = time
        lost = time - body.seen > PATIENCE or time - self._agreed > _UNCONFIRMED
        if lost or (found is None and self._seen < _CONFIRMED):
            self._drop()
            return None
        return found

    def _search(self, image: ndarray, time: float) -> None:
        """Look for a person in tiles and begin to follow them, not too often."""
        if not self._first_round and time - self._looked < _SEARCH_EVERY:
            return
        self._looked = time
        tiles = tiles_of(image)
        start, count = self._next, min(_TILES, len(tiles))
        self._next = (start + count) % len(tiles)
        self._first_round &= start + count < len(tiles)
        for k in range(count):
            points = self._found(image, tiles[(start + k) % len(tiles)])
            if points is not None and _size(points, image) < _SMALL:
                self._body, self._agreed = TrackedBody(self._tracker, points, time), time
                return

    def restart(self) -> None:
        """Drop the person that is followed, and begin with the first tiles again."""
        self._drop()
        self._next, self._first_round = 0, True
        self._looked, self._elsewhere = -math.inf, -math.inf

    def _drop(self) -> None:
        if self._body is not None:
            self._body.close()
        self._body, self._seen = None, 0

    def close(self) -> None:
        """Free the models. A second call does nothing."""
        self.restart()
        for finder in self._finders or ():
            close_quietly(finder)
        self._finders = None

    def _look(
        self, part: ndarray, corner: tuple[int, int], which: int, mirrored: bool = False
    ) -> Float[ndarray, "33 2"] | None:
        """Return the landmarks of a person in a part of the picture, pixels of the whole."""
        if self._finders is None:
            self._finders = (_finder(_CONFIDENCE), _finder(_CHECKED))
        shown = Image(ImageFormat.SRGB, np.ascontiguousarray(part[:, ::-1] if mirrored else part))
        result: Any = self._finders[which].detect(shown)
        if not result.pose_landmarks:
            return None
        found = result.pose_landmarks[0]
        if which and np.mean([p.visibility * p.presence for p in found]) < _SURE:
            return None
        points = np.array([(1.0 - p.x if mirrored else p.x, p.y) for p in found])
        return points * (part.shape[1], part.shape[0]) + corner

    def _found(self, image: ndarray, tile: tuple[slice, slice]) -> Float[ndarray, "33 2"] | None:
        """Return a person in a tile, as looks at the person's own windows confirm it."""
        rows, columns = tile
        rough = self._look(image[tile], (columns.start, rows.start), 0)
        points = None if rough is None else self._look_near(image, rough, _WINDOWS[0])
        return None if points is None or not self._agrees(image, points, _WINDOWS[1]) else points

    def _agrees(self, image: ndarray, points: ndarray, window: tuple[float, bool]) -> bool:
        """Return whether a look at a window around landmarks shows the same person."""
        near = self._look_near(image, points, window)
        return near is not None and is_same(near, points)

    def _look_near(
        self, image: ndarray, points: Float[ndarray, "33 2"], window: tuple[float, bool]
    ) -> Float[ndarray, "33 2"] | None:
        """Return the person whom the finder of bodies sees in a window around landmarks."""
        size, mirrored = window
        centre = 0.5 * (points.min(axis=0) + points.max(axis=0))
        shown = crop_around(image, centre, size * extent(points))
        return None if shown is None else self._look(*shown, 1, mirrored)


def _size(points: Float[ndarray, "33 2"], image: ndarray) -> float:
    """Return the longer side of a person's box, as a part of the picture's shorter side."""
    return float(np.ptp(points, axis=0).max() / min(image.shape[:2]))


def _finder(confidence: float) -> PoseLandmarker:
    """Return a landmarker of single pictures; all sizes of the model share one finder of bodies."""
    options = PoseLandmarkerOptions(
        base_options=BaseOptions(model_asset_buffer=pose_bundle("lite")),
        running_mode=RunningMode.IMAGE,
        min_pose_detection_confidence=confidence,
    )
    with without_notices():
        return PoseLandmarker.create_from_options(options)
