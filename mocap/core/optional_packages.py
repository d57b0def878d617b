"""What an installation may lack, and the command that installs it."""

from __future__ import annotations

import importlib.util

from mocap.errors import DeviceError

NATIVE_LIBRARIES = "sudo apt-get install libgl1 libegl1 libgles2 libglib2.0-0"
"""Installs what OpenCV and MediaPipe need of a bare Debian or Ubuntu."""


def need(feature: str, extra: str, *packages: str) -> None:
    """Check that the packages of a feature are installed.

    Args:
        feature: The subject of the sentence, e.g. "Sending VMC".
        extra: The extra of `anymocap` that installs them.
        packages: Their import names.

    Raises:
        DeviceError: One is not installed; the message has the command that installs it.
    """
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise DeviceError(
            f"{feature} needs {' and '.join(missing)}, which this installation lacks: "
            f"run `pip install 'anymocap[{extra}]'`."
        )
