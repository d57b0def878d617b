"""A motion's file onto a character's file: what `mocap retarget` and `mocap bake --rig` do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote

import numpy as np

from mocap import formats
from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.core.skeleton import BONES, mirrored_name
from mocap.errors import InputError, OutputError
from mocap.formats import ExportOptions, fbx
from mocap.formats.embed import embedded, read_uri
from mocap.formats.gltf import loads_document
from mocap.retarget import load_motion, retarget
from mocap.rig import mapfile
from mocap.rig.load import load_rig
from mocap.rig.names import FINGERS
from mocap.rig.report import STOOD
from mocap.solve.solver import solve_take


@dataclass(frozen=True, slots=True)
class Character:
    """A rig, and the path of its file, beside which others may lie that belong to it."""

    rig: Rig
    path: Path


@dataclass(frozen=True, slots=True)
class Target:
    """A place that was found fit for a motion.

    Attributes:
        path: Where the motion is written.
        rig: The character that moves, or None.
        companions: Files that the character's document names, to be written beside it.
    """

    path: Path
    rig: Rig | None
    companions: Mapping[Path, bytes] = field(default_factory=dict)


def load_character(path: Path, map_file: Path | None = None) -> Character:
    """Reads the character in a file.

    Args:
        path: A file of any format that holds characters.
        map_file: Bones and nodes as `mocap rigs map` writes them.

    Raises:
        InputError: If one of the files cannot be read, or holds no humanoid.
    """
    bone_map = None if map_file is None else mapfile.read(map_file)
    return Character(load_rig(path, bone_map), path)


def read_motion(path: Path, animation: str | None = None) -> Motion:
    """Reads a file of any kind as a motion on humanoid bones; keypoints are solved.

    Raises:
        InputError: If the file cannot be read, or has no such animation.
    """
    if path.suffix.lower() not in formats.KEYPOINTS_SUFFIXES:
        return load_motion(path, animation=animation)
    if animation is not None:
        raise InputError(f"{path} holds keypoints, and so no animation {animation!r}.")
    from mocap import bake

    return solve_take(bake.read_keypoints(path))


def target(path: Path, character: Character | None, names: str | None = None) -> Target:
    """Checks, before any work is done, that a motion on a character, or on none, can go to a path.

    Args:
        path: Where to write.
        character: The character that moves, or None.
        names: The convention of a .bvh or .fbx without a character, if one was asked for.

    Raises:
        OutputError: If the path cannot be written, or its format does not take the character.
        InputError: If a file that the character's document names cannot be read.
    """
    rig = None if character is None else _as_one_file(path, character)
    formats.check_writable(path, Motion, rig)
    if character is None:
        return Target(path, None)
    if names is not None and path.suffix.lower() in (".bvh", ".fbx"):
        raise OutputError(
            f"{path.name} gets the names of {character.path.name}; --names is for a .bvh "
            "or .fbx without --rig."
        )
    if path.suffix.lower() == ".vrma":
        return Target(path, None)
    assert rig is not None
    return Target(path, rig, _companions(path, rig, character.path.parent))


def save(at: Target, motion: Motion, options: ExportOptions = ExportOptions()) -> int:  # noqa: B008
    """Writes a motion on humanoid bones onto the target's character, or as it is without one.

    Returns:
        How many bytes the reduction of keys saved.

    Raises:
        OutputError: If the place cannot be written.
        InputError: If the motion does not fit the character.
    """
    moved = motion if at.rig is None else retarget(motion, at.rig, options.keep_touch)
    for path, data in at.companions.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        formats.write(path, data)
    return formats.save(at.path, moved, at.rig, options)


def _as_one_file(path: Path, character: Character) -> Rig:
    """Returns the rig, the files of a .gltf put into one where it is to become a .glb."""
    rig = character.rig
    whole = rig.kind in ("bvh", "fbx") or rig.source.startswith(b"glTF")
    if whole or path.suffix.lower() not in (".glb", ".vrm"):
        return rig
    source = embedded(rig.source, character.path.parent)
    return replace(rig, kind="glb" if rig.kind == "gltf" else rig.kind, source=source)


def _companions(path: Path, rig: Rig, here: Path) -> dict[Path, bytes]:
    """Returns the files that the rig's document names and that are not yet beside the target."""
    there = path.parent
    if here.resolve() == there.resolve():
        return {}
    if path.suffix.lower() == ".fbx":
        return _pictures(rig, here, there)
    if path.suffix.lower() not in (".glb", ".gltf", ".vrm"):
        return {}
    document, _, _ = loads_document(rig.source)
    missing = {}
    for entry in [*document.get("buffers", []), *document.get("images", [])]:
        if "uri" not in entry or entry["uri"].startswith("data:"):
            continue
        data, place = read_uri(entry["uri"], here), there / unquote(entry["uri"])
        if not place.exists():
            missing[place] = data
        elif place.read_bytes() != data:
            raise OutputError(
                f"{path} needs a copy of {here / place.name} beside it, but there is another "
                f"{place}; move it away."
            )
    return missing


def _pictures(rig: Rig, here: Path, there: Path) -> dict[Path, bytes]:
    """Returns an FBX character's textures that lie below its folder and not yet below the target's.

    An FBX names them by the paths of the machine that exported it, so that many are missing; the
    file is read without them.
    """
    found = {}
    for name in fbx.pictures(rig.source):
        source = (here / name).resolve()
        inside = source.is_relative_to(here.resolve()) and source.is_file()
        if inside and not (there / name).exists():
            found[there / name] = formats.read(source)
    return found


def report(character: Character) -> list[str]:
    """Says what was recognised: how many bones, which are missing, which limbs were re-posed."""
    rig = character.rig
    missing = _briefly({b: "" for b in BONES if b not in rig.bones})
    turned = _briefly(
        {b: f" {np.degrees(a.swing):.0f}°" for b, a in rig.aligned.items() if a.swing > STOOD}
    )
    without = f"; without {missing}" if missing else ""
    return [
        f"{len(rig.bones)} of {len(BONES)} bones mapped{without}.",
        f"Re-posed to T-pose: {turned}." if turned else "It rests in T-pose.",
    ]


def _briefly(said: dict[str, str]) -> str:
    """Returns bones with what is said of each; equal pairs as one, and fingers as a number."""
    fingers = [b for b in said if any(f in b for f in FINGERS)]
    parts = []
    for bone, what in said.items():
        if bone in fingers:
            continue
        other = mirrored_name(bone)
        if said.get(other) != what or other == bone:
            parts.append(bone + what)
        elif bone.startswith("left"):
            parts.append(f"both {bone[4:]}{what}")
    if fingers:
        parts.append(f"{len(fingers)} finger bones")
    return ", ".join(parts)
