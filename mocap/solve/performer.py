"""One performer, live: measure the body, lift the depths, solve the pose, frame by frame."""

from __future__ import annotations

import numpy as np

from mocap.core.keypoints import Keypoints, changed, concatenate
from mocap.core.motion import Motion
from mocap.core.skeleton import HUMANOID, Skeleton
from mocap.lift.live import LiftState, lift_live
from mocap.solve.live import CausalSolver
from mocap.solve.measure import measure_body
from mocap.solve.tuning import SolveOptions, Tuning

# Interval at which the body is measured again, and time since the first person until which it is;
# seconds.
_MEASURE_EVERY, _MEASURE_UNTIL = 1.0, 6.0


class Performer:
    """Solve one person's keypoints live, as `mocap live` does.

    Frames may come one or several per call, with the same result. Each frame depends only on itself
    and the previous ones.

    Attributes:
        tuning: Live settings; may be changed from frame to frame.
    """

    def __init__(self, options: SolveOptions | None = None, body: Skeleton | None = None) -> None:
        """Start a take.

        Args:
            options: How to solve keypoints; `refine=False` uses them as they are.
            body: The performer's skeleton; by default it is measured during the first seconds.
        """
        self.tuning = Tuning()
        self._options = options or SolveOptions()
        self._solver = CausalSolver(body or HUMANOID, self._options)
        self._measures = body is None
        self._seen: list[Keypoints] = []
        self._measured = -np.inf
        self._lift: LiftState | None = None

    @property
    def body(self) -> Skeleton:
        """The skeleton as measured so far."""
        return self._solver.body

    def solve(self, keypoints: Keypoints) -> Motion:
        """Solve frames that follow those solved before.

        Args:
            keypoints: One or more frames with their camera.

        Returns:
            The motion on the performer's skeleton as measured at the last of these frames.
        """
        if len(keypoints) == 1:
            return self._frame(keypoints)
        frames = [self._frame(keypoints.slice(n, n + 1)) for n in range(len(keypoints))]
        return Motion(
            self.body,
            keypoints.times,
            np.concatenate([np.zeros((0, 3)), *(f.root_positions for f in frames)]),
            np.concatenate(
                [np.zeros((0, len(self.body.names), 4)), *(f.rotations for f in frames)]
            ),
            {
                name: np.concatenate([f.expressions[name] for f in frames])
                for name in (frames[0].expressions if frames else ())
            },
        )

    def _frame(self, keypoints: Keypoints) -> Motion:
        if self._measures and not np.isnan(keypoints.positions).all():
            self._measure(keypoints)
        if self._options.refine and keypoints.camera.source != "triangulated":
            positions, self._lift = lift_live(keypoints, keypoints.camera, self._lift)
            keypoints = changed(keypoints, positions=positions)
        self._solver.tuning = self.tuning
        return self._solver.solve(keypoints)

    def _measure(self, keypoints: Keypoints) -> None:
        if self._seen and keypoints.times[0] - self._seen[0].times[0] > _MEASURE_UNTIL:
            return
        self._seen.append(keypoints)
        if keypoints.times[0] - self._measured >= _MEASURE_EVERY:
            self._measured = float(keypoints.times[0])
            self._solver.body = measure_body(concatenate(self._seen))
