"""One performer out of the people that a detector finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from mocap.core.closing import Closing
from mocap.core.keypoints import BLENDSHAPES, HAND_LANDMARKS, Keypoints
from mocap.detect.options import DetectOptions
from mocap.detect.people import PersonTrack, empty_frame, middle
from mocap.detect.protocol import Detector
from mocap.detect.table import open_detector

# Points of a face in `Keypoints`.
_FACE_POINTS = 478


class PerformerDetector(Closing):
    """Finds one performer's body, hands and face in pictures given one after another.

    Use it in a `with` block. Of several people it follows the one that the options name, or the
    most prominent one.

    Args:
        options: What to detect, and by which detector.
        video: Whether the pictures are frames of one video; False treats each by itself.
        detector: An open detector to use instead of the one that the options name.

    Raises:
        InputError: There is no detector or model of that name.
        ModelError: Its weights are missing or damaged.
    """

    def __init__(
        self,
        options: DetectOptions | None = None,
        video: bool = True,
        detector: Detector | None = None,
    ) -> None:
        self.options = options or DetectOptions()
        self.video = video
        self._detector = detector or open_detector(self.options, video)
        self._track = PersonTrack(self.options.person or 1)
        self._chosen = self.options.person is not None

    def detect(self, image: UInt8[ndarray, "height width 3"], time: float = 0.0) -> Keypoints:
        """Return the performer's keypoints of one picture, one frame.

        Arguments and errors are those of `Detector.people`. The frame is NaN with confidence 0
        where no person is seen. `hands` and `face` are None only if the options exclude them.
        """
        people = self._detector.people(image, time)
        found = people[0] if len(people) == 1 else self._choose(people, time)
        if found is None:
            found = empty_frame(time, (image.shape[1], image.shape[0]))
        elif not np.isnan(found.image).any():
            self._track.update(found.image[0], time)
        return complete(found, self.options)

    def next_person(self, at: tuple[float, float] | None = None) -> None:
        """Follow another person.

        Args:
            at: A point, pixels: follow the person nearest to it. None: follow the person to the
                right; after the last one, the first.
        """
        self._chosen = True
        self.begin_near(at)

    def begin_near(self, at: tuple[float, float] | None) -> None:
        """Begin with the person nearest to a point (pixels), not with the most prominent one.

        If this person is lost, the most prominent one is followed.
        """
        self._track.switch(at)
        self._detector.next_person(at)

    def _choose(self, people: Sequence[Keypoints], time: float) -> Keypoints | None:
        if not people:
            self._track.lose()
            return None
        if not self._chosen and self._track.place is None and not self._track.switching:
            return people[0]
        by_place = sorted(people, key=lambda k: float(middle(k.image[0])[0]))
        who = self._track.choose(np.array([k.image[0] for k in by_place]), time)
        if who is None:
            return None if self._chosen else people[0]
        return by_place[who]

    def close(self) -> None:
        """Free the models. A second call does nothing."""
        self._detector.close()


def complete(found: Keypoints, options: DetectOptions) -> Keypoints:
    """Return the frame with the hands and the face that the options ask for, NaN where missing."""
    n = len(HAND_LANDMARKS)
    if options.hands and found.hands is None:
        found = replace(
            found,
            hands=np.full((1, 2, n, 3), np.nan),
            hands_image=np.full((1, 2, n, 2), np.nan),
            hands_confidence=np.zeros((1, 2)),
        )
    if options.face and found.face is None:
        found = replace(
            found,
            face=np.full((1, _FACE_POINTS, 3), np.nan),
            face_transform=np.full((1, 4, 4), np.nan),
            face_blendshapes=np.full((1, len(BLENDSHAPES)), np.nan),
        )
    return found
