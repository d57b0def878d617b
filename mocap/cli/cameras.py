"""`mocap cameras`: the places of two cameras, found from a performer's motion."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from mocap.cli import console
from mocap.cli import options as opt


def cameras(
    inputs: Annotated[
        list[Path],
        typer.Argument(metavar="INPUT INPUT", help="Two clips of one performer, or keypoints."),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="File to write: .toml, as Pose2Sim reads it.")
    ],
    model: opt.Model = "heavy",
    fov: opt.Fov = None,
    height: opt.Height = None,
    source_fps: opt.SourceFps = None,
) -> None:
    """Find the places of two cameras from one performer's motion, for `mocap bake --cameras`."""
    from mocap import formats
    from mocap.bake import BakeOptions, read_views
    from mocap.detect.options import DetectOptions
    from mocap.errors import MocapError, OutputError
    from mocap.views.calibration import dump_cameras
    from mocap.views.relative import find_cameras

    if len(inputs) != 2:
        raise MocapError(f"The places of two cameras can be found, not of {len(inputs)}.")
    if output.suffix.lower() != ".toml":
        raise OutputError(f"{output} cannot be written: cameras go into a .toml file.")
    detect = DetectOptions(model=model, hands=False, face=False, source_fps=source_fps)
    options = BakeOptions(detect, fov=opt.radians(fov))
    with console.progress("Detecting two clips") as progress:
        first, second = read_views(inputs, options, progress)
    found = find_cameras(first, second, height)
    formats.write(output, dump_cameras(found.cameras).encode())
    console.out.print(
        f"{output}: the cameras are {math.degrees(found.angle):.0f}° apart as seen from the "
        f"performer; the second clip's clock is ahead by {1000 * found.offset:.0f} ms; "
        f"joints agree to {found.residual:.1f} pixels, bones' lengths to "
        f"{100 * found.lengths:.0f} %."
    )
