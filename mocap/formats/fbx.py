"""FBX in and out, by Blender: its own program, or a Python that has its module `bpy`. Both run apart from mocap.

bpy 5 asks for NumPy 1, and mocap for NumPy 2, so the two cannot live in one environment; a second one does:
`python3.11 -m venv bpy && bpy/bin/pip install bpy`, and MOCAP_BPY=bpy/bin/python.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from mocap.errors import InputError, OutputError

_SCRIPT = Path(__file__).with_name("blender_script.py")
_LONGEST = 900.0  # seconds that Blender may take


def command() -> list[str]:
    """What runs a script in Blender. Raises InputError, saying how to get it, where there is none."""
    if python := os.environ.get("MOCAP_BPY") or (
        sys.executable if importlib.util.find_spec("bpy") else None
    ):
        return [python, str(_SCRIPT)]
    if blender := shutil.which("blender"):
        return [
            blender,
            "--background",
            "--factory-startup",
            "--python-exit-code",
            "1",
            "--python",
            str(_SCRIPT),
            "--",
        ]
    raise InputError(
        "FBX is read and written by Blender, and there is none: install Blender so that `blender` runs, or set MOCAP_BPY to a Python 3.11 "
        "in which `pip install bpy` was done. (Or save the character as .glb in the program that made it.)"
    )


def to_glb(data: bytes) -> bytes:
    """A GLB of what is in an FBX: nodes, skins, meshes and all animations. Raises InputError if Blender is missing or cannot read it."""
    made = _converted(data, ".fbx", ".glb", 30.0)
    if made is None:
        raise InputError(
            "Blender cannot read the FBX file: it is damaged, or of a kind older than 2011."
        )
    return made


def from_glb(data: bytes, fps: float) -> bytes:
    """An FBX of what is in a GLB, its animations with `fps` keys a second. Raises OutputError if Blender cannot make it."""
    made = _converted(data, ".glb", ".fbx", fps)
    if made is None:
        raise OutputError("Blender could not make an FBX of the character; write a .glb.")
    return made


def _converted(data: bytes, from_suffix: str, to_suffix: str, fps: float) -> bytes | None:
    runner = command()
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / f"in{from_suffix}", Path(folder) / f"out{to_suffix}"
        source.write_bytes(data)
        try:
            done = subprocess.run(
                [*runner, str(source), str(target), repr(fps)],
                capture_output=True,
                timeout=_LONGEST,
                check=False,
            )
        except OSError as error:
            raise InputError(
                f"{runner[0]} (MOCAP_BPY) cannot be run: {error.strerror or error}."
            ) from None
        except subprocess.TimeoutExpired:
            return None
        if b"No module named 'bpy'" in done.stderr:
            raise InputError(
                f"{runner[0]} (MOCAP_BPY) has no bpy: `{runner[0]} -m pip install bpy` puts it there."
            )
        return target.read_bytes() if done.returncode == 0 and target.exists() else None
