"""Scenes of people who cross before one camera, rendered with known truth.

Each performer is rendered alone before the same camera, dressed by colours multiplied onto the
mannequin's (above and below the hips), and the pictures are laid over each other, in each frame the
nearest performer on top.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from mocap.capture.source import Frame, Source
from mocap.core import rotation as R
from mocap.core.keypoints import LANDMARKS, landmarks_of
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.core.skeleton import Skeleton
from rigs.render import View, frames

from .performances import PERFORMANCES
from .rendered import clips

VIEW = View((0.0, 1.5, 5.2), (0.0, 0.95, 0.0), math.radians(32.0), (960, 540))
FPS, SECONDS = 15.0, 3.4
# Colours that differ by more than this from the empty scene belong to the performer.
_OTHER = 6
_HIPS = [LANDMARKS.index("left_hip"), LANDMARKS.index("right_hip")]
_SHOULDERS = [LANDMARKS.index("left_shoulder"), LANDMARKS.index("right_shoulder")]
_UP = np.array([0.0, 1.0, 0.0])
Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Walker:
    """A performance in the world.

    Attributes:
        what: The performance of `rendered.clips`.
        yaw: Degrees about the up axis; 0 faces the camera, 90 its right.
        to: (x, z) of the middle of the path, metres; the camera is at z = 5.2.
        speed: Factor of the performance's speed.
        height: Factor of the body's height.
        back: Walk to the middle of the path only, and from there backwards to its start.
    """

    what: str
    yaw: float
    to: tuple[float, float]
    speed: float = 1.0
    height: float = 1.0
    back: bool = False


_RIGHT, _LEFT = Walker("walk", 90.0, (0.0, 0.4)), Walker("walk", -90.0, (0.1, -0.5))
SCENES: dict[str, tuple[Walker, ...]] = {
    "two": (_RIGHT, _LEFT),
    "three": (_RIGHT, _LEFT, Walker("squats", 0.0, (0.0, -1.3))),
    "two, aslant, a child": (
        Walker("walk", 60.0, (-0.1, 0.2), 1.3, 0.82),
        Walker("walk", -110.0, (0.1, -0.6), 0.85, 1.05),
    ),
    "two meet and go back": (
        Walker("walk", 90.0, (-0.6, 0.4), back=True),
        Walker("walk", -90.0, (0.5, -0.4), back=True),
    ),
    "three, one overtakes": (
        Walker("walk", 90.0, (0.3, 0.5), 0.7, 0.94),
        Walker("walk", 90.0, (0.0, -0.3), 1.5, 1.04),
        Walker("walk", -90.0, (0.0, -1.1)),
    ),
    "three, two dance": (
        Walker("modern dance", 0.0, (0.1, 0.4)),
        Walker("boxing", 30.0, (-0.1, -0.6)),
        Walker("walk", -80.0, (0.0, -1.4), 1.2),
    ),
}
SCENES |= {
    "three, a high camera": (
        Walker("walk", 80.0, (0.0, 0.5), 1.15, 0.9),
        Walker("walk", -70.0, (-0.1, -0.2), 0.9, 1.08),
        Walker("walk", -100.0, (0.2, -0.9), 1.25),
    ),
    "three, side by side": (
        Walker("walk", 90.0, (0.05, 0.35), 1.0, 1.02),
        Walker("walk", 90.0, (-0.15, -0.35), 0.93, 0.96),
        Walker("walk", -90.0, (0.0, -1.0)),
    ),
}
_HIGH = View((0.6, 2.4, 5.6), (0.0, 0.85, 0.0), math.radians(32.0), (960, 540))
_LOW = View((0.0, 0.6, 5.4), (0.0, 0.9, 0.0), math.radians(31.0), (960, 540))
VIEWS = {"three, a high camera": _HIGH, "three, side by side": _LOW}
"""The cameras of scenes that are not seen by `VIEW`."""
# Factors of red, green and blue of what is worn above and below the hips.
_CLOTHES: tuple[tuple[Colour, Colour], ...] = (
    ((1.0, 1.0, 1.0), (0.45, 0.45, 0.5)),
    ((0.5, 0.8, 1.0), (0.45, 0.45, 0.5)),
    ((1.0, 0.7, 0.5), (0.8, 0.75, 0.6)),
)


def performed(walker: Walker) -> Motion:
    """Return the walker's motion in the world, FPS frames a second."""
    motion = next(clips((walker.what,))).world
    start = 20.0 / 30.0 if walker.what == "walk" else 0.0
    times = np.arange(round(FPS * SECONDS)) / FPS
    at = times * walker.speed
    if walker.back:
        at = np.minimum(at, at[-1] - at)
    longest = motion.duration - start
    at = start + longest - np.abs(longest - at % (2.0 * longest))
    order = np.unique(at, return_inverse=True)
    moved = motion.at(motion.times[0] + order[0])
    turn = R.from_axis_angle(_UP, np.array(math.radians(walker.yaw)))
    rotations = moved.rotations[order[1]].copy()
    rotations[:, 0] = R.multiply(turn, rotations[:, 0])
    path = R.apply(turn, moved.root_positions[order[1]]) * walker.height
    middle = 0.5 * (path.min(axis=0) + path.max(axis=0)) * [1.0, 0.0, 1.0]
    path = path - middle + np.array([walker.to[0], 0.0, walker.to[1]])
    s = motion.skeleton
    body = Skeleton(s.names, s.parents, s.offsets * walker.height, s.rest_rotations)
    return Motion(body, times, path, rotations)


def rendered(walker: Walker, view: View) -> list[np.ndarray]:
    """Return the pictures of a walker alone, undressed."""
    body = PERFORMANCES[walker.what].body
    scales = {**body, "hips": body.get("hips", 1.0) * walker.height}
    return list(frames(performed(walker), view, scales=scales, draft=True))


def empty_scene(view: View) -> np.ndarray:
    """Return the picture of the scene without a performer."""
    nothing = performed(_RIGHT).slice(0, 1)
    away = replace(nothing, root_positions=np.array([[0.0, -50.0, 0.0]]))
    return next(iter(frames(away, view, draft=True)))


def points_of(motion: Motion, view: View) -> np.ndarray:
    """Return the true landmarks (F, 33, 2) of a motion, pixels."""
    return view.project(landmarks_of(*fk(motion.skeleton, motion.root_positions, motion.rotations)))


def composed(
    alone: list[list[np.ndarray]], truths: list[Motion], view: View, alike: bool
) -> list[np.ndarray]:
    """Return the performers' pictures laid over each other, dressed alike or differently."""
    empty = empty_scene(view)
    masks = [[_mask(image, empty) for image in pictures] for pictures in alone]
    dressed = [
        _dressed(pictures, points_of(truth, view), _CLOTHES[0 if alike else k])
        for k, (pictures, truth) in enumerate(zip(alone, truths, strict=True))
    ]
    camera = np.array(view.position)
    away = [np.linalg.norm(t.root_positions - camera, axis=1) for t in truths]
    out = []
    for f in range(len(alone[0])):
        whole = empty.copy()
        for k in np.argsort([-a[f] for a in away]):
            whole[masks[k][f]] = dressed[k][f][masks[k][f]]
        out.append(whole)
    return out


def _mask(image: np.ndarray, empty: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(image.astype(int) - empty).max(axis=2) > _OTHER)


def _dressed(
    pictures: list[np.ndarray], points: np.ndarray, clothes: tuple[Colour, Colour]
) -> list[np.ndarray]:
    out = []
    for image, p in zip(pictures, points, strict=True):
        rows = np.arange(image.shape[0])
        waist, neck = p[_HIPS, 1].mean(), p[_SHOULDERS, 1].mean()
        tint = np.where((rows < waist)[:, None], clothes[0], clothes[1])
        tint[rows < neck - 0.15 * (waist - neck)] = 1.0
        out.append((image * tint[:, None]).astype(np.uint8))
    return out


class Pictures(Source):
    """Frames in memory."""

    def __init__(self, images: list[np.ndarray], times: np.ndarray) -> None:
        super().__init__("crossing", VIEW.size, FPS, len(images))
        self._frames = [Frame(float(t), i) for t, i in zip(times, images, strict=True)]

    def __iter__(self) -> Iterator[Frame]:
        return iter(self._frames)
