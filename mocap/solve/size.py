"""How tall the performer is.

One camera cannot show it: a person twice as large and twice as far away looks the same.
"""

from __future__ import annotations

from mocap.core.motion import Motion
from mocap.core.skeleton import HUMANOID, Skeleton

HUMANOID_HEIGHT = 1.75
"""Metres, of the body whose proportions are HUMANOID's, to the top of the head."""
DETECTOR_SMALL = 1.05
"""By how much people are larger than the detector's metric landmarks make them: 1.06 (1.04 to 1.09)
over ten rendered performances of 1.68 to 1.79 m, each seen as some 1.64 m, and 1.05 for a real man
before two cameras. So what is 1.72 m in the end is hardly more than the detector's idea of a
grown-up; who wants it exactly must say how tall the performer is."""


def stature(body: Skeleton) -> float:
    """The body's height, metres: its head's joint at rest tells, in HUMANOID's proportions."""
    head = HUMANOID.index("head")
    return HUMANOID_HEIGHT * float(
        body.rest_positions()[body.index("head"), 1] / HUMANOID.rest_positions()[head, 1]
    )


def at_height(motion: Motion, height: float | None) -> Motion:
    """Return the motion of a body of another stature, with its path scaled.

    Args:
        motion: The motion.
        height: Metres; None corrects the size that detectors give people.
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
