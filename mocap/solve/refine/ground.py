"""The floor in the optimiser: points in contact with it do not move and lie in its plane.

Heels, toe tips, hands, elbows, knees, seat and back can be in contact. The thickness of the body is
between a joint and the floor.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.keypoints import LANDMARKS
from mocap.core.runs import runs
from mocap.core.surface import thickness_at
from mocap.solve.refine.body import POINTS, REST, TREE

FEET = [
    LANDMARKS.index(f"{s}_{n}") for s in ("left", "right") for n in ("heel", "foot_index", "ankle")
]
"""The landmarks of the feet: heel, toe tip and ankle, left and right."""
BODY = [
    LANDMARKS.index(f"{s}_{n}")
    for n in ("wrist", "elbow", "knee", "hip", "shoulder")
    for s in ("left", "right")
]
"""The other landmarks that may support the body."""
GROUNDED = FEET + BODY
"""The 16 landmarks that may be on the floor."""
SUMS = TREE[[POINTS.index(i) for i in GROUNDED]]
"""(16 of GROUNDED, 16 bones): factor of each bone's vector in the position of each landmark."""
# For a person who lies, the shoulders' joints are half of the chest's depth above the floor (ANSUR
# II).
_THICK = np.where(["shoulder" in LANDMARKS[i] for i in BODY], 0.11, thickness_at(BODY))
RISE = np.concatenate([(SUMS @ REST)[: len(FEET), 1], _THICK])
"""Height of GROUNDED above the ground on which HUMANOID stands or lies, metres."""
TOUCHING = [0, 1, 3, 4, *range(len(FEET), len(GROUNDED))]
"""Indices into GROUNDED of the 14 points that can be in contact: heels and toe tips in the order of
motion.CONTACTS, then BODY."""
SOLES = slice(0, 4)
"""The points of the feet among TOUCHING."""
FLOOR_SIGMA = 0.01
"""Standard deviation of the height of a point in contact, metres.

It is small, because a nearly straight knee bends by 13° for a centimetre."""
STAND_SIGMA = 0.1
"""Standard deviation of the speed of a point in contact, metres per second."""
CAUCHY = 3.0
"""Scale of Cauchy's loss on contacts, standard deviations."""
TILT_SIGMA = np.radians(1.5)
"""Standard deviation of the floor's normal from `up` if people stand upright, radians."""
# Standard deviation of a contact's height above the floor, metres, from depth errors of ten
# centimetres seen from above.
_TOUCH_SIGMA = 0.05

# The first estimate of the floor is this quantile of the lowest point's height.
_LOW = 0.2


@dataclass(frozen=True, eq=False, slots=True)
class Ground:
    """The floor and the contacts with it.

    Attributes:
        contacts: Contact of each point of TOUCHING, in [0, 1].
        up: The floor's normal, unit, camera axes.
        height: Height of the floor along `up` relative to the camera, metres, usually negative.
        rise: Height of GROUNDED above the floor when they are in contact, metres.
    """

    contacts: Float[ndarray, "frames 14"]
    up: Float[ndarray, "3"]
    height: float
    rise: Float[ndarray, "16"]

    @property
    def standing(self) -> Float[ndarray, "frames 16"]:
        """The contacts of GROUNDED; an ankle's is the smaller one of its heel and toes."""
        soles = self.contacts[:, SOLES].reshape(-1, 2, 2)
        feet = np.concatenate([soles, soles.min(axis=2, keepdims=True)], axis=2)
        rest = self.contacts[:, SOLES.stop :]
        return np.concatenate([feet.reshape(-1, len(FEET)), rest], axis=1)

    def slice(self, which: builtins.slice) -> Ground:
        """Return some of the frames."""
        return Ground(self.contacts[which], self.up, self.height, self.rise)

    def above(self, places: Float[ndarray, "frames 16 3"]) -> Float[ndarray, "frames 16"]:
        """Return the heights of GROUNDED above their height in contact, metres."""
        return np.asarray(places @ self.up - self.height - self.rise)


def places_of(v: Float[ndarray, "frames 16 3"]) -> Float[ndarray, "frames 16 3"]:
    """Return the positions of GROUNDED from the bones, metres, camera axes."""
    return np.asarray(np.einsum("nb,fbi->fni", SUMS, v))


def find_ground(
    places: Float[ndarray, "frames 16 3"],
    up: Float[ndarray, "3"],
    size: float,
    find_contacts: Callable[[ndarray], ndarray],
    tilt: float = TILT_SIGMA,
    upright: Bool[ndarray, "frames"] | None = None,
) -> Ground | None:
    """Find the floor and the contacts with it.

    Args:
        places: Positions of GROUNDED, metres, camera axes.
        up: Approximate up direction, unit.
        size: Size of the body relative to HUMANOID.
        find_contacts: Function that returns the contacts (F, 14) of TOUCHING from their heights
            above the floor, metres.
        tilt: Standard deviation of `up`, radians.
        upright: Frames in which the person stands upright; the first estimate of the floor is from
            these, if there are any. The legs of a person who sits are seen along the ray, so that
            the feet may seem to be 0.2 m lower.

    Returns:
        The floor; None if there is never a contact.
    """
    rise = size * RISE
    lowest = (places @ up - rise)[:, TOUCHING].min(axis=1)
    nothing = np.zeros((len(places), len(TOUCHING)))
    sure = lowest if upright is None or not upright.any() else lowest[upright]
    ground: Ground | None = Ground(nothing, up, float(np.quantile(sure, _LOW)), rise)
    for _ in range(2):
        if ground is not None:
            contacts = find_contacts(ground.above(places)[:, TOUCHING]).astype(np.float64)
            ground = find_floor(places, contacts, up, rise, tilt)
    return ground


def ground_below(
    places: Float[ndarray, "frames 16 3"], up: Float[ndarray, "3"], size: float
) -> Ground:
    """Return the highest floor that no part of the body ever sinks into, without a contact.

    Args:
        places: Positions of GROUNDED, metres, camera axes.
        up: Up direction, unit.
        size: Size of the body relative to HUMANOID.
    """
    rise = size * RISE
    height = float((places @ up - rise)[:, TOUCHING].min())
    return Ground(np.zeros((len(places), len(TOUCHING))), up, height, rise)


def find_floor(
    places: Float[ndarray, "frames 16 3"],
    contacts: Float[ndarray, "frames 14"],
    up: Float[ndarray, "3"],
    rise: Float[ndarray, "16"],
    tilt: float = TILT_SIGMA,
) -> Ground | None:
    """Fit the floor's plane to the mean positions of all contacts.

    The unknowns are the plane's height and its two slopes relative to `up`, found by least squares
    with a prior on the slopes and three rounds of Huber weights. Then the heights of heels, toe
    tips and ankles above the floor are measured over the take, the same left and right, because a
    detector has a constant error in these.

    Args:
        places: Positions of GROUNDED, metres, camera axes.
        contacts: Contacts of TOUCHING.
        up: Approximate up direction, unit.
        rise: Expected height of GROUNDED above the floor in contact, metres.
        tilt: Standard deviation of `up`, radians.

    Returns:
        The floor; None without a contact.
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
