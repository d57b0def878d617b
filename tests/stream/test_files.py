"""Files over HTTP: types, headers, methods, and paths outside the table."""

import asyncio
import contextlib
import re
from pathlib import Path

import pytest
import websockets

from mocap.errors import ModelError
from mocap.stream.files import files_for
from mocap.stream.server import Server
from tests.helpers.server_requests import FILES, get, raw, run
from tests.helpers.stream_host import HELLO


def test_files_have_their_types_and_headers(tmp_path: Path):
    async def body():
        large = tmp_path / "large.vrm"
        large.write_bytes(bytes(range(256)) * 40_000)
        files = FILES | {"/rigs/größe 1.vrm": (large, "model/gltf-binary")}
        async with Server(HELLO, files, port=0) as server:
            status, headers, content = await get(server, "/?theme=dark")
            assert (status, content) == (200, b"<!doctype html>")
            assert headers["content-type"] == "text/html; charset=utf-8"
            assert headers["cache-control"] == "no-cache"
            assert headers["x-content-type-options"] == "nosniff"
            assert "access-control-allow-origin" not in headers
            policy = headers["content-security-policy"]
            assert "default-src 'self'" in policy
            assert f"ws://127.0.0.1:{server.port}" in policy
            assert "'unsafe-eval'" not in policy
            _, headers, _ = await get(server, "/assets/index-DiwrgTda.js")
            assert "immutable" in headers["cache-control"]
            assert headers["content-type"].startswith("text/javascript")
            status, headers, content = await get(server, "/rigs/gr%C3%B6%C3%9Fe%201.vrm")
            assert (status, headers["content-type"]) == (200, "model/gltf-binary")
            assert content == large.read_bytes()
            large.unlink()
            assert (await get(server, "/rigs/gr%C3%B6%C3%9Fe%201.vrm"))[0] == 404

    run(body())


@pytest.mark.skipif(
    int(websockets.__version__.split(".")[0]) < 17,
    reason="websockets before 17 hangs up on all but GET",
)
def test_only_get_and_head_are_answered():
    async def body():
        async with Server(HELLO, FILES, port=0) as server:
            status, headers, content = await get(server, "/", method="HEAD")
            assert (status, content, headers["content-length"]) == (200, b"", "15")
            for method in ("POST", "PUT", "DELETE", "OPTIONS"):
                assert (await get(server, "/", method=method))[0] == 405
                assert (await get(server, "/stream", method=method))[0] == 405

    run(body())


def test_a_slow_reader_gets_the_whole_of_a_large_file():
    async def body():
        async with Server(
            HELLO, {"/big": (bytes(8_000_000), "application/octet-stream")}, port=0
        ) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=4096)
            writer.write(f"GET /big HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
            await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(1.0)  # longer than a closing viewer is given
            total = 0
            while part := await reader.read(65536):
                total += len(part)
            writer.close()
            assert total == 8_000_000

    run(body())


def test_files_outside_the_table_are_not_found():
    async def body():
        async with Server(HELLO, FILES, port=0) as server:
            wrong = (
                "/none", "/index.html", "//", "/../../etc/passwd", "/..%2f..%2fetc%2fpasswd",
                "/%2e%2e/%2e%2e/etc/passwd",
                "/assets/../../x",                "/etc/passwd", "file:///etc/passwd", "*", "/%00",
                "/%ff",
                "\\..\\x", "/assets/", "/stream/", "/a" * 2000, "/" + "%" * 50,
            )  # fmt: skip
            for path in wrong:
                status, headers, content = await get(server, path)
                assert (status, content) == (404, b"There is no such file.\n"), path
                assert headers["x-content-type-options"] == "nosniff"
            assert (await get(server, "/stream"))[0] == 426
            for nonsense in (
                "\r\n\r\n",
                "GET\r\n\r\n",
                "\x16\x03\x01\x02\r\n\r\n",
                "GET / HTTP/9\r\n\r\n",
                "GET / HTTP/1.1\r\n" + "a: b\r\n" * 5000,
            ):
                with contextlib.suppress(IndexError, ConnectionError):
                    assert (await raw(server.port, nonsense + "\r\n\r\n"))[0] >= 400
            assert (await get(server, "/"))[0] == 200

    run(body())


def test_the_table_contains_viewer_and_rigs(tmp_path: Path):
    for name in (
        "viewer/index.html",
        "viewer/assets/index-DiwrgTda.js",
        "rigs/mannequin.vrm",
        "models/secret.tflite",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    files = files_for(tmp_path)
    assert set(files) == {"/", "/index.html", "/assets/index-DiwrgTda.js", "/rigs/mannequin.vrm"}
    assert files["/"] == (b"viewer/index.html", "text/html; charset=utf-8")
    assert files["/rigs/mannequin.vrm"] == (b"rigs/mannequin.vrm", "model/gltf-binary")
    with pytest.raises(ModelError, match=re.escape("viewer/index.html")):
        files_for(tmp_path / "models")
