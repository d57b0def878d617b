"""People who cross before one camera, one passing behind the other, against the known truth.

The mannequin is rendered once for each performer, in the same place before the same camera, and the
pictures are laid over each other by depth; the second performer's colours are exchanged, or not
("dressed alike"). `--people` detects all in one pass. A switch is a frame in which a track goes
over to another performer. Limb errors are those of the bake, beside the bake of the same performer
alone in the picture. Needs Chromium (rigs/render.py); some minutes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from mocap.capture.source import Frame, Source
from mocap.core import rotation as R
from mocap.core.camera import Camera
from mocap.core.keypoints import Keypoints, landmarks_of, with_fov
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.detect.everyone import detect_everyone
from mocap.detect.options import DetectOptions
from mocap.detect.performer import PerformerDetector
from mocap.detect.person import Person
from mocap.detect.table import open_detector
from mocap.detect.take import detect_source
from mocap.solve.scene import in_one_world
from mocap.solve.take import solve_take
from rigs.render import View, frames

from .measures import Shown, direction
from .rendered import clips
from .table import Cell, Table

_VIEW = View((0.0, 1.5, 5.2), (0.0, 0.95, 0.0), math.radians(32.0), (960, 540))
_CAMERA = Camera.from_fov(_VIEW.size, _VIEW.fov, "vertical")
_BACK = _VIEW.axes()[2]
_MODEL = "full"
_FPS = 15.0
# Colours that differ by more than this from the empty scene belong to the performer.
_OTHER = 6
# Factors of red, green and blue in which the performers are dressed.
_TINTS = ((1.0, 1.0, 1.0), (0.5, 0.8, 1.0), (1.0, 0.7, 0.5))
_UP = np.array([0.0, 1.0, 0.0])


def _performances() -> dict[str, list[Motion]]:
    """Return the scenes: performers in the world, the nearest to the camera first."""
    walk = next(clips(("walk",))).world
    squat = next(clips(("squats",))).world
    right = _moved(walk, 0.5 * math.pi, (0.0, 0.4))
    left = _moved(walk, -0.5 * math.pi, (0.1, -0.5))
    stands = _moved(squat, 0.0, (0.0, -1.3))
    right, left, stands = (m.slice(20, 125).resample(_FPS) for m in (right, left, stands))
    return {"two": [right, left], "three": [right, left, stands]}


def _moved(motion: Motion, yaw: float, to: tuple[float, float]) -> Motion:
    """Return the motion turned about the up axis, with the middle of its path at (x, z), metres."""
    turn = R.from_axis_angle(_UP, np.array(yaw))
    rotations = motion.rotations.copy()
    rotations[:, 0] = R.multiply(turn, rotations[:, 0])
    path = R.apply(turn, motion.root_positions)
    path = path + np.array([to[0], 0.0, to[1]]) - path.mean(axis=0) * [1.0, 0.0, 1.0]
    return replace(motion, root_positions=path, rotations=rotations)


class _Pictures(Source):
    """Frames in memory."""

    def __init__(self, images: list[np.ndarray], times: np.ndarray) -> None:
        super().__init__("crossing", _VIEW.size, _FPS, len(images))
        self._frames = [Frame(float(t), i) for t, i in zip(times, images, strict=True)]

    def __iter__(self) -> Iterator[Frame]:
        return iter(self._frames)


def _composed(alone: list[list[np.ndarray]], empty: np.ndarray, alike: bool) -> list[np.ndarray]:
    """Return the performers' pictures laid over each other, the first one on top."""
    out = []
    for pictures in zip(*alone, strict=True):
        whole = empty.copy()
        for k in range(len(pictures) - 1, -1, -1):
            own = np.abs(pictures[k].astype(int) - empty).max(axis=2) > _OTHER
            tint = _TINTS[0 if alike else k]
            whole[own] = (pictures[k][own] * tint).astype(np.uint8)
        out.append(whole)
    return out


def _points(motion: Motion) -> np.ndarray:
    return _VIEW.project(
        landmarks_of(*fk(motion.skeleton, motion.root_positions, motion.rotations))
    )


def _owners(person: Person, truths: list[Motion]) -> np.ndarray:
    """Return for each frame that shows the person the performer whose true landmarks are nearest.

    Frames in which two performers are about as near say nothing and are left out.
    """
    off = np.array(
        [np.linalg.norm(person.keypoints.image - _points(t), axis=2).mean(axis=1) for t in truths]
    )
    seen = np.isfinite(off[0])
    if not seen.any():
        return np.zeros(0, int)
    ranked = np.sort(off[:, seen], axis=0)
    clear = ranked[0] < 0.5 * ranked[1]
    return off[:, seen].argmin(axis=0)[clear]


def _limbs(keypoints: Keypoints, truth: Motion, seen: np.ndarray) -> float:
    """Return the bake's mean limb error in frames, degrees."""
    baked = solve_take(with_fov(keypoints, _CAMERA.fov()))
    away = _BACK * [1.0, 0.0, 1.0]
    turn = R.between(R.normalize(away), np.array([0.0, 0.0, 1.0]))
    joints = R.apply(turn, Shown.of(truth).joints)
    return float(direction(Shown.of(baked).joints[seen], joints[seen]).mean())


def _row(name: str, performers: list[Motion], alike: bool, alone: list[list[np.ndarray]],
         empty: np.ndarray, singles: list[Keypoints]) -> tuple[Cell, ...]:  # fmt: skip
    times = performers[0].times
    options = DetectOptions(model=_MODEL, hands=False, face=False, people=6)
    detector = open_detector(options)
    pictures = _Pictures(_composed(alone, empty, alike), times)
    people = detect_everyone(pictures, detector, options)
    detector.close()
    switches, errors, found = 0, [], {}
    for person in people:
        owners = _owners(person, performers)
        switches += int((np.diff(owners) != 0).sum())
        found[int(np.bincount(owners).argmax())] = person
    ratios = []
    for k, person in found.items():
        seen = np.isfinite(person.keypoints.image[:, 0, 0])
        errors.append(_limbs(person.keypoints, performers[k], seen))
        ratios.append(errors[-1] / _limbs(singles[k], performers[k], seen))
    takes = [with_fov(found[k].keypoints, _CAMERA.fov()) for k in sorted(found)]
    world = in_one_world([solve_take(t) for t in takes], takes)
    apart = _distances(world) / _distances([performers[k] for k in sorted(found)])
    shares = [100.0 * np.isfinite(p.keypoints.image[:, 0, 0]).mean() for p in people]
    return (
        f"{name}, {'dressed alike' if alike else 'dressed differently'}", float(len(people)),
        float(switches), tuple(shares), tuple(errors), tuple(ratios),
        100.0 * float(np.abs(np.median(apart) - 1.0)),
    )  # fmt: skip


def _distances(motions: list[Motion]) -> np.ndarray:
    """Return the distances of the performers from each other on the floor, metres."""
    pairs = [(a, b) for a in range(len(motions)) for b in range(a)]
    return np.array([
        np.linalg.norm((motions[a].root_positions - motions[b].root_positions)[:, [0, 2]], axis=1)
        for a, b in pairs
    ])  # fmt: skip


def tables(quick: bool) -> list[Table]:
    rows = []
    scenes = _performances()
    everyone = scenes["three"][: 2 if quick else 3]
    nothing = replace(everyone[0].slice(0, 1), root_positions=np.array([[0.0, -50.0, 0.0]]))
    empty = next(iter(frames(nothing, _VIEW, draft=True)))
    alone = [list(frames(m, _VIEW, draft=True)) for m in everyone]
    singles = []
    for pictures in alone:
        with PerformerDetector(DetectOptions(model=_MODEL, hands=False, face=False)) as detector:
            singles.append(detect_source(_Pictures(pictures, everyone[0].times), detector))
    for name, performers in scenes.items():
        n = len(performers)
        if n > len(everyone):
            continue
        rows += [
            _row(name, performers, alike, alone[:n], empty, singles[:n]) for alike in (False, True)
        ]
    columns = ("scene", "people found", "switches", "seen, %", "limb error °", "ratio to alone",
               "distance apart, % off")  # fmt: skip
    return [Table(f"Rendered crossings, BlazePose {_MODEL}", columns, tuple(rows), "")]
