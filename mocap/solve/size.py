"""The performer's height.

One camera cannot measure it: a person twice as large and twice as far away looks the same.
"""

from __future__ import annotations

from mocap.core.motion import Motion
from mocap.core.skeleton import HUMANOID, Skeleton

HUMANOID_HEIGHT = 1.75
"""Height of HUMANOID to the top of the head, metres."""
DETECTOR_SMALL = 1.05
"""Ratio of a person's true size to that of the detector's metric landmarks. It is 1.06 (1.04 to
1.09) over ten rendered performances of 1.68 to 1.79 m, each seen as about 1.64 m, and 1.05 for a
real man seen by two cameras. The resulting 1.72 m is therefore hardly more than the detector's
average adult; an exact height must be given by the user."""


def stature(body: Skeleton) -> float:
    """Return the body's height, metres: HUMANOID's, scaled by the height of the head's joint."""
    head = HUMANOID.index("head")
    return HUMANOID_HEIGHT * float(
        body.rest_positions()[body.index("head"), 1] / HUMANOID.rest_positions()[head, 1]
    )


def at_height(motion: Motion, height: float | None) -> Motion:
    """Return the motion with body and path scaled to a height.

    Args:
        motion: The motion.
        height: Height of the performer, metres; None corrects the detector's usual error instead
            (DETECTOR_SMALL).
    """
    factor = DETECTOR_SMALL if height is None else height / stature(motion.skeleton)
    s = motion.skeleton
    body = Skeleton(s.names, s.parents, s.offsets * factor, s.rest_rotations)
    return Motion(
        body,
        motion.times,
        motion.root_positions * factor,
        motion.rotations,
        motion.expressions,
        motion.contacts,
    )
