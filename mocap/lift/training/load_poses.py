"""Key poses of people who stand with something in their hands, or lean on something.

Arms overhead with straight legs, bars, loads, walls and tables: neither the captured motion nor
key_poses.py has them, and people film them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy import ndarray

from mocap.core import rotation as R
from mocap.lift.training.controls import (
    ANKLE,
    FOREARM,
    HIP,
    SHANK,
    SIDES,
    THIGH,
    UPPER_ARM,
    Pose,
    shoulders_of,
)
from mocap.lift.training.key_poses import Maker

ARM, LEG = UPPER_ARM + FOREARM, THIGH + SHANK


class LoadMaker(Maker):
    """Draws key poses of these kinds. Angles in degrees."""

    def some(self, share: float) -> bool:
        """Return true with this probability."""
        return self.u(0.0, 1.0) < share

    def straight(self, bend: float) -> float:
        """Return a reach, as a share of the limb's, for a bend of this standard deviation."""
        return float(np.cos(0.5 * np.radians(abs(bend * self.rng.normal()))))

    def one_of(self, *kinds: str) -> str:
        """Return one of the kinds at random."""
        return str(self.rng.choice(kinds))

    def _held(self, pose: Pose, hands: ndarray, elbows: ndarray) -> Pose:
        return replace(pose, hands=hands, elbows=elbows + 0.1 * self.rng.normal(size=(2, 3)))

    def _upright(self, lean: float = 0.0, bend: float = 4.0) -> Pose:
        """Stand, walk or step apart, the longer leg nearly straight.

        Args:
            lean: Of the trunk, degrees.
            bend: Standard deviation of that knee's bend, degrees.
        """
        feet = self.both(self.u(0.07, 0.3), ANKLE, 0.0, 0.015)
        if self.some(0.35):
            step = self.u(0.08, 0.4) * float(self.rng.choice([-1.0, 1.0]))
            feet[:, 2] += [step, -step]
            feet[int(step > 0.0), 1] += 0.4 * abs(step) * self.u(0.0, 1.0)
        if self.some(0.1):
            feet[:, 1] += 0.08  # on tiptoe
        back = -0.1 * np.sin(np.radians(lean))
        off = feet[:, [0, 2]] - [0.0, back] - SIDES[:, None] * [HIP, 0.0]
        reach = LEG * self.straight(bend)
        room = np.maximum(reach * reach - np.square(off).sum(axis=1), 0.1)
        height = float((feet[:, 1] + np.sqrt(room)).min())
        return self.pose(
            (0.0, height, float(back)), self.turn(lean, spread=2.5),
            self.turn(self.u(-8.0, 8.0) + 0.3 * lean, spread=3.0), feet,
            self.both(0.2, 0.0, 1.0, 0.1), self.both(0.25, -0.25, 1.0, 0.1),
        )  # fmt: skip

    def _shoulders(self, pose: Pose) -> tuple[ndarray, ndarray]:
        return shoulders_of(pose.hips, pose.pelvis, pose.chest)

    def _raised(self, pose: Pose, outwards: ndarray, ahead: ndarray, reach: ndarray) -> ndarray:
        """Return wrists (2, 3) above the shoulders, tilted from the vertical by angles (2,)."""
        o, a = np.radians(outwards), np.radians(ahead)
        way = np.stack([SIDES * np.sin(o), np.cos(o) * np.cos(a), np.cos(o) * np.sin(a)], axis=-1)
        return np.asarray(self._shoulders(pose)[0] + ARM * reach[:, None] * way)

    def overhead(self) -> Pose:
        """Hold a bar up, cheer, clap or stretch, with arms near the vertical."""
        pose = self._upright(lean=self.u(-5.0, 6.0))
        kind = self.one_of("bar", "bar", "bar", "cheer", "cheer", "one", "clasp", "behind")
        elbows = self.both(1.0, self.u(-0.3, 0.3), self.u(-0.8, 0.8))
        if kind == "bar":
            out, ahead, reach = self.u(-10.0, 45.0), self.u(-12.0, 14.0), self.straight(12.0)
            hands = self._raised(pose, np.full(2, out), np.full(2, ahead), np.full(2, reach))
            hands = hands + 0.01 * self.rng.normal(size=(2, 3))
        elif kind == "clasp":
            ahead, reach = self.u(-10.0, 15.0), self.straight(25.0)
            hands = self._raised(pose, np.full(2, -19.0), np.full(2, ahead), np.full(2, reach))
        elif kind == "behind":
            shoulders, top = self._shoulders(pose)
            hands = shoulders + R.apply(top[None], self.both(-0.1, self.u(0.12, 0.25), -0.05))
            elbows = self.both(1.0, 0.4, self.u(-0.2, 1.0))
        else:
            hands = self._raised(
                pose, self.rng.uniform(-10.0, 45.0, 2), self.rng.uniform(-20.0, 25.0, 2),
                np.array([self.straight(25.0), self.straight(25.0)]),
            )  # fmt: skip
            if kind == "one":
                side = int(self.rng.integers(2))
                hands[side] = pose.hands[side]
        return self._held(pose, hands, elbows)

    def rack(self) -> Pose:
        """Hold a bar on the shoulders, before them or behind, standing or dipping a little."""
        pose = self._upright(lean=self.u(-4.0, 10.0), bend=4.0 if self.some(0.6) else 30.0)
        shoulders, top = self._shoulders(pose)
        if self.some(0.6):
            hands = self.both(self.u(0.0, 0.2), self.u(-0.03, 0.08), self.u(0.08, 0.18), 0.01)
            elbows = self.both(0.3, self.u(-1.0, 0.0), 1.0)
        else:
            hands = self.both(self.u(0.08, 0.25), self.u(-0.02, 0.1), self.u(-0.12, 0.0), 0.01)
            elbows = self.both(0.3, -1.0, self.u(-0.6, 0.2))
        return self._held(pose, shoulders + R.apply(top[None], hands), elbows)

    def pull(self) -> Pose:
        """Hold something heavy with straight arms, anywhere between the floor and upright."""
        low = self.u(0.0, 1.0) ** 1.5
        feet = self.both(self.u(0.1, 0.3), ANKLE, 0.0, 0.015)
        bend = np.radians(self.u(0.0, 8.0) + 100.0 * low * self.u(0.1, 1.0))
        height = ANKLE + LEG * np.cos(0.5 * bend) * 0.985
        pose = self.pose(
            (0.0, float(height), float(-0.3 * low)), self.turn(5.0 + 65.0 * low, spread=3.0),
            self.turn(self.u(-10.0, 12.0), spread=3.0), feet,
            self.both(self.u(0.1, 0.4), 0.2, 1.0, 0.05), self.both(0.25, -0.25, 1.0, 0.1),
        )  # fmt: skip
        shoulders, _ = self._shoulders(pose)
        wide = self.u(-0.03, 0.25)
        hang = np.sqrt(max((0.97 * ARM) ** 2 - wide * wide, 0.01))
        hands = shoulders + self.both(wide, -float(hang), self.u(-0.03, 0.1), 0.01)
        return self._held(pose, hands, self.both(1.0, -0.2, -0.6))

    def carry(self) -> Pose:
        """Hold a load before the belly, against the chest, on a shoulder; or the own arms."""
        pose = self._upright(lean=self.u(-12.0, 10.0))
        elbows = self.both(0.6, -0.6, -0.7)
        kind = self.one_of(
            "box", "box", "hug", "shoulder", "one side", "phone", "folded", "behind", "pockets"
        )
        shoulders, top = self._shoulders(pose)
        side = int(self.rng.integers(2))
        if kind == "box":
            hands = self.both(self.u(-0.1, 0.1), self.u(-0.45, -0.2), self.u(0.22, 0.42), 0.02)
        elif kind == "hug":
            hands = self.both(-0.17, self.u(-0.35, -0.1), self.u(0.15, 0.28), 0.04)
        elif kind == "phone":
            hands = self.both(self.u(-0.17, -0.05), self.u(-0.3, 0.05), self.u(0.2, 0.35), 0.04)
        elif kind == "folded":
            hands = self.both(-0.28, self.u(-0.3, -0.2), self.u(0.14, 0.22), 0.02)
        elif kind == "behind":
            hands = self.both(-0.15, self.u(-0.48, -0.3), -0.14, 0.03)
            elbows = self.both(1.0, -0.2, -0.5)
        elif kind == "pockets":
            hands = self.both(self.u(-0.02, 0.05), self.u(-0.46, -0.4), self.u(-0.02, 0.1), 0.02)
            elbows = self.both(1.0, 0.0, -0.6)
        else:
            hands = pose.hands - shoulders
            hands = R.apply(R.conjugate(top)[None], hands)
            at = {
                "shoulder": [self.u(-0.05, 0.1), self.u(0.05, 0.22), self.u(0.0, 0.15)],
                "one side": [self.u(0.03, 0.12), -0.52, self.u(-0.05, 0.08)],
            }[kind]
            hands[side] = np.array(at) * [SIDES[side], 1.0, 1.0]
            if kind == "shoulder":
                elbows[side] = [0.8 * SIDES[side], self.u(-0.6, 0.2), self.u(0.0, 1.0)]
        return self._held(pose, shoulders + R.apply(top[None], hands), elbows)

    def lean_on(self) -> Pose:
        """Lean on a wall with hands, a hand or the back, or on a table, with straight legs."""
        kind = self.one_of("wall", "side", "back", "table")
        tilt = {"wall": self.u(8.0, 35.0), "back": -self.u(5.0, 22.0)}.get(kind, 0.0)
        roll = self.u(6.0, 22.0) * float(self.rng.choice([-1.0, 1.0])) if kind == "side" else 0.0
        fold = self.u(20.0, 65.0) if kind == "table" else self.u(-8.0, 12.0)
        reach = LEG * self.straight(5.0)
        t, r = np.radians(tilt), np.radians(roll)
        hips = np.array([-np.sin(r), np.cos(t) * np.cos(r), np.sin(t)]) * reach
        pose = self.pose(
            (float(hips[0]), float(hips[1]) + ANKLE, float(hips[2]) - 0.2 * (kind == "table")),
            self.turn(tilt + 0.7 * max(fold, 0.0), 0.0, roll, 2.5),
            self.turn(0.3 * fold, spread=4.0), self.both(self.u(0.07, 0.2), ANKLE, 0.0, 0.02),
            self.both(0.2, 0.0, 1.0, 0.05), self.both(0.2, -0.25, 1.0, 0.1),
        )  # fmt: skip
        shoulders, _ = self._shoulders(pose)
        hands = pose.hands.copy()
        elbows = self.both(0.8, -0.6, -0.3)
        if kind == "wall":
            hands = shoulders + self.both(self.u(0.0, 0.2), self.u(-0.15, 0.25), 0.0)
            hands[:, 2] = shoulders[:, 2] + self.u(0.3, 0.5)
        elif kind == "table":
            hands = shoulders + self.both(self.u(0.0, 0.2), -self.u(0.4, 0.52), self.u(0.0, 0.2))
        elif kind == "side":
            side = int(roll > 0.0)  # a roll to the right lifts the left side
            hands[side] = shoulders[side] + [SIDES[side] * self.u(0.3, 0.5), self.u(-0.1, 0.3), 0.0]
        return self._held(pose, hands, elbows)
