"""The page that needs no install: its start, its solver beside the native one, its size.

The built site (`make site`, built here if it is not there) on a local host, in headless Chromium,
which draws with the processor. Start: cold with an empty profile, warm with the profile of the
visit before, and once more: the browser keeps the machine code of a visit that stays for a while.
Solver: the frames of one motion, one at a time, by the worker and by Python here. A
browser without a graphics card draws by the processor, and takes the solver's time: so the worker
is measured while the page draws, and while it draws nothing. Bake: the same frames as a keypoints
file, to a BVH, while nothing is drawn. First visit: what is fetched until the camera
moves the avatar, each file compressed by gzip as hosts do.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from playwright.sync_api import BrowserContext, Page, Playwright, sync_playwright

import mocap
from mocap.core.keypoints import Keypoints
from mocap.core.skeleton import HUMANOID
from mocap.page.boot import Page as NativePage
from mocap.solve.face import EXPRESSIONS
from mocap.stream import protocol
from tests.helpers.browser import FLAGS, film, until
from tests.helpers.places import DEMO, WEB, script
from tests.helpers.site import FOLDER, hosted
from tests.helpers.synthetic import keypoints_of, smooth_motion

from .table import Table

_SIZE = (1280, 720)
_START = 300.0  # seconds
_STAY = 20.0  # seconds, until the browser has kept the machine code of WebAssembly
_CAMERA = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]


def tables(quick: bool = False) -> Iterator[Table]:
    """Yield the tables."""
    if not (FOLDER / "sw.js").exists():
        print("building the site …", file=sys.stderr)
        script(WEB / "site" / "build.py").main(FOLDER)
    motion = smooth_motion(np.random.default_rng(7), 2.0 if quick else 10.0, 30.0)
    keypoints = keypoints_of(motion, _SIZE)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        starts, fetched, (drawing, solver), bake = _visits(playwright, folder, keypoints)
    yield Table(
        "Start of the page that needs no install, seconds",
        ("visit", "avatar moves (sample)", "solver ready", "avatar follows the camera"),
        tuple(starts),
        "",
        "From the navigation; the camera is clicked when the solver is ready.",
    )
    native, native_bake = _native(keypoints)
    yield Table(
        f"Solver of the page, {len(keypoints)} frames of the body",
        ("where", "median ms a frame", "95 % ms", "bake s", "bake ratio"),
        (
            ("page, which draws by the processor", *_middle(drawing), None, None),
            ("page, nothing drawn", *_middle(solver), bake, bake / native_bake),
            ("native", *_middle(native), native_bake, 1.0),
        ),
        "native",
    )
    sizes = [(name, len(gzip.compress((FOLDER / name).read_bytes()))) for name in fetched]
    solver_size = sum(size for name, size in sizes if name.startswith("python/"))
    total = sum(size for _, size in sizes)
    yield Table(
        "First visit until the camera moves the avatar, MB (gzip)",
        ("part", "MB"),
        (("solver", solver_size / 1e6), ("viewer and detector", (total - solver_size) / 1e6),
         ("all", total / 1e6)),
        "",
        "SciPy, 13.8 MB, comes later, before the first bake.",
    )  # fmt: skip


def _middle(milliseconds: list[float]) -> tuple[float, float]:
    later = np.array(milliseconds[5:])  # the first frames load and measure
    return float(np.median(later)), float(np.percentile(later, 95))


def _visits(
    playwright: Playwright, folder: Path, keypoints: Keypoints
) -> tuple[
    list[tuple[str, float, float, float]], list[str], tuple[list[float], list[float]], float
]:
    """Visit the page three times.

    Returns:
        A row for each start; the files of the first visit; milliseconds of each frame while the
        page draws and while it draws nothing; seconds of a bake.
    """
    camera, profile = film(DEMO, folder), folder / "profile"
    take = folder / "take.json"
    mocap.save(take, keypoints)
    rows, fetched = [], []
    with hosted() as host:
        for visit in ("cold", "warm", "third"):
            context = _opened(playwright, profile, camera)
            page = context.pages[0]
            rows.append((visit, *_started(page, host.address)))
            if visit == "cold":
                fetched = _files(host.asked)
                until(page, "document.body.dataset.offline === 'ready'", _START)
            if visit != "third":
                page.wait_for_timeout(1e3 * _STAY)
                context.close()
        page.click('[data-source="camera"]')  # off
        drawing = _fed(page, _messages(keypoints))
        page.evaluate("window.requestAnimationFrame = () => 0")
        solver = _fed(page, _messages(keypoints, 2e5))
        seconds = [_converted(page, take) for _ in range(2)]  # the first one loads SciPy
        context.close()
    return rows, fetched, (drawing, solver), seconds[-1]


def _opened(playwright: Playwright, profile: Path, camera: Path) -> BrowserContext:
    flags = [*FLAGS, *_CAMERA, f"--use-file-for-fake-video-capture={camera}"]
    return playwright.chromium.launch_persistent_context(
        profile, executable_path=shutil.which("chromium"), args=flags
    )


def _started(page: Page, address: str) -> tuple[float, float, float]:
    begun = time.monotonic()
    page.goto(address)
    until(page, "window.mocap?.stats().state === 'playing'", _START)
    moves = time.monotonic() - begun
    until(page, "document.body.dataset.solver === 'ready'", _START)
    ready = time.monotonic() - begun
    # Playwright's own click waits first until the button stands still for two pictures.
    box = page.locator('[data-source="camera"]').bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    until(page, "window.mocap.stats().state === 'live'", _START)
    return moves, ready, time.monotonic() - begun


def _files(asked: list[str]) -> list[str]:
    """The site's files that were asked for before the service worker took everything."""
    paths = [re.split(r"[ ?]", line)[1].split("/some/where/")[-1] for line in asked]
    names = [path or "index.html" for path in paths]
    if "sw.js" in names:  # what it keeps for later is not waited for, but for the detector
        rest = [n for n in names[names.index("sw.js") :] if "vision" in n or n.endswith(".task")]
        names = names[: names.index("sw.js")] + rest
    return sorted({name for name in names if (FOLDER / name).is_file()})


def _fed(page: Page, messages: list[bytes]) -> list[float]:
    """Milliseconds that the worker needs for each frame."""
    frames = [base64.b64encode(data).decode() for data in messages]
    took: list[float] = page.evaluate(f"window.mocapSite.feed({json.dumps(frames)})")
    return took


def _messages(keypoints: Keypoints, base: float = 1e5) -> list[bytes]:
    """The frames as messages; `base`, seconds, is later than the camera's times."""
    return [
        protocol.encode(
            protocol.KeypointsMessage(
                protocol.FrameHeader(i, base + float(keypoints.times[i]), 0.0),
                keypoints.image[i] / _SIZE,
                keypoints.positions[i],
                keypoints.confidence[i],
            )
        )
        for i in range(len(keypoints))
    ]


def _converted(page: Page, take: Path) -> float:
    """Seconds that the page needs from a keypoints file to a BVH."""
    if page.evaluate("document.querySelector('#converter').hidden"):
        page.click('#sources button:has-text("Convert a motion")')
    page.evaluate("document.querySelector('#converter a.save')?.remove()")
    with page.expect_file_chooser() as chooser:
        page.click('#converter button:has-text("Choose a file")')
    begun = time.monotonic()
    chooser.value.set_files(take)
    until(page, "document.querySelector('#converter a.save') !== null", _START)
    return time.monotonic() - begun


def _native(keypoints: Keypoints) -> tuple[list[float], float]:
    """(ms of each live frame, seconds of a bake and its BVH) here."""
    shown = protocol.SourceInfo("browser", "camera", *_SIZE)
    hello = protocol.hello(HUMANOID, tuple(EXPRESSIONS), "rigs/mannequin.vrm", shown)
    took = []
    with tempfile.TemporaryDirectory() as folder:
        page = NativePage(protocol.encode_text(hello), folder, lambda m: None, lambda t: None)
        for data in _messages(keypoints):
            begun = time.perf_counter()
            page.binary(data)
            took.append(1e3 * (time.perf_counter() - begun))
        take = Path(folder) / "take.json"
        mocap.save(take, keypoints)
        data = take.read_bytes()
        seconds = []
        for _ in range(2):
            begun = time.monotonic()
            page.convert("take.json", data, ".bvh", None)
            seconds.append(time.monotonic() - begun)
    return took, seconds[-1]
