"""The files that travel inside the package: viewer, detector weights, mannequin, demo clip.

They are not in the repository: the build hook (web/build_hook.py) fills `mocap/assets/` when a
wheel or an editable install is built.
"""

from __future__ import annotations

from pathlib import Path

from mocap.errors import ModelError

ROOT = Path(__file__).parent / "assets"
"""The folder of these files."""


def path(name: str) -> Path:
    """Return the path of a file or folder.

    Args:
        name: Path below `mocap/assets/`, e.g. "models/pose_detection.tflite".

    Raises:
        ModelError: The file is missing.
    """
    found = ROOT / name
    if not found.exists():
        raise ModelError(
            f"mocap's own file {name!r} is missing from {ROOT}: the package is incomplete. "
            "In a clone, run `pip install -e .` (or `make demo`); otherwise `pip install "
            "--force-reinstall anymocap`."
        )
    return found
