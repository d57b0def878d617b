"""Joints that do not bend backwards and feet that point ahead, as directions in which a bone should
not point.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.solve.refine.body import LEFT_ARM, LEFT_LEG, RIGHT_ARM, RIGHT_LEG
from mocap.solve.refine.costs import Limit

# How far a forearm may point backwards and a shank forwards, of 1, where the upper bone is not
# turned about itself: elbows bend forwards, and upper arms turn some 90° to either side of that,
# thighs 40° (Norkin and White, Measurement of Joint Motion, 5th ed.).
_FOREARM, _SHANK = 0.55, 0.1
# How far a foot may point backwards, of 1, seen from its shank: tiptoe is 0.
_TOE = 0.1


def find_limits(v: Float[ndarray, "frames 16 3"]) -> tuple[Limit, ...]:
    """The limits of elbows, knees and feet for bodies whose bones are v: the trunk's frame, swung
    along with upper arm or thigh; for feet what is behind the shank, perpendicular to it and to the
    hips' line.
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
