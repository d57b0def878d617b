"""The table of formats: what reads and writes files of each suffix.

A new motion format is one module with these functions and one `Format` in `FORMATS`; a new
keypoint format is one entry in `KEYPOINT_READERS` and one in `KEYPOINT_WRITERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn

from mocap.core.keypoints import Keypoints
from mocap.core.motion import Motion
from mocap.core.rig import Rig, Tree
from mocap.errors import InputError, OutputError
from mocap.formats import bvh, fbx, gltf, movement
from mocap.formats.bvh import encoding
from mocap.formats.bvh import rig as bvh_rig
from mocap.formats.bvh import text as bvh_text
from mocap.formats.gltf import read as gltf_read
from mocap.formats.gltf import tree as gltf_tree
from mocap.formats.gltf import vrma
from mocap.formats.gltf.embed import embedded


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """Options of a motion's file; picklable.

    Attributes:
        fps: Frames per second to resample to; None keeps the motion's own times (BVH, which must
            be uniform, takes their median rate).
        names: The convention for the joints of a file without a rig (`mocap rigs list`).
        name: The clip's name, in formats that name their animations.
        all_keys: Write a key for every frame; otherwise keys that interpolation restores within
            0.1° and 1 mm are left out.
        keep_touch: Keep contacts of the hands with each other and with the body (with a rig).
        plant_feet: Keep feet in contact fixed on the floor, on a rig of other proportions.
        root: What carries the path: "hips"; "ground", a bone on the floor above the hips, with
            path and heading (BVH, FBX, glTF); or "in-place", nothing: there is no path.
    """

    fps: float | None = None
    names: str = "mixamo"
    name: str = "mocap"
    all_keys: bool = False
    keep_touch: bool = False
    plant_feet: bool = True
    root: Literal["hips", "ground", "in-place"] = "hips"


@dataclass(frozen=True, slots=True)
class Written:
    """A file's content, and the number of bytes that the reduction of keys saved."""

    data: bytes
    saved: int = 0


@dataclass(frozen=True, slots=True)
class Format:
    """The functions that read and write motions and characters of one format.

    Attributes:
        suffixes: The suffixes of its files, in lower case, with the dot.
        recognises: (bytes) to whether they are of this format.
        characters: (bytes) to the names of the characters, if there are several.
        tree: (bytes, folder, character or None for all) to the nodes of the character; the folder
            contains the files that the document refers to.
        animations: (bytes) to the names of the animations.
        loads: (bytes, folder) to the first animation, on the file's own joints.
        loads_on: (rig, animation's name or None for the first, folder) to the animation in the
            rig's own document, on the rig's skeleton.
        dumps: (motion, rig or None, options) to the file. The motion is on the rig's skeleton.
        suffixes_for: (rig or None) to the suffixes that files of a motion on it may have.
    """

    suffixes: tuple[str, ...]
    recognises: Callable[[bytes], bool]
    characters: Callable[[bytes], list[str]]
    tree: Callable[[bytes, Path, str | None], Tree]
    animations: Callable[[bytes], list[str]]
    loads: Callable[[bytes, Path], Motion]
    loads_on: Callable[[Rig, str | None, Path], Motion]
    dumps: Callable[[Motion, Rig | None, ExportOptions], Written]
    suffixes_for: Callable[[Rig | None], tuple[str, ...]]


def _dumps_bvh(motion: Motion, rig: Rig | None, options: ExportOptions) -> Written:
    ground = options.root == "ground"
    if rig is None:
        return Written(bvh.dumps(motion, options.names, options.fps, ground).encode())
    return Written(bvh_rig.dumps(motion, rig, options.fps, ground))


def _dumps_gltf(motion: Motion, rig: Rig | None, options: ExportOptions) -> Written:
    assert rig is not None, "`suffixes_for` gives none without a rig"
    motion, ground = _resampled(motion, options), options.root == "ground"
    return Written(*gltf.animate(motion, rig, options.name, options.all_keys, ground))


def _dumps_vrma(motion: Motion, rig: Rig | None, options: ExportOptions) -> Written:
    _refuse_ground(options, "a VRM animation, whose path its hips carry")
    return Written(*vrma.animate(_resampled(motion, options), options.name, options.all_keys))


def _dumps_fbx(motion: Motion, rig: Rig | None, options: ExportOptions) -> Written:
    motion, ground = _resampled(motion, options), options.root == "ground"
    if rig is None:
        return Written(fbx.dumps(motion, options.names, options.name, ground))
    return Written(fbx.animate(motion, rig, options.name, ground))


def _refuse_ground(options: ExportOptions, what: str) -> None:
    if options.root == "ground":
        raise OutputError(
            f"mocap does not write a root bone on the ground into {what}; --root ground goes into "
            ".glb, .gltf, .vrm, .fbx and .bvh."
        )


def _resampled(motion: Motion, options: ExportOptions) -> Motion:
    return motion if options.fps is None else motion.resample(options.fps)


def _gltf_suffixes(rig: Rig | None) -> tuple[str, ...]:
    if (
        rig is None
        or rig.kind not in ("glb", "gltf", "vrm")
        or not gltf_tree.recognises(rig.source)
    ):
        return ()
    if not rig.source.startswith(b"glTF"):
        return (".gltf",)
    return (".glb", ".vrm") if rig.kind == "vrm" else (".glb",)


BVH = Format(
    suffixes=(".bvh",),
    recognises=bvh_text.is_bvh,
    characters=bvh_rig.characters,
    tree=lambda data, folder, character: bvh_rig.tree_of(data, character),
    animations=lambda data: [],
    loads=lambda data, folder: bvh.loads(encoding.decoded(data)),
    loads_on=bvh_rig.loads_on,
    dumps=_dumps_bvh,
    suffixes_for=lambda rig: (".bvh",),
)
VRMA = Format(
    suffixes=(".vrma",),
    recognises=vrma.is_vrma,
    characters=gltf_tree.characters,
    tree=gltf_tree.tree_of,
    animations=gltf_read.animations,
    loads=lambda data, folder: vrma.loads(data),
    loads_on=gltf_read.loads_on,
    dumps=_dumps_vrma,
    suffixes_for=lambda rig: (".vrma",),
)
GLTF = Format(
    suffixes=(".glb", ".gltf", ".vrm"),
    recognises=gltf_tree.recognises,
    characters=gltf_tree.characters,
    tree=gltf_tree.tree_of,
    animations=gltf_read.animations,
    loads=lambda data, folder: gltf_read.loads_animation(embedded(data, folder)),
    loads_on=gltf_read.loads_on,
    dumps=_dumps_gltf,
    suffixes_for=_gltf_suffixes,
)
FBX = Format(
    suffixes=(".fbx",),
    recognises=fbx.is_fbx,
    characters=fbx.characters,
    tree=lambda data, folder, character: fbx.tree_of(data, character),
    animations=fbx.animations,
    loads=lambda data, folder: fbx.loads_animation(data),
    loads_on=lambda rig, animation, folder: fbx.loads_on(rig, animation),
    dumps=_dumps_fbx,
    suffixes_for=lambda rig: (".fbx",) if rig is None or rig.kind == "fbx" else (),
)


def _written_only(suffix: str, dumps: Callable[[Motion, ExportOptions], str]) -> Format:
    """Return a format of movement science, which is written from any motion and not read."""

    def refuse(*_: object) -> NoReturn:
        raise InputError(f"mocap writes {suffix} files and does not read them.")

    def written(motion: Motion, rig: Rig | None, options: ExportOptions) -> Written:
        _refuse_ground(options, f"a {suffix} file")
        return Written(dumps(_resampled(motion, options), options).encode())

    return Format(
        suffixes=(suffix,),
        recognises=lambda data: False,
        characters=refuse,
        tree=refuse,
        animations=refuse,
        loads=refuse,
        loads_on=refuse,
        dumps=written,
        suffixes_for=lambda rig: (suffix,),
    )


MOVEMENT = (
    _written_only(".csv", lambda motion, options: movement.dumps_csv(motion)),
    _written_only(".mot", lambda motion, options: movement.dumps_mot(motion, options.name)),
    _written_only(".trc", lambda motion, options: movement.dumps_trc(motion, options.name)),
)
# A file's content is tried in this order: a VRM animation is a glTF too.
FORMATS = (BVH, VRMA, GLTF, FBX, *MOVEMENT)

READ_SUFFIXES: tuple[str, ...] = tuple(
    sorted(s for f in FORMATS if f not in MOVEMENT for s in f.suffixes)
)
MOTION_SUFFIXES: tuple[str, ...] = tuple(sorted(s for f in FORMATS for s in f.suffixes))
PERFORMERS_SUFFIXES: tuple[str, ...] = (".vrma", *(s for f in MOVEMENT for s in f.suffixes))
"""Suffixes of files that contain the performer's own motion, with any rig."""


def _loads_keypoints(data: bytes, source_fps: float | None) -> Keypoints:
    from mocap.formats import keypoints_json

    return keypoints_json.loads(data, source_fps)


def _dumps_json(keypoints: Keypoints) -> bytes:
    from mocap.formats import keypoints_json

    return keypoints_json.dumps(keypoints).encode()


def _dumps_lines(keypoints: Keypoints) -> bytes:
    from mocap.formats import keypoints_json

    return keypoints_json.dumps_lines(keypoints).encode()


KEYPOINT_READERS: dict[str, Callable[[bytes, float | None], Keypoints]] = {
    ".json": _loads_keypoints,
    ".jsonl": _loads_keypoints,
}
"""Suffix to the reader of (bytes, true frame rate or None)."""

KEYPOINT_WRITERS: dict[str, Callable[[Keypoints], bytes]] = {
    ".json": _dumps_json,
    ".jsonl": _dumps_lines,
}

KEYPOINTS_SUFFIXES: tuple[str, ...] = tuple(KEYPOINT_READERS)


def by_suffix(path: Path) -> Format | None:
    """Return the motion format of a path's suffix; None if there is none."""
    return next((f for f in FORMATS if path.suffix.lower() in f.suffixes), None)


def by_content(data: bytes) -> Format:
    """Return the motion format of a file's content.

    Raises:
        InputError: The content is of no known format.
    """
    for entry in FORMATS:
        if entry.recognises(data):
            return entry
    raise InputError(
        "This is not a character's file: it is neither GLB, VRM, glTF, FBX nor BVH "
        f"(it begins with {data[:12]!r})."
    )


def suffixes_for(rig: Rig | None) -> tuple[str, ...]:
    """Return the suffixes that files of a motion on a rig, or without a rig, may have."""
    return tuple(sorted(s for f in FORMATS for s in f.suffixes_for(rig)))


def kind_of(rig: Rig) -> str:
    """Return the name of the format of a rig's file, for messages."""
    if rig.kind == "glb" and not rig.source.startswith(b"glTF"):
        return "glTF"
    return "glTF" if rig.kind == "gltf" else rig.kind.upper()
