"""The page over time: latency of the browser's own camera, and growth of a page that stays open.

Both in headless Chromium, which draws with the processor (SwiftShader) on the cores of the detector
and the server. Latency: `mocap live --browser` with the demo clip as the camera; the page's own
figures from the picture to the returned pose, and to the drawn pose. A second run has 3D switched
off, since drawing takes the processor's time: the pose is put on its bones in the next display
frame, without the time of a graphics card. Memory: 30 poses a second with the picture for ten
minutes; JavaScript's heap after garbage collection, and the server's resident memory.
"""

from __future__ import annotations

import itertools
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import imageio_ffmpeg
from playwright.sync_api import Browser, Page, sync_playwright

from tests.helpers.places import DEMO

from .table import Cell, Table

_FLAGS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--js-flags=--expose-gc",
]
_WARM_UP = 8.0  # seconds
_UNDRAWN = ["--disable-3d-apis"]
_CAMERA = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]


@contextmanager
def _served(*arguments: str) -> Iterator[tuple[str, int]]:
    """`mocap live` in a process: its address, and the process's number."""
    command = ["mocap", "live", *arguments, "--no-open", "--port", "0", "--model", "lite"]
    start = f"import sys; from mocap.cli.main import main; sys.argv = {command}; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", start], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    try:
        yield (
            next(line.strip() for line in process.stdout if line.startswith("http://")),
            process.pid,
        )
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


def _open(browser: Browser, url: str) -> Page:
    page = browser.new_page(viewport={"width": 320, "height": 240})
    page.goto(url)
    return page


def _until(page: Page, expression: str, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        if time.monotonic() > end:
            raise TimeoutError(
                f"The page has not come to {expression} in {seconds:.0f} s: "
                f"{page.evaluate('window.mocap?.stats()')}"
            )
        page.wait_for_timeout(100)


def latency(executable: str, seconds: float) -> Table:
    """The page's own camera: detector, and all of it, each half second's median."""
    rows: list[tuple[Cell, ...]] = []
    body, all_of_it = ("body", ("--no-hands", "--no-face")), ("body, hands and face", ())
    for (what, options), undrawn in itertools.product((body, all_of_it), (False, True)):
        with (
            tempfile.TemporaryDirectory() as folder,
            _served("--browser", *options) as (url, _),
            sync_playwright() as playwright,
        ):
            film = Path(folder) / "film.mjpeg"
            cut = [
                imageio_ffmpeg.get_ffmpeg_exe(),
                "-loglevel",
                "error",
                "-i",
                str(DEMO),
                "-vf",
                "scale=320:-2",
                "-f",
                "mjpeg",
                str(film),
            ]
            subprocess.run(cut, check=True)
            flags = [
                *_FLAGS,
                *_CAMERA,
                *(_UNDRAWN if undrawn else []),
                f"--use-file-for-fake-video-capture={film}",
            ]
            browser = playwright.chromium.launch(executable_path=executable, args=flags)
            page = _open(browser, url)
            _until(page, "document.querySelector('#sources')?.hidden === false")
            page.keyboard.press("c")
            _until(page, "window.mocap.stats().latency !== null")
            page.wait_for_timeout(1e3 * _WARM_UP)
            seen = []
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                page.wait_for_timeout(500)
                stats = page.evaluate("window.mocap.stats()")
                if (
                    stats["latency"] is not None
                    and stats["detector"] is not None
                    and stats["answered"] is not None
                ):
                    seen.append(
                        (1e3 * stats["latency"], stats["detector"], stats["answered"], stats["fps"])
                    )
            browser.close()
        whole, detector, answered, rate = (
            statistics.median(column) for column in zip(*seen, strict=True)
        )
        drawn = "left out" if undrawn else "by the processor"
        rows.append(
            (what, drawn, rate, detector, answered - detector, whole - detector, whole / detector)
        )
    columns = (
        "the camera sees",
        "3D",
        "poses a second",
        "detector, ms",
        "+ until the pose is back",
        "+ until it is drawn",
        "all ×",
    )
    return Table(
        "Latency of the browser's camera",
        columns,
        tuple(rows),
        "the detector in the browser",
        "Medians; model lite.",
    )


def memory(executable: str, minutes: int) -> Table:
    """Heap and server after each minute of a stream."""
    rows: list[tuple[Cell, ...]] = []
    with (
        _served("--video", str(DEMO), "--no-hands", "--no-face") as (url, pid),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=executable, args=_FLAGS)
        page = _open(browser, url)
        _until(page, "window.mocap?.stats().state === 'live'")
        tools = page.context.new_cdp_session(page)
        for minute in range(minutes + 1):
            if minute:
                page.wait_for_timeout(60e3)
            for _ in range(2):
                tools.send("HeapProfiler.collectGarbage")
            heap = tools.send("Runtime.getHeapUsage")["usedSize"] / 2**20
            nodes = tools.send("Memory.getDOMCounters")["nodes"]
            rows.append(
                (
                    f"{minute} min",
                    page.evaluate("window.mocap.frame()"),
                    heap,
                    nodes,
                    _resident(pid),
                )
            )
        browser.close()
    columns = ("after", "frame", "heap, MiB", "DOM nodes", "server, MiB")
    return Table(
        "A page that stays open",
        columns,
        tuple(rows),
        "",
        "The heap after garbage was collected; 320 × 240.",
    )


def _resident(pid: int) -> float | None:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return None
    return next(
        int(line.split()[1]) / 1024
        for line in status.read_text().splitlines()
        if line.startswith("VmRSS:")
    )


def tables(quick: bool = False) -> list[Table]:
    """Both, where there is a Chromium."""
    executable = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if executable is None:
        print("Without the page: there is no Chromium.", file=sys.stderr)
        return []
    return [latency(executable, 5.0 if quick else 30.0), memory(executable, 1 if quick else 10)]
