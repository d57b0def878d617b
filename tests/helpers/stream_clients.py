"""Viewers without a screen that behave in several ways, for tests and benchmarks."""

import asyncio
import base64
import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from mocap.core.keypoints import Keypoints
from mocap.stream import protocol
from tests.helpers.places import ROOT, TESTS

T = TypeVar("T")


def played(scene: Coroutine[Any, Any, T], timeout: float = 120.0) -> T:
    """Return the result of a scene, run in an event loop of its own thread.

    Playwright keeps an event loop running in the thread of the tests.
    """
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(asyncio.wait_for(scene, timeout))).result()


def viewer(port: int, **options) -> connect:
    """Open the stream as the viewer does."""
    options = {
        "subprotocols": ["mocap.v1"],
        "compression": None,
        "proxy": None,
        "open_timeout": 5,
    } | options
    return connect(f"ws://127.0.0.1:{port}/stream", **options)


def ack(frame: int) -> str:
    return f'{{"type":"ack","frame":{frame}}}'


async def next_frame(connection: ClientConnection, timeout: float = 30.0) -> protocol.FrameHeader:
    """Return the stamp of the next whole frame: that of its pose, which comes last."""
    end = time.monotonic() + timeout
    while True:
        message = await asyncio.wait_for(connection.recv(), end - time.monotonic())
        if isinstance(message, bytes):
            kind, stamp = protocol.decode_header(message)
            if kind == protocol.POSE:
                return stamp


async def fast(port: int, seconds: float) -> list[float]:
    """Draw every frame at once; return the ages of the frames on arrival, seconds."""
    ages, end = [], time.monotonic() + seconds
    async with viewer(port) as connection:
        while time.monotonic() < end:
            stamp = await next_frame(connection)
            ages.append(time.monotonic() - stamp.clock)
            await connection.send(ack(stamp.frame))
    return ages


async def slow(port: int, seconds: float, fps: float) -> list[float]:
    """Draw the newest frame `fps` times a second; return the ages when drawn, seconds.

    Delays of this machine in waking the viewer are subtracted.
    """
    ages: list[float] = []
    came: asyncio.Queue[protocol.FrameHeader] = asyncio.Queue()

    async def receive(connection: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                came.put_nowait(await next_frame(connection, seconds + 5))

    async with viewer(port, max_queue=None) as connection:
        receiving = asyncio.ensure_future(receive(connection))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            due = time.monotonic() + 1 / fps
            await asyncio.sleep(1 / fps)
            late = time.monotonic() - due
            stamp = await came.get()
            while not came.empty():
                stamp = came.get_nowait()
            ages.append(time.monotonic() - stamp.clock - late)
            await connection.send(ack(stamp.frame))
        receiving.cancel()
    return ages


class Dead:
    """A viewer that opens the stream and never reads a byte."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect(("127.0.0.1", port))
        key = base64.b64encode(bytes(16)).decode()
        self.socket.sendall(
            f"GET /stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: "
            f"Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mocap.v1\r\n\r\n".encode()
        )

    def acknowledge(self) -> None:
        text = ack(2**32 - 1).encode()
        self.socket.sendall(bytes([0x81, 0x80 | len(text)]) + bytes(4) + text)  # masked with zeros


@contextlib.contextmanager
def dead_clients(port: int, count: int) -> Iterator[list[Dead]]:
    clients = [Dead(port) for _ in range(count)]
    try:
        yield clients
    finally:
        for client in clients:
            client.socket.close()


async def in_order(port: int, seconds: float, fps: float) -> list[float]:
    """Draw each frame for 1/fps, one after the other; return the ages when drawn, seconds."""
    ages, end = [], time.monotonic() + seconds
    async with viewer(port, max_queue=1) as connection:
        while time.monotonic() < end:
            stamp = await next_frame(connection)
            await asyncio.sleep(1 / fps)
            ages.append(time.monotonic() - stamp.clock)
            await connection.send(ack(stamp.frame))
    return ages


@contextlib.contextmanager
def greedy(clients: list[Dead]) -> Iterator[None]:
    """Acknowledge a hundred times a second."""
    ended = threading.Event()

    def acknowledge() -> None:
        while not ended.wait(0.01):
            for client in clients:
                client.acknowledge()

    thread = threading.Thread(target=acknowledge)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


class Host:
    """tests/helpers/stream_host.py in a separate process."""

    def __init__(
        self, way: str = "server", port: int = 0, fps: float = 60.0, picture_bytes: int = 30_000
    ) -> None:
        arguments = [
            sys.executable,
            str(TESTS / "helpers" / "stream_host.py"),
            str(port),
            str(fps),
            str(picture_bytes),
            way,
        ]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.port = int(self.process.stdout.readline())

    def memory(self) -> tuple[int, int]:
        """Return (resident kB, frames published)."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        resident, frames = self.process.stdout.readline().split()
        return int(resident), int(frames)

    def __enter__(self) -> "Host":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        try:
            self.process.wait(5)
        finally:
            self.process.kill()
            self.process.stdout.close()


def camera_message(keypoints: Keypoints, i: int, frame: int = 0) -> protocol.KeypointsMessage:
    """Return frame i of keypoints, as a page's camera sends it."""
    stamp = protocol.FrameHeader(frame, float(keypoints.times[i]), 0.0)
    return protocol.KeypointsMessage(
        stamp,
        keypoints.image[i] / keypoints.camera.size,
        keypoints.positions[i],
        keypoints.confidence[i],
    )
