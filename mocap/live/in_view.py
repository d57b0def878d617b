"""Which parts of the performer are in view, and which have been missing for some time."""

from __future__ import annotations

import numpy as np

from mocap.core.keypoints import LANDMARKS, Keypoints
from mocap.solve.evidence import inside
from mocap.stream.protocol import BodyPart

PATIENCE = 2.0
"""Seconds after which a part that is not seen counts as missing."""

_SEEN = 0.5  # confidence from which a landmark counts as seen

_LANDMARKS_OF: dict[BodyPart, tuple[int, ...]] = {
    "head": (LANDMARKS.index("nose"),),
    "hands": (LANDMARKS.index("left_wrist"), LANDMARKS.index("right_wrist")),
    "feet": (LANDMARKS.index("left_ankle"), LANDMARKS.index("right_ankle")),
}


class InView:
    """Tracks when each part of the performer was last seen.

    Args:
        parts: The parts to track besides the person.
    """

    def __init__(self, parts: tuple[BodyPart, ...] = ("head", "hands", "feet", "face")) -> None:
        self._parts = parts
        self._last: dict[BodyPart, float] = {}

    def missing(self, keypoints: Keypoints) -> tuple[BodyPart, ...]:
        """Process the next frame; return the parts not seen for `PATIENCE` seconds.

        Args:
            keypoints: One frame. Times that go back begin another take.

        Returns:
            ("person",) if there is no person; otherwise the missing parts, in the order of `parts`.
        """
        time = float(keypoints.times[0])
        if any(time < last for last in self._last.values()):
            self._last.clear()
        wanted: tuple[BodyPart, ...] = ("person", *self._parts)
        for part in wanted:
            if part not in self._last or _is_seen(part, keypoints):
                self._last[part] = time
        missing = tuple(p for p in wanted if time - self._last[p] >= PATIENCE)
        return ("person",) if "person" in missing else missing


def _is_seen(part: BodyPart, keypoints: Keypoints) -> bool:
    if part == "person":
        return bool((keypoints.confidence[0] > 0.0).any() | _has_hand(keypoints))
    if part == "face":
        return keypoints.face is not None and bool(np.isfinite(keypoints.face[0]).all())
    if part == "hands" and _has_hand(keypoints):
        return True
    rows = list(_LANDMARKS_OF[part])
    within = inside(keypoints)[0, rows] > 0.0
    return bool((within & (keypoints.confidence[0, rows] >= _SEEN)).any())


def _has_hand(keypoints: Keypoints) -> bool:
    return keypoints.hands_confidence is not None and bool((keypoints.hands_confidence > 0).any())
