"""The lifter, live: frame by frame, from this frame and those before it, by the network that was trained for that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.camera import Camera, fit_translation
from mocap.core.keypoints import Keypoints
from mocap.lift.model import (
    RATE,
    REACH,
    carry,
    features,
    joints_of,
    mirrored_run,
    resample,
    run_once,
    view_along,
    weights,
)

_DEPTH_CUTOFF = 1.0  # Hz, of the low-pass on the hips' distance
_HIPS = [7, 8]
# What is kept: as long as the network looks back, and a frame to interpolate from.
_WINDOW = 2 * REACH / RATE


@dataclass(frozen=True, eq=False, slots=True)
class LiftState:
    """The frames before: times (N,) s and, as in model.View, what was seen in each (N, 63); and the logarithm of the hips' distance."""

    times: Float[ndarray, "n"]
    seen: Float[ndarray, "n 63"]
    depth: float


def lift_live(
    keypoints: Keypoints, camera: Camera, state: LiftState | None = None
) -> tuple[Float[ndarray, "frames 33 3"], LiftState | None]:
    """As model.lift, but each frame from itself and those before it; and the state for the frames after. Portions make no difference.

    What is unseen keeps the detector's own position (or NaN), and is held where it was for the network's other joints.
    """
    out = keypoints.positions.copy()
    translation = fit_translation(
        keypoints.positions, keypoints.image, keypoints.confidence, camera
    )
    rays = camera.rays(joints_of(keypoints.image))
    along = joints_of(keypoints.positions)[..., 2]
    along = along - along[:, _HIPS].mean(axis=1, keepdims=True)
    confidence = np.nan_to_num(joints_of(keypoints.confidence[..., None])[..., 0])
    w = weights("weights_live")
    for n, time in enumerate(keypoints.times.tolist()):
        hips = rays[n, _HIPS].mean(axis=0)
        if not (np.isfinite(hips).all() and np.isfinite(translation[n]).all()):
            continue
        depth = float(np.log(-translation[n, 2]))
        if state is not None:
            dt = time - float(state.times[-1])
            depth = state.depth + (depth - state.depth) / (
                1.0 + 1.0 / (2.0 * np.pi * _DEPTH_CUTOFF * dt)
            )
        across, of_hips, turn = view_along(rays[n], hips, np.array(np.exp(depth)))
        now = np.concatenate([across.ravel(), along[n], confidence[n], of_hips])
        held = np.where(np.isnan(now), state.seen[-1] if state is not None else 0.0, now)
        if state is None:
            state = LiftState(np.array([time]), held[None], depth)
        else:
            keep = max(int(np.searchsorted(state.times, time - _WINDOW, side="right")) - 1, 0)
            state = LiftState(
                np.append(state.times[keep:], time),
                np.concatenate([state.seen[keep:], held[None]]),
                depth,
            )
        window = resample(time + np.arange(-2 * REACH, 1) / RATE, state.times, state.seen)
        inputs = features(
            window[:, :30].reshape(-1, 15, 2), window[:, 30:45], window[:, 45:60], window[:, 60:]
        )
        moved = mirrored_run(w, inputs, run_once)[0]
        joints = R.apply(
            R.conjugate(turn), np.concatenate([across, along[n][:, None]], axis=-1) + moved[0]
        )
        out[n] = carry(keypoints.positions[n : n + 1], (joints - joints[_HIPS].mean(axis=0))[None])[
            0
        ]
    return out, state
