"""One clock and one camera for a take whose source changes while it is recorded.

A page that is loaded again starts its clock at 0, a reopened camera too, and another source has its
own clock and its own picture size. A take has increasing times and one camera.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core.camera import Camera
from mocap.core.keypoints import Keypoints

_DRIFT = 2.0
"""Seconds by which a source's step may differ from that of the arrivals, before it counts as
another clock: more than a stalled network or solver delays a frame."""

_LEAST_STEP = 1e-3  # seconds between two frames of different clocks


class ContinuousClock:
    """Maps the times of the sources to the take's.

    The first source's times are kept. Where a source's clock jumps, the take's time increases by
    the time that has passed between the arrivals.

    Args:
        now: Returns the time of arrival, seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._offset = 0.0
        self._last: float | None = None
        self._arrived = 0.0

    def frame(self, seconds: float) -> tuple[float, bool]:
        """Return the take's time of a frame that arrives, and whether the clock has jumped.

        Args:
            seconds: The frame's time by its source.
        """
        now = self._now()
        took, self._arrived = now - self._arrived, now
        mapped = seconds + self._offset
        jumped = False
        if self._last is not None:
            step = mapped - self._last
            jumped = step <= 0.0 or abs(step - took) > _DRIFT
            if jumped:
                mapped = self._last + max(took, _LEAST_STEP)
                self._offset = mapped - seconds
        self._last = mapped
        return mapped, jumped

    def picture(self, seconds: float) -> float | None:
        """Return the take's time of a picture; None if it is later than the last frame."""
        mapped = seconds + self._offset
        if self._last is None or mapped > self._last + _LEAST_STEP:
            return None
        return min(mapped, self._last)  # the offset's rounding may lift it


def seen_by(camera: Camera, keypoints: Keypoints) -> Keypoints:
    """Return keypoints as another camera at the same place sees them; rays stay the same.

    Args:
        camera: The other camera.
        keypoints: The keypoints; those of this camera are returned as they are.
    """
    own = keypoints.camera
    if own == camera:
        return keypoints
    scale = camera.focal / own.focal

    def moved(pixels: Float[ndarray, "*batch 2"]) -> Float[ndarray, "*batch 2"]:
        return (pixels - np.array(own.centre)) * scale + np.array(camera.centre)

    face = keypoints.face
    if face is not None:
        face = np.concatenate([moved(face[..., :2]), face[..., 2:] * scale], axis=-1)
    hands = keypoints.hands_image
    return replace(
        keypoints,
        camera=camera,
        image=moved(keypoints.image),
        hands_image=None if hands is None else moved(hands),
        face=face,
    )
