"""The command line as a separate process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MOCAP = [sys.executable, "-c", "from mocap.__main__ import main; main()"]

# For tests in which the detector only has to run.
QUICK = ("--model", "lite", "--no-hands", "--no-face")


@contextmanager
def started(*arguments: object, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*MOCAP, *map(str, arguments)], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        start_new_session=True,  # so that it can be interrupted and ended with its own processes
        # As in a terminal: a shell that runs this in the background would have SIGINT ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    with process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def address(process: subprocess.Popen[str]) -> str:
    """Return the page's address, which the process prints on its own line."""
    assert process.stdout
    for line in process.stdout:
        if re.fullmatch(r"http://\S+", line.strip()):
            return line.strip()
    raise AssertionError(
        f"No address was printed; standard error: {process.stderr.read() if process.stderr else ''}"
    )
