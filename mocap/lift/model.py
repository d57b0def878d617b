"""The lifter: depth of 15 joints from windows of image points and the detector's own depth, by a small network in NumPy.

Each frame is looked at along the ray through the hips' middle: joints across the ray in metres, as far as the hips are away, and the
detector's depth along it. A stack of temporal convolutions (dilated, `RATE` frames a second, `REACH` frames to either side) says how far
each joint is from there. It was trained on captured motion that was spoilt as the detector spoils it (train.py, noise.py, CARD.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.camera import Camera, fit_translation
from mocap.core.filter import fill_gaps, smooth
from mocap.core.keypoints import LANDMARKS, Keypoints

RATE = 30.0
"""Frames a second that the network sees, whatever the camera's."""

JOINTS: tuple[str, ...] = (
    "head",
    *(
        f"{s}_{n}"
        for n in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "toe")
        for s in ("left", "right")
    ),
)
"""What the network knows: the ears' middle and the limbs' joints."""

MIRRORED_JOINTS = np.array([0, *(i + (1 if i % 2 else -1) for i in range(1, 15))])
DILATIONS = (1, 3, 9)
REACH = sum(DILATIONS)
"""Frames that the network sees to either side of one."""

_I = {name: i for i, name in enumerate(LANDMARKS)}
_TO_LANDMARK = [_I[n.replace("toe", "foot_index")] for n in JOINTS[1:]]
_EARS = [_I["left_ear"], _I["right_ear"]]
# The joint that each landmark is or hangs on.
_JOINT_OF = np.array([0] * 11 + [1, 2, 3, 4] + [5, 6] * 4 + [7, 8, 9, 10, 11, 12, 11, 12, 13, 14])
_ANKLES = [_I["left_ankle"], _I["right_ankle"]]
_FEET = [_I[f"{s}_{n}"] for n in ("heel", "foot_index") for s in ("left", "right")]
_FOOT_ANKLES = 2 * _ANKLES
_AHEAD = np.array([0.0, 0.0, -1.0])
# Gaps up to here are bridged before the network sees them; the depth of the hips is smoothed to this before it scales anything.
_LONGEST_GAP, _DEPTH_CUTOFF = 0.5, 1.5
_STRETCH = 1e-3  # seconds: a gap between frames that is no gap in the grid


@dataclass(frozen=True, eq=False, slots=True)
class View:
    """One body as seen along its hips' ray. across: (F, 15, 2) metres, right and up, at the hips' distance. along: (F, 15) metres, the
    detector's depth, nearer is more. confidence: (F, 15). hips: (F, 3) the slopes of the ray and one over the distance. turn: (F, 4) takes
    camera axes to these."""

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
    """Joints across the ray through the hips, what is known of that ray, and the turn that looks along it (as in View).

    rays: scaled to z = −1, camera axes. depth: of the hips' middle along the camera's axis, metres, positive.
    """
    turn = R.between(R.normalize(hip_ray), _AHEAD)
    seen = R.apply(turn[..., None, :], rays)
    distance = depth * np.linalg.norm(hip_ray, axis=-1)
    across = seen[..., :2] / np.maximum(-seen[..., 2:], 0.05) * distance[..., None, None]
    return across, np.concatenate([hip_ray[..., :2], 1.0 / distance[..., None]], axis=-1), turn


def features(
    across: Float[ndarray, "*batch 15 2"],
    along: Float[ndarray, "*batch 15"],
    confidence: Float[ndarray, "*batch 15"],
    hips: Float[ndarray, "*batch 3"],
) -> Float[ndarray, "*batch 63"]:
    """What the network is given, as in View."""
    return np.concatenate([across.reshape(*along.shape[:-1], 30), along, confidence, hips], axis=-1)


MIRROR = np.concatenate(
    [
        np.stack([2 * MIRRORED_JOINTS, 2 * MIRRORED_JOINTS + 1], axis=1).ravel(),
        30 + MIRRORED_JOINTS,
        45 + MIRRORED_JOINTS,
        [60, 61, 62],
    ]
)
MIRROR_SIGN = np.where(np.isin(np.arange(63), [*range(0, 30, 2), 60]), -1.0, 1.0)
"""A mirrored performer's features are `features[..., MIRROR] * MIRROR_SIGN`."""


@lru_cache(maxsize=2)
def weights(name: str = "weights") -> dict[str, Float[ndarray, "..."]]:
    """The network's arrays, float32, from the package."""
    with np.load(Path(__file__).with_name(f"{name}.npz")) as file:
        return {key: np.ascontiguousarray(file[key], dtype=np.float32) for key in file.files}


def _convolve(x: ndarray, weight: ndarray, bias: ndarray, dilation: int) -> ndarray:
    """x (B, F, C) with weight (3, C, D): frames shrink by twice the dilation."""
    frames = x.shape[1] - 2 * dilation
    out = bias + x[:, :frames] @ weight[0]
    out += x[:, dilation : dilation + frames] @ weight[1]
    out += x[:, 2 * dilation :] @ weight[2]
    return out


def run(
    w: dict[str, ndarray], inputs: Float[ndarray, "batch frames 63"]
) -> Float[ndarray, "batch frames 60"]:
    """The network's answer at each frame: for each joint 3 metres to be added to what is seen, and the logarithm of its depth's mean error
    (metres). A model whose `causal` is 1 looks at frames before alone. The first and the last frame stand for what was before and after.
    """
    x = ((inputs - w["mean"]) / w["scale"]).astype(np.float32)
    causal = int(w["causal"].item())
    ahead = 0 if causal else REACH
    x = np.concatenate(
        [np.repeat(x[:, :1], 2 * REACH - ahead, axis=1), x, np.repeat(x[:, -1:], ahead, axis=1)],
        axis=1,
    )
    x = np.maximum(_convolve(x, w["in.weight"], w["in.bias"], DILATIONS[0]), 0.0)
    for n, dilation in enumerate(DILATIONS[1:]):
        y = _block(w, n, _convolve(x, w[f"{n}.wide.weight"], w[f"{n}.wide.bias"], dilation))
        now = dilation * (1 + causal)
        x = x[:, now : now + y.shape[1]] + y
    return x @ w["out.weight"] + w["out.bias"]


def run_once(
    w: dict[str, ndarray], inputs: Float[ndarray, "batch 27 63"]
) -> Float[ndarray, "batch 1 60"]:
    """As `run`, the one answer that needs all of 2·REACH + 1 frames: since dilations rise by threes, three by three of them meet."""
    x = ((inputs - w["mean"]) / w["scale"]).astype(np.float32)
    x = np.maximum(_threes(x) @ _flat(w["in.weight"]) + w["in.bias"], 0.0)
    for n in range(len(DILATIONS) - 1):
        y = _block(w, n, _threes(x) @ _flat(w[f"{n}.wide.weight"]) + w[f"{n}.wide.bias"])
        x = x[:, 1 + int(w["causal"].item()) :: 3] + y
    return x @ w["out.weight"] + w["out.bias"]


def _block(w: dict[str, ndarray], n: int, wide: ndarray) -> ndarray:
    return np.maximum(np.maximum(wide, 0.0) @ w[f"{n}.deep.weight"] + w[f"{n}.deep.bias"], 0.0)


def _threes(x: ndarray) -> ndarray:
    return x.reshape(len(x), x.shape[1] // 3, -1)


def _flat(weight: ndarray) -> ndarray:
    return weight.reshape(-1, weight.shape[-1])


def mirrored_run(
    w: dict[str, ndarray],
    inputs: Float[ndarray, "frames 63"],
    network: Callable[..., ndarray] = run,
) -> tuple[Float[ndarray, "answers 15 3"], Float[ndarray, "answers 15"]]:
    """The mean of the network's answers to a take and to its mirror image: metres to be added, and the depth's mean error, metres.

    network: `run`, or `run_once` for 2·REACH + 1 frames and one answer.
    """
    out = network(w, np.stack([inputs, inputs[:, MIRROR] * MIRROR_SIGN])).astype(np.float64)
    moved = out[..., :45].reshape(2, -1, 15, 3)
    moved = 0.5 * (moved[0] + moved[1][:, MIRRORED_JOINTS] * [-1.0, 1.0, 1.0])
    error = np.exp(out[..., 45:])
    return moved, 0.5 * (error[0] + error[1][:, MIRRORED_JOINTS])


def see(keypoints: Keypoints, camera: Camera) -> View:
    """The performer as the network sees them, at the keypoints' own times; NaN where image point, depth or distance is missing and the gap
    is too long to bridge."""
    times = keypoints.times
    translation = fit_translation(
        keypoints.positions, keypoints.image, keypoints.confidence, camera
    )
    depth = np.exp(
        smooth(times, fill_gaps(times, np.log(-translation[:, 2]), _LONGEST_GAP), _DEPTH_CUTOFF)
    )
    image = joints_of(keypoints.image)
    unseen = np.isnan(image).any(axis=-1)
    confidence = np.where(unseen, np.nan, joints_of(keypoints.confidence[..., None])[..., 0])
    confidence = np.nan_to_num(fill_gaps(times, confidence, _LONGEST_GAP))
    image = fill_gaps(times, image, _LONGEST_GAP)
    along = fill_gaps(times, joints_of(keypoints.positions)[..., 2], _LONGEST_GAP)
    along = along - along[:, _HIP_JOINTS].mean(axis=1, keepdims=True)
    rays = camera.rays(image)
    across, hips, turn = view_along(rays, rays[:, _HIP_JOINTS].mean(axis=1), depth)
    return View(across, along, confidence, hips, turn)


PARENTS = np.array([-1, -1, -1, 1, 2, 3, 4, -1, -1, 7, 8, 9, 10, 11, 12])
"""What each joint hangs on; −1 is the middle of the hips."""


def lift(keypoints: Keypoints, camera: Camera) -> Float[ndarray, "frames 33 3"]:
    """The keypoints' positions (metres, camera axes, from the middle of the hips) with depths as the network knows people to move and the
    detector to err: `lift_with_error` without the error."""
    return lift_with_error(keypoints, camera)[0]


def lift_with_error(
    keypoints: Keypoints, camera: Camera
) -> tuple[Float[ndarray, "frames 33 3"], Float[ndarray, "frames 33"]]:
    """The lifted positions, and how far off in depth the network expects each to be (mean absolute error, metres).

    Face, fingers and heels, which the network does not know, go with the part that they hang on and share its error. What has no image
    point or no distance keeps the detector's own position, and its error is NaN: nobody knows. REACH frames of 1/RATE s to either side
    count; how the take's own frames lie in time makes no difference beyond interpolation.
    """
    if not len(keypoints):
        return keypoints.positions, keypoints.confidence
    seen = see(keypoints, camera)
    moved, error = correct(keypoints.times, seen)
    joints = np.concatenate([seen.across, seen.along[..., None]], axis=-1) + moved
    joints = R.apply(R.conjugate(seen.turn)[:, None], joints)
    joints = joints - joints[:, _HIP_JOINTS].mean(axis=1, keepdims=True)
    return carry(keypoints.positions, joints), np.where(np.isnan(joints[..., 0]), np.nan, error)[
        :, _JOINT_OF
    ]


def correct(
    times: Float[ndarray, "frames"], seen: View
) -> tuple[Float[ndarray, "frames 15 3"], Float[ndarray, "frames 15"]]:
    """What the network adds to each joint as seen (metres, along the hips' ray), and the mean error of its depth (metres), at each time."""
    # The network's own times are even, from the first frame on.
    grid = times[0] + np.arange(int(np.floor((times[-1] - times[0]) * RATE + _STRETCH)) + 1) / RATE
    inputs = features(
        *(resample(grid, times, a) for a in (seen.across, seen.along, seen.confidence, seen.hips))
    )
    moved, error = mirrored_run(weights(), inputs)
    return resample(times, grid, moved), resample(times, grid, error)


_HIP_JOINTS = [JOINTS.index("left_hip"), JOINTS.index("right_hip")]


def joints_of(landmarks: Float[ndarray, "frames 33 n"]) -> Float[ndarray, "frames 15 n"]:
    """The network's joints among the landmarks."""
    return np.concatenate(
        [landmarks[:, _EARS].mean(axis=1, keepdims=True), landmarks[:, _TO_LANDMARK]], axis=1
    )


def resample(times: ndarray, known_times: ndarray, values: ndarray) -> ndarray:
    """Values (F, …) at other times, linearly between known ones; NaN is passed over, and 0 where nothing is known at all."""
    if (
        len(times) == len(known_times)
        and np.all(times == known_times)
        and not np.isnan(values).any()
    ):
        return values
    flat = values.reshape(len(values), -1)
    if not np.isnan(flat).any():
        after = np.clip(
            np.searchsorted(known_times, times, side="right"), 1, max(len(known_times) - 1, 1)
        )
        if len(known_times) == 1:
            return np.repeat(values, len(times), axis=0)
        part = np.clip(
            (times - known_times[after - 1]) / (known_times[after] - known_times[after - 1]),
            0.0,
            1.0,
        )[:, None]
        return (flat[after - 1] * (1.0 - part) + flat[after] * part).reshape(
            len(times), *values.shape[1:]
        )
    out = np.zeros((len(times), flat.shape[1]))
    for column, series in enumerate(flat.T):
        known = ~np.isnan(series)
        if known.any():
            out[:, column] = np.interp(times, known_times[known], series[known])
    return out.reshape(len(times), *values.shape[1:])


_SHOULDERS = [_I["left_shoulder"], _I["right_shoulder"]]
# What hangs on what: the face on the line from shoulders to ears, fingers on that from elbow to wrist, heels on that from toe to ankle.
_STARTS = [_I[f"{s}_{n}"] for n in ("elbow", "foot_index") for s in ("left", "right")]
_ENDS = [_I[f"{s}_{n}"] for n in ("wrist", "ankle") for s in ("left", "right")]
_HANGING = [(i, 0) for i in range(_I["mouth_right"] + 1)]
_HANGING += [
    (_I[f"{s}_{n}"], 1 + side)
    for n in ("pinky", "index", "thumb")
    for side, s in enumerate(("left", "right"))
]
_HANGING += [(_I[f"{s}_heel"], 3 + side) for side, s in enumerate(("left", "right"))]
_HUNG, _LINE = (np.array(column) for column in zip(*_HANGING, strict=True))


def carry(
    detected: Float[ndarray, "frames 33 3"], joints: Float[ndarray, "frames 15 3"]
) -> Float[ndarray, "frames 33 3"]:
    """All landmarks for the network's joints: what it does not know turns and moves with the part it hangs on. Joints that are NaN stay the
    detector's."""
    out = detected.copy()
    out[:, _TO_LANDMARK] = np.where(
        np.isnan(joints[:, 1:]), detected[:, _TO_LANDMARK], joints[:, 1:]
    )
    ears = 0.5 * (detected[:, _EARS[0]] + detected[:, _EARS[1]])
    before, before_end = _lines(detected, ears)
    now, now_end = _lines(out, joints[:, 0])
    turn = R.between(R.normalize(before_end - before), R.normalize(now_end - now))
    moved = now_end[:, _LINE] + R.apply(turn[:, _LINE], detected[:, _HUNG] - before_end[:, _LINE])
    out[:, _HUNG] = np.where(np.isnan(moved), detected[:, _HUNG], moved)
    # Feet keep the detector's shape, for the network's toes end where CMU's do; they only lean no more than the body now does.
    lean = R.between(_upwards(detected), _upwards(out))[:, None]
    feet = out[:, _FOOT_ANKLES] + R.apply(lean, detected[:, _FEET] - detected[:, _FOOT_ANKLES])
    out[:, _FEET] = np.where(np.isnan(feet), detected[:, _FEET], feet)
    return out


def _upwards(p: Float[ndarray, "frames 33 3"]) -> Float[ndarray, "frames 3"]:
    """From the ankles' middle to the shoulders', unit."""
    return R.normalize(p[:, _SHOULDERS].mean(axis=1) - p[:, _ANKLES].mean(axis=1))


def _lines(
    p: Float[ndarray, "frames 33 3"], ears: Float[ndarray, "frames 3"]
) -> tuple[ndarray, ndarray]:
    """Where the lines (F, 5, 3) begin on which something hangs, and where they end."""
    neck = 0.5 * (p[:, _SHOULDERS[0]] + p[:, _SHOULDERS[1]])
    return np.concatenate([neck[:, None], p[:, _STARTS]], axis=1), np.concatenate(
        [ears[:, None], p[:, _ENDS]], axis=1
    )
