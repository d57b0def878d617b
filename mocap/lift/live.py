"""The live lifter: depths frame by frame, from each frame and the previous ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.camera import Camera, fit_translation
from mocap.core.keypoints import Keypoints
from mocap.core.small import middle, without_nan
from mocap.lift.knees import leg_speeds, standing_still, straighter_knees
from mocap.lift.landmarks import JOINT_OF, carry, joints_of
from mocap.lift.model import resample, view_along
from mocap.lift.network import HIP_JOINTS, INPUTS, RATE, REACH, lifted, run_newest, weights

_DEPTH_CUTOFF = 1.0  # cutoff of the low-pass filter on the hips' distance, Hz
# Time that the state covers: the network's reach, and one more frame for interpolation; seconds.
_WINDOW = REACH / RATE
_LEFT, _RIGHT = HIP_JOINTS


@dataclass(frozen=True, eq=False, slots=True)
class LiftState:
    """The previous frames.

    Attributes:
        times: (N,) seconds.
        seen: (N, 64) the network's inputs at these times.
        depth: Logarithm of the hips' depth along the camera's axis, in metres.
    """

    times: Float[ndarray, "n"]
    seen: Float[ndarray, "n 64"]
    depth: float


def lift_live(
    keypoints: Keypoints, camera: Camera, state: LiftState | None = None
) -> tuple[Float[ndarray, "frames 33 3"], LiftState | None]:
    """Lift frames live (causal); see `model.lift`.

    A joint without an image point keeps the detector's position (or NaN). In the network's inputs
    its last image point is repeated. The division of frames into calls does not change the result.

    Args:
        keypoints: One or more frames that follow those of the state.
        camera: The camera of their image points.
        state: The state after the previous frames; None at the start of a take.

    Returns:
        The lifted positions, and the state after the last frame.
    """
    positions, _, state = lift_live_with_error(keypoints, camera, state)
    return positions, state


def lift_live_with_error(
    keypoints: Keypoints, camera: Camera, state: LiftState | None = None
) -> tuple[Float[ndarray, "frames 33 3"], Float[ndarray, "frames 33"], LiftState | None]:
    """Lift frames live, with the expected errors of the depths (`model.lift_with_error`).

    Args:
        keypoints: As for `lift_live`.
        camera: As for `lift_live`.
        state: As for `lift_live`.

    Returns:
        The lifted positions, their expected errors, metres, and the state after the last frame.
    """
    out = keypoints.positions.copy()
    errors = np.full(out.shape[:2], np.nan)
    translation = fit_translation(
        keypoints.positions, keypoints.image, keypoints.confidence, camera
    )
    rays = camera.rays(joints_of(keypoints.image))
    along = joints_of(keypoints.positions)[..., 2]
    along = along - middle(along[..., None], HIP_JOINTS)
    confidence = without_nan(joints_of(keypoints.confidence[..., None])[..., 0])
    w = weights()
    for n, time in enumerate(keypoints.times.tolist()):
        hips = 0.5 * (rays[n, _LEFT] + rays[n, _RIGHT])
        if not (np.isfinite(hips).all() and np.isfinite(translation[n]).all()):
            continue
        depth = _steadied(float(np.log(-translation[n, 2])), time, state)
        across, of_hips, turn = view_along(rays[n], hips, np.array(np.exp(depth)))
        now = np.concatenate([across.ravel(), along[n], confidence[n], of_hips, [1.0]])
        state = _followed(state, time, now, depth)
        window = resample(time + np.arange(-REACH, 1) / RATE, state.times, state.seen)
        joints, error = lifted(w, window, run_newest)
        still = standing_still(joints, leg_speeds(window)[-1:])
        joints = straighter_knees(joints, 1.0 / of_hips[2:], still)
        turned = R.apply(R.conjugate(turn), joints[0])
        turned = turned - 0.5 * (turned[_LEFT] + turned[_RIGHT])
        missing = np.isnan(across).any(axis=1)
        turned = np.where(missing[:, None], np.nan, turned)
        out[n] = carry(keypoints.positions[n : n + 1], turned[None])[0]
        errors[n] = np.where(missing, np.nan, error[0])[JOINT_OF]
    return out, errors, state


def _steadied(depth: float, time: float, state: LiftState | None) -> float:
    """Return the logarithm of the hips' depth after a first-order low-pass filter."""
    if state is None:
        return depth
    dt = time - float(state.times[-1])
    share = 1.0 + 1.0 / (2.0 * np.pi * _DEPTH_CUTOFF * dt)
    return float(state.depth + (depth - state.depth) / share)


def _followed(
    state: LiftState | None, time: float, now: Float[ndarray, "64"], depth: float
) -> LiftState:
    """Return the state with one more frame, in which unseen values repeat the last ones."""
    assert len(now) == INPUTS
    if state is None:
        return LiftState(np.array([time]), without_nan(now)[None], depth)
    held = np.where(np.isnan(now), state.seen[-1], now)
    keep = max(int(np.searchsorted(state.times, time - _WINDOW, side="right")) - 1, 0)
    seen = np.concatenate([state.seen[keep:], held[None]])
    return LiftState(np.append(state.times[keep:], time), seen, depth)
