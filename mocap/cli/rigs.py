"""`mocap rigs`: inspect and correct the bone map of a character."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mocap.cli import console
from mocap.cli import options as opt
from mocap.errors import OutputError

RigFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="A character: .glb, .gltf, .vrm, .fbx or .bvh.")
]
rigs = typer.Typer(help="Inspect and correct the bone map of a character.", no_args_is_help=True)


@rigs.command("list")
def rigs_list() -> None:
    """List the known naming conventions; other characters are recognised by words and shape."""
    from mocap.rig import report

    console.out.print(report.known())


@rigs.command("inspect")
def rigs_inspect(
    file: RigFile,
    picture: Annotated[
        Path | None,
        typer.Option(help="Also draw the rest pose with the names of the bones, as .png."),
    ] = None,
    map_file: opt.MapFile = None,
) -> None:
    """Show the bone map with its confidence, the missing bones, and the rest pose."""
    from mocap import formats
    from mocap.rig import mapfile, report
    from mocap.rig.load import load_rig
    from mocap.rig.mapping import map_bones

    if picture is not None and picture.suffix.lower() != ".png":
        raise OutputError(f"The picture is a PNG file, so {picture.name!r} must end in .png.")
    tree = formats.read_tree(file)
    given = None if map_file is None else mapfile.read(map_file)
    found = map_bones(tree) if given is None else mapfile.apply(tree, given)
    console.out.print(report.table(tree, found))
    if picture is not None:
        from mocap.rig import drawing

        formats.write(picture, drawing.png(drawing.draw(tree, found)))
        console.out.print(f"{picture}: {console.size(picture)}")
    console.out.print(report.rest(load_rig(file, given)))


@rigs.command("map")
def rigs_map(
    file: RigFile,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="File to write the map to, .json.")
    ],
) -> None:
    """Write the bone map as a JSON file, to correct by hand and pass back with --map."""
    from mocap import formats
    from mocap.rig import mapfile
    from mocap.rig.mapping import map_bones

    tree = formats.read_tree(file)
    found = map_bones(tree)
    formats.write(output, mapfile.dumps(tree, found).encode())
    console.out.print(
        f"{output}: {len(found)} bones. Correct it by hand and pass it back with --map {output}"
    )
