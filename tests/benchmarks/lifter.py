"""The lifter alone, neither smoothed nor refined: the rendered clips, and a real man.

    python -m tests.benchmarks.lifter [--model heavy] [--weights FILE] [--clips]

Rows: the detector's raw landmarks; the lifter of the bake; the same from image points without the
detector's depth; the live lifter; and the lifter from the true image points without depth. The
field of view is assumed (`DEFAULT_FOV`). With MOCAP_DATA also the man before two cameras, which
runs the detector. The last column is the share of depths within one expected error (calibrated:
68 %).
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
from numpy import ndarray

from mocap.core.camera import DEFAULT_FOV, Camera
from mocap.core.keypoints import Keypoints
from mocap.lift import live, model, network

from . import kalidokit, rendered
from .demo import detected
from .measures import LANDMARK_JOINTS, direction, mpjpe, pa_mpjpe, turned_onto
from .table import Cell, Table

Lifted = tuple[ndarray, ndarray]
"""Landmarks (F, 33, 3) and the expected errors of their depths (F, 33), metres."""

_LIMBS = ("upper arm", "forearm", "thigh", "shank")
COLUMNS = (
    "direction, °",
    *(f"{limb}, °" for limb in _LIMBS),
    "MPJPE, mm",
    "PA-MPJPE, mm",
    "within",
)


@dataclass(frozen=True, eq=False)
class Result:
    """degrees:

    (F, 8) of the limb bones. mpjpe, pa: mm. within: share, NaN if nothing is expected.
    """

    degrees: ndarray
    mpjpe: float
    pa: float
    within: float

    def cells(self) -> tuple[Cell, ...]:
        """Of COLUMNS."""
        limbs = self.degrees.mean(axis=0).reshape(4, 2).mean(axis=1).tolist()
        return (float(self.degrees.mean()), *limbs, self.mpjpe, self.pa, self.within)


def raw(keypoints: Keypoints, camera: Camera) -> Lifted:
    """The detector's own."""
    return keypoints.positions, np.full(keypoints.positions.shape[:2], np.nan)


def bare(keypoints: Keypoints, camera: Camera) -> Lifted:
    """The lifter without the detector's depth."""

    features = network.features
    with patch.object(model, "features", lambda *parts: network.without_depth(features(*parts))):
        return model.lift_with_error(keypoints, camera)


def causal(keypoints: Keypoints, camera: Camera) -> Lifted:
    """The live lifter."""
    positions, error, _ = live.lift_live_with_error(keypoints, camera)
    return positions, error


LIFTERS: dict[str, Callable[[Keypoints, Camera], Lifted]] = {
    "raw": raw,
    "lifter": model.lift_with_error,
    "lifter, image alone": bare,
    "lifter, live": causal,
}


def true_keypoints(clip: rendered.Clip, keypoints: Keypoints) -> Keypoints:
    """The true landmarks of these frames, as a perfect detector would see them."""
    points = clip.points[np.searchsorted(clip.world.times, keypoints.times)]
    slopes = points[..., :2] / -points[..., 2:] * [1.0, -1.0]
    image = np.asarray(clip.camera.centre) + clip.camera.focal * slopes
    positions = points - points[:, [23, 24]].mean(axis=1, keepdims=True)
    return replace(keypoints, positions=positions, image=image, confidence=np.ones(image.shape[:2]))


def on_clips(model_size: str) -> dict[str, list[tuple[rendered.Clip, Result]]]:
    """By row: each rendered clip's result."""
    out: dict[str, list[tuple[rendered.Clip, Result]]] = {}
    for clip in rendered.clips():
        seen = kalidokit.on_seen(clip.keypoints[model_size])
        camera = Camera.from_fov(seen.camera.size, DEFAULT_FOV)
        true = true_keypoints(clip, seen)
        for name, lifter in LIFTERS.items():
            out.setdefault(name, []).append((clip, _against(*lifter(seen, camera), true)))
        found = _against(*bare(true, clip.camera), true)
        out.setdefault("true image points alone", []).append((clip, found))
    return out


def _against(positions: ndarray, error: ndarray, true: Keypoints) -> Result:
    shown, joints = positions[:, LANDMARK_JOINTS], true.positions[:, LANDMARK_JOINTS]
    limbs = error[:, LANDMARK_JOINTS]
    off = np.abs(shown - joints)[..., 2]
    within = float((off < limbs)[np.isfinite(limbs)].mean()) if np.isfinite(limbs).any() else np.nan
    return Result(
        direction(shown, joints),
        1000.0 * mpjpe(shown, joints),
        1000.0 * pa_mpjpe(shown, joints),
        within,
    )


def _mean(found: list[Result]) -> tuple[Cell, ...]:
    return tuple(np.mean([[float(c) for c in r.cells()] for r in found], axis=0).tolist())  # type: ignore[arg-type]


def real_man(folder: Path, model_size: str) -> Table:
    """The man before two cameras: direction after one rotation of the take, PA-MPJPE."""
    reference = np.loadtxt(folder / "kpts_3d_from_joint_angles_calculate.dat").reshape(-1, 12, 3)
    every = detected(folder / "cam0_test.mp4", model_size, seen=False)  # type: ignore[arg-type]
    seen = kalidokit.on_seen(every)
    joints = reference[np.searchsorted(every.times, seen.times)]
    camera = Camera.from_fov(seen.camera.size, DEFAULT_FOV)
    rows = []
    for name, lifter in LIFTERS.items():
        shown = lifter(seen, camera)[0][:, LANDMARK_JOINTS]
        degrees = direction(turned_onto(shown, joints), joints)
        limbs = degrees.mean(axis=0).reshape(4, 2).mean(axis=1).tolist()
        rows.append((name, float(degrees.mean()), *limbs, 100.0 * pa_mpjpe(shown, joints)))
    columns = ("", *COLUMNS[:5], COLUMNS[6])
    return Table(f"The lifter on a real man, {model_size}", columns, tuple(rows), "")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", default="heavy", choices=["full", "heavy"])
    parser.add_argument("--weights", type=Path, help="weights, in place of the shipped")
    parser.add_argument("--clips", action="store_true", help="by performance and by view, too")
    options = parser.parse_args()
    if options.weights:
        with np.load(options.weights) as file:
            arrays = {key: file[key].astype(np.float32) for key in file.files}
        model.weights = live.weights = lambda: arrays  # type: ignore[assignment]
    found = on_clips(options.model)
    rows = tuple((name, *_mean([r for _, r in results])) for name, results in found.items())
    title = f"The lifter on {len(found['raw'])} rendered clips, {options.model}"
    print(Table(title, ("", *COLUMNS), rows, "").markdown(), end="\n\n")
    if options.clips:
        for what in ("performance", "view"):
            names = dict.fromkeys(str(getattr(clip, what)) for clip, _ in found["raw"])
            rows = tuple(
                (name, row, *_mean([r for c, r in results if getattr(c, what) == name]))
                for name in names
                for row, results in found.items()
            )
            print(Table(f"By {what}", (what, "", *COLUMNS), rows, "").markdown(), end="\n\n")
    if folder := os.environ.get("MOCAP_DATA"):
        print(real_man(Path(folder) / "paired" / "bodypose3d", options.model).markdown())


if __name__ == "__main__":
    main()
