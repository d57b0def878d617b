"""Keeps MediaPipe's log lines off the terminal, and nothing else.

MediaPipe 1.2 writes notices about its own models straight to file descriptor 2 from C++ ("Feedback manager requires …", "Created
TensorFlow Lite XNNPACK delegate …"). GLOG_minloglevel, TF_CPP_MIN_LOG_LEVEL and GOOGLE_STDERRTHRESHOLD were tried: its library never
reads them, and it exports no call that sets the level. So what is written while it starts goes to a temporary file first, and all of
it that is not such a notice is passed on: other threads' lines, errors and tracebacks arrive, only some milliseconds later, and
perhaps just after a line that was written in the moment of giving standard error back.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator

_STDERR = 2

# Notices and warnings of absl's log ("W0000 00:00:… file.cc:121] …") and of TensorFlow Lite; errors (E…, F…, "ERROR:") do not match.
_NOTICE = re.compile(
    rb"[IW]\d{4} [\d:.]+ +\d+ \S+\.(?:cc|h|mm):\d+\] "
    rb"|(?:INFO|WARNING|VERBOSE): (?:Created TensorFlow Lite|Replacing \d+|Read-only tensor|Logging before Init|All log messages before)"
)

# A thread may keep quiet within its own quiet.
_one_at_a_time = threading.RLock()


@contextlib.contextmanager
def without_notices() -> Iterator[None]:
    """While it lasts, what is written to file descriptor 2 waits; at the end it is written, less MediaPipe's notices."""
    with _one_at_a_time:
        _flush()
        try:
            terminal = os.dup(_STDERR)
        except OSError:  # a program without a console has no standard error to keep clean
            yield
            return
        try:
            with tempfile.TemporaryFile() as waiting:
                os.dup2(waiting.fileno(), _STDERR)
                try:
                    yield
                finally:
                    _flush()
                    os.dup2(terminal, _STDERR)
                    waiting.seek(0)
                    kept = [line for line in waiting if not _NOTICE.match(line)]
                    if kept:
                        os.write(_STDERR, b"".join(kept))
        finally:
            os.close(terminal)


def _flush() -> None:
    with contextlib.suppress(
        AttributeError, OSError, ValueError
    ):  # sys.stderr may be None, or closed
        sys.stderr.flush()
