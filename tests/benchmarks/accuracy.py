"""Error of the avatar's pose: live, baked, without parts of the solver, beside raw and Kalidokit.

contenders.py defines the contenders, measures.py the measures. The data:

    rendered       the mannequin in captured motion, real detector, exact truth (rendered.py)
    captured       captured motion as keypoints with the detector's measured errors (captured.py)
    demo           the demo clip, with the detector (demo.py)
    real           a man before two cameras and a woman who squats, from MOCAP_DATA (real.py)

Cost: time and memory of the bake beyond the detector, by the length of the take (cost.py).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import get_args

import numpy as np

from mocap.core.keypoints import Keypoints
from mocap.detect.mediapipe.bundles import PoseSize

from . import captured, contenders, cost, demo, kalidokit, real, rendered
from .measures import LANDMARK_JOINTS, ROTATIONS, Measures, Shown, centred, direction, mpjpe
from .rendered import COLUMNS, YARDSTICK, Clip, cells, mean_of, measured
from .table import Cell, Table

MODEL: PoseSize = "full"
MODELS: tuple[PoseSize, ...] = ("full", "heavy")
# A few clips show what a part is worth; all of them would take many minutes.
ABLATED: dict[str, tuple[str, ...]] = {
    "walk": ("across", "towards"), "squats": ("front", "60°"), "boxing": ("60°", "180°"),
    "dance": ("front", "20° down"), "jump": ("60°",),
}  # fmt: skip

Found = list[tuple[Clip, str, dict[str, Measures]]]
"""Clip, model, and everybody's measures."""


def run(
    clips: Iterable[Clip], models: Iterable[str], grades: tuple[str, ...] = ("raw", "live", "bake")
) -> tuple[Found, str]:
    """Everybody on every clip; and why Kalidokit is missing, if it is."""
    found: Found = []
    why = ""
    for clip in clips:
        for model in models:
            if model not in clip.keypoints:
                continue
            keypoints = kalidokit.on_seen(clip.keypoints[model])
            shown = contenders.contenders(keypoints, None, grades)
            try:
                truth = Shown.of(clip.seen.at(keypoints.times)).joints
                shown["Kalidokit"] = Shown.of(contenders.best_kalidokit(keypoints, truth))
            except kalidokit.UnavailableError as reason:
                why = f" Kalidokit was not run: {reason}."
            found.append((clip, model, measured(clip, shown)))
    return found, why


def overview(title: str, found: Found, note: str) -> Table:
    """The mean over clips, by model and grade."""
    rows: list[tuple[Cell, ...]] = []
    count = len({(c.performance, c.view) for c, _, _ in found})
    for model in dict.fromkeys(m for _, m, _ in found):
        means = _means(found, lambda clip, of, model=model: of == model)
        rows += [(model, name, *cells(m, means["raw"])) for name, m in means.items()]
    note = f"Mean of {count} clips; direction mean / p95. {note}"
    return Table(
        title, ("model", "", *COLUMNS, "direction ×", "MPJPE ×"), tuple(rows), YARDSTICK, note
    )


def _means(found: Found, which: Callable[[Clip, str], bool]) -> dict[str, Measures]:
    of = [m for clip, model, m in found if which(clip, model)]
    return {
        name: mean_of([m[name] for m in of if name in m])
        for name in dict.fromkeys(n for m in of for n in m)
    }


def split(title: str, found: Found, model: str, by: Callable[[Clip], str]) -> Table:
    """Direction and MPJPE of raw, live and bake, by what a clip is."""
    rows: list[tuple[Cell, ...]] = []
    for label in dict.fromkeys(by(clip) for clip, _, _ in found):
        means = _means(found, lambda clip, of, label=label: of == model and by(clip) == label)
        three = [means[grade] for grade in ("raw", "live", "bake") if grade in means]
        raw, bake = means["raw"], means["bake"]
        rows.append(
            (label,
             *(tuple(m[k] for m in three) for k in ("direction", "MPJPE", "PA-MPJPE",
                 "acceleration", "slide", "lean")),
             bake["sink"], bake["direction"] / raw["direction"], bake["MPJPE"] / raw["MPJPE"])
        )  # fmt: skip
    three_of = (
        "direction, °",
        "MPJPE, mm",
        "PA-MPJPE, mm",
        "acceleration ×",
        "slide, mm",
        "body leans, °",
    )
    columns = ("", *three_of, "sink, mm", "direction ×", "MPJPE ×")
    return Table(
        title,
        columns,
        tuple(rows),
        YARDSTICK,
        f"raw / live / bake, {model}; ratios are the bake's.",
    )


def limits(clips: Iterable[Clip], model: str) -> Table:
    """What of the detector's errors is the image's and what the depth's: each of the two beside a
    truth of the other.
    """
    every: dict[str, list[tuple[float, float]]] = {}
    for clip in clips:
        keypoints = kalidokit.on_seen(clip.keypoints[model])
        truth = Shown.of(clip.seen.at(keypoints.times)).joints
        for name, joints in by_halves(clip, keypoints).items():
            every.setdefault(name, []).append(
                (float(direction(joints, truth).mean()), 1000.0 * mpjpe(joints, truth))
            )
    rows = tuple((name, *np.mean(of, axis=0).tolist()) for name, of in every.items())
    note = (
        f"Mean of {len(every['raw'])} clips, {model}; the camera is known. No solver: what a "
        f"perfect one would make of a half."
    )
    return Table(
        "What image points and depth allow", ("", "direction, °", "MPJPE, mm"), rows, "", note
    )


def by_halves(clip: Clip, keypoints: Keypoints) -> dict[str, np.ndarray]:
    """The detector's 12 joints (F, 12, 3), metres, camera axes; its image points in their true
    depth; and the true ones in its depth.
    """
    true = clip.points[np.searchsorted(clip.seen.times, keypoints.times)][:, LANDMARK_JOINTS]
    found, hips = keypoints.positions[:, LANDMARK_JOINTS], true - centred(true)
    return {
        "raw": found,
        "its image points, true depth": clip.camera.rays(keypoints.image[:, LANDMARK_JOINTS])
        * -true[..., 2:],
        "true image points, its depth": clip.camera.rays(clip.camera.project(true))
        * -(hips + found)[..., 2:],
    }


def paths(found: Found) -> Table:
    """Where those who travel end up, and with the true field of view."""
    rows: list[tuple[Cell, ...]] = []
    for clip, model, of in found:
        if "bake" not in of or not np.isfinite(of["bake"]["path across"]):
            continue
        way = np.ptp(clip.upright.root_positions, axis=0)
        told = contenders.bake(kalidokit.on_seen(clip.keypoints[model]), clip.camera)
        each = (of["live"], of["bake"], measured(clip, {"bake": Shown.of(told)})["bake"])
        ends = ((m["path across"], m["path in depth"]) for m in each)
        rows.append(
            (f"{clip.performance}, {clip.view}", model, (float(way[0]), float(way[2])), *ends)
        )
    who = ("live", "bake", "bake, field of view known")
    columns = (
        "",
        "model",
        "way across / in depth, m",
        *(f"{name}: across / depth, %" for name in who),
    )
    note = (
        "How far the end is from where it should be, in percent of the way. Field of view not "
        "told but in the last column."
    )
    return Table("The root's path", columns, tuple(rows), "", note)


def contacts(found: Found) -> Table:
    """How many contacts the bake finds, and how far feet slide in those and in the others."""
    rows: list[tuple[Cell, ...]] = []
    for model in dict.fromkeys(m for _, m, _ in found):
        m = _means(found, lambda clip, of, model=model: of == model)["bake"]
        rows.append((model, m["contacts found"], m["slide of found"], m["slide of others"]))
    columns = ("model", "contacts found whole, %", "feet slide in them, mm", "in the others, mm")
    return Table(
        "Feet that stand",
        columns,
        tuple(rows),
        "",
        "Of the bake, mean over clips; contacts as in the truth, from landing to leaving.",
    )


def rotations(found: Found, model: str) -> Table:
    """Swing and twist, joint by joint, of live, bake and Kalidokit."""
    means = _means(found, lambda clip, of: of == model)
    names = [name for name in means if name != "raw"]
    rows: list[tuple[Cell, ...]] = []
    for joint, (_, base) in ROTATIONS.items():
        # Kalidokit's body solver leaves head, hands and feet alone.
        left_alone = joint in ("head", "hand", "foot")
        pairs = (
            None
            if left_alone and name == "Kalidokit"
            else (means[name][f"swing of {joint}"], means[name][f"twist of {joint}"])
            for name in names
        )
        rows.append((joint, base or "the world", *pairs))
    columns = ("joint", "in", *(f"{name}: swing / twist, °" for name in names))
    note = f"Mean of the rendered clips, {model}. Collarbones count with the upper arms."
    return Table("Joint rotations", columns, tuple(rows), "", note)


def ablation(clips: Iterable[Clip], model: str) -> Table:
    """The bake without each of its parts in turn."""
    every: dict[str, list[Measures]] = {}
    count = 0
    for clip in clips:
        if clip.view not in ABLATED.get(clip.performance, ()):
            continue
        count += 1
        keypoints = kalidokit.on_seen(clip.keypoints[model])
        shown = contenders.contenders(keypoints, None, ("raw", "bake")) | contenders.ablation(
            keypoints
        )
        shown["bake, field of view known"] = Shown.of(contenders.bake(keypoints, clip.camera))
        for name, m in measured(clip, shown).items():
            every.setdefault(name, []).append(m)
    means = {name: mean_of(of) for name, of in every.items()}
    rows = tuple((name, *cells(m, means["raw"])) for name, m in means.items())
    note = (
        f"Mean of {count} rendered clips, {model}: "
        f"{', '.join(f'{p} {v}' for p, views in ABLATED.items() for v in views)}."
    )
    return Table(
        "What each part of the bake is worth",
        ("", *COLUMNS, "direction ×", "MPJPE ×"),
        rows,
        YARDSTICK,
        note,
    )


def tables(quick: bool = False) -> Iterator[Table]:
    """All of this module's, as they are done; `quick` on two clips, for tests."""
    clips = list(rendered.clips(only=("squats",), views=("front",)) if quick else rendered.clips())
    found, why = run(clips, (MODEL,) if quick else MODELS)
    note = f"No training saw these motions; the solver does not know the field of view.{why}"
    yield overview("The mannequin in captured motion, rendered: exact truth", found, note)
    if not quick:
        yield split("By performance", found, MODEL, lambda clip: clip.performance)
        yield split("By view", found, MODEL, lambda clip: clip.view)
        yield paths(found)
        yield contacts(found)
        yield rotations(found, MODEL)
        yield limits(clips, MODEL)
        yield ablation(clips, MODEL)
    borrowed = [clip for n, clip in enumerate(captured.clips(MODEL)) if not quick or n == 0]
    found, why = run(borrowed, (MODEL,))
    yield overview(
        "Captured motion as keypoints, with the detector's measured errors", found, why.strip()
    )
    yield demo.table(MODEL, quick)
    data = Path(os.environ.get("MOCAP_DATA", "none"))
    if (data / "paired" / "bodypose3d").is_dir():
        models: tuple[PoseSize, ...] = (MODEL,) if quick else get_args(PoseSize)
        yield real.bodypose3d(
            data / "paired" / "bodypose3d", models, None if quick else MODEL, quick
        )
        yield real.squats(data / "videos" / "tfjs_pose_squats.mp4", models, quick)
    yield cost.table(quick)
