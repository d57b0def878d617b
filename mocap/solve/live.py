"""The live solver: keypoints to Motion, frame by frame and causal."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.camera import fit_translation
from mocap.core.filter import (
    OneEuroState,
    TurnState,
    limit_turns,
    one_euro,
    one_euro_rotations,
)
from mocap.core.keypoints import Keypoints
from mocap.core.kinematics import sole_points
from mocap.core.motion import Motion
from mocap.core.skeleton import HUMANOID, Skeleton
from mocap.solve.body import BodyDetails, BodyState, solve_body
from mocap.solve.contacts import SOLES
from mocap.solve.depth import onto_rays, shaped_heels, steady_heels
from mocap.solve.evidence import SEEN, EvidenceState, bend_elbows, weigh
from mocap.solve.face import (
    FaceState,
    expressions,
    follow_face,
    head_turns,
    solved_head,
)
from mocap.solve.gravity import GravityState, follow_gravity
from mocap.solve.hands import SolvedHands, believed, solved_hands, with_arms
from mocap.solve.lock import LockState, lock_feet
from mocap.solve.root import RootState, StandState, follow_root, stand, steady_stand
from mocap.solve.tuning import LIVE_FILTER, SolveOptions, Tuning
from mocap.solve.twist import DOUBTFUL_BEND, FULL_BEND
from mocap.solve.upper_body import (
    HEADING,
    STEADY,
    UpperState,
    follow_whole_body,
    held_heading,
    on_steady_hips,
)

_USUAL = SolveOptions()

LIVE_HANDS = (0.5, 0.3)
"""One Euro filter on rotations of hands relative to their forearms, from the body's landmarks: Hz
at rest, and Hz per (half radian per second). The body's landmarks have only three points per hand,
which flip a hand that is seen from its edge."""
LIVE_FINGERS = (1.5, 2.0)
"""The filter on finger bones; units as above."""
LIVE_PALMS = (1.5, 1.0)
"""The filter on hands relative to their forearms, from the hands' own points. The hand detector
does not filter its output, unlike the body detector."""
LIVE_TURN = 10.0
"""Fastest turn of a hand relative to its forearm, radians per second: a palm turns over in a third
of a second. A detector turns it over in a frame, and back, where it sees the palm from its edge."""
LIVE_HEAD = (3.0, 6.0)
"""The filter on heads whose rotation comes from the face. Unfiltered, they jitter three times as
much as heads from the body's landmarks."""


class CausalSolver:
    """Solve keypoints in order, one or several frames per call, with the same result.

    Attributes:
        body: The performer's skeleton; may be replaced between calls.
        tuning: The live settings; may be replaced between calls.
    """

    def __init__(
        self,
        body: Skeleton = HUMANOID,
        options: SolveOptions = _USUAL,
    ) -> None:
        self.body = body
        self.tuning = Tuning()
        self._filtered = options.refine
        self._evidence: EvidenceState | None = None
        self._filter: OneEuroState | None = None
        self._hands: OneEuroState | None = None
        self._turns: TurnState | None = None
        self._fingers: OneEuroState | None = None
        self._palms: OneEuroState | None = None
        self._face: FaceState | None = None
        self._head: OneEuroState | None = None
        self._upper_body = options.upper_body
        self._upper: UpperState | None = None
        self._path: tuple[ndarray, ndarray] | None = None
        self._steady: OneEuroState | None = None
        self._heading: float | None = None
        self._gravity: GravityState | None = None
        self._body_state: BodyState | None = None
        self._root_state: RootState | None = None
        self._stand: StandState | None = None
        self._lock: LockState | None = None

    def solve(self, keypoints: Keypoints) -> Motion:
        """Solve frames that follow those solved before.

        Args:
            keypoints: One or more frames, with their camera.

        Returns:
            Their motion on the performer's skeleton.
        """
        camera = keypoints.camera
        keypoints = with_arms(keypoints)
        whole = self._whole(keypoints)
        if self._filtered:
            keypoints, implied, self._evidence = weigh(keypoints, self._evidence)
        positions = keypoints.positions
        translation = fit_translation(positions, keypoints.image, keypoints.confidence, camera)
        upright = np.zeros((len(keypoints), 4)) + R.IDENTITY
        if self._filtered:
            positions, translation = onto_rays(positions, keypoints.image, translation, camera)
            positions = bend_elbows(positions, implied)
            positions, self._filter = one_euro(
                keypoints.times,
                shaped_heels(steady_heels(positions), translation),
                *self.tuning.cutoffs(LIVE_FILTER),
                self._filter,
            )
            upright, self._gravity = follow_gravity(
                keypoints.times, positions, keypoints.confidence, whole, self._gravity
            )
            positions = R.apply(upright[:, None], positions)
        place = R.apply(upright, translation)
        positions, confidence = on_steady_hips(
            positions, keypoints.confidence, place, whole, partial(self._slow, keypoints.times)
        )
        hands = partial(self._steady_hands, keypoints.times) if self._filtered else None
        settle = partial(self._settle_hands, keypoints.times) if self._filtered else None
        bend = DOUBTFUL_BEND if self._filtered else FULL_BEND
        own = self._own_hands(keypoints, upright)
        face, self._face = follow_face(keypoints, self._face)
        turns = head_turns(keypoints)
        if self._filtered and face is not None:
            turns, self._head = one_euro_rotations(
                keypoints.times, turns, *self.tuning.cutoffs(LIVE_HEAD), self._head
            )
        head = solved_head(turns, upright, face)
        expressed = {} if face is None else expressions(face)
        rotations, self._body_state = solve_body(
            keypoints.times,
            positions,
            confidence,
            self._body_state,
            BodyDetails(hands, bend, own, head, whole, settle),
        )
        path, seen, self._root_state = follow_root(
            keypoints.times, positions, confidence, translation, upright, self._root_state
        )
        root = stand(self.body, rotations, self._travelled(path, whole))
        if not self._filtered:
            return Motion(self.body, keypoints.times, root, rotations, expressed)
        height, self._stand = steady_stand(keypoints.times, root[:, 1], seen, self._stand)
        root[:, 1] += whole * (height - root[:, 1])
        if self.tuning.hips == "locked" or self.tuning.feet == "off":
            self._lock = None
            travels = np.array([0.0, 1.0, 0.0]) if self.tuning.hips == "locked" else np.ones(3)
            return Motion(self.body, keypoints.times, root * travels, rotations, expressed)
        soles = sole_points(self.body, root, rotations)
        # Feet are not locked while legs that enter the picture are still eased from rest.
        stood = (confidence[:, SOLES] > SEEN) & (whole >= 1.0)[:, None]
        slopes = np.where(stood[..., None], camera.rays(keypoints.image[:, SOLES])[..., :2], np.nan)
        root, _, self._lock = lock_feet(
            keypoints.times, root, soles, slopes, -translation[:, 2], self._lock
        )
        # The motion has no contacts, because retargeting would use them to hold feet, which frame
        # by frame makes the knees jerk.
        return Motion(self.body, keypoints.times, root, rotations, expressed)

    def _whole(self, keypoints: Keypoints) -> ndarray:
        if self._upper_body is not None or not self._filtered:
            return np.full(len(keypoints), 0.0 if self._upper_body else 1.0)
        whole, self._upper = follow_whole_body(keypoints, self._upper)
        return whole

    def _travelled(self, path: ndarray, whole: ndarray) -> ndarray:
        """Return the path, advanced only while the whole body is seen.

        An upper body (a person at a desk) stays where it is.
        """
        raw, shown = self._path or (path[0], path[0])
        out = shown + np.cumsum(
            whole[:, None] * (path - np.concatenate([raw[None], path[:-1]])), axis=0
        )
        self._path = (path[-1], out[-1])
        out[:, 1] = whole * path[:, 1]
        return out

    def _slow(self, times: ndarray, values: ndarray) -> ndarray:
        cutoffs = np.array([[STEADY], [HEADING]])
        slow, self._steady = one_euro(times, values, cutoffs, 0.0, self._steady)
        across, self._heading = held_heading(slow[:, 1], self._heading)
        return np.stack([slow[:, 0], across], axis=1)

    def _steady_hands(self, times: ndarray, relative: ndarray) -> ndarray:
        steady, self._hands = one_euro_rotations(
            times, relative, *self.tuning.cutoffs(LIVE_HANDS), self._hands
        )
        return steady

    def _settle_hands(self, times: ndarray, relative: ndarray) -> ndarray:
        settled, self._turns = limit_turns(times, relative, LIVE_TURN, self._turns)
        return settled

    def _own_hands(self, keypoints: Keypoints, upright: ndarray) -> SolvedHands | None:
        points = believed(keypoints)
        if points is None:
            return None
        turned = R.apply(upright[:, None, None], points)
        if not self._filtered:
            return solved_hands(turned)
        return solved_hands(
            turned,
            partial(self._steady_fingers, keypoints.times),
            partial(self._steady_palms, keypoints.times),
        )

    def _steady_fingers(self, times: ndarray, rotations: ndarray) -> ndarray:
        steady, self._fingers = one_euro_rotations(
            times, rotations, *self.tuning.cutoffs(LIVE_FINGERS), self._fingers
        )
        return steady

    def _steady_palms(self, times: ndarray, relative: ndarray) -> ndarray:
        steady, self._palms = one_euro_rotations(
            times, relative, *self.tuning.cutoffs(LIVE_PALMS), self._palms
        )
        return steady
