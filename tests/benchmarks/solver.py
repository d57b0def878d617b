"""The closed-form solver on noise-free keypoints, its cost, and Kalidokit on the same keypoints.

Random bodies (every length by up to 15 %) in random reachable poses, seen by a perfect detector 4 m
away; three sets:

    facing     towards the camera, upright, turned by up to 30° to either side
    side on    the same, turned by 75 to 105° to either side
    any        every orientation alike: facing away, lying, upside down

Direction: the angle between the true and the shown bone in the camera's axes, over left and right.
Twist: the rotation of the shown upper arm or thigh about itself relative to the true one, where
elbow or knee are bent by more than 20°. kalidokit.py says how Kalidokit is read.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from mocap.core import rotation as R
from mocap.core.keypoints import Keypoints, concatenate
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, HUMANOID
from mocap.solve.body import BodyState, solve_body
from mocap.solve.live import CausalSolver
from mocap.solve.take import solve_take
from tests.helpers.synthetic import (
    keypoints_of,
    pose_parameters,
    random_body,
    random_rotation,
    rotations_of,
)

from . import kalidokit
from .table import Cell, Table

SETS = ("facing", "side on", "any")
LIMBS = {"upper arm": "UpperArm", "forearm": "LowerArm", "thigh": "UpperLeg", "shank": "LowerLeg"}
_NEXT = {"UpperArm": "LowerArm", "LowerArm": "Hand", "UpperLeg": "LowerLeg", "LowerLeg": "Foot"}
_FLEXED = np.radians(20.0)
_BODIES = 10


def poses(kind: str, frames: int, seed: int = 7) -> list[Motion]:
    """Some bodies' motions of one of SETS, `frames` frames in all, no two alike."""
    rng = np.random.default_rng([seed, SETS.index(kind)])
    count = frames // _BODIES
    out = []
    for n in range(_BODIES):
        if kind == "any":
            turn = random_rotation(rng, count)
        else:
            yaw = (
                rng.uniform(-30.0, 30.0, count)
                if kind == "facing"
                else rng.uniform(75.0, 105.0, count) * rng.choice([-1.0, 1.0], count)
            )
            turn = R.from_axis_angle(np.array([0.0, 1.0, 0.0]), np.radians(yaw))
        times = (np.arange(count) + n * count) / 30.0
        motion = Motion(
            random_body(rng),
            times,
            np.tile([0.0, 0.0, -4.0], (count, 1)),
            rotations_of(pose_parameters(rng, count), turn),
        )
        out.append(motion)
    return out


def directions(motion: Motion) -> dict[str, np.ndarray]:
    """The unit directions (2, F, 3) of the limb bones, left and right, in the world."""
    positions, _ = fk(motion.skeleton, motion.root_positions, motion.rotations)
    return {
        limb: np.stack(
            [
                R.normalize(positions[:, _joint(s, _NEXT[bone])] - positions[:, _joint(s, bone)])
                for s in ("left", "right")
            ]
        )
        for limb, bone in LIMBS.items()
    }


def angle_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The angle between unit vectors, degrees; precise near 0 too."""
    return np.degrees(
        2.0 * np.arctan2(np.linalg.norm(a - b, axis=-1), np.linalg.norm(a + b, axis=-1))
    )


def direction_errors(true: list[Motion], shown: list[Motion]) -> dict[str, np.ndarray]:
    """Degrees, of every frame and both sides, for each limb bone."""
    pairs = [(directions(a), directions(b)) for a, b in zip(true, shown, strict=True)]
    return {
        limb: np.concatenate([angle_between(a[limb], b[limb]).ravel() for a, b in pairs])
        for limb in LIMBS
    }


def twist_errors(true: list[Motion], shown: list[Motion]) -> np.ndarray:
    """Degrees by which upper arms and thighs are turned about themselves, where their hinges are
    bent by more than 20°.
    """
    out = []
    for a, b in zip(true, shown, strict=True):
        world_a, world_b = (fk(m.skeleton, m.root_positions, m.rotations)[1] for m in (a, b))
        for side in ("left", "right"):
            for upper, lower in (("UpperArm", "LowerArm"), ("UpperLeg", "LowerLeg")):
                axis = R.normalize(HUMANOID.offsets[_joint(side, lower)])
                between = R.multiply(
                    R.conjugate(world_a[:, _joint(side, upper)]), world_b[:, _joint(side, upper)]
                )
                way, on = (
                    R.normalize(HUMANOID.offsets[_joint(side, bone)])
                    for bone in (lower, _NEXT[lower])
                )
                bend = np.arccos(
                    np.clip(R.dot(way, R.apply(a.rotations[:, _joint(side, lower)], on)), -1.0, 1.0)
                )
                out.append(np.degrees(R.angle(R.swing_twist(between, axis)[1]))[bend > _FLEXED])
    return np.concatenate(out)


def by_mocap(true: list[Motion], seen: list[Keypoints]) -> list[Motion]:
    """The closed form's motions, on the true bodies."""
    return [
        Motion(
            m.skeleton, k.times, m.root_positions, solve_body(k.times, k.positions, k.confidence)[0]
        )
        for m, k in zip(true, seen, strict=True)
    ]


def by_kalidokit(true: list[Motion], seen: list[Keypoints]) -> dict[str, list[Motion]]:
    """Kalidokit's motions under each of its readings. Raises kalidokit.UnavailableError."""
    turns, _ = kalidokit.rig(concatenate(seen))
    ends = np.cumsum([len(m) for m in true])
    parts = [
        {bone: angles[end - len(m) : end] for bone, angles in turns.items()}
        for m, end in zip(true, ends, strict=True)
    ]
    return {
        r: [kalidokit.shown(p, m.times, r) for p, m in zip(parts, true, strict=True)]
        for r in kalidokit.READINGS
    }


def accuracy(frames: int = 1000) -> Table:
    """Direction and twist errors of both on the three sets; the yardstick is Kalidokit under the
    reading that is best for it.
    """
    rows: list[tuple[Cell, ...]] = []
    why = ""
    for kind in SETS:
        true = poses(kind, frames)
        seen = [keypoints_of(m) for m in true]
        results, yardstick = {"mocap": by_mocap(true, seen)}, None
        try:
            readings = by_kalidokit(true, seen)
            means = {
                reading: _mean(direction_errors(true, shown)) for reading, shown in readings.items()
            }
            best = min(means, key=means.__getitem__)
            yardstick = means[best]
            results |= {
                f"Kalidokit, {reading}": readings[reading]
                for reading in dict.fromkeys(["demo", best])
            }
        except kalidokit.UnavailableError as reason:
            why = f" Kalidokit was not run: {reason}."
        for name, shown in results.items():
            errors, twist = direction_errors(true, shown), twist_errors(true, shown)
            ratio = _mean(errors) / yardstick if yardstick else None
            rows.append(
                (
                    kind,
                    name,
                    *((float(e.mean()), float(e.max())) for e in (*errors.values(), twist)),
                    ratio,
                )
            )
    columns = ("poses", "solver", *(f"{limb}, °" for limb in LIMBS), "twist, °", "mean ×")
    note = (
        f"Mean / worst of {frames} poses. Kalidokit 1.1.5 as its demo applies it, and as suits "
        f"it best.{why}"
    )
    return Table(
        "Noise-free keypoints: how far the avatar is from the truth",
        columns,
        tuple(rows),
        "Kalidokit at its best",
        note,
    )


def _mean(errors: dict[str, np.ndarray]) -> float:
    return float(np.mean([e.mean() for e in errors.values()]))


def measured(call: Callable[[int], object], calls: int, warm: int) -> np.ndarray:
    """What single calls took (calls,), µs of this thread's time on the processor, after some to
    warm up. The call gets its number.
    """
    taken = []
    for n in range(warm + calls):
        begun = time.thread_time()
        call(n)
        taken.append(time.thread_time() - begun)
    return np.array(taken[warm:]) * 1e6


def cost(frames: int = 1000) -> Table:
    """What a frame costs, live and in a clip. One thread."""
    rng = np.random.default_rng(5)
    times = np.arange(frames) / 30.0
    parameters = pose_parameters(rng, 1)
    # Every joint on its own slow sine: frames that follow each other, as a performer's do.
    phase = 2.0 * np.pi * (0.2 * times[:, None] * rng.uniform(0.3, 1.0, 3))
    moving = {bone: 0.5 + 0.5 * np.sin(phase + 2.0 * np.pi * u) for bone, u in parameters.items()}
    still = np.tile(R.IDENTITY, (frames, 1))
    clip = Motion(
        random_body(rng), times, np.tile([0.0, 0.0, -4.0], (frames, 1)), rotations_of(moving, still)
    )
    keypoints = keypoints_of(clip)
    singles = [keypoints.slice(i, i + 1) for i in range(frames)]
    state: list[BodyState | None] = [None]
    solver = CausalSolver()

    def closed_form(n: int) -> None:
        one = singles[n]
        _, state[0] = solve_body(one.times, one.positions, one.confidence, state[0])

    warm = frames // 5
    live = measured(lambda n: solver.solve(singles[n]), frames - warm, warm)
    alone = measured(closed_form, frames - warm, warm)
    batch = (
        measured(
            lambda _: solve_body(keypoints.times, keypoints.positions, keypoints.confidence), 9, 2
        )
        / frames
    )
    take = measured(lambda _: solve_take(keypoints), 9, 2) / frames
    found = {
        ("mocap", "live, a frame at a time: the whole solver (filters, body, root, floor)"): live,
        ("mocap", "live, a frame at a time: keypoints to rotations alone"): alone,
        ("mocap", f"a clip of {frames} frames: the whole solver"): take,
        ("mocap", f"a clip of {frames} frames: keypoints to rotations alone"): batch,
    }
    yardstick, why = None, ""
    try:
        theirs = kalidokit.rig(keypoints)[1]
        found["Kalidokit 1.1.5", "a frame at a time: keypoints to rotations, in Node"] = theirs
        yardstick = float(np.median(theirs))
    except kalidokit.UnavailableError as reason:
        why = f" Kalidokit was not run: {reason}."
    rows: list[tuple[Cell, ...]] = []
    for name, taken in found.items():
        median = float(np.median(taken))
        rows.append(
            (
                *name,
                (median, float(np.percentile(taken, 5))),
                median / yardstick if yardstick else None,
            )
        )
    note = (
        f"Median / least disturbed (p5) of processor time, one thread, 33 landmarks. 30 frames "
        f"a second leave 33,333 µs each.{why}"
    )
    return Table(
        "What solving costs", ("solver", "what", "µs a frame", "×"), tuple(rows), "Kalidokit", note
    )


def tables(quick: bool = False) -> list[Table]:
    """All of this module's; `quick` on few poses, for tests."""
    frames = 100 if quick else 1000
    return [accuracy(frames), cost(frames)]


def _joint(side: str, bone: str) -> int:
    return BONES.index(side + bone)
