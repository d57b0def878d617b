"""Several cameras against one: rendered performances, seen by the real detector, with known truth.

The cameras of the rendered clips are those of the truth (calibrated), or are found from the
performer's motion, the second clock 0.37 s ahead (found). MPJPE: millimetres from the hips' middle,
the whole take turned by one rotation onto the truth; scaled: and by one scale, which cameras that
are found take from an assumed height. "landmarks" are the triangulated points before the solver.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap.core import rotation as R
from mocap.core.keypoints import Keypoints, with_fov
from mocap.errors import InputError
from mocap.solve.take import solve_take
from mocap.solve.tuning import SolveOptions
from mocap.views.camera import PosedCamera
from mocap.views.fuse import fuse
from mocap.views.relative import find_cameras
from rigs.render import View

from .measures import LANDMARK_JOINTS, Shown, centred, direction
from .rendered import Clip, clips
from .table import Cell, Table

_MODEL = "heavy"
_AHEAD = 0.37
_MEASURED = SolveOptions(depth="measured")


def posed(clip: Clip) -> PosedCamera:
    """The clip's true camera."""
    axes = View(clip.position, clip.target, 1.0, clip.camera.size).axes()
    place = -axes @ np.array(clip.position)
    return PosedCamera(clip.view, clip.camera, R.from_matrix(axes), place, np.zeros(5))


def _seen(clip: Clip) -> Keypoints:
    return with_fov(clip.keypoints[_MODEL], clip.camera.fov())


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


def _joints(keypoints: Keypoints, options: SolveOptions) -> np.ndarray:
    return Shown.of(solve_take(keypoints, options)).joints


def _rows(name: str) -> list[tuple[Cell, ...]]:
    views = list(clips((name,)))
    truth = Shown.of(views[0].world).joints
    rows: list[tuple[Cell, ...]] = []

    def add(what: str, joints: np.ndarray, note: str = "") -> None:
        rows.append((name, what, *_off(joints, truth), note))

    add("one camera", _joints(_seen(views[0]), SolveOptions()))
    for count in (2, 4):
        keypoints, found = fuse(
            [_seen(c) for c in views[:count]], [posed(c) for c in views[:count]]
        )
        add(f"{count} calibrated, landmarks", found.points[:, LANDMARK_JOINTS])
        add(f"{count} calibrated", _joints(keypoints, _MEASURED))
    one, two = (_seen(c) for c in views[:2])
    two = replace(two, times=two.times + _AHEAD)
    try:
        found_two = find_cameras(one, two)
    except InputError as error:
        rows.append((name, "2 found", None, None, None, f"refused: {error}"))
        return rows
    keypoints, _ = fuse([one, two], found_two.cameras, [0.0, found_two.offset])
    true = R.multiply(posed(views[1]).rotation, R.conjugate(posed(views[0]).rotation))
    turn = np.degrees(R.distance(found_two.cameras[1].rotation, true))
    late = 1000.0 * (found_two.offset - _AHEAD)
    add("2 found", _joints(keypoints, _MEASURED), f"clock {late:+.1f} ms, pose {turn:.1f}°")
    return rows


def tables(quick: bool) -> list[Table]:
    names = ("walk",) if quick else tuple(dict.fromkeys(c.performance for c in clips()))
    rows = [row for name in names for row in _rows(name)]
    columns = ("performance", "cameras", "MPJPE", "scaled", "limbs °", "found")
    for kind in dict.fromkeys(row[1] for row in rows):
        of_kind = [row[2:5] for row in rows if row[1] == kind and row[2] is not None]
        means = tuple(float(np.mean(column)) for column in zip(*of_kind, strict=True))
        rows.append(("mean", kind, *means, ""))
    return [Table(f"Cameras, BlazePose {_MODEL}, field of view known", columns, tuple(rows), "")]
