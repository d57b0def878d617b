"""Options that several subcommands share: their types, and the dataclasses made from them."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mocap.errors import MocapError

if TYPE_CHECKING:
    from mocap.detect.options import DetectOptions
    from mocap.retargeting.clip import ClipOptions

_MOST_PEOPLE = 6
# Processes that detect one video unless the user says how many: each may take 0.8 GB.
_MOST_WORKERS = 4


def input_file(text: str) -> Path:
    """Return the path of an input. An address is refused as typed: `Path` joins its slashes.

    Args:
        text: The argument.

    Raises:
        MocapError: It is an address, and there is no such file.
    """
    path = Path(text)
    if re.match(r"[a-z][a-z0-9+.-]+:/", text, re.IGNORECASE) and not path.exists():
        raise MocapError(f"{text} is an address, not a file: download it first.")
    return path


# Detection

Model = Annotated[
    Literal["lite", "full", "heavy"],
    typer.Option(help="Size of the detector: lite is the fastest, heavy the most accurate."),
]
Fov = Annotated[
    float | None,
    typer.Option(
        min=1.0,
        max=170.0,
        metavar="DEGREES",
        help="Field of view of the camera along the longer side, in degrees; "
        "by default from the file's metadata, else 55.",
    ),
]
Height = Annotated[
    float | None,
    typer.Option(
        min=0.4,
        max=2.6,
        metavar="METRES",
        help="Height of the performer, which one camera cannot measure; "
        "by default estimated from the keypoints.",
    ),
]
SourceFps = Annotated[
    float | None,
    typer.Option(
        min=0.001,
        metavar="FPS",
        help="True capture rate, frames per second, where the file's is wrong or missing "
        "(slow motion, images).",
    ),
]
Hands = Annotated[bool, typer.Option("--hands/--no-hands", help="Detect hands and move fingers.")]
Face = Annotated[
    bool, typer.Option("--face/--no-face", help="Detect the face: head rotation and expressions.")
]
FaceModel = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="A face_landmarker.task file to use in place of the bundled one."
    ),
]
UpperBody = Annotated[
    bool | None,
    typer.Option(
        "--upper-body/--whole-body",
        help="Upper body: keep legs at rest and hips steady, as for a person at a desk. "
        "By default chosen by whether legs are seen.",
    ),
]
Person = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="NUMBER",
        help="Which of several people to follow, counted from the left in the first frame that "
        "shows that many; by default the most prominent person.",
    ),
]
People = Annotated[
    str,
    typer.Option(
        metavar="NUMBER|all",
        help="Largest number of people to bake: each to a separate file if the output's name "
        "contains {person}, or all to one .glb.",
    ),
]
LivePeople = Annotated[
    str,
    typer.Option(
        metavar="NUMBER|all",
        help="Largest number of people who get an avatar. Click on a person in the picture to "
        "make this person the first, who is recorded.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="NUMBER",
        help="Detect a long video in this number of processes; by default one per core, at most 4. "
        "The result is the same for any number.",
    ),
]

# The page
Port = Annotated[
    int,
    typer.Option(
        min=0, max=65535, metavar="PORT", help="Port of the page; 0 chooses any free port."
    ),
]
Open = Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")]
Avatar = Annotated[
    Path | None,
    typer.Option(
        "--rig",
        parser=input_file,
        metavar="FILE",
        help="Show this character (.glb, .gltf, .vrm) instead of the mannequin.",
    ),
]

# Characters and files
Character = Annotated[
    Path | None,
    typer.Option(
        "--rig",
        parser=input_file,
        metavar="FILE",
        help="Your character: .glb, .gltf, .vrm, .fbx, .bvh.",
    ),
]
MapFile = Annotated[
    Path | None,
    typer.Option(
        "--map", metavar="FILE", help="Bone map of the character, written by `mocap rigs map`."
    ),
]
CharacterName = Annotated[
    str | None,
    typer.Option(
        "--character",
        metavar="NAME",
        help="Which character, in a file with several; by default the first humanoid.",
    ),
]
MotionMap = Annotated[
    Path | None,
    typer.Option(
        "--motion-map",
        metavar="FILE",
        help="Bone map of the motion's file, written by `mocap rigs map`.",
    ),
]
Outputs = Annotated[
    list[Path],
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="File to write: .bvh, .fbx, .vrma, .glb, .gltf, .vrm; may be given several times.",
    ),
]
Fps = Annotated[
    float | None,
    typer.Option(
        min=0.1,
        metavar="FPS",
        help="Frame rate of the output in frames per second; by default as captured.",
    ),
]
KeepTouch = Annotated[
    bool,
    typer.Option(
        "--keep-touch",
        help="Keep contacts of the hands with each other and with the body on the character.",
    ),
]
AllKeys = Annotated[
    bool,
    typer.Option(
        "--all-keys",
        help="Write a key for every frame. By default, keys that interpolation restores within "
        "0.1° and 1 mm are left out.",
    ),
]
Names = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Naming convention of a .bvh or .fbx without --rig: mixamo (the default) or another "
        "from `mocap rigs list`.",
    ),
]
ClipNames = Annotated[
    list[str] | None,
    typer.Option(
        "--name",
        metavar="NAME",
        help="Name of the clip in the file; give it once for each motion. Default: mocap, or with "
        "several motions their file names.",
    ),
]

# Editing
Trim = Annotated[
    str | None,
    typer.Option(
        metavar="START:END",
        help="Keep only this span, in seconds; START or END may be left out, as in 1.5: or :4.",
    ),
]
Root = Annotated[
    Literal["hips", "ground", "in-place"],
    typer.Option(
        help="Which bone carries the path. hips: the hips; ground: a root bone on the floor with "
        "path and heading, for root motion in Unreal and Unity; in-place: none."
    ),
]
Loop = Annotated[bool, typer.Option("--loop", help="Blend the ends of the clip into each other.")]
Mirror = Annotated[bool, typer.Option("--mirror", help="Exchange left and right.")]
Turn = Annotated[
    float, typer.Option(metavar="DEGREES", help="Turn the clip to the left about the up axis.")
]
AtOrigin = Annotated[
    bool, typer.Option("--at-origin", help="Move the clip so that it begins above the origin.")
]


def detection(parameters: Mapping[str, Any]) -> DetectOptions:
    """Build DetectOptions from a command's parameters.

    Args:
        parameters: The command's parameters by name (`locals()`). Those with the name of a field
            of DetectOptions are used, and the others ignored; `people` is parsed.
    """
    from dataclasses import fields

    from mocap.detect.options import DetectOptions

    given = {f.name: parameters[f.name] for f in fields(DetectOptions) if f.name in parameters}
    if "people" in given:
        given["people"] = people(given["people"])
    return DetectOptions(**given)


def processes(workers: int | None, people: int = 1, scheduler: str | None = None) -> int | None:
    """Return the number of processes that detect one video.

    Args:
        workers: The option --workers.
        people: The number of people to detect; several are detected in one pass, which is None.
        scheduler: The option --scheduler: clips are side by side already.
    """
    if workers is not None or people > 1:
        return workers
    return 1 if scheduler is not None else min(os.cpu_count() or 1, _MOST_WORKERS)


def clip(
    span: str | None, mirrored: bool, looped: bool, at_origin: bool, degrees: float
) -> ClipOptions:
    """Build ClipOptions from the options --trim, --mirror, --loop, --at-origin and --turn."""
    from mocap.retargeting.clip import ClipOptions

    return ClipOptions(trim(span), mirrored, looped, at_origin, math.radians(degrees))


def trim(text: str | None) -> tuple[float | None, float | None] | None:
    """Parse START:END in seconds."""
    if text is None:
        return None
    start, colon, end = text.partition(":")
    try:
        found = tuple(float(part) if part.strip() else None for part in (start, end))
    except ValueError:
        found = ()
    low, high = found if len(found) == 2 and colon else (1.0, 0.0)
    if low is not None and high is not None and not 0.0 <= low <= high:
        raise MocapError(
            f"--trim {text!r} must be START:END in seconds, with START before END, as in 1.5:4."
        )
    return low, high


def people(text: str) -> int:
    """Parse the number of people; "all" is the largest number that the detector finds."""
    if text == "all":
        return _MOST_PEOPLE
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_PEOPLE:
        raise MocapError(f"--people {text!r} must be a number from 1 to {_MOST_PEOPLE}, or all.")
    return int(text)


def radians(degrees: float | None) -> float | None:
    """Convert an optional angle from degrees to radians."""
    return None if degrees is None else math.radians(degrees)
