"""The browser's camera is asked for first: until it is seen, the server's source goes on."""

from __future__ import annotations

import time

import pytest

from mocap.stream import protocol
from tests.helpers.browser import Open, drawn, until
from tests.helpers.page_host import REST, Host, hello

SOURCE = protocol.SourceInfo("camera", "a camera", 64, 48)
MESSAGES = "document.querySelector('#messages').textContent"
ACTIVE = "document.querySelector('#sources [aria-pressed=true]').dataset.source"
NO_LOAD = "Failed to load resource"

REFUSE = "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', '{}'))"
# Two cameras that show a canvas; what was asked for is kept.
CAMERAS = """
    window.asked = [];
    const canvas = document.createElement('canvas');
    Object.assign(canvas, { width: 64, height: 48 });
    const pen = canvas.getContext('2d');
    setInterval(() => pen.fillRect(0, 0, 64, 48), 50);
    navigator.mediaDevices.getUserMedia = async ({ video }) => {
      window.asked.push(video);
      return canvas.captureStream(20);
    };
    navigator.mediaDevices.enumerateDevices = async () => ['front', 'back'].map((deviceId) => (
      { deviceId, kind: 'videoinput', label: `The ${deviceId} camera` }));
"""


def leads(asked: list[protocol.Ask]) -> list[str]:
    """Which sources were asked for."""
    return [ask.who for ask in asked if isinstance(ask, protocol.Lead)]


@pytest.mark.parametrize("name", ["NotAllowedError", "NotFoundError"])
def test_a_refusal_is_a_sentence_and_the_show_goes_on(open_page: Open, name: str) -> None:
    asked: list[protocol.Ask] = []
    with Host(hello(rig="rigs/none.vrm", source=SOURCE), on_ask=asked.append) as host:
        page = open_page(host.url, 640, 480, before=REFUSE.replace("{}", name), expect=(NO_LOAD,))
        until(page, "window.mocap?.stats().state === 'waiting'")
        page.keyboard.press("c")
        until(page, f"{MESSAGES}.includes('choose this device')")
        assert page.evaluate(ACTIVE) == "server"
        drawn(page, host.show(REST))
        assert leads(asked) == []


def test_a_detector_that_cannot_be_loaded_leaves_the_source_as_it_is(open_page: Open) -> None:
    asked: list[protocol.Ask] = []
    with Host(hello(rig="rigs/none.vrm", source=SOURCE), on_ask=asked.append) as host:
        page = open_page(host.url, 640, 480, before=CAMERAS, expect=(NO_LOAD,))
        until(page, "window.mocap?.stats().state === 'waiting'")
        page.keyboard.press("c")  # this host has no models
        until(page, f"{MESSAGES}.includes('The detector failed')")
        until(page, f"{ACTIVE} === 'server'")
        drawn(page, host.show(REST))
        assert leads(asked) == []


def test_a_camera_that_the_server_holds_is_asked_for_and_given_back(open_page: Open) -> None:
    asked: list[protocol.Ask] = []
    with Host(hello(rig="rigs/none.vrm", source=SOURCE), on_ask=asked.append) as host:
        busy = REFUSE.replace("{}", "NotReadableError")
        page = open_page(host.url, 640, 480, before=busy, expect=(NO_LOAD,))
        until(page, "window.mocap?.stats().state === 'waiting'")
        page.keyboard.press("c")
        until(page, f"{MESSAGES}.includes('in use by another program')")
        deadline = time.monotonic() + 5.0
        while len(leads(asked)) < 2 and time.monotonic() < deadline:
            page.wait_for_timeout(50)
        assert leads(asked) == ["browser", "server"]


def test_a_browser_that_cannot_detect_says_what_would_work(open_page: Open) -> None:
    """As iOS 16, which has no OffscreenCanvas with WebGL."""
    with Host(hello(rig="rigs/none.vrm", source=SOURCE)) as host:
        page = open_page(
            host.url, 640, 480, before="delete window.OffscreenCanvas", expect=(NO_LOAD,)
        )
        until(page, "window.mocap?.stats().state === 'waiting'")
        page.keyboard.press("c")
        until(page, f"{MESSAGES}.includes('iOS 17 or newer, or the camera of the computer')")


def test_cameras_are_listed_with_a_preview_and_the_choice_is_kept(open_page: Open) -> None:
    with Host(hello(rig="rigs/none.vrm", source=SOURCE)) as host:
        page = open_page(host.url, 640, 480, before=CAMERAS, expect=(NO_LOAD,))
        until(page, "window.mocap?.stats().state === 'waiting'")
        page.click("#choose-camera")
        until(page, "document.querySelector('#camera video').videoWidth === 64")
        until(page, "document.querySelector('#camera p').textContent.includes('64 × 48')")
        camera, size = "#camera select[aria-label=Camera]", "#camera select[aria-label=Resolution]"
        names = page.locator(f"{camera} option").all_inner_texts()
        assert names == ["The front camera", "The back camera"]
        page.select_option(camera, "back")
        page.select_option(size, "360")
        page.click("#camera button:has-text('Use this camera')")
        until(page, "document.querySelector('#camera').hidden")
        wanted = "window.asked.at(-1)"
        until(page, f"{wanted}.deviceId?.exact === 'back' && {wanted}.height.ideal === 360")
        kept = page.evaluate("JSON.parse(localStorage.getItem('mocap.camera'))")
        assert kept == {"device": "back", "height": 360}
