"""The floor in the optimiser: points that stand on it do not move and lie in its plane.

Heels and toe tips stand, and so do hands, elbows, knees, seat and back, with the body's thickness
between joint and floor.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.keypoints import LANDMARKS
from mocap.core.runs import runs
from mocap.core.surface import thickness_at
from mocap.solve.refine.body import POINTS, REST, TREE

FEET = [
    LANDMARKS.index(f"{s}_{n}") for s in ("left", "right") for n in ("heel", "foot_index", "ankle")
]
"""The landmarks of feet: heel, toe tip and ankle, left and right."""
BODY = [
    LANDMARKS.index(f"{s}_{n}")
    for n in ("wrist", "elbow", "knee", "hip", "shoulder")
    for s in ("left", "right")
]
"""The other landmarks that may carry the body."""
GROUNDED = FEET + BODY
"""All landmarks that the floor concerns, 16."""
SUMS = TREE[[POINTS.index(i) for i in GROUNDED]]
"""(16, 16): these as sums of bones."""
# On back or belly the shoulders' joints are as high as the chest is thick (ANSUR II).
_THICK = np.where(["shoulder" in LANDMARKS[i] for i in BODY], 0.11, thickness_at(BODY))
RISE = np.concatenate([(SUMS @ REST)[: len(FEET), 1], _THICK])
"""Height of these landmarks above the ground that HUMANOID stands or lies on, metres."""
TOUCHING = [0, 1, 3, 4, *range(len(FEET), len(GROUNDED))]
"""Which of them touch the ground: 4 of the feet, in the order of motion.CONTACTS, then BODY."""
SOLES = slice(0, 4)
"""Those of the feet among TOUCHING."""
FLOOR_SIGMA = 0.01
"""Deviation of a standing point's height, metres.

Small, because nearly straight knees bend by 13° for a centimetre."""
STAND_SIGMA = 0.1
"""Deviation of a standing point's speed, metres a second."""
CAUCHY = 3.0
"""Deviations from which on a point that seemed to stand counts less."""
TILT_SIGMA = np.radians(1.5)
"""Deviation of the floor's plane from `up` where people stand upright, radians."""
# Deviation of a touch's height above the floor, metres (depths wrong by ten centimetres, seen from
# above).
_TOUCH_SIGMA = 0.05

# The first floor: the quantile of the lowest point's height.
_LOW = 0.2


@dataclass(frozen=True, eq=False, slots=True)
class Ground:
    """The floor and what stands on it.

    Attributes:
        contacts: How far each of TOUCHING stands, in [0, 1].
        up: The floor's normal, unit, camera axes.
        height: Metres along `up` from the camera, mostly negative.
        rise: Metres that GROUNDED are above the floor when they stand.
    """

    contacts: Float[ndarray, "frames 14"]
    up: Float[ndarray, "3"]
    height: float
    rise: Float[ndarray, "16"]

    @property
    def standing(self) -> Float[ndarray, "frames 16"]:
        """The contacts of GROUNDED: an ankle stands when heel and toes do."""
        soles = self.contacts[:, SOLES].reshape(-1, 2, 2)
        feet = np.concatenate([soles, soles.min(axis=2, keepdims=True)], axis=2)
        rest = self.contacts[:, SOLES.stop :]
        return np.concatenate([feet.reshape(-1, len(FEET)), rest], axis=1)

    def slice(self, which: builtins.slice) -> Ground:
        """Return some of the frames."""
        return Ground(self.contacts[which], self.up, self.height, self.rise)

    def above(self, places: Float[ndarray, "frames 16 3"]) -> Float[ndarray, "frames 16"]:
        """Return how high GROUNDED are above where they would stand, metres."""
        return np.asarray(places @ self.up - self.height - self.rise)


def places_of(v: Float[ndarray, "frames 16 3"]) -> Float[ndarray, "frames 16 3"]:
    """Return where GROUNDED are, metres, camera axes, from the bones."""
    return np.asarray(np.einsum("nb,fbi->fni", SUMS, v))


def find_ground(
    places: Float[ndarray, "frames 16 3"],
    up: Float[ndarray, "3"],
    size: float,
    find_contacts: Callable[[ndarray], ndarray],
    tilt: float = TILT_SIGMA,
) -> Ground | None:
    """Find the floor and what stands on it; None if nothing ever does.

    Args:
        places: Of GROUNDED, metres, camera axes.
        up: The world's, about, unit.
        size: Of the body, in HUMANOID's.
        find_contacts: Contacts (F, 14) of TOUCHING from their heights above the floor, metres.
        tilt: How well `up` is known, radians.
    """
    rise = size * RISE
    lowest = (places @ up - rise)[:, TOUCHING].min(axis=1)
    nothing = np.zeros((len(places), len(TOUCHING)))
    ground: Ground | None = Ground(nothing, up, float(np.quantile(lowest, _LOW)), rise)
    for _ in range(2):
        if ground is not None:
            contacts = find_contacts(ground.above(places)[:, TOUCHING]).astype(np.float64)
            ground = find_floor(places, contacts, up, rise, tilt)
    return ground


def find_floor(
    places: Float[ndarray, "frames 16 3"],
    contacts: Float[ndarray, "frames 14"],
    up: Float[ndarray, "3"],
    rise: Float[ndarray, "16"],
    tilt: float = TILT_SIGMA,
) -> Ground | None:
    """Find the plane through all touches that is nearest to being perpendicular to `up`.

    Least squares in the plane's two slopes against `up` and its height, of each touch's mean place,
    by three rounds of Huber weights. How high heels, toe tips and ankles are above the floor, left
    and right alike, is then taken from the take, as a detector puts them where it will, but always
    there.

    Args:
        places: Of GROUNDED, metres, camera axes.
        contacts: Of TOUCHING.
        up: The world's, about, unit.
        rise: Metres that GROUNDED are expected above the floor.
        tilt: How well `up` is known, radians.

    Returns:
        The floor; None without a touch.
    """
    middles, rises = [], []
    for contact, point in zip(contacts.T, TOUCHING, strict=True):
        for first, end in runs(contact > 0.5):
            middles.append(places[first:end, point].mean(axis=0))
            rises.append(rise[point])
    if not middles:
        return None
    points = np.array(middles)
    side = R.apply(R.between(np.array([0.0, 1.0, 0.0]), up), np.eye(3))[[0, 2]]
    centre = points.mean(axis=0)
    height = points @ up - np.array(rises)
    columns = (
        np.concatenate([(points - centre) @ side.T, np.ones((len(points), 1))], axis=1)
        / _TOUCH_SIGMA
    )
    weight = np.ones(len(points))
    prior = np.diag([1.0 / tilt**2, 1.0 / tilt**2, 0.0])
    for _ in range(3):
        slopes = np.linalg.solve(
            (columns * weight[:, None]).T @ columns + prior,
            (columns * weight[:, None]).T @ (height / _TOUCH_SIGMA),
        )
        weight = 1.0 / np.maximum(1.0, np.abs(height / _TOUCH_SIGMA - columns @ slopes))
    normal = R.normalize(up - slopes[:2] @ side)
    floor = Ground(
        contacts, normal, float((centre - (centre @ up - slopes[2]) * up) @ normal), rise
    )
    feet = slice(0, len(FEET))
    above = floor.above(places)[:, feet].reshape(-1, 2, 3)
    stands = floor.standing[:, feet].reshape(-1, 2, 3) > 0.5
    own = [
        float(np.median(above[..., kind][stands[..., kind]])) if stands[..., kind].any() else 0.0
        for kind in range(3)
    ]
    return Ground(
        contacts, normal, floor.height, rise + np.append(np.tile(own, 2), np.zeros(len(BODY)))
    )
