"""The page of `mocap live` with a studio: avatars, smoothing, recordings; kill the server."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import imageio_ffmpeg
import numpy as np
import pytest
from playwright.sync_api import Page

from mocap import formats
from mocap.core.skeleton import HUMANOID
from mocap.formats.fbx.binary import dumps
from mocap.rig import mapfile
from mocap.stream import protocol
from mocap.studio.pictures import read_index
from mocap.studio.takes import TakesFolder
from tests.helpers import fbx_scenes
from tests.helpers.browser import Open, drawn, drop, settled, until
from tests.helpers.places import DEMO, MANNEQUIN
from tests.helpers.stream_clients import played, viewer
from tests.helpers.studio_page import ready


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the demo clip at 10 frames a second, which leaves processor time for the page."""
    path = tmp_path_factory.mktemp("film") / "demo.mp4"
    slower = ["-vf", "fps=10,scale=320:-2", "-loglevel", "error"]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(DEMO), *slower, path], check=True)
    return path


@contextmanager
def serving(film: Path, takes: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run `mocap live` with a film and a folder of takes; yield its address and the process."""
    arguments = ["mocap", "live", "--video", str(film), "--no-open", "--port", "0"]
    arguments += ["--model", "lite", "--no-hands", "--no-face", "--takes", str(takes)]
    program = f"import sys; from mocap.cli.main import main; sys.argv = {arguments}; main()"
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield next(line.strip() for line in process.stdout if line.startswith("http")), process
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


@dataclass(frozen=True, slots=True)
class Served:
    """A running `mocap live`."""

    url: str
    process: subprocess.Popen[str]
    takes: Path


@pytest.fixture(scope="module")
def served(film: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that the tests share; the last one ends it."""
    takes = tmp_path_factory.mktemp("takes")
    with serving(film, takes) as (url, process):
        yield Served(url, process, takes)


@pytest.fixture
def url(served: Served) -> str:
    return served.url


def test_a_dropped_character_is_shown_and_a_wrong_file_is_refused(
    open_page: Open, url: str
) -> None:
    page = open_page(url, 700, 480, expect=("more than 4 skinning weights",))
    ready(page)
    drawn(page, 0)
    drop(page, "notes.txt", b"nothing")
    said = "document.querySelector('#messages').textContent"
    until(page, f"{said}.includes('drop a .glb, a .vrm or an .fbx')")
    drop(page, "broken.glb", b"glTF but not whole")
    until(page, "document.querySelector('#messages').textContent.includes('broken.glb')")
    assert page.evaluate("Object.keys(window.mocap.bonePositions()).length") == 55, (
        "the avatar before stays"
    )
    fbx = fbx_scenes.character(np.random.default_rng(1))
    drop(page, "hero.fbx", dumps(fbx))
    until(page, "document.querySelector('#avatar')?.textContent.includes('hero.fbx55 of 55 bones')")
    drop(page, "hero.vrm", (MANNEQUIN).read_bytes())
    until(page, "document.querySelector('#avatar')?.textContent.includes('hero.vrm55 of 55 bones')")
    frame = page.evaluate("window.mocap.frame()")
    drawn(page, frame + 2)
    # A bone taken away by hand is one fewer; its row stays, and marks the bone while it has one.
    avatar = "document.querySelector('#avatar')?.textContent"
    page.click("#avatar summary")
    page.click("#avatar [data-bone=leftToes]")
    until(page, "window.mocap.marked() !== null")
    toes = "window.mocap.bonePositions().leftToes"
    marked = f"Math.hypot(...{toes}.map((x, i) => x - window.mocap.marked()[i]))"
    until(page, f"{marked} < 0.05")
    assert_fits_a_phone(page)
    page.click("#avatar .search button:has-text('No node')")
    until(page, f"{avatar}.includes('54 of 55 bones mapped')")
    until(page, "Object.keys(window.mocap.bonePositions()).length === 54")
    assert page.locator("#avatar .bone").count() == 55
    # Its node is found by words, in full.
    page.fill("#avatar .search input", "toes LEFT")
    found = page.locator("#avatar .search .node:not(.none)")
    assert [name.lower() for name in found.all_inner_texts()] == ["lefttoes"]
    # Left and right are exchanged in one action: the missing node is the other side's now.
    page.click("#avatar button:has-text('Swap left and right')")
    until(page, "window.mocap.bonePositions().leftToes && !window.mocap.bonePositions().rightToes")
    # A film is drawn frame by frame, twice a second at the least.
    with page.expect_download(timeout=120_000) as download:
        page.click("#avatar button:has-text('Save map')")
    assert download.value.suggested_filename == "hero.map.json"
    saved = json.loads(Path(download.value.path()).read_text())
    assert list(saved) == list(HUMANOID.names)
    assert saved["rightToes"] is None
    assert saved["leftToes"] == "rightToes"
    given = mapfile.read(Path(download.value.path()))
    assert given == {bone: node for bone, node in saved.items() if node is not None}
    # A reload keeps the avatar and its map; the same file brings its map along.
    page.reload()
    ready(page)
    until(page, "Object.keys(window.mocap.bonePositions()).length === 54")
    until(page, "!window.mocap.bonePositions().rightToes")
    page.keyboard.press("v")
    page.click('#avatar button:has-text("mocap\'s avatar")')
    until(page, "Object.keys(window.mocap.bonePositions()).length === 55")
    page.click("#avatar li button:has-text('hero.vrm')")
    until(page, "!window.mocap.bonePositions().rightToes")


def assert_fits_a_phone(page: Page) -> None:
    """The open bone map sticks out nowhere, and its rows are large enough for a finger."""
    usual = page.viewport_size
    assert usual is not None
    page.set_viewport_size({"width": 390, "height": 844})
    settled(page)
    wrong = page.evaluate(
        """[...document.querySelectorAll('#avatar *')]
          .map((e) => [e, e.getBoundingClientRect()])
          .filter(([e, r]) => r.width && (r.left < -0.5 || r.right > 390.5 ||
            (e.matches('.bone, .search .node, input') && r.height < 43.9)))
          .map(([e]) => e.outerHTML.slice(0, 80))"""
    )
    assert wrong == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size(usual)


def test_any_viewer_sets_the_smoothing_and_it_is_remembered(open_page: Open, url: str) -> None:
    page = open_page(url, 640, 480)
    ready(page)
    page.keyboard.press("u")
    lag = "Number.parseInt(document.querySelector('#tune output').textContent)"
    until(page, f"{lag} > 0")
    usual = page.evaluate(lag)
    slider = page.locator("#tune input[type=range]")
    slider.focus()
    slider.press("End")  # the keyboard alone is enough
    until(page, f"{lag} > {2 * usual}")
    page.select_option("#tune select[aria-label='Hips']", "locked")
    # What was on its way is drawn first; from then on they stay.
    hips = "window.mocap.bonePositions().hips"
    until(page, f"Math.hypot({hips}[0], {hips}[2]) < 1e-3")
    for _ in range(3):
        drawn(page, page.evaluate("window.mocap.frame()") + 3)
        assert page.evaluate(f"Math.hypot({hips}[0], {hips}[2])") < 1e-3
    # What this page chose holds again when it comes back, after another viewer's choice too.
    played(asked(url, protocol.Tune(1.0, "auto", "free")))
    until(page, f"{lag} === {usual}")
    page.reload()
    ready(page)
    page.keyboard.press("u")
    until(page, f"{lag} > {2 * usual}")


async def asked(url: str, message: protocol.ClientText) -> None:
    """Send the text as another viewer."""
    port = urlsplit(url).port
    assert port
    async with viewer(port) as connection:
        await connection.recv()
        await connection.send(protocol.encode_text(message))
        await connection.recv()


def test_recordings_are_shared_and_sources_can_be_switched(open_page: Open, url: str) -> None:
    page, other = open_page(url, 700, 480), open_page(url, 320, 240)
    ready(page)
    ready(other)
    drawn(page, 0)
    # What one tab records, the other shows, and may stop.
    recording = "document.querySelector('[data-key=r]').getAttribute('aria-pressed') === '{}'"
    page.keyboard.press("r")
    until(other, recording.format("true"))
    until(other, "document.querySelector('[data-key=r] span').textContent >= '0:01'")
    other.keyboard.press("r")
    until(page, recording.format("false"))
    until(other, "document.querySelector('#messages').textContent.includes('frames')")
    other.close()
    pressed = "document.querySelector('#sources [aria-pressed=true]').dataset.source"
    assert page.evaluate(pressed) == "server"
    page.click("#sources [data-source=page]")
    until(page, f"{pressed} === 'page'")
    until(page, "document.querySelector('#messages').textContent.includes('/ingest')")
    until(page, "window.mocap.stats().state === 'waiting'")
    frame = page.evaluate("window.mocap.frame()")
    page.click("#sources [data-source=server]")
    until(page, f"{pressed} === 'server'")
    drawn(page, frame + 3)


def _recorded_seconds(take: Path) -> float:
    """Return the time from the first to the last whole frame of a recording."""
    frames = take.read_bytes().split(b"\n")[1:-1]
    times = [json.loads(line)["timestamp"] for line in frames]
    return times[-1] - times[0] if times else 0.0


def test_a_take_survives_its_server(open_page: Open, served: Served) -> None:
    """Last in this file: it kills the server, as a power cut would."""
    page = open_page(served.url, 400, 300, expect=("Failed to load resource",))
    ready(page)
    drawn(page, 0)
    before = set(served.takes.glob("*.jsonl"))
    page.keyboard.press("t")
    page.check("#takes input[type=checkbox]")
    page.keyboard.press("r")
    until(page, "document.querySelector('[data-key=r]').getAttribute('aria-pressed') === 'true'")
    until(page, "document.querySelector('[data-key=r] span').textContent >= '0:01'")
    [take] = set(served.takes.glob("*.jsonl")) - before
    latest = time.monotonic() + 60.0
    while _recorded_seconds(take) < 0.6:  # on a busy machine the source has few frames a second
        assert time.monotonic() < latest, "hardly anything is recorded"
        page.wait_for_timeout(100)
    served.process.kill()
    served.process.wait()
    # The page does not claim that a server which is gone still records.
    until(page, "document.querySelector('[data-key=r]').getAttribute('aria-pressed') === 'false'")
    keypoints = formats.load(take)
    assert keypoints.times[-1] - keypoints.times[0] > 0.5
    index = read_index(take.with_suffix(".mjpg"))
    assert set(np.round(index.times, 3)) >= set(np.round(keypoints.times[:-1], 3))
    assert [listed.problem for listed in TakesFolder(served.takes).takes()] == [None] * (
        len(before) + 1
    )
