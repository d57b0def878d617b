"""Latency of `mocap live` on the demo clip, at a viewer process and at the page in Chromium.

A frame's age runs from its arrival (the stamp's `clock`) to its last byte at the viewer, or to the
page's acknowledgement just after drawing. The detector's share is listed separately; the rest is
mocap's: solving (with measuring and retargeting), encoding of the JPEG and the messages, and
transport with waiting. The page draws with the processor (SwiftShader), as machines without a
graphics card do, and so competes with the detector for the same cores.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import numpy as np

from mocap.capture.video import Video
from mocap.core.keypoints import Keypoints
from mocap.core.motion import Motion
from mocap.detect.mediapipe.bundles import PoseSize
from mocap.detect.options import DetectOptions
from mocap.detect.performer import PerformerDetector
from mocap.live import clock, messages, worker
from mocap.live.options import LiveOptions, PageOptions, ServerSource
from mocap.live.serve import live
from mocap.stream.server import Server
from tests.helpers.places import DEMO, ROOT
from tests.helpers.stream_clients import ack, next_frame, viewer

from .table import Cell, Table

MODEL: PoseSize = "full"
_WARM_UP = 2.0  # seconds
_ENCODE = messages.encode_frame

_FLAGS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]
# Notes when the page acknowledges which frame, in milliseconds since 1970.
_LISTEN = """
window.acknowledged = [];
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) {
  const message = typeof data === "string" ? JSON.parse(data) : {};
  if (message.type === "ack")
    window.acknowledged.push([message.frame, performance.timeOrigin + performance.now()]);
  return send.call(this, data);
};
"""

Seen = list[tuple[int, float]]
"""Frame numbers, and when they were seen on the clock of `time.monotonic()`."""


@dataclass
class Stages:
    """When each frame arrived, the detector began and ended, and the encoding began and ended; by
    the frame's number.
    """

    detecting: dict[float, tuple[float, float]] = field(default_factory=dict)
    frames: dict[int, tuple[float, ...]] = field(default_factory=dict)

    def detector(self) -> type[PerformerDetector]:
        """The detector with a stopwatch."""
        detecting = self.detecting

        class Timed(PerformerDetector):
            def detect(self, image: Any, time_s: float = 0.0) -> Keypoints:
                begun = time.monotonic()
                found = super().detect(image, time_s)
                detecting[time_s] = (begun, time.monotonic())
                return found

        return Timed

    def encode(
        self,
        number: int,
        arrived: clock.Arrived,
        keypoints: Keypoints,
        motion: Motion,
        expressions: Sequence[str],
        subject: int,
    ) -> list[bytes]:
        """Encode a frame, and note when."""
        begun = time.monotonic()
        messages = _ENCODE(number, arrived, keypoints, motion, expressions, subject)
        self.frames[number] = (
            arrived.clock,
            *self.detecting.pop(arrived.time),
            begun,
            time.monotonic(),
        )
        return messages


async def run(watch: Callable[[Server], Awaitable[Seen]]) -> tuple[Seen, Stages]:
    """What a viewer saw of the clip, and the stages of its frames."""
    stages = Stages()
    opened: asyncio.Future[Server] = asyncio.get_running_loop().create_future()
    with (
        patch.object(worker, "PerformerDetector", stages.detector()),
        patch.object(worker, "encode_frame", stages.encode),
    ):
        playing = asyncio.create_task(
            live(
                ServerSource("video", lambda: Video(DEMO)),
                LiveOptions(detect=DetectOptions(model=MODEL)),
                PageOptions(port=0),
                ready=opened.set_result,
            )
        )
        try:
            return await watch(await opened), stages
        finally:
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)


async def by_process(server: Server, seconds: float) -> Seen:
    """A viewer process (this file) that draws nothing and acknowledges at once."""
    command = (sys.executable, "-m", "tests.benchmarks.latency", str(server.port), str(seconds))
    client = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    answer, _ = await client.communicate()
    if client.returncode != 0:
        raise RuntimeError(f"The viewer's process ended with status {client.returncode}.")
    return [(frame, at) for frame, at in json.loads(answer)]


async def follow(port: int, seconds: float) -> Seen:
    """That viewer."""
    seen = []
    async with viewer(port) as connection:
        end = time.monotonic() + _WARM_UP + seconds
        while time.monotonic() < end:
            stamp = await next_frame(connection, 30.0)
            seen.append((stamp.frame, time.monotonic()))
            await connection.send(ack(stamp.frame))
    return [(frame, at) for frame, at in seen if at > end - seconds]


async def by_browser(server: Server, seconds: float, chromium: str) -> Seen:
    """The page itself, in Chromium without a window."""
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        try:
            page = await browser.new_page(viewport={"width": 640, "height": 480})
            await page.add_init_script(_LISTEN)
            await page.goto(server.url)
            while await page.evaluate("window.mocap?.stats().state") != "live":
                await asyncio.sleep(0.1)
            await asyncio.sleep(_WARM_UP)
            await page.evaluate("window.acknowledged.length = 0")
            await asyncio.sleep(seconds)
            acknowledged = await page.evaluate("window.acknowledged")
        finally:
            await browser.close()
    ahead = time.time() - time.monotonic()
    return [(frame, at / 1000.0 - ahead) for frame, at in acknowledged]


def rows_of(viewer_name: str, seen: Seen, stages: Stages) -> list[tuple[Cell, ...]]:
    """The ages of the frames that were seen, and their parts."""
    arrived, begun, found, solved, encoded = np.array([stages.frames[frame] for frame, _ in seen]).T
    at = np.array([at for _, at in seen])
    detector = found - begun
    parts = {
        "arrival to viewer": at - arrived,
        "the detector's part": detector,
        "mocap's part": at - arrived - detector,
        "… solving": solved - found,
        "… picture and encoding": encoded - solved,
        "… the way there": at - encoded,
    }
    yardstick = float(np.median(detector))
    return [
        (
            viewer_name,
            part,
            *(float(np.percentile(v, p)) * 1e3 for p in (50, 95, 100)),
            float(np.median(v)) / yardstick,
        )
        for part, v in parts.items()
    ]


def tables(quick: bool = False) -> list[Table]:
    """Ages at both viewers, the detector's part, and the rest."""
    seconds = 2.0 if quick else 12.0
    results = {"a process": asyncio.run(run(lambda server: by_process(server, seconds)))}
    chromium = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    why = "There is no Chromium for the page." if chromium is None else ""
    if chromium is not None:
        results["Chromium"] = asyncio.run(run(lambda server: by_browser(server, seconds, chromium)))
    rows = [row for name, (seen, stages) in results.items() for row in rows_of(name, seen, stages)]
    with Video(DEMO) as video:
        width, height = video.size
    counts = ", ".join(f"{len(seen)} frames to {name}" for name, (seen, _) in results.items())
    size = f"{width} × {height} at 30 a second for {seconds:g} s"
    note = f"{size}, model {MODEL}; {counts}. {why}".strip()
    columns = ("viewer", "from a frame's arrival", "median, ms", "p95, ms", "worst, ms", "median ×")
    return [Table("Live latency on one machine", columns, tuple(rows), "the detector", note)]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(follow(int(sys.argv[1]), float(sys.argv[2])))))
