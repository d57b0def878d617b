"""The example page of web/examples with the library that it loads, TF.js pose-detection.

The output of `estimatePoses` agrees with mocap's own detector, and it moves the avatar.
"""

from __future__ import annotations

import asyncio
import functools
import json
import re
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from playwright.sync_api import Browser, Route

from mocap.core.keypoints import LANDMARKS
from mocap.core.kinematics import fk
from mocap.core.skeleton import HUMANOID
from mocap.detect.inputs import read_keypoints
from mocap.detect.options import DetectOptions
from mocap.stream import protocol
from tests.helpers.browser import filming, served
from tests.helpers.measures import LANDMARK_LIMBS
from tests.helpers.places import DEMO, WEB
from tests.helpers.stream_clients import ack, played, viewer

CDN = "https://cdn.jsdelivr.net/npm/"
FRAMES = 24

# The library computes on the graphics card; on iPhones it uses the processor. The page
# pretends to be one: with a card emulated by the processor, the first frame would take 25 s and
# each other 2 s.
_ON_THE_PROCESSOR = "Object.defineProperty(navigator, 'platform', { get: () => 'iPhone' });"
# The page's address of mocap is the default one; the test's mocap takes a free port.
_AT_PORT = (
    "window.WebSocket = class extends WebSocket {{ constructor(url) {{ "
    "super(url.replace(':8765/', ':{}/')); }} }};"
)

# A third of the speed: on a slow machine the library sees one of ten frames, and what follows a
# body that is elsewhere in each picture lags behind it.
_SLOWED = "setpts=3*PTS,fps=30,scale=320:-2"


@pytest.fixture
def examples() -> Iterator[str]:
    """Serve the example from another server on this machine."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(WEB / "examples"))
    ) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def from_node_modules(route: Route) -> None:
    """Answer requests to the CDN from web/node_modules.

    The package there must have the version that the page names.
    """
    found = re.fullmatch(r"(@[^/]+/[^/@]+)@([^/]+)/(.+)", route.request.url.removeprefix(CDN))
    assert found, route.request.url
    name, version, file = found.groups()
    package = WEB / "node_modules" / name
    assert json.loads((package / "package.json").read_text())["version"] == version, (
        f"the page names {name} {version}"
    )
    route.fulfill(path=package / file, headers={"Access-Control-Allow-Origin": "*"})


async def watched(
    port: int, frames: int
) -> tuple[list[protocol.KeypointsMessage], list[np.ndarray]]:
    """Return the next frames of a viewer: keypoints, and the avatar's joints (J, 3)."""
    seen: list[protocol.KeypointsMessage] = []
    places: list[np.ndarray] = []
    hello: protocol.Hello | None = None
    async with viewer(port) as connection:
        while len(places) < frames:
            message = await asyncio.wait_for(connection.recv(), 60)
            if isinstance(message, str):
                told = protocol.decode_server_text(message)
                hello = told if isinstance(told, protocol.Hello) else hello
                continue
            assert hello
            skeleton = hello.to_skeleton()
            drawn = protocol.decode(message, len(skeleton.names), len(hello.expressions))
            if isinstance(drawn, protocol.KeypointsMessage):
                seen.append(drawn)
            elif isinstance(drawn, protocol.PoseMessage):
                places.append(
                    fk(skeleton, drawn.root.astype(np.float64), drawn.rotations.astype(np.float64))[
                        0
                    ]
                )
                await connection.send(ack(drawn.stamp.frame))
    return seen, places


def apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the angles between vectors, degrees."""
    cosine = np.sum(a * b, axis=-1) / (np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1))
    return np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))


def bones(points: np.ndarray, joints: tuple[str, ...], a: int, b: int) -> np.ndarray:
    """Return LANDMARK_LIMBS of landmarks (a, b = 0, 1) or of the avatar's joints (2, 3)."""
    start, end = ([joints.index(limb[i]) for limb in LANDMARK_LIMBS] for i in (a, b))
    return np.asarray(points[..., end, :] - points[..., start, :])


def test_the_example_page_drives_the_avatar_with_pose_detection_itself(
    browser: Browser, examples: str, node: Path, tmp_path: Path
) -> None:
    complaints: list[str] = []
    with (
        served("--no-hands", "--no-face") as address,
        filming(browser, DEMO, tmp_path, _SLOWED) as running,
    ):
        port = urlsplit(address).port
        assert port
        page = running.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.add_init_script(_ON_THE_PROCESSOR + _AT_PORT.format(port))
        page.route(CDN + "**", from_node_modules)
        # The page connects when the library has loaded all that it wants.
        with page.expect_websocket(timeout=60_000) as opened:
            page.goto(f"{examples}/pose-detection.html", wait_until="commit")
        assert opened.value.url == f"ws://localhost:{port}/ingest"
        seen, places = played(watched(port, FRAMES))
        page.close()
    assert complaints == []

    at = np.array(places)
    hips, head = HUMANOID.index("hips"), HUMANOID.index("head")
    # The clip's own are from 0.60, in its squat, to 1.10; which of its frames the page sees depends
    # on the machine, but they are more than the squat's.
    heights = at[:, hips, 1]
    assert 0.8 < heights.max() < 1.3, "who stands before the camera stands on the stage"
    assert heights.min() > 0.35, "squats there, and no more"
    assert np.all(at[:, head, 1] > at[:, hips, 1] + 0.3)
    assert np.linalg.norm(np.ptp(at - at[:, :1], axis=0), axis=-1).max() > 0.05, "and moves"

    # Which of the clip's frames each was tells the picture; what must agree is the depth too, and
    # whose left is whose.
    own = read_keypoints(DEMO, DetectOptions(model="full", hands=False, face=False))
    errors = [
        np.linalg.norm(own.image / own.camera.size - points.image, axis=-1).mean(axis=1)
        for points in seen
    ]
    # On a busy machine the library sees a frame a second, and its tracker is late in fast moments:
    # they are off in the picture already, and their depth tells nothing about ours.
    close = np.min(errors, axis=1) < 0.01
    assert close.mean() > 0.5, "in fractions of the picture"
    theirs = bones(own.positions[np.argmin(errors, axis=1)], LANDMARKS, 0, 1)
    read = apart(
        bones(np.array([points.positions for points in seen], dtype=np.float64), LANDMARKS, 0, 1),
        theirs,
    )
    shown = apart(bones(at, HUMANOID.names, 2, 3), theirs)
    assert np.mean(read[close] < 15) > 0.9, (
        f"what the library sees is what ours sees (2.8° in the mean): "
        f"{read[close].mean(axis=0).round(1)}"
    )
    assert np.mean(shown[close] < 25) > 0.85, (
        f"and what the avatar does (10°): {shown[close].mean(axis=0).round(1)}"
    )
