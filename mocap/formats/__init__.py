"""Files in and out. Each format's module has pure `dumps` and `loads`; here is the one place that touches the disk.

.bvh                  Motion      bvh.py, bvh_rig.py
.glb .gltf .vrm       Motion      gltf.py, gltf_read.py      written into a rig, with everything else of it kept
.vrma                 Motion      vrma.py                    for any VRM character
.json .jsonl          Keypoints   keypoints_json.py, recording.py
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from mocap.core.keypoints import Keypoints
from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.errors import InputError, OutputError
from mocap.formats import bvh, bvh_rig, embed, gltf, gltf_read, keypoints_json, vrma

MOTION_SUFFIXES: tuple[str, ...] = (".bvh", ".glb", ".gltf", ".vrm", ".vrma")
KEYPOINTS_SUFFIXES: tuple[str, ...] = (".json", ".jsonl")

_WITH_CHARACTER = (".glb", ".gltf", ".vrm")

_READERS: dict[str, Callable[[bytes], Motion | Keypoints]] = {
    ".bvh": lambda data: bvh.loads(data.decode("utf-8", errors="replace")),
    ".glb": gltf_read.loads_animation,
    ".gltf": gltf_read.loads_animation,
    ".vrm": gltf_read.loads_animation,
    ".vrma": vrma.loads,
    ".json": keypoints_json.loads,
    ".jsonl": keypoints_json.loads,
}


def save(
    path: str | os.PathLike[str],
    what: Motion | Keypoints,
    rig: Rig | None = None,
    fps: float | None = None,
    names: str = "mixamo",
    all_keys: bool = False,
) -> int:
    """Writes a motion or keypoints in the form that the path's suffix names; gives how many bytes the reduction of keys saved.

    rig: the character that moves, for .glb, .gltf and .vrm, the motion being on its skeleton (`retarget`); a .bvh then gets its joints.
    fps: frames a second to resample a motion to; by default as it is (BVH, which can only be uniform: its median rate). names: the
    convention of a .bvh without a rig (`mocap rigs list`). all_keys: write a key for every frame in glTF files, where otherwise those are
    left out that the others' interpolation gives back within 0.1° and 1 mm. The file is written beside its place and renamed, so that a
    failure leaves the old file as it was. Raises OutputError if the suffix is unknown, does not go with `what`, lacks its rig or is not
    that of the rig's file, or the place cannot be written.
    """
    path = Path(path)
    check_writable(path, type(what), rig)
    suffix = path.suffix.lower()
    saved = 0
    if isinstance(what, Keypoints):
        data = (
            keypoints_json.dumps_lines(what) if suffix == ".jsonl" else keypoints_json.dumps(what)
        ).encode()
    elif suffix == ".bvh":
        data = (
            bvh.dumps(what, names, fps).encode() if rig is None else bvh_rig.dumps(what, rig, fps)
        )
    else:
        motion = what if fps is None else what.resample(fps)
        if suffix == ".vrma":
            data, saved = vrma.animate(motion, path.stem, all_keys)
        else:
            assert rig is not None
            data, saved = gltf.animate(motion, rig, all_keys=all_keys)
    write(path, data)
    return saved


def load(path: str | os.PathLike[str], source_fps: float | None = None) -> Motion | Keypoints:
    """The motion or keypoints in a file. Raises InputError if it is not there, its suffix is unknown, or it cannot be read.

    source_fps: of keypoints, the rate at which they were captured where the file has no times or wrong ones.
    """
    path = Path(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            f"mocap does not read {path.name!r}: the suffix must be one of {', '.join(_READERS)}."
        )
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from None
    try:
        if path.suffix.lower() == ".gltf":
            data = embed.embedded(data, path.parent)  # with the files that belong to it
        return (
            reader(data)
            if reader is not keypoints_json.loads
            else keypoints_json.loads(data, source_fps)
        )
    except InputError as error:
        raise type(error)(f"{path}: {error}") from None


def check_writable(
    path: str | os.PathLike[str], kind: type[Motion] | type[Keypoints], rig: Rig | None = None
) -> None:
    """Raises OutputError, before any work is done, if `save` could not write a `kind` there (for motions: on the rig)."""
    path = Path(path)
    suffix = path.suffix.lower()
    suffixes = KEYPOINTS_SUFFIXES if kind is Keypoints else MOTION_SUFFIXES
    if suffix not in suffixes:
        raise OutputError(
            f"{path.name!r} cannot be written: {kind.__name__.lower()} go{'es' if kind is Motion else ''} into files that end in "
            f"{', '.join(suffixes[:-1])} or {suffixes[-1]}."
        )
    if suffix in _WITH_CHARACTER:
        if rig is None:
            raise OutputError(
                f"{path.name} needs a rig: a {suffix} file holds the character that moves. Give a .glb, .gltf or .vrm as the rig."
            )
        fitting = _fitting(rig)
        if suffix not in fitting:
            what = (
                rig.kind if rig.kind in ("bvh", "vrm") else "gltf" if ".gltf" in fitting else "glb"
            )
            raise OutputError(
                f"{path.name!r} cannot be written: the rig {rig.name} is a {what.upper()} file, and motion on it goes into files that "
                f"end in {', '.join((*fitting, '.bvh'))} or .vrma."
            )
    folder = path.parent
    if not folder.is_dir():
        raise OutputError(f"{path} cannot be written: there is no folder {folder}.")
    if path.is_dir():
        raise OutputError(f"{path} cannot be written: it is a folder.")
    trial = _beside(path)
    try:  # permissions do not tell all: a disk may be read-only, or of a kind that takes no files
        trial.touch(exist_ok=False)
        trial.unlink()
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: {error.strerror or error}. Choose another folder."
        ) from None


def _fitting(rig: Rig) -> tuple[str, ...]:
    """The suffixes that a rig's document, with motion in it, may have."""
    if rig.kind == "bvh":
        return ()
    if rig.source[:4] != b"glTF":
        return (".gltf",)
    return (".glb", ".vrm") if rig.kind == "vrm" else (".glb",)


def write(path: str | os.PathLike[str], data: bytes) -> None:
    """The bytes as a file, whole or not at all: written to a temporary name in the same folder and renamed. Raises OutputError."""
    path = Path(path)
    temporary = _beside(path)
    try:
        try:
            with temporary.open("xb") as file:
                file.write(data)
            temporary.replace(path)
        finally:
            # Also on Ctrl-C, nothing half-written stays behind.
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}.") from None


def _beside(path: Path) -> Path:
    """A name in the same folder that nobody has, for a file on its way to the path."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
