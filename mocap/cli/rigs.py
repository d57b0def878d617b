"""`mocap rigs`: what a character's bones are recognised as, to be looked at and corrected."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mocap import formats
from mocap.cli import console
from mocap.errors import OutputError

RigFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="A character: .glb, .gltf, .vrm or .bvh.")
]
MapFile = Annotated[
    Path | None,
    typer.Option(
        "--map", help="Bones and nodes as `mocap rigs map` wrote them and you corrected them."
    ),
]

rigs = typer.Typer(
    help="What a character's bones are recognised as, and how to correct it.", no_args_is_help=True
)


@rigs.command("list")
def rigs_list() -> None:
    """List the conventions whose bone names are known. Characters of none are recognised by words and by shape."""
    from mocap.rig import report

    console.out.print(report.known())


@rigs.command("inspect")
def rigs_inspect(
    file: RigFile,
    picture: Annotated[
        Path | None,
        typer.Option(help="Also write a picture of the rest pose with the bones' names, .png."),
    ] = None,
    map_file: MapFile = None,
) -> None:
    """Show which node is which bone, how it was found and how surely, what is missing, and how the character rests."""
    from mocap.rig import mapfile, report
    from mocap.rig.load import load_rig
    from mocap.rig.mapping import map_bones
    from mocap.rig.read import read_tree

    if picture is not None and picture.suffix.lower() != ".png":
        raise OutputError(f"The picture is written as .png, so {picture.name!r} must end in that.")
    tree = read_tree(file)
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
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the map, .json.")],
) -> None:
    """Write what was recognised as a JSON file, to be corrected by hand and given back with --map."""
    from mocap.rig import mapfile
    from mocap.rig.mapping import map_bones
    from mocap.rig.read import read_tree

    tree = read_tree(file)
    found = map_bones(tree)
    formats.write(output, mapfile.dumps(tree, found).encode())
    console.out.print(
        f"{output}: {len(found)} bones. Correct it by hand and give it back with --map {output}"
    )
