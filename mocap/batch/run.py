"""The jobs of a batch, done one after another in this process; a failure does not stop others."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import uuid4

from mocap.bake import bake
from mocap.batch.jobs import Job
from mocap.batch.ledger import Written, done_in, fingerprint, is_current, record
from mocap.detect.inputs import Progress
from mocap.errors import MocapError

Status = Literal["done", "failed", "up to date"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a job; picklable.

    Attributes:
        job: The job.
        status: Whether it was done, failed, or was up to date.
        error: Why it failed; empty otherwise.
        seconds: Its duration.
        written: The files that were written.
    """

    job: Job
    status: Status
    error: str = ""
    seconds: float = 0.0
    written: tuple[Written, ...] = ()


Runner = Callable[[Sequence[Job], str], Iterator[Outcome]]
"""(jobs, name of their batch) to an outcome for each job as it is finished, in any order."""


def attempt(job: Job, batch: str, progress: Progress | None = None) -> Outcome:
    """Do one job, unless its batch has done it; exceptions become its outcome.

    Args:
        job: The job.
        batch: Identifies the batch.
        progress: Called with the number of frames done.
    """
    begun = time.monotonic()
    try:
        written = done_in(job, batch)
        if written is None:
            digest = fingerprint(job)
            baked = bake(job.path, job.outputs, job.options, progress)
            written = tuple(w for b in baked for w in zip(b.paths, b.saved, strict=True))
            record(job, digest, batch, written)
    except MocapError as error:
        return Outcome(job, "failed", str(error), time.monotonic() - begun)
    except Exception as error:
        # A bug that affects one clip must not stop the others.
        reason = f"{type(error).__name__}: {error} (a fault in mocap; please report it)"
        return Outcome(job, "failed", reason, time.monotonic() - begun)
    return Outcome(job, "done", "", time.monotonic() - begun, written)


def run(jobs: Sequence[Job], runner: Runner, resume: bool = False) -> Iterator[Outcome]:
    """Do the jobs of a batch.

    Args:
        jobs: The jobs.
        runner: Does the jobs.
        resume: Skip the jobs whose outputs are up to date.

    Yields:
        An outcome for each job, as it is finished.
    """
    waiting = []
    for job in jobs:
        if resume and is_current(job):
            yield Outcome(job, "up to date")
        else:
            waiting.append(job)
    yield from runner(waiting, uuid4().hex)
