"""Correction of limbs whose depth the detector mirrors for some frames.

Examples are a knee that bends backwards and a foot that points towards its heel. The image points
are the same either way, so the limits of joints and the neighbouring frames decide.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.keypoints import LANDMARKS
from mocap.solve.refine.body import bones_of
from mocap.solve.refine.limits import find_limits

_I = {name: i for i, name in enumerate(LANDMARKS)}
_SIDES = ("left", "right")
# Arms are not corrected: shoulders rotate so far that hardly any position of an elbow is
# impossible.
_LEGS = [[_I[f"{s}_{n}"] for n in ("hip", "knee", "ankle")] for s in _SIDES]
_FEET = [[_I[f"{s}_{n}"] for n in ("ankle", "foot_index", "heel")] for s in _SIDES]
# Costs per second, in limb lengths: of a mirrored limb, and of a joint beyond its limit (per unit
# of the excess, 1 being a unit vector's length). Noise on a straight leg must not mirror it, but a
# knee bent backwards by 20° must.
_PRICE, _AGAINST = 2.0, 20.0
_LONGEST = 0.1  # largest duration of a step between frames that is charged, seconds


def unflip(
    times: Float[ndarray, "frames"],
    positions: Float[ndarray, "frames 33 3"],
    translation: Float[ndarray, "frames 3"],
) -> Float[ndarray, "frames 33 3"]:
    """Mirror knees and feet in depth in the frames where the mirrored position is more likely.

    A knee is mirrored along its viewing ray about the line from hip to ankle, a foot about its
    ankle, so the image points stay. The sequence with the lowest cost is chosen (Viterbi). The
    costs are joints beyond their limits, the distance that points travel between frames, and each
    mirrored frame. Unknown positions (NaN) stay.

    Args:
        times: Seconds.
        positions: Landmarks from the middle of the hips, metres, camera axes.
        translation: Position of the middle of the hips, metres, camera axes.

    Returns:
        The corrected landmarks.
    """
    if np.isnan(positions).any(axis=(1, 2)).all():
        return positions
    out = positions.copy()
    place = np.where(np.isfinite(translation), translation, [0.0, 0.0, -1.0])
    for hip, knee, ankle in _LEGS:
        thigh, shank = (
            float(np.nanmedian(np.linalg.norm(out[:, a] - out[:, b], axis=-1)))
            for a, b in ((hip, knee), (knee, ankle))
        )
        line = out[:, hip] + (out[:, ankle] - out[:, hip]) * thigh / (thigh + shank)
        _mirror(times, out, place, [knee], line)
    for ankle, toe, heel in _FEET:
        _mirror(times, out, place, [toe, heel], out[:, ankle])
    return out


def _mirror(
    times: ndarray, positions: ndarray, place: ndarray, points: list[int], about: ndarray
) -> None:
    """Mirror points in depth about others, in place, in the frames where this has a lower cost."""
    mirrored = positions.copy()
    for point in points:
        ray = R.normalize(positions[:, point] + place)
        mirrored[:, point] -= 2.0 * R.dot(positions[:, point] - about, ray)[:, None] * ray
    ways = np.stack([positions, mirrored])
    length = np.nanmedian(np.linalg.norm(positions[:, points] - about[:, None], axis=-1)) + 1e-3
    cost = np.stack([_AGAINST * _limit_excess(way) for way in ways], axis=1) + [0.0, _PRICE]
    step = np.minimum(np.diff(times, prepend=times[0]), _LONGEST)
    travelled = (
        np.linalg.norm(ways[:, None, 1:, points] - ways[None, :, :-1, points], axis=-1).mean(
            axis=-1
        )
        / length
    )
    which = viterbi(
        np.nan_to_num(cost) * step[:, None], np.nan_to_num(travelled.transpose(2, 1, 0))
    )
    positions[:, points] = np.where(
        which[:, None, None] == 1, mirrored[:, points], positions[:, points]
    )


def _limit_excess(positions: ndarray) -> ndarray:
    """Return by how much joints exceed their limits, summed per frame (1: a unit vector)."""
    v = bones_of(positions)
    unit = v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9)
    total = np.zeros(len(v))
    for limit in find_limits(v):
        total += np.maximum(R.dot(unit[:, limit.bone], limit.away) - limit.most, 0.0)
    return total


def viterbi(
    cost: Float[ndarray, "frames ways"], change: Float[ndarray, "steps ways ways"]
) -> Int[ndarray, "frames"]:
    """Return the sequence of states with the lowest total cost (Viterbi).

    Args:
        cost: Cost of each state in each frame.
        change: Cost of changing from one state (rows) to another (columns) between frames.

    Returns:
        Index of the state in each frame.
    """
    total = cost[0]
    come = np.zeros(cost.shape, dtype=np.int64)
    for n in range(1, len(cost)):
        ways = total[:, None] + change[n - 1]
        come[n] = np.argmin(ways, axis=0)
        total = ways[come[n], np.arange(cost.shape[1])] + cost[n]
    out = np.empty(len(cost), dtype=np.int64)
    out[-1] = int(np.argmin(total))
    for n in range(len(cost) - 1, 0, -1):
        out[n - 1] = come[n, out[n]]
    return out
