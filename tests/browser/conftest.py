"""A browser for the tests of the page, and pages that they open."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from mocap import assets
from tests.helpers.browser import FLAGS, Open
from tests.helpers.page_host import SharedPage, shared_page


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    """Start Chromium for one file of tests.

    Playwright keeps an event loop running in this thread, where tests of other files need their
    own, so the browser does not stay for the whole session.
    """
    if not (assets.ROOT / "viewer" / "index.html").is_file():
        pytest.fail("The viewer is not built: run `make assets`.")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=str(chromium), args=FLAGS)
        _wait_for_webgl(running)
        yield running
        running.close()


def _wait_for_webgl(browser: Browser, seconds: float = 60.0) -> None:
    """Wait for Chromium's graphics process; on a busy machine it starts after the first page."""
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        page = browser.new_page()
        found = page.evaluate("!!document.createElement('canvas').getContext('webgl2')")
        page.close()
        if found:
            return
        time.sleep(0.5)
    pytest.fail(f"Chromium has had no WebGL for {seconds:.0f} s.")


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Open pages; at the end none may have logged an error that the test does not expect."""
    with _opening(browser) as open_:
        yield open_


@pytest.fixture(scope="module")
def open_shared(browser: Browser) -> Iterator[Open]:
    """Open pages that several tests share: loading a page costs more than most tests."""
    with _opening(browser) as open_:
        yield open_


@pytest.fixture(scope="module")
def camera_page(open_shared: Open) -> Iterator[SharedPage]:
    """Return the page of a host with a camera, for one file's tests; `reset` it for each."""
    with shared_page(open_shared) as shared:
        yield shared


@contextmanager
def _opening(browser: Browser) -> Iterator[Open]:
    complaints: list[str] = []
    expected: list[str] = []
    contexts = []

    def open_(
        url: str,
        width: int = 640,
        height: int = 480,
        before: str = "",
        expect: tuple[str, ...] = (),
    ) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        expected.extend(expect)
        page = context.new_page()
        page.on(
            "console",
            lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None,
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        if before:
            page.add_init_script(before)
        page.goto(url, wait_until="commit")
        return page

    yield open_
    for context in contexts:
        context.close()
    # The browser itself says that a server is gone, and the tests' servers go before their pages;
    # SwiftShader reports its own stalls.
    expected += ["WebSocket connection to", "GPU stall due to ReadPixels"]
    left = [c for c in complaints if not any(e in c for e in expected)]
    assert left == []
