"""The page's own camera: if allowed, the avatar follows it; if refused, the page says so."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from mocap import formats
from mocap.core.skeleton import HUMANOID
from mocap.errors import DeviceError
from mocap.stream import lan, protocol
from mocap.studio.pictures import read_index
from tests.helpers.browser import Open, bones_in, drawn, filming, moves, served, until
from tests.helpers.places import DEMO
from tests.helpers.stream_clients import viewer
from tests.helpers.synthetic import keypoints_of, smooth_motion

# The demo's clip far away: its person fills 0.7 of its height; the colour is its own background's.
_FAR = "scale=-2:116,pad=960:540:500:200:color=0x92A1B3"
# What the detector's C++ says in the browser, and the browser's own word for a refusal.
_SAID = ("TensorFlow Lite", ".cc:", "Graph ")


@pytest.fixture(scope="module")
def takes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("takes")


@pytest.fixture(scope="module")
def url(takes: Path) -> Iterator[str]:
    """Detect the body only: without a graphics card, hands and face take a second a frame."""
    with served("--no-hands", "--no-face", "--takes", str(takes)) as address:
        yield address


@pytest.fixture(scope="module")
def filmed(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with filming(browser, DEMO, tmp_path_factory.mktemp("film")) as running:
        yield running


def test_the_avatar_follows_the_pages_own_camera(
    browser: Browser, url: str, takes: Path, tmp_path: Path
) -> None:
    """The person is 15 % of the picture's height, so that only tiles of it show them."""
    with filming(browser, DEMO, tmp_path, _FAR) as running:
        page = running.new_page(viewport={"width": 320, "height": 240})
        assert_the_avatar_follows(page, url, takes)


def assert_the_avatar_follows(page: Page, url: str, takes: Path) -> None:
    complaints: list[str] = []
    page.on(
        "console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(url, wait_until="commit")
    until(page, "document.querySelector('#sources')?.hidden === false")
    page.keyboard.press("c")
    drawn(page, 0)
    moves(page, 0.05)  # the avatar rests until the person is found, in one of the first tiles
    hips, head = HUMANOID.index("hips"), HUMANOID.index("head")
    for at in moves(page, 0.05):
        # The clip's own are from 0.60, in its squat, to 1.10.
        assert 0.45 < at[hips, 1] < 1.3
        assert at[head, 1] > at[hips, 1] + 0.3, "who stands before the camera stands on the stage"
    assert page.evaluate("window.mocap.stats().detector") > 0
    assert page.evaluate("document.querySelector('#messages').textContent") == ""
    assert_keeps_pictures(page, takes)
    # A second press lets the camera go.
    page.keyboard.press("c")
    assert (
        page.evaluate("document.querySelector('[data-key=c]').getAttribute('aria-pressed')")
        == "false"
    )
    page.close()
    assert [c for c in complaints if not any(s in c for s in (*_SAID, "GPU stall"))] == []


def test_the_camera_is_followed_while_the_browser_shows_another_window(
    filmed: Browser, url: str
) -> None:
    """Behind another tab or a game browsers call back for no picture of a video."""
    page = filmed.new_page(viewport={"width": 320, "height": 240})
    page.add_init_script("HTMLVideoElement.prototype.requestVideoFrameCallback = () => 0")
    page.goto(url, wait_until="commit")
    until(page, "document.querySelector('#sources')?.hidden === false")
    page.keyboard.press("c")
    drawn(page, 0)
    moves(page, 0.05)
    page.close()


def assert_keeps_pictures(page: Page, takes: Path) -> None:
    """A take of the page's camera keeps its pictures where that is wanted."""
    page.keyboard.press("t")
    page.check("#takes input[type=checkbox]")
    page.keyboard.press("r")
    pictures = "*.mjpg"
    deadline = time.monotonic() + 60.0
    while sum(len(read_index(path).times) for path in takes.glob(pictures)) < 3:
        assert time.monotonic() < deadline, "no pictures came"
        page.wait_for_timeout(100)
    page.keyboard.press("r")
    until(page, "document.querySelector('#takes li')?.textContent.includes('picture')")
    [file] = takes.glob(pictures)
    # A slow machine may see no person in these few frames, which `read_keypoints` refuses.
    index, keypoints = read_index(file), formats.load(file.with_suffix(".jsonl"))
    # One clock. A slow machine's solver may leave out the frame of a picture.
    assert keypoints.times[0] - 1e-4 <= index.times[0]
    assert index.times[-1] <= keypoints.times[-1] + 1e-4
    assert set(np.round(index.times, 4)) & set(np.round(keypoints.times, 4))
    picture = cv2.imdecode(
        np.frombuffer(file.read_bytes()[: index.offsets[1]], np.uint8), cv2.IMREAD_COLOR
    )
    assert 64 <= max(picture.shape) <= 360
    page.keyboard.press("t")


def test_a_phone_on_the_same_network_provides_its_camera(filmed: Browser) -> None:
    try:
        lan.addresses()
    except DeviceError:
        pytest.skip("this machine is in no network")
    with served("--lan", "--no-hands", "--no-face", scheme="https://") as address:
        phone = filmed.new_context(
            viewport={"width": 390, "height": 844}, has_touch=True, ignore_https_errors=True
        )
        page = phone.new_page()
        page.goto(address, wait_until="commit")
        until(page, "document.querySelector('#sources')?.hidden === false")
        page.tap("#sources [data-source=camera]")
        drawn(page, 0)
        moves(page, 0.02)
        page.reload(wait_until="commit")
        until(page, "document.querySelector('#sources')?.hidden === false")
        phone.close()
        # The address is valid once; another browser with it is refused.
        other = filmed.new_context(ignore_https_errors=True)
        answer = other.new_page().goto(address)
        assert answer is not None
        assert answer.status == 403
        other.close()


def test_a_video_file_replaces_the_camera(open_page: Open, url: str) -> None:
    page = open_page(url, 320, 240, expect=(*_SAID, "GPU stall"))
    until(page, "document.querySelector('#sources')?.hidden === false")
    pressed = "document.querySelector('#sources [aria-pressed=true]').dataset.source"
    with page.expect_file_chooser() as chooser:
        page.click("#sources [data-source=file]")
    chooser.value.set_files(DEMO)
    until(page, f"{pressed} === 'file'")
    drawn(page, 0)
    until(page, "document.querySelector('#source').textContent === 'demo.mp4'")
    moves(page, 0.02)
    # This server was started without a camera of its own, and the machine has none: a sentence, and
    # pages lead on.
    page.click("#sources [data-source=server]")
    until(page, "document.querySelector('#messages').textContent.includes('There is no camera')")
    assert page.evaluate(pressed) == "page"


def test_one_of_two_people_before_the_camera_is_followed(browser: Browser, tmp_path: Path) -> None:
    """First the person on the right, chosen at the start; then the next one."""
    take = tmp_path / "take.jsonl"
    two = "split[a][b];[b]hflip[c];[a][c]hstack,scale=480:-2"

    def wait_for(right: bool) -> None:
        """Wait until the person seen last is on that side."""
        end = time.monotonic() + 90.0
        while True:
            across = formats.load(take).image[..., 0]
            seen = across[np.isfinite(across).all(axis=1)]
            if len(seen) and (seen[-1].mean() > 240) == right:
                return
            assert time.monotonic() < end, "the other person was not followed"
            page.wait_for_timeout(200)

    serve = served("--no-hands", "--no-face", "--person", "2", "--record", str(take))
    with serve as address, filming(browser, DEMO, tmp_path, two) as running:
        page = running.new_page(viewport={"width": 160, "height": 120})
        page.goto(address, wait_until="commit")
        until(page, "document.querySelector('#sources')?.hidden === false")
        page.keyboard.press("c")
        drawn(page, 3)
        wait_for(right=True)
        for right in (False, True):
            page.keyboard.press("n")
            wait_for(right)
        page.close()


@contextmanager
def another_camera(url: str) -> Iterator[None]:
    """Send keypoints of a moving person as a second page's camera, without a screen."""
    port, ended = urlsplit(url).port, threading.Event()
    assert port
    keypoints = keypoints_of(smooth_motion(np.random.default_rng(1), 20.0, 10.0), (640, 480))

    async def send() -> None:
        async with viewer(port) as connection:
            camera = {"type": "camera", "name": "another", "width": 640, "height": 480}
            await connection.send(json.dumps(camera))
            for i in itertools.cycle(range(len(keypoints))):
                now = time.monotonic()
                points = protocol.KeypointsMessage(
                    protocol.FrameHeader(0, now, now),
                    keypoints.image[i] / (640, 480),
                    keypoints.positions[i],
                    keypoints.confidence[i],
                )
                await connection.send(protocol.encode(points))
                if ended.is_set():
                    return
                await asyncio.sleep(0.1)

    thread = threading.Thread(target=lambda: asyncio.run(send()))
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_two_cameras_drive_two_avatars_in_one_scene(filmed: Browser, url: str) -> None:
    first = filmed.new_page(viewport={"width": 240, "height": 180})
    first.goto(url, wait_until="commit")
    until(first, "document.querySelector('#sources')?.hidden === false")
    first.keyboard.press("c")
    until(first, "window.mocap.stats().detector !== null")
    drawn(first, 0)
    with another_camera(url):
        assert_two_stand_apart(first)
    until(first, "window.mocap.guests()[1] === undefined")
    first.close()


def assert_two_stand_apart(first: Page) -> None:
    until(first, "window.mocap.guests()[1] !== undefined", 60.0)
    frame = first.evaluate("window.mocap.frame()")
    drawn(first, frame + 4)
    at, guest = bones_in(first), first.evaluate("window.mocap.guests()[1]")
    beside = np.array([guest[name] for name in HUMANOID.names])
    hips, head = HUMANOID.index("hips"), HUMANOID.index("head")
    assert beside[head, 1] > beside[hips, 1] + 0.3, (
        "who stands before the second camera stands there too"
    )
    assert np.linalg.norm((beside - at)[hips, [0, 2]]) > 0.5, "and not in the first one's place"


def test_the_pages_own_camera_sees_hands_and_face(
    browser: Browser, tmp_path: Path, data: Path
) -> None:
    """The clip shows a person at a desk who speaks and moves a hand."""
    with (
        served() as address,
        filming(browser, data / "videos" / "poseformat_test_video.mp4", tmp_path) as running,
    ):
        page = running.new_page(viewport={"width": 160, "height": 120})
        page.goto(address, wait_until="commit")
        until(page, "document.querySelector('#sources')?.hidden === false")
        page.keyboard.press("c")
        drawn(page, 0)
        until(
            page, "Object.values(window.mocap.expressions()).some((weight) => weight > 0.05)", 60.0
        )
        assert page.evaluate("document.querySelector('#messages').textContent") == ""
        page.close()
