"""The jobs of a batch: its input clips, and the output files of each."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mocap.bake import BakeOptions
from mocap.capture.files import folder_images, natural_key
from mocap.errors import InputError, OutputError
from mocap.formats import KEYPOINTS_SUFFIXES

VIDEO_SUFFIXES = (
    ".3gp", ".avi", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv",
    ".webm", ".wmv",
)  # fmt: skip
"""Suffixes of videos in a folder that is searched, in lower case; files that are named one by one
may have any suffix."""


@dataclass(frozen=True, slots=True)
class Clip:
    """An input of a batch.

    Attributes:
        path: A video, an image, a folder of images, or a keypoints file.
        folder: The path from the folder that was searched to the clip's own; "." for a clip that
            was named itself.
    """

    path: Path
    folder: Path = Path()


@dataclass(frozen=True, slots=True)
class Job:
    """One clip, its output files, and the options; picklable."""

    path: Path
    outputs: tuple[Path, ...]
    options: BakeOptions


def find_clips(inputs: Sequence[Path], recursive: bool = False) -> list[Clip]:
    """Return the clips of a list of inputs.

    A file is a clip, and so is a folder of images. In other folders, each video and each keypoints
    file is a clip.

    Args:
        inputs: Files and folders.
        recursive: Search the folders' subfolders too.

    Raises:
        InputError: A folder has no clip.
    """
    clips: list[Clip] = []
    for path in inputs:
        if not path.is_dir() or (not recursive and folder_images(path)):
            clips.append(Clip(path))
            continue
        found = list(_in_folder(path, recursive))
        if not found:
            more = "" if recursive else "; --recursive searches its subfolders too"
            raise InputError(f"There is no video, image or keypoints file in {path}{more}.")
        clips += found
    return clips


def _in_folder(top: Path, recursive: bool) -> Iterator[Clip]:
    for here, folders, files in os.walk(top):
        folders.sort(key=natural_key)
        folders[:] = [f for f in folders if recursive and not f.startswith(".")]
        folder = Path(here)
        if folder_images(folder):
            yield Clip(folder, folder.relative_to(top).parent)
        for name in sorted(files, key=natural_key):
            known = Path(name).suffix.lower() in (*VIDEO_SUFFIXES, *KEYPOINTS_SUFFIXES)
            if known and not name.startswith("."):
                yield Clip(folder / name, folder.relative_to(top))


def plan(clips: Sequence[Clip], templates: Sequence[Path], options: BakeOptions) -> list[Job]:
    """Return one job for each clip.

    Args:
        clips: The inputs.
        templates: Paths of the outputs; {name} is the clip's name without its suffix, {folder} its
            folder below the one that was searched.
        options: The options of all jobs.

    Raises:
        OutputError: Two clips would be written to the same file.
    """
    jobs: list[Job] = []
    owners: dict[Path, Path] = {}
    for clip in clips:
        outputs = tuple(_filled(template, clip) for template in templates)
        for output in outputs:
            other = owners.setdefault(output, clip.path)
            if other != clip.path:
                wanted = "{name}" if "{name}" not in str(templates[0]) else "{folder}"
                raise OutputError(
                    f"{len(clips)} inputs cannot all be written to {output}: {other} and "
                    f"{clip.path} would be one file. Put {wanted} into the output, "
                    "as in clips/{name}.bvh or clips/{folder}/{name}.bvh."
                )
        jobs.append(Job(clip.path, outputs, options))
    return jobs


def _filled(template: Path, clip: Clip) -> Path:
    name = clip.path.resolve().name if clip.path.is_dir() else clip.path.stem
    return Path(str(template).replace("{folder}", str(clip.folder)).replace("{name}", name))


def make_folders(jobs: Sequence[Job], templates: Sequence[Path]) -> None:
    """Make the output folders whose paths contain {folder} or {name}.

    Args:
        jobs: The jobs.
        templates: Paths of the outputs, as in `plan`.

    Raises:
        OutputError: A folder cannot be made.
    """
    for job in jobs:
        for template, output in zip(templates, job.outputs, strict=True):
            if "{" not in str(template.parent):
                continue
            try:
                output.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise OutputError(
                    f"The folder {output.parent} cannot be made: {error.strerror or error}."
                ) from None
