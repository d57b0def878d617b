"""Console output: results on standard output; progress, notes and errors on standard error.

Text is printed unchanged, without Rich's markup: a file may be named "[red].bvh" or ":smile:.bvh".
Rich only draws progress bars, and is imported when one is drawn.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal


class Terminal:
    """One of the standard streams, looked up at each use because tests and shells replace them."""

    def __init__(self, name: Literal["stdout", "stderr"]) -> None:
        self._name = name

    @property
    def is_terminal(self) -> bool:
        """Whether the stream is a terminal, not a file or a pipe."""
        return bool(getattr(sys, self._name).isatty())

    def print(self, text: str) -> None:
        """Print one line. Characters that the stream's encoding lacks are replaced by "?"."""
        stream = getattr(sys, self._name)
        encoding = stream.encoding or "utf-8"
        print(text.encode(encoding, "replace").decode(encoding), file=stream, flush=True)


out = Terminal("stdout")
err = Terminal("stderr")


@contextmanager
def progress(what: str) -> Iterator[Any]:
    """Show a progress bar with the remaining time, if standard error is a terminal.

    Args:
        what: The description beside the bar.

    Yields:
        A function of (frames done, frames in all) that moves the bar.
    """
    if not err.is_terminal:
        yield lambda done, total: None
        return
    with bars() as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(
            task, completed=done, total=max(total, done) if total else None
        )


def bars() -> Any:
    """Return Rich's `Progress` for a `with` block: bars with the remaining time."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True)


def size(path: Path) -> str:
    """Format the size of a file, such as "1.2 MB"."""
    return in_bytes(path.stat().st_size)


def frames(count: int) -> str:
    """Format a number of frames: "1 frame", "60 frames"."""
    return f"{count} frame" if count == 1 else f"{count} frames"


def in_bytes(size: int) -> str:
    """Format a number of bytes, such as "1.2 MB"."""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def show_warning(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
    """Print a warning as a note; replaces `warnings.showwarning`."""
    # mocap's warnings are sentences for the user; warnings of libraries are for developers.
    if category.__module__.startswith("mocap") or category is UserWarning:
        err.print(f"Note: {message}")
