"""The optimiser's body: sixteen bones between sixteen landmarks, symmetric in length."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.keypoints import LANDMARKS, landmarks_of
from mocap.core.skeleton import BONES, HUMANOID

_SIDES = ("left", "right")
_TRUNK = ("root", "hips", "trunk", "shoulders")
_ARM, _LEG = ("upper arm", "forearm"), ("thigh", "shank", "toe", "heel")

NAMES: tuple[str, ...] = (*_TRUNK, *_ARM, *_ARM, *_LEG, *_LEG)
"""The name of each bone's length; of arms and legs left, then right.

The first bone, the root, goes from the camera to the middle of the hips and has no fixed length."""
LENGTHS: tuple[str, ...] = tuple(dict.fromkeys(NAMES[1:]))
"""The names of the lengths of a body."""
FREE, SOFT, STIFF = 0, 1, 2
KIND = np.array([FREE, SOFT, SOFT, SOFT, *[STIFF] * 12])
"""Whether a bone's length is free, soft (lines of the trunk, which bending changes) or fixed."""
LEFT_ARM, RIGHT_ARM, LEFT_LEG, RIGHT_LEG = (
    (4, 5),
    (6, 7),
    (8, 9, 10, 11),
    (12, 13, 14, 15),
)

POINTS: tuple[int, ...] = tuple(
    LANDMARKS.index(n)
    for n in (
        *(f"{s}_hip" for s in _SIDES),
        *(f"{s}_shoulder" for s in _SIDES),
        *(f"{s}_{n}" for s in _SIDES for n in ("elbow", "wrist")),
        *(f"{s}_{n}" for s in _SIDES for n in ("knee", "ankle", "foot_index", "heel")),
    )
)
"""The landmarks at the ends of the bones."""


def _tree() -> ndarray:
    out = np.zeros((len(POINTS), len(NAMES)))
    out[:, 0] = 1.0
    out[0, 1], out[1, 1] = 0.5, -0.5
    for side, sign in ((0, 0.5), (1, -0.5)):
        shoulder, hip = 2 + side, side
        out[shoulder, 2:4] = 1.0, sign
        upper, lower = (LEFT_ARM, RIGHT_ARM)[side]
        elbow, wrist = 4 + 2 * side, 5 + 2 * side
        out[elbow] = out[shoulder]
        out[elbow, upper] = 1.0
        out[wrist] = out[elbow]
        out[wrist, lower] = 1.0
        thigh, shank, toe, heel = (LEFT_LEG, RIGHT_LEG)[side]
        knee = 8 + 4 * side
        out[knee] = out[hip]
        out[knee, thigh] = 1.0
        out[knee + 1] = out[knee]
        out[knee + 1, shank] = 1.0
        for n, bone in ((2, toe), (3, heel)):
            out[knee + n] = out[knee + 1]
            out[knee + n, bone] = 1.0
    return out


TREE = _tree()
"""(16 landmarks, 16 bones): factor of each bone's vector in the position of each landmark."""


def _depths() -> ndarray:
    """Return the sums of bones whose depth is compared with the prior's.

    The bones of a limb are summed from its root, because the prior's errors grow along the limb.
    """
    out = np.eye(len(NAMES))[1:]
    for upper, lower in (LEFT_ARM, RIGHT_ARM, LEFT_LEG[:2], RIGHT_LEG[:2]):
        out[lower - 1, upper] = 1.0
    return out


DEPTHS = _depths()
"""(15, 16 bones): the sums of bones whose depth is compared with the prior's."""
TO_BONES = np.linalg.pinv(TREE)
"""(16 bones, 16 landmarks): the inverse of TREE."""


def bones_of(places: Float[ndarray, "frames 33 3"]) -> Float[ndarray, "frames 16 3"]:
    """Return the bones' vectors from the positions of all landmarks.

    Args:
        places: Positions of the landmarks in camera axes, metres.
    """
    return np.asarray(np.einsum("bn,fni->fbi", TO_BONES, places[:, POINTS]))


def lengths_of(bones: Float[ndarray, "frames 16 3"]) -> dict[str, float]:
    """Return the median length of each bone over the take, metres, of both sides together."""
    size = np.linalg.norm(bones, axis=-1)
    return {
        name: float(np.median(size[:, [i for i, n in enumerate(NAMES) if n == name]]))
        for name in LENGTHS
    }


REST = bones_of(
    landmarks_of(HUMANOID.rest_positions(), np.tile(R.IDENTITY, (len(BONES), 1)))[None]
)[0]
"""(16, 3): HUMANOID's bones in its rest pose, metres; the root starts at the world's origin."""
PROPORTIONS = lengths_of(REST[None])
"""Lengths of HUMANOID, metres."""


def _cosine(a: int, b: int) -> float:
    return float(REST[a] @ REST[b] / np.linalg.norm(REST[a]) / np.linalg.norm(REST[b]))


RIGID: tuple[tuple[int, int, float], ...] = tuple(
    (leg[2], leg[3], _cosine(leg[2], leg[3])) for leg in (LEFT_LEG, RIGHT_LEG)
)
"""Pairs of bones with a fixed angle, and its cosine: toe and heel of each foot."""
