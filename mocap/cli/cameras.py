"""`mocap cameras`: calibrate several cameras from a performer's motion."""

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
        typer.Argument(
            parser=opt.input_file,
            metavar="INPUT INPUT...",
            help="Clips of one performance, or their keypoints.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FILE", help="File to write: .toml, which Pose2Sim reads."
        ),
    ],
    model: opt.Model = "heavy",
    fov: opt.Fov = None,
    height: opt.Height = None,
    source_fps: opt.SourceFps = None,
) -> None:
    """Find the positions of cameras from one performer's motion, for `mocap bake --cameras`."""
    import numpy as np

    from mocap.cameras.auto import calibrate
    from mocap.cameras.calibration import save_cameras
    from mocap.core.keypoints import with_fov
    from mocap.detect.inputs import read_views
    from mocap.detect.options import DetectOptions
    from mocap.errors import MocapError, OutputError

    if len(inputs) < 2:
        raise MocapError(
            f"Cameras are found from two or more clips of one performance, not from {len(inputs)}: "
            "give one clip for each camera."
        )
    if output.suffix.lower() != ".toml":
        raise OutputError(f"{output} cannot be written: cameras go into a .toml file.")
    detect = DetectOptions(model=model, hands=False, face=False, source_fps=source_fps)
    with console.progress(f"Detecting {len(inputs)} clips") as progress:
        views = read_views(inputs, detect, progress, opt.processes(None))
    views = [with_fov(keypoints, opt.radians(fov)) for keypoints in views]
    found = calibrate(views, height, [path.name for path in inputs])
    save_cameras(output, found.cameras)
    offsets = np.asarray(found.cameras.offsets)
    for path, angle, offset in list(zip(inputs, found.angles[0], offsets, strict=True))[1:]:
        console.out.print(
            f"{path.name} is {math.degrees(angle):.0f}° from {inputs[0].name} as seen from the "
            f"performer; its clock starts {1000 * offset:+.0f} ms later."
        )
    console.out.print(
        f"{output}: joints agree to {found.error:.1f} pixels; rotations are accurate to "
        f"{math.degrees(found.rotation):.1f}°, positions to {math.degrees(found.direction):.1f}°, "
        f"clocks to {1000 * found.offset:.0f} ms; scale "
        + ("from --height." if height is not None else "from the detector (--height sets it).")
    )
