"""Limits of joints as directions in which a bone should not point.

Elbows and knees do not bend backwards, and feet point ahead.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.solve.refine.body import LEFT_ARM, LEFT_LEG, RIGHT_ARM, RIGHT_LEG
from mocap.solve.refine.costs import Limit

# Largest cosine between a forearm and backwards, and between a shank and forwards, for an upper
# bone without twist. Elbows bend forwards, and upper arms twist by some 90° to either side, thighs
# by 40° (Norkin and White, Measurement of Joint Motion, 5th ed.).
_FOREARM, _SHANK = 0.55, 0.1
# Largest cosine between a foot and backwards, in the shank's frame; on tiptoe it is 0.
_TOE = 0.1


def find_limits(v: Float[ndarray, "frames 16 3"]) -> tuple[Limit, ...]:
    """Return the limits of elbows, knees and feet.

    For elbows and knees the direction is fixed in the trunk's frame, swung along with the upper arm
    or thigh. For feet it points behind the shank, perpendicular to it and to the line of the hips.

    Args:
        v: Bones, metres.
    """
    out = []
    for across, rest, away, most, limbs in (
        (
            v[:, 3],
            np.array([1.0, 0.0, 0.0]),
            np.array([0.0, 0.0, -1.0]),
            _FOREARM,
            (LEFT_ARM, RIGHT_ARM),
        ),
        (
            v[:, 1],
            np.array([0.0, -1.0, 0.0]),
            np.array([0.0, 0.0, 1.0]),
            _SHANK,
            (LEFT_LEG, RIGHT_LEG),
        ),
    ):
        trunk = R.from_frame(across, v[:, 2])
        for limb, mirror in zip(limbs, (1.0, -1.0), strict=True):
            swing = R.between(R.apply(trunk, rest * [mirror, 1.0, 1.0]), R.normalize(v[:, limb[0]]))
            out.append(Limit(limb[1], R.apply(R.multiply(swing, trunk), away), most))
    toes = [
        Limit(leg[2], R.normalize(np.cross(v[:, 1], v[:, leg[1]])), _TOE)
        for leg in (LEFT_LEG, RIGHT_LEG)
    ]
    return (*out, *toes)
