"""Pose a whole take: body, hands, face and path from upright landmarks, zero-phase."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.camera import fit_translation
from mocap.core.filter import fill_gaps, robust_rotations, smooth, smooth_rotations
from mocap.core.keypoints import LANDMARKS, Keypoints, pair
from mocap.core.motion import Motion
from mocap.solve.body import BodyDetails, solve_body
from mocap.solve.evidence import SEEN
from mocap.solve.face import expressions, head_turns, solve_face, solved_head
from mocap.solve.hands import SolvedHands, believed, solved_hands
from mocap.solve.measure import measure_body
from mocap.solve.root import settle_root, stand
from mocap.solve.shoulders import faded, reach_shoulders
from mocap.solve.twist import DOUBTFUL_BEND, FULL_BEND
from mocap.solve.upper_body import STEADY, on_steady_hips, steady_heading

BAKE_HANDS = 1.5
"""Cutoff for rotations of hands relative to their forearms, from the body's landmarks, Hz."""
BAKE_FINGERS, BAKE_PALMS = 5.0, 4.0
"""Cutoffs for finger bones, and for hands relative to their forearms from the hands' points, Hz."""
BAKE_WRISTS, BAKE_ROLLS = 3.0, 1.5
"""Cutoffs for the hands' final rotations relative to their forearms, and for the rolls of forearms,
which leave the hands in place; Hz."""
BAKE_HEAD = 6.0
"""Cutoff for heads whose rotation comes from the face, Hz."""
LONGEST_GAP = 0.5
"""Longest gap of missing keypoints that is interpolated, seconds."""

_HIPS = pair("hip")
_SHOULDERS = pair("shoulder")
_PALMS = [
    [LANDMARKS.index(f"{s}_{n}") for n in ("wrist", "index", "pinky")] for s in ("left", "right")
]


def bridged_confidence(keypoints: Keypoints, positions: ndarray) -> ndarray:
    """Return the confidence of the landmarks, interpolated in short gaps; 0 without a position.

    Args:
        keypoints: The keypoints.
        positions: (F, 33, 3) the positions that are used; NaN where there is none.

    Returns:
        (F, 33) in [0, 1].
    """
    seen = np.isfinite(keypoints.positions).all(axis=-1)
    filled = fill_gaps(keypoints.times, np.where(seen, keypoints.confidence, np.nan), LONGEST_GAP)
    return np.where(np.isfinite(positions).all(axis=-1), np.nan_to_num(filled), 0.0)


def pose_take(
    keypoints: Keypoints,
    positions: ndarray,
    translation: ndarray | None,
    upright: ndarray,
    above: ndarray | None = None,
    filtered: bool = False,
    whole: ndarray | None = None,
) -> Motion:
    """Pose a whole take in closed form, from upright landmarks.

    Args:
        keypoints: The keypoints, for hands, face and confidence.
        positions: (F, 33, 3) upright landmarks from the middle of the hips, metres.
        translation: (F, 3) position of the middle of the hips, camera axes, metres; None fits it to
            the image points.
        upright: (4,) rotation from camera axes to the world.
        above: (F,) height of the lower foot above the floor, metres; None if unknown.
        filtered: Whether to smooth hands and head, and let the shoulders reach their positions.
        whole: (F,) how far the whole body is seen, from 0 (upper body: legs at rest, hips steady)
            to 1; None is 1.

    Returns:
        The motion on the performer's skeleton, not yet planted on the ground.
    """
    times = keypoints.times
    if translation is None:
        translation = fit_translation(
            positions, keypoints.image, keypoints.confidence, keypoints.camera
        )
    body = measure_body(replace(keypoints, positions=positions))
    confidence = bridged_confidence(keypoints, positions)
    partly = whole is not None and bool(whole.min(initial=1.0) < 1.0)
    if whole is not None and partly:
        place = R.apply(upright, translation)
        positions, confidence = on_steady_hips(
            positions, confidence, place, whole, partial(_slow, times, whole)
        )
    shown = np.square(confidence[:, _PALMS].min(axis=2))
    hands = (lambda q: robust_rotations(times, q, shown, BAKE_HANDS)) if filtered else None
    own = _solve_hands(keypoints, upright, filtered)
    face = solve_face(keypoints)
    turns = _smooth_head(times, head_turns(keypoints)) if filtered else head_turns(keypoints)
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
            (lambda turns: smooth_rotations(times, turns, BAKE_WRISTS)) if filtered else None,
            (lambda turns: smooth_rotations(times, turns, BAKE_ROLLS)) if filtered else None,
        ),
    )
    if filtered:
        seen = confidence[:, _SHOULDERS + _HIPS].min(axis=1) >= SEEN
        share = faded(times, seen) * (1.0 if whole is None else whole)
        shoulders = positions[:, _SHOULDERS] - positions[:, _HIPS].mean(axis=1, keepdims=True)
        rotations = reach_shoulders(body, rotations, shoulders, share)
    path = settle_root(times, positions, confidence, translation, upright, above)
    path = path if whole is None or not partly else _still_where_upper_body(times, path, whole)
    return Motion(
        body,
        times,
        stand(body, rotations, path),
        rotations,
        {} if face is None else expressions(face),
    )


def _slow(times: ndarray, whole: ndarray, values: ndarray) -> ndarray:
    """Return the slow parts (F, 2, 3) of the shoulders' position and of their direction."""
    place = smooth(times, values[:, 0], STEADY)
    across = np.where((whole < 1.0)[:, None], values[:, 1], np.nan)
    return np.stack([place, steady_heading(times, across)], axis=1)


def _still_where_upper_body(times: ndarray, path: ndarray, whole: ndarray) -> ndarray:
    """Return the path (F, 3), at rest on the floor where only the upper body is seen."""
    moves = np.flatnonzero(whole >= 1.0)
    if not len(moves):
        return np.zeros_like(path)
    held = np.stack([np.interp(times, times[moves], path[moves, i]) for i in range(3)], axis=1)
    return np.asarray(held + whole[:, None] * (path - held))


def _smooth_head(times: ndarray, turns: ndarray) -> ndarray:
    seen = np.isfinite(turns).all(axis=1)
    out = turns.copy()
    if seen.any():
        out[seen] = smooth_rotations(times[seen], turns[seen], BAKE_HEAD)
    return out


def _solve_hands(keypoints: Keypoints, upright: ndarray, filtered: bool) -> SolvedHands | None:
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
