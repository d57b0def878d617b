"""A page with three.js in headless Chromium, and the pictures that it draws.

It needs the development dependency playwright, a Chromium (found on the PATH, or in CHROMIUM), and
web/node_modules (`npm ci` in web/).
"""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy import ndarray
from playwright.sync_api import Browser, Page, Route

HERE = Path(__file__).parent
FLAGS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--hide-scrollbars",
]
# The host of the page's files; they are served without a socket, and nothing else is reachable.
_ORIGIN = "http://render.invalid"
_THREE = (HERE.parent / "web" / "node_modules" / "three").resolve()
_KINDS = {".html": "text/html", ".js": "text/javascript", ".glb": "model/gltf-binary"}


def chromium() -> str:
    """Return the browser's path.

    Raises:
        FileNotFoundError: No Chromium is installed.
    """
    for name in (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"):
        if name and (path := shutil.which(name)):
            return path
    raise FileNotFoundError(
        "No Chromium was found; install one (Debian: apt install chromium) or set CHROMIUM to its "
        "path."
    )


def open_page(
    browser: Browser, script: Path, files: Mapping[str, Path | bytes], query: str = ""
) -> Page:
    """Open page.html with a script of its own.

    Args:
        browser: A Chromium.
        script: A JavaScript module that sets `window.ready` to true, or to an error.
        files: The files that the page may load besides three.js, by name.
        query: The query of the page's address, such as "?draft".

    Returns:
        The page, ready.

    Raises:
        RuntimeError: The script could not load its files.
    """
    page = browser.new_page()
    page.set_default_timeout(120_000)
    served = {"page.html": HERE / "page.html", "main.js": script, **files}
    page.route("**/*", lambda route: _answer(route, served))
    page.goto(f"{_ORIGIN}/page.html{query}")
    page.wait_for_function("window.ready !== undefined")
    if (problem := page.evaluate("window.ready")) is not True:
        raise RuntimeError(f"The page could not load its files: {problem}")
    return page


def decoded(url: str) -> ndarray:
    """Return the picture in a data URL.

    Args:
        url: A base64 data URL of a PNG or JPEG.

    Returns:
        (height, width, 3) RGB, uint8.
    """
    data = np.frombuffer(base64.b64decode(url.split(",", 1)[1]), dtype=np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))


def _answer(route: Route, served: Mapping[str, Path | bytes]) -> None:
    """Serve three.js and the page's files; refuse everything else."""
    if not route.request.url.startswith(f"{_ORIGIN}/"):
        return route.fulfill(status=404)
    name = route.request.url.removeprefix(f"{_ORIGIN}/").split("?")[0]
    file = served.get(name)
    if name.startswith("three/"):
        file = (_THREE / name.removeprefix("three/")).resolve()
        file = file if _THREE in file.parents else None
    kind = _KINDS.get(Path(name).suffix, "application/octet-stream")
    if isinstance(file, bytes):
        return route.fulfill(body=file, content_type=kind)
    if file is not None and file.is_file():
        return route.fulfill(path=file, content_type=kind)
    return route.fulfill(status=404)
