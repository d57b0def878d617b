"""A motion's file onto a character's file: what `mocap retarget` and `mocap bake --rig` do."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote

import numpy as np

from mocap import formats
from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.core.skeleton import BONES, mirrored_name
from mocap.errors import InputError, OutputError
from mocap.formats import fbx, gltf
from mocap.formats.embed import embedded, read_uri
from mocap.retarget import load_motion as load_humanoid
from mocap.retarget import retarget
from mocap.rig import mapfile
from mocap.rig.load import load_rig
from mocap.rig.names import FINGERS
from mocap.rig.read import read_bytes
from mocap.rig.report import STOOD


@dataclass(frozen=True, slots=True)
class Character:
    """A rig and where its file is, which may lie among others that belong to it."""

    rig: Rig
    path: Path


def load_character(path: Path, map_file: Path | None = None) -> Character:
    """The character in a file. map_file: bones and nodes as `mocap rigs map` writes them. Raises InputError."""
    bone_map = None if map_file is None else mapfile.read(map_file)
    with _readable(path) as file:
        return Character(load_rig(file, bone_map), path)


def load_motion(path: Path, animation: str | None = None) -> Motion:
    """The motion in a file of any kind, on humanoid bones: as `retarget.load_motion` reads it; keypoints are solved. Raises InputError."""
    if path.suffix.lower() not in formats.KEYPOINTS_SUFFIXES:
        with _readable(path) as file:
            return load_humanoid(file, animation=animation)
    if animation is not None:
        raise InputError(f"{path} holds keypoints, and so no animation {animation!r}.")
    from mocap import bake

    return bake.solve(bake.read_keypoints(path))


@contextmanager
def _readable(path: Path) -> Iterator[Path]:
    """The file, or, for an FBX, a GLB of it for as long as it is needed; errors name the file that was given."""
    if path.suffix.lower() != ".fbx":
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / f"{path.stem}.glb"
        made.write_bytes(fbx.to_glb(read_bytes(path)))
        try:
            yield made
        except InputError as error:
            raise type(error)(str(error).replace(str(made), str(path))) from None


def check(target: Path, character: Character | None, names: str | None) -> None:
    """Raises OutputError or InputError, before any work is done, if `save` could not write a motion there."""
    if target.suffix.lower() == ".fbx":
        # It is a .glb first.
        check(target.with_suffix(".glb"), character, names)
        fbx.command()
        return
    if character is None:
        formats.check_writable(target, Motion)
        return
    formats.check_writable(target, Motion, _for(target, character).rig)
    if names is not None and target.suffix.lower() == ".bvh":
        raise OutputError(
            f"{target.name} gets the names of {character.path.name}; --names is for a .bvh without --rig."
        )
    _companions(target, character)


def save(
    target: Path,
    motion: Motion,
    character: Character | None,
    fps: float | None = None,
    names: str | None = None,
    keep_touch: bool = False,
    all_keys: bool = False,
) -> int:
    """Writes a motion on humanoid bones onto a character, or (.bvh, .vrma) without one; gives how many bytes the reduction of keys saved.

    names: the convention of a .bvh without a character. keep_touch: as in `retarget`. all_keys: as in `formats.save`. What a .gltf of
    several files needs is put beside it if it goes to another folder. Raises OutputError or InputError.
    """
    check(target, character, names)
    if character is None or target.suffix.lower() == ".vrma":
        return formats.save(target, motion, None, fps, names or "mixamo", all_keys)
    character = _for(target, character)
    moved = retarget(motion, character.rig, keep_touch)
    if target.suffix.lower() == ".fbx":
        moved = moved if fps is None else moved.resample(fps)
        rate = 1.0 / float(np.median(np.diff(moved.times))) if len(moved) > 1 else 30.0
        formats.write(target, fbx.from_glb(gltf.dumps(moved, character.rig, all_keys=True), rate))
        return 0
    for path, data in _companions(target, character).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        formats.write(path, data)
    return formats.save(target, moved, character.rig, fps, all_keys=all_keys)


def _for(target: Path, character: Character) -> Character:
    """The character, its files put into one where a .gltf is to become a .glb."""
    rig = character.rig
    if (
        rig.kind == "bvh"
        or rig.source[:4] == b"glTF"
        or target.suffix.lower() not in (".glb", ".vrm", ".fbx")
    ):
        return character
    whole = embedded(rig.source, character.path.parent)
    return replace(
        character, rig=replace(rig, kind="glb" if rig.kind == "gltf" else rig.kind, source=whole)
    )


def _companions(target: Path, character: Character) -> dict[Path, bytes]:
    """The files beside a document that it names, and where they must be for the target to find them; those already there are left out."""
    here, there = character.path.parent, target.parent
    if target.suffix.lower() not in (".glb", ".gltf", ".vrm") or here.resolve() == there.resolve():
        return {}
    document, _, _ = gltf.loads_document(character.rig.source)
    missing = {}
    for entry in [*document.get("buffers", []), *document.get("images", [])]:
        if "uri" in entry and not entry["uri"].startswith("data:"):
            data, place = read_uri(entry["uri"], here), there / unquote(entry["uri"])
            if not place.exists():
                missing[place] = data
            elif place.read_bytes() != data:
                raise OutputError(
                    f"{target} needs a copy of {here / place.name} beside it, but there is another {place}; move it away."
                )
    return missing


def report(character: Character) -> list[str]:
    """What was recognised, in sentences: how many bones, which not, which limbs had to be turned to stand in T-pose."""
    rig = character.rig
    missing = _briefly({b: "" for b in BONES if b not in rig.bones})
    turned = _briefly(
        {b: f" {np.degrees(a.swing):.0f}°" for b, a in rig.aligned.items() if a.swing > STOOD}
    )
    return [
        f"{len(rig.bones)} of {len(BONES)} bones mapped{f'; without {missing}' if missing else ''}.",
        f"Re-posed to T-pose: {turned}." if turned else "It rests in T-pose.",
    ]


def _briefly(said: dict[str, str]) -> str:
    """Bones, each with what is said of it, both sides' as one where the same is said of them, and of the fingers' only how many."""
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
