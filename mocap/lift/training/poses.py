"""Procedural motion: people who stand and gesture, sit, kneel, crawl, lie, do push-ups and yoga.

The captured motion for training has hardly any of it. A take is a sequence of key poses with holds
between them. A key pose is a set of controls: position of the hips, rotations of pelvis, chest and
head, positions of hands and feet, and directions of knees and elbows. Controls are blended
along minimum-jerk curves (Flash and Hogan, J. Neurosci. 5, 1985), and arms and legs follow by
two-bone inverse kinematics, so that a hand or foot that two key poses share stays where it is.
World axes: +Y up, the person faces +Z before the random yaw, +X is the person's left; metres.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.lift.network import RATE

_THIGH, _SHANK, _UPPER_ARM, _FOREARM = 0.42, 0.39, 0.27, 0.26
_HIP, _SHOULDER, _TRUNK, _HEAD, _TOE = 0.092, 0.18, 0.505, 0.195, 0.206
_STRETCHED = 0.9995
"""Largest distance from hip to ankle, or shoulder to wrist, as a fraction of the limb's length: a
bend of 3.6°."""
_ANKLE = 0.08
"""Height of the ankle when the sole is on the floor, metres."""
_SIDES = np.array([1.0, -1.0])
_UP, _AHEAD = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True, eq=False, slots=True)
class Pose:
    """The controls of one key pose, or of F frames (then with a leading axis). World axes.

    Attributes:
        hips: (3,) position, metres.
        pelvis: (3,) rotation vector in the world.
        chest: (3,) rotation vector relative to the pelvis.
        head: (3,) rotation vector relative to the chest.
        hands: (2, 3) positions of the wrists, metres.
        feet: (2, 3) positions of the ankles, metres.
        elbows: (2, 3) directions in which the elbows point.
        knees: (2, 3) directions in which the knees point.
        toes: (2, 3) directions from the ankles to the toes.
    """

    hips: Float[ndarray, "*frames 3"]
    pelvis: Float[ndarray, "*frames 3"]
    chest: Float[ndarray, "*frames 3"]
    head: Float[ndarray, "*frames 3"]
    hands: Float[ndarray, "*frames 2 3"]
    elbows: Float[ndarray, "*frames 2 3"]
    feet: Float[ndarray, "*frames 2 3"]
    knees: Float[ndarray, "*frames 2 3"]
    toes: Float[ndarray, "*frames 2 3"]


_SHAPES = {"hips": (3,), "pelvis": (3,), "chest": (3,), "head": (3,)} | dict.fromkeys(
    ("hands", "elbows", "feet", "knees", "toes"), (2, 3)
)


def _flat(pose: Pose) -> ndarray:
    return np.concatenate([getattr(pose, name).reshape(-1) for name in _SHAPES])


def _unflat(values: Float[ndarray, "frames n"]) -> Pose:
    out, at = {}, 0
    for name, shape in _SHAPES.items():
        size = int(np.prod(shape))
        out[name] = values[:, at : at + size].reshape(len(values), *shape)
        at += size
    return Pose(**out)


def joints(pose: Pose) -> Float[ndarray, "frames 15 3"]:
    """Return the lifter's JOINTS for the frames of a pose, metres.

    Args:
        pose: Controls with a leading axis of frames.
    """
    pelvis = R.from_rotation_vector(pose.pelvis)
    chest = R.multiply(pelvis, R.from_rotation_vector(pose.chest))
    head = R.multiply(chest, R.from_rotation_vector(pose.head))
    across = np.array([1.0, 0.0, 0.0])
    out = np.empty((len(pose.hips), 15, 3))
    # The lower half of the trunk follows the pelvis.
    waist = pose.hips + R.apply(pelvis, 0.4 * _TRUNK * _UP)
    neck = waist + R.apply(chest, 0.6 * _TRUNK * _UP)
    out[:, 0] = neck + R.apply(head, np.array([0.0, _HEAD, 0.02]))
    for side, sign in enumerate(_SIDES):
        shoulder = neck + R.apply(chest, sign * _SHOULDER * across)
        hip = pose.hips + R.apply(pelvis, sign * _HIP * across)
        elbow, wrist = _reach(
            shoulder, pose.hands[:, side], pose.elbows[:, side], _UPPER_ARM, _FOREARM
        )
        knee, ankle = _reach(hip, pose.feet[:, side], pose.knees[:, side], _THIGH, _SHANK)
        for n, point in enumerate((shoulder, elbow, wrist, hip, knee, ankle)):
            out[:, 1 + 2 * n + side] = point
        out[:, 13 + side] = ankle + _TOE * R.normalize(pose.toes[:, side])
    return out


def _reach(
    root: ndarray, target: ndarray, pole: ndarray, upper: float, lower: float
) -> tuple[ndarray, ndarray]:
    """Return middle and end joint (F, 3) of a two-bone limb that reaches towards a target."""
    way = target - root
    far = np.clip(
        np.linalg.norm(way, axis=-1, keepdims=True),
        1.2 * abs(upper - lower) + 0.05,
        _STRETCHED * (upper + lower),
    )
    way = R.normalize(way)
    side = pole - (pole * way).sum(axis=-1, keepdims=True) * way
    along = (far * far + upper * upper - lower * lower) / (2.0 * far)
    off = np.sqrt(np.maximum(upper * upper - along * along, 0.0))
    return root + along * way + off * R.normalize(side), root + far * way


def _shoulders(hips: ndarray, pelvis: ndarray, chest: ndarray) -> tuple[ndarray, ndarray]:
    """Return both shoulders (2, 3) of a key pose, and the chest's world rotation (xyzw)."""
    turn = R.from_rotation_vector(pelvis)
    top = R.multiply(turn, R.from_rotation_vector(chest))
    neck = hips + R.apply(turn, 0.4 * _TRUNK * _UP) + R.apply(top, 0.6 * _TRUNK * _UP)
    offsets = _SIDES[:, None] * _SHOULDER * np.array([1.0, 0.0, 0.0])
    return neck + R.apply(top[None], offsets), top


_FREE = ("hang", "hang", "front", "up", "out", "hips", "busy", "busy")


class _Maker:
    """Draws key poses. Angles in degrees; `u(a, b)` is uniform."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def u(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def turn(self, x: float, y: float = 0.0, z: float = 0.0, spread: float = 6.0) -> ndarray:
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
        """Return a key pose with hands at given positions, or at those of a named gesture."""
        at = np.array(hips)
        shoulders, top = _shoulders(at, pelvis, chest)
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
        """Return a position (2, 3), mirrored for left and right."""
        return _SIDES[:, None] * [x, 0.0, 0.0] + [0.0, y, z] + spread * self.rng.normal(size=(2, 3))

    def stand(self) -> Pose:
        """Stand on both legs or on one; in seven of ten poses the longer leg is nearly straight."""
        wide, lean = self.u(0.07, 0.3), self.u(-5.0, 40.0) * (self.u(0.0, 1.0) < 0.25)
        ahead = 0.12 * self.rng.normal() * (self.u(0.0, 1.0) < 0.5)
        feet, toes = self.both(wide, _ANKLE, 0.0), self.both(0.25, -0.25, 1.0, 0.1)
        feet[:, 1], feet[:, 2] = _ANKLE, [ahead, -ahead]
        aside, back = self.u(-0.4, 0.4) * wide, -0.1 * lean / 40.0
        bent = np.radians(abs(self.rng.normal()) * (6.0 if self.u(0.0, 1.0) < 0.7 else 25.0))
        reach = (_THIGH + _SHANK) * np.cos(0.5 * bent)
        off = feet[:, [0, 2]] - [aside, back] - _SIDES[:, None] * [_HIP, 0.0]
        low = _ANKLE + float(np.sqrt(reach * reach - np.square(off).sum(axis=1).max()))
        return self.pose(
            (aside, low, back), self.turn(lean, spread=2.0), self.turn(0.5 * lean), feet,
            self.both(0.2, 0.0, 1.0, 0.1), toes,
        )  # fmt: skip

    def sit(self) -> Pose:
        seat, lean = self.u(0.38, 0.62), self.u(-25.0, 35.0)
        feet = self.both(self.u(0.05, 0.3), _ANKLE, self.u(0.2, 0.65), 0.05)
        toes = self.both(0.2, -0.25, 1.0, 0.15)
        if self.u(0.0, 1.0) < 0.25:  # legs crossed
            side = int(self.rng.integers(2))
            feet[side] = [-0.1 * _SIDES[side], seat - 0.05, 0.55]
        hands = str(self.rng.choice(["lap", "lap", "busy", "front", "hang", "up"]))
        return self.pose(
            (0.0, seat + 0.08, 0.0), self.turn(0.6 * lean - 10.0), self.turn(0.6 * lean + 10.0),
            feet, self.both(self.u(0.0, 0.5), 0.6, 1.0, 0.1), toes, hands,
        )  # fmt: skip

    def sit_on_floor(self) -> Pose:
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
            feet = self.both(self.u(0.05, 0.25), _ANKLE, self.u(0.25, 0.5), 0.05)
            knees, toes = self.both(0.15, 1.0, 0.4, 0.1), self.both(0.1, -0.2, 1.0, 0.1)
        hands: str | ndarray = str(self.rng.choice(["lap", "busy", "front", "up"]))
        if lean < -8.0:
            hands = self.both(0.3, 0.06, -0.3, 0.06)  # leans back on them
        return self.pose(
            hips, self.turn(lean), self.turn(10.0 + 0.4 * lean), feet, knees, toes, hands
        )

    def kneel(self) -> Pose:
        sits = self.u(0.0, 1.0) < 0.5
        height = self.u(0.2, 0.28) if sits else self.u(0.44, 0.47)
        feet = self.both(0.1, 0.06, -0.2 if sits else -0.37, 0.03)
        lean = self.u(-5.0, 35.0)
        return self.pose(
            (0.0, height, -0.15 if sits else 0.0), self.turn(lean), self.turn(0.4 * lean), feet,
            self.both(0.15, -0.3, 1.0, 0.05), self.both(0.0, -0.1, -1.0, 0.1),
        )  # fmt: skip

    def half_kneel(self) -> Pose:
        feet, toes = self.both(0.1, 0.06, -0.35, 0.03), self.both(0.0, -0.5, -0.6, 0.1)
        knees = self.both(0.1, -0.2, 1.0, 0.05)
        side = int(self.rng.integers(2))
        feet[side], toes[side] = [0.12 * _SIDES[side], _ANKLE, self.u(0.35, 0.5)], [0.0, -0.25, 1.0]
        knees[side] = [0.1 * _SIDES[side], 0.6, 1.0]
        lean = self.u(-5.0, 35.0)
        return self.pose(
            (0.0, 0.46, 0.0), self.turn(lean), self.turn(0.4 * lean), feet, knees, toes
        )

    def squat(self) -> Pose:
        height, lean = self.u(0.25, 0.6), self.u(15.0, 55.0)
        feet = self.both(self.u(0.12, 0.3), _ANKLE, self.u(0.05, 0.15), 0.02)
        hands = str(self.rng.choice(["front", "front", "busy", "up", "hang"]))
        return self.pose(
            (0.0, height, -0.3 * (0.85 - height)), self.turn(lean, spread=4.0), self.turn(0.0),
            feet,
            self.both(self.u(0.1, 0.7), 0.3, 1.0, 0.05), self.both(0.4, -0.25, 1.0, 0.1), hands,
        )  # fmt: skip

    def lunge(self) -> Pose:
        long, height = self.u(0.4, 0.65), self.u(0.45, 0.7)
        feet, toes = self.both(0.1, 0.1, -long, 0.03), self.both(0.0, -0.7, 0.7, 0.1)
        side = int(self.rng.integers(2))
        feet[side], toes[side] = [0.1 * _SIDES[side], _ANKLE, self.u(0.3, 0.45)], [0.0, -0.25, 1.0]
        hands = str(self.rng.choice(["up", "out", "hips", "busy", "front"]))
        return self.pose(
            (0.0, height, 0.0), self.turn(self.u(-5.0, 25.0)), self.turn(self.u(-10.0, 15.0)), feet,
            self.both(0.1, 0.1, 1.0, 0.05), toes, hands,
        )  # fmt: skip

    def all_fours(self) -> Pose:
        feet = self.both(0.1, 0.06, -0.38, 0.05)
        hands = self.both(0.18, 0.06, self.u(0.45, 0.6), 0.05)
        if self.u(0.0, 1.0) < 0.3:  # an arm and the other leg stretched out
            side = int(self.rng.integers(2))
            hands[side], feet[1 - side] = [0.2 * _SIDES[side], 0.55, 0.95], [0.0, 0.5, -0.8]
        return self.pose(
            (0.0, 0.47, 0.0), self.turn(self.u(75.0, 95.0)), self.turn(self.u(-15.0, 20.0)), feet,
            self.both(0.1, -1.0, 0.4, 0.05), self.both(0.0, -0.1, -1.0, 0.1), hands,
        )  # fmt: skip

    def plank(self) -> Pose:
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
        return Pose(**{name: getattr(pose, name) for name in _SHAPES} | {"elbows": elbows})

    def down_dog(self) -> Pose:
        return self.pose(
            (0.0, self.u(0.75, 0.85), 0.0), self.turn(self.u(125.0, 140.0)),
            self.turn(self.u(0.0, 20.0)),
            self.both(0.12, _ANKLE, -0.45, 0.03), self.both(0.1, -0.2, 1.0, 0.03),
            self.both(0.1, -0.4, 1.0, 0.05), self.both(0.2, 0.05, 0.75, 0.03),
        )  # fmt: skip

    def cobra(self) -> Pose:
        return self.pose(
            (0.0, 0.13, 0.0), self.turn(self.u(65.0, 85.0)), self.turn(self.u(-45.0, -20.0)),
            self.both(0.1, 0.06, -0.82, 0.03), self.both(0.1, -1.0, 0.1, 0.03),
            self.both(0.0, -0.1, -1.0, 0.05), self.both(0.22, 0.05, self.u(0.3, 0.45), 0.03),
        )  # fmt: skip

    def childs_pose(self) -> Pose:
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
            feet = self.both(0.12, _ANKLE, self.u(0.35, 0.6) if bent else 0.8, 0.04)
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
        height = self.u(0.12, 0.42)
        tilt = -90.0 - np.degrees(np.arcsin((height - 0.12) / _TRUNK))
        return self.pose(
            (0.0, height, 0.0), self.turn(tilt, spread=3.0), self.turn(self.u(0.0, 10.0)),
            self.both(0.12, _ANKLE, 0.4, 0.03), self.both(0.1, 1.0, 0.5, 0.05),
            self.both(0.1, -0.2, 1.0, 0.1), "hang",
        )  # fmt: skip


# Seconds per unit (metre, radian) of the control that changes most.
_SLOWNESS = 0.6
# The kinds of key poses of a take, and their probabilities.
_SCENES: tuple[tuple[float, tuple[str, ...]], ...] = (
    (10.0, ("stand",)),
    (3.0, ("sit", "sit", "sit", "stand")),
    (1.5, ("sit_on_floor", "sit_on_floor", "kneel")),
    (2.0, ("squat", "stand")),
    (1.0, ("kneel", "half_kneel", "kneel", "stand")),
    (1.0, ("lunge", "stand", "lunge")),
    (1.0, ("all_fours", "childs_pose", "kneel")),
    (1.5, ("plank", "plank", "plank", "down_dog", "cobra")),
    (1.0, ("plank",)),
    (1.5, ("lie", "lie", "sit_on_floor")),
    (0.7, ("lie", "bridge")),
)


def take(rng: np.random.Generator, seconds: float = 10.0) -> Float[ndarray, "frames 15 3"]:
    """Return a procedural take at RATE frames a second, metres, +Y up, with a random yaw."""
    maker = _Maker(rng)
    share = np.array([s for s, _ in _SCENES])
    _, kinds = _SCENES[int(rng.choice(len(_SCENES), p=share / share.sum()))]
    makers: dict[str, Callable[[], Pose]] = {kind: getattr(maker, kind) for kind in kinds}
    count = round(seconds * RATE)
    values: list[ndarray] = []
    current = _flat(makers[str(rng.choice(kinds))]())
    while sum(len(v) for v in values) < count:
        values.append(np.tile(current, (round(RATE * rng.uniform(0.1, 1.2)), 1)))
        following = _flat(makers[str(rng.choice(kinds))]())
        far = float(np.abs(following - current).max())
        frames = round(RATE * max(rng.uniform(0.5, 1.6), _SLOWNESS * far))
        s = (np.arange(frames) + 1.0)[:, None] / (frames + 1.0)
        s = s * s * s * (10.0 - 15.0 * s + 6.0 * s * s)
        moving = current + s * (following - current)
        values.append(moving)
        current = following
    controls = np.concatenate(values)[:count]
    controls = controls + _sway(rng, count, controls.shape[1])
    points = joints(_unflat(controls))
    yaw = R.from_axis_angle(_UP, float(rng.uniform(-np.pi, np.pi)))
    return np.asarray(R.apply(yaw, points))


def _sway(rng: np.random.Generator, frames: int, width: int) -> ndarray:
    """Return slow waves of about a centimetre, or a degree: people sway."""
    times = np.arange(frames)[:, None] / RATE
    out = np.zeros((frames, width))
    for _ in range(3):
        frequency, phase = rng.uniform(0.15, 0.9, width), rng.uniform(0.0, 2.0 * np.pi, width)
        out += np.sin(2.0 * np.pi * frequency * times + phase)
    return 0.008 * rng.uniform(0.3, 1.5) * out


def takes(seed: int, count: int) -> list[Float[ndarray, "frames 15 3"]]:
    """Return procedural takes of 10 s each; the same for the same seed."""
    rng = np.random.default_rng(seed)
    return [take(rng) for _ in range(count)]
