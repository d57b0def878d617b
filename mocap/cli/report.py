"""`mocap report`: joint angles, repetitions and ranges of motion of a take, as one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mocap.cli import console
from mocap.cli import options as opt
from mocap.errors import OutputError


def report(
    take: Annotated[
        Path,
        typer.Argument(
            parser=opt.input_file,
            metavar="TAKE",
            help="A take (.json, .jsonl), a motion (.bvh, .glb, .vrma, .fbx), or a video.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Page: .html.")],
    source_fps: opt.SourceFps = None,
) -> None:
    """Write an HTML page of joint angles: ranges of motion, left against right, repetitions.

    Example: mocap report squats.mp4 -o squats.html
    """
    from mocap import formats
    from mocap.detect.inputs import read_keypoints
    from mocap.detect.options import DetectOptions
    from mocap.report.page import report as page
    from mocap.solve.take import solve_take
    from mocap.transfer import read_motion

    if output.suffix.lower() not in (".html", ".htm"):
        raise OutputError(f"The report is an HTML page, so {output.name!r} must end in .html.")
    keypoints = None
    if take.suffix.lower() in formats.READ_SUFFIXES:
        motion = read_motion(take, source_fps=source_fps)
    else:
        keypoints = read_keypoints(take, DetectOptions(model="heavy", source_fps=source_fps))
        motion = solve_take(keypoints)
    formats.write(output, page(motion, take.stem, keypoints).encode())
    console.out.print(f"{output}: {console.frames(len(motion))}, {console.size(output)}")
