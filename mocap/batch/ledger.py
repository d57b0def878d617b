"""Entries beside the outputs of a batch, by which an interrupted batch is resumed.

Each clip has one, `.mocap/NAME.json` beside its first output: a digest of the input, the options
and mocap's version, the files that were written with their sizes, and the batch that wrote them. A
clip is up to date if the digest and the sizes are unchanged. The process that bakes a clip writes
its entry, so a clip whose result was lost on the way is not baked again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mocap import formats
from mocap.batch.jobs import Job
from mocap.transfer import Saved

FOLDER = ".mocap"
"""Name of the folder of entries beside the outputs."""


Written = tuple[Path, Saved]
"""A file, and how it was written."""


def fingerprint(job: Job) -> str:
    """Return a digest of everything that a job's outputs depend on.

    It covers the sizes and the times of last change of the input and of the character's files, the
    options, and mocap's version. The outputs do not depend on the number of workers, but on whether
    videos are cut into chunks.
    """
    options = job.options
    chunks = options.workers is not None
    files = [job.path, *(f for f in (options.rig, options.map_file) if f is not None)]
    parts = [version("anymocap"), repr(replace(options, workers=None)), repr(chunks)]
    parts += [line for file in files for line in _state(file)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _state(path: Path) -> Iterator[str]:
    """Yield a line for a file, or for each file of a folder; none for one that is missing."""
    files = sorted(path.iterdir()) if path.is_dir() else [path] if path.exists() else []
    for file in files:
        stat = file.stat()
        yield f"{file.resolve()} {stat.st_size} {stat.st_mtime_ns}"


def is_current(job: Job) -> bool:
    """Return whether a job's outputs are unchanged and were written from its current inputs."""
    entry = _entry(job)
    return entry is not None and entry["from"] == fingerprint(job)


def done_in(job: Job, batch: str) -> tuple[Written, ...] | None:
    """Return the files that a batch has written for a job; None if it has not done the job."""
    entry = _entry(job)
    if entry is None or entry["batch"] != batch:
        return None
    return tuple((Path(f["path"]), Saved(**f["saved"])) for f in entry["files"])


def record(job: Job, digest: str, batch: str, written: Sequence[Written]) -> None:
    """Write the entry of a job that has been done.

    Args:
        job: The job.
        digest: Its fingerprint before it was begun.
        batch: Identifies the batch.
        written: The files that were written.
    """
    files = [
        {"path": str(path), "bytes": path.stat().st_size, "saved": asdict(saved)}
        for path, saved in written
    ]
    entry = {"from": digest, "batch": batch, "outputs": _outputs(job), "files": files}
    place = _place(job)
    place.parent.mkdir(exist_ok=True)
    formats.write(place, json.dumps(entry, indent=1).encode())


def _place(job: Job) -> Path:
    first = job.outputs[0]
    return first.parent / FOLDER / f"{first.name}.json"


def _outputs(job: Job) -> list[str]:
    return [str(output) for output in job.outputs]


def _entry(job: Job) -> dict[str, Any] | None:
    """Return a job's entry; None where it is missing or damaged, or a file has changed."""
    try:
        found = json.loads(_place(job).read_text("utf-8"))
        unchanged = found["outputs"] == _outputs(job) and all(
            Path(file["path"]).stat().st_size == file["bytes"] for file in found["files"]
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if unchanged else None
