"""The path of the body: translation from the image points, and clearance of the feet.

The keypoints give the clearance of the feet above the floor (0 except in a jump), but not the
height of the hips. That follows from the body's own legs (`stand`), so that the feet of a body of
any proportions neither float nor sink.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.easing import smoothstep
from mocap.core.filter import OneEuroState, one_euro, smooth
from mocap.core.keypoints import LANDMARKS, pair
from mocap.core.skeleton import BONES, Skeleton
from mocap.core.surface import BODY_LANDMARKS, landmark_skin, lowest_skin

# One Euro filters of the path across and along the viewing ray: Hz at rest, and Hz per unit of
# speed. The depth follows from the body's size, so it is about ten times less accurate; its
# logarithm is filtered separately and more strongly.
_MIN_CUTOFF = np.array([[2.0], [0.6]])
_BETA = np.array([[8.0], [6.0]])
_ACROSS_SMOOTH, _DEPTH_SMOOTH = 6.0, 1.5  # cutoffs of the bake's smoothing, Hz
# The floor follows the lower foot with this time constant (s), so that a foot with a wrong depth
# does not lift the body. If the feet rise faster than the second number (m/s; the detector's errors
# move them at half of it), the body has taken off and the floor stays, at most for the third (s).
_FLOOR, _TAKE_OFF, _LONGEST_JUMP = 0.15, 0.8, 0.9
# Raised hands carry the body while they move by less than this share of the lower foot's movement;
# and the smallest confidence of such hands.
_STAYS, _SURE_HANDS = 0.3, 0.3
# Largest height of a foot on the floor, metres: detected ankles tremble by as much.
_ON_FLOOR = 0.03

# Live, the height of the hips is a complementary filter with this time constant (s): legs and floor
# give the slow part, the observed motion of the hips the fast part. Errors of the legs in single
# frames then do not make the body hop. The result stays within these bounds (m) above and below the
# height by legs and floor, so that feet do not sink and a person who returns is at the right
# height.
_STAND, _ABOVE, _BELOW = 0.1, 0.12, 0.02

_UP = np.array([0.0, 1.0, 0.0])
# Height of the landmarks of standing heels and toe tips above the ground, metres.
_FOOT_SKIN = 0.02
_UPPER_LEGS = [BONES.index("leftUpperLeg"), BONES.index("rightUpperLeg")]
_HANDS, _SHOULDERS = pair("wrist"), pair("shoulder")
_FEET = [
    LANDMARKS.index(n) for n in ("left_heel", "right_heel", "left_foot_index", "right_foot_index")
]


@dataclass(slots=True)
class FloorState:
    """State of the floor.

    Attributes:
        floor: Height of the floor, metres.
        foot: Height of the lower foot in the last frame, metres.
        time: Time of the last frame, seconds.
        aloft: Time since which the body is in the air, seconds; NaN on the floor.
        hands: Height of the lower hand in the last frame, metres; NaN if it was not raised.
    """

    floor: float
    foot: float
    time: float
    aloft: float = math.nan
    hands: float = math.nan


@dataclass(frozen=True, eq=False, slots=True)
class RootState:
    """State of the live path.

    Attributes:
        filter: State of the translation's filter.
        shown: (3,) the last point of the path, metres.
        height: The last observed height of the hips, metres.
        origin: (3,) start of the path in camera axes, metres.
        floor: State of the floor.
    """

    filter: OneEuroState
    shown: Float[ndarray, "3"]
    height: float
    origin: Float[ndarray, "3"]
    floor: FloorState


@dataclass(frozen=True, slots=True)
class StandState:
    """State of the hips' height.

    Attributes:
        time: Time of the last frame, seconds.
        higher: Slow part of the height by legs and floor, minus the observed height, metres.
    """

    time: float
    higher: float


_NEAREST = 0.01  # smallest depth, metres


def _lowest_foot(positions: ndarray, confidence: ndarray) -> ndarray:
    """Return the lowest seen height (F,) relative to the hips, metres; NaN without feet."""
    feet = np.where(confidence[:, _FEET] > 0.5, positions[:, _FEET, 1], np.nan)
    skin = landmark_skin(positions, _UP) + _FOOT_SKIN
    body = np.where(confidence[:, BODY_LANDMARKS] > 0.5, skin, np.nan)
    heights = np.concatenate([feet, body], axis=1)
    lowest = np.where(np.isnan(heights), np.inf, heights).min(axis=1)
    # Without feet, the body's height above the floor is unknown.
    return np.where(np.isfinite(feet).any(axis=1), lowest, np.nan)


def _split(translation: ndarray) -> ndarray:
    """Return (F, 2, 2): the two slopes of the viewing ray; and the logarithm of the depth, and 0.

    Depths below a centimetre, as of damaged keypoints behind the camera, are set to a centimetre.
    """
    depth = np.maximum(-translation[:, 2], _NEAREST)
    out = np.zeros((len(translation), 2, 2))
    out[:, 0] = translation[:, :2] / depth[:, None]
    out[:, 1, 0] = np.log(depth)
    return out


def _join(split: ndarray) -> ndarray:
    depth = np.exp(split[:, 1, :1])
    return np.concatenate([split[:, 0] * depth, -depth], axis=1)


def _clearance(above: Float[ndarray, "frames"]) -> Float[ndarray, "frames"]:
    """Return the clearance of feet from their observed height, metres.

    It is 0 up to _ON_FLOOR, and equal to the height from three times that on.
    """
    return np.maximum(above, 0.0) * smoothstep(above, _ON_FLOOR, 3.0 * _ON_FLOOR)


def _raised_hands(positions: ndarray, confidence: ndarray) -> ndarray:
    """Return the height (F,) of the lower hand relative to the hips, metres.

    It is NaN unless both hands are seen above their shoulders.
    """
    hands, shoulders = positions[:, _HANDS, 1], positions[:, _SHOULDERS, 1]
    raised = (hands > shoulders) & (confidence[:, _HANDS] > _SURE_HANDS)
    return np.asarray(np.where(raised.all(axis=1), hands.min(axis=1), np.nan))


def _follow_floor(
    times: ndarray, feet: ndarray, hands: ndarray, state: FloorState | None
) -> tuple[ndarray, FloorState]:
    """Return the clearance (F,) of the body, metres, from its lower foot's height; and the state.

    A foot that is not seen (NaN) counts as standing. While raised hands stay and the feet move, the
    hands carry the body, and the floor stays.
    """
    at = state or FloorState(math.nan, math.nan, float(times[0]))
    floor, last, time, aloft, grip = at.floor, at.foot, at.time, at.aloft, at.hands
    above = []
    for t, foot, hand in zip(times.tolist(), feet.tolist(), hands.tolist(), strict=True):
        if math.isnan(foot):
            aloft = math.nan
            above.append(0.0)
            continue
        if math.isnan(floor):
            floor = last = foot
        rising = (foot - last) / max(t - time, 1e-3)
        hangs = abs(hand - grip) < _STAYS * abs(foot - last)
        grip = hand
        if hangs:
            aloft = t if foot - floor > _ON_FLOOR else math.nan
        elif math.isnan(aloft):
            if rising > _TAKE_OFF and foot - floor > _ON_FLOOR:
                aloft = t
        elif foot - floor < _ON_FLOOR or t - aloft > _LONGEST_JUMP:
            aloft = math.nan
        if math.isnan(aloft) and (foot < floor or not hangs):
            floor += (foot - floor) * (1.0 - math.exp(-(t - time) / _FLOOR))
        last, time = foot, t
        above.append(foot - floor)
    return _clearance(np.array(above)), FloorState(floor, last, time, aloft, grip)


def follow_root(
    times: Float[ndarray, "frames"],
    positions: Float[ndarray, "frames 33 3"],
    confidence: Float[ndarray, "frames 33"],
    translation: Float[ndarray, "frames 3"],
    upright: Float[ndarray, "frames 4"],
    state: RootState | None,
) -> tuple[Float[ndarray, "frames 3"], Float[ndarray, "frames"], RootState | None]:
    """Return the path of a body, live (causal).

    The translation passes One Euro filters across and along the viewing ray; the floor follows the
    feet.

    Args:
        times: Seconds.
        positions: Upright landmarks, metres from the middle of the hips.
        confidence: Confidence of the landmarks, 0 to 1.
        translation: Position of the middle of the hips, camera axes, metres (`fit_translation`);
            where it is NaN, the path stands still.
        upright: Rotations from camera axes to the world (`mocap.solve.gravity`).
        state: The state after the previous frames; None until a person has been seen.

    Returns:
        (F, 3) metres: x and z of the middle of the hips relative to the start, and y, the clearance
        of the lower foot; (F,) observed height of the hips relative to the start, metres; and the
        state after the last frame.
    """
    seen = np.flatnonzero(np.isfinite(translation[:, 0]))
    before = state.shown if state else np.zeros(3)
    if not len(seen):
        return (
            np.tile(before, (len(times), 1)),
            np.full(len(times), state.height if state else 0.0),
            state,
        )
    filtered, filter_state = one_euro(
        times[seen], _split(translation[seen]), _MIN_CUTOFF, _BETA, state.filter if state else None
    )
    path = _join(filtered)
    origin = state.origin if state else path[0]
    path = R.apply(upright[seen], path - origin)
    height = path[:, 1].copy()
    lift, floor = _follow_floor(
        times[seen],
        height + _lowest_foot(positions[seen], confidence[seen]),
        height + _raised_hands(positions[seen], confidence[seen]),
        state.floor if state else None,
    )
    path[:, 1] = lift
    # The path stands still in frames without a person.
    last = np.searchsorted(seen, np.arange(len(times)), side="right") - 1
    out = np.where((last >= 0)[:, None], path[last], before)
    heights = np.where(last >= 0, height[last], state.height if state else 0.0)
    return out, heights, RootState(filter_state, path[-1], float(height[-1]), origin, floor)


def steady_stand(
    times: Float[ndarray, "frames"],
    standing: Float[ndarray, "frames"],
    seen: Float[ndarray, "frames"],
    state: StandState | None,
) -> tuple[Float[ndarray, "frames"], StandState]:
    """Return the height of the hips, live (causal): a complementary filter.

    Args:
        times: Seconds.
        standing: Height by legs and floor (`stand`), metres; it gives the slow part.
        seen: Observed height (`follow_root`), metres; it gives the fast part.
        state: The state after the previous frames; None at the start.

    Returns:
        (F,) metres, and the state after the last frame.
    """
    time, higher = (
        (float(times[0]), float(standing[0] - seen[0]))
        if state is None
        else (state.time, state.higher)
    )
    out = []
    for t, now, at in zip(times.tolist(), (standing - seen).tolist(), seen.tolist(), strict=True):
        higher += (now - higher) * (1.0 - math.exp(-max(t - time, 0.0) / _STAND))
        time, higher = t, min(max(higher, now - _BELOW), now + _ABOVE)
        out.append(at + higher)
    return np.array(out), StandState(time, higher)


def settle_root(
    times: Float[ndarray, "frames"],
    positions: Float[ndarray, "frames 33 3"],
    confidence: Float[ndarray, "frames 33"],
    translation: Float[ndarray, "frames 3"],
    upright: Float[ndarray, "4"],
    above: Float[ndarray, "frames"] | None = None,
) -> Float[ndarray, "frames 3"]:
    """Return the path of a whole take: as `follow_root`, but zero-phase and without gaps.

    Args:
        times: Seconds.
        positions: Upright landmarks, metres from the middle of the hips.
        confidence: Confidence of the landmarks, 0 to 1.
        translation: Position of the middle of the hips, camera axes, metres; NaN in gaps, which
            are interpolated.
        upright: Rotation from camera axes to the world.
        above: Height of the lower foot above the floor, metres, if known; the translation is then
            not smoothed.

    Returns:
        (F, 3) metres, as of `follow_root`.
    """
    known = np.isfinite(translation).all(axis=1)
    if not known.any():
        return np.zeros((len(times), 3))
    path, seen = translation[known], times[known]
    if above is None:
        split = _split(path)
        path = _join(
            np.stack(
                [
                    smooth(seen, split[:, 0], _ACROSS_SMOOTH),
                    smooth(seen, split[:, 1], _DEPTH_SMOOTH),
                ],
                axis=1,
            )
        )
    path = R.apply(
        upright, np.stack([np.interp(times, seen, path[:, i]) for i in range(3)], axis=1)
    )
    if above is None:
        feet = path[:, 1] + _lowest_foot(positions, confidence)
        hands = path[:, 1] + _raised_hands(positions, confidence)
        lift, _ = _follow_floor(times, feet, hands, None)
    else:
        lift = _clearance(above)
    return np.stack([path[:, 0] - path[0, 0], lift, path[:, 2] - path[0, 2]], axis=1)


def stand(
    body: Skeleton, rotations: Float[ndarray, "frames 55 4"], path: Float[ndarray, "frames 3"]
) -> Float[ndarray, "frames 3"]:
    """Return the root positions of a posed body that stands on the floor, y = 0, along a path.

    Args:
        body: The body.
        rotations: Local rotations.
        path: As of `follow_root`: x and z of the middle of the hips, and in y the height of the
            body's lowest part above the floor, metres.
    """
    hips = R.apply(rotations[:, 0], -body.offsets[_UPPER_LEGS].mean(axis=0))
    height = path[:, 1] - lowest_skin(body, rotations)
    return np.stack([path[:, 0] + hips[:, 0], height, path[:, 2] + hips[:, 2]], axis=1)
