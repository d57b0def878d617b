"""One person in a window of the picture that moves with them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from mocap.core.camera import Camera
from mocap.core.keypoints import LANDMARKS, Keypoints
from mocap.detect.crops import crop_around
from mocap.detect.mediapipe.logs import close_quietly
from mocap.detect.mediapipe.results import keypoints_of
from mocap.detect.mediapipe.tasks import Image, ImageFormat, PoseLandmarker
from mocap.detect.nearness import Nearness
from mocap.detect.outline import Outline, covered, erase, near_limbs, part_within
from mocap.detect.people import MARGIN, extent, is_same, middle
from mocap.detect.sightings import look_distance, look_of, mixed_look

PATIENCE = 1.0
"""Seconds for which a tracker looks for its person."""
WINDOW = 2.0
"""Side of a tracked person's window, in sizes of the person."""
# The factor by which the person may grow or shrink before the tracker begins again with another
# window: MediaPipe expects the person where they were in the window, and as large.
_RESIZED = 1.6
# Seconds over which a tracked person's velocity is averaged.
_STEADY = 0.2
# Probability from which a pixel is the person's.
_INSIDE = 0.5
# Outlines of people are widened by this part of the size of the one who is looked for, because
# edges are blurred; what surely shows the one is their outline of the picture before, widened so.
_WIDER, _OWN = 0.01, 0.04
# How far a person reaches beyond their landmarks, in parts of their size.
_EDGE = 0.12
# A person of whose joints more than this part is hidden is not seen: what a tracker finds then is a
# guess, or another person.
_HIDDEN = 0.45
# Looks differ by more between people who are dressed differently; seconds over which they are
# averaged, and between two of them.
_TELLING, _LOOKING, _LOOK_EVERY = 0.3, 1.0, 0.2
_JOINTS = [
    LANDMARKS.index(f"{side}_{joint}")
    for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    for side in ("left", "right")
]


class Others(NamedTuple):
    """Outlines of other people, for one who is looked for in a picture.

    Attributes:
        nearer: Of people in this picture who hide the one; of a lost one, all who are found.
        farther: Of people whom the one may hide, where they are expected: they were not yet looked
            for in this picture.
    """

    nearer: Sequence[Outline] = ()
    farther: Sequence[Outline] = ()


class TrackedBody:
    """The landmarker of one person, which sees a window that moves with them.

    In the window the person is large, so that people far from the camera are found again too, and
    hardly moves, as before a camera that follows them.

    Attributes:
        place: (33, 2) the last landmarks, pixels; those of a lost person move on as before.
        seen: When the person was last seen, seconds.
        lost: Whether the person was not seen in the last picture.
        outline: The person in the last picture; None if they were not seen, or the landmarker does
            not tell.
        nearness: What is known of the person's distance.
        track: The number of the track.
    """

    def __init__(
        self, landmarker: Callable[[], PoseLandmarker], place: ndarray, seen: float, track: int = 0
    ) -> None:
        self._make, self._landmarker = landmarker, landmarker()
        self.place, self.seen, self.lost = place, seen, False
        self.outline: Outline | None = None
        self.nearness = Nearness()
        self.track = track
        self._velocity, self._expected, self._looked = np.zeros(2), middle(place), seen
        self._size = extent(place)
        # The part of the joints that others hid when the landmarker last found a body, and that
        # body's middle, pixels of the window.
        self._hidden = 0.0
        self._found: ndarray | None = None
        self._look: ndarray | None = None
        self._look_seen = -math.inf
        # The last outline, and the middle of the person then.
        self._last: Outline | None = None
        self._last_at = self._expected

    def close(self) -> None:
        """Free the model."""
        close_quietly(self._landmarker)

    def _begin(self, size: float) -> None:
        """Begin with a window for a person of another size, pixels."""
        close_quietly(self._landmarker)
        self._landmarker, self._size, self._found = self._make(), size, None

    def expect(self, time: float) -> None:
        """Expect the person where their motion takes them by a time, seconds."""
        step = self._velocity * (time - self._looked)
        self._expected, self._looked = middle(self.place) + step, time
        if self.lost:
            self.place = self.place + step

    def expected_outline(self) -> Outline | None:
        """Return the last outline, moved to where the person is expected."""
        return self._last and self._last.moved(self._expected - self._last_at)

    def surprise(self, points: Float[ndarray, "33 2"]) -> float:
        """Return how far landmarks are from where the person is expected, in their sizes."""
        return float(np.linalg.norm(middle(points) - self._expected)) / extent(self.place)

    def may_meet(self, other: TrackedBody) -> bool:
        """Return whether this person and another may overlap in the next picture."""
        reach = MARGIN * extent(self.place) + 0.5 * _EDGE * extent(other.place)
        mine, theirs = self.place, other.place
        apart = np.maximum(
            mine.min(axis=0) - theirs.max(axis=0), theirs.min(axis=0) - mine.max(axis=0)
        )
        return bool((apart < reach).all())

    def detect(
        self,
        image: UInt8[ndarray, "height width 3"],
        others: Others,
        milliseconds: int,
        time: float,
    ) -> Keypoints | None:
        """Return the person in a picture; None if they are lost.

        Args:
            image: RGB.
            others: People who may be in the window.
            milliseconds: MediaPipe's time.
            time: Seconds.
        """
        own, self.outline = self.expected_outline(), None
        size = extent(self.place)
        if not self._size / _RESIZED < size < self._size * _RESIZED:
            self._begin(size)
        window = crop_around(image, self._centre(others), WINDOW * self._size)
        if window is None:
            return None
        crop, corner = window
        self._mask(crop, corner, others, own)
        result: Any = self._landmarker.detect_for_video(Image(ImageFormat.SRGB, crop), milliseconds)
        if not result.pose_landmarks:
            self._found = None
            return None
        found = keypoints_of(result, 0, time, (crop.shape[1], crop.shape[0]))
        self._found = middle(found.image[0])
        camera = Camera.assumed((image.shape[1], image.shape[0]))
        found = replace(found, image=found.image + corner, camera=camera)
        self._hidden = part_within(others.nearer, found.image[0, _JOINTS])
        if not is_same(found.image[0], self.place) or self._hidden > _HIDDEN:
            return None
        expected = self.place[_JOINTS] + self._expected - middle(self.place)
        self._hidden = max(self._hidden, part_within(others.nearer, expected))
        if result.segmentation_masks:
            inside = result.segmentation_masks[0].numpy_view().reshape(crop.shape[:2])
            rows, columns = _box(found.image[0] - corner, _EDGE * size)
            body, (x, y) = inside[rows, columns] > _INSIDE, corner
            corner = (x + columns.start, y + rows.start)
            if others.nearer or others.farther:
                body = near_limbs(body, found.image[0] - corner)
            self.outline = Outline(body, corner)
        return found

    def _centre(self, others: Others) -> ndarray:
        """Return the middle of the window, pixels.

        MediaPipe looks where it found a body in the window before. So the window of a person who is
        lost among others moves until that place is where the person is expected.
        """
        if self.lost and others.nearer and self._found is not None:
            return np.asarray(self._expected - (self._found - 0.5 * WINDOW * self._size))
        return np.asarray(0.5 * (self.place.min(axis=0) + self.place.max(axis=0)))

    def _mask(
        self, crop: ndarray, corner: tuple[int, int], others: Others, own: Outline | None
    ) -> None:
        """Erase other people from the window, and mask what is around the person, in place."""
        rows, columns = _box(self.place - corner, MARGIN * self._size)
        crop[: rows.start] = crop[rows.stop :] = 0
        crop[:, : columns.start] = crop[:, columns.stop :] = 0
        if not others.nearer and not others.farther:
            return
        part = crop[rows, columns]
        shape = part.shape[:2]
        corner = (corner[0] + columns.start, corner[1] + rows.start)
        wider = round(_WIDER * self._size)
        hidden = covered(others.nearer, corner, shape, wider)
        people = hidden
        if own is not None:
            body = covered((own,), corner, shape, round(_OWN * self._size))
            behind = covered(others.farther, corner, shape, wider)
            people = hidden | body | behind
            hidden = hidden | (behind & ~body)
        erase(part, hidden, ~people)

    def looks_other(self, image: UInt8[ndarray, "height width 3"], found: Keypoints) -> bool:
        """Return whether someone found in a picture is dressed differently from this person."""
        away = look_distance(self._look, look_of(image, found.image[0]))
        return away is not None and away > _TELLING

    def see_look(
        self,
        image: UInt8[ndarray, "height width 3"],
        found: Keypoints,
        others: Sequence[Keypoints],
        time: float,
    ) -> None:
        """Take how the person looks in a picture, where others are not; now and then.

        Args:
            image: RGB.
            found: The person, one frame.
            others: Others in the picture, one frame each.
            time: Seconds.
        """
        if time - self._look_seen < _LOOK_EVERY:
            return
        points = np.array([k.image[0] for k in others]).reshape(-1, 33, 2)
        now = look_of(image, found.image[0], points)
        self._look = mixed_look(self._look, now, min((time - self._look_seen) / _LOOKING, 0.5))
        self._look_seen = time

    def update(self, found: Keypoints | None, time: float) -> None:
        """Take the person in a new picture; None if they are lost."""
        self.lost = found is None
        if found is None:
            self.outline = None
            return
        points, step = found.image[0], time - self.seen
        self.nearness.see(found, step, 1.0 - self._hidden)
        # What is seen of a person who is partly hidden does not move as they do.
        share = (1.0 - self._hidden) ** 4 * (1.0 - math.exp(-max(step, 1e-3) / _STEADY))
        moved = (middle(points) - middle(self.place)) / max(step, 1e-3)
        self._velocity = self._velocity + share * (moved - self._velocity)
        self.place, self.seen = points, time
        self._last, self._last_at = self.outline, middle(points)


def _box(points: Float[ndarray, "33 2"], margin: float) -> tuple[slice, slice]:
    """Return the rows and columns around landmarks, with a margin, pixels."""
    low = np.maximum(np.floor(points.min(axis=0) - margin), 0.0).astype(int).tolist()
    high = np.maximum(np.ceil(points.max(axis=0) + margin), 0.0).astype(int).tolist()
    return slice(low[1], high[1]), slice(low[0], high[0])
