"""The browser asks for its camera first; the server's source continues until it is seen."""

from __future__ import annotations

import pytest

from mocap.stream import protocol
from tests.helpers.browser import drawn, until
from tests.helpers.page_host import REST, SharedPage

MESSAGES = "document.querySelector('#messages').textContent"
ACTIVE = "document.querySelector('#sources [aria-pressed=true]').dataset.source"

REFUSE = """() => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', '{}'));
}"""
# Two cameras that show a canvas; what was asked for is kept.
CAMERAS = """() => {
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
}"""


@pytest.fixture
def shared(camera_page: SharedPage) -> SharedPage:
    """Return a page with the server's camera as its source and no message about cameras."""
    camera_page.reset()
    camera_page.page.click("#sources [data-source=server]")
    assert camera_page.next_asked() == protocol.Lead("server")
    until(camera_page.page, f"!/choose this|detector|program|computer/.test({MESSAGES})")
    return camera_page


def leads(shared: SharedPage) -> list[str]:
    """Return the sources that the page asked for."""
    return [ask.who for ask in shared.asked if isinstance(ask, protocol.Lead)]


@pytest.mark.parametrize(
    ("name", "said"),
    [("NotAllowedError", "allow it in the address bar"), ("NotFoundError", "connect one")],
)
def test_a_refused_camera_is_explained_and_the_source_continues(
    shared: SharedPage, name: str, said: str
) -> None:
    page = shared.page
    page.evaluate(REFUSE.replace("{}", name))
    page.keyboard.press("c")
    until(page, f"{MESSAGES}.includes({said!r})")
    assert page.evaluate(ACTIVE) == "server"
    drawn(page, shared.host.show(REST))
    assert leads(shared) == []


def test_a_detector_that_fails_to_load_keeps_the_source(shared: SharedPage) -> None:
    page = shared.page
    page.evaluate(CAMERAS)
    page.keyboard.press("c")  # this host has no models
    until(page, f"{MESSAGES}.includes('The detector failed')")
    until(page, f"{ACTIVE} === 'server'")
    drawn(page, shared.host.show(REST))
    assert leads(shared) == []


def test_a_camera_held_by_the_server_is_requested_and_returned(shared: SharedPage) -> None:
    page = shared.page
    page.evaluate(REFUSE.replace("{}", "NotReadableError"))
    page.keyboard.press("c")
    until(page, f"{MESSAGES}.includes('in use by another program')")
    assert "close that" in page.evaluate(MESSAGES)
    for _ in range(100):
        if len(leads(shared)) == 2:
            break
        page.wait_for_timeout(50)
    assert leads(shared) == ["browser", "server"]


def test_a_browser_that_cannot_detect_gets_advice(shared: SharedPage) -> None:
    """iOS 16 has no OffscreenCanvas with WebGL."""
    page = shared.page
    page.evaluate("() => { window.kept = OffscreenCanvas; delete window.OffscreenCanvas; }")
    page.keyboard.press("c")
    until(page, f"{MESSAGES}.includes('iOS 17 or newer, or the camera of the computer')")
    page.evaluate("() => { window.OffscreenCanvas = window.kept; }")


def test_cameras_are_listed_with_a_preview_and_the_choice_is_kept(shared: SharedPage) -> None:
    page = shared.page
    page.evaluate(CAMERAS)
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
    # A phone has a camera on its back, whatever that is called.
    page.evaluate("() => { window.kept = matchMedia; window.matchMedia = () => ({matches: true}) }")
    page.click("#choose-camera")
    until(page, f"document.querySelector('{camera}').options.length === 4")
    page.select_option(camera, label="Rear camera")
    until(page, f"{wanted}.facingMode === 'environment'")
    page.evaluate("() => { window.matchMedia = window.kept }")
