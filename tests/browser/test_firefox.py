"""The page in Firefox: it starts, shows the stream, and takes the browser's camera."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.browser import served
from tests.helpers.firefox import Firefox, running
from tests.helpers.page_host import REST, Host, hello

BONES = "Object.keys(window.mocap?.bonePositions() ?? {}).length"


@pytest.fixture(scope="module")
def firefox(firefox_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    with running(firefox_program, tmp_path_factory.mktemp("firefox")) as firefox:
        yield firefox


def test_firefox_shows_the_stream(firefox: Firefox) -> None:
    with Host(hello()) as host:
        firefox.open(host.url)
        firefox.until(f"{BONES} === 55")
        for _ in range(3):
            frame = host.show(REST)
            firefox.until(f"window.mocap.frame() >= {frame}")
        assert firefox.evaluate(BONES) == 55
        assert firefox.evaluate("document.querySelector('#messages').textContent") == ""


def test_firefox_uses_the_browsers_camera(firefox: Firefox) -> None:
    with served("--no-hands", "--no-face") as url:
        firefox.open(url)
        firefox.until("document.querySelector('#sources')?.hidden === false")
        firefox.evaluate("document.querySelector('#sources [data-source=camera]').click()")
        # The camera shows a pattern without a person.
        firefox.until("window.mocap.stats().detector > 0", 90.0)
        firefox.until("document.querySelector('#picture').clientWidth > 0")


def test_firefox_without_webgl_gets_advice(firefox_program: Path, tmp_path: Path) -> None:
    off = {"webgl.disabled": True}
    with running(firefox_program, tmp_path, off) as firefox, Host(hello()) as host:
        firefox.open(host.url)
        firefox.until("document.querySelector('#messages')?.textContent.includes('WebGL')")
        frame = host.show(REST)
        firefox.until(f"window.mocap.frame() >= {frame}")
