"""`mocap bake`: videos, images or keypoints to animation files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mocap.cli import console, summaries
from mocap.cli import options as opt
from mocap.cli.clips import bake_clips
from mocap.errors import MocapError

if TYPE_CHECKING:
    from mocap.bake import Baked, BakeOptions
    from mocap.batch.jobs import Job
    from mocap.core.skeleton import Skeleton
    from mocap.solve.assessment import Assessment
    from mocap.transfer import Target


def bake(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            parser=opt.input_file,
            metavar="INPUT...",
            help="Videos, images, folders of images, keypoints (.json, .jsonl), or folders of "
            "such files.",
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
            "ground all the time; off: leave the feet as detected."
        ),
    ] = "auto",
    hands: opt.Hands = True,
    face: opt.Face = True,
    face_model: opt.FaceModel = None,
    person: opt.Person = None,
    people: opt.People = "1",
    upper_body: opt.UpperBody = None,
    refine: Annotated[
        bool,
        typer.Option(
            "--refine/--no-refine",
            help="Lift, filter and fit the keypoints. Use --no-refine for keypoints that are "
            "already accurate.",
        ),
    ] = True,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="Name of the clip in the file; default mocap."),
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
    cameras: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|auto",
            help="Treat the inputs as clips of one performance from several cameras. FILE is "
            "their calibration (.toml, .qca.txt, .yml); auto finds the cameras from the "
            "performer's motion.",
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.json",
            help="Also write a report on the result, by frame and bone: confidence, hidden parts "
            "that are held, frames without a person, hard cuts. For one performance; with "
            "--people, FILE_1.json and so on.",
        ),
    ] = None,
    recursive: Annotated[
        bool, typer.Option("--recursive", help="Search folders and their subfolders for clips.")
    ] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Skip clips whose outputs exist and were made from the same input, options and "
            "version.",
        ),
    ] = False,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Bake on a Dask cluster: tcp://HOST:PORT, or local for one process per core of "
            "this computer.",
        ),
    ] = None,
) -> None:
    """Bake a person's motion to files: BVH, VRMA for any VRM, or GLB with a character.

    With several inputs, write {name} in the output: mocap bake *.mp4 -o clips/{name}.bvh
    """
    from mocap import bake as pipeline
    from mocap.batch.jobs import find_clips, make_folders, plan
    from mocap.formats import ExportOptions
    from mocap.solve.tuning import SolveOptions

    detect = opt.detection(locals())
    options = pipeline.BakeOptions(
        detect,
        SolveOptions(refine, feet, upper_body, height),
        opt.clip(trim, mirror, loop, at_origin, turn),
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
        opt.processes(workers, detect.people, scheduler),
    )
    rig = summaries.load_character(character, map_file)
    if cameras is not None:
        targets = pipeline.targets(output, options, rig, names)
        _say_baked(_bake_views(inputs, targets, options, cameras), report)
        summaries.say_mapped(rig)
        return
    jobs = plan(find_clips(inputs, recursive), output, options)
    make_folders(jobs, output)
    for job in jobs:
        targets = pipeline.targets(job.outputs, options, rig, names)
    if len(jobs) > 1 or resume or scheduler is not None:
        if report is not None:
            raise MocapError(
                "--report works with one clip: give one input, and neither --resume nor "
                "--scheduler."
            )
        bake_clips(jobs, scheduler, workers, resume)
    else:
        _bake_one(jobs[0], targets, height, report)
    summaries.say_mapped(rig)


def _bake_one(
    job: Job, targets: Sequence[Target], height: float | None, report: Path | None
) -> None:
    """Bake one clip; print its field of view and height, its assessment and the files written."""
    from mocap.bake import bake_onto

    with console.progress(f"Detecting {job.path.name}") as progress:
        people = bake_onto(job.path, targets, job.options, progress)
    for baked in people:
        if job.options.detect.people > 1:
            _say_seen(baked)
        _say_measures(baked.performer, summaries.field_of_view(baked.camera), height)
        _say_trust(baked)
    for baked in people:
        _say_baked(baked, report, baked.number if len(people) > 1 else None)


def _say_trust(baked: Baked) -> None:
    """Print what of the result cannot be trusted, and the seam of a loop."""
    if baked.assessment is not None:
        for line in baked.assessment.lines():
            console.err.print(line)
    summaries.say_seam(baked.seam)


def _say_baked(baked: Baked, report: Path | None, number: int | None = None) -> None:
    """Write the report, if one is wanted, and print the files written."""
    if report is not None and baked.assessment is not None:
        _write_report(report, number, baked.assessment)
    for path, saved in zip(baked.paths, baked.saved, strict=True):
        summaries.say_written(path, saved)


def _write_report(path: Path, number: int | None, assessment: Assessment) -> None:
    """Write an assessment as JSON; `number` (of several people) is appended to the file's name."""
    import json

    from mocap import formats

    if number is not None:
        path = path.with_name(f"{path.stem}_{number}{path.suffix}")
    formats.write(path, json.dumps(assessment.as_json(), indent=1).encode())
    console.out.print(f"{path}: report on {len(assessment.times)} frames.")


def _bake_views(
    inputs: Sequence[Path], targets: Sequence[Target], options: BakeOptions, cameras: str
) -> Baked:
    """Bake one performance filmed by several cameras, and print the performer's height."""
    from mocap.bake import bake_views

    if len(inputs) < 2:
        raise MocapError("--cameras needs one clip for each camera: give two or more inputs.")
    if options.detect.people > 1:
        raise MocapError("--cameras is for clips of one performer: leave --people out.")
    calibration = None if cameras == "auto" else Path(cameras)
    with console.progress(f"Detecting {len(inputs)} clips") as progress:
        baked = bake_views(inputs, targets, options, calibration, progress)
    _say_measures(baked.performer, "by the calibration" if calibration else "found with the "
                  "cameras", options.solve.height)  # fmt: skip
    _say_trust(baked)
    return baked


def _say_seen(baked: Baked) -> None:
    """Print the spans of time in which a person is seen."""
    spans = ", ".join(f"{start:.1f} to {stop:.1f} s" for start, stop in baked.seen)
    console.out.print(f"Person {baked.number}: seen from {spans}.")


def _say_measures(performer: Skeleton, view: str, height: float | None) -> None:
    """Print field of view and height, which one camera cannot measure but the scale depends on."""
    from mocap.solve.size import stature

    source = "as given" if height is not None else "by its keypoints (--height sets it)"
    console.err.print(f"Field of view {view}; performer {stature(performer):.2f} m tall {source}.")
