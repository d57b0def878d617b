"""What was baked from what: small files beside the outputs, by which a batch is continued.

Each output has one, `.mocap/NAME.json` in its folder: a digest of the input, the options and
mocap's version, the output's size, and the batch that wrote it. An output is up to date if digest
and size are as they were. The process that bakes a clip writes its entry, so a clip whose result
was lost on the way is not baked twice.
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


def fingerprint(job: Job) -> str:
    """Return a digest of what a job's outputs depend on.

    It covers the sizes and the times of last change of the input and of the character's files, the
    options, and mocap's version. The number of workers changes nothing in the outputs; whether
    videos are cut into chunks does.
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
    """Return whether all outputs of a job exist as they were written from its present state."""
    wanted = fingerprint(job)
    return all((_entry(output) or {}).get("from") == wanted for output in job.outputs)


def done_in(job: Job, batch: str) -> tuple[Saved, ...] | None:
    """Return what a batch has written for a job; None if it has not written all of it."""
    entries = [_entry(output) for output in job.outputs]
    if any(entry is None or entry.get("batch") != batch for entry in entries):
        return None
    return tuple(Saved(**entry["saved"]) for entry in entries if entry is not None)


def record(job: Job, digest: str, batch: str, saved: Sequence[Saved]) -> None:
    """Note that a job's outputs have been written.

    Args:
        job: The job.
        digest: Its fingerprint before it was begun.
        batch: Identifies the batch.
        saved: What was written, in the order of the outputs.
    """
    for output, what in zip(job.outputs, saved, strict=True):
        entry = {
            "from": digest,
            "bytes": output.stat().st_size,
            "batch": batch,
            "saved": asdict(what),
        }
        place = _place(output)
        place.parent.mkdir(exist_ok=True)
        formats.write(place, json.dumps(entry, indent=1).encode())


def _place(output: Path) -> Path:
    return output.parent / FOLDER / f"{output.name}.json"


def _entry(output: Path) -> dict[str, Any] | None:
    """Return an output's entry; None where it is missing or damaged, or the output has changed."""
    try:
        found = json.loads(_place(output).read_text("utf-8"))
        unchanged = output.stat().st_size == found["bytes"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if unchanged else None
