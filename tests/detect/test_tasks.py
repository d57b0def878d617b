"""MediaPipe's Tasks API without Matplotlib."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import sys
from mocap.detect.mediapipe import tasks
assert not [m for m in sys.modules if m.partition(".")[0] == "matplotlib"]
from mediapipe.tasks.python.vision import drawing_utils
assert drawing_utils.plt.figure.__module__ == "matplotlib.pyplot"
import matplotlib
assert matplotlib.__file__
"""


def test_matplotlib_is_imported_only_when_it_is_used() -> None:
    subprocess.run([sys.executable, "-c", _PROGRAM], check=True)
