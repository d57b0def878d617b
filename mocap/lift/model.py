"""The lifter for a whole take: 3D joints from windows of image points and the detector's depths.

The network works in axes along the viewing ray through the middle of the hips: image points across
the ray in metres at the hips' distance, and the detector's depth (if known) along it. The network
(network.py) returns each joint's depth and its expected error. Training and figures: CARD.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.camera import Camera, fit_translation
from mocap.core.filter import fill_gaps, smooth
from mocap.core.keypoints import LANDMARKS, Keypoints
from mocap.lift.knees import leg_speeds, standing_still, straighter_knees
from mocap.lift.landmarks import JOINT_OF, carry, joints_of
from mocap.lift.network import HIP_JOINTS, JOINTS, RATE, features, lifted, weights

_AHEAD = np.array([0.0, 0.0, -1.0])
# Longest gap that is interpolated before the network, seconds, and cutoff of the low-pass filter on
# the hips' distance, Hz.
_LONGEST_GAP, _DEPTH_CUTOFF = 0.5, 1.5
_TOES, _ANKLES = (
    [JOINTS.index(f"{s}_{part}") for s in ("left", "right")] for part in ("toe", "ankle")
)
_EARS = [LANDMARKS.index("left_ear"), LANDMARKS.index("right_ear")]
# Distance from the ears to the nose, and offset from an ankle to the toes of a level foot (ahead,
# down), on HUMANOID, metres.
_NOSE, _FOOT = 0.11, (0.19, 0.06)
_STRETCH = 1e-3  # tolerance on the number of grid steps in a take, because times are rounded


@dataclass(frozen=True, eq=False, slots=True)
class RayView:
    """The joints of one body in axes along the viewing ray through its hips.

    Attributes:
        across: (F, 15, 2) image points, metres right and up at the hips' distance.
        along: (F, 15) the detector's depth relative to the hips, metres, larger is nearer; NaN if
            unknown.
        confidence: (F, 15) in [0, 1].
        hips: (F, 3) x and y of the ray for z = −1, and one over the hips' distance, 1/m.
        turn: (F, 4) rotation from camera axes to these axes, xyzw.
    """

    across: Float[ndarray, "frames 15 2"]
    along: Float[ndarray, "frames 15"]
    confidence: Float[ndarray, "frames 15"]
    hips: Float[ndarray, "frames 3"]
    turn: Float[ndarray, "frames 4"]


def view_along(
    rays: Float[ndarray, "*batch 15 3"],
    hip_ray: Float[ndarray, "*batch 3"],
    depth: Float[ndarray, "*batch"],
) -> tuple[Float[ndarray, "*batch 15 2"], Float[ndarray, "*batch 3"], Float[ndarray, "*batch 4"]]:
    """Return image points in axes along the viewing ray through the hips.

    Args:
        rays: Viewing rays of the joints in camera axes, scaled to z = −1.
        hip_ray: The viewing ray through the middle of the hips.
        depth: Depth of the middle of the hips along the camera's axis, metres, positive.

    Returns:
        `across`, `hips` and `turn` of `RayView`.
    """
    turn = R.between(R.normalize(hip_ray), _AHEAD)
    seen = R.apply(turn[..., None, :], rays)
    distance = depth * np.linalg.norm(hip_ray, axis=-1)
    across = seen[..., :2] / np.maximum(-seen[..., 2:], 0.05) * distance[..., None, None]
    return across, np.concatenate([hip_ray[..., :2], 1.0 / distance[..., None]], axis=-1), turn


def see(keypoints: Keypoints, camera: Camera) -> RayView:
    """Return the network's view of a performer, at the keypoints' own times.

    Short gaps are interpolated; NaN remains where an image point, a depth or the hips' distance is
    missing for longer.

    Args:
        keypoints: The keypoints.
        camera: The camera of their image points.
    """
    times = keypoints.times
    translation = fit_translation(
        keypoints.positions, keypoints.image, keypoints.confidence, camera
    )
    distance = fill_gaps(times, np.log(-translation[:, 2]), _LONGEST_GAP)
    depth = np.exp(smooth(times, distance, _DEPTH_CUTOFF))
    image = _with_toes(joints_of(keypoints.image), keypoints.image, camera.focal / depth)
    unseen = np.isnan(image).any(axis=-1)
    confidence = np.where(unseen, np.nan, joints_of(keypoints.confidence[..., None])[..., 0])
    confidence = np.nan_to_num(fill_gaps(times, confidence, _LONGEST_GAP))
    image = fill_gaps(times, image, _LONGEST_GAP)
    depth_of = joints_of(keypoints.positions)[..., 2]
    # Keypoints whose depths are all 0 come from a detector without depth.
    flat = not np.any(np.nan_to_num(depth_of))
    along = fill_gaps(times, np.full_like(depth_of, np.nan) if flat else depth_of, _LONGEST_GAP)
    along = along - along[:, HIP_JOINTS].mean(axis=1, keepdims=True)
    rays = camera.rays(image)
    across, hips, turn = view_along(rays, rays[:, HIP_JOINTS].mean(axis=1), depth)
    return RayView(across, along, confidence, hips, turn)


def _with_toes(
    joints: Float[ndarray, "frames 15 2"],
    image: Float[ndarray, "frames 33 2"],
    scale: Float[ndarray, " frames"],
) -> Float[ndarray, "frames 15 2"]:
    """Return the joints' image points, with toes added if the detector has none in the whole take.

    The network was trained with toes. Added toes are below the ankles, shifted to the side towards
    which the nose is shifted from the ears.

    Args:
        joints: The network's joints, pixels.
        image: The landmarks, pixels.
        scale: Pixels per metre at the hips.
    """
    if np.isfinite(joints[:, _TOES]).any():
        return joints
    ears = image[:, _EARS].mean(axis=1)
    aside = np.clip((image[:, 0, 0] - ears[:, 0]) / (_NOSE * scale), -1.0, 1.0)
    foot = np.stack([_FOOT[0] * np.nan_to_num(aside), np.full(len(joints), _FOOT[1])], axis=1)
    out = joints.copy()
    out[:, _TOES] = joints[:, _ANKLES] + (foot * scale[:, None])[:, None]
    return out


def lift(keypoints: Keypoints, camera: Camera) -> Float[ndarray, "frames 33 3"]:
    """Return the lifted positions of `lift_with_error`.

    Args:
        keypoints: As for `lift_with_error`.
        camera: As for `lift_with_error`.
    """
    return lift_with_error(keypoints, camera)[0]


def lift_with_error(
    keypoints: Keypoints, camera: Camera
) -> tuple[Float[ndarray, "frames 33 3"], Float[ndarray, "frames 33"]]:
    """Return landmarks with depths from the network, and the expected errors of the depths.

    Face, fingers and heels, which the network does not predict, move with the part to which they
    are attached and share its error. The network uses REACH frames of 1/RATE s to either side of a
    frame; the keypoints are interpolated to these times and the result back.

    Args:
        keypoints: Keypoints at any frame rate.
        camera: The camera of their image points.

    Returns:
        Positions in camera axes from the middle of the hips, metres; the detector's own where a
        joint has no image point or the hips' distance is unknown. Expected errors (standard
        deviations), metres; NaN where the position is the detector's own.
    """
    if not len(keypoints):
        return keypoints.positions, keypoints.confidence
    seen = see(keypoints, camera)
    joints, error, speeds = predict(keypoints.times, seen)
    still = standing_still(joints, speeds)
    joints = straighter_knees(joints, 1.0 / seen.hips[:, 2], still)
    joints = R.apply(R.conjugate(seen.turn)[:, None], joints)
    joints = joints - joints[:, HIP_JOINTS].mean(axis=1, keepdims=True)
    missing = np.isnan(seen.across).any(axis=2) | np.isnan(joints[..., 0])
    joints = np.where(missing[..., None], np.nan, joints)
    error = np.where(missing, np.nan, error)[:, JOINT_OF]
    return carry(keypoints.positions, joints), error


def predict(
    times: Float[ndarray, "frames"], seen: RayView
) -> tuple[Float[ndarray, "frames 15 3"], Float[ndarray, "frames 15"], Float[ndarray, "frames"]]:
    """Return joints along the hips' ray, the expected errors of their depths, and legs' speeds.

    Args:
        times: Seconds.
        seen: The network's view at these times.

    Returns:
        Joints and errors at `times`, metres; and speeds (`leg_speeds`), metres per second.
    """
    # The network's own times are uniform, starting at the first frame.
    count = int(np.floor((times[-1] - times[0]) * RATE + _STRETCH)) + 1
    grid = times[0] + np.arange(count) / RATE
    known = np.where(np.isfinite(seen.along).any(axis=1), 1.0, np.nan)
    parts = (seen.across, seen.along, seen.confidence, seen.hips, known)
    inputs = features(*(resample(grid, times, part) for part in parts))
    joints, error = lifted(weights(), inputs)
    speeds = leg_speeds(inputs)
    return (
        resample(times, grid, joints),
        resample(times, grid, error),
        resample(times, grid, speeds),
    )


def resample(times: ndarray, known_times: ndarray, values: ndarray) -> ndarray:
    """Return values at other times, interpolated linearly.

    Args:
        times: Times at which values are wanted, seconds, increasing.
        known_times: Times of the values, seconds, increasing.
        values: (F, …); NaN is skipped, and a column of NaN gives 0.
    """
    if (
        len(times) == len(known_times)
        and np.all(times == known_times)
        and not np.isnan(values).any()
    ):
        return values
    flat = values.reshape(len(values), -1)
    if not np.isnan(flat).any():
        if len(known_times) == 1:
            return np.repeat(values, len(times), axis=0)
        after = np.clip(np.searchsorted(known_times, times, side="right"), 1, len(known_times) - 1)
        step = known_times[after] - known_times[after - 1]
        part = np.clip((times - known_times[after - 1]) / step, 0.0, 1.0)[:, None]
        between = flat[after - 1] * (1.0 - part) + flat[after] * part
        return between.reshape(len(times), *values.shape[1:])
    out = np.zeros((len(times), flat.shape[1]))
    for column, series in enumerate(flat.T):
        known = ~np.isnan(series)
        if known.any():
            out[:, column] = np.interp(times, known_times[known], series[known])
    return out.reshape(len(times), *values.shape[1:])
