"""Responses to requests for the page's files, without sockets.

Files come from a table that is made at the start; no path is built from a request.
"""

from __future__ import annotations

import http
import re
from pathlib import Path
from urllib.parse import unquote

from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from mocap.errors import ModelError
from mocap.stream.content import Files, content_type

STREAM_PATH = "/stream"

# Vite puts a hash of the content into these names, so they can be cached forever.
_HASHED = re.compile(r"/assets/.+-[\w-]{8}\.\w+")


def files_for(assets: Path) -> Files:
    """Return the table of the packaged assets: viewer/ at the root, rigs/ under /rigs/.

    index.html is also at /. Files are read now, so that they do not change under a running page.

    Raises:
        ModelError: The viewer is missing.
    """
    viewer = assets / "viewer"
    if not (viewer / "index.html").is_file():
        raise ModelError(
            f"The viewer is missing: there is no {viewer / 'index.html'}. Build it with `make`, or "
            "install the package again."
        )
    files: Files = {}
    for folder, prefix in ((viewer, "/"), (assets / "rigs", "/rigs/")):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                files[prefix + path.relative_to(folder).as_posix()] = (
                    path.read_bytes(),
                    content_type(path.name),
                )
    files["/"] = files["/index.html"]
    return files


def path_of(request: Request) -> str:
    """Return the request's path, unquoted, without its query."""
    return unquote(request.path.partition("?")[0].partition("#")[0])


def respond(request: Request, files: Files, secure: bool = False) -> Response:
    """Answer a request for a file.

    Args:
        request: The request.
        files: The table; a Path in it is read now.
        secure: Whether the request came over TLS.
    """
    # websockets before 17 (the last for Python 3.10) refuses all methods but GET by itself, and its
    # requests have no `method`.
    method = getattr(request, "method", "GET")
    if method not in ("GET", "HEAD"):
        response = text(http.HTTPStatus.METHOD_NOT_ALLOWED, "Only GET and HEAD are answered.")
        response.headers["Allow"] = "GET, HEAD"
        return response
    path = path_of(request)
    if path not in files:
        return text(http.HTTPStatus.NOT_FOUND, "There is no such file.")
    content, kind = files[path]
    try:
        body = content if isinstance(content, bytes) else content.read_bytes()
    except OSError:
        return text(http.HTTPStatus.NOT_FOUND, "This file is no longer there.")
    response = _response(http.HTTPStatus.OK, body, kind)
    response.headers["Cache-Control"] = (
        "public, max-age=31536000, immutable" if _HASHED.fullmatch(path) else "no-cache"
    )
    if kind.startswith("text/html"):
        response.headers["Content-Security-Policy"] = _policy(
            f"{'wss' if secure else 'ws'}://{request.headers['Host']}"
        )
    if method == "HEAD":
        response.body = b""
    return response


def text(status: http.HTTPStatus, sentence: str) -> Response:
    """Return a response of one sentence as plain text."""
    return _response(status, f"{sentence}\n".encode(), "text/plain; charset=utf-8")


def _response(status: http.HTTPStatus, body: bytes, kind: str) -> Response:
    headers = Headers()
    headers["Content-Type"] = kind
    headers["Content-Length"] = str(len(body))
    headers["Connection"] = "close"
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Referrer-Policy"] = "no-referrer"  # the address may contain the token
    return Response(status.value, status.phrase, headers, body)


def _policy(sockets: str) -> str:
    # three.js fetches the textures inside a GLB by blob: URLs. The decoders of meshopt and Draco
    # are WebAssembly; Draco's runs in a worker from a blob: URL. In Safari before 15.4, 'self' does
    # not include WebSockets.
    policy = (
        "default-src 'self'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "worker-src 'self' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' blob: data:",
        "media-src blob:",
        f"connect-src 'self' blob: data: {sockets}",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    return "; ".join(policy)
