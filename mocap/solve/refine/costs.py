"""The residuals of a take's bones in each frame, in standard deviations, and their derivatives.

Weights are per time, not per frame: a second counts the same at 120 frames as at 30.
"""

from __future__ import annotations

import builtins
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.solve.refine.body import DEPTHS, KIND, NAMES, POINTS, RIGID, SOFT
from mocap.solve.refine.ground import CAUCHY, FEET, FLOOR_SIGMA, GROUNDED, SUMS, Ground, places_of
from mocap.solve.refine.sight import Sight, image_costs

_DEPTH = {
    "hips": 0.05,
    "trunk": 0.05,
    "shoulders": 0.05,
    "upper arm": 0.12,
    "forearm": 0.12,
    "thigh": 0.1,
    "shank": 0.12,
}
DEPTH_SIGMA = np.array([_DEPTH.get(name, 0.05) for name in NAMES[1:]])
"""Standard deviation of the prior's depth of a limb's point relative to the limb's root, metres.

It is the error on rendered people (8 to 14 cm). The value of the arms was chosen on twenty of forty
rendered clips. On the other twenty it gives a mean direction error of 15.6°, and a third of it
gives 16.0°. Half or twice the other values change this by 0.1°."""
SIDE_SIGMA = 0.03
"""Standard deviation of the prior across the ray, metres; used where there is no image point."""
SOFT_SIGMA = 0.08
"""Relative standard deviation of the lengths of the trunk's lines."""
LIMIT_SIGMA = 0.1
"""Standard deviation of a unit vector beyond its limit, or from a foot's fixed angle."""
UNIT = 1.0 / 30.0
"""Time for which one independent observation stands, seconds."""
_LONGEST = 0.1  # longest time for which one frame may stand, seconds
_CAUCHY = 2.0  # scale of Cauchy's loss on depths, standard deviations
_B, _N = len(NAMES), len(POINTS)
_OF_FEET = np.arange(len(GROUNDED)) < len(FEET)
_SOFT = np.flatnonzero(KIND == SOFT)
_DEPTH_ROWS = slice(0, len(DEPTHS))
SOFT_ROWS = slice(3 * len(DEPTHS), 3 * len(DEPTHS) + len(_SOFT))
"""The rows of the soft lengths."""


@dataclass(frozen=True, eq=False, slots=True)
class Evidence:
    """The observations of a take. Unknown values (NaN) are replaced by values of weight 0.

    Attributes:
        sights: Each camera's image points of the body's 16 landmarks.
        prior: (F, 16, 3) the prior's bone vectors, metres, in the take's axes.
        depth, side: (F, 15) weights of the prior along and across the take's −Z axis.
        span: (F,) time for which a frame stands, in UNITs.
        loose: Factor on the scale of the robust loss on image points.
    """

    sights: tuple[Sight, ...]
    prior: Float[ndarray, "frames 16 3"]
    depth: Float[ndarray, "frames 15"]
    side: Float[ndarray, "frames 15"]
    span: Float[ndarray, "frames"]
    loose: float = 1.0

    def slice(self, which: builtins.slice) -> Evidence:
        """Return some of the frames."""
        prior, depth, side, span = (
            a[which] for a in (self.prior, self.depth, self.side, self.span)
        )
        sights = tuple(s.slice(which) for s in self.sights)
        return Evidence(sights, prior, depth, side, span, self.loose)


@dataclass(frozen=True, eq=False, slots=True)
class Limit:
    """A direction in which a bone should not point.

    Attributes:
        bone: Index of the bone.
        away: The direction, unit.
        most: Largest allowed cosine between the bone and the direction.
    """

    bone: int
    away: Float[ndarray, "frames 3"]
    most: float


@dataclass(frozen=True, eq=False, slots=True)
class Costs:
    """The residuals of bones, R rows per frame.

    Attributes:
        r: (F, R) residuals, in standard deviations.
        bones: (F, R, 16, 3) derivatives of the residuals by the bones.
        weight: (F, R) robust weights of the squared residuals.
        observed: (R,) whether the row compares with an observation (image or depth).
    """

    r: Float[ndarray, "frames rows"]
    bones: Float[ndarray, "frames rows 16 3"]
    weight: Float[ndarray, "frames rows"]
    observed: Bool[ndarray, "rows"]


def spans(times: Float[ndarray, "frames"]) -> Float[ndarray, "frames"]:
    """Return the time for which each frame stands, in UNITs."""
    if len(times) < 2:
        return np.ones(len(times))
    step = np.minimum(np.diff(times), _LONGEST)
    return np.asarray(0.5 * (np.append(step, step[-1]) + np.insert(step, 0, step[0])) / UNIT)


def costs(
    v: Float[ndarray, "frames 16 3"],
    seen: Evidence,
    lengths: Float[ndarray, "16"],
    limits: tuple[Limit, ...],
    ground: Ground | None = None,
) -> Costs:
    """Return the residuals of bones.

    The rows are the prior's depth and sides, soft lengths, limits, rigid pairs, the image points of
    each camera, and the floor: points of GROUNDED in contact are on it, and feet never below it.

    Args:
        v: Bones, metres, in the take's axes.
        seen: The observations.
        lengths: Lengths of the bones, metres.
        limits: Directions in which bones should not point.
        ground: The floor and the contacts with it; None before it is found.
    """
    frames = len(v)
    root = np.sqrt(seen.span)[:, None]
    image = SOFT_ROWS.stop + len(limits) + len(RIGID)
    floor = image + 2 * _N * len(seen.sights)
    count = floor + (0 if ground is None else len(GROUNDED))
    r = np.zeros((frames, count))
    bones = np.zeros((frames, count, _B, 3))
    weight = np.ones((frames, count))
    observed = np.zeros(count, dtype=bool)
    observed[_DEPTH_ROWS] = observed[image:floor] = True

    for n, sight in enumerate(seen.sights):
        rows = slice(image + 2 * _N * n, image + 2 * _N * (n + 1))
        r[:, rows], bones[:, rows], weight[:, rows] = image_costs(v, sight, seen.span, seen.loose)

    scale = np.sqrt(seen.depth) * root / DEPTH_SIGMA
    r[:, _DEPTH_ROWS] = scale * ((v - seen.prior)[..., 2] @ DEPTHS.T)
    bones[:, _DEPTH_ROWS, :, 2] = scale[..., None] * DEPTHS
    off = np.square(r[:, _DEPTH_ROWS]) / np.maximum(seen.span, 1e-9)[:, None]
    weight[:, _DEPTH_ROWS] = 1.0 / (1.0 + off / _CAUCHY**2)

    scale = np.sqrt(seen.side) * root / SIDE_SIGMA
    for axis in (0, 1):
        rows = slice(
            _DEPTH_ROWS.stop + axis * len(DEPTHS),
            _DEPTH_ROWS.stop + (axis + 1) * len(DEPTHS),
        )
        r[:, rows] = scale * ((v - seen.prior)[..., axis] @ DEPTHS.T)
        bones[:, rows, :, axis] = scale[..., None] * DEPTHS

    size = np.maximum(np.linalg.norm(v, axis=-1), 1e-9)
    unit = v / size[..., None]
    scale = root / (SOFT_SIGMA * lengths[_SOFT])
    r[:, SOFT_ROWS] = scale * (size[:, _SOFT] - lengths[_SOFT])
    bones[:, np.arange(SOFT_ROWS.start, SOFT_ROWS.stop), _SOFT] = scale[..., None] * unit[:, _SOFT]

    scale = root[:, 0] / LIMIT_SIGMA
    for row, limit in enumerate(limits, SOFT_ROWS.stop):
        along = R.dot(unit[:, limit.bone], limit.away)
        r[:, row] = scale * np.maximum(along - limit.most, 0.0)
        across = limit.away - along[:, None] * unit[:, limit.bone]
        bones[:, row, limit.bone] = (
            np.where(along > limit.most, scale / size[:, limit.bone], 0.0)[:, None] * across
        )
    for row, (a, b, cosine) in enumerate(RIGID, SOFT_ROWS.stop + len(limits)):
        between = R.dot(unit[:, a], unit[:, b])
        r[:, row] = scale * (between - cosine)
        for one, other in ((a, b), (b, a)):
            bones[:, row, one] = (scale / size[:, one])[:, None] * (
                unit[:, other] - between[:, None] * unit[:, one]
            )
    if ground is not None:
        above = ground.above(places_of(v)) / FLOOR_SIGMA
        # Feet without contact are only kept from sinking. If hands or knees seem to sink, as in a
        # cartwheel, it is more likely that the floor or their depth is wrong.
        sinks = (above < 0.0) & _OF_FEET
        scale = root * np.sqrt(np.where(sinks, 1.0, ground.standing))
        r[:, floor:] = scale * above
        bones[:, floor:] = (scale / FLOOR_SIGMA)[..., None, None] * SUMS[..., None] * ground.up
        weight[:, floor:] = 1.0 / (1.0 + np.square(above) / CAUCHY**2)
    return Costs(r, bones, weight, observed)
