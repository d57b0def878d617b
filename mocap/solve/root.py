"""The path of the body: translation from the image points, and clearance of the feet.

The height of the hips is not taken from the keypoints. The clearance of the feet is (zero except in
a jump), and the body shown stands on its own legs below that (`stand`), so that feet neither float
nor sink, for a body of any proportions.
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
from mocap.core.keypoints import LANDMARKS
from mocap.core.skeleton import BONES, Skeleton
from mocap.core.surface import BODY_LANDMARKS, landmark_skin, lowest_skin

# Along the viewing ray the fit is some ten times as uncertain as across it (depth follows from
# size). It is filtered separately and more strongly, as a logarithm: Hz at rest, Hz per unit of
# speed.
_MIN_CUTOFF = np.array([[2.0], [0.6]])
_BETA = np.array([[8.0], [6.0]])
_ACROSS_SMOOTH, _DEPTH_SMOOTH = 6.0, 1.5  # Hz, the bake's
# The floor follows the lower foot with this time constant, s: a foot whose depth is misjudged does
# not lift the body. Only when feet rise this fast, m/s (errors of the detector move them at half of
# it), the floor stays where it was, for no longer than a jump lasts, s.
_FLOOR, _TAKE_OFF, _LONGEST_JUMP = 0.15, 0.8, 0.9
# Feet less than this above the floor, metres, are on it: detected ankles tremble by as much.
_ON_FLOOR = 0.03

# Live, the height of the hips is a complementary filter with this time constant, s: legs and floor
# set the slow part, the seen motion of the hips the quick one. Legs that are misjudged for a frame
# or two then do not make the body hop. The result stays within these bounds above and below the
# former, metres: feet must not sink, and a person who returns may be seen at another height.
_STAND, _ABOVE, _BELOW = 0.1, 0.12, 0.02

_UP = np.array([0.0, 1.0, 0.0])
# Height of the landmarks of heels and toe tips above the ground that they stand on, metres.
_FOOT_SKIN = 0.02
_UPPER_LEGS = [BONES.index("leftUpperLeg"), BONES.index("rightUpperLeg")]
_FEET = [
    LANDMARKS.index(n) for n in ("left_heel", "right_heel", "left_foot_index", "right_foot_index")
]


@dataclass(slots=True)
class FloorState:
    """State of the floor.

    Attributes:
        floor: Height of the floor, metres.
        foot: Height of the lower foot at the last frame, metres.
        time: Of the last frame, seconds.
        aloft: Since when the body is in the air, seconds; NaN on the floor.
    """

    floor: float
    foot: float
    time: float
    aloft: float = math.nan


@dataclass(frozen=True, eq=False, slots=True)
class RootState:
    """State of the live path.

    Attributes:
        filter: State of the translation's filter.
        shown: (3,) the last point of the path, metres.
        height: The last seen height of the hips, metres.
        origin: (3,) where the path began, camera axes, metres.
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
        time: Of the last frame, seconds.
        higher: Slow part of the height by legs and floor minus the seen height, metres.
    """

    time: float
    higher: float


_NEAREST = 0.01  # metres from the camera


def _lowest_foot(positions: ndarray, confidence: ndarray) -> ndarray:
    """Return the height (F,) of the lowest part that is seen, hips-centred, metres, or NaN."""
    feet = np.where(confidence[:, _FEET] > 0.5, positions[:, _FEET, 1], np.nan)
    skin = landmark_skin(positions, _UP) + _FOOT_SKIN
    body = np.where(confidence[:, BODY_LANDMARKS] > 0.5, skin, np.nan)
    heights = np.concatenate([feet, body], axis=1)
    lowest = np.where(np.isnan(heights), np.inf, heights).min(axis=1)
    # Without feet nothing says whether the body stands.
    return np.where(np.isfinite(feet).any(axis=1), lowest, np.nan)


def _split(translation: ndarray) -> ndarray:
    """Return (F, 2, 2): the two slopes of the viewing ray; the logarithm of the depth, and 0.

    Damaged keypoints can put a body behind the camera; its depth is raised to a centimetre.
    """
    depth = np.maximum(-translation[:, 2], _NEAREST)
    out = np.zeros((len(translation), 2, 2))
    out[:, 0] = translation[:, :2] / depth[:, None]
    out[:, 1, 0] = np.log(depth)
    return out


def _join(split: ndarray) -> ndarray:
    depth = np.exp(split[:, 1, :1])
    return np.concatenate([split[:, 0] * depth, -depth], axis=1)


def _lift(above: Float[ndarray, "frames"]) -> Float[ndarray, "frames"]:
    """Return the clearance of feet from their apparent height, metres.

    It is 0 up to _ON_FLOOR, and all of the height from three times that on.
    """
    return np.maximum(above, 0.0) * smoothstep(above, _ON_FLOOR, 3.0 * _ON_FLOOR)


def _follow_floor(
    times: ndarray, feet: ndarray, state: FloorState | None
) -> tuple[ndarray, FloorState]:
    """Return the clearance of the body, (F,) metres, from its lower foot's height, and the state.

    A foot that is not seen (NaN) stands.
    """
    at = state or FloorState(math.nan, math.nan, float(times[0]))
    floor, last, time, aloft = at.floor, at.foot, at.time, at.aloft
    above = []
    for t, foot in zip(times.tolist(), feet.tolist(), strict=True):
        if math.isnan(foot):
            aloft = math.nan
            above.append(0.0)
            continue
        if math.isnan(floor):
            floor = last = foot
        rising = (foot - last) / max(t - time, 1e-3)
        if math.isnan(aloft):
            if rising > _TAKE_OFF and foot - floor > _ON_FLOOR:
                aloft = t
        elif foot - floor < _ON_FLOOR or t - aloft > _LONGEST_JUMP:
            aloft = math.nan
        if math.isnan(aloft):
            floor += (foot - floor) * (1.0 - math.exp(-(t - time) / _FLOOR))
        last, time = foot, t
        above.append(foot - floor)
    return _lift(np.array(above)), FloorState(floor, last, time, aloft)


def follow_root(
    times: Float[ndarray, "frames"],
    positions: Float[ndarray, "frames 33 3"],
    confidence: Float[ndarray, "frames 33"],
    translation: Float[ndarray, "frames 3"],
    upright: Float[ndarray, "frames 4"],
    state: RootState | None,
) -> tuple[Float[ndarray, "frames 3"], Float[ndarray, "frames"], RootState | None]:
    """Return the live path of a body; causal.

    One Euro filters across the viewing ray and along it; the floor follows the feet.

    Args:
        times: Seconds.
        positions: Upright landmarks, metres from the middle of the hips.
        confidence: Of the landmarks, 0 to 1.
        translation: Of the hips, camera axes, metres (`fit_translation`); the path stands still
            where it is NaN.
        upright: Rotations from camera axes to the world's (`mocap.solve.gravity`).
        state: After the frames before; None until a person has been seen.

    Returns:
        (F, 3) metres: x and z of the middle of the hips, from 0, and y, the clearance of the lower
        foot; (F,) the seen height of the hips from their first one; and the state.
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
        state.floor if state else None,
    )
    path[:, 1] = lift
    # In frames without a person the path stands still.
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
    """Return the height of the hips, (F,) metres; causal.

    Args:
        times: Seconds.
        standing: Height by legs and floor (`stand`), metres; it sets the slow part.
        seen: Seen height (`follow_root`), metres; it sets the quick part.
        state: After the frames before.
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
    """Return the path of a whole take, as `follow_root` but without delay and with gaps bridged.

    Args:
        times: Seconds.
        positions: Upright landmarks, metres from the middle of the hips.
        confidence: Of the landmarks, 0 to 1.
        translation: Of the hips, camera axes, metres; NaN in gaps.
        upright: Rotation from camera axes to the world's.
        above: Height of the lower foot above the floor, metres, if it is known; the translation is
            then not smoothed.
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
        lift, _ = _follow_floor(times, path[:, 1] + _lowest_foot(positions, confidence), None)
    else:
        lift = _lift(above)
    return np.stack([path[:, 0] - path[0, 0], lift, path[:, 2] - path[0, 2]], axis=1)


def stand(
    body: Skeleton, rotations: Float[ndarray, "frames 55 4"], path: Float[ndarray, "frames 3"]
) -> Float[ndarray, "frames 3"]:
    """Return the positions of the root of a posed body on a path.

    The lowest part of the body is as far above y = 0 as the path's y.

    Args:
        body: The body.
        rotations: Local rotations.
        path: Of `follow_root`, metres.
    """
    hips = R.apply(rotations[:, 0], -body.offsets[_UPPER_LEGS].mean(axis=0))
    height = path[:, 1] - lowest_skin(body, rotations)
    return np.stack([path[:, 0] + hips[:, 0], height, path[:, 2] + hips[:, 2]], axis=1)
