"""Detection of a whole source: every frame's keypoints of one person."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np
from numpy import ndarray

from mocap.capture.source import Frame, Source
from mocap.core.keypoints import Keypoints, concatenate, has_person
from mocap.detect.cuts import CutFinder
from mocap.errors import InputError, NoPersonError

_LONG = 1e5
"""Seconds, longer than any clip."""


@runtime_checkable
class OnePersonDetector(Protocol):
    """Finds one person's keypoints in pictures given one after another."""

    def detect(self, image: ndarray, time: float = 0.0) -> Keypoints:
        """Return the keypoints of one frame, NaN where no person is seen."""

    def next_person(self, at: tuple[float, float] | None = None) -> None:
        """Follow another person: the one nearest to a point (pixels), or the next."""


class TakesDetector:
    """Detects one person in pictures given one after another, as a new take after each hard cut.

    Args:
        detector: Its clock goes back at a cut, so that nothing is tracked across it.
    """

    def __init__(self, detector: OnePersonDetector) -> None:
        self._detector, self._clock = detector, TakeClock()

    def detect(self, image: ndarray, time: float) -> Keypoints:
        """Return the keypoints of one frame at its time (seconds), with `new_take`."""
        begins, shifted = self._clock.see(image, time)
        found = self._detector.detect(image, shifted)
        return replace(found, times=np.array([time]), new_take=np.array([float(begins)]))


class TakeClock:
    """The clock that a detector sees: at a hard cut it goes back, which begins another take."""

    def __init__(self) -> None:
        self._finder, self._cuts = CutFinder(), 0

    def see(self, image: ndarray, time: float) -> tuple[bool, float]:
        """Return whether a take begins with this picture, and the detector's time, seconds."""
        begins = self._finder.begins(image)
        self._cuts += begins
        return begins, time - _LONG * self._cuts


def detect_source(
    source: Source | Iterable[Frame],
    detector: OnePersonDetector,
    progress: Callable[[int], None] | None = None,
) -> Keypoints:
    """Detect one person in every frame of a source.

    Args:
        source: Frames, as of `capture.open.open_source`.
        detector: Called once for each frame.
        progress: Called after each frame with the number of frames done.

    Returns:
        Keypoints of all frames, in the source's order and at its times.

    Raises:
        NoPersonError: No frame shows a body or a hand.
        InputError: The source has no frame, or its frames differ in size.
    """
    name = getattr(source, "name", "the input")
    frames: list[Keypoints] = []
    takes = TakesDetector(detector)
    for frame in source:
        found = takes.detect(frame.image, frame.time)
        _check_size(found, frames, name)
        frames.append(found)
        if progress is not None:
            progress(len(frames))
    if not frames:
        raise InputError(f"There is no frame in {name}.")
    keypoints = concatenate(frames)
    check_somebody(keypoints, name, getattr(source, "verdict", ""))
    return keypoints


def check_somebody(keypoints: Keypoints, name: str, verdict: str = "") -> None:
    """Raise NoPersonError unless a frame shows a body or a hand; warn if pictures do not change.

    Args:
        keypoints: Keypoints of all frames.
        name: The source's name for the message.
        verdict: What is wrong with all pictures of the source, if anything is.
    """
    if not has_person(keypoints):
        count = len(keypoints)
        raise NoPersonError(
            f"No person was found in {name} ({count} frame{'s' if count > 1 else ''}). "
            "The detector needs to see at least the head and shoulders of a person who is not "
            "tiny in the picture." + (f" Here {verdict}." if verdict else "")
        )
    if verdict:
        warnings.warn(f"{name} shows no motion: {verdict}.", stacklevel=3)


def _check_size(found: Keypoints, before: list[Keypoints], name: str) -> None:
    if before and found.camera.size != before[0].camera.size:
        (width, height), (first_width, first_height) = found.camera.size, before[0].camera.size
        raise InputError(
            f"All frames of {name} must be of one size, but frame {len(before)} is "
            f"{width} × {height} pixels and those before it {first_width} × {first_height}."
        )
