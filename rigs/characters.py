"""Pictures of moving characters, by three.js in headless Chromium.

GLB or VRM files with their own animation, side by side. Needs what rigs/render.py needs.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy import ndarray
from playwright.sync_api import Page, Route, sync_playwright

from rigs.render import FLAGS, HERE, View, chromium

_ORIGIN = "http://render.invalid"
_THREE = (HERE.parent / "web" / "node_modules" / "three").resolve()


@dataclass(frozen=True)
class Character:
    """data: a GLB or VRM, of which the last animation is played. yaw: radians by which it is turned
    to face +Z. scale: its size.
    """

    data: bytes
    yaw: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True)
class Shot:
    """A picture: each character's time in its animation, in seconds, and its place, metres; the
    view; how far the light reaches.
    """

    times: Sequence[float]
    places: Sequence[tuple[float, float, float]]
    view: View
    light: float = 4.0


def shoot(characters: Sequence[Character], shots: Sequence[Shot]) -> Iterator[ndarray]:
    """RGB images (height, width, 3), one a shot."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        try:
            page = browser.new_page()
            page.set_default_timeout(120_000)
            page.route("**/*", lambda route: _answer(route, characters))
            page.goto(f"{_ORIGIN}/characters.html")
            page.wait_for_function("window.ready")
            cast = [
                {"url": f"./{i}.glb", "yaw": c.yaw, "scale": c.scale}
                for i, c in enumerate(characters)
            ]
            page.evaluate("cast => window.load(cast)", cast)
            for shot in shots:
                yield _drawn(page, shot)
        finally:
            browser.close()


def _drawn(page: Page, shot: Shot) -> ndarray:
    view = shot.view
    order = {
        "times": list(shot.times), "places": list(shot.places), "light": shot.light,
        "position": view.position, "target": view.target, "fov": math.degrees(view.fov),
        "size": view.size,
    }  # fmt: skip
    url = page.evaluate("order => window.draw(order)", order)
    image = cv2.imdecode(
        np.frombuffer(base64.b64decode(url.split(",", 1)[1]), dtype=np.uint8), cv2.IMREAD_COLOR
    )
    assert image is not None
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))


def _answer(route: Route, characters: Sequence[Character]) -> None:
    """Files of the page: three.js, the characters and the page itself; nothing else."""
    path = route.request.url.removeprefix(_ORIGIN).lstrip("/").split("?")[0]
    if path == "characters.html":
        route.fulfill(path=HERE / path, content_type="text/html")
    elif path.removesuffix(".glb").isdigit() and int(path.removesuffix(".glb")) < len(characters):
        route.fulfill(
            body=characters[int(path.removesuffix(".glb"))].data, content_type="model/gltf-binary"
        )
    elif (
        path.startswith("three/")
        and _THREE in (file := (_THREE / path.removeprefix("three/")).resolve()).parents
        and file.is_file()
    ):
        route.fulfill(path=file, content_type="text/javascript")
    else:
        route.fulfill(status=404, body=Path(path).name)
