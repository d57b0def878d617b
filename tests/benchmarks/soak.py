"""A live session among hostile clients: memory, frames, latency.

`mocap live --browser` runs in a process of its own. A page's camera sends 30 frames a second, which
are solved, recorded as a take and sent to a good viewer: first alone, then beside 20 clients that
join and leave, stall, send garbage to each endpoint, and open connections that say nothing.
Ages run from the camera's stamp to the pose's last byte at the viewer. Memory is the growth of the
server's resident set over the last three quarters of that time.

The time beside hostile clients is 30 seconds, or SOAK_MINUTES:

    SOAK_MINUTES=30 make bench BENCH=soak
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from mocap.detect.inputs import read_keypoints
from mocap.stream import protocol
from mocap.studio import messages as studio
from tests.helpers.places import ROOT
from tests.helpers.stream_clients import Dead, ack, next_frame, viewer
from tests.helpers.synthetic import keypoints_of, smooth_motion

from .table import Table

_FPS = 30.0
_HOSTILE = 20
_SIZE = (1280, 720)
_WARM_UP = 3.0  # seconds
_GONE = (OSError, WebSocketException, asyncio.TimeoutError)

Client = Callable[[int, random.Random], Awaitable[None]]


@dataclass
class _Seen:
    """What the good viewer saw.

    Attributes:
        ages: Age of each frame, seconds.
        sent: How many frames the camera sent meanwhile.
    """

    ages: list[float] = field(default_factory=list)
    sent: int = 0

    def lost(self) -> float:
        """Frames that did not come, percent."""
        return 100.0 * max(self.sent - len(self.ages), 0) / max(self.sent, 1)


# Hostile clients: each does its worst once; it is started again and again.


async def _leaves(port: int, chance: random.Random) -> None:
    async with viewer(port) as connection:
        await connection.recv()


async def _stalls(port: int, chance: random.Random) -> None:
    dead = await asyncio.to_thread(Dead, port)
    await asyncio.sleep(chance.uniform(1.0, 5.0))
    dead.socket.close()


async def _silent(port: int, chance: random.Random) -> None:
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
    await asyncio.sleep(chance.uniform(0.1, 1.0))
    for _, writer in opened:
        writer.close()


async def _garbage_requests(port: int, chance: random.Random) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(chance.randbytes(chance.randrange(1, 20_000)))
    await writer.drain()
    writer.close()


async def _garbage_messages(port: int, chance: random.Random) -> None:
    path = chance.choice(["stream", "ingest", "studio"])
    chosen = {"stream": ["mocap.v1"], "studio": [studio.SUBPROTOCOL]}.get(path)
    address = f"ws://127.0.0.1:{port}/{path}"
    async with connect(address, subprotocols=chosen, proxy=None) as connection:  # type: ignore[arg-type]
        for _ in range(5):
            noise = chance.randbytes(chance.randrange(0, 3000))
            header = protocol.HEADER.pack(chance.randrange(6), 0, 1, chance.random(), 0.0)
            text = chance.choice(_TEXTS).replace("#", str(chance.choice(_NUMBERS)))
            await connection.send(chance.choice([noise, header + noise, text]))


_TEXTS = (
    '{"type":"ack","frame":#}',
    '{"type":"camera","name":"x","width":#,"height":#}',
    '{"type":"tune","smoothing":#,"feet":"auto","hips":"free"}',
    '{"poses":[{"keypoints":[{"x":#,"y":#,"name":"nose","score":1}]}],"width":#}',
    '{"do":"open","id":1,"take":"#","grade":"bake"}',
    '{"do":"upload","id":1,"name":"x.glb","size":#}',
    "[" * 5000,
    "#",
)
_NUMBERS = (0, -1, 1, 640, 2**31, 2**64, 1e308, '"x"', "null", "NaN", "[]")

_CLIENTS: tuple[Client, ...] = (_leaves, _stalls, _silent, _garbage_requests, _garbage_messages)


async def _hostile(port: int, client: Client, chance: random.Random) -> None:
    """Run one hostile client again and again; print a point for each time."""
    while True:
        with contextlib.suppress(*_GONE):
            await asyncio.wait_for(client(port, chance), 8.0)
        print(".", end="", flush=True)
        await asyncio.sleep(chance.uniform(0.1, 0.5))


async def _all_hostile(port: int) -> None:
    """Run the hostile clients until the process is killed."""
    clients = [_CLIENTS[i % len(_CLIENTS)] for i in range(_HOSTILE)]
    await asyncio.gather(*(_hostile(port, c, random.Random(i)) for i, c in enumerate(clients)))


@contextlib.asynccontextmanager
async def _besieged(port: int, done: list[int]) -> AsyncIterator[None]:
    """Run the hostile clients in a process of their own; counts them in `done`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.benchmarks.soak", str(port), stdout=subprocess.PIPE, cwd=ROOT
    )

    stdout = process.stdout
    assert stdout is not None

    async def count() -> None:
        while points := await stdout.read(1000):
            done[0] += len(points)

    await stdout.readexactly(1)  # they have begun
    counting = asyncio.create_task(count())
    try:
        yield
    finally:
        process.kill()
        await process.wait()
        await counting


async def camera(port: int, count: list[int]) -> None:
    """Send a moving person's keypoints, 30 frames a second, by the monotonic clock."""
    keypoints = keypoints_of(smooth_motion(np.random.default_rng(1), 4.0, _FPS), _SIZE)
    async with viewer(port) as connection:

        async def acknowledge() -> None:
            while True:
                stamp = await next_frame(connection, 60.0)
                await connection.send(ack(stamp.frame))

        reading = asyncio.create_task(acknowledge())
        try:
            await connection.send('{"type":"lead","who":"browser"}')
            camera = {"type": "camera", "name": "soak", "width": _SIZE[0], "height": _SIZE[1]}
            await connection.send(json.dumps(camera))
            due = time.monotonic()
            for number in itertools.count():
                # Back and forth, so that the person never leaps.
                there = number % (2 * len(keypoints) - 2)
                i = min(there, 2 * len(keypoints) - 2 - there)
                now = time.monotonic()
                message = protocol.KeypointsMessage(
                    protocol.FrameHeader(number, now, now),
                    keypoints.image[i] / _SIZE,
                    keypoints.positions[i],
                    keypoints.confidence[i],
                )
                await connection.send(protocol.encode(message))
                count[0] += 1
                due += 1 / _FPS
                await asyncio.sleep(max(due - time.monotonic(), 0.0))
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


async def _watch(port: int, seconds: float, count: list[int]) -> _Seen:
    """A good viewer: it draws every frame at once."""
    seen = _Seen()
    async with viewer(port) as connection:
        await next_frame(connection, 60.0)
        begun, end = count[0], time.monotonic() + seconds
        while time.monotonic() < end:
            stamp = await next_frame(connection, 60.0)
            seen.ages.append(time.monotonic() - stamp.clock)
            await connection.send(ack(stamp.frame))
        seen.sent = count[0] - begun
    return seen


async def _memory(pid: int, samples: list[float]) -> None:
    """Sample the resident set of a process, MB, once a second; Linux alone."""
    while True:
        with contextlib.suppress(OSError):
            status = Path(f"/proc/{pid}/status").read_text()
            kilobytes = status.split("VmRSS:")[1].split()[0]
            samples.append(int(kilobytes) / 1000)
        await asyncio.sleep(1.0)


async def record(port: int, on: bool) -> int:
    """Begin or end the recording; return the number of frames."""
    address = f"ws://127.0.0.1:{port}{studio.STUDIO_PATH}"
    async with connect(address, subprotocols=[studio.SUBPROTOCOL], proxy=None) as page:  # type: ignore[list-item]
        await page.send(json.dumps({"do": "record", "id": 1, "on": on}))
        answer = json.loads(await page.recv())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return int(answer["frames"])


@contextlib.asynccontextmanager
async def session(folder: Path) -> AsyncIterator[tuple[int, int]]:
    """Run `mocap live --browser`; yields its port and process."""
    options = ["--browser", "--no-open", "--port", "0", "--takes", str(folder)]
    options += ["--model", "lite", "--no-hands", "--no-face"]
    start = f"import sys; from mocap.cli.main import main; sys.argv = {['mocap', 'live', *options]}"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", f"{start}; main()", stdout=subprocess.PIPE, cwd=ROOT
    )
    assert process.stdout is not None
    try:
        while not (line := (await process.stdout.readline()).decode()).startswith("http"):
            if not line:
                raise RuntimeError("mocap live ended before it printed its address.")
        port = urlsplit(line.strip()).port
        assert port is not None
        yield port, process.pid
        if process.returncode is not None:
            raise RuntimeError(f"mocap live ended with status {process.returncode}.")
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def soak(alone_for: float, hostile_for: float) -> list[tuple[str, float | None, float]]:
    """Run the session; return rows of what was measured: alone, and beside hostile clients."""
    count, done = [0], [0]
    memory: list[float] = []
    tasks: list[asyncio.Task[None]] = []
    with tempfile.TemporaryDirectory() as folder:
        async with session(Path(folder)) as (port, pid):
            try:
                tasks.append(asyncio.create_task(camera(port, count)))
                await _watch(port, _WARM_UP, count)
                alone = await _watch(port, alone_for, count)
                await record(port, True)
                before = count[0]
                tasks.append(asyncio.create_task(_memory(pid, memory)))
                async with _besieged(port, done):
                    beside = await _watch(port, hostile_for, count)
                    frames, sent = await record(port, False), count[0] - before
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            [take] = Path(folder).glob("*.jsonl")
            assert len(read_keypoints(take)) == frames
    settled = memory[len(memory) // 4 :]
    growth = 100.0 * (settled[-1] / settled[0] - 1.0) if settled else float("nan")
    rows: list[tuple[str, float | None, float]] = [
        (f"age of a pose, {name}, ms", *(1e3 * float(np.percentile(s.ages, p)) for s in both))
        for both in [(alone, beside)]
        for name, p in (("median", 50), ("p95", 95), ("worst", 100))
    ]
    return [
        *rows,
        ("frames lost at the viewer, %", alone.lost(), beside.lost()),
        ("frames lost in the take, %", None, 100.0 * max(sent - frames, 0) / max(sent, 1)),
        ("memory, MB", None, settled[-1] if settled else float("nan")),
        ("growth of memory, %", None, growth),
        ("hostile clients, in all", None, float(done[0])),
    ]


def tables(quick: bool = False) -> list[Table]:
    """Run the soak."""
    minutes = float(os.environ.get("SOAK_MINUTES", "0.5"))
    hostile_for = 4.0 if quick else 60.0 * minutes
    rows = asyncio.run(soak(2.0 if quick else 10.0, hostile_for))
    columns = ("figure", "alone", f"beside {_HOSTILE} hostile clients")
    note = f"{_FPS:.0f} frames a second, {hostile_for:.0f} s beside the hostile clients."
    return [Table("A live session among hostile clients", columns, tuple(rows), "", note)]


if __name__ == "__main__":
    asyncio.run(_all_hostile(int(sys.argv[1])))
