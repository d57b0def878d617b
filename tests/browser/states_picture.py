"""Take pictures of every state of the live page and of the page that needs no install.

python -m tests.browser.states_picture FOLDER [live | site]

Each state is taken in 1280 × 720 and, as on a phone, in 390 × 844, light and dark. The demo clip
plays before the camera. For the site run `make site` first.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, Playwright, sync_playwright

from tests.helpers.browser import FLAGS, film, served, until
from tests.helpers.places import DEMO, MANNEQUIN
from tests.helpers.site import hosted

_SIZES = {"desktop": (1280, 720), "phone": (390, 844)}
_START = 300.0  # seconds
_CAMERA = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]

Shoot = Callable[[str], None]
"""Takes the pictures of a state of this name."""


def main(out: Path, pages: list[str]) -> None:
    """Write the pictures into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        camera = film(DEMO, Path(folder))
        for device in _SIZES:
            if "live" in pages:
                takes = str(Path(folder) / f"takes {device}")
                options = ("--no-hands", "--no-face", "--takes", takes)
                with served(*options) as url, _page(playwright, device, camera) as page:
                    _live(page, url, _shooting(page, out, f"live-{device}"))
            if "site" in pages:
                with hosted() as host, _page(playwright, device, camera) as page:
                    _site(page, host.address, _shooting(page, out, f"site-{device}"))


@contextmanager
def _page(playwright: Playwright, device: str, camera: Path) -> Iterator[Page]:
    browser = playwright.chromium.launch(
        executable_path=shutil.which("chromium"),
        args=[*FLAGS, *_CAMERA, f"--use-file-for-fake-video-capture={camera}"],
    )
    width, height = _SIZES[device]
    phone = device == "phone"
    context = browser.new_context(
        viewport={"width": width, "height": height}, is_mobile=phone, has_touch=phone
    )
    yield context.new_page()
    browser.close()


def _shooting(page: Page, out: Path, prefix: str) -> Shoot:
    def shoot(state: str) -> None:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.wait_for_timeout(400)
            page.screenshot(path=out / f"{prefix}-{state}-{scheme}.png")
        print(f"{prefix}-{state}", flush=True)

    return shoot


def _live(page: Page, url: str, shoot: Shoot) -> None:
    page.goto(url)
    until(page, "window.mocap?.stats().state === 'waiting'", _START)
    until(page, "document.body.dataset.stage === 'full'", _START)
    shoot("waiting")
    page.click("#controls [data-key=x]")
    shoot("vmc")
    page.click("#controls [data-key=x]")
    _with_camera(page, shoot)
    _with_take(page, shoot)


def _site(page: Page, address: str, shoot: Shoot) -> None:
    page.goto(address)
    until(page, "window.mocap?.stats().state === 'playing'", _START)
    shoot("loading")
    until(page, "document.body.dataset.solver === 'ready'", _START)
    shoot("sample")
    for name in ("About", "Convert a motion"):
        page.click(f'#sources button:has-text("{name}")')
        shoot(name.split()[0].lower())
        page.click(f'#sources button:has-text("{name}")')
    _with_camera(page, shoot)
    _with_take(page, shoot)


def _with_camera(page: Page, shoot: Shoot) -> None:
    page.click("#choose-camera")
    until(page, "document.querySelector('#camera video').videoWidth > 0")
    shoot("camera")
    page.click("#camera button:has-text('Use this camera')")
    until(page, "window.mocap.stats().state === 'live'", _START)
    page.wait_for_timeout(2000)
    shoot("live")
    _press(page, "u")
    shoot("tune")
    _press(page, "u")
    _press(page, "t")
    page.check("#takes input[type=checkbox]")  # keeps the pictures too
    _press(page, "t")
    _press(page, "r")
    page.wait_for_timeout(3000)
    shoot("recording")
    _press(page, "r")
    until(page, "document.querySelector('#takes li button.name') !== null", _START)


def _with_take(page: Page, shoot: Shoot) -> None:
    shoot("takes")
    page.click("#takes li button.name")
    until(page, "document.querySelector('#takes .progress, #takes progress') !== null")
    shoot("baking")
    until(page, "document.querySelector('#takes .opened:not([hidden])') !== null", _START)
    page.wait_for_timeout(500)
    shoot("take")
    page.click("#timeline button:has-text('Overlay')")
    page.wait_for_timeout(500)
    shoot("overlay")
    page.click("#timeline button:has-text('Overlay')")
    page.select_option("#takes select[aria-label=Grade]", "both")
    until(page, "Object.keys(window.mocap.guests()).length === 1", _START)
    page.wait_for_timeout(500)
    shoot("both")
    _press(page, "v")
    with page.expect_file_chooser() as chooser:
        page.click("#avatar button:has-text('Choose a file')")
    chooser.value.set_files(MANNEQUIN)
    until(page, "document.querySelector('#avatar').innerText.includes('bones mapped')", _START)
    shoot("avatar")
    page.click("#avatar summary")
    shoot("bones")
    page.click("#avatar [data-bone=leftToes]")
    shoot("bone")


def _press(page: Page, key: str) -> None:
    page.click(f'#controls [data-key="{key}"]')


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or ["live", "site"])
