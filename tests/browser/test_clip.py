"""A motion that the page plays by itself: its timeline, scrubbing, and the drawn moment."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Page

from mocap.core import kinematics
from mocap.core.motion import Motion
from mocap.core.skeleton import HUMANOID
from mocap.solve.doubts import Doubt
from mocap.stream.clip import Trust, clip_files
from tests.helpers.browser import Open, bones_in, until
from tests.helpers.page_host import Host, hello
from tests.helpers.synthetic import random_poses

FRAMES = 40
DOUBTS = (
    Doubt("unseen", 0.0, 0.5, "No person is seen."),
    Doubt("held", 1.0, 2.0, "The left arm is held."),
    Doubt("cut", 3.0, 3.0, "A hard cut."),
)


@pytest.fixture(scope="module")
def motion() -> Motion:
    poses = random_poses(np.random.default_rng(11), FRAMES, HUMANOID)
    contacts = np.zeros((FRAMES, 4))
    contacts[5:15, 0] = contacts[20:30, 3] = 1.0
    return Motion(
        HUMANOID,
        2.0 + np.arange(FRAMES) / 10.0,
        poses.root_positions,
        poses.rotations,
        contacts=contacts,
    )


@pytest.fixture(scope="module")
def opened(open_shared: Open, motion: Motion) -> Iterator[Page]:
    trust = Trust(np.linspace(0.0, 1.0, FRAMES), DOUBTS)
    with Host(hello(clip="clip"), more=clip_files(motion, trust)) as host:
        shown = open_shared(host.url, 640, 400)
        until(
            shown,
            "window.mocap?.stats().state === 'playing' && "
            "Object.keys(window.mocap.bonePositions()).length > 0",
        )
        yield shown


@pytest.fixture
def page(opened: Page) -> Page:
    """Return a page in which the whole clip is selected for playback."""
    opened.keyboard.press("a")
    if opened.evaluate("window.mocap.stats().state") != "playing":
        opened.keyboard.press(" ")
    until(opened, "window.mocap.stats().state === 'playing'")
    return opened


def label(page: Page) -> str:
    return page.inner_text("#timeline output")


def test_a_key_plays_and_pauses(page: Page) -> None:
    until(page, "window.mocap.frame() > 3")
    page.keyboard.press(" ")
    until(page, "window.mocap.stats().state === 'paused'")
    at = page.evaluate("window.mocap.frame()")
    page.wait_for_timeout(500)
    assert page.evaluate("window.mocap.frame()") == at
    assert label(page).endswith(f"/ 0:03.90 · {at}")


def test_the_drawn_pose_is_of_the_current_time(page: Page, motion: Motion) -> None:
    wanted = kinematics.fk(HUMANOID, motion.root_positions, motion.rotations)[0]
    strip = page.locator("#timeline [role=slider]").bounding_box()
    assert strip
    for part, frame in ((0.0, 0), (0.5, 19), (0.999, 38)):
        page.mouse.click(strip["x"] + 0.5 + part * strip["width"], strip["y"] + 20)
        until(page, f"window.mocap.frame() === {frame}")
        assert np.max(np.linalg.norm(bones_in(page) - wanted[frame], axis=-1)) < 1e-3
    page.keyboard.press("ArrowRight")
    until(page, "window.mocap.frame() === 39")
    page.keyboard.press("Shift+ArrowLeft")
    until(page, "window.mocap.frame() === 29")


def test_playback_stays_between_the_marks(page: Page) -> None:
    strip = page.locator("#timeline [role=slider]").bounding_box()
    assert strip
    for part, key in ((0.7, "o"), (0.4, "i")):
        page.mouse.click(strip["x"] + part * strip["width"], strip["y"] + 20)
        page.keyboard.press(key)
    page.keyboard.press("l")
    page.keyboard.press(" ")
    until(page, "window.mocap.stats().state === 'paused' && window.mocap.frame() > 20")
    assert page.evaluate("window.mocap.frame()") == 27  # 0.7 of 3.9 s
    page.keyboard.press(" ")
    until(page, "window.mocap.stats().state === 'playing' && window.mocap.frame() < 27")
    assert page.evaluate("window.mocap.frame()") >= 15  # 0.4 of 3.9 s
    page.keyboard.press("l")


def test_the_avatars_feet_stand_above_the_timeline(page: Page) -> None:
    # The page makes room once the browser has said how high the timeline is.
    at = "document.querySelector('{}').getBoundingClientRect().{}"
    stage, controls, panel = (
        at.format("#stage", "bottom"),
        at.format("#controls", "bottom"),
        at.format("#timeline", "top"),
    )
    until(page, f"{stage} <= {panel} + 21 && {controls} <= {panel} + 1")


def test_a_joints_angles_are_drawn(page: Page) -> None:
    page.keyboard.press(" ")
    strip = page.locator("#timeline [role=slider]")
    before = strip.screenshot()
    page.select_option("#timeline select[aria-label^=Joint]", label="leftUpperArm")
    latest = time.monotonic() + 20.0
    while strip.screenshot() == before:
        assert time.monotonic() < latest, "no angles are drawn"


def test_the_band_says_what_cannot_be_trusted(page: Page) -> None:
    """Under the pointer, and at the moment that a press chooses."""
    band = page.locator("#timeline .doubts canvas").bounding_box()
    assert band
    told = "document.querySelector('#timeline .doubts p').textContent"
    for part, words in (
        (0.05, DOUBTS[0].words),
        (0.4, DOUBTS[1].words),
        (3.0 / 3.9, DOUBTS[2].words),
    ):
        page.mouse.move(band["x"] + part * band["width"], band["y"] + 5)
        until(page, f"{told} === {words!r}")
    page.mouse.click(band["x"] + 0.4 * band["width"], band["y"] + 5)
    until(page, "window.mocap.stats().state === 'paused' && window.mocap.frame() === 15")
    page.mouse.move(5, 5)
    page.wait_for_timeout(100)
    slider = page.locator("#timeline [role=slider]")
    assert DOUBTS[1].words in (slider.get_attribute("aria-valuetext") or "")
    assert page.evaluate(told) == DOUBTS[1].words


def test_a_missing_motion_is_reported(open_page: Open) -> None:
    with Host(hello(clip="nowhere")) as host:
        shown = open_page(host.url, 320, 240, expect=("Failed to load resource",))
        until(
            shown,
            "document.querySelector('#messages')?.textContent.includes('there is no such motion')",
        )
