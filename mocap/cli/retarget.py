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
            help="A motion: .bvh, .glb, .gltf, .vrm, .vrma, .fbx (by Blender), or keypoints "
            "(.json, .jsonl).",
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
            help="Naming convention of a .bvh without --rig: mixamo (the default) or another of "
            "`mocap rigs list`."
        ),
    ] = None,
    keep_touch: opt.KeepTouch = False,
    all_keys: opt.AllKeys = False,
) -> None:
    """Put a motion onto your character, in a copy of its file; without --rig, to BVH or VRMA."""
    from mocap import transfer

    theirs = reports.load_character(character, map_file)
    for target in output:
        transfer.check(target, theirs, names)
    source = transfer.load_motion(motion, animation)
    for target in output:
        saved = transfer.save(target, source, theirs, fps, names, keep_touch, all_keys)
        reports.say_written(target, source, saved)
    reports.say_mapped(theirs)
