"""Floods of connections: a good client is served, and the log stays short."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocap.stream import gate as gate_module
from mocap.stream.gate import Gate, Limits
from mocap.stream.server import Server
from tests.helpers.stream_clients import played, viewer
from tests.helpers.stream_host import HELLO

SMALL = Limits(total=12, half_open=5, address=4, address_half_open=2)
steps = st.lists(
    st.tuples(
        st.sampled_from(["enter", "requested", "opened", "left"]),
        st.integers(0, 30),
        st.sampled_from(["127.0.0.1", "::1", "192.0.2.1", "192.0.2.2", "fe80::1%eth0"]),
    ),
    max_size=80,
)


@given(steps)
def test_limits_hold_in_any_order_of_events_and_open_connections_stay(events) -> None:
    gate = Gate(SMALL)
    stages: dict[int, tuple[str, str]] = {}
    for second, (event, key, address) in enumerate(events):
        if event == "enter" and key not in stages:
            closed = gate.enter(key, address, float(second))
            assert len(set(closed)) == len(closed)
            stages[key] = "half-open", address
            for other in closed:
                assert stages.pop(other)[0] != "open"
        elif event == "left":
            gate.left(key)
            stages.pop(key, None)
        elif event == "requested" and stages.get(key, ("",))[0] == "half-open":
            gate.requested(key)
            stages[key] = "answering", stages[key][1]
        elif event == "opened" and stages.get(key, ("",))[0] == "answering":
            gate.opened(key)
            stages[key] = "open", stages[key][1]
        assert len(gate) == len(stages) <= SMALL.total
        waiting = [k for k, (stage, _) in stages.items() if stage == "half-open"]
        assert sorted(waiting) == sorted(k for k in range(31) if gate.is_half_open(k))
        assert len(waiting) <= SMALL.half_open
        for outside in ("192.0.2.1", "192.0.2.2", "fe80::1%eth0"):
            mine = [stage for stage, a in stages.values() if a == outside]
            assert len(mine) <= SMALL.address
            assert mine.count("half-open") <= SMALL.address_half_open


def test_the_oldest_silent_connection_makes_room() -> None:
    gate = Gate(SMALL)
    for key in range(5):
        assert gate.enter(key, "127.0.0.1", 0.0) == []
    gate.requested(0)
    assert gate.enter(5, "127.0.0.1", 1.0) == []
    assert gate.enter(6, "127.0.0.1", 1.0) == [1]
    assert gate.enter("outside", "192.0.2.1", 1.0) == [2]


def test_new_connections_are_not_closed_for_silence() -> None:
    gate = Gate(SMALL)
    for key in range(SMALL.total):
        assert gate.enter(key, "127.0.0.1", 0.1) == []
    assert gate.enter("one more", "127.0.0.1", 0.2) == [0]


def test_a_new_connection_is_refused_when_all_are_open() -> None:
    gate = Gate(SMALL)
    for key in range(SMALL.total):
        gate.enter(key, "127.0.0.1", float(key))
        gate.requested(key)
        gate.opened(key)
    assert gate.enter("new", "127.0.0.1", 99.0) == ["new"]
    assert len(gate) == SMALL.total


@pytest.mark.parametrize(
    ("soft", "total"), [(256, 96), (1024, 320), (100, 16), (-1, gate_module._MOST)]
)
def test_the_limit_leaves_file_descriptors_for_other_uses(monkeypatch, soft, total) -> None:
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (soft, soft))
    assert gate_module.limits().total == total


async def page(port: int) -> float:
    """Return the seconds until a request for a file is answered."""
    begun = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /x HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    assert (await reader.read(20)).startswith(b"HTTP/1.1 404")
    writer.close()
    return time.monotonic() - begun


@pytest.mark.flaky(reruns=3, reruns_delay=2)  # a wall-clock bound on a shared machine
def test_a_good_client_is_served_beside_hundreds_of_silent_sockets(caplog) -> None:
    """320 half-open sockets beside a good client that sends ten requests a second."""

    async def scene() -> list[float]:
        async with Server(HELLO, {}, port=0) as server:
            silent = [socket.socket() for _ in range(320)]
            for s in silent:
                s.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    s.connect(("127.0.0.1", server.port))
            waited = []
            for _ in range(5):
                waited.append(await page(server.port))
                await asyncio.sleep(0.1)
            async with viewer(server.port) as connection:
                await asyncio.wait_for(connection.recv(), 2.0)
            for s in silent:
                s.close()
            return waited

    waited = played(scene())
    assert max(waited) < 2.0, waited
    assert len([r for r in caplog.records if "Too many connections" in r.getMessage()]) <= 1
    assert not [r for r in caplog.records if r.exc_info]


def test_a_lack_of_file_descriptors_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    passed_on: list[object] = []

    async def scene() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: passed_on.append(context["message"]))
        async with Server(HELLO, {}, port=0):
            for _ in range(200):
                loop.call_exception_handler(
                    {"message": "socket.accept() out of system resource", "exception": OSError(24)}
                )
            loop.call_exception_handler({"message": "another"})
        loop.call_exception_handler({"message": "socket.accept() after the end"})

    played(scene())
    assert passed_on == ["another", "socket.accept() after the end"]
    assert [r.name for r in caplog.records].count("mocap.live") <= 1


def test_a_connection_that_sends_no_request_is_closed_after_a_while(monkeypatch) -> None:
    monkeypatch.setattr("mocap.stream.gate.HALF_OPEN_TIMEOUT", 0.3)

    async def scene() -> None:
        async with Server(HELLO, {}, port=0) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"GET /x HT")
            with contextlib.suppress(ConnectionResetError):
                assert await asyncio.wait_for(reader.read(), 4.0) == b""
            writer.close()
            async with viewer(server.port) as connection:
                await connection.recv()
                await asyncio.sleep(0.5)
                await connection.send('{"type":"ping","client":1}')
                assert "pong" in await asyncio.wait_for(connection.recv(), 30.0)

    played(scene())
