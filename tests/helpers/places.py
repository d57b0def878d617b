"""Paths in the repository; the only file that knows how deep the tests are."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
"""The repository."""
TESTS = ROOT / "tests"
DATA = TESTS / "data"
"""Golden files of the tests."""
WEB = ROOT / "web"
RIGS = ROOT / "rigs"
MANNEQUIN = RIGS / "mannequin.vrm"
DEMO = RIGS / "demo.mp4"
DEMO_TRUTH = RIGS / "demo_truth.npz"
"""The demo clip's true motion and camera."""


def script(path: Path) -> ModuleType:
    """Import a script that belongs to no package, such as web/build_hook.py."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
