"""The twist of a limb about its own axis, from its hinge, or from its history if it is straight.

A bent elbow or knee shows the plane in which it bends, and with it the twist of the upper arm or
thigh. A straight one does not, and a nearly straight one shows mostly noise. The hinge's axis is
therefore a state. It moves with the limb without rotating about it (parallel transport), and
approaches the observed axis as the limb bends. The difference decays with time, at a rate that
grows with the bend. It also shrinks in proportion to the remaining bend up to FULL_BEND, where it
is 0, so that it never disappears in one step. While the limb is straight, the axis slowly
approaches a hint (from the foot's heading, or from the rest pose).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.easing import smoothstep
from mocap.core.small import clip, steps

FULL_BEND = np.radians(20.0)
"""Bend from which on the observed axis is used as it is, radians. An error of 2 cm on a limb of 28
cm rotates it by 12° there, and by 50° at a bend of 5°."""
DOUBTFUL_BEND = np.radians(40.0)
"""The same for a detector's keypoints, which are off by more, in depth: upper arms then turn by no
more than 41° a frame on the demo clip (BlazePose lite, 30 a second; with FULL_BEND 60°), and are a
degree nearer to the truth."""

# Rate at which the difference decays at FULL_BEND, 1/s, and the power of the relative bend with
# which the rate falls towards the straight limb.
_RATE, _RATE_POWER = 12.0, 2.0


@dataclass(frozen=True, eq=False, slots=True)
class HingeState:
    """The state for the next frames, of L limbs.

    Attributes:
        time: Time of the last frame, seconds.
        direction: Directions of the upper bones.
        observed: Observed axes of the hinges.
        straight: One minus the bend relative to FULL_BEND, at least 0.
        error: Angles from the observed to the solved axes, radians.
    """

    time: float
    direction: Float[ndarray, "limbs 3"]
    observed: Float[ndarray, "limbs 3"]
    straight: Float[ndarray, "limbs"]
    error: list[float]


def _signed_angle(a: ndarray, b: ndarray, axis: ndarray) -> ndarray:
    """Return the angle about `axis` from a to b, both perpendicular to it, in (−π, π]."""
    return np.arctan2(R.dot(R.cross(a, b), axis), R.dot(a, b))


def _wrap(angle: float) -> float:
    return (angle + np.pi) % (2 * np.pi) - np.pi


@dataclass(frozen=True, eq=False, slots=True)
class Hinges:
    """Observations of the hinges of limbs.

    All vectors are unit and in the frame of the limb's parent, so that straight limbs turn with
    the body.

    Attributes:
        direction: Direction of the upper bone.
        axis: Observed hinge axis, perpendicular to the direction; ignored where the bend is 0.
        bend: Bend, radians; 0 is straight.
        hint: Axis perpendicular to the direction, for straight limbs.
        hint_rate: Rate at which a straight limb approaches the hint, 1/s.
    """

    direction: Float[ndarray, "frames limbs 3"]
    axis: Float[ndarray, "frames limbs 3"]
    bend: Float[ndarray, "frames limbs"]
    hint: Float[ndarray, "frames limbs 3"]
    hint_rate: Float[ndarray, "#frames limbs"]


def follow_hinge(
    times: Float[ndarray, "frames"],
    seen: Hinges,
    state: HingeState | None,
    full_bend: float = FULL_BEND,
) -> tuple[Float[ndarray, "frames limbs 3"], HingeState]:
    """Return the hinge axes to use, unit and perpendicular to the limbs.

    Args:
        times: Seconds.
        seen: The observations.
        state: The state after the previous frames; None at the start of a take.
        full_bend: Bend from which on the observed axis is used as it is, radians.

    Returns:
        The axes, in the frame of the limb's parent, and the state after the last frame.
    """
    direction, axis, bend, hint = seen.direction, seen.axis, seen.bend, seen.hint
    x = clip(bend / full_bend, 0.0, 1.0)
    straight = 1.0 - x
    observed = np.where((bend > 1e-6)[..., None], axis, hint)
    to_hint = _signed_angle(observed, hint, direction)
    if state is None:
        # Nothing was before: observation and hint are mixed by the bend alone.
        previous_direction, previous_observed, previous_straight = (
            direction[:1],
            observed[:1],
            straight[:1],
        )
        start = ((1.0 - smoothstep(x[0])) * to_hint[0]).tolist()
        dt = steps(times, times[0])
    else:
        previous_direction, previous_observed, previous_straight = (
            state.direction[None],
            state.observed[None],
            state.straight[None],
        )
        start = state.error
        dt = steps(times, state.time)
    before_direction = np.concatenate([previous_direction, direction[:-1]])
    before_observed = np.concatenate([previous_observed, observed[:-1]])
    carried = R.apply(R.between(before_direction, direction), before_observed)
    step = _signed_angle(carried, observed, direction)
    before_straight = np.concatenate([previous_straight, straight[:-1]])
    spent = np.minimum(straight / np.where(before_straight > 0.0, before_straight, 1.0), 1.0)
    keep = spent * np.exp(-_RATE * x**_RATE_POWER * dt[:, None])
    pull = 1.0 - np.exp(-seen.hint_rate * np.square(straight) * dt[:, None])
    error = _track(start, step, keep, to_hint, pull, first_is_solved=state is None)
    solved = R.apply(R.from_axis_angle(direction, error), observed)
    return solved, HingeState(
        float(times[-1]), direction[-1], observed[-1], straight[-1], error[-1].tolist()
    )


def _track(
    start: list[float],
    step: ndarray,
    keep: ndarray,
    to_hint: ndarray,
    pull: ndarray,
    first_is_solved: bool,
) -> ndarray:
    """Return the angle from the observed to the solved axis, frame by frame.

    It is a recursion, in plain floats because these are faster here.
    """
    frames, limbs = step.shape
    out = np.empty((frames, limbs))
    for limb in range(limbs):
        error = start[limb]
        column = []
        rows = zip(
            step[:, limb].tolist(),
            keep[:, limb].tolist(),
            to_hint[:, limb].tolist(),
            pull[:, limb].tolist(),
            strict=True,
        )
        for n, (s, k, h, p) in enumerate(rows):
            if n or not first_is_solved:
                if k == 0.0:
                    error = 0.0
                else:
                    error = _wrap(error - s)
                    error = k * (error + p * _wrap(h - error))
            column.append(error)
        out[:, limb] = column
    return out
