"""Corrections of a detector's 3D points by its image points and the shape of feet."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.camera import Camera
from mocap.core.easing import smoothstep
from mocap.core.keypoints import pair
from mocap.core.small import middle, norm, without_nan
from mocap.solve.refine.body import PROPORTIONS, RIGID

_HIPS, _KNEES, _ANKLES, _HEELS, _TOES = (
    pair(n) for n in ("hip", "knee", "ankle", "heel", "foot_index")
)
# Share of a heel's distance from the plane of shank and foot that is kept.
_HEEL_KEEPS = 0.4
# Angle between heel and toes at the ankle, radians.
_HEEL_ANGLE = float(np.arccos(RIGID[0][2]))
# Distance from ankle to heel, relative to that from ankle to toes.
_HEEL_LENGTH = PROPORTIONS["heel"] / PROPORTIONS["toe"]
# Sines of the angle between shank and foot at which their plane begins to count and fully counts.
_FOOT_BENDS = (0.2, 0.5)


def onto_rays(
    positions: Float[ndarray, "frames 33 3"],
    image: Float[ndarray, "frames 33 2"],
    translation: Float[ndarray, "frames 3"],
    camera: Camera,
) -> tuple[Float[ndarray, "frames 33 3"], Float[ndarray, "frames 3"]]:
    """Move keypoints across their viewing rays onto their image points; their depth stays.

    A detector's metric x and y are nearly those of a parallel projection: points below the camera's
    axis come out as if seen from above, feet pitched down and legs leaning. Its image points are
    good to two centimetres, so with the translation known they are better evidence for x and y. On
    a two-camera clip, before the lifter, this takes 2° of 13° off the bones' directions for any
    assumed field of view from 45° to 70°; keypoints that agree with their image stay as they are.
    Without a translation or an image point, nothing moves.

    Args:
        positions: Landmarks from the middle of the hips, metres, camera axes.
        image: The same landmarks, pixels.
        translation: Position of the middle of the hips, metres, camera axes.
        camera: The camera.

    Returns:
        The positions, and the translation, which moves with the hips.
    """
    depth = -(translation[:, None, 2:] + positions[..., 2:])
    placed = camera.rays(image) * depth
    placed = np.where(
        np.isnan(placed).any(axis=-1, keepdims=True), positions + translation[:, None], placed
    )
    hips = middle(placed, _HIPS)
    placed = placed - hips[:, None]
    return np.where(np.isnan(placed), positions, placed), np.where(
        np.isnan(hips), translation, hips
    )


def steady_heels(positions: Float[ndarray, "frames 33 3"]) -> Float[ndarray, "frames 33 3"]:
    """Move heels towards the plane of shank and foot: their distance from it is mostly noise.

    A heel is 5 cm from its ankle, so a centimetre sideways rolls the foot by 12°, and the detector
    is off by as much, to the same side for seconds (BlazePose full on a rendered character that
    stands flat: both feet roll outwards by 15° to 20°).
    """
    out = positions.copy()
    ankles = positions[:, _ANKLES]
    across = R.normalize(R.cross(ankles - positions[:, _KNEES], positions[:, _TOES] - ankles))
    sideways = R.dot(positions[:, _HEELS] - ankles, across)
    out[:, _HEELS] -= (1.0 - _HEEL_KEEPS) * sideways[..., None] * across
    return out


def shaped_heels(
    positions: Float[ndarray, "frames 33 3"], translation: Float[ndarray, "frames 3"]
) -> Float[ndarray, "frames 33 3"]:
    """Move heels to the depth that follows from the shape of a foot.

    The detector puts the heels of feet that point at the camera before the ankle, which is a foot
    turned upside down. Heel and toes of HUMANOID's foot are a fixed angle apart, in the plane of
    shank and foot; the heel is moved along its viewing ray to where this puts it, unless the foot
    goes on straight from the shank.

    Args:
        positions: Landmarks from the hips' middle, metres, camera axes.
        translation: Of the hips' middle, metres; where it is NaN nothing moves.
    """
    ankles = positions[:, _ANKLES]
    shanks, toes = ankles - positions[:, _KNEES], positions[:, _TOES] - ankles
    normal = R.cross(R.normalize(shanks), R.normalize(toes))
    turn = R.from_axis_angle(R.normalize(normal), np.full(normal.shape[:-1], -_HEEL_ANGLE))
    heels = positions[:, _HEELS] - ankles
    by_shape = _HEEL_LENGTH * R.apply(turn, toes)
    share = smoothstep(norm(normal), *_FOOT_BENDS)
    ray = R.normalize(positions[:, _HEELS] + translation[:, None])
    moved = (share * R.dot(by_shape - heels, ray))[..., None] * ray
    out = positions.copy()
    out[:, _HEELS] += without_nan(moved)
    return out
