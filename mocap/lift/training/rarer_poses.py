"""Key poses of people who hang, stand on their hands, bend backwards, lie on a side or sit.

Neither the captured motion nor key_poses.py has them, and people film them. Legs that are in the
air are given in the pelvis' axes; the body's height follows from what carries it: hands on a bar or
on the floor.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy import ndarray

from mocap.core import rotation as R
from mocap.lift.training.controls import ANKLE, HIP, SIDES, UPPER_ARM, Pose, shoulders_of
from mocap.lift.training.load_poses import ARM, LEG, LoadMaker

_PALM = 0.05  # height of a wrist whose palm is on the floor, metres
_BAR = 2.3  # height of the bar, metres


class RarerMaker(LoadMaker):
    """Draws key poses of these kinds. Angles in degrees."""

    def _legs(
        self, hips: ndarray, pelvis: ndarray, flexions: ndarray, apart: ndarray, reaches: ndarray
    ) -> tuple[ndarray, ndarray, ndarray]:
        """Return feet, knees and toes of legs held in the pelvis' axes.

        Args:
            hips: (3,) metres.
            pelvis: (3,) rotation vector.
            flexions: (2,) of the lines from hips to ankles, degrees ahead of the body's axis.
            apart: (2,) the same to the sides, degrees.
            reaches: (2,) lengths of these lines, as shares of the leg's.
        """
        turn = R.from_rotation_vector(pelvis)[None]
        f, a = np.radians(flexions), np.radians(apart)
        way = np.stack([SIDES * np.sin(a), -np.cos(f) * np.cos(a), np.sin(f) * np.cos(a)], axis=-1)
        roots = SIDES[:, None] * [HIP, 0.0, 0.0]
        feet = hips + R.apply(turn, roots + LEG * reaches[:, None] * way)
        front = np.stack([0.3 * SIDES * np.sin(a), np.sin(f), np.cos(f)], axis=-1)
        toes = front + self.u(0.1, 1.6) * way + 0.1 * self.rng.normal(size=(2, 3))
        knees = front + 0.1 * self.rng.normal(size=(2, 3))
        return feet, R.apply(turn, knees), R.apply(turn, toes)

    def hang(self) -> Pose:
        """Hang from a bar or pull up, legs straight, bent back, tucked or held out."""
        up = 0.0 if self.some(0.5) else self.u(0.0, 1.0)
        pelvis, chest = self.turn(self.u(-15.0, 20.0)), self.turn(self.u(-15.0, 10.0))
        wide = self.u(0.1, 0.5)
        reach = ARM * (self.straight(15.0) - 0.6 * up)
        below = float(np.sqrt(max(reach**2 - (wide - 0.18) ** 2, 0.02)))
        middle = np.array([0.0, _BAR - below, self.u(-0.12, 0.05)])
        hips = middle - shoulders_of(np.zeros(3), pelvis, chest)[0].mean(axis=0)
        ahead, near = {
            "straight": (self.u(-8.0, 20.0), self.straight(10.0)),
            "back": (self.u(-45.0, -15.0), self.u(0.6, 0.92)),
            "tucked": (self.u(60.0, 110.0), self.u(0.45, 0.75)),
            "out": (self.u(40.0, 100.0), self.straight(15.0)),
        }[self.one_of("straight", "straight", "straight", "back", "tucked", "out")]
        legs = self._legs(
            hips, pelvis, ahead + self.u(0.0, 8.0) * self.rng.normal(size=2),
            self.u(-3.0, 20.0) + 3.0 * self.rng.normal(size=2), np.full(2, near),
        )  # fmt: skip
        hands = self.both(wide, _BAR, 0.0, 0.005)
        pose = self.pose(self._at(hips), pelvis, chest, *legs, hands)
        return self._held(pose, hands, self.both(1.0, self.u(-0.6, 0.0), self.u(-0.5, 0.8)))

    def handstand(self) -> Pose:
        """Stand on the hands, or on the forearms; legs together, apart, split or tucked."""
        pelvis, chest = self.turn(180.0 + self.u(-15.0, 15.0)), self.turn(self.u(-20.0, 15.0))
        forearms = self.some(0.2)
        high = UPPER_ARM if forearms else ARM * self.straight(15.0)
        middle = np.array([0.0, _PALM + high, self.u(-0.06, 0.06)])
        hips = middle - shoulders_of(np.zeros(3), pelvis, chest)[0].mean(axis=0)
        split = self.u(15.0, 80.0) * float(self.rng.choice([-1.0, 1.0]))
        ahead, apart, near = {
            "together": (self.u(-12.0, 15.0) * np.ones(2), self.u(-3.0, 6.0), self.straight(10.0)),
            "split": (np.array([split, -split]), self.u(-3.0, 15.0), self.straight(25.0)),
            "apart": (self.u(-10.0, 40.0) * np.ones(2), self.u(20.0, 70.0), self.straight(10.0)),
            "tucked": (self.u(40.0, 110.0) * np.ones(2), self.u(-3.0, 20.0), self.u(0.4, 0.8)),
        }[self.one_of("together", "together", "together", "split", "apart", "tucked")]
        legs = self._legs(
            hips, pelvis, ahead + 4.0 * self.rng.normal(size=2),
            apart + 2.0 * self.rng.normal(size=2), np.full(2, near),
        )  # fmt: skip
        hands = self.both(self.u(0.12, 0.3), _PALM, 0.25 if forearms else 0.0, 0.01)
        if forearms:
            hands[:, 2] *= -1.0  # the person faces away from +Z while upside down
        pose = self.pose(self._at(hips), pelvis, chest, *legs, hands)
        pose = replace(pose, head=self.turn(self.u(-45.0, 10.0), self.u(-10.0, 10.0)))
        poles = self.both(1.0, -0.2, 0.2) if not forearms else self.both(0.2, -1.0, 0.3)
        return self._held(pose, hands, poles)

    def kick_up(self) -> Pose:
        """Both hands on the floor, hips high, one leg in the air."""
        pose = self.down_dog()
        hips = np.array([0.0, self.u(0.75, 0.95), self.u(-0.35, -0.1)])
        pelvis = self.turn(self.u(115.0, 150.0))
        feet, knees, toes = self._legs(
            hips, pelvis, np.array([self.u(-40.0, 20.0), 90.0]), np.zeros(2),
            np.array([self.straight(20.0), 0.9]),
        )  # fmt: skip
        feet[1], knees[1], toes[1] = pose.feet[1], pose.knees[1], pose.toes[1]
        hands = self.both(self.u(0.15, 0.25), _PALM, self.u(0.05, 0.25), 0.01)
        pose = self.pose(self._at(hips), pelvis, self.turn(self.u(0.0, 20.0)), feet, knees, toes)
        return self._held(pose, hands, self.both(0.8, 0.2, 0.5))

    def backbend(self) -> Pose:
        """Bridge on hands and feet, belly up and arched; or a table on hands and feet."""
        arched = self.some(0.65)
        pelvis = self.turn(-self.u(88.0, 120.0) if arched else -self.u(65.0, 92.0), spread=4.0)
        chest = self.turn(-self.u(25.0, 75.0) if arched else self.u(-10.0, 15.0), spread=4.0)
        shoulders, _ = shoulders_of(np.zeros(3), pelvis, chest)
        middle = shoulders.mean(axis=0)
        height = _PALM + ARM * self.straight(40.0) - float(middle[1])
        feet = self.both(self.u(0.1, 0.25), ANKLE, self.u(0.3, 0.6), 0.03)
        wide = self.u(0.15, 0.3)
        hands = self.both(wide, _PALM, float(middle[2]) + self.u(-0.15, 0.1), 0.02)
        pose = self.pose(
            (0.0, float(np.clip(height, 0.2, 0.85)), 0.0), pelvis, chest, feet,
            self.both(0.15, 1.0, 0.5, 0.05), self.both(0.15, -0.2, 1.0, 0.1), hands,
        )  # fmt: skip
        return self._held(pose, hands, self.both(0.5, 0.4, -0.8))

    def side_lie(self) -> Pose:
        """Lie on a side, or prop oneself on the elbow; the upper leg may be lifted."""
        side = float(self.rng.choice([-1.0, 1.0]))  # +1: the left side is up
        propped = self.some(0.3)
        pelvis = self.turn(self.u(-8.0, 8.0), self.u(-20.0, 20.0), side * self.u(75.0, 100.0))
        bend = -side * self.u(25.0, 45.0) if propped else side * self.u(-8.0, 8.0)
        chest = self.turn(self.u(-5.0, 25.0), 0.0, bend)
        hips = np.array([0.0, 0.15, 0.0])
        upper, lower = (0, 1) if side > 0.0 else (1, 0)
        ahead = np.full(2, self.u(-5.0, 90.0)) + 12.0 * self.rng.normal(size=2)
        near = np.full(2, 1.0) if self.some(0.4) else self.rng.uniform(0.5, 0.98, 2)
        apart = np.zeros(2)
        apart[lower] = -self.u(0.0, 6.0)
        apart[upper] = self.u(10.0, 60.0) if self.some(0.3) else -self.u(0.0, 8.0)
        legs = self._legs(hips, pelvis, ahead, apart, near)
        pose = self.pose(self._at(hips), pelvis, chest, *legs, "busy")
        shoulders, _ = self._shoulders(pose)
        hands, elbows = pose.hands.copy(), pose.elbows.copy()
        out = -side  # the head's direction along x
        if propped:
            hands[lower] = shoulders[lower] + [0.05 * out, -0.2, self.u(0.1, 0.3)]
            elbows[lower] = [0.0, -1.0, 0.1]
        elif self.some(0.5):  # under the head
            hands[lower] = [shoulders[lower, 0] + out * self.u(0.1, 0.4), 0.08, self.u(0.05, 0.25)]
        else:
            hands[lower] = [shoulders[lower, 0] + out * self.u(-0.2, 0.2), 0.06, self.u(0.3, 0.5)]
        if self.some(0.5):  # along the body, or on the hip
            hands[upper] = hips + [out * self.u(-0.1, 0.15), self.u(0.1, 0.18), self.u(-0.05, 0.1)]
        hands[:, 1] = np.maximum(hands[:, 1], _PALM)
        feet = np.maximum(pose.feet, [-np.inf, _PALM, -np.inf])
        return self._held(replace(pose, feet=feet), hands, elbows)

    def side_plank(self) -> Pose:
        """Straight, on one hand or forearm and the feet; the other arm up, along or at the hip."""
        side = float(self.rng.choice([-1.0, 1.0]))
        lower = 1 if side > 0.0 else 0
        forearm = self.some(0.5)
        roll = self.u(68.0, 80.0) if forearm else self.u(55.0, 68.0)
        pelvis, chest = self.turn(0.0, 0.0, side * roll, 3.0), self.turn(0.0, spread=5.0)
        shoulders, _ = shoulders_of(np.zeros(3), pelvis, chest)
        carried = (UPPER_ARM if forearm else 0.97 * ARM) + _PALM
        hips = np.array([0.0, carried - float(shoulders[lower, 1]), 0.0])
        straight = self._legs(
            hips, pelvis, 3.0 * self.rng.normal(size=2), np.full(2, -5.0), np.full(2, 0.995)
        )
        pose = self.pose(self._at(hips), pelvis, chest, *straight, self.one_of("out", "hang"))
        hands, elbows = pose.hands.copy(), pose.elbows.copy()
        root = self._shoulders(pose)[0][lower]
        hands[lower] = [root[0], _PALM, 0.25 if forearm else self.u(-0.05, 0.1)]
        elbows[lower] = [0.0, -1.0, -0.1 if forearm else -1.0]
        return self._held(pose, hands, elbows)

    def desk(self) -> Pose:
        """Sit at a table: hands on it, before the chest, at the face or the ears."""
        seat, lean = self.u(0.4, 0.55), self.u(-15.0, 25.0)
        feet = self.both(self.u(0.05, 0.25), ANKLE, self.u(0.0, 0.5), 0.05)
        if self.some(0.15):  # standing at it, or on a high stool
            seat, feet = self.u(0.6, 0.8), self.both(self.u(0.05, 0.2), ANKLE, 0.1, 0.05)
        pose = self.pose(
            (0.0, seat + 0.08, 0.0), self.turn(0.6 * lean - 5.0, spread=4.0),
            self.turn(0.5 * lean + 8.0, spread=5.0), feet,
            self.both(self.u(0.0, 0.5), 0.4, 1.0, 0.1), self.both(0.2, -0.25, 1.0, 0.15), "busy",
        )  # fmt: skip
        shoulders, top = self._shoulders(pose)
        places = np.stack([self._at_desk(), self._at_desk()])
        if self.some(0.5):
            places[1] = places[0] + 0.03 * self.rng.normal(size=3)
        hands = shoulders + R.apply(top[None], places * [[1.0, 1.0, 1.0], [-1.0, 1.0, 1.0]])
        return self._held(pose, hands, self.both(self.u(0.2, 1.0), -1.0, self.u(-0.8, 0.2)))

    def _at_desk(self) -> ndarray:
        """Return a place of the left wrist, from its shoulder in the chest's axes."""
        low, high = {
            "typing": ((-0.12, -0.4, 0.22), (0.05, -0.25, 0.4)),
            "chest": ((-0.2, -0.25, 0.18), (0.12, 0.05, 0.4)),
            "chin": ((-0.2, 0.03, 0.1), (-0.08, 0.16, 0.22)),
            "ear": ((-0.12, 0.12, -0.02), (0.02, 0.26, 0.1)),
            "lap": ((-0.15, -0.5, 0.1), (0.0, -0.4, 0.25)),
            "wave": ((0.0, -0.05, 0.1), (0.25, 0.3, 0.4)),
        }[self.one_of("typing", "typing", "chest", "chest", "chest", "chin", "ear", "lap", "wave")]
        return np.asarray(self.rng.uniform(low, high))

    def legs_out(self) -> Pose:
        """Sit on the floor with straight legs ahead, apart or lifted; upright or reaching out."""
        lean = self.u(-25.0, 15.0) if self.some(0.6) else self.u(15.0, 55.0)
        hips, pelvis = np.array([0.0, 0.1, 0.0]), self.turn(lean, spread=4.0)
        lifted = self.u(10.0, 45.0) if self.some(0.2) else 0.0
        legs = self._legs(
            hips, pelvis, 90.0 - 2.0 + lean + lifted + 2.0 * self.rng.normal(size=2),
            np.full(2, self.u(0.0, 10.0) if self.some(0.6) else self.u(10.0, 45.0)),
            np.full(2, self.straight(12.0)),
        )  # fmt: skip
        chest = self.turn(5.0 + 0.5 * max(lean, 0.0), spread=5.0)
        pose = self.pose(
            self._at(hips), pelvis, chest, *legs, self.one_of("lap", "busy", "front", "up", "hips")
        )
        shoulders, _ = self._shoulders(pose)
        if lean > 15.0:
            ways = pose.feet - shoulders
            far = np.minimum(np.linalg.norm(ways, axis=1, keepdims=True), 0.98 * ARM)
            hands = shoulders + R.normalize(ways) * far * self.u(0.7, 1.0)
            return self._held(pose, hands, self.both(0.8, 0.3, -0.5))
        if lean < -8.0:
            hands = shoulders + self.both(self.u(0.0, 0.2), 0.0, self.u(-0.35, -0.1))
            hands[:, 1] = 0.06
            return self._held(pose, hands, self.both(0.5, 0.2, -0.8))
        return pose

    @staticmethod
    def _at(hips: ndarray) -> tuple[float, float, float]:
        return float(hips[0]), float(hips[1]), float(hips[2])
