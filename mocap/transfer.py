"""Read motions and characters from files, and write motions onto characters' files.

`mocap retarget` and `mocap bake --rig` use this module.
"""

from __future__ import annotations

import warnings
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
from mocap.formats.gltf import loads_document
from mocap.formats.gltf.embed import embedded, read_uri
from mocap.formats.gltf.people import Copy, animate_all
from mocap.formats.table import by_content
from mocap.retargeting import leg_length, load_motion, retarget
from mocap.retargeting.body import body_of, has_legs
from mocap.retargeting.clip import at_origin, in_place
from mocap.rig import mapfile
from mocap.rig.load import load_rig
from mocap.rig.names import FINGERS
from mocap.rig.report import STOOD
from mocap.solve.take import solve_take


@dataclass(frozen=True, slots=True)
class Character:
    """A character.

    Attributes:
        rig: The character's rig.
        path: Its file. Files that it refers to (buffers, textures) are found relative to it.
    """

    rig: Rig
    path: Path


@dataclass(frozen=True, slots=True)
class Target:
    """A file to write a motion to, which has been checked (`target`).

    Attributes:
        path: The file.
        rig: The character that moves, or None.
        companions: Further files to write, which the character's document refers to.
    """

    path: Path
    rig: Rig | None
    companions: Mapping[Path, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Saved:
    """What was written.

    Attributes:
        clips: Number of clips.
        frames: Number of frames of all clips.
        seconds: Duration of all clips.
        fps: Frame rate of the last clip, frames per second.
        bytes_saved: Bytes saved by leaving out keys.
    """

    clips: int
    frames: int
    seconds: float
    fps: float
    bytes_saved: int


@dataclass(frozen=True, slots=True)
class Animation:
    """An animation in a file: its name, duration (seconds), number of frames and frame rate."""

    name: str
    seconds: float
    frames: int
    fps: float


def load_character(
    path: Path, map_file: Path | None = None, character: str | None = None
) -> Character:
    """Read a character from a file.

    Args:
        path: A file of any format that holds characters.
        map_file: Bone map, written by `mocap rigs map`.
        character: Name of the character, in a file with several.

    Raises:
        InputError: A file cannot be read, or has no humanoid.
    """
    bone_map = None if map_file is None else mapfile.read(map_file)
    return Character(load_rig(path, bone_map, character), path)


def read_motion(
    path: Path,
    animation: str | None = None,
    map_file: Path | None = None,
    character: str | None = None,
    source_fps: float | None = None,
) -> Motion:
    """Read a motion file, or solve a keypoints file, as a motion on humanoid bones.

    Args:
        path: A motion file or a keypoints file.
        animation: Name of the animation, in a file with several; the first by default.
        map_file: Bone map of the motion file, written by `mocap rigs map`.
        character: Name of the character, in a file with several.
        source_fps: The true frame rate, where the file's is wrong or missing.

    Raises:
        InputError: The file cannot be read, or has no such animation or character.
    """
    if path.suffix.lower() not in formats.KEYPOINTS_SUFFIXES:
        bone_map = None if map_file is None else mapfile.read(map_file)
        if animation is None and len(names := _animation_names(path)) > 1:
            some = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
            warnings.warn(
                f"{path} has {len(names)} animations ({some}); the first is taken. Choose another "
                "with --animation NAME; --list shows all.",
                stacklevel=2,
            )
        motion = load_motion(path, bone_map, animation, character, source_fps)
        if not len(motion):
            raise InputError(f"{path} has no frames, so there is no motion in it.")
        return motion
    if animation is not None:
        raise InputError(
            f"{path} holds keypoints, which have no animations: leave out --animation "
            f"{animation!r}."
        )
    return solve_take(formats.load_keypoints(path, source_fps))


def character_names(path: Path) -> list[str]:
    """Return the names of the characters in a file with several; empty for any other file."""
    if path.suffix.lower() in formats.KEYPOINTS_SUFFIXES:
        return []
    data = formats.read(path)
    with formats.naming(path):
        return by_content(data).characters(data)


def _animation_names(path: Path) -> list[str]:
    data = formats.read(path)
    with formats.naming(path):
        return by_content(data).animations(data)


def animations(path: Path) -> list[Animation]:
    """Return a file's animations. An animation without a name gets the file's name.

    Args:
        path: A motion file.

    Raises:
        InputError: The file cannot be read.
    """
    names = _animation_names(path)
    found = []
    rig = load_rig(path) if names else None
    with formats.naming(path):
        entry = by_content(formats.read(path))
        listed: list[str | None] = [*names] or [None]
        for name in listed:
            if rig is None:
                motion = entry.loads(formats.read(path), path.parent)
            else:
                motion = entry.loads_on(rig, name, path.parent)
            found.append(Animation(name or path.stem, motion.duration, len(motion), _rate(motion)))
    return found


def _rate(motion: Motion) -> float:
    return float(1.0 / np.median(np.diff(motion.times))) if len(motion) > 1 else 0.0


def target(path: Path, character: Character | None, names: str | None = None) -> Target:
    """Check, before the work starts, that a motion can be written to a path.

    Args:
        path: The file to write.
        character: The character that moves, or None.
        names: Naming convention that the user asked for, which a file with a character cannot have.

    Returns:
        The checked target.

    Raises:
        OutputError: The path cannot be written, or its format cannot hold the character.
        InputError: A file that the character's document refers to cannot be read.
    """
    rig = None if character is None else _as_one_file(path, character)
    formats.check_writable(path, Motion, rig)
    if character is None:
        return Target(path, None)
    if names is not None and path.suffix.lower() in (".bvh", ".fbx"):
        raise OutputError(
            f"{path.name} gets the bone names of {character.path.name}: leave --names out. "
            "--names is for a .bvh or .fbx without --rig."
        )
    if path.suffix.lower() in formats.PERFORMERS_SUFFIXES:
        return Target(path, None)
    assert rig is not None
    return Target(path, rig, _companions(path, rig, character.path.parent))


def save(at: Target, motion: Motion, options: ExportOptions = ExportOptions()) -> Saved:  # noqa: B008
    """Write a motion on humanoid bones onto the target's character, or as it is without one.

    Args:
        at: The target.
        motion: The motion.
        options: How to write it.

    Raises:
        OutputError: The file cannot be written.
        InputError: The motion does not fit the character.
    """
    return save_clips(at, {options.name: motion}, options)


def save_clips(at: Target, clips: Mapping[str, Motion], options: ExportOptions) -> Saved:
    """Write several motions into one file, each as an animation.

    Args:
        at: The target.
        clips: Name of the animation → motion.
        options: How to write them.

    Raises:
        OutputError: The format holds one clip only, or the file cannot be written.
        InputError: A motion does not fit the character.
    """
    if len(clips) > 1 and (at.rig is None or at.path.suffix.lower() == ".bvh"):
        raise OutputError(
            f"{at.path.name} holds one clip, but there are {len(clips)}: put {{name}} into the "
            "output, as in clips/{name}.bvh, or write onto a character (.glb, .vrm, .fbx)."
        )
    entry = formats.motion_writer(at.path, at.rig)
    rig, data, saved, frames, seconds, fps = at.rig, b"", 0, 0, 0.0, 0.0
    for name, motion in clips.items():
        moved = motion if rig is None else _on_character(motion, rig, options)
        if options.fps is not None:
            moved = moved.resample(options.fps)
        if options.root == "in-place":
            moved = in_place(moved)
        written = entry.dumps(moved, rig, replace(options, name=name))
        data, saved, frames = written.data, saved + written.saved, frames + len(moved)
        seconds, fps = seconds + moved.duration, options.fps or _rate(moved)
        if rig is not None:
            rig = replace(rig, source=data)
    _write(at, data)
    return Saved(len(clips), frames, seconds, fps, saved)


def _on_character(motion: Motion, rig: Rig, options: ExportOptions) -> Motion:
    """Return the motion on the rig; one that starts above the origin does so on the rig too.

    Feet in contact may move the hips away from the scaled path by some millimetres.
    """
    moved = retarget(motion, rig, options.keep_touch, options.plant_feet)
    if has_legs(rig) and "hips" in rig.bones and not motion.root_positions[0, [0, 2]].any():
        moved = at_origin(moved, rig.index("hips"))
    return moved


def save_together(at: Target, motions: Mapping[str, Motion], options: ExportOptions) -> Saved:
    """Write several performers into one glTF file, each on a copy of the target's character.

    Each copy is scaled to the length of its performer's legs, so that all stand on one floor at
    their true distances.

    Args:
        at: A target for which `holds_people` is true.
        motions: Name → motion on humanoid bones; all in one world and with the same times.
        options: How to write them.

    Raises:
        OutputError: The file cannot be written.
        InputError: A motion does not fit the character.
    """
    assert at.rig is not None
    body, copies = leg_length(body_of(at.rig)), []
    for name, motion in motions.items():
        moved = retarget(motion, at.rig, options.keep_touch, options.plant_feet)
        if options.fps is not None:
            moved = moved.resample(options.fps)
        copies.append(Copy(name, moved, leg_length(motion.skeleton) / body))
    ground = options.root == "ground"
    data, saved = animate_all(copies, at.rig, options.name, options.all_keys, ground)
    _write(at, data)
    first = copies[0].motion
    return Saved(1, len(first), first.duration, options.fps or _rate(first), saved)


def holds_people(at: Target) -> bool:
    """Return whether a target's file can hold several people (`save_together`)."""
    return at.rig is not None and at.path.suffix.lower() in (".glb", ".gltf")


def _write(at: Target, data: bytes) -> None:
    for path, content in at.companions.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        formats.write(path, content)
    formats.write(at.path, data)


def _as_one_file(path: Path, character: Character) -> Rig:
    """Return the rig; the files of a .gltf are embedded if the target is a .glb or .vrm."""
    rig = character.rig
    whole = rig.kind in ("bvh", "fbx") or rig.source.startswith(b"glTF")
    if whole or path.suffix.lower() not in (".glb", ".vrm"):
        return rig
    source = embedded(rig.source, character.path.parent)
    return replace(rig, kind="glb" if rig.kind == "gltf" else rig.kind, source=source)


def _companions(path: Path, rig: Rig, here: Path) -> dict[Path, bytes]:
    """Return the files that the rig's document refers to and that the target's folder lacks."""
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
                f"{path} needs a copy of {here / place.name} beside it, but {place} exists with "
                "other content: move it away."
            )
    return missing


def _pictures(rig: Rig, here: Path, there: Path) -> dict[Path, bytes]:
    """Return an FBX character's textures that exist below its folder but not below the target's.

    An FBX refers to textures by the paths of the machine that exported it, so some are often
    missing; these are left out.
    """
    found = {}
    for name in fbx.pictures(rig.source):
        source = (here / name).resolve()
        inside = source.is_relative_to(here.resolve()) and source.is_file()
        if inside and not (there / name).exists():
            found[there / name] = formats.read(source)
    return found


def report(character: Character) -> list[str]:
    """Return sentences about a character: mapped bones, missing bones, limbs put into T-pose."""
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
    """Return a list of bones as text, with a note on each.

    Left and right with equal notes become one entry; fingers are only counted.
    """
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
