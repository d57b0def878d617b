"""What each stage of the bake makes of a take: no stage may be worse than the one before it.

    detector    the landmarks, as they come
    lifter      their depths replaced by the lifter's
    rays        put onto their image points' rays
    fitted      the trajectory optimised: one body, image points, smoothness
    ground      the same with the floor and the contacts
    posed       the motion's joints: bone rotations on the performer's body
    planted     the same with feet planted: what `mocap bake` writes

Results are recorded while `solve_take` runs, by wrapping the functions that STAGES names, so that
what is measured is what the bake does. A stage that a take does not run is left out of the means.

Signed flexion errors: degrees by which elbows and knees are bent more than in truth.

From the command line, on some of the rendered clips:

    python -m tests.benchmarks.stages [--model heavy] [--only walk,squats] [--views front] [--clips]
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from mocap.core.keypoints import Keypoints
from mocap.core.motion import Motion
from mocap.detect.mediapipe.bundles import PoseSize
from mocap.solve import take

from . import kalidokit, rendered
from .demo import detected
from .measures import LANDMARK_JOINTS, Shown, direction, pa_mpjpe, turned_onto
from .table import Cell, Table
from .views import flexion

MODEL: PoseSize = "heavy"
QUICK_FRAMES = 40


def _landmarks(positions: np.ndarray) -> np.ndarray:
    return positions[:, LANDMARK_JOINTS]


def _joints(motion: Motion) -> np.ndarray:
    return Shown.of(motion).joints


STAGES: dict[str, tuple[str, Callable[[Any], np.ndarray]]] = {
    "lifter": ("lift_with_error", lambda result: _landmarks(result[0])),
    "rays": ("onto_rays", lambda result: _landmarks(result[0])),
    "fitted": ("refine_landmarks", lambda result: _landmarks(result.positions)),
    "ground": ("refine_landmarks", lambda result: _landmarks(result.positions)),
    "posed": ("pose_take", _joints),
    "planted": ("plant", _joints),
}
"""Stage: the function of mocap.solve.take that ends it, and its 12 joints (F, 12, 3), metres,
from that function's result. A function that two stages name is called once for each, in this order.
"""
NAMES = ("detector", *STAGES)


@contextmanager
def recorded() -> Iterator[dict[str, np.ndarray]]:
    """Joints by stage of the take that is solved inside the `with` block."""
    found: dict[str, np.ndarray] = {}

    def wrapped(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            result = function(*arguments, **more)
            for stage, (of, joints) in STAGES.items():
                if of == name and stage not in found:
                    found[stage] = joints(result)
                    break
            return result

        return call

    with ExitStack() as stack:
        for name in dict.fromkeys(name for name, _ in STAGES.values()):
            stack.enter_context(patch.object(take, name, wrapped(name, getattr(take, name))))
        yield found


def by_stage(keypoints: Keypoints) -> dict[str, np.ndarray]:
    """Joints (F, 12, 3), metres, after each stage of the bake, in the order of NAMES."""
    with recorded() as found:
        take.solve_take(keypoints)
    found["detector"] = _landmarks(keypoints.positions)
    return {name: found[name] for name in NAMES if name in found}


Errors = dict[str, np.ndarray]
"""By stage: direction in degrees, PA-MPJPE in mm, and four signed flexion errors in degrees."""


def errors(joints: dict[str, np.ndarray], truth: np.ndarray, millimetres: float) -> Errors:
    """Errors of each stage.

    Args:
        joints: by stage, (F, 12, 3).
        truth: (F, 12, 3), in any frame and unit: one rotation for the take is taken off, and each
            frame is compared after a similarity.
        millimetres: of the truth's unit.
    """
    out = {}
    for name, p in joints.items():
        bent = (flexion(p) - flexion(truth)).mean(axis=0)
        shape = millimetres * pa_mpjpe(p, truth)
        out[name] = np.array([direction(turned_onto(p, truth), truth).mean(), shape, *bent])
    return out


COLUMNS = (
    "stage",
    "direction, °",
    "PA-MPJPE, mm",
    "worst step: mm worse than before",
    "on",
    "elbows bent by: left / right, °",
    "knees bent by: left / right, °",
)


def stage_table(title: str, found: dict[str, Errors], note: str) -> Table:
    """Means over takes, by stage, and the take on which the stage does most harm."""
    rows: list[tuple[Cell, ...]] = []
    for n, stage in enumerate(NAMES):
        of = [e[stage] for e in found.values() if stage in e]
        if not of:
            continue
        direction_error, shape, *bent = np.mean(of, axis=0).tolist()
        harm, on = _worst_step(found, stage) if n else (None, "–")
        rows.append((stage, direction_error, shape, harm, on, tuple(bent[:2]), tuple(bent[2:])))
    return Table(title, COLUMNS, tuple(rows), "", note)


def _worst_step(found: dict[str, Errors], stage: str) -> tuple[float, str]:
    """By how many mm of PA-MPJPE the stage is worse than the one before at the most, and where."""
    steps = {}
    for clip, e in found.items():
        names = list(e)
        if stage in e:
            steps[clip] = float(e[stage][1] - e[names[names.index(stage) - 1]][1])
    worst = max(steps, key=lambda take: steps[take])
    return steps[worst], worst


def clip_table(found: dict[str, Errors], model: str) -> Table:
    """PA-MPJPE by clip and stage."""
    rows = tuple(
        (clip, *(float(e[stage][1]) if stage in e else None for stage in NAMES))
        for clip, e in found.items()
    )
    return Table("PA-MPJPE by clip, mm", ("clip", *NAMES), rows, "", f"Rendered clips, {model}.")


def rendered_errors(
    clips: Iterable[rendered.Clip], model: str, quick: bool = False
) -> dict[str, Errors]:
    """Errors by stage of rendered clips, whose truth is exact."""
    found = {}
    for clip in clips:
        keypoints = kalidokit.on_seen(clip.keypoints[model])
        if quick:
            keypoints = keypoints.slice(0, QUICK_FRAMES)
        truth = Shown.of(clip.seen.at(keypoints.times)).joints
        found[f"{clip.performance}, {clip.view}"] = errors(by_stage(keypoints), truth, 1000.0)
    return found


def real_errors(folder: Path, model: PoseSize, quick: bool = False) -> dict[str, Errors]:
    """Errors by stage of the man of paired/bodypose3d; runs the detector on one camera's video.

    The reference's unit is about 0.1 m, and its thighs vary by 9 %.
    """
    reference = np.loadtxt(folder / "kpts_3d_from_joint_angles_calculate.dat").reshape(-1, 12, 3)
    every = detected(folder / "cam0_test.mp4", model, quick, seen=False)
    keypoints = kalidokit.on_seen(every)
    truth = reference[np.searchsorted(every.times, keypoints.times)]
    return {"cam0": errors(by_stage(keypoints), truth, 100.0)}


def tables(quick: bool = False) -> Iterator[Table]:
    """By stage: the rendered clips, and the real man where MOCAP_DATA names the folder with him."""
    clips = rendered.clips(("squats",), ("front",)) if quick else rendered.clips()
    found = rendered_errors(clips, MODEL, quick)
    note = f"Mean of {len(found)} clips, {MODEL}; exact truth. Bent by: more than in truth."
    yield stage_table("Rendered clips by stage", found, note)
    if not quick:
        yield clip_table(found, MODEL)
    folder = Path(os.environ.get("MOCAP_DATA", "none")) / "paired" / "bodypose3d"
    if not folder.is_dir():
        print("stages: the real man needs MOCAP_DATA", file=sys.stderr)
        return
    note = f"bodypose3d, {MODEL}; the reference's unit is taken for 100 mm."
    yield stage_table("A real man by stage", real_errors(folder, MODEL, quick), note)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--only", default="", metavar="PERFORMANCE,…")
    parser.add_argument("--views", default="", metavar="VIEW,…")
    parser.add_argument("--clips", action="store_true", help="a row for each clip too")
    options = parser.parse_args()
    only, views = (tuple(filter(None, o.split(","))) for o in (options.only, options.views))
    found = rendered_errors(rendered.clips(only, views), options.model)
    note = f"Mean of {len(found)} clips, {options.model}."
    print(stage_table("Rendered clips by stage", found, note).markdown(), end="\n\n")
    if options.clips:
        print(clip_table(found, options.model).markdown())


if __name__ == "__main__":
    main()
