"""`mocap view`: show a take, a motion or a character in the page, with a timeline."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from mocap.cli import options as opt
from mocap.cli import page_address
from mocap.stream import DEFAULT_PORT


def view(
    file: Annotated[
        Path,
        typer.Argument(
            parser=opt.input_file,
            metavar="FILE",
            help="A take or keypoints, a motion (.bvh, .fbx, .glb, .vrma), or a character.",
        ),
    ],
    rig: opt.Avatar = None,
    fov: opt.Fov = None,
    port: opt.Port = DEFAULT_PORT,
    open_page: opt.Open = True,
) -> None:
    """Show a take, a motion or a character in the page, with a timeline."""
    from mocap.cli import interrupts
    from mocap.live.avatar import load_avatar
    from mocap.studio import view as viewed

    opened = viewed.opened(file, opt.radians(fov))
    if rig is not None:
        opened = replace(opened, rig=load_avatar(rig))
    ready = page_address.announce(open_page)
    interrupts.run(viewed.show(opened, port=port, ready=ready))
