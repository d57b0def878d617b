"""Options of detection."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mocap.errors import InputError


@dataclass(frozen=True, slots=True)
class DetectOptions:
    """What to detect, and by which detector.

    Attributes:
        detector: Name of the detector, a key of `detect.table.DETECTORS`.
        model: Size of the detector's model; for MediaPipe "lite", "full" or "heavy".
        hands: Detect both hands.
        face: Detect the face.
        face_model: A face_landmarker.task to use instead of the package's.
        person: The person to follow, counted from the left from 1 when that many people are first
            seen; None for the most prominent one.
        source_fps: The true capture rate where the file's is wrong or missing.
        people: The largest number of people; with more than one, each gets a motion.

    Raises:
        InputError: `person` or `people` is below 1, or both are given.
    """

    detector: str = "mediapipe"
    model: str = "full"
    hands: bool = True
    face: bool = True
    face_model: Path | None = None
    person: int | None = None
    source_fps: float | None = None
    people: int = 1

    def __post_init__(self) -> None:
        if self.person is not None and self.person < 1:
            raise InputError(f"People are counted from 1, so there is no person {self.person}.")
        if self.people < 1:
            raise InputError(f"There is at least one person to follow, not {self.people}.")
        if self.people > 1 and self.person is not None:
            raise InputError(
                f"Either one person is followed, the {self.person}. from the left, or up to "
                f"{self.people} people: give only one of person and people."
            )
