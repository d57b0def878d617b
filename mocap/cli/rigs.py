"""`mocap rigs`: inspect and correct the bone map of a character."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mocap.cli import console
from mocap.cli import options as opt
from mocap.errors import OutputError

RigFile = Annotated[
    Path,
    typer.Argument(
        parser=opt.input_file,
        metavar="FILE",
        help="A character: .glb, .gltf, .vrm, .fbx or .bvh.",
    ),
]
rigs = typer.Typer(help="Inspect and correct the bone map of a character.", no_args_is_help=True)


@rigs.command("list")
def rigs_list() -> None:
    """List the known naming conventions. Other characters are recognised by words and shape."""
    from mocap.rig import report

    console.out.print(report.known())


@rigs.command("inspect")
def rigs_inspect(
    file: RigFile,
    picture: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Also draw the rest pose with the names of the bones, as .png."
        ),
    ] = None,
    map_file: opt.MapFile = None,
    character: opt.CharacterName = None,
) -> None:
    """Show the bone map with its confidence, the missing bones, and the rest pose."""
    from mocap import formats
    from mocap.rig import mapfile, report
    from mocap.rig.load import make_rig, recognise

    if picture is not None and picture.suffix.lower() != ".png":
        raise OutputError(f"The picture is a PNG file, so {picture.name!r} must end in .png.")
    given = None if map_file is None else mapfile.read(map_file)
    tree, found, source = recognise(file, given, character)
    console.out.print(report.table(tree, found))
    if picture is not None:
        from mocap.cli import drawing

        formats.write(picture, drawing.png(drawing.draw(tree, found)))
        console.out.print(f"{picture}: {console.size(picture)}")
    with formats.naming(file):
        console.out.print(report.rest(make_rig(tree, found, file.stem, source)))


@rigs.command("map")
def rigs_map(
    file: RigFile,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="File to write the map to: .json."),
    ],
    character: opt.CharacterName = None,
) -> None:
    """Write the bone map as a JSON file that you can correct and use with --map."""
    from mocap import formats
    from mocap.rig import mapfile
    from mocap.rig.load import recognise

    tree, found, _ = recognise(file, None, character)
    formats.write(output, mapfile.dumps(tree, found).encode())
    console.out.print(
        f"{output}: {len(found)} bones. Correct the file if needed, and use it with --map {output}"
    )
