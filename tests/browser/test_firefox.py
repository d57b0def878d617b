"""The page in Firefox: it shows the stream, takes the browser's camera, and films a take."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.browser import served
from tests.helpers.filmed_take import FPS, colour, make_take, read_film, studio_host
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


def test_firefox_films_a_take(firefox: Firefox, tmp_path: Path) -> None:
    frames = 12
    take = make_take(tmp_path / "takes", frames)
    with studio_host(take.parent) as host:
        firefox.open(host.url)
        firefox.until("document.querySelector('[data-key=t]')?.hidden === false")
        firefox.evaluate("document.querySelector('[data-key=t]').click()")
        firefox.until("document.querySelector('#takes li button.name') !== null")
        firefox.evaluate("document.querySelector('#takes li button.name').click()")
        firefox.until("document.querySelector('#timeline').hidden === false")
        # The film is read in the page instead of being downloaded.
        firefox.evaluate("HTMLAnchorElement.prototype.click = () => 0")
        firefox.evaluate("URL.createObjectURL = (blob) => { window.film = blob; return '#'; }")
        chosen = "document.querySelector('#takes select[aria-label=\"File format\"]')"
        firefox.evaluate(f"{chosen}.value = 'overlay'")
        firefox.evaluate("document.querySelector('#takes button.primary').click()")
        firefox.until("window.film !== undefined")
        firefox.evaluate(
            "void film.arrayBuffer().then((data) => "
            "{ window.bytes = Array.from(new Uint8Array(data)); })"
        )
        firefox.until("window.bytes !== undefined")
        kind = firefox.evaluate("film.type").removeprefix("video/")
        path = tmp_path / f"film.{kind}"
        path.write_bytes(bytes(firefox.evaluate("bytes")))
        filmed, stamps = read_film(path)
    np.testing.assert_allclose(stamps, np.arange(frames) / FPS, atol=1.1e-3)
    # Firefox converts colours by BT.709, which OpenCV does not read: all are shifted alike.
    corners = np.array([frame[:20, :20].mean(axis=(0, 1)) for frame in filmed])
    known = np.array([colour(number) for number in range(frames)], float)
    off = np.linalg.norm((corners - corners[0])[:, None] - (known - known[0])[None], axis=-1)
    np.testing.assert_array_equal(off.argmin(axis=1), np.arange(frames))


def test_firefox_without_webgl_gets_advice(firefox_program: Path, tmp_path: Path) -> None:
    off = {"webgl.disabled": True}
    with running(firefox_program, tmp_path, off) as firefox, Host(hello()) as host:
        firefox.open(host.url)
        firefox.until("document.querySelector('#messages')?.textContent.includes('WebGL')")
        frame = host.show(REST)
        firefox.until(f"window.mocap.frame() >= {frame}")
