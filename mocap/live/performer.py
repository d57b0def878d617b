"""A live performer: pictures or keypoints to poses on the avatar, one at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mocap.core.camera import CameraSource
from mocap.core.keypoints import Keypoints, with_fov
from mocap.core.motion import Motion
from mocap.core.skeleton import HUMANOID, Skeleton
from mocap.retargeting import retarget
from mocap.solve.low import rest_low
from mocap.solve.performer import Performer
from mocap.solve.tuning import SolveOptions, Tuning

if TYPE_CHECKING:  # they need OpenCV, which keypoints do not
    from mocap.detect.take import OnePersonDetector
    from mocap.live.clock import Arrived


class LivePerformer:
    """Detects, measures, lifts, solves and retargets a person, one frame at a time, without I/O.

    Args:
        detector: Finds the person in pictures; None for input of keypoints only.
        avatar: The skeleton of the poses.
        fov: The field of view, radians, and its source; None leaves the keypoints' own camera.
        upper_body: Keep legs at rest and hips steady; None: chosen by whether legs are seen.
        tuning: Returns the live settings; called before each frame.
    """

    def __init__(
        self,
        detector: OnePersonDetector | None,
        avatar: Skeleton = HUMANOID,
        fov: tuple[float | None, CameraSource] = (None, "assumed"),
        upper_body: bool | None = None,
        tuning: Callable[[], Tuning] = Tuning,
    ) -> None:
        self._detector, self._avatar, self._fov = detector, avatar, fov
        self._options = SolveOptions(upper_body=upper_body)
        self._tuning = tuning
        self.restart()

    def restart(self) -> None:
        """Begin another take with the next frame."""
        self._performer = Performer(self._options)

    def perform(self, arrived: Arrived) -> tuple[Keypoints, Motion]:
        """Return the keypoints of a frame, and the avatar's pose."""
        assert self._detector is not None
        keypoints = self._detector.detect(arrived.frame.image, arrived.time)
        keypoints = with_fov(keypoints, *self._fov)
        return keypoints, self.follow(keypoints)

    def next_person(self, at: tuple[float, float] | None = None) -> None:
        """Follow another person: the one nearest to a point (pixels), or the next."""
        assert self._detector is not None
        self._detector.next_person(at)
        self.restart()

    def follow(self, keypoints: Keypoints) -> Motion:
        """Return the avatar's pose for the next frame of keypoints."""
        tuning = self._tuning()
        self._performer.tuning = tuning
        shown = retarget(self._performer.solve(keypoints), self._avatar)
        # The avatar's arms are not as long as the performer's, so this comes last.
        return shown if tuning.feet == "off" else rest_low(shown)
