"""The `mocap` command, also as `python -m mocap`.

Ctrl-C ends it with status 130 from the start, also during the tenths of a second in which the
command line is imported.
"""

from __future__ import annotations

import os
import signal
from typing import Any


def main() -> None:
    """Import the command line and run it."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:  # a shell may ignore Ctrl-C for background jobs
        signal.signal(signal.SIGINT, _end)
    from mocap.cli import interrupts
    from mocap.cli.main import main as run

    signal.signal(signal.SIGINT, handler)
    interrupts.install()
    run()


def _end(number: int, frame: Any) -> None:
    """End at once; during imports there is nothing to clean up."""
    os._exit(130)


if __name__ == "__main__":
    main()
