"""The page's own camera in a real browser: allowed, the avatar follows what it sees; refused, the page says so."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from mocap.skeleton import HUMANOID
from tests.browser.conftest import FLAGS, Open, drawn, until

DEMO = Path(__file__).parents[2] / "rigs" / "demo.mp4"
_ARGUMENTS = ["mocap", "live", "--browser", "--no-open", "--port", "0", "--model", "lite"]
_START = f"import sys; from mocap.cli import main; sys.argv = {_ARGUMENTS}; main()"
# What the detector's C++ says in the browser, and the browser's own word for a refusal.
_SAID = ("TensorFlow Lite", ".cc:", "Graph ")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    process = subprocess.Popen([sys.executable, "-c", _START], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield next(line.strip() for line in process.stdout if line.startswith("http"))
    process.kill()
    process.stdout.close()
    process.wait()


@pytest.fixture(scope="module")
def filmed(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser before whose camera the demo clip plays."""
    film = tmp_path_factory.mktemp("film") / "demo.mjpeg"
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", str(DEMO), "-vf", "scale=320:-2", "-f", "mjpeg", str(film)]
    subprocess.run(ffmpeg, check=True)
    flags = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={film}"]
    running = browser.browser_type.launch(executable_path=_executable(browser), args=[*FLAGS, *flags])
    yield running
    running.close()


def _executable(browser: Browser) -> str:
    import shutil

    return next(path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path)


def places(page: Page) -> np.ndarray:
    found = page.evaluate("window.mocap.bonePositions()")
    return np.array([found[name] for name in HUMANOID.names])


def test_the_avatar_follows_the_pages_own_camera(filmed: Browser, url: str) -> None:
    page = filmed.new_page(viewport={"width": 320, "height": 240})
    complaints: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(url, wait_until="commit")
    until(page, "document.querySelector('[data-key=c]')?.hidden === false")
    page.keyboard.press("c")
    drawn(page, 0)
    seen = []
    for _ in range(3):
        drawn(page, page.evaluate("window.mocap.frame()") + 2)
        seen.append(places(page))
    hips, head = HUMANOID.index("hips"), HUMANOID.index("head")
    for at in seen:
        assert 0.6 < at[hips, 1] < 1.3
        assert at[head, 1] > at[hips, 1] + 0.3, "who stands before the camera stands on the stage"
    assert np.linalg.norm(seen[-1] - seen[0], axis=-1).max() > 0.05, "and moves"
    assert page.evaluate("window.mocap.stats().detector") > 0
    assert page.evaluate("document.querySelector('#messages').textContent") == ""
    # A second press lets the camera go.
    page.keyboard.press("c")
    assert page.evaluate("document.querySelector('[data-key=c]').getAttribute('aria-pressed')") == "false"
    page.close()
    assert [c for c in complaints if not any(s in c for s in (*_SAID, "GPU stall"))] == []


def test_a_camera_that_is_refused_is_a_sentence_on_the_page(open_page: Open, url: str) -> None:
    refuse = "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', '{}'))"
    said = {"NotAllowedError": "allow it in the address bar", "NotFoundError": "connect one", "NotReadableError": "close that"}
    for name, sentence in said.items():
        page = open_page(url, 320, 240, before=refuse.format(name))
        until(page, "document.querySelector('[data-key=c]')?.hidden === false")
        page.keyboard.press("c")
        until(page, f"document.querySelector('#messages').textContent.includes('{sentence}')")
        assert page.evaluate("document.querySelector('[data-key=c]').getAttribute('aria-pressed')") == "false"
