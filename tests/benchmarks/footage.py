"""Real people in clips that nothing was tuned on: MOCAP_DATA/footage, landmarks without pictures.

There is no truth but what the picture shows and what data/README.md knows of each clip:

    in the picture   degrees between the limbs as shown and as detected, in the picture: of all
                     limbs inside it, and of the doubted ones (views.py says which those are)
    lowest           centimetres: height of the body's lowest skin, its minimum over the take, and
                     the 95th percentile over frames: above 0 a body floats
    pops             steps in which a limb, hand or foot turns by more than 35°, and those of them
                     that the picture does not show
    known            flexion, directions and contacts in the spans of KNOWN

From the command line, for one clip or some:

    python -m tests.benchmarks.footage [--only pushup_side,desk_thumb_up] [--grades live,bake]
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import mocap
from mocap.core import rotation as R
from mocap.core.keypoints import LANDMARKS, Keypoints
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.solve.measure import measure_body

from . import contenders
from .measures import JOINTS, LANDMARK_JOINTS, Shown
from .table import Cell, Table
from .views import (
    bone_steps,
    doubted,
    flexion,
    inside,
    picture_direction,
    surface_heights,
    view,
)

POP, UNSEEN_TURN, UNSEEN_GROWTH = 35.0, 15.0, 0.25
"""A pop turns a limb by more than POP degrees.

The picture does not show it if the limb turns there by less than UNSEEN_TURN degrees and its length
changes by less than UNSEEN_GROWTH of its longest."""
_SEGMENTS = [
    [LANDMARKS.index(f"{side}_{end}") for end in ends]
    for ends in (
        ("shoulder", "elbow"), ("elbow", "wrist"), ("wrist", "index"),
        ("hip", "knee"), ("knee", "ankle"), ("ankle", "foot_index"),
    )
    for side in ("left", "right")
]  # fmt: skip
_BEFORE, _AFTER = [0, 1, 2, 3, 6, 7, 8, 9], [2, 3, 4, 5, 8, 9, 10, 11]
LIVE_SPAN = 1.0
"""Seconds over which the camera's rotation is fitted for the live grade, whose gravity drifts."""

Quantity = Callable[[np.ndarray], np.ndarray]
"""Degrees (F,) from 12 joints (F, 12, 3)."""


@dataclass(frozen=True)
class Known:
    """What is known of a clip in a span of seconds: a quantity's median is at most `limit`."""

    name: str
    of_joints: Quantity
    limit: float
    start: float = 0.0
    end: float = np.inf


@dataclass(frozen=True)
class Touching:
    """Groups of body parts (of views.surface_heights) that are on the floor all the time."""

    name: str
    groups: tuple[tuple[str, ...], ...]


def _knee(side: int) -> Quantity:
    return lambda joints: flexion(joints)[:, 2 + side]


def _arms_from_vertical(joints: np.ndarray) -> np.ndarray:
    """From the middle of the shoulders to that of the wrists: a wide grip does not count."""
    arms = joints[:, 4:6].mean(axis=1) - joints[:, :2].mean(axis=1)
    return np.degrees(np.arccos(arms[:, 1] / np.linalg.norm(arms, axis=-1)))


def _trunk_from_horizontal(joints: np.ndarray) -> np.ndarray:
    trunk = joints[:, :2].mean(axis=1) - joints[:, 6:8].mean(axis=1)
    return np.degrees(np.arcsin(np.abs(trunk[:, 1]) / np.linalg.norm(trunk, axis=-1)))


def _straight_knees(limit: float, start: float = 0.0, end: float = np.inf) -> tuple[Known, ...]:
    return tuple(
        Known(f"{side} knee bent", _knee(n), limit, start, end)
        for n, side in enumerate(("left", "right"))
    )


_TRUNK = Known("trunk from horizontal", _trunk_from_horizontal, 40.0)
_PUSHUP = Touching(
    "hands and toes",
    tuple(
        group
        for side in ("left", "right")
        for group in ((f"{side}Hand", f"{side}MiddleProximal"), (f"{side}Tips",))
    ),
)
KNOWN: dict[str, tuple[Known | Touching, ...]] = {
    "clean_and_jerk": (
        *_straight_knees(10.0, start=3.7),
        Known("arms from vertical", _arms_from_vertical, 15.0, start=3.7),
    ),
    "dance_portrait": _straight_knees(10.0, end=1.5),
    "jumping_jacks": _straight_knees(15.0),
    "pushup_side": (_TRUNK, _PUSHUP),
    "pushup_low_camera": (_TRUNK, _PUSHUP),
    "seated_twist": (Touching("seat", (("leftUpperLeg", "rightUpperLeg", "hips"),)),),
}
"""By clip, what the README of the data says of it."""


def clips(only: tuple[str, ...] = ()) -> Iterator[tuple[str, Keypoints]]:
    """(name, keypoints) of the footage's clips; none without MOCAP_DATA."""
    folder = Path(os.environ.get("MOCAP_DATA", "none")) / "footage"
    for file in sorted(folder.glob("*.json")):
        if not only or file.stem in only:
            yield file.stem, mocap.read_keypoints(file)


def solved(keypoints: Keypoints, grade: str) -> Motion:
    """The motion of a grade, `live` or `bake`."""
    if grade == "live":
        return contenders.live(keypoints, None, measure_body(keypoints))
    return contenders.bake(keypoints)


def pops(motion: Motion, keypoints: Keypoints) -> tuple[int, int]:
    """(steps in which a limb turns by more than POP degrees, those that the picture does not show).

    A limb turns as its joint's world rotation does, twist included. Its own bone or the next one
    down shows that in the picture.

    Args:
        motion: the result.
        keypoints: what was seen, at the same times.
    """
    world = fk(motion.skeleton, motion.root_positions, motion.rotations)[1][:, JOINTS]
    popped = np.degrees(R.distance(world[1:], world[:-1])) > POP
    image = keypoints.image[:, _SEGMENTS]
    bones = image[:, :, 1] - image[:, :, 0]
    length = np.linalg.norm(bones, axis=-1)
    grown = np.abs(np.diff(length, axis=0)) / np.nanmax(length, axis=0)
    seen = (bone_steps(bones) >= UNSEEN_TURN) | (grown >= UNSEEN_GROWTH)
    seen[:, _BEFORE] |= seen[:, _AFTER]
    return int(popped.any(axis=1).sum()), int((popped & ~seen).any(axis=1).sum())


def _mean(values: np.ndarray, which: np.ndarray) -> float:
    chosen = values[which & np.isfinite(values)]
    return float(chosen.mean()) if len(chosen) else np.nan


def clip_row(name: str, grade: str, keypoints: Keypoints, motion: Motion) -> tuple[Cell, ...]:
    """A row of the table by clip; its columns are those of `COLUMNS`."""
    shown = view(motion, keypoints, LIVE_SPAN if grade == "live" else np.inf)
    angles = picture_direction(shown.image, keypoints)
    within, doubt = inside(keypoints), doubted(keypoints)
    lowest = 100.0 * np.min(list(surface_heights(motion).values()), axis=0)
    return (
        name,
        grade,
        _mean(angles, within),
        _mean(angles, within & doubt),
        100.0 * float((within & doubt).sum() / max(1, within.sum())),
        (float(lowest.min()), float(np.percentile(lowest, 95))),
        pops(motion, keypoints),
    )


COLUMNS = (
    "clip",
    "grade",
    "all limbs, °",
    "doubted, °",
    "doubted, % of limbs",
    "lowest: min / p95, cm",
    "pops: all / not in the picture",
)


def known_rows(
    name: str, keypoints: Keypoints, motions: dict[str, Motion]
) -> Iterator[tuple[Cell, ...]]:
    """Rows of the table of what is known: its limit, then the detector and each grade."""
    joints = {
        "detector": keypoints.positions[:, LANDMARK_JOINTS],
        **{grade: Shown.of(motion).joints for grade, motion in motions.items()},
    }
    times = keypoints.times
    for known in KNOWN.get(name, ()):
        if isinstance(known, Touching):
            heights = [_touch_height(motion, known) for motion in motions.values()]
            yield name, f"{known.name} above the floor, cm", 2.0, None, *heights
            continue
        which = (times >= known.start) & (times <= known.end)
        if which.any():
            values = (float(np.median(known.of_joints(p[which]))) for p in joints.values())
            yield name, f"{known.name}, °", known.limit, *values


def _touch_height(motion: Motion, touching: Touching) -> float:
    """Centimetres: of the group that is highest, the 95th percentile over frames."""
    heights = surface_heights(motion)
    of_group = [np.min([heights[part] for part in group], axis=0) for group in touching.groups]
    return 100.0 * float(max(np.percentile(h, 95) for h in of_group))


def tables(
    quick: bool = False,
    only: tuple[str, ...] = (),
    grades: tuple[str, ...] = ("live", "bake"),
) -> list[Table]:
    """The table by clip and that of what is known; none without MOCAP_DATA."""
    rows: list[tuple[Cell, ...]] = []
    known: list[tuple[Cell, ...]] = []
    for n, (name, keypoints) in enumerate(clips(only)):
        if quick:
            keypoints = keypoints.slice(0, 45)
        motions = {grade: solved(keypoints, grade) for grade in grades}
        rows += [clip_row(name, grade, keypoints, motion) for grade, motion in motions.items()]
        known += known_rows(name, keypoints, motions)
        if quick and n == 1:
            break
    if not rows:
        print("footage: needs MOCAP_DATA", file=sys.stderr)
        return []
    note = (
        "No truth but the picture's own points. Doubted: confidence below 0.3 at an end, "
        "far end inside the picture."
    )
    table = Table("Footage of real people", COLUMNS, tuple(rows), "", note)
    note = "Degrees: median over the known span. Centimetres: 95th percentile over frames."
    columns = ("clip", "known", "at most", "detector", *grades)
    return [table, Table("What is known of the footage", columns, tuple(known), "", note)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", default="", metavar="CLIP,…")
    parser.add_argument("--grades", default="live,bake", metavar="GRADE,…")
    options = parser.parse_args()
    for table in tables(
        only=tuple(filter(None, options.only.split(","))), grades=tuple(options.grades.split(","))
    ):
        print(table.markdown(), end="\n\n")


if __name__ == "__main__":
    main()
