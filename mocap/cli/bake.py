"""`mocap bake`: videos, images or keypoints to animation files."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mocap.cli import console, reports
from mocap.cli import options as opt
from mocap.errors import OutputError

if TYPE_CHECKING:
    from mocap.core.skeleton import Skeleton


def bake(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT...",
            help="Videos, images, folders of images, or keypoints (.json, .jsonl).",
        ),
    ],
    output: opt.Outputs,
    character: opt.Character = None,
    map_file: opt.MapFile = None,
    model: opt.Model = "heavy",
    fps: opt.Fps = None,
    source_fps: opt.SourceFps = None,
    fov: opt.Fov = None,
    height: opt.Height = None,
    feet: Annotated[
        Literal["off", "auto", "always"],
        typer.Option(
            help="Foot contacts. auto: plant feet that stand; always: keep the feet on the "
            "ground; off: leave them as detected."
        ),
    ] = "auto",
    hands: opt.Hands = True,
    face: opt.Face = True,
    face_model: opt.FaceModel = None,
    person: opt.Person = None,
    upper_body: opt.UpperBody = None,
    refine: Annotated[
        bool,
        typer.Option(
            "--refine/--no-refine",
            help="Lift, filter and fit the keypoints; --no-refine if they are accurate already.",
        ),
    ] = True,
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the clip in the file; by default mocap.")
    ] = None,
    trim: opt.Trim = None,
    root: opt.Root = "hips",
    loop: opt.Loop = False,
    mirror: opt.Mirror = False,
    turn: opt.Turn = 0.0,
    at_origin: opt.AtOrigin = False,
    names: opt.Names = None,
    keep_touch: opt.KeepTouch = False,
    all_keys: opt.AllKeys = False,
    workers: opt.Workers = None,
) -> None:
    """Bake a person's motion to files: BVH, VRMA for any VRM, or GLB with a character.

    With several inputs, write {name} in the output: mocap bake *.mp4 -o clips/{name}.bvh
    """
    from mocap import bake as batch
    from mocap.detect.options import DetectOptions
    from mocap.formats import ExportOptions
    from mocap.retargeting.clip import ClipOptions
    from mocap.solve.tuning import SolveOptions

    outputs = {path: [Path(str(o).replace("{name}", path.stem)) for o in output] for path in inputs}
    if len(inputs) > 1 and any("{name}" not in str(o) for o in output):
        raise OutputError(
            f"{len(inputs)} inputs cannot all be written to {output[0]}; "
            "put {name} into it, as in clips/{name}.bvh."
        )
    options = batch.BakeOptions(
        DetectOptions(
            model=model,
            hands=hands,
            face=face,
            face_model=face_model,
            person=person,
            source_fps=source_fps,
        ),
        SolveOptions(refine, feet, upper_body, height),
        ClipOptions(opt.trim(trim), mirror, loop, at_origin, math.radians(turn)),
        ExportOptions(
            fps=fps,
            names=names or "mixamo",
            name=name or "mocap",
            all_keys=all_keys,
            keep_touch=keep_touch,
            root=root,
        ),
        opt.radians(fov),
        character,
        map_file,
        workers,
    )
    theirs = reports.load_character(character, map_file)
    targets = {
        path: batch.targets(places, options, theirs, names) for path, places in outputs.items()
    }
    for path in inputs:
        with console.progress(f"Detecting {path.name}") as progress:
            baked = batch.bake_onto(path, targets[path], options, progress)
        _say_measures(baked.performer, reports.field_of_view(baked.camera), height)
        reports.say_seam(baked.seam)
        for target, saved in zip(targets[path], baked.saved, strict=True):
            reports.say_written(target.path, saved)
    reports.say_mapped(theirs)


def _say_measures(performer: Skeleton, view: str, height: float | None) -> None:
    """Print what the scale depends on: one camera measures neither its own lens nor a height."""
    from mocap.solve.size import stature

    source = "as given" if height is not None else "by its keypoints (--height sets it)"
    console.err.print(f"Field of view {view}; performer {stature(performer):.2f} m tall {source}.")
