"""Reading and writing files.

The modules of the formats convert between bytes and values; only this file reads and writes the
disk.

    table            which format has which suffix
    bvh              .bvh
    gltf             .glb, .gltf and .vrm, written into the character's own document; .vrma
    fbx              .fbx, written into the character's own file, or as a skeleton
    keypoints_json   .json and .jsonl, keypoints
    movement         .csv, .mot and .trc: joint angles and positions, written only

    trees, presets   nodes and joints, as several formats have them
    on_rig           a motion on a rig's skeleton
    expressions, euler, damage    names of expressions; Euler angles; errors of damaged files
"""

from __future__ import annotations

import os
import secrets
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mocap.core.keypoints import Keypoints, has_person
from mocap.core.motion import Motion
from mocap.core.rig import Rig, Tree
from mocap.errors import InputError, NoPersonError, OutputError
from mocap.formats.table import (
    KEYPOINT_READERS,
    KEYPOINT_WRITERS,
    KEYPOINTS_SUFFIXES,
    MOTION_SUFFIXES,
    PERFORMERS_SUFFIXES,
    READ_SUFFIXES,
    ExportOptions,
    Format,
    by_content,
    by_suffix,
    kind_of,
    suffixes_for,
)


def load(path: str | os.PathLike[str], source_fps: float | None = None) -> Motion | Keypoints:
    """Read the motion or keypoints in a file.

    Args:
        path: A file of any suffix in the table of formats.
        source_fps: For keypoints, the rate at which they were captured, if the file's times are
            missing or wrong.

    Returns:
        A motion on the file's own joints and in its own axes (`mocap.load_motion` converts it to
        humanoid bones), or keypoints.

    Raises:
        InputError: The file is missing, its suffix is unknown, or it cannot be read.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    entry = by_suffix(path)
    if entry is None and suffix not in KEYPOINT_READERS:
        known = ", ".join((*READ_SUFFIXES, *KEYPOINTS_SUFFIXES))
        raise InputError(f"mocap does not read {path.name!r}: the suffix must be one of {known}.")
    data = read(path)
    with naming(path):
        if entry is None:
            return KEYPOINT_READERS[suffix](data, source_fps)
        return entry.loads(data, path.parent)


def load_keypoints(path: str | os.PathLike[str], source_fps: float | None = None) -> Keypoints:
    """Read a keypoints file, or a folder of OpenPose's files, one for each frame.

    Args:
        path: The file or folder.
        source_fps: As in `load`.

    Raises:
        InputError: The file or folder cannot be read.
        NoPersonError: No frame has a person.
    """
    files = openpose_files(Path(path))
    if files:
        data = b"[" + b",".join(read(file) for file in files) + b"]"
        with naming(Path(path)):
            keypoints: Motion | Keypoints = KEYPOINT_READERS[".json"](data, source_fps)
    else:
        keypoints = load(path, source_fps)
    assert isinstance(keypoints, Keypoints)
    if not has_person(keypoints):
        raise NoPersonError(f"There is no person in any of the {len(keypoints)} frames of {path}.")
    return keypoints


def openpose_files(folder: Path) -> list[Path]:
    """Return the files in a folder that OpenPose wrote (`--write_json`), one for each frame."""
    return sorted(folder.glob("*_keypoints.json")) if folder.is_dir() else []


def read_tree(path: str | os.PathLike[str]) -> Tree:
    """Read the nodes of a character's file; its format is recognised by its content.

    Raises:
        InputError: The file is missing, damaged or of no known format.
    """
    path = Path(path)
    data = read(path)
    with naming(path):
        return by_content(data).tree(data, path.parent, None)


def read(path: Path) -> bytes:
    """Return a file's content.

    Raises:
        InputError: The file cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from None


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Add the file's path to InputErrors and warnings that are raised inside."""

    def named(message: str) -> str:
        return message if str(path) in message else f"{path}: {message}"

    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        try:
            yield
        except InputError as error:
            raise type(error)(named(str(error))) from None
    for note in notes:
        warnings.warn(named(str(note.message)), note.category, stacklevel=3)


def save(
    path: str | os.PathLike[str],
    what: Motion | Keypoints,
    rig: Rig | None = None,
    options: ExportOptions = ExportOptions(),  # noqa: B008 (frozen)
) -> int:
    """Write a motion or keypoints in the format of the path's suffix.

    The file is written under a temporary name and renamed, so that a failure leaves the old file
    unchanged.

    Args:
        path: The file to write.
        what: Keypoints, or a motion: on the rig's skeleton if there is a rig (`retarget` puts it
            there), otherwise on humanoid bones.
        rig: The character that moves; .glb, .gltf and .vrm need one.
        options: Options of a motion's file.

    Returns:
        The number of bytes that the reduction of keys saved.

    Raises:
        OutputError: The suffix is unknown, or is not one for `what` and the rig, or the file cannot
            be written.
    """
    path = Path(path)
    if isinstance(what, Keypoints):
        write(path, keypoints_writer(path)(what))
        return 0
    written = motion_writer(path, rig).dumps(what, rig, options)
    write(path, written.data)
    return written.saved


def check_writable(
    path: str | os.PathLike[str], kind: type[Motion] | type[Keypoints], rig: Rig | None = None
) -> None:
    """Check, before any work is done, that `save` can write to a path.

    Args:
        path: The file that will be written.
        kind: The type of what will be saved.
        rig: The rig that the motion will be saved on, if any.

    Raises:
        OutputError: As `save`.
    """
    path = Path(path)
    if kind is Keypoints:
        keypoints_writer(path)
    else:
        motion_writer(path, rig)
    if path.is_dir() or not path.parent.is_dir():
        raise _unwritable(path, "")
    trial = _beside(path)
    try:  # permissions are not enough: a disk may be read-only
        trial.touch(exist_ok=False)
        trial.unlink()
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from None


def keypoints_writer(path: Path) -> Callable[[Keypoints], bytes]:
    """Return the function that writes keypoints to a path of this suffix.

    Raises:
        OutputError: Files of this suffix do not hold keypoints.
    """
    writer = KEYPOINT_WRITERS.get(path.suffix.lower())
    if writer is None:
        raise OutputError(
            f"{path.name!r} cannot be written: keypoints go into files that end in "
            f"{_either(tuple(KEYPOINT_WRITERS))}."
        )
    return writer


def motion_writer(path: Path, rig: Rig | None) -> Format:
    """Return the format in which a motion is written to a path.

    Args:
        path: The file to write; its suffix counts.
        rig: The motion's rig, if it has one.

    Raises:
        OutputError: The suffix is unknown, or its files cannot hold a motion on this rig.
    """
    entry = by_suffix(path)
    if entry is None:
        raise OutputError(
            f"{path.name!r} cannot be written: motion goes into files that end in "
            f"{_either(MOTION_SUFFIXES)}."
        )
    suffix, fitting = path.suffix.lower(), suffixes_for(rig)
    if suffix in fitting:
        return entry
    if rig is None:
        raise OutputError(
            f"{path.name} needs a rig: a {suffix} file contains the character that moves. "
            "Give a .glb, .gltf or .vrm as the rig."
        )
    kind = kind_of(rig)
    article = "an" if kind == "FBX" else "a"
    raise OutputError(
        f"{path.name!r} cannot be written: the rig {rig.name} is {article} {kind} file, and "
        f"motion on it goes into files that end in {_either(fitting)}."
    )


def _either(suffixes: tuple[str, ...]) -> str:
    return f"{', '.join(suffixes[:-1])} or {suffixes[-1]}" if len(suffixes) > 1 else suffixes[0]


def write(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file atomically: under a temporary name in its folder, then renamed.

    Raises:
        OutputError: The file cannot be written.
    """
    path = Path(path)
    temporary = _beside(path)
    try:
        try:
            with temporary.open("xb") as file:
                file.write(data)
            temporary.replace(path)
        finally:
            # Remove a partly written file, on Ctrl-C too.
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from None


def _unwritable(path: Path, reason: str) -> OutputError:
    if path.is_dir():
        reason = "it is a folder"
    elif not path.parent.is_dir():
        reason = f"there is no folder {path.parent}"
    else:
        reason += ". Choose another folder"
    return OutputError(f"{path} cannot be written: {reason}.")


def _beside(path: Path) -> Path:
    """Return an unused name in the path's folder, for a temporary file."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")


__all__ = [
    "KEYPOINTS_SUFFIXES",
    "MOTION_SUFFIXES",
    "PERFORMERS_SUFFIXES",
    "READ_SUFFIXES",
    "ExportOptions",
    "check_writable",
    "keypoints_writer",
    "load",
    "load_keypoints",
    "motion_writer",
    "naming",
    "openpose_files",
    "read",
    "read_tree",
    "save",
    "write",
]
