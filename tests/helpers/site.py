"""The built page on its own host below a subpath, with a log of requests."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from tests.helpers.places import ROOT

FOLDER = ROOT / "build" / "site"
"""Where `make site` builds."""

_PREFIX = "/some/where/"
_TYPES = {".mjs": "text/javascript", ".js": "text/javascript", ".wasm": "application/wasm"}


@dataclass
class Host:
    """A static host.

    Attributes:
        address: Of the page.
        asked: Method and path of each request.
    """

    address: str
    asked: list[str] = field(default_factory=list)


@contextmanager
def hosted(folder: Path = FOLDER) -> Iterator[Host]:
    """Serve the site below a subpath until the block ends."""
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        extensions_map: ClassVar = {**http.server.SimpleHTTPRequestHandler.extensions_map, **_TYPES}

        def translate_path(self, path: str) -> str:
            plain = path.split("?")[0]
            if not plain.startswith(_PREFIX):
                return str(folder / "nothing")
            return str(folder / (plain.removeprefix(_PREFIX) or "index.html"))

        def log_message(self, *arguments: object) -> None:
            asked.append(self.requestline)

        do_POST = do_PUT = http.server.SimpleHTTPRequestHandler.do_HEAD  # noqa: N815

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    host = Host(f"http://127.0.0.1:{server.server_port}{_PREFIX}", asked)
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
