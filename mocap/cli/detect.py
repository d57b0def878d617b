"""`mocap detect`: videos or images to keypoints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mocap.cli import console
from mocap.cli import options as opt
from mocap.detect.inputs import read_keypoints

if TYPE_CHECKING:
    from mocap.core.keypoints import Keypoints


def detect(
    source: Annotated[
        Path,
        typer.Argument(
            parser=opt.input_file,
            metavar="INPUT",
            help="A video, an image, or a folder of images.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="File to write: .json (in the format of TF.js pose-detection) or .jsonl.",
        ),
    ],
    model: opt.Model = "full",
    source_fps: opt.SourceFps = None,
    hands: opt.Hands = True,
    face: opt.Face = True,
    face_model: opt.FaceModel = None,
    person: opt.Person = None,
    workers: opt.Workers = None,
) -> None:
    """Detect a person and write the keypoints as JSON, in the format of TF.js pose-detection."""
    from mocap import formats
    from mocap.core.keypoints import Keypoints

    formats.check_writable(output, Keypoints)
    options = opt.detection(locals())
    with console.progress(f"Detecting {source.name}") as progress:
        keypoints = read_keypoints(source, options, progress, opt.processes(workers))
    formats.save(output, keypoints)
    console.out.print(f"{output}: {_seen(keypoints, hands, face)}, {console.size(output)}")


def _seen(keypoints: Keypoints, hands: bool, face: bool) -> str:
    """Describe in how many frames a person, hands and a face were found."""
    import numpy as np

    found = f"a person in {int((keypoints.confidence.max(axis=1) > 0).sum())}"
    found += f" of {len(keypoints)} frames"
    if hands:
        known = keypoints.hands_confidence
        found += f", hands in {0 if known is None else int((known.max(axis=1) > 0).sum())}"
    if face:
        mesh = keypoints.face
        frames = 0 if mesh is None else int(np.isfinite(mesh).all(axis=(1, 2)).sum())
        found += f", a face in {frames}"
    return found
