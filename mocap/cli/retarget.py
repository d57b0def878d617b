"""`mocap retarget`: motion from any file onto a character, or to BVH, VRMA or FBX."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mocap.cli import console, summaries
from mocap.cli import options as opt
from mocap.errors import MocapError


def retarget(
    motions: Annotated[
        list[Path],
        typer.Argument(
            parser=opt.input_file,
            metavar="MOTION...",
            help="Motions: .bvh, .glb, .gltf, .vrm, .vrma, .fbx, or keypoints (.json, .jsonl).",
        ),
    ],
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="File to write: .bvh, .vrma, .glb, .gltf, .vrm, .fbx, .csv, .mot, .trc; may be "
            "given several times.",
        ),
    ] = None,
    character: opt.Character = None,
    map_file: opt.MapFile = None,
    motion_map: opt.MotionMap = None,
    character_name: opt.CharacterName = None,
    animation: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Name of the animation in MOTION; by default the first one."
        ),
    ] = None,
    list_animations: Annotated[
        bool, typer.Option("--list", help="Only list the animations in MOTION; write nothing.")
    ] = False,
    source_fps: opt.SourceFps = None,
    fps: opt.Fps = None,
    names: opt.Names = None,
    name: opt.ClipNames = None,
    trim: opt.Trim = None,
    root: opt.Root = "hips",
    loop: opt.Loop = False,
    mirror: opt.Mirror = False,
    turn: opt.Turn = 0.0,
    at_origin: opt.AtOrigin = False,
    feet: Annotated[
        Literal["off", "auto"],
        typer.Option(
            help="auto: feet in contact with the ground stay in place; off: legs keep the "
            "rotations of the motion."
        ),
    ] = "auto",
    keep_touch: opt.KeepTouch = False,
    all_keys: opt.AllKeys = False,
) -> None:
    """Put motions onto your character, in a copy of its file; without --rig, onto a new skeleton.

    Several motions become several clips of one file, or with {name} in the output several files.
    """
    from mocap import transfer
    from mocap.formats import ExportOptions
    from mocap.retargeting.clip import edited

    if list_animations:
        for motion in motions:
            _list(motion)
        return
    if not output:
        raise MocapError(
            "No output is given: name a file with -o FILE, or list the animations with --list."
        )
    clip_names = _clip_names(motions, name)
    rig = summaries.load_character(
        character, map_file, _of(character, character_name) if character else None
    )
    if character_name is not None:
        _check_character(character_name, [*motions, *([character] if character else [])])
    # Motions that share an output become its clips.
    clips: dict[Path, list[str]] = {}
    for clip, motion in zip(clip_names, motions, strict=True):
        for to in output:
            place = str(to).replace("{name}", clip if name else motion.stem)
            clips.setdefault(Path(place), []).append(clip)
    targets = [transfer.target(to, rig, names) for to in clips]
    edit = opt.clip(trim, mirror, loop, at_origin, turn)
    read = {}
    for clip, motion in zip(clip_names, motions, strict=True):
        own_character = _of(motion, character_name)
        found = transfer.read_motion(motion, animation, motion_map, own_character, source_fps)
        read[clip], seam = edited(found, edit)
        summaries.say_seam(seam)
    options = ExportOptions(
        fps=fps,
        names=names or "mixamo",
        all_keys=all_keys,
        keep_touch=keep_touch,
        plant_feet=feet != "off",
        root=root,
    )
    for target in targets:
        own = {clip: read[clip] for clip in clips[target.path]}
        summaries.say_written(target.path, transfer.save_clips(target, own, options))
    summaries.say_mapped(rig)


def _of(file: Path, name: str | None) -> str | None:
    """Return `name` if the file has several characters and one of this name, else None."""
    from mocap import transfer

    return name if name is not None and name in transfer.character_names(file) else None


def _check_character(name: str, files: list[Path]) -> None:
    from mocap import transfer

    known = [n for file in files for n in transfer.character_names(file)]
    if name not in known:
        raise MocapError(
            f"There is no character {name!r} in the files; "
            + (
                f"their characters are {', '.join(known)}."
                if known
                else "no file has several characters, so leave --character out."
            )
        )


def _clip_names(motions: list[Path], names: list[str] | None) -> list[str]:
    if names and len(names) != len(motions):
        raise MocapError(
            f"There are {len(motions)} motions but {len(names)} names: give --name once for each."
        )
    called = names or (["mocap"] if len(motions) == 1 else [m.stem for m in motions])
    if len(set(called)) < len(called):
        raise MocapError(
            f"Two clips cannot have the same name ({', '.join(called)}): give --name for each."
        )
    return called


def _list(motion: Path) -> None:
    from mocap import transfer

    for found in transfer.animations(motion):
        rate = f" at {found.fps:.4g} fps" if found.fps else ""
        console.out.print(
            f"{found.name}: {found.seconds:.2f} s, {console.frames(found.frames)}{rate}"
        )
