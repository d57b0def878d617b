"""Heading and path of a body on the floor, and its hips relative to them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.filter import smooth

_UP = np.array([0.0, 1.0, 0.0])
# Cutoff of the path's low-pass filter, Hz. Sway and steps, at 1 to 2 Hz, belong to the pose.
_CUTOFF = 0.5


def headings(turns: Float[ndarray, "frames 4"]) -> Float[ndarray, " frames"]:
    """Return the heading of a body from the world rotations of its hips.

    The heading is the twist about the up axis; 0 faces +Z. It is undefined for a body upside down.

    Args:
        turns: Unit quaternions, xyzw.

    Returns:
        Radians about the up axis, positive to the left, unwrapped (no jumps of a whole turn).
    """
    _, twist = R.swing_twist(turns, _UP)
    return np.unwrap(2.0 * np.arctan2(twist[:, 1], twist[:, 3]))


def ground_path(
    times: Float[ndarray, " frames"],
    hips: Float[ndarray, "frames 3"],
    turns: Float[ndarray, "frames 4"],
) -> tuple[Float[ndarray, "frames 3"], Float[ndarray, "frames 4"]]:
    """Return the low-pass filtered path of the hips on the floor, and their heading.

    Args:
        times: Seconds.
        hips: World positions of the hips, metres.
        turns: World rotations of the hips relative to the rest pose, which faces +Z.

    Returns:
        Positions with y = 0, metres, and rotations about the up axis.
    """
    heading = headings(turns)
    place = hips * [1.0, 0.0, 1.0]
    if len(times) > 2:
        place, heading = smooth(times, place, _CUTOFF), smooth(times, heading, _CUTOFF)
    return place, R.from_axis_angle(_UP, heading)


def relative_to_path(
    path: Float[ndarray, "frames 3"],
    heading: Float[ndarray, "frames 4"],
    hips: Float[ndarray, "frames 3"],
    turns: Float[ndarray, "frames 4"],
) -> tuple[Float[ndarray, "frames 3"], Float[ndarray, "frames 4"]]:
    """Return the positions and rotations of the hips relative to a root that carries the path.

    Args:
        path: World positions of the root, metres.
        heading: World rotations of the root.
        hips: World positions of the hips, metres.
        turns: World rotations of the hips.

    Returns:
        Positions and rotations in the root's frame.
    """
    back = R.conjugate(heading)
    return R.apply(back, hips - path), R.multiply(back, turns)
