"""The mannequin in captured motion, seen by the real detector: exact truth on unseen pictures.

data/rendered (made by render.py) holds what was seen, so neither a browser nor the detector runs
here. For a quick look while working on the solver:

    python -m tests.benchmarks.rendered [--model heavy] [--only walk,squats] [--views front,60°]
                                        [--live] [--ablation] [--fov]
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mocap.core import rotation as R
from mocap.core.camera import Camera
from mocap.core.keypoints import Keypoints, landmarks_of
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, HUMANOID, Skeleton
from tests.helpers.places import TESTS

from . import contenders, kalidokit
from .measures import Measures, Shown, measures
from .table import Cell, Table

SEEN = TESTS / "benchmarks" / "data" / "rendered"
# Steps of the whole numbers in which things are kept: metres, pixels, and parts of one.
METRES, PIXELS, PARTS, TURNS = 1e-4, 1.0 / 32.0, 1.0 / 255.0, 1.0 / 32767.0
UNSEEN = -32768
YARDSTICK = "the raw landmarks of the same model"


@dataclass(frozen=True, eq=False)
class Clip:
    """One performance before one camera.

    upright: the true motion in the world as the camera faces it. seen: the same in the camera's own
    axes, for who knows no up. points: (F, 33, 3) the true landmarks from the camera, in its axes.
    keypoints: what the detector saw, by model. world, position, target: the motion as it was
    rendered, and from where to where the camera looked.
    """

    performance: str
    view: str
    upright: Motion
    seen: Motion
    camera: Camera
    keypoints: dict[str, Keypoints]
    points: np.ndarray
    world: Motion
    position: tuple[float, float, float] = (0.0, 0.0, 0.0)
    target: tuple[float, float, float] = (0.0, 0.0, 0.0)


def clips(only: tuple[str, ...] = (), views: tuple[str, ...] = ()) -> Iterator[Clip]:
    """All clips, or those of some performances and views."""
    for file in sorted(SEEN.glob("*.npz")):
        name = file.stem.replace("_", " ")
        if only and name not in only:
            continue
        with np.load(file) as kept:
            arrays = dict(kept)
        truth = motion_in(arrays, "truth")
        for view in dict.fromkeys(
            key.split("/")[0] for key in arrays if not key.startswith("truth/")
        ):
            if not views or view in views:
                yield _clip(name, view, truth, arrays)


def motion_in(arrays: dict[str, np.ndarray], name: str) -> Motion:
    """The motion that render.py keeps under a name."""
    times, root, rotations, contacts, offsets = (
        arrays[f"{name}/{what}"].astype(float)
        for what in ("times", "root_positions", "rotations", "contacts", "offsets")
    )
    body = Skeleton(BONES, HUMANOID.parents, offsets, HUMANOID.rest_rotations)
    return Motion(body, times, root, R.normalize(rotations * TURNS), contacts=contacts)


def _clip(name: str, view: str, truth: Motion, arrays: dict[str, np.ndarray]) -> Clip:
    position, target = arrays[f"{view}/camera"][:3], arrays[f"{view}/camera"][3:6]
    fov, size = (
        float(arrays[f"{view}/camera"][6]),
        tuple(arrays[f"{view}/camera"][7:].astype(int).tolist()),
    )
    back = position - target
    found = {}
    for model in dict.fromkeys(
        key.split("/")[1] for key in arrays if key.startswith(f"{view}/") and key.count("/") == 2
    ):
        positions, image, confidence = (
            arrays[f"{view}/{model}/{what}"] for what in ("positions", "image", "confidence")
        )
        found[model] = Keypoints(
            truth.times, np.where(positions == UNSEEN, np.nan, positions * METRES),
            np.where(image == UNSEEN, np.nan, image * PIXELS),
            confidence * PARTS, Camera.assumed(size),
        )  # fmt: skip
    camera = Camera.from_fov(size, fov, "vertical")
    seen = turned(truth, back)
    # From the world's origin to the camera, in the camera's axes.
    away = turned(
        Motion(truth.skeleton, truth.times[:1], position[None], truth.rotations[:1]), back
    ).root_positions
    points = landmarks_of(*fk(seen.skeleton, seen.root_positions, seen.rotations)) - away
    upright = turned(truth, back * [1.0, 0.0, 1.0])
    return Clip(
        name,
        view,
        upright,
        seen,
        camera,
        found,
        points,
        truth,
        tuple(position.tolist()),
        tuple(target.tolist()),
    )


def turned(motion: Motion, z: np.ndarray) -> Motion:
    """The motion in axes whose z is given and whose x is level: those of a camera that looks along
    −z.
    """
    z = R.normalize(z)
    right = R.normalize(np.cross([0.0, 1.0, 0.0], z))
    axes = np.stack([right, np.cross(z, right), z])
    rotations = motion.rotations.copy()
    rotations[:, 0] = R.multiply(R.from_matrix(axes), rotations[:, 0])
    return Motion(
        motion.skeleton,
        motion.times,
        motion.root_positions @ axes.T,
        rotations,
        contacts=motion.contacts,
    )


def measured(clip: Clip, shown: dict[str, Shown]) -> dict[str, Measures]:
    """Everybody's measures, in the frame that each claims: mocap's world is upright, others see
    with the camera.
    """
    times = next(iter(shown.values())).times
    upright, seen = clip.upright.at(times), clip.seen.at(times)
    return {
        name: measures(s, seen if name in ("raw", "Kalidokit") else upright)
        for name, s in shown.items()
    }


def mean_of(found: list[Measures]) -> Measures:
    """The mean over clips, each counting alike, where there was something to measure; of
    acceleration the geometric mean.
    """
    out = {}
    for name in dict.fromkeys(n for m in found for n in m):
        values = np.array([m.get(name, np.nan) for m in found])
        values = values[np.isfinite(values)]
        if not len(values):
            out[name] = np.nan
        else:
            out[name] = (
                float(np.exp(np.log(values).mean()))
                if name == "acceleration"
                else float(values.mean())
            )
    return out


COLUMNS = (
    "direction, °",
    "MPJPE, mm",
    "PA-MPJPE, mm",
    "acceleration ×",
    "slide, mm",
    "sink / float, mm",
    "lean: trunk / body, °",
    "bone lengths, %",
)


def cells(m: Measures, raw: Measures | None) -> tuple[Cell, ...]:
    """A row's: COLUMNS, then direction and MPJPE in units of the raw landmarks'."""
    spread = (m["direction"], m["direction p95"])
    floor = (m["sink"], m.get("float", np.nan)) if "sink" in m else None
    ratios = (None, None) if raw is None else tuple(m[k] / raw[k] for k in ("direction", "MPJPE"))
    slide = m.get("slide", np.nan)
    return (
        spread,
        m["MPJPE"],
        m["PA-MPJPE"],
        m["acceleration"],
        slide,
        floor,
        (m["lean of trunk"], m["lean"]),
        m["bone lengths"],
        *ratios,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", default="full")
    parser.add_argument("--only", default="", metavar="PERFORMANCE,…")
    parser.add_argument("--views", default="", metavar="VIEW,…")
    parser.add_argument("--live", action="store_true", help="the live grade too")
    parser.add_argument("--ablation", action="store_true", help="each part left out in turn, too")
    parser.add_argument("--fov", action="store_true", help="tell the solver the true field of view")
    options = parser.parse_args()
    grades = ("raw", "live", "bake") if options.live else ("raw", "bake")
    every: dict[str, list[Measures]] = {}
    rows: list[tuple[Cell, ...]] = []
    for clip in clips(*(tuple(filter(None, o.split(","))) for o in (options.only, options.views))):
        keypoints = kalidokit.on_seen(clip.keypoints[options.model])
        camera = clip.camera if options.fov else None
        shown = contenders.contenders(keypoints, camera, grades)
        if options.ablation:
            shown |= contenders.ablation(keypoints, camera)
        found = measured(clip, shown)
        for name, m in found.items():
            every.setdefault(name, []).append(m)
        b, r = found["bake"], found["raw"]
        path = (b["path across"], b["path in depth"]) if math.isfinite(b["path across"]) else None
        rows.append(
            (f"{clip.performance}, {clip.view}", *cells(b, r)[:-2], path, *cells(b, r)[-2:])
        )
    columns = ("bake", *COLUMNS, "path across / depth, %", "direction ×", "MPJPE ×")
    print(Table("By clip", columns, tuple(rows), YARDSTICK).markdown(), end="\n\n")
    means = {name: mean_of(found) for name, found in every.items()}
    summary = tuple((name, *cells(m, means["raw"])) for name, m in means.items())
    print(
        Table(
            f"Mean of {len(rows)} clips, {options.model}",
            ("", *COLUMNS, "direction ×", "MPJPE ×"),
            summary,
            YARDSTICK,
        ).markdown()
    )


if __name__ == "__main__":
    main()
