"""Raw requests to a server, and waiting for its effects."""

import asyncio
import time

from mocap.stream.server import Server

FILES = {
    "/": (b"<!doctype html>", "text/html; charset=utf-8"),
    "/assets/index-DiwrgTda.js": (b"1", "text/javascript; charset=utf-8"),
}


def run(coroutine, timeout=120.0):
    return asyncio.run(asyncio.wait_for(coroutine, timeout))


async def until(condition, timeout=60.0):
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "it did not come to be"
        await asyncio.sleep(0.005)


async def raw(port: int, request: str) -> tuple[int, dict[str, str], bytes]:
    """Return status, lower-case headers and body of the answer to a request given as bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request.encode("latin-1"))
    answer = await asyncio.wait_for(reader.read(), 60)
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    return (
        int(status.split()[1]),
        {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)},
        body,
    )


async def get(
    server: Server, path: str, *headers: str, method: str = "GET", host: str | None = None
) -> tuple[int, dict[str, str], bytes]:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host or f'127.0.0.1:{server.port}'}", *headers]
    return await raw(server.port, "\r\n".join(lines) + "\r\n\r\n")
