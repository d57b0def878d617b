"""The detectors by name."""

from __future__ import annotations

from collections.abc import Callable

from mocap.detect.options import DetectOptions
from mocap.detect.protocol import Detector
from mocap.errors import InputError


def _mediapipe(options: DetectOptions, video: bool) -> Detector:
    if options.people > 1:
        from mocap.detect.mediapipe.everyone import EveryoneDetector

        return EveryoneDetector(options, video)
    from mocap.detect.mediapipe.detector import MediaPipeDetector

    return MediaPipeDetector(options, video)


DETECTORS: dict[str, Callable[[DetectOptions, bool], Detector]] = {"mediapipe": _mediapipe}
"""Makes the detector of each name from the options and whether the pictures are a video."""


def open_detector(options: DetectOptions, video: bool = True) -> Detector:
    """Make the detector that the options name.

    Args:
        options: What to detect.
        video: Whether the pictures are frames of one video, to be tracked and smoothed over time.

    Raises:
        InputError: There is no detector or model of that name.
        ModelError: Its weights are missing or damaged.
    """
    make = DETECTORS.get(options.detector)
    if make is None:
        names = ", ".join(DETECTORS)
        raise InputError(f"There is no detector {options.detector!r}; there are: {names}.")
    return make(options, video)
