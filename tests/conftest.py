"""What the tests share: array shapes checked at run time, and the places of real recordings, the browser and Node."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from jaxtyping import config, install_import_hook

# From here on, each function of mocap checks its arrays against the shapes in its annotations. Before any test imports mocap.
install_import_hook("mocap", "beartype.beartype")

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real recordings that are not part of this repository, named by MOCAP_DATA."""
    folder = os.environ.get("MOCAP_DATA")
    if not folder:
        pytest.skip("needs real recordings: set MOCAP_DATA to the folder that holds them")
    assert Path(folder).is_dir(), f"MOCAP_DATA names {folder}, which is no folder."
    return Path(folder)


@pytest.fixture
def as_installed() -> Iterator[None]:
    """Without the check of shapes against annotations, as users have it: mocap's own errors speak."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser. Where CI is set it must be there."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    return _required(found and Path(found), "Chromium: install the system's package `chromium`")


@pytest.fixture(scope="session")
def build_hook() -> ModuleType:
    """web/build_hook.py as a module."""
    spec = importlib.util.spec_from_file_location("build_hook", ROOT / "web" / "build_hook.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def node(build_hook: ModuleType) -> Path:
    """Node's executable, for the tools in web/node_modules. Where CI is set it must be there."""
    found = build_hook.find_node()
    return _required(found and found.node, f"Node 20.19 or newer: install it, or `pip install {build_hook.NODE_PACKAGE}`")


def _required(found: Path | None, what: str) -> Path:
    if found:
        return found
    if os.environ.get("CI"):
        pytest.fail(f"needs {what}")
    pytest.skip(f"needs {what}")
