"""Pictures of moving characters, by three.js in headless Chromium.

GLB or VRM files with their own animation, side by side. It needs what rigs/page.py needs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from numpy import ndarray
from playwright.sync_api import Page, sync_playwright

from rigs.page import FLAGS, HERE, chromium, decoded, open_page
from rigs.render import View


@dataclass(frozen=True)
class Character:
    """A GLB or VRM (`data`), whose last animation is played; `yaw`, the angle by which it is
    rotated to face +Z, radians; and its scale.
    """

    data: bytes
    yaw: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True)
class Shot:
    """A picture: each character's time in its animation, seconds, and its position, metres; the
    view; and the radius of the light.
    """

    times: Sequence[float]
    places: Sequence[tuple[float, float, float]]
    view: View
    light: float = 4.0


def shoot(characters: Sequence[Character], shots: Sequence[Shot]) -> Iterator[ndarray]:
    """Return an RGB image (height, width, 3) for each shot."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        try:
            files = {f"{i}.glb": c.data for i, c in enumerate(characters)}
            page = open_page(browser, HERE / "characters.js", files)
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
    return decoded(page.evaluate("order => window.draw(order)", order))
