"""Correction of knees that the lifter bends too much in depth.

The network's training data has no straight legs: skeletons fitted to markers keep the knees of
standing people bent. Walking subjects of the training data bend them by 29° (median), where gait
laboratories measure 20° (Perry and Burnfield, Gait Analysis, 2nd ed., ch. 5), and several never
below 25°. A picture from the front hardly shows such a bend, so the network returns that of its
training data: 26° to 32° for people who stand with straight legs, and for bends below 60° 13° to
24° too much on a man whose joints two cameras measured.

Part of the bend is therefore removed, along the viewing ray only. A bend that the picture shows
(from the side) does not change.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.easing import smoothstep
from mocap.core.small import clip
from mocap.lift.network import JOINTS

EXCESS = np.radians(10.0)
"""Bend that is removed, radians.

On the rendered clips 9° to 12° are equally good (13.29° to 13.30°), on the man 10° and 12° (7.8°).
12° makes knees of people who stand straighter by 1° to 2°, and the demo's mannequin, whose knees
the lifter bends correctly, worse by 0.2° in the bake and by 0.4° live (CARD.md)."""
_WHOLE, _NONE = np.radians(30.0), np.radians(90.0)
"""Bends up to which all of EXCESS is removed, and from which on nothing is, radians."""
_HIPS, _KNEES, _ANKLES = (
    [JOINTS.index(f"{side}_{n}") for side in ("left", "right")] for n in ("hip", "knee", "ankle")
)


def straighter_knees(
    joints: Float[ndarray, "frames 15 3"], distance: Float[ndarray, "frames"]
) -> Float[ndarray, "frames 15 3"]:
    """Return the joints with knees moved along their viewing rays towards the line hip–ankle.

    Args:
        joints: Joints along the hips' ray from the middle of the hips, metres (`network.lifted`).
        distance: Distance from the camera to the middle of the hips, metres.
    """
    hip, knee, ankle = joints[:, _HIPS], joints[:, _KNEES], joints[:, _ANKLES]
    thigh, shank, line = knee - hip, ankle - knee, ankle - hip
    cosine = R.dot(R.normalize(thigh), R.normalize(shank))
    bend = np.arccos(clip(cosine, -1.0, 1.0))
    wanted = np.maximum(bend - EXCESS * smoothstep(bend, _NONE, _WHOLE), 0.0)
    # A knee's distance from the line, of bones that stay as long, goes with the tangent.
    excess = 1.0 - np.tan(0.5 * wanted) / np.maximum(np.tan(0.5 * bend), 1e-9)
    share = clip(R.dot(thigh, line) / np.maximum(R.dot(line, line), 1e-9), 0.0, 1.0)
    away = thigh - share[..., None] * line
    ray = R.normalize(knee - distance[:, None, None] * [0.0, 0.0, 1.0])
    out = joints.copy()
    out[:, _KNEES] -= (excess * R.dot(away, ray))[..., None] * ray
    return out
