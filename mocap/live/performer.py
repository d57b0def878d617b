"""A live performer: pictures or keypoints to poses on the avatar, one at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from mocap.core.camera import CameraSource
from mocap.core.keypoints import Keypoints, concatenate, with_fov
from mocap.core.motion import Motion
from mocap.core.skeleton import HUMANOID, Skeleton
from mocap.detect.take import OnePersonDetector
from mocap.lift.live import LiftState, lift_live
from mocap.live.clock import Arrived
from mocap.retarget import retarget
from mocap.solve.measure import measure_body
from mocap.solve.solver import Solver
from mocap.solve.tuning import SolveOptions, Tuning

# The live body is measured again each second of the first six in which a person is seen, and then left alone.
_MEASURE_EVERY, _MEASURE_UNTIL = 1.0, 6.0


class LivePerformer:
    """From pictures or keypoints to poses on the avatar, one at a time: detect, measure, lift, solve, retarget. No socket in sight.

    detector: None if only keypoints come. fov: the field of view, radians, and its source; None
    leaves the keypoints' own camera. tuning: called before each frame."""

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
        """Forget the performer: the next frame begins another take."""
        self._solver = Solver(options=self._options)
        self._seen: list[Keypoints] = []
        self._measured = -np.inf
        self._lift: LiftState | None = None

    def perform(self, arrived: Arrived) -> tuple[Keypoints, Motion]:
        """The keypoints of a frame, and the avatar's pose."""
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
        """The avatar's pose of one frame of keypoints, which come after those before."""
        if not np.isnan(keypoints.positions).all():
            self._measure(keypoints)
        positions, self._lift = lift_live(keypoints, keypoints.camera, self._lift)
        self._solver.tuning = self._tuning()
        return retarget(self._solver.solve(replace(keypoints, positions=positions)), self._avatar)

    def _measure(self, keypoints: Keypoints) -> None:
        if self._seen and keypoints.times[0] - self._seen[0].times[0] > _MEASURE_UNTIL:
            return
        self._seen.append(keypoints)
        if keypoints.times[0] - self._measured >= _MEASURE_EVERY:
            self._measured = float(keypoints.times[0])
            self._solver.body = measure_body(concatenate(self._seen))
