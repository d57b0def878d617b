"""Procedural motion: takes that go from key pose to key pose.

The captured motion for training has hardly any people who sit, kneel, crawl, lie or do yoga
(key_poses.py), and none who hang, stand on their hands or hold something overhead
(rarer_poses.py). A take is a sequence of key poses with holds between them. Their controls
(controls.py) are blended along minimum-jerk curves (Flash and Hogan, J. Neurosci. 5, 1985), so
that a hand or foot that two key poses share stays where it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.lift.network import RATE
from mocap.lift.training.controls import UP, Pose, flat, joints, unflat
from mocap.lift.training.rarer_poses import RarerMaker

Scenes = Sequence[tuple[float, tuple[str, ...]]]
"""Kinds of key poses that a take goes through, and the probability of each such set."""

# Seconds per unit (metre, radian) of the control that changes most.
_SLOWNESS = 0.6
SCENES: Scenes = (
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
RARER: Scenes = (
    (2.0, ("overhead", "overhead", "stand")),
    (2.0, ("rack", "overhead", "rack", "overhead", "pull")),
    (1.0, ("pull", "rack", "squat")),
    (2.0, ("hang",)),
    (0.6, ("hang", "overhead")),
    (1.5, ("handstand",)),
    (0.8, ("kick_up", "handstand", "down_dog")),
    (1.0, ("backbend", "backbend", "bridge")),
    (1.5, ("side_lie",)),
    (0.7, ("side_plank", "side_lie")),
    (2.0, ("desk",)),
    (1.2, ("legs_out", "legs_out", "sit_on_floor")),
    (2.2, ("carry", "carry", "stand")),
    (1.2, ("lean_on", "lean_on", "stand")),
)


def take(
    rng: np.random.Generator, seconds: float = 10.0, scenes: Scenes = SCENES
) -> Float[ndarray, "frames 15 3"]:
    """Return a procedural take at RATE frames a second, metres, +Y up, with a random yaw.

    Args:
        rng: Random numbers.
        seconds: Length.
        scenes: The kinds of key poses.
    """
    maker = RarerMaker(rng)
    share = np.array([s for s, _ in scenes])
    _, kinds = scenes[int(rng.choice(len(scenes), p=share / share.sum()))]
    makers: dict[str, Callable[[], Pose]] = {kind: getattr(maker, kind) for kind in kinds}
    count = round(seconds * RATE)
    values: list[ndarray] = []
    current = flat(makers[str(rng.choice(kinds))]())
    while sum(len(v) for v in values) < count:
        values.append(np.tile(current, (round(RATE * rng.uniform(0.1, 1.2)), 1)))
        following = flat(makers[str(rng.choice(kinds))]())
        far = float(np.abs(following - current).max())
        frames = round(RATE * max(rng.uniform(0.5, 1.6), _SLOWNESS * far))
        s = (np.arange(frames) + 1.0)[:, None] / (frames + 1.0)
        s = s * s * s * (10.0 - 15.0 * s + 6.0 * s * s)
        moving = current + s * (following - current)
        values.append(moving)
        current = following
    controls = np.concatenate(values)[:count]
    controls = controls + sway(rng, count, controls.shape[1])
    points = joints(unflat(controls))
    yaw = R.from_axis_angle(UP, float(rng.uniform(-np.pi, np.pi)))
    return np.asarray(R.apply(yaw, points))


def sway(rng: np.random.Generator, frames: int, width: int) -> ndarray:
    """Return slow waves of about a centimetre, or a degree: people sway.

    Args:
        rng: Random numbers.
        frames: Number of frames.
        width: Number of controls.
    """
    times = np.arange(frames)[:, None] / RATE
    out = np.zeros((frames, width))
    for _ in range(3):
        frequency, phase = rng.uniform(0.15, 0.9, width), rng.uniform(0.0, 2.0 * np.pi, width)
        out += np.sin(2.0 * np.pi * frequency * times + phase)
    return 0.008 * rng.uniform(0.3, 1.5) * out


def takes(seed: int, count: int, scenes: Scenes = SCENES) -> list[Float[ndarray, "frames 15 3"]]:
    """Return procedural takes of 10 s each; the same for the same seed.

    Args:
        seed: Seed of the random numbers.
        count: Number of takes.
        scenes: The kinds of key poses.
    """
    rng = np.random.default_rng(seed)
    return [take(rng, scenes=scenes) for _ in range(count)]
