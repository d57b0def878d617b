"""`mocap retarget`: motion from any file onto a character, or to BVH or VRMA."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mocap.cli import options as opt
from mocap.cli import reports


def retarget(
    motion: Annotated[
        Path,
        typer.Argument(
            metavar="MOTION",
            help="A motion: .bvh, .fbx, .glb, .gltf, .vrm, .vrma, or keypoints (.json, .jsonl).",
        ),
    ],
    output: opt.Outputs,
    character: opt.Character = None,
    map_file: opt.MapFile = None,
    animation: Annotated[
        str | None, typer.Option(help="Name of the animation in MOTION; by default the first.")
    ] = None,
    fps: opt.Fps = None,
    names: Annotated[
        str | None,
        typer.Option(
            help="Naming convention of a .bvh or .fbx without --rig: mixamo (the default) or another of "
            "`mocap rigs list`."
        ),
    ] = None,
    keep_touch: opt.KeepTouch = False,
    all_keys: opt.AllKeys = False,
) -> None:
    """Put a motion onto your character, in a copy of its file; without --rig, to BVH or VRMA."""
    from mocap import transfer
    from mocap.formats import ExportOptions

    theirs = reports.load_character(character, map_file)
    targets = [transfer.target(to, theirs, names) for to in output]
    source = transfer.read_motion(motion, animation)
    options = ExportOptions(
        fps=fps, names=names or "mixamo", keep_touch=keep_touch, all_keys=all_keys
    )
    for target in targets:
        reports.say_written(target.path, source, transfer.save(target, source, options))
    reports.say_mapped(theirs)
