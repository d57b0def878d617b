"""The built page in Firefox; `make site` first, otherwise skipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.firefox import running
from tests.helpers.site import FOLDER, hosted

START = 240.0  # seconds that a busy machine may need to start Python in the page


@pytest.mark.skipif(not (FOLDER / "sw.js").exists(), reason="needs `make site`")
def test_the_sample_motion_plays_and_the_solver_takes_the_camera(
    firefox_program: Path, tmp_path: Path
) -> None:
    hand = "window.mocap?.bonePositions().leftHand?.join(' ')"
    with running(firefox_program, tmp_path) as firefox, hosted() as host:
        firefox.open(host.address)
        firefox.until("window.mocap?.stats().state === 'playing'", START)
        firefox.until(f"{hand} !== undefined", START)
        before = firefox.evaluate(hand)
        firefox.until(f"{hand} !== '{before}'")
        firefox.until("document.body.dataset.solver === 'ready'", START)
        firefox.evaluate("document.querySelector('#sources [data-source=camera]').click()")
        # The camera shows a pattern without a person, and the solver says so.
        firefox.until("window.mocap.stats().detector > 0", START)
        firefox.until("/in view/.test(document.querySelector('#picture').innerText)", START)
        firefox.until("document.body.dataset.offline === 'ready'", START)
    assert all(line.startswith("GET ") for line in host.asked)
