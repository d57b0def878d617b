"""The access policy over real sockets: other origins, other host names, and tokens."""

import pytest
from websockets.exceptions import InvalidStatus

from mocap.stream.server import Server
from tests.helpers.server_requests import FILES, get, raw, run
from tests.helpers.stream_clients import (
    viewer,
)
from tests.helpers.stream_host import HELLO


@pytest.mark.parametrize("subprotocols", [None, ["mocap.v2"], ["chat", "mocap"]])
def test_another_subprotocol_or_none_is_refused(subprotocols):
    async def body():
        async with Server(HELLO, FILES, port=0) as server:
            with pytest.raises(InvalidStatus) as refused:
                await viewer(server.port, subprotocols=subprotocols)
            assert refused.value.response.status_code == 400

    run(body())


def test_only_pages_of_this_server_open_the_stream():
    async def body():
        async with Server(HELLO, FILES, port=0) as server:
            own = f"http://127.0.0.1:{server.port}"
            async with viewer(server.port, origin=own) as connection:
                await connection.recv()
            others = (
                "http://evil.example",
                "null",
                f"https://127.0.0.1:{server.port}",
                f"http://127.0.0.1:{server.port + 1}",
                own + ".evil.example",
            )
            for origin in (*others, f"http://localhost:{server.port}"):
                with pytest.raises(InvalidStatus) as refused:
                    await viewer(server.port, origin=origin)
                assert refused.value.response.status_code == 403, origin
            assert (await get(server, "/", "Origin: http://evil.example"))[0] == 403
            assert (await get(server, "/", f"Origin: {own}", "Origin: http://evil.example"))[
                0
            ] == 403

    run(body())


def test_only_known_host_names_are_answered():
    async def body():
        async with Server(HELLO, FILES, port=0) as server:
            for name in ("127.0.0.1", "localhost", "LocalHost", "[::1]"):
                assert (await get(server, "/", host=f"{name}:{server.port}"))[0] == 200
            for host in (
                "evil.example",
                f"evil.example:{server.port}",
                f"127.0.0.1.evil.example:{server.port}",
                "127.0.0.1",
                "localhost:1",
            ):
                assert (await get(server, "/", host=host))[0] == 403, host
            assert (await raw(server.port, "GET / HTTP/1.1\r\n\r\n"))[0] == 400
            assert (await get(server, "/", f"Host: 127.0.0.1:{server.port}"))[0] == 400
            assert (await get(server, "/", host="a;b"))[0] == 400

    run(body())


def test_a_token_is_needed_beyond_loopback():
    async def body():
        # A server that listens on an address that is not loopback's by name; what is tried here is
        # still reached over loopback.
        async with Server(HELLO, FILES, host="0.0.0.0", port=0) as server:
            assert server.token
            assert len(server.token) >= 20
            assert server.url == f"http://localhost:{server.port}/?token={server.token}"
            assert (await get(server, "/"))[0] == 403
            assert (await get(server, "/?token=wrong"))[0] == 403
            assert (await get(server, "/?token="))[0] == 403
            status, headers, _ = await get(server, f"/?token={server.token}")
            assert status == 200
            cookie = headers["set-cookie"].partition(";")[0]
            assert "HttpOnly" in headers["set-cookie"]
            assert "SameSite=Strict" in headers["set-cookie"]
            assert (await get(server, "/assets/index-DiwrgTda.js"))[0] == 403
            assert (await get(server, "/assets/index-DiwrgTda.js", f"Cookie: a=b; {cookie}"))[
                0
            ] == 200
            assert (await get(server, "/assets/index-DiwrgTda.js", f"Cookie: {cookie}x"))[0] == 403
            with pytest.raises(InvalidStatus):
                await viewer(server.port)
            async with viewer(server.port, additional_headers={"Cookie": cookie}) as connection:
                await connection.recv()

    run(body())


def test_a_given_token_is_required_on_loopback():
    async def body():
        async with Server(HELLO, FILES, port=0, token="schlüssel; &") as server:
            assert (await get(server, "/"))[0] == 403
            status, headers, _ = await get(server, server.url.partition(str(server.port))[2])
            assert status == 200
            assert (await get(server, "/", f"Cookie: {headers['set-cookie'].partition(';')[0]}"))[
                0
            ] == 200
        async with Server(HELLO, FILES, port=0) as server:
            assert server.token is None
            assert server.url == f"http://127.0.0.1:{server.port}/"
            assert "set-cookie" not in (await get(server, "/"))[1]

    run(body())
