"""Edits of a motion: trim, mirror, turn, loop, move to the origin, keep in place.

All functions take motions on humanoid bones and return new ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.easing import smoothstep
from mocap.core.heading import headings
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.core.skeleton import mirrored_name
from mocap.errors import InputError

_UP = np.array([0.0, 1.0, 0.0])
# A loop's ends are blended over this share of the clip at each end, at most this many seconds.
_BLEND_SHARE, _BLEND_SECONDS = 0.25, 0.5


@dataclass(frozen=True, slots=True)
class ClipOptions:
    """How a motion is edited before it is written; picklable.

    Attributes:
        trim: (start, end) in seconds after the first frame; None leaves that end.
        mirror: Exchange left and right.
        loop: Blend the ends into each other.
        at_origin: Begin above the world's origin.
        turn: Rotation of the clip to the left about the world's up axis, radians.
    """

    trim: tuple[float | None, float | None] | None = None
    mirror: bool = False
    loop: bool = False
    at_origin: bool = False
    turn: float = 0.0


class Seam(NamedTuple):
    """How far apart a loop's ends were before they were blended.

    Attributes:
        turn: Largest rotation of a joint, radians.
        height: Difference of the hips' heights, metres.
    """

    turn: float
    height: float


def edited(motion: Motion, options: ClipOptions) -> tuple[Motion, Seam | None]:
    """Apply the options to a motion, in the order trim, mirror, loop, move to the origin, turn.

    Args:
        motion: The motion.
        options: What to do.

    Returns:
        The edited motion, and the seam of the loop; None without a loop.

    Raises:
        InputError: No frame is left, or too few for a loop.
    """
    seam = None
    if options.trim is not None:
        motion = trimmed(motion, *options.trim)
    if options.mirror:
        motion = mirrored(motion)
    if options.loop:
        motion, seam = looped(motion)
    if options.at_origin:
        motion = at_origin(motion)
    if options.turn:
        motion = turned(motion, options.turn)
    return motion, seam


def trimmed(motion: Motion, start: float | None, end: float | None) -> Motion:
    """Return the frames of a span of time.

    Args:
        motion: The motion.
        start: First time to keep, seconds after the first frame; None keeps the beginning.
        end: Last time to keep, seconds after the first frame; None keeps the end.

    Raises:
        InputError: No frame lies in the span.
    """
    times = motion.times - motion.times[0]
    low, high = 0.0 if start is None else start, times[-1] if end is None else end
    # The tolerance allows for rounded times.
    inside = np.flatnonzero((times >= low - 1e-6) & (times <= high + 1e-6))
    if len(inside) == 0:
        raise InputError(
            f"There is no frame between {low:g} and {high:g} s; the motion lasts {times[-1]:g} s."
        )
    return motion.slice(int(inside[0]), int(inside[-1]) + 1)


def mirrored(motion: Motion) -> Motion:
    """Return the motion reflected in the plane x = 0, on the mirror image of its body."""
    body = motion.skeleton
    other = [body.names.index(mirrored_name(n)) for n in body.names]
    return replace(
        motion.mirror(), skeleton=replace(body, offsets=body.offsets[other] * [-1.0, 1.0, 1.0])
    )


def turned(motion: Motion, angle: float) -> Motion:
    """Return the motion turned to the left about the world's up axis.

    Args:
        motion: The motion.
        angle: Radians.
    """
    turn = R.from_axis_angle(_UP, angle)
    rotations = motion.rotations.copy()
    rotations[:, 0] = R.multiply(turn, rotations[:, 0])
    return replace(motion, root_positions=R.apply(turn, motion.root_positions), rotations=rotations)


def at_origin(motion: Motion, joint: int = 0) -> Motion:
    """Return the motion moved so that a joint starts above the origin; heights stay.

    Args:
        motion: The motion.
        joint: Index of the joint; the root by default.
    """
    start = fk(motion.skeleton, motion.root_positions[:1], motion.rotations[:1])[0][0, joint]
    return replace(motion, root_positions=motion.root_positions - start * [1.0, 0.0, 1.0])


def in_place(motion: Motion) -> Motion:
    """Return the motion without its path: the root stays above one point; heights stay."""
    path = motion.root_positions.copy()
    path[:, [0, 2]] = path[0, [0, 2]]
    return replace(motion, root_positions=path)


def looped(motion: Motion) -> tuple[Motion, Seam]:
    """Return the motion with ends that meet, so that it can be repeated.

    Half of the difference between the last and the first pose is added to each end, fading out
    towards the middle (inertial blending with a cubic ease). Path and heading stay, so a repeated
    walk continues where it ended.

    Args:
        motion: The motion.

    Returns:
        The motion, and how far apart its ends were.

    Raises:
        InputError: The motion has fewer than three frames.
    """
    if len(motion) < 3:
        raise InputError(f"A loop needs at least three frames, but the motion has {len(motion)}.")
    rotations = motion.rotations.copy()
    heading = R.from_axis_angle(_UP, headings(motion.rotations[:, 0])[[0, -1]])
    ends = rotations[[0, -1]].copy()
    ends[:, 0] = R.multiply(R.conjugate(heading), ends[:, 0])
    apart = R.to_rotation_vector(R.multiply(R.conjugate(ends[1]), ends[0]))  # (J, 3)
    rise = float(motion.root_positions[0, 1] - motion.root_positions[-1, 1])
    weights = _seam_weights(motion.times)[:, None]
    rotations = R.multiply(rotations, R.from_rotation_vector(weights[:, :, None] * apart[None]))
    path = motion.root_positions.copy()
    path[:, 1] += weights[:, 0] * rise
    seam = Seam(float(np.linalg.norm(apart, axis=1).max()), abs(rise))
    return replace(motion, root_positions=path, rotations=R.unroll(R.normalize(rotations))), seam


def _seam_weights(times: Float[ndarray, " frames"]) -> Float[ndarray, " frames"]:
    """Return −½ at the first frame and ½ at the last one, easing to 0 between them."""
    t = times - times[0]
    length = min(_BLEND_SHARE * t[-1], _BLEND_SECONDS) if t[-1] > 0 else 1.0

    def eased(distance: ndarray) -> ndarray:
        return smoothstep(distance, length, 0.0)

    return np.asarray(0.5 * eased(t[-1] - t) - 0.5 * eased(t))
