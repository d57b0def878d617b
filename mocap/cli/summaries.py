"""Sentences that several subcommands print about the files that they read and wrote."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from mocap.cli import console
from mocap.errors import MocapError

if TYPE_CHECKING:
    from mocap import transfer
    from mocap.core.camera import Camera
    from mocap.retargeting.clip import Seam


def load_character(
    path: Path | None, map_file: Path | None, character: str | None = None
) -> transfer.Character | None:
    """Load the character of --rig with the bone map of --map.

    Raises:
        MocapError: --map was given without --rig, or a file cannot be read.
    """
    from mocap import transfer

    if path is None and map_file is not None:
        raise MocapError(
            f"--map {map_file} needs the character that it belongs to: give the file with --rig."
        )
    return None if path is None else transfer.load_character(path, map_file, character)


def say_written(target: Path, saved: transfer.Saved) -> None:
    """Print what was written: frames, their rate, the file's size, bytes saved by fewer keys."""
    less = (
        f"; {console.in_bytes(saved.bytes_saved)} less by leaving out keys (--all-keys keeps them)"
        if saved.bytes_saved >= 1000
        else ""
    )
    clips = f"{saved.clips} clips, " if saved.clips > 1 else ""
    rate = f" at {saved.fps:.4g} fps" if saved.fps and saved.clips == 1 else ""
    console.out.print(
        f"{target}: {clips}{console.frames(saved.frames)}, {saved.seconds:.2f} s{rate}, "
        f"{console.size(target)}{less}"
    )


def say_seam(seam: Seam | None) -> None:
    """Print how far apart the ends of a loop were before they were blended."""
    if seam is not None:
        console.out.print(
            f"Loop: its ends were up to {math.degrees(seam.turn):.0f}° (joints) and "
            f"{100 * seam.height:.0f} cm (height of the hips) apart, and are blended."
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
        return f"{degrees:.0f}° from the file's metadata (--fov overrides it)"
    if camera.source == "triangulated":
        return f"{degrees:.0f}° of a virtual camera; positions are measured by several cameras"
    return f"{degrees:.0f}° assumed (--fov sets it)"
