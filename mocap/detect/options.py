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

    Raises:
        InputError: `person` is below 1.
    """

    detector: str = "mediapipe"
    model: str = "full"
    hands: bool = True
    face: bool = True
    face_model: Path | None = None
    person: int | None = None
    source_fps: float | None = None

    def __post_init__(self) -> None:
        if self.person is not None and self.person < 1:
            raise InputError(f"People are counted from 1, so there is no person {self.person}.")
