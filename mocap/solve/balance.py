"""Balance: the centre of mass of a body at rest is above its support.

The lowest parts of the body along the up direction support it, so a wrong up direction leaves the
centre of mass outside the support. This holds for standing, squatting, kneeling, lying and push-ups
alike. A person who may sit on a chair, which the landmarks do not show, does not count.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.easing import smoothstep
from mocap.core.keypoints import LANDMARKS, pair
from mocap.core.small import without_nan
from mocap.solve.refine.ground import GROUNDED, RISE

_EARS, _SHOULDERS, _ELBOWS, _WRISTS = pair("ear"), pair("shoulder"), pair("elbow"), pair("wrist")
_HIPS, _KNEES, _ANKLES, _TOES = pair("hip"), pair("knee"), pair("ankle"), pair("foot_index")
# Shares of the body's mass, and where in a segment its centre is, from its first end (Winter,
# Biomechanics and Motor Control, 4th ed., table 4.1). Those of limbs are of each side.
_SEGMENTS = (
    (_SHOULDERS, _HIPS, 0.497, 0.5),
    (_EARS, _EARS, 0.081, 0.0),
    *(
        ([start[side]], [end[side]], share, centre)
        for start, end, share, centre in (
            (_SHOULDERS, _ELBOWS, 0.028, 0.436),
            (_ELBOWS, _WRISTS, 0.022, 0.682),
            (_HIPS, _KNEES, 0.1, 0.433),
            (_KNEES, _ANKLES, 0.0465, 0.433),
            (_ANKLES, _TOES, 0.0145, 0.5),
        )
        for side in (0, 1)
    ),
)
# What may carry the body, and its height above the floor then, metres: GROUNDED and the head.
_CARRIERS = [*GROUNDED, *_EARS]
_THICK = np.append(RISE, [0.08, 0.08]).astype(np.float32)
# A point that is higher than the lowest by a metre carries as if it were nearer by this, metres.
_FALLS = 3.0
# A body that is nearer to tipping over than this, metres, is less probable: one that lies on an
# edge, such as a hand and a foot in a push-up, is not at rest.
_INSIDE = 0.1
_AROUND = np.radians(np.arange(0.0, 360.0, 45.0))
# Bends of hips and knees, radians, from which a person may be sitting, and from which surely.
_SITS = np.radians([40.0, 60.0])
# Landmarks of trunk and legs; half of them must have this confidence.
_SEEN, _SURE = _SHOULDERS + _HIPS + _KNEES + _ANKLES, 0.5


def _masses() -> ndarray:
    out = np.zeros(len(LANDMARKS))
    for start, end, share, centre in _SEGMENTS:
        out[start] += share * (1.0 - centre) / len(start)
        out[end] += share * centre / len(end)
    return out


_MASSES = _masses() / _masses().sum()


def carried(
    positions: Float[ndarray, "frames 33 3"], confidence: Float[ndarray, "frames 33"]
) -> Float[ndarray, "frames"]:
    """Return how far each frame counts: 0 where the person may sit, or is hardly seen.

    Args:
        positions: Landmarks, metres.
        confidence: Confidence of the landmarks, 0 to 1.
    """
    trunk = positions[:, _SHOULDERS].mean(axis=1) - positions[:, _HIPS].mean(axis=1)
    thighs, shanks = (
        positions[:, a] - positions[:, b] for a, b in ((_HIPS, _KNEES), (_KNEES, _ANKLES))
    )
    bends = [
        np.arccos(np.clip(R.dot(R.normalize(a), R.normalize(b)), -1.0, 1.0)).mean(axis=1)
        for a, b in ((np.broadcast_to(trunk[:, None], thighs.shape), thighs), (thighs, shanks))
    ]
    sits = smoothstep(np.minimum(*bends), *_SITS)
    seen = (confidence[:, _SEEN] > _SURE).sum(axis=1) >= len(_SEEN) // 2
    known = np.isfinite(bends[0]) & np.isfinite(bends[1])
    return np.where(seen & known, 1.0 - sits, 0.0)


def tipping(ups: Float[ndarray, "ups 3"]) -> Float[ndarray, "sides 3"]:
    """Return the directions along which `outside_support` measures, for up directions (unit)."""
    side = R.normalize(np.cross(ups, [0.0, 0.0, 1.0]))
    ahead = np.cross(ups, side)
    around = np.cos(_AROUND)[:, None, None] * side + np.sin(_AROUND)[:, None, None] * ahead
    return np.asarray((_FALLS * ups - around).reshape(-1, 3))


def outside_support(
    positions: Float[ndarray, "frames 33 3"],
    ups: Float[ndarray, "ups 3"],
    sides: Float[ndarray, "sides 3"],
) -> Float[ndarray, "frames ups"]:
    """Return by how much the centre of mass is not well inside its support, metres.

    It is 0 where the centre of mass is _INSIDE from the support's edge, and _INSIDE at the edge.
    The support is the convex hull of what is lowest along an up direction. A point above the lowest
    one counts as if it were nearer by _FALLS times its height, so that the result is continuous.

    Args:
        positions: Landmarks, metres; NaN where unknown.
        ups: Up directions, unit.
        sides: `tipping` of them.
    """
    middle = np.einsum("n,fni->fi", _MASSES, without_nan(positions))
    # In single precision, which is a micrometre here, this takes half the time.
    points = (positions[:, _CARRIERS] - middle[:, None]).astype(np.float32)
    across, to_sides = (np.ascontiguousarray(v.T, dtype=np.float32) for v in (ups, sides))
    out = np.zeros((len(positions), len(ups)))
    for frame, at in enumerate(points):
        known = np.isfinite(at).all(axis=1)
        if known.any():
            thick = _THICK[known, None]
            lowest = (at[known] @ across - thick).min(axis=0)
            # With the least of these over the points a side's reach is the largest of
            # -(point · around) - _FALLS (height above the lowest).
            ends = (at[known] @ to_sides - _FALLS * thick).min(axis=0)
            beyond = ends.reshape(len(_AROUND), -1).max(axis=0) - _FALLS * lowest
            out[frame] = np.maximum(beyond + _INSIDE, 0.0)
    return out
