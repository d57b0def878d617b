"""`mocap bake` of many clips: progress, the summary table, and the exit status."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mocap.cli import console

if TYPE_CHECKING:
    from mocap.batch.jobs import Job
    from mocap.batch.run import Outcome, Runner

_MARK = {"done": "done", "failed": "FAILED", "up to date": "up to date"}


def bake_clips(
    jobs: Sequence[Job], scheduler: str | None, workers: int | None, resume: bool
) -> None:
    """Bake the jobs, print the result of each, and exit with status 1 if one failed.

    Args:
        jobs: The jobs, whose outputs have been checked.
        scheduler: Address of a Dask scheduler; None bakes one clip after another in this process.
        workers: Number of processes of a local cluster.
        resume: Skip jobs whose outputs are up to date.
    """
    from mocap.batch.run import run

    found: list[Outcome] = []
    with _runner(scheduler, workers) as (runner, bars):
        for outcome in run(jobs, runner, resume):
            found.append(outcome)
            bars.advance(outcome)
    _summary(found)
    if any(outcome.status == "failed" for outcome in found):
        raise typer.Exit(1)


@contextmanager
def _runner(scheduler: str | None, workers: int | None) -> Iterator[tuple[Runner, _Bars]]:
    if scheduler is None:
        with _bars() as bars:
            yield _one_by_one(bars), bars
        return
    from mocap.batch.cluster import cluster

    with cluster(scheduler, workers) as runner, _bars() as bars:
        yield runner, bars


def _one_by_one(bars: _Bars) -> Runner:
    from mocap.batch.run import attempt

    def runner(jobs: Sequence[Job], batch: str) -> Iterator[Outcome]:
        bars.expect(len(jobs))
        for job in jobs:
            yield attempt(job, batch, bars.clip(job.path))

    return runner


class _Bars:
    """Progress: a bar for the current clip and one for all, or lines of text without a terminal."""

    def __init__(self, bars: Any = None) -> None:
        self._bars = bars
        self._all = None if bars is None else bars.add_task("All clips", total=None)
        self._one: Any = None

    def expect(self, count: int) -> None:
        """Set the number of clips to bake."""
        if self._bars is not None:
            self._bars.update(self._all, total=count)

    def clip(self, path: Path) -> Callable[[int, int | None], None] | None:
        """Start the bar of a clip; return the function that moves it."""
        if self._bars is None:
            return None
        self._one = self._bars.add_task(path.name, total=None)

        def move(done: int, total: int | None) -> None:
            share = done / total if total else 0.0
            self._bars.update(self._one, completed=done, total=total)
            # The bar of all clips moves within a clip too, so that its ETA is smooth.
            self._bars.update(self._all, completed=int(self._bars.tasks[0].completed) + share)

        return move

    def advance(self, outcome: Outcome) -> None:
        """Move the bar of all clips, or print a line, when a clip is finished."""
        if self._bars is None:
            if outcome.status != "up to date":
                console.err.print(f"{outcome.job.path}: {_MARK[outcome.status]}")
            return
        if self._one is not None:
            self._bars.remove_task(self._one)
            self._one = None
        if outcome.status != "up to date":
            done = int(self._bars.tasks[0].completed) + 1
            self._bars.update(self._all, completed=done)


@contextmanager
def _bars() -> Iterator[_Bars]:
    if not console.err.is_terminal:
        yield _Bars()
        return
    with console.bars() as bars:
        yield _Bars(bars)


def _summary(outcomes: Sequence[Outcome]) -> None:
    """Print a line for each clip in the order of the inputs, then the errors, then the totals."""
    if not outcomes:
        return
    rows = [_row(outcome) for outcome in outcomes]
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        console.out.print("  ".join(cells).rstrip())
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    for outcome in failed:
        console.err.print(f"{outcome.job.path}: {outcome.error}")
    counts = {s: sum(o.status == s for o in outcomes) for s in _MARK}
    said = ", ".join(f"{n} {_MARK[s].lower()}" for s, n in counts.items() if n)
    seconds = sum(outcome.seconds for outcome in outcomes)
    console.out.print(f"{len(outcomes)} clips: {said}; {seconds:.0f} s of work.")


def _row(outcome: Outcome) -> tuple[str, str, str, str, str]:
    saved = outcome.written[0][1] if outcome.written else None
    return (
        str(outcome.job.path),
        _MARK[outcome.status],
        f"{saved.frames} frames, {saved.seconds:.2f} s" if saved else "",
        f"in {outcome.seconds:.1f} s" if outcome.seconds else "",
        " ".join(str(path) for path, _ in outcome.written),
    )
