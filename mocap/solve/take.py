"""The take grade: the bake of a whole take, zero-phase."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.camera import fit_translation
from mocap.core.filter import (
    fill_gaps,
    smooth,
    smooth_rotations,
)
from mocap.core.keypoints import LANDMARKS, Keypoints, landmarks_of
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.core.surface import landmark_skin
from mocap.lift.model import lift_with_error
from mocap.solve.body import BodyDetails, solve_body
from mocap.solve.contacts import (
    SOLES,
    SURE,
    distance_from,
    find_body_contacts,
    find_contacts,
    measured_speeds,
    picture_speeds,
)
from mocap.solve.cuts import find_cuts, in_takes, join_takes
from mocap.solve.depth import onto_rays, shaped_heels, steady_heels
from mocap.solve.evidence import SEEN, bend_elbows, confidence_inside, weigh
from mocap.solve.face import (
    expressions,
    head_turns,
    solve_face,
    solved_head,
)
from mocap.solve.flips import unflip
from mocap.solve.gravity import body_axis, find_gravity
from mocap.solve.hands import SolvedHands, believed, solved_hands, with_arms
from mocap.solve.measure import measure_body
from mocap.solve.palms import rest_palms
from mocap.solve.plant import SEEN_FAR, SEEN_STILL, plant
from mocap.solve.refine import Prior, Refined, refine_landmarks
from mocap.solve.refine.ground import (
    BODY,
    FEET,
    GROUNDED,
    TILT_SIGMA,
    TOUCHING,
    Ground,
    find_ground,
)
from mocap.solve.refine.sight import Measured
from mocap.solve.root import settle_root, stand
from mocap.solve.shoulders import faded, reach_shoulders
from mocap.solve.size import at_height
from mocap.solve.swaps import unswap
from mocap.solve.tuning import Feet, SolveOptions
from mocap.solve.twist import DOUBTFUL_BEND, FULL_BEND
from mocap.solve.upper_body import STEADY, on_steady_hips, upper_spans

_USUAL = SolveOptions()

BAKE_HANDS = 1.5
"""Hz, of hands relative to their forearms."""
BAKE_FINGERS, BAKE_PALMS = 5.0, 4.0
"""Hz, of finger bones, and of hands with points of their own relative to their forearms."""
BAKE_HEAD = 6.0
"""Hz, of heads that are turned as their faces are."""
BAKE_CUTOFF = 6.0
"""Hz, of the smoothing of keypoints without image points (Winter, Biomechanics and Motor Control,
4th ed., ch. 3: 6 Hz for gait)."""
LONGEST_GAP = 0.5
"""Seconds of missing keypoints that are bridged."""

_UP = np.array([0.0, 1.0, 0.0])
_HIPS = [LANDMARKS.index("left_hip"), LANDMARKS.index("right_hip")]
_SHOULDERS = [LANDMARKS.index("left_shoulder"), LANDMARKS.index("right_shoulder")]
_WRISTS = [TOUCHING.index(GROUNDED.index(LANDMARKS.index(f"{s}_wrist"))) for s in ("left", "right")]
_TRUNK = [*_HIPS, *_SHOULDERS]
# Feet stand that are no farther than this above the lowest other part of the body, metres.
_CARRIED = 0.25
# Where people stand upright for less than this share of a take, up is known to no better than the
# camera is level, radians.
_STOOD, _UNSURE_TILT = 0.05, np.radians(8.0)
_LIFTED, _FITTED = 0.15, 0.4
"""Parts of a bake's time: until depths are lifted, and each of the two searches of the optimiser.
"""


def solve_take(
    keypoints: Keypoints,
    options: SolveOptions = _USUAL,
    progress: Callable[[float], None] | None = None,
    measured: Measured | None = None,
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
        measured: What several cameras saw, if they measured the positions, which are then in axes
            with +Y up and are neither lifted nor corrected nor scaled. None for the guesses of one
            camera's detector.

    Returns:
        The motion on the performer's own skeleton. After a hard cut a new take begins: nothing is
        smoothed or bridged across it.
    """
    told = progress or (lambda done: None)
    cuts = find_cuts(keypoints) if options.refine and measured is None else []
    if not cuts:
        return _solve_take(keypoints, options, told, measured)
    motions: list[Motion] = []
    done = 0
    for take in in_takes(keypoints, cuts):
        begun, share = done / len(keypoints), len(take) / len(keypoints)

        def of_all(part: float, begun: float = begun, share: float = share) -> None:
            told(begun + share * part)

        motions.append(_solve_take(take, options, of_all, None))
        done += len(take)
    return join_takes(motions)


def _solve_take(
    keypoints: Keypoints,
    options: SolveOptions,
    told: Callable[[float], None],
    measured: Measured | None,
) -> Motion:
    """Solve keypoints without hard cuts; as `solve_take`."""
    feet, height = options.feet, options.height
    keypoints = with_arms(keypoints)
    if not options.refine:
        motion = _posed(
            keypoints,
            keypoints.positions,
            None,
            R.IDENTITY,
            whole=np.full(len(keypoints), 0.0 if options.upper_body else 1.0),
        )
        return motion if height is None else at_height(motion, height)
    if options.upper_body is None:
        whole = upper_spans(keypoints.times, confidence_inside(keypoints))
    else:
        whole = np.full(len(keypoints), 0.0 if options.upper_body else 1.0)
    camera = keypoints.camera
    times = keypoints.times
    prior, error = keypoints.positions, None if measured is None else measured.guessed
    if measured is None:
        keypoints = unswap(keypoints)
        prior = keypoints.positions
        if np.isfinite(keypoints.image).any():
            prior, error = lift_with_error(keypoints, camera)
        keypoints, implied, _ = weigh(keypoints)
    translation = fit_translation(prior, keypoints.image, keypoints.confidence, camera)
    if measured is None:
        prior, translation = onto_rays(prior, keypoints.image, translation, camera)
        prior = shaped_heels(steady_heels(bend_elbows(prior, implied)), translation)
        prior = unflip(times, prior, translation)
    prior = fill_gaps(times, prior, LONGEST_GAP)
    if (
        not np.isfinite(translation).all(axis=1).any()
    ):  # without image points there is nothing to agree with but the prior
        positions = smooth(times, prior, BAKE_CUTOFF)
        upright = find_gravity(*body_axis(positions, keypoints.confidence))
        return at_height(
            _posed(keypoints, positions, None, upright, filtered=True, whole=whole), height
        )

    held = _held(keypoints, prior)
    known = Prior(prior, held, translation, error, () if measured is None else measured.sights)
    found = refine_landmarks(keypoints, known, progress=lambda done: told(_LIFTED + _FITTED * done))
    upright = R.IDENTITY
    if measured is None:
        seen = np.where(np.isfinite(prior), found.positions, np.nan)
        upright = find_gravity(*body_axis(seen, keypoints.confidence))
    ground = None
    if feet != "off" and whole.any():
        ground = _ground(keypoints, found, upright, feet, measured is not None)
    above = None
    if ground is not None:
        begun = _LIFTED + _FITTED
        found = refine_landmarks(
            keypoints, known, found, ground, progress=lambda d: told(begun + _FITTED * d)
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
        whole,
    )
    if measured is None or height is not None:
        motion = at_height(motion, height)
    if ground is None:
        return motion
    motion = plant(motion, ground.contacts[:, :4] > 0.5, SEEN_STILL, SEEN_FAR)
    return rest_palms(motion, ground.contacts[:, _WRISTS] > 0.5)


def _ground(
    keypoints: Keypoints, found: Refined, upright: ndarray, feet: Feet, measured: bool
) -> Ground | None:
    """Return the floor and what stands on it; None if nothing does."""
    up, times = R.apply(R.conjugate(upright), _UP), keypoints.times
    places = _grounded(found)
    stood = body_axis(found.positions, keypoints.confidence)[1].mean() > _STOOD
    # Doubted feet of people who stand are in the swing; of people who lie, behind the other one.
    least = SURE if stood else SEEN
    if measured:
        at = found.positions + found.translation[:, None]
        speeds = measured_speeds(keypoints, at, SOLES, least)
        others = measured_speeds(keypoints, at, BODY, SEEN)
    else:
        speeds = picture_speeds(keypoints, found.translation, SOLES, least)
        others = picture_speeds(keypoints, found.translation, BODY, SEEN)
    # Feet that are well above another part of the body do not stand: in a handstand, lying down.
    body = landmark_skin(found.positions, up).min(axis=1)
    soles = found.positions[:, SOLES] @ up
    carried = soles - body[:, None] < _CARRIED
    on_floor = R.apply(upright, places[:, TOUCHING])[..., [0, 2]]
    trunk = found.positions[:, _TRUNK].mean(axis=1) + found.translation
    middle = R.apply(upright, trunk)[:, [0, 2]]

    def contacts(heights: ndarray) -> ndarray:
        if feet == "always":
            stand = find_contacts(times, np.zeros((len(times), 4)), speeds)
            return np.concatenate([stand, np.zeros((len(times), len(BODY)), dtype=bool)], axis=1)
        stand = find_contacts(times, heights[:, :4], np.where(carried, speeds, np.nan))
        lie = find_body_contacts(
            times,
            heights[:, 4:],
            others,
            lambda parts: distance_from(middle, on_floor, np.concatenate([stand, parts], axis=1)),
        )
        return np.concatenate([stand, lie], axis=1)

    tilt = TILT_SIGMA if stood else _UNSURE_TILT
    return find_ground(places, up, found.size, contacts, tilt)


def _aloft(keypoints: Keypoints, found: Refined, ground: Ground) -> ndarray:
    """Return how high the lowest part is off the floor (F,), metres.

    0 where something stands on it, and where feet are not seen.
    """
    seen = keypoints.confidence[:, FEET].min(axis=1) > SEEN
    airborne = seen & (ground.contacts.max(axis=1) < 0.5)
    places = found.positions + found.translation[:, None]
    body = landmark_skin(places, ground.up).min(axis=1) - ground.height
    above = np.minimum(ground.above(_grounded(found))[:, : len(FEET)].min(axis=1), body)
    return np.where(airborne, np.maximum(above, 0.0), 0.0)


def _grounded(found: Refined) -> ndarray:
    """Return where GROUNDED are (F, 16, 3), camera axes, metres."""
    return found.positions[:, GROUNDED] + found.translation[:, None]


def _bridged(keypoints: Keypoints, positions: ndarray) -> ndarray:
    """Return the confidence (F, 33) with short gaps filled; 0 where there is no position."""
    seen = np.isfinite(keypoints.positions).all(axis=-1)
    filled = fill_gaps(keypoints.times, np.where(seen, keypoints.confidence, np.nan), LONGEST_GAP)
    return np.where(np.isfinite(positions).all(axis=-1), np.nan_to_num(filled), 0.0)


def _held(keypoints: Keypoints, prior: ndarray) -> ndarray:
    """Return the prior, filled where it is NaN, metres from the hips' middle.

    The closed form holds and eases what is missing.
    """
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
    whole: ndarray | None = None,
) -> Motion:
    """Return the closed form of a whole take from upright positions.

    above: How high the lower foot is off the floor, metres, if that is known. whole: how far the
    whole body is seen (F,), 0 (upper body: legs rest, hips stay) to 1; None is 1.
    """
    times = keypoints.times
    if translation is None:
        translation = fit_translation(
            positions, keypoints.image, keypoints.confidence, keypoints.camera
        )
    body = measure_body(replace(keypoints, positions=positions))
    confidence = _bridged(keypoints, positions)
    partly = whole is not None and bool(whole.min(initial=1.0) < 1.0)
    if whole is not None and partly:
        place = R.apply(upright, translation)
        positions, confidence = on_steady_hips(
            positions, confidence, place, whole, lambda v: smooth(times, v, STEADY)
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
        BodyDetails(
            hands,
            DOUBTFUL_BEND if filtered else FULL_BEND,
            own,
            head,
            whole if partly else None,
        ),
    )
    if filtered:
        seen = confidence[:, _SHOULDERS + _HIPS].min(axis=1) >= SEEN
        share = faded(times, seen) * (1.0 if whole is None else whole)
        shoulders = positions[:, _SHOULDERS] - positions[:, _HIPS].mean(axis=1, keepdims=True)
        rotations = reach_shoulders(body, rotations, shoulders, share)
    path = settle_root(times, positions, confidence, translation, upright, above)
    path = path if whole is None or not partly else _where_whole(times, path, whole)
    return Motion(
        body,
        times,
        stand(body, rotations, path),
        rotations,
        {} if face is None else expressions(face),
    )


def _where_whole(times: ndarray, path: ndarray, whole: ndarray) -> ndarray:
    """Return the path (F, 3) standing still on the floor where only the upper body is seen."""
    moves = np.flatnonzero(whole >= 1.0)
    if not len(moves):
        return np.zeros_like(path)
    held = np.stack([np.interp(times, times[moves], path[moves, i]) for i in range(3)], axis=1)
    return np.asarray(held + whole[:, None] * (path - held))


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
