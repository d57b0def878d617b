"""Files in and out. Each format's module has pure `dumps` and `loads`; here is the one place that touches the disk.

.bvh            Motion      bvh.py
.glb .vrm       Motion      gltf.py      written into a rig, with everything else of it kept
.json .jsonl    Keypoints   keypoints_json.py
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from mocap.errors import InputError, OutputError
from mocap.formats import bvh, gltf, keypoints_json
from mocap.keypoints import Keypoints
from mocap.motion import Motion

MOTION_SUFFIXES: tuple[str, ...] = (".bvh", ".glb", ".vrm")
KEYPOINTS_SUFFIXES: tuple[str, ...] = (".json", ".jsonl")

_READERS: dict[str, Callable[[bytes], Motion | Keypoints]] = {
    ".bvh": lambda data: bvh.loads(data.decode("utf-8", errors="replace")),
    ".glb": gltf.loads_animation,
    ".vrm": gltf.loads_animation,
    ".json": keypoints_json.loads,
    ".jsonl": keypoints_json.loads,
}


def save(path: str | os.PathLike[str], what: Motion | Keypoints, rig: bytes | None = None, fps: float | None = None) -> None:
    """Writes a motion or keypoints in the form that the path's suffix names.

    rig: for .glb and .vrm, the character's GLB or VRM. fps: frames a second to resample a motion to; by default as it is (BVH, which can
    only be uniform: its median rate). The file is written beside its place and renamed, so that a failure leaves the old file as it was.
    Raises OutputError if the suffix is unknown, does not go with `what`, lacks its rig, or the place cannot be written.
    """
    path = Path(path)
    check_writable(path, type(what))
    if isinstance(what, Keypoints):
        text = keypoints_json.dumps_lines(what) if path.suffix.lower() == ".jsonl" else keypoints_json.dumps(what)
        data = text.encode()
    elif path.suffix.lower() == ".bvh":
        data = bvh.dumps(what, fps=fps).encode()
    elif rig is None:
        raise OutputError(f"{path.name} needs a rig: a {path.suffix} file holds the character that moves. Give a .glb or .vrm as the rig.")
    else:
        data = gltf.dumps(what if fps is None else what.resample(fps), rig)
    write(path, data)


def load(path: str | os.PathLike[str], source_fps: float | None = None) -> Motion | Keypoints:
    """The motion or keypoints in a file. Raises InputError if it is not there, its suffix is unknown, or it cannot be read.

    source_fps: of keypoints, the rate at which they were captured where the file has no times or wrong ones.
    """
    path = Path(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"mocap does not read {path.name!r}: the suffix must be one of {', '.join(_READERS)}.")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from None
    try:
        return reader(data) if reader is not keypoints_json.loads else keypoints_json.loads(data, source_fps)
    except InputError as error:
        raise type(error)(f"{path}: {error}") from None


def check_writable(path: str | os.PathLike[str], kind: type[Motion] | type[Keypoints]) -> None:
    """Raises OutputError, before any work is done, if `save` could not write a `kind` there."""
    path = Path(path)
    suffixes = KEYPOINTS_SUFFIXES if kind is Keypoints else MOTION_SUFFIXES
    if path.suffix.lower() not in suffixes:
        raise OutputError(
            f"{path.name!r} cannot be written: {kind.__name__.lower()} go{'es' if kind is Motion else ''} into files that end in "
            f"{', '.join(suffixes[:-1])} or {suffixes[-1]}."
        )
    folder = path.parent
    if not folder.is_dir():
        raise OutputError(f"{path} cannot be written: there is no folder {folder}.")
    if path.is_dir():
        raise OutputError(f"{path} cannot be written: it is a folder.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{path} cannot be written: the folder {folder} does not permit it.")


def write(path: str | os.PathLike[str], data: bytes) -> None:
    """The bytes as a file, whole or not at all: written to a temporary name in the same folder and renamed. Raises OutputError."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
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
