"""Option types that several subcommands share; each is declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Model = Annotated[
    Literal["lite", "full", "heavy"],
    typer.Option(help="Size of the detector: lite is the fastest, heavy the most accurate."),
]
Fov = Annotated[
    float | None,
    typer.Option(
        min=1.0,
        max=170.0,
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
        help="True capture rate, where the file's is wrong or missing (slow motion, images).",
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
        help="Keep legs at rest and hips steady, as at a desk; "
        "by default chosen by whether legs are seen.",
    ),
]
Person = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="NUMBER",
        help="Which of several people to follow, counted from the left in the first frame that "
        "shows so many; by default the most prominent.",
    ),
]
People = Annotated[
    str,
    typer.Option(
        metavar="NUMBER|all",
        help="How many people to bake: each to a file of its own with {person} in the output's "
        "name, or all to one .glb.",
    ),
]
LivePeople = Annotated[
    str,
    typer.Option(
        metavar="NUMBER|all",
        help="How many people get an avatar; a click on a person in the picture makes this person "
        "the first, who is recorded.",
    ),
]
Port = Annotated[
    int, typer.Option(min=0, max=65535, help="Port of the page; 0 takes any free port.")
]
Open = Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")]
Avatar = Annotated[
    Path | None,
    typer.Option(
        "--rig", metavar="FILE", help="Show this character (.glb, .gltf, .vrm), not the mannequin."
    ),
]
Character = Annotated[
    Path | None,
    typer.Option("--rig", metavar="FILE", help="Your character: .glb, .gltf, .vrm, .fbx, .bvh."),
]
MapFile = Annotated[
    Path | None,
    typer.Option("--map", help="Bone map of the character, as `mocap rigs map` writes it."),
]
CharacterName = Annotated[
    str | None,
    typer.Option(
        "--character",
        metavar="NAME",
        help="Which character, in a file of several; by default the first humanoid.",
    ),
]
MotionMap = Annotated[
    Path | None,
    typer.Option(
        "--motion-map", help="Bone map of the motion's file, as `mocap rigs map` writes it."
    ),
]
Outputs = Annotated[
    list[Path],
    typer.Option(
        "--output",
        "-o",
        help="File to write: .bvh, .fbx, .vrma, .glb, .gltf, .vrm; may be given several times.",
    ),
]
Fps = Annotated[
    float | None,
    typer.Option(min=0.1, help="Frame rate of the output; by default as captured."),
]
KeepTouch = Annotated[
    bool,
    typer.Option(
        "--keep-touch",
        help="Keep contacts of the hands with each other and with the body.",
    ),
]
AllKeys = Annotated[
    bool,
    typer.Option(
        "--all-keys",
        help="Write a key for every frame; by default keys are left out that interpolation "
        "restores within 0.1° and 1 mm.",
    ),
]
Names = Annotated[
    str | None,
    typer.Option(
        help="Naming convention of a .bvh or .fbx without --rig: mixamo (the default) or another "
        "of `mocap rigs list`."
    ),
]
ClipNames = Annotated[
    list[str] | None,
    typer.Option(
        "--name",
        help="Name of the clip in the file; once for each motion. By default mocap, or the "
        "motions' file names.",
    ),
]
Trim = Annotated[
    str | None,
    typer.Option(metavar="START:END", help="Keep these seconds; either end may be left out."),
]
Root = Annotated[
    Literal["hips", "ground", "in-place"],
    typer.Option(
        help="What carries the path. hips; ground: a root bone on the floor with path and heading, "
        "as Unreal and Unity use for root motion; in-place: nothing."
    ),
]
Loop = Annotated[bool, typer.Option("--loop", help="Blend the ends of the clip into each other.")]
Mirror = Annotated[bool, typer.Option("--mirror", help="Exchange left and right.")]
Turn = Annotated[
    float, typer.Option(metavar="DEGREES", help="Turn the clip to the left about the up axis.")
]
AtOrigin = Annotated[bool, typer.Option("--at-origin", help="Begin above the world's origin.")]


def trim(text: str | None) -> tuple[float | None, float | None] | None:
    """Parse START:END in seconds."""
    from mocap.errors import MocapError

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


Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="NUMBER",
        help="Detect long videos in chunks, in this number of processes; by default in one pass. "
        "The result is the same for any number.",
    ),
]


def people(text: str) -> int:
    """Parse the number of people; "all" is the most that the detector finds."""
    from mocap.errors import MocapError

    if text == "all":
        return 6
    if not text.isdecimal() or not 1 <= int(text) <= 6:
        raise MocapError(f"--people {text!r} must be a number from 1 to 6, or all.")
    return int(text)


def radians(degrees: float | None) -> float | None:
    """Convert an optional angle from degrees to radians."""
    import math

    return None if degrees is None else math.radians(degrees)
