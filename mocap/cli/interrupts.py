"""Ctrl-C: the first one ends a command after its cleanup; repeated ones do not disturb it.

The terminal and the program that started this one (uvx, `timeout`) may each send the signal, a few
milliseconds apart. Python's default handler would raise again in the middle of the cleanup.
"""

from __future__ import annotations

import atexit
import os
import signal
import time
from collections.abc import Coroutine
from typing import Any

# Seconds after the first signal in which further ones are ignored. A cleanup takes less; a user who
# presses Ctrl-C after that wants the program to end at once.
_GRACE = 2.0


class _Once:
    """A signal handler that raises KeyboardInterrupt on the first signal."""

    def __init__(self) -> None:
        self._first: float | None = None

    def __call__(self, number: int, frame: Any) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first = now
            raise KeyboardInterrupt
        if now - self._first > _GRACE:
            os._exit(130)


def install() -> None:
    """Use this module's handler, unless Ctrl-C is ignored or already handled."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _Once())
        # Python removes its handlers at exit; a late signal would then change the exit status.
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` by asyncio, which cancels it on Ctrl-C only if Python's own handler is in place.

    Args:
        work: The command's coroutine.
    """
    import asyncio

    if isinstance(signal.getsignal(signal.SIGINT), _Once):
        signal.signal(signal.SIGINT, signal.default_int_handler)
    asyncio.run(work)
