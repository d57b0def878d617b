"""What the command line says: results on standard output; progress, notes and errors on standard error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

# Everything is printed as it is: a file may be called "[red].bvh" or ":smile:.bvh".
out = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
err = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)


@contextmanager
def progress(what: str) -> Iterator[Any]:
    """Gives a function of (frames done, frames in all) that shows progress and what is left, where a terminal shows it."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(
            task, completed=done, total=max(total, done) if total else None
        )


def size(path: Path) -> str:
    """How large a file is, in words."""
    return in_bytes(path.stat().st_size)


def in_bytes(size: int) -> str:
    """A number of bytes in words: "1.2 MB"."""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def show_warning(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
    """Prints a warning as a note, in `warnings.showwarning`'s place."""
    # Ours are sentences for the user; those of libraries are for their developers.
    if category.__module__.startswith("mocap") or category is UserWarning:
        err.print(f"Note: {message}")
