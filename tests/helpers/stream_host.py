"""A streaming process, whose memory can be measured apart from its clients'.

python tests/helpers/stream_host.py PORT FPS PICTURE_BYTES {server,broadcast}

It prints its port, then publishes frames of a picture, 33 keypoints and a pose of 55 joints. It
answers each line on standard input with its resident memory in kB and the number of frames, and
ends with its standard input. `broadcast` is the baseline: the same frames through
`websockets.broadcast`, without acknowledgements or dropping.
"""

import asyncio
import contextlib
import sys
import time
from pathlib import Path

import numpy as np
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

from mocap.core.skeleton import HUMANOID
from mocap.stream import protocol
from mocap.stream.server import Server

REST = np.tile([0.0, 0.0, 0.0, 1.0], (55, 1))
HELLO = protocol.hello(
    HUMANOID, ("happy",), "rigs/mannequin.vrm", protocol.SourceInfo("video", "test", 640, 360)
)


def frame(number: int, picture_bytes: int, clock: float | None = None) -> list[bytes]:
    """Return the messages of one frame; its clock is now if not given."""
    stamp = protocol.FrameHeader(number, number / 60, time.monotonic() if clock is None else clock)
    picture = (
        [
            protocol.encode(
                protocol.PictureMessage(stamp, b"\xff\xd8\xff" + bytes(picture_bytes - 3))
            )
        ]
        if picture_bytes
        else []
    )
    points = protocol.KeypointsMessage(stamp, np.zeros((33, 2)), np.zeros((33, 3)), np.zeros(33))
    return [
        *picture,
        protocol.encode(points),
        protocol.encode(protocol.PoseMessage(stamp, np.zeros(3), REST, np.zeros(1))),
    ]


def resident_kb() -> int:
    return int(
        next(
            line
            for line in Path("/proc/self/status").read_text().splitlines()
            if line.startswith("VmRSS")
        ).split()[1]
    )


async def questions(frames: list[int]) -> None:
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(resident_kb(), frames[0], flush=True)


async def ticks(fps: float, frames: list[int], publish) -> None:
    start = time.monotonic()
    while True:
        frames[0] += 1
        publish(frames[0])
        await asyncio.sleep(max(0.0, start + frames[0] / fps - time.monotonic()))


async def main(port: int, fps: float, picture_bytes: int, way: str) -> None:
    frames = [0]
    if way == "server":
        async with Server(HELLO, {}, port=port) as server:
            print(server.port, flush=True)
            ticking = asyncio.ensure_future(
                ticks(fps, frames, lambda n: server.publish(frame(n, picture_bytes)))
            )
            await questions(frames)
            ticking.cancel()
        return

    async def handler(connection: ServerConnection) -> None:
        await connection.send(protocol.encode_text(HELLO))
        with contextlib.suppress(ConnectionClosed):
            async for _ in connection:
                pass

    async with serve(
        handler,
        "127.0.0.1",
        port,
        compression=None,
        subprotocols=[protocol.SUBPROTOCOL],
        close_timeout=0.1,
    ) as other:
        print(other.sockets[0].getsockname()[1], flush=True)

        def publish(number: int) -> None:
            for message in frame(number, picture_bytes):
                broadcast(other.connections, message)

        ticking = asyncio.ensure_future(ticks(fps, frames, publish))
        await questions(frames)
        ticking.cancel()
        for connection in list(other.connections):
            connection.transport.abort()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
