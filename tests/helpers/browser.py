"""Waiting for states of the page in a real browser, and a camera that plays a clip to it."""

from __future__ import annotations

import base64
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from playwright.sync_api import Browser, Page

from mocap.core.skeleton import HUMANOID

# WebGL drawn by the processor: what a machine without a graphics card has, and the same everywhere.
# The watchdog would end a drawing process that a busy machine keeps waiting for ten seconds.
FLAGS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-gpu-watchdog",
]

# The pictures that the browser asks the page for within two seconds.
_DRAWS = """() => new Promise((done) => {
  let count = 0;
  const next = () => { count++; requestAnimationFrame(next); };
  requestAnimationFrame(next);
  setTimeout(() => done(count), 2000);
})"""

Open = Callable[..., Page]


def until(page: Page, expression: str, seconds: float = 60.0) -> float:
    """Wait until the expression is true in the page; return the seconds it took.

    It polls in its own loop, because the page's policy forbids `eval`.
    """
    start = time.monotonic()
    while not page.evaluate(expression):
        took = time.monotonic() - start
        assert took < seconds, (
            f"not true after {took:.1f} s: {expression}; the page says "
            f"{page.evaluate('window.mocap?.stats()')}; pictures in 2 s: {page.evaluate(_DRAWS)}"
        )
        page.wait_for_timeout(50)
    return time.monotonic() - start


def drawn(page: Page, frame: int) -> None:
    """Wait until the frame is drawn."""
    until(page, f"window.mocap?.frame() >= {frame}")


def settled(page: Page) -> None:
    """Wait until the page's transitions have ended and what is drawn is shown."""
    until(page, "document.getAnimations().length === 0")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def moves(page: Page, least: float, seconds: float = 60.0) -> list[np.ndarray]:
    """Wait until a bone is so many metres from where it was; return the poses on the way.

    A performer may stand still for a while, and a busy machine draws few frames.
    """
    latest = time.monotonic() + seconds
    seen = [bones_in(page)]
    while np.linalg.norm(seen[-1] - seen[0], axis=-1).max() <= least:
        assert time.monotonic() < latest, f"the avatar has not moved by {least} m"
        drawn(page, page.evaluate("window.mocap.frame()") + 1)
        seen.append(bones_in(page))
    return seen


def drop(page: Page, name: str, data: bytes) -> None:
    """Drop a file on the page."""
    made = page.evaluate_handle(
        """([name, text]) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], name));
          return transfer;
        }""",
        [name, base64.b64encode(data).decode()],
    )
    page.dispatch_event("body", "drop", {"dataTransfer": made})


def bones_in(page: Page) -> np.ndarray:
    """Return the world positions (55, 3) of the avatar's bones in three.js, in HUMANOID's order."""
    places = page.evaluate("window.mocap.bonePositions()")
    assert set(places) == set(HUMANOID.names)
    return np.array([places[name] for name in HUMANOID.names])


_ARGUMENTS = ["mocap", "live", "--browser", "--no-open", "--port", "0", "--model", "lite"]


@contextmanager
def served(*more: str, scheme: str = "http://") -> Iterator[str]:
    """Return the address of that scheme that `mocap live` prints."""
    start = (
        f"import sys; from mocap.cli.main import main; sys.argv = {[*_ARGUMENTS, *more]}; main()"
    )
    process = subprocess.Popen([sys.executable, "-c", start], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield next(line.strip() for line in process.stdout if line.startswith(scheme))
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


def film(clip: Path, folder: Path, shown: str = "scale=320:-2") -> Path:
    """Convert a clip through FFmpeg's filters to the format that Chromium's fake camera plays."""
    made = folder / f"{clip.stem}.mjpeg"
    ffmpeg = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-loglevel",
        "error",
        "-i",
        str(clip),
        "-vf",
        shown,
        "-q:v",  # the default rate blurs small people
        "3",
        "-f",
        "mjpeg",
        str(made),
    ]
    subprocess.run(ffmpeg, check=True)
    return made


@contextmanager
def filming(
    browser: Browser, clip: Path, folder: Path, shown: str = "scale=320:-2"
) -> Iterator[Browser]:
    """Start a browser whose camera shows a clip, through FFmpeg's filters."""
    made = film(clip, folder, shown)
    flags = [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={made}",
    ]
    running = browser.browser_type.launch(
        executable_path=_executable(browser), args=[*FLAGS, *flags]
    )
    try:
        yield running
    finally:
        running.close()


def _executable(browser: Browser) -> str:
    import shutil

    return next(
        path
        for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
        if path
    )
