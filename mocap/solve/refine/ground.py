"""Feet on the ground, as the optimiser sees them: heels and toe tips that stand do not move, and
lie in the floor's plane.
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
from mocap.solve.refine.body import POINTS, REST, TREE

FEET = [
    LANDMARKS.index(f"{s}_{n}") for s in ("left", "right") for n in ("heel", "foot_index", "ankle")
]
"""The landmarks of feet: heel, toe tip and ankle, left and right."""
SOLES = TREE[[POINTS.index(i) for i in FEET]]
"""(6, 16): these as sums of bones."""
RISE = (SOLES @ REST)[:, 1]
"""Metres, how high these landmarks are above the ground that HUMANOID stands on."""
TOUCHING = [0, 1, 3, 4]
"""Which of them touch the ground, in the order of motion.CONTACTS."""
FLOOR_SIGMA = 0.01
"""Metres, of a standing point's height.

Knees that are all but straight bend by 13° for a centimetre, so it is worth being exact."""
STAND_SIGMA = 0.1
"""Metres a second, of a standing point."""
# Deviations from which on a standing point is taken for one that does not stand after all.
CAUCHY = 3.0
# What is known of the floor's plane beforehand: its tilt, radians, and how high a touch seems above
# it, metres (depths that are wrong by ten centimetres, seen from above).
_TILT_SIGMA, _TOUCH_SIGMA = np.radians(1.5), 0.05

# the share of frames in which the lower foot seems to be no higher than the floor, to begin with
_LOW = 0.2


@dataclass(frozen=True, eq=False, slots=True)
class Ground:
    """The floor and who stands on it. contacts:

    (F, 4) weights in [0, 1]. up: (3,) the floor's normal, unit, camera axes. height: metres along
    `up` from the camera, mostly negative. rise: (6,) metres that the landmarks are above the floor
    when their foot stands.
    """

    contacts: Float[ndarray, "frames 4"]
    up: Float[ndarray, "3"]
    height: float
    rise: Float[ndarray, "6"]

    @property
    def standing(self) -> Float[ndarray, "frames 6"]:
        """As contacts, of the landmarks: an ankle stands when heel and toes do."""
        feet = self.contacts.reshape(-1, 2, 2)
        return np.concatenate([feet, feet.min(axis=2, keepdims=True)], axis=2).reshape(-1, 6)

    def slice(self, which: builtins.slice) -> Ground:
        """Some of the frames."""
        return Ground(self.contacts[which], self.up, self.height, self.rise)

    def above(self, places: Float[ndarray, "frames 6 3"]) -> Float[ndarray, "frames 6"]:
        """How high feet are above where they would stand, by landmarks at these places, metres."""
        return np.asarray(places @ self.up - self.height - self.rise)


def soles_of(v: Float[ndarray, "frames 16 3"]) -> Float[ndarray, "frames 6 3"]:
    """Where the landmarks of heels, toe tips and ankles are, metres, camera axes."""
    return np.asarray(np.einsum("nb,fbi->fni", SOLES, v))


def find_ground(
    places: Float[ndarray, "frames 6 3"],
    up: Float[ndarray, "3"],
    size: float,
    find_contacts: Callable[[ndarray], ndarray],
) -> Ground | None:
    """The floor and who stands on it, from where the landmarks of feet are; None if no foot ever
    stands. up: the world's, about.

    size: of the body, in HUMANOID's. find_contacts: contacts (F, 4) from heights (F, 4) above the
    floor, metres.
    """
    rise = size * RISE
    lowest = (places @ up - rise)[:, TOUCHING].min(axis=1)
    ground: Ground | None = Ground(
        np.zeros((len(places), 4)), up, float(np.quantile(lowest, _LOW)), rise
    )
    for _ in range(2):
        if ground is not None:
            contacts = find_contacts(ground.above(places)[:, TOUCHING]).astype(np.float64)
            ground = find_floor(places, contacts, up, rise)
    return ground


def find_floor(
    places: Float[ndarray, "frames 6 3"],
    contacts: Float[ndarray, "frames 4"],
    up: Float[ndarray, "3"],
    rise: Float[ndarray, "6"],
) -> Ground | None:
    """The plane through all touches, each its mean place, that is nearest to being perpendicular to
    `up`; None without a touch.

    Least squares in the plane's two slopes against `up` and its height, by three rounds of Huber
    weights. rise: metres that the landmarks are expected above the floor; how high each kind is,
    left and right alike, is then taken from the take, as a detector puts heels and ankles where it
    will, but always there.
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
    prior = np.diag([1.0 / _TILT_SIGMA**2, 1.0 / _TILT_SIGMA**2, 0.0])
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
    above, stands = floor.above(places).reshape(-1, 2, 3), floor.standing.reshape(-1, 2, 3) > 0.5
    own = [
        float(np.median(above[..., kind][stands[..., kind]])) if stands[..., kind].any() else 0.0
        for kind in range(3)
    ]
    return Ground(contacts, normal, floor.height, rise + np.tile(own, 2))
