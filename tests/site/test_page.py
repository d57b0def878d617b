"""The built page in Chromium, offline below a subpath; `make site` first, else skipped.

It is one scene, because each start of Python in the page costs seconds: a camera moves the avatar,
a take is recorded, the browser and the host are killed, and the take is found and baked as
natively.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Page, Playwright, sync_playwright

import mocap
from mocap.formats.fbx import binary
from tests.helpers import fbx_scenes
from tests.helpers.browser import FLAGS, drop, film, until
from tests.helpers.places import DEMO, MANNEQUIN
from tests.helpers.site import FOLDER, hosted

pytestmark = pytest.mark.skipif(
    not (FOLDER / "sw.js").exists() or not shutil.which("chromium"),
    reason="needs `make site` and Chromium",
)
START = 240.0  # seconds that a busy machine may need to start Python in the page


def opened(playwright: Playwright, profile: Path, camera: Path) -> BrowserContext:
    return playwright.chromium.launch_persistent_context(
        profile,
        executable_path=shutil.which("chromium"),
        accept_downloads=True,
        args=[
            *FLAGS,
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-video-capture={camera}",
        ],
    )


def ready(page: Page, address: str) -> None:
    page.goto(address)
    until(page, "document.body.dataset.solver === 'ready'", START)


def exported(page: Page, kind: str, to: Path) -> Path:
    page.select_option('#takes select[aria-label="File format"]', kind)
    with page.expect_download(timeout=1e3 * START) as download:
        page.click('#takes .opened button:has-text("Export")')
    path = to / f"take.{kind}"
    download.value.save_as(path)
    return path


def killed(profile: Path) -> None:
    """Kill the browser of a profile, as a crash would."""
    found = subprocess.run(["pgrep", "-of", str(profile)], capture_output=True, check=True)
    os.kill(int(found.stdout), signal.SIGKILL)


def test_a_take_survives_browser_and_host_and_bakes_as_natively(tmp_path: Path) -> None:
    profile, camera = tmp_path / "profile", film(DEMO, tmp_path)
    with sync_playwright() as playwright:
        with hosted() as host:
            page = opened(playwright, profile, camera).pages[0]
            page.goto(host.address)
            until(page, "window.mocap?.stats().state === 'playing'", START)  # the sample motion
            ready(page, host.address)
            until(page, "document.body.dataset.offline === 'ready'", START)
            asked = len(host.asked)
            page.click('[data-source="camera"]')
            until(page, "window.mocap.stats().state === 'live'", START)
            before = page.evaluate("window.mocap.bonePositions().leftHand")
            until(page, "window.mocap.frame() >= 3", START)
            page.click('[data-key="t"]')
            page.check("#takes input[type=checkbox]")  # keeps the pictures too
            page.click('[data-key="r"]')
            until(page, "document.querySelector('[data-key=r]').innerText !== 'Record'", START)
            recorded_from = page.evaluate("window.mocap.frame()")
            until(page, f"window.mocap.frame() >= {recorded_from + 6}", START)
            page.wait_for_timeout(1000)
            assert page.evaluate("window.mocap.bonePositions().leftHand") != before
            # The service worker looks for a new version; nothing else is asked, nothing is sent.
            assert {line.split("?")[0].rsplit("/", 2)[-2] for line in host.asked[asked:]} <= {
                "sw.js HTTP"
            }
            assert all(line.startswith("GET ") for line in host.asked)
            address = host.address
            killed(profile)
        context = opened(playwright, profile, camera)
        page = context.pages[0]
        ready(page, address)
        assert page.evaluate("document.body.dataset.resumed === ''")  # from the image
        page.click('[data-key="t"]')
        until(page, "document.querySelector('#takes li button.name') !== null", START)
        page.click("#takes li button.name")
        until(page, "document.querySelector('#takes .opened:not([hidden])') !== null", START)
        until(page, "document.body.hasAttribute('data-pictures')", START)
        until(page, "!document.querySelector('#picture').hasAttribute('data-empty')", START)
        keypoints = mocap.read_keypoints(exported(page, "json", tmp_path))
        moved = mocap.load_motion(exported(page, "bvh", tmp_path))
        assert len(keypoints) >= 4
        native = mocap.solve_take(keypoints)
        native_file = tmp_path / "native.bvh"
        mocap.save(native_file, native)
        wanted = mocap.load_motion(native_file)
        assert moved.skeleton.names == wanted.skeleton.names
        sign = np.sign(np.sum(moved.rotations * wanted.rotations, axis=-1, keepdims=True))
        np.testing.assert_allclose(sign * moved.rotations, wanted.rotations, atol=1e-5)
        np.testing.assert_allclose(moved.root_positions, wanted.root_positions, atol=1e-5)
        begins = {"glb": b"glTF", "vrma": b"glTF", "fbx": b"Kaydara", "csv": b"time",
                  "mot": b"mocap", "trc": b"PathFileType"}  # fmt: skip
        for kind, magic in begins.items():
            assert exported(page, kind, tmp_path).read_bytes().startswith(magic)
        hero = binary.dumps(fbx_scenes.character(np.random.default_rng(1)))
        for name, data in (("a.vrm", MANNEQUIN.read_bytes()), ("b.glb", MANNEQUIN.read_bytes()),
                           ("c.fbx", hero)):  # fmt: skip
            drop(page, name, data)
            until(page, f"document.querySelector('#avatar').innerText.includes('{name}')", START)
        assert b"SubDeformer" in exported(page, "fbx", tmp_path).read_bytes()
        page.select_option('#takes select[aria-label="Grade"]', "both")
        until(page, "Object.keys(window.mocap.guests()).length === 1", START)
        page.click('#takes button:has-text("Back to live")')
        for key in "kun":  # calibrate, tune, person
            assert page.is_visible(f'[data-key="{key}"]')
        context.close()
