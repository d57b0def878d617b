"""Filters MediaPipe's log lines out of standard error while it starts and ends.

MediaPipe 1.2 writes notices about its own models to file descriptor 2 from C++ ("Feedback manager
requires …", "Created TensorFlow Lite XNNPACK delegate …", and since 1.2.3 "DestroyAccelerator …").
Its library ignores GLOG_minloglevel, TF_CPP_MIN_LOG_LEVEL and GOOGLE_STDERRTHRESHOLD, and exports
no call that sets the level. So everything written meanwhile goes to a temporary file, and all lines
but such notices are passed on: other threads' lines, errors and tracebacks arrive some milliseconds
later, possibly after a line that is written while standard error is being restored.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator

from mocap.detect.mediapipe.tasks import FaceLandmarker, HandLandmarker, PoseLandmarker

_STDERR = 2

# Notices and warnings of absl's log ("W0000 00:00:… file.cc:121] …"), of TensorFlow Lite and of
# LiteRT ("INFO: [environment.cc:36] …"). Errors (E…, F…, "ERROR:") do not match.
_NOTICE = re.compile(
    rb"[IW]\d{4} [\d:.]+ +\d+ \S+\.(?:cc|h|mm):\d+\] "
    rb"|(?:INFO|WARNING|VERBOSE): (?:Created TensorFlow Lite|Replacing \d+|Read-only tensor"
    rb"|Logging before Init|All log messages before|\[\S+\.(?:cc|h|mm):\d+\])"
)

# Reentrant: a thread may nest the filter.
_one_at_a_time = threading.RLock()


@contextlib.contextmanager
def without_notices() -> Iterator[None]:
    """Hold back what is written to file descriptor 2, then write it without MediaPipe's notices."""
    with _one_at_a_time:
        _flush()
        try:
            terminal = os.dup(_STDERR)
        except OSError:  # a program without a console has no standard error
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


def close_quietly(landmarker: PoseLandmarker | HandLandmarker | FaceLandmarker) -> None:
    """Free a landmarker's models, without MediaPipe's notices."""
    with without_notices():
        landmarker.close()


def _flush() -> None:
    with contextlib.suppress(
        AttributeError, OSError, ValueError
    ):  # sys.stderr may be None, or closed
        sys.stderr.flush()
