"""Fixtures of all tests: checked array shapes, the command line, data, browser, Node."""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings
from jaxtyping import config

from tests.helpers import shapes
from tests.helpers.places import WEB, script

shapes.check_shapes()  # before any test imports mocap

# How long an example takes says nothing on a busy machine.
settings.register_profile("unhurried", settings.default, deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(autouse=True)
def checked_shapes() -> None:
    shapes.begin_test()


@pytest.fixture(scope="session")
def data() -> Path:
    """Return the folder of real recordings outside this repository, named by MOCAP_DATA."""
    folder = os.environ.get("MOCAP_DATA")
    if not folder:
        pytest.skip("needs real recordings: set MOCAP_DATA to the folder that holds them")
    assert Path(folder).is_dir(), f"MOCAP_DATA names {folder}, which is no folder."
    return Path(folder)


@pytest.fixture
def as_installed() -> Iterator[None]:
    """Switch off the check of shapes, as for users, so that mocap's own errors are raised."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """Run `mocap ARGUMENTS` in its own folder; return exit status, output and errors."""
    from mocap.cli import main as cli

    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mocap", *map(str, arguments)])
        with warnings.catch_warnings():
            warnings.simplefilter("default")  # pytest makes errors of them; the command prints them
            try:
                cli.main()
                status = 0
            except SystemExit as end:
                status = end.code if isinstance(end.code, int) else 0
        out, err = capsys.readouterr()
        return status, out, err

    return call


@pytest.fixture(scope="session")
def chromium() -> Path:
    """Start the browser; where CI is set it must be installed."""
    found = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    return _required(found and Path(found), "Chromium: install the system's package `chromium`")


@pytest.fixture(scope="session")
def firefox_program() -> Path:
    """Return the path of Firefox, which needs Xvfb for WebGL; where CI is set both must be
    installed.
    """
    found = next(filter(None, map(shutil.which, ("firefox-esr", "firefox"))), None)
    return _required(
        Path(found) if found and shutil.which("Xvfb") else None,
        "Firefox and Xvfb: install the system's packages `firefox-esr` and `xvfb`",
    )


@pytest.fixture(scope="session")
def build_hook() -> ModuleType:
    return script(WEB / "build_hook.py")


@pytest.fixture(scope="session")
def node(build_hook: ModuleType) -> Path:
    """Return Node's executable, with the tools in web/node_modules; required where CI is set."""
    found = build_hook.find_node()
    if found:
        build_hook.install(print)
    return _required(
        found and found.node,
        f"Node 20.19 or newer: install it, or `pip install {build_hook.NODE_PACKAGE}`",
    )


def _required(found: Path | None, what: str) -> Path:
    if found:
        return found
    if os.environ.get("CI"):
        pytest.fail(f"needs {what}")
    pytest.skip(f"needs {what}")
