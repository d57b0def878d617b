"""Another output layer for a network whose other layers stay: ridge regression in closed form.

All layers but the last stay, so the last one is a linear least-squares problem (ridge regression,
Hoerl and Kennard, 1970). On new pieces it learns the truth, and on what the network knows, what it
says already. Only elbows, wrists, knees, ankles and toes are refitted: the trunk of a key pose is
two stiff parts, from which shoulders and hips should learn nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.lift import network
from mocap.lift.network import JOINTS
from mocap.lift.training.batches import FRAMES
from mocap.lift.training.noise import Shown

KEPT, KEPT_CLOSE = 1.0, 1.0
"""Weights of what is kept on known pieces and on close-ups; that of what is learnt is 1."""
RIDGE = 0.03
"""Weight of the ridge, relative to the mean square of the hidden units."""
REFITTED = [
    n for n, name in enumerate(JOINTS) if name.endswith(("elbow", "wrist", "knee", "ankle", "toe"))
]
_NEWEST = 4.0  # weight of the newest frame, which is the live grade's
_FAR = 0.05  # metres: pieces that are wrong by more count less

Arrays = dict[str, ndarray]


def refitted(
    arrays: Arrays, known: Callable[[], list[ndarray]], new: Callable[[], Shown], batches: int
) -> Arrays:
    """Return the weights with another output layer.

    Args:
        arrays: The network's weights, as of `network.weights`.
        known: Returns inputs (B, F, 64) on which the answers are kept, a list with a set for each
            of KEPT and KEPT_CLOSE.
        new: Returns pieces whose truth is learnt.
        batches: How often each of them is called.
    """
    width = arrays["out.weight"].shape[0]
    weight = np.ones(FRAMES)
    weight[-1] = _NEWEST
    left = np.zeros((width + 1, width + 1))
    right = np.zeros((width + 1, 45))
    for _ in range(batches):
        for inputs, share in zip(known(), (KEPT, KEPT_CLOSE), strict=True):
            h = _with_one(network.hidden(arrays, inputs))
            left += share * np.einsum("bfi,f,bfj->ij", h, weight, h, optimize=True)
        pieces = new()
        h = _with_one(network.hidden(arrays, pieces.inputs))
        off = _wanted(pieces) - _corrections(arrays, h)
        wrong = np.linalg.norm(off, axis=-1).mean(axis=-1)
        of_frame = weight * 2.0 * _FAR / np.hypot(wrong, _FAR)
        left += np.einsum("bfi,bf,bfj->ij", h, of_frame, h, optimize=True)
        flat = off.reshape(*off.shape[:2], 45)
        right += np.einsum("bfi,bf,bfj->ij", h, of_frame, flat, optimize=True)
    ridge = RIDGE * np.trace(left[:-1, :-1]) / width * np.r_[np.ones(width), 1e-3]
    change = np.linalg.solve(left + np.diag(ridge), right)
    columns = [3 * joint + axis for joint in REFITTED for axis in range(3)]
    out = arrays | {name: arrays[name].copy() for name in ("out.weight", "out.bias")}
    out["out.weight"][:, columns] += change[:-1, columns]
    out["out.bias"][columns] += change[-1, columns]
    return out


def _with_one(hidden: ndarray) -> Float[ndarray, "batch frames n"]:
    ones = np.ones((*hidden.shape[:2], 1))
    return np.concatenate([hidden.astype(float), ones], axis=-1)


def _corrections(arrays: Arrays, h: ndarray) -> Float[ndarray, "batch frames 15 3"]:
    layer = np.concatenate([arrays["out.weight"], arrays["out.bias"][None]])[:, :45]
    return np.asarray((h @ layer).reshape(*h.shape[:2], 15, 3))


def _wanted(pieces: Shown) -> Float[ndarray, "batch frames 15 3"]:
    """Return the corrections with which `network.placed` gives the true joints."""
    across = pieces.inputs[..., :30].reshape(*pieces.true.shape[:3], 2)
    nearer = np.minimum(pieces.true[..., 2] * pieces.inputs[..., 62:63], 0.9)
    flat = pieces.true[..., :2] / (1.0 - nearer)[..., None] - across
    return np.concatenate([flat, pieces.true[..., 2:]], axis=-1)
