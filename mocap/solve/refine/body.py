"""The body of the optimiser: sixteen bones between sixteen landmarks, some of the same length."""

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
"""The name of each bone's length; arms and legs left, then right.

The root, from the camera to the hips' middle, has none."""
LENGTHS: tuple[str, ...] = tuple(dict.fromkeys(NAMES[1:]))
"""The lengths of one body."""
FREE, SOFT, STIFF = 0, 1, 2
KIND = np.array([FREE, SOFT, SOFT, SOFT, *[STIFF] * 12])
"""Whether a bone has no length, a soft one (bending changes the trunk's lines) or a fixed one."""
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
"""The landmarks that the bones make."""


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
"""(16 landmarks, 16 bones): how much of each bone's vector is in each landmark's place."""


def _depths() -> ndarray:
    """Return the sums of bones whose depth is compared with the prior's.

    Limbs are summed from their root on, because the prior's errors grow along them.
    """
    out = np.eye(len(NAMES))[1:]
    for upper, lower in (LEFT_ARM, RIGHT_ARM, LEFT_LEG[:2], RIGHT_LEG[:2]):
        out[lower - 1, upper] = 1.0
    return out


DEPTHS = _depths()
"""(15, 16 bones): the sums of bones whose depth is compared with the prior's."""
TO_BONES = np.linalg.pinv(TREE)
"""(16 bones, 16 landmarks): its inverse."""


def bones_of(places: Float[ndarray, "frames 33 3"]) -> Float[ndarray, "frames 16 3"]:
    """Return the bones' vectors, from the landmarks' positions in camera axes."""
    return np.asarray(np.einsum("bn,fni->fbi", TO_BONES, places[:, POINTS]))


def lengths_of(bones: Float[ndarray, "frames 16 3"]) -> dict[str, float]:
    """Return the median length of each bone over the take, left and right together."""
    size = np.linalg.norm(bones, axis=-1)
    return {
        name: float(np.median(size[:, [i for i, n in enumerate(NAMES) if n == name]]))
        for name in LENGTHS
    }


REST = bones_of(
    landmarks_of(HUMANOID.rest_positions(), np.tile(R.IDENTITY, (len(BONES), 1)))[None]
)[0]
"""(16, 3): HUMANOID's bones in its rest pose (the root's from the floor)."""
PROPORTIONS = lengths_of(REST[None])
"""HUMANOID's lengths, metres."""


def _cosine(a: int, b: int) -> float:
    return float(REST[a] @ REST[b] / np.linalg.norm(REST[a]) / np.linalg.norm(REST[b]))


RIGID: tuple[tuple[int, int, float], ...] = tuple(
    (leg[2], leg[3], _cosine(leg[2], leg[3])) for leg in (LEFT_LEG, RIGHT_LEG)
)
"""Pairs of bones whose angle is fixed, and its cosine: toe and heel of a foot."""
