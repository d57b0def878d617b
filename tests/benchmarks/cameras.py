"""Several cameras against one: rendered performances, seen by the real detector, with known truth.

The cameras of the rendered clips are those of the truth (calibrated), or are found from the
performer's motion (found), the second clock 0.31 s late and at 25 frames a second; their fields of
view are known, or assumed; the performer's height is known, or not. MPJPE: millimetres from the
hips' middle, the whole take turned by one rotation onto the truth; scaled: and by one scale, which
cameras that are found take from the height, or from the detector's idea of a person. "points": the
triangulated joints before the solver, of fewer frames: those in which all are found.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap.cameras.auto import calibrate
from mocap.cameras.live import LiveFusion
from mocap.cameras.resampling import sampled
from mocap.cameras.take import fuse, solve_views
from mocap.cameras.views import CameraSet, View
from mocap.core.keypoints import Keypoints, concatenate
from mocap.core.motion import Motion
from mocap.core.skeleton import HUMANOID
from mocap.errors import InputError
from mocap.solve.performer import Performer
from mocap.solve.size import HUMANOID_HEIGHT
from mocap.solve.take import solve_take
from mocap.solve.tuning import SolveOptions

from .measures import LANDMARK_JOINTS, Shown, centred, direction
from .rendered import Clip, clips
from .table import Cell, Table

MODEL = "heavy"
_LATE, _RATE = 0.3137, 25.0


def view_of(clip: Clip) -> View:
    """The clip's true camera."""
    position, target = np.array(clip.position), np.array(clip.target)
    ahead = (target - position) / np.linalg.norm(target - position)
    right = np.cross(ahead, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(ahead, right), ahead])
    camera = clip.camera
    matrix = np.diag([camera.focal, camera.focal, 1.0])
    matrix[:2, 2] = camera.centre
    return View(clip.view, camera.size, matrix, np.zeros(0), rotation, -rotation @ position)


def _off(joints: np.ndarray, truth: np.ndarray) -> tuple[float, float, float]:
    """MPJPE, MPJPE with one scale (mm), and limbs' direction (degrees) of joints (F, 12, 3)."""
    known = np.isfinite(joints).all(axis=(1, 2))
    a, b = centred(joints[known]), centred(truth[known])
    u, _, vt = np.linalg.svd(b.reshape(-1, 3).T @ a.reshape(-1, 3))
    a = a @ (u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt).T
    scale = (a * b).sum() / (a * a).sum()
    return (
        1000.0 * float(np.linalg.norm(a - b, axis=-1).mean()),
        1000.0 * float(np.linalg.norm(scale * a - b, axis=-1).mean()),
        float(direction(a, b).mean()),
    )


def _truth(true: Motion, times: np.ndarray) -> np.ndarray:
    joints = Shown.of(true).joints.reshape(len(true.times), -1)
    return np.stack([np.interp(times, true.times, c) for c in joints.T], axis=1).reshape(-1, 12, 3)


def _rows(name: str) -> list[tuple[Cell, ...]]:
    views = list(clips((name,)))
    true = views[0].world
    told = [replace(c.keypoints[MODEL], camera=c.camera) for c in views]
    rows: list[tuple[Cell, ...]] = []

    def add(what: str, motion: Motion, note: str = "") -> None:
        truth = _truth(true, motion.times)
        rows.append((name, what, *_off(Shown.of(motion).joints, truth), note))

    add("one camera", solve_take(told[0]))
    add("one camera, live", Performer().solve(told[0]))
    for count in (2, 4):
        cameras = CameraSet(tuple(view_of(c) for c in views[:count]), np.eye(3)[1], 1.0)
        fused = fuse(told[:count], cameras)
        points = fused.triangulated.points[:, LANDMARK_JOINTS]
        truth = _truth(true, fused.keypoints.times)
        rows.append((name, f"{count} calibrated, points", *_off(points, truth), ""))
        add(f"{count} calibrated", solve_take(fused.keypoints, measured=fused.measured))
        add(f"{count} calibrated, live", _live(told[:count], cameras))
    assumed = [c.keypoints[MODEL] for c in views[:2]]
    for kind, two, height in (
        ("field of view known", told[:2], None),
        ("field of view and height known", told[:2], _height(true)),
        ("field of view assumed", assumed, None),
    ):
        what = f"2 found, {kind}"
        takes = [two[0], _late(two[1])]
        try:
            found = calibrate(takes, height)
        except InputError as error:
            rows.append((name, what, None, None, None, f"refused: {error}"))
            continue
        own = found.cameras.views
        a, b = (view_of(c).rotation for c in views[:2])
        turn = own[1].rotation @ own[0].rotation.T @ (b @ a.T).T
        degrees = np.degrees(np.arccos(np.clip((np.trace(turn) - 1.0) / 2.0, -1.0, 1.0)))
        late = 1000.0 * (float(np.asarray(found.cameras.offsets)[1]) - _LATE)
        note = f"clock {late:+.1f} ms, rotation {degrees:.1f}°"
        add(what, solve_views(takes, found.cameras, SolveOptions(height=height)), note)
        if height is None:
            add(f"{what}, live", _live(takes, found.cameras))
    return rows


def _live(takes: list[Keypoints], cameras: CameraSet) -> Motion:
    """Solve the takes frame by frame, in the order in which a live session gets the frames."""
    offsets = np.zeros(len(takes)) if cameras.offsets is None else cameras.offsets
    arriving = sorted(
        (float(time + offset), camera, frame)
        for camera, (take, offset) in enumerate(zip(takes, offsets, strict=True))
        for frame, time in enumerate(take.times)
    )
    fusion = LiveFusion(takes, cameras)
    frames = [fusion.add(k, takes[k].slice(n, n + 1)) for _, k, n in arriving]
    return Performer().solve(concatenate([f for f in frames if f is not None]))


def _height(true: Motion) -> float:
    """The performer's stature, metres; a rendered body's rest pose may hover over the floor."""
    body, rest = true.skeleton, true.skeleton.rest_positions()
    foot, toes, head = (HUMANOID.index(n) for n in ("leftFoot", "leftToes", "head"))
    usual = HUMANOID.rest_positions()
    # The ankle's height goes with the foot's length.
    size = np.linalg.norm(body.offsets[toes]) / np.linalg.norm(HUMANOID.offsets[toes])
    tall = rest[head, 1] - rest[foot, 1] + size * usual[foot, 1]
    return HUMANOID_HEIGHT * float(tall / usual[head, 1])


def _late(keypoints: Keypoints) -> Keypoints:
    times = np.arange(_LATE, keypoints.times[-1], 1.0 / _RATE)
    return replace(sampled(keypoints, times), times=times - _LATE)


def tables(quick: bool) -> list[Table]:
    """One camera, two, four, and two that are found, by performance and in the mean."""
    names = ("walk",) if quick else tuple(dict.fromkeys(c.performance for c in clips()))
    rows = [row for name in names for row in _rows(name)]
    columns = ("performance", "cameras", "MPJPE", "scaled", "limbs, °", "found")
    for kind in dict.fromkeys(str(row[1]) for row in rows):
        of_kind = [[float(x) for x in row[2:5]] for row in rows  # type: ignore[arg-type]
                   if row[1] == kind and row[2] is not None]  # fmt: skip
        means = tuple(float(np.mean(column)) for column in zip(*of_kind, strict=True))
        rows.append(("mean", kind, *means, f"{len(of_kind)} of {len(names)} takes"))
    return [Table(f"Cameras, BlazePose {MODEL}, mm", columns, tuple(rows), "")]
