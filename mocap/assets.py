"""The files that travel inside the package: viewer, detector weights, mannequin, demo clip.

They are no part of the repository: the build hook (web/build_hook.py) fills `mocap/assets/` when a
wheel or an editable install is made.
"""

from __future__ import annotations

from pathlib import Path

from mocap.errors import ModelError

ROOT = Path(__file__).parent / "assets"
"""The folder they lie in."""


def path(name: str) -> Path:
    """Where the file or folder `name` (e.g. "models/pose_detection.tflite") lies.

    Raises ModelError if it is not there.
    """
    found = ROOT / name
    if not found.exists():
        raise ModelError(
            f"mocap's own file {name!r} is missing from {ROOT}: the package was not built whole. "
            "In a clone, run `pip install -e .` (or `make demo`); otherwise `pip install "
            "--force-reinstall anymocap`."
        )
    return found
