"""Weights and gaze of a take's faces: of a whole take (bake), or frame by frame (live)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.easing import smoothstep
from mocap.core.filter import OneEuroState, one_euro, smooth
from mocap.core.keypoints import BLENDSHAPES, Keypoints
from mocap.solve.face.head import head_turns
from mocap.solve.face.measures import MEASURES, OUTER_CORNERS, measure_face
from mocap.solve.face.neutral import (
    AT_REST,
    NEUTRAL,
    OPEN,
    neutral_blendshapes,
    neutral_face,
    usual_blendshapes,
    usual_measures,
)
from mocap.solve.face.weights import (
    BLINKS,
    LIDS,
    WEIGHTS,
    SolvedFace,
    face_target,
    with_blendshapes,
)
from mocap.solve.hold import HOLD, RELAX

# Live, after the first second, the neutral face drifts towards the observed face: by this share of
# the difference per second, where differences are limited to the second number.
_DRIFT, _FAR = 0.05, 0.02
LIVE_FACE, BAKE_FACE = (1.0, 2.0), 5.0
"""Filters on weights: live, One Euro, Hz at rest and Hz per (weight per second); bake, Hz.

A blink takes 0.1 to 0.4 s."""
# Distances between the eyes' outer corners, pixels: faces below the first give no weights, faces
# above the second full ones. In a face with 50 pixels, the points of the eyes jitter by half an
# eye's opening.
_SMALL = (20.0, 50.0)


@dataclass(frozen=True, eq=False, slots=True)
class FaceState:
    """The state for the next frames.

    Attributes:
        first: Time at which a face was first seen, seconds.
        last: Time at which a face was last seen, seconds.
        begun: Measures and blendshapes of the frames of the first second.
        neutral: Measures of the neutral face.
        blendshapes: A network's blendshapes for the neutral face.
        target: The last weights and gaze, before the filter.
        filter: The filter's state.
    """

    first: float
    last: float
    begun: tuple[tuple[ndarray, ndarray], ...]
    neutral: Float[ndarray, "2 24"]
    blendshapes: Float[ndarray, "51"]
    target: Float[ndarray, "n"]
    filter: OneEuroState | None


def solve_face(keypoints: Keypoints) -> SolvedFace | None:
    """Solve the faces of a whole take relative to its neutral face, without delay.

    Args:
        keypoints: Keypoints with the faces' points, and blendshapes if a network gives them.

    Returns:
        Weights and gaze of each frame; None if no face is seen.
    """
    if keypoints.face is None:
        return None
    seen = np.isfinite(keypoints.face).all(axis=(1, 2))
    if not seen.any():
        return None
    measures = measure_face(keypoints.face[seen])
    times = keypoints.times[seen]
    target = face_target(measures, neutral_face(times, measures), _sideways(keypoints)[seen])
    if keypoints.face_blendshapes is not None:
        given = np.nan_to_num(keypoints.face_blendshapes[seen])
        target = with_blendshapes(target, given, neutral_blendshapes(times, given))
    target = smooth(times, target * _readable_share(keypoints.face[seen])[:, None], BAKE_FACE)
    return _split(_fill_unseen(keypoints.times, seen, target))


def follow_face(
    keypoints: Keypoints, state: FaceState | None
) -> tuple[SolvedFace | None, FaceState | None]:
    """Solve faces live (causal). The division of frames into calls does not change the result.

    Args:
        keypoints: Frames that follow those of the state.
        state: The state after the previous frames; None at the start of a take.

    Returns:
        Weights and gaze, None if faces are not detected; and the state after the last frame.
    """
    if keypoints.face is None:
        return None, state
    seen = np.isfinite(keypoints.face).all(axis=(1, 2))
    given = keypoints.face_blendshapes
    if (
        given is None
        and not seen.any()
        and state is not None
        and len(state.target) == len(BLENDSHAPES) + 2
    ):
        given = np.full((len(keypoints), len(BLENDSHAPES)), np.nan)
    rest = np.zeros((len(WEIGHTS) if given is None else len(BLENDSHAPES)) + 2)
    if state is not None and len(state.target) != len(rest):
        state = None  # blendshapes begin or end: another source, so a new take
    if state is None and not seen.any():
        return _split(np.tile(rest, (len(keypoints), 1))), None
    measures = np.full((len(keypoints), 2, len(MEASURES)), np.nan)
    legible = np.zeros(len(keypoints))
    measures[seen] = measure_face(keypoints.face[seen])
    legible[seen] = _readable_share(keypoints.face[seen])
    sideways = _sideways(keypoints)
    targets = []
    for i, (t, m, is_seen, aside, share) in enumerate(
        zip(keypoints.times.tolist(), measures, seen, sideways, legible, strict=True)
    ):
        if is_seen:
            shapes = np.zeros(len(BLENDSHAPES)) if given is None else np.nan_to_num(given[i])
            state = _update_neutral(t, m, shapes, state)
            target = face_target(m, state.neutral, np.asarray(aside))
            if given is not None:
                target = with_blendshapes(target, shapes, state.blendshapes)
            target = share * target
            state = replace(state, last=t, target=target)
            targets.append(target)
        elif state is not None:
            targets.append(
                state.target * (1.0 - smoothstep(np.asarray(t - state.last), HOLD, HOLD + RELAX))
            )
        else:
            targets.append(rest)
    assert state is not None
    values, filtered = one_euro(
        keypoints.times, np.array(targets)[..., None], *LIVE_FACE, state.filter
    )
    return _split(values[..., 0]), replace(state, filter=filtered)


def _sideways(keypoints: Keypoints) -> ndarray:
    """Return the sine of the head's turn to the performer's left, (F,); 0 where unknown."""
    ahead = R.apply(head_turns(keypoints), np.array([0.0, 0.0, 1.0]))
    return np.asarray(np.nan_to_num(ahead[:, 0]))


def _readable_share(points: ndarray) -> ndarray:
    """Return how far faces are large enough for expressions, (F,) in [0, 1]."""
    left, right = OUTER_CORNERS
    width = np.linalg.norm(points[:, left] - points[:, right], axis=-1)
    return smoothstep(width, *_SMALL)


def _fill_unseen(times: ndarray, seen: ndarray, target: ndarray) -> ndarray:
    """Fill the frames without a face.

    The last face is held, then eased to the neutral face. A face that returns is eased in within
    RELAX seconds before it is seen.

    Args:
        times: (F,) seconds.
        seen: (F,) whether a face is seen.
        target: (S, n) weights and gaze of the frames in which a face is seen.

    Returns:
        (F, n) weights and gaze of all frames.
    """
    at = np.cumsum(seen) - 1
    before = (
        target[np.maximum(at, 0)]
        * (1.0 - smoothstep(times - times[seen][np.maximum(at, 0)], HOLD, HOLD + RELAX))[:, None]
    )
    after = np.minimum(at + 1, len(target) - 1)
    ahead = times[seen][after] - times
    coming = np.where((at < 0) | (ahead <= 0.0), 0.0, 1.0 - smoothstep(ahead, 0.0, RELAX))[:, None]
    out = before * (at >= 0)[:, None]
    out = out + coming * (target[after] - out)
    out[seen] = target
    return np.asarray(out)


def _update_neutral(
    t: float, measures: ndarray, given: ndarray, state: FaceState | None
) -> FaceState:
    """Return the state with the neutral face updated by a face at time t.

    In the first second, the neutral face is the usual face so far. Later it drifts slowly towards
    the observed face.
    """
    if state is None:
        return FaceState(t, t, ((measures, given),), measures, given, np.zeros(0), None)
    if t <= state.first + NEUTRAL:
        begun = (*state.begun, (measures, given))
        faces, shapes = (np.stack(column) for column in zip(*begun, strict=True))
        return replace(
            state,
            last=t,
            begun=begun,
            neutral=usual_measures(faces),
            blendshapes=usual_blendshapes(shapes),
        )
    # Steps up and down have the ratio with which the value converges to a quantile.
    step = _DRIFT * min(t - state.last, 1.0)
    drift, shapes_drift = (
        np.clip(now - usual, -_FAR, _FAR) * step
        for now, usual in ((measures, state.neutral), (given, state.blendshapes))
    )
    drift[:, LIDS] *= 2.0 * np.where(drift[:, LIDS] > 0.0, OPEN, 1.0 - OPEN)
    quantile = np.where(BLINKS, 1.0 - OPEN, AT_REST)
    shapes_drift *= 2.0 * np.where(shapes_drift > 0.0, quantile, 1.0 - quantile)
    return replace(
        state,
        last=t,
        begun=(),
        neutral=state.neutral + drift,
        blendshapes=state.blendshapes + shapes_drift,
    )


def _split(values: ndarray) -> SolvedFace:
    """Return a SolvedFace of weights and gaze (the last two columns)."""
    names = WEIGHTS if values.shape[1] == len(WEIGHTS) + 2 else BLENDSHAPES
    return SolvedFace(np.clip(values[:, :-2], 0.0, 1.0), values[:, -2:], names)
