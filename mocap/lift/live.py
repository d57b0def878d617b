"""The live lifter: frame by frame, each from itself and the frames before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.camera import Camera, fit_translation
from mocap.core.keypoints import Keypoints
from mocap.core.small import middle, without_nan
from mocap.lift.knees import straighter_knees
from mocap.lift.landmarks import JOINT_OF, carry, joints_of
from mocap.lift.model import resample, view_along
from mocap.lift.network import HIP_JOINTS, INPUTS, RATE, REACH, lifted, run_newest, weights

_DEPTH_CUTOFF = 1.0  # Hz, of the low-pass on the hips' distance
# Seconds that are kept: as long as the network looks back, and a frame to interpolate from.
_WINDOW = REACH / RATE
_LEFT, _RIGHT = HIP_JOINTS


@dataclass(frozen=True, eq=False, slots=True)
class LiftState:
    """The frames before.

    times: (N,) s. seen: (N, 64) the network's inputs at each. depth: logarithm of the hips'
    distance along the camera's axis, metres.
    """

    times: Float[ndarray, "n"]
    seen: Float[ndarray, "n 64"]
    depth: float


def lift_live(
    keypoints: Keypoints, camera: Camera, state: LiftState | None = None
) -> tuple[Float[ndarray, "frames 33 3"], LiftState | None]:
    """As `model.lift`, each frame from itself and those before it.

    A joint without an image point keeps the detector's own position (or NaN); for the network's
    other joints it is held where it was.

    Args:
        keypoints: one frame or more, after those that `state` stands for.
        camera: the camera that the image points were seen by.
        state: what the call before returned; None at the beginning of a take.

    Returns:
        The lifted positions, and the state for the frames after. How frames are divided into calls
        makes no difference.
    """
    positions, _, state = lift_live_with_error(keypoints, camera, state)
    return positions, state


def lift_live_with_error(
    keypoints: Keypoints, camera: Camera, state: LiftState | None = None
) -> tuple[Float[ndarray, "frames 33 3"], Float[ndarray, "frames 33"], LiftState | None]:
    """`lift_live`, with the depths' expected errors as of `model.lift_with_error`.

    Args:
        keypoints: As of `lift_live`.
        camera: As of `lift_live`.
        state: As of `lift_live`.

    Returns:
        The lifted positions, the expected errors, metres, and the state for the frames after.
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
        joints = straighter_knees(joints, 1.0 / of_hips[2:])
        turned = R.apply(R.conjugate(turn), joints[0])
        turned = turned - 0.5 * (turned[_LEFT] + turned[_RIGHT])
        missing = np.isnan(across).any(axis=1)
        turned = np.where(missing[:, None], np.nan, turned)
        out[n] = carry(keypoints.positions[n : n + 1], turned[None])[0]
        errors[n] = np.where(missing, np.nan, error[0])[JOINT_OF]
    return out, errors, state


def _steadied(depth: float, time: float, state: LiftState | None) -> float:
    """The logarithm of the hips' distance after a first-order low-pass."""
    if state is None:
        return depth
    dt = time - float(state.times[-1])
    share = 1.0 + 1.0 / (2.0 * np.pi * _DEPTH_CUTOFF * dt)
    return float(state.depth + (depth - state.depth) / share)


def _followed(
    state: LiftState | None, time: float, now: Float[ndarray, "64"], depth: float
) -> LiftState:
    """The state with one more frame; what is unseen in it stays as it was."""
    assert len(now) == INPUTS
    if state is None:
        return LiftState(np.array([time]), without_nan(now)[None], depth)
    held = np.where(np.isnan(now), state.seen[-1], now)
    keep = max(int(np.searchsorted(state.times, time - _WINDOW, side="right")) - 1, 0)
    seen = np.concatenate([state.seen[keep:], held[None]])
    return LiftState(np.append(state.times[keep:], time), seen, depth)
