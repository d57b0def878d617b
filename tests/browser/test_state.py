"""The page shows the server's state, and asks the server instead of deciding itself."""

from __future__ import annotations

import time
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Page

from mocap.stream import protocol
from tests.helpers.browser import drawn, until
from tests.helpers.page_host import REST, Host, SharedPage, pose

TEXT = "document.querySelector('{}').textContent"


def state(**changed: Any) -> protocol.ServerState:
    usual = {"source": "running", "recording": None, "recorded": 0.0, "missing": (), "disk": "ok"}
    return protocol.ServerState(**{**usual, "vmc": None, **changed})


@pytest.fixture
def shared(camera_page: SharedPage) -> SharedPage:
    camera_page.reset()
    return camera_page


@pytest.fixture
def host(shared: SharedPage) -> Host:
    return shared.host


@pytest.fixture
def page(shared: SharedPage) -> Page:
    return shared.page


def show_picture(host: Host) -> None:
    """Publish a frame with a picture."""
    host.frame += 1
    stamp = protocol.FrameHeader(host.frame, 0.0, time.monotonic())
    jpeg = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1].tobytes()
    host.publish(
        [protocol.encode(protocol.PictureMessage(stamp, jpeg)), pose(host.frame, rotations=REST)]
    )


def test_missing_parts_are_named_over_the_picture(host: Host, page: Page) -> None:
    caption = "document.querySelector('#picture figcaption')"
    # Without a picture, a missing person is a message.
    host.announce(state(missing=("person",)))
    until(page, f"{TEXT.format('#messages')}.includes('No person in view: step back until')")
    show_picture(host)
    until(page, "document.querySelector('#picture').clientWidth > 0")
    host.announce(state(missing=("feet", "face")))
    until(page, f"{caption}.textContent.startsWith('Not in view: feet and face.')")
    assert page.is_visible("#picture figcaption")
    assert "No person" not in page.inner_text("#messages")
    host.announce(state(missing=("person", "feet")))
    until(page, f"{caption}.textContent.startsWith('No person in view: step back until')")
    host.announce(state())
    until(page, f"{caption}.hidden")


def test_lost_sources_and_full_disks_are_shown_while_they_last(host: Host, page: Page) -> None:
    messages = TEXT.format("#messages")
    host.announce(state(source="lost", disk="low"))
    until(page, f"{TEXT.format('#state-text')} === 'Source lost'")
    until(page, f"{messages}.includes('nearly full')")
    host.announce(state(disk="full"))
    until(page, f"{TEXT.format('#state-text')} === 'Waiting'")
    until(page, f"{messages}.includes('disk is full')")
    host.announce(state())
    until(page, f"!{messages}.includes('disk')")


def test_a_click_on_the_picture_follows_that_person(shared: SharedPage) -> None:
    page = shared.page
    show_picture(shared.host)
    until(page, "document.querySelector('#picture').clientWidth > 0")
    box = page.locator("#picture canvas").bounding_box()
    assert box
    for mirror in (False, True):
        page.mouse.click(box["x"] + 0.25 * box["width"], box["y"] + 0.5 * box["height"])
        person = shared.next_asked()
        assert isinstance(person, protocol.NextPerson)
        assert person.at is not None
        # What is on the left of the mirror is on the right of the camera's picture.
        assert np.allclose(person.at, (0.75 if mirror else 0.25, 0.5), atol=0.02)
        page.keyboard.press("m")
    page.keyboard.press("n")
    assert shared.next_asked() == protocol.NextPerson()


def test_the_page_switches_vmc_on_and_shows_the_servers_state(shared: SharedPage) -> None:
    page = shared.page
    page.keyboard.press("x")
    page.select_option("#vmc select[aria-label=Program]", label="Blender (VMC4B)")
    page.fill("#vmc input", "192.168.0.7:39540")
    page.click("#vmc button:has-text('Start sending')")
    output = protocol.VmcOutput("192.168.0.7:39540", "vrm1")
    assert shared.next_asked() == protocol.Vmc(output)
    # The page shows what the server does, not what it asked for.
    assert page.inner_text("#vmc .primary") == "Start sending"
    shared.host.announce(state(vmc=output))
    until(page, f"{TEXT.format('#vmc')}.includes('Poses go to 192.168.0.7:39540')")
    page.click("#vmc button:has-text('Stop sending')")
    assert shared.next_asked() == protocol.Vmc(None)


def test_all_feet_modes_are_offered(shared: SharedPage) -> None:
    page = shared.page
    page.keyboard.press("u")
    for mode in ("always", "off", "auto"):
        page.select_option("#tune select[aria-label=Feet]", mode)
        assert shared.next_asked() == protocol.Tune(1.0, mode, "free")


def test_keys_do_nothing_while_a_field_or_a_list_has_the_focus(page: Page) -> None:
    pressed = "document.querySelector('[data-key=m]').getAttribute('aria-pressed')"
    page.keyboard.press("x")
    for target in ("#vmc input", "#vmc select[aria-label=Program]"):
        page.focus(target)
        page.keyboard.press("m")
        assert page.evaluate(pressed) == "false"
    page.focus("#vmc button:has-text('Close')")
    page.keyboard.press("m")
    assert page.evaluate(pressed) == "true"
    page.keyboard.press("m")


def test_hints_match_the_state_and_stay_dismissed(host: Host, page: Page) -> None:
    hint = TEXT.format("#hint")
    page.evaluate("localStorage.clear()")
    page.reload(wait_until="commit")
    until(page, f"{hint}.includes('where the movement comes from')")
    page.click("#hint button")
    assert not page.is_visible("#hint")
    drawn(page, host.show(REST))
    until(page, f"{hint}.includes('Calibrate')")
    page.click("#hint button")
    page.reload(wait_until="commit")
    until(page, "window.mocap?.stats().state === 'waiting'")
    page.wait_for_timeout(600)
    assert not page.is_visible("#hint")


def test_no_toolbar_row_is_half_empty(shared: SharedPage) -> None:
    page = shared.page
    page.evaluate(
        "for (const key of 'rt') document.querySelector(`[data-key=${key}]`).hidden = false"
    )
    tops = (
        "[...document.querySelectorAll('#controls button')].filter((b) => b.offsetWidth)"
        ".map((b) => b.offsetTop)"
    )
    for width in (390, 760, 780, 800, 1000, 1280):
        page.set_viewport_size({"width": width, "height": 700})
        page.wait_for_timeout(100)
        found = page.evaluate(tops)
        rows = [found.count(top) for top in sorted(set(found))]
        assert sum(rows) == 13
        assert min(rows) > max(rows) / 2, (width, rows)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_touch_targets_and_text_are_large_enough(shared: SharedPage) -> None:
    shared.reset(390, 844)
    page = shared.page
    for key in "vux":
        page.keyboard.press(key)
    small = page.evaluate(
        """[...document.querySelectorAll('button, select, input, summary, [role=slider]')]
          .map((e) => e.closest('.check') ?? e)
          .map((e) => [e.outerHTML.slice(0, 80), e.getBoundingClientRect()])
          .filter(([, r]) => r.width && (r.width < 43.9 || r.height < 43.9))
          .map(([name, r]) => `${name} ${r.width} × ${r.height}`)"""
    )
    assert small == []
    fonts = page.evaluate(
        """[...document.querySelectorAll('body *')].filter((e) => e.childElementCount === 0)
          .filter((e) => e.textContent.trim() && e.getBoundingClientRect().width)
          .filter((e) => Number.parseFloat(getComputedStyle(e).fontSize) < 12)
          .map((e) => e.outerHTML.slice(0, 80))"""
    )
    assert fonts == []
