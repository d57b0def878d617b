"""Conversion between the network's 15 joints and the detector's 33 landmarks."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.keypoints import LANDMARKS
from mocap.core.small import middle
from mocap.lift.network import JOINTS

_I = {name: i for i, name in enumerate(LANDMARKS)}
_TO_LANDMARK = [_I[n.replace("toe", "foot_index")] for n in JOINTS[1:]]
_EARS = [_I["left_ear"], _I["right_ear"]]
JOINT_OF = np.array([0] * 11 + [1, 2, 3, 4] + [5, 6] * 4 + [7, 8, 9, 10, 11, 12, 11, 12, 13, 14])
"""Index of the joint that each landmark is, or with which it moves."""
_ANKLES = [_I["left_ankle"], _I["right_ankle"]]
_FEET = [_I[f"{s}_{n}"] for n in ("heel", "foot_index") for s in ("left", "right")]
_FOOT_ANKLES = 2 * _ANKLES
_SHOULDERS = [_I["left_shoulder"], _I["right_shoulder"]]
# Lines with which other landmarks move: the face with the line from shoulders to ears, fingers with
# that from elbow to wrist, heels with that from toe to ankle.
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


def joints_of(landmarks: Float[ndarray, "frames 33 n"]) -> Float[ndarray, "frames 15 n"]:
    """Return the network's joints from values of the landmarks."""
    return np.concatenate([middle(landmarks, _EARS)[:, None], landmarks[:, _TO_LANDMARK]], axis=1)


def carry(
    detected: Float[ndarray, "frames 33 3"], joints: Float[ndarray, "frames 15 3"]
) -> Float[ndarray, "frames 33 3"]:
    """Return all landmarks from the network's joints.

    Face, fingers and heels, which the network does not predict, move and rotate with the part to
    which they are attached.

    Args:
        detected: The detector's landmarks, metres.
        joints: The network's joints, metres; where they are NaN, the detector's position stays.
    """
    out = detected.copy()
    known = ~np.isnan(joints[:, 1:])
    out[:, _TO_LANDMARK] = np.where(known, joints[:, 1:], detected[:, _TO_LANDMARK])
    ears = 0.5 * (detected[:, _EARS[0]] + detected[:, _EARS[1]])
    before, before_end = _lines(detected, ears)
    now, now_end = _lines(out, joints[:, 0])
    turn = R.between(R.normalize(before_end - before), R.normalize(now_end - now))
    offsets = R.apply(turn[:, _LINE], detected[:, _HUNG] - before_end[:, _LINE])
    moved = now_end[:, _LINE] + offsets
    out[:, _HUNG] = np.where(np.isnan(moved), detected[:, _HUNG], moved)
    # Feet keep the detector's shape, since the network's toes end where the training data's do;
    # they lean with the body.
    lean = R.between(_upwards(detected), _upwards(out))[:, None]
    feet = out[:, _FOOT_ANKLES] + R.apply(lean, detected[:, _FEET] - detected[:, _FOOT_ANKLES])
    out[:, _FEET] = np.where(np.isnan(feet), detected[:, _FEET], feet)
    return out


def _upwards(p: Float[ndarray, "frames 33 3"]) -> Float[ndarray, "frames 3"]:
    """Return the unit vector from the middle of the ankles to that of the shoulders."""
    return R.normalize(middle(p, _SHOULDERS) - middle(p, _ANKLES))


def _lines(
    p: Float[ndarray, "frames 33 3"], ears: Float[ndarray, "frames 3"]
) -> tuple[ndarray, ndarray]:
    """Return the starts and ends (F, 5, 3) of the lines with which landmarks move."""
    neck = 0.5 * (p[:, _SHOULDERS[0]] + p[:, _SHOULDERS[1]])
    starts = np.concatenate([neck[:, None], p[:, _STARTS]], axis=1)
    return starts, np.concatenate([ears[:, None], p[:, _ENDS]], axis=1)
