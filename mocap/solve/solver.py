"""The solver: keypoints to Motion, live (frame by frame, in any portions) and as a whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.camera import fit_translation
from mocap.core.filter import (
    OneEuroState,
    fill_gaps,
    one_euro,
    one_euro_rotations,
    smooth,
    smooth_rotations,
)
from mocap.core.keypoints import LANDMARKS, Keypoints, landmarks_of
from mocap.core.kinematics import fk, sole_points
from mocap.core.motion import Motion
from mocap.core.skeleton import HUMANOID, Skeleton
from mocap.lift.model import lift_with_error
from mocap.solve.body import SEEN, BodyState, solve_body
from mocap.solve.contacts import SEEN_STILL, SOLES, find_contacts, foot_speeds, plant
from mocap.solve.depth import onto_rays, steady_heels
from mocap.solve.face import (
    FaceState,
    expressions,
    follow_face,
    head_turns,
    solve_face,
    solved_head,
)
from mocap.solve.flips import unflip
from mocap.solve.gravity import GravityState, body_axis, find_gravity, follow_gravity
from mocap.solve.hands import SolvedHands, believed, solved_hands, with_arms
from mocap.solve.lock import LockState, lock_feet
from mocap.solve.measure import measure_body
from mocap.solve.refine import Refined, refine_landmarks
from mocap.solve.refine.ground import FEET, Ground, find_ground
from mocap.solve.root import RootState, StandState, follow_root, settle_root, stand, steady_stand
from mocap.solve.size import at_height
from mocap.solve.swaps import unswap
from mocap.solve.tuning import LIVE_FILTER, Feet, SolveOptions, Tuning
from mocap.solve.twist import DOUBTFUL_BEND, FULL_BEND
from mocap.solve.upper import STEADY, UpperState, follow_whole_body, is_upper_body, on_steady_hips

LIVE_HANDS, BAKE_HANDS = (0.5, 0.3), 1.5
"""Of hands relative to their forearms, live (Hz at rest, Hz per half radian a second) and in the bake (Hz): three small points make them,
and when a hand is seen from its edge they turn it over from one frame to the next."""
LIVE_FINGERS, BAKE_FINGERS = (1.5, 2.0), 5.0
LIVE_PALMS, BAKE_PALMS = (1.5, 1.0), 4.0
"""Of finger bones, and of hands that have points of their own, relative to their forearms; units as above. The hand detector, unlike the
body's, does not filter."""
LIVE_HEAD, BAKE_HEAD = (3.0, 6.0), 6.0
"""Of heads that are turned as their faces are; units as above. Raw, they jitter three times as much as heads by the body's landmarks."""
BAKE_CUTOFF = 6.0
"""Hz, of the bake's zero-phase smoothing of keypoints that have no image to be refined by (Winter, Biomechanics and Motor Control, 4th
ed., ch. 3: 6 Hz for gait)."""
LONGEST_GAP = 0.5
"""Seconds of missing keypoints that the bake bridges."""

_UP = np.array([0.0, 1.0, 0.0])
_HIPS = [LANDMARKS.index("left_hip"), LANDMARKS.index("right_hip")]


_USUAL = SolveOptions()


class Solver:
    """The live grade. Solves keypoints as they come, one frame or many at a time; the portions make no difference.

    Attributes:
        body: The performer's skeleton; may be changed from frame to frame.
        tuning: May be changed from frame to frame.
    """

    def __init__(
        self,
        body: Skeleton = HUMANOID,
        options: SolveOptions = _USUAL,
    ) -> None:
        self.body = body
        self.tuning = Tuning()
        self._filtered = options.refine
        self._filter: OneEuroState | None = None
        self._hands: OneEuroState | None = None
        self._fingers: OneEuroState | None = None
        self._palms: OneEuroState | None = None
        self._face: FaceState | None = None
        self._head: OneEuroState | None = None
        self._upper_body = options.upper_body
        self._upper: UpperState | None = None
        self._path: tuple[ndarray, ndarray] | None = None
        self._steady: OneEuroState | None = None
        self._gravity: GravityState | None = None
        self._body_state: BodyState | None = None
        self._root_state: RootState | None = None
        self._stand: StandState | None = None
        self._lock: LockState | None = None

    def solve(self, keypoints: Keypoints) -> Motion:
        """The motion of these frames, going on from those solved before."""
        camera = keypoints.camera
        keypoints = with_arms(keypoints)
        positions = keypoints.positions
        translation = fit_translation(positions, keypoints.image, keypoints.confidence, camera)
        upright = np.tile(R.IDENTITY, (len(keypoints), 1))
        if self._filtered:
            positions, translation = onto_rays(positions, keypoints.image, translation, camera)
            positions, self._filter = one_euro(
                keypoints.times,
                steady_heels(positions),
                *self.tuning.cutoffs(LIVE_FILTER),
                self._filter,
            )
            upright, self._gravity = follow_gravity(
                keypoints.times, *body_axis(positions, keypoints.confidence), self._gravity
            )
            positions = R.apply(upright[:, None], positions)
        whole = self._whole(keypoints)
        place = R.apply(upright, translation)
        positions, confidence = on_steady_hips(
            positions, keypoints.confidence, place, whole, partial(self._slow, keypoints.times)
        )
        hands = partial(self._steady_hands, keypoints.times) if self._filtered else None
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
            keypoints.times, positions, confidence, self._body_state, hands, bend, own, head
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
        # Feet of legs that are only now coming into the picture are still on their way from rest.
        stood = (confidence[:, SOLES] > SEEN) & (whole >= 1.0)[:, None]
        slopes = np.where(stood[..., None], camera.rays(keypoints.image[:, SOLES])[..., :2], np.nan)
        root, _, self._lock = lock_feet(
            keypoints.times, root, soles, slopes, -translation[:, 2], self._lock
        )
        # Without contacts: what takes the motion to another body would plant feet by them, and frame by frame that jerks the knees.
        return Motion(self.body, keypoints.times, root, rotations, expressed)

    def _whole(self, keypoints: Keypoints) -> ndarray:
        if self._upper_body is not None or not self._filtered:
            return np.full(len(keypoints), 0.0 if self._upper_body else 1.0)
        whole, self._upper = follow_whole_body(keypoints.times, keypoints.confidence, self._upper)
        return whole

    def _travelled(self, path: ndarray, whole: ndarray) -> ndarray:
        """The path of which only those steps are gone that the whole body is seen to go: at a desk one stays where it is."""
        raw, shown = self._path or (path[0], path[0])
        out = shown + np.cumsum(whole[:, None] * np.diff(path, axis=0, prepend=raw[None]), axis=0)
        self._path = (path[-1], out[-1])
        out[:, 1] = whole * path[:, 1]
        return out

    def _slow(self, times: ndarray, values: ndarray) -> ndarray:
        slow, self._steady = one_euro(times, values, STEADY, 0.0, self._steady)
        return slow

    def _steady_hands(self, times: ndarray, relative: ndarray) -> ndarray:
        steady, self._hands = one_euro_rotations(
            times, relative, *self.tuning.cutoffs(LIVE_HANDS), self._hands
        )
        return steady

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


_LIFTED, _FITTED = 0.15, 0.4
"""Parts of a bake's time: until depths are lifted, and each of the two searches of the optimiser."""


def solve_take(
    keypoints: Keypoints,
    options: SolveOptions = _USUAL,
    progress: Callable[[float], None] | None = None,
) -> Motion:
    """Solve a whole take: the bake grade, without delay.

    Exchanged limbs are put back, depths are lifted, short gaps are bridged, one body is fitted to
    image and depth over the whole take, and the result is set upright, posed in closed form and
    planted on the ground.

    Args:
        keypoints: One person's keypoints, with their camera.
        options: What is solved how.
        progress: Called now and then with the share done, 0 to 1; an exception it raises ends the
            solve.

    Returns:
        The motion on the performer's own skeleton.
    """
    told = progress or (lambda done: None)
    feet, height = options.feet, options.height
    keypoints = with_arms(keypoints)
    if not options.refine:
        motion = _posed(
            keypoints, keypoints.positions, None, R.IDENTITY, upper=bool(options.upper_body)
        )
        return motion if height is None else at_height(motion, height)
    upper = options.upper_body
    if upper is None:
        upper = is_upper_body(keypoints.confidence)
    keypoints = unswap(keypoints)
    camera = keypoints.camera
    times = keypoints.times
    prior, error = keypoints.positions, None
    if np.isfinite(keypoints.image).any():
        prior, error = lift_with_error(keypoints, camera)
    translation = fit_translation(prior, keypoints.image, keypoints.confidence, camera)
    prior, translation = onto_rays(prior, keypoints.image, translation, camera)
    prior = fill_gaps(times, unflip(times, steady_heels(prior), translation), LONGEST_GAP)
    if (
        not np.isfinite(translation).all(axis=1).any()
    ):  # without image points there is nothing to agree with but the prior
        positions = smooth(times, prior, BAKE_CUTOFF)
        upright = find_gravity(*body_axis(positions, keypoints.confidence))
        return at_height(
            _posed(keypoints, positions, None, upright, filtered=True, upper=upper), height
        )

    held = _held(keypoints, prior)
    found = refine_landmarks(
        keypoints,
        prior,
        held,
        translation,
        camera,
        progress=lambda done: told(_LIFTED + _FITTED * done),
        error=error,
    )
    upright = find_gravity(
        *body_axis(np.where(np.isfinite(prior), found.positions, np.nan), keypoints.confidence)
    )
    ground = None if feet == "off" or upper else _ground(keypoints, found, upright, feet)
    above = None
    if ground is not None:
        begun = _LIFTED + _FITTED
        found = refine_landmarks(
            keypoints,
            prior,
            held,
            translation,
            camera,
            found,
            ground,
            progress=lambda d: told(begun + _FITTED * d),
            error=error,
        )
        upright = R.between(ground.up, _UP)
        above = _aloft(keypoints, found, ground) if feet == "auto" else np.zeros(len(times))
    positions = np.where(np.isfinite(prior), found.positions, np.nan)
    motion = _posed(
        keypoints,
        R.apply(upright, positions),
        found.translation,
        upright,
        above,
        True,
        upper,
    )
    motion = at_height(motion, height)
    return motion if ground is None else plant(motion, ground.contacts > 0.5, SEEN_STILL)


def _ground(keypoints: Keypoints, found: Refined, upright: ndarray, feet: Feet) -> Ground | None:
    """The floor, and which feet stand on it."""
    speeds = foot_speeds(keypoints, found.translation, keypoints.camera)

    def contacts(heights: ndarray) -> ndarray:
        return find_contacts(
            keypoints.times, np.zeros_like(heights) if feet == "always" else heights, speeds
        )

    return find_ground(_feet(found), R.apply(R.conjugate(upright), _UP), found.size, contacts)


def _aloft(keypoints: Keypoints, found: Refined, ground: Ground) -> ndarray:
    """How high the lower foot is off the floor (F,), metres: where one stands, or where they are not seen, not at all."""
    seen = keypoints.confidence[:, FEET].min(axis=1) > SEEN
    airborne = seen & (ground.contacts.max(axis=1) < 0.5)
    return np.where(airborne, np.maximum(ground.above(_feet(found)).min(axis=1), 0.0), 0.0)


def _feet(found: Refined) -> ndarray:
    return found.positions[:, FEET] + found.translation[:, None]


def _bridged(keypoints: Keypoints, positions: ndarray) -> ndarray:
    """The confidence (F, 33) of positions in which short gaps are filled; 0 where there are none."""
    seen = np.isfinite(keypoints.positions).all(axis=-1)
    filled = fill_gaps(keypoints.times, np.where(seen, keypoints.confidence, np.nan), LONGEST_GAP)
    return np.where(np.isfinite(positions).all(axis=-1), np.nan_to_num(filled), 0.0)


def _held(keypoints: Keypoints, prior: ndarray) -> ndarray:
    """The prior, and where it is NaN what the closed form holds and eases there; metres from the hips' middle."""
    if np.isfinite(prior).all():
        return prior
    rotations, _ = solve_body(keypoints.times, prior, _bridged(keypoints, prior))
    body = measure_body(replace(keypoints, positions=prior))
    points = landmarks_of(*fk(body, np.zeros((len(keypoints), 3)), rotations))
    return np.where(
        np.isfinite(prior), prior, points - points[:, _HIPS].mean(axis=1, keepdims=True)
    )


def _posed(
    keypoints: Keypoints,
    positions: ndarray,
    translation: ndarray | None,
    upright: ndarray,
    above: ndarray | None = None,
    filtered: bool = False,
    upper: bool = False,
) -> Motion:
    """The closed form of a whole take from upright positions. above: how high the lower foot is off the floor, metres, if that is known."""
    times = keypoints.times
    if translation is None:
        translation = fit_translation(
            positions, keypoints.image, keypoints.confidence, keypoints.camera
        )
    body = measure_body(replace(keypoints, positions=positions))
    confidence = _bridged(keypoints, positions)
    if upper:
        place = R.apply(upright, translation)
        positions, confidence = on_steady_hips(
            positions, confidence, place, np.zeros(len(times)), lambda v: smooth(times, v, STEADY)
        )
    hands = (lambda relative: smooth_rotations(times, relative, BAKE_HANDS)) if filtered else None
    own = _own_hands(keypoints, upright, filtered)
    face = solve_face(keypoints)
    turns = _steady_head(times, head_turns(keypoints)) if filtered else head_turns(keypoints)
    head = solved_head(turns, upright, face)
    rotations, _ = solve_body(
        times,
        positions,
        confidence,
        None,
        hands,
        DOUBTFUL_BEND if filtered else FULL_BEND,
        own,
        head,
    )
    path = settle_root(times, positions, confidence, translation, upright, above)
    path = np.zeros_like(path) if upper else path
    return Motion(
        body,
        times,
        stand(body, rotations, path),
        rotations,
        {} if face is None else expressions(face),
    )


def _steady_head(times: ndarray, turns: ndarray) -> ndarray:
    seen = np.isfinite(turns).all(axis=1)
    out = turns.copy()
    if seen.any():
        out[seen] = smooth_rotations(times[seen], turns[seen], BAKE_HEAD)
    return out


def _own_hands(keypoints: Keypoints, upright: ndarray, filtered: bool) -> SolvedHands | None:
    points = believed(keypoints)
    if points is None:
        return None
    times = keypoints.times
    if not filtered:
        return solved_hands(R.apply(upright, points))
    points = R.apply(upright, fill_gaps(times, points, LONGEST_GAP))
    return solved_hands(
        points,
        lambda q: smooth_rotations(times, q, BAKE_FINGERS),
        lambda q: smooth_rotations(times, q, BAKE_PALMS),
    )
