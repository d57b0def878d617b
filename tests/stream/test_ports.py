"""Ports: taken ones, and servers that end and come back."""

import asyncio
import contextlib
import socket
import time

import pytest
from websockets.exceptions import ConnectionClosed

from mocap.errors import DeviceError
from mocap.stream import protocol
from mocap.stream.server import Server
from tests.helpers.server_requests import FILES, get, run, until
from tests.helpers.stream_clients import (
    Host,
    dead_clients,
    next_frame,
    viewer,
)
from tests.helpers.stream_host import HELLO, frame


def test_a_taken_port_is_skipped_and_reported():
    async def body():
        async with Server(HELLO, FILES, port=0) as first:
            assert first.notice is None
            async with Server(HELLO, FILES, port=first.port) as second:
                assert first.port < second.port < first.port + 20
                assert second.notice == f"Port {first.port} is taken; using {second.port} instead."
                assert (await get(second, "/"))[0] == 200

    run(body())


def test_no_free_port_is_reported():
    async def body():
        with contextlib.ExitStack() as stack:
            taken = [stack.enter_context(socket.socket()) for _ in range(2)]
            for number, one in enumerate(taken):
                one.bind(("127.0.0.1", 65534 + number))
                one.listen()
            with pytest.raises(DeviceError, match="all ports from 65534 to 65535 are taken"):
                await Server(HELLO, FILES, port=65534).__aenter__()
        with pytest.raises(DeviceError, match=r"cannot listen at 127\.0\.0\.1\.invalid"):
            await Server(HELLO, FILES, host="127.0.0.1.invalid", port=0).__aenter__()

    run(body())


@pytest.mark.flaky(reruns=2)  # wall clock
def test_a_server_with_fifty_dead_clients_stops_quickly_and_frees_its_port():
    async def body():
        server = Server(HELLO, FILES, port=0)
        with contextlib.ExitStack() as stack:
            async with server, viewer(server.port) as alive:
                dead = stack.enter_context(dead_clients(server.port, 50))
                silent = [
                    stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
                    for _ in range(3)
                ]
                await until(lambda: server.watching == 51)
                for number in range(40):  # until their sockets are full
                    server.publish(frame(number, 200_000))
                    for client in dead[:25]:
                        client.acknowledge()
                    await asyncio.sleep(0.005)
                before = time.monotonic()
            took = time.monotonic() - before
            # `alive` closed first, by leaving its `async with`; the next one is closed by the
            # server.
            assert took < 1.0, (
                f"{took:.2f} s beside {len(dead)} dead clients and {len(silent)} that never spoke"
            )
            assert server.watching == 0
            again = Server(HELLO, FILES, port=server.port)
            await again.__aenter__()
            assert again.port == server.port
            assert again.notice is None
            async with viewer(again.port) as alive:
                await alive.recv()
                await again.__aexit__(None, None, None)
                with pytest.raises(ConnectionClosed) as closed:
                    await alive.recv()
                assert closed.value.rcvd.code == 1001

    run(body())


def test_a_killed_server_gets_its_port_back_and_restarts_frame_numbers():
    async def body():
        with Host() as first:
            async with viewer(first.port) as connection:
                await next_frame(connection)
                first.process.kill()
                first.process.wait()
                with Host(port=first.port) as second:
                    assert second.port == first.port
                    async with viewer(second.port) as again:
                        assert protocol.decode_server_text(await again.recv()) == HELLO
                        assert (await next_frame(again)).frame < 600

    run(body())
