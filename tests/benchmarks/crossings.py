"""People who cross before one camera, one passing behind the other, against the known truth.

The scenes are those of crossing_scenes.py. `--people` detects all in one pass. A switch is a frame
in which a track goes over to another performer. Limb errors are those of the bake, beside the bake
of the same performer alone in the picture, in the frames in which the person was found. Performers
are in the scene's order, the nearest first. Needs Chromium (rigs/page.py); ten minutes and more.
"""

from __future__ import annotations

import numpy as np

from mocap.core import rotation as R
from mocap.core.camera import Camera
from mocap.core.keypoints import Keypoints, with_fov
from mocap.core.motion import Motion
from mocap.detect.everyone import detect_everyone
from mocap.detect.options import DetectOptions
from mocap.detect.performer import PerformerDetector
from mocap.detect.person import Person
from mocap.detect.table import open_detector
from mocap.detect.take import detect_source
from mocap.solve.scene import in_one_world
from mocap.solve.take import solve_take
from rigs.render import View

from .crossing_scenes import (
    SCENES,
    VIEW,
    VIEWS,
    Pictures,
    Walker,
    composed,
    performed,
    points_of,
    rendered,
)
from .measures import Shown, direction
from .table import Cell, Table

_MODEL = "full"


def _owners(person: Person, truths: list[Motion], view: View) -> np.ndarray:
    """Return for each frame that shows the person the performer whose true landmarks are nearest.

    Frames in which two performers are about as near say nothing and are left out.
    """
    off = np.array(
        [
            np.linalg.norm(person.keypoints.image - points_of(t, view), axis=2).mean(axis=1)
            for t in truths
        ]
    )
    seen = np.isfinite(off[0])
    if not seen.any():
        return np.zeros(0, int)
    ranked = np.sort(off[:, seen], axis=0)
    clear = ranked[0] < 0.5 * ranked[1]
    return off[:, seen].argmin(axis=0)[clear]


def _fov(view: View) -> float:
    return Camera.from_fov(view.size, view.fov, "vertical").fov()


def _limbs(keypoints: Keypoints, truth: Motion, seen: np.ndarray, view: View) -> float:
    """Return the bake's mean limb error in frames, degrees."""
    baked = solve_take(with_fov(keypoints, _fov(view)))
    away = view.axes()[2] * [1.0, 0.0, 1.0]
    turn = R.between(R.normalize(away), np.array([0.0, 0.0, 1.0]))
    joints = R.apply(turn, Shown.of(truth).joints)
    return float(direction(Shown.of(baked).joints[seen], joints[seen]).mean())


def _row(name: str, alike: bool, seen_alone: _Alone) -> tuple[Cell, ...]:
    view = VIEWS.get(name, VIEW)
    performers = [performed(w) for w in SCENES[name]]
    alone = [seen_alone.pictures[w, view] for w in SCENES[name]]
    singles = [seen_alone.keypoints[w, view] for w in SCENES[name]]
    times = performers[0].times
    options = DetectOptions(model=_MODEL, hands=False, face=False, people=6)
    detector = open_detector(options)
    pictures = Pictures(composed(alone, performers, view, alike), times)
    people = detect_everyone(pictures, detector, options)
    detector.close()
    switches, errors, found = 0, [], {}
    for person in people:
        owners = _owners(person, performers, view)
        switches += int((np.diff(owners) != 0).sum())
        if len(owners):
            found[int(np.bincount(owners).argmax())] = person
    ratios, shares = [], []
    for k in sorted(found):
        person = found[k]
        seen = np.isfinite(person.keypoints.image[:, 0, 0])
        shares.append(100.0 * float(seen.mean()))
        errors.append(_limbs(person.keypoints, performers[k], seen, view))
        ratios.append(errors[-1] / _limbs(singles[k], performers[k], seen, view))
    takes = [with_fov(found[k].keypoints, _fov(view)) for k in sorted(found)]
    world = in_one_world([solve_take(t) for t in takes], takes)
    apart = _distances(world) / _distances([performers[k] for k in sorted(found)])
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


class _Alone:
    """Each walker's pictures, and keypoints, alone before the camera."""

    def __init__(self) -> None:
        self.pictures: dict[tuple[Walker, View], list[np.ndarray]] = {}
        self.keypoints: dict[tuple[Walker, View], Keypoints] = {}

    def add(self, walker: Walker, view: View) -> None:
        if (walker, view) in self.pictures:
            return
        self.pictures[walker, view] = rendered(walker, view)
        pictures = Pictures(self.pictures[walker, view], performed(walker).times)
        with PerformerDetector(DetectOptions(model=_MODEL, hands=False, face=False)) as detector:
            self.keypoints[walker, view] = detect_source(pictures, detector)


def tables(quick: bool) -> list[Table]:
    alone, rows = _Alone(), []
    for name in list(SCENES)[: 1 if quick else None]:
        for walker in SCENES[name]:
            alone.add(walker, VIEWS.get(name, VIEW))
        rows += [_row(name, alike, alone) for alike in (False, True)]
    columns = ("scene", "people found", "switches", "seen, %", "limb error °", "ratio to alone",
               "distance apart, % off")  # fmt: skip
    return [Table(f"Rendered crossings, BlazePose {_MODEL}", columns, tuple(rows), "")]
