"""Lag of the live grade, what it buys in steadiness, and whether another filter buys it for less.

On the rendered clips (rendered.py), lifted and solved causally, frame after frame. Computing time
is measured by latency.py.

    lag            milliseconds between the true and the shown turning of limbs: the shift at which
                   the rates of change of the limb bones' directions agree best, so that constant
                   errors do not count; of all, and of their depth alone; median of the clips
    direction      degrees between true and shown limb bones, lag included
    acceleration   in units of the true one; see measures.py

Filters are One Euro's (Hz at rest, Hz per unit of speed): on keypoints (metres a second), with or
without a separate depth, or on the rotations of the trunk's and limbs' bones, in the world or
relative to their parents (half radians a second). One half of the performances chooses a filter:
among those with an acceleration of at most 1.25 times the true one, the one with the smallest
direction error. The other half tests the choice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from unittest.mock import patch

import numpy as np
from scipy.interpolate import CubicSpline

from mocap.core import rotation as R
from mocap.core.camera import DEFAULT_FOV, Camera
from mocap.core.filter import one_euro_rotations
from mocap.core.keypoints import Keypoints
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.core.skeleton import HUMANOID, Skeleton, humanoid_index
from mocap.lift.live import lift_live
from mocap.solve import live as causal
from mocap.solve.body import solve_body
from mocap.solve.measure import measure_body

from . import kalidokit, rendered
from .contenders import without
from .measures import FROM, TO, Shown, acceleration, direction
from .table import Cell, Table

STEADY_ENOUGH = 1.25
EARLIEST, LATEST, STEP = -0.1, 0.3, 0.005  # seconds in which the lag is looked for
ALL, DEPTH = slice(None), slice(2, 3)  # axes of directions
MODEL = "full"
Number = float | np.ndarray
Setting = tuple[Number, Number]
Filter = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From times (F,) and local rotations (F, 55, 4) to filtered ones."""

# Fingers and hands have filters of their own.
_FILTERED = humanoid_index(
    "hips", "spine", "chest", "upperChest", "neck", "head",
    *(s + b for b in ("Shoulder", "UpperArm", "LowerArm", "UpperLeg", "LowerLeg",
                      "Foot") for s in ("left", "right")),
)  # fmt: skip


def lag(result: Shown, true: Shown, axes: slice = ALL) -> float:
    """Seconds by which the limbs of a result turn later than the true ones do. true: at even times,
    same take. axes: of directions.
    """
    found = np.arange(EARLIEST, LATEST + STEP / 2, STEP)
    course = CubicSpline(true.times, _directions(true.joints)[..., axes])
    times = result.times
    step = np.diff(times)
    inside = (
        (times[:-1] - LATEST >= true.times[0])
        & (times[1:] - EARLIEST <= true.times[-1])
        & (step < 1.5 * np.median(step))
    )
    shown = np.diff(_directions(result.joints)[..., axes], axis=0)[inside].ravel()

    def agreement(late: float) -> float:
        turned = np.diff(course(times - late), axis=0)[inside].ravel()
        return float(shown @ turned / (np.linalg.norm(shown) * np.linalg.norm(turned)))

    at = np.array([agreement(late) for late in found.tolist()])
    best = int(np.clip(at.argmax(), 1, len(at) - 2))
    # The top of the parabola through the best and its neighbours.
    before, top, after = at[best - 1 : best + 2]
    return float(found[best] + 0.5 * STEP * (before - after) / (before - 2.0 * top + after))


def _directions(joints: np.ndarray) -> np.ndarray:
    return R.normalize(joints[:, TO] - joints[:, FROM])


def lifted(keypoints: Keypoints, camera: Camera | None = None) -> Keypoints:
    """What the live solver gets of these keypoints."""
    positions, _ = lift_live(
        keypoints, camera or Camera.from_fov(keypoints.camera.size, DEFAULT_FOV)
    )
    return Keypoints(
        keypoints.times, positions, keypoints.image, keypoints.confidence, keypoints.camera
    )


def live(
    raised: Keypoints, body: Skeleton, setting: Setting | None, rotations: Filter | None = None
) -> Motion:
    """The live motion of lifted keypoints, with these settings on keypoints (None: no filter there)
    and a filter on rotations.
    """

    def posed(times: np.ndarray, *rest: object) -> object:
        found, state = solve_body(times, *rest)  # type: ignore[arg-type]
        return (found if rotations is None else rotations(times, found)), state

    with patch.object(causal, "solve_body", posed):
        if setting is None:
            with without("One Euro"):
                return causal.CausalSolver(body).solve(raised)
        with patch.object(causal, "LIVE_FILTER", setting):
            return causal.CausalSolver(body).solve(raised)


def in_parents(setting: tuple[float, float]) -> Filter:
    """Of rotations relative to their parents."""

    def filtered(times: np.ndarray, rotations: np.ndarray) -> np.ndarray:
        out = rotations.copy()
        out[:, _FILTERED] = one_euro_rotations(times, rotations[:, _FILTERED], *setting)[0]
        return out

    return filtered


def in_world(setting: tuple[float, float]) -> Filter:
    """Of rotations in the world, so that a limb is not late by its parents too."""

    def filtered(times: np.ndarray, rotations: np.ndarray) -> np.ndarray:
        world = fk(HUMANOID, np.zeros((len(times), 3)), rotations)[1].copy()
        world[:, _FILTERED] = one_euro_rotations(times, world[:, _FILTERED], *setting)[0]
        out = rotations.copy()
        out[:, 0] = world[:, 0]
        own = _FILTERED[1:]
        out[:, own] = R.multiply(R.conjugate(world[:, HUMANOID.parents[own]]), world[:, own])
        return out

    return filtered


def _depth_apart(across: tuple[float, float], depth: tuple[float, float]) -> Setting:
    return np.array([across[0], across[0], depth[0]]), np.array([across[1], across[1], depth[1]])


# By name: the setting on keypoints, and the filter on rotations.
FILTERS: dict[str, tuple[Setting | None, Filter | None]] = {
    "live, as it is": (causal.LIVE_FILTER, None),
    "without One Euro": (None, None),
    **{
        f"keypoints {a:g}, {b:g}": ((a, b), None)
        for a, b in ((3.0, 20.0), (3.0, 10.0), (2.0, 5.0), (2.0, 3.0), (1.0, 3.0))
    },
    **{
        f"keypoints {a[0]:g}, {a[1]:g}; depth {d[0]:g}, {d[1]:g}": (_depth_apart(a, d), None)
        # Slower than 1 Hz in depth, a take whose first frame is far off shows it for too long.
        for a, d in (
            ((4.0, 20.0), (1.0, 2.0)),
            ((3.0, 10.0), (2.0, 4.0)),
            ((3.0, 10.0), (1.0, 2.0)),
            ((3.0, 8.0), (1.5, 2.0)),
        )
    },
    **{
        f"rotations, {where} {a:g}, {b:g}": (None, make((a, b)))
        for where, make in (("world", in_world), ("parents", in_parents))
        for a, b in ((3.0, 8.0), (3.0, 4.0), (3.0, 2.0), (2.0, 1.5), (1.0, 2.0))
    },
}
Found = dict[str, list[tuple[float, float, float, float]]]
"""By name, of each clip: lag and lag in depth in seconds, direction, acceleration."""


def run(
    clips: list[rendered.Clip], model: str, filters: dict[str, tuple[Setting | None, Filter | None]]
) -> Found:
    """Raw landmarks, lifted ones, and live with each of the filters, on every clip."""
    found: Found = {}
    for clip in clips:
        keypoints = kalidokit.on_seen(clip.keypoints[model])
        raised, body = lifted(keypoints), measure_body(keypoints)
        shown = {
            "raw landmarks": Shown.of_landmarks(keypoints),
            "lifted landmarks": Shown.of_landmarks(raised),
        }
        truths = dict.fromkeys(shown, clip.seen)
        shown |= {name: Shown.of(live(raised, body, *how)) for name, how in filters.items()}
        for name, result in shown.items():
            true = truths.get(name, clip.upright)
            then = Shown.of(true.at(result.times))
            restless = acceleration(result.joints, result.times) / acceleration(
                then.joints, then.times
            )
            late = (lag(result, Shown.of(true)), lag(result, Shown.of(true), DEPTH))
            off = float(direction(result.joints, then.joints).mean())
            found.setdefault(name, []).append((*late, off, restless))
    return found


def summary(
    found: list[tuple[float, float, float, float]],
) -> tuple[tuple[float, float], float, float]:
    """Milliseconds of lag and lag in depth, median; degrees, mean; acceleration, geometric mean."""
    late, deep, off, restless = np.array(found).T
    return (
        (1e3 * float(np.median(late)), 1e3 * float(np.median(deep))),
        float(off.mean()),
        float(np.exp(np.log(restless).mean())),
    )


def tables(quick: bool = False) -> Iterator[Table]:
    """The table; `quick` on two clips with few filters, for tests."""
    clips = list(
        rendered.clips(only=("squats", "walk"), views=("front", "across"))
        if quick
        else rendered.clips()
    )
    filters = dict(list(FILTERS.items())[:2]) if quick else FILTERS
    performances = sorted({clip.performance for clip in clips})
    halves = [
        run([c for c in clips if c.performance in performances[n::2]], MODEL, filters)
        for n in (0, 1)
    ]
    sums = {name: [summary(half[name]) for half in halves] for name in halves[0]}
    steady = [name for name in filters if sums[name][0][2] <= STEADY_ENOUGH]
    chosen = (
        f"Chosen: {min(steady, key=lambda name: sums[name][0][1])}."
        if steady
        else "None is steady enough."
    )
    rows: list[tuple[Cell, ...]] = [(name, *here, *there) for name, (here, there) in sums.items()]
    columns = (
        "",
        *(
            f"{what}, {half}"
            for half in ("chosen on", "held out")
            for what in ("lag / in depth, ms", "direction, °", "acceleration ×")
        ),
    )
    these = f"chosen on {', '.join(performances[::2])}; held out {', '.join(performances[1::2])}"
    note = f"{len(clips)} rendered clips, {MODEL}; {these}. {chosen}"
    yield Table("How late live shows a movement", columns, tuple(rows), "", note)
