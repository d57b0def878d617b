"""Which way the soles face, from the moments of a motion in which the feet stand."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.filter import smooth
from mocap.core.kinematics import fk
from mocap.core.motion import Motion

# A foot stands while it is less than this height (m) above the lowest tenth of its heights and
# slower than this (m/s), for legs of 0.83 m.
_HEIGHT, _SPEED, _LEGS = 0.04, 0.2, 0.83
# A foot that stands for less time than this in all, in seconds, gives no sole direction.
_STANDS = 0.2
# Kneeling and sitting bodies have feet on the ground that do not stand: shanks of standing feet are
# within this of upright (cosine).
_UPRIGHT = np.cos(np.radians(35.0))
# Toes do not begin above the ankle: a foot whose toes rise by more than this (sine) while it stands
# was captured wrongly.
_RISES = np.sin(np.radians(30.0))
_CUTOFF = 6.0  # Hz, for speeds
_UP = np.array([0.0, 1.0, 0.0])


def standing_normals(
    motion: Motion, bones: dict[str, int], turn: Float[ndarray, "4"], legs: float
) -> dict[str, Float[ndarray, " 3"]]:
    """Return the upward direction of standing feet and toes in their joints' own frames.

    Args:
        motion: In the document's frame and unit.
        bones: Bone → joint of the motion.
        turn: Rotation from the document's world to mocap's.
        legs: Leg length in the document's unit.

    Returns:
        Foot or toes → unit vector, without those that never stand.
    """
    normals: dict[str, ndarray] = {}
    feet = [side for side in ("left", "right") if f"{side}Foot" in bones]
    if len(motion) < 2 or not feet or not legs > 0.0:
        return normals
    positions, world = fk(motion.skeleton, motion.root_positions, motion.rotations)
    for side in feet:
        at = (_LEGS / legs) * R.apply(turn, positions[:, bones[f"{side}Foot"]])
        speeds = np.linalg.norm(
            np.gradient(smooth(motion.times, at, _CUTOFF), motion.times, axis=0), axis=-1
        )
        shank = R.normalize(
            R.apply(
                turn, positions[:, bones[f"{side}LowerLeg"]] - positions[:, bones[f"{side}Foot"]]
            )
        )
        stands = (
            (speeds < _SPEED)
            & (at[:, 1] < np.percentile(at[:, 1], 10.0) + _HEIGHT)
            & (shank[:, 1] > _UPRIGHT)
        )
        if stands.mean() * motion.duration < _STANDS:
            continue
        found = {}
        for bone in (b for b in (f"{side}Foot", f"{side}Toes") if b in bones):
            up = R.apply(R.conjugate(R.multiply(turn, world[stands, bones[bone]])), _UP)
            found[bone] = R.normalize(np.median(up, axis=0))
        if f"{side}Toes" in bones:
            ahead = R.normalize(
                positions[0, bones[f"{side}Toes"]] - positions[0, bones[f"{side}Foot"]]
            )
            if (
                R.apply(R.conjugate(world[0, bones[f"{side}Foot"]]), ahead) @ found[f"{side}Foot"]
                > _RISES
            ):
                continue
        normals |= found
    return normals
