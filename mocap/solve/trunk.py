"""The curve of the trunk: how pelvis and spine share the bend between trunk and thighs.

Landmarks show the line from the hips to the shoulders, but not how far the pelvis is tilted about
the hip joints. People bend the spine as well as the hips: when they sit, squat or bend down, the
pelvis tilts less than the line, and the chest more.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.easing import smoothstep
from mocap.core.skeleton import BONES, HUMANOID
from mocap.core.small import clip

SPINE_SHARE = 0.35
"""Flexion of the spine per bend between trunk and thighs beyond FREE_BEND. CMU's subjects of the
training set bend their spines by 24° at a bend of 40° to 60°, by 34° at 60° to 80°, and by 40° at
80° to 100° (medians); other skeletons, whose spines are stiffer, by 3° to 8°."""
FREE_BEND = np.radians(15.0)
"""Bend that the hips alone perform, radians."""
LARGEST_FLEXION = np.radians(45.0)
"""Largest flexion of the spine, radians: about the range of the lumbar and a part of the thoracic
spine (White and Panjabi, Clinical Biomechanics of the Spine, 2nd ed., ch. 2)."""
# Bends at which the flexion begins to fade and at which it is 0; thighs beyond them point upwards
# along the trunk, where the angle has no meaning.
_OVERHEAD = (np.radians(140.0), np.radians(175.0))
# Lengths of the thighs' mean direction in the pelvis' sagittal plane at which the bend begins to
# count and at which it fully counts.
_IN_PLANE = (0.2, 0.6)
_X = np.array([1.0, 0.0, 0.0])


def _leads() -> float:
    """Return the part of the spine's flexion by which the line to the shoulders leads the pelvis.

    The line is the sum of four segments. The first turns with the pelvis, and each bone of the
    spine turns by a third of the flexion more than the one below.
    """
    places = HUMANOID.rest_positions()
    ends = ("leftUpperLeg", "spine", "chest", "upperChest", "leftUpperArm")
    lengths = np.diff([places[BONES.index(bone), 1] for bone in ends])
    turned = np.array([0.0, 1.0, 2.0, 3.0]) / 3.0
    return float(lengths @ turned / lengths.sum())


_LEADS = _leads()


def spine_flexion(
    pelvis: Float[ndarray, "frames 4"],
    thighs: Float[ndarray, "frames 2 3"],
    trust: Float[ndarray, "frames 2"],
) -> Float[ndarray, "frames"]:
    """Return the usual flexion of the spine for the bend between trunk and thighs.

    Args:
        pelvis: Rotations whose up axis is the line from the hips to the shoulders.
        thighs: Directions of left and right thigh, unit vectors.
        trust: Weight of each thigh, 0 to 1.

    Returns:
        Radians, 0 or more.
    """
    weights = trust / np.maximum(trust.sum(axis=1, keepdims=True), 1e-9)
    mean = (weights[..., None] * thighs).sum(axis=1)
    down, ahead = R.apply(R.conjugate(pelvis), mean)[:, 1:].T
    bend = np.arctan2(ahead, -down)
    usual = clip(SPINE_SHARE * (bend - FREE_BEND), 0.0, LARGEST_FLEXION)
    usual = usual * (1.0 - smoothstep(bend, *_OVERHEAD))
    return usual * smoothstep(np.hypot(ahead, down), *_IN_PLANE) * trust.max(axis=1)


def curve(
    pelvis: Float[ndarray, "frames 4"],
    chest: Float[ndarray, "frames 4"],
    flexion: Float[ndarray, "frames"],
) -> tuple[Float[ndarray, "frames 4"], Float[ndarray, "frames 4"]]:
    """Return pelvis and chest rotated apart by a flexion; the line from hips to shoulders stays.

    Args:
        pelvis: Rotations whose up axis is that line.
        chest: Rotations whose up axis is that line.
        flexion: Radians, shared evenly by the three bones of the spine.
    """
    back = R.from_axis_angle(_X, -_LEADS * flexion)
    ahead = R.from_axis_angle(_X, (1.0 - _LEADS) * flexion)
    return R.multiply(pelvis, back), R.multiply(chest, ahead)
