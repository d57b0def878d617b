"""Sentences that several subcommands print about what they read and wrote."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from mocap.cli import console
from mocap.errors import MocapError

if TYPE_CHECKING:
    from mocap import transfer
    from mocap.core.camera import Camera
    from mocap.core.motion import Motion


def load_character(path: Path | None, map_file: Path | None) -> transfer.Character | None:
    """Load the character of --rig with the bone map of --map.

    Raises:
        MocapError: --map was given without --rig, or a file cannot be read.
    """
    from mocap import transfer

    if path is None and map_file is not None:
        raise MocapError(
            f"--map {map_file} needs the character that it belongs to: give it with --rig."
        )
    return None if path is None else transfer.load_character(path, map_file)


def say_written(target: Path, motion: Motion, saved: int) -> None:
    """Print what was written. `saved` is the number of bytes that left-out keys saved."""
    less = (
        f"; {console.in_bytes(saved)} less by leaving out keys (--all-keys keeps them)"
        if saved > 0
        else ""
    )
    console.out.print(
        f"{target}: {len(motion)} frames, {motion.duration:.2f} s, {console.size(target)}{less}"
    )


def say_mapped(character: transfer.Character | None) -> None:
    """Print how the bones of a character were recognised."""
    from mocap import transfer

    if character is not None:
        console.out.print(f"{character.path}: {' '.join(transfer.report(character))}")


def field_of_view(camera: Camera) -> str:
    """Describe a camera's field of view and where it comes from."""
    degrees = math.degrees(camera.fov())
    if camera.source == "told":
        return f"{degrees:.6g}° as given"
    if camera.source == "metadata":
        return f"{degrees:.0f}° by the file's metadata (--fov overrides it)"
    return f"{degrees:.0f}° assumed (--fov sets it)"
