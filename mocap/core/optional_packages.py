"""Optional packages: check that they are installed, and name the command that installs them."""

from __future__ import annotations

import importlib.util

from mocap.errors import DeviceError

NATIVE_LIBRARIES = "sudo apt-get install libgl1 libegl1 libgles2 libglib2.0-0"
"""The command that installs the system libraries of OpenCV and MediaPipe on Debian or Ubuntu."""


def need(feature: str, extra: str, *packages: str) -> None:
    """Check that the packages of a feature are installed.

    Args:
        feature: The feature, as the subject of the error's sentence, e.g. "Sending VMC".
        extra: The extra of `anymocap` that installs the packages.
        packages: Import names of the packages.

    Raises:
        DeviceError: A package is not installed; the message names the command that installs it.
    """
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise DeviceError(
            f"{feature} needs {' and '.join(missing)}, which this installation lacks: "
            f"run `pip install 'anymocap[{extra}]'`."
        )
