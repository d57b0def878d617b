"""Where things lie in the repository; the only file that knows how deep the tests are."""

from __future__ import annotations

from pathlib import Path

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
