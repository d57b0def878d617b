"""People who hang on something: their hands carry them, not the floor.

Hands that keep their place above the shoulders while the feet rise or swing carry the body. While a
person who stands raises the arms, the lower foot stays in place, and in a jump the hands move with
the body.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from mocap.core.easing import smoothstep
from mocap.core.keypoints import pair
from mocap.core.kinematics import fk, local_rotations
from mocap.core.motion import Motion
from mocap.core.runs import runs
from mocap.core.skeleton import humanoid_index
from mocap.core.surface import lowest_skin
from mocap.solve.contacts import SOLES, with_hysteresis
from mocap.solve.plant import mean_over_contact, nearest_contact
from mocap.solve.reach import reach

HANDS = pair("wrist")
"""The landmarks that may hold on to something."""
SHOULDERS = pair("shoulder")
# Speeds of hands (m/s) and their heights above the shoulders (m) at which a hold begins and ends.
# At the top of a pull-up the wrists are a hand's width above the shoulders.
_SPEED, _ABOVE = (0.2, 0.35), (0.05, -0.05)
# Shortest hold, seconds; smallest range over it of the lower foot's height, metres; and largest
# range of the hands' height, as a share of the feet's.
_SHORTEST, _RISES, _STAYS = 0.8, 0.15, 0.4
# Quantiles between which a range is measured.
_RANGE = (0.05, 0.95)
# Time before and after a hold in which the path returns to the one that was seen, seconds.
_RETURN = 0.5
_ARMS = [
    tuple(humanoid_index(f"{side}UpperArm", f"{side}LowerArm", f"{side}Hand").tolist())
    for side in ("left", "right")
]
_BACK = np.array([0.0, 0.0, -1.0])  # in which a straight elbow bends


def find_hanging(
    times: Float[ndarray, "frames"],
    heights: Float[ndarray, "frames 33"],
    speeds: Float[ndarray, "frames 2"],
) -> Bool[ndarray, "frames"]:
    """Return in which frames of a take the hands carry the body.

    Args:
        times: Seconds.
        heights: Heights of the landmarks in the world, metres.
        speeds: Speeds of HANDS across the viewing ray, metres per second; NaN for a hand that is
            not seen, which then does what the other one does.
    """
    fast = np.where(np.isnan(speeds), np.nan_to_num(speeds[:, ::-1], nan=np.inf), speeds)
    above = heights[:, HANDS] - heights[:, SHOULDERS]
    begins = (fast < _SPEED[0]) & (above > _ABOVE[0])
    ends = (fast > _SPEED[1]) | (above < _ABOVE[1])
    holds = np.asarray(with_hysteresis(times, begins, ends).all(axis=1))
    out = np.zeros(len(times), dtype=bool)
    for first, end in runs(holds):
        feet, hands = (
            np.ptp(np.quantile(heights[first:end, points].min(axis=1), _RANGE))
            for points in (SOLES, HANDS)
        )
        lasts = times[end - 1] - times[first] >= _SHORTEST
        out[first:end] = lasts and feet > _RISES and hands < _STAYS * feet
    return out


def hold_hands(motion: Motion, hangs: Bool[ndarray, "frames"]) -> Motion:
    """Return the motion with hands that keep their place while they carry the body.

    The body's path shifts by what both hands move together, and the arms reach for the rest. The
    lowest part of the body stays at or above y = 0.

    Args:
        motion: A motion on a humanoid skeleton.
        hangs: In which frames the hands carry the body (`find_hanging`).
    """
    if not hangs.any():
        return motion
    times, body = motion.times, motion.skeleton
    ends = [arm[2] for arm in _ARMS]
    positions, world = fk(body, motion.root_positions, motion.rotations)
    hands = positions[:, ends].mean(axis=1)
    nearest = nearest_contact(times, hangs)[0]
    shift = (mean_over_contact(hands, hangs) - hands)[nearest]
    low = motion.root_positions[:, 1] + lowest_skin(body, motion.rotations) + shift[:, 1]
    for first, end in runs(hangs):
        shift[first:end, 1] += max(0.0, -float(low[first:end].min()))
    shift = shift[nearest] * smoothstep(np.abs(times[nearest] - times), _RETURN, 0.0)[:, None]
    root = motion.root_positions + shift
    root[:, 1] = np.maximum(root[:, 1], -lowest_skin(body, motion.rotations))
    positions, world = fk(body, root, motion.rotations)
    weight = nearest_contact(times, hangs)[1][:, None]
    for arm in _ARMS:
        hand = positions[:, arm[2]]
        away = (mean_over_contact(hand, hangs) - hand)[nearest]
        reach(times, body, world, positions, arm, hand + weight * away, _BACK)
    rotations = local_rotations(body, world)
    return Motion(body, times, root, rotations, motion.expressions, motion.contacts)
