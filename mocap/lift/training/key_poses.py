"""Key poses: people who stand and gesture, sit, kneel, crawl, lie, do push-ups and yoga."""

from __future__ import annotations

import numpy as np
from numpy import ndarray

from mocap.core import rotation as R
from mocap.lift.training.controls import (
    ANKLE,
    HIP,
    SHANK,
    SHAPES,
    SIDES,
    THIGH,
    TRUNK,
    Pose,
    shoulders_of,
)

_FREE = ("hang", "hang", "front", "up", "out", "hips", "busy", "busy")


class Maker:
    """Draws key poses. Angles in degrees; `u(a, b)` is uniform."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def u(self, low: float, high: float) -> float:
        """Return a uniform random number between low and high."""
        return float(self.rng.uniform(low, high))

    def turn(self, x: float, y: float = 0.0, z: float = 0.0, spread: float = 6.0) -> ndarray:
        """Return a random rotation vector (3,), radians.

        Args:
            x: Mean about x, degrees.
            y: Mean about y, degrees.
            z: Mean about z, degrees.
            spread: Standard deviation of each, degrees.
        """
        return np.radians(np.array([x, y, z]) + spread * self.rng.normal(size=3))

    def pose(
        self,
        hips: tuple[float, float, float],
        pelvis: ndarray,
        chest: ndarray,
        feet: ndarray,
        knees: ndarray,
        toes: ndarray,
        hands: str | ndarray = "free",
    ) -> Pose:
        """Return a key pose with hands at given positions, or at those of a named gesture.

        Args:
            hips: As in `Pose`.
            pelvis: As in `Pose`.
            chest: As in `Pose`.
            feet: As in `Pose`.
            knees: As in `Pose`.
            toes: As in `Pose`.
            hands: Positions as in `Pose`, or the gesture's name.
        """
        at = np.array(hips)
        shoulders, top = shoulders_of(at, pelvis, chest)
        elbows = R.apply(top[None], np.array([[0.4, -0.5, -0.8], [-0.4, -0.5, -0.8]]))
        if isinstance(hands, str):
            if hands == "free":
                hands = str(self.rng.choice(_FREE))
            hands = self._hands(hands, at, shoulders, top)
        return Pose(
            at, pelvis, chest, self.turn(self.u(-15.0, 25.0), self.u(-40.0, 40.0), 0.0), hands,
            elbows + 0.3 * self.rng.normal(size=(2, 3)), feet, knees, toes,
        )  # fmt: skip

    def _hands(self, where: str, hips: ndarray, shoulders: ndarray, top: ndarray) -> ndarray:
        """Return both wrists, relative to the shoulders in the chest's axes, or to the hips."""
        if where == "busy":
            places = np.stack([self._busy(), self._busy()])
        elif where == "hips":
            return np.asarray(
                hips + R.apply(top[None], np.array([[0.2, 0.1, 0.03], [-0.2, 0.1, 0.03]]))
            )
        else:
            place = {
                "hang": [self.u(0.02, 0.15), self.u(-0.53, -0.48), self.u(-0.05, 0.1)],
                "front": [self.u(-0.1, 0.05), self.u(-0.15, 0.1), self.u(0.3, 0.5)],
                "up": [self.u(-0.1, 0.15), self.u(0.35, 0.53), self.u(-0.05, 0.2)],
                "out": [self.u(0.42, 0.53), self.u(-0.1, 0.1), self.u(-0.05, 0.1)],
                "lap": [-0.12, self.u(-0.45, -0.35), self.u(0.15, 0.3)],
            }[where]
            places = np.stack([place, place]) + 0.03 * self.rng.normal(size=(2, 3))
        places[1, 0] *= -1.0
        return np.asarray(shoulders + R.apply(top[None], places))

    def _busy(self) -> ndarray:
        return np.array([self.u(-0.25, 0.4), self.u(-0.45, 0.3), self.u(0.05, 0.45)])

    def both(self, x: float, y: float, z: float, spread: float = 0.03) -> ndarray:
        """Return a position (2, 3), mirrored for left and right.

        Args:
            x: The left one's x, metres.
            y: Height, metres.
            z: Ahead, metres.
            spread: Standard deviation of each coordinate, metres.
        """
        return SIDES[:, None] * [x, 0.0, 0.0] + [0.0, y, z] + spread * self.rng.normal(size=(2, 3))

    def stand(self) -> Pose:
        """Stand on both legs or on one; in seven of ten poses the longer leg is nearly straight."""
        wide, lean = self.u(0.07, 0.3), self.u(-5.0, 40.0) * (self.u(0.0, 1.0) < 0.25)
        ahead = 0.12 * self.rng.normal() * (self.u(0.0, 1.0) < 0.5)
        feet, toes = self.both(wide, ANKLE, 0.0), self.both(0.25, -0.25, 1.0, 0.1)
        feet[:, 1], feet[:, 2] = ANKLE, [ahead, -ahead]
        aside, back = self.u(-0.4, 0.4) * wide, -0.1 * lean / 40.0
        bent = np.radians(abs(self.rng.normal()) * (6.0 if self.u(0.0, 1.0) < 0.7 else 25.0))
        reach = (THIGH + SHANK) * np.cos(0.5 * bent)
        off = feet[:, [0, 2]] - [aside, back] - SIDES[:, None] * [HIP, 0.0]
        low = ANKLE + float(np.sqrt(reach * reach - np.square(off).sum(axis=1).max()))
        return self.pose(
            (aside, low, back), self.turn(lean, spread=2.0), self.turn(0.5 * lean), feet,
            self.both(0.2, 0.0, 1.0, 0.1), toes,
        )  # fmt: skip

    def sit(self) -> Pose:
        """Sit on a chair, with legs crossed now and then."""
        seat, lean = self.u(0.38, 0.62), self.u(-25.0, 35.0)
        feet = self.both(self.u(0.05, 0.3), ANKLE, self.u(0.2, 0.65), 0.05)
        toes = self.both(0.2, -0.25, 1.0, 0.15)
        if self.u(0.0, 1.0) < 0.25:  # legs crossed
            side = int(self.rng.integers(2))
            feet[side] = [-0.1 * SIDES[side], seat - 0.05, 0.55]
        hands = str(self.rng.choice(["lap", "lap", "busy", "front", "hang", "up"]))
        return self.pose(
            (0.0, seat + 0.08, 0.0), self.turn(0.6 * lean - 10.0), self.turn(0.6 * lean + 10.0),
            feet, self.both(self.u(0.0, 0.5), 0.6, 1.0, 0.1), toes, hands,
        )  # fmt: skip

    def sit_on_floor(self) -> Pose:
        """Sit on the floor: cross-legged, legs ahead or knees up."""
        kind = self.rng.integers(3)
        lean = self.u(-25.0, 30.0)
        hips = (0.0, 0.1, 0.0)
        if kind == 0:  # cross-legged
            feet = self.both(-0.12, 0.06, self.u(0.2, 0.3), 0.03)
            knees, toes = self.both(1.0, 0.3, 0.4, 0.1), self.both(-1.0, -0.1, 0.3, 0.2)
        elif kind == 1:  # legs stretched out
            feet = self.both(self.u(0.05, 0.45), 0.06, self.u(0.6, 0.8), 0.05)
            knees, toes = self.both(0.1, 1.0, 0.1, 0.1), self.both(0.15, 1.0, 0.4, 0.2)
        else:  # knees up
            feet = self.both(self.u(0.05, 0.25), ANKLE, self.u(0.25, 0.5), 0.05)
            knees, toes = self.both(0.15, 1.0, 0.4, 0.1), self.both(0.1, -0.2, 1.0, 0.1)
        hands: str | ndarray = str(self.rng.choice(["lap", "busy", "front", "up"]))
        if lean < -8.0:
            hands = self.both(0.3, 0.06, -0.3, 0.06)  # leans back on them
        return self.pose(
            hips, self.turn(lean), self.turn(10.0 + 0.4 * lean), feet, knees, toes, hands
        )

    def kneel(self) -> Pose:
        """Kneel upright or sit on the heels."""
        sits = self.u(0.0, 1.0) < 0.5
        height = self.u(0.2, 0.28) if sits else self.u(0.44, 0.47)
        feet = self.both(0.1, 0.06, -0.2 if sits else -0.37, 0.03)
        lean = self.u(-5.0, 35.0)
        return self.pose(
            (0.0, height, -0.15 if sits else 0.0), self.turn(lean), self.turn(0.4 * lean), feet,
            self.both(0.15, -0.3, 1.0, 0.05), self.both(0.0, -0.1, -1.0, 0.1),
        )  # fmt: skip

    def half_kneel(self) -> Pose:
        """Kneel on one knee."""
        feet, toes = self.both(0.1, 0.06, -0.35, 0.03), self.both(0.0, -0.5, -0.6, 0.1)
        knees = self.both(0.1, -0.2, 1.0, 0.05)
        side = int(self.rng.integers(2))
        feet[side], toes[side] = [0.12 * SIDES[side], ANKLE, self.u(0.35, 0.5)], [0.0, -0.25, 1.0]
        knees[side] = [0.1 * SIDES[side], 0.6, 1.0]
        lean = self.u(-5.0, 35.0)
        return self.pose(
            (0.0, 0.46, 0.0), self.turn(lean), self.turn(0.4 * lean), feet, knees, toes
        )

    def squat(self) -> Pose:
        """Squat, low or half."""
        height, lean = self.u(0.25, 0.6), self.u(15.0, 55.0)
        feet = self.both(self.u(0.12, 0.3), ANKLE, self.u(0.05, 0.15), 0.02)
        hands = str(self.rng.choice(["front", "front", "busy", "up", "hang"]))
        return self.pose(
            (0.0, height, -0.3 * (0.85 - height)), self.turn(lean, spread=4.0), self.turn(0.0),
            feet,
            self.both(self.u(0.1, 0.7), 0.3, 1.0, 0.05), self.both(0.4, -0.25, 1.0, 0.1), hands,
        )  # fmt: skip

    def lunge(self) -> Pose:
        """Step far ahead with one knee low."""
        long, height = self.u(0.4, 0.65), self.u(0.45, 0.7)
        feet, toes = self.both(0.1, 0.1, -long, 0.03), self.both(0.0, -0.7, 0.7, 0.1)
        side = int(self.rng.integers(2))
        feet[side], toes[side] = [0.1 * SIDES[side], ANKLE, self.u(0.3, 0.45)], [0.0, -0.25, 1.0]
        hands = str(self.rng.choice(["up", "out", "hips", "busy", "front"]))
        return self.pose(
            (0.0, height, 0.0), self.turn(self.u(-5.0, 25.0)), self.turn(self.u(-10.0, 15.0)), feet,
            self.both(0.1, 0.1, 1.0, 0.05), toes, hands,
        )  # fmt: skip

    def all_fours(self) -> Pose:
        """Hands and knees; now and then an arm and the other leg stretched out."""
        feet = self.both(0.1, 0.06, -0.38, 0.05)
        hands = self.both(0.18, 0.06, self.u(0.45, 0.6), 0.05)
        if self.u(0.0, 1.0) < 0.3:  # an arm and the other leg stretched out
            side = int(self.rng.integers(2))
            hands[side], feet[1 - side] = [0.2 * SIDES[side], 0.55, 0.95], [0.0, 0.5, -0.8]
        return self.pose(
            (0.0, 0.47, 0.0), self.turn(self.u(75.0, 95.0)), self.turn(self.u(-15.0, 20.0)), feet,
            self.both(0.1, -1.0, 0.4, 0.05), self.both(0.0, -0.1, -1.0, 0.1), hands,
        )  # fmt: skip

    def plank(self) -> Pose:
        """Any height of a push-up."""
        low = self.u(0.0, 1.0)  # 1: chest at the floor
        tilt = 90.0 - (1.0 - low) * self.u(18.0, 24.0) - 2.0
        hips = (0.0, 0.14 + 0.28 * (1.0 - low), 0.0)
        feet = self.both(self.u(0.05, 0.2), 0.19, -0.8, 0.02)
        hands = self.both(self.u(0.2, 0.32), 0.05, 0.47, 0.02)
        pose = self.pose(
            hips, self.turn(tilt, spread=2.0), self.turn(0.0, spread=3.0), feet,
            self.both(0.1, -1.0, 0.1, 0.03), self.both(0.0, -1.0, 0.2, 0.05), hands,
        )  # fmt: skip
        elbows = self.both(self.u(0.2, 1.0), 0.5, -1.0, 0.1)
        return Pose(**{name: getattr(pose, name) for name in SHAPES} | {"elbows": elbows})

    def down_dog(self) -> Pose:
        """Hands and feet on the floor, hips high."""
        return self.pose(
            (0.0, self.u(0.75, 0.85), 0.0), self.turn(self.u(125.0, 140.0)),
            self.turn(self.u(0.0, 20.0)),
            self.both(0.12, ANKLE, -0.45, 0.03), self.both(0.1, -0.2, 1.0, 0.03),
            self.both(0.1, -0.4, 1.0, 0.05), self.both(0.2, 0.05, 0.75, 0.03),
        )  # fmt: skip

    def cobra(self) -> Pose:
        """Lie prone, the chest lifted on the arms."""
        return self.pose(
            (0.0, 0.13, 0.0), self.turn(self.u(65.0, 85.0)), self.turn(self.u(-45.0, -20.0)),
            self.both(0.1, 0.06, -0.82, 0.03), self.both(0.1, -1.0, 0.1, 0.03),
            self.both(0.0, -0.1, -1.0, 0.05), self.both(0.22, 0.05, self.u(0.3, 0.45), 0.03),
        )  # fmt: skip

    def childs_pose(self) -> Pose:
        """Sit on the heels, bent forward onto the floor."""
        return self.pose(
            (0.0, 0.25, -0.15), self.turn(self.u(90.0, 110.0)), self.turn(self.u(0.0, 20.0)),
            self.both(0.1, 0.06, -0.2, 0.02), self.both(self.u(0.1, 0.5), -0.3, 1.0, 0.03),
            self.both(0.0, -0.1, -1.0, 0.05), self.both(0.15, 0.05, self.u(0.1, 0.9), 0.05),
        )  # fmt: skip

    def lie(self) -> Pose:
        """Lie on the back, belly or side, with knees bent or not, and arms anywhere near."""
        kind = self.rng.integers(3)
        bent = self.u(0.0, 1.0) < 0.4
        if kind == 0:  # supine: the belly points up, the head towards -Z
            feet = self.both(0.12, ANKLE, self.u(0.35, 0.6) if bent else 0.8, 0.04)
            knees, toes = self.both(0.1, 1.0, 0.2, 0.1), self.both(0.2, 1.0, 0.3, 0.2)
            pelvis, chest = self.turn(-90.0 - self.u(-5.0, 5.0)), self.turn(self.u(-5.0, 25.0))
        elif kind == 1:
            feet = self.both(0.15, 0.06, -0.8, 0.05)
            knees, toes = self.both(0.3, -1.0, 0.1, 0.1), self.both(0.0, -0.3, -1.0, 0.1)
            pelvis, chest = self.turn(88.0), self.turn(self.u(-15.0, 5.0))
        else:
            side = float(self.rng.choice([-1.0, 1.0]))
            ahead = self.u(0.1, 0.5)
            feet = np.array([[side * 0.5, 0.16, ahead], [side * 0.5, 0.08, ahead - 0.1]])
            feet = feet[:: int(side)] + 0.04 * self.rng.normal(size=(2, 3))
            knees, toes = self.both(0.0, 0.0, 1.0, 0.1), self.both(0.0, 0.0, 1.0, 0.3)
            pelvis, chest = self.turn(0.0, 0.0, side * 88.0), self.turn(self.u(-5.0, 20.0))
        hands = str(self.rng.choice(["hang", "busy", "up", "out", "lap"]))
        return self.pose((0.0, 0.13, 0.0), pelvis, chest, feet, knees, toes, hands)

    def bridge(self) -> Pose:
        """Lie on the back with the hips lifted."""
        height = self.u(0.12, 0.42)
        tilt = -90.0 - np.degrees(np.arcsin((height - 0.12) / TRUNK))
        return self.pose(
            (0.0, height, 0.0), self.turn(tilt, spread=3.0), self.turn(self.u(0.0, 10.0)),
            self.both(0.12, ANKLE, 0.4, 0.03), self.both(0.1, 1.0, 0.5, 0.05),
            self.both(0.1, -0.2, 1.0, 0.1), "hang",
        )  # fmt: skip
