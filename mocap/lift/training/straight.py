"""Correction of knees and elbows that are bent too much in captured skeletons.

A skeleton that is fitted to markers has its own joint centres. For many subjects of the CMU
database the knee lies too far forward, so that a straight leg comes out bent by 10° to 25° in
every take of that subject. A person who stands or walks stretches each leg for a tenth of the time
(flexion is about 5° at heel strike and late in stance, 20° in the median of a stride: Perry and
Burnfield, Gait Analysis, 2nd ed., ch. 5), and arms that hang or point are bent by about 12°. What
a subject's least bent frames have beyond that is taken for the skeleton's, and taken back.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.lift.network import JOINTS

_LEAST = 0.1
"""The quantile of a limb's bend over all takes of a subject that counts as its minimum."""
_MOST = np.radians(25.0)
"""No more is taken back: in some takes the person never stretches a limb (martial arts, salsa)."""


def _limb(side: str, root: str, middle: str, end: str) -> tuple[int, int, int, list[int]]:
    below = ["toe"] if middle == "knee" else []
    at = [JOINTS.index(f"{side}_{name}") for name in (root, middle, end, *below)]
    return at[0], at[1], at[2], at[3:]


LIMBS = tuple(
    (_limb(side, *names), np.radians(stretched))
    for side in ("left", "right")
    for names, stretched in (
        (("hip", "knee", "ankle"), 5.0),
        (("shoulder", "elbow", "wrist"), 12.0),
    )
)
"""Root, middle and end joint of each limb with the joints beyond it, and its bend when it is
stretched, radians."""


def bend(joints: Float[ndarray, "*frames 15 3"], limb: tuple[int, int, int, list[int]]) -> ndarray:
    """Return the angle between a limb's two bones, radians; 0 for a straight limb."""
    root, middle, end, _ = limb
    upper = R.normalize(joints[..., middle, :] - joints[..., root, :])
    lower = R.normalize(joints[..., end, :] - joints[..., middle, :])
    return np.asarray(np.arccos(np.clip(R.dot(upper, lower), -1.0, 1.0)))


def excess(takes: Sequence[Float[ndarray, "_ 15 3"]]) -> Float[ndarray, "4"]:
    """Return the excess bend of each of LIMBS in one person's takes, radians."""
    out = []
    for limb, stretched in LIMBS:
        least = np.quantile(np.concatenate([bend(take, limb) for take in takes]), _LEAST)
        out.append(np.clip(least - stretched, 0.0, _MOST))
    return np.array(out)


def straightened(
    joints: Float[ndarray, "frames 15 3"], too_much: Float[ndarray, "4"]
) -> Float[ndarray, "frames 15 3"]:
    """Return the joints with each of LIMBS bent less, and the same bone lengths.

    The line from the limb's root to its end keeps its direction and becomes longer; what lies
    beyond the end moves along. A middle joint that lies off by a constant distance bends a
    straight limb by all of the excess and one at 90° by half of it: by the excess × cos²(bend/2).
    """
    out = joints.copy()
    for (limb, _), excess_of in zip(LIMBS, too_much, strict=True):
        root, middle, end, beyond = limb
        upper, lower = out[:, middle] - out[:, root], out[:, end] - out[:, middle]
        now = bend(out, limb)
        wanted = np.maximum(now - excess_of * np.square(np.cos(0.5 * now)), 0.0)
        a, b = (np.linalg.norm(v, axis=-1) for v in (upper, lower))
        line = R.normalize(upper + lower)
        aside = R.normalize(upper - R.dot(upper, line)[:, None] * line)
        # The triangle with sides a and b and the outer angle `wanted` between them.
        reach = np.sqrt(np.maximum(a * a + b * b + 2.0 * a * b * np.cos(wanted), 1e-12))
        off = a * b * np.sin(wanted) / reach
        along = np.sqrt(np.maximum(a * a - off * off, 0.0))
        along = np.where(a + b * np.cos(wanted) < 0.0, -along, along)
        new = out[:, root] + along[:, None] * line + off[:, None] * aside
        moved = out[:, root] + reach[:, None] * line - out[:, end]
        out[:, middle] = new
        out[:, [end, *beyond]] += moved[:, None]
    return out
