"""What a single-camera detector gets systematically wrong in its 3D, and what its own image points
say against it.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.camera import Camera
from mocap.core.keypoints import LANDMARKS

_HIPS, _KNEES, _ANKLES, _HEELS, _TOES = (
    [LANDMARKS.index(f"{side}_{n}") for side in ("left", "right")]
    for n in ("hip", "knee", "ankle", "heel", "foot_index")
)
# How much of a heel's distance from the plane of shank and foot is believed.
_HEEL_KEEPS = 0.4


def onto_rays(
    positions: Float[ndarray, "frames 33 3"],
    image: Float[ndarray, "frames 33 2"],
    translation: Float[ndarray, "frames 3"],
    camera: Camera,
) -> tuple[Float[ndarray, "frames 33 3"], Float[ndarray, "frames 3"]]:
    """Keypoints moved across their viewing rays onto their image points, keeping their depth; and
    the translation, moved with the hips.

    A detector's metric x and y are nearly those of a parallel projection: what lies below the
    camera's axis comes out as if seen from above, feet pitched down and legs leaning. Its image
    points are good to two centimetres, so with the translation known they say better where x and y
    are. On a two-camera clip, before the lifter, this takes 2° of 13° off the bones' directions,
    whatever view one assumes (45° to 70°); keypoints that agree with their image are left as they
    are. Where there is no translation or image point, nothing moves.
    """
    depth = -(translation[:, None, 2:] + positions[..., 2:])
    placed = camera.rays(image) * depth
    placed = np.where(
        np.isnan(placed).any(axis=-1, keepdims=True), positions + translation[:, None], placed
    )
    middle = placed[:, _HIPS].mean(axis=1)
    placed = placed - middle[:, None]
    return np.where(np.isnan(placed), positions, placed), np.where(
        np.isnan(middle), translation, middle
    )


def steady_heels(positions: Float[ndarray, "frames 33 3"]) -> Float[ndarray, "frames 33 3"]:
    """Keypoints whose heels lie nearer to the plane of shank and foot: what they are off it
    sideways is mostly noise.

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
